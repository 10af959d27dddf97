# SPDX-License-Identifier: MIT
"""What a list of addresses costs: to make, to keep, and to decide."""
import subprocess

from servers import program
from settings import SHORT

TITLE = "lists of addresses: processor time to make one, memory, time of a decision"


def run(report):
    command = [program("address_list")] + (["1000"] if SHORT else [])
    done = subprocess.run(command, capture_output=True, text=True)
    for line in done.stdout.rstrip().split("\n"):
        report.say(f"  {line}")
    if done.returncode != 0:
        report.fail("address_list failed")
    for line in done.stdout.split("\n"):
        words = line.split()
        if len(words) > 5 and words[1] == "1000000":
            family, size, took = words[0], float(words[4]), float(words[5])
            report.figure(family, {"bytes_a_prefix": size, "ns_a_decision": took})
            report.target(4, f"a decision among a million prefixes, {family}", "under 1 us", f"{took:.0f} ns", took < 1000)
            report.target(4, f"memory of each of a million prefixes, {family}", "under 40 bytes", f"{size:.1f} bytes", size < 40)
