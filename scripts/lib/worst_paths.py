#!/usr/bin/env python3
"""worst_paths.py FILE.sdf [COUNT]: the worst paths of a design that nextpnr has placed or routed.

nextpnr reports its critical path after routing only; the delays it writes (--sdf) are there after placement,
too. Paths that differ in the numbers of bits and cells alone are shown once, with how many they are, by the
worst of them: delay, levels of logic, share of wires, the widest net's loads, from where to where.
"""
import collections
import re
import sys

CLOCKS = {"CLK", "CLKA", "CLKB", "WCK"}


def picoseconds(text):
    """The largest of the delays of an SDF line, each (MIN:TYPICAL:MAX)."""
    return max(float(value) for value in re.findall(r":(-?[\d.]+)\)", text))


def read(path):
    """Cells' arcs by output, setup times by input, and each input's driver and delay."""
    arcs, setups, drivers = collections.defaultdict(list), {}, {}
    cell = ""
    with open(path, encoding="utf-8") as file:
        for line in file:
            line = line.strip().replace("\\", "")
            if line.startswith("(INSTANCE"):
                cell = line[len("(INSTANCE") : -1].strip()
            elif line.startswith("(IOPATH"):
                _, start, end, delay = line.split(" ", 3)
                arcs[f"{cell}/{end}"].append((None if start in CLOCKS else f"{cell}/{start}", picoseconds(delay)))
            elif line.startswith("(SETUPHOLD"):
                pin = line.split(" ", 3)[2].rstrip(")")
                setup = float(re.findall(r"\(-?[\d.]+:-?[\d.]+:(-?[\d.]+)\)", line)[0])
                pin = f"{cell}/{pin}"
                setups[pin] = max(setup, setups.get(pin, setup))
            elif line.startswith("(INTERCONNECT"):
                _, start, end, delay = line.split(" ", 3)
                drivers[end] = (start, picoseconds(delay))
    return arcs, setups, drivers


def arrivals(arcs, drivers):
    """When each output has settled after the clock, and the input that is to blame (None: a register)."""
    when, blame = {}, {}
    for output in arcs:
        stack = [output]
        while stack:
            pin = stack[-1]
            before = [drivers[start][0] for start, _ in arcs.get(pin, ()) if start in drivers]
            missing = [driver for driver in before if driver not in when]
            if pin not in when and missing and not (set(missing) & set(stack)):
                stack += missing
                continue
            stack.pop()
            when[pin], blame[pin] = float("-inf"), None
            for start, delay in arcs.get(pin, ()):
                time = delay
                if start is not None:
                    driver, wire = drivers.get(start, (None, 0.0))
                    time += when.get(driver, float("-inf")) + wire
                if time > when[pin]:
                    when[pin], blame[pin] = time, start
    return when, blame


def main():
    arcs, setups, drivers = read(sys.argv[1])
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    when, blame = arrivals(arcs, drivers)
    loads = collections.Counter(driver for driver, _ in drivers.values())
    ends = []
    for pin, setup in setups.items():
        if pin in drivers:
            driver, wire = drivers[pin]
            ends.append((when.get(driver, float("-inf")) + wire + setup, pin))
    ends.sort(reverse=True)
    groups = collections.OrderedDict()
    for time, end in ends:
        pins, pin = [], end
        while pin is not None:
            pins.append(pin)
            pin = blame[drivers[pin][0]]
        start = drivers[pins[-1]][0]
        names = tuple(re.sub(r"_(LUT4|CCU2C|PFUMX|L6MUX21|TRELLIS_FF)_.*|\$(COMB|DPRAM|CCU2).*|\d+", "", name)
                      for name in (start, end))
        if names not in groups:
            if len(groups) == count:
                break
            groups[names] = [0, time, pins, start, end]
        groups[names][0] += 1
    for number, time, pins, start, end in groups.values():
        wires = sum(drivers[pin][1] for pin in pins)
        fan = max(loads[drivers[pin][0]] for pin in pins)
        print(f"{time / 1000:6.2f} ns, {len(pins) - 1:2} levels, {100 * wires / time:2.0f}% wires, {fan:4} loads, "
              f"x{number}: {start} -> {end}")


main()
