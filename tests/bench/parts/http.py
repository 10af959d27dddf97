# SPDX-License-Identifier: MIT
"""The same question asked by tools of others: ab and wrk, against an HTTP responder that is started for each connection."""
import re
import subprocess

import peers
import servers
from measure import Row, load, turns
from servers import Missing, answers_http, bare, porterd
from settings import CLIENTS, REPEAT, SECONDS, short

TITLE = "a cross-check with ab and wrk, which others wrote"
ONE = "server = {dir}/http"
OTHERS = "xinetd", "tcpserver", "rlinetd"


def ab(server):
    much = ["-n", "50"] if short(True, False) else ["-t", str(SECONDS), "-n", "1000000"]
    text = run_tool("ab", "-q", "-c", CLIENTS, *much, f"http://127.0.0.1:{server.port}/")
    return number(r"Requests per second: +([0-9.]+)", text), int(number(r"Failed requests: +([0-9]+)", text))


def wrk(server):
    text = run_tool("wrk", "-t", 1, "-c", CLIENTS, "-d", f"{SECONDS}s", "-H", "Connection: close",
                    f"http://127.0.0.1:{server.port}/")
    bad = re.search(r"Non-2xx or 3xx responses: ([0-9]+)", text)
    return number(r"Requests/sec: +([0-9.]+)", text), int(bad[1]) if bad else 0


def ours(server):
    much = ("-n", 50) if short(True, False) else ("-s", SECONDS)
    result = load(Row("load", None), server, ["-k", "http", "-c", CLIENTS, *much])
    return result["rate"], result["failures"]


def run_tool(name, *options):
    command = [*peers.command_of(name).split(), *map(str, options)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{name}: {done.stdout.strip()}")
    return done.stdout


def number(pattern, text):
    found = re.search(pattern, text)
    if found is None:
        raise RuntimeError(f"no figure: {text.strip()}")
    return float(found[1])


def rows_of(tool):
    return [Row(f"porterd, {tool}", porterd(True, ONE)), Row(f"bare shared, {tool}", bare("spawn-shared", "{dir}/http")),
            *(Row(f"{name}, {tool}", peers.serve(peers.BY_NAME[name], ONE)) for name in OTHERS)]


def run(report):
    peers.fetch_all("apache2-utils", "wrk")
    for tool, ask in ("load", ours), ("ab", ab), ("wrk", wrk):
        rows = rows_of(tool)
        try:
            if tool != "load":
                peers.command_of(tool)
        except Missing as e:
            report.say(f"  {tool} is missing: {e}")
            continue
        with servers.running(rows, answers_http) as started:
            for order in turns(max(1, REPEAT // 2)):
                for row, server in started[order]:
                    rate, bad = ask(server)
                    row.failures += bad
                    row.results.append({"rate": rate})
        report.rows(f"asked by {tool}", rows, (("a second", "rate", 0),))
        for row in rows[1:]:
            report.ratio(rows[0], row)
