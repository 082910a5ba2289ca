"""acme_rules.py CONNECT DIRECTORY FOLDER: breaks the rules of RFC 8555 and its companions one by one;
each has to be refused with its type. FOLDER has csr/www.csr, csr/other.csr and world/web."""
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.dont_write_bytecode = True
from acme_client import Client, Key, b64  # noqa: E402

connect, directory, folder = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
failures = 0


def check(what, answer, problem, status=None):
    """`problem` None: it has to succeed."""
    global failures
    found = None
    if answer.status >= 400:
        found = answer.json()["type"].removeprefix("urn:ietf:params:acme:error:")
        if answer.header("Content-Type") != "application/problem+json" or answer.json()["status"] != answer.status:
            found = "not a problem document"
    if found != problem or (status and status != answer.status):
        failures += 1
        print(f"{what}: {answer.status} {answer.body.decode()[:300]} instead of {status or ''} {problem}")


def client(name):
    return Client(connect, directory, Key(folder / f"{name}.key"))


def dns(*names):
    return {"identifiers": [{"type": "dns", "value": name} for name in names]}


def csr(name):
    return {"csr": b64(Key.openssl("req", "-in", str(folder / "csr" / f"{name}.csr"), "-outform", "DER"))}


one = client("one")
urls = one.directory
new_account, new_order = urls["newAccount"], urls["newOrder"]

# Accounts.
check("no terms", one.post(new_account, {}, use_jwk=True), "userActionRequired", 403)
check("none yet", one.post(new_account, {"onlyReturnExisting": True}, use_jwk=True), "accountDoesNotExist", 400)
for contact, problem in (("tel:1", "unsupportedContact"), ("mailto:a@b.c?cc=x", "invalidContact"),
                         ("mailto:a", "invalidContact"), ("mailto:a@b.c,d@e.f", "invalidContact"),
                         ("mailto:a@b.c\u0000", None), (7, "invalidContact")):
    answer = one.post(new_account, {"termsOfServiceAgreed": True, "contact": [contact]}, use_jwk=True)
    check(f"contact {contact!r}", answer, problem or answer.json()["type"].split(":")[-1])
check("contact is no list", one.post(new_account, {"termsOfServiceAgreed": True, "contact": "a"}, use_jwk=True),
      "malformed")
check("agreed by a text", one.post(new_account, {"termsOfServiceAgreed": "yes"}, use_jwk=True), "malformed")
check("by kid", one.post(new_account, {}, kid="https://x/y"), "malformed")
check("register", one.register(contact=["mailto:a@example.com"]), None, 201)
check("again", one.register(), None, 200)
account = one.kid

# Nonces, URLs, content types, signatures.
answer = one.post(account, nonce="AAAA")
check("foreign nonce", answer, "badNonce")
assert answer.header("Replay-Nonce")
nonce = one.take_nonce()
check("first use", one.post(account, nonce=nonce), None)
check("replay", one.post(account, nonce=nonce), "badNonce")
check("no nonce", one.post(account, nonce=None), "badNonce")
check("other url", one.post(account, url=new_order), "unauthorized")
check("url with a query", one.post(account, url=account + "?"), "unauthorized")
check("kid and jwk", one.post(account, jwk=one.key.jwk), "malformed")
check("no kid", one.post(account, kid=None), "malformed")
check("jwk instead of kid", one.post(account, use_jwk=True), "malformed")
check("kid elsewhere", one.post(account, kid=account.replace("acme.test", "acme.tess")), "accountDoesNotExist")
check("kid of nobody", one.post(account, kid=account[:-16] + "0000000000000001"), "accountDoesNotExist")
check("kid is a number", one.post(account, kid=1), "malformed")
check("alg none", one.post(account, alg="none"), "badSignatureAlgorithm")
check("alg HS256", one.post(account, alg="HS256"), "badSignatureAlgorithm")
check("alg ES384", one.post(account, alg="ES384"), "badSignatureAlgorithm")
check("crit", one.post(account, crit=["b64"]), "malformed")
check("another's signature", one.post(account, key=Key(folder / "thief.key")), "malformed")
check("wrong type", one.request("POST", account, "{}", {"Content-Type": "application/json"}), "malformed", 415)
check("not JSON", one.request("POST", account, "{", {"Content-Type": "application/jose+json"}), "malformed")
check("GET of an account", one.request("GET", account), "malformed", 405)
check("PUT", one.request("PUT", account, "{}"), "malformed", 405)
check("no such path", one.request("GET", urls["newNonce"] + "x"), "malformed", 404)
check("POST to the directory", one.post(directory), "malformed", 405)
assert one.request("HEAD", urls["newNonce"]).status == 200 and one.request("GET", urls["newNonce"]).status == 204

