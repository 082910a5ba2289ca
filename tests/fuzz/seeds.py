#!/usr/bin/env python3
"""Writes the seeds of the harnesses, tests/fuzz/<name>/, from tests/vectors (see PROVENANCE.txt)."""
import base64
import hashlib
import pathlib
import re
import struct

HERE = pathlib.Path(__file__).resolve().parent
VECTORS = HERE.parent / "vectors"


def put(harness, name, content):
    folder = HERE / harness
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def pem(path):
    block = re.search("-----BEGIN CERTIFICATE-----(.*?)-----END", path.read_text(), re.S)
    return base64.b64decode("".join(block[1].split()))


def rows(path):
    return [line.split() for line in path.read_text().splitlines() if line and line[0] != "#"]


def tlv(tag, *parts):
    body = b"".join(parts)
    length = bytes([len(body)]) if len(body) < 128 else b"\x82" + struct.pack(">H", len(body))
    return bytes([tag]) + length + body


SMALL = "10_10 10_12 32_1 33_1 2034_1 2078_1 2121_1".split()
for number in "05", "06", "07":
    corpus = VECTORS / f"corpus-plants-{number}"
    put("ca_certificate", f"ca_{number}", pem(corpus / "ca_cert.pem"))
    for name in SMALL:
        der = pem(corpus / f"cert_{name}.pem")
        put("verify", f"cert_{number}_{name}", der)
        if number == "07":
            put("provider", f"cert_{number}_{name}", der)
        if name in ("10_12", "32_1", "2034_1"):
            put("certificate", f"cert_{number}_{name}", der)
    for name in "10_3", "2121_0":
        put("verify", f"cert_{number}_{name}", pem(corpus / f"cert_{name}.pem"))
    bundle = (corpus / "tile/entries/000").read_bytes()
    at = 0
    for index in range(35):
        length = struct.unpack_from(">H", bundle, at)[0]
        if index in (0, 10, 32, 33, 34):
            entry = bundle[at + 2:at + 2 + length]
            put("log_entry", f"entry_{number}_{index}", entry)
            put("log_entry", f"long_hash_{number}", entry.replace(b"\x04\x20", b"\x04\x21\x00"))
        at += 2 + length
    lines = (corpus / "checkpoint").read_text().splitlines(keepends=True)
    signatures = sorted(lines[4:], key=len)
    put("checkpoint", f"note_{number}", "".join(lines[:4] + signatures[:2]))
corpus = VECTORS / "corpus-plants-07"
put("pem", "cert", (corpus / "cert_32_1.pem").read_bytes())
put("pem", "chain", (VECTORS / "tai06/example-chain-with-properties.pem").read_bytes())

for version, name, hexed, _ in (row[:4] for row in rows(VECTORS / "encode/mtcproof.txt")):
    if version in ("plants-05", "plants-06", "plants-07") and len(hexed) < 1200:
        put("mtcproof", f"{version}_{name}", bytes.fromhex(hexed))
for row in rows(VECTORS / "encode/tbs-log-entry.txt"):
    put("log_entry", f"{row[0]}_{row[1]}", bytes.fromhex(row[3]))
    if row[2] != "-":
        put("certificate", f"tbs_{row[0]}_{row[1]}", bytes.fromhex(row[2]))
        put("der", f"tbs_{row[0]}_{row[1]}", bytes.fromhex(row[2]))
for number, row in enumerate(rows(VECTORS / "tai06/patterns.txt")):
    pattern, item = bytes.fromhex(row[0].strip("-")), bytes.fromhex(row[1].strip("-"))
    put("properties", f"pattern_{number}", struct.pack(">H", len(pattern)) + pattern + item)
for number, row in enumerate(rows(VECTORS / "tai06/properties.txt")):
    put("properties", f"list_{number}", base64.b64decode(row[0]))

put("tai", "text", "32473.1.0.1")
put("tai", "binary", bytes.fromhex("81fd590100"))
put("tai", "large", "9223372036854775807.0.18446744073709551615")
ca_id = bytes.fromhex("81fd5901")
for number in "05", "06", "07":
    certificate = pem(VECTORS / f"corpus-plants-{number}" / "cert_32_1.pem")
    # The issuer: the only Name of one RDN whose value is the CA ID.
    value = b"\x0c\x0732473.1" if number == "05" else b"\x0d\x04" + ca_id
    end = certificate.index(value) + len(value)
    start = max(i for i in range(end) if certificate[i] == 0x30 and certificate[i + 2] == 0x31
                and i + 2 + certificate[i + 1] == end)
    put("name", f"name_{number}", certificate[start:end])

