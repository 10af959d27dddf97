# SPDX-License-Identifier: MIT
"""State dumps of xinetd and the output of porterd --dump, made into the same form: a list of dictionaries, one a
service, and one of the defaults."""

import re


def xinetd_dump(text):
    """What xinetd had loaded: its defaults and its services, in the words of its dump."""
    defaults, services, into = {}, [], None
    for line in text.partition("INTERNAL STATE DUMP")[2].split("\nServer table dump")[0].splitlines():
        if line == "Service defaults":
            into = defaults
        elif line.startswith("Service = "):
            into = {"name": line[len("Service = "):]}
            services.append(into)
        elif into is not None and line.startswith("\t"):
            parts = re.match(r"\t+([A-Za-z][A-Za-z_() ,]*?)(?: = |: ?| =$)(.*)$", line)
            if parts:
                into.setdefault(parts[1], parts[2].strip())
    return defaults, services


TOKEN = re.compile(r'\s*("(?:\\.|[^"\\])*"|[{}=,]|[^\s{}=,"]+|#[^\n]*)')
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "e": "\033", "b": "\b", "f": "\f", "a": "\a", "v": "\v"}


def word(token):
    if not token.startswith('"'):
        return token
    return re.sub(r"\\(x[0-9a-fA-F]{2}|.)",
                  lambda m: chr(int(m[1][1:], 16)) if m[1][0] == "x" else ESCAPES.get(m[1], m[1]), token[1:-1], flags=re.S)


def tokens(text):
    text = re.sub(r"^#[^\n]*", "", text, flags=re.M)
    at, found = 0, []
    while (m := TOKEN.match(text, at)) is not None:
        found.append(m[1])
        at = m.end()
    return found


def block(found, at):
    """The settings between braces, and where they end."""
    settings = {}
    while found[at] != "}":
        name, at = found[at], at + 2
        if found[at] != "{":
            value, at = [word(found[at])], at + 1
            while found[at] != "}" and found[at + 1] != "=":
                value.append(word(found[at]))
                at += 1
            settings[name] = value[0] if len(value) == 1 else value
            continue
        end = found.index("}", at)
        settings[name] = [word(t) for t in found[at + 1:end] if t != ","]
        at = end + 1
    return settings, at + 1


def porterd_dump(text):
    """The same for porterd --dump. What services have of the defaults is not repeated there."""
    defaults, services, found, at = {}, [], tokens(text), 0
    while at < len(found):
        if found[at] == "defaults":
            defaults, at = block(found, at + 2)
        else:
            name = word(found[at + 1])
            settings, at = block(found, at + 3)
            settings["name"] = name
            services.append(settings)
    return defaults, services
