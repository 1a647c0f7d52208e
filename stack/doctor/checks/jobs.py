"""Whether each job of the plan ran to its end: a database without its schema answers, and everything on it fails."""

from collections.abc import Iterable
from functools import partial

from stack import docker
from stack.doctor import inspected, words
from stack.doctor.check import ERROR, WARNING, Action, Check, Finding, told_by
from stack.doctor.inspected import Inspected
from stack.doctor.scene import Scene
from stack.planning.plan import Service

STUCK_S = 600
"""Seconds after which a job that still runs is told; the slowest that has no retry of its own takes two minutes."""


def _run(scene: Scene) -> Iterable[Finding]:
    for service in scene.planned.plan.services:
        if service.one_shot:
            yield from _of(scene, service)


def _of(scene: Scene, service: Service) -> list[Finding]:
    have = scene.of(service.name)
    bad = [one for one in have if one["State"]["Status"] == "exited" and one["State"]["ExitCode"]]
    if bad:
        return _failed(scene, service, bad[0])
    if any(one["State"]["Running"] and inspected.age_s(one["State"]["StartedAt"]) > STUCK_S for one in have):
        return [_finding(service, f"{service.name} still runs after {STUCK_S // 60} minutes")]
    never = scene.awaited(service.name) if not have else all(one["State"]["Status"] == "created" for one in have)
    return [_finding(service, f"{service.name} never ran")] if never and _could(scene, service) else []


def _failed(scene: Scene, service: Service, one: Inspected) -> list[Finding]:
    said = words.last_lines(one)
    if "authentication failed" in said and scene.changed_secrets:
        return [told_by("secrets-kept", service.name)]
    return [_finding(service, f"{service.name} {words.exit_in_words(one)}{said}")]


def _finding(service: Service, seen: str) -> Finding:
    again = service.retry or rerun(service.name)
    needs = "what waits for it does not start, or finds its data half made"
    return Finding(seen, needs, again, WARNING if service.retry else ERROR, service.name)


def _could(scene: Scene, service: Service) -> bool:
    """Whether all that a job waits for is there: if not, that is the cause, and told by its own check."""
    return service.image in scene.images and all(
        words.satisfied(scene.of(name), edge.condition) for name, edge in service.depends_on.items() if edge.required
    )


def rerun(name: str) -> str:
    """What runs a job again, to its end."""
    return f"docker compose up --no-deps --force-recreate {name}"


def _mend(scene: Scene) -> list[Action]:
    names = [finding.service for finding in _run(scene) if finding.grade == ERROR]
    return [Action(rerun(name), partial(again, scene, name)) for name in names]


def again(scene: Scene, name: str) -> None:
    """Run a job again, and wait for its end; how that was, the next look tells."""
    words_ = ["compose", "-p", scene.project, "up", "--no-deps", "--force-recreate", "--no-build", "--pull", "never"]
    docker.run([*words_, name], cwd=scene.root, timeout=300)


CHECK = Check(
    id="jobs",
    section="data",
    holds="every job of the plan ran to its end",
    run=_run,
    needs=("planned", "engine", "containers", "images", "begun"),
    mend=_mend,
    of_services=True,
)
