"""`inv plan`: what would run, and what would change. Writes nothing but the cache."""

from collections.abc import Iterable, Mapping

import msgspec

from stack import tree
from stack.errors import FAILED, OK, Problem, StackError
from stack.gateway import entrance
from stack.output.result import Result
from stack.planning import (
    behind,
    checkouts,
    compare,
    definitions,
    gpu,
    layering,
    plan,
    planner,
    remote,
    rootless,
    saving,
    sight,
)
from stack.planning.changes import Change
from stack.planning.planner import Planned, Request
from stack.running import history, images, live, tls

NO_ENGINE = "no engine answers, so this is not compared with what runs"


def run(request: Request) -> Result:
    """The plan as data, with the changes against what runs where an engine answers. A gateway's file or certificate
    that `up` would refuse is told beside it."""
    return of(planner.make(tree.root(), request))


def of(planned: Planned) -> Result:
    """The same of a plan that was made."""
    if checkouts.clustered(planned.checkout):
        from stack.commands import swarm

        return swarm.planned_result(planned)
    assembled = compare.assemble(planned)
    running = compare.running(planned.plan.project)
    changes = None
    lines: list[str] = []
    told: list[Problem] = []
    if running is not None:
        compare.check_owner(planned.checkout.root, planned.plan.project, running)
        lacking = [*gpu.problems(planned.plan), *remote.problems(planned), *rootless.problems(planned)]
        if lacking:
            raise StackError(lacking)
        here = images.present(planned)
        secrets = saving.secret_values(planned.checkout)
        changes = compare.compare(planned, assembled, here, running, secrets)
        standing = planner.widened(planned, [c.name for c in changes if c.action == "beyond"])
        lines += connected(changes, live.untold(standing, secrets))
        lines += _sealed(planned, changes)
        told = [*behind.problems(planned), *definitions.problems(planned), *entrance.unheard(planned)]
        lines += _to_come(planned, images.look(planned, here, assembled.digests))
    own = {port.host for service in planned.plan.services for port in service.ports if port.host}
    lines += sight.better(planned, own)
    refused = [*entrance.of(planned).problems, *tls.problems(planned.checkout)]
    unlocked = planner.unlocked(planned)
    told = [*history.unended(planned.checkout.root), *told]
    problems = [*planned.problems, *layering.problems(planned), *unlocked, *told, *refused]
    if changes is None:
        problems.append(Problem("no-engine", NO_ENGINE, fix="./inv engine"))
    exit_code = FAILED if refused else OK
    return Result({**plan.data(planned.plan), "changes": msgspec.to_builtins(changes)}, problems, exit_code, lines)


def connected(changes: Iterable[Change], untold: Mapping[str, list[str]]) -> list[str]:
    """Who runs on with other connections, as it reads them at each use."""
    runs = {change.name for change in changes if change.action in ("unchanged", "beyond")}
    return [f"{name} runs on, with other connections: {', '.join(untold[name])}" for name in untold if name in runs]


def _sealed(planned: Planned, changes: Iterable[Change]) -> list[str]:
    """That a gateway which runs on takes another certificate."""
    runs = any(change.name == entrance.SERVICE and change.action in ("unchanged", "beyond") for change in changes)
    takes = tls.to_come(planned) if runs and not tls.problems(planned.checkout) else ""
    return [f"{entrance.SERVICE} runs on, and takes {takes}"] if takes else []


def _to_come(planned: Planned, need: images.Need) -> list[str]:
    """What `up` would fetch and build first, with the sizes that are known."""
    sizes = {s.image: s.download for s in planned.plan.services if s.download}
    pulls = [f"{image} ({sizes[image]})" if image in sizes else image for image in need.pull]
    told = "not here, and --offline pulls nothing" if planned.request.offline else "to be pulled first"
    lines = [f"{told}: {', '.join(pulls)}"] if pulls else []
    return lines + ([f"to be built first: {', '.join(need.build)}"] if need.build else [])
