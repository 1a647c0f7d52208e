"""Lines of `.env` that nothing reads: a mistyped name has no effect, and says nothing. And those that docker reads."""

from collections.abc import Iterable

from stack.doctor.check import WARNING, Check, Finding, found
from stack.doctor.scene import Scene
from stack.planning import settled


def _run(scene: Scene) -> Iterable[Finding]:
    for problem in settled.of_docker(scene.checkout):
        causes = "docker compose and ./inv act on different projects, files or engines"
        yield found(problem, causes)
    renamed = [one for one in scene.checkout.settings.problems if one.code == "renamed-setting"]
    for problem in [*renamed, *settled.unknown(scene.checkout)]:
        yield Finding(problem.message, "the line has no effect", problem.fix, WARNING, where=problem.where)


CHECK = Check(
    id="settings-unknown",
    section="settings",
    holds="./inv reads every line of .env, and none is docker's own",
    run=_run,
    needs=("checkout",),
)
