"""What becomes of the services of a deployment: each one's state, made of what the managers say of its tasks."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import msgspec

from stack.cluster import manager, tasks
from stack.cluster.placement import Cluster
from stack.cluster.stackfile import Stack
from stack.cluster.tasks import Task
from stack.output.progress import Progress
from stack.planning.plan import Plan, Service
from stack.running.watching import LOOPS, Failure

LOOK_S = 0.1
"""Seconds between two looks at least, and REST times what the last one took: each costs the managers, too."""
REST = 4
NOWHERE_S = 20.0
"""Seconds for which a task may find no node: a port or a place may be given up meanwhile."""


class Seen(msgspec.Struct, frozen=True):
    """One service as it is: whether it is there, what is told of it, and why it can't get there any more, where that
    is so, with the task that tells most."""

    there: bool
    text: str
    wrong: str = ""
    task: str = ""


def judge(service: Service, found: Sequence[Task], digest: str, wanted: int, update: str = "",
          waited: float = 0.0) -> Seen:  # fmt: skip
    """One service's state out of all its tasks: `digest` is that of what it is to be, `wanted` how many tasks; `update`
    is how far the managers are with replacing older ones. Pure."""
    new = [task for task in found if tasks.digest(task) == digest]
    bad = sorted((t for t in new if tasks.state(t) in ("failed", "rejected")), key=lambda t: str(t["CreatedAt"]))
    if service.one_shot:
        return _job(new, bad, wanted)
    if update.startswith("rollback"):
        last = bad[-1] if bad else None
        why = tasks.error(last) if last else "it did not stay healthy"
        return Seen(False, "rolled back", f"was rolled back to what ran before: {why}", last["ID"] if last else "")
    well = [t for t in new if tasks.state(t) == "running" and t.get("DesiredState") == "running"]
    old = [t for t in found if tasks.digest(t) != digest and t.get("DesiredState") == "running"]
    if len(well) >= wanted and not old and update in ("completed", ""):
        return Seen(True, "healthy" if all(map(tasks.checked, well)) and well else "running")
    if len(bad) >= LOOPS:
        return Seen(False, "failed", f"keeps failing ({len(bad)} times): {tasks.error(bad[-1])}", bad[-1]["ID"])
    return _on_its_way(new, well, wanted, waited)


def _job(new: Sequence[Task], bad: Sequence[Task], wanted: int) -> Seen:
    if sum(tasks.state(task) == "complete" for task in new) >= wanted:
        return Seen(True, "done")
    if bad:
        # What never ran has no exit code, and no log: there the managers' own words are all that there is.
        refused = tasks.state(bad[-1]) == "rejected"
        why = tasks.error(bad[-1]) if refused else f"exited {tasks.exit_code(bad[-1])}"
        return Seen(False, "failed", why, "" if refused else bad[-1]["ID"])
    return _on_its_way(new, [], wanted, 0.0)


def _on_its_way(new: Sequence[Task], well: Sequence[Task], wanted: int, waited: float) -> Seen:
    pending = [task for task in new if tasks.state(task) == "pending" and tasks.error(task)]
    if pending:
        why = f"no node takes it: {tasks.error(pending[0])}"
        return Seen(False, why, why if waited > NOWHERE_S else "", pending[0]["ID"])
    if wanted > 1 and well:
        return Seen(False, f"{len(well)} of {wanted} run")
    words = {"starting": "starting", "preparing": "its node gets the image", "running": "running, and being watched"}
    last = max(new, key=lambda task: str(task["CreatedAt"]), default=None)
    return Seen(False, words.get(tasks.state(last), "starting") if last else "waiting for a node")


Begin = Callable[[Collection[str]], Sequence[str]]
"""Begins what can be, now that these services are there; gives back which it began."""


def wait(plan: Plan, stack: Stack, begin: Begin, cluster: Cluster, timeout: float,
         progress: Progress) -> list[Failure]:  # fmt: skip
    """Follow services from when they are begun until all are there, or one can't get there. `timeout` is in seconds for
    each of them. What the others can do without is a failure with a `retry`, and ends nothing."""
    services = {service.name: service for service in plan.services}
    there: set[str] = set()
    open_: dict[str, float] = {}
    warnings: list[Failure] = []
    while True:
        open_ |= dict.fromkeys(begin(there), time.monotonic())
        if not open_:
            return warnings
        looked = time.monotonic()
        rows = manager.of_stack("services", plan.project)
        found = tasks.of_services(manager.tasks(plan.project), tasks.names(rows, plan.project))
        updates, before = _updates(rows, plan.project), len(open_)
        for name, begun in list(open_.items()):
            service, here, waited = services[name], found.get(name, []), time.monotonic() - begun
            seen = judge(service, here, stack.digests[name], stack.replicas(name), updates.get(name, ""), waited)
            late = "" if service.one_shot and service.retry else _late(service, waited, timeout)
            why = "" if seen.there else seen.wrong or late
            if seen.there or why:
                del open_[name]
                there.add(name)
            if not why:
                at = nodes_of(here, stack.digests[name], cluster) if seen.there else ""
                progress.tell(name, f"{seen.text} in {waited:.1f} s{at}" if seen.there else seen.text)
                continue
            failure = Failure(name, why, seen.task or _newest(here), service.retry)
            progress.tell(
                name, f"failed: {why}" if not service.retry else f"failed, and the others go on without: {why}"
            )
            if not service.retry:
                return [*warnings, failure]
            warnings.append(failure)
        if len(open_) == before:
            time.sleep(max(LOOK_S, REST * (time.monotonic() - looked)))


def ended(project: str, name: str, timeout: float) -> str:
    """Wait for a job of its own; why it did not do what it should, or nothing."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        called = tasks.names(manager.of_stack("services", project), project)
        found = tasks.of_services(manager.tasks(project), called).get(name, [])
        last = max(found, key=lambda task: str(task["CreatedAt"]), default=None)
        if last and tasks.state(last) == "complete":
            return ""
        if last and tasks.state(last) in ("failed", "rejected"):
            return tasks.error(last) or f"the job ended with {tasks.exit_code(last)}"
        time.sleep(LOOK_S)
    return f"the job did not end within {timeout:.0f} s"


def _late(service: Service, waited: float, timeout: float) -> str:
    return f"not {'done' if service.one_shot else 'healthy'} within {timeout:.0f} s" if waited > timeout else ""


def _newest(found: Sequence[Task]) -> str:
    return max(found, key=lambda task: str(task["CreatedAt"]), default={"ID": ""})["ID"]


def _updates(rows: Sequence[Mapping[str, Any]], project: str) -> dict[str, str]:
    """How far the managers are with each service that they replace the tasks of."""
    return {str(row["Spec"]["Name"]).removeprefix(f"{project}_"): str((row.get("UpdateStatus") or {}).get("State", ""))
            for row in rows}  # fmt: skip


def nodes_of(found: Sequence[Task], digest: str, cluster: Cluster) -> str:
    """On which nodes a service's tasks are, to stand behind a state; nothing where there is one node only."""
    if len(cluster.nodes) < 2:
        return ""
    own = [t for t in found if tasks.digest(t) == digest and tasks.state(t) in ("running", "complete")]
    names = sorted({cluster.name(task["NodeID"]) for task in own if task.get("NodeID")})
    return f" on {', '.join(names)}" if names else ""
