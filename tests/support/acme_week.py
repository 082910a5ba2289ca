"""acme_week.py DIRECTORY FOLDER PROGRAMS: two certificates for a name a week, however many orders are
opened and finalized at once; what came to nothing is given back, and a renewal is not limited."""
import os
import pathlib
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from acme_between import Acmed, Between, Subscriber, b64, expect
from acme_wire import Key

directory, folder, programs = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
between = Between(folder / "between.sock", folder / "ca" / "mtcd.sock")
acmed = Acmed(programs / "mtc-acmed", folder / "acme.yaml", folder / "acmed.log")
alice = Subscriber(directory, folder / "world" / "web")
opened = [alice.get_ready("one.example.com", profile="classic") for _ in range(5)]

# The CA refuses the CSR, at once (the order is ready again) or when nobody waits any more (it is invalid): no
# certificate, nothing counted.
expect("finalize", alice.finalize(opened[0][1], Key("P-384").private), 400, "badCSR")
between.go_away()
expect("finalize while the CA is away", alice.finalize(opened[0][1], Key("P-384").private), 200)
between.come_back()
ended = alice.ends(opened[0][0])
assert ended["status"] == "invalid" and ended["error"]["type"].endswith(":badCSR"), ended

between.go_away()
for url, order in opened[1:3]:
    expect("finalize while the CA is away", alice.finalize(order), 200)
for url, order in opened[3:]:
    answer = alice.finalize(order)
    expect("a third certificate", answer, 429, "rateLimited")
    assert int(answer.headers["Retry-After"]) > 0
    assert alice.post(url).json["status"] == "ready"
between.come_back()
for url, order in opened[1:3]:
    assert (valid := alice.ends(url))["status"] == "valid"
expect("a third certificate", alice.finalize(opened[3][1]), 429, "rateLimited")
expect("a third order", alice.new_order("one.example.com", profile="classic"), 429, "rateLimited")

leaf = x509.load_pem_x509_certificates(alice.post(valid["certificate"]).body)[0]
key_id = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
serial = leaf.serial_number.to_bytes(leaf.serial_number.bit_length() // 8 + 1, "big")
cert_id = f"{b64(key_id)}.{b64(serial)}"
url, order = alice.get_ready("one.example.com", profile="classic", replaces=cert_id)
expect("finalize of a renewal", alice.finalize(order), 200)
assert alice.ends(url)["status"] == "valid"
acmed.stop()
os._exit(0)  # threads wait for connections