# Orders.
for what, payload, problem in (
        ("no identifiers", {}, "malformed"),
        ("none", {"identifiers": []}, "malformed"),
        ("101", dns(*(f"n{i}.example.com" for i in range(101))), "malformed"),
        ("other type", {"identifiers": [{"type": "email", "value": "a@b.c"}]}, "unsupportedIdentifier"),
        ("wildcard within", dns("a.*.example.com"), "malformed"),
        ("address as name", dns("127.0.0.1"), "malformed"),
        ("notAfter", {**dns("a.example.com"), "notAfter": "2030-01-01T00:00:00Z"}, "malformed"),
        ("profile", {**dns("a.example.com"), "profile": "none"}, "invalidProfile"),
        ("profile is a number", {**dns("a.example.com"), "profile": 1}, "malformed"),
        ("replaces nothing", {**dns("a.example.com"), "replaces": "AA.AA"}, "malformed")):
    check(what, one.post(new_order, payload), problem)
check("empty payload", one.post(new_order), "malformed")
answer = one.post(new_order, dns("www.example.com"))
check("order", answer, None, 201)
order_url, order = answer.header("Location"), answer.json()
check("finalize too early", one.post(order["finalize"], csr("www")), "orderNotReady", 403)
check("certificate too early", one.post(order_url + "/certificate"), "orderNotReady")
check("order with a payload", one.post(order_url, {}), "malformed")

# Another account.
two = client("two")
two.register()
authz_url = order["authorizations"][0]
challenge = one.post(authz_url).json()["challenges"][0]
for what, url, payload in (("order", order_url, None), ("finalize", order["finalize"], csr("www")),
                           ("authorization", authz_url, None), ("challenge", challenge["url"], {}),
                           ("certificate", order_url + "/certificate", None),
                           ("landmark", order_url + "/landmark", None),
                           ("account", account, None), ("orders", account + "/orders", None)):
    check(f"another's {what}", two.post(url, payload), "unauthorized", 403)
check("deactivate another's", two.post(authz_url, {"status": "deactivated"}), "unauthorized")

# Authorizations and challenges.
check("no such challenge", one.post(challenge["url"].rsplit("/", 1)[0] + "/http-02", {}), "malformed")
check("odd status", one.post(authz_url, {"status": "valid"}), "malformed")
check("pre-authorized wildcard", one.post(urls["newAuthz"], {"identifier": {"type": "dns", "value": "*.a.example"}}),
      "malformed")
answer = one.post(urls["newAuthz"], {"identifier": {"type": "dns", "value": "pre.example.com"}})
check("pre-authorization", answer, None, 201)
pre_url = answer.header("Location")
check("deactivate", one.post(pre_url, {"status": "deactivated"}), None)
check("answer a deactivated one", one.post(answer.json()["challenges"][0]["url"], {}), "malformed")
answer = one.post(new_order, dns("*.wild.example.com", "fail.example.com"))
wild = [one.post(url).json() for url in answer.json()["authorizations"]]
assert any(a.get("wildcard") and [c["type"] for c in a["challenges"]] == ["dns-01"] for a in wild), wild
failing = next(a for a in wild if not a.get("wildcard"))
index = wild.index(failing)
one.post(next(c["url"] for c in failing["challenges"] if c["type"] == "http-01"), {})
state = one.wait(answer.json()["authorizations"][index], ("valid", "invalid")).json()
assert state["status"] == "invalid" and state["challenges"][0]["error"], state
assert one.post(answer.header("Location")).json()["status"] == "invalid"
check("finalize an invalid order", one.post(answer.json()["finalize"], csr("www")), "orderNotReady")

# Finalize.
one.answer_http(order, folder / "world" / "web")
assert one.post(order_url).json()["status"] == "ready"
check("no CSR", one.post(order["finalize"], {}), "malformed")
check("CSR in base64", one.post(order["finalize"], {"csr": "AA=="}), "badCSR")
check("not a CSR", one.post(order["finalize"], {"csr": "AAAA"}), "badCSR")
check("other names", one.post(order["finalize"], csr("other")), "badCSR")
Key.openssl("req", "-new", "-key", one.key.path, "-subj", "/", "-addext", "subjectAltName=DNS:www.example.com",
            "-out", str(folder / "csr" / "own.csr"))
