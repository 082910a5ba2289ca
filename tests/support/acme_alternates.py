"""acme_alternates.py FOLDER CONNECT: a proxy in front of the ACME server at CONNECT (host:port), whose URLs
begin with the proxy's. It adds two alternates to each certificate, in front of the server's own links:
/other/1 is the certificate itself again, /other/2 is never there. It listens on the port in FOLDER/port and
says "ready"; FOLDER/asked has a line for each request of an alternate."""
import http.client
import http.server
import pathlib
import sys

folder, connect = pathlib.Path(sys.argv[1]), sys.argv[2]
folder.mkdir(exist_ok=True)
chains = {}


class Proxy(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, headers, body):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def forward(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path.startswith("/other/"):
            with open(folder / "asked", "a") as asked:
                asked.write(self.path + "\n")
            if self.path == "/other/1":
                return self.answer(200, [("Content-Type", "application/pem-certificate-chain-with-properties")], chains[True])
            return self.answer(503, [("Retry-After", "3600")], b"")
        server = http.client.HTTPConnection(connect)
        server.request(self.command, self.path, body, dict(self.headers))
        answer = server.getresponse()
        body = answer.read()
        headers = [(name, value) for name, value in answer.getheaders() if name.lower() not in ("content-length", "connection")]
        kind = answer.headers.get("Content-Type", "")
        if kind.startswith("application/pem") and self.path.endswith("/certificate"):
            chains["properties" in kind] = body
            url = f"http://127.0.0.1:{self.server.server_address[1]}/other"
            headers.insert(0, ("Link", f'<{url}/1>;rel="alternate", <{url}/2>; rel="alternate"'))
        return self.answer(answer.status, headers, body)

    do_GET = do_POST = do_HEAD = forward

    def log_message(self, *_):
        pass


proxy = http.server.ThreadingHTTPServer(("127.0.0.1", int((folder / "port").read_text())), Proxy)
print("ready", flush=True)
proxy.serve_forever()
