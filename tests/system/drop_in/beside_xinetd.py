# SPDX-License-Identifier: MIT
"""Runs xinetd and porterd, one after the other, on the same file, and compares what clients at several addresses see
and what the service log says of it.
  beside_xinetd.py XINETD PORTERD DIRECTORY"""

import collections
import os
import re
import sys
import time

from clients import Server, ask, connect, datagram, hold, listen_to, read_all, retry
from machine import enter_namespaces

FIRST = 7100
NAMES = """plain only no instances source rate closed open args env status signal waiting echo discard time daytime
chargen redirect banner bound ids before full off datagrams""".split()
PORT = {name: FIRST + n for n, name in enumerate(NAMES)}

PROGRAM = """#!/bin/sh
echo "arguments $# $1 $2"
echo "host $REMOTE_HOST given $GIVEN"
echo "ids $(id -u) $(id -g) $(id -G)"
echo "umask $(umask) nice $(nice)"
echo "directory $(pwd)"
"""


def service(name, *lines, server="/bin/cat", user="root", internal=None):
    """One in the words that both read the same."""
    text = ["service " + (internal or name), "{", "id = " + name, "port = %d" % PORT[name]]
    given = {line.split()[0] for line in lines}
    for key, value in (("type", "INTERNAL UNLISTED" if internal else "UNLISTED"), ("socket_type", "stream"),
                       ("protocol", "tcp"), ("wait", "no"), ("user", user), ("server", None if internal else server)):
        if key not in given and value is not None:
            text.append("%s = %s" % (key, value))
    return "\n".join([*text, *lines, "}", ""])


def hours(closed):
    """A range of times that now is outside of, or in."""
    hour = time.localtime().tm_hour
    if not closed:
        return "0:00-23:59"
    return "%d:00-%d:59" % ((13, 22) if hour < 12 else (1, 10))


def configuration(directory):
    script = directory + "/program"
    return "".join((
        "defaults\n{\nlog_type = FILE %s/log\nlog_on_success = PID HOST EXIT DURATION\nlog_on_failure = HOST\n"
        "instances = 40\ncps = 1000 1\n}\n" % directory,
        service("plain"),
        service("only", "only_from = 127.0.0.1 127.0.2.0"),
        service("no", "no_access = 127.0.0.2"),
        service("instances", "instances = 2"),
        service("source", "per_source = 1"),
        service("rate", "cps = 3 2"),
        service("closed", "access_times = " + hours(True)),
        service("open", "access_times = " + hours(False)),
        service("args", "server_args = -c -n", "flags = IPv4", server=script),
        service("env", "env = GIVEN=yes", "umask = 027", "nice = 3", "flags = IPv4", server=script),
        service("status", "server_args = -c exit${IFS}3", server="/bin/sh"),
        service("signal", "server_args = -c kill${IFS}-9${IFS}$$", server="/bin/sh"),
        service("waiting", "wait = yes", "server_args = stream 4", server=directory + "/waiter"),
        *(service(name, internal=name) for name in ("echo", "discard", "time", "daytime", "chargen")),
        service("redirect", "redirect = 127.0.0.1 %d" % PORT["plain"], "server = /bin/true"),
        service("banner", "banner_success = %s/success" % directory, "banner_fail = %s/fail" % directory,
                "no_access = 127.0.0.2"),
        service("bound", "bind = 127.0.0.3"),
        service("ids", "group = nogroup", "flags = IPv4", server=script, user="nobody"),
        service("before", "banner = %s/success" % directory),
        service("full", "instances = 1", "banner_fail = %s/fail" % directory),
        service("off", "disable = yes"),
        service("datagrams", "type = INTERNAL UNLISTED", "socket_type = dgram", "protocol = udp", "wait = yes",
                internal="echo"),
    ))


def held(name, sources):
    """How each of several connections that all stay fares."""
    clients = [(source, hold(source, PORT[name])) for source in sources]
    for _, client in clients:
        if client is not None:
            client.close()
    return " ".join("%s:%s" % (source, "served" if client else "closed") for source, client in clients)


