"""A container of one service on volumes that nobody else uses yet, without a network: to fill them, or to ask what is
in them. It is gone when the block ends."""

import contextlib
import json
import os
import tempfile
import time
from collections.abc import Container, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stack import docker, process, tree
from stack.backup import jobs, pausing, pipes
from stack.errors import StackError, fail
from stack.planning import compare, planner, saving
from stack.planning.planner import Planned
from stack.running import checks, watching
from stack.running.watching import Watch

if TYPE_CHECKING:
    import subprocess

LEFT_OUT = ("ports", "networks", "depends_on", "links", "network_mode", "labels", "scale")
HEALTHY_S = 300.0
START_S = 120.0
FIT_S = 3600.0
"""It goes through all of a service's files, at most."""


def project(planned: Planned) -> str:
    """The Compose project of these containers, so that `down` of the real one does not meet them."""
    return f"{planned.plan.project}-restore"


@contextlib.contextmanager
def running(planned: Planned, service: str, pipe: str = "") -> Iterator[str]:
    """The container of a service, healthy, by its id; with a volume that has a `pipe`. Raises StackError where it does
    not get there."""
    text = described(planned, service, None, pipe)
    up = ["up", "--detach", "--no-build", "--pull", "never", "--force-recreate", service]
    with pausing.afterwards(gone(planned)):
        try:
            done = _compose(planned, text, up)
            if done.returncode:
                raise _failed(service, done.stderr)
            yield _well(planned, service, text)
        finally:
            _compose(planned, text, ["down", "--volumes", "--timeout", "60"])


def gone(planned: Planned) -> list[str]:
    """The command that removes what is left of these containers."""
    label = f"label={docker.PROJECT_LABEL}={project(planned)}"
    script = 'docker ps -aq --filter "$1" | while read -r one; do docker rm -fv "$one"; done'
    return ["sh", "-c", script, "gone", label]


@contextlib.contextmanager
def instead(planned: Planned, service: str, words: Sequence[str]) -> Iterator[list[str]]:
    """The command that runs `words` once, in place of the service's program; standard input is its own. So what is to
    run comes by a file. That has no secret: they go by the environment."""
    folder = planned.checkout.root / tree.GENERATED / "tmp"
    tree.enclose(folder)
    handle, name = tempfile.mkstemp(dir=folder, prefix=tree.loose(os.getpid()), suffix=".json")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(described(planned, service, words))
        with pausing.afterwards(gone(planned)):
            yield ["docker", "compose", "-p", project(planned), "--project-directory", str(planned.checkout.root),
                   "-f", name, "run", "--rm", "-T", "--no-deps", service]  # fmt: skip
    finally:
        Path(name).unlink(missing_ok=True)


def fit(planned: Planned, service: str) -> None:
    """Have the service's own image make the files fit that were copied for it, where its fragment says how. Raises
    StackError where that fails."""
    if words := jobs.rules(planned.facts, service).fit:
        with instead(planned, service, words) as command:
            done = docker.run(command[1:], text="", env=environment(planned), timeout=FIT_S)
        if done.returncode:
            raise _failed(service, done.stderr)


def described(planned: Planned, service: str, words: Sequence[str] | None, pipe: str = "") -> str:
    """The Compose project of that one service; `words` run in place of its program, `pipe` is mounted where it is
    looked for."""
    narrow = planner.narrowed(planned, [service])
    model = compare.assemble(narrow).model
    own = {key: value for key, value in model["services"][service].items() if key not in LEFT_OUT}
    deploy = {key: value for key, value in (own.get("deploy") or {}).items() if key == "resources"}
    own |= {"network_mode": "none", "restart": "no", "deploy": deploy}
    own["volumes"] = mounts(own.get("volumes") or [], jobs.unsaved(planned.facts))
    if words is not None:
        own |= {"entrypoint": [word.replace("$", "$$") for word in words], "command": []}
        own.pop("healthcheck", None)
    volumes = {key: {"external": True, "name": (about or {}).get("name", key)}
               for key, about in (model.get("volumes") or {}).items()}  # fmt: skip
    if pipe:
        own["volumes"].append({"type": "volume", "source": pipe, "target": pipes.PLACE, "volume": {"nocopy": True}})
        volumes[pipe] = {"external": True, "name": pipe}
    rest = {key: model[key] for key in ("secrets", "configs") if key in model}
    return json.dumps({"name": project(planned), "services": {service: own}, "volumes": volumes, **rest})


def mounts(wanted: Iterable[dict[str, Any]], unsaved: Container[str]) -> list[dict[str, Any]]:
    """The mounts of a service, with an empty volume in the place of each that no backup has: another container may be
    at work in that."""
    return [{key: value for key, value in one.items() if key != "source"}
            if one.get("type") == "volume" and one.get("source") in unsaved else one for one in wanted]  # fmt: skip


def environment(planned: Planned) -> dict[str, str]:
    """What Compose is told beside: the secrets, which go by no argument and no file."""
    return docker.environment(saving.secret_values(planned.checkout))


def _compose(planned: Planned, text: str, words: list[str]) -> "subprocess.CompletedProcess[str]":
    root = planned.checkout.root
    command = ["compose", "-p", project(planned), "--project-directory", str(root), "-f", "-", *words]
    return docker.run(command, text=text, env=environment(planned), cwd=root, timeout=START_S)


def _well(planned: Planned, service: str, text: str) -> str:
    """The container's id once it is healthy, or runs where it has no check."""
    check = json.loads(text)["services"][service].get("healthcheck")
    checked, watch, end = bool(check) and not check.get("disable"), Watch(), time.monotonic() + HEALTHY_S
    with checks.run(project(planned)), watching.events(project(planned)) as happened:
        while time.monotonic() < end:
            [container] = docker.containers(project(planned))
            if watching.there(container, one_shot=False, checked=checked):
                return container.id
            if watching.wrong(container, False, watch.exits.get(container.id, [])):
                raise _failed(service, docker.log(container.id, process.LAST_LINES))
            watching.take(happened, watch)
    raise _failed(service, f"not healthy within {HEALTHY_S:.0f} s")


def _failed(service: str, words: str) -> StackError:
    message = f"{service} does not start on its new volume{process.last_lines(words)}"
    return fail("restore-start", message, service, "take another backup, or another source of it: ./inv source")
