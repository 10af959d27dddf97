# SPDX-License-Identifier: MIT
"""Rows that are compared, and the care with which they are: in turns, and again where others disturbed them."""
import json
import os
import statistics
import subprocess
import time

import machine
import servers
from settings import CLIENTS, CONNECTIONS, QUIET, REPEAT, SECONDS, SHORT, SLICES, TRIES


class Row:
    """One of those that are compared. start: a starter, see servers.py. share: how many times fewer connections it gets where
    they are counted. services: how many it has. processes: how many workers it has to have first. missing: why it is not."""

    def __init__(self, name, start, share=1, processes=0, services=1):
        self.name, self.start, self.share, self.processes, self.services = name, start, share, processes, services
        self.results, self.missing, self.failures = [], None, 0
        self.is_foreign = getattr(start, "is_foreign", False)

    def median(self, key):
        return statistics.median(result[key] for result in self.results)

    def range(self, key):
        values = [result[key] for result in self.results]
        return min(values), max(values)

    def as_json(self):
        return {"name": self.name, "missing": self.missing, "services": self.services, "results": self.results}


def clients(server, *options, under=()):
    """The command of the load generator for this server."""
    return [*under, servers.program("load"), *map(str, options), machine.ranges(server.ports)]


def outcome(row, text, errors=""):
    """What load printed last."""
    lines = text.strip().split("\n")
    if not lines[-1].startswith("{"):
        raise RuntimeError(f"{row.name}: load: {errors.strip() or text.strip()}")
    result = json.loads(lines[-1])
    if result["failures"]:
        row.failures += result["failures"]
    return result


def load(row, server, options, under=()):
    """One run of the clients: what load printed, the accepting process's time for each connection, and how much of the machine
    was used by others meanwhile."""
    cpu_us, ours_s, all_s = server.cpu_us(), server.used_s() + machine.own_s(), machine.machine_s()
    before = time.monotonic()
    done = subprocess.run(clients(server, *options, under=under), capture_output=True, text=True)
    seconds = time.monotonic() - before
    result = outcome(row, done.stdout, done.stderr)
    result["cpu_us"] = (server.cpu_us() - cpu_us) / max(1, result["connections"] + result["failures"])
    others_s = machine.machine_s() - all_s - (server.used_s() + machine.own_s() - ours_s)
    result["others"] = max(0, 100 * others_s / os.cpu_count() / max(0.01, seconds)) if server.waits else 0
    return result


def quietly(run):
    """The least disturbed of a few runs, or the first that was not disturbed."""
    results = []
    while len(results) < TRIES and not any(result["others"] <= QUIET for result in results):
        if results:
            time.sleep(1)
        results.append(run())
    return min(results, key=lambda result: result["others"])


def turns(count=None):
    """Forwards and backwards, so that none always comes after the same one."""
    for turn in range(count or REPEAT):
        yield slice(None) if turn % 2 == 0 else slice(None, None, -1)


def timed(row, parts=1):
    """So long, or in a short run so many connections."""
    return ["-n", max(20, CONNECTIONS // 8 // row.share)] if SHORT else ["-s", SECONDS / parts]


def counted(row, parts=1):
    return ["-n", max(1, CONNECTIONS // row.share // parts)]


def measure(rows, options=("-c", CLIENTS), much=timed, check=servers.answers, repeat=None, under=()):
    """Starts all rows, measures them in turns, and ends them."""
    with servers.running(rows, check) as started:
        for row, server in started:
            load(row, server, [*options, "-n", max(1, CONNECTIONS // row.share // 20)], under)
        for order in turns((repeat or REPEAT) * SLICES):
            for row, server in started[order]:
                row.results.append(quietly(lambda: load(row, server, [*options, *much(row, SLICES)], under)))
    return rows
