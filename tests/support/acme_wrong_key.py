"""acme_wrong_key.py DIRECTORY FOLDER PROGRAMS: the daemon answers with another request's certificate."""
import os
import pathlib
import sys

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from acme_between import ISSUE, ISSUE_DIRECT, Acmed, Between, Subscriber, expect
from acme_wire import Key

directory, folder, programs = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
between = Between(folder / "between.sock", folder / "ca" / "mtcd.sock")
acmed = Acmed(programs / "mtc-acmed", folder / "acme.yaml", folder / "acmed.log")
alice = Subscriber(directory, folder / "world" / "web")
log = folder / "acmed.log"
answers, changed = {}, []


def keep(method, request, kind, body):
    if method in (ISSUE, ISSUE_DIRECT):
        answers[method] = body
    return kind, body


def mix_up(method, request, kind, body):
    if method in (ISSUE, ISSUE_DIRECT):
        changed.append(method)
        return kind, answers[method]
    return kind, body


def spki(key):
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


for profile in ("mtc", "classic"):
    between.changed = keep
    url, order = alice.get_ready("first.example.com", profile=profile)
    expect("finalize", alice.finalize(order), 200)
    assert alice.ends(url)["status"] == "valid"
    between.changed = mix_up
    key, said = Key(), log.read_text().count("has another key than the CSR")
    url, order = alice.get_ready("second.example.com", profile=profile)
    expect("finalize", alice.finalize(order, key.private), 200)
    while log.read_text().count("has another key than the CSR") == said:
        assert alice.post(url).json["status"] == "processing", "valid with another's certificate"
    between.changed = None
    ended = alice.ends(url)
    assert ended["status"] == "valid", ended
    leaf = x509.load_pem_x509_certificates(alice.post(ended["certificate"]).body)[0]
    assert spki(leaf.public_key()) == spki(key.private.public_key())
acmed.stop()
os._exit(0)  # threads wait for connections
