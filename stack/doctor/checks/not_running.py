"""Services that should run and have ended, or were never started though all that they wait for is there."""

from collections.abc import Iterable

from stack.doctor import edges, words
from stack.doctor.check import WARNING, Check, Finding, untold
from stack.doctor.checks import oom
from stack.doctor.inspected import Inspected
from stack.doctor.scene import Scene
from stack.planning.plan import Service
from stack.running import failures, refusals

STOPPED = (0, 137, 143)
"""How a container ends that was told to stop: by itself, at once, or after its grace time (128 + the signal)."""


def _run(scene: Scene) -> Iterable[Finding]:
    resting = not scene.running()
    said = failures.kept(scene.root)
    if resting and said:
        yield _refused(said)
    if not scene.started():
        yield untold("nothing of the project was started yet")
        return
    if resting:
        yield untold("the project is stopped: nothing of it runs")
    startable = [service for service in scene.planned.plan.services if service.image in scene.images]
    for service in startable:
        if not service.one_shot:
            yield from _of(scene, service, resting)
    later = [s.name for s in startable if not scene.of(s.name) and not scene.awaited(s.name)]
    if later and not resting:
        seen = f"{', '.join(later)}: selected, and left alone by the last ./inv up"
        yield Finding(seen, "what was selected does not run yet", "./inv up", WARNING)


def _of(scene: Scene, service: Service, resting: bool) -> Iterable[Finding]:
    have = scene.of(service.name)
    ended = [one for one in have if _ended(one) and not oom.killed(one, ())]
    # A project of which nothing runs was stopped, which is no fault.
    faults = [one for one in ended if not (resting and one["State"]["ExitCode"] in STOPPED)]
    if faults:
        cause, fix = words.meant(faults[0])
        why = f"{words.exit_in_words(faults[0])}{f'; {cause}' if cause else ''}"
        seen = f"{service.name} {why}{words.last_lines(faults[0])}"
        yield Finding(seen, "what needs it fails", fix or "./inv up", service=service.name)
    elif not have and not resting and scene.awaited(service.name) and not edges.unmet(scene, service.name):
        cause, fix = refusals.meaning([failures.kept(scene.root)], service.name)
        seen = f"{service.name} is planned, and has no container{f': {cause}' if cause else ''}"
        yield Finding(seen, "what needs it fails", fix or "./inv up", service=service.name)


def _refused(said: str) -> Finding:
    """What the engine said to a start that left nothing running."""
    cause, fix = refusals.meaning([said])
    seen = f"the last ./inv up could start nothing: {cause or said.splitlines()[0]}"
    return Finding(seen, "nothing of the project runs", fix or "./inv up")


def _ended(one: Inspected) -> bool:
    """Whether a container has ended, or the engine would not start it."""
    status = one["State"]["Status"]
    return status in ("exited", "dead") or (status == "created" and bool(words.refusal(one)))


CHECK = Check(
    id="not-running",
    section="services",
    holds="what should run, runs",
    run=_run,
    needs=("planned", "engine", "containers", "images"),
    of_services=True,
)
