"""terminal.py [QUESTION ANSWER]... -- COMMAND...: runs COMMAND on a terminal, waits for each QUESTION in
its output, and then types ANSWER. Prints what the terminal showed; ends with COMMAND's exit code."""
import os
import pty
import sys

split = sys.argv.index("--")
dialogue, command = sys.argv[1:split], sys.argv[split + 1:]
pid, terminal = pty.fork()
if pid == 0:
    os.execv(command[0], command)
seen, begin = b"", 0


def read_more():
    """False at the end: Linux calls that an error."""
    global seen
    try:
        data = os.read(terminal, 4096)
    except OSError:
        return False
    seen += data
    return bool(data)


for question, answer in zip(dialogue[::2], dialogue[1::2]):
    while seen.find(question.encode(), begin) < 0:
        if not read_more():
            sys.exit(f"not asked {question!r}: {seen!r}")
    begin = seen.find(question.encode(), begin) + len(question)
    os.write(terminal, answer.encode() + b"\n")
while read_more():
    pass
sys.stdout.buffer.write(seen)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
