# SPDX-License-Identifier: MIT
"""How quickly clients are refused, against a loop that accepts and closes."""
import random

import peers
from measure import Row, measure
from servers import bare, closes, porterd
from report import RATE, bars
from settings import CLIENTS, short

TITLE = "clients refused a second, by lists of addresses of several lengths"
SIZES = short((1000,), (1000, 1000000))
HERE_TOO = "127.0.0.0/8"


def addresses(count):
    """Lines with random addresses, and with where the clients come from; the same in every run."""
    chance = random.Random(1)
    found = [HERE_TOO]
    while len(found) < count:
        number = chance.getrandbits(32)
        if not 126 <= number >> 24 <= 127:
            found.append(f"{number >> 24}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}")
    return "\n".join(found) + "\n"


def with_file(count):
    """porterd with a list of that length in a file."""
    start_one = porterd(True, "server = {dir}/echo", "no_access = @{dir}/list." + str(count))

    def start(place, ports):
        with open(f"{place.dir}/list.{count}", "w") as f:
            f.write(addresses(count))
        return start_one(place, ports)

    return start


def run(report):
    one = "server = {dir}/echo"
    rows = [
        Row("bare accept and close", bare("refuse")),
        Row("porterd, only_from empty", porterd(True, one, "only_from =")),
        Row("porterd, 1 prefix", porterd(True, one, f"no_access = {HERE_TOO}")),
        *(Row(f"porterd, {count:,} prefixes", with_file(count)) for count in SIZES),
        Row("xinetd, 1 prefix", peers.serve(peers.BY_NAME["xinetd"], one, f"no_access = {HERE_TOO}")),
    ]
    peers.fetch("xinetd")
    measure(rows, ("-k", "refused", "-c", CLIENTS), check=closes)
    report.rows("", rows, RATE)
    bars(report, "refused", "Clients refused a second", rows, unit="clients a second")
    for row in rows[1:]:
        ratio = report.ratio(row, rows[0])
        if row.name.startswith("porterd"):
            report.target(4, f"refusals, {row.name.removeprefix('porterd, ')}: of the bare loop", 0.9, ratio)
