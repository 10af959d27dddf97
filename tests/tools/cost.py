# SPDX-License-Identifier: MIT
"""Counts what one connection costs the daemon, see cost.sh."""
import collections
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time

HERE = os.path.dirname(os.path.abspath(__file__))
LIMITS = os.path.join(HERE, "cost.limits")
CONNECTIONS = 100
# Connections before those that are counted: what is done once is done then.
FIRST = 20
PATIENCE_S = 30
# Within this time the daemon has looked whether a worker has taken its connection: always, and not only if it is a slow day.
WORKER_LOOK_S = 0.015
# Lines that come no closer are written one by one: what they cost with others is less, and as many as there happen to be.
LINES_APART_S = 0.005
# Other compilers and libraries may take so much more, in per cent of what was measured; less is a gain that is to be kept.
MARGIN = 4
# And what is done once a second, more often for each connection the slower the machine is.
TIME = 150
# And in system calls: a turn of the loop may be interrupted, or find something else to do.
SLACK = 0.5

DEFAULTS = """defaults
{{
	log_type = FILE {dir}/activity
	daemon_log = FILE {dir}/messages
	instances = UNLIMITED
}}
"""
SERVICE = """service {service}
{{
	id = {id}
	port = {port}
	bind = 127.0.0.1
	protocol = {protocol}
	socket_type = {socket_type}
	wait = no
{settings}
}}
"""
PROGRAM = "type = UNLISTED\nserver = /bin/cat"
WORKERS = 4
WORKER = f"type = UNLISTED\nserver = {{dir}}/worker\npool = static\npool_max = {WORKERS}"
# Root says as whom, others must not.
USER = "\nuser = nobody" if os.geteuid() == 0 else ""


# Of which there are some or none, as the daemon or its child is quicker, or a tick of its timer comes: shown, and not counted.
BY_CHANCE = "futex", "rt_sigreturn"


class Kind:
    """lines: that one connection writes to the log."""

    def __init__(self, name, lines, settings, what, protocol="tcp", service=None):
        self.name, self.lines, self.what = name, lines, what
        self.settings = settings + (USER if service is None else "")
        self.service = service or name
        self.protocol = protocol
        self.is_served = "server =" in settings and "no_access" not in settings
        self.programs = int(PROGRAM in settings)
        self.held_s = WORKER_LOOK_S if WORKER in settings else 0
        self.port = 0

    def socket_type(self):
        return socket.SOCK_DGRAM if self.protocol == "udp" else socket.SOCK_STREAM


KINDS = [
    Kind("logged", 2, PROGRAM, "a program, START and EXIT in a file"),
    Kind("silent", 0, PROGRAM + "\nlog_on_success =\nlog_on_failure =", "a program, nothing logged"),
    Kind("guarded", 2, PROGRAM + "\nonly_from = 127.0.0.0/8 10.0.0.0/8\nper_source = 1000\ncps = 1000000 1\ntimeout = 1h",
         "a program, behind only_from, per_source, cps and timeout"),
    Kind("refused", 1, PROGRAM + "\nno_access = 127.0.0.1", "refused by no_access, FAIL in a file"),
    Kind("answered", 1, "type = INTERNAL UNLISTED", "daytime over TCP, answered by the daemon", service="daytime"),
    Kind("datagram", 1, "type = INTERNAL UNLISTED", "echo over UDP, answered by the daemon", "udp", "echo"),
    # The last one: the daemon looks after its workers for some time, by a timer.
    Kind("handed", 2, WORKER, "handed to a worker, START and EXIT in a file"),
]


def free_port(kind):
    with socket.socket(type=kind.socket_type()) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def write_configuration(directory, kinds):
    """The service's user must be able to start the worker, wherever the build is."""
    path = os.path.join(directory, "porterd.conf")
    worker = os.path.join(directory, "worker")
    shutil.copy(os.path.join(os.environ["BUILD_DIR"], "examples/workers/echo_library"), worker)
    os.chmod(worker, 0o755)
    with open(path, "w", encoding="ascii") as f:
        f.write(DEFAULTS.format(dir=directory))
        for kind in kinds:
            kind.port = free_port(kind)
            f.write(SERVICE.format(service=kind.service, id=kind.name, port=kind.port, protocol=kind.protocol,
                                   socket_type="dgram" if kind.protocol == "udp" else "stream",
                                   settings=textwrap.indent(kind.settings.format(dir=directory), "\t")))
    return path


def read(path):
    with open(path, encoding="ascii", errors="replace") as f:
        return f.read()


def is_there(path):
    return os.path.exists(path)


