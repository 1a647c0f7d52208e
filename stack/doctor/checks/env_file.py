"""Whether `.env` and the shell give settings that can be read: syntax, names set twice, values, shadowed secrets."""

from collections.abc import Iterable

from stack.doctor.check import Check, Finding, found, told_by
from stack.doctor.checks.files import OTHERS
from stack.doctor.scene import Scene
from stack.errors import StackError

CAUSES = {
    "env-line": "no command here works, and plain docker compose may read something else",
    "setting": "no command here works",
    "secret-shadowed": "containers would get another secret than the one their data was made with",
}


def _run(scene: Scene) -> Iterable[Finding]:
    try:
        _ = scene.checkout
    except StackError as error:
        mine = [problem for problem in error.problems if problem.code in OTHERS]
        return [found(problem, CAUSES[problem.code]) for problem in mine] or [told_by("files")]
    return []


CHECK = Check(
    id="env-file",
    section="settings",
    holds="every line of .env is read by all alike, and every setting of the project has a value that can be",
    run=_run,
)
