# SPDX-License-Identifier: MIT
"""Runs porterd on configurations with one feature each, and compares with a table of what it is to make of them: with
--check, with --dump, as a daemon, and for some as a client.
  micro.py TABLE FOLDER PORTERD DIRECTORY"""

import os
import re
import socket
import sys

from dumps import porterd_dump
from machine import Root, diagnostics, enter_namespaces, some_of

# Of so many connections from an address to the port, so many are served: file, source, connections, served.
CLIENTS = (
    ("007", "127.0.0.1", 11, 10),
    ("010", "127.0.0.1", 1, 1),
    ("010", "127.0.0.2", 1, 0),
    ("024", "127.0.0.1", 1, 0),
    ("030", "127.0.0.1", 1, 0),
    ("031", "127.0.0.1", 1, 1),
    ("048", "127.0.0.1", 1, 0),
    ("088", "127.0.0.1", 1, 1),
    ("088", "::1", 1, 0),
    ("094", "127.0.0.1", 1, 1),
    ("094", "::1", 1, 1),
    ("097", "127.0.0.1", 1, 0),
    ("097", "::1", 1, 1),
    ("099", "127.0.0.1", 1, 0),
    ("129", "127.0.0.1", 1, 0),
    ("comment", "127.0.0.1", 4, 3),
    ("comment_access", "127.0.0.2", 1, 0),
    ("nobody", "127.0.0.1", 1, 0),
    ("everybody", "127.0.0.1", 1, 1),
    ("everybody", "::1", 1, 0),
    ("family", "127.0.0.1", 1, 1),
    ("family", "::1", 1, 1),
    ("netmask", "127.9.9.9", 1, 1),
    ("twice_list", "127.0.0.1", 1, 0),
    ("twice_list", "127.0.0.2", 1, 1),
    ("overlap", "127.0.0.1", 1, 0),
    ("commas", "127.0.0.2", 1, 1),
    ("defaults_last", "127.0.0.2", 1, 0),
    ("none_at_all", "127.0.0.1", 1, 0),
)


def rows(path):
    with open(path, encoding="utf-8") as table:
        for line in table:
            if not line.startswith("#"):
                yield line.rstrip("\n").split("\t")


def settings(text):
    """name=value words of the last column; a value goes on until the next name."""
    if text == "-":
        return {}
    parts = re.split(r"(?:^| )([a-z_]+)=", text)[1:]
    return dict(zip(parts[::2], parts[1::2]))


def as_text(value):
    return " ".join(value) if isinstance(value, list) else str(value)


def is_served(source, port, held):
    """True if the program answers; the connection stays open."""
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    client = socket.socket(family, socket.SOCK_STREAM)
    client.settimeout(20)
    held.append(client)
    client.bind((source, 0))
    try:
        client.connect(("::1" if family == socket.AF_INET6 else "127.0.0.1", port))
        client.sendall(b"hello\n")
        return client.recv(64) == b"hello\n"
    except (ConnectionResetError, BrokenPipeError):
        return False


def serve(name, port, fail):
    for file, source, count, expected in CLIENTS:
        if file != name:
            continue
        held = []
        served = sum(is_served(source, port, held) for _ in range(count))
        if served != expected:
            fail("%d of %d from %s are served, and not %d" % (served, count, source, expected))
        for client in held:
            client.close()


def judge(root, name, row, fail):
    _, outcome, listens, _, expected = row
    path = "/conf/%s.conf" % name
    status, *said = root.run("--check", path)
    found = diagnostics("\n".join(said))
    errors = [text for _, _, severity, text in found if severity == "error"]
    if status != (1 if outcome == "refuses" else 0) or bool(errors) != (outcome == "refuses"):
        fail("--check ends with %d: %s" % (status, found))
    if outcome == "notes" and not found:
        fail("no line is named")
    if outcome in ("serves", "off") and [text for _, _, severity, text in found if severity == "warning"]:
        fail("warns: %s" % found)

    defaults, services = porterd_dump(root.run("--dump", "-f", path)[1])
    for key, value in settings(expected).items():
        ours = [as_text({**defaults, **s}.get(key, "?")) for s in services]
        if value not in ours:
            fail("%s is %s and not %s" % (key, ours, value))

    daemon = root.start("-f", path)
    listening = ["%s:%d" % (service, port) for service, _, _, port in daemon.listening()]
    if sorted(set(listening)) != sorted(listens.replace("-", "").split()):
        fail("listens: %s" % listening)
    elif listening:
        serve(name, int(listening[0].rpartition(":")[2]), fail)
    ended = daemon.stop()
    if ended not in (0, 1):
        fail("ends with %d: %s" % (ended, daemon.text[-500:]))


def main():
    table, folder, porterd, directory = sys.argv[1:]
    enter_namespaces()
    root = Root(directory, porterd)
    root.people({"nobody", "1000"}, {"nogroup", "users"})
    root.program("/bin/true")
    root.program("/bin/echo it")
    root.write("etc/services", "telnet 23/tcp\necho 7/tcp\necho 7/udp\nfinger 79/tcp\n")
    root.write("etc/banner", "hello\n")
    root.write("etc/parts/one", "")
    root.write("etc/parts/one.rpmsave", "nothing that is read\n")
    failures = []
    known = {row[0]: row for row in rows(table)}
    names = {file[:-len(".conf")] for file in os.listdir(folder) if file.endswith(".conf")}
    for name in sorted(names ^ set(known)):
        failures.append("%s: it is %s" % (name, "not in the table" if name in names else "in the table and not in the folder"))
    chosen = some_of(sorted(names & set(known)), 6, {row[0] for row in CLIENTS})
    for name in chosen:
        with open(os.path.join(folder, name + ".conf"), "rb") as source, open(root.of("conf/%s.conf" % name), "wb") as out:
            out.write(source.read())
        judge(root, name, known[name], lambda text, name=name: failures.append("%s (%s): %s" % (name, known[name][3], text)))
    for line in failures:
        print("FAILED:", line)
    print("%d configurations with one feature each" % len(chosen))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