def lives(pid):
    """One that has ended may lie about for as long as its new parent, whoever that is, does not look after it."""
    try:
        return read(f"/proc/{pid}/stat").rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Daemon:
    """In the background, as it serves: in the foreground it writes each line twice. With a directory of its own."""

    def __init__(self, tool, kinds):
        self.directory = tempfile.mkdtemp()
        os.chmod(self.directory, 0o755)
        self.log = os.path.join(self.directory, "activity")
        self.pid = self.idle = None
        self.workers = sum(WORKERS for kind in kinds if WORKER in kind.settings)
        try:
            subprocess.run(tool(self.directory) + [os.environ["PORTERD"], "-f", write_configuration(self.directory, kinds),
                                                   "--rundir", self.directory], check=True, cwd=self.directory)
            self.pid = int(read(os.path.join(self.directory, "pid")))
            self.wait_for("it sleeps", self.learns_sleep)
        except BaseException:
            self.end()
            raise

    def wait_for(self, what, is_so):
        until = time.monotonic() + PATIENCE_S
        while not is_so():
            if time.monotonic() > until or not lives(self.pid):
                sys.exit(f"cost: not true: {what}\n" + read(os.path.join(self.directory, "messages")))
            time.sleep(0.0005)

    @staticmethod
    def children(pid):
        return read(f"/proc/{pid}/task/{pid}/children").split()

    def sleeps_in(self):
        """The system call in which it waits, or None."""
        if read(f"/proc/{self.pid}/stat").rsplit(")", 1)[1].split()[0] != "S":
            return None
        call = read(f"/proc/{self.pid}/syscall").split()
        return call[0] if call[0] != "running" else None

    def learns_sleep(self):
        """Once it has served nothing for a while, it waits for connections."""
        calls = set()
        for _ in range(20):
            calls.add(self.sleeps_in())
            time.sleep(0.005)
        self.idle = calls.pop()
        return not calls and self.idle is not None and len(self.children(self.pid)) == self.workers

    def is_idle(self, lines, programs):
        return (self.count_lines() >= lines and len(self.children(self.pid)) == self.workers + programs and
                self.sleeps_in() == self.idle)

    def count_lines(self):
        return read(self.log).count("\n") if is_there(self.log) else 0

    def converse(self, kind, s, lines):
        """A program begins in one turn of the daemon's loop and ends in another, and never sooner."""
        s.settimeout(PATIENCE_S)
        s.connect(("127.0.0.1", kind.port))
        if kind.protocol == "udp":
            s.send(b"x")
            s.recv(100)
        elif kind.is_served:
            self.wait_for(f"{kind.name} begins", lambda: self.is_idle(lines + kind.lines // 2, kind.programs))
            time.sleep(kind.held_s)
            s.shutdown(socket.SHUT_WR)
            while s.recv(4096):
                pass

    def serve(self, kind, count):
        """One after the other: each is over, and the daemon sleeps again, before the next comes."""
        for _ in range(count):
            lines = self.count_lines()
            with socket.socket(type=kind.socket_type()) as s:
                self.converse(kind, s, lines)
                self.wait_for(f"{kind.name} is over", lambda: self.is_idle(lines + kind.lines, 0))
            time.sleep(kind.lines * LINES_APART_S)

    def stop(self):
        """What traces it ends with it."""
        if self.pid is None or not lives(self.pid):
            return
        os.kill(self.pid, signal.SIGTERM)
        until = time.monotonic() + PATIENCE_S
        while lives(self.pid):
            if time.monotonic() > until:
                os.kill(self.pid, signal.SIGKILL)
            time.sleep(0.005)

    def end(self):
        self.stop()
        shutil.rmtree(self.directory)


class Cost:
    def __init__(self):
        self.instructions = {}  # by function
        self.clock = 0  # readings of a clock
        self.calls = collections.Counter()  # system calls by name
        self.failed = collections.Counter()


def read_profile(path):
    """Of a file of callgrind: instructions by function, without those of the functions that it calls; readings of a clock."""
    names, name, is_call, callee = {}, None, False, None
    functions, clock = collections.Counter(), 0
    for line in read(path).split("\n"):
        match = re.match(r"(c?fn)=(\(\d+\)) ?(.*)", line)
        if match:
            which, number, text = match.groups()
            names.setdefault(number, text.split("@")[0])
            if which == "fn":
                name = names[number]
            else:
                callee = names[number]
        elif line.startswith("calls="):
            clock += int(line[len("calls="):].split()[0]) if callee == "clock_gettime" else 0
            is_call = True  # and the next line says what the call has cost in all
        elif line[:1].isdigit() or line[:1] in ("+", "-", "*"):
            numbers = line.split()
            if not is_call and len(numbers) > 1:  # one without a number costs nothing
                functions[name] += int(numbers[1])
            is_call = False
    return functions, clock


def count_instructions(kinds, costs):
    """The state dump that a signal asks for parts what was before it from what comes behind; its own cost is neither's."""
    parts = 0
    daemon = Daemon(lambda d: ["valgrind", "-q", "--tool=callgrind", "--vgdb=no", "--dump-before=state_write",
                               "--dump-after=state_write", f"--callgrind-out-file={d}/profile.%p"], kinds)

    def part():
        nonlocal parts
        parts += 2
        os.kill(daemon.pid, signal.SIGUSR1)
        path = os.path.join(daemon.directory, f"profile.{daemon.pid}.{parts}")
        daemon.wait_for("a part is written", lambda: is_there(path) and daemon.sleeps_in() == daemon.idle)
        return os.path.join(daemon.directory, f"profile.{daemon.pid}.{parts - 1}")

    try:
        for kind in kinds:
            daemon.serve(kind, FIRST)
            part()
            daemon.serve(kind, CONNECTIONS)
            functions, clock = read_profile(part())
            costs[kind.name].instructions = {name: n / CONNECTIONS for name, n in functions.items()}
            costs[kind.name].clock = clock / CONNECTIONS
    finally:
        daemon.end()


def count_calls(kinds, costs):
    daemon = Daemon(lambda d: [], kinds)
    path = os.path.join(daemon.directory, "calls")
    try:
        with subprocess.Popen(["strace", "-o", path, "-p", str(daemon.pid)], stderr=subprocess.DEVNULL):
            for kind in kinds:
                daemon.serve(kind, FIRST)
                start = os.path.getsize(path)
                daemon.serve(kind, CONNECTIONS)
                for call, result in re.findall(r"^(\w+)\(.*\) += (\S+)", read(path)[start:], re.M):
                    costs[kind.name].calls[call] += 1 / CONNECTIONS
                    if result == "-1":
                        costs[kind.name].failed[call] += 1 / CONNECTIONS
            daemon.stop()
    finally:
        daemon.end()


def measure(kinds):
    costs = {kind.name: Cost() for kind in kinds}
    count_instructions(kinds, costs)
    count_calls(kinds, costs)
    return costs


def instructions(cost):
    return round(sum(cost.instructions.values()))


def system_calls(cost):
    return round(sum(n for call, n in cost.calls.items() if call not in BY_CHANCE), 1)


def describe_calls(cost):
    words = []
    for call, n in sorted(cost.calls.items(), key=lambda item: (-item[1], item[0])):
        if n < 0.05:
            continue
        failed = cost.failed[call]
        words.append(f"{call} {n:.3g}" + (f" ({failed:.3g} of them fail)" if failed >= 0.05 else ""))
    return ", ".join(words)


def print_table(kinds, costs):
    print(f"{'kind':10} {'instructions':>12} {'clocks':>7} {'system calls':>12}")
    for kind in kinds:
        cost = costs[kind.name]
        print(f"{kind.name:10} {instructions(cost):12} {cost.clock:7.1f} {system_calls(cost):12.1f}  {kind.what}")
    for kind in kinds:
        print(f"\n{kind.name}: {describe_calls(costs[kind.name])}")
        functions = sorted(costs[kind.name].instructions.items(), key=lambda item: -item[1])
        for name, n in functions[:int(os.environ.get("COST_FUNCTIONS", 25))]:
            if n >= 1:
                print(f"{n:10.0f}  {name}")


def write_limits(kinds, costs):
    with open(LIMITS, "w", encoding="ascii") as f:
        f.write("# SPDX-License-Identifier: MIT\n# Of one connection at most: kind, instructions, system calls. Written by cost.sh write.\n")
        for kind in kinds:
            cost = costs[kind.name]
            f.write(f"{kind.name} {instructions(cost) * (100 + MARGIN) // 100 + TIME} {system_calls(cost) + SLACK:.1f}\n")


def is_within_limits(costs):
    is_fine = True
    for line in read(LIMITS).splitlines():
        if line.startswith("#"):
            continue
        name, most_instructions, most_calls = line.split()
        for what, n, most in (("instructions", instructions(costs[name]), int(most_instructions)),
                              ("system calls", system_calls(costs[name]), float(most_calls))):
            if n > most:
                print(f"cost: {name}: {n} {what}, and not more than {most:g}", file=sys.stderr)
                is_fine = False
    return is_fine


def main():
    arguments = sys.argv[1:] or ["show"]
    what = arguments[0] if arguments[0] in ("show", "check", "write") else "show"
    wanted = [word for word in arguments if word != what]
    kinds = [kind for kind in KINDS if not wanted or kind.name in wanted]
    costs = measure(kinds)
    if what == "write":
        write_limits(kinds, costs)
    if what == "check":
        os.environ["COST_FUNCTIONS"] = "0"
    print_table(kinds, costs)
    return 0 if what != "check" or is_within_limits(costs) else 1


sys.exit(main())
