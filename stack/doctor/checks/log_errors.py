"""What running services say that looks like an error. They run, so it is a warning."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from stack.doctor import words
from stack.doctor.check import WARNING, Check, Finding
from stack.doctor.inspected import Inspected
from stack.doctor.scene import Scene
from stack.running import loglines

MINUTES = 10
"""How far back lines count: what is older was seen, or has passed."""


def _run(scene: Scene) -> Iterable[Finding]:
    # Of those in trouble, the checks of that trouble tell the lines.
    well = {name: one for name, all_ in scene.running().items() for one in all_[:1] if _well(one)}
    if not well:
        return
    with ThreadPoolExecutor(8) as pool:
        logs = dict(zip(well, pool.map(lambda one: words.log(one, MINUTES * 60), well.values()), strict=True))
    for name, text in logs.items():
        lines = loglines.errors(text)
        if lines:
            told = "".join(f"\n  | {line}" for line in lines)
            yield Finding(f"{name} runs, and said in the last {MINUTES} minutes:{told}",
                          "something that it was asked for may have failed",
                          f"docker compose logs --since {MINUTES}m {name}", WARNING, name)  # fmt: skip


def _well(one: Inspected) -> bool:
    return words.health(one) in ("", "healthy") and not one["State"]["Restarting"]


CHECK = Check(
    id="log-errors",
    section="services",
    holds=f"no running service said anything that looks like an error in the last {MINUTES} minutes",
    run=_run,
    needs=("planned", "engine", "up"),
    of_services=True,
)
