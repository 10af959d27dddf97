#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Measures porterd, the super-servers of others, and bare loops. README.md beside it says what each figure means."""
import argparse
import importlib
import os
import signal
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
PARTS = ("rate", "latency", "services", "held", "refused", "memory", "cores", "http", "pool", "load_time", "address_list",
         "cost")


def options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {' '.join(PARTS)}; all by default")
    parser.add_argument("--short", action="store_true", help="everything once, to see that it works")
    parser.add_argument("--json", metavar="FILE", help="all raw figures; bench.json beside the plots by default")
    parser.add_argument("--results", metavar="FILE", help="a page like RESULTS.md")
    parser.add_argument("--plots", metavar="DIR", default=os.path.join(HERE, "../../build/bench"),
                        help="where plots go, build/bench by default")
    words = parser.parse_args()
    unknown = [part for part in words.parts if part not in PARTS]
    if unknown:
        parser.error(f"there is no part {unknown[0]}: it is one of {' '.join(PARTS)}")
    return words


def main():
    words = options()
    if words.short:
        os.environ["BENCH_SHORT"] = "1"
    build = os.path.abspath(os.path.join(HERE, "../../build/release"))
    os.environ.setdefault("PORTERD", os.path.join(build, "porterd"))
    os.environ.setdefault("PORTERCTL", os.path.join(os.path.dirname(os.environ["PORTERD"]), "porterctl"))
    os.environ.setdefault("BENCH_DIR", os.path.join(os.path.dirname(os.environ["PORTERD"]), "tests/bench"))
    # What was started is ended then, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))

    # They read the environment.
    import machine
    import report as reports

    machine.prepare()
    report = reports.Report(os.path.abspath(words.plots))
    print(report.machine_line(), report.versions, sep="\n")
    if words.short:
        print("A short run, to see that everything works: its figures mean nothing.")
    for name in words.parts or PARTS:
        measure_part(report, name)
    report.end()
    report.write_json(words.json or os.path.join(report.directory, "bench.json"))
    if words.results:
        report.write_results(words.results)
    return 1 if report.failures else 0


def measure_part(report, name):
    """A part that cannot be measured does not take the others with it."""
    from servers import Missing

    part = importlib.import_module(f"parts.{name}")
    report.begin(name, part.TITLE)
    try:
        part.run(report)
    except Missing as e:
        report.say(f"  missing: {e}")
    except (RuntimeError, OSError, ValueError, KeyError) as e:
        report.fail(f"{type(e).__name__}: {e}")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
