"""What can stand at the end of a line that is being typed: commands, flags, and values of what the catalogue has."""

import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from stack import tree
from stack.cli import table
from stack.cli.words import Option

FLAGS = ("--help", "--list", "--version")


def of(line: str, commands: Mapping[str, Sequence[Option]], values: Callable[[str, str], Iterable[str]]) -> list[str]:
    """The words that the last one of a line can become. `values` gives those that a value's word stands for, and takes
    the service that the line names. Pure."""
    *before, partial = split(line)
    if not before:
        found: Iterable[str] = (*commands, "help", *FLAGS)
    elif before[0] in ("help", "--help"):
        found = commands
    else:
        found = _behind(before[0], before[1:], partial, commands.get(before[0], ()), values)
    return sorted({word for word in found if word.startswith(partial)})


def split(line: str) -> list[str]:
    """The words of a line behind the program's name; the last is empty behind a blank. An open quote is no error."""
    try:
        words = shlex.split(line)
    except ValueError:
        words = line.split()
    return [*words[1:], ""] if line[-1:].isspace() or len(words) < 2 else words[1:]


def _behind(command: str, words: Sequence[str], partial: str, options: Sequence[Option],
            values: Callable[[str, str], Iterable[str]]) -> Iterable[str]:  # fmt: skip
    """What can stand behind a command and the words that follow it."""
    by_flag = {option.flag: option for option in options}
    given = [by_flag[word.partition("=")[0]] for word in words if word.partition("=")[0] in by_flag]
    service = _service(words, by_flag)
    if words and (waiting := by_flag.get(words[-1])) and waiting.valued:
        return values(_word(command, waiting), service)
    if partial.startswith("-"):
        flag, equals, _ = partial.partition("=")
        if equals and flag in by_flag:
            return (f"{flag}={one}" for one in values(_word(command, by_flag[flag]), service))
        return [option.flag for option in options if option.repeats or option not in given]
    loose = _loose(words, by_flag)
    places = [option for option in options if option.positional]
    places += [by_flag[f"--{name}"] for name in table.COMMANDS[command].loose] if command in table.COMMANDS else []
    repeats = places[-1:] if places and places[-1].repeats else []
    free = (places[len(loose) :] or repeats)[:1]
    return (value for option in free for value in values(_word(command, option), service))


def _word(command: str, option: Option) -> str:
    return table.value(command, option.flag.lstrip("-"))


def _loose(words: Sequence[str], by_flag: Mapping[str, Option]) -> list[str]:
    """The words that are no flag and no flag's value."""
    before = ["", *words]
    return [word for last, word in zip(before, words, strict=False)
            if not word.startswith("-") and not (last in by_flag and by_flag[last].valued)]  # fmt: skip


def _service(words: Sequence[str], by_flag: Mapping[str, Option]) -> str:
    """The service that a line names: by --service, else the first word without a flag."""
    if "--service" in words[:-1]:
        return words[words.index("--service") + 1]
    return next(iter(_loose(words, by_flag)), "")


def values(word: str, service: str) -> list[str]:
    """The values that a word of the table stands for, as this checkout has them; none where it can't be read."""
    from stack.errors import StackError

    try:
        return sorted(VALUES[word](service)) if word in VALUES else []
    except StackError:
        return []


def _checkout() -> Any:
    from stack.planning import checkouts

    return checkouts.read(tree.root())


def _services(_: str) -> Iterable[str]:
    return list(_checkout().catalog.services())


def _profiles(_: str) -> Iterable[str]:
    """What the fragments' own text says: the merged model takes longer than a person waits."""
    checkout = _checkout()
    text = "\n".join(data.decode(errors="replace") for data in tree.find(tree.root(), checkout.roots).values())
    flow = [name for names in re.findall(r"^ +profiles: *\[([^]]*)\]", text, re.MULTILINE) for name in names.split(",")]
    block = re.findall(r"^ +profiles:\n((?: +- .*\n?)+)", text, re.MULTILINE)
    names = [*flow, *(line.strip()[2:] for lines in block for line in lines.splitlines())]
    return {"all", *(name.strip(" \"'") for name in names)}


def _sources(service: str) -> Iterable[str]:
    fragments = _checkout().catalog.fragments
    chosen = [fragments[service]] if service in fragments else fragments.values()
    return {source for fragment in chosen for source in fragment.sources()}


def _sources_by_service(_: str) -> Iterable[str]:
    fragments = _checkout().catalog.fragments
    pairs = {f"{name}={source}" for name, fragment in fragments.items() for source in fragment.sources()}
    return pairs | {source for fragment in fragments.values() for source in fragment.sources()}


def _settings(_: str) -> Iterable[str]:
    from stack.planning import checkouts

    checkout = _checkout()
    return checkouts.known(checkout.catalog) | set(checkout.dotenv)


def _routes(_: str) -> Iterable[str]:
    from stack import yamlfile
    from stack.gateway import declared, kongfile

    files = [Path(root, kongfile.FILE) for root in _checkout().roots]
    texts = {str(path): yamlfile.decode(str(path), tree.read(tree.root() / path)) for path in files}
    return [name for path, text in texts.items() if text
            for name, _ in declared.named(kongfile.entities(kongfile.read(text, path)))]  # fmt: skip


def _checks(_: str) -> Iterable[str]:
    from stack.doctor.registry import CHECKS

    return [check.id for check in CHECKS]


def _kinds(_: str) -> Iterable[str]:
    from stack.commands.check import KINDS, MARKED, TOPICS

    return [*KINDS, *TOPICS, *MARKED]


def _suites(_: str) -> Iterable[str]:
    from stack.commands.check import ENGINES

    return ENGINES


def _methods(_: str) -> Iterable[str]:
    from stack.commands.route import METHODS

    return METHODS


VALUES: dict[str, Callable[[str], Iterable[str]]] = {
    "SERVICE": _services, "PROFILE": _profiles, "SOURCE": _sources, "SERVICE=SOURCE": _sources_by_service,
    "SETTING": _settings, "ROUTE": _routes, "CHECK": _checks, "KIND": _kinds, "SUITE": _suites,
    "RUNNER": lambda _: ("compose", "swarm"),
    "AUTH": lambda _: ("none", "key", "basic"), "METHOD": _methods,
    "LAYER": lambda _: [root for root in _checkout().roots if root],
}  # fmt: skip
"""What can stand for a value; a shell completes the names of files where nothing is known."""
