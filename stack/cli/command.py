"""Commands as Invoke takes them, each made from a function: its parameters are its flags."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from invoke.collection import Collection
from invoke.exceptions import Exit
from invoke.tasks import Task

from stack import imports

if TYPE_CHECKING:
    from stack.output.result import Result
    from stack.planning.planner import Request

GROUPS: dict[str, list[str]] = {}
"""The commands by the group that they are listed under."""
WORDS: dict[str, dict[str, str]] = {}
"""What is said of each flag of a command."""
namespace = Collection()

SELECTION: dict[str, Any] = {
    "profile": (), "service": (), "source": (), "base_port": "", "offline": False, "exact": False, "once": False,
    "on": "", "place": (),
}  # fmt: skip
"""The flags of a selection, with their defaults."""
PLACES = ("on", "place")
"""Those of them that only commands have which ask for them by name."""
FIELDS = {"profile": "profiles", "service": "services", "source": "sources", "place": "places"}
"""What a request calls its lists."""
USUAL = {
    "profile": "add a profile (repeat)",
    "service": "only this service and what it requires (repeat)",
    "source": "where it comes from; SOURCE alone for every planned service that has it (repeat)",
    "base_port": "publish from this port on (63000, where none is set)",
    "offline": "build instead of pulling",
    "exact": "the flags are the whole selection, and what is saved counts for nothing",
    "once": "save nothing of the flags",
    "on": "compose: this machine alone; swarm: on several (docs/cluster.md)",
    "place": "where its data is to be, or where it runs, on swarm (repeat)",
    "yes": "agree to what would be asked",
    "dry_run": "print the difference",
    "into": "a folder of your own, as local",
    "json": "print one JSON document",
}
"""What is said of a flag, where its command says nothing else."""

PLACE = inspect.Parameter.empty
KEYWORD = partial(inspect.Parameter, kind=inspect.Parameter.KEYWORD_ONLY)

Function = TypeVar("Function", bound=Callable[..., "Result"])


def command(group: str, title: str, *selection: str, **words: str) -> Callable[[Function], Function]:
    """Make a function the command `title` (`env.get` goes into a collection), listed under `group`. What it gives back
    is shown, and its exit code ends the program.

    A parameter without a default is a place; `()` is the default of a flag that repeats, False of one without a value.
    The parameter `request` stands for the flags of a selection, `selection` or all but PLACES. `--json` comes with
    every command, and is given to a function that has it as a parameter. `words` are said of a flag where the usual
    ones don't fit."""

    def add(function: Function) -> Function:
        own = inspect.signature(function).parameters
        flags = _flags(own, selection or tuple(name for name in SELECTION if name not in PLACES))
        assert words.keys() <= flags.keys(), f"{title} has no such flag: {words.keys() - flags.keys()}"
        # A flag that Python has a word of, as `as_`, is typed without what is behind it.
        WORDS[title] = {name.rstrip("_"): words.get(name) or USUAL[name] for name in flags}
        GROUPS.setdefault(group, []).append(title)
        folder, _, leaf = title.rpartition(".")
        _folder(folder).add_task(_task(title, function, tuple(own), flags), name=leaf)
        return function

    return add


def _flags(own: Mapping[str, inspect.Parameter], selection: Iterable[str]) -> dict[str, Any]:
    """Each flag of a command with its default, in their order."""
    flags: dict[str, Any] = {}
    for name, parameter in own.items():
        flags |= {one: SELECTION[one] for one in selection} if name == "request" else {name: parameter.default}
    return {**flags, "json": False}


def _task(title: str, function: Function, own: tuple[str, ...], flags: Mapping[str, Any]) -> Any:
    """What Invoke calls, and asks for its signature."""
    lists = [name for name, default in flags.items() if default == ()]
    places = [name for name, default in flags.items() if default is PLACE]

    def body(_: object, **typed: Any) -> None:
        imports.msgspec()
        from stack.authoring import recovery
        from stack.output import render

        values = {**typed, **{name: tuple(typed[name]) for name in lists}}

        def call() -> "Result":
            return function(**{name: _request(values) if name == "request" else values[name] for name in own})

        code = render.present(title, lambda: recovery.first(call), values["json"])
        if code:
            raise Exit(code=code)

    body.__doc__ = function.__doc__
    parameters = [KEYWORD("context"), *(KEYWORD(n, default=None if n in lists else d) for n, d in flags.items())]
    body.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return Task(body, positional=places, iterable=lists, auto_shortflags=False)


def _request(values: Mapping[str, Any]) -> "Request":
    """The request of the flags that a command has."""
    from stack.planning.planner import Request

    return Request(**{FIELDS.get(name, name): values[name] for name in SELECTION if name in values})


class Folder(Collection):
    """The commands behind a dot, whose first word may be a command itself: `backup` and `backup.list`."""

    own: Any = None

    def task_with_config(self, name: str | None) -> Any:
        """As Invoke's; without a name, the command that is called as the folder."""
        return (self.own, self.configuration()) if not name and self.own else super().task_with_config(name)


def _folder(name: str) -> Collection:
    """The collection of that name, for the commands behind its dot; the outermost for an empty one."""
    if name and name not in namespace.collections:
        folder = Folder(name)
        folder.own = namespace.tasks.get(name)
        # Not by add_collection, which takes no name that a command has.
        namespace.collections[name] = folder
    found: Collection = namespace.collections[name] if name else namespace
    return found
