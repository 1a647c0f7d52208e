"""`inv doctor`: what is wrong, what that causes, what to type; with `--fix`, it types it."""

from collections.abc import Sequence
from typing import Any

import msgspec

from stack import imports, tree
from stack.doctor import run as running
from stack.doctor.check import ERROR, WARNING, Action, Check
from stack.doctor.registry import CHECKS
from stack.doctor.run import Row
from stack.doctor.scene import Scene
from stack.errors import FAILED, OK, USAGE, Problem, StackError, fail
from stack.names import echoed, suggest
from stack.output import consent
from stack.output.result import Result


def run(services: Sequence[str], checks: Sequence[str], fix: bool, yes: bool, bundle: str) -> Result:
    """Look; with `fix`, mend what can be mended without losing data, and look again. With `bundle`, put all that a
    report of a bug needs into that file."""
    chosen = _chosen(checks, services)
    scene = Scene(tree.root())
    _check_services(scene, services)
    with imports.meanwhile(imports.VIEWS):
        rows = running.run(chosen, scene, services)
    actions = _actions(chosen, rows, scene) if fix else []
    for action in actions:
        consent.tell(f"will do: {action.says}")
    agreed = _agreed(actions, yes)
    if actions and agreed:
        with tree.locked(tree.root()):
            for action in actions:
                action.do()
        scene = Scene(tree.root())
        rows = running.run(chosen, scene, services)
    mended = [action.says for action in actions if agreed]
    data: dict[str, Any] = {"checks": msgspec.to_builtins(rows), "mended": mended}
    lines = [f"done: {says}" for says in mended]
    if bundle:
        from stack.doctor import bundle as bundling

        lines.append(f"wrote {bundling.write(scene, rows, bundle)}: it holds no secret, but look through it")
        data["bundle"] = bundle
    problems = _summary(chosen, rows, scene)
    if not agreed:
        problems.append(Problem("not-agreed", "nothing was mended", fix="./inv doctor --fix --yes"))
    return Result(data, problems, FAILED if problems else OK, lines)


def _chosen(ids: Sequence[str], services: Sequence[str]) -> list[Check]:
    """The checks of these ids, else all; of services, those that look at each by itself. Raises StackError for an id
    that there is not."""
    known = {check.id: check for check in CHECKS}
    for name in ids:
        if name not in known:
            hint = suggest(name, known) or f"there are: {', '.join(known)}"
            raise fail("unknown-check", f"there is no check {echoed(name)}", "--check", hint, USAGE)
    return [check for check in CHECKS
            if (check.id in ids if ids else check.of_services or not services)]  # fmt: skip


def _check_services(scene: Scene, names: Sequence[str]) -> None:
    """Raises StackError for a service that no fragment declares."""
    known = scene.checkout.catalog.services() if names else []
    for name in names:
        if name not in known:
            a_check = any(check.id == name for check in CHECKS)
            hint = f"./inv doctor --check {name}" if a_check else suggest(name, known) or "./inv plan --profile all"
            raise fail("unknown-service", f"unknown service {echoed(name)}", "--service", hint, USAGE)


def steps(checks: Sequence[str]) -> list[str]:
    """What `--fix` would do now for these checks, a sentence for each step; for all where none is named."""
    chosen, scene = _chosen(checks, ()), Scene(tree.root())
    return [action.says for action in _actions(chosen, running.run(chosen, scene), scene)]


def _actions(checks: Sequence[Check], rows: Sequence[Row], scene: Scene) -> list[Action]:
    """The steps that the checks with findings offer."""
    wrong = {row.id for row in rows if row.grade in (ERROR, WARNING)}
    return [action for check in checks if check.mend and check.id in wrong for action in check.mend(scene)]


def _mends(check: Check, scene: Scene) -> bool:
    """Whether `--fix` would do something for a check that found an error."""
    try:
        return bool(check.mend and check.mend(scene))
    except StackError:
        return False


def _agreed(actions: Sequence[Action], yes: bool) -> bool:
    """Whether the user says yes; no where there is nobody to ask."""
    if yes or not actions:
        return True
    ask = consent.asker()
    return ask is not None and ask(f"do {'this' if len(actions) == 1 else f'these {len(actions)}'}?")


def _summary(checks: Sequence[Check], rows: Sequence[Row], scene: Scene) -> list[Problem]:
    """The errors in one line, and what mends some of them; nothing where there is none."""
    wrong = running.errors(rows)
    if not wrong:
        return []
    mendable = [check.id for check in checks if check.id in wrong and _mends(check, scene)]
    fix = f"./inv doctor --fix mends {', '.join(mendable)}" if mendable else "type what stands behind each →"
    count = sum(row.grade == ERROR for row in rows)
    return [Problem("doctor", f"{count} error{'s' if count > 1 else ''}: {', '.join(wrong)}", "", fix)]
