#!/usr/bin/env python3
"""acme_refusals.py DIRECTORY ADDRESS HTTP_PORT [CA_FILE]: what an ACME server must refuse, and with which
problem. Each case is a request that is wrong in one way; the server's answer must be the problem that
the RFC names, and the server must go on. ADDRESS and HTTP_PORT are where it looks for http-01 answers:
this program answers there. Names end in .example.test; see tests/support/acme_real.sh.
The last line is "N refused as they should, N not"."""
import http.server
import json
import sys
import threading

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from acme_wire import ABSENT, Account, Key, Server, b64, csr, jws, mac_jws

CASES = []


def refuses(types, status=None):
    """A case's expectation: one problem type or several, and the HTTP status where it matters."""
    def keep(function):
        CASES.append((function.__name__.replace("_", " "), types, status, function))
        return function
    return keep


def refuses_each(types, status, name, variants):
    """A case for each variant: (what it is called, a function of the world)."""
    for label, function in variants:
        CASES.append((f"{name}: {label}", types, status, function))


class Responder(http.server.BaseHTTPRequestHandler):
    """The subscribers' web servers: tokens answered from a table, everything else 404."""
    answers = {}

    def do_GET(self):
        body = self.answers.get(self.path.rpartition("/")[2])
        self.send_response(200 if body else 404)
        self.send_header("Content-Length", str(len(body or "")))
        self.end_headers()
        self.wfile.write((body or "").encode())

    def log_message(self, *arguments):
        pass


class World:
    """Two accounts; the first has an order that is ready, one that is valid, one that is pending."""

    def __init__(self, directory, ca_file):
        self.server = Server(directory, ca_file)
        self.urls = self.server.directory
        self.alice, self.bob = Account(self.server), Account(self.server)
        for account in (self.alice, self.bob):
            assert account.register(contact=["mailto:admin@example.test"]).status == 201
        self.names = 0
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.valid = self.order(self.alice, ["www.ok.example.test"])
        self.authorize(self.alice, self.valid)
        answer = self.finalize(self.alice, self.valid, csr(["www.ok.example.test"], self.key))
        assert answer.status == 200, answer.body
        self.valid = self.until(self.alice, self.valid, "valid")
        self.ready = self.order(self.alice, ["ready.ok.example.test"])
        self.authorize(self.alice, self.ready)
        self.pending = self.order(self.alice, ["pending.ok.example.test"])
        chain = self.alice.post(self.valid["certificate"])
        assert chain.status == 200, chain.body
        self.leaf = x509.load_pem_x509_certificates(chain.body)[0]
        self.landmark = chain.links("acme-optional-alternate")[0]

    def der(self):
        return b64(self.leaf.public_bytes(serialization.Encoding.DER))

    def new_name(self):
        self.names += 1
        return f"n{self.names}.ok.example.test"

    def order(self, account, names):
        answer = account.post(self.urls["newOrder"],
                              {"identifiers": [{"type": "dns", "value": name} for name in names]})
        assert answer.status == 201, answer.body
        return answer.json | {"url": answer.headers["Location"]}

    def challenge(self, account, order, kind="http-01"):
        authorization = account.post(order["authorizations"][0]).json
        return next(c for c in authorization["challenges"] if c["type"] == kind), order["authorizations"][0]

    def authorize(self, account, order):
        """Proves the order's one name by http-01."""
        challenge, authorization = self.challenge(account, order)
        Responder.answers[challenge["token"]] = f"{challenge['token']}.{account.key.thumbprint()}"
        assert account.post(challenge["url"], {}).status == 200
        self.until(account, {"url": authorization}, "valid")

    def until(self, account, thing, *states):
        """Polls until the resource is in one of the states."""
        for _ in range(2000):
            seen = account.post(thing["url"]).json
            if seen["status"] in states:
                return seen | {"url": thing["url"]}
            if seen["status"] == "invalid":
                break
        raise AssertionError(f"{thing['url']} is {seen['status']}, not {states}: {seen}")

    def finalize(self, account, order, request):
        return account.post(order["finalize"], {"csr": request})

    def new_order(self, *identifiers, **members):
        return self.alice.post(self.urls["newOrder"], {"identifiers": list(identifiers)} | members)

    def fails_validation(self, name, kind="http-01"):
        """The problem that a challenge for `name` ends with, as if it were an answer."""
        order = self.order(self.alice, [name])
        challenge, authorization = self.challenge(self.alice, order, kind)
        assert self.alice.post(challenge["url"], {}).status == 200
        for _ in range(5000):
            seen = self.alice.post(authorization).json
            if seen["status"] == "invalid":
                break
        problem = next(c["error"] for c in seen["challenges"] if c.get("error"))
        return Validated(problem)


class Validated:
    """A challenge's error, seen as an answer."""
    status = None

    def __init__(self, problem):
        self.problem, self.body = problem, json.dumps(problem).encode()

    def type(self):
        return self.problem["type"].removeprefix("urn:ietf:params:acme:error:")


def dns(value):
    return {"type": "dns", "value": value}


def ip(value):
    return {"type": "ip", "value": value}


# --- The envelope: HTTP and JSON -----------------------------------------------------------------------

def order_body(w, **changes):
    """A good newOrder as a JWS to be spoilt."""
    payload = {"identifiers": [dns(w.new_name())]}
    return jws(w.alice.key, w.alice.protected(w.urls["newOrder"], **changes), payload)


def send(w, body, **options):
    return w.alice.send(w.urls["newOrder"], body, **options)


