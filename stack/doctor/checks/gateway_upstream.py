"""Whether the gateway reaches what its routes lead to, asked from inside its own container; where that is HAProxy, also
what it has of each itself."""

from collections.abc import Iterable

import msgspec

from stack.doctor.check import Check, Finding
from stack.doctor.checks.reach import FIREWALL
from stack.doctor.scene import Scene
from stack.gateway import entrance
from stack.gateway.haproxy import seen as haproxy
from stack.gateway.haproxy.seen import Server
from stack.gateway.upstreams import End
from stack.running import inside, sockets
from stack.running.inside import Answer
from stack.running.sockets import Listener

SETTLED_S = 10
"""Seconds after which HAProxy has found again whatever came back: it looks a name up each second."""


def _run(scene: Scene) -> Iterable[Finding]:
    look = scene.looks.get(entrance.SERVICE)
    has = haproxy.of(look.also) if look else {}
    for end in scene.ends if look else ():
        answer = look.answers.get((end.host, end.port)) if look else None
        server = has.get((end.host, end.port))
        if answer is None or scene.shut(end.service):
            continue
        if answer.reached:
            yield from unserved(end, server)
        elif answer.why != inside.REFUSED or not scene.port_told(end.service, end.port):
            there = scene.looks.get(end.service)
            yield unreached(end, answer, there.listeners if there else None, server)


def unserved(end: End, server: Server | None) -> Iterable[Finding]:
    """What to say of an upstream that answers at the gateway, where HAProxy sends it nothing all the same."""
    if server and not server.used and server.since >= SETTLED_S:
        seen = f"{_leads(end)}, which answers there, and {having(server)}"
        again = f"docker compose restart {entrance.SERVICE}"
        yield Finding(seen, f"who takes {_them(end)} gets 503", again, service=end.service)


def having(server: Server) -> str:
    """What HAProxy has of an upstream, for a sentence."""
    if not server.addresses:
        return "HAProxy has no address of it"
    if not server.used:
        return f"HAProxy has it down at {', '.join(server.addresses)}"
    return f"HAProxy sends what comes to {', '.join(server.used)}"


def _leads(end: End) -> str:
    many = len(end.routes) > 1
    routes = f"the route{'s' if many else ''} {', '.join(end.routes)} of the gateway lead{'' if many else 's'} to "
    return f"{routes}{end.host}:{end.port}"


def _them(end: End) -> str:
    return "them" if len(end.routes) > 1 else "it"


def unreached(end: End, answer: Answer, there: list[Listener] | None, server: Server | None = None) -> Finding:
    """What to say of an upstream that the gateway does not reach; `there` is what listens at the other side, where it
    was seen, `server` what HAProxy has of it, where that serves."""
    found = _unreached(end, answer, there)
    return msgspec.structs.replace(found, seen=f"{found.seen} ({having(server)})") if server else found


def _unreached(end: End, answer: Answer, there: list[Listener] | None) -> Finding:
    seen = f"{_leads(end)}, "
    causes = f"who takes {_them(end)} gets 502 or 503"
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
