"""Whether the program of this machine that a service is to come from is there, where the ambassador dials it."""

from collections.abc import Collection, Iterable

import msgspec

from stack.doctor.check import Check, Finding
from stack.doctor.programs import PROGRAMS, Program
from stack.doctor.scene import Scene
from stack.running import sockets
from stack.running.sockets import Listener

DESKTOP = "host.docker.internal"
"""On Docker Desktop it leads to this machine's own 127.0.0.1, too."""


class Dial(msgspec.Struct, frozen=True):
    """Where the half of an ambassador in the host's network dials, and the setting that holds the port."""

    fragment: str
    host: str
    port: int
    variable: str


def _run(scene: Scene) -> Iterable[Finding]:
    dials = list(_dials(scene))
    own = _addresses() if dials else set()
    for dial in dials:
        answers = sockets.answers("127.0.0.1" if dial.host == DESKTOP else dial.host, dial.port)
        if not answers:
            yield missing(dial, scene.listeners, own)


def _dials(scene: Scene) -> Iterable[Dial]:
    """Those of the plan, read off the halves' own command lines."""
    for service in scene.planned.plan.services:
        raw = scene.raw(service.name)
        command, told = raw.get("command") or [], raw.get("environment") or {}
        if command[:1] == ["host-half"] and str(told.get(command[1], "")).isdecimal():
            host = str(told.get("AMBASSADOR_DIAL") or "127.0.0.1")
            yield Dial(service.fragment, host, int(told[command[1]]), command[1])


def _addresses() -> set[str]:
    """This machine's own addresses."""
    import psutil

    return {one.address for found in psutil.net_if_addrs().values() for one in found}


def missing(dial: Dial, listeners: Collection[Listener], own: Collection[str]) -> Finding:
    """What to say of a program that does not answer: it listens at another address or port, or nowhere."""
    program = PROGRAMS.get(dial.fragment, Program("it", "start it", "by its own setting"))
    seen = f"{dial.fragment} comes from this machine, and nothing answers at {dial.host}:{dial.port}"
    causes = f"{dial.fragment} is unhealthy, and what needs it fails"
    there = sockets.at(listeners, dial.port)
    if there and not any(one.open for one in there) and dial.host in own and not sockets.loopback(dial.host):
        seen += f": {program.name} listens on 127.0.0.1 alone"
        fix = f"./inv env.unset AMBASSADOR_DIAL && ./inv up, or let it listen there: {program.everywhere}"
        return Finding(seen, causes, fix, service=dial.fragment)
    if there and sockets.loopback(dial.host):
        seen += f": it listens on {there[0].address} alone"
        return Finding(seen, causes, f"./inv env.set AMBASSADOR_DIAL {there[0].address} && ./inv up",
                       service=dial.fragment)  # fmt: skip
    other = next((one for one in listeners if one.process and one.process in program.processes), None)
    if other:
        seen += f": {program.name} listens on port {other.port}"
        return Finding(seen, causes, f"./inv env.set {dial.variable} {other.port} && ./inv up", service=dial.fragment)
    fix = f"{program.start}, or ./inv source --service {dial.fragment} --to container"
    return Finding(seen, causes, fix, service=dial.fragment)


CHECK = Check(
    id="localhost-source",
    section="network",
    holds="every program of this machine that a service comes from answers",
    run=_run,
    needs=("planned",),
    of_services=True,
)
