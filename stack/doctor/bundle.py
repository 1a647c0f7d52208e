"""One archive for a bug report: versions, plan, findings, settings without their secrets, last lines of logs."""

import io
import re
import tarfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec

from stack import docker, tree
from stack.doctor import run
from stack.doctor.inspected import name_of
from stack.doctor.run import Row
from stack.doctor.scene import Scene
from stack.engine import versions
from stack.env import secrets
from stack.errors import StackError, fail
from stack.planning import checkouts, plan, settled

LINES = 200
"""Log lines of each container."""
IN_URL = re.compile(r"(?<=//)[^/@\s]+@")
"""Who signs in, in an address."""


def write(scene: Scene, rows: Sequence[Row], path: str) -> str:
    """Write the archive (a gzipped tar) for its owner alone, and give back its path. No secret is in it: not those that
    the fragments declare, nor what `.env` holds beside the settings that are known.

    Raises StackError where it can't be written, or is there already."""
    target = Path(path)
    if target.exists():
        another = f"{path.rstrip('/')}/report.tar.gz" if target.is_dir() else f"{path.removesuffix('.tar.gz')}-2.tar.gz"
        raise fail("exists", f"{path} is there already", "--bundle", f"./inv doctor --bundle {another}")
    hidden = [*run.hidden(scene), *_unknown(scene)]
    texts = {name: _clean(text, hidden) for name, text in _texts(scene, rows).items()}
    tree.write(target, _archive(texts), 0o600)
    return path


def _clean(text: str, hidden: Iterable[str]) -> str:
    return IN_URL.sub(f"{secrets.HIDDEN}@", secrets.hide(text, hidden))


def _unknown(scene: Scene) -> list[str]:
    """The values of `.env` that nothing here reads: they may be anything."""
    try:
        known = checkouts.known(scene.checkout.catalog)
        return [value for name, value in scene.dotenv.items() if name not in known]
    except StackError:
        return []


def _texts(scene: Scene, rows: Sequence[Row]) -> dict[str, str]:
    """The archive's files by name; what can't be had is left out."""
    sources: dict[str, Callable[[], str]] = {
        "versions.json": lambda: _json(versions.found()),
        "plan.json": lambda: _json(plan.data(scene.planned.plan)),
        "settings.json": lambda: _json({"settings": settled.rows(scene.checkout)}),
        "containers.json": lambda: _json([_container(one) for one in scene.containers]),
        "compose.yaml": lambda: tree.read(scene.root / "compose.yaml").decode(errors="replace"),
    }
    found = {"checks.json": _json(msgspec.to_builtins(list(rows)))}
    for name, make in sources.items():
        try:
            found[name] = make()
        except StackError as error:
            found[name] = "".join(f"{problem.message}\n" for problem in error.problems)
    return found | _logs(scene)


def _json(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=1).decode() + "\n"


def _container(one: dict[str, object]) -> dict[str, object]:
    """What a container is like: without its environment, which holds secrets."""
    return {key: one.get(key) for key in ("Name", "Image", "State", "RestartCount", "Platform")}


def _logs(scene: Scene) -> dict[str, str]:
    try:
        names = [name_of(one) for one in scene.containers]
        logs = {name: docker.run(["logs", "--tail", str(LINES), name]) for name in names}
    except StackError:
        return {}
    return {f"logs/{name}.log": done.stdout + done.stderr for name, done in logs.items()}


def _archive(texts: dict[str, str]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, text in texts.items():
            data = text.encode(errors="replace")
            entry = tarfile.TarInfo(f"report/{name}")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return stream.getvalue()
