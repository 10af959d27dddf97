# SPDX-License-Identifier: MIT
"""Starts and ends what pool.py measures: porterd, xinetd, and the bare loops, each on a free port of 127.0.0.1."""
import contextlib
import glob
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PEERS = os.environ.get("PORTER_PEERS") or os.path.join(HERE, "../../build/peers")
XINETD = os.path.join(PEERS, "usr/sbin/xinetd")
# Not a wrapper that looks for the right version: that would be measured instead.
PYTHON = "/usr/bin/python3" if os.access("/usr/bin/python3", os.X_OK) else os.path.realpath(sys.executable)
PATIENCE_S = 60
COPIED = "echo", "worker"

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


def program(name):
    return os.path.join(os.environ["BENCH_DIR"], name)


def free_port():
    """Below the range of outgoing connections."""
    while True:
        port = random.randrange(10000, 30000)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


def process_s(pid):
    """Of a process and of those of its children that were waited for."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            ticks = f.read().rpartition(")")[2].split()[11:15]
    except OSError:
        return 0
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def machine_s():
    """Processor time that was used by anybody."""
    with open("/proc/stat") as f:
        user, nice, system, _, _, irq, softirq = map(int, f.readline().split()[1:8])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


class Place:
    """A directory that the user of the services can read, with what they run."""

    def __init__(self):
        self.dir = tempfile.mkdtemp()
        os.chmod(self.dir, 0o755)
        for name in COPIED:
            shutil.copy(program(name), self.dir)
        shutil.copy(os.path.join(HERE, "line_service.py"), self.dir)
        self.user = "nobody" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
        self.number = 0

    def write(self, log, extra, services):
        """A configuration; services: (name, port, lines)."""
        self.number += 1
        words = {"dir": self.dir, "user": self.user, "python": PYTHON, "number": self.number}
        success = "PID HOST EXIT DURATION" if log else ""
        text = DEFAULTS.format(success=success, extra=extra.format(**words), **words)
        for name, port, lines in services:
            text += SERVICE.format(name=name, port=port, lines="\n".join(lines).format(**words), **words)
        path = f"{self.dir}/conf.{self.number}"
        with open(path, "w") as f:
            f.write(text)
        return path


class Server:
    """A process that serves on a port; pid is the one that accepts, or does not where its workers do."""

    def __init__(self, port, process=None, pid=None):
        self.port, self.process, self.pid = port, process, pid or process.pid

    def cpu_us(self):
        with open(f"/proc/{self.pid}/schedstat") as f:
            return int(f.read().split()[0]) / 1000

    def children(self):
        with open(f"/proc/{self.pid}/task/{self.pid}/children") as f:
            return f.read().split()

    def used_s(self):
        """Processor time, with that of all its children."""
        return sum(map(process_s, (self.pid, *self.children())))

    def is_there(self):
        if self.process is not None:
            return self.process.poll() is None
        return os.path.exists(f"/proc/{self.pid}")

    def signal(self, number):
        if self.is_there():
            os.kill(self.pid, number)


def until(condition, what):
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what}: not within {PATIENCE_S} s")
        time.sleep(0.02)


def end(servers):
    """All at once; what does not end is killed, and is an error."""
    for server in servers:
        server.signal(signal.SIGTERM)
    try:
        for server in servers:
            until(lambda s=server: not s.is_there(), f"process {server.pid} ends")
    finally:
        for server in servers:
            server.signal(signal.SIGKILL)


def pool(workers):
    """All busy: the kernel queues, as in front of the bare loops."""
    return f"pool = static\npool_max = {workers}\non_limit = queue"


def warm(workers):
    """Each connection takes a process away, so their rate must not be limited to the usual 32 a second."""
    return pool(workers) + "\npool_exec = fresh\npool_spawn_rate = 10000"


def beside(*lines):
    """Another service of the same daemon, which gets no clients."""
    return "beside", (UNLISTED, *lines)


def bare(kind, workers):
    def start(place, port):
        return Server(port, subprocess.Popen([program("bare"), kind, str(port), str(workers)]))

    return start


def porterd(log, *lines, beside=None):
    """In the background, as it is run: in the foreground it would write to standard error, too."""
    typed = lines if lines[0].startswith("type") else (UNLISTED, *lines)

    def start(place, port):
        services = [("echo", port, typed)]
        if beside:
            services.append((beside[0], free_port(), beside[1]))
        conf = place.write(log, "\tdaemon_log = FILE {dir}/daemon.{number}", services)
        command = [os.environ["PORTERD"], "-f", conf, "--rundir", f"{conf}.run"]
        with open(f"{conf}.terminal", "w+") as terminal:
            if subprocess.run(command, stdin=subprocess.DEVNULL, stdout=terminal, stderr=terminal).returncode != 0:
                terminal.seek(0)
                raise RuntimeError(f"porterd: {terminal.read().strip()}")
        with open(f"{conf}.run/pid") as f:
            return Server(port, pid=int(f.read()))

    return start


def xinetd(log, *lines):
    def start(place, port):
        conf = place.write(log, "\tcps = 1000000 1", [("echo", port, (UNLISTED, *lines))])
        libraries = [d for part in ("usr/lib", "lib") for d in glob.glob(f"{PEERS}/{part}/*-linux-gnu*")]
        command = [XINETD, "-dontfork", "-f", conf, "-pidfile", f"{conf}.pid"]
        environment = {**os.environ, "LD_LIBRARY_PATH": ":".join(libraries)}
        return Server(port, subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL))

    start.needs = XINETD
    return start


def is_there(path):
    """Whether a program of others can be run; it is fetched once, if it has to be."""
    if path is not None and not os.access(path, os.X_OK) and not os.environ.get("BENCH_OFFLINE"):
        fetch = os.path.join(HERE, "../tools/peers.sh")
        environment = {**os.environ, "PORTER_PEERS": PEERS}
        subprocess.run(["sh", fetch, os.path.basename(path)], stdout=sys.stderr, env=environment)
    return path is None or os.access(path, os.X_OK)


def answers(port):
    with socket.socket() as s:
        s.settimeout(PATIENCE_S)
        try:
            s.connect(("127.0.0.1", port))
            s.sendall(b"hello\n")
            return s.recv(100) == b"hello\n"
        except OSError:
            return False


@contextlib.contextmanager
def running(rows):
    """Starts the rows that can be started, as (row, server), and ends them in any case."""
    place, started = Place(), []
    try:
        for row in rows:
            if not is_there(getattr(row.command, "needs", None)):
                print(f"left out, as its program is missing: {row.name}", file=sys.stderr)
                continue
            started.append((row, row.command(place, free_port())))
        for row, server in started:
            until(lambda: answers(server.port), f"{row.name} answers")
            until(lambda: row.processes == 0 or len(server.children()) >= row.processes, f"{row.name} has its workers")
        yield started
    finally:
        try:
            end([server for _, server in started])
        finally:
            shutil.rmtree(place.dir)


def version(*command):
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return done.stdout.split("\n")[0].strip()
    except OSError:
        return f"no {os.path.basename(command[0])}"


def versions():
    return ", ".join((version(os.environ["PORTERD"], "--version"), version(PYTHON, "--version")))
