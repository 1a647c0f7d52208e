"""Whether the gateway reaches what its routes lead to, asked from inside its own network."""

from collections.abc import Iterable

from stack.doctor import network
from stack.doctor.check import Check, Finding
from stack.doctor.checks.reach import FIREWALL
from stack.doctor.scene import Scene
from stack.gateway import entrance
from stack.gateway.upstreams import End
from stack.running import inside, sockets
from stack.running.inside import Answer
from stack.running.sockets import Listener


def _run(scene: Scene) -> Iterable[Finding]:
    look = scene.looks.get(entrance.SERVICE)
    for end in network.ends(scene.planned) if look else ():
        answer = look.answers.get((end.host, end.port)) if look else None
        if answer is None or answer.reached or scene.shut(end.service):
            continue
        if answer.why != inside.REFUSED or not scene.port_told(end.service, end.port):
            there = scene.looks.get(end.service)
            yield unreached(end, answer, there.listeners if there else None)


def unreached(end: End, answer: Answer, there: list[Listener] | None) -> Finding:
    """What to say of an upstream that the gateway does not reach; `there` is what listens at the other side, where it
    was seen."""
    many = len(end.routes) > 1
    routes = f"the route{'s' if many else ''} {', '.join(end.routes)} of the gateway lead{'' if many else 's'} to "
    seen = f"{routes}{end.host}:{end.port}, "
    causes = "who takes them gets 502 or 503" if many else "who takes it gets 502 or 503"
    fix = f"docker compose restart {end.service}"
    if not answer.addresses:
        again = f"docker compose up -d --no-deps --force-recreate {entrance.SERVICE}"
        return Finding(f"{seen}a name that it does not find", causes, again, service=end.service)
    if any(one.open for one in sockets.at(there or [], end.port)):
        seen += f"where it {answer.why}, though {end.service} listens there: a firewall is in between"
        return Finding(seen, causes, FIREWALL, service=end.service)
    if answer.why == inside.REFUSED and there is not None:
        ports = sorted({one.port for one in there if one.open and one.protocol == "tcp"})
        seen += f"where it is refused: {end.service} listens on "
        alone = sockets.at(there, end.port)
        seen += "its own 127.0.0.1 alone" if alone else ", ".join(map(str, ports)) or "no port"
        if alone:
            fix = f"let {end.service} listen on 0.0.0.0:{end.port} in its container, then {fix}"
        elif ports:
            fix += ", or correct the url in kong/kong.yml, then ./inv up"
    else:
        seen += f"where it {answer.why}"
    return Finding(seen, causes, fix, service=end.service)


CHECK = Check(
    id="gateway-upstream",
    section="gateway",
    holds="the gateway reaches what its routes lead to",
    run=_run,
    needs=("planned", "engine", "gateway_up", "looks"),
    of_services=True,
)
