"""acme_old_rows.py DIRECTORY FOLDER PROGRAMS: what a pass removes of rows on either side of the retention of
thirty days, what is kept and works as before, and that clients are served meanwhile."""
import os
import pathlib
import sqlite3
import sys

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from acme_between import Acmed, Between, Subscriber, b64, expect
from acme_wire import Account, Key

directory, folder, programs = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
between = Between(folder / "between.sock", folder / "ca" / "mtcd.sock")
log = folder / "acmed.log"
acmed = Acmed(programs / "mtc-acmed", folder / "acme.yaml", log)
alice = Subscriber(directory, folder / "world" / "web")
urls = alice.server.directory
rows = sqlite3.connect(folder / "acme.db", isolation_level=None, timeout=30)
DAY, RETENTION = 86400, 30 * 86400


def id_of(url):
    return int(url.rpartition("/")[2], 16)


def end(table, column, key, ago, value):
    """It ended so many seconds ago."""
    done = rows.execute(f"UPDATE {table} SET {column} = unixepoch() - ? WHERE {key} = ?", (ago, value))
    assert done.rowcount == 1


def ids(table, key="id"):
    return {row[0] for row in rows.execute(f"SELECT {key} FROM {table}")}


def certify(name, key=None, **members):
    url, order = alice.get_ready(name, **({"profile": "classic"} | members))
    expect("finalize", alice.finalize(order, key and key.private), 200)
    ended = alice.ends(url)
    assert ended["status"] == "valid", ended
    leaf = x509.load_pem_x509_certificates(alice.post(ended["certificate"]).body)[0]
    return url, ended, b64(leaf.public_bytes(Encoding.DER))


def cert_id(url):
    return rows.execute("SELECT cert_id FROM certificates WHERE order_id = ?", (id_of(url),)).fetchone()[0]


def wait_purged(count):
    """Until so many passes have removed something."""
    while len(lines := [line for line in log.read_text().splitlines() if " purged " in line]) < count:
        assert alice.server.nonce()  # served meanwhile
    return lines[-1]


key = Key()
gone, _, der = certify("gone.example.com", key)  # expired, and the retention over
expect("keyCompromise", alice.post(urls["revokeCert"], {"certificate": der, "reason": 1}), 200)
kept, kept_order, kept_der = certify("kept.example.com")  # expired, within the retention
live, live_order, _ = certify("live.example.com")
end("certificates", "not_after_s", "order_id", RETENTION + 60, id_of(gone))
end("certificates", "not_after_s", "order_id", RETENTION - 3600, id_of(kept))
for url in (gone, kept, live):  # orders expire long before their certificates
    end("orders", "expires_s", "id", 10 * RETENTION, id_of(url))

old_pending = alice.new_order("one.example.com").headers["Location"]
kept_pending = alice.new_order("two.example.com").headers["Location"]
old_invalid, order = alice.get_ready("three.example.com", profile="classic")
between.go_away()
expect("finalize while the CA is away", alice.finalize(order), 200)
alice.deactivate(order["authorizations"][0])
between.come_back()
assert alice.ends(old_invalid)["status"] == "invalid"
waiting, order = alice.get_ready("kept.example.com")
between.go_away()
expect("finalize while the CA is away", alice.finalize(order), 200)
waiting_authorization = id_of(order["authorizations"][0])
for url in (old_pending, old_invalid, waiting):
    end("orders", "expires_s", "id", RETENTION + 60, id_of(url))
end("orders", "expires_s", "id", RETENTION - 3600, id_of(kept_pending))

authorizations = {name: row for name, row in rows.execute("SELECT value, id FROM authorizations")}
for name in ("gone.example.com", "one.example.com", "three.example.com"):
    end("authorizations", "expires_s", "id", RETENTION + 60, authorizations[name])
end("authorizations", "expires_s", "id", RETENTION - 3600, authorizations["two.example.com"])

# Many that are to be kept, before many old ones, of which a step removes a part.
for i in range(1, 501):
    rows.execute("INSERT INTO orders SELECT ?, account_id, 3, identifiers, authorizations, profile, created_s,"
                 " 1, '', '', 0, '', '', '' FROM orders WHERE id = ?", (i, id_of(gone)))
for i in range(1, 1501):
    rows.execute("INSERT INTO orders SELECT ?, account_id, 0, identifiers, authorizations, profile, created_s,"
                 " 1, '', '', 0, '', '', '' FROM orders WHERE id = ?", (i << 40, id_of(gone)))
rows.execute("INSERT INTO rate_windows(name, start_s, end_s, uses) VALUES ('orders/x', 1, 2, 3)")

before = {table: ids(table) for table in ("accounts", "authorizations", "orders")}
acmed.kill()
acmed.start()
second = Acmed(programs / "mtc-acmed", folder / "acme.yaml.second", log)
line = wait_purged(1)
assert id_of(waiting) in ids("orders")
between.come_back()
assert alice.ends(waiting)["status"] == "valid"

removed = {table: before[table] - ids(table) for table in before}
assert removed["accounts"] == set()
assert removed["orders"] == {id_of(url) for url in (gone, old_pending, old_invalid)} | {
    i << 40 for i in range(1, 1501)}, removed["orders"]
assert removed["authorizations"] == {authorizations[name] for name in (
    "gone.example.com", "one.example.com", "three.example.com")}, removed["authorizations"]
assert len(ids("certificates", "cert_id")) == 3  # of kept, live, waiting
assert rows.execute("SELECT count(*) FROM rate_windows WHERE name = 'orders/x'").fetchone()[0] == 0
assert "classic" in rows.execute("SELECT profile FROM orders WHERE id = ?", (id_of(kept),)).fetchone()[0]

# What is gone is not there; what is kept works: fetched, asked about, replaced, revoked, authorized once.
assert alice.post(gone).status == 403
for url, order in ((kept, kept_order), (live, live_order)):
    assert alice.post(url).json["status"] == "valid"
    assert alice.post(order["certificate"]).body.startswith(b"-----BEGIN CERTIFICATE-----")
    expect("renewal information", alice.server.get(f"{urls['renewalInfo']}/{cert_id(url)}"), 200)
again = alice.new_order("live.example.com", profile="classic", replaces=cert_id(live))
expect("a renewal", again, 201)
assert again.json["status"] == "ready", again.json
expect("a renewal again", alice.new_order("live.example.com", profile="classic", replaces=cert_id(live)),
       409, "alreadyReplaced")
expect("a revocation", alice.post(urls["revokeCert"], {"certificate": kept_der, "reason": 4}), 200)
assert alice.post(alice.new_order("gone.example.com").json["authorizations"][0]).json["status"] == "pending"
expect("the revocation of what is gone", alice.post(urls["revokeCert"], {"certificate": der}), 404, "malformed")
expect("an account of a compromised key", Account(alice.server, key).register(), 400, "badPublicKey")
acmed.stop()
second.stop()
os._exit(0)  # threads wait for connections
