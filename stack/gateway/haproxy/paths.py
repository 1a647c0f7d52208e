"""What of a path a route takes, and what is left of it for the service, as rules of HAProxy. Pure.

HAProxy has the path in one form only, the one in which it is sent on (`uri.escaped`). Kong's router compares another,
with all plain that has no meaning of its own: a literal path is one in both, an expression gets it as `txn.plain`."""

import re

from stack.gateway import rust, uri
from stack.gateway.haproxy.words import shown, sub, word
from stack.gateway.routing import Candidate, joined

SEEN, PLAIN = "var(txn.seen)", "var(txn.plain)"
LITERAL_SIGNS = "".join(f"{byte:02X}|" for byte in sorted(uri.RESERVED)).rstrip("|")
TO_PLAIN = sub(f"%({LITERAL_SIGNS})", r"%25\1", every=True) + ",url_dec"
"""From the form that is sent to the one that Kong's router compares: what is reserved stays encoded."""
TO_SENT = ",url_enc" + "".join(
    sub(f"%{byte:02X}", chr(byte), every=True) for byte in sorted(uri.RESERVED | {0x25}, key=lambda b: b == 0x25)
)
"""And back: all is encoded, then what may stand is not; the sign itself comes last."""
ENCODED = "{ path -m sub -- % }"
UP = sub(r"^\.\.?(/|$)", "")
"""Where a path is cut within a name, what follows may look like a step up."""
DOTS = (".", "./", "..", "../")
UNSAFE = r'["<>\\^`{|}]'
"""What HAProxy takes in a path though it may not stand there."""
UNUSUAL = rf"%|//|/\.|{UNSAFE}"
UNSAFE_SIGNS = '"<>\\^`{|}'
ABOVE = r"^(?<level>(?:/\.?(?=/|$)|/(?!\.\.?(?:/|$))[^/]+(?&level)/\.\.(?=/|$))*)/\.\.(?:/|$)"
"""A path that climbs above the root: before some `..` stand as many names as others of it."""


def compiled(pattern: str) -> str:
    """An expression for PCRE that takes what Kong's takes."""
    return "(*UTF)(*UCP)" + re.sub(r"\\(U[0-9a-f]{8}|[\s\S])", _atom, rust.compiled(pattern).pattern)


def _atom(found: re.Match[str]) -> str:
    if found[1] == "Z":
        return r"\z"
    return f"\\x{{{found[1][1:]}}}" if len(found[1]) > 1 else found[0]


def fits(path: str) -> str:
    """The condition that a path of a route takes a request."""
    if not path.startswith("~"):
        return f"{{ {SEEN} -m beg -- {word(uri.escaped(path))} }}"
    if literal := rust.LITERAL.fullmatch(path[1:]):
        start = word(uri.escaped(literal[1].replace("\\", "")))
        return f"{{ {SEEN} -m {'str' if literal[2] else 'beg'} -- {start} }}"
    return f"{{ {PLAIN} -m reg -- {word(compiled(path[1:]))} }}"


