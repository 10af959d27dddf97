# SPDX-License-Identifier: MIT
"""What the measurements say: tables and ratios as text, targets, JSON, and RESULTS.md."""
import json
import os
import statistics
import time

import machine
import plot
import servers
from settings import REPEAT, SECONDS, SHORT

RATE = (("a second", "rate", 0), ("p50 us", "p50_us", 1), ("p90 us", "p90_us", 1), ("p99 us", "p99_us", 1),
        ("accept us", "cpu_us", 1))
NAME = 30
WORDS = {"cpu_us": "time of the accepting process", "p50_us": "p50", "p99_us": "p99"}


class Report:
    def __init__(self, directory):
        self.directory = directory
        os.makedirs(directory, exist_ok=True)
        self.machine, self.versions = machine.describe(), servers.versions()
        self.date, self.began = time.strftime("%Y-%m-%d"), time.monotonic()
        self.parts, self.targets, self.plots, self.failures = {}, [], [], []
        self.part = None

    def begin(self, name, title):
        self.part = self.parts[name] = {"title": title, "tables": [], "ratios": [], "figures": {}, "text": [], "missing": {}}
        self.say(f"\n{name}: {title}")

    def say(self, line=""):
        self.part["text"].append(line)
        print(line, flush=True)

    def figure(self, name, value):
        """A single number or more, for JSON."""
        self.part["figures"][name] = value

    def fail(self, what):
        self.failures.append(what)
        self.say(f"  FAILED: {what}")

    def rows(self, title, rows, columns=RATE, main="rate", unit="others"):
        """A table: for the main column the median, the least and the most, for the rest the median."""
        self.part["tables"].append({"title": title, "rows": [row.as_json() for row in rows]})
        words = [columns[0][0], "least", "most", *(column[0] for column in columns[1:])]
        self.say(f"\n  {title}" if title else "")
        self.say(" " * (NAME + 2) + "".join(f"{word:>11}" for word in words))
        for row in rows:
            self.say(f"  {row.name:{NAME}}" + self.cells(row, columns, main))
            if row.failures:
                # What fails under a server of others is said, and no failure of the run.
                words = f"{row.name}: {row.failures} connections failed"
                self.say(f"  {words}") if row.is_foreign else self.fail(words)
        if unit == "others":
            self.others(rows)

    def cells(self, row, columns, main):
        if row.missing or not row.results:
            self.part["missing"][row.name] = row.missing
            return f"    missing: {row.missing}"
        first = row.median(main), *row.range(main)
        text = "".join(f"{value:11.{columns[0][2]}f}" for value in first)
        return text + "".join(f"{row.median(key):11.{digits}f}" for _, key, digits in columns[1:])

    def others(self, rows):
        shares = [result["others"] for row in rows for result in row.results if "others" in result]
        if shares:
            self.say(f"  Others used {statistics.median(shares):.0f} % of the processors meanwhile, {max(shares):.0f} % at most.")

    def ratio(self, over, under, key="rate", asked=None, below=False):
        """The median of those of each turn, and in brackets what half of them lie between; None where a row is missing."""
        if not over.results or not under.results:
            return None
        each = [a[key] / b[key] for a, b in zip(over.results, under.results) if b[key]]
        if not each:
            return None
        value = statistics.median(each)
        low, _, high = statistics.quantiles(each, n=4, method="inclusive") if len(each) > 1 else each * 3
        name = f"{over.name} / {under.name}" + ("" if key == "rate" else f", {WORDS.get(key, key)}")
        line = f"  {name:70} {value:8.3f}  ({low:.3f} to {high:.3f})"
        if asked is not None and not SHORT:
            is_met = value <= asked if below else value >= asked
            line += f"  target {asked}: {'met' if is_met else 'MISSED'}"
        self.part["ratios"].append({"over": over.name, "under": under.name, "of": key, "ratio": value, "each": each,
                                    "asked": asked})
        self.say(line)
        return value

    def target(self, number, what, asked, value, is_met=None, digits=2):
        """asked: a number that the value must reach, or words where is_met says it, or nothing does."""
        if SHORT:
            return
        if value is None:
            shown, is_met = "not measured", None
        else:
            shown = value if isinstance(value, str) else f"{value:.{digits}f}"
            if is_met is None and not isinstance(asked, str):
                is_met = value >= asked
        if not isinstance(asked, str):
            asked = f"at least {asked}"
        self.targets.append({"number": number, "what": what, "asked": asked, "measured": shown, "met": is_met})

    def plot(self, name, draw, *arguments, **more):
        """Draws into the directory of plots."""
        path = os.path.join(self.directory, f"{name}.svg")
        if draw(path, *arguments, **more):
            self.plots.append(path)

    def verdict(self, met):
        return {True: "met", False: "**MISSED**", None: "–"}[met]

    def target_lines(self):
        yield "| | target | asked | measured | |"
        yield "|---|---|---|---|---|"
        for t in sorted(self.targets, key=lambda t: t["number"]):
            yield f"| {t['number']} | {t['what']} | {t['asked']} | {t['measured']} | {self.verdict(t['met'])} |"

    def machine_line(self):
        m = self.machine
        return (f"{m['processors']} processors ({m['model']}), {m['memory_gib']} GB, {m['system']}, Linux {m['kernel']}, "
                f"run by {m['user']}, limit of descriptors {m['descriptors']}; load before {m['load_before']:.2f}")

    def end(self):
        print("\nTargets" if self.targets else "", *self.target_lines() if self.targets else (), sep="\n", flush=True)
        for path in self.plots:
            print(f"plot: {path}")
        minutes = (time.monotonic() - self.began) / 60
        print(f"took {minutes:.1f} minutes" + (f"; {len(self.failures)} FAILED" if self.failures else ""), flush=True)

    def write_json(self, path):
        words = {"date": self.date, "machine": self.machine, "versions": self.versions, "repeat": REPEAT,
                 "seconds": SECONDS, "short": SHORT, "parts": self.parts, "targets": self.targets,
                 "failures": self.failures}
        with open(path, "w") as f:
            json.dump(words, f, indent=1)
            f.write("\n")

    def write_results(self, path):
        """Markdown; what the figures mean stands in README.md."""
        lines = ["# What was measured", "",
                 f"By `make bench` on {self.date}, in {(time.monotonic() - self.began) / 60:.0f} minutes: {self.machine_line()}.",
                 f"{self.versions}. README.md says what the figures mean; this file is written by `bench.py --results`.", ""]
        if self.targets:
            lines += ["## Targets", "", *self.target_lines(), ""]
        for name, part in self.parts.items():
            lines += [f"## {name}: {part['title']}", "", "```", *self.trimmed(part["text"][1:]), "```", ""]
        with open(path, "w") as f:
            f.write("\n".join(line.rstrip() for line in lines).rstrip() + "\n")

    def trimmed(self, lines):
        """Without empty lines at the start and the end."""
        text = "\n".join(lines).strip("\n")
        return text.split("\n")


def bars(report, name, title, rows, key="rate", unit="connections a second"):
    items = [(row.name, row.median(key)) for row in rows if row.results]
    report.plot(name, plot.bars, title, unit, items)
