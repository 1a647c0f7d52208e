"""Whether compose.yaml is what the plan makes of it: plain `docker compose` works on that file."""

from collections.abc import Iterable

from stack import tree
from stack.doctor.check import WARNING, Action, Check, Finding, untold
from stack.doctor.scene import Scene
from stack.planning import assembly

FILE = "compose.yaml"


def _run(scene: Scene) -> Iterable[Finding]:
    written = tree.read(scene.root / FILE).decode(errors="replace")
    if not written:
        return _missing() if scene.started() else [untold("the first ./inv up writes compose.yaml")]
    if assembly.MARK not in written:
        return [Finding("compose.yaml lacks inv's mark, so it is yours", "./inv up refuses to write over it",
                        "mv compose.yaml my-compose.yaml", where=FILE)]  # fmt: skip
    if assembly.edited(written):
        return [Finding("compose.yaml was edited by hand", "plain docker compose starts something else than the plan, "
                        "and the next ./inv up writes over the edit (your own changes belong into local/)",
                        "./inv doctor --check assembly --fix --yes", where=FILE)]  # fmt: skip
    if _body(written) != _body(scene.assembled.text):
        seen = "compose.yaml is older than the settings and files that it is made from"
        return [Finding(seen, "plain docker compose does not know of the changes", "./inv up", WARNING, where=FILE)]
    return []


def _body(text: str) -> str:
    """What follows the head, which also changes where it makes no difference."""
    return text.partition(assembly.CONTENT)[2]


def _missing() -> list[Finding]:
    seen = "compose.yaml is gone, while containers of the project are there"
    fix = "./inv doctor --check assembly --fix --yes"
    return [Finding(seen, "plain docker compose has nothing to work on", fix, WARNING, where=FILE)]


def _mend(scene: Scene) -> list[Action]:
    path = scene.root / FILE
    written = tree.read(path).decode(errors="replace")
    if written and assembly.MARK not in written:
        return []
    return [Action("write compose.yaml anew from the plan", lambda: tree.write(path, scene.assembled.text.encode()))]


CHECK = Check(
    id="assembly",
    section="project",
    holds="compose.yaml is what the plan makes of it",
    run=_run,
    needs=("planned", "engine", "containers"),
    mend=_mend,
)
