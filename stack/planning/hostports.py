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
    holders = _containers()
    others = [p for p in taken if (holders.get(p.host) or ("", ""))[0] != project]
    suggestion = _free_base({p.host - base_port for p in wanted}, base_port) if others else 0
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


def _range(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1) if first.isdecimal() else range(0)


def _process(port: int) -> str:
    """The process that listens on a port, as far as this user may see."""
    import psutil

    with contextlib.suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            if connection.laddr and connection.laddr.port == port and connection.status == psutil.CONN_LISTEN:
                if connection.pid is None:
                    break
                return f"process {connection.pid} ({psutil.Process(connection.pid).name()})"
    return "a process that only root can name"


def _free_base(offsets: set[int], base_port: int) -> int:
    """The next base port, in steps of 1,000, from which every offset is free; 0 where there is none."""
    candidates: list[int] = [*range(base_port + 1000, 65000, 1000), *range(20000, base_port, 1000)]
    for base in candidates:
        if all(0 < base + offset < 65536 and _free("127.0.0.1", base + offset) for offset in offsets):
            return base
    return 0
