"""Names: what a service's settings are called, and which known name a mistyped one means."""

from collections.abc import Iterable


def variable(service: str, suffix: str) -> str:
    """The setting of a service: my-service and PORT give MY_SERVICE_PORT. Compose reads a hyphen inside
    `${...}` as the start of a default, so none ever reaches a variable."""
    return f"{service}_{suffix}".replace("-", "_").replace(".", "_").upper()


def suggest(word: str, known: Iterable[str]) -> str:
    """`did you mean "redis"?` for the nearest of `known`, or nothing where none is near."""
    import difflib

    names = {name.lower(): name for name in sorted(known)}
    near = difflib.get_close_matches(word.lower(), names, n=1, cutoff=0.6)
    return f'did you mean "{names[near[0]]}"?' if near else ""