def without(w, member):
    body = order_body(w)
    del body[member]
    return send(w, body)


refuses_each("malformed", 400, "body", [
    ("empty", lambda w: send(w, b"")),
    ("not JSON", lambda w: send(w, b"{")),
    ("an array", lambda w: send(w, [order_body(w)])),
    ("a string", lambda w: send(w, b'"jws"')),
    ("null", lambda w: send(w, b"null")),
    ("cut", lambda w: send(w, json.dumps(order_body(w)).encode()[:-20])),
    ("followed by more", lambda w: send(w, json.dumps(order_body(w)).encode() + b"{}")),
    ("with a NUL", lambda w: send(w, json.dumps(order_body(w)).encode() + b"\0")),
    ("not UTF-8", lambda w: send(w, b'{"protected":"\xff\xfe"}')),
    ("a member twice", lambda w: send(w, json.dumps(order_body(w)).encode()[:-1] + b',"payload":""}')),
    ("without protected", lambda w: without(w, "protected")),
    ("without payload", lambda w: without(w, "payload")),
    ("without signature", lambda w: without(w, "signature")),
    ("several signatures", lambda w: send(w, {"payload": order_body(w)["payload"], "signatures": [
        {k: v for k, v in order_body(w).items() if k != "payload"}]})),
    ("an unprotected header", lambda w: send(w, order_body(w) | {"header": {"kid": w.alice.kid}})),
    ("nested without end", lambda w: send(w, b"[" * 20000 + b"]" * 20000)),
    ("protected a number", lambda w: send(w, order_body(w) | {"protected": 5})),
    ("payload a number", lambda w: send(w, order_body(w) | {"payload": 5})),
    ("signature a number", lambda w: send(w, order_body(w) | {"signature": 5})),
    ("protected with padding", lambda w: send(w, order_body(w) | {"protected": "e30="})),
    ("protected in base64, not base64url", lambda w: send(w, order_body(w) | {"protected": "+/+/"})),
    ("protected not JSON", lambda w: send(w, order_body(w) | {"protected": b64(b"nonsense")})),
    ("protected an array", lambda w: send(w, order_body(w) | {"protected": b64(b"[]")})),
    ("payload with white space", lambda w: send(w, jws(
        w.alice.key, w.alice.protected(w.urls["newOrder"]), "e30 "))),
    ("payload not JSON", lambda w: send(w, jws(
        w.alice.key, w.alice.protected(w.urls["newOrder"]), b64(b"nonsense")))),
    ("payload an array", lambda w: send(w, jws(
        w.alice.key, w.alice.protected(w.urls["newOrder"]), [1]))),
    ("payload nested deeply", lambda w: send(w, jws(
        w.alice.key, w.alice.protected(w.urls["newOrder"]), b64(b'{"a":' * 200 + b"1" + b"}" * 200)))),
    ("payload with a member twice", lambda w: send(w, jws(
        w.alice.key, w.alice.protected(w.urls["newOrder"]), b64(b'{"identifiers":[],"identifiers":[]}')))),
    ("empty where one is wanted", lambda w: w.alice.post(w.urls["newOrder"])),
])
refuses_each("malformed", 415, "content type", [
    ("application/json", lambda w: send(w, order_body(w), content_type="application/json")),
    ("a form", lambda w: send(w, order_body(w), content_type="application/x-www-form-urlencoded")),
    ("none", lambda w: send(w, order_body(w), content_type=None)),
])
refuses_each("malformed", 405, "method", [
    ("GET of newOrder", lambda w: w.server.get(w.urls["newOrder"])),
    ("GET of newAccount", lambda w: w.server.get(w.urls["newAccount"])),
    ("GET of an order", lambda w: w.server.get(w.valid["url"])),
    ("GET of a certificate", lambda w: w.server.get(w.valid["certificate"])),
    ("GET of revokeCert", lambda w: w.server.get(w.urls["revokeCert"])),
    ("PUT of newOrder", lambda w: w.server.request("PUT", w.urls["newOrder"], b"x")),
    ("DELETE of an account", lambda w: w.server.request("DELETE", w.alice.kid)),
    ("PATCH of the directory", lambda w: w.server.request("PATCH", w.server.url.path and w.server.base + w.server.url.path)),
])
refuses_each("malformed", 404, "path", [
    ("unknown, GET", lambda w: w.server.get(w.server.base + "/no/such/thing")),
    ("unknown, POST", lambda w: w.alice.post(w.server.base + "/no/such/thing", {})),
    ("upwards", lambda w: w.server.get(w.server.base + "/../../etc/passwd")),
    ("encoded upwards", lambda w: w.server.get(w.server.base + "/%2e%2e/%2e%2e/etc/passwd")),
])


class Status:
    """A status alone, where the answer may have no body of ours."""
    body = b""

    def __init__(self, status):
        self.status = status

    def type(self):
        return None


def raw(w, data, **options):
    return Status(w.server.raw(data.replace(b"HOST", w.server.url.netloc.encode()), **options))


