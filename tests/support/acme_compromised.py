"""acme_compromised.py DIRECTORY FOLDER PROGRAMS: certificates that are revoked for keyCompromise and for
other reasons, by their account and by their own key: which keys are refused afterwards, and as what."""
import os
import pathlib
import subprocess
import sys

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from acme_between import Acmed, Between, Subscriber, b64, expect
from acme_wire import Account, Key, jws

directory, folder, programs = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
between = Between(folder / "between.sock", folder / "ca" / "mtcd.sock")
acmed = Acmed(programs / "mtc-acmed", folder / "acme.yaml", folder / "acmed.log")
alice = Subscriber(directory, folder / "world" / "web")
urls = alice.server.directory
number = 0


def get_ready(profile="mtc"):
    global number
    number += 1
    return alice.get_ready(f"name{number}.example.com", profile=profile)


def certify(key, profile="mtc"):
    """The leaf's DER in base64url, its serial number."""
    url, order = get_ready(profile)
    expect("finalize", alice.finalize(order, key.private), 200)
    ended = alice.ends(url)
    assert ended["status"] == "valid", ended
    leaf = x509.load_pem_x509_certificates(alice.post(ended["certificate"]).body)[0]
    return b64(leaf.public_bytes(serialization.Encoding.DER)), leaf.serial_number


def revoke(certificate, reason=None, key=None):
    """By the account, or by the certificate's own key."""
    payload = {"certificate": certificate} | ({} if reason is None else {"reason": reason})
    if not key:
        return alice.post(urls["revokeCert"], payload)
    return Account(alice.server, key).post(urls["revokeCert"], payload)


def change_key(account, key):
    inner = jws(key, {"alg": key.alg, "jwk": key.jwk(), "url": urls["keyChange"]},
                {"account": account.kid, "oldKey": account.key.jwk()})
    return account.post(urls["keyChange"], inner)


def register(key):
    return Account(alice.server, key).register()


def is_refused(key, profile="mtc"):
    """The order stays ready, and another key is taken for it."""
    url, order = get_ready(profile)
    expect("finalize with a compromised key", alice.finalize(order, key.private), 400, "badCSR")
    assert alice.post(url).json["status"] == "ready"
    expect("finalize with another key", alice.finalize(order), 200)
    assert alice.ends(url)["status"] == "valid"
    expect("newAccount", register(key), 400, "badPublicKey")
    expect("keyChange", change_key(alice, key), 400, "badPublicKey")


# By its own key without a reason, and with another one: no compromise is claimed.
for reason in (None, 4):
    key = Key()
    certificate, _ = certify(key)
    expect("a revocation by the key", revoke(certificate, reason, key), 200)
    expect("another one", revoke(certificate, reason, key), 400, "alreadyRevoked")
    certify(key)
    expect("an account of the key", register(key), 201)

# For keyCompromise, by the key and by the account, of either profile.
for profile in ("mtc", "classic"):
    for is_own in (True, False):
        key = Key()
        certificate, _ = certify(key, profile)
        expect("a revocation", revoke(certificate, 1, key if is_own else None), 200)
        is_refused(key, profile)
        expect("another one", revoke(certificate, 1, key), 400, "alreadyRevoked")

# Found out after another revocation; the second one is about the key alone.
key = Key()
certificate, _ = certify(key)
expect("a revocation", revoke(certificate, 4), 200)
expect("keyCompromise, later", revoke(certificate, 1, key), 200)
expect("again", revoke(certificate, 1, key), 400, "alreadyRevoked")
is_refused(key)

# By the operator: the CA refuses the CSR.
key = Key()
_, serial = certify(key)
subprocess.run([programs / "mtc", "certificate", "revoke", "--reason", "keyCompromise",
                "--serial", f"{serial >> 48}:{serial & (1 << 48) - 1}"], check=True, capture_output=True)
for profile in ("mtc", "classic"):
    url, order = get_ready(profile)
    answer = alice.finalize(order, key.private)
    expect("finalize", answer, 400, "badCSR")
    assert "was revoked for keyCompromise" in answer.json["detail"], answer.body
    assert alice.post(url).json["status"] == "ready"
acmed.stop()
os._exit(0)  # threads wait for connections
