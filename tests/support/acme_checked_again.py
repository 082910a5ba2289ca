"""acme_checked_again.py DIRECTORY FOLDER PROGRAMS: orders that were finalized while the CA was away, or
whose request may have arrived: what may not be issued any more when the CA is back is not."""
import json
import os
import pathlib
import sqlite3
import subprocess
import sys

from acme_between import ISSUE, ISSUE_DIRECT, WITHDRAW, Acmed, Between, Subscriber

directory, folder, programs = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
between = Between(folder / "between.sock", folder / "ca" / "mtcd.sock")
acmed = Acmed(programs / "mtc-acmed", folder / "acme.yaml", folder / "acmed.log")
alice = Subscriber(directory, folder / "world" / "web")
rows = sqlite3.connect(folder / "acme.db", isolation_level=None, timeout=30)
number = 0


def tree_size():
    status = subprocess.run([programs / "mtc", "status", "--json"], check=True, capture_output=True)
    return json.loads(status.stdout)["engine"]["tree_size"]


def get_ready(profile="mtc", who=alice):
    global number
    number += 1
    return who.get_ready(f"name{number}.example.com", profile=profile)


def finalize_away(profile="mtc", who=alice):
    """An order that is processing while the CA is away: its URL, its ID and its object."""
    url, order = get_ready(profile, who)
    between.go_away()
    answer = who.finalize(order)
    assert answer.status == 200 and answer.json["status"] == "processing", answer.body
    return url, url.rpartition("/")[2], order


def restart():
    acmed.kill()
    acmed.start()


def is_invalid(order, problem="unauthorized"):
    assert order["status"] == "invalid" and order["error"]["type"].endswith(f":{problem}"), order
    assert "certificate" not in order


# Nothing is changed: it is issued when the CA is back.
url, name, order = finalize_away()
between.come_back()
assert alice.ends(url)["status"] == "valid"
num_issued = 1

# The daemon cannot have the request: the order ends while it is away, and it is never asked.
url, name, order = finalize_away()
alice.deactivate(order["authorizations"][0])
is_invalid(alice.ends(url))
between.come_back()
assert not between.asked_for(name)

url, name, order = finalize_away()
assert rows.execute("UPDATE authorizations SET expires_s = 1 WHERE id = ?",
                    (int(order["authorizations"][0].rpartition("/")[2], 16),)).rowcount == 1
is_invalid(alice.ends(url))
between.come_back()

caa = folder / "world" / "caa" / f"name{number + 1}.example.com"
caa.write_text("ca.test")
url, name, order = finalize_away()
caa.write_text("elsewhere.example")
assert rows.execute("UPDATE authorizations SET validated_s = validated_s - 32400 WHERE id = ?",
                    (int(order["authorizations"][0].rpartition("/")[2], 16),)).rowcount == 1
is_invalid(alice.ends(url), "caa")
between.come_back()
assert not between.asked_for(name)

bob = Subscriber(directory, folder / "world" / "web")
url, name, order = finalize_away(who=bob)
bob.deactivate(bob.kid)
while (row := rows.execute("SELECT status, error FROM orders WHERE id = ?", (int(name, 16),)).fetchone())[0] == 2:
    pass
assert row[0] == 4 and "unauthorized" in row[1], row
between.come_back()
assert not between.asked_for(name)

for profile, issue in (("mtc", ISSUE), ("classic", ISSUE_DIRECT)):
    # The server was killed: it does not know whether the daemon has the request, which has it not.
    url, name, order = finalize_away(profile)
    restart()
    alice.deactivate(order["authorizations"][0])
    assert alice.post(url).json["status"] == "processing"
    between.come_back()
    is_invalid(alice.ends(url))
    assert issue not in between.asked_for(name) and WITHDRAW in between.asked_for(name)

    # It is killed once more, when the daemon has withdrawn the request and before it is written.
    url, name, order = finalize_away(profile)
    restart()
    alice.deactivate(order["authorizations"][0])
    between.swallow(WITHDRAW)
    between.come_back()
    between.wait_swallowed()
    restart()
    between.swallow()
    is_invalid(alice.ends(url))
    assert issue not in between.asked_for(name)
    if profile == "mtc":
        late = subprocess.run([programs / "mtc", "issue", "--profile", "chrome-dv-7d", "--request-id", name,
                               "--out", folder / "late", folder / "csr" / "www.csr"], capture_output=True, text=True)
        assert late.returncode == 1 and "was withdrawn" in late.stderr, late

    # The daemon has issued, and its answer was lost: the certificate is the order's, whatever came then.
    for is_killed in (False, True):
        url, order = get_ready(profile)
        name = url.rpartition("/")[2]
        between.swallow(issue)
        assert alice.finalize(order).json["status"] == "processing"
        between.wait_swallowed()
        between.go_away()
        alice.deactivate(order["authorizations"][0])
        if is_killed:
            restart()
        between.swallow()
        between.come_back()
        ended = alice.ends(url)
        assert ended["status"] == "valid", ended
        assert between.asked_for(name)[-1] == WITHDRAW
        assert alice.post(ended["certificate"]).body.startswith(b"-----BEGIN CERTIFICATE-----")
        num_issued += profile == "mtc"
    assert tree_size() == num_issued, f"{tree_size()} in the log, {num_issued} wanted"
acmed.stop()
os._exit(0)  # threads wait for connections
