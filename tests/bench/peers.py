# SPDX-License-Identifier: MIT
"""The super-servers of others: a row each. They come from Debian's packages, which tests/tools/peers.sh unpacks below
build/peers (or PORTER_PEERS) and does not install. Each is set up as its manual says, with its limits out of the way; whatever
it logs by default it logs."""
import functools
import glob
import os
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass

import machine
from servers import DEFAULTS, SERVICE, HERE, Missing, Server, named, starter
from settings import OFFLINE

PEERS = os.path.abspath(os.environ.get("PORTER_PEERS") or os.path.join(HERE, "../../build/peers"))

INETD_LINE = "127.0.0.1:{port} stream tcp nowait {user} {server} {server_name}\n"
RLINETD_HEAD = 'defaults {{\n\tinstances 100000;\n\tbacklog 1024;\n}}\n'
RLINETD_SERVICE = """service "{name}" {{
	port {port};
	interface 127.0.0.1;
	user "{user}";
	exec "{server}";
}}
"""


@dataclass
class Peer:
    """command, head and service are templates; service: what its configuration has for each service, if it has one.
    Words: exe, conf, port, server (the program), lib; drop, a command in front that changes the user, and as_root, both empty
    where another than root starts it. background: it goes there, and
    writes {conf}.pid. waits: for its children. has: in the output of its --list."""

    name: str
    package: str
    exe: str
    command: str
    head: str = ""
    service: str = ""
    as_root: str = ""
    listener_on_stdin: bool = False
    background: bool = False
    waits: bool = True
    has: str = ""

    @property
    def has_configuration(self):
        return self.service != ""


TABLE = [
    Peer("xinetd", "xinetd", "xinetd", "{exe} -dontfork -f {conf} -pidfile {conf}.pid", DEFAULTS, SERVICE),
    Peer("openbsd-inetd", "openbsd-inetd", "inetd", "{exe} -i -q 1024 -R 2000000000 {conf}", service=INETD_LINE),
    Peer("inetutils-inetd", "inetutils-inetd", "inetutils-inetd", "{exe} -R 2000000000 -p{conf}.pid {conf}",
         service=INETD_LINE, background=True),
    Peer("rlinetd", "rlinetd", "rlinetd", "{exe} -d -p {lib}/rlinetd/libparse.so -f {conf}", RLINETD_HEAD,
         RLINETD_SERVICE),
    Peer("tcpserver", "ucspi-tcp", "tcpserver", "{exe} -RHl0 -c 100000 -b 1024{as_root} 127.0.0.1 {port} {server}",
         as_root=" -u {uid} -g {gid}"),
    Peer("tcpsvd", "ipsvd", "tcpsvd", "{exe} -l localhost -c 100000 -b 1024{as_root} 127.0.0.1 {port} {server}",
         as_root=" -u {user}"),
    # The TCP server of s6-networking is not in Debian 12; this one of s6 does the same with any listener that it is given.
    Peer("s6-ipcserverd", "s6", "s6-ipcserverd", "{drop}{exe} -P -c 4000 {server}", listener_on_stdin=True),
    Peer("systemd-socket-activate", "systemd", "systemd-socket-activate",
         "{drop}{exe} --accept --inetd -l 127.0.0.1:{port} {server}"),
    Peer("socat", "socat", "socat",
         "{exe} TCP4-LISTEN:{port},bind=127.0.0.1,reuseaddr,backlog=1024,fork EXEC:{server},nofork{as_root}",
         as_root=",su={user}"),
    Peer("busybox tcpsvd", "busybox", "busybox", "{exe} tcpsvd -c 100000 -b 1024{as_root} 127.0.0.1 {port} {server}",
         as_root=" -u {user}", has="tcpsvd"),
]
BY_NAME = {peer.name: peer for peer in TABLE}
DROP = "setpriv --reuid={uid} --regid={gid} --clear-groups "


