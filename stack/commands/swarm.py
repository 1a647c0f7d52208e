"""The commands on several machines: what up, plan, status and down do where RUN_ON is swarm."""

import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from stack import docker, tree
from stack.cluster import (
    answering,
    chosen,
    deploy,
    doors,
    emptying,
    gathering,
    kept,
    manager,
    networks,
    nodes,
    placement,
    registry,
    stackfile,
    tasks,
)
from stack.cluster.gathering import Gathered
from stack.docker import Container
from stack.env import envfile, secrets
from stack.errors import FAILED, Problem, StackError, fail
from stack.gateway import entrance
from stack.output.progress import Progress
from stack.output.result import Result
from stack.planning import assembly, changes, compare, lastup, layering, plan, planner, saving
from stack.planning.changes import Change, Wanted
from stack.planning.planner import Planned
from stack.running import history, images, links, live, refusals, tls
from stack.running.watching import Failure

FILE = "stack.yaml"
"""What was deployed, without a secret: for a look."""
UNCHANGED = "everything already is as planned; no task was started anew"


def running(project: str) -> list[Container]:
    """What runs of a project on the cluster. Raises StackError where this engine is no manager."""
    manager.check()
    return tasks.containers(project)


def look(planned: Planned, there: list[Container], values: Mapping[str, str]) -> tuple[Planned, Gathered, list[Change]]:
    """The plan with what runs beyond it, as a stack, and what `up` would change."""
    gone = compare.gone(planned)
    beyond = sorted({c.service for c in there} - set(planned.plan.names()) - gone)
    standing = planned if planned.request.exact else planner.widened(planned, beyond)
    gathered = gathering.gather(planned, standing, values, planned.request.places)
    return standing, gathered, _changes(planned, gathered, there, values, gone)


def _changes(planned: Planned, gathered: Gathered, there: list[Container], values: Mapping[str, str],
             gone: set[str]) -> list[Change]:  # fmt: skip
    stack, services = gathered.stack, gathered.assembled.model["services"]
    counts = {s.name: stack.replicas(s.name) for s in planned.plan.services}
    for name, service in stack.services.items():
        if service["deploy"].get("mode") == "global":
            counts[name] = sum(c.service == name for c in there)
    wanted = {s.name: Wanted(stack.digests[s.name], None, s.one_shot, counts[s.name]) for s in planned.plan.services}
    record = lastup.read(planned.checkout.root)
    compared = changes.compare(wanted, there, lastup.parts(record, services), planned.request.exact, gone)
    told = [lastup.with_secrets(c, record, compare.model_variables(services.get(c.name)), values) for c in compared]
    # The managers replace one task after the other, so none is away longer than its successor takes.
    return [msgspec.structs.replace(c, action="recreate", replaces=[]) if c.action == "replace" else c for c in told]


def places(gathered: Gathered) -> list[dict[str, str]]:
    """Where each service goes, and why."""
    cluster = gathered.cluster
    return [{"service": name, "node": cluster.name(where.node) if where.node else "", "why": where.why}
            for name, where in gathered.placement.services.items()]  # fmt: skip


def planned_result(planned: Planned) -> Result:
    """What `plan` says: where each service goes and why, and what would change."""
    there = running(planned.plan.project)
    standing, gathered, found = look(planned, there, saving.secret_values(planned.checkout))
    placed, cluster = gathered.placement, gathered.cluster
    refused = [*gathered.stack.refused, *placed.refused, *placement.restores(cluster, placed),
               *networks.standing(gathered.stack, planned.plan.project)]  # fmt: skip
    problems = [*planned.problems, *layering.problems(planned), *placed.warned, *opened(gathered),
                *networks.unable(planned.checkout.settings, cluster), *refused,
                *entrance.of(standing).problems]  # fmt: skip
    lines = [*gathered.stack.told, *_beside(planned)]
    data = {**told_plan(planned), "changes": msgspec.to_builtins(found), "placement": places(gathered)}
    return Result(data, problems, FAILED if refused or entrance.of(standing).problems else 0, lines)


def told_plan(planned: Planned) -> dict[str, Any]:
    """The plan with the ports that are published on a cluster: the gateway's."""
    found = plan.data(planned.plan)
    services = [row if row["name"] == entrance.SERVICE else {**row, "ports": []} for row in found["services"]]
    return {**found, "services": services}


def opened(gathered: Gathered) -> list[Problem]:
    """That the gateway's ports are open on every address of its nodes, whatever BIND_ADDRESS says."""
    own = gathered.stack.services.get(entrance.SERVICE) or {}
    ports = ", ".join(str(port["published"]) for port in own.get("ports") or [])
    if not ports:
        return []
    where = gathered.placement.services[entrance.SERVICE]
    on = f"on {gathered.cluster.name(where.node)}" if where.node else "on each node with that label"
    message = f"Swarm publishes the gateway's ports ({ports}) on every address {on}: BIND_ADDRESS has no say there"
    return [Problem("open-ports", message, "BIND_ADDRESS", "let a firewall say who may come (docs/cluster.md)")]


