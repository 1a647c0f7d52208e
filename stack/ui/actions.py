"""What can be done from the page: each action is commands that could be typed, and a preview of what they would change.
Nothing that is a secret is set here, and no data is removed."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec

from stack import docker, tree
from stack.authoring.typed import Words
from stack.commands import doctor, plan, service
from stack.env import envfile
from stack.errors import USAGE, StackError, fail
from stack.names import variable
from stack.planning import checkouts, planner
from stack.planning.planner import Request
from stack.ui.jobs import Step

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
Setting = Annotated[str, msgspec.Meta(pattern=r"^[A-Z][A-Z0-9_]{0,79}$")]
Number = Annotated[int, msgspec.Meta(ge=1, le=100)]
Value = Annotated[str, msgspec.Meta(pattern=r"^[^\n\0]+$", max_length=4096)]


class Preview(msgspec.Struct):
    """An action before it is done: its title, its commands, sentences, the changes where there are any to name, the
    difference of files, and the problems: for some it is not `possible`."""

    title: str
    commands: list[str]
    lines: list[str] = []
    changes: list[dict[str, Any]] | None = None
    diff: list[str] = []
    problems: list[Any] = []
    possible: bool = True


class Up(msgspec.Struct, tag_field="do", tag="up", frozen=True):
    """Start what is selected, with more `profiles`; or these services alone and what they need."""

    services: list[Name] = []
    profiles: list[Name] = []

    def title(self) -> str:
        """What it is called."""
        if self.services:
            return f"Start {', '.join(self.services)}"
        return f"Start with {', '.join(self.profiles)}" if self.profiles else "Start what is planned"

    def steps(self) -> list[Step]:
        """Its commands."""
        words = [*(w for name in self.services for w in ("--service", name)),
                 *(w for name in self.profiles for w in ("--profile", name))]  # fmt: skip
        return [_inv("up", *words)]

    def fill(self, root: Path, shown: Preview) -> None:
        """Put what it would change into a preview; so with all below."""
        _planned(root, Request(services=tuple(self.services), profiles=tuple(self.profiles)), {}, shown)


class Down(msgspec.Struct, tag_field="do", tag="down", frozen=True):
    """Stop everything; the data stays."""

    def title(self) -> str:
        """What it is called."""
        return "Stop everything"

    def steps(self) -> list[Step]:
        """Its commands."""
        return [_inv("down")]

    def fill(self, root: Path, shown: Preview) -> None:
        """What goes, and what stays."""
        project = checkouts.project_name(root)
        running = sorted({c.service for c in docker.containers(project)})
        data = sorted(docker.volumes_of(project))
        shown.changes = [{"name": name, "action": "remove", "keys": []} for name in running]
        shown.lines = [f"the data stays: {', '.join(data)}"] if data else []
        shown.possible = bool(running)


class Restart(msgspec.Struct, tag_field="do", tag="restart", frozen=True):
    """Stop a service's containers and start them again."""

    service: Name

    def title(self) -> str:
        """What it is called."""
        return f"Restart {self.service}"

    def steps(self) -> list[Step]:
        """Its commands."""
        words = ["docker", "compose", "restart", self.service]
        return [Step(words, shlex.join(words), other=True)]

    def fill(self, root: Path, shown: Preview) -> None:
        """Who is without it meanwhile."""
        planned = planner.make(root, Request())
        if not any(c.service == self.service for c in docker.containers(planned.plan.project)):
            raise fail("not-running", f"{self.service} was not started", self.service, "./inv up")
        needs = (s for s in planned.plan.services if self.service in s.depends_on)
        waits = [s.name for s in needs if s.depends_on[self.service].required]
        shown.changes = [{"name": self.service, "action": "restart", "keys": []}]
        shown.lines = [f"away meanwhile for {', '.join(waits)}"] if waits else []


class Source(msgspec.Struct, tag_field="do", tag="source", frozen=True):
    """Take a service from elsewhere, from now on."""

    service: Name
    to: Name

    def title(self) -> str:
        """What it is called."""
        return f"Disable {self.service}" if self.to == "disabled" else f"Take {self.service} from {self.to}"

    def steps(self) -> list[Step]:
        """Its commands."""
        return [_inv("source", "--service", self.service, "--to", self.to), UP]

    def fill(self, root: Path, shown: Preview) -> None:
        """What the plan with that source changes."""
        _planned(root, Request(sources=(f"{self.service}={self.to}",)), {}, shown)


class Scale(msgspec.Struct, tag_field="do", tag="scale", frozen=True):
    """Run so many containers of a service."""

    service: Name
    number: Number

    def title(self) -> str:
        """What it is called."""
        return f"Run {self.number} of {self.service}"

    def steps(self) -> list[Step]:
        """Its commands."""
        return [_set(variable(self.service, "SCALE"), str(self.number)), UP]

    def fill(self, root: Path, shown: Preview) -> None:
        """What the plan with that number changes."""
        _planned(root, Request(), {variable(self.service, "SCALE"): str(self.number)}, shown)


