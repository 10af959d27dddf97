# SPDX-License-Identifier: MIT
"""The machine below the measurements: processes and their time and memory, sockets, ports, limits."""
import contextlib
import ctypes
import os
import platform
import random
import resource
import signal
import socket
import struct
import subprocess
import time

PATIENCE_S = 60
PR_SET_CHILD_SUBREAPER = 36
TICKS = os.sysconf("SC_CLK_TCK")
# Of linux/netlink.h, linux/sock_diag.h and linux/inet_diag.h.
SOCK_DIAG_BY_FAMILY, NETLINK_SOCK_DIAG, NLMSG_DONE, TCP_LISTEN = 20, 4, 3, 10
NLM_F_REQUEST_DUMP = 0x301


def adopt(is_wanted):
    """Whether daemons in the background become children of this process, so that all can be ended."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, int(is_wanted), 0, 0, 0)


def prepare():
    """All of the limit of descriptors is for those who are started."""
    adopt(True)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def until(condition, what, patience_s=PATIENCE_S, pause_s=0.02):
    deadline = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what}: not within {patience_s} s")
        time.sleep(pause_s)


def process_s(pid):
    """Processor time of a process and of those of its children that were waited for."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            ticks = f.read().rpartition(")")[2].split()[11:15]
    except OSError:
        return 0
    return sum(map(int, ticks)) / TICKS


def accept_us(pid):
    """Processor time of the first thread of a process alone."""
    with open(f"/proc/{pid}/schedstat") as f:
        return int(f.read().split()[0]) / 1000


def machine_s():
    """Processor time that was used by anybody."""
    with open("/proc/stat") as f:
        user, nice, system, _, _, irq, softirq = map(int, f.readline().split()[1:8])
    return (user + nice + system + irq + softirq) / TICKS


def own_s():
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def children(pid):
    with contextlib.suppress(OSError):
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            return [int(word) for word in f.read().split()]
    return []


def is_there(pid):
    """False for one that has ended; where it was ours it is gone then."""
    with contextlib.suppress(ChildProcessError):
        return os.waitpid(pid, os.WNOHANG)[0] == 0
    return os.path.exists(f"/proc/{pid}")


def end_children(known=()):
    """Kills what is left of all that was started, and what those had started."""
    while left := [pid for pid in children(os.getpid()) if pid not in known]:
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in left:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)


def memory_kib(pid):
    """Resident, a fair share of it (what is shared counts in parts), and what is its own alone."""
    words = {}
    with open(f"/proc/{pid}/smaps_rollup") as f:
        for line in f.readlines()[1:]:
            name, value = line.split()[:2]
            words[name] = int(value)
    return {"rss": words["Rss:"], "pss": words["Pss:"], "own": words["Private_Dirty:"] + words["Private_Clean:"]}


def is_free(port):
    with socket.socket() as s:
        try:
            s.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def free_ports(count):
    """Below the range of outgoing connections; those of one call differ from those of the last ones as far as chance goes."""
    start = random.randrange(5000, 30000)
    found = []
    for port in (*range(start, 32768), *range(5000, start)):
        if is_free(port):
            found.append(port)
            if len(found) == count:
                return sorted(found)
    raise RuntimeError(f"there are no {count} free ports")


def ranges(ports):
    """Ports in the words of load: 3000-3999,4500."""
    parts, first, last = [], None, None
    for port in [*ports, None]:
        if port is not None and last is not None and port == last + 1:
            last = port
            continue
        if first is not None:
            parts.append(f"{first}-{last}" if last > first else str(first))
        first = last = port
    return ",".join(parts)


def listening():
    """All ports of IPv4 that something listens on, as sock_diag(7) tells: much quicker than /proc/net/tcp."""
    request = struct.pack("=BBBxI", socket.AF_INET, socket.IPPROTO_TCP, 0, 1 << TCP_LISTEN) + bytes(48)
    header = struct.pack("=IHHII", 16 + len(request), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST_DUMP, 1, 0)
    found = set()
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG) as s:
        s.send(header + request)
        while True:
            answer, at = s.recv(1 << 17), 0
            while at < len(answer):
                length, kind = struct.unpack_from("=IH", answer, at)
                if kind != SOCK_DIAG_BY_FAMILY:
                    if kind == NLMSG_DONE:
                        return found
                    raise OSError("sock_diag refused")
                found.add(struct.unpack_from("!H", answer, at + 20)[0])
                at += (length + 3) & ~3


def interpreter(path):
    """The dynamic linker that a program names; None where it needs none."""
    with open(path, "rb") as f:
        head = f.read(4096)
    if head[:5] != b"\x7fELF\x02":
        return None
    table, = struct.unpack_from("=Q", head, 32)
    size, count = struct.unpack_from("=HH", head, 54)
    for i in range(count):
        kind, _, at, _, _, length = struct.unpack_from("=IIQQQQ", head, table + i * size)
        if kind == 3:
            return head[at:at + length - 1].decode()
    return None


def version(*command):
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return done.stdout.split("\n")[0].strip()
    except OSError:
        return f"no {os.path.basename(command[0])}"


def room():
    """How many more descriptors of one process, and how many more processes there may be."""
    with open("/proc/sys/kernel/pid_max") as f:
        pids = int(f.read())
    with open("/proc/loadavg") as f:
        tasks = int(f.read().split()[3].split("/")[1])
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 100, pids - tasks - 1000


def describe():
    """What RESULTS.md says of the machine."""
    with open("/proc/cpuinfo") as f:
        models = {line.split(":", 1)[1].strip() for line in f if line.startswith("model name")}
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    system = version("sed", "-n", 's/^PRETTY_NAME="\\(.*\\)"/\\1/p', "/etc/os-release")
    files, pids = room()
    return {
        "processors": os.cpu_count(), "model": ", ".join(sorted(models)) or platform.machine(),
        "memory_gib": round(memory), "system": system, "kernel": platform.release(),
        "descriptors": files + 100, "more_processes": pids, "load_before": os.getloadavg()[0],
        "user": "root" if os.getuid() == 0 else "another than root",
    }