def _beside(planned: Planned) -> list[str]:
    """What of the project runs by Compose, and would end first."""
    names = sorted({c.service for c in docker.containers(planned.plan.project)})
    return [f"ended first, as Compose runs it here; the data stays: {', '.join(names)}"] if names else []


Noted = Callable[[Planned, list[Change]], contextlib.AbstractContextManager[list[str]]]
"""Makes what its block does an entry of the history, and takes the services that failed."""


def up(planned: Planned, saved: Mapping[str, str | None], timeout: float, recreate: bool, progress: Progress,
       noted: Noted) -> Result:  # fmt: skip
    """Deploy a plan whose images are here or to be built, each service after what it depends on."""
    root, project = planned.checkout.root, planned.plan.project
    values = saving.secret_values(planned.checkout) | {k: v for k, v in saved.items() if v is not None}
    cluster = _checked(planned, values)
    build(planned, values, progress)
    wanted = gathering.names(compare.assemble(planned).model)
    registry.share(root, planned.checkout.settings, project, wanted, cluster, progress)
    there = running(project)
    # A certificate of ours is made as it is served, and is one of the files.
    live.routes(planned)
    tls.serve(root, tls.wanted(planned)) if entrance.SERVICE in planned.plan.names() else None
    standing, gathered, found = look(planned, there, values)
    placement.check(gathered.placement, gathered.cluster)
    _write(standing, gathered, saved, values)
    _end_compose(project, progress)
    told = [*layering.problems(planned), *gathered.placement.warned, *opened(gathered),
            *networks.unable(planned.checkout.settings, cluster)]  # fmt: skip
    if changes.nothing_to_do(found) and not recreate:
        with noted(standing, found) if history.unlike(root) else contextlib.nullcontext():
            return _done(planned, standing, gathered, found, saved, [UNCHANGED], told)
    lastup.write(root, gathered.assembled.model["services"], values, [c.name for c in found if c.action == "beyond"])
    names, waited = _to_do(planned, found, recreate)
    order = deploy.Order(gathered.stack, planned.plan, names, waited, gathered.cluster)
    with noted(standing, found) as lost:
        deploy.remove(project, [c.name for c in found if c.action == "remove"])
        failed = deploy.run(order, values, timeout, progress)
        lost += [failure.service for failure in failed if not failure.retry]
    problems = [explain(planned, failure, values) for failure in failed]
    if lost:
        lines = ["what runs is left for a look: docker stack ps --no-trunc " + project]
        return Result({**told_plan(planned), "placement": places(gathered)}, problems, FAILED, lines)
    deploy.tidy(project)
    answering.wait(project, gathered.stack, entrance.of(standing).routes, names, gathered.cluster)
    return _done(planned, standing, gathered, found, saved, [], [*told, *problems])


def _checked(planned: Planned, values: Mapping[str, str]) -> placement.Cluster:
    """The cluster. Raises StackError for all that Swarm can't carry, before anything is built, written or ended."""
    _, gathered, _ = look(planned, running(planned.plan.project), values)
    problems = [*gathered.stack.refused, *gathered.placement.refused,
                *placement.restores(gathered.cluster, gathered.placement),
                *networks.standing(gathered.stack, planned.plan.project)]  # fmt: skip
    if problems:
        raise StackError(problems)
    return gathered.cluster


def _to_do(planned: Planned, found: list[Change], recreate: bool) -> tuple[list[str], frozenset[str]]:
    """The services to deploy or wait for, and those that are only to be waited for, as they are on their way already.
    A job runs again where it changed, did not end well, or waits for what is made anew."""
    actions = {c.name: c.action for c in found}
    jobs = {s.name for s in planned.plan.services if s.one_shot}
    done = set() if recreate else changes.finished(planned.plan, found)
    names = [n for n in planned.plan.names() if n not in done and (recreate or n in jobs or actions[n] != "unchanged")]
    waited = {name for name in names if actions[name] == "start" and name not in jobs and not recreate}
    return names, frozenset(waited)


def build(planned: Planned, values: Mapping[str, str], progress: Progress) -> None:
    """Build the images that are missing or older than their files. `values` are the secrets, of which a first start has
    none in `.env` yet, and without which Compose builds nothing."""
    from stack.planning import mounted

    need = images.look(planned, images.present(planned), mounted.digests(planned))
    if need.build:
        images.build_apart(planned, compare.assemble(planned), need, values, progress)


