"""The project's containers, networks and volumes as the engine has them, by python-on-whales.

Its import takes 145 ms, so the paths that must be quick ask the CLI themselves (docker.py)."""

import time
from typing import Any

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
    grace time; tells how many. Raises StackError where the engine refuses."""
    from python_on_whales.exceptions import DockerException

    client = _client()
    try:
        found = client.container.list(all=True, filters=_labelled(project))
        chosen = [c for c in found if services is None or c.config.labels.get(SERVICE_LABEL) in services]
        if chosen:
            client.container.stop(chosen)
            client.container.remove(chosen, force=True)
    except DockerException as error:
        raise _failed(error) from None
    return len(chosen)


RELEASES = 40
"""How often a network is tried, a quarter of a second apart: the engine lets go of a removed container's endpoint a
little after the container, a second or two where many went at once."""


def remove_networks(project: str) -> int:
    """Remove the project's networks; tells how many. Raises StackError where the engine refuses, as it does while a
    container of another project is in one."""
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
            if "active endpoints" not in (error.stderr or "") or attempt == RELEASES - 1:
                raise _failed(error) from None
            time.sleep(0.25)
        else:
            break
    return count


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
