"""Whether the running gateway has the routes of the plan."""

from collections.abc import Iterable

from stack import tree
from stack.doctor.check import WARNING, Check, Finding
from stack.doctor.scene import Scene
from stack.gateway import entrance
from stack.running import live


def _run(scene: Scene) -> Iterable[Finding]:
    if entrance.SERVICE not in scene.running():
        return
    made = scene.gateway if scene.standing is scene.planned else entrance.of(scene.standing)
    stale = [path for path, text in live.texts(scene.standing, made).items() if tree.read(scene.root / path) != text]
    if made.problems or not stale:
        return
    seen = f"{stale[-1]}, which the gateway serves, is not what kong/kong.yml and the plan come to"
    yield Finding(seen, "the last changes of routes have no effect yet", "./inv up", WARNING, entrance.SERVICE,
                  "kong/kong.yml")  # fmt: skip


CHECK = Check(
    id="gateway-stale",
    section="gateway",
    holds="the running gateway has the plan's routes",
    run=_run,
    needs=("planned", "engine", "gateway_up"),
    of_services=True,
)
