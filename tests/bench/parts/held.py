# SPDX-License-Identifier: MIT
"""Whether thousands of connections that are held open by as many programs make the next one dearer."""
import contextlib
import os
import subprocess
import time

import machine
import servers
from measure import Row, clients, load, quietly, timed, turns
from servers import bare, porterd
from settings import CLIENTS, REPEAT, short

ASKED = short(40, 10000)
TITLE = f"the next connection beside {ASKED:,} held ones, each by a program"
ONE = "server = {dir}/echo"


def kinds():
    return [("porterd", porterd(True, ONE)), ("porterd, spawn = fork", porterd(True, ONE, spawn="fork")),
            ("bare shared", bare("spawn-shared", "{dir}/echo")), ("bare fork", bare("fork", "{dir}/echo"))]


@contextlib.contextmanager
def holding(server, count):
    """Opens so many connections and keeps them; yields the time for them in seconds."""
    began = time.monotonic()
    command = clients(server, "-k", "hold", "-c", 64, "-n", count)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        if process.stdout.readline() != "READY\n":
            raise RuntimeError("the held connections are not all there")
        yield time.monotonic() - began
        process.communicate()
        if process.returncode != 0:
            raise RuntimeError("held connections were lost")


def status_ms(server):
    """How long porterctl takes to say how it is."""
    command = [os.environ["PORTERCTL"], "--control", f"{server.conf}.run/control", "status"]
    began = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return 1000 * (time.monotonic() - began) if done.returncode in (0, 1) else 0


def next_ones(row, server):
    result = quietly(lambda: load(row, server, ["-c", CLIENTS, *timed(row)]))
    result["status_ms"] = status_ms(server) if row.name.startswith("porterd") else 0
    return result


def measure_held(name, start, count):
    """None held and many held, in turns, of one server."""
    none, many = Row(f"{name}, none", start), Row(f"{name}, {count:,}", start)
    with servers.running([none]) as started:
        many.missing = none.missing
        for _, server in started:
            for _ in turns(short(1, max(3, REPEAT // 2))):
                none.results.append(next_ones(none, server))
                with holding(server, count) as seconds:
                    many.results.append(next_ones(many, server))
                    many.results[-1]["hold_s"] = seconds
                    began = time.monotonic()
                # All of them end at once, and are reaped.
                machine.until(lambda: not server.children(), "all programs are gone")
                many.results[-1]["gone_ms"] = 1000 * (time.monotonic() - began)
    return none, many


def run(report):
    files, processes = machine.room()
    count = min(ASKED, files, processes)
    if count < ASKED:
        report.say(f"  {count:,} only: there is room for {files:,} more descriptors and {processes:,} more processes")
    rows = [row for name, start in kinds() for row in measure_held(name, start, count)]
    columns = (("a second", "rate", 0), ("p50 us", "p50_us", 1), ("p99 us", "p99_us", 1), ("accept us", "cpu_us", 1))
    report.rows("", rows, columns)
    ratios = {}
    for none, many in zip(rows[::2], rows[1::2]):
        ratios[none.name] = report.ratio(many, none)
        report.ratio(many, none, "cpu_us")
        if many.results and many.results[0]["status_ms"]:
            report.say(f"  {many.name}: status takes {many.median('status_ms'):.1f} ms, {none.median('status_ms'):.1f} ms with "
                       f"none; all were gone {many.median('gone_ms'):.0f} ms after their clients")
    report.target(3, f"rate beside {count:,} held connections: of that beside none", 0.9, ratios["porterd, none"])
