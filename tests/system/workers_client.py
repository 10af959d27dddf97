#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What tests/system/workers*.sh need of clients, and of the other end of a channel: workers_client.py COMMAND WORD...

Each command is a function below, ends quietly if all is well, and otherwise says what is wrong and ends with a status
that is not 0.
"""
import contextlib
import os
import pty
import re
import resource
import socket
import struct
import subprocess
import sys
import threading

SECONDS = 20  # for any answer, on a slow and busy machine
HEADER = struct.Struct("=IHHQ" + 2 * "HHI16s" + "HHI")
REPLY = struct.Struct("=IHHQiI")
MAGIC, ASKS = 0x52545250, 1
TAKEN, DONE, NO_DESCRIPTOR = 2, 3, 4
DATA = (b"hello\n", b"", b"\0", b"a\0b\n\0" * 50 + b"\n", bytes(range(256)) * 4096)


def expect(is_true, text):
    """Ends the program if something is not so."""
    if not is_true:
        sys.exit(f"workers_client.py: {text}")


def connect(port):
    """A connection to a service of this machine."""
    return socket.create_connection(("127.0.0.1", int(port)), SECONDS)


def converse(client, data):
    """Sends everything, ends, and reads to the end at the same time."""
    def send():
        try:
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # A server that refuses may close first; what it said is read all the same.

    sender = threading.Thread(target=send)
    sender.start()
    parts = []
    while part := client.recv(65536):
        parts.append(part)
    sender.join()
    return b"".join(parts)


def echo(port, rounds="3", lines_only=""):
    """Everything comes back byte by byte: NULs, no bytes at all, 1 MiB."""
    for _ in range(int(rounds)):
        for data in DATA:
            if lines_only and not data.endswith(b"\n"):
                continue
            with connect(port) as client:
                expect(converse(client, data) == data, f"port {port}: {len(data)} bytes came back changed")


def together(port, count, text="hello", answer="hello"):
    """So many connections that are open at the same time all get an answer, and again."""
    clients = [connect(port) for _ in range(int(count))]
    streams = [client.makefile("rwb") for client in clients]
    for _ in range(2):
        for stream in streams:
            stream.write(text.encode() + b"\n")
            stream.flush()
            got = stream.readline().decode().rstrip("\n")
            expect(re.fullmatch(answer, got), f"port {port}: {got!r} is not {answer!r}")


def stays(port, most):
    """Of thirty clients one after the other, at most so many are the first ones of their worker."""
    seen = {}
    for _ in range(30):
        with connect(port) as client:
            text = converse(client, b"Grosse Stra\xdfe\n")
        found = re.fullmatch(rb"GROSSE STRA\xdfE \(worker (\d+), client (\d+)\)\n", text)
        expect(found, f"port {port}: the answer is {text!r}")
        worker, number = int(found[1]), int(found[2])
        expect(number > seen.get(worker, 0), f"port {port}: worker {worker} counts backwards")
        seen[worker] = number
    expect(len(seen) <= int(most), f"port {port}: {len(seen)} workers served thirty clients")


def http(port):
    """Requests, and what only looks like one; one worker answers more than one of them."""
    rows = (
        (b"GET / HTTP/1.0\r\n\r\n", 200), (b"GET /path?x=1 HTTP/1.1\r\nHost: x\r\n\r\n", 200),
        (b"HEAD / HTTP/1.0\r\n\r\n", 200), (b"GET /\r\n\r\n", 400), (b"\r\n\r\n", 400),
        (b"POST / HTTP/1.0\r\nContent-Length: 9\r\n\r\n123456789", 501), (b"GET / HTTP/1.0\r\nX: \0\r\n\r\n", 400),
        (b"GET /" + b"x" * 8000 + b" HTTP/1.0\r\n\r\n", 200), (b"GET /" + b"x" * 9000 + b" HTTP/1.0\r\n\r\n", 431),
        (b"GET / HTTP/1.0\r\n" + b"X: y\r\n" * 100000 + b"\r\n", 431),
    )
    most = 0
    for request, status in rows * 3:
        with connect(port) as client:
            answer = converse(client, request)
        head, _, body = answer.partition(b"\r\n\r\n")
        expect(re.match(rb"HTTP/1\.0 %d [A-Z]" % status, head), f"{request[:40]!r} is answered with {head!r}")
        length = int(re.search(rb"\r\nContent-Length: (\d+)\r\nConnection: close$", head)[1])
        expect(len(body) == (0 if request.startswith(b"HEAD") else length), f"{head!r} has {len(body)} bytes behind it")
        if status == 200 and body:
            most = max(most, int(re.search(rb"request (\d+) that", body)[1]))
    expect(most > 1, "no worker has served more than one request")
    with connect(port) as client:
        expect(converse(client, b"GET / HT") == b"", "half a request is answered")


class Channel:
    """A program with one end of a channel as its descriptor 0."""

    def __init__(self, program, kind):
        self.ours, theirs = socket.socketpair(socket.AF_UNIX, kind)
        self.ours.settimeout(SECONDS)
        self.process = subprocess.Popen([program], stdin=theirs)
        theirs.close()

    def hand_over(self, message):
        """Sends a descriptor with a message; what is returned is the client's end of it."""
        ours, theirs = socket.socketpair()
        ours.settimeout(SECONDS)
        socket.send_fds(self.ours, [message], [theirs.fileno()])
        theirs.close()
        return ours

    def limit(self, descriptors):
        """The number that is the process's first forbidden one."""
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.prlimit(self.process.pid, resource.RLIMIT_NOFILE, (descriptors, hard))

    def end(self, status):
        """Closes the channel; the program must end by itself."""
        self.ours.close()
        got = self.process.wait(SECONDS)
        expect(got == status, f"the program ended with {got} at the end of its channel")


