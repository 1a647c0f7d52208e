"""The whole catalogue on stand-ins: one tiny image in place of every program, under the fragments' own checks, edges,
ports, networks and volumes."""

import itertools
import json
import re
from pathlib import Path
from typing import Any

from stack import docker
from stack.builds import machine, podman
from stack.planning import checkouts, model, planner
from stack.planning.planner import Request
from tests.engine.support import ports, stacks
from tests.engine.support.stacks import Stack

IMAGE = "genai-stack/stand-in:test"
FOLDER = Path(__file__).parents[1] / "standins"
REAL = ("AMBASSADOR_IMAGE", "BASE_IMAGE", "_BASE_IMAGE", "_BUILD_IMAGE")
"""Images, or ends of their names, that no stand-in takes the place of."""
HIGHEST_OFFSET = 121


def build(scratch: Path, image: str = IMAGE, context: Path = FOLDER, base: str = stacks.BASE) -> None:
    """Build an image, on the project's base where none is named; nothing is done where the engine has the layers."""
    machine.write_build_inputs(scratch)
    files = {"ca": "ca.pem", "apt": "apt.conf"}
    document: dict[str, Any] = {
        "services": {"stand-in": {"image": image, "build": {
            "context": str(context), "dockerfile": "Dockerfile", "network": "host", "args": {"BASE_IMAGE": base},
            "secrets": [{"source": name} for name in files],
        }}},
        "secrets": {name: {"file": str(scratch / file)} for name, file in files.items()},
    }  # fmt: skip
    if docker.podman():
        with (scratch / "build.log").open("w+") as out:
            well = podman.build(document["services"]["stand-in"], document["secrets"], out)
            out.seek(0)
            assert well, out.read()
        return
    path = scratch / "compose.json"
    path.write_text(json.dumps(document))
    # Compose 5 builds by Bake, which reads no file outside the folder that it is called in, and with `-q` refuses the
    # host's network.
    words = ("docker", "compose", "--progress", "plain", "-p", "genai-stack-stand-in", "-f", str(path), "build")
    done = stacks.run(*words, cwd=scratch)
    assert done.code == 0, done


def make(root: Path, project: str, **settings: str) -> Stack:
    """A checkout in which every image is the stand-in, started as what it stands for by a layer of the user's own."""
    stacks.copy_tree(root)
    base_port = ports.first_free(ports.own(ports.CATALOGUES), HIGHEST_OFFSET + 1)
    stack = Stack(root, project, base_port)
    found = checkouts.read(root, dotenv={}, shell={}).catalog
    read = set(itertools.chain.from_iterable(file.variables for file in found.files.values()))
    images = {name: IMAGE for name in read if name.endswith("_IMAGE") and not name.endswith(REAL)}
    lines = {"PROJECT_NAME": project, "BASE_PORT": str(base_port), **images, **settings}
    (root / ".env").write_text("".join(f"{name}={value}\n" for name, value in sorted(lines.items())))
    _layer(root)
    return stack


def _layer(root: Path) -> None:
    """Write local/compose/*.yml."""
    planned = planner.make(root, Request(profiles=("all",), exact=True))
    services = model.services(planned.facts.model)
    for fragment in planned.plan.fragments():
        own = [service for service in planned.plan.services if service.fragment == fragment]
        lines = ["services:"]
        for service in own:
            raw = services[service.name]
            lines += [f"  {service.name}:", f"    entrypoint: {json.dumps(entrypoint(raw, service.one_shot))}"]
            lines += ["    build: !reset null"] if service.built else []
        path = root / "local" / "compose" / f"{fragment}.yml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join([*lines, ""]))


def entrypoint(raw: dict[str, Any], one_shot: bool) -> list[str]:
    """How the stand-in is to stand for a service: the ports that it publishes and that its own check asks, and the
    file that the check looks for."""
    if one_shot:
        return ["stand-in", "once", "--"]
    check = " ".join((raw.get("healthcheck") or {}).get("test") or [])
    ports = {str(port["target"]) for port in raw.get("ports") or []}
    ports |= set(re.findall(r"(?:127\.0\.0\.1|localhost)[:/](\d+)", check))
    return ["stand-in", "serve", *sorted(ports, key=int), *re.findall(r"(?<=-f )/tmp/\S+", check), "--"]
