"""A checkout on a cluster, with what a user types beside its first engine, and requests to its gateway."""

import contextlib
import http.client
import itertools
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stack import docker
from stack.cluster import emptying, registry
from stack.commands import swarm
from stack.output.progress import Progress
from stack.planning import planner, saving
from stack.planning.planner import Request
from tests.engine.support import stacks, standins
from tests.engine.support.cluster import Cluster, Node
from tests.engine.support.stacks import Stack

GATEWAY = 2
"""The gateway's offset."""
IMAGES = {f"{name}_BUILD_IMAGE": f"genai-stack/{image}:swarm" for name, image in {
    "REDIS": "redis", "SUPABASE_DB": "supabase-db", "BACKEND": "backend", "KONG_API_GATEWAY": "gateway",
}.items()} | {"AMBASSADOR_IMAGE": "genai-stack/ambassador:swarm"}  # fmt: skip
"""By names of their own: other tests build those of the usual names anew meanwhile, and every node has to have one."""
SETTINGS = {**stacks.BUILT, "KONG_API_GATEWAY_SOURCE": "build", **IMAGES}


class SwarmStack(Stack):
    """A checkout whose commands are typed beside the first engine of a cluster."""

    def __init__(self, root: Path, project: str, base_port: int, cluster: Cluster) -> None:
        super().__init__(root, project, base_port)
        self.cluster = cluster
        self.at = cluster.first

    def command(self, words: tuple[str, ...]) -> list[str]:
        """In the network of the engine."""
        return [*self.at.enter, *super().command(words)]

    def environment(self, extra: dict[str, str] | None = None) -> dict[str, str]:
        """With a client at the engine."""
        return super().environment({**self.at.env, **(extra or {})})

    def tasks(self) -> dict[str, list[dict[str, Any]]]:
        """Every task that a manager knows of, by its service, the oldest first."""
        services = self.at.docker("service", "ls", "-q", "--filter", f"label=com.docker.stack.namespace={self.project}")
        if not services.split():
            return {}
        told = json.loads(self.at.docker("service", "inspect", *services.split()))
        names = {row["ID"]: row["Spec"]["Name"].removeprefix(f"{self.project}_") for row in told}
        ids = self.at.docker("service", "ps", "-q", "--no-trunc", *names).split()
        found: dict[str, list[dict[str, Any]]] = {}
        # Of one that is forgotten meanwhile, the client says so beside the others.
        for task in json.loads(self.at.run("docker", "inspect", "--type", "task", *ids).out) if ids else []:
            found.setdefault(names[task["ServiceID"]], []).append(task)
        return {name: sorted(every, key=lambda task: str(task["CreatedAt"])) for name, every in found.items()}

    def running(self, service: str) -> dict[str, str]:
        """The node of each task of a service that runs, by the task's id."""
        return {task["ID"]: task["NodeID"] for task in self.tasks().get(service, [])
                if task["Status"]["State"] == "running" and task["DesiredState"] == "running"}  # fmt: skip

    def ids(self, *but: str) -> dict[str, list[str]]:
        """The tasks of each service: equal means that none was started anew."""
        return {name: [task["ID"] for task in every] for name, every in self.tasks().items() if name not in but}

    def node(self, service: str) -> Node:
        """The node on which a service's one task runs."""
        [identity] = self.running(service).values()
        return next(node for node in self.cluster.nodes if node.state() == "active" and node.id() == identity)

    def exec(self, service: str, *words: str) -> str:
        """What a command prints in a service's one container, on its node."""
        at = self.node(service)
        container = at.docker("ps", "-q", "--filter", f"label=com.docker.swarm.service.name={self.project}_{service}")
        return at.docker("exec", container.strip(), *words)

    def sql(self, statement: str) -> str:
        """What the database answers."""
        words = ["psql", "-U", "supabase_admin", "-d", "postgres", "-h", "/var/run/postgresql", "-Atc", statement]
        return self.exec("supabase-db", *words).strip()

    def ask(self, path: str = "/backend/health", timeout: float = 2.0, at: Node | None = None) -> tuple[int, str]:
        """A request to the gateway, which is on the first node unless another is named; its status and what was
        answered."""
        address = (at or self.cluster.first).address
        connection = http.client.HTTPConnection(address, self.port(GATEWAY), timeout=timeout)
        with contextlib.closing(connection):
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(errors="replace")

    @contextlib.contextmanager
    def asked(self, every: float = 0.05) -> Iterator["Asked"]:
        """Requests to the gateway, as many a second, until the block ends."""
        load = Asked(self)
        thread = threading.Thread(target=load.run, args=(every,))
        thread.start()
        try:
            yield load
        finally:
            load.over.set()
            thread.join()

    def remove(self) -> None:
        """Everything of this project, on every node; what is left of it fails the test that comes next."""
        first = self.cluster.first
        first.run("docker", "stack", "rm", self.project)
        first.run("docker", "service", "rm", f"{self.project}-registry")
        for node in self.cluster.nodes:
            ids = node.docker("ps", "-aq", "--filter", f"name={self.project}").split()
            node.run("docker", "rm", "-f", "-v", *ids) if ids else None
            names = [name for name in node.docker("volume", "ls", "-q").split() if name.startswith(self.project)]
            node.run("docker", "volume", "rm", *names) if names else None