landmarks = (VECTORS / "openssl-from-corpus-07/landmarks-1.txt").read_text()
put("landmarks", "expiry", landmarks)
put("landmarks", "plain", "3 3\n2122\n2036\n34\n0\n")
put("landmarks", "expired", "9\n900 1700000000\n800 1600000000\n")

policy = (corpus / "policy.txt").read_text().splitlines()
ed25519 = base64.b64encode(bytes.fromhex("302a300506032b6570032100") + bytes(range(32))).decode()
put("policy", "subtrees", "\n".join(re.findall("^trusted.*", "\n".join(policy), re.M)) + "\n")
put("policy", "groups", f"cosigner 32473.9 ed25519 {ed25519}\ncosigner 32473.8 ed25519 {ed25519}\n"
    "group two all 32473.9 32473.8 # both\ngroup some any 32473.9 two\n"
    "require-cosigners 32473.7 some\nrequire-cosigners all 32473.1\n"
    "revoke-range 32473.1 1:0 1:9\nrevoke-range 32473.1 5 max\n")

put("der", "oid", "2.23.140.1.2.1")
put("der", "time", tlv(0x17, b"250101000000Z"))
put("der", "long_time", tlv(0x18, b"20500101000000Z"))
put("der", "number", tlv(0x02, b"\x00\x80\x00\x00\x00\x00\x00\x00\x00"))
put("der", "set", tlv(0x31, tlv(0x01, b"\xff"), tlv(0x03, b"\x07\x80"), tlv(0x06, b"\x2a\x03")))

for index, start, end, size in (5, 0, 8, 20), (9, 8, 13, 13), (21, 16, 22, 40), (0, 0, 1, 1):
    put("proof", f"proof_{index}_{start}_{end}_{size}",
        struct.pack(">QQQQ", index, start, end, size) + bytes(range(96)))

extensions = tlv(0x30, tlv(0x30, b"\x06\x03\x55\x1d\x11",
                           tlv(4, tlv(0x30, tlv(0x82, b"www.example.com"),
                                      tlv(0x82, b"*.example.com"),
                                      tlv(0x87, b"\xc0\x00\x02\x01")))),
                 tlv(0x30, b"\x06\x03\x55\x1d\x0f\x01\x01\xff", tlv(4, b"\x03\x02\x07\x80")))
