"""Services that run and whose healthcheck fails."""

from collections.abc import Iterable

from stack.doctor import edges, words
from stack.doctor.check import Check, Finding
from stack.doctor.checks.healthcheck_tool import lacks_tool
from stack.doctor.scene import Scene


def _run(scene: Scene) -> Iterable[Finding]:
    for name, running in scene.running().items():
        sick = [one for one in running if words.health(one) == "unhealthy" and not lacks_tool(one)]
        if not sick:
            continue
        code, said = words.probe(sick[0])
        seen = f"{name} is unhealthy: its healthcheck says {said or 'nothing'} (exit {code}){words.last_lines(sick[0])}"
        waiting = edges.waiting_for(scene, name)
        causes = f"{', '.join(waiting)} can't start, or can't use it" if waiting else "what it serves does not answer"
        fix = edges.first(scene, name) or f"docker compose restart {name}"
        yield Finding(seen, causes, fix, service=name)


CHECK = Check(
    id="unhealthy",
    section="services",
    holds="every healthcheck passes",
    run=_run,
    needs=("planned", "engine", "up"),
    of_services=True,
)
