"""Whether each running service finds and reaches the others that it uses, asked from inside its own network."""

from collections.abc import Iterable

from stack.doctor import network
from stack.doctor.check import Check, Finding
from stack.doctor.network import Use
from stack.doctor.scene import Scene
from stack.running import inside, sockets
from stack.running.inside import Answer
from stack.running.sockets import Listener

FIREWALL = "sudo systemctl restart docker, which puts the engine's own rules back; or take away the one that is yours"


def _run(scene: Scene) -> Iterable[Finding]:
    for name, look in scene.looks.items():
        for use in network.uses(scene.planned, name):
            answer = look.answers.get((use.host, use.port))
            if answer is None or answer.reached or scene.shut(use.service):
                continue
            if answer.why == inside.REFUSED and scene.port_told(use.service, use.port):
                continue
            there = scene.looks.get(use.service)
            finding = unreached(name, use, answer, there.listeners if there else None)
            if finding:
                yield finding


def unreached(name: str, use: Use, answer: Answer, there: list[Listener] | None) -> Finding | None:
    """What to say of an address that is not reached; `there` is what listens at the other side, where it was seen.
    Nothing of a port that is not TCP's there."""
    causes = f"{name} can't use {use.service}"
    if not answer.addresses:
        seen = f"{name} does not find the name {use.host}, {use.why}"
        fix = f"docker compose up -d --no-deps --force-recreate {name}"
        return Finding(seen, causes, fix, service=name)
    if sockets.at(there or [], use.port, "udp"):
        return None
    seen = f"{name} finds {use.host} ({answer.addresses[0]}), and {answer.why} at port {use.port}, {use.why}"
    if any(one.open for one in sockets.at(there or [], use.port)):
        return Finding(f"{seen}, though {use.service} listens there: a firewall is in between", causes, FIREWALL,
                       service=name)  # fmt: skip
    if answer.why != inside.REFUSED:
        return Finding(seen, causes, FIREWALL, service=name)
    return Finding(f"{seen}{_instead(use, there)}", causes, _remedy(name, use, there), service=name)


def _instead(use: Use, there: list[Listener] | None) -> str:
    if there is None:
        return ""
    if sockets.at(there, use.port):
        return f": {use.service} listens on its own 127.0.0.1 alone"
    ports = sorted({one.port for one in there if one.open and one.protocol == "tcp"})
    return f": {use.service} listens on {', '.join(map(str, ports)) or 'no port'}"


def _remedy(name: str, use: Use, there: list[Listener] | None) -> str:
    again = f"docker compose restart {use.service}"
    if there and sockets.at(there, use.port):
        return f"let {use.service} listen on 0.0.0.0:{use.port} in its container, then {again}"
    return f"{again}, or correct {use.by[0]} of {name}" if use.by else again


CHECK = Check(
    id="reach",
    section="network",
    holds="every service finds and reaches those that it uses",
    run=_run,
    needs=("planned", "engine", "up", "looks"),
    of_services=True,
)
