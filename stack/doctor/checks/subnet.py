"""Whether a network of the project has addresses that this machine takes for those of a LAN or a VPN."""

from collections.abc import Collection, Iterable
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import NamedTuple

from stack import docker, tree
from stack.doctor import network
from stack.doctor.check import ERROR, WARNING, Check, Finding
from stack.doctor.scene import Scene

TABLE = Path("/proc/net/route")
BROADEST = 2
"""Shorter prefixes are default routes: a VPN may write its own as two halves, 0.0.0.0/1 and 128.0.0.0/1. A network's
own route is narrower and wins."""
POOLS = ("10.213.0.0/16", "10.87.0.0/16", "192.168.176.0/20", "172.30.0.0/16")
"""Blocks to take instead; the first that this machine has no route to."""


class Route(NamedTuple):
    """Addresses that this machine sends by one of its interfaces."""

    interface: str
    network: IPv4Network


def _run(scene: Scene) -> Iterable[Finding]:
    bridges = {network.bridge(one) for one in scene.networks}
    routes = [*parsed(tree.read(TABLE).decode()), *_addresses()]
    for one in scene.networks:
        own = (one.get("Labels") or {}).get(docker.PROJECT_LABEL) == scene.project
        # Elsewhere, as on Docker Desktop, the bridge is in a machine of its own.
        if own and any(route.interface == network.bridge(one) for route in routes):
            yield from clashes(one["Name"], subnets(one), [r for r in routes if r.interface not in bridges])


def subnets(one: dict[str, object]) -> list[IPv4Network]:
    """A network's IPv4 addresses."""
    ipam = one.get("IPAM")
    configs = (ipam.get("Config") if isinstance(ipam, dict) else None) or []
    return [IPv4Network(config["Subnet"], strict=False) for config in configs if ":" not in config.get("Subnet", ":")]


def parsed(text: str) -> list[Route]:
    """The routes of a file such as /proc/net/route, in which each number is written as it lies in memory."""
    rows = [line.split() for line in text.splitlines()[1:]]
    return [Route(row[0], IPv4Network((_number(row[1]), str(IPv4Address(_number(row[7])))))) for row in rows
            if len(row) > 7]  # fmt: skip


def _number(text: str) -> int:
    return int.from_bytes(bytes.fromhex(text), "little")


def _addresses() -> list[Route]:
    """This machine's own addresses: a VPN's routes may stand in a table of their own."""
    import psutil

    found = []
    for interface, addresses in psutil.net_if_addrs().items():
        found += [Route(interface, IPv4Network(f"{one.address}/{one.netmask}", strict=False))
                  for one in addresses if "." in one.address and one.netmask]  # fmt: skip
    return found


def clashes(name: str, own: Iterable[IPv4Network], others: Collection[Route]) -> Iterable[Finding]:
    """A finding for each subnet of a network that overlaps a route to elsewhere."""
    for subnet in own:
        met = [one for one in others if one.network.prefixlen >= BROADEST and one.network.overlaps(subnet)]
        if not met:
            continue
        within = next((one for one in met if one.network.prefixlen >= subnet.prefixlen), None)
        route = within or met[0]
        seen = f"the network {name} has the addresses {subnet}, and this machine sends {route.network} to "
        seen += route.interface
        causes = (
            f"containers with those addresses are not reached, or {route.interface} is not"
            if within
            else f"what has such an address behind {route.interface} is not reached"
        )
        yield Finding(seen, causes, _remedy(others), ERROR if within else WARNING)


def _remedy(others: Collection[Route]) -> str:
    free = [base for base in POOLS if not any(_meets(base, one) for one in others)]
    pool = f'"default-address-pools": [{{"base": "{(free or POOLS)[0]}", "size": 24}}]'
    restart = "sudo systemctl restart docker && ./inv down && ./inv up"
    return f"put {pool} into /etc/docker/daemon.json, then {restart}"


def _meets(base: str, route: Route) -> bool:
    return route.network.prefixlen >= BROADEST and route.network.overlaps(IPv4Network(base))


CHECK = Check(
    id="subnet",
    section="network",
    holds="no network of the project has addresses of a LAN or a VPN",
    run=_run,
    needs=("engine", "networks", "project"),
)
