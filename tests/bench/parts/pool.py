# SPDX-License-Identifier: MIT
"""What ready workers are worth: beside bare loops of workers, beside a start for each connection, and beside xinetd."""
import peers
import servers
from measure import Row, counted, measure
from servers import bare, porterd
from settings import short

TITLE = "what ready workers are worth, 32 clients"
MANY = ("-c", 32)
IDLE_WORKERS = short(50, 1000)


def xinetd(log, *lines):
    return peers.serve(peers.BY_NAME["xinetd"], *lines, log=log)


def rates_rows(log):
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
        Row("a start for each", porterd(log, "server = {dir}/echo"), 8),
        Row("warm, 8", porterd(log, "server = {dir}/echo", servers.warm(8)), 8),
        Row("xinetd", xinetd(log, "server = {dir}/echo"), 8),
        Row("Python worker, 8", porterd(log, python + " worker", servers.pool(8)), 8),
        Row("Python under xinetd", xinetd(log, python), 100),
    ]


def latency_rows():
    echo, worker = "server = {dir}/echo", "server = {dir}/worker\nserver_args = porter"
    return [
        Row("a start for each", porterd(True, echo), 5),
        Row("a fork for each", porterd(True, echo, spawn="fork"), 5),
        Row("warm, 8", porterd(True, echo, servers.warm(8)), 5),
        Row("worker programs, 8", porterd(True, worker, servers.pool(8)), 5),
    ]


def idle_rows():
    worker = "server = {dir}/worker\nserver_args = porter"
    pooled = worker, servers.pool(8)
    forked = ("server = {dir}/echo",)
    idle = servers.beside(worker, servers.pool(IDLE_WORKERS))
    return [
        Row("pooled, alone", porterd(True, *pooled)),
        Row("pooled, beside idle ones", porterd(True, *pooled, beside=idle), processes=IDLE_WORKERS),
        Row("forked, alone", porterd(True, *forked), 8),
        Row("forked, beside idle ones", porterd(True, *forked, beside=idle), 8, IDLE_WORKERS),
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
    ("warm, 8", "a start for each", None),
]
LATENCY_RATIOS = [("a fork for each", "warm, 8", 1), ("a start for each", "warm, 8", None),
                  ("a start for each", "worker programs, 8", None)]
IDLE_RATIOS = [
    ("pooled, beside idle ones", "pooled, alone", 0.97),
    ("forked, beside idle ones", "forked, alone", None),
]



def table(report, title, rows, ratios, options, key="rate"):
    measure(rows, options, counted)
    report.rows(title, rows)
    by_name = {row.name: row for row in rows}
    for over, under, asked in ratios:
        report.ratio(by_name[over], by_name[under], key, asked)


def first_byte(report, text, *pause):
    title = f"Time from connect to the answer, one client, {text}"
    table(report, title, latency_rows(), LATENCY_RATIOS, ("-c", "1", *pause), "p50_us")


def run(report):
    peers.fetch("xinetd")
    table(report, "Rates; activity is logged to a file, as by default", rates_rows(True), RATES_RATIOS, MANY)
    table(report, "Rates; activity is not logged (log_on_success is empty)", rates_rows(False), RATES_RATIOS, MANY)
    first_byte(report, "without a pause")
    first_byte(report, "2 ms after the last one", "-w", "2000")
    table(report, f"Rates beside a pool of {IDLE_WORKERS} idle workers", idle_rows(), IDLE_RATIOS, MANY)
