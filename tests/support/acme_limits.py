"""acme_limits.py DIRECTORY ADDRESS HTTP_PORT CA_FILE: limits that a client would get around: 2 accounts of
an address an hour, 2 orders of an account, a certificate for the same names a week, as the server believes this program's X-Forwarded-For."""
import http.server
import sys
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from acme_refusals import Responder
from acme_wire import Account, Server, b64, csr

directory, address, port, ca_file = sys.argv[1:]
responder = http.server.ThreadingHTTPServer((address, int(port)), Responder)
threading.Thread(target=responder.serve_forever, daemon=True).start()
server = Server(directory, ca_file)


def register(forwarded_for):
    account = Account(server)
    url = server.directory["newAccount"]
    answer = account.post(url, {"termsOfServiceAgreed": True}, headers={"X-Forwarded-For": forwarded_for})
    account.kid = answer.headers["Location"]
    return account, answer


def expect(what, answer, status, problem=None):
    assert (answer.status, answer.type()) == (status, problem), f"{what}: {answer.status} {answer.body}"


for customer in ("2001:db8::%x", "2001:db8:0:1::%x"):  # a /64 each
    for host in (1, 2):
        account, answer = register(customer % host)
        expect("an account of a network", answer, 201)
    expect("a third account of it", register(customer % 0xabcd)[1], 429, "rateLimited")


def order(*names, **members):
    return account.post(server.directory["newOrder"],
                        {"identifiers": [{"type": "dns", "value": name} for name in names]} | members)


made = order("www.ok.example.test")
expect("an order", made, 201)
url = made.headers["Location"]
authorization = account.post(made.json["authorizations"][0]).json
challenge = next(c for c in authorization["challenges"] if c["type"] == "http-01")
Responder.answers[challenge["token"]] = f"{challenge['token']}.{account.key.thumbprint()}"
expect("a challenge", account.post(challenge["url"], {}), 200)
while account.post(url).json["status"] == "pending":
    pass
expect("finalize", account.post(made.json["finalize"], {"csr": csr(["www.ok.example.test"])}), 200)
while (valid := account.post(url).json)["status"] == "processing":
    pass
leaf = x509.load_pem_x509_certificates(account.post(valid["certificate"]).body)[0]
serial = leaf.serial_number.to_bytes(leaf.serial_number.bit_length() // 8 + 1, "big")
digest = hashes.Hash(hashes.SHA256())
digest.update(leaf.issuer.public_bytes())
cert_id = f"{b64(digest.finalize()[:20])}.{b64(serial)}"
expect("its renewal information", server.get(f"{server.directory['renewalInfo']}/{cert_id}"), 200)
again = order("WWW.ok.example.test", "www.ok.example.test")
expect("a second certificate for the same names", again, 429, "rateLimited")
assert "exactly these names" in again.json["detail"], again.body
expect("a second order", order("two.ok.example.test"), 201)
expect("a third order", order("www.ok.example.test"), 429, "rateLimited")
expect("a renewal with another name", order("www.ok.example.test", "other.ok.example.test", replaces=cert_id), 429, "rateLimited")
expect("a renewal", order("www.ok.example.test", replaces=cert_id), 201)
expect("a renewal again", order("www.ok.example.test", replaces=cert_id), 409, "alreadyReplaced")
