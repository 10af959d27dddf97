# SPDX-License-Identifier: MIT
"""Memory of the daemon: with one service, for each further one, and whether it grows."""
import os
import time

import machine
import peers
import servers
from measure import Row, load
from plot import bars
from servers import porterd
from settings import CLIENTS, short

TITLE = "memory of the daemon that accepts, in KiB"
COUNTS = short((1, 30), (1, 1000, 10000))
# Connections of the long run.
LONG = int(os.environ.get("BENCH_LONG", short(200, 1000000)))
# After a rush memory is given back within a second.
REST_S = short(0, 2)
COLUMNS = ("rss", "rss", 0), ("pss", "pss", 0), ("own", "own", 0)
ONE = "server = {dir}/echo"


def sized(name, start, services=1):
    """Each service has had no client but the first, which has had a few."""
    row = Row(name, start, services=services)
    with servers.running([row]) as started:
        for _, server in started:
            server.ports = server.ports[:1]
            load(row, server, ["-c", CLIENTS, "-n", 50])
            row.results.append(machine.memory_kib(server.pid))
    return row


def by_services(report):
    rows = [sized(f"porterd, {count:,}", porterd(True, ONE), count) for count in COUNTS]
    for name in "xinetd", "openbsd-inetd":
        rows += [sized(f"{name}, {count:,}", peers.serve(peers.BY_NAME[name], ONE), count) for count in COUNTS]
    report.rows("By number of services: resident, its share of it, its own alone", rows, COLUMNS, "rss", None)
    of_one, *more = rows[:len(COUNTS)]
    for row in more:
        if row.results and of_one.results:
            each = (row.median("rss") - of_one.median("rss")) / (row.services - 1)
            own = (row.median("own") - of_one.median("own")) / (row.services - 1)
            report.say(f"  {row.name}: {each:.2f} KiB for each further service resident, {own:.2f} KiB its own")
            report.figure(f"kib_each_{row.services}", each)
    if of_one.results:
        kib = of_one.median("rss")
        report.target(5, "daemon with one service", "at most 3 MB resident", f"{kib / 1024:.2f} MB", kib <= 3 * 1024)
    if more and more[-1].results:
        report.target(5, f"each further service of {more[-1].services:,}", "at most 3 KiB", f"{each:.2f} KiB", each <= 3)


def by_server(report):
    pooled = porterd(True, "server = {dir}/worker\nserver_args = porter", servers.pool(8))
    rows = [sized("porterd", porterd(True, ONE)), sized("porterd, a pool of 8", pooled)]
    rows += [sized(peer.name, peers.serve(peer, ONE)) for peer in peers.TABLE]
    report.rows("With one service, beside others", rows, COLUMNS, "rss", None)
    report.plot("memory", bars, "Memory of the daemon with one service", "KiB, its share (PSS)",
                [(row.name, row.median("pss")) for row in rows if row.results])


def growth(report):
    """Looked at five times, at rest: what fills up once is full by a tenth of the way."""
    row, sizes = Row("porterd", porterd(True, ONE)), []
    with servers.running([row]) as started:
        for _, server in started:
            done = 0
            for count in (LONG // 50, LONG // 10, LONG // 4, LONG // 2, LONG):
                load(row, server, ["-c", CLIENTS, "-n", max(1, count - done)])
                done = count
                time.sleep(REST_S)
                sizes.append((count, machine.memory_kib(server.pid)))
    report.say("\n  Its own memory after so many connections: " +
               ", ".join(f"{size['own']} KiB ({count:,})" for count, size in sizes))
    report.figure("growth", sizes)
    if row.failures:
        report.fail(f"{row.failures} connections failed")
    if sizes:
        grown = sizes[-1][1]["own"] - sizes[1][1]["own"]
        report.target(5, f"growth from {sizes[1][0]:,} to {LONG:,} connections", "none (32 KiB)", f"{grown} KiB", grown <= 32)


def run(report):
    peers.fetch_all()
    by_services(report)
    by_server(report)
    growth(report)