def rate():
    sources = ["127.0.0.%d" % n for n in range(1, 5)]
    said = [ask(source, PORT["rate"]).strip() for source in sources]
    retry(lambda: ask("127.0.0.9", PORT["rate"]).strip() == "hello", "rate: nobody is served again")
    return " ".join(said)


def full():
    first = hold("127.0.0.1", PORT["full"])
    text = listen_to("127.0.0.2", PORT["full"])
    first.close()
    return text


def sent_and_closed(name):
    with connect("127.0.0.1", PORT[name]) as client:
        client.sendall(b"one\ntwo\n")
        client.shutdown(1)
        return read_all(client)


def visit():
    """name -> what was seen"""
    seen = {}
    for name in ("plain", "only", "no", "open", "closed", "echo", "redirect", "off", "waiting"):
        for source in ("127.0.0.1", "127.0.0.2", "127.0.2.9", "::1"):
            seen[name, source] = re.sub(r"^\d+ ", "PID ", ask(source, PORT[name]))
    for name in ("args", "env", "ids", "status", "signal"):
        seen[name] = listen_to("127.0.0.4", PORT[name])
    seen["instances"] = held("instances", ["127.0.0.1", "127.0.0.1", "127.0.0.2", "127.0.0.3"])
    seen["source"] = held("source", ["127.0.0.1", "127.0.0.1", "127.0.0.2", "127.0.0.2"])
    seen["rate"] = rate()
    seen["full"] = full()
    seen["half-close"] = sent_and_closed("plain")
    seen["half-close through redirect"] = sent_and_closed("redirect")
    seen["discard"] = sent_and_closed("discard")
    seen["time"] = str(len(listen_to("127.0.0.1", PORT["time"])))
    seen["daytime"] = re.sub(r"\d\d?:\d\d:\d\d", "T", listen_to("127.0.0.1", PORT["daytime"]))
    seen["chargen"] = listen_to("127.0.0.1", PORT["chargen"], 74 * 96)
    for source in ("127.0.0.1", "127.0.0.2"):
        seen["banner", source] = ask(source, PORT["banner"])
    seen["before"] = ask("127.0.0.1", PORT["before"])
    seen["bound"] = ask("127.0.0.1", PORT["bound"], to="127.0.0.3")
    seen["bound elsewhere"] = ask("127.0.0.1", PORT["bound"])
    seen["datagrams"] = datagram("127.0.0.1", PORT["datagrams"], "hello")
    return seen


def masked(lines):
    """id -> its lines without times, numbers of processes and of connections, and how often each."""
    found = collections.defaultdict(collections.Counter)
    for line in lines:
        m = re.match(r"\d\d/\d+/\d+@\d\d:\d\d:\d\d: ((?:START|EXIT|FAIL): (\S+).*)$", line)
        if m is None:
            found["?"][line] += 1
            continue
        text = re.sub(r"\b(pid|duration)=\d+", r"\1=N", m[1])
        text = re.sub(r" (cpu|rss|conn)=\S+", "", text).replace("::ffff:", "")
        found[m[2]][text] += 1
    return found


# Known differences of what is seen: rule -> does it explain (name, theirs, ours)?
SEEN = {
    "redirect keeps a half close": lambda name, theirs, ours:
        name == "half-close through redirect" and ours == "one\ntwo\n",
    "chargen goes through all 95 characters, the blank and ~ too": lambda name, theirs, ours:
        name == "chargen" and [len(x) for x in ours.split("\r\n")] == [len(x) for x in theirs.split("\r\n")]
        and theirs.startswith(ours.split("\r\n")[1]),
}


