"""Room on the engine's disk."""

from collections.abc import Iterable

from stack.doctor.check import Check, Finding, found
from stack.doctor.scene import Scene
from stack.running import disk


def _run(_: Scene) -> Iterable[Finding]:
    return [found(problem, "images can't be unpacked, and databases stop writing") for problem in disk.problems()]


CHECK = Check(
    id="disk",
    section="machine",
    holds="the engine's disk has room for a start",
    run=_run,
    needs=("engine",),
)
