"""acme_world.py FOLDER: what the validator of an ACME server meets, on loopback. A web server for
/.well-known/acme-challenge/ with the files of FOLDER/web, and a name server that has A 127.0.0.1 for
every name, the lines of FOLDER/txt/NAME as TXT and the word in FOLDER/caa/NAME as CAA's issue. Requests for
names that begin with "slow" are answered when somebody has the FIFO FOLDER/gate open for writing; a line of
FOLDER/asked tells of each. Writes FOLDER/http.port and FOLDER/dns.port, then says "ready"."""
import http.server
import os
import pathlib
import socket
import socketserver
import struct
import sys
import threading

folder = pathlib.Path(sys.argv[1])
(folder / "web").mkdir(parents=True, exist_ok=True)
(folder / "txt").mkdir(exist_ok=True)
(folder / "caa").mkdir(exist_ok=True)
os.mkfifo(folder / "gate")
(folder / "asked").touch()
A, TXT, CAA, PREFIX = 1, 16, 257, "/.well-known/acme-challenge/"


class Web(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.headers["Host"].startswith("slow"):
            with open(folder / "asked", "a") as asked:
                asked.write(self.path + "\n")
            open(folder / "gate").close()
        file = folder / "web" / self.path.removeprefix(PREFIX).replace("/", "_")
        found = self.path.startswith(PREFIX) and file.is_file()
        body = file.read_bytes() if found else b"nothing here"
        self.send_response(200 if found else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def read_question(query):
    """The name, the type, and where the question ends."""
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode("ascii", "replace"))
        at += 1 + query[at]
    return ".".join(labels).lower(), struct.unpack_from(">H", query, at + 1)[0], at + 5


def answer(query):
    name, kind, end = read_question(query)
    file = folder / "txt" / name
    records = []
    if kind == A:
        records = [socket.inet_aton("127.0.0.1")]
    elif kind == TXT and file.is_file():
        records = [bytes([len(line)]) + line for line in file.read_bytes().split()]
    elif kind == CAA and (folder / "caa" / name).is_file():
        records = [b"\0\5issue" + (folder / "caa" / name).read_bytes()]
    flags = 0x8180  # an answer, recursion desired and available
    head = query[:2] + struct.pack(">HHHHH", flags, 1, len(records), 0, 0)
    body = b"".join(b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 0, len(data)) + data for data in records)
    return head + query[12:end] + body


def read_whole(stream, count):
    data = b""
    while len(data) < count:
        more = stream.recv(count - len(data))
        if not more:
            return b""
        data += more
    return data


class Datagrams(socketserver.BaseRequestHandler):
    def handle(self):
        self.request[1].sendto(answer(self.request[0]), self.client_address)


class Streams(socketserver.BaseRequestHandler):
    def handle(self):
        while head := read_whole(self.request, 2):
            reply = answer(read_whole(self.request, struct.unpack(">H", head)[0]))
            self.request.sendall(struct.pack(">H", len(reply)) + reply)


web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web)


def name_servers():
    """UDP and TCP of one port: the port that UDP is given may be somebody's TCP port."""
    while True:
        udp = socketserver.ThreadingUDPServer(("127.0.0.1", 0), Datagrams)
        try:
            return udp, socketserver.ThreadingTCPServer(udp.server_address, Streams)
        except OSError:
            udp.server_close()


datagrams, streams = name_servers()
for server in (web, datagrams, streams):
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
(folder / "http.port").write_text(str(web.server_address[1]))
(folder / "dns.port").write_text(str(datagrams.server_address[1]))
print("ready", flush=True)
threading.Event().wait()