refuses_each(None, 413, "body", [
    ("larger than allowed", lambda w: raw(w, b"POST / HTTP/1.1\r\nHost: HOST\r\nContent-Length: 3000000\r\n\r\n")),
])
refuses_each(None, (0, 400, 413, 414, 431, 501, 505), "HTTP", [
    ("a header of a megabyte", lambda w: raw(w, b"GET / HTTP/1.1\r\nHost: HOST\r\nX: " + b"a" * 1000000 + b"\r\n\r\n")),
    ("ten thousand headers", lambda w: raw(w, b"GET / HTTP/1.1\r\nHost: HOST\r\n" + b"X: 1\r\n" * 10000 + b"\r\n")),
    ("a long path", lambda w: raw(w, b"GET /" + b"a" * 1000000 + b" HTTP/1.1\r\nHost: HOST\r\n\r\n")),
    ("two lengths", lambda w: raw(w, b"POST / HTTP/1.1\r\nHost: HOST\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab")),
    ("a negative length", lambda w: raw(w, b"POST / HTTP/1.1\r\nHost: HOST\r\nContent-Length: -1\r\n\r\n")),
    ("a length that is none", lambda w: raw(w, b"POST / HTTP/1.1\r\nHost: HOST\r\nContent-Length: 1x\r\n\r\na")),
    ("length and chunks", lambda w: raw(w, b"POST / HTTP/1.1\r\nHost: HOST\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")),
    ("no HTTP at all", lambda w: raw(w, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n")),
    ("no host", lambda w: raw(w, b"GET /directory HTTP/1.1\r\n\r\n")),
])

# --- The protected header, nonces, signatures ----------------------------------------------------------


def header(**changes):
    return lambda w: w.alice.post(w.urls["newOrder"], {"identifiers": [dns(w.new_name())]}, **changes)


refuses_each("badSignatureAlgorithm", 400, "alg", [
    ("none", header(alg="none")),
    ("None", header(alg="None")),
    ("HS256", header(alg="HS256")),
    ("HS256 with the key's public half as secret", lambda w: w.alice.send(w.urls["newOrder"], mac_jws(
        w.alice.key.private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
        w.alice.protected(w.urls["newOrder"], alg="HS256"), {"identifiers": []}))),
    ("ES384 with a P-256 key", header(alg="ES384")),
    ("RS256 with a P-256 key", header(alg="RS256")),
    ("EdDSA with a P-256 key", header(alg="EdDSA")),
    ("ES256K", header(alg="ES256K")),
    ("PS256", header(alg="PS256")),
    ("RS1", header(alg="RS1")),
    ("empty", header(alg="")),
])
refuses_each("malformed", 400, "protected header", [
    ("no alg", header(alg=ABSENT)),
    ("alg a number", header(alg=256)),
    ("crit", header(crit=["exp"], exp=1)),
    ("b64 false", header(b64=False)),
    ("jwk and kid", header(jwk=Key().jwk())),
    ("neither jwk nor kid", header(kid=ABSENT)),
    ("kid a number", header(kid=7)),
    ("jwk where a kid is wanted", header(kid=ABSENT, jwk=Key().jwk())),
    ("url a number", header(url=7)),
    ("a member twice", lambda w: send(w, jws(w.alice.key, b64(
        json.dumps(w.alice.protected(w.urls["newOrder"])).encode()[:-1] + b',"alg":"ES256"}'), {}))),
    ("kid where a jwk is wanted", lambda w: w.alice.post(
        w.urls["newAccount"], {"termsOfServiceAgreed": True}, jwk=ABSENT, kid=w.alice.kid)),
])
refuses_each(("malformed", "unauthorized"), None, "url", [
    ("none", header(url=ABSENT)),
    ("of another resource", lambda w: header(url=w.urls["revokeCert"])(w)),
    ("of another host", lambda w: header(url="https://elsewhere.example/new-order")(w)),
    ("with a query", lambda w: header(url=w.urls["newOrder"] + "?x=1")(w)),
    ("relative", header(url="/new-order")),
    ("empty", header(url="")),
])
refuses_each(("accountDoesNotExist", "unauthorized", "malformed"), None, "kid", [
    ("of no account", lambda w: header(kid=w.alice.kid[:-2] + "zz")(w)),
    ("of another server", header(kid="https://elsewhere.example/account/1")),
    ("a URL that is no account", lambda w: header(kid=w.valid["url"])(w)),
    ("empty", header(kid="")),
    ("very long", lambda w: header(kid=w.alice.kid + "a" * 5000)(w)),
    ("of another account", lambda w: header(kid=w.bob.kid)(w)),
])


@refuses("badNonce", 400)
def nonce_used_twice(w):
    nonce = w.server.nonce()
    assert w.alice.post(w.urls["newOrder"], {"identifiers": [dns(w.new_name())]}, nonce=nonce).status == 201
    return header(nonce=nonce)(w)


@refuses("badNonce", 400)
def nonce_used_by_a_request_that_was_refused(w):
    nonce = w.server.nonce()
    assert header(nonce=nonce, url=w.urls["revokeCert"])(w).status >= 400
    return header(nonce=nonce)(w)


@refuses("badNonce", 400)
def nonce_altered(w):
    nonce = w.server.nonce()
    return header(nonce=("A" if nonce[0] != "A" else "B") + nonce[1:])(w)


refuses_each("badNonce", 400, "nonce", [
    ("none", header(nonce=ABSENT)),
    ("invented", header(nonce=b64(b"\1" * 32))),
])
refuses_each("malformed", 400, "nonce", [
    ("very long", header(nonce="A" * 5000)),
    ("empty", header(nonce="")),
    ("not base64url", header(nonce="not a nonce!")),
    ("a number", header(nonce=7)),
])


def spoilt(change):
    """A request whose signature was changed by a function of its bytes."""
    def run(w):
        body = order_body(w)
        signature = w.alice.key.sign(f"{body['protected']}.{body['payload']}".encode())
        return send(w, body | {"signature": b64(change(signature))})
    return run


def as_der(signature):
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
    half = len(signature) // 2
    return encode_dss_signature(int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big"))


refuses_each(("malformed", "unauthorized"), None, "signature", [
    ("empty", lambda w: send(w, order_body(w) | {"signature": ""})),
    ("not base64url", lambda w: send(w, order_body(w) | {"signature": "!!!"})),
    ("a bit flipped", spoilt(lambda s: bytes([s[0] ^ 1]) + s[1:])),
    ("cut", spoilt(lambda s: s[:-1])),
    ("longer", spoilt(lambda s: s + b"\0")),
    ("all zeros", spoilt(lambda s: bytes(64))),
    ("in DER", spoilt(as_der)),
    ("of another key", lambda w: w.alice.post(w.urls["newOrder"], {"identifiers": [dns("a.ok.example.test")]}, key=w.bob.key)),
    ("of another payload", lambda w: send(w, order_body(w) | {"payload": b64(b"{}")})),
    ("of another header", lambda w: send(w, order_body(w) | {"protected": order_body(w)["protected"]})),
])


def new_key(jwk, key=None, **changes):
    def run(w):
        account = Account(w.server, key)
        members = jwk(account.key.jwk()) if callable(jwk) else jwk
        return account.post(w.urls["newAccount"], {"termsOfServiceAgreed": True}, jwk=members, **changes)
    return run


def generated(kind, **options):
    return lambda w: Account(w.server, Key(kind, **options)).register()


P384 = Key("P-384")
refuses_each(("badPublicKey", "malformed"), 400, "account key", [
    ("of 1024 bits", generated("RSA", bits=1024)),
    ("with exponent 1", new_key(lambda j: j | {"e": "AQ"}, Key("RSA"))),
    ("with an even modulus", new_key(lambda j: j | {"n": b64(b"\x80" + bytes(255))}, Key("RSA"))),
    ("of 16384 bits", new_key(lambda j: j | {"n": b64(b"\xff" * 2048)}, Key("RSA"))),
    ("off its curve", new_key(lambda j: j | {"y": b64(bytes(31) + b"\1")})),
    ("the point at infinity", new_key(lambda j: j | {"x": b64(bytes(32)), "y": b64(bytes(32))})),
    ("without y", new_key(lambda j: {k: v for k, v in j.items() if k != "y"})),
    ("with a short x", new_key(lambda j: j | {"x": "AQ"})),
    ("with its private half", new_key(lambda j: j | {"d": b64(bytes(31) + b"\1")})),
    ("of type oct", new_key({"kty": "oct", "k": "AQ"})),
    ("of no type", new_key({})),
    ("on another curve", new_key(lambda j: j | {"crv": "P-521"})),
    ("of secp256k1", new_key(lambda j: j | {"crv": "secp256k1"})),
    ("an Ed25519 key of 31 bytes", new_key({"kty": "OKP", "crv": "Ed25519", "x": b64(bytes(31))}, Key("Ed25519"))),
    ("of X25519", new_key(lambda j: j | {"crv": "X25519"}, Key("Ed25519"))),
    ("a string", new_key("key")),
    ("a number", new_key(5)),
])
refuses_each("badSignatureAlgorithm", 400, "account key", [
    ("P-384 under ES256", new_key(lambda j: j, P384, alg="ES256")),
])

# --- Accounts --------------------------------------------------------------------------------------------


def registers(**payload):
    return lambda w: Account(w.server).register(**payload)


refuses_each("unsupportedContact", 400, "contact", [
    ("tel", registers(contact=["tel:+12025551212"])),
    ("https", registers(contact=["https://example.test"])),
])
refuses_each(("invalidContact", "unsupportedContact", "malformed"), 400, "contact", [
    ("without an address", registers(contact=["mailto:"])),
    ("with header fields", registers(contact=["mailto:a@example.test?subject=x"])),
    ("two addresses in one", registers(contact=["mailto:a@example.test,b@example.test"])),
    ("no at sign", registers(contact=["mailto:nobody"])),
    ("no scheme", registers(contact=["a@example.test"])),
    ("empty", registers(contact=[""])),
    ("with a line end", registers(contact=["mailto:a@example.test\r\nBcc: b@example.test"])),
    ("very long", registers(contact=["mailto:" + "a" * 5000 + "@example.test"])),
])
refuses_each(("malformed", "invalidContact"), 400, "contact", [
    ("not an array", registers(contact="mailto:a@example.test")),
    ("a number in it", registers(contact=[5])),
    ("a thousand", registers(contact=[f"mailto:a{i}@example.test" for i in range(1000)])),
])
refuses_each(("userActionRequired", "malformed", "unauthorized"), None, "terms", [
    ("not agreed to", registers(termsOfServiceAgreed=False)),
    ("agreed to by a string", registers(termsOfServiceAgreed="true")),
])


@refuses("accountDoesNotExist", 400)
def only_an_existing_account_is_wanted(w):
    return Account(w.server).register(onlyReturnExisting=True)


@refuses("malformed", 400)
def only_return_existing_is_a_string(w):
    return Account(w.server).register(onlyReturnExisting="yes")


@refuses(("unauthorized", "malformed"))
def another_account_is_read(w):
    return w.alice.post(w.bob.kid)


@refuses(("unauthorized", "malformed"))
def another_account_is_changed(w):
    return w.alice.post(w.bob.kid, {"contact": []})


@refuses(("unauthorized", "malformed"))
def another_account_is_deactivated(w):
    return w.alice.post(w.bob.kid, {"status": "deactivated"})


@refuses("malformed", 400)
def account_is_given_a_status_that_is_none(w):
    return w.alice.post(w.alice.kid, {"status": "revoked"})


@refuses(("unsupportedContact", "invalidContact"), 400)
def account_is_given_a_contact_that_is_none(w):
    return w.alice.post(w.alice.kid, {"contact": ["ftp://example.test"]})


@refuses("unauthorized")
def deactivated_account_orders(w):
    account = Account(w.server)
    account.register()
    assert account.post(account.kid, {"status": "deactivated"}).json["status"] == "deactivated"
    return account.post(w.urls["newOrder"], {"identifiers": [dns(w.new_name())]})


@refuses("unauthorized")
def deactivated_account_registers_again(w):
    account = Account(w.server)
    account.register()
    account.post(account.kid, {"status": "deactivated"})
    account.kid = None
    return account.register()


@refuses(("unauthorized", "malformed"))
def another_accounts_orders_are_listed(w):
    return w.alice.post(w.bob.post(w.bob.kid).json["orders"])


def key_change(inner=None, payload=None, key=None, **changes):
    """A key change of the first account, spoilt; the account keeps its key."""
    def run(w):
        new = key(w) if key else Key()
        url = w.urls["keyChange"]
        protected = {"alg": new.alg, "jwk": new.jwk(), "url": url} | changes
        protected = {k: v for k, v in protected.items() if v is not ABSENT}
        what = {"account": w.alice.kid, "oldKey": w.alice.key.jwk()}
        what.update(payload(w) if payload else {})
        body = jws(new, protected, what)
        return w.alice.post(url, inner(w, body) if inner else body)
    return run


refuses_each(("malformed", "unauthorized", "badSignatureAlgorithm", "badPublicKey"), None, "key change", [
    ("nothing inside", key_change(lambda w, body: {})),
    ("a string inside", key_change(lambda w, body: {"inner": "x"})),
    ("inner signature wrong", key_change(lambda w, body: body | {"signature": b64(bytes(64))})),
    ("inner signature of the old key", key_change(lambda w, body: jws(
        w.alice.key, body["protected"], body["payload"]))),
    ("inner url of another resource", key_change(url="https://elsewhere.example/")),
    ("inner url absent", key_change(url=ABSENT)),
    ("inner kid", key_change(jwk=ABSENT, kid="https://elsewhere.example/")),
    ("inner nonce", key_change(nonce=b64(bytes(32)))),
    ("inner alg none", key_change(alg="none")),
    ("inner alg HS256", key_change(alg="HS256")),
    ("of another account", key_change(payload=lambda w: {"account": w.bob.kid})),
    ("another old key", key_change(payload=lambda w: {"oldKey": w.bob.key.jwk()})),
    ("account a number", key_change(payload=lambda w: {"account": 5})),
    ("a weak new key", key_change(key=lambda w: Key("RSA", 1024))),
])
refuses_each(None, 409, "key change", [
    ("to a key in use", key_change(key=lambda w: w.bob.key)),
    ("to the same key", key_change(key=lambda w: w.alice.key)),
])


def binding(changes=None, mac_key=b"k" * 32, payload=None, spoil=None):
    """Registration with an external account binding that is wrong."""
    def run(w):
        account = Account(w.server)
        url = w.urls["newAccount"]
        protected = {"alg": "HS256", "kid": "kid-1", "url": url} | (changes or {})
        protected = {k: v for k, v in protected.items() if v is not ABSENT}
        body = mac_jws(mac_key, protected, payload(w) if payload else account.key.jwk())
        return account.register(externalAccountBinding=spoil(body) if spoil else body)
    return run


refuses_each(("unauthorized", "malformed", "badSignatureAlgorithm", "externalAccountRequired"), None, "binding", [
    ("of an unknown key", binding({"kid": "kid-unknown"})),
    ("with another key's MAC", binding(mac_key=b"x" * 32)),
    ("for another url", binding({"url": "https://elsewhere.example/"})),
    ("without a url", binding({"url": ABSENT})),
    ("without a kid", binding({"kid": ABSENT})),
    ("with a nonce", binding({"nonce": b64(bytes(32))})),
    ("under none", binding({"alg": "none"})),
    ("under ES256", binding({"alg": "ES256"})),
    ("of another account key", binding(payload=lambda w: Key().jwk())),
    ("without a MAC", binding(spoil=lambda b: b | {"signature": ""})),
    ("a string", binding(spoil=lambda b: "binding")),
    ("an empty object", binding(spoil=lambda b: {})),
])

# --- Orders ------------------------------------------------------------------------------------------------


def orders(*identifiers, **members):
    return lambda w: w.new_order(*identifiers, **members)


def payload(**members):
    return lambda w: w.alice.post(w.urls["newOrder"], members)


refuses_each("malformed", 400, "order", [
    ("without identifiers", payload()),
    ("of no identifiers", payload(identifiers=[])),
    ("identifiers an object", payload(identifiers={})),
    ("identifiers a string", payload(identifiers="a.example.test")),
    ("an identifier that is a string", payload(identifiers=["a.example.test"])),
    ("an identifier without type", orders({"value": "a.example.test"})),
    ("an identifier without value", orders({"type": "dns"})),
    ("value a number", orders({"type": "dns", "value": 5})),
    ("type a number", orders({"type": 5, "value": "a.example.test"})),
])
refuses_each(("malformed", "rejectedIdentifier"), 400, "order", [
    ("of 101 names", orders(*[dns(f"a{i}.example.test") for i in range(101)])),
    ("empty name", orders(dns(""))),
    ("one label", orders(dns("localhost"))),
    ("an empty label", orders(dns("a..example.test"))),
    ("a leading dot", orders(dns(".example.test"))),
    ("a label of 64 characters", orders(dns("a" * 64 + ".example.test"))),
    ("254 characters", orders(dns(("a" * 49 + ".") * 5 + "test"))),
    ("an underscore", orders(dns("a_b.example.test"))),
    ("a leading hyphen", orders(dns("-a.example.test"))),
    ("a trailing hyphen", orders(dns("a-.example.test"))),
    ("a space", orders(dns("a b.example.test"))),
    ("a slash", orders(dns("a/b.example.test"))),
    ("a NUL", orders(dns("a\0.example.test"))),
    ("a port", orders(dns("a.example.test:443"))),
    ("not ASCII", orders(dns("münchen.example.test"))),
    ("a bad A-label", orders(dns("xn--\u00fc.example.test"))),
    ("a wildcard in the middle", orders(dns("a.*.example.test"))),
    ("two wildcards", orders(dns("*.*.example.test"))),
    ("half a wildcard", orders(dns("a*.example.test"))),
    ("a wildcard alone", orders(dns("*"))),
    ("a wildcard of one label", orders(dns("*.test"))),
    ("an address as a name", orders(dns("127.0.0.1"))),
    ("a name as an address", orders(ip("a.example.test"))),
    ("an address of three parts", orders(ip("127.0.1"))),
    ("an address with zeros in front", orders(ip("127.000.000.001"))),
    ("an address with a prefix", orders(ip("192.0.2.0/24"))),
    ("an address with a zone", orders(ip("fe80::1%lo"))),
    ("an address in brackets", orders(ip("[::1]"))),
    ("an IPv4 address in IPv6", orders(ip("::ffff:192.0.2.1"))),
])
refuses_each("unsupportedIdentifier", 400, "order", [
    ("of an e-mail address", orders({"type": "email", "value": "a@example.test"})),
    ("of a permanent identifier", orders({"type": "permanent-identifier", "value": "x"})),
    ("of no type", orders({"type": "", "value": "a.example.test"})),
])
refuses_each(("malformed", "rejectedIdentifier"), 400, "order", [
    ("with notBefore", orders(dns("a.ok.example.test"), notBefore="2030-01-01T00:00:00Z")),
    ("with notAfter", orders(dns("a.ok.example.test"), notAfter="2030-01-01T00:00:00Z")),
    ("notAfter not a time", orders(dns("a.ok.example.test"), notAfter="soon")),
])
refuses_each("invalidProfile", 400, "order", [
    ("of an unknown profile", orders(dns("a.ok.example.test"), profile="no-such-profile")),
    ("of an empty profile", orders(dns("a.ok.example.test"), profile="")),
])
refuses_each(("malformed", "invalidProfile"), 400, "order", [
    ("profile a number", orders(dns("a.ok.example.test"), profile=5)),
])
refuses_each(("malformed", "unauthorized"), None, "order", [
    ("replaces nonsense", orders(dns("a.ok.example.test"), replaces="nonsense")),
    ("replaces what does not exist", orders(dns("a.ok.example.test"), replaces="AAAA.AAAA")),
    ("replaces a number", orders(dns("a.ok.example.test"), replaces=5)),
])
refuses_each(("unauthorized", "malformed"), None, "another account's", [
    ("order", lambda w: w.bob.post(w.valid["url"])),
    ("order, finalized", lambda w: w.finalize(w.bob, w.ready, csr(["ready.ok.example.test"]))),
    ("authorization", lambda w: w.bob.post(w.valid["authorizations"][0])),
    ("authorization, deactivated", lambda w: w.bob.post(w.valid["authorizations"][0], {"status": "deactivated"})),
    ("challenge", lambda w: w.bob.post(w.challenge(w.alice, w.pending)[0]["url"], {})),
    ("certificate", lambda w: w.bob.post(w.valid["certificate"])),
    ("landmark-relative certificate", lambda w: w.bob.post(w.landmark)),
])


def nowhere(url):
    return lambda w: w.alice.post(url(w)[:-4] + "AAAA")


refuses_each(("malformed", "unauthorized"), None, "there is no such", [
    ("order", nowhere(lambda w: w.valid["url"])),
    ("authorization", nowhere(lambda w: w.valid["authorizations"][0])),
    ("challenge", nowhere(lambda w: w.challenge(w.alice, w.pending)[0]["url"])),
    ("certificate", nowhere(lambda w: w.valid["certificate"])),
    ("landmark-relative certificate", nowhere(lambda w: w.landmark)),
])


def finalizes(request, order="ready"):
    return lambda w: w.finalize(w.alice, getattr(w, order), request(w))


NAME = "ready.ok.example.test"


def signature_spoilt(w):
    import base64
    text = csr([NAME])
    der = bytearray(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    der[-1] ^= 1
    return b64(bytes(der))


refuses_each("badCSR", 400, "CSR", [
    ("not DER", finalizes(lambda w: b64(b"request"))),
    ("empty", finalizes(lambda w: b64(b"\x30\x00"))),
    ("followed by more", finalizes(lambda w: csr([NAME]) + "AAAA")),
    ("its signature wrong", finalizes(signature_spoilt)),
    ("of another name", finalizes(lambda w: csr(["other.ok.example.test"]))),
    ("of one name more", finalizes(lambda w: csr([NAME, "more.ok.example.test"]))),
    ("of no name", finalizes(lambda w: csr([]))),
    ("of one name more in the subject", finalizes(lambda w: csr([NAME], common_name="more.ok.example.test"))),
    ("of an address more", finalizes(lambda w: csr([NAME], addresses=["192.0.2.1"]))),
    ("of an e-mail address more", finalizes(lambda w: csr([NAME], extra=[x509.RFC822Name("a@example.test")]))),
    ("of a URI more", finalizes(lambda w: csr([NAME], extra=[x509.UniformResourceIdentifier("https://example.test")]))),
    ("of a wildcard instead", finalizes(lambda w: csr(["*.ok.example.test"]))),
    ("of the account's key", finalizes(lambda w: csr([NAME], w.alice.key.private))),
    ("of an RSA key of 1024 bits", finalizes(lambda w: csr([NAME], rsa.generate_private_key(65537, 1024)))),
    ("of a subject that is no name", finalizes(lambda w: csr([NAME], common_name="Example Ltd"))),
])
refuses_each(("malformed", "badCSR"), 400, "CSR", [
    ("absent", lambda w: w.alice.post(w.ready["finalize"], {})),
    ("a number", lambda w: w.alice.post(w.ready["finalize"], {"csr": 5})),
    ("in PEM", lambda w: w.alice.post(w.ready["finalize"], {"csr": "-----BEGIN CERTIFICATE REQUEST-----"})),
    ("with padding", lambda w: w.alice.post(w.ready["finalize"], {"csr": "MA=="})),
    ("empty text", lambda w: w.alice.post(w.ready["finalize"], {"csr": ""})),
    ("sixty kilobytes", lambda w: w.alice.post(w.ready["finalize"], {"csr": "A" * 60000})),
])
refuses_each("orderNotReady", 403, "finalize", [
    ("an order that is pending", lambda w: w.finalize(w.alice, w.pending, csr(["pending.ok.example.test"]))),
    ("an order that is valid", lambda w: w.finalize(w.alice, w.valid, csr(["www.ok.example.test"]))),
])

# --- Authorizations, challenges, validation ------------------------------------------------------------


@refuses("malformed", 400)
def authorization_is_given_a_status_that_is_none(w):
    return w.alice.post(w.pending["authorizations"][0], {"status": "valid"})


@refuses(("malformed", "unauthorized", "orderNotReady"))
def challenge_of_a_deactivated_authorization(w):
    order = w.order(w.alice, [w.new_name()])
    challenge, authorization = w.challenge(w.alice, order)
    assert w.alice.post(authorization, {"status": "deactivated"}).json["status"] == "deactivated"
    return w.alice.post(challenge["url"], {})


@refuses("orderNotReady", 403)
def order_whose_authorization_was_deactivated(w):
    name = w.new_name()
    order = w.order(w.alice, [name])
    w.alice.post(order["authorizations"][0], {"status": "deactivated"})
    return w.finalize(w.alice, order, csr([name]))


@refuses(("malformed", "unauthorized", "rejectedIdentifier"))
def wildcard_is_authorized_beforehand(w):
    return w.alice.post(w.urls["newAuthz"], {"identifier": dns("*.ok.example.test")})


@refuses("malformed", 400)
def nothing_is_authorized_beforehand(w):
    return w.alice.post(w.urls["newAuthz"], {})


def validation(name, kind="http-01", answer=None):
    def run(w):
        return w.fails_validation(name(w) if callable(name) else name, kind)
    return run


refuses_each(("incorrectResponse", "unauthorized"), None, "validation", [
    ("nothing at the path", validation(World.new_name)),
    ("TXT record of another challenge", validation("txt.example.test", "dns-01")),
])
refuses_each("dns", None, "validation", [
    ("a name that does not exist", validation("nothing.example.test")),
])
refuses_each(("dns", "unauthorized", "incorrectResponse"), None, "validation", [
    ("no TXT record", validation("empty.example.test", "dns-01")),
])
refuses_each("connection", None, "validation", [
    ("a server that refuses", validation("closed.example.test")),
])
refuses_each(("connection", "tls"), None, "validation", [
    ("no TLS server", validation("tls.example.test", "tls-alpn-01")),
])


def answered(name):
    """Right answer by HTTP; what is wrong is elsewhere."""
    def run(w):
        order = w.order(w.alice, [name])
        challenge, authorization = w.challenge(w.alice, order)
        Responder.answers[challenge["token"]] = f"{challenge['token']}.{w.alice.key.thumbprint()}"
        w.alice.post(challenge["url"], {})
        for _ in range(5000):
            seen = w.alice.post(authorization).json
            if seen["status"] != "pending":
                break
        return Validated(next(c["error"] for c in seen["challenges"] if c.get("error")))
    return run


refuses_each("caa", None, "validation", [
    ("CAA names another CA", answered("caa.example.test")),
    ("CAA of the parent names another CA", answered("below.caa.example.test")),
    ("CAA forbids everybody", answered("never.example.test")),
    ("a critical CAA property that is unknown", answered("critical.example.test")),
    ("CAA binds another account", answered("account.example.test")),
    ("CAA allows dns-01 alone", answered("method.example.test")),
])


@refuses(("incorrectResponse", "unauthorized"))
def answer_of_another_account(w):
    order = w.order(w.alice, [w.new_name()])
    challenge, authorization = w.challenge(w.alice, order)
    Responder.answers[challenge["token"]] = f"{challenge['token']}.{w.bob.key.thumbprint()}"
    w.alice.post(challenge["url"], {})
    for _ in range(5000):
        seen = w.alice.post(authorization).json
        if seen["status"] == "invalid":
            break
    return Validated(next(c["error"] for c in seen["challenges"] if c.get("error")))


# --- Certificates, revocation, renewal information -------------------------------------------------------


@refuses(None, 406)
def certificate_in_a_format_that_there_is_not(w):
    return w.alice.post(w.valid["certificate"], headers={"Accept": "application/pkix-cert"})


@refuses(None, 406)
def certificate_in_no_format_at_all(w):
    return w.alice.post(w.valid["certificate"], headers={"Accept": "*/*;q=0"})


def revokes(account="alice", **payload):
    def run(w):
        return getattr(w, account).post(w.urls["revokeCert"], {"certificate": w.der()} | payload)
    return run


def by_key(key):
    """Revocation signed by a certificate's key, or one that claims to be."""
    def run(w):
        account = Account(w.server)
        if key:
            account.key.private = key(w)
        return account.post(w.urls["revokeCert"], {"certificate": w.der()})
    return run


refuses_each("malformed", 400, "revocation", [
    ("of nothing", lambda w: w.alice.post(w.urls["revokeCert"], {})),
    ("of a number", lambda w: w.alice.post(w.urls["revokeCert"], {"certificate": 5})),
    ("of nonsense", lambda w: w.alice.post(w.urls["revokeCert"], {"certificate": b64(b"nonsense")})),
    ("of PEM", lambda w: w.alice.post(w.urls["revokeCert"], {"certificate": "-----BEGIN"})),
])
refuses_each(("malformed", "unauthorized"), None, "revocation", [
    ("of a certificate of another CA", lambda w: w.alice.post(w.urls["revokeCert"], {"certificate": foreign()})),
    ("by another account", revokes("bob")),
    ("by another key", by_key(None)),
])
refuses_each("badRevocationReason", 400, "revocation", [
    ("reason 7", revokes(reason=7)),
    ("reason 11", revokes(reason=11)),
    ("reason -1", revokes(reason=-1)),
    ("reason 2 to the 40th", revokes(reason=2 ** 40)),
])
refuses_each(("badRevocationReason", "malformed"), 400, "revocation", [
    ("reason a string", revokes(reason="keyCompromise")),
])


def foreign():
    """A self-signed certificate."""
    import datetime
    from cryptography.hazmat.primitives import hashes
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.datetime(2030, 1, 1)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1 << 48).not_valid_before(now).not_valid_after(now).sign(key, hashes.SHA256())
    return b64(made.public_bytes(serialization.Encoding.DER))


refuses_each("malformed", (400, 404), "renewal information", [
    ("of nothing", lambda w: w.server.get(w.urls["renewalInfo"] + "/")),
    ("of nonsense", lambda w: w.server.get(w.urls["renewalInfo"] + "/nonsense")),
    ("of an unknown certificate", lambda w: w.server.get(w.urls["renewalInfo"] + "/AAAA.AAAA")),
    ("of three parts", lambda w: w.server.get(w.urls["renewalInfo"] + "/AAAA.AAAA.AAAA")),
    ("very long", lambda w: w.server.get(w.urls["renewalInfo"] + "/" + "A" * 5000)),
])


@refuses("alreadyRevoked", 400)
def certificate_is_revoked_twice(w):
    order = w.order(w.alice, [w.new_name()])
    name = order["identifiers"][0]["value"]
    w.authorize(w.alice, order)
    w.finalize(w.alice, order, csr([name]))
    order = w.until(w.alice, order, "valid")
    leaf = x509.load_pem_x509_certificates(w.alice.post(order["certificate"]).body)[0]
    body = {"certificate": b64(leaf.public_bytes(serialization.Encoding.DER)), "reason": 4}
    assert w.alice.post(w.urls["revokeCert"], body).status == 200
    return w.alice.post(w.urls["revokeCert"], body)


def judge(case, world):
    """What is wrong with the answer to one case; None when nothing is."""
    _, types, statuses, run = case
    answer = run(world)
    seen = answer.type()
    types = (types,) if isinstance(types, str) else types
    statuses = (statuses,) if isinstance(statuses, int) else statuses
    if types and seen not in types:
        return f"{seen} instead of {' or '.join(types)}: {answer.status} {answer.body[:300]!r}"
    if statuses and answer.status is not None and answer.status not in statuses:
        return f"status {answer.status} instead of {statuses}: {answer.body[:300]!r}"
    if types and not world and not answer.body:
        return "no detail"
    return None


def main():
    directory, address, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
    responder = http.server.ThreadingHTTPServer((address, port), Responder)
    threading.Thread(target=responder.serve_forever, daemon=True).start()
    world = World(directory, sys.argv[4] if len(sys.argv) > 4 else None)
    bad = 0
    for case in CASES:
        try:
            problem = judge(case, world)
        except Exception as error:  # pylint: disable=broad-except
            problem = f"{type(error).__name__}: {error}"
        if problem:
            bad += 1
            print(f"{case[0]}: {problem}")
    # After all of it the server still does its work.
    order = world.order(world.bob, [world.new_name()])
    world.authorize(world.bob, order)
    print(f"{len(CASES) - bad} refused as they should, {bad} not")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
