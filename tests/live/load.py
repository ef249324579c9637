"""load: keeps a server busy and checks its answers until stdin is closed.

    load.py redis|memcached|http PORT [KEYS]

Uses KEYS (1000000) different keys, so that the server's heap comes to an end. Prints READY after the first
right answer, at the end "answers=N wrong=M"; exit status 1 if any was wrong.
"""
import os
import random
import select
import socket
import sys
import time

KEYS = int(sys.argv[3]) if len(sys.argv) > 3 else 1000000


def connect(port):
    """Waits up to 20 s for the server to listen."""
    deadline = time.monotonic() + 20
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=20)
        except OSError:
            if time.monotonic() > deadline:
                raise


class Line:
    """A connection read by lines and by counts."""

    def __init__(self, port):
        self.sock = connect(port)
        self.file = self.sock.makefile("rb")

    def ask(self, request):
        self.sock.sendall(request)
        return self.file.readline()


def redis(line, rng):
    key, value = b"k%d" % rng.randrange(KEYS), b"v" * rng.randrange(1, 3000)
    parts = (b"SET", key, value)
    request = b"*3\r\n" + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts)
    if line.ask(request) != b"+OK\r\n":
        return False
    header = line.ask(b"*2\r\n$3\r\nGET\r\n$%d\r\n%s\r\n" % (len(key), key))
    return header == b"$%d\r\n" % len(value) and line.file.read(len(value) + 2) == value + b"\r\n"


def memcached(line, rng):
    key, value = b"k%d" % rng.randrange(KEYS), b"v" * rng.randrange(1, 3000)
    if line.ask(b"set %s 0 0 %d\r\n%s\r\n" % (key, len(value), value)) != b"STORED\r\n":
        return False
    header = line.ask(b"get %s\r\n" % key)
    answer = line.file.read(len(value) + 2)
    return header.startswith(b"VALUE ") and answer == value + b"\r\n" and line.file.readline() == b"END\r\n"


def http(line, rng):
    status = line.ask(b"GET /?%d HTTP/1.1\r\nHost: x\r\n\r\n" % rng.randrange(1000))
    length = 0
    while True:
        header = line.file.readline()
        if header in (b"\r\n", b""):
            break
        if header.lower().startswith(b"content-length:"):
            length = int(header.split(b":")[1])
    body = line.file.read(length)
    return status.startswith(b"HTTP/1.1 200") and len(body) == length > 0


def main():
    ask = {"redis": redis, "memcached": memcached, "http": http}[sys.argv[1]]
    lines = [Line(int(sys.argv[2])) for _ in range(4)]
    rng = random.Random(1)
    answers = wrong = 0
    while not select.select([0], [], [], 0)[0] or os.read(0, 1):
        for line in lines:
            answers += 1
            wrong += not ask(line, rng)
        if answers == len(lines):
            print("READY", flush=True)
    print(f"answers={answers} wrong={wrong}", flush=True)
    sys.exit(wrong != 0)


main()
