"""`inv status`: each planned or running service as it is now."""

import time
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import msgspec

from stack import docker, tree
from stack.cluster import chosen
from stack.errors import USAGE, Problem, StackError, fail
from stack.gateway import entrance
from stack.names import echoed, suggest
from stack.output import consent
from stack.output.result import Result
from stack.planning import checkouts, planner
from stack.planning.planner import Planned, Request
from stack.running import history, usage

INTERVAL = 2.0
"""Seconds between two looks of --watch."""


def run(services: Sequence[str], watch: bool, stats: bool, as_json: bool) -> Result:
    """The state of every service, or of some. `watch` repeats it in place until Ctrl-C (in a terminal, as text)."""
    if watch and not as_json:
        return _watched(services, stats)
    if stats:
        consent.tell("the engine measures for two seconds …")
    return look(services, stats)


def _watched(services: Sequence[str], stats: bool) -> Result:
    from rich.live import Live

    from stack.output import views

    with Live(views.status(look(services, stats)), auto_refresh=False, screen=False) as live:
        while True:
            time.sleep(INTERVAL)
            live.update(views.status(look(services, stats)), refresh=True)


def look(services: Sequence[str], stats: bool) -> Result:
    """One look. Works with broken fragments too: then it shows what runs, and the problem. Raises StackError for a
    service that is neither planned, nor known, nor there."""
    planned, problems = drawn_up(tree.root())
    return of(planned, problems, services, stats)


def drawn_up(root: Path) -> tuple[Planned | None, list[Problem]]:
    """The plan; or none, and why."""
    try:
        return planner.make(root, Request()), []
    except StackError as error:
        return None, error.problems


def of(planned: Planned | None, problems: Sequence[Problem], services: Sequence[str], stats: bool,
       known: dict[str, dict[str, Any]] | None = None) -> Result:  # fmt: skip
    """The same with a plan that was made, or the `problems` for which there is none. `known` is what an earlier look
    found of each container, which is not asked for again and is brought up to date."""
    root = tree.root()
    project = planned.plan.project if planned else checkouts.project_name(root)
    clustered = _clustered(root, planned)
    rows = _on_cluster(project) if clustered else _inspect(docker.containers(project), {} if known is None else known)
    # This machine's engine knows nothing of what containers of other nodes use.
    used, busy = _use([row["id"] for row in rows], stats and not clustered)
    by_service: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_service.setdefault(row["service"], []).append(row)
    names = list(dict.fromkeys([*(planned.plan.names() if planned else []), *sorted(by_service)]))
    if services:
        _check_known(services, {*names, *(planned.facts.catalog.services() if planned else [])})
        names = list(dict.fromkeys(services))
    told = [_service(n, planned, by_service.get(n, []), used, busy) for n in names]
    if clustered:
        told = [{**row, "nodes": sorted({one["node"] for one in by_service.get(row["name"], [])})} for row in told]
    return Result({"project": project, "services": told}, [*problems, *history.unended(root)])


def _clustered(root: Path, planned: Planned | None) -> bool:
    """Whether a cluster runs the services, also where there is no plan."""
    if planned:
        return checkouts.clustered(planned.checkout)
    return chosen.now(root)


def _on_cluster(project: str) -> list[dict[str, Any]]:
    # Imported by need: most stacks are on one machine.
    from stack.commands import swarm

    return swarm.rows(project)


def _use(ids: list[str], stats: bool) -> tuple[dict[str, int], dict[str, float]]:
    """Memory and processors by container; the second only where the engine is asked, which takes its time."""
    if not stats:
        return usage.memory(ids), {}
    asked = usage.from_engine(ids)
    return {one: use.memory for one, use in asked.items()}, {one: use.processors for one, use in asked.items()}


def _check_known(services: Sequence[str], known: Collection[str]) -> None:
    for name in services:
        if name not in known:
            raise fail("unknown-service", f"unknown service {echoed(name)}", "--service",
                       suggest(name, known) or "./inv status", USAGE)  # fmt: skip


def _inspect(containers: list[Any], known: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """What a list of containers does not tell, too: since when, and how often restarted."""
    kept = {c.id: c for c in containers if not c.one_off}
    for gone in known.keys() - kept.keys():
        del known[gone]
    for one in docker.inspected("containers", kept.keys() - known.keys()):
        known[one["Id"]] = {
            "started": one["State"]["StartedAt"],
            "restarts": one.get("RestartCount", 0),
            "ports": one["NetworkSettings"].get("Ports"),
        }
    return [{**msgspec.structs.asdict(c), **known[c.id]} for c in kept.values() if c.id in known]


def _service(name: str, planned: Planned | None, rows: list[dict[str, Any]], used: dict[str, int],
             busy: dict[str, float]) -> dict[str, Any]:  # fmt: skip
    plan = next((s for s in planned.plan.services if s.name == name), None) if planned else None
    running = [row for row in rows if row["state"] == "running"]
    memories = [used[row["id"]] for row in running if row["id"] in used]
    shares = [busy[row["id"]] for row in running if row["id"] in busy]
    return {
        "name": name,
        "state": _state(rows, plan.one_shot if plan else False),
        "health": _health(rows),
        "source": plan.source if plan else None,
        "engine": (entrance.engine(planned) or None) if planned and name == entrance.SERVICE else None,
        "planned": plan is not None,
        "ports": _ports(rows),
        "uptime_s": min((_uptime(row["started"]) for row in running), default=None),
        "restarts": sum(row["restarts"] for row in rows),
        "memory_bytes": sum(memories) if memories else None,
        "processors": round(sum(shares), 4) if shares else None,
    }


def _state(rows: list[dict[str, Any]], one_shot: bool) -> str:
    """absent, done, exited (N), or Docker's word; with how many of several replicas."""
    if not rows:
        return "absent"
    states = [row["state"] for row in rows]
    if all(s == "exited" for s in states):
        code = max(row["exit_code"] for row in rows)
        return "done" if one_shot and code == 0 else f"exited ({code})"
    if len(rows) > 1:
        return f"running ({states.count('running')}/{len(rows)})"
    return str(states[0])


def _health(rows: list[dict[str, Any]]) -> str | None:
    """The worst health of the replicas; none without a healthcheck."""
    known = [row["health"] for row in rows if row["health"] and row["state"] == "running"]
    return next((word for word in ("unhealthy", "starting", "healthy") if word in known), None)


def _ports(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"host_ip": bound["HostIp"], "host": int(bound["HostPort"]), "container": int(inside.split("/")[0])}
        for row in rows for inside, bounds in sorted((row["ports"] or {}).items()) for bound in bounds or []
    ]  # fmt: skip


def _uptime(started: str) -> int:
    import calendar

    return int(time.time() - calendar.timegm(time.strptime(started[:19], "%Y-%m-%dT%H:%M:%S")))
