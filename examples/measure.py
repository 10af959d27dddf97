#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Measures a line service: measure.py PORT [CLIENTS [SECONDS]].

So many clients at a time connect, send a line, read the answer's first bytes and close, again and again. Printed are
connections a second, and the median time from before the connect to the answer, in milliseconds.
"""
import os
import socket
import statistics
import struct
import sys
import time


def one(port):
    """One connection; seconds from before the connect to the answer."""
    start = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), 10) as client:
        client.sendall(b"hello\n")
        if not client.recv(65536):
            raise ConnectionError("closed without an answer")
    return time.monotonic() - start


def client_process(port, until, to):
    """One connection after the other until the time has come; then writes how long each took."""
    taken = []
    while time.monotonic() < until:
        taken.append(one(port))
    with os.fdopen(to, "wb") as pipe:
        pipe.write(struct.pack(f"{len(taken)}d", *taken))


def main():
    """Starts the clients, and sums up what they say."""
    if not 2 <= len(sys.argv) <= 4:
        sys.exit("usage: measure.py PORT [CLIENTS [SECONDS]]")
    port, clients, seconds = (int(word) for word in sys.argv[1:] + ["16", "5"][len(sys.argv) - 2:])
    try:
        one(port)
    except OSError as error:
        sys.exit(f"measure.py: port {port}: {error}")
    until = time.monotonic() + seconds
    pipes = []
    for _ in range(clients):
        ours, theirs = os.pipe()
        if os.fork() == 0:
            try:
                client_process(port, until, theirs)
            except OSError as error:
                print(f"measure.py: {error}", file=sys.stderr)
                os._exit(1)
            os._exit(0)
        os.close(theirs)
        pipes.append(ours)
    taken = []
    for pipe in pipes:
        with os.fdopen(pipe, "rb") as answers:
            data = answers.read()
        taken += struct.unpack(f"{len(data) // 8}d", data)
    failed = sum(os.wait()[1] != 0 for _ in pipes)
    if failed:
        sys.exit(f"measure.py: {failed} of {clients} clients failed")
    print(f"{len(taken) / seconds:.0f} connections a second, median {statistics.median(taken) * 1000:.2f} ms")


if __name__ == "__main__":
    main()
