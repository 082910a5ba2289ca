#!/usr/bin/env python3
"""floorplan.py NETLIST.json: where the block memories of a lane lie on an LFE5U-85F, and how it is routed.

Yosys makes of a memory of 512 bits some 15 block memories side by side, one for each 36 bits, and they are
on four rows of the device alone. nextpnr's placer strews them over all rows: each bit then crosses half of
the device, in and out. Here each memory lies in one piece, those that pass words on to each other below each
other, and within all of them the same word of a block or a hash at the same place. The netlist gets attributes
that nextpnr obeys; the rest it places by itself, and the pipeline falls into place around them.
"""
import json
import re
import sys

# Columns of a row's block memories, and which of the four of its group each is.
COLUMNS = [(first + step, number) for first in (4, 13, 22, 31, 40, 49, 58, 69, 78, 87, 96, 105, 114)
           for number, step in enumerate((0, 2, 4, 6))]

# Memory, which parts of it, row, column of its first part, and how far on each next one is. A part is 36 bits,
# or 18 where the memory has more than 512 words. Blocks lie on the right, hashes on the left. The first bits of
# a beat are the first byte of a block; the first bits of a block and of a hash are their last byte.
ALL = range(99)
PLAN = [
    (r"u_input\.memory", ALL, 82, 66, 4.08),
    (r"u_store\.memory", range(0, 23), 70, 121, -2.04),
    (r"u_store\.memory", range(23, 28), 82, 121, -2.04),  # there is no more room in the row below
    (r"u_store\.memory", range(28, 29), 70, 64, 0),
    (r"u_store\.u_(jobs|free)\.memory", ALL, 70, 63, 0),
    (r"u_children\.memory", ALL, 46, 107, -4.08),
    (r"u_node_jobs\.memory", ALL, 46, 60, 0),
    (r"u_sched\.memory", ALL, 46, 55, 2),
    (r"u_sched\..*u_chain\..*memory", ALL, 46, 70, 6),
    (r"u_(reorder|results)\.memory", range(0, 7), 46, 47, -5.6),
    (r"u_(reorder|results)\.memory", range(7, 9), 46, 10, 0),  # what is not of the hash
    (r"u_reduce\.(waiting|seeds)", ALL, 70, 57, -5),
    (r"u_emit\.buffers", ALL, 82, 24, 2),
    (r"u_emit\.u_frames\.memory", ALL, 82, 10, 2),
]

# Of router2, for which nextpnr has no options: how many tiles out of its own rectangle a wire may go (3), by how
# much a wire that is wanted twice gets dearer in each round (2), and for each round in which it was (1). With what is
# in brackets it came no further than 5,000 wires that are wanted twice.
SETTINGS = {"router2/bbMargin/x": "12", "router2/bbMargin/y": "12", "router2/currCongWeightMult": "1.0",
            "router2/histCongWeight": "2.0"}


def wishes(cells):
    """For each row of the device the memories that belong there: (column wished for, name)."""
    rows = {}
    for name, cell in cells.items():
        if cell["type"] == "DP16KD":
            memory, number = re.fullmatch(r"(.*)\.\d+\.(\d+)", name).groups()
            places = [place for pattern, parts, *place in PLAN
                      if re.fullmatch(pattern, memory) and int(number) in parts]
            if len(places) != 1:
                sys.exit(f"floorplan.py: {name} has {len(places)} places in the plan")
            row, first, step = places[0]
            rows.setdefault(row, []).append((first + step * int(number), name))
    return rows


def assign(wished):
    """For each of the columns wished for, in order, a place in COLUMNS; together as near as can be."""
    far = float("inf")
    best = [[0] * (len(COLUMNS) + 1)] + [[far] * (len(COLUMNS) + 1) for _ in wished]
    for i, x in enumerate(wished, 1):
        for j, (column, _) in enumerate(COLUMNS, 1):
            best[i][j] = min(best[i][j - 1], best[i - 1][j - 1] + abs(x - column))
    if best[-1][-1] == far:
        sys.exit(f"floorplan.py: {len(wished)} memories are wished for in a row of {len(COLUMNS)}")
    chosen, i, j = [], len(wished), len(COLUMNS)
    while i:
        if best[i][j] < best[i][j - 1]:
            chosen.append(COLUMNS[j - 1])
            i -= 1
        j -= 1
    return chosen[::-1]


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as file:
        netlist = json.load(file)
    cells = netlist["modules"]["mtc_lane"]["cells"]
    netlist["modules"]["mtc_lane"]["settings"] = SETTINGS
    for row, memories in wishes(cells).items():
        memories.sort()
        for (_, name), (column, number) in zip(memories, assign([x for x, _ in memories])):
            cells[name]["attributes"]["BEL"] = f"X{column}/Y{row}/EBR{number}"
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        json.dump(netlist, file)


main()
