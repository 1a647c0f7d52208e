"""The words of a command line, read before Invoke runs anything: it takes the value of a second `--base-port` for one
more command. Pure."""

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from stack.cli import table
from stack.names import cut, echoed, suggest

if TYPE_CHECKING:
    from stack.errors import Problem


class Option(NamedTuple):
    """What a command takes: by its flag, or, `positional`, by its place as well. `repeats` where it is a list."""

    flag: str
    valued: bool
    repeats: bool
    positional: bool


class WrongWordsError(Exception):
    """The words can't be run: the problem says what to type."""

    def __init__(self, problem: "Problem") -> None:
        super().__init__(problem.message)
        self.problem = problem


class Line(NamedTuple):
    """A command line as it was read: the options in their order (`""` is the value of one that takes none), and the
    words that belong to none."""

    command: str
    given: list[tuple[Option, str]]
    loose: list[str]

    def words(self) -> list[str]:
        """The line for Invoke: every value behind its flag, as Invoke takes a place's `-Xmx1g` for flags."""
        return [self.command, *(word for option, value in self.given for word in _both(option, value))]

    def typed(self, *more: str) -> str:
        """The line as a person types it, without its loose words; without any value where one may be a secret."""
        if self.command in table.WITH_SECRETS:
            return f"./inv {self.command} --help"
        placed = [value for option, value in self.given if option.positional]
        flags = [word for o, value in self.given if not o.positional for word in _both(o, value)]
        return f"./inv {shlex.join([self.command, *placed, *flags, *more])}"


def _both(option: Option, value: str) -> tuple[str, ...]:
    return (option.flag, value) if option.valued else (option.flag,)


def ordered(words: list[str]) -> list[str]:
    """The words with `--help` as Invoke reads it, and `--json`, wherever it stands, right behind the command."""
    at = next((n for n, word in enumerate(words[1:], 1) if not word.startswith("-")), None)
    if at is None:
        return words
    before, command, after = words[:at], words[at], words[at + 1 :]
    if before[-1] in ("--help", "-h"):
        return words
    if "--help" in after or "-h" in after:
        return [words[0], "--help", command]
    if "--json" in words:
        before, after = ([word for word in part if word != "--json"] for part in (before, after))
        after = ["--json", *after]
    return [*before, command, *after]


def natural(words: list[str], names: Iterable[str]) -> list[str]:
    """The words of a command line with what people type for a command in its place: `help up`, `ps`, `env list`."""
    known = set(names)
    if not words or words[0] in known:
        return words
    if len(words) > 1 and f"{words[0]}.{words[1]}" in known:
        return [f"{words[0]}.{words[1]}", *words[2:]]
    if words[0] == "help" and len(words) > 2 and f"{words[1]}.{words[2]}" in known:
        return ["--help", f"{words[1]}.{words[2]}"]
    return [table.MEANT[words[0]], *words[1:]] if words[0] in table.MEANT else words


def unknown(words: Sequence[str], names: Iterable[str], to_root: str = "") -> "Problem":
    """What is said of a command that there is not: the line of another program, else the nearest name. `to_root` is
    typed before a line of Compose."""
    from stack.errors import Problem

    word, behind = words[0], next((w for w in words[1:] if not w.startswith("-")), "")
    message = f"there is no command {echoed(word)}"
    if word in table.ELSEWHERE:
        line, place = table.ELSEWHERE[word]
        fix = line.format(shlex.quote(cut(behind)) if behind else place).rstrip()
        return Problem("unknown-command", message, cut(word), fix if fix.startswith("./inv") else f"{to_root}{fix}")
    return Problem("unknown-command", message, cut(word), suggest(word, names) or "./inv --list")


def read(command: str, words: Sequence[str], options: Sequence[Option], names: Iterable[str]) -> Line:
    """What the words behind a command say. Raises WrongWordsError for an option that is given twice, is not known or
    lacks its value, for a place that stays empty, and for a word too many."""
    line = Line(command, [], [])
    _take(line, words, {option.flag: option for option in options}, [o for o in options if o.positional])
    _once(line)
    _loose(line, options, set(names))
    missing = [place(command, one) for one in options if one.positional and one not in dict(line.given)]
    if missing:
        raise _wrong(f"{command} needs {' and '.join(missing)}", command, _whole(line, missing))
    return line


def _whole(line: Line, missing: Sequence[str]) -> str:
    """The line with what stands for each place that is empty; an example where no place is filled. Of `NAME=VALUE`
    only the name is repeated: the value may be a secret."""
    filled = [value.partition("=")[0] for option, value in line.given if option.positional]
    if not filled or not all(map(PLAIN.fullmatch, filled)):
        return table.COMMANDS[line.command].examples[0].line(line.command)
    return f"./inv {' '.join([line.command, *filled, *missing])}"


PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,59}")
"""A word that goes into a line to type as it is."""


def _wrong(message: str, where: str, fix: str, code: str = "usage") -> WrongWordsError:
    from stack.errors import Problem

    return WrongWordsError(Problem(code, message, where, fix))


def _take(line: Line, words: Sequence[str], flags: Mapping[str, Option], places: Sequence[Option]) -> None:
    """Sort the words into the line: flags with their values, places, the rest. Behind `--` there is no flag."""
    left = list(words)
    literal = False
    while left:
        word = left.pop(0)
        option, attached = (None, None) if literal else _flagged(word, flags)
        free = [place for place in places if place not in dict(line.given)]
        if option:
            line.given.append((option, _value(line, option, attached, left, flags)))
        elif word == "--" and not literal:
            literal = True
        elif free:
            line.given.append((free[0], word))
        elif word.startswith("-") and not literal:
            name, _, value = word.partition("=")
            raise _unknown_flag(line, name, value or next(iter(left), ""), flags)
        else:
            line.loose.append(word)


def _flagged(word: str, flags: Mapping[str, Option]) -> tuple[Option | None, str | None]:
    """The option that a word names, and the value that is attached to it: `--only=unit`, `-kredis`."""
    name, equals, value = word.partition("=")
    if name in flags:
        return flags[name], value if equals else None
    short = flags.get(word[:2]) if len(word) > 2 and not word.startswith("--") else None
    return short, word[2:] if short else None


def _value(line: Line, option: Option, attached: str | None, left: list[str], flags: Mapping[str, Option]) -> str:
    """The value of an option: what is attached to it, else the next word, which is taken."""
    if not option.valued:
        if attached is not None:
            raise _wrong(f"{option.flag} takes no value", option.flag, line.typed(option.flag))
        return ""
    if attached is None and (not left or left[0] in flags):
        raise _wrong(f"{option.flag} needs a value", line.command, f"./inv {line.command} --help")
    return left.pop(0) if attached is None else attached


def _unknown_flag(line: Line, name: str, following: str, flags: Mapping[str, Option]) -> WrongWordsError:
    """The flag that a short one means, with the value `following` it, or the nearest."""
    message = f"{line.command} has no flag {name}"
    if why := table.NEEDLESS.get(line.command, {}).get(name):
        return _wrong(f"{line.command} needs no {name}: {why}", name, line.typed(), "unknown-flag")
    short = [flags[flag] for flag in flags if flag.startswith(f"-{name}") and len(name) == 2]
    if short:
        choice = ", or ".join(line.typed(*_both(option, following or place(line.command, option))) for option in short)
        return _wrong(message, name, choice, "unknown-flag")
    return _wrong(message, name, suggest(name, flags) or f"./inv {line.command} --help", "unknown-flag")


def place(command: str, option: Option) -> str:
    """What stands for an option's value."""
    return table.value(command, option.flag.lstrip("-")) if option.valued else ""


def _once(line: Line) -> None:
    """No option twice, but for lists. Raises WrongWordsError."""
    for at, (option, _) in enumerate(line.given):
        earlier = [given for given, _ in line.given[:at]]
        if option in earlier and not option.repeats:
            kept = line._replace(given=line.given[:at])
            raise _wrong(f"{option.flag} is given twice", option.flag, kept.typed())


def _loose(line: Line, options: Sequence[Option], names: set[str]) -> None:
    """Give the words without a flag to the options that they mean. Raises WrongWordsError where they mean none."""
    for word in list(line.loose):
        if word in names:
            raise _wrong(f"{line.command} and {word} are two commands: one at a time", word,
                         f"{line.typed()} && ./inv {word}")  # fmt: skip
        flagged = next((o for o in options if o.flag == f"--{word}" and not o.valued), None)
        if flagged:
            raise _wrong(f"{echoed(word)} is a flag of {line.command}", word, line.typed(flagged.flag))
        free = [o for name in table.COMMANDS[line.command].loose for o in options
                if o.flag == f"--{name}" and (o.repeats or o not in dict(line.given))]  # fmt: skip
        if not free:
            raise _too_many(line, word)
        line.given.append((free[0], word))
        line.loose.remove(word)


def _too_many(line: Line, word: str) -> WrongWordsError:
    """A word that a command has no place for; what may be a part of a secret is not repeated."""
    if line.command in table.WITH_SECRETS:
        return _wrong(f"{line.command}: a word too many: quote what has blanks", line.command, line.typed())
    fix = table.COMMANDS[line.command].instead
    return _wrong(f"{line.command} takes no {echoed(word)}", cut(word),
                  fix.format(shlex.quote(cut(word))) if fix else f"./inv {line.command} --help")  # fmt: skip
