# SPDX-License-Identifier: MIT
"""How long clients wait that come at their own times (open loop), and whether one service moves the waits of another."""
import contextlib
import subprocess

import machine
import peers
import servers
import systemd
from measure import Row, clients, load, measure, quietly, turns
from parts.held import holding
from plot import lines
from servers import bare, porterd
from settings import REPEAT, SECONDS, SLICES, short

TITLE = "time from when a client was to begin until its whole answer, at fixed arrival rates"
COLUMNS = (("p50 us", "p50_us", 0), ("p90 us", "p90_us", 0), ("p99 us", "p99_us", 0), ("p99.9 us", "p999_us", 0),
           ("longest us", "max_us", 0), ("a second", "rate", 0))
QUANTILES = "p50_us", "p90_us", "p99_us", "p999_us"
ONE = "server = {dir}/echo"
# A service that others must not feel: so many clients a second of a program that waits a second, or so many that hold theirs.
SLOW, HUGE = short((4, 20), (20, 2000))
# Ten wait at most, and clients that come at their own times try again for seconds.
STUMBLES = "inetutils-inetd",
TURNS = max(1, REPEAT // 2)


def candidates():
    rows = [Row("porterd", porterd(True, ONE)), Row("bare shared", bare("spawn-shared", "{dir}/echo")),
            Row("bare fork", bare("fork", "{dir}/echo"))]
    rows += [Row(peer.name, peers.serve(peer, ONE)) for peer in peers.TABLE if peer.name not in STUMBLES]
    return rows + [Row("systemd, Accept=yes", systemd.accept_yes("echo"), 8)]


def open_loop(rate):
    return ["-r", max(10, int(rate)), "-c", 4096, *(("-n", 50) if short(True, False) else ("-s", 2 * SECONDS / SLICES))]


def at_rates(report, title, rates):
    """rates: connections a second by name of the row."""
    rows = [row for row in candidates() if row.name in rates]
    with servers.running(rows) as started:
        for order in turns(TURNS * SLICES):
            for row, server in started[order]:
                row.results.append(quietly(lambda: load(row, server, open_loop(rates[row.name]))))
    report.rows(title, rows, COLUMNS, "p50_us")
    return {row.name: row for row in rows if row.results}


def plot(report, name, title, rows):
    series = [(row.name, [row.median(key) for key in QUANTILES]) for row in rows.values()]
    report.plot(name, lines, title, "percentile", "us (each line ten times the last)", series,
                ["50", "90", "99", "99.9"], log_y=True)


def compare(report, rows, words=None):
    """words: at what rate, the same for all, where a target is looked at."""
    if "porterd" not in rows:
        return
    for name, row in rows.items():
        if name != "porterd":
            ratio = report.ratio(rows["porterd"], row, "p99_us")
            if name == "xinetd" and words and ratio is not None:
                report.target(7, f"p99 {words}: of xinetd's", "at most 0.5", f"{ratio:.2f}", ratio <= 0.5)


def beside_others(report, rate):
    """One daemon, two services, in turns: the waits of one while nothing else happens, and while the other has a hard time."""
    rows = []
    for words, program, under in ((f"{SLOW} in a slow one", "slow", busy), (f"{HUGE:,} held in another", "echo", held)):
        other = servers.beside("server = {dir}/" + program)
        alone, beside = Row("alone", porterd(True, ONE, beside=other)), Row(f"beside {words}", None)
        rows += [alone, beside]
        with servers.running([alone]) as started:
            for _, server in started:
                for _ in range(TURNS * SLICES):
                    alone.results.append(quietly(lambda: load(alone, server, open_loop(rate))))
                    with under(server):
                        beside.results.append(quietly(lambda: load(beside, server, open_loop(rate))))
    report.rows(f"porterd: one service at {rate:.0f} a second, half of what it can do, beside another", rows, COLUMNS, "p50_us")
    for alone, beside in zip(rows[::2], rows[1::2]):
        ratio = report.ratio(beside, alone, "p99_us")
        if ratio is not None:
            report.target(7, f"p99 {beside.name}: of that alone", "at most 1.2", f"{ratio:.2f}", ratio <= 1.2)


class Other:
    """The other service of a server, for clients."""

    def __init__(self, server):
        self.ports = [server.beside]


@contextlib.contextmanager
def busy(server):
    """Clients without end of the slow one, one after the other: a crowd would take the processors from the rest."""
    command = clients(Other(server), "-r", SLOW, "-R", "constant", "-s", 3600)
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            machine.until(lambda: len(server.children()) >= SLOW // 2, "slow clients are there")
            yield
        finally:
            process.kill()


def held(server):
    return holding(Other(server), HUGE)


def run(report):
    peers.fetch_all()
    rows = measure(candidates(), repeat=max(1, TURNS // 2))
    report.rows("What each can do, in a closed loop", rows)
    capacity = {row.name: row.median("rate") for row in rows if row.results}
    found = at_rates(report, "Each at half of what it can do", {name: rate / 2 for name, rate in capacity.items()})
    compare(report, found)
    plot(report, "latency_half", "Waits, each at half of what it can do", found)
    for name in "xinetd", "bare shared":
        if name not in capacity:
            continue
        rate = capacity[name] / 2
        able = {other: rate for other, most in capacity.items() if most > rate * 1.1 or other == "xinetd"}
        report.say(f"\n  {rate:.0f} a second, half of what {name} can do; left out are others than xinetd that cannot keep up")
        found = at_rates(report, f"All at half of what {name} can do", able)
        compare(report, found, f"all at half of what {name} can do")
        plot(report, f"latency_{name.replace(' ', '_')}", f"Waits, all at {rate:.0f} connections a second", found)
    if "porterd" in capacity:
        beside_others(report, capacity["porterd"] / 2)