attributes = tlv(0x30, b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e", tlv(0x31, extensions))
DIRECTORY_NAME = tlv(0x31, tlv(0x30, b"\x06\x03\x55\x04\x03", tlv(0x0c, b"host.example.com")))
for flags in 0x00, 0x7f, 0xbf:
    put("csr", f"parts_{flags:02x}", struct.pack(">BH", flags, len(DIRECTORY_NAME)) + DIRECTORY_NAME + attributes)
    put("csr", f"name_{flags:02x}", struct.pack(">BH", flags, len(DIRECTORY_NAME)) + DIRECTORY_NAME)
put("csr", "alternative", b"\x07" + tlv(0x30, tlv(0x82, b"a.example.com"), tlv(0x87, bytes(16))))

put("codec", "base64", "TWFueSBoYW5kcw==")
put("codec", "hex", "00ffA5")
put("codec", "decimal", "18446744073709551615")
put("uri", "full", "pkcs11:token=CA%20token;manufacturer=NSS;model=v3;serial=0001;object=mtc"
    ";id=%01%02;type=private?pin-source=file:/etc/mtc/pin")
put("uri", "pin", "pkcs11:token=t;object=o?pin-value=1234")
config = b"\x01" + b"".join(struct.pack(">H", len(s) + 1) + s + b"\0"
                            for s in (b"pkcs11:token=t;object=o", b"/lib/p.so", b"", b"file:/pin", b"/latch"))
config += struct.pack(">QB", 0x1D, 1)
put("signer_protocol", "open", struct.pack(">BBBIH", 1, 1, 0, 7, len(config)) + config + b"\0\0")
put("signer_protocol", "reply", struct.pack(">BBBIH", 1, 2, 3, 8, 0) + b"\0\7refused")
put("signer_protocol", "config", config)
frame = struct.pack(">IBI", 8, 7, 1) + b"abc"
put("rpc", "frames", frame + struct.pack(">IBI", 5, 8, 2) + frame)
put("rpc", "partial", frame + frame[:7])
put("rpc", "long", frame + b"\xff\xff\xff\xff")
refused = struct.pack(">IBIB", 13, 1, 2, 1) + b"refused"
put("rpc_client", "answers", struct.pack(">IBI", 8, 0, 1) + b"abc" + refused)
put("rpc_client", "unknown", refused + struct.pack(">IBIB", 6, 1, 3, 77))
put("rpc_client", "partial", refused + refused[:8])
put("card", "right", struct.pack(">BHHH", 99, 0x1234, 1, 1))
put("card", "exchanged", struct.pack(">BHHH", 99, 0x1234, 3, 90))
put("card", "copied", struct.pack(">BHHH", 99, 0x1234, 0x8003, 90))
put("card", "wrong_hash", struct.pack(">BHHHHB", 3, 1, 1, 1, 70, 5))
text = "key: {}\n"
spki = bytes.fromhex("302a300506032b6570032100" + "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
put("transcript", "fields", "\n".join([
    '{"event":"begin","file":{"text":"key: {}\\n","sha256":"%s"}}' % hashlib.sha256(text.encode()).hexdigest(),
    '{"event":"generate","label":"ca","id":"01"}',
    '{"event":"private_key","attributes":{"CKA_SENSITIVE":true,"CKA_EXTRACTABLE":false}}',
    '{"event":"public_key","algorithm":"ed25519","spki":"%s","sha256":"%s"}' % (
        base64.b64encode(spki).decode(), hashlib.sha256(spki).hexdigest()),
    '{"event":"test_signature","message":"dGVzdA==","signature":"%s"}' % ("A" * 86 + "=="),
    '{"event":"finished","signature":"AA=="}', ""]))
put("transcript", "failed", '{"event":"begin","file":{"text":"","sha256":"%s"}}\n{"event":"failed","text":"no power"}\n'
    % hashlib.sha256(b"").hexdigest())
put("transcript", "unnamed", '{"event":"begin","file":{"text":"","sha256":"%s"}}\n{"event":""}\n'
    % hashlib.sha256(b"").hexdigest())
put("yaml", "config", "name: a\nnumber: 3\nflag: true\nmode: sample\nlist: [x, y]\n"
    "parts:\n  - name: p\n    offset: -1\npart: {name: q}\n")
put("yaml", "alias", "name: &a text\nlist: [*a, *a]\nparts:\n  - &p {name: *a}\n  - *p\n")
put("yaml", "twice", "name: a\nname: b\n")

# The ACME client: its state, and what servers answer (the first byte says which answer it is).
put("acme_client_state", "new", '{"version": 1}')
put("acme_client_state", "times_of_nothing", '{"version": 1, "not_before": 99}')
put("acme_client_state", "order", '{"version": 1, "last_generation": 2, "order_generation": 2, "order_identity": "a", '
    '"order_url": "https://ca.test/o", "generation": 1, "not_before": 1700000000, "not_after": 1800000000, '
    '"identity": "a", "deployed": true, "hook_due": true, "landmark_url": "https://ca.test/l", "retry_at": 7, '
    '"old": [], "proofs": [{"name": "t", "value": "v"}]}')
URLS = '"newNonce": "https://c.t/n", "newAccount": "https://c.t/a", "newOrder": "https://c.t/o", "revokeCert": "https://c.t/r"'
put("acme_client_answer", "directory", 'd{' + URLS + ', "renewalInfo": "https://c.t/i", "meta": {"termsOfService": "https://c.t/t"}}')
put("acme_client_answer", "order", 'o{"status": "valid", "finalize": "https://c.t/f", "certificate": "https://c.t/c", '
    '"authorizations": ["https://c.t/z"], "error": {"type": "urn:ietf:params:acme:error:caa", "subproblems": [{}]}}')
for method, name in enumerate(("http-01", "dns-01", "tls-alpn-01")):
    put("acme_client_answer", f"authorization_{method}", f'{method}' + '{"status": "pending", "identifier": {"type": "dns", '
        '"value": "a.example.com"}, "challenges": [{"type": "' + name + '", "url": "https://c.t/h", "status": "pending", "token": "t"}]}')
put("acme_client_answer", "window", 'w{"suggestedWindow": {"start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00+01:00"}}')
put("acme_client_answer", "problem", 'p{"type": "urn:ietf:params:acme:error:badNonce", "detail": "x", "subproblems": []}')
put("acme_client_answer", "chain", b"c" + (VECTORS / "tai06/example-chain-with-properties.pem").read_bytes())
put("acme_client_answer", "link", 'h<https://c.t/l>; title="x"; rel="up acme-optional-alternate", <l>;rel=index')
put("acme_client_answer", "date", "hThu, 01 Jan 1970 00:20:00 GMT")
put("acme_client_answer", "time", "h2026-11-26T20:35:00.5+01:00")

def caa(wildcard, *properties):
    out = bytes([wildcard])
    for flags, tag, value in properties:
        record = bytes([flags, len(tag)]) + tag.encode() + value.encode()
        out += struct.pack(">H", len(record)) + record
    return out


bound = "ca.example; accounturi=https://acme.example/account/7; validationmethods=http-01,dns-01"
put("acme_caa", "named", caa(0, (0, "issue", "ca.example"), (0, "iodef", "mailto:a@b.example")))
put("acme_caa", "nobody", caa(0, (0, "issue", ";")))
put("acme_caa", "wild", caa(1, (0, "issue", ";"), (128, "issuewild", " CA.Example ; a = b ")))
put("acme_caa", "bound", caa(0, (0, "issue", bound), (0, "issue", "another.example")))
put("acme_caa", "critical", caa(0, (128, "tbs", "x"), (0, "issue", "ca.example")))
put("acme_caa", "malformed", caa(0, (0, "issue", "ca.example.")) + b"\0\3\0\5i")
put("acme_txt", "one", b"\x2bLErY_CSP4pbS2liuXH0HiklOVjPraZ0fkqzJ709dFUY")
put("acme_txt", "parts", b"\1a\0\2bc")
put("acme_txt", "cut", b"\5abc")
put("acme_http_body", "body", "token.thumbprint \t\r\n")
for name, url in {
        "http": "http://www.example.com/a?b#c", "https": "https://WWW.example.com.:443/%41",
        "relative": "../x/./y?z", "scheme": "//www.example.com:5002/", "user": "http://a:b@www.example.com/",
        "address": "http://127.0.0.1/", "number": "http://0x7f000001/", "address6": "http://[::1]:80/",
        "file": "file:///etc/passwd"}.items():
    put("acme_http_body", name, url)
put("subject", "empty", tlv(0x30))
put("subject", "name", tlv(0x30, DIRECTORY_NAME))
put("subject", "text", "/C=UK/O=Example+OU=b/CN=a\\/b")
put("subject", "slash", "/")

def b64url(content):
    return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")


def jws(header, payload, signature_len):
    return '{"protected":"%s","payload":"%s","signature":"%s"}' % (
        b64url(header), b64url(payload), b64url("x" * signature_len))


EC = ('{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",'
      '"y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}')
OKP = '{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}'
URL = '"url":"https://ca.example/x"'
put("acme_jws", "kid", jws('{"alg":"ES256","kid":"https://ca.example/a/1","nonce":"AAAA",%s}' % URL,
                           '{"csr":"AAAA"}', 64))
put("acme_jws", "get", jws('{"alg":"RS256","kid":"https://ca.example/a/1","nonce":"AAAA",%s}' % URL,
                           "", 256))
put("acme_jws", "ec", jws('{"alg":"ES256","jwk":%s,"nonce":"AAAA",%s}' % (EC, URL), "{}", 64))
put("acme_jws", "key_change", jws('{"alg":"EdDSA","jwk":%s,%s}' % (OKP, URL),
                                  '{"account":"x","oldKey":%s}' % EC, 64))
put("acme_jws", "binding", jws('{"alg":"HS256","kid":"1",%s}' % URL, EC, 32))
for number, value in enumerate(("example.com", "*.a.xn--bcher-kva.example", "127.1", "com")):
    put("acme_identifier", f"dns_{number}", '{"type":"dns","value":"%s"}' % value)
for number, value in enumerate(("192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1")):
    put("acme_identifier", f"ip_{number}", '{"type":"ip","value":"%s"}' % value)
for path in sorted((HERE / "csr").iterdir()):
    put("acme_identifier", f"csr_{path.name}", path.read_bytes())
CHAIN = "application/pem-certificate-chain"
put("acme_accept", "both", f"{CHAIN}-with-properties, {CHAIN};q=0.5")
put("acme_accept", "ranges", "*/*;q=0.1, application/*;q=0")
put("acme_accept", "parameters", f'{CHAIN};a="b\\"";q=1.000;c;d="e"')
