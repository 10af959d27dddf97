# SPDX-License-Identifier: MIT
"""systemd as PID 1 of a container over the machine's own files, with a socket unit of Accept=yes. Root alone can start it, and
what it writes goes to memory; the network is the machine's, and nothing runs in it but the socket and the journal."""
import os
import subprocess

import machine
from peers import command_of
from servers import Missing, Server, starter

UNITS = {
    "bench.target": "[Unit]\nDefaultDependencies=no\nRequires=bench.socket systemd-journald.service\n",
    "bench.socket": """[Unit]
DefaultDependencies=no
[Socket]
ListenStream=127.0.0.1:{port}
Accept=yes
MaxConnections=100000
TriggerLimitBurst=0
Backlog=1024
""",
    "bench@.service": """[Unit]
DefaultDependencies=no
CollectMode=inactive-or-failed
[Service]
User={user}
ExecStart=/bench/{name}
StandardInput=socket
""",
}
# In mounts of its own, which are gone with it.
SET_UP = """set -e
dir=$1; shift
mount -t tmpfs tmpfs /run
mkdir "$dir/root"
mount -t tmpfs tmpfs "$dir/root"
cd "$dir/root"
mkdir upper work root
mount -t overlay overlay -o lowerdir=/,upperdir=upper,workdir=work root
mkdir -p root/bench root/etc/systemd/system
cp "$dir"/units/* root/etc/systemd/system
exec "$@"
"""


def pid_1(nspawn):
    found = machine.children(nspawn.pid)
    return found[0] if found else None


def accept_yes(name):
    """name: of the program, in the place."""

    @starter
    def start(place, ports):
        if not place.is_root:
            raise Missing("root alone can start it")
        if not os.path.exists(f"{place.dir}/{name}"):
            raise Missing(f"{name} is not built")
        if not os.path.exists("/lib/systemd/systemd"):
            raise Missing("systemd is not installed")
        nspawn = command_of("systemd-nspawn").split()
        top = place.path()
        os.makedirs(f"{top}/units")
        for unit, text in UNITS.items():
            with open(f"{top}/units/{unit}", "w") as f:
                f.write(text.format(**place.words(port=ports[0], name=name)))
        command = ["unshare", "--mount", "sh", "-c", SET_UP, "sh", top, *nspawn, "-q", "-D", f"{top}/root/root",
                   "--register=no", "--keep-unit", "--link-journal=no", "--machine=porter-bench", "--console=pipe",
                   f"--bind-ro={place.dir}:/bench", "/lib/systemd/systemd", "systemd.unit=bench.target"]
        with open(f"{top}/out", "w+") as out:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
            try:
                machine.until(lambda: process.poll() is not None or ports[0] in machine.listening(), "systemd", 20)
            except RuntimeError:
                process.kill()
            if process.poll() is not None or pid_1(process) is None:
                out.seek(0)
                raise Missing(f"the container does not start: {out.read().strip().splitlines()[-1:]}")
        return Server(ports, process, pid_1(process))

    start.is_foreign = True
    return start
