#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A line service in Python, for one connection on standard input and output, or, as "line_service.py worker", for one
connection after the other, which porterd hands to it. What a worker alone needs is imported by workers alone."""
import sys


def serve(lines, out):
    for line in lines:
        out.write(line)
        out.flush()


def work():
    """The protocol of porter-worker(7): a header and a descriptor come in, "done" goes out."""
    import socket
    import struct

    magic, version, connection_type, done = 0x52545250, 1, 1, 3
    channel = socket.socket(fileno=0)
    while True:
        message, descriptors, _, _ = socket.recv_fds(channel, 4096, 1)
        if not message:
            return
        got_magic, _, got_type, connection = struct.unpack_from("=IHHQ", message)
        if got_magic != magic or got_type != connection_type or not descriptors:
            sys.exit("no connection came with the message")
        with socket.socket(fileno=descriptors[0]) as client, client.makefile("rwb") as stream:
            serve(stream, stream)
        channel.send(struct.pack("=IHHQiI", magic, version, done, connection, 0, 0))


if sys.argv[1:] == ["worker"]:
    work()
else:
    serve(sys.stdin.buffer, sys.stdout.buffer)
