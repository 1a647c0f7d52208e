"""`inv plan`: what would run, and what would change. Writes nothing but the cache."""

from typing import Any

import msgspec

from stack import compare, gpu, planner, saving, sight, tree
from stack.errors import Problem, StackError
from stack.planner import Planned, Request
from stack.result import Result

NO_ENGINE = "no engine answers, so this is not compared with what runs"


def run(request: Request) -> Result:
    """The plan as data, with the changes against what runs where an engine answers."""
    planned = planner.make(tree.root(), request)
    assembled = compare.assemble(planned)
    running = compare.running(planned.plan.project)
    changes = None
    if running is not None:
        compare.check_owner(planned.checkout.root, planned.plan.project, running)
        lacking = gpu.problems(planned.plan)
        if lacking:
            raise StackError(lacking)
        changes = compare.compare(planned, assembled, _images(planned), running, saving.secret_values(planned.checkout))
    own = {port.host for service in planned.plan.services for port in service.ports if port.host}
    lines = sight.better(planned, own)
    problems = list(planned.problems)
    if changes is None:
        problems.append(Problem("no-engine", NO_ENGINE, fix="./inv engine"))
    return Result({**data(planned), "changes": msgspec.to_builtins(changes)}, problems, lines=lines)


def _images(planned: Planned) -> compare.Images:
    from stack import images

    return images.present(planned)


def data(planned: Planned) -> dict[str, Any]:
    """The plan as the JSON envelope holds it."""
    plan = planned.plan
    services = [
        {
            "name": s.name, "source": s.source, "containers": s.containers, "image": s.image,
            "ports": msgspec.to_builtins(s.ports), "depends_on": msgspec.to_builtins(s.depends_on), "tier": s.tier,
            "url": s.url, "about": s.about, "one_shot": s.one_shot, "memory_bytes": s.memory_bytes,
        }
        for s in plan.services
    ]  # fmt: skip
    return {
        "project": plan.project, "base_port": plan.base_port, "profiles": plan.profiles, "files": plan.files,
        "services": services, "order": plan.order, "left_out": msgspec.to_builtins(plan.left_out),
    }  # fmt: skip
