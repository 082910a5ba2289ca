#!/usr/bin/env python3
"""floorplan.py NETLIST.json [STAGES] | floorplan.py --routing PLACED.json: a lane on an LFE5U-85F, before nextpnr
places it and before it routes it. STAGES is for one with the pipeline, which fills the device.

Yosys makes of a memory of 512 bits some 15 block memories side by side, one for each 36 bits, and they are
on four rows of the device alone. nextpnr's placer strews them over all rows: each bit then crosses half of
the device, in and out. Here each memory lies in one piece, those that pass words on to each other below each
other, and within all of them the same word of a block or a hash at the same place. The netlist gets attributes
that nextpnr obeys; the rest it places by itself, and the engine falls into place around them.

With the pipeline the placer fills each tile that it uses, and then there are not enough wires in the midst of the
device, where those from everywhere else pass too. So some tiles are kept empty there: cells without use stand in
them while nextpnr places, and are taken away before it routes.
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

# By registers a round, for each 6 by 6 tiles: every how many rows one of tiles is empty. Where more wires were
# wanted twice than elsewhere (nextpnr 0.11 draws such a map: --router2-heatmap). With one register a round fewer
# tiles are used, and more can be empty.
EMPTY = {
    "1": """
000000000000000000000
000000000000000000000
000000000000000000000
000003333333333300033
000033322222223330032
003332222222222233332
003322222222222223332
003322222222222223332
003322222222222223332
003322222222222223333
000332222222222233033
000033332222233330000
000000033333330000000
000000000000000000000
000000000000000000000
000000000000000000000
""",
    "2": """
000000000333000000000
000000003333300000000
000000033300000000000
000000033300000000000
000000303300333000000
000003300000333300000
000003330333322220000
000003333333222223000
000033333333222223000
000003333333322230000
000000333333022200000
000033333000022222000
000033333000330022000
000000000000000000000
000000000000000000000
000000000000000000000
""",
}
MEMORY_ROWS = range(10, 90, 12)  # of the tiles without logic: block memories and multipliers
USELESS = "useless_"  # what the names of cells without use begin with

# Of router2, for which nextpnr has no options: how many tiles out of its own rectangle a wire may go (3), by how
# much a wire that is wanted twice gets dearer in each round (2), and how much the estimate of what is still to go
# counts (1.25). With what is in brackets it came no further than 5,000 wires that are wanted twice. It is asked for
# more than the 120 MHz that are wanted: by its own delays no path is slower when it ends, by those of the report one
# may be (once at 119.8 MHz).
SETTINGS = {"router": "router2", "router2/bbMargin/x": "12", "router2/bbMargin/y": "12",
            "router2/currCongWeightMult": "1.3", "router2/estimateWeight": "1.0",
            "target_freq": "126000000.000000"}


def wishes(cells):
    """For each row of the device the memories that belong there: (column wished for, name)."""
    rows = {}
    for name, cell in cells.items():
        if cell["type"] == "DP16KD":
            part = re.fullmatch(r"(.*?)(?:\.gen_part\[(\d+)\])?(\.\w+)\.\d+\.(\d+)", name)
            if not part:
                sys.exit(f"floorplan.py: {name} is not named like a part of a memory")
            module, bit, memory, number = part.groups()
            memory, number = module + memory, int(number) + int(bit or 0) // 36  # a buffer's parts are one
            places = [place for pattern, parts, *place in PLAN
                      if re.fullmatch(pattern, memory) and number in parts]
            if len(places) != 1:
                sys.exit(f"floorplan.py: {name} has {len(places)} places in the plan")
            row, first, step = places[0]
            rows.setdefault(row, []).append((first + step * number, name))
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


def place_memories(cells):
    for row, memories in wishes(cells).items():
        memories.sort()
        for (_, name), (column, number) in zip(memories, assign([x for x, _ in memories])):
            cells[name]["attributes"]["BEL"] = f"X{column}/Y{row}/EBR{number}"


def fill_tiles(module, empty):
    """Cells without use in each tile that shall stay empty: a register and a LUT in each of its eight places."""
    clock = module["ports"]["clk_i"]["bits"]
    bit = 1 + max(bit for net in module["netnames"].values() for bit in net["bits"] if isinstance(bit, int))
    register = {"CEMUX": "1 ", "CLKMUX": "CLK", "GSR": "DISABLED", "LSRMUX": "LSR", "REGSET": "RESET"}
    kinds = (("TRELLIS_FF", "FF", "Q", register, {"CLK": clock}), ("LUT4", "K", "Z", {"INIT": "0" * 16}, {}))
    for x in range(2, 125):
        for y in range(1, 90):
            every = int(empty[y // 6][x // 6])
            if y in MEMORY_ROWS or not every or y % every:
                continue
            for place in (f"SLICE{s}.{{}}{n}" for s in "ABCD" for n in "01"):
                for kind, bel, output, parameters, inputs in kinds:
                    bel = f"X{x}/Y{y}/{place.format(bel)}"
                    name = USELESS + bel
                    module["cells"][name] = {
                        "hide_name": 0, "type": kind, "parameters": parameters,
                        "attributes": {"BEL": bel, "keep": "1"},
                        "port_directions": dict.fromkeys(inputs, "input") | {output: "output"},
                        "connections": inputs | {output: [bit]}}
                    module["netnames"][name] = {"hide_name": 0, "bits": [bit], "attributes": {}}
                    bit += 1
    useless = sum(name.startswith(USELESS) for name in module["cells"]) // 2
    print(f"{useless} logic cells and flip-flops are without use until the lane is routed: they keep tiles empty")


def main():
    routing, stages = False, None
    match sys.argv[1:]:
        case ["--routing", path]:
            routing = True
        case [path] if not path.startswith("-"):
            pass
        case [path, stages] if stages in EMPTY:
            pass
        case _:
            sys.exit(__doc__)
    with open(path, encoding="utf-8") as file:
        netlist = json.load(file)
    if routing:
        module = netlist["modules"]["top"]
        for part in ("cells", "netnames"):
            module[part] = {name: what for name, what in module[part].items() if not name.startswith(USELESS)}
        module["settings"].update(SETTINGS)
    else:
        module = next(module for module in netlist["modules"].values() if "top" in module["attributes"])
        place_memories(module["cells"])
        if stages:
            fill_tiles(module, EMPTY[stages].split())
    with open(path, "w", encoding="utf-8") as file:
        json.dump(netlist, file)


main()
