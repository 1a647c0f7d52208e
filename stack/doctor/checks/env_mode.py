"""Whether others on this machine can read the secrets."""

from collections.abc import Iterable

from stack.doctor.check import Action, Check, Finding
from stack.doctor.scene import Scene

PRIVATE = 0o600
"""What every command here writes `.env` with."""


def _run(scene: Scene) -> Iterable[Finding]:
    path = scene.root / ".env"
    mode = path.stat().st_mode & 0o777 if path.exists() else PRIVATE
    if mode & ~PRIVATE:
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
