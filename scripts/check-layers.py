#!/usr/bin/env python3
"""Checks two rules of host/: a layer includes only layers below it, and every function of a public
header stands below a comment of its own."""
import pathlib
import re
import sys

LAYERS = "base tree entry verify hash sign store publish cosign engine rpc http acme app".split()
HEADER_LAYER = {
    "status": "base", "bytes": "base", "digest": "base", "runtime": "base", "yaml": "base",
    "tree": "tree", "wire": "entry", "entry": "entry", "proof": "entry", "verify": "verify",
    "hash": "hash", "sign": "sign", "store": "store", "publish": "publish", "engine": "engine",
    "rpc": "rpc",
}
host = pathlib.Path(__file__).resolve().parent.parent / "host"
problems = []


def layer_of(include):
    match = re.fullmatch(r"mtc/(\w+)\.h", include)
    if match:
        return HEADER_LAYER.get(match[1], f"unknown header {include}")
    folder = include.split("/")[0]
    return folder if "/" in include and folder in LAYERS else None


def check_includes(path, layer):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = re.match(r'#include "([^"]+)"', line)
        target = layer_of(match[1]) if match else None
        if target is None:
            continue
        if target not in LAYERS:
            problems.append(f"{path}:{number}: {target}: name its layer in scripts/check-layers.py")
        elif LAYERS.index(target) > LAYERS.index(layer):
            problems.append(f"{path}:{number}: {layer} must not include {match[1]} ({target})")


def check_docstrings(path):
    lines = path.read_text().splitlines()
    start = re.compile(r"[a-z][\w ]*[ *]mtc_\w+\(")
    for number, line in enumerate(lines):
        if start.match(line) and (number == 0 or not lines[number - 1].rstrip().endswith("*/")):
            # Functions of one family may share the comment that names them all.
            name = re.search(r"(mtc_\w+)\(", line)[1]
            block = "\n".join(lines[max(0, number - 12):number])
            if name not in block:
                problems.append(f"{path}:{number + 1}: {name} has no docstring")


for source in sorted(host.rglob("*.[ch]")):
    folder = source.relative_to(host).parts[0]
    if folder == "include":
        check_includes(source, HEADER_LAYER.get(source.stem, "app"))
        check_docstrings(source)
    else:
        check_includes(source, folder)
print("\n".join(problems) if problems else "layers and docstrings: in order")
sys.exit(1 if problems else 0)
