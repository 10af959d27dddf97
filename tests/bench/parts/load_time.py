# SPDX-License-Identifier: MIT
"""How long files of many services take to load."""
import os
import subprocess

from servers import HERE
from settings import SHORT

TITLE = "how long porterd --check takes"


def run(report):
    command = ["sh", os.path.join(HERE, "load_time.sh")] + (["100", "200"] if SHORT else [])
    done = subprocess.run(command, capture_output=True, text=True)
    for line in done.stdout.rstrip().split("\n"):
        report.say(f"  {line}")
    if done.returncode != 0:
        report.fail(done.stderr.strip().split("\n")[-1])
