"""The edge to the host's ports: whether a planned one is free, and who holds it if not."""

import contextlib
import socket
from collections.abc import Iterable

from stack import docker
from stack.errors import Problem
from stack.planning.ports import Published


def problems(published: Iterable[Published], project: str, base_port: int) -> list[Problem]:
    """A problem for each planned port that somebody else holds, naming the holder and a free BASE_PORT."""
    wanted = list(published)
    taken = [port for port in wanted if not _free(port.host_ip, port.host, port.protocol)]
    if not taken:
        return []
    holders = _publishers({port.host for port in taken})
    others = [p for p in taken if (holders.get(p.host) or ("", ""))[0] != project]
    suggestion = free_base({p.host - base_port for p in wanted}, base_port) if others else 0
    return [_problem(port, holders.get(port.host), suggestion) for port in others]


def _problem(port: Published, holder: tuple[str, str] | None, suggestion: int) -> Problem:
    who = f"container {holder[1]} of project {holder[0] or '(none)'}" if holder else _process(port.host)
    message = f"{port.service} wants port {port.host} ({port.variable}), which {who} holds"
    fix = f"./inv up --base-port {suggestion}" if suggestion else f"./inv env.set {port.variable} ANOTHER"
    return Problem("port-taken", message, port.variable, f"{fix}, or end the other")


def _free(address: str, port: int, protocol: str = "tcp") -> bool:
    """Whether this port of this address can be bound now."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
    with socket.socket(family, kind) as sock:
        if kind == socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((address, port))
        except OSError as error:
            import errno

            return error.errno not in (errno.EADDRINUSE, errno.EACCES)
    return True


def _containers() -> dict[int, tuple[str, str]]:
    """The project and name of the container that publishes each port."""
    if docker.podman():
        return _by_podman()
    try:
        rows = docker.told("/containers/json")
    except LookupError:
        return _by_client()
    return {
        port["PublicPort"]: ((row.get("Labels") or {}).get(docker.PROJECT_LABEL, ""), row["Names"][0].lstrip("/"))
        for row in rows for port in row.get("Ports") or [] if port.get("PublicPort")
    }  # fmt: skip


def _by_podman() -> dict[int, tuple[str, str]]:
    """The same from Podman's own list: in that in Docker's words, of ports one after the other there is the first alone
    (5.4)."""
    rows = docker.told(f"{docker.LIBPOD}/containers/json") or []
    return {
        port["host_port"] + number: ((row.get("Labels") or {}).get(docker.PROJECT_LABEL, ""), row["Names"][0])
        for row in rows for port in row.get("Ports") or [] for number in range(port.get("range") or 1)
    }  # fmt: skip


def _by_client() -> dict[int, tuple[str, str]]:
    layout = docker.UNIT.join(["{{.Ports}}", f'{{{{.Label "{docker.PROJECT_LABEL}"}}}}', "{{.Names}}"])
    found = {}
    for line in docker.ask(["ps", "--format", layout]).splitlines():
        ports, project, name = line.split(docker.UNIT)
        for part in ports.split(", "):
            host, arrow, _ = part.partition("->")
            number = host.rpartition(":")[2]
            for port in _range(number) if arrow else ():
                found[port] = (project, name)
    return found


def _publishers(ports: set[int]) -> dict[int, tuple[str, str]]:
    """The project and name of the container behind each port, also of one on its way up: the engine's forwarder has the
    port before the container is listed with it, as after a killed `up`."""
    found = _containers()
    unlisted = ports - found.keys()
    return _bound() | found if unlisted and unlisted & forwarders().keys() else found


def _bound() -> dict[int, tuple[str, str]]:
    """The project and name of the container, running or not, that each port is bound to."""
    rows = docker.inspected("containers", docker.ask(["ps", "-aq", "--no-trunc"]).split())
    found: dict[int, tuple[str, str]] = {}
    for row in rows:
        owner = ((row["Config"].get("Labels") or {}).get(docker.PROJECT_LABEL, ""), row["Name"].removeprefix("/"))
        for ports in (row["HostConfig"].get("PortBindings"), row["NetworkSettings"].get("Ports")):
            numbers = [bound.get("HostPort") or "" for bounds in (ports or {}).values() for bound in bounds or []]
            found |= {port: owner for number in numbers for port in _range(number)}
    return found


FORWARDER = "docker-proxy"
"""The engine's program that listens on a published port for a container; its words tell which."""


def forwarders() -> dict[int, int]:
    """The process ids of the engine's forwarders by their ports; any user may see their words."""
    import psutil

    found = {}
    for process in psutil.process_iter(["name", "cmdline"]):
        words = process.info["cmdline"] or []
        if process.info["name"] == FORWARDER and "-host-port" in words[:-1]:
            found[int(words[words.index("-host-port") + 1])] = process.pid
    return found


def _range(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1) if first.isdecimal() else range(0)


def _process(port: int) -> str:
    """The process that listens on a port, as far as this user may see."""
    if port in (engines := forwarders()):
        return f"{FORWARDER} (process {engines[port]}), for a container that this engine does not list,"
    return programs().get(port, UNNAMED)


UNNAMED = "a process that only root can name"


def all_free(offsets: set[int], base_port: int) -> bool:
    """Whether every offset from a base port is free now."""
    return all(0 < base_port + n < 65536 and _free("127.0.0.1", base_port + n) for n in offsets)


def holders(project: str) -> dict[int, str]:
    """Who holds which port now: a container of this project or of another, or a program. Raises StackError where no
    engine answers."""
    containers = {
        port: f"container {name}" if of == project else f"container {name} of project {of or '(none)'}"
        for port, (of, name) in _containers().items()
    }
    return programs() | containers


def own(holder: str) -> bool:
    """Whether a holder, as `holders` tells it, is a container of this project."""
    return holder.startswith("container ") and " of project " not in holder


def programs() -> dict[int, str]:
    """The programs that listen on ports of this machine, as far as this user may see."""
    import psutil

    found: dict[int, str] = {}
    with contextlib.suppress(psutil.Error):
        for one in psutil.net_connections("tcp"):
            if one.laddr and one.status == psutil.CONN_LISTEN:
                found.setdefault(one.laddr.port, _named(one.pid))
    return found


def _named(pid: int | None) -> str:
    import psutil

    with contextlib.suppress(psutil.Error):
        if pid is not None:
            return f"process {pid} ({psutil.Process(pid).name()})"
    return UNNAMED


def free_base(offsets: set[int], base_port: int) -> int:
    """The next base port, in steps of 1,000, from which every offset is free; 0 where there is none."""
    candidates: list[int] = [*range(base_port + 1000, 65000, 1000), *range(20000, base_port, 1000)]
    for base in candidates:
        if all_free(offsets, base):
            return base
    return 0
