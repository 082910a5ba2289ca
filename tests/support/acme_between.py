"""What stands between an ACME server and its CA's daemon in tests, and the two ends that are driven:
the server as a process, and a subscriber with names that the world's web server proves."""
import ctypes
import pathlib
import signal
import socket
import struct
import subprocess
import threading
import time

from acme_wire import Account, Server, b64, csr

libc = ctypes.CDLL(None)
ISSUE, ISSUE_DIRECT, REVOKE, WITHDRAW = 1, 13, 14, 19


class Between:
    """Listens where the ACME server looks for the daemon, and hands frames on. `away`: nobody listens.
    Answers to the methods in `swallowed` are lost with the connection; `changed` is a function of a method,
    its request's body and its answer's kind and body, which gives another kind and body."""

    def __init__(self, path, daemon):
        self.path, self.daemon = str(path), str(daemon)
        self.swallowed, self.changed = set(), None
        self.seen, self.num_swallowed = [], 0
        self.condition = threading.Condition()
        self.listener, self.connections = None, set()
        self.come_back()

    def come_back(self):
        pathlib.Path(self.path).unlink(missing_ok=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def go_away(self):
        pathlib.Path(self.path).unlink()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self.condition:
            for connection in self.connections:
                connection.shutdown(socket.SHUT_RDWR)
            while self.connections:
                self.condition.wait()

    def accept(self, listener):
        while True:
            try:
                client = listener.accept()[0]
            except OSError:
                return
            daemon = socket.socket(socket.AF_UNIX)
            daemon.connect(self.daemon)
            with self.condition:
                self.connections.add(client)
            asked = {}
            threading.Thread(target=self.carry, args=(client, daemon, asked, True), daemon=True).start()
            threading.Thread(target=self.carry, args=(daemon, client, asked, False), daemon=True).start()

    def carry(self, source, target, asked, is_request):
        """`asked`: the requests of the connection by their tags."""
        try:
            while head := self.read(source, 9):
                length, kind, tag = struct.unpack(">IBI", head)
                body = self.read(source, length - 5)
                if is_request:
                    asked[tag] = kind, body
                    with self.condition:
                        self.seen.append((kind, body))
                else:
                    method, request = asked.pop(tag)
                    if method in self.swallowed:
                        with self.condition:
                            self.num_swallowed += 1
                            self.condition.notify_all()
                        break
                    if self.changed:
                        kind, body = self.changed(method, request, kind, body)
                target.sendall(struct.pack(">IBI", len(body) + 5, kind, tag) + body)
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        with self.condition:
            self.connections -= {source, target}
            self.condition.notify_all()

    @staticmethod
    def read(stream, count):
        data = b""
        while len(data) < count:
            more = stream.recv(count - len(data))
            if not more:
                return b""
            data += more
        return data

    def swallow(self, *methods):
        self.swallowed, self.num_swallowed = set(methods), 0

    def wait_swallowed(self):
        with self.condition:
            while not self.num_swallowed:
                assert self.condition.wait(60), "nothing was asked"

    def asked_for(self, request_id):
        """The methods that named a request ID."""
        return [method for method, body in list(self.seen)
                if method in (ISSUE, ISSUE_DIRECT, WITHDRAW) and request_id.encode() in body]


class Acmed:
    """The ACME server as a process."""

    def __init__(self, program, config, log):
        self.command, self.log = [program, "--config", config], log
        self.start()

    def start(self):
        with open(self.log, "ab") as log:
            # It ends with the story, however that does: 1 is PR_SET_PDEATHSIG.
            self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=log,
                                            preexec_fn=lambda: libc.prctl(1, signal.SIGKILL))
        assert self.process.stdout.readline() == b"ready\n", "mtc-acmed did not start"

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        assert self.process.wait(60) == 0, "mtc-acmed ended badly"


class Subscriber(Account):
    """An account, with the web folder where http-01 is proved."""

    def __init__(self, directory, web):
        super().__init__(Server(directory))
        self.web = pathlib.Path(web)
        assert self.register().status == 201

    def new_order(self, *names, **members):
        identifiers = [{"type": "dns", "value": name} for name in names]
        return self.post(self.server.directory["newOrder"], {"identifiers": identifiers} | members)

    def prove(self, order):
        for url in order["authorizations"]:
            authorization = self.post(url).json
            if authorization["status"] == "valid":
                continue
            challenge = next(c for c in authorization["challenges"] if c["type"] == "http-01")
            (self.web / challenge["token"]).write_text(f"{challenge['token']}.{self.key.thumbprint()}")
            assert self.post(challenge["url"], {}).status == 200
            while (now := self.post(url).json)["status"] == "pending":
                pass
            assert now["status"] == "valid", now

    def get_ready(self, *names, **members):
        """An order that is ready: its URL and its object."""
        made = self.new_order(*names, **members)
        assert made.status == 201, made.body
        self.prove(made.json)
        url = made.headers["Location"]
        order = self.post(url).json
        assert order["status"] == "ready", order
        return url, order

    def finalize(self, order, key=None):
        names = [identifier["value"] for identifier in order["identifiers"]]
        return self.post(order["finalize"], {"csr": csr(names, key)})

    def ends(self, url):
        until = time.monotonic() + 60
        while (order := self.post(url).json)["status"] == "processing":
            assert time.monotonic() < until, f"{url} does not end"
        return order

    def deactivate(self, url):
        answer = self.post(url, {"status": "deactivated"})
        assert answer.status == 200, answer.body


def expect(what, answer, status, problem=None):
    assert (answer.status, answer.type()) == (status, problem), f"{what}: {answer.status} {answer.body}"


__all__ = ["Acmed", "Between", "Subscriber", "b64", "csr", "expect", "ISSUE", "ISSUE_DIRECT", "REVOKE", "WITHDRAW"]
