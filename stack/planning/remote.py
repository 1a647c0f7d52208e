"""An engine on another machine: the files that the plan mounts are here, and it would make empty folders there."""

from urllib.parse import urlsplit

from stack import client
from stack.errors import Problem, fail
from stack.planning import model
from stack.planning.planner import Planned

FAR = ("tcp://", "ssh://", "http://", "https://")
"""Addresses that may be another machine's."""
WHERE = "DOCKER_HOST or the docker context"


def problems(planned: Planned) -> list[Problem]:
    """A problem where planned services mount files of this checkout and the engine is another machine's."""
    at = client.endpoint()
    services = model.services(planned.facts.model)
    ours = {name for name in services if any(path.startswith(".") for path in model.binds(services[name]))}
    mounting = [name for name in planned.plan.names() if name in ours]
    if not mounting or not host(at):
        return []
    names = ", ".join(mounting)
    message = f"the engine at {at} is another machine's, without this checkout's files: {names} mount some"
    return [Problem("remote-engine", message, WHERE, _fix(at))]


def without_folders(otherwise: str = "") -> None:
    """Raises StackError where the engine is another machine's, for what lies in a folder of this one, as a backup;
    `otherwise` is a line that does without."""
    at = client.endpoint()
    if host(at):
        message = f"the engine at {at} is another machine's, and does not see the folder of the backups, which is here"
        raise fail("remote-engine", message, WHERE, f"{otherwise}, or {_fix(at)}" if otherwise else _fix(at))


def _fix(at: str) -> str:
    return f"have the checkout on {host(at)} and type it there, or: unset DOCKER_HOST; docker context use default"


def host(endpoint: str) -> str:
    """The other machine that an engine's address names, "" for one of this machine: a socket, a pipe, or a loopback
    address, behind which a tunnel may be that nobody can see."""
    name = urlsplit(endpoint).hostname or "" if endpoint.startswith(FAR) else ""
    return "" if name in {"localhost", "::1"} or name.startswith("127.") else name
