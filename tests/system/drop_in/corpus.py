# SPDX-License-Identifier: MIT
"""Loads every file of a collection of real xinetd files and compares with what xinetd had made of each.
  corpus.py COLLECTION PORTERD DIRECTORY"""

import collections
import ipaddress
import os
import re
import sys

from dumps import porterd_dump, xinetd_dump
from machine import Root, diagnostics, enter_namespaces, some_of

# Ports that are other services' in some files: no stand-in can give a name two.
CLEAN, WARNED, LOST, SURROUNDINGS = "clean", "WARNING-only", "syntax-or-value-ERROR", "environment-only"


def read(path):
    with open(path, encoding="latin-1") as file:
        return file.read()


def outcomes(folder):
    """file -> (category, messages)"""
    rows = [line.rstrip("\n").split("\t") for line in read(os.path.join(folder, "OUTCOMES.tsv")).splitlines()[1:]]
    return {row[0]: (row[4], row[5] if len(row) > 5 else "") for row in rows}


def values(texts, name):
    """Every word that some file gives an attribute, without comments behind it."""
    found = set()
    for text in texts:
        for value in re.findall(r"^[ \t]*%s[ \t]*=[ \t]*(\S+)" % name, text, re.M | re.I):
            found.add(value)
    return found


def furnish(root, texts, dumps):
    root.people({u for u in values(texts, "user") if ":" not in u} | {"nobody"},
                {g for g in values(texts, "group") if ":" not in g} | {"nogroup"})
    for server in values(texts, "server"):
        if server.strip('"').startswith("/"):
            root.program(server.strip('"'))
    for path in values(texts, r"log_type[ \t]*=[ \t]*FILE"):
        os.makedirs(os.path.dirname(root.of(path)), exist_ok=True)
    # What /etc/services held is what the services without UNLISTED listened on.
    ports = {}
    for _, services in dumps.values():
        for s in services:
            if "UNLISTED" not in s.get("type", "") and "RPC" not in s.get("type", ""):
                ports.setdefault((s["name"], protocol(s)), s["port"])
    root.write("etc/services", "".join("%s %s/%s\n" % (n, port, p) for (n, p), port in sorted(ports.items())))
    return ports


def protocol(service):
    """Of a line "Protocol (name,number) = (tcp,6)"."""
    return service.get("Protocol (name,number)", "(tcp").strip("(").split(",")[0]


def network(text):
    """An address pattern as a network; names stay as they are."""
    if text == "::/::":
        text = "::/0"
    try:
        if "/" in text:
            return str(ipaddress.ip_network(text, strict=False))
        address = ipaddress.ip_address(text)
    except ValueError:
        return text
    if address.version == 4:
        octets = text.split(".")
        bits = 32
        while octets and int(octets[-1]) == 0:
            octets.pop()
            bits -= 8
        return "%s/%d" % (text, bits)
    return "%s/128" % address


def patterns_of_xinetd(text):
    if text in ("All sites", "No blocked sites"):
        return None
    return sorted(network(item.rpartition("(")[0]) for item in text.split())


def of_xinetd(service, defaults):
    """The compared properties of a service in xinetd's dump."""
    def either(name, otherwise):
        return service.get(name, defaults.get(name, otherwise))

    def count(text):
        return "unlimited" if text in ("UNLIMITED", "-1") else text

    return {
        "socket_type": service["socket_type"],
        "protocol": protocol(service),
        "port": service["port"],
        # It prints the name that the address has.
        "bind": {"All addresses.": "*", "localhost": "127.0.0.1"}.get(service["Bind"], service["Bind"]),
        "wait": service["wait"],
        "groups": service["Groups"],
        "server": service.get("Server", ""),
        "argv": service.get("Server argv", ""),
        "instances": count(either("Instances", "UNLIMITED")),
        "per_source": count(service["PER_SOURCE"]),
        "cps": " ".join(re.findall(r"\d+", either("CPS", "50 10"))),
        "nice": service.get("Nice", "0"),
        "only_from": patterns_of_xinetd(service["Only from"]),
        "no_access": patterns_of_xinetd(service["No access"]),
    }


def of_porterd(service, defaults, ports):
    """The same of a service in porterd's dump."""
    def either(name, otherwise):
        return service.get(name, defaults.get(name, otherwise))

    def as_list(value):
        return value if isinstance(value, list) else value.split()

    def patterns(name):
        given = either(name, None)
        return None if given is None else sorted(network(p) for p in as_list(given))

    server, words = service.get("server", ""), as_list(service.get("server_args", []))
    if "NAMEINARGS" not in either("flags", []) and server:
        words = [os.path.basename(server), *words]
    binds = as_list(either("bind", []))
    return {
        "socket_type": service["socket_type"],
        "protocol": service["protocol"],
        "port": service.get("port", ports.get((service["name"], service["protocol"]), "?")),
        "bind": " ".join(binds) if binds else "*",
        "wait": service["wait"],
        "groups": either("groups", "no"),
        "server": server,
        "argv": " ".join(words),
        "instances": str(either("instances", "unlimited")).lower(),
        "per_source": str(either("per_source", "unlimited")).lower(),
        "cps": " ".join(re.findall(r"\d+", " ".join(as_list(either("cps", ""))))),
        "nice": str(either("nice", "0")),
        "only_from": patterns("only_from"),
        "no_access": patterns("no_access"),
    }