def channel(program):
    """The protocol porter: taken, done, a descriptor that got lost, a client that leaves, the end."""
    worker = Channel(program, socket.SOCK_SEQPACKET)

    def reply_to(number):
        answer = worker.ours.recv(4096)
        magic, version, kind, connection, status, length = REPLY.unpack_from(answer)
        expect((magic, version, connection) == (MAGIC, 1, number), f"connection {number}: the reply is {answer!r}")
        expect(len(answer) == REPLY.size + length, "the reply has another length than it says")
        return kind, status

    def message(number, kind=1):
        return HEADER.pack(MAGIC, 1, kind, number, 2, 1, 0, b"", 2, 1, 0, b"", HEADER.size, 4, ASKS) + b"test and more"

    request = b"GET / HTTP/1.0\r\n\r\n"
    for number in (1, 1 << 40):
        with worker.hand_over(message(number)) as client:
            expect(reply_to(number)[0] == TAKEN, "the connection is not acknowledged")
            expect(converse(client, request) != b"", "the client is not answered")
        expect(reply_to(number) == (DONE, 0), "the connection is not done")
    with worker.hand_over(message(9, 77)) as client:
        expect(client.recv(1) == b"", "a message of an unknown type is not passed over")
    worker.limit(1)
    worker.hand_over(message(3)).close()
    expect(reply_to(3)[0] == NO_DESCRIPTOR, "a descriptor that got lost is not reported")
    worker.limit(64)
    client = worker.hand_over(message(4))
    expect(reply_to(4)[0] == TAKEN, "after a lost descriptor nothing is taken")
    client.sendall(request * 1000)
    client.close()  # with the answer unread
    expect(reply_to(4)[0] == DONE, "a client that has left is not done")
    worker.end(0)


def plain(program, kind):
    """The protocol plain, over a pair of either kind."""
    worker = Channel(program, socket.SOCK_STREAM if kind == "stream" else socket.SOCK_SEQPACKET)
    for data in DATA:
        with worker.hand_over(b"x") as client:
            expect(converse(client, data) == data, "the data came back changed")
        expect(worker.ours.recv(16) == b"\0", "the worker is not free afterwards")
    worker.end(0)
    worker = Channel(program, socket.SOCK_SEQPACKET)
    with worker.hand_over(b"x") as client:
        converse(client, b"")
    worker.ours.recv(16)
    worker.limit(1)
    worker.hand_over(b"x").close()
    worker.end(1)


def shared(program):
    """SIGTERM ends a program that accepts by itself, but not before its client is done."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        for is_busy in (False, True):
            # Whoever was served once has set everything up.
            process = subprocess.Popen([program], stdin=listener)
            with connect(listener.getsockname()[1]) as client:
                converse(client, b"first\n")
            with connect(listener.getsockname()[1]) if is_busy else contextlib.nullcontext() as client:
                for number in range(2 if is_busy else 0):
                    client.sendall(b"next\n")
                    expect(client.recv(4096).startswith(b"NEXT "), f"line {number} is not answered")
                    process.terminate()
                if not is_busy:
                    process.terminate()
            got = process.wait(SECONDS)
            expect(got == 0, f"SIGTERM ends it with {got}")


def refuses(program):
    """Started by hand, a worker says in one line what it is."""
    reading, writing = os.pipe()
    terminal, beside = pty.openpty()
    with open(os.devnull, "rb") as null, socket.create_server(("127.0.0.1", 0)) as listener, \
         connect(listener.getsockname()[1]) as tcp:
        for what, descriptor in (("a pipe", reading), ("a terminal", beside), ("/dev/null", null), ("TCP", tcp)):
            run = subprocess.run([program], stdin=descriptor, capture_output=True, timeout=SECONDS, check=False)
            expect(0 < run.returncode < 126, f"{program} on {what} ends with {run.returncode}")
            expect(re.fullmatch(rb"\w+(\.py)?: [^\n]+\n", run.stderr), f"{program} on {what} says {run.stderr!r}")
            expect(run.stdout == b"", f"{program} on {what} writes to standard output")
    for descriptor in (reading, writing, terminal, beside):
        os.close(descriptor)


if __name__ == "__main__":
    {"echo": echo, "together": together, "stays": stays, "http": http, "channel": channel, "plain": plain,
     "shared": shared, "refuses": refuses}[sys.argv[1]](*sys.argv[2:])
