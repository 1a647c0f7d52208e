"""The project's containers, networks and volumes as the engine has them, by python-on-whales.

Its import takes 145 ms, so the paths that must be quick ask the CLI themselves (docker.py)."""

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
    words = [line.strip() for line in (error.stderr or "").splitlines() if line.strip()][-1:]
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


def remove_networks(project: str) -> int:
    """Remove the project's networks; tells how many. Raises StackError where the engine refuses."""
    from python_on_whales.exceptions import DockerException

    client = _client()
    try:
        found = client.network.list(filters=_labelled(project))
        if found:
            client.network.remove(found)
    except DockerException as error:
        raise _failed(error) from None
    return len(found)


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