@functools.cache
def fetch(*packages):
    """Once for all that are needed; what cannot be had is missing later."""
    wanted = [p for p in packages if p != "systemd" and not os.path.exists(f"{PEERS}/.packages/{p}")]
    if not wanted or OFFLINE:
        return
    print(f"getting {', '.join(wanted)}", file=sys.stderr)
    for package in wanted:
        command = ["sh", os.path.join(HERE, "../tools/peers.sh"), package]
        subprocess.run(command, stdout=sys.stderr, env={**os.environ, "PORTER_PEERS": PEERS})


def fetch_all(*more):
    fetch(*(peer.package for peer in TABLE), "systemd-container", *more)


def libraries():
    return glob.glob(f"{PEERS}/usr/lib/*-linux-gnu*") + glob.glob(f"{PEERS}/lib/*-linux-gnu*")


def find(name):
    """The unpacked program, or the machine's own."""
    for part in "usr/sbin", "usr/bin", "sbin", "bin":
        path = f"{PEERS}/{part}/{name}"
        if os.access(path, os.X_OK):
            return path
    path = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")
    if path is None:
        raise Missing(f"{name} is not there")
    return path


def command_of(name):
    """Words that run it. Its unpacked libraries are named to the dynamic linker and not in the environment, which the
    programs that it starts would search, too."""
    path = find(name)
    linker = machine.interpreter(path)
    if not path.startswith(PEERS) or linker is None or not libraries():
        return path
    return f"{linker} --library-path {':'.join(libraries())} {path}"


def listener(port):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("127.0.0.1", port))
    s.listen(1024)
    return s


def write(peer, place, conf, ports, lines, log, changed):
    """A configuration of the peer. lines: of a service in xinetd's words; the others take the program alone."""
    number = conf.rpartition(".")[2]
    server = place.expand(lines[0]).removeprefix("server = ")
    success = "PID HOST EXIT DURATION" if log else ""
    text = [peer.head.format(**place.words(number=number, success=success, extra="\tcps = 1000000 1"))]
    for name, port, of_service in named(ports, ("type = UNLISTED", *lines), changed):
        words = {"name": name, "port": port, "lines": place.expand("\n".join(of_service)), "server": server.split()[0],
                 "server_name": "changed" if len(of_service) > len(lines) + 1 else "echo"}
        text.append(peer.service.format(**place.words(**words)))
    with open(conf, "w") as f:
        f.write("".join(text))


def run(command, stdin, pid_file):
    """The process, or none and the pid of the daemon where that goes to the background and writes a file."""
    process = subprocess.Popen(command, stdin=stdin, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if pid_file is None:
        return process, process.pid
    process.wait()
    try:
        machine.until(lambda: os.path.exists(pid_file) and os.path.getsize(pid_file), "the pid", 5, 0.001)
    except RuntimeError as e:
        raise Missing("it ended while it started") from e
    with open(pid_file) as f:
        return None, int(f.read())


def serve(peer, *lines, log=True):
    """A starter of it for a service of these lines, of which the first is server = PROGRAM; log: whether xinetd logs."""

    @starter
    def start(place, ports):
        exe = command_of(peer.exe)
        if peer.has and peer.has not in subprocess.run([*exe.split(), "--list"], capture_output=True, text=True).stdout:
            raise Missing(f"it has no {peer.has} as Debian builds it")
        conf = place.path()
        words = place.words(exe=exe, conf=conf, port=ports[0], lib=next(iter(libraries()), "/usr/lib"),
                            server=place.expand(lines[0]).removeprefix("server = "))
        words["as_root"] = peer.as_root.format(**words) if place.is_root else ""
        words["drop"] = DROP.format(**words) if place.is_root else ""

        def rewrite(changed):
            write(peer, place, conf, ports, lines, log, changed)

        if peer.has_configuration:
            rewrite(False)
        stdin = listener(ports[0]) if peer.listener_on_stdin else subprocess.DEVNULL
        place.begin()
        process, pid = run(peer.command.format(**words).split(), stdin, f"{conf}.pid" if peer.background else None)
        if peer.listener_on_stdin:
            stdin.close()
        return Server(ports, process, pid, conf, rewrite, peer.waits)

    start.is_foreign = True
    return start
