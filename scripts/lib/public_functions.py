#!/usr/bin/env python3
"""public_functions.py --out FILE HEADER...: writes a linker's version script that exports the functions
these headers declare and nothing else. A module too: what a header declares, and where."""
import pathlib
import re
import sys


def without_comments(text):
    """The text with comments blanked; every line keeps its number."""
    blank = lambda match: re.sub(r"[^\n]", " ", match[0])
    return re.sub(r"/\*.*?\*/|//[^\n]*", blank, text, flags=re.S)


def functions(text):
    """(name, line) of every function declared or defined at the top level; lines count from 0."""
    text = without_comments(text)
    text = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: re.sub(r"[^\n]", " ", m[0]), text, flags=re.M)
    found, depth, start = [], 0, 0
    for end, character in enumerate(text):
        if character not in "{};":
            continue
        if depth == 0 and character != "}":
            statement = text[start:end]
            # `(*` follows the type of a function pointer, which may be named mtc_ too.
            match = re.search(r"\b(mtc_\w+)\s*\((?!\s*\*)", statement)
            if match and not re.match(r"\s*(typedef|static)\b", statement):
                first = start + len(statement) - len(statement.lstrip())
                found.append((match[1], text.count("\n", 0, first)))
        depth += {"{": 1, "}": -1, ";": 0}[character]
        if depth == 0:
            start = end + 1
    return found


if __name__ == "__main__":
    out, headers = pathlib.Path(sys.argv[2]), sys.argv[3:]
    names = {name for path in headers for name, _ in functions(pathlib.Path(path).read_text())}
    if not names:
        sys.exit("error: these headers declare no function")
    exports = "".join(f"    {name};\n" for name in sorted(names))
    out.write_text("{\n  global:\n" + exports + "  local:\n    *;\n};\n")
