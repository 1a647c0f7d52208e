"""The edge of a deployment: each service after what it depends on, which is waited for by what the managers say of
its tasks."""

import time
from collections.abc import Collection, Iterable, Mapping
from concurrent import futures
from typing import Any

import msgspec

from stack import docker
from stack.cluster import manager, nodes, stackfile, tasks, watching
from stack.cluster.placement import Cluster
from stack.cluster.stackfile import Stack
from stack.errors import fail
from stack.output.progress import Progress
from stack.planning.plan import Plan
from stack.running.watching import Failure

LOOK_S = 0.5
"""Seconds between two looks: the managers tell of services as they change, but not of tasks."""
DEPLOY_S = 120.0
CLIENTS = 4
"""Docker clients at the same time."""


class Order(msgspec.Struct, frozen=True):
    """What is to be deployed: the stack, the plan, the services that change, and those of them that may only be waited
    for, as they are on their way."""

    stack: Stack
    plan: Plan
    names: list[str]
    waited: frozenset[str]
    cluster: Cluster


def run(order: Order, secrets: Mapping[str, str], timeout: float, progress: Progress) -> list[Failure]:
    """Deploy each service once what it depends on is as it should be, and wait until all are. `timeout` is in seconds
    per service. Gives back the services that failed: no other is begun then."""
    prepare(order.stack, order.plan.project)
    left = {service.name: service.depends_on.keys() & set(order.names) for service in order.plan.services
            if service.name in order.names}  # fmt: skip

    def begin(there: Collection[str]) -> list[str]:
        ready = [name for name, needs in left.items() if needs <= set(there)]
        _deploy(order, [name for name in ready if name not in order.waited], secrets)
        for name in ready:
            del left[name]
        return ready

    return watching.wait(order.plan, order.stack, begin, order.cluster, timeout, progress)


def prepare(stack: Stack, project: str) -> None:
    """Make the configs and secrets that are not there: none can be changed in place, so each is named by what it holds.
    Their content goes by standard input alone."""
    lacking = []
    for kind, wanted in (("config", stack.configs), ("secret", stack.secrets)):
        there = {row["Spec"]["Name"] for row in manager.of_stack(f"{kind}s", project)}
        lacking += [(kind, name, data) for name, data in sorted(wanted.items()) if name not in there]

    def make(kind: str, name: str, data: bytes) -> None:
        words = [kind, "create", "--label", f"{manager.NAMESPACE}={project}", name, "-"]
        docker.ask(words, text=data.decode("utf-8", "surrogateescape"))

    # A client for each takes longer to start than a manager to make it.
    with futures.ThreadPoolExecutor(CLIENTS) as pool:
        for done in [pool.submit(make, *one) for one in lacking]:
            done.result()


def _deploy(order: Order, names: list[str], secrets: Mapping[str, str]) -> None:
    """Have the managers take some services as the stack has them. A job that is there is removed, and runs anew."""
    if not names:
        return
    jobs = [s.name for s in order.plan.services if s.one_shot and s.name in names]
    there = tasks.names(manager.of_stack("services", order.plan.project), order.plan.project)
    remove(order.plan.project, [name for name in jobs if name in there.values()])
    words = ["stack", "deploy", "--compose-file", "-", "--resolve-image", "never", "--with-registry-auth",
             order.plan.project]  # fmt: skip
    env = docker.environment(secrets)
    done = docker.run(words, text=stackfile.text(order.stack, names), env=env, timeout=DEPLOY_S)
    if done.returncode != 0:
        raise docker.failed(words, done.stderr)


def remove(project: str, names: Iterable[str]) -> None:
    """Remove services with their tasks; volumes stay."""
    whole = [f"{project}_{name}" for name in names]
    if whole:
        docker.ask(["service", "rm", *whole])


def scale(project: str, counts: Mapping[str, int]) -> None:
    """Give services another number of tasks; those that are there stay."""
    if counts:
        docker.ask(["service", "scale", "--detach", *(f"{project}_{name}={count}" for name, count in counts.items())])


def tidy(project: str) -> None:
    """Remove the configs and secrets that no service uses any more, nor would after it is rolled back."""
    used: set[str] = set()
    for row in manager.of_stack("services", project):
        for spec in (row.get("Spec"), row.get("PreviousSpec")):
            used |= _used(spec or {})
    for kind in ("config", "secret"):
        rows = manager.of_stack(f"{kind}s", project)
        spare = [row["ID"] for row in rows if row["ID"] not in used]
        if spare:
            docker.run([kind, "rm", *spare])


def _used(spec: Mapping[str, Any]) -> set[str]:
    container = (spec.get("TaskTemplate") or {}).get("ContainerSpec") or {}
    found = {one["ConfigID"] for one in container.get("Configs") or []}
    return found | {one["SecretID"] for one in container.get("Secrets") or []}


GONE_S = 120.0


def down(project: str) -> dict[str, int]:
    """Remove all of a project but its volumes, and wait until it is gone; tells how much there was of what.

    Raises StackError where something stays."""
    counts = {kind: len(manager.of_stack(kind, project)) for kind in ("services", "networks", "configs", "secrets")}
    if any(counts.values()):
        _removed(project)
    end = time.monotonic() + GONE_S
    while left := _left(project):
        if time.monotonic() > end:
            message = f"{project} is not gone after {GONE_S:.0f} s: {', '.join(left)}"
            raise fail("not-gone", message, fix="./inv down again, or docker stack ps " + project)
        if any(word.startswith("network") for word in left):
            _removed(project)
        time.sleep(LOOK_S)
    return counts


def _removed(project: str) -> None:
    """Have the managers remove a stack. A network in which tasks still end they refuse, and one that went meanwhile:
    what stays of it is seen to later. Raises StackError for any other refusal."""
    words = ["stack", "rm", project]
    done = docker.run(words, timeout=DEPLOY_S)
    if done.returncode and "Failed to remove network" not in done.stderr:
        raise docker.failed(words, done.stderr)


def _left(project: str) -> list[str]:
    """What is left of a project: services, tasks that have not ended, and networks."""
    services = [row["Spec"]["Name"] for row in manager.of_stack("services", project)]
    ending = tasks.unended(manager.tasks(project), nodes.away())
    networks = [row["Name"] for row in manager.of_stack("networks", project)]
    return [*services, *(f"task {one}" for one in ending), *(f"network {one}" for one in networks)]
