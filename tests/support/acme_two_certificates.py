#!/usr/bin/env python3
"""acme_two_certificates.py DIRECTORY ADDRESS HTTP_PORT CA_FILE FOLDER KIND: one order, its standalone
certificate at once, its landmark-relative one when the server said that it would be there. KIND is
optional (rel="acme-optional-alternate", 202) or alternate (the older manner: rel="alternate", 503).
Writes standalone.pem and landmark.pem with their issuer, and standalone-properties.pem and
landmark-properties.pem."""
import http.server
import pathlib
import sys
import threading
import time

from acme_refusals import Responder
from acme_wire import Account, Server, csr

PLAIN, PROPERTIES = "application/pem-certificate-chain", "application/pem-certificate-chain-with-properties"


def only(things):
    assert len(things) == 1, things
    return things[0]


def get_order(account, name):
    answer = account.post(account.server.directory["newOrder"], {"identifiers": [{"type": "dns", "value": name}]})
    assert answer.status == 201, answer.body
    order, url = answer.json, answer.headers["Location"]
    authorization = account.post(order["authorizations"][0]).json
    challenge = next(c for c in authorization["challenges"] if c["type"] == "http-01")
    Responder.answers[challenge["token"]] = f"{challenge['token']}.{account.key.thumbprint()}"
    assert account.post(challenge["url"], {}).status == 200
    while account.post(url).json["status"] == "pending":
        pass
    began = time.monotonic()
    answer = account.post(order["finalize"], {"csr": csr([name])})
    assert answer.status == 200, answer.body
    while answer.json["status"] == "processing":
        answer = account.post(url)
    assert answer.json["status"] == "valid", answer.body
    return answer.json, time.monotonic() - began


def main():
    directory, address, port, ca_file, folder, kind = sys.argv[1:]
    folder = pathlib.Path(folder)
    responder = http.server.ThreadingHTTPServer((address, int(port)), Responder)
    threading.Thread(target=responder.serve_forever, daemon=True).start()
    account = Account(Server(directory, ca_file))
    assert account.register().status == 201
    order, seconds = get_order(account, "www.ok.example.test")
    assert seconds < 5, f"{seconds} s for a batch"
    relation, not_yet = ("acme-optional-alternate", 202) if kind == "optional" else ("alternate", 503)

    def save(name, url, method=account.post):
        """Both formats of one certificate."""
        for suffix, media in (("", PLAIN), ("-properties", PROPERTIES)):
            answer = method(url, headers={"Accept": media})
            assert answer.status == 200 and answer.headers["Content-Type"] == media, (answer.status, answer.body)
            (folder / f"{name}{suffix}.pem").write_bytes(answer.body)
        return answer

    answer = save("standalone", order["certificate"])
    prefix = only(answer.links("c2sp.org/mtc-tlog/prefix-url"))
    assert only(answer.links("index")) == directory
    landmark = only(answer.links(relation))
    if kind == "optional":
        assert not answer.links("alternate"), "clients that fetch every alternate would hang"
    # Not yet, and when: the server is right to a tenth.
    waiting = account.post(landmark)
    asked = time.monotonic()
    assert waiting.status == not_yet, (waiting.status, waiting.body)
    retry = int(waiting.headers["Retry-After"])
    assert retry > 0
    while account.post(landmark).status == not_yet:
        time.sleep(0.05)
    took = time.monotonic() - asked
    assert abs(took - retry) <= max(2, retry * 0.1), f"Retry-After {retry} s, and it took {took:.2f} s"
    first = save("landmark", landmark)
    assert not first.links(relation)
    assert only(account.post(order["certificate"]).links(relation)) == landmark, "the URL has changed"
    # The same without an account, and by the URL that is the owner's alone.
    saved = {name: (folder / name).read_bytes() for name in ("landmark.pem", "landmark-properties.pem")}
    for url, method in ((landmark, account.server.get), (order["certificate"].replace("/certificate", "/landmark"), account.post)):
        save("landmark", url, method)
        assert all((folder / name).read_bytes() == content for name, content in saved.items()), url
    assert account.server.get(landmark[:-4] + "AAAA").status == 404, "a URL that was guessed"
    print(prefix, retry, round(took, 2))


if __name__ == "__main__":
    main()
