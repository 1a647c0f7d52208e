"""What a running HAProxy has of the servers behind its routes, by its own words. Pure."""

from collections.abc import Iterable

import msgspec

ASK = "echo show servers state | timeout 5 socat -t 5 - UNIX-CONNECT:/tmp/haproxy.sock"
"""A shell's line for its container, as the user that HAProxy runs as: the socket is that one's alone."""
RUNNING = ("1", "2")
"""The states of a server that gets requests: starting, and running (management guide, 9.3, "show servers state")."""

OUT = 0x3F
"""Maintenance and draining of whatever kind, as bits of the administrative state. The next bit only says that the name
was changed (enum srv_admin of haproxy/server-t.h)."""


class Server(msgspec.Struct, frozen=True):
    """What HAProxy has of one name and port: the addresses that it found, those of them that it sends requests to, and
    the seconds for which nothing of that has changed."""

    addresses: list[str]
    used: list[str]
    since: int


def of(text: str) -> dict[tuple[str, int], Server]:
    """What `show servers state` says, by the name and the port that are looked for; nothing where it says nothing. The
    columns are found by the line of their names, as newer versions have more of them."""
    found: dict[tuple[str, int], list[dict[str, str]]] = {}
    names: list[str] = []
    for line in text.splitlines():
        if line.startswith("# "):
            names = line[2:].split()
        elif len(words := line.split()) == len(names) > 1:
            row = dict(zip(names, words, strict=True))
            if row.get("srv_port", "").isdecimal():
                found.setdefault((row.get("srv_fqdn", "-").lower(), int(row["srv_port"])), []).append(row)
    return {end: _server(rows) for end, rows in found.items() if end[0] != "-"}


def _server(rows: Iterable[dict[str, str]]) -> Server:
    """One server of all the rows of a name: there is one for each address that it may have, in each route's section."""
    there = [row for row in rows if row["srv_addr"] != "-"]
    used = [row for row in there if row["srv_op_state"] in RUNNING and not int(row["srv_admin_state"]) & OUT]
    since = min((int(row["srv_time_since_last_change"]) for row in rows), default=0)
    return Server(_addresses(there), _addresses(used), since)


def _addresses(rows: Iterable[dict[str, str]]) -> list[str]:
    return sorted({row["srv_addr"] for row in rows})
