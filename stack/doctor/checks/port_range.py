"""Whether a planned port is one that the kernel hands out to whoever opens a connection."""

from collections.abc import Collection, Iterable
from pathlib import Path

from stack import tree
from stack.doctor.check import WARNING, Check, Finding
from stack.doctor.scene import Scene
from stack.env import settings
from stack.planning import checkouts, plan
from stack.planning.ports import Published

RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
RESERVED = Path("/proc/sys/net/ipv4/ip_local_reserved_ports")
HIGHEST_OFFSET = 199
"""Offsets of the catalogue end here."""


def _run(scene: Scene) -> Iterable[Finding]:
    bounds = tree.read(RANGE).split()  # there is no such file but on Linux
    if len(bounds) != 2:
        return []
    low, high = map(int, bounds)
    kept = reserved(tree.read(RESERVED).decode())
    given = checkouts.given(scene.checkout)
    return within(plan.published(scene.planned.plan.services), low, high, kept, given)


def reserved(text: str) -> set[int]:
    """The ports of a list such as 8080,9000-9005."""
    pairs = [part.partition("-") for part in text.strip().split(",") if part]
    return {port for first, _, last in pairs for port in range(int(first), int(last or first) + 1)}


def within(
    wanted: Iterable[Published], low: int, high: int, kept: Collection[int], given: Collection[str]
) -> Iterable[Finding]:
    """One finding for the ports from `low` to `high` that BASE_PORT gives, one for those that are pinned (`given`);
    without those that the kernel is told to keep."""
    inside = [port for port in wanted if low <= port.host <= high and port.host not in kept]
    pinned = [port for port in inside if port.variable in given]
    counted = [port for port in inside if port not in pinned]
    if counted:
        yield _finding(counted, low, high, _another_base(low, high))
    if pinned:
        yield _finding(pinned, low, high, " && ".join(f"./inv env.unset {port.variable}" for port in pinned))


def _finding(ports: list[Published], low: int, high: int, fix: str) -> Finding:
    numbers = sorted(port.host for port in ports)
    told = ", ".join(map(str, numbers[:4])) + (f" and {len(numbers) - 4} more" if len(numbers) > 4 else "")
    seen = f"the kernel gives any program that opens a connection a port from {low} to {high}; planned are {told}"
    return Finding(seen, "now and then such a port is taken when its service is to start", fix, WARNING)


def _another_base(low: int, high: int) -> str:
    """Another BASE_PORT, or where no block is outside, the way to keep these ports."""
    usual = int(settings.CORE_DEFAULTS["BASE_PORT"])
    outside = [base for base in (usual, *range(20000, 1024, -1000)) if base > high or base + HIGHEST_OFFSET < low]
    if outside:
        return f"./inv up --base-port {outside[0]}"
    return f"sudo sysctl -w net.ipv4.ip_local_reserved_ports={usual}-{usual + HIGHEST_OFFSET}"


CHECK = Check(
    id="port-range",
    section="ports",
    holds="no planned port is among those that the kernel hands out by itself",
    run=_run,
    needs=("planned",),
)
