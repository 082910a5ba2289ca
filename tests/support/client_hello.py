"""client_hello.py PORT ALGORITHM[,...]: says a TLS 1.3 ClientHello with these (hexadecimal) in its
signature_algorithms_cert, which openssl's own client never sends, and prints what the server answers."""
import os
import socket
import struct
import sys


def extension(kind, body):
    return struct.pack(">HH", kind, len(body)) + body


def numbers(values):
    body = b"".join(struct.pack(">H", value) for value in values)
    return struct.pack(">H", len(body)) + body


certificate_algorithms = [int(text, 16) for text in sys.argv[2].split(",")]
extensions = (extension(43, b"\x02\x03\x04") + extension(10, numbers([0x1D]))
              + extension(13, numbers([0x0403, 0x0804, 0x0904]))
              + extension(50, numbers(certificate_algorithms))
              + extension(51, struct.pack(">HHH", 36, 0x1D, 32) + os.urandom(32)))
body = (b"\x03\x03" + os.urandom(32) + b"\0" + numbers([0x1301]) + b"\x01\0"
        + struct.pack(">H", len(extensions)) + extensions)
message = b"\x01" + struct.pack(">I", len(body))[1:] + body
with socket.create_connection(("127.0.0.1", int(sys.argv[1])), 20) as server:
    server.sendall(b"\x16\x03\x01" + struct.pack(">H", len(message)) + message)
    answer = server.recv(7)
print("ServerHello" if answer[:1] == b"\x16" else f"alert {answer[6]}" if len(answer) == 7 else "nothing")
