# SPDX-License-Identifier: MIT
"""Loads every inetd.conf of a collection of real ones: each line that is no comment becomes a service that says the same.
  inetd_corpus.py COLLECTION PORTERD DIRECTORY"""

import os
import re
import sys

from dumps import porterd_dump
from machine import Root, diagnostics, enter_namespaces, some_of


def words_of(line):
    """Blanks part words; quotes keep them together."""
    return [m[0] if m[0][0] not in "\"'" else m[0][1:-1] for m in re.finditer(r"\"[^\"]*\"|'[^']*'|\S+", line)]


def entries(text):
    """The words of each line that serves something."""
    for line in text.splitlines():
        words = words_of(line)
        # Lines of this language alone: a collection has other things in files of that name.
        if len(words) > 5 and not line.startswith(("#", " ", "\t")) and words[1] in ("stream", "dgram"):
            yield words


def expected(words):
    _, kind, protocol, wait, user, program, *args = words
    builtin = program == "internal"
    if not builtin and not args:
        args = [os.path.basename(program)]
    return {
        "socket_type": kind,
        "protocol": re.sub(r"\d.*|/.*", "", protocol).replace("unix", "tcp" if kind == "stream" else "udp"),
        # One in the daemon has no program to wait for.
        "wait": "no" if builtin else "yes" if wait.split(".")[0].split("/")[0] == "wait" else "no",
        "user": "" if builtin else re.split(r"[.:/]", user)[0],
        "server": "" if builtin else os.path.basename(program),
        # The path of a program as its own name is the name, as tcpd would have it.
        "argv": "" if builtin else " ".join([os.path.basename(args[0]), *args[1:]]),
    }


def is_unix(words):
    return words[2].startswith("unix")


def got(service):
    server, args = service.get("server", ""), service.get("server_args", [])
    args = args if isinstance(args, list) else [args]
    flags = service.get("flags", [])
    if "NAMEINARGS" not in flags and server:
        args = [os.path.basename(server), *args]
    return {
        "socket_type": service["socket_type"],
        "protocol": service.get("protocol", ""),
        "wait": service["wait"],
        "user": service.get("user", "") if server else "",
        "server": os.path.basename(server),
        "argv": " ".join([os.path.basename(args[0]), *args[1:]]) if args else "",
    }


def furnish(root, texts):
    users, groups, ports = {"nobody"}, {"nogroup"}, {}
    for text in texts:
        for line in text.splitlines():
            words = words_of(re.sub(r"^#<off># *", "", line))
            if len(words) < 6 or words[1] not in ("stream", "dgram"):
                continue
            people = re.split(r"[.:/]", words[4])
            users.add(people[0])
            groups |= set(people[1:2])
            program = words[5]
            root.program(program if program.startswith("/") else "/usr/sbin/" + program)
            name = re.sub(r"^.*:|/.*$", "", words[0])
            if name and not name.isdigit():
                ports.setdefault(name, 20000 + len(ports))
    root.people(users, groups)
    root.write("etc/services", "".join("%s %d/%s\n" % (n, p, x) for n, p in ports.items() for x in ("tcp", "udp")))


def differences(words, service):
    theirs, ours = expected(words), got(service)
    if is_unix(words):
        theirs["protocol"] = ours["protocol"]
    return ["%s: %s is %r and not %r" % (words[0], key, ours[key], theirs[key]) for key in theirs if theirs[key] != ours[key]]


def load(root, name):
    path = "/conf/" + name
    status, *said = root.run("--check", "--inetd", path)
    errors = [(line, text) for _, line, severity, text in diagnostics("\n".join(said)) if severity == "error"]
    services = porterd_dump(root.run("--dump", "--inetd", path)[1])[1]
    return status, errors, [s for s in services if s.get("disable") != "yes"]


def judge(name, text, loaded, fail):
    status, errors, services = loaded
    lines = list(entries(text))
    # Of two lines for one address the first has it.
    second = [text for _, text in errors if "is taken by service" in text]
    if status != (1 if errors else 0) or len(second) != len(errors):
        fail("%s: ends with %d: %s" % (name, status, errors))
        return 0
    if len(lines) != len(services) + len(second):
        fail("%s: %d services of %d lines: %s" % (name, len(services), len(lines), [s["id"] for s in services]))
        return 0
    for words, service in zip(lines, services):
        for text in differences(words, service):
            fail("%s: %s" % (name, text))
    return len(services)


def main():
    folder, porterd, directory = sys.argv[1:]
    enter_namespaces()
    root = Root(directory, porterd)
    folder = os.path.join(folder, "inetd")
    texts = {}
    for name in some_of(sorted(os.listdir(folder)), 5):
        with open(os.path.join(folder, name), "rb") as source, open(root.of("conf/" + name), "wb") as out:
            data = source.read()
            out.write(data)
        texts[name] = data.decode("latin-1")
    furnish(root, texts.values())
    failures = []
    count = sum(judge(name, text, load(root, name), failures.append) for name, text in texts.items())
    for line in failures:
        print("FAILED:", line)
    print("%d files in the language of inetd with %d services loaded" % (len(texts), count))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