check("the account's key", one.post(order["finalize"], csr("own")), "badCSR")
assert one.post(order_url).json()["status"] == "ready"  # all that was no try
answer = one.post(order["finalize"], csr("www"))
check("finalize", answer, None, 200)
assert answer.json()["status"] == "valid", answer.body
check("finalize again", one.post(order["finalize"], csr("www")), "orderNotReady")

# The certificate, its renewal and its revocation.
chain = one.post(answer.json()["certificate"])
check("certificate", chain, None, 200)
assert len(chain.links("c2sp.org/mtc-tlog/prefix-url")) <= 1 and len(chain.links("acme-optional-alternate")) == 1
assert chain.links("index") == [directory]
landmark = chain.links("acme-optional-alternate")[0]
check("another's landmark by POST", two.post(landmark), "malformed", 404)
check("no such landmark", one.request("GET", landmark[:-1]), "malformed", 404)
leaf = Key.openssl("x509", "-outform", "DER", data=chain.body)
revoke = urls["revokeCert"]
check("revoke another's", two.post(revoke, {"certificate": b64(leaf)}), "unauthorized")
check("revoke by any key", one.post(revoke, {"certificate": b64(leaf)}, use_jwk=True, key=Key(folder / "thief.key")),
      "unauthorized")
check("revoke rubbish", one.post(revoke, {"certificate": "AAAA"}), "malformed")
check("revoke nothing", one.post(revoke, {}), "malformed")
for reason in (2, 6, 7, 8, 10, 11, -1, "1", 1.5):
    check(f"reason {reason!r}", one.post(revoke, {"certificate": b64(leaf), "reason": reason}), "badRevocationReason")
foreign = Key.openssl("req", "-x509", "-key", one.key.path, "-subj", "/CN=x", "-outform", "DER")
check("revoke a foreign one", one.post(revoke, {"certificate": b64(foreign)}), "malformed", 404)
check("renewal of nothing", one.request("GET", urls["renewalInfo"] + "/AA.AA"), "malformed", 404)
certificate_key = Key(folder / "csr" / "www.key")
check("revoke by the key", one.post(revoke, {"certificate": b64(leaf), "reason": 1}, use_jwk=True,
                                    key=certificate_key), None, 200)
check("revoke again", one.post(revoke, {"certificate": b64(leaf)}), "alreadyRevoked")

# Keys and limits.
change = urls["keyChange"]


def inner(key, account_url, old, url=change):
    return one.jws({"alg": "ES256", "jwk": key.jwk, "url": url}, {"account": account_url, "oldKey": old.jwk}, key)


three = Key(folder / "three.key")
check("key of another", one.post(change, inner(two.key, account, one.key)), "malformed", 409)
check("account of another", one.post(change, inner(three, two.kid, one.key)), "malformed")
check("not the old key", one.post(change, inner(three, account, two.key)), "malformed")
check("inner url", one.post(change, inner(three, account, one.key, new_order)), "malformed")
forged = {**inner(three, account, one.key), "signature": inner(two.key, account, one.key)["signature"]}
check("inner signature", one.post(change, forged), "malformed")
check("key change", one.post(change, inner(three, account, one.key)), None, 200)
check("the old key", one.post(account), "malformed")
one.key = three
check("the new key", one.post(account), None, 200)
check("orders", one.post(account + "/orders"), None)
check("bad cursor", one.post(account + "/orders?cursor=1"), "malformed")
answer = one.post(new_order, dns(*(f"n{i}.example.com" for i in range(9))))
check("pending authorizations", answer, "rateLimited", 429)
assert int(answer.header("Retry-After")) > 0
for i in range(4):
    client(f"more{i}").register()
answer = client("toomany").register()
check("accounts of an address", answer, "rateLimited", 429)
check("deactivate", one.post(account, {"status": "deactivated"}), None)
check("deactivated", one.post(account), "unauthorized", 403)
check("deactivated, by key", one.post(new_account, {}, use_jwk=True), "unauthorized", 403)
sys.exit(1 if failures else 0)
