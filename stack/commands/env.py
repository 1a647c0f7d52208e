"""`inv env.*`: every setting with the layer it comes from; secrets by name alone."""

import sys
from collections.abc import Mapping
from pathlib import Path

from stack import docker, tree
from stack.authoring import trial
from stack.env import envfile, public, secrets, settings
from stack.env.secrets import HIDDEN
from stack.errors import FAILED, USAGE, Problem, StackError, fail
from stack.names import cut, echoed, suggest
from stack.output.result import Result
from stack.planning import checkouts, kept, settled
from stack.planning.checkouts import Checkout


def listed() -> Result:
    """Every setting that any file knows, its value and its layer."""
    checkout = checkouts.read(tree.root())
    return Result({"settings": settled.rows(checkout)}, list(checkout.settings.problems))


def get(name: str, reveal: bool) -> Result:
    """One setting; a secret only with `reveal`."""
    checkout = checkouts.read(tree.root())
    _check_known(checkout, name, checkout.dotenv)
    row = settled.row(checkout, name)
    if reveal:
        row["value"] = checkout.settings.value(name) or checkout.dotenv.get(name, "")
    if row["origin"] == "unset":
        raise StackError(_unset(checkout, name))
    problems = []
    if row["secret"] and not reveal:
        problems.append(Problem("hidden", f"{name} is a secret", name, f"./inv env.get {name} --reveal"))
    return Result(dict(row), problems)


def _unset(checkout: Checkout, name: str) -> Problem:
    """What is said of a setting without a value; a secret is made by the start that needs it first."""
    kind = checkout.secrets.get(name, "asked")
    if kind in ("asked", "optional"):
        return Problem("unset", f"{name} is not set", name, f"./inv env.set {name} VALUE")
    files = checkout.catalog.files
    path = next(path for path in files if any(name in e.get("secrets", {}) for e in files[path].entries.values()))
    return Problem("unset", f"{name} is not made yet: the first start of what needs it does that", path, "./inv up")


def set_(name: str, value: str, changed: bool = False) -> Result:
    """Write one setting, once the settings with it are valid. `-` reads the value from standard input, which keeps
    a secret out of the list of processes. A secret that a volume keeps is taken only where it was `changed` in its
    program already."""
    new = sys.stdin.readline().rstrip("\r\n") if value == "-" else value
    if not new:
        raise fail("usage", f"{name}: no value was given", name, f"./inv env.unset {name}", USAGE)
    return _edit(name, new, changed)


def unset(name: str) -> Result:
    """Remove one setting; its default holds again."""
    return _edit(name, None)


def _edit(name: str, value: str | None, changed: bool = False) -> Result:
    root = tree.root()
    with tree.locked(root):
        data = tree.read(root / ".env")
        before, _ = envfile.read(data)
        checkout = None if value is None and name in envfile.names(data) else _known(root, name, before)
        if checkout and value is not None:
            _check_value(checkout, name, value)
        after = envfile.edit(data, {name: value})
        saved, wrong = envfile.read(after)
        refused = (trial.taken_away(root, name, before) if value is None
                   else trial.problems(root, name, before, saved, changed))  # fmt: skip
        if refused:
            raise StackError(refused)
        wrote = tree.write(root / ".env", after, 0o600) if after or data else False
        if changed and value is not None:
            kept.renew(root, name, value)
        wrong = [*wrong, *(_of_before(root) if name == "PROJECT_NAME" else [])]
    shown = HIDDEN if checkout and name in checkout.secrets else value
    words = f"{name} is no longer set" if value is None else f"{name}={cut(shown or '')} is saved"
    user = "./inv backup" if name.startswith("BACKUP_") else "./inv up"
    return Result({"name": name, "changed": wrote}, wrong, lines=[f"{words}; to have it used: {user}"])


def _of_before(root: Path) -> list[Problem]:
    """A note for each other name under which something of this folder runs: containers and data stay with that name."""
    project = checkouts.project_name(root)
    try:
        others = sorted(docker.projects_in(root) - {project})
    except StackError:  # no engine tells
        return []
    name = "./inv env.set PROJECT_NAME"
    then = f"./inv backup && ./inv down && {name} {project} && ./inv restore"
    return [Problem("left-behind", f"what runs as {old} runs on, and its data stays in volumes of that name",
                    "PROJECT_NAME", f"to take the data along: {name} {old} && {then}") for old in others]  # fmt: skip


def _known(root: Path, name: str, dotenv: Mapping[str, str]) -> Checkout:
    """The checkout, read without `name` and without what else is wrong, as either may be what is mended. Raises
    StackError where nothing knows such a setting."""
    others = settings.sound({key: value for key, value in dotenv.items() if key != name})
    checkout = checkouts.read(root, dotenv=others)
    _check_known(checkout, name, dotenv)
    return checkout


def _check_known(checkout: Checkout, name: str, dotenv: Mapping[str, str]) -> None:
    known = checkouts.known(checkout.catalog) | set(dotenv)
    if name not in known:
        message = f"there is no setting {echoed(name)}"
        derived = "it follows from PUBLIC_URL, PUBLIC_ROUTES and TRUSTED_PROXIES" if name in public.DERIVED else ""
        raise fail("no-setting", message, cut(name), derived or suggest(name, known) or "./inv env.list", USAGE)


def _check_value(checkout: Checkout, name: str, value: str) -> None:
    if name in checkout.secrets:
        problem = secrets.check(name, checkout.secrets[name], value)
        if problem:
            raise StackError(problem)


def check() -> Result:
    """What is wrong with the settings: lines of .env, values, shadowing, secrets, unknown names."""
    problems: list[Problem] = []
    try:
        checkout = checkouts.read(tree.root())
    except StackError as error:
        return Result({"checked": False}, error.problems, FAILED)
    problems += checkout.settings.problems
    problems += settled.of_docker(checkout) + settled.unknown(checkout) + settled.misshapen(checkout)
    errors = [p for p in problems if p.code not in ("env-shadowed", "renamed-setting", "unknown-setting")]
    lines = [] if problems else ["the settings are fine"]
    return Result({"checked": True}, problems, FAILED if errors else 0, lines)


def migrate() -> Result:
    """Give each setting of .env that has another name now that name; where both stand there, the old line goes."""
    root = tree.root()
    with tree.locked(root):
        data = tree.read(root / ".env")
        found, _ = envfile.read(data)
        old = {name: new for name, new in settings.RENAMED.items() if name in found}
        changes: dict[str, str | None] = dict.fromkeys(old)
        changes |= {new: found[name] for name, new in old.items() if new not in found}
        if old:
            tree.write(root / ".env", envfile.edit(data, changes), 0o600)
    lines = [f"{name} is called {new} now" for name, new in old.items()]
    return Result({"renamed": old}, lines=lines or ["no setting has another name now"])
