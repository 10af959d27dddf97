# SPDX-License-Identifier: MIT
"""How long the measurements are, from the environment; bench.py --short sets BENCH_SHORT before this is read."""
import os

SHORT = os.environ.get("BENCH_SHORT", "") not in ("", "0")
# Turns that every table takes, and seconds of each; a short run counts connections instead.
REPEAT = int(os.environ.get("BENCH_REPEAT", 1 if SHORT else 10))
SECONDS = int(os.environ.get("BENCH_SECONDS", 1))
# How quick a machine is changes from second to second: turns are cut into so many where rates are compared.
SLICES = 1 if SHORT else 4
CONNECTIONS = int(os.environ.get("BENCH_CONNECTIONS", 400 if SHORT else 10000))
# Fewer in a short run: inetutils-inetd lets 10 wait, and others try again after a second.
CLIENTS = 8 if SHORT else 16
# Per cent of the processors that others may use; a run with more is taken again, a few times.
QUIET = 8
TRIES = int(os.environ.get("BENCH_TRIES", 1 if SHORT else 6))
OFFLINE = os.environ.get("BENCH_OFFLINE", "") not in ("", "0")


def short(few, usual):
    """A number of the short run, or of the usual one."""
    return few if SHORT else usual