def _write(standing: Planned, gathered: Gathered, saved: Mapping[str, str | None], values: Mapping[str, str]) -> None:
    """Everything that the checkout keeps of this deployment; `.env` first, as the secrets must outlive all else."""
    root = standing.checkout.root
    if saved:
        tree.write(root / ".env", envfile.edit(tree.read(root / ".env"), saved), 0o600)
    kept.write(root, gathered.placement.kept)
    live.write(standing, root)
    live.tell(standing, values)
    live.apply_routes(standing, running=False)
    # What plain `docker compose up` would start of it were a second one beside what the cluster runs.
    if assembly.MARK.encode() in tree.read(root / "compose.yaml"):
        (root / "compose.yaml").unlink()
    tree.write(root / FILE, f"{assembly.MARK}\n{stackfile.text(gathered.stack, gathered.stack.services)}".encode())


def _end_compose(project: str, progress: Progress) -> None:
    """End what Compose runs of the project: two of them would share ports and data."""
    if docker.containers(project):
        from stack.running import objects

        progress.say("ending what Compose runs here; the data stays")
        objects.remove_containers(project)
        objects.remove_networks(project)


def end(root: Path, project: str, progress: Progress) -> list[str]:
    """End what the cluster runs of a project that goes back to Compose, where something does; tells so. Costs nothing
    where it never ran there."""
    if not chosen.ever(root) or not manager.active():
        return []
    here = str((docker.info().get("Swarm") or {}).get("NodeID", ""))
    away = sorted(name for name, node in kept.recalled(root, project).volumes.items() if node != here)
    if away:
        message = f"the data of {', '.join(away)} is on another node, and would be empty here"
        fix = (
            "take its own dump there (./inv open NAME), then ./inv down --volumes, which removes it, and "
            "./inv up --on compose"
        )
        raise StackError(Problem("data-elsewhere", message, "--on", fix))
    if not manager.of_stack("services", project):
        return []
    progress.say("ending what the cluster runs of this project; the data stays")
    deploy.down(project)
    doors.remove(project, data=False)
    (root / FILE).unlink(missing_ok=True)
    return ["ended what the cluster ran; the data stayed"]


def explain(planned: Planned, failure: Failure, values: Mapping[str, str]) -> Problem:
    """Why a service did not get there, with its last lines and what to type."""
    said = _log(failure.container)
    cause, fix = refusals.meaning([failure.why, *said], failure.service)
    lines = [f"{failure.service}: {failure.why}", *([f"  {cause}"] if cause else []), *said]
    look_on = failure.retry or fix or f"docker service logs {planned.plan.project}_{failure.service}"
    code = "service-warning" if failure.retry else "service-failed"
    return Problem(code, secrets.hide("\n".join(lines), values.values()), failure.service, look_on)


def rows(project: str) -> list[dict[str, Any]]:
    """Each task as `status` tells of containers, with the name of its node."""
    manager.check()
    called = {node.id: node.hostname for node in nodes.listed()}
    twins = len(set(called.values())) < len(called)
    listed = tasks.listed(project)
    ended = manager.tasks(project)
    found = []
    for name, task, service in listed:
        one = tasks.as_container(name, task)
        identity = task.get("NodeID") or ""
        same = [t for t in ended if t["ServiceID"] == task["ServiceID"] and tasks.digest(t) == tasks.digest(task)]
        found.append({
            **msgspec.structs.asdict(one), "started": task["Status"]["Timestamp"],
            "restarts": sum(tasks.state(t) in ("failed", "rejected") for t in same),
            "ports": _ports(service) if one.state == "running" else {},
            "node": called.get(identity, identity) + (f" ({identity[:12]})" if twins and identity else ""),
        })  # fmt: skip
    return found


def _ports(service: Mapping[str, Any]) -> dict[str, list[dict[str, str]]]:
    """The ports that a service publishes, as an engine tells them of a container."""
    ports = (service.get("Endpoint") or {}).get("Ports") or []
    return {f"{port['TargetPort']}/{port['Protocol']}": [{"HostIp": "", "HostPort": str(port["PublishedPort"])}]
            for port in ports if port.get("PublishedPort")}  # fmt: skip


def volumes(root: Path) -> list[str]:
    """The volumes of a project, each with its node."""
    called = {node.id: node.hostname for node in nodes.listed()}
    return [f"{name} (on {called.get(node, node)})" for name, node in sorted(kept.read(root).volumes.items())]