# Differences that are meant. Each says whether it explains one property of one service: (theirs, ours, property, text of
# the file, the service in xinetd's dump).
def rule_cps_is_off_unless_given(theirs, ours, name, _text, _service):
    return name == "cps" and theirs == "50 10" and ours == ""


def rule_cps_of_0_is_off(theirs, ours, name, _text, _service):
    return name == "cps" and theirs.startswith("0 ") and ours == ""


def rule_builtin_datagrams_need_no_wait(theirs, ours, name, _text, service):
    return name == "wait" and "INTERNAL" in service.get("type", "") and (theirs, ours) == ("yes", "no")


def rule_comment_after_a_value(_theirs, ours, name, text, _service):
    given = re.findall(r"^[ \t]*%s[ \t]*=[ \t]*(\S+)[ \t]+(?:#|//)" % name, text, re.M | re.I)
    return str(ours) in [g.lower() for g in given]


def rule_operator_on_arguments(theirs, ours, name, text, _service):
    return name == "argv" and "server_args" in text and re.search(r"server_args[ \t]*\+=", text) is not None \
        and ours.startswith(theirs)


def rule_words_in_quotes(theirs, ours, name, text, _service):
    return name == "argv" and '"' in theirs and theirs.replace('"', "") == ours.replace('"', "")


def rule_redirect_needs_no_server(theirs, ours, name, _text, service):
    return name in ("server", "argv") and "Redirect" in service and ours == ""


RULES = [value for key, value in list(globals().items()) if key.startswith("rule_")]
# Services that porterd has and xinetd lost, by what xinetd said; and the other way round, by what is in the file.
MORE = (
    ("folder_of_the_log_was_not_there", r"failed to start and is deactivated"),
    ("port_given_is_used", r"not in /etc/services|expects port"),
    ("name_is_resolved_when_needed", r"bad address"),
    ("neighbours_are_kept", r"missing service keyword|Bad operator|missing '\{'|missing \}"),
    ("line_ends_of_another_system", r"Bad service type: \S*\s*;|UNLISTED"),
    ("builtin_that_xinetd_lost", r"No such internal service"),
    ("port_by_name", r"port number is invalid"),
    ("bind_is_retried", r"bind failed"),
    ("comment_after_a_value", r"expects 1 values"),
)
FEWER = (
    ("rpc_is_not_supported", r"^[ \t]*type[ \t]*=.*\bRPC\b"),
    ("ident_is_not_asked", r"\bIDONLY\b"),
    ("disable_with_a_comment", r"^[ \t]*disable[ \t]*=[ \t]*yes[ \t]*(#|//)"),
)


class Report:
    def __init__(self):
        self.failures = []
        self.rules = collections.defaultdict(set)
        self.files = self.services = self.limits = 0

    def fail(self, name, text):
        self.failures.append("%s: %s" % (name, text))

    def differs(self, name, rule):
        self.rules[rule].add(name)


def compare_service(report, name, pair, text, service):
    theirs, ours = pair
    for key in theirs:
        if theirs[key] == ours[key]:
            continue
        for rule in RULES:
            if rule(theirs[key], ours[key], key, text, service):
                report.differs(name, rule.__name__[len("rule_"):])
                break
        else:
            report.fail(name, "%s: %s is %r and was %r" % (service["id"], key, ours[key], theirs[key]))


def by_rule(report, name, table, text, what):
    for rule, pattern in table:
        if re.search(pattern, text, re.M | re.I):
            report.differs(name, rule)
            return
    report.fail(name, what)


def is_off(service, defaults):
    return service.get("disable") == "yes" or service["id"] in defaults.get("disabled", [])


SUFFIXES = {"k": 10, "m": 20, "g": 30}


def amount(text):
    """A number with its suffix applied; other words as they are."""
    m = re.fullmatch(r"(\d+)([kmg]?)", text.lower())
    return int(m[1]) << SUFFIXES.get(m[2], 0) if m else text.lower()


LIMIT = r"^[ \t]*(per_source|instances|rlimit_\w+|cps|nice|umask)[ \t]*=[ \t]*(\S+)[ \t]*(\S*)"


