"""Settings of the shell that are used in place of those in `.env`, or of a default."""

from collections.abc import Iterable

from stack.doctor.check import WARNING, Check, Finding
from stack.doctor.scene import Scene


def _run(scene: Scene) -> Iterable[Finding]:
    causes = "what is started depends on the shell that it is started from"
    for problem in (one for one in scene.checkout.settings.problems if one.code == "env-shadowed"):
        yield Finding(problem.message, causes, problem.fix, WARNING, where=problem.where)


CHECK = Check(
    id="env-shadowed",
    section="settings",
    holds="no variable of the shell takes the place of a setting in .env, or of a default",
    run=_run,
    needs=("checkout",),
)
