#!/usr/bin/env python3
"""Makes the RTL package, the C header and the documentation of the card's registers and stream
constants from mtc_regs.json. With --check it only tells whether the committed ones are up to date."""
import json
import pathlib
import re
import sys

here = pathlib.Path(__file__).resolve().parent
repo = here.parent.parent
data = json.loads((here / "mtc_regs.json").read_text())
registers = data["registers"]
NOTICE = "Made by hw/regs/generate.py from mtc_regs.json; do not edit."


def upper(name):
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper()


def camel(name):
    return "".join(part.capitalize() for part in name.split("_"))


def validate():
    seen = set()
    for register in registers:
        page = data["pages"][register["owner"]]["base"]
        offset = register["offset"]
        assert offset % 4 == 0 and page <= offset < page + 4096, f"{register['name']}: bad offset"
        assert offset not in seen, f"{register['name']}: offset used twice"
        seen.add(offset)
        bits = 0
        for field in register.get("fields", []):
            mask = ((1 << field["width"]) - 1) << field["lsb"]
            assert mask < 1 << 32 and not bits & mask, f"{register['name']}.{field['name']}: overlap"
            bits |= mask


def rtl():
    out = [f"// {NOTICE}", "//", "// Register offsets, field positions and stream constants of the card.",
           "package mtc_regs_pkg;"]
    for register in registers:
        out.append(f"  localparam logic [12:0] Reg{camel(register['name'])} = 13'h{register['offset']:04x};")
    for register in registers:
        for field in register.get("fields", []):
            name = camel(register["name"]) + camel(field["name"])
            out.append(f"  localparam int unsigned {name}Lsb = {field['lsb']};")
    for group in data["constants"]:
        out.append(f"  // {group['group']}")
        for item in group["items"]:
            out.append(f"  localparam logic [31:0] {item['name']} = 32'h{item['value']:08x};")
    # A decoder that is made from the same description cannot forget a register.
    for name, owners, comment in (("is_register", ("card", "host"), "There is a register at the offset."),
                                  ("is_host_owned", ("host",), "It is the host's to write.")):
        out += [f"  // {comment}", f"  function automatic logic {name}(logic [12:0] offset);",
                "    case (offset)"]
        labels = [f"      Reg{camel(register['name'])}" for register in registers if register["owner"] in owners]
        out += [label + "," for label in labels[:-1]] + [f"{labels[-1]}: {name} = 1'b1;"]
        out += [f"      default: {name} = 1'b0;", "    endcase", "  endfunction"]
    return "\n".join(out + ["endpackage", ""])


def header():
    out = [f"/* {NOTICE} */", "#ifndef MTC_CARD_REGS_H", "#define MTC_CARD_REGS_H", "",
           "/* clang-format off */"]

    def define(name, value, comment):
        out.append(f"#define {name} {value} /* {comment} */")

    for register in registers:
        define(f"MTC_REG_{register['name']}", f"0x{register['offset']:04x}u", register["owner"])
    out.append("")
    for register in registers:
        for field in register.get("fields", []):
            mask = ((1 << field["width"]) - 1) << field["lsb"]
            define(f"MTC_{register['name']}_{field['name']}_MASK", f"0x{mask:08x}u",
                   f"bits {field['lsb'] + field['width'] - 1}..{field['lsb']}")
    for group in data["constants"]:
        out += ["", f"/* {group['group']} */"]
        for item in group["items"]:
            define("MTC_CARD_" + upper(item["name"]), f"0x{item['value']:x}u", item["description"])
    return "\n".join(out + ["/* clang-format on */", "", "#endif", ""])


def documentation():
    streams = (here / "streams.md").read_text()
    out = ["# Registers and streams of the card", "", NOTICE, "",
           "Registers are 32-bit words, little-endian, in one page for each owner. Nothing is changed by",
           "reading; nothing is cleared by writing. `RegisterId` and the other names below stand in",
           "`mtc_regs_pkg` (RTL) and, as `MTC_CARD_REGISTER_ID` and so on, in `host/hash/card_regs.h`.", ""]
    for owner, page in data["pages"].items():
        out += [f"## Page 0x{page['base']:04x}: {owner}-owned", "", page["description"], "",
                "| offset | register | meaning |", "| --- | --- | --- |"]
        for register in registers:
            if register["owner"] != owner:
                continue
            text = register["description"]
            if "constant" in register:
                text += f" Always `{register['constant']}`."
            for field in register.get("fields", []):
                high = field["lsb"] + field["width"] - 1
                bits = f"{high}..{field['lsb']}" if field["width"] > 1 else f"{high}"
                text += f" Bit{'s' if field['width'] > 1 else ''} {bits} {field['name']}: {field['description']}"
            out.append(f"| 0x{register['offset']:04x} | {register['name']} | {text} |")
        out.append("")
    out += ["## Constants", ""]
    for group in data["constants"]:
        out += [f"### {group['group']}", "", "| name | value | meaning |", "| --- | --- | --- |"]
        out += [f"| {item['name']} | 0x{item['value']:x} | {item['description']} |"
                for item in group["items"]] + [""]
    return "\n".join(out) + streams


def main():
    if sys.argv[1:] not in ([], ["--check"]):
        sys.exit("usage: generate.py [--check]")
    validate()
    stale = []
    for path, text in (("hw/rtl/mtc_regs_pkg.sv", rtl()), ("host/hash/card_regs.h", header()),
                       ("docs/registers.md", documentation())):
        target = repo / path
        if target.exists() and target.read_text() == text:
            continue
        stale.append(path)
        if not sys.argv[1:]:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
    if sys.argv[1:] and stale:
        sys.exit(f"not up to date: {', '.join(stale)}; run hw/regs/generate.py")
    print("registers: " + ("up to date" if not stale else "wrote " + ", ".join(stale)))


main()
