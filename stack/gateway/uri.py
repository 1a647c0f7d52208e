"""Paths of requests as Kong treats them: byte by byte, as in its kong/tools/uri.lua. Pure.

Bytes that are no UTF-8 stand as surrogates in a text, as in the names of files."""

import re

RESERVED = frozenset(b"!*'();:@&=+$,/?%#[]")
"""Characters that stay percent-encoded in a path, as they would mean something else."""
SAFE = re.compile(rb"[^!#$&'()*+,/:;=?@\[\]A-Za-z0-9\-_.~%]")


def normalized(path: str) -> str:
    """A path as the router sees it: without its query, doubled slashes and dots, and with plain letters plain."""
    raw = path.partition("?")[0].encode(errors="surrogateescape")
    text = re.sub(rb"%([0-9A-Fa-f]{2})", _decoded, raw).decode(errors="surrogateescape")
    kept: list[str] = []
    parts = text.split("/")[1:]
    for position, part in enumerate(parts):
        if part == "..":
            kept[-1:] = []
        elif part not in {"", "."}:
            kept.append(part)
        if position == len(parts) - 1 and part in {"", ".", ".."}:
            kept.append("")
    return "/" + "/".join(kept)


def _decoded(found: re.Match[bytes]) -> bytes:
    byte = int(found[1], 16)
    return found[0].upper() if byte in RESERVED else bytes([byte])


def escaped(path: str) -> str:
    """A path as it is sent on: what may not stand in a request is percent-encoded."""
    return SAFE.sub(lambda found: b"%%%02X" % found[0][0], path.encode(errors="surrogateescape")).decode()


def malformed(path: str) -> str:
    """Why the gateway answers a path with 400, before any route is looked for; nothing where it does not."""
    raw = path.partition("?")[0]
    if re.search("%(?![0-9A-Fa-f]{2})", raw):
        return "a % that two hexadecimal digits do not follow"
    if "%00" in raw or re.search(r"[\x00-\x20\x7f]", raw):
        return "a space or control character in the path"
    depth = 0
    for part in re.sub(r"%2[eE]", ".", re.sub(r"%2[fF]", "/", raw)).split("/"):
        depth += -1 if part == ".." else 0 if part in ("", ".") else 1
        if depth < 0:
            return "the path climbs above the root"
    return ""