def limits_hold(report, name, text, loaded):
    """Limits with a comment behind them, which xinetd ignored, are what the text says."""
    defaults, services = loaded["dump"]
    given = set()
    for entry in text.split("}"):
        first = {}
        for attribute, value, rest in re.findall(LIMIT, entry, re.M | re.I):
            first.setdefault(attribute.lower(), (value, rest))
        given |= {(attribute, value) for attribute, (value, rest) in first.items() if rest.startswith(("#", "//"))}
    for attribute, value in sorted(given):
        report.limits += 1
        if amount(value) not in [amount(str(s.get(attribute.lower(), ""))) for s in [defaults, *services]]:
            report.fail(name, "%s is not %s" % (attribute, value))


def compare(report, name, text, loaded, theirs, messages, ports):
    their_defaults, their_services = theirs
    defaults, services = loaded["dump"]
    report.files += 1
    ours = collections.defaultdict(list)
    for service in services:
        if not is_off(service, defaults):
            ours[service["id"], service["protocol"], service["socket_type"]].append(service)
    for service in their_services:
        key = service["id"], protocol(service), service["socket_type"]
        if not ours[key]:
            by_rule(report, name, FEWER, text, "%s/%s is not served; %s" % (key[0], key[1], loaded["errors"]))
            continue
        report.services += 1
        pair = of_xinetd(service, their_defaults), of_porterd(ours[key].pop(0), defaults, ports)
        compare_service(report, name, pair, text, service)
        if (service["id"], key[1], int(pair[0]["port"])) not in {(s, p, n) for s, p, _, n in loaded["listening"]}:
            report.fail(name, "%s does not listen on %s:%s: %s" % (key[0], key[1], pair[0]["port"], loaded["said"]))
    for key, left in ours.items():
        for _ in left:
            by_rule(report, name, MORE, messages, "%s/%s was not served" % key[:2])


def load(root, name):
    path = "/conf/" + name
    status, out, _ = root.run("--dump", "-f", path)
    checked, *said = root.run("--check", path)
    found = diagnostics("\n".join(said))
    daemon = root.start("-f", path)
    ended = daemon.stop()
    return {
        "status": max(status, checked), "dump": porterd_dump(out), "diagnostics": found,
        "errors": [(line, text) for _, line, severity, text in found if severity == "error"],
        "listening": daemon.listening(), "is_ready": daemon.is_ready, "ended": ended,
        "said": [line for line in daemon.text.splitlines() if "severity=" in line][:3],
    }


def judge(report, name, text, loaded, theirs, outcome, ports):
    category, messages = outcome
    if loaded["status"] not in (0, 1) or loaded["ended"] not in (0, 1):
        report.fail(name, "ends with %s, as a daemon with %s" % (loaded["status"], loaded["ended"]))
        return
    lines = {line for _, line, _, _ in loaded["diagnostics"]}
    warned_at = {int(n) for n in re.findall(r"@(\d+)", messages)}
    if category.startswith(WARNED) and not lines & warned_at:
        report.fail(name, "lines %s are not named, only %s" % (sorted(warned_at), sorted(lines)))
    if category.startswith(LOST) and not lines:
        report.fail(name, "no line is named: %s" % messages)
    limits_hold(report, name, text, loaded)
    compare(report, name, text, loaded, theirs, loaded["log"], ports)


def main():
    folder, porterd, directory = sys.argv[1:]
    enter_namespaces()
    root = Root(directory, porterd)
    names = some_of(sorted(os.listdir(os.path.join(folder, "xinetd"))), 9)
    texts = {name: read(os.path.join(folder, "xinetd", name)) for name in names}
    behaviour = {name: read(os.path.join(folder, "xinetd-behaviour", name + ".txt")) for name in texts}
    dumps = {name: xinetd_dump(said) for name, said in behaviour.items()}
    ports = furnish(root, texts.values(), dumps)
    known = outcomes(folder)
    report = Report()
    for name, text in texts.items():
        with open(root.of("conf/" + name), "w", encoding="latin-1", newline="") as out, \
             open(os.path.join(folder, "xinetd", name), encoding="latin-1", newline="") as source:
            out.write(source.read())
        loaded = load(root, name)
        loaded["log"] = behaviour[name].partition("--dump--")[0]
        judge(report, name, text, loaded, dumps[name], known[name], ports)
    for line in report.failures:
        print("FAILED:", line)
    different = set().union(*report.rules.values()) if report.rules else set()
    by_cps = different - set().union(*(names for rule, names in report.rules.items() if rule != "cps_is_off_unless_given"))
    print("%d files, %d services and %d limits with a comment compared; %d files differ, %d of them by cps alone:" % (
        report.files, report.services, report.limits, len(different), len(by_cps)))
    for rule, names in sorted(report.rules.items()):
        print("  %3d %s" % (len(names), rule.replace("_", " ")))
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
