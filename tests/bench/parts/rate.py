# SPDX-License-Identifier: MIT
"""How many connections a second, with a program for each: porterd, the others, and the bare loops."""
import peers
import systemd
from measure import Row, measure
from report import bars
from servers import bare, porterd

TITLE = "connections a second, 16 clients, one service, a program for each connection"
# Name, program, how many times dearer it is; the first is what targets are about.
PROGRAMS = [("static", "echo", 1), ("tiny", "tiny", 1), ("dynamic", "echo_dynamic", 2), ("script", "echo.sh", 2)]
BARE = [("bare shared", "spawn-shared"), ("bare files", "files"), ("bare vfork", "vfork"), ("bare fork", "fork")]
WAYS = "shared", "files", "fork"
# What it has to be so many times as quick as, with the static program; with others it has to be ahead of all of these.
ASKED = {"bare shared": 0.95, "bare vfork": 1, "xinetd": 1.9, "openbsd-inetd": 3, "systemd, Accept=yes": 9, "tcpserver": 1,
         "tcpsvd": 1, "rlinetd": 1, "inetutils-inetd": 1}


def candidates(program, share):
    server = "server = {dir}/" + program
    found = [Row("porterd", porterd(True, server), share)]
    found += [Row(f"porterd, spawn = {way}", porterd(True, server, spawn=way), share) for way in WAYS]
    found.append(Row("porterd, nothing logged", porterd(False, server), share))
    found += [Row(name, bare(kind, "{dir}/" + program), share) for name, kind in BARE]
    found += [Row(peer.name, peers.serve(peer, server), share) for peer in peers.TABLE]
    return found + [Row("systemd, Accept=yes", systemd.accept_yes(program), share * 8)]


def of_program(report, kind, program, share):
    rows = measure(candidates(program, share))
    report.rows(f"{kind} program, activity logged as by default", rows)
    by_name = {row.name: row for row in rows}
    ratios = {row.name: report.ratio(by_name["porterd"], row) for row in rows if row.name != "porterd"}
    bars(report, f"rate_{kind}", f"Connections a second, {kind} program", rows)
    return ratios


def run(report):
    peers.fetch_all()
    for kind, program, share in PROGRAMS:
        ratios = of_program(report, kind, program, share)
        if kind == "static":
            for name, asked in ASKED.items():
                report.target(1, f"rate, static program: of {name}", asked, ratios[name])
        elif kind != "tiny":
            ahead = [ratio for name, ratio in ratios.items() if ratio and name in ASKED and "bare" not in name]
            report.target(1, f"rate, {kind} program: of the quickest other", 1, min(ahead, default=None))
