"""What listens, in this machine or in a container's network: the kernel's lists as values."""

import contextlib
import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address

import msgspec

ENGINE_DNS = "127.0.0.11"
"""Where the engine's own resolver listens in every container, on ports that change."""
WAITING = {"tcp": "0A", "udp": "07"}
"""The state of a socket that waits for anybody: TCP_LISTEN, and of UDP one that is bound to nobody
(include/net/tcp_states.h)."""

PATIENCE_S = 1.0


class Listener(msgspec.Struct, frozen=True):
    """One socket that others can come to. `process` is empty where it is another user's."""

    address: str
    port: int
    protocol: str = "tcp"
    process: str = ""

    @property
    def open(self) -> bool:
        """Whether it can be reached by another address than loopback's."""
        return not ip_address(self.address).is_loopback


def loopback(host: str) -> bool:
    """Whether a host, by name or address, is this machine's own loopback."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def parsed(text: str, protocol: str) -> list[Listener]:
    """Those of a file such as /proc/net/tcp or /proc/net/udp6. Lines that are none are passed over."""
    rows = [line.split() for line in text.splitlines()]
    places = [row[1] for row in rows if len(row) > 3 and row[0].endswith(":") and row[3] == WAITING[protocol]]
    found = [Listener(_address(place), int(place.rpartition(":")[2], 16), protocol) for place in places]
    return [one for one in found if one.address != ENGINE_DNS]


def _address(place: str) -> str:
    """0100007F:1A85 is 127.0.0.1: the kernel writes each word of four bytes as it lies in memory."""
    data = bytes.fromhex(place.partition(":")[0])
    turned = b"".join(data[n : n + 4][::-1] for n in range(0, len(data), 4))
    if len(turned) == 4:
        return str(IPv4Address(turned))
    found = IPv6Address(turned)
    return str(found.ipv4_mapped or found)


def at(listeners: Iterable[Listener], port: int, protocol: str = "tcp") -> list[Listener]:
    """Those on one port."""
    return [one for one in listeners if (one.port, one.protocol) == (port, protocol)]


def answers(host: str, port: int) -> bool:
    """Whether something takes a connection there within PATIENCE_S."""
    try:
        with socket.create_connection((host, port), timeout=PATIENCE_S):
            return True
    except OSError:
        return False


def of_this_machine() -> list[Listener]:
    """Every TCP listener of this machine that this user may see, with its program's name where that may be seen too."""
    import psutil

    try:
        all_there = psutil.net_connections("tcp")
    except psutil.Error:
        return []  # some systems tell nobody but root
    return [Listener(one.laddr.ip, one.laddr.port, "tcp", _program(one.pid)) for one in all_there
            if one.status == psutil.CONN_LISTEN and one.laddr]  # fmt: skip


def _program(pid: int | None) -> str:
    import psutil

    with contextlib.suppress(psutil.Error):
        return psutil.Process(pid).name() if pid else ""
    return ""
