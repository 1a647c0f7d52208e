"""The edge that asks a cluster's gateway whether it has found what it routes to. Swarm gives a task its name only once
it is well, and the gateway looks for it a second later at most: until then it answers 503."""

import contextlib
import http.client
import itertools
import time
from collections.abc import Collection, Iterable

from stack.cluster import tasks
from stack.cluster.placement import Cluster
from stack.cluster.stackfile import Stack
from stack.gateway import entrance
from stack.gateway.declared import Route

SEEN_S = 10.0
"""Seconds after which nobody waits longer: a service may answer 503 itself."""
ASK_S = 1.0
LOOK_S = 0.1


def wait(project: str, stack: Stack, routes: Iterable[Route], begun: Collection[str], cluster: Cluster) -> None:
    """Wait until the gateway, on each of its nodes, has found the services that were `begun`, as far as their routes
    are open and its port can be reached from here."""
    ports = (stack.services.get(entrance.SERVICE) or {}).get("ports") or []
    port = next((int(one["published"]) for one in ports if one["target"] == entrance.INSIDE), None)
    asked = [route for route in routes if route.service in begun and not route.auth]
    if port is None or not asked:
        return
    at = {task["NodeID"] for name, task, _ in tasks.listed(project)
          if name == entrance.SERVICE and tasks.state(task) == "running"}  # fmt: skip
    deadline = time.monotonic() + SEEN_S
    for address, route in itertools.product((one.address for one in cluster.nodes if one.id in at), asked):
        while time.monotonic() < deadline and not _found(address, port, route):
            time.sleep(LOOK_S)


def _found(address: str, port: int, route: Route) -> bool:
    """Whether the gateway knows where a route leads. What can't be asked from here is taken for found."""
    connection = http.client.HTTPConnection(address, port, timeout=ASK_S)
    with contextlib.closing(connection):
        try:
            connection.request("GET", route.path or "/", headers={"Host": route.host} if route.host else {})
            return connection.getresponse().status != http.client.SERVICE_UNAVAILABLE
        except (OSError, http.client.HTTPException):
            return True