def down(root: Path, project: str, volumes: bool) -> Result:
    """Remove all of a project from its cluster; its volumes too where that is asked for and agreed to."""
    manager.check()
    compare.check_owner(root, project, tasks.containers(project))
    remembered = kept.recalled(root, project)
    counts = deploy.down(project)
    (root / FILE).unlink(missing_ok=True)
    known = sorted(remembered.volumes)
    kept.write(root, remembered) if known else None
    lines = [f"removed {counts['services']} services, {counts['networks']} networks of {project} from the cluster"]
    gone: list[str] = []
    problems: list[Problem] = []
    if volumes:
        gone, problems = emptying.remove(root, project, remembered, Progress())
        lines.append(f"removed {len(gone)} volumes")
        history.forget(root, project)
    else:
        problems = emptying.end_registries(project)
    doors.remove(project, data=volumes)
    left = [name for name in known if name not in gone]
    if left and not volumes:
        lines.append(f"kept the data: {', '.join(left)} (to remove it: ./inv down --volumes)")
    data = {"project": project, "containers": counts["services"], "networks": counts["networks"], "volumes": gone,
            "kept": left}  # fmt: skip
    return Result(data, problems, FAILED if problems else 0, lines)


LAST_LINES = 20


def _log(task: str) -> list[str]:
    """The last lines of a task, on whichever node it ran."""
    if not task:
        return []
    done = docker.run(["service", "logs", "--raw", "--tail", str(LAST_LINES), task], timeout=30)
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()][-LAST_LINES:]
    return [f"  its last {len(lines)} lines:", *(f"    {line}" for line in lines)] if lines else ["  it logged nothing"]


def _done(planned: Planned, standing: Planned, gathered: Gathered, found: list[Change],
          saved: Mapping[str, str | None], lines: list[str], told: list[Problem]) -> Result:  # fmt: skip
    removed = [c.name for c in found if c.action == "remove"]
    beyond = [c.name for c in found if c.action == "beyond"]
    lines += [f"removed, with its data kept: {', '.join(removed)}"] if removed else []
    lines += [f"left alone, as it is not in the selection: {', '.join(beyond)}"] if beyond else []
    reached = [link for link in links.of(planned.plan.names(), standing) if through_gateway(standing, link)]
    data = {
        **told_plan(planned), "changes": msgspec.to_builtins(found), "placement": places(gathered),
        "urls": [{**msgspec.to_builtins(link), "direct": ""} for link in reached], "saved": sorted(saved),
    }  # fmt: skip
    lines = [*saving.sentences(planned, saved), *gathered.stack.told, *lines, *links.secure(standing)]
    return Result(data, [*planned.problems, *told], lines=lines)


def removed(planned: Planned, names: list[str]) -> list[str]:
    """End services that are taken away; their data stays, as it may be on another node."""
    try:
        there = sorted({c.service for c in running(planned.plan.project)} & set(names))
    except StackError:
        return []
    deploy.remove(planned.plan.project, there)
    return [f"ended {', '.join(there)}; its volumes stay on their node"] if there else []


def reached(planned: Planned, link: links.Link) -> tuple[list[str], bool]:
    """The ways to a service of a cluster, besides the gateway, and whether the gateway is one: on which nodes it runs,
    a shell there, and its port on this machine while a forwarder runs."""
    name, project = link.service, planned.plan.project
    called = {node.id: node for node in nodes.listed()}
    here = str((docker.info().get("Swarm") or {}).get("NodeID", ""))
    at = [task["NodeID"] for one, task, _ in tasks.listed(project) if one == name and tasks.state(task) == "running"]
    if not at:
        raise fail("not-running", f"{name} does not run", name, "./inv up")
    lines = [f"runs on {', '.join(sorted(called[node].hostname for node in set(at) if node in called))}"]
    shell = f"docker exec -it $(docker ps -qf name=^{project}_{name}[.] | head -n 1) sh"
    away = called[at[0]].address if at[0] != here and at[0] in called else ""
    lines.append(f"a shell in it: ssh -t {away} '{shell}'" if away else f"a shell in it: {shell}")
    service = next(one for one in planned.plan.services if one.name == name)
    port = next((port for port in service.ports if port.host), None)
    if port and name != entrance.SERVICE:
        network = next(iter(planned.facts.model["services"][name].get("networks") or {"default": None}))
        lines.append(f"on 127.0.0.1:{port.host} of this machine, while this runs: docker run --rm --network "
                     f"{project}_{network} -p 127.0.0.1:{port.host}:{port.container} -e FAR={name}:{port.container} "
                     f"{emptying.IMAGE} tcp {port.container} FAR")  # fmt: skip
    return lines, through_gateway(planned, link)


def through_gateway(planned: Planned, link: links.Link) -> bool:
    """Whether an address is the gateway's: no other port is published on a cluster."""
    own = [one.url for one in links.rows(planned, [], entrance.site(planned)) if one.service == link.service]
    return link.service == entrance.SERVICE or link.url not in own
