"""acme_faults.py FOLDER: an ACME server that does what a real one cannot be made to do. It checks no
signature and validates nothing. FOLDER/mode has words, read at each request:

  down        503 with Retry-After: 1000 for everything
  garbage     bytes that are no JSON where JSON is due
  nonces N    the first N signed requests get badNonce
  limited     newOrder is rateLimited, Retry-After: 700
  invalid     orders become invalid, with subproblems
  processing  an order that was finalized stays so
  other-key   the certificate is for another key
  other-name  the certificate has another name
  huge        answers without end
  202         the landmark-relative certificate is never there, Retry-After: 5000
  alternates  the certificate has an alternate in the landmark-relative one's place
  redirect    newOrder redirects to file:///etc/passwd

Writes FOLDER/port and a line per request to FOLDER/requests, then says "ready"."""
import base64
import http.server
import json
import pathlib
import subprocess
import sys

folder = pathlib.Path(sys.argv[1])
folder.mkdir(exist_ok=True)
counts = {"nonce": 0, "bad": 0}
orders = []


def openssl(*arguments, data=None):
    return subprocess.run(["openssl", *arguments], input=data, check=True, capture_output=True).stdout


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-subj", "/CN=faults",
        "-keyout", str(folder / "ca.key"), "-out", str(folder / "ca.pem"))


def issue(csr, modes):
    if "other-key" in modes or "other-name" in modes:
        name = "evil.example.com" if "other-name" in modes else "www.example.com"
        key = [] if "other-key" in modes else ["-force_pubkey", str(folder / "csr.pub")]
        (folder / "csr.pub").write_bytes(openssl("req", "-inform", "DER", "-noout", "-pubkey", data=csr))
        csr = openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-subj", "/",
                      "-keyout", "/dev/null", "-outform", "DER", "-addext", f"subjectAltName=DNS:{name}")
    else:
        key = []
    return openssl("x509", "-req", "-inform", "DER", "-CA", str(folder / "ca.pem"), "-CAkey", str(folder / "ca.key"),
                   "-days", "7", "-copy_extensions", "copy", *key, data=csr)


class Server(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body=b"", **headers):
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if "garbage" in self.modes and body[:1] == b"{":
            body = b"\x00\xff{{{" * 50
        counts["nonce"] += 1
        self.send_response(status)
        self.send_header("Replay-Nonce", f"nonce{counts['nonce']}")
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def problem(self, status, kind, **headers):
        self.answer(status, {"type": f"urn:ietf:params:acme:error:{kind}", "detail": f"{kind} as told"}, **headers)

    def order(self, number):
        order = orders[number]
        body = {"status": order["status"], "authorizations": [f"{self.url}/authorization"],
                "finalize": f"{self.url}/finalize/{number}"}
        if order["status"] == "valid":
            body["certificate"] = f"{self.url}/certificate/{number}"
        if "invalid" in self.modes:
            body["status"] = "invalid"
            body["error"] = {"type": "urn:ietf:params:acme:error:compound", "detail": "two reasons", "subproblems": [
                {"type": "urn:ietf:params:acme:error:caa", "detail": "CAA says no",
                 "identifier": {"type": "dns", "value": "www.example.com"}}]}
        return body

    def handle_all(self):
        self.modes = (folder / "mode").read_text().split()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with open(folder / "requests", "a", encoding="ascii") as log:
            log.write(f"{self.command} {self.path}\n")
        parts = self.path.strip("/").split("/")
        if "down" in self.modes:
            return self.answer(503, Retry_After="1000")
        if "huge" in self.modes:
            return self.answer(200, b"{" + b" " * (4 << 20))
        if self.command == "POST" and "nonces" in self.modes:
            if counts["bad"] < int(self.modes[self.modes.index("nonces") + 1]):
                counts["bad"] += 1
                return self.problem(400, "badNonce")
        payload = decode(json.loads(body)["payload"]) if body else b""
        if parts[0] == "directory":
            return self.answer(200, {"newNonce": f"{self.url}/nonce", "newAccount": f"{self.url}/account",
                                     "newOrder": f"{self.url}/order", "revokeCert": f"{self.url}/revoke"})
        if parts[0] == "nonce":
            return self.answer(200)
        if parts[0] == "account":
            return self.answer(201, {"status": "valid"}, Location=f"{self.url}/account/1")
        if parts == ["order"]:
            if "limited" in self.modes:
                return self.problem(429, "rateLimited", Retry_After="700")
            if "redirect" in self.modes:
                return self.answer(302, Location="file:///etc/passwd")
            orders.append({"status": "ready"})
            number = len(orders) - 1
            return self.answer(201, self.order(number), Location=f"{self.url}/order/{number}")
        if parts[0] == "order":
            number = int(parts[1])
            if orders[number]["status"] == "processing" and "processing" not in self.modes:
                orders[number]["status"] = "valid"
            return self.answer(200, self.order(number))
        if parts[0] == "finalize":
            number = int(parts[1])
            orders[number]["status"] = "processing"
            orders[number]["chain"] = issue(decode(json.loads(payload)["csr"]), self.modes)
            return self.answer(200, self.order(number))
        if parts[0] == "certificate":
            link = f'<{self.url}/landmark>;rel="acme-optional-alternate"'
            if "alternates" in self.modes:
                link = f'<{self.url}/alternate>;rel="alternate"'
            return self.answer(200, orders[int(parts[1])]["chain"] + (folder / "ca.pem").read_bytes(), Link=link,
                               Content_Type="application/pem-certificate-chain")
        if parts[0] == "landmark":
            return self.answer(202, Retry_After="5000") if "202" in self.modes else self.problem(404, "malformed")
        return self.problem(404, "malformed")

    do_GET = do_POST = do_HEAD = handle_all

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
(folder / "port").write_text(str(server.server_address[1]))
print("ready", flush=True)
server.serve_forever()
