# SPDX-License-Identifier: MIT
"""Instructions and system calls of the daemon for one connection, which unlike times are the same in every run."""
import os
import subprocess

import machine
from servers import HERE
from settings import SHORT

TITLE = "instructions (callgrind) and system calls (strace) of the daemon for one connection"


def run(report):
    if SHORT:
        report.say("  left out in a short run: it has a check of its own, tests/tools/cost.sh check")
        return
    build = os.path.dirname(os.environ["PORTERD"])
    # It waits for its daemons until they are gone: nobody here would reap them.
    machine.adopt(False)
    done = subprocess.run(["sh", os.path.join(HERE, "../tools/cost.sh"), "show"], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, env={"BUILD_DIR": build, "COST_FUNCTIONS": "8", **os.environ})
    machine.adopt(True)
    lines = done.stdout.rstrip().split("\n")
    for line in lines if done.returncode == 0 else lines[-1:]:
        report.say(f"  {line}" if line else "")
    report.figure("text", done.stdout)
    if done.returncode not in (0, 77):
        report.fail("cost.sh failed")
    report.target(6, "instructions and system calls for each connection", "listed, and limits in cost.sh check",
                  "see cost" if done.returncode == 0 else None, done.returncode == 0)
