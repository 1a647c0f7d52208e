"""The programs that keep the logins of registries: Docker asks them before each pull and each build."""

import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from stack import tree
from stack.doctor.check import ERROR, WARNING, Check, Finding
from stack.doctor.scene import Scene
from stack.running import refusals


def _run(scene: Scene) -> Iterable[Finding]:
    folder = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    to_get = [service.image for service in scene.planned.plan.services if service.image not in scene.images]
    for name in missing(tree.read(folder / "config.json").decode(errors="replace")):
        cause, fix = refusals.meaning([f'exec: "{name}"'])
        yield Finding(cause, "nothing can be pulled", fix, ERROR if to_get else WARNING)


def missing(config: str) -> list[str]:
    """The programs that a config.json names and that are not on this machine."""
    try:
        found = json.loads(config or "{}")
        helpers = [found.get("credsStore"), *(found.get("credHelpers") or {}).values()]
    except (ValueError, AttributeError):
        return []
    names = dict.fromkeys(f"docker-credential-{helper}" for helper in helpers if helper)
    return [name for name in names if not shutil.which(name)]


CHECK = Check(
    id="logins",
    section="engine",
    holds="the programs that keep registries' logins are there",
    run=_run,
    needs=("planned", "engine", "images"),
)
