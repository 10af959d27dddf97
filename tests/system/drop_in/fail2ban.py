# SPDX-License-Identifier: MIT
"""Refuses clients by address and by hosts.deny, and lets fail2ban's own filter for xinetd look for them in the log.
  fail2ban.py PEERS PORTERD DIRECTORY"""

import os
import re
import socket
import subprocess
import sys

from clients import Server, ask, retry
from machine import enter_namespaces

CONF = """defaults
{{
	log_on_failure = HOST
}}
service file
{{
	type = UNLISTED
	socket_type = stream
	port = 7300
	wait = no
	user = root
	server = /bin/cat
	only_from = 127.0.0.1
	log_type = FILE {0}/file
}}
service system
{{
	type = UNLISTED
	socket_type = stream
	port = 7301
	wait = no
	user = root
	server = /bin/cat
	no_access = 127.0.0.0/24
	log_type = SYSLOG daemon info
}}
service wrapped
{{
	type = UNLISTED
	socket_type = stream
	port = 7302
	wait = no
	user = root
	server = /bin/cat
	libwrap = wrapped
	log_type = FILE {0}/file
}}
service wrappedsystem
{{
	type = UNLISTED
	socket_type = stream
	port = 7303
	wait = no
	user = root
	server = /bin/cat
	libwrap = wrapped
	log_type = SYSLOG daemon info
}}
"""


def own_devices(directory):
    """A /dev with a system log of ours in it: its socket."""
    devices = directory + "/dev"
    os.mkdir(devices)
    for name in ("null", "urandom"):
        open(os.path.join(devices, name), "wb").close()
        subprocess.run(["mount", "--bind", "/dev/" + name, os.path.join(devices, name)], check=True)
    subprocess.run(["mount", "--rbind", devices, "/dev"], check=True)
    log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    log.bind("/dev/log")
    log.settimeout(20)
    return log


def own_rules(directory):
    """False if there is no place for rules of libwrap."""
    for name, text in (("hosts.allow", ""), ("hosts.deny", "wrapped: 127.0.0.3\n")):
        if not os.path.exists("/etc/" + name):
            return False
        with open(os.path.join(directory, name), "w", encoding="ascii") as out:
            out.write(text)
        subprocess.run(["mount", "--bind", os.path.join(directory, name), "/etc/" + name], check=True)
    return True


def system_lines(log, count):
    """What a system log would write of the next messages that are refusals."""
    lines = []
    while len(lines) < count:
        text = log.recv(8192).decode("latin-1")
        if "FAIL: " in text:
            lines.append(re.sub(r"^<\d+>(\w+ +\d+ \S+) ", r"\1 host ", text))
    return lines


def found(peers, path):
    """What the filter finds: (which of its expressions, address) of each line."""
    run = subprocess.run(
        [sys.executable, "-B", peers + "/usr/bin/fail2ban-regex", "-v", "-c", peers + "/etc/fail2ban", path,
         peers + "/etc/fail2ban/filter.d/xinetd-fail.conf"],
        env={**os.environ, "PYTHONPATH": peers + "/usr/lib/python3/dist-packages"}, capture_output=True, text=True, check=False)
    rows, which = [], ""
    for line in run.stdout.splitlines():
        if re.search(r"\) \[\d+\] ", line):
            which = "libwrap" if "libwrap" in line else "address"
        elif (m := re.match(r"\|\s+(\d+\.\d+\.\d+\.\d+)\s", line)) is not None:
            rows.append((which, m[1]))
    if "Lines:" not in run.stdout:
        raise RuntimeError(run.stdout + run.stderr)
    return sorted(rows)


def main():
    peers, porterd, directory = sys.argv[1:]
    enter_namespaces()
    log = own_devices(directory)
    has_libwrap = own_rules(directory) and os.path.exists(os.path.join(os.path.dirname(porterd), "porter-gate"))
    with open(directory + "/conf", "w", encoding="ascii") as out:
        out.write(CONF.format(directory))
    os.symlink(porterd, directory + "/xinetd")
    command = [directory + "/xinetd", "-dontfork", "-f", directory + "/conf", "-pidfile", directory + "/pid"]
    server = Server(command, 7300, directory + "/file")
    expected = [("address", "127.0.0.2")]
    seen = [ask("127.0.0.2", 7300), ask("127.0.0.2", 7301), ask("127.0.0.1", 7300)]
    if has_libwrap:
        expected.append(("libwrap", "127.0.0.3"))
        seen += [ask("127.0.0.3", 7302), ask("127.0.0.3", 7303), ask("127.0.0.1", 7302)]
    lines = system_lines(log, len(expected))
    retry(lambda: sum("FAIL:" in line for line in server.logged()) == len(expected), "the refusals are not logged")
    server.wait_alone()
    server.stop()
    with open(directory + "/system", "w", encoding="latin-1") as out:
        out.write("\n".join(lines) + "\n")
    failed = 0
    if seen != ["closed", "closed", "hello\n"] * (len(seen) // 3):
        failed += 1
        print("FAILED: clients see", seen)
    for name in ("file", "system"):
        if found(peers, os.path.join(directory, name)) != expected:
            failed += 1
            print("FAILED: in %s fail2ban finds %s" % (name, found(peers, os.path.join(directory, name))))
            print(open(os.path.join(directory, name), encoding="latin-1").read())
    print("fail2ban finds refusals%s in the service log and in the system log" % (
        " by address and by libwrap" if has_libwrap else " by address"))
    if failed == 0 and not has_libwrap:
        print("LEFT OUT: libwrap: /etc/hosts.allow and /etc/hosts.deny are not there, or porter-gate")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
