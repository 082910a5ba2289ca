"""acme_caa_again.py DIRECTORY ADDRESS DNS_PORT HTTP_PORT CA_FILE DATABASE LOG: CAA records that forbid what
they allowed when the name was proved, more than eight hours ago as the database has it. The second order's
refusal cannot be written at first: the database is held by somebody else just then."""
import http.server
import pathlib
import socket
import socketserver
import sqlite3
import struct
import sys
import threading

from acme_refusals import Responder
from acme_wire import Account, Server, csr

directory, address, dns_port, http_port, ca_file, database, log = sys.argv[1:]
A, CAA = 1, 257


class Names(socketserver.BaseRequestHandler):
    """A name server: every name has ADDRESS, and the CAA records that stand here."""
    issuer = "ca.example"
    asked = None  # called when a CAA record is asked for, before the answer

    def handle(self):
        query, at = self.request[0], 12
        while query[at]:
            at += 1 + query[at]
        kind, records = struct.unpack_from(">H", query, at + 1)[0], []
        if kind == A:
            records = [socket.inet_aton(address)]
        elif kind == CAA:
            if Names.asked:
                Names.asked()
            records = [b"\0\5issue" + self.issuer.encode()]
        head = query[:2] + struct.pack(">HHHHH", 0x8180, 1, len(records), 0, 0)
        body = b"".join(b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 0, len(data)) + data for data in records)
        self.request[1].sendto(head + query[12:at + 5] + body, self.client_address)


for served in (socketserver.ThreadingUDPServer((address, int(dns_port)), Names),
               http.server.ThreadingHTTPServer((address, int(http_port)), Responder)):
    served.daemon_threads = True
    threading.Thread(target=served.serve_forever, daemon=True).start()
account = Account(Server(directory, ca_file))
assert account.register().status == 201
rows = sqlite3.connect(database, check_same_thread=False, isolation_level=None, timeout=30)


def get_ready(name):
    """An order whose authorization is nine hours old."""
    made = account.post(account.server.directory["newOrder"], {"identifiers": [{"type": "dns", "value": name}]})
    assert made.status == 201, made.body
    authorization = account.post(made.json["authorizations"][0]).json
    challenge = next(c for c in authorization["challenges"] if c["type"] == "http-01")
    Responder.answers[challenge["token"]] = f"{challenge['token']}.{account.key.thumbprint()}"
    assert account.post(challenge["url"], {}).status == 200
    url = made.headers["Location"]
    while account.post(url).json["status"] == "pending":
        pass
    assert rows.execute("UPDATE authorizations SET validated_s = validated_s - 32400 WHERE value = ?",
                        (name,)).rowcount == 1
    return made.json["finalize"], url


def finalize(name, finalize_url, url):
    assert account.post(finalize_url, {"csr": csr([name])}).status == 200
    return url


def ends(url):
    while (order := account.post(url).json)["status"] == "processing":
        pass
    return order


def is_refused(order):
    return order["status"] == "invalid" and order["error"]["type"].endswith(":caa") and "certificate" not in order


order = ends(finalize("good.example.test", *get_ready("good.example.test")))
assert order["status"] == "valid", order
ready = get_ready("one.example.test")
Names.issuer = "elsewhere.example"
order = ends(finalize("one.example.test", *ready))
assert is_refused(order), order
Names.issuer = "ca.example"
ready = get_ready("two.example.test")
Names.issuer = "elsewhere.example"


def count_failures():
    return pathlib.Path(log).read_text().count(" error mtc-acmed database ")


def hold():
    """Once: nothing can be written from before the answer on."""
    if not rows.in_transaction and not held.is_set():
        rows.execute("BEGIN IMMEDIATE")
        held.set()


held = threading.Event()
Names.asked = hold
url = finalize("two.example.test", *ready)
assert held.wait(60), "CAA was not asked for"
before = count_failures()
while count_failures() == before:
    pass
rows.execute("ROLLBACK")
order = ends(url)
assert is_refused(order), order
