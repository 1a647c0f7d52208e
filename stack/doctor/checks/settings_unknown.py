"""Lines of `.env` that nothing reads: a mistyped name has no effect, and says nothing."""

from collections.abc import Iterable

from stack.doctor.check import WARNING, Check, Finding
from stack.doctor.scene import Scene
from stack.planning import settled


def _run(scene: Scene) -> Iterable[Finding]:
    for problem in settled.unknown(scene.checkout):
        yield Finding(problem.message, "the line has no effect", problem.fix, WARNING, where=problem.where)


CHECK = Check(
    id="settings-unknown",
    section="settings",
    holds="something reads every line of .env",
    run=_run,
    needs=("checkout",),
)
