# SPDX-License-Identifier: MIT
"""Starts and ends what is measured, on free ports of 127.0.0.1: porterd, xinetd with the same configuration, and the bare
loops. A starter is a function of a place and ports that returns a Server; peers.py has those of the others."""
import contextlib
import functools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import machine

HERE = os.path.dirname(os.path.abspath(__file__))
# Not a wrapper that looks for the right version: that would be measured instead.
PYTHON = "/usr/bin/python3" if os.access("/usr/bin/python3", os.X_OK) else os.path.realpath(sys.executable)
# What services run; the first are compiled, and there may be machines that cannot compile all of them.
COMPILED = "echo", "slow", "worker", "tiny", "echo_dynamic", "http"
SCRIPTS = "line_service.py", "echo.sh"

DEFAULTS = """defaults
{{
	log_type = FILE {dir}/activity.{number}
	log_on_success = {success}
	log_on_failure = HOST
	instances = UNLIMITED
	per_source = UNLIMITED
	passenv = PATH
{extra}
}}
"""
SERVICE = """service {name}
{{
	socket_type = stream
	protocol = tcp
	wait = no
	bind = 127.0.0.1
	port = {port}
	user = {user}
{lines}
}}
"""
UNLISTED = "type = UNLISTED"


class Missing(Exception):
    """Why something cannot be measured here."""


def program(name):
    path = os.path.join(os.environ["BENCH_DIR"], name)
    if not os.access(path, os.X_OK):
        raise Missing(f"{name} is not built")
    return path


class Place:
    """A directory that the user of the services can read, with what they run."""

    def __init__(self):
        self.dir = tempfile.mkdtemp()
        os.chmod(self.dir, 0o755)
        for name in COMPILED:
            with contextlib.suppress(Missing):
                shutil.copy(program(name), self.dir)
        for name in SCRIPTS:
            if os.path.exists(os.path.join(HERE, name)):
                shutil.copy(os.path.join(HERE, name), self.dir)
                os.chmod(os.path.join(self.dir, name), 0o755)
        self.is_root = os.getuid() == 0
        self.user = "nobody" if self.is_root else pwd.getpwuid(os.getuid()).pw_name
        self.number = 0
        self.began_s = 0

    def begin(self):
        """What is started has its configuration, and begins now."""
        self.began_s = time.monotonic()

    def words(self, **more):
        """For templates of configurations and command lines."""
        entry = pwd.getpwnam(self.user)
        return {"dir": self.dir, "user": self.user, "uid": entry.pw_uid, "gid": entry.pw_gid, "python": PYTHON,
                **more}

    def path(self):
        """For one more configuration."""
        self.number += 1
        return f"{self.dir}/conf.{self.number}"

    def expand(self, text, **more):
        """A program below the place has to be there."""
        text = text.format(**self.words(**more))
        for word in text.split():
            if word.startswith(self.dir + "/") and os.path.basename(word) in COMPILED + SCRIPTS:
                if not os.path.exists(word):
                    raise Missing(f"{os.path.basename(word)} is not built")
        return text

    def write(self, path, log, extra, services):
        """A configuration in xinetd's words; services: (name, port, lines)."""
        number = path.rpartition(".")[2]
        success = "PID HOST EXIT DURATION" if log else ""
        extra = self.expand(extra, number=number)
        text = [DEFAULTS.format(**self.words(success=success, extra=extra, number=number))]
        for name, port, lines in services:
            lines = self.expand("\n".join(lines), number=number)
            text.append(SERVICE.format(**self.words(name=name, port=port, lines=lines)))
        with open(path, "w") as f:
            f.write("\n".join(text))


class Server:
    """A process that serves on ports; pid is the one that accepts, or does not where its workers do.
    started_s: from its start until all ports listened. rewrite: writes its configuration with one service changed, or as it was.
    waits: whether it waits for its children, whose time would not be known otherwise."""

    def __init__(self, ports, process=None, pid=None, conf=None, rewrite=None, waits=True):
        self.ports, self.process, self.pid = ports, process, pid or process.pid
        self.conf, self.rewrite, self.waits = conf, rewrite, waits
        self.started_s = None

    @property
    def port(self):
        return self.ports[0]

    def cpu_us(self):
        return machine.accept_us(self.pid)

    def children(self):
        return machine.children(self.pid)

    def used_s(self):
        """Processor time, with that of all its children."""
        return sum(map(machine.process_s, (self.pid, *self.children())))

    def is_there(self):
        if self.process is not None:
            return self.process.poll() is None
        return machine.is_there(self.pid)

    def signal(self, number):
        if self.is_there():
            os.kill(self.process.pid if self.process is not None else self.pid, number)


def end(servers, patience_s=20):
    """All at once; what does not end is killed."""
    for server in servers:
        server.signal(signal.SIGTERM)
    try:
        for server in servers:
            machine.until(lambda s=server: not s.is_there(), f"process {server.pid} ends", patience_s)
    finally:
        for server in servers:
            server.signal(signal.SIGKILL)


