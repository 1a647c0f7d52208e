"""Builds where the user has chosen another builder: ours need the engine's own, which has the base image."""

import json
import shutil
from pathlib import Path

import pytest

from tests.engine.support import stacks
from tests.engine.support.stacks import Stack

CHOSEN = {
    "a name that there is not": {"BUILDX_BUILDER": "nowhere"},
    "the old builder": {"DOCKER_BUILDKIT": "0"},
    "a builder in a container, as default": {},
    "the distribution's own client": {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin"},
}
"""Debian 12's client is of 20.10, and knows less than one that is installed beside it."""
ENDPOINT = "unix:///var/run/docker.sock"
BUILDER = {"Name": "apart", "Driver": "docker-container", "Nodes": [{"Name": "apart0", "Endpoint": ENDPOINT}]}


@pytest.mark.core
@pytest.mark.parametrize("chosen", CHOSEN)
def test_what_is_built_here_is_built_whatever_builder_is_chosen(stack: Stack, tmp_path: Path, chosen: str) -> None:
    if not shutil.which("docker", path=CHOSEN[chosen].get("PATH")):
        pytest.skip("the docker client is no package of the distribution")
    context = stack.root / "compose" / "made"
    context.mkdir()
    # BuildKit's own syntax, and the base image that no registry has.
    (context / "Dockerfile").write_text(
        f"ARG BASE_IMAGE\nFROM ${{BASE_IMAGE}}\nRUN --mount=type=tmpfs,target=/x echo {stack.project}\n"
    )
    image = f"genai-stack-test/{stack.project}:1"
    build = {"context": "./compose/made", "network": "host", "args": {"BASE_IMAGE": stacks.BASE}}
    stack.service("made", image=image, build=build)
    config = tmp_path / "buildx"
    (config / "instances").mkdir(parents=True)
    (config / "instances" / "apart").write_text(json.dumps(BUILDER))
    (config / "current").write_text(json.dumps({"Key": ENDPOINT, "Name": "apart", "Global": False}))
    try:
        done = stack.inv("up", env={**CHOSEN[chosen], "BUILDX_CONFIG": str(config)})
        assert done.code == 0, done
        assert stack.one("made")["State"]["Running"]
    finally:
        stacks.remove(stack.project)
        stacks.run("docker", "rmi", "-f", image)
