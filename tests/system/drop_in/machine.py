# SPDX-License-Identifier: MIT
"""A small root with porterd in it, in which every user, group, program and port that a configuration names is there as
a stand-in, and what porterd says in it."""

import ctypes
import os
import re
import select
import shutil
import signal
import subprocess
import time

IS_SLOW = os.environ.get("BUILD_DIR", "").endswith(("/asan", "/cov"))
ANSWER_S = 60 if IS_SLOW else 20


def some_of(names, step, always=()):
    """All of them; in a slow build each of so many, and those that are always wanted."""
    chosen = [name for n, name in enumerate(names) if not IS_SLOW or n % step == 0 or name in always]
    if len(chosen) < len(names):
        print("a slow build: %d of %d files" % (len(chosen), len(names)))
    return chosen


def enter_namespaces():
    """Namespaces of mounts and of the network for this process and its children."""
    flags = 0x00020000 | 0x40000000  # CLONE_NEWNS, CLONE_NEWNET
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(flags) != 0:
        raise OSError(ctypes.get_errno(), "no namespaces")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


class Root:
    """A directory to chroot to."""

    def __init__(self, path, porterd):
        self.path = path
        self.hold = os.path.join(os.path.dirname(porterd), "tests/programs/hold")
        for folder in ("bin", "conf", "dev", "etc", "proc", "run", "tmp", "var/log", "var/run"):
            os.makedirs(self.of(folder), exist_ok=True)
        subprocess.run(["mount", "--bind", "/dev", self.of("dev")], check=True)
        subprocess.run(["mount", "-t", "proc", "proc", self.of("proc")], check=True)
        shutil.copy(porterd, self.of("bin/porterd"))
        for library in re.findall(r"(/\S+) \(0x", subprocess.check_output(["ldd", porterd], text=True)):
            os.makedirs(os.path.dirname(self.of(library)), exist_ok=True)
            shutil.copy(library, self.of(library))
        self.write("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\nservices: files\nnetworks: files\n")
        self.write("etc/hosts", "127.0.0.1 localhost\n::1 localhost\n")
        self.write("etc/host.conf", "multi on\n")
        self.write("etc/protocols", "tcp 6 TCP\nudp 17 UDP\nsctp 132 SCTP\n")
        self.write("etc/networks", "loopback 127.0.0.0\n")

    def of(self, path):
        return os.path.join(self.path, path.lstrip("/"))

    def write(self, path, text):
        os.makedirs(os.path.dirname(self.of(path)), exist_ok=True)
        with open(self.of(path), "w", encoding="latin-1") as out:
            out.write(text)

    def program(self, path):
        """A stand-in for a program, unless something is there."""
        if os.path.lexists(self.of(path)):
            return
        os.makedirs(os.path.dirname(self.of(path)), exist_ok=True)
        first = self.of("bin/.program")
        if not os.path.exists(first):
            shutil.copy(self.hold, first)
        os.link(first, self.of(path))

    def people(self, users, groups):
        """Users and groups; those written as numbers get that number."""
        lines = ["root:x:0:0::/:/bin/sh\n"]
        for n, name in enumerate(sorted(users - {"root"})):
            number = int(name) if name.isdigit() else 2000 + n
            lines.append("%s:x:%d:%d::/:/bin/sh\n" % ("n" + name if name.isdigit() else name, number, number))
        self.write("etc/passwd", "".join(lines))
        lines = ["root:x:0:\n"]
        for n, name in enumerate(sorted(groups - {"root"})):
            lines.append("%s:x:%d:\n" % ("n" + name if name.isdigit() else name, int(name) if name.isdigit() else 3000 + n))
        self.write("etc/group", "".join(lines))

    def enter(self):
        os.chroot(self.path)
        os.chdir("/")

    def command(self, *args):
        return ["/bin/porterd", *args]

    def run(self, *args):
        """Exit status, standard output, standard error."""
        done = subprocess.run(self.command(*args), preexec_fn=self.enter, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=ANSWER_S)
        return done.returncode, done.stdout.decode("latin-1"), done.stderr.decode("latin-1")

    def start(self, *args):
        return Daemon(subprocess.Popen(self.command("-F", *args), preexec_fn=self.enter, stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE))


class Daemon:
    """porterd in the foreground, and what it said so far."""

    def __init__(self, process):
        self.process = process
        self.text = ""
        self.is_ready = self.read_until("event=ready")

    def read_until(self, pattern):
        """False if it ends before that."""
        until = time.monotonic() + ANSWER_S
        fd = self.process.stderr.fileno()
        while not re.search(pattern, self.text):
            left = until - time.monotonic()
            if left <= 0 or not select.select([fd], [], [], left)[0]:
                self.process.kill()
                raise TimeoutError("%s does not come:\n%s" % (pattern, self.text))
            block = os.read(fd, 65536)
            if not block:
                return False
            self.text += block.decode("latin-1")
        return True

    def listening(self):
        """(service, protocol, address, port) of every listener."""
        found = re.findall(r"event=listening service=(\S+) address=(\S+)", self.text)
        rows = []
        for service, address in found:
            protocol, rest = address.split(":", 1)
            host, port = rest.rsplit(":", 1)
            rows.append((service.strip('"'), protocol, host, int(port)))
        return sorted(rows)

    def stop(self):
        """Its exit status; a signal is negative."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        rest = self.process.communicate(timeout=ANSWER_S)[1]
        self.text += rest.decode("latin-1")
        return self.process.returncode


DIAGNOSTIC = re.compile(r"^(\S[^\n]*?):(\d+):(\d+): (error|warning|note): (.*)$", re.M)


def diagnostics(text):
    """(file, line, severity, text) of each."""
    return [(m[1], int(m[2]), m[4], m[5]) for m in DIAGNOSTIC.finditer(text)]
