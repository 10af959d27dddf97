# SPDX-License-Identifier: MIT
"""Runs openbsd-inetd and porterd, one after the other, over the same inetd.conf, and compares what clients see.
  beside_inetd.py INETD PORTERD DIRECTORY"""

import os
import re
import socket
import subprocess
import sys

from clients import Server, ask, connect, datagram, listen_to, read_all, retry
from machine import enter_namespaces

# inetd's own datagrams are not for loopback addresses.
OUTSIDE = "192.0.2.1"
# Ports stand as numbers, and by names that /etc/services has everywhere.
CONF = """# a comment
7200 stream tcp nowait root /bin/cat cat
127.0.0.3:7201 stream tcp nowait root /bin/cat cat
7202 stream tcp nowait nobody:nogroup {program} name one two
7203 stream tcp nowait root.nogroup {program} {program} one
7204	stream	tcp	nowait	root	{program}
7205 stream tcp4 nowait root /bin/cat cat
7206 stream tcp6 nowait root /bin/cat cat
7207 stream tcp wait root {waiter} waiter stream 2
7208 dgram udp wait root {waiter} waiter dgram 1
#7209 stream tcp nowait root /bin/cat cat
#<off># 7210 stream tcp nowait root /bin/cat cat
7211 stream tcp nowait root /bin/sh sh -c exit
{socket} stream unix nowait root /bin/cat cat
echo stream tcp nowait root internal
discard stream tcp nowait root internal
daytime stream tcp nowait root internal
time stream tcp nowait root internal
chargen stream tcp nowait root internal
echo dgram udp wait root internal
daytime dgram udp wait root internal
time dgram udp wait root internal
"""

PROGRAM = """#!/bin/sh
echo "arguments $# $1 $2"
echo "ids $(id -u) $(id -g) $(id -G)"
echo "umask $(umask) directory $(pwd)"
"""


def through(path):
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(20)
        client.connect(path)
        client.sendall(b"hello\n")
        client.shutdown(socket.SHUT_WR)
        return read_all(client)


def sent_and_closed(port):
    with connect("127.0.0.1", port) as client:
        client.sendall(b"one\ntwo\n")
        client.shutdown(socket.SHUT_WR)
        return read_all(client)


def without_pid(text):
    return re.sub(r"^\d+ ", "PID ", text)


def visit(directory):
    seen = {}
    for port in (7200, 7205, 7206, 7209, 7210):
        for source in ("127.0.0.1", "127.0.0.2", "::1"):
            seen[port, source] = ask(source, port)
    seen["bound"] = ask("127.0.0.1", 7201, to="127.0.0.3")
    seen["bound elsewhere"] = ask("127.0.0.1", 7201)
    for port in (7202, 7203, 7204, 7211):
        seen[port] = listen_to("127.0.0.1", port)
    for n in range(4):
        seen[7207, n] = without_pid(ask("127.0.0.1", 7207))
        seen[7208, n] = without_pid(datagram("127.0.0.1", 7208, "hello\n"))
    seen["unix"] = through(directory + "/socket")
    seen["half-close"] = sent_and_closed(7200)
    seen["echo"] = sent_and_closed(7)
    seen["discard"] = sent_and_closed(9)
    seen["daytime"] = re.sub(r"\d+", "N", listen_to("127.0.0.1", 13))
    seen["time"] = len(listen_to("127.0.0.1", 37))
    seen["chargen"] = [len(line) for line in listen_to("127.0.0.1", 19, 740).split("\r\n")]
    seen["echo of datagrams"] = datagram(OUTSIDE, 7, "hello", OUTSIDE)
    seen["daytime of datagrams"] = re.sub(r"\d+", "N", datagram(OUTSIDE, 13, "x", OUTSIDE))
    seen["time of datagrams"] = len(datagram(OUTSIDE, 37, "x", OUTSIDE))
    return seen


# Known differences: rule -> does it explain (name, theirs, ours)?
RULES = {
    "programs start in /": lambda name, theirs, ours:
        isinstance(name, int) and re.sub("directory .*", "directory /", theirs) == ours,
    "root gets the group that is given, too": lambda name, theirs, ours:
        name == 7203 and "ids 0 0 0" in theirs and "ids 0 65534 65534" in ours,
    "daytime is in UTC and in one form": lambda name, theirs, ours:
        str(name).startswith("daytime") and theirs != "nothing" and "UTC" in ours,
}


def run(command, directory):
    if os.path.lexists(directory + "/socket"):
        os.unlink(directory + "/socket")
    server = Server(command, 7200, directory + "/log")
    try:
        retry(lambda: os.path.exists(directory + "/socket"), "there is no unix socket")
        seen = visit(directory)
        server.wait_alone()
    finally:
        server.stop()
    return seen


def main():
    inetd, porterd, directory = sys.argv[1:]
    enter_namespaces()
    subprocess.run(["ip", "address", "add", OUTSIDE + "/32", "dev", "lo"], check=True)
    with open(directory + "/program", "w", encoding="ascii") as out:
        out.write(PROGRAM)
    os.chmod(directory + "/program", 0o755)
    waiter = directory + "/waiter"
    os.link(os.path.join(os.path.dirname(porterd), "tests/programs/waiter"), waiter)
    with open(directory + "/conf", "w", encoding="ascii") as out:
        out.write(CONF.format(program=directory + "/program", waiter=waiter, socket=directory + "/socket"))
    theirs = run([inetd, "-i", directory + "/conf"], directory)
    os.symlink(porterd, directory + "/inetd")
    ours = run([directory + "/inetd", "-i", directory + "/conf"], directory)
    failed, rules = 0, {}
    for name in theirs:
        a, b = theirs[name], ours[name]
        if a == b:
            continue
        rule = next((rule for rule, explains in RULES.items() if explains(name, a, b)), None)
        if rule is None:
            failed += 1
            print("FAILED: %s sees %r, with inetd %r" % (name, b, a))
        else:
            rules[rule] = rules.get(rule, 0) + 1
    print("%d things seen by clients compared; differences that are meant:" % len(theirs))
    for rule, count in sorted(rules.items()):
        print("  %3d %s" % (count, rule))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