def log_without_denied(lines):
    """A client denied by address was START, FAIL and EXIT; it is FAIL alone."""
    fails = sum(n for text, n in lines.items() if re.search(r" address from=", text))
    rest = collections.Counter(lines)
    for text in list(rest):
        source = re.search(r"from=(\S+)", text)
        denied = lines.get("FAIL: %s address from=%s" % (text.split()[1], source[1] if source else ""), 0)
        if text.startswith("START") and denied:
            rest[text] -= denied
    # Some end by SIGPIPE over a banner that nobody reads.
    for text in sorted(rest, key=lambda text: "status=0" in text):
        if text.startswith("EXIT: ") and re.search("status=0|signal=13", text):
            take = min(fails, rest[text])
            rest[text] -= take
            fails -= take
    return +rest


def log_of_rate(lines):
    """How often somebody asks until he is served again depends on the moment."""
    return collections.Counter(t for t in set(lines) if "127.0.0.9" not in t and not t.startswith("EXIT"))


# rule, what becomes of xinetd's lines, what of ours: they are the same then.
LOGGED = (
    ("denied by address before any process", log_without_denied, collections.Counter),
    ("rate rests without closing", log_of_rate, log_of_rate),
)


def compare(theirs, ours, report):
    for name in theirs["seen"]:
        a, b = theirs["seen"][name], ours["seen"][name]
        if a == b:
            continue
        rule = next((rule for rule, explains in SEEN.items() if explains(name, a, b)), None)
        report(rule, "%s sees %r, with xinetd %r" % (name, b, a))
    for name in sorted(set(theirs["log"]) | set(ours["log"])):
        a, b = theirs["log"].get(name, {}), ours["log"].get(name, {})
        if a == b:
            continue
        rule = next((rule for rule, of_theirs, of_ours in LOGGED if of_theirs(a) == of_ours(b)), None)
        report(rule, "log of %s: only ours %s, only xinetd's %s" % (
            name, dict(collections.Counter(b) - collections.Counter(a)), dict(collections.Counter(a) - collections.Counter(b))))


def furnish(directory, waiter):
    with open(directory + "/program", "w", encoding="ascii") as out:
        out.write(PROGRAM)
    os.chmod(directory + "/program", 0o755)
    os.link(waiter, directory + "/waiter")
    for name in ("success", "fail"):
        with open("%s/%s" % (directory, name), "w", encoding="ascii") as out:
            out.write("banner of %s\n" % name)
    with open(directory + "/conf", "w", encoding="ascii") as out:
        out.write(configuration(directory))


def all_have_ended(lines):
    """Of programs; what is done within the daemon has the number 0."""
    return sum(re.search(r"START: .* pid=[1-9]", line) is not None for line in lines) == \
        sum(" EXIT: " in line for line in lines)


def run(command, log):
    if os.path.exists(log):
        os.unlink(log)
    server = Server(command, PORT["plain"], log)
    try:
        seen = visit()
        server.wait_alone()
        retry(lambda: all_have_ended(server.logged()), "some program has no EXIT line")
    finally:
        server.stop()
    return {"seen": seen, "log": masked(server.logged())}


def main():
    xinetd, porterd, directory = sys.argv[1:]
    enter_namespaces()
    furnish(directory, os.path.join(os.path.dirname(porterd), "tests/programs/waiter"))
    conf, log = directory + "/conf", directory + "/log"
    # The same command line, by the same name.
    options = ["-dontfork", "-f", conf, "-filelog", directory + "/daemon", "-pidfile", directory + "/pid"]
    theirs = run([xinetd, *options], log)
    os.symlink(porterd, directory + "/xinetd")
    ours = run([directory + "/xinetd", *options], log)
    rules, failures = collections.Counter(), []

    def report(rule, text):
        if rule is None:
            failures.append(text)
        else:
            rules[rule] += 1

    compare(theirs, ours, report)
    for text in failures:
        print("FAILED:", text)
    print("%d things seen by clients and the logs of %d services compared; differences that are meant:" % (
        len(theirs["seen"]), len(theirs["log"])))
    for rule, count in sorted(rules.items()):
        print("  %3d %s" % (count, rule))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
