#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The line service of line_service.py as a program that accepts by itself: pool_accept = worker.

Descriptor 0 is the listening socket. All workers of the service have it, and the kernel gives each client to one of them.
"""
import os
import signal
import socket
import sys


def serve(client, count):
    """Serves one client to its end."""
    client.settimeout(60)  # A client that says nothing keeps the worker from all others.
    try:
        with client, client.makefile("rwb") as stream:  # Lines beyond 64 KiB come in pieces.
            while line := stream.readline(65536):
                text = line.rstrip(b"\r\n").upper()
                stream.write(b"%s (worker %d, client %d)\n" % (text, os.getpid(), count))
                stream.flush()
    except OSError:  # The client has gone, or slept: not a reason to end the worker.
        pass


def main():
    """Accepts one client after the other, until porterd sends SIGTERM."""
    try:
        listener = socket.socket(fileno=0)
        is_listening = listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1
    except OSError:
        is_listening = False
    if not is_listening:
        sys.exit("shared_listener.py: descriptor 0 is no listening socket: see pool_accept = worker in porterd.conf(5)")
    # The present client is served to its end; then accept fails, since the socket is closed here (and here alone).
    signal.signal(signal.SIGTERM, lambda *_: listener.close())
    count = 0
    while listener.fileno() >= 0:
        try:
            client, _ = listener.accept()
        except ConnectionError:  # The client was gone before it was accepted.
            continue
        except OSError:
            if listener.fileno() >= 0:
                raise
            break
        count += 1
        serve(client, count)


if __name__ == "__main__":
    main()
