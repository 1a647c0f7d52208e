"""Whether others on this machine can read the secrets."""

from collections.abc import Iterable

from stack.doctor.check import Action, Check, Finding, untold
from stack.doctor.scene import Scene

PRIVATE = 0o600
"""What every command here writes `.env` with."""


def _run(scene: Scene) -> Iterable[Finding]:
    path = scene.root / ".env"
    if not path.exists():
        yield untold("the first ./inv up writes .env")
    elif (mode := path.stat().st_mode & 0o777) & ~PRIVATE:
        seen = f".env has mode {mode:04o}"
        yield Finding(seen, "other users of this machine can read the secrets in it", "chmod 600 .env", where=".env")


def _mend(scene: Scene) -> list[Action]:
    return [Action("chmod 600 .env", lambda: (scene.root / ".env").chmod(PRIVATE))]


CHECK = Check(
    id="env-mode",
    section="settings",
    holds="only you can read .env",
    run=_run,
    mend=_mend,
)
