"""acme_expiry.py DIRECTORY FOLDER PROGRAMS: orders and authorizations whose time has passed, as the database
has it, and what an account's list of orders shows."""
import os
import pathlib
import sqlite3
import sys

from acme_between import Acmed, Between, Subscriber, expect

directory, folder, programs = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
between = Between(folder / "between.sock", folder / "ca" / "mtcd.sock")
acmed = Acmed(programs / "mtc-acmed", folder / "acme.yaml", folder / "acmed.log")
alice = Subscriber(directory, folder / "world" / "web")
rows = sqlite3.connect(folder / "acme.db", isolation_level=None, timeout=30)


def id_of(url):
    return int(url.rpartition("/")[2], 16)


def pass_time(table, url):
    """Its time is over since a second."""
    assert rows.execute(f"UPDATE {table} SET expires_s = unixepoch() - 1 WHERE id = ?", (id_of(url),)).rowcount == 1


def listed(account=alice):
    """The orders of the list, over its pages."""
    found, url = [], account.post(account.kid).json["orders"]
    while url:
        answer = account.post(url)
        expect("the list", answer, 200)
        found += answer.json["orders"]
        url = (answer.links("next") or [None])[0]
    assert len(set(found)) == len(found)
    return set(found)


pending = alice.new_order("pending.example.com")
expect("an order", pending, 201)
pending_url = pending.headers["Location"]
ready_url, ready = alice.get_ready("ready.example.com")
kept_url, kept = alice.get_ready("kept.example.com")
old_url, old = alice.get_ready("old.example.com")
valid_url, order = alice.get_ready("valid.example.com")
expect("finalize", alice.finalize(order), 200)
assert alice.ends(valid_url)["status"] == "valid"
waiting_url, order = alice.get_ready("waiting.example.com")
between.go_away()
expect("finalize while the CA is away", alice.finalize(order), 200)
assert listed() == {pending_url, ready_url, kept_url, old_url, valid_url, waiting_url}

# A pending one and a ready one: invalid when their time is over, whatever their authorizations are.
for url, order in ((pending_url, pending.json), (ready_url, ready)):
    pass_time("orders", url)
    assert alice.post(url).json["status"] == "invalid"
    expect("finalize", alice.finalize(order), 403, "orderNotReady")
assert alice.post(ready["authorizations"][0]).json["status"] == "valid"

# An authorization: expired, it can be neither answered nor deactivated, and its order is invalid.
authorization_url = pending.json["authorizations"][0]
authorization = alice.post(authorization_url).json
pass_time("authorizations", authorization_url)
assert alice.post(authorization_url).json["status"] == "expired"
expect("deactivation", alice.post(authorization_url, {"status": "deactivated"}), 400, "malformed")
challenge = authorization["challenges"][0]["url"]
answer = alice.post(challenge, {})
assert answer.type() or answer.json["status"] != "processing", answer.body
assert alice.post(authorization_url).json["status"] == "expired"
pass_time("authorizations", old["authorizations"][0])
assert alice.post(old_url).json["status"] == "invalid"
expect("finalize", alice.finalize(old), 403, "orderNotReady")
assert alice.new_order("old.example.com").json["status"] == "pending"
new_url = next(iter(listed() - {kept_url, valid_url, waiting_url}))
assert listed() == {kept_url, valid_url, waiting_url, new_url}, listed()

# What is invalid by its authorization alone, or in its row, is not in the list; a valid one stays, later too.
alice.deactivate(kept["authorizations"][0])
alice.deactivate(alice.post(new_url).json["authorizations"][0])
pass_time("orders", valid_url)
assert listed() == {valid_url, waiting_url}
between.come_back()
assert alice.ends(waiting_url)["status"] == "valid"
assert listed() == {valid_url, waiting_url}

# Pages: of many orders that are shown, and of many that are not.
shown = {alice.get_ready("many.example.com")[0] for _ in range(105)}
assert listed() == {valid_url, waiting_url} | shown
for url in shown:
    rows.execute("UPDATE orders SET expires_s = 1 WHERE id = ?", (id_of(url),))
assert listed() == {valid_url, waiting_url}
bob = Subscriber(directory, folder / "world" / "web")
assert listed(bob) == set()
acmed.stop()
os._exit(0)  # threads wait for connections
