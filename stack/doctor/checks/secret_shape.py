"""Secrets that their consumer can't take."""

from collections.abc import Iterable

from stack.doctor.check import Check, Finding, found
from stack.doctor.scene import Scene
from stack.planning import settled


def _run(scene: Scene) -> Iterable[Finding]:
    return [found(problem, "./inv up refuses it, as the service that reads it would fail")
            for problem in settled.misshapen(scene.checkout)]  # fmt: skip


CHECK = Check(
    id="secret-shape",
    section="settings",
    holds="every secret that is set has the form that its service can take",
    run=_run,
    needs=("checkout",),
)
