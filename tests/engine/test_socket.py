"""The engine asked at its socket, and by the docker client: both say the same."""

from pathlib import Path
from typing import Any

import pytest

from stack import docker, execs
from tests.engine.support.stacks import Stack

OF_NETWORKS = ("Id", "Name", "IPAM", "Options", "Labels")
USED = ("DockerRootDir", "SecurityOptions", "Runtimes", "KernelVersion", "Driver", "DiscoveredDevices", "Warnings")
ASK = ["sh", "-c", "echo here; echo there >&2; exit 3"]


def everything(project: str) -> dict[str, Any]:
    """What the commands ask of an engine that has a project."""
    containers = docker.containers(project)
    ids = [one.id for one in containers]
    images = [str(one["Config"]["Image"]) for one in docker.inspected("containers", ids)]
    every = [name for row in docker.listed_images() for name in docker.names_of(row) if project in name]
    return {
        "containers": sorted(containers, key=lambda one: one.id),
        "inspected": [[one["Id"], one["Config"], one["HostConfig"]] for one in docker.inspected("containers", ids)],
        "gone": docker.inspected("containers", [*ids, "no-such-container"])[len(ids) :],
        "images": docker.images([*images, "no-such/image:1"]),
        "many images": docker.images([*images, *every, *(f"no-such/image:{n}" for n in range(docker.MANY))]),
        "said": [(done.returncode, done.stdout, done.stderr) for done in (execs.run(one, ASK) for one in ids)],
        "networks": [[one[key] for key in OF_NETWORKS] for one in docker.networks() if project in one["Name"]],
        "volumes": {name for name in docker.volumes() if project in name},
        "of the project": docker.volumes_of(project),
        "from its folder": [docker.projects_in(Path(folder)) for folder in {one.working_dir for one in containers}],
        "sizes": {name: size for name, size in docker.volume_sizes(60).items() if project in name},
        "killed": docker.killed(project, 600),
        "logs": [sorted(docker.log(one, 10).splitlines()) for one in ids],
        "registries": [docker.info()["RegistryConfig"][name] for name in ("IndexConfigs", "InsecureRegistryCIDRs")],
        # An older client leaves out what it does not know of a runtime.
        "info": {name: docker.info().get(name) for name in USED} | {"Runtimes": {*docker.info()["Runtimes"]}},
    }


@pytest.mark.core
def test_the_client_and_the_socket_say_the_same(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    stack.service("web", volumes=["data:/data"])
    stack.volume("web", "data")
    stack.up()
    by_socket = everything(stack.project)
    assert len(by_socket["containers"]) == len(by_socket["networks"]) == 1

    def elsewhere(resource: str, timeout: float = 0, values: object = None) -> Any:
        raise LookupError(resource)

    monkeypatch.setattr(docker, "answered", elsewhere)
    assert everything(stack.project) == by_socket