class Set(msgspec.Struct, tag_field="do", tag="set", frozen=True):
    """Give a setting that is no secret a value; without one, its default."""

    name: Setting
    value: Value | None = None

    def title(self) -> str:
        """What it is called."""
        return f"Unset {self.name}" if self.value is None else f"Set {self.name}"

    def steps(self) -> list[Step]:
        """Its commands."""
        return [_inv("env.unset", self.name) if self.value is None else _set(self.name, self.value), UP]

    def fill(self, root: Path, shown: Preview) -> None:
        """What the plan with that value changes."""
        _planned(root, Request(), {self.name: self.value}, shown)


class Mend(msgspec.Struct, tag_field="do", tag="mend", frozen=True):
    """What `doctor --fix` does for these checks, or for all."""

    checks: list[Name] = []

    def title(self) -> str:
        """What it is called."""
        return f"Mend {', '.join(self.checks)}" if self.checks else "Mend what doctor found"

    def steps(self) -> list[Step]:
        """Its commands."""
        return [_inv("doctor", *(w for name in self.checks for w in ("--check", name)), "--fix", "--yes")]

    def fill(self, root: Path, shown: Preview) -> None:
        """Each step in a sentence."""
        del root
        shown.lines = doctor.steps(self.checks)
        if not shown.lines:
            shown.lines, shown.possible = ["There is nothing to mend without losing data."], False


class Add(msgspec.Struct, tag_field="do", tag="add", frozen=True):
    """Add a service, by the flags of `add-service`."""

    name: Name
    words: Words = Words()

    def __post_init__(self) -> None:
        if any("\0" in word for word in _flags(self.words)):
            raise ValueError("a flag holds a NUL")

    def title(self) -> str:
        """What it is called."""
        return f"Add {self.name}"

    def steps(self) -> list[Step]:
        """Its commands."""
        return [_inv("add-service", self.name, *_flags(self.words))]

    def fill(self, root: Path, shown: Preview) -> None:
        """The files, and what of a Compose file is not as it was."""
        del root
        result = service.add(self.name, self.words, into="", dry_run=True, yes=True)
        shown.diff, shown.problems = result.data["diff"], list(result.problems)
        shown.lines = result.lines[: len(result.lines) - len(shown.diff)]


Action = Up | Down | Restart | Source | Scale | Set | Mend | Add


def after(action: Action) -> Up | None:
    """What is likely to be wanted once an action is done."""
    if not isinstance(action, Add):
        return None
    return Up(profiles=[action.words.profile[0] if action.words.profile else "app"])


def _flags(words: Words) -> list[str]:
    """The flags that say the same, but for those with their default. Pure."""
    found = []
    for field in words.__struct_fields__:
        value, flag = getattr(words, field), f"--{field.replace('_', '-')}"
        if value == getattr(Words(), field):
            continue
        if value is True:
            found.append(flag)
            continue
        for one in value if isinstance(value, tuple) else (value,):
            # What begins with a dash would be a flag of its own.
            found += [f"{flag}={one}"] if one.startswith("-") else [flag, one]
    return found


def _inv(*words: str) -> Step:
    return Step(list(words), f"./inv {shlex.join(words)}")


def _set(name: str, value: str) -> Step:
    """The value goes by standard input: what it begins with means nothing there."""
    return Step(["env.set", name, "-"], f"./inv env.set {name} {shlex.quote(value)}", f"{value}\n")


UP = _inv("up")


def read(data: bytes) -> Action:
    """An action as the page sends it. Raises StackError for what is none."""
    try:
        found: Action = msgspec.json.decode(data, type=Action)
    except msgspec.DecodeError as error:
        raise fail("usage", f"this is no action: {error}", exit_code=USAGE) from None
    return found


def preview(root: Path, action: Action) -> Preview:
    """What an action would change. What stands in its way is among its problems."""
    shown = Preview(action.title(), [step.shown for step in action.steps()])
    try:
        check(root, action)
        action.fill(root, shown)
    except StackError as error:
        shown.problems, shown.possible = error.problems, False
    return shown


def check(root: Path, action: Action) -> None:
    """Raises StackError for a secret: its value would go through the page."""
    if isinstance(action, Set) and action.name in checkouts.read(root).secrets:
        fix = f"./inv env.set {action.name} -"
        raise fail("secret", f"{action.name} is a secret, and those are set in a terminal", action.name, fix)


def _planned(root: Path, request: Request, settings: Mapping[str, str | None], shown: Preview) -> None:
    """What the plan of a request would change, with some settings otherwise in `.env`."""
    before = envfile.parse(tree.read(root / ".env"))
    dotenv = {name: value for name, value in {**before, **settings}.items() if value is not None}
    result = plan.of(planner.make_from(checkouts.read(root, dotenv=dotenv), request))
    shown.changes, shown.lines, shown.problems = result.data["changes"], result.lines, list(result.problems)
    shown.possible = not result.exit_code
