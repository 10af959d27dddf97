# SPDX-License-Identifier: MIT
"""What thousands of services cost: the rate, the start, and a reload of all with one changed while clients come."""
import os
import signal
import subprocess
import time

import machine
import peers
import servers
from measure import Row, clients, measure, outcome
from plot import lines
from servers import porterd
from settings import CLIENTS, REPEAT, short

TITLE = "1 to 10,000 services listening"
COUNTS = short((1, 30), (1, 1000, 5000, 10000))
# The most that there is sense in: select(2) ends there.
MOST = {"inetutils-inetd": 1000}
RELOAD_S = 4
ONE = "server = {dir}/echo"


def kinds():
    return [("porterd", porterd(True, ONE))] + [
        (name, peers.serve(peers.BY_NAME[name], ONE)) for name in ("xinetd", "openbsd-inetd", "inetutils-inetd")]


def rates(report, name, start):
    """Side by side with its own rate with one service."""
    rows = [Row(f"{name}, {count:,}", start, services=count) for count in COUNTS]
    measure(rows, ("-c", CLIENTS), repeat=max(1, REPEAT // 2))
    report.rows("", rows)
    return {row.services: report.ratio(row, rows[0]) for row in rows[1:]}, rows


def starts(report, name, start, count):
    """Milliseconds from its start until all of them listen."""
    row = Row(name, start, services=count)
    for _ in range(short(1, 5)):
        with servers.running([row]) as started:
            row.results += [{"start_ms": 1000 * server.started_s} for _, server in started]
    return row


def reload_under_load(row, server):
    """One changed of all, and back: the longest time in which no connection was done, with a reload and without. Every client asks
    another service, so that it is the daemon that waits and not one of its services."""
    result = {}
    for kind in "gap_without_us", "gap_us":
        command = clients(server, "-c", CLIENTS, "-s", short(1, RELOAD_S))
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            time.sleep(short(0.3, 1))
            if kind == "gap_us":
                server.rewrite(True)
                began = time.monotonic()
                server.signal(signal.SIGHUP)
                wait_for_reload(server, began, result)
            found = outcome(row, process.communicate()[0])
        result[kind] = found["gap_us"]
        if kind == "gap_us":
            result["longest_us"] = found["max_us"]
    return result


def wait_for_reload(server, began, result):
    """Where it says so: porterd does."""
    path = f"{os.path.dirname(server.conf)}/daemon.{server.conf.rpartition('.')[2]}"
    if not os.path.exists(path):
        result["reload_ms"] = 0
        return

    def is_done():
        with open(path) as f:
            return "event=reload-done" in f.read()

    machine.until(is_done, "the reload", pause_s=0.005)
    result["reload_ms"] = 1000 * (time.monotonic() - began)


def reloads(name, start, count):
    row = Row(name, start, services=count)
    for _ in range(short(1, 5)):
        with servers.running([row]) as started:
            row.results += [reload_under_load(row, server) for _, server in started]
    return row


def run(report):
    peers.fetch_all()
    series, most = [], COUNTS[-1]
    start_rows, reload_rows = [], []
    for name, start in kinds():
        ratios, rows = rates(report, name, start)
        series.append((name, [row.median("rate") if row.results else None for row in rows]))
        living = [row.services for row in rows if row.results]
        if living:
            start_rows += [starts(report, f"{name}, {count:,}", start, count) for count in sorted({1, living[-1]})]
            reload_rows.append(reloads(f"{name}, {living[-1]:,}", start, living[-1]))
        if name == "porterd":
            report.target(2, f"rate with {most:,} services: of its own with one", 0.85, ratios[most])
    ms = (("ms", "start_ms", 1),)
    report.rows("From its start until all services listen", start_rows, ms, "start_ms")
    columns = (("gap us", "gap_us", 0), ("without", "gap_without_us", 0), ("longest us", "longest_us", 0),
               ("reload ms", "reload_ms", 0))
    report.rows("A reload with one changed: the longest time without a connection done, and of a connection",
                reload_rows, columns, "gap_us")
    targets(report, start_rows, reload_rows, most)
    report.plot("services", lines, "Connections a second by number of services", "services", "connections a second",
                series, [f"{count:,}" for count in COUNTS])


def targets(report, start_rows, reload_rows, most):
    by_name = {row.name: row for row in start_rows}
    start = by_name.get(f"porterd, {most:,}")
    if start and start.results:
        ms = start.median("start_ms")
        report.target(2, f"start with {most:,} services", "under 500 ms", f"{ms:.0f} ms", ms < 500)
    if reload_rows and reload_rows[0].results:
        ms = reload_rows[0].median("gap_us") / 1000
        report.target(2, f"reload of {most:,} services with one changed: longest gap", "under 20 ms", f"{ms:.1f} ms", ms < 20)
