#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A line service as a worker of porterd, by the protocol of porter-worker(7): capitals, and how many clients it has had."""
import os
import socket
import stat
import struct
import sys

MAGIC, VERSION = 0x52545250, 1
CONNECTION, TAKEN, DONE, NO_DESCRIPTOR = 1, 2, 3, 4
HEADER = struct.Struct("=IHHQ")  # magic, version, type, connection; addresses and more follow
REPLY = struct.Struct("=IHHQiI")  # the same, then status and length of the result


def serve(client, count):
    """Serves one client to its end; what it returns goes to the log as the connection's status."""
    client.settimeout(60)  # A client that says nothing keeps the worker from all others.
    try:
        with client, client.makefile("rwb") as stream:  # Lines beyond 64 KiB come in pieces.
            while line := stream.readline(65536):
                text = line.rstrip(b"\r\n").upper()
                stream.write(b"%s (worker %d, client %d)\n" % (text, os.getpid(), count))
                stream.flush()
    except OSError:  # The client has gone, or slept: not a reason to end the worker.
        return 1
    return 0


def main():
    """Takes one connection after the other from porterd, until porterd closes the channel."""
    channel = socket.socket(fileno=0) if stat.S_ISSOCK(os.fstat(0).st_mode) else None
    if channel is None or (channel.family, channel.type) != (socket.AF_UNIX, socket.SOCK_SEQPACKET):
        sys.exit("line_service.py: descriptor 0 is no channel of porterd: this is a worker, see pool in porterd.conf(5)")
    count = 0
    try:
        while True:
            message, descriptors, _, _ = socket.recv_fds(channel, 4096, 1)
            if not message:
                return
            magic, version, kind, connection = HEADER.unpack_from(message)
            if (magic, version, kind) != (MAGIC, VERSION, CONNECTION):  # This is for programs of a later version.
                if descriptors:
                    os.close(descriptors[0])
                continue
            if not descriptors:  # This process has no number free for it: another worker gets the client.
                channel.send(REPLY.pack(MAGIC, VERSION, NO_DESCRIPTOR, connection, 0, 0))
                continue
            os.set_inheritable(descriptors[0], False)
            channel.send(REPLY.pack(MAGIC, VERSION, TAKEN, connection, 0, 0))
            count += 1
            status = serve(socket.socket(fileno=descriptors[0]), count)
            channel.send(REPLY.pack(MAGIC, VERSION, DONE, connection, status, 0))
    except ConnectionError:  # porterd has gone.
        pass


if __name__ == "__main__":
    main()
