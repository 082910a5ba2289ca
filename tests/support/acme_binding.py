"""acme_binding.py CONNECT DIRECTORY FOLDER: external account binding. The server knows the kid "one" with
the key in FOLDER/mac.key, and wants it of every account."""
import base64
import hashlib
import hmac
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.dont_write_bytecode = True
from acme_client import Client, Key, b64  # noqa: E402

connect, directory, folder = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
text = (folder / "mac.key").read_text().strip()
mac_key = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
client = Client(connect, directory, Key(folder / "bound.key"))
url = client.directory["newAccount"]
assert client.directory["meta"]["externalAccountRequired"] is True


def bind(jwk=client.key.jwk, key=mac_key, alg="HS256", kid="one", to=url, **more):
    digest = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}.get(alg, hashlib.sha256)
    head = b64(json.dumps({"alg": alg, "kid": kid, "url": to, **more}).encode())
    body = b64(json.dumps(jwk).encode())
    return {"protected": head, "payload": body,
            "signature": b64(hmac.new(key, f"{head}.{body}".encode(), digest).digest())}


def refused(what, binding, problem):
    members = {} if binding is None else {"externalAccountBinding": binding}
    answer = client.post(url, members, use_jwk=True)
    if answer.status < 400 or answer.json()["type"].split(":")[-1] != problem:
        sys.exit(f"{what}: {answer.status} {answer.body.decode()} instead of {problem}")


refused("none", None, "externalAccountRequired")
refused("a text", "one", "malformed")
refused("another key", bind(key=mac_key + b"x"), "unauthorized")
refused("another kid", bind(kid="two"), "unauthorized")
refused("another url", bind(to=directory), "malformed")
refused("another account's key", bind(jwk=Key(folder / "else.key").jwk), "malformed")
refused("no key", bind(jwk={}), "malformed")
refused("a nonce", bind(nonce="AAAA"), "malformed")
refused("no MAC", bind(alg="none"), "badSignatureAlgorithm")
refused("a signature", bind(alg="ES256"), "badSignatureAlgorithm")
for alg in ("HS256", "HS384", "HS512"):
    client = Client(connect, directory, Key(folder / f"{alg}.key"))
    answer = client.register(externalAccountBinding=bind(jwk=client.key.jwk, alg=alg))
    assert answer.status == 201, answer.show()
