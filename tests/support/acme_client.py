"""An ACME client for tests: plain, and able to break every rule. Keys and signatures are openssl's.

  acme_client.py --connect HOST:PORT --directory URL --key FILE [--web FOLDER] COMMAND...
    account                     registers; prints the account's URL
    order NAME CSR              answers http-01 by files in the web folder; prints the order as JSON
    read URL [ACCEPT]           POST-as-GET; prints status, headers and body
    wait URL                    the same, again and again until it is final
    get URL                     GET; the same
    post URL JSON               POST by the account; the same
"""
import argparse
import base64
import hashlib
import http.client
import json
import pathlib
import subprocess
import sys
import time
import urllib.parse


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Key:
    """A P-256 key in a PEM file, made when it is not there."""

    def __init__(self, path):
        self.path = str(path)
        if not pathlib.Path(path).exists():
            self.openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.path)
        point = self.openssl("ec", "-in", self.path, "-pubout", "-outform", "DER")[-64:]
        self.jwk = {"crv": "P-256", "kty": "EC", "x": b64(point[:32]), "y": b64(point[32:])}
        canonical = json.dumps(self.jwk, sort_keys=True, separators=(",", ":"))
        self.thumbprint = b64(hashlib.sha256(canonical.encode()).digest())

    @staticmethod
    def openssl(*arguments, data=None):
        return subprocess.run(["openssl", *arguments], input=data, check=True, capture_output=True).stdout

    def sign(self, data):
        der = self.openssl("dgst", "-sha256", "-sign", self.path, data=data)
        r_len = der[3]
        r, s = der[4:4 + r_len], der[6 + r_len:]
        return b"".join(int.from_bytes(part, "big").to_bytes(32, "big") for part in (r, s))


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.getheaders()
        self.body = response.read()

    def header(self, name):
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def links(self, relation):
        return [value.split(">")[0][1:] for key, value in self.headers
                if key.lower() == "link" and f'rel="{relation}"' in value]

    def json(self):
        return json.loads(self.body)

    def show(self):
        head = "".join(f"{key}: {value}\n" for key, value in self.headers)
        return f"{self.status}\n{head}\n{self.body.decode()}"


class Client:
    """`connect` is where the server is, whatever its URLs say."""

    def __init__(self, connect, directory, key):
        self.connect, self.key, self.kid, self.nonce, self.connection = connect, key, None, None, None
        self.directory = self.request("GET", directory).json()

    def request(self, method, url, body=None, headers=None):
        target = urllib.parse.urlsplit(url)
        path = target.path + ("?" + target.query if target.query else "")
        for attempt in (0, 1):
            try:
                self.connection = self.connection or http.client.HTTPConnection(self.connect)
                self.connection.request(method, path, body, {"Host": target.netloc, **(headers or {})})
                answer = Answer(self.connection.getresponse())
                break
            except (http.client.HTTPException, OSError):
                self.connection = None
                if attempt:
                    raise
        self.nonce = answer.header("Replay-Nonce") or self.nonce
        return answer

    def take_nonce(self):
        if not self.nonce:
            self.request("HEAD", self.directory["newNonce"])
        nonce, self.nonce = self.nonce, None
        return nonce

    def jws(self, protected, payload, key):
        """`payload` None: POST-as-GET."""
        head = b64(json.dumps(protected).encode())
        body = "" if payload is None else b64(json.dumps(payload).encode())
        signature = b64(key.sign(f"{head}.{body}".encode()))
        return {"protected": head, "payload": body, "signature": signature}

    def post(self, target, payload=None, accept=None, key=None, use_jwk=False, **changes):
        """`changes` are made to the protected header; None: without that member."""
        key = key or self.key
        protected = {"alg": "ES256", "nonce": self.take_nonce(), "url": target}
        protected.update({"jwk": key.jwk} if use_jwk else {"kid": self.kid})
        protected.update(changes)
        protected = {name: value for name, value in protected.items() if value is not None}
        headers = {"Content-Type": "application/jose+json", **({"Accept": accept} if accept else {})}
        return self.request("POST", target, json.dumps(self.jws(protected, payload, key)), headers)

    def register(self, **members):
        answer = self.post(self.directory["newAccount"], {"termsOfServiceAgreed": True, **members},
                           use_jwk=True)
        self.kid = answer.header("Location")
        return answer

    def wait(self, url, states):
        while True:
            answer = self.post(url)
            if answer.json().get("status") in states or answer.status >= 400:
                return answer
            time.sleep(0.05)  # between polls, as clients do

    def answer_http(self, order, web):
        for url in order["authorizations"]:
            authorization = self.post(url).json()
            challenge = next(c for c in authorization["challenges"] if c["type"] == "http-01")
            if authorization["status"] == "valid":
                continue
            file = pathlib.Path(web) / challenge["token"]
            file.write_text(f"{challenge['token']}.{self.key.thumbprint}")
            self.post(challenge["url"], {})
            done = self.wait(url, ("valid", "invalid")).json()
            if done["status"] != "valid":
                sys.exit(json.dumps(done))

    def order(self, names, csr, web, **members):
        """The answer to finalize, or the last state of an order that took longer."""
        answer = self.post(self.directory["newOrder"], {
            "identifiers": [{"type": "dns", "value": name} for name in names], **members})
        if answer.status != 201:
            sys.exit(answer.show())
        url, order = answer.header("Location"), answer.json()
        self.answer_http(order, web)
        der = Key.openssl("req", "-in", csr, "-outform", "DER")
        answer = self.post(order["finalize"], {"csr": b64(der)})
        if answer.status != 200:
            sys.exit(answer.show())
        return answer if answer.json()["status"] != "processing" else self.wait(url, ("valid", "invalid"))


def main():
    parser = argparse.ArgumentParser()
    for option in ("--connect", "--directory", "--key"):
        parser.add_argument(option, required=True)
    parser.add_argument("--web")
    parser.add_argument("--profile")
    parser.add_argument("--replaces")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    client = Client(options.connect, options.directory, Key(options.key))
    command, *rest = options.command
    if command == "get":
        print(client.request("GET", rest[0]).show())
        return
    registered = client.register()
    if command == "account":
        print(client.kid or registered.show())
    elif command == "order":
        members = {name: value for name, value in
                   (("profile", options.profile), ("replaces", options.replaces)) if value}
        print(json.dumps(client.order(rest[:-1], rest[-1], options.web, **members).json()))
    elif command == "read":
        print(client.post(rest[0], accept=rest[1] if len(rest) > 1 else None).show())
    elif command == "wait":
        print(client.wait(rest[0], ("valid", "invalid")).show())
    elif command == "post":
        print(client.post(rest[0], json.loads(rest[1])).show())
    else:
        sys.exit(f"no such command: {command}")


if __name__ == "__main__":
    main()
