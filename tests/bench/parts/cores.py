# SPDX-License-Identifier: MIT
"""How rates grow with processors, and with processes that accept."""
import os

from measure import Row, measure
from report import bars
from servers import bare, porterd
from settings import CLIENTS

TITLE = "rates by processors and by accepting processes"
ONE = "server = {dir}/echo"
ACCEPTING = 1, 2, 4


def on(count, start):
    """The server and all its programs on the first processors."""

    def pinned(place, ports):
        allowed = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, allowed[:count])
        try:
            return start(place, ports)
        finally:
            os.sched_setaffinity(0, allowed)

    return pinned


def steps():
    """1, 2, 4 … and all of the processors."""
    most = len(os.sched_getaffinity(0))
    return sorted({1 << n for n in range(10) if 1 << n < most} | {most})


def run(report):
    shared = bare("spawn-shared", "{dir}/echo")
    rows = [Row(f"{name}, {count} processors", on(count, start)) for count in steps()
            for name, start in (("porterd", porterd(True, ONE)), ("bare shared", shared))]
    rows += [Row(f"bare shared, {count} accepting", bare("spawn-shared", "{dir}/echo", options=("-p", str(count))))
             for count in ACCEPTING]
    last = str(max(os.sched_getaffinity(0)))
    measure(rows, under=("taskset", "-c", last))
    report.rows("Servers on the first processors, clients on the last one", rows)
    bars(report, "cores", "Connections a second by processors and accepting processes", rows)
    by_name = {row.name: row for row in rows}
    for name in "porterd", "bare shared":
        report.ratio(by_name[f"{name}, {steps()[-1]} processors"], by_name[f"{name}, 1 processors"])
    gain = max((report.ratio(by_name[f"bare shared, {n} accepting"], by_name["bare shared, 1 accepting"]) or 0
                for n in ACCEPTING[1:]), default=0)
    words = "worth building from 1.3 on"
    report.target(8, "gain of more accepting processes on the bare shared loop", words, f"{gain:.2f}" if gain else None)

    # Not the generator's limit: free to run anywhere, too.
    free = [Row(f"bare shared, {n} accepting", bare("spawn-shared", "{dir}/echo", options=("-p", str(n)))) for n in ACCEPTING]
    measure(free, ("-c", CLIENTS))
    report.rows("The same, nothing pinned", free)
    for row in free[1:]:
        report.ratio(row, free[0])
