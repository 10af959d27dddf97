# SPDX-License-Identifier: MIT
"""What clients at several addresses see of a super-server, as text, and the server itself: anything that is started with
a command and is there once a port listens."""

import os
import re
import signal
import socket
import subprocess
import time

ANSWER_S = 20


def retry(condition, what):
    until = time.monotonic() + ANSWER_S
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError(what)
        time.sleep(0.01)


def is_listening(port):
    for name in ("tcp", "tcp6"):
        with open("/proc/self/net/" + name, encoding="ascii") as table:
            if re.search(":%04X [0-9A-F]+:0000 0A " % port, table.read()):
                return True
    return False


class Server:
    def __init__(self, command, port, log, env=None):
        self.log = log
        self.out = open(log + ".out", "wb")
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.out, stderr=self.out,
                                        env={**os.environ, **(env or {})})
        retry(lambda: is_listening(port) or self.process.poll() is not None, "nothing listens on %d" % port)
        if self.process.poll() is not None:
            raise RuntimeError("%s ended: %s" % (command, open(log + ".out", encoding="latin-1").read()[-2000:]))

    def logged(self):
        if not os.path.exists(self.log):
            return []
        with open(self.log, encoding="latin-1") as file:
            return file.read().splitlines()

    def wait_alone(self):
        """Until every program that it has started is gone."""
        def is_alone():
            for entry in os.listdir("/proc"):
                try:
                    with open("/proc/%s/stat" % entry, encoding="latin-1") as stat:
                        if int(stat.read().rpartition(")")[2].split()[1]) == self.process.pid:
                            return False
                except (OSError, ValueError):
                    continue
            return True
        retry(is_alone, "programs are left")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(ANSWER_S)
        self.out.close()


def connect(source, port, to="127.0.0.1"):
    client = socket.socket(socket.AF_INET6 if ":" in source else socket.AF_INET, socket.SOCK_STREAM)
    client.settimeout(ANSWER_S)
    client.bind((source, 0))
    client.connect(("::1" if ":" in source else to, port))
    return client


def read_all(client):
    text = b""
    try:
        while block := client.recv(65536):
            text += block
    except ConnectionResetError:
        text += b"[reset]"
    return text.decode("latin-1")


def ask(source, port, line="hello", to="127.0.0.1"):
    """The first line of the answer to a line; what came instead of it; or why there is no connection."""
    try:
        with connect(source, port, to) as client:
            client.sendall(line.encode() + b"\n")
            text = b""
            while not text.endswith(b"\n") and (block := client.recv(1)):
                text += block
            return text.decode("latin-1") or "closed"
    except ConnectionRefusedError:
        return "refused"
    except (ConnectionResetError, BrokenPipeError):
        return "closed"


def listen_to(source, port, size=None):
    """Everything, or so many bytes, that comes unasked."""
    with connect(source, port) as client:
        if size is None:
            return read_all(client) or "closed"
        text = b""
        while len(text) < size and (block := client.recv(size - len(text))):
            text += block
        return text.decode("latin-1")


def hold(source, port):
    """A connection that is answered and stays, or None."""
    client = connect(source, port)
    try:
        client.sendall(b"hello\n")
        if client.recv(6) == b"hello\n":
            return client
    except (ConnectionResetError, BrokenPipeError):
        pass
    client.close()
    return None


def datagram(source, port, text, to="127.0.0.1"):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(ANSWER_S)
        client.bind((source, 0))
        client.sendto(text.encode(), (to, port))
        try:
            return client.recv(65536).decode("latin-1")
        except TimeoutError:
            return "nothing"
