"""Services that should run and have ended, or were never started though all that they wait for is there."""

from collections.abc import Iterable

from stack.doctor import edges, words
from stack.doctor.check import WARNING, Check, Finding, untold
from stack.doctor.checks import oom
from stack.doctor.scene import Scene
from stack.planning.plan import Service

STOPPED = (0, 137, 143)
"""How a container ends that was told to stop: by itself, at once, or after its grace time (128 + the signal)."""


def _run(scene: Scene) -> Iterable[Finding]:
    resting = not scene.running()
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
    ended = [one for one in have if one["State"]["Status"] in ("exited", "dead") and not oom.killed(one, ())]
    # A project of which nothing runs was stopped, which is no fault.
    faults = [one for one in ended if not (resting and one["State"]["ExitCode"] in STOPPED)]
    if faults:
        seen = f"{service.name} {words.exit_in_words(faults[0])}{words.last_lines(faults[0])}"
        yield Finding(seen, "what needs it fails", "./inv up", service=service.name)
    elif not have and not resting and scene.awaited(service.name) and not edges.unmet(scene, service.name):
        yield Finding(f"{service.name} is planned, and has no container", "what needs it fails", "./inv up",
                      service=service.name)  # fmt: skip


CHECK = Check(
    id="not-running",
    section="services",
    holds="what should run, runs",
    run=_run,
    needs=("planned", "engine", "containers", "images", "begun"),
    of_services=True,
)
