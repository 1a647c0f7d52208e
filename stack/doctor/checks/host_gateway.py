"""Whether services that are told an address of this machine reach it through the engine's bridge."""

import shutil
from collections.abc import Callable, Collection, Iterable

from stack.doctor import network
from stack.doctor.check import Check, Finding
from stack.doctor.scene import Scene
from stack.planning import addresses
from stack.planning.addresses import Address
from stack.running import inside, sockets
from stack.running.inside import Answer
from stack.running.sockets import Listener

FIREWALLS = {
    "ufw": "sudo ufw allow in on {bridge} to any port {port} proto tcp",
    "firewall-cmd": "sudo firewall-cmd --zone=trusted --change-interface={bridge}",
    "iptables": "sudo iptables -I INPUT -i {bridge} -p tcp --dport {port} -j ACCEPT",
}
"""How each lets a container come to a port of this machine, the one in front first: ufw and firewalld use iptables."""


def _run(scene: Scene) -> Iterable[Finding]:
    for name, look in scene.looks.items():
        for address in network.of_this_machine(scene.planned, name):
            answer = look.answers.get((address.host, address.port))
            if answer and not answer.reached:
                yield unreached(name, address, answer, scene.listeners, _bridge(scene, name))


def unreached(
    name: str,
    address: Address,
    answer: Answer,
    listeners: Collection[Listener],
    bridge: str,
    has: Callable[[str], object] = shutil.which,
) -> Finding:
    """What to say of an address of this machine that a service does not reach."""
    told = f"which its {' and '.join(address.by)} names"
    causes = f"{name} can't use what runs on this machine"
    if not answer.addresses:
        seen = f"{name} does not find the name {address.host}, {told}"
        fix = f"""add extra_hosts: ["{address.host}:host-gateway"] to {name} in local/compose/, then ./inv up"""
        return Finding(seen, causes, fix, service=name)
    there = sockets.at(listeners, address.port)
    where = f"{address.host}:{address.port} ({answer.addresses[0]})"
    if not there and answer.why == inside.REFUSED:
        seen = f"{name} is refused at {where}, {told}: nothing listens on port {address.port} of this machine"
        return Finding(seen, causes, f"start the program that is to listen on port {address.port}", service=name)
    if there and not any(one.open for one in there):
        who = there[0].process or "the program"
        seen = f"{name} {answer.why} at {where}, {told}: {who} listens on 127.0.0.1:{address.port} alone"
        fix = f"let {who} listen on {answer.addresses[0]}:{address.port}, by its own setting"
        return Finding(seen, causes, fix, service=name)
    seen = f"{name} {answer.why} at {where}, {told}, though this machine listens on port {address.port}"
    return Finding(f"{seen}: a firewall stands between the bridge and this machine", causes,
                   _opened(bridge, address.port, has), service=name)  # fmt: skip


def _opened(bridge: str, port: int, has: Callable[[str], object]) -> str:
    tool = next((tool for tool in FIREWALLS if has(tool)), "iptables")
    return FIREWALLS[tool].format(bridge=bridge, port=port)


def _bridge(scene: Scene, name: str) -> str:
    """The bridge by which a service comes to this machine: that of the first of its networks."""
    wanted = addresses.networks(scene.planned.facts.model, name)
    return next((network.bridge(one) for one in scene.networks if one["Name"] in wanted), "docker0")


CHECK = Check(
    id="host-gateway",
    section="network",
    holds="services that are told an address of this machine reach it",
    run=_run,
    needs=("planned", "engine", "up", "looks", "networks"),
    of_services=True,
)
