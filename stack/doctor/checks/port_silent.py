"""Whether something listens behind each published port of a container that is up."""

from collections.abc import Iterable

from stack.doctor import inspected
from stack.doctor.check import Check, Finding
from stack.doctor.inspected import Inspected
from stack.doctor.scene import Scene
from stack.planning import addresses
from stack.running import sockets
from stack.running.sockets import Listener

GRACE_S = 30.0
"""A container without a healthcheck counts as up after so many seconds."""


def _run(scene: Scene) -> Iterable[Finding]:
    for name, look in scene.looks.items():
        containers = scene.running().get(name) or []
        if containers and all(map(_up, containers)) and not _waits_for_guests(scene, name):
            yield from silent(name, inspected.published(containers[0]), look.listeners)


def silent(name: str, published: Iterable[tuple[int, str]], listeners: list[Listener]) -> Iterable[Finding]:
    """A finding for each published port on which nothing listens that the engine could reach."""
    for port, protocol in published:
        there = sockets.at(listeners, port, protocol)
        if any(one.open for one in there):
            continue
        again = f"docker compose restart {name}"
        seen = f"{name} publishes its port {port}/{protocol}, and "
        seen += "listens there on its own 127.0.0.1 alone" if there else "nothing listens there"
        fix = f"let {name} listen on 0.0.0.0:{port} in its container, then {again}" if there else again
        yield Finding(seen, "who comes to the published port is turned away", fix, service=name)


def _up(one: Inspected) -> bool:
    checked = bool(one["State"].get("Health"))
    return inspected.ready(one) and (checked or inspected.age_s(one["State"]["StartedAt"]) > GRACE_S)


def _waits_for_guests(scene: Scene, name: str) -> bool:
    """Whether a service that listens in this one's network, as weaviate-grpc does in weaviate's, is not there."""
    guests = [s.name for s in scene.planned.plan.services if addresses.shares(scene.raw(s.name)) == name]
    return any(not any(map(_up, scene.of(guest))) for guest in guests)


CHECK = Check(
    id="port-silent",
    section="ports",
    holds="something listens behind every published port",
    run=_run,
    needs=("planned", "engine", "up", "looks"),
    of_services=True,
)
