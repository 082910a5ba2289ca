#!/usr/bin/env python3
"""check-layers.py [--self-test]: checks two rules of host/: a layer includes only layers below it, and
every function of a public header stands below a comment of its own; and one of provider/: of host/ it
includes the public headers of some layers only. --self-test proves that it finds what breaks them,
however it is written."""
import pathlib
import re
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
from public_functions import functions, without_comments  # noqa: E402

LAYERS = "base tree entry verify hash sign store publish cosign engine rpc http acme app".split()
HEADER_LAYER = {
    "status": "base", "bytes": "base", "digest": "base", "runtime": "base", "yaml": "base",
    "tree": "tree", "wire": "entry", "entry": "entry", "proof": "entry", "verify": "verify",
    "hash": "hash", "sign": "sign", "store": "store", "publish": "publish", "engine": "engine",
    "rpc": "rpc",
}
PROVIDER_LAYERS = "base tree entry verify".split()
PROVIDER_HEADERS = ["include/mtc/rpc.h"]  # the client of the daemon's socket
INCLUDE = re.compile(r'\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')


def layer_of(path, host):
    """The layer of a file of host/, None for a file that belongs to none."""
    parts = path.relative_to(host).parts
    if parts[0] == "include":
        return HEADER_LAYER.get(path.stem, f"unknown header {path.name}")
    return parts[0] if len(parts) > 1 else None


def included(path, quoted, name, host):
    """The file of host/ that an include names, looked for where the compiler does; None elsewhere."""
    for folder in ([path.parent] if quoted else []) + [host / "include", host, host.parent]:
        target = (folder / name).resolve()
        if target.is_file():
            return target if host in target.parents else None
    return None


def check_includes(path, host):
    layer = layer_of(path, host)
    for number, line in enumerate(without_comments(path.read_text()).splitlines(), 1):
        match = INCLUDE.match(line)
        target = included(path, match[1], match[1] or match[2], host) if match else None
        target = layer_of(target, host) if target else None
        for name in (layer, target):
            if name and name not in LAYERS:
                yield f"{path}:{number}: {name}: name its layer in scripts/check-layers.py"
                break
        else:
            if target and layer and LAYERS.index(target) > LAYERS.index(layer):
                yield f"{path}:{number}: {layer} must not include {match[1] or match[2]} ({target})"


def check_provider(path, host):
    for number, line in enumerate(without_comments(path.read_text()).splitlines(), 1):
        match = INCLUDE.match(line)
        target = included(path, match[1], match[1] or match[2], host) if match else None
        if not target or str(target.relative_to(host)) in PROVIDER_HEADERS:
            continue
        if target.parent != host / "include" / "mtc" or layer_of(target, host) not in PROVIDER_LAYERS:
            yield f"{path}:{number}: provider must not include {match[1] or match[2]}"


def check_docstrings(path):
    text = path.read_text()
    lines = text.splitlines()
    for name, number in functions(text):
        # Functions of one family may share the comment that names them all.
        block = "\n".join(lines[max(0, number - 12):number])
        if (number == 0 or not lines[number - 1].rstrip().endswith("*/")) and name not in block:
            yield f"{path}:{number + 1}: {name} has no docstring"


def check(host):
    host = host.resolve()
    sources = sorted(host.rglob("*.[ch]"))
    problems = [] if sources else [f"{host}: no sources"]
    for path in sources:
        problems += check_includes(path, host)
        if path.parent == host / "include" / "mtc":
            problems += check_docstrings(path)
    for path in sorted((host.parent / "provider").rglob("*.[ch]")):
        problems += check_provider(path, host)
    return problems


BAD = ['#include "engine/engine.h"', '#include "mtc/rpc.h"', "#include <mtc/rpc.h>",
       '  #include "mtc/rpc.h"', '#  include "mtc/rpc.h"', '#include"mtc/rpc.h"', '#/**/include "mtc/rpc.h"',
       '#include "../engine/engine.h"', '#include "mtc/../../engine/engine.h"', '#include "./../rpc/frame.h"']
GOOD = ['#include "mtc/tree.h"', '#include "above.h"', "#include <stdio.h>", '// #include "mtc/rpc.h"',
        '/*\n#include "mtc/rpc.h"\n*/', '#include "../base/base.h"']
NOT_FOR_PROVIDER = ['#include "mtc/engine.h"', "#include <mtc/sign.h>", '#include "verify/verifier.h"',
                    '#include "host/rpc/frame.h"', '#include "../host/engine/engine.h"']
FOR_PROVIDER = ['#include "mtc/rpc.h"', '#include "mtc/tree.h"', '#include "provider/own.h"', '#include "own.h"']
UNDOCUMENTED = ["int mtc_f(void);", "struct mtc_span\nmtc_f(int a);", "mtc_status mtc_f(\n    int a);",
                "extern int mtc_f (int a) ;", "inline int mtc_f(void) {\n  return 1;\n}"]
DOCUMENTED = ["/* Does. */\nint mtc_f(void);", "/* mtc_f and mtc_g do. */\nint mtc_g(void);\nint mtc_f(int);",
              "/* Does. */\nstruct mtc_span\nmtc_f(int a);", "struct mtc_s {\n  mtc_status (*mtc_f)(int);\n};",
              "#define mtc_f(a) \\\n  mtc_g(a);", "typedef int mtc_f(int);"]


def self_test():
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        host = pathlib.Path(folder) / "host"
        files = ["include/mtc/rpc.h", "include/mtc/tree.h", "engine/engine.h", "rpc/frame.h", "base/base.h",
                 "tree/above.h", "include/mtc/engine.h", "include/mtc/sign.h", "verify/verifier.h",
                 "../provider/own.h"]
        for name in files:
            (host / name).parent.mkdir(parents=True, exist_ok=True)
            (host / name).write_text("")
        for name, cases in (("tree/tree.c", [(BAD, 1), (GOOD, 0)]),
                            ("include/mtc/hash.h", [(UNDOCUMENTED, 1), (DOCUMENTED, 0)]),
                            ("../provider/op.c", [(NOT_FOR_PROVIDER, 1), (FOR_PROVIDER, 0)])):
            for texts, expected in cases:
                for text in texts:
                    (host / name).write_text("int x;\n" + text + "\n")
                    if len(check(host)) != expected:
                        failed.append(f"{name}: {expected} problems expected in: {text!r}")
            (host / name).unlink()
        (host / "include/mtc/new.h").write_text('#include "mtc/tree.h"\n')
        if len(check(host)) != 1:
            failed.append("a header of no layer is not found")
    return failed


if sys.argv[1:] == ["--self-test"]:
    problems = self_test()
    print("\n".join(problems) if problems else "check-layers.py finds what it should")
else:
    problems = check(pathlib.Path(__file__).resolve().parent.parent / "host")
    print("\n".join(problems) if problems else "layers and docstrings: in order")
sys.exit(1 if problems else 0)
