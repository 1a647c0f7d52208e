"""Which section takes a request, as rules of HAProxy in Kong's order. Pure.

HAProxy tries its rules one after the other, however many there are. Neighbours that ask for nothing but a name, a whole
path or the start of one are a single look-up in a map instead. Of the starts that fit, that has the longest, and so
has Kong's order, for the most part."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from stack.gateway import rust, uri
from stack.gateway.declared import strings
from stack.gateway.haproxy import forwarded, paths
from stack.gateway.haproxy.words import NAMED, word
from stack.gateway.routing import Candidate

MAP = "#map "
"""How a line of a map begins; its name, the key and the section follow. check.sh makes files of them."""
FEW = 4
"""Rules that are as quick as a look-up."""
HOST, NAME = "req.hdr(host)", "var(txn.name)"
LOOKUPS = {"name": f"{NAME},map_str", "path": f"{paths.SEEN},map_str", "start": f"{paths.SEEN},map_beg"}
"""By the kind of a key, how it is looked up."""


class Rule(NamedTuple):
    """A section, and when a request is its own; of a kind of LOOKUPS, `key` is all that it asks for."""

    section: str
    condition: str
    kind: str = ""
    key: str = ""


def written(candidates: Sequence[Candidate], called: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """The rules that choose a section, and the lines of the maps that they look into."""
    rules: list[str] = []
    maps: list[str] = []
    found = [rule for one in candidates for rule in _rules(one, called[one.route.path])]
    names = itertools.count()
    for ones in _runs(found):
        if not ones[0].kind or len(ones) < FEW:
            rules += [f"use_backend {one.section} {one.condition}".rstrip() for one in ones]
            continue
        at, sections = next(names), dict[str, str]()
        for one in ones:
            sections.setdefault(one.key, one.section)
        maps += [f"{MAP}{at} {key} {section}" for key, section in sections.items()]
        look = f"{LOOKUPS[ones[0].kind]}(/tmp/{at}.map)"
        rules.append(f"use_backend %[{look}] if {{ {look} -m found }}")
    return rules, maps


def naming(candidates: Sequence[Candidate]) -> list[str]:
    """The rules that tell the name by which a request came, and where some route asks for it, the port as well: it is
    that of the gateway where the request has none."""
    ports = any(":" in host for one in candidates for host in one.hosts)
    given = [f"http-request set-var(txn.given) {HOST},field(2,:)",
             f'http-request set-var(txn.given) "{forwarded.PORT}" unless {{ var(txn.given) -m len gt 0 }}']  # fmt: skip
    return [f"http-request set-var(txn.name) {HOST},field(1,:)", *(given if ports else [])]


def _runs(rules: list[Rule]) -> Iterator[list[Rule]]:
    """The rules, with those together that one look-up can answer: a longer start behind a shorter one is not among
    them."""
    run: list[Rule] = []
    for one in rules:
        if run and (one.kind != run[-1].kind or (one.kind == "start" and len(one.key) > len(run[-1].key))):
            yield run
            run = []
        run.append(one)
    if run:
        yield run


def _rules(one: Candidate, section: str) -> Iterator[Rule]:
    """When a route takes a request: one of these holds."""
    value = one.route.value
    methods, headers = strings(value.get("methods")), value.get("headers")
    rest = f"{{ method {' '.join(methods)} }}" if methods else ""
    for header, values in headers.items() if isinstance(headers, dict) else ():
        rest += f" {{ req.fhdr({header}) -i -m str -- {' '.join(map(word, strings(values)))} }}"
    for host, path in itertools.product(strings(value.get("hosts")) or [""], one.paths or ("",)):
        tests = " ".join(test for test in (_host(host), paths.fits(path) if path else "", rest.strip()) if test)
        kind, key = ("", "") if rest else _key(host, path)
        yield Rule(section, f"if {tests}" if tests else "", kind, key)


def _key(host: str, path: str) -> tuple[str, str]:
    """What alone is asked for, as something to look up; nothing where that is more than a plain text."""
    if NAMED.search(host + path) or (host and path):
        return "", ""
    if host:
        return ("", "") if "*" in host or ":" in host else ("name", host)
    if path.startswith("~/") and (literal := rust.LITERAL.fullmatch(path[1:])):
        return ("path" if literal[2] else "start"), uri.escaped(literal[1].replace("\\", ""))
    return ("start", uri.escaped(path)) if path.startswith("/") else ("", "")


def _host(pattern: str) -> str:
    wanted, _, port = pattern.partition(":")
    if not wanted:
        return ""
    if wanted.startswith("*"):
        how, text = "end", wanted[1:]
    elif wanted.endswith("*"):
        how, text = "beg", wanted[:-1]
    else:
        how, text = "str", wanted
    named = f"{{ {NAME} -m {how} -- {word(text)} }}"
    return f"{named} {{ var(txn.given) -m str {port} }}" if port else named
