"""The project's containers, networks and volumes as the engine has them, by python-on-whales.

Its import takes 145 ms, so the paths that must be quick ask the CLI themselves (docker.py)."""

import time
from collections.abc import Collection
from typing import Any

from stack import docker
from stack.docker import PROJECT_LABEL
from stack.errors import StackError, fail

SERVICE_LABEL = "com.docker.compose.service"


def _client() -> Any:
    from python_on_whales import DockerClient

    return DockerClient()


def _labelled(project: str) -> list[tuple[str, str]]:
    return [("label", f"{PROJECT_LABEL}={project}")]


def _failed(error: Any) -> StackError:
    # `docker network rm` ends with a line of its exit code, behind the reason.
    lines = [line.strip() for line in (error.stderr or "").splitlines()]
    words = [line for line in lines if line and not line.startswith("exit status")][-1:]
    return fail("docker", f"the engine refused: {words[0] if words else 'it gave no reason'}", fix="docker ps -a")


def remove_containers(project: str, services: list[str] | None = None) -> int:
    """Stop and remove the project's containers (those of `services` alone, where given), each within its own
    grace time; tells how many. Volumes without a name, which no later container could find, go with theirs. Raises
    StackError where the engine refuses."""
    from python_on_whales.exceptions import DockerException

    client = _client()
    try:
        found = client.container.list(all=True, filters=_labelled(project))
        chosen = [c for c in found if services is None or c.config.labels.get(SERVICE_LABEL) in services]
        # Podman takes none away while another stands in its network.
        guests = [c for c in chosen if (c.host_config.network_mode or "").startswith("container:")]
        for group in (guests, [c for c in chosen if c not in guests]):
            if group:
                client.container.stop(group)
                client.container.remove(group, force=True, volumes=True)
    except DockerException as error:
        raise _failed(error) from None
    return len(chosen)


RELEASES, PAUSE_S = 40, 0.25
"""How often a network is tried, and how many seconds apart: the engine lets go of a removed container's endpoint a
little after the container, a second or two where many went at once."""


def remove_networks(project: str) -> tuple[int, list[str]]:
    """Remove the project's networks; tells how many there were, and which of them the engine keeps though nothing is in
    them: it has lost count of its endpoints, and finds it again as it starts (seen with 20.10). Raises StackError where
    the engine refuses, as it does while a container of another project is in one."""
    from python_on_whales.exceptions import DockerException

    client = _client()
    count = 0
    for attempt in range(RELEASES):
        try:
            found = client.network.list(filters=_labelled(project))
            count = max(count, len(found))
            if found:
                client.network.remove(found)
        except DockerException as error:
            if "active endpoints" not in (error.stderr or ""):
                raise _failed(error) from None
            if attempt == RELEASES - 1:
                return count, _empty(client, project, error)
            time.sleep(PAUSE_S)
        else:
            break
    return count, []


def _empty(client: Any, project: str, error: Any) -> list[str]:
    """The networks that are left, all of them empty. Raises the refusal as StackError where something is in one."""
    left = [client.network.inspect(one.id) for one in client.network.list(filters=_labelled(project))]
    if any(network.containers for network in left):
        raise _failed(error) from None
    return [network.name for network in left]


def volumes(project: str) -> list[str]:
    """The names of the project's volumes."""
    from python_on_whales.exceptions import DockerException

    try:
        return sorted(v.name for v in _client().volume.list(filters=_labelled(project)))
    except DockerException as error:
        raise _failed(error) from None


def remove_volumes(names: list[str]) -> None:
    """Remove the named volumes with their data. Raises StackError where the engine refuses."""
    from python_on_whales.exceptions import DockerException

    try:
        if names:
            _client().volume.remove(names)
    except DockerException as error:
        raise _failed(error) from None


def on_volumes(project: str, names: Collection[str]) -> list[str]:
    """The services of a project with a container on one of these volumes."""
    rows = docker.inspected("containers", [c.id for c in docker.containers(project)])
    return sorted({
        (row["Config"].get("Labels") or {}).get(docker.LABELS["service"], "")
        for row in rows for mount in row.get("Mounts") or [] if mount.get("Name") in names
    })  # fmt: skip
