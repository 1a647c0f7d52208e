"""Which SOURCE each service comes from: a setting, a flag, or the fragment alone. Pure."""

from collections.abc import Iterable, Mapping

from stack.errors import USAGE, Problem, StackError
from stack.names import echoed, suggest, variable
from stack.planning.catalog import DISABLED, PLAIN, Catalog


def choose(catalog: Catalog, settings: Mapping[str, str], flags: Mapping[str, str]) -> dict[str, str]:
    """The source of every fragment: the flag's, the setting's (`REDIS_SOURCE`), or `container`.

    Raises StackError for each one that the service does not have, with the nearest that it has."""
    problems = []
    chosen = {}
    for name, fragment in catalog.fragments.items():
        setting = variable(name, "SOURCE")
        source = flags.get(name) or settings.get(setting) or PLAIN
        if source not in fragment.sources():
            where = "--source" if name in flags else setting
            problems.append(unknown(name, source, fragment.sources(), where))
        chosen[name] = source
    if problems:
        raise StackError(problems, USAGE if flags else 1)
    return chosen


def unknown(service: str, source: str, known: list[str], where: str) -> Problem:
    """The problem of a source that `service` does not have."""
    hint = suggest(source, known) or f"./inv source --service {service} --to {known[0]}"
    return Problem("source", f"{service} has no source {echoed(source)}: it has {', '.join(known)}", where, hint)


def parse_flags(words: Iterable[str], catalog: Catalog) -> tuple[dict[str, str], list[str]]:
    """`--source` words split into those of one service (S=SOURCE) and those for all that have it (SOURCE).

    Raises StackError for a service that is not in the catalogue, or a source that none has."""
    named: dict[str, str] = {}
    broad: list[str] = []
    for word in words:
        service, equals, source = word.partition("=")
        if not equals:
            broad.append(word)
            _known(word, {s for f in catalog.fragments.values() for s in f.sources()}, "source")
        else:
            _known(service, catalog.fragments, "service")
            named[service] = source
    return named, broad


def spread(catalog: Catalog, broad: Iterable[str], planned: Iterable[str]) -> dict[str, str]:
    """The choice that bare `--source X` words make: X for every planned fragment that has it.

    Raises StackError where no planned one has it, naming those of the catalogue that do."""
    chosen: dict[str, str] = {}
    for source in broad:
        having = [name for name in planned if source in catalog.fragments[name].sources()]
        if not having:
            others = [name for name, fragment in catalog.fragments.items() if source in fragment.sources()]
            message = f"no planned service has the source {source}; these have it: {', '.join(others)}"
            raise StackError(Problem("source", message, "--source", f"--service {others[0]} --source {source}"), USAGE)
        chosen |= dict.fromkeys(having, source)
    return chosen


def _known(word: str, known: Iterable[str], kind: str) -> None:
    known = sorted(known)
    if word not in known:
        hint = suggest(word, known) or f"known are {', '.join(known)}"
        raise StackError(Problem(kind, f"unknown {kind} {echoed(word)}", "--source", hint), USAGE)


def absent(sources: Mapping[str, str]) -> set[str]:
    """The fragments that are disabled."""
    return {name for name, source in sources.items() if source == DISABLED}