def starter(start):
    """Takes the time until all ports listen, and says why they do not."""

    @functools.wraps(start)
    def timed(place, ports):
        place.begin()
        server = start(place, ports)
        wanted = set(ports)

        def listens():
            if not server.is_there():
                raise Missing("it ended while it started")
            return wanted <= machine.listening()

        try:
            machine.until(listens, "all services listen", pause_s=0.001)
        except RuntimeError as e:
            end([server])
            raise Missing(f"{len(wanted - machine.listening())} of {len(wanted)} services do not listen") from e
        server.started_s = time.monotonic() - place.began_s
        return server

    return timed


def named(ports, lines, changed=False):
    """Services for the ports; the last one is another where it is changed."""
    several = len(ports) > 1
    services = [(f"s{i}" if several else "echo", port, lines) for i, port in enumerate(ports)]
    if changed:
        services[-1] = (*services[-1][:2], (*lines, "nice = 1"))
    return services


def pool(workers):
    """All busy: the kernel queues, as in front of the bare loops."""
    return f"pool = static\npool_max = {workers}\non_limit = queue"


def warm(workers):
    """Each connection takes a process away, so their rate must not be limited to the usual 32 a second."""
    return pool(workers) + "\npool_exec = fresh\npool_spawn_rate = 10000"


def beside(*lines):
    """Another service of the same daemon, which gets no clients unless they are sent to server.beside."""
    return "beside", (UNLISTED, *lines)


@functools.cache
def attributes():
    done = subprocess.run([os.environ["PORTERD"], "--help-attributes"], capture_output=True, text=True)
    return {name for line in done.stdout.split("\n") if " = " in line for name in line.split(" = ")[0].split(", ")}


def bare(kind, *words, options=()):
    """kind and the words behind the port: workers, or a program that is started for each."""

    @starter
    def start(place, ports):
        words_of = [place.expand(str(word)) for word in words]
        command = [program("bare"), kind, *options]
        if place.is_root and kind not in ("passing", "shared", "refuse"):
            command += ["-u", place.user]
        command += [str(ports[0]), *words_of]
        return Server(ports, subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL))

    return start


def run_porterd(place, conf):
    """In the background, as it is run: in the foreground it would write to standard error, too. Its pid."""
    command = [os.environ["PORTERD"], "-f", conf, "--rundir", f"{conf}.run"]
    with open(f"{conf}.terminal", "w+") as terminal:
        place.begin()
        if subprocess.run(command, stdin=subprocess.DEVNULL, stdout=terminal, stderr=terminal).returncode != 0:
            terminal.seek(0)
            raise Missing(f"porterd: {terminal.read().strip()}")
    with open(f"{conf}.run/pid") as f:
        return int(f.read())


def porterd(log, *lines, beside=None, spawn=None, extra="", command=()):
    """beside: (name, lines) of a service that gets a port of its own, server.beside. command: words in front."""
    typed = lines if lines[0].startswith("type") else (UNLISTED, *lines)

    @starter
    def start(place, ports):
        if spawn is not None and "spawn" not in attributes():
            raise Missing("this porterd knows no attribute spawn")
        with_spawn = typed if spawn is None else (*typed, f"spawn = {spawn}")
        others = [(beside[0], machine.free_ports(1)[0], beside[1])] if beside else []
        conf = place.path()

        def rewrite(changed):
            place.write(conf, log, "\tdaemon_log = FILE {dir}/daemon.{number}\n" + extra,
                        named(ports, with_spawn, changed) + others)

        rewrite(False)
        server = Server(ports, pid=run_porterd(place, conf), conf=conf, rewrite=rewrite)
        server.beside = others[0][1] if others else None
        return server

    return start


def ask(port, words):
    """The beginning of what a server says; OSError if nothing comes."""
    with socket.socket() as s:
        s.settimeout(machine.PATIENCE_S)
        s.connect(("127.0.0.1", port))
        s.sendall(words)
        return s.recv(100)


def answers(port):
    try:
        return ask(port, b"hello\n") == b"hello\n"
    except OSError:
        return False


def answers_http(port):
    try:
        return b" 200 " in ask(port, b"GET / HTTP/1.0\r\n\r\n")
    except OSError:
        return False


def closes(port):
    try:
        return ask(port, b"") == b""
    except ConnectionResetError:
        return True
    except OSError:
        return False


@contextlib.contextmanager
def running(rows, check=answers):
    """Starts the rows that can be started, as (row, server), looks whether they answer right, and ends them in any case.
    Rows that cannot be started say why: row.missing."""
    place, started, known = Place(), [], machine.children(os.getpid())
    try:
        for row in rows:
            try:
                server = row.start(place, machine.free_ports(row.services))
            except Missing as e:
                row.missing = str(e)
                continue
            started.append((row, server))
        for row, server in started:
            machine.until(lambda: check(server.port), f"{row.name} answers")
            machine.until(lambda: len(server.children()) >= row.processes, f"{row.name} has its workers")
        yield started
    finally:
        try:
            end([server for _, server in started])
        finally:
            machine.end_children(known)
            shutil.rmtree(place.dir, ignore_errors=True)


def versions():
    return ", ".join((machine.version(os.environ["PORTERD"], "--version"), machine.version(PYTHON, "--version")))