def split(pattern: str) -> bool:
    """Whether an expression has a choice that is not inside a group: its parts may fit anywhere."""
    bare = re.sub(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", "", pattern)
    while (inner := re.sub(r"\([^()]*\)", "", bare)) != bare:
        bare = inner
    return "|" in bare


def rewriting(candidates: list[Candidate], base: str, strip: bool) -> list[str]:
    """The rules that give the service its path. A later one goes before an earlier one, so the candidates, which
    stand in Kong's order, are taken from the last."""
    if not strip or not any(one.paths for one in candidates):
        return _whole(base)
    paths = [path for one in reversed(candidates) for path in reversed(one.paths)]
    return [rule for path in paths for rule in (_regex(base, path) if _real(path) else _literal(base, path))]


def _real(path: str) -> bool:
    return path.startswith("~") and not rust.LITERAL.fullmatch(path[1:])


def _whole(base: str) -> list[str]:
    if base == "/":
        return []
    start = base.removesuffix("/")
    always = f"http-request set-path {_format(start, f'%[{SEEN}]')}"
    root = uri.escaped(joined(base, "/", ""))
    return [always, f"http-request set-path {_format(root)} if {{ {SEEN} -m str / }}"]


def _literal(base: str, path: str) -> list[str]:
    found = rust.LITERAL.fullmatch(path[1:]) if path.startswith("~") else None
    start = found[1].replace("\\", "") if found else path
    sent, root = uri.escaped(start), base.removesuffix("/")
    if found and found[2]:
        return [_prefixed(start, f"{{ {SEEN} -m str -- {word(sent)} }}"), _at(base, start, start)]
    fitting = f"{{ {SEEN} -m beg -- {word(sent)} }}"
    if sent.endswith("/"):
        # Its own last slash is that between the two.
        to, closed = _format(root, f"%[{SEEN},bytes({len(sent) - 1})]"), start != "/" or base == "/"
        rules = [] if closed else [_at(base, start, start)]
    else:
        to = _format(f"{root}/", f"%[{SEEN},bytes({len(sent)}){UP}{sub('^/', '')}]")
        rules = [*(_at(base, start + dots, start) for dots in DOTS), _at(base, start, start)]
    return [f"http-request set-path {to} if {fitting}", _prefixed(start, fitting), *rules]


def _at(base: str, seen: str, prefix: str) -> str:
    to = _format(uri.escaped(joined(base, seen, prefix)))
    return f"http-request set-path {to} if {{ {SEEN} -m str -- {word(uri.escaped(seen))} }}"


def _prefixed(prefix: str, condition: str) -> str:
    """The prefix that a path took, but where a proxy before this one, which is trusted, named its own."""
    given = "!{ var(txn.prefix) -m found }"
    return f"http-request set-header X-Forwarded-Prefix {_format(prefix)} if {condition} {given}"


def _regex(base: str, path: str) -> list[str]:
    """What is left behind what an expression took; where nothing is, it is the base, with the request's last slash."""
    pattern, start = compiled(path[1:]), uri.escaped(base.removesuffix("/"))
    fitting = f"{{ {PLAIN} -m reg -- {word(pattern)} }}"
    left, rest = f"{PLAIN}{sub(pattern, '')}", _format(f"{start}/", "%[var(txn.left)]")
    closed = uri.escaped(joined(base, "/x/", "/x/"))
    root = "" if base.endswith("/") else f" !{{ {SEEN} -m str / }}"
    return [
        f"http-request set-var(txn.left) {word(left + UP + sub('^/', ''))} if {fitting}",
        f"http-request set-var(txn.left) {word('var(txn.left)' + TO_SENT)} if {fitting} {{ {SEEN} -m sub % }}",
        f"http-request set-path {_format(uri.escaped(joined(base, '/x', '/x')))} if {fitting}",
        f"http-request set-path {_format(closed)} if {fitting} {{ {SEEN} -m end / }}{root}",
        f"http-request set-path {rest} if {fitting} {{ var(txn.left) -m len gt 0 }}",
    ]


def _format(text: str, sample: str = "") -> str:
    return word(shown(text) + sample)


def reading(plain: bool) -> list[str]:
    """The rules that bring a request's path into one form, and refuse what has none; `plain` asks for the router's form
    as well. They must be the last of their section: most paths are in that form already, and the rules end there."""
    decoded = "path,regsub(%2e,.,gi),regsub(%2f,/,gi)"
    unsafe = word(f"%[path{''.join(sub(re.escape(s), f'%{ord(s):02X}', every=True) for s in UNSAFE_SIGNS)}]")
    both = ["set-var(txn.seen) path", *([f"set-var(txn.plain) {SEEN}"] if plain else [])]
    rules = [
        *both,
        f"allow unless {{ path -m reg -- {word(UNUSUAL)} }}",
        f"return status 400 if {{ path -m reg -- {word('%(?![0-9A-Fa-f]{2})|%00')} }}",
        f"return status 400 if {{ {decoded} -m sub .. }} {{ {word(decoded)} -m reg -- {word(ABOVE)} }}",
        # What follows reads the query as well, where a bare % means nothing.
        f"set-var(txn.query) query if {ENCODED}",
        "set-query %[var(txn.nothing)] if { var(txn.query) -m found }",
        f"normalize-uri percent-decode-unreserved strict if {ENCODED}",
        f"normalize-uri percent-to-uppercase strict if {ENCODED}",
        "set-query %[var(txn.query)] if { var(txn.query) -m found }",
        "normalize-uri path-merge-slashes",
        "normalize-uri path-strip-dot",
        "normalize-uri path-strip-dotdot full",
        f"set-path {unsafe} if {{ path -m reg -- {word(UNSAFE)} }}",
        *both,
        *([f"set-var(txn.plain) {word(SEEN + TO_PLAIN)} if {ENCODED}"] if plain else []),
    ]
    return [f"http-request {rule}" for rule in rules]
