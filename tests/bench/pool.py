#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Measures what ready workers are worth: pool.py [logged|silent|latency|idle]..., by default all four parts.
README.md beside it says what each figure means. From outside: PORTERD, BENCH_DIR (the compiled programs),
PORTER_PEERS, BENCH_REPEAT, BENCH_CONNECTIONS, BENCH_SHORT, BENCH_OFFLINE."""
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import time

import servers

SHORT = os.environ.get("BENCH_SHORT", "") not in ("", "0")
REPEAT = int(os.environ.get("BENCH_REPEAT", 1 if SHORT else 20))
CONNECTIONS = int(os.environ.get("BENCH_CONNECTIONS", 400 if SHORT else 10000))
IDLE_WORKERS = 50 if SHORT else 1000
# Per cent of the processors that others may use; a run with more is taken again, a few times.
QUIET, TRIES = (100, 1) if SHORT else (8, 6)
CLIENTS = 32
MANY = ["-c", str(CLIENTS)]
failures = 0


class Row:
    """One of those that are compared; share: how many times fewer connections it gets, as one of its takes longer."""

    def __init__(self, name, command, share=1, processes=0):
        self.name, self.command, self.share, self.processes = name, command, share, processes
        self.results = []

    def median(self, key):
        return statistics.median(result[key] for result in self.results)

    def range(self, key):
        values = [result[key] for result in self.results]
        return min(values), max(values)


def rates_rows(log):
    porterd, xinetd, bare = servers.porterd, servers.xinetd, servers.bare
    workers = "server = {dir}/worker\nserver_args = %s"
    python = "server = {python}\nserver_args = {dir}/line_service.py"
    rows = []
    for n in 2, 8:
        pool = servers.pool(n)
        rows += [
            Row(f"bare passing, {n}", bare("passing", n)),
            Row(f"worker programs, {n}", porterd(log, workers % "porter", pool)),
            Row(f"plain protocol, {n}", porterd(log, workers % "plain", pool, "pool_protocol = plain")),
            Row(f"in-process, {n}", porterd(log, "type = INTERNAL UNLISTED", pool)),
            Row(f"bare shared accept, {n}", bare("shared", n)),
            Row(f"shared listener, {n}", porterd(log, workers % "shared", pool, "pool_accept = worker")),
        ]
    return rows + [
        Row("fork for each", porterd(log, "server = {dir}/echo"), 8),
        Row("warm, 8", porterd(log, "server = {dir}/echo", servers.warm(8)), 8),
        Row("xinetd", xinetd(log, "server = {dir}/echo"), 8),
        Row("Python worker, 8", porterd(log, python + " worker", servers.pool(8)), 8),
        Row("Python under xinetd", xinetd(log, python), 100),
    ]


def latency_rows():
    echo, worker = "server = {dir}/echo", "server = {dir}/worker\nserver_args = porter"
    return [
        Row("fork for each", servers.porterd(True, echo), 5),
        Row("warm, 8", servers.porterd(True, echo, servers.warm(8)), 5),
        Row("worker programs, 8", servers.porterd(True, worker, servers.pool(8)), 5),
    ]


def idle_rows():
    worker = "server = {dir}/worker\nserver_args = porter"
    pooled = worker, servers.pool(8)
    forked = ("server = {dir}/echo",)
    idle = servers.beside(worker, servers.pool(IDLE_WORKERS))
    return [
        Row("pooled, alone", servers.porterd(True, *pooled)),
        Row("pooled, beside idle ones", servers.porterd(True, *pooled, beside=idle), processes=IDLE_WORKERS),
        Row("forked, alone", servers.porterd(True, *forked), 8),
        Row("forked, beside idle ones", servers.porterd(True, *forked, beside=idle), 8, IDLE_WORKERS),
    ]


RATES_RATIOS = [
    ("worker programs, 2", "bare passing, 2", 0.95),
    ("worker programs, 8", "bare passing, 8", 0.95),
    ("plain protocol, 8", "bare passing, 8", None),
    ("in-process, 8", "bare passing, 8", None),
    ("shared listener, 2", "bare shared accept, 2", 0.95),
    ("shared listener, 8", "bare shared accept, 8", 0.95),
    ("worker programs, 2", "xinetd", 3.8),
    ("worker programs, 8", "xinetd", 3.8),
    ("shared listener, 2", "xinetd", 5),
    ("shared listener, 8", "xinetd", 5),
    ("Python worker, 8", "Python under xinetd", 10),
    ("warm, 8", "fork for each", None),
]
LATENCY_RATIOS = [("fork for each", "warm, 8", 1), ("fork for each", "worker programs, 8", None)]
IDLE_RATIOS = [
    ("pooled, beside idle ones", "pooled, alone", 0.97),
    ("forked, beside idle ones", "forked, alone", None),
]


def load(row, server, connections, options):
    """One run of the clients: what load printed, the accepting process's time for each connection, and how much of the
    machine was used by others meanwhile."""
    global failures
    command = [servers.program("load"), *options, "-n", str(connections), str(server.port)]
    cpu_us, ours_s, all_s = server.cpu_us(), server.used_s() + own_s(), servers.machine_s()
    done = subprocess.run(command, capture_output=True, text=True)
    if not done.stdout:
        raise RuntimeError(f"load: {done.stderr.strip()}")
    result = json.loads(done.stdout)
    if result["failures"]:
        failures += result["failures"]
        print(f"{row.name}: {result['failures']} connections failed", file=sys.stderr)
    result["cpu_us"] = (server.cpu_us() - cpu_us) / max(1, result["connections"])
    others_s = servers.machine_s() - all_s - (server.used_s() + own_s() - ours_s)
    result["others"] = max(0, 100 * others_s / os.cpu_count() / max(0.01, result["seconds"]))
    return result


def load_quietly(row, server, options):
    """The least disturbed of a few runs, or the first that was not disturbed."""
    results = []
    while len(results) < TRIES and not any(result["others"] <= QUIET for result in results):
        if results:
            time.sleep(1)
        results.append(load(row, server, max(1, CONNECTIONS // row.share), options))
    return min(results, key=lambda result: result["others"])


def own_s():
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def measure(rows, options):
    """Starts all, then takes turns, backwards every other time, so that none always comes after the same one."""
    with servers.running(rows) as started:
        for row, server in started:
            load(row, server, max(1, CONNECTIONS // row.share // 20), options)
        for turn in range(REPEAT):
            for row, server in started if turn % 2 == 0 else reversed(started):
                row.results.append(load_quietly(row, server, options))
    return [row for row, _ in started]


def print_rows(rows):
    words = "a second", "least", "most", "p50 us", "p90 us", "p99 us", "accept us"
    print(" " * 28 + "".join(f"{word:>10}" for word in words))
    for row in rows:
        print(f"  {row.name:26}", end="")
        print("".join(f"{value:10.0f}" for value in (row.median("rate"), *row.range("rate"))), end="")
        print("".join(f"{row.median(key):10.1f}" for key in ("p50_us", "p90_us", "p99_us", "cpu_us")))
    shares = [result["others"] for row in rows for result in row.results]
    print(f"  Others used {statistics.median(shares):.0f} % of the processors meanwhile, {max(shares):.0f} % at most.")


def print_ratios(rows, ratios, key):
    by_name = {row.name: row for row in rows}
    for over, under, target in ratios:
        if over not in by_name or under not in by_name:
            continue
        x, y = by_name[over], by_name[under]
        each = [a[key] / b[key] for a, b in zip(x.results, y.results)]
        ratio = x.median(key) / y.median(key)
        line = f"  {over + ' / ' + under:46} {ratio:7.3f}  ({min(each):.3f} to {max(each):.3f})"
        if target is not None and not SHORT:
            line += f"  target {target}: {'met' if ratio >= target else 'MISSED'}"
        print(line)


def part(title, rows, ratios, options, key="rate"):
    print(f"\n{title}")
    rows = measure(rows, options)
    print_rows(rows)
    print_ratios(rows, ratios, key)


def rates(log):
    return rates_rows(log), RATES_RATIOS, MANY


def first_byte(text, *pause):
    title = f"Time from connect to the first byte, one client, {text}"
    part(title, latency_rows(), LATENCY_RATIOS, ["-c", "1", *pause], "p50_us")


PARTS = {
    "logged": lambda: part("Rates; activity is logged to a file, as by default", *rates(True)),
    "silent": lambda: part("Rates; activity is not logged (log_on_success is empty)", *rates(False)),
    "latency": lambda: (first_byte("without a pause"), first_byte("2 ms after the last one", "-w", "2000")),
    "idle": lambda: part(f"Rates beside a pool of {IDLE_WORKERS} idle workers", idle_rows(), IDLE_RATIOS, MANY),
}


def main(names):
    # What was started is ended then, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    print(f"{platform.platform()}, {os.cpu_count()} processors, {servers.versions()}")
    print(f"{REPEAT} turns, medians; {CLIENTS} clients; load average before: {os.getloadavg()[0]:.2f}")
    for name in names or PARTS:
        PARTS[name]()
        sys.stdout.flush()
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