class Asked:
    """Requests under way, each in a thread of its own: when each began, how long it took, and whether it went well."""

    def __init__(self, stack: SwarmStack) -> None:
        self._stack, self.over = stack, threading.Event()
        self.began: list[tuple[float, float, str]] = []
        self._threads: list[threading.Thread] = []

    def run(self, every: float) -> None:
        while not self.over.wait(every):
            one = threading.Thread(target=self._one)
            one.start()
            self._threads.append(one)
        for one in self._threads:
            one.join()

    def _one(self) -> None:
        begin = time.monotonic()
        try:
            status, _ = self._stack.ask(timeout=10)
            told = str(status)
        except (OSError, http.client.HTTPException) as error:
            told = repr(error)
        self.began.append((begin, time.monotonic() - begin, told))

    def longest(self) -> float:
        """The longest time in seconds for which no request that began in it was answered well."""
        good = sorted(begin for begin, _, told in self.began if told == "200")
        every = sorted(begin for begin, _, _ in self.began)
        edges = [every[0], *good, every[-1]]
        return max(after - before for before, after in itertools.pairwise(edges))

    def failed(self) -> list[str]:
        """What was answered otherwise than with 200."""
        return [told for _, _, told in sorted(self.began) if told != "200"]


def build(folder: Path) -> None:
    """Build on this machine's engine what the core needs on a cluster, as far as it is not there."""
    stacks.copy_tree(folder)
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in SETTINGS.items()))
    # The second for the ambassador's image.
    for request in (Request(), Request(services=("redis",), sources=("redis=localhost",), once=True)):
        planned = planner.make(folder, request)
        saved = saving.changes(planned, request)
        swarm.build(planned, {name: value for name, value in saved.items() if value}, Progress())
    standins.build(folder / ".stack" / "own", registry.BUILT, folder / registry.CONTEXT)
    if not docker.images([emptying.IMAGE]):
        standins.build(folder / ".stack" / "own", emptying.IMAGE, folder / emptying.CONTEXT)


def checkout(root: Path, project: str, cluster: Cluster, **settings: str) -> SwarmStack:
    """A checkout of the core, of images that are built, on this cluster."""
    stacks.copy_tree(root)
    stack = SwarmStack(root, project, 25000, cluster)
    lines = {"PROJECT_NAME": project, "BASE_PORT": "25000", **SETTINGS, **settings}
    (root / ".env").touch(0o600)
    (root / ".env").write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
    return stack


def left(cluster: Cluster, project: str) -> list[str]:
    """What there is of a project on any node, containers, volumes, networks, and in the managers' keeping."""
    found = []
    for node in cluster.nodes:
        found += [f"{node.name}: {name}" for name in node.docker("ps", "-a", "--format", "{{.Names}}").split()]
        found += [f"{node.name}: {name}" for name in node.docker("volume", "ls", "-q").split()]
    for kind in ("service", "network", "secret", "config"):
        found += cluster.first.docker(kind, "ls", "--format", "{{.Name}}").split()
    return [name for name in found if project in name]


def gone(cluster: Cluster, project: str, but: str = "\0") -> None:
    """Wait until nothing is left of a project but what has a word in its name: engines remove the containers of tasks a
    moment after they have told that these ended."""
    stacks.until(lambda: not [name for name in left(cluster, project) if but not in name], f"the end of {project}")
