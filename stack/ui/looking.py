"""What the page shows: the values of the commands, put together for one view each."""

from pathlib import Path
from typing import Any

import msgspec

from stack import docker
from stack.backup import folder
from stack.commands import doctor as doctoring
from stack.commands import history as recorded
from stack.commands import plan as planning
from stack.commands import service as showing
from stack.commands import why as reasons
from stack.doctor.registry import CHECKS
from stack.env import secrets
from stack.errors import USAGE, Problem, StackError, fail
from stack.names import variable
from stack.output.result import Result
from stack.planning import model, picture, saving, settled
from stack.planning import plan as plans
from stack.planning.planner import Planned, Request
from stack.running import history, links

ANSWERS = 5
"""Answers of a health check that the engine keeps."""


def graph(planned: Planned) -> dict[str, Any]:
    """The plan as `./inv plan --json` has it, with the arrows of its picture, addresses, and what can be chosen."""
    result = planning.of(planned)
    arrows = [[arrow.first, arrow.then, arrow.required] for arrow in picture.arrows(planned.plan.services)]
    return {
        **result.data,
        "arrows": arrows,
        "links": msgspec.to_builtins(links.table(planned)),
        "known_profiles": _profiles(planned),
        "others": _others(planned),
        "problems": msgspec.to_builtins(result.problems),
        "lines": result.lines,
    }


def broken(problems: list[Problem]) -> dict[str, Any]:
    """The same where there is no plan."""
    return {"services": [], "order": [], "arrows": [], "links": [], "changes": None, "lines": [], "left_out": [],
            "known_profiles": {}, "others": [], "problems": msgspec.to_builtins(problems)}  # fmt: skip


def _profiles(planned: Planned) -> dict[str, list[str]]:
    """The services of each profile that can be chosen."""
    found: dict[str, list[str]] = {plans.EVERYTHING: []}
    for name, raw in sorted(model.services(planned.facts.model).items()):
        for profile in raw.get("profiles") or []:
            found.setdefault(profile, []).append(name)
    return dict(sorted(found.items()))


def _others(planned: Planned) -> list[dict[str, str]]:
    """The services of the catalogue that are not planned, with what each is."""
    mine = {one.name for one in planned.plan.services}
    names = sorted(set(planned.facts.catalog.services()) - mine)
    return [{"name": name, "about": plans.entry(planned.facts, name).about} for name in names]


def service(root: Path, planned: Planned, name: str) -> dict[str, Any]:
    """All that is known of a service. Raises StackError for a name that no fragment declares."""
    catalog = planned.facts.catalog
    if name not in catalog.services():
        raise fail("unknown-service", f"there is no service {name}", name, "./inv plan", USAGE)
    fragment = catalog.fragment_of(name)
    entry = plans.entry(planned.facts, name)
    raw = model.services(planned.facts.model).get(name, {})
    planned_service = next((one for one in planned.plan.services if one.name == name), None)
    return {
        "name": name,
        "fragment": fragment,
        "about": entry.about,
        "plan": msgspec.to_builtins(planned_service),
        "service": _shown(planned, fragment),
        "why": _why(name),
        "link": _link(planned, name),
        "origins": {str(row["name"]): row["origin"] for row in settled.rows(planned.checkout)},
        "sources": catalog.fragments[fragment].sources(),
        "scale": {"setting": variable(name, "SCALE"), "can": entry.scalable and not model.one_shot(raw)},
        "volumes": _volumes(planned, raw),
        "backup": _backup(root, planned, name),
        "containers": _containers(planned, name),
    }


def _shown(planned: Planned, fragment: str) -> dict[str, Any]:
    """What `./inv service` says; where it can't, as with a gateway's file that is broken, what holds all the same."""
    try:
        return showing.show(fragment).data
    except StackError as error:
        source = planned.facts.sources[fragment]
        files = planned.checkout.catalog.fragments[fragment].files(source)
        return {"source": source, "files": files, "settings": [], "ports": {}, "secrets": [], "routes": [],
                "problems": msgspec.to_builtins(error.problems)}  # fmt: skip


def _link(planned: Planned, name: str) -> Any:
    """Where it is reached; none where that can't be told."""
    try:
        return next((msgspec.to_builtins(one) for one in links.of([name], planned)), None)
    except StackError:
        return None


def _why(name: str) -> dict[str, Any]:
    """What `./inv why` says, its problems among it."""
    try:
        result = reasons.why(name, Request())
    except StackError as error:
        result = Result(problems=error.problems)
    return {**result.data, "lines": result.lines, "problems": msgspec.to_builtins(result.problems)}


def _volumes(planned: Planned, raw: dict[str, Any]) -> list[dict[str, str]]:
    """The volumes of a service: its name in the files, and the engine's."""
    declared = planned.facts.model.get("volumes") or {}
    return [{"name": key, "volume": (declared.get(key) or {}).get("name", key)} for key in model.named_volumes(raw)]


def _backup(root: Path, planned: Planned, name: str) -> dict[str, Any] | None:
    """The newest backup that has something of a service."""
    place = folder.of(root, planned.checkout.settings.value("BACKUP_DIR"))
    for found in reversed(folder.listed(place)):
        parts = [part for part in found.parts if part.service == name]
        if parts and found.project == planned.plan.project:
            return {"name": found.name, "bytes": sum(part.bytes for part in parts)}
    return None


def _containers(planned: Planned, name: str) -> list[dict[str, Any]] | None:
    """The containers of a service with the last answers of their health checks; none where no engine answers."""
    try:
        ids = [c.id for c in docker.containers(planned.plan.project) if c.service == name and not c.one_off]
        found = docker.inspected("containers", ids)
    except StackError:
        return None
    hide = secrets.hider(saving.secret_values(planned.checkout).values())
    return [
        {
            "id": one["Id"],
            "name": str(one["Name"]).removeprefix("/"),
            "image": one["Config"].get("Image"),
            "state": one["State"]["Status"],
            "exit_code": one["State"]["ExitCode"],
            "error": hide(str(one["State"].get("Error") or "")),
            "started": one["State"]["StartedAt"],
            "finished": one["State"]["FinishedAt"],
            "restarts": one.get("RestartCount", 0),
            "answers": [
                {"at": row["End"], "exit_code": row["ExitCode"], "said": hide(" ".join(row["Output"].split())[:300])}
                for row in ((one["State"].get("Health") or {}).get("Log") or [])[-ANSWERS:]
            ],
        }
        for one in found
    ]  # fmt: skip


def sizes(planned: Planned) -> dict[str, str]:
    """The size of each volume of the project, as the engine measures it."""
    own = {(v or {}).get("name", key) for key, v in (planned.facts.model.get("volumes") or {}).items()}
    return {name: size for name, size in docker.volume_sizes(timeout=60).items() if name in own}


def doctor() -> dict[str, Any]:
    """What `./inv doctor` says, and which of its checks can mend what they find."""
    result = doctoring.run((), (), fix=False, yes=False, bundle="")
    mends = [check.id for check in CHECKS if check.mend]
    return {**result.data, "mends": mends, "problems": msgspec.to_builtins(result.problems)}


def timeline(root: Path) -> list[dict[str, Any]]:
    """The starts that are recorded, the newest last; how a start looked to who made it, without what undoes it."""
    return [recorded.row(entry) for entry in history.read(root)]
