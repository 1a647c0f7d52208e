"""Names: what a service's settings are called, which known name a mistyped one means, and how a message repeats it."""

from collections.abc import Iterable


def variable(service: str, suffix: str) -> str:
    """The setting of a service: my-service and PORT give MY_SERVICE_PORT. Compose reads a hyphen inside
    `${...}` as the start of a default, so none ever reaches a variable."""
    return f"{service}_{suffix}".replace("-", "_").replace(".", "_").upper()


def suggest(word: str, known: Iterable[str]) -> str:
    """`did you mean "redis"?` for the nearest of `known`, or nothing where none is near."""
    near = nearest(word, known)
    return f'did you mean "{near}"?' if near else ""


def nearest(word: str, known: Iterable[str]) -> str:
    """The one of `known` that is most like `word`; empty where none is near."""
    import difflib

    names = {name.lower(): name for name in sorted(known)}
    near = difflib.get_close_matches(word.lower(), names, n=1, cutoff=0.6)
    return names[near[0]] if near else ""


LONGEST = 60
"""Characters of what a user gave that a message repeats: enough to know it again, within a terminal's line."""


def cut(word: str) -> str:
    """What a user gave, at most as long as a message repeats it."""
    return word if len(word) <= LONGEST else f"{word[: LONGEST - 1]}…"


def echoed(word: str) -> str:
    """The same in quotes, with its odd characters escaped."""
    return repr(cut(word))


UNITS = ("B", "kB", "MB", "GB", "TB")


def size(number: float) -> str:
    """Bytes as people read them, in powers of 1000: 12 B, 3.4 MB."""
    power = 0
    while round(number) >= 1000 and power < len(UNITS) - 1:
        number, power = number / 1000, power + 1
    return f"{number:.0f} {UNITS[power]}" if power == 0 or number >= 99.95 else f"{number:.1f} {UNITS[power]}"
