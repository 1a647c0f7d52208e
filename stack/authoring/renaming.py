"""What services of somebody's Compose file are called here, and where their old names stand. Pure."""

import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

RESERVED = ("IMAGE", "SCALE", "SOURCE", "MEMORY", "BIND_ADDRESS", "PORT", "LOCALHOST_PORT", "EXTERNAL_URL")
"""What a service's own settings end in (docs/reference.md, fragments)."""
ALIAS = re.compile(r"[a-z0-9]([a-z0-9_.-]*[a-z0-9])?")
LONGEST = 40
"""Characters of a service's name (planning/catalog.py, NAME)."""
HOSTNAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def companions(name: str, others: Iterable[str]) -> dict[str, str]:
    """The names of the services beside the one that is called `name`: with that in front, in letters that ours have."""
    found: dict[str, str] = {}
    for old in others:
        word = re.sub(r"[^a-z0-9]+", "-", old.lower()).strip("-") or "other"
        called = word if word.startswith(f"{name}-") else f"{name}-{word}"
        numbers = (fitting(called, f"-{number}") for number in itertools.count(2))
        taken = {name, *found.values()}
        found[old] = next(one for one in itertools.chain([fitting(called)], numbers) if one not in taken)
    return found


def fitting(name: str, end: str = "") -> str:
    """A name with an end, cut to what a service's name may have."""
    return f"{name[: LONGEST - len(end)].rstrip('-')}{end}"


def slug(text: str) -> str:
    """A text in the letters that names of ours have."""
    return re.sub(r"[^a-z0-9_-]+", "-", text.lower()).strip("-_")


def hosts(services: Mapping[str, dict[str, Any]], chosen: Iterable[str], names: Mapping[str, str]) -> dict[str, str]:
    """Every name by which a service was reached there, with the one by which it is reached here."""
    found = dict(names)
    for old in chosen:
        raw = services[old]
        for alias in (raw.get("container_name") or "", *aliases(raw), *addresses(raw)):
            if HOSTNAME.fullmatch(alias):
                found.setdefault(alias, names[old])
        for to, alias in links(raw):
            if to in names:
                found.setdefault(alias, names[to])
    return found


def aliases(raw: Mapping[str, Any]) -> list[str]:
    """The further names that a service has in its networks."""
    return [alias for one in _networks(raw) for alias in one.get("aliases") or []]


def addresses(raw: Mapping[str, Any]) -> list[str]:
    """The fixed addresses of a service in its networks."""
    return [one["ipv4_address"] for one in _networks(raw) if one.get("ipv4_address")]


def links(raw: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The services that a service is linked to, each with the name that it has there."""
    parts = (link.partition(":") for link in raw.get("links") or [])
    return [(to, alias or to) for to, _, alias in parts]


def _networks(raw: Mapping[str, Any]) -> list[dict[str, Any]]:
    networks = raw.get("networks") or {}
    return [one for one in networks.values() if one] if isinstance(networks, dict) else []


KEYS = r"(?i:hosts?|hostname|servers?|address|addr|endpoint|upstream|broker)"
"""What stands before a host in files of settings, and in the words of commands."""


def renamed(text: str, names: Mapping[str, str]) -> str:
    """A text with hosts under their new names: after `://`, after a login, between commas, before a port, as the value
    of a key that says so, or behind `-h`."""
    if not any(old in text for old in names):
        return text
    host = "|".join(re.escape(old) for old in sorted(names, key=len, reverse=True))
    text = re.sub(rf"(://(?:[^/@\s]*@)?)({host})(?=[:/,;?\s\"']|$)(?![^/\s]*@)", lambda m: m[1] + names[m[2]], text)
    text = re.sub(rf"(^|[,=\s\"'\[])({host})(?=:\d)", lambda m: m[1] + names[m[2]], text)
    key = rf"((?:^|[\s,;{{\"'_.-]){KEYS}[\"']?\s*[:=]\s*[\"']?|(?:^|\s)(?:-h|--host)\s+)"
    return re.sub(rf"{key}({host})(?=[\"'\s,;)}}]|$)", lambda m: m[1] + names[m[2]], text)


def named(text: str, names: Iterable[str]) -> set[str]:
    """Which of the names stand in a text as hosts."""
    return {name for name in names if name in text and renamed(text, {name: ""}) != text}


def words(value: Any, names: Iterable[str]) -> set[str]:
    """Which of the names are words of a command, wherever in it they stand."""
    text = json.dumps(value)
    return {name for name in names if name in text and re.search(rf"(?<![\w./-]){re.escape(name)}(?![\w./-])", text)}


TALK = re.compile(r"(^|/)((docker-)?compose[^/]*\.ya?ml|\.env[^/]*|[^/]*\.(md|rst|adoc|lock))$")
"""Files that name services to people, to Compose or to a package manager, and to no program that runs."""


class Mention(NamedTuple):
    """A line of a file that comes along in which old names stand as hosts: where, which, and how it is to be."""

    path: str
    line: int
    names: list[str]
    text: str


def mentions(files: Mapping[str, bytes], names: Mapping[str, str]) -> Iterator[Mention]:
    """Each line of the files in which an old name stands as a host."""
    changed = {old: new for old, new in names.items() if old != new}
    for path, data in sorted(files.items()):
        if TALK.search(path) or b"\0" in data or not any(old.encode() in data for old in changed):
            continue
        for number, line in enumerate(data.decode(errors="replace").splitlines(), 1):
            if any(old in line for old in changed) and (text := renamed(line, changed)) != line:
                found = [old for old, new in changed.items() if renamed(line, {old: new}) != line]
                yield Mention(path, number, found, text.strip()[:80])


def rewritten(data: bytes, names: Mapping[str, str]) -> bytes:
    """A file with hosts under their new names, and every other byte as it is."""
    if b"\0" in data:
        return data
    lines = data.decode(errors="surrogateescape").splitlines(keepends=True)
    changed = {old: new for old, new in names.items() if old != new}
    return "".join(renamed(line, changed) for line in lines).encode(errors="surrogateescape")
