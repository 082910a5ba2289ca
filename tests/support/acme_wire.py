"""An ACME client that can be made to say anything: what the suite of refusals is written with."""
import base64
import hashlib
import hmac
import http.client
import json
import socket
import ssl
import urllib.parse

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID

ABSENT = object()


def b64(data):
    """base64url without padding, as text."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value, length=None):
    return b64(value.to_bytes(length or (value.bit_length() + 7) // 8, "big"))


class Key:
    """An account key: P-256, P-384, RSA or Ed25519."""

    def __init__(self, kind="P-256", bits=2048):
        self.kind = kind
        if kind == "RSA":
            self.private = rsa.generate_private_key(65537, bits)
        elif kind == "Ed25519":
            self.private = ed25519.Ed25519PrivateKey.generate()
        else:
            self.private = ec.generate_private_key(ec.SECP256R1() if kind == "P-256" else ec.SECP384R1())
        self.alg = {"P-256": "ES256", "P-384": "ES384", "RSA": "RS256", "Ed25519": "EdDSA"}[kind]

    def jwk(self):
        public = self.private.public_key()
        if self.kind == "RSA":
            numbers = public.public_numbers()
            return {"kty": "RSA", "n": number(numbers.n), "e": number(numbers.e)}
        if self.kind == "Ed25519":
            raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
            return {"kty": "OKP", "crv": "Ed25519", "x": b64(raw)}
        numbers, length = public.public_numbers(), 32 if self.kind == "P-256" else 48
        return {"kty": "EC", "crv": self.kind, "x": number(numbers.x, length), "y": number(numbers.y, length)}

    def thumbprint(self):
        text = json.dumps(self.jwk(), sort_keys=True, separators=(",", ":"))
        return b64(hashlib.sha256(text.encode()).digest())

    def sign(self, data):
        if self.kind == "RSA":
            return self.private.sign(data, padding.PKCS1v15(), hashes.SHA256())
        if self.kind == "Ed25519":
            return self.private.sign(data)
        digest, length = (hashes.SHA256(), 32) if self.kind == "P-256" else (hashes.SHA384(), 48)
        r, s = decode_dss_signature(self.private.sign(data, ec.ECDSA(digest)))
        return r.to_bytes(length, "big") + s.to_bytes(length, "big")


def jws(key, protected, payload, signature=None):
    """A flattened JWS as a dictionary. `protected` may be a string (sent as it is), `payload` None
    (POST-as-GET), text, or what becomes JSON."""
    head = protected if isinstance(protected, str) else b64(json.dumps(protected).encode())
    if payload is None:
        body = ""
    elif isinstance(payload, str):
        body = payload
    else:
        body = b64(json.dumps(payload).encode())
    return {"protected": head, "payload": body,
            "signature": b64(key.sign(f"{head}.{body}".encode())) if signature is None else signature}


def mac_jws(mac_key, protected, payload, digest=hashlib.sha256):
    head, body = b64(json.dumps(protected).encode()), b64(json.dumps(payload).encode())
    return {"protected": head, "payload": body,
            "signature": b64(hmac.new(mac_key, f"{head}.{body}".encode(), digest).digest())}


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def type(self):
        """The problem's type without its prefix; None: it is no problem document."""
        if not self.headers.get("Content-Type", "").startswith("application/problem+json"):
            return None
        return self.json.get("type", "").removeprefix("urn:ietf:params:acme:error:")

    def links(self, relation):
        found = []
        for header in self.headers.get_all("Link", []):
            url, _, parameters = header.partition(">")
            if f'rel="{relation}"' in parameters:
                found.append(url.lstrip("<"))
        return found


class Server:
    """Where requests go: the directory's origin, over one connection that is made again when lost."""

    def __init__(self, directory, ca_file=None):
        self.url = urllib.parse.urlsplit(directory)
        self.base = f"{self.url.scheme}://{self.url.netloc}"
        self.context = ssl.create_default_context(cafile=ca_file) if self.url.scheme == "https" else None
        self.connection = None
        self.directory = self.get(directory).json

    def request(self, method, url, body=None, headers=None):
        parts = urllib.parse.urlsplit(url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        for attempt in (0, 1):
            if not self.connection:
                make = http.client.HTTPSConnection if self.context else http.client.HTTPConnection
                extra = {"context": self.context} if self.context else {}
                self.connection = make(self.url.hostname, self.url.port, timeout=60, **extra)
            try:
                self.connection.request(method, target, body, headers or {})
                answer = self.connection.getresponse()
                return Answer(answer.status, answer.headers, answer.read())
            except (http.client.RemoteDisconnected, ConnectionError):
                # The server may close a connection between two requests.
                self.connection.close()
                self.connection = None
                if attempt:
                    raise

    def get(self, url, headers=None):
        return self.request("GET", url, headers=headers)

    def nonce(self):
        return self.request("HEAD", self.directory["newNonce"]).headers["Replay-Nonce"]

    def raw(self, data, until_closed=False):
        """What the server answers to bytes on a connection of their own: the status, 0 when it closes."""
        with socket.create_connection((self.url.hostname, self.url.port), timeout=60) as plain:
            with (self.context.wrap_socket(plain, server_hostname=self.url.hostname)
                  if self.context else plain) as connection:
                try:
                    connection.sendall(data)
                    answer = b""
                    while until_closed or b"\r\n" not in answer:
                        more = connection.recv(65536)
                        if not more:
                            break
                        answer += more
                except (ConnectionError, ssl.SSLError):
                    return 0
        return int(answer.split()[1]) if answer.startswith(b"HTTP/") else 0


class Account:
    """A key, and the account URL once there is one."""

    def __init__(self, server, key=None):
        self.server, self.key, self.kid = server, key or Key(), None

    def protected(self, target, **changes):
        """The protected header; a change to ABSENT leaves a member away."""
        members = {"alg": self.key.alg, "nonce": None, "url": target}
        members.update({"kid": self.kid} if self.kid else {"jwk": self.key.jwk()})
        members.update(changes)
        if members["nonce"] is None:
            members["nonce"] = self.server.nonce()
        return {name: value for name, value in members.items() if value is not ABSENT}

    def send(self, url, body, content_type="application/jose+json", headers=None):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Content-Type": content_type} if content_type else {}
        return self.server.request("POST", url, data, sent | (headers or {}))

    def post(self, target, payload=None, key=None, signature=None, headers=None, **changes):
        protected = self.protected(target, **changes)
        return self.send(target, jws(key or self.key, protected, payload, signature), headers=headers)

    def register(self, **payload):
        answer = self.post(self.server.directory["newAccount"], {"termsOfServiceAgreed": True} | payload)
        if answer.status in (200, 201):
            self.kid = answer.headers["Location"]
        return answer


def csr(names, key=None, addresses=(), extra=(), common_name=None):
    """A request in base64url; `key` is a private key of the library's."""
    import ipaddress
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else []
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(subject))
    general = [x509.DNSName(name) for name in names]
    general += [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses] + list(extra)
    if general:
        builder = builder.add_extension(x509.SubjectAlternativeName(general), critical=False)
    request = builder.sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())
    return b64(request.public_bytes(serialization.Encoding.DER))
