"""Settings that something planned needs and that are not there."""

import time
from collections.abc import Iterable, Sequence

from stack import tree
from stack.doctor.check import Action, Check, Finding, found
from stack.doctor.inspected import service_of
from stack.doctor.scene import Scene
from stack.env import envfile, secrets
from stack.planning import model, planner, saving


def _run(scene: Scene) -> Iterable[Finding]:
    for fragment in scene.planned.plan.fragments():
        for problem in planner.unset_of(scene.planned, fragment):
            yield found(problem, "./inv up refuses to start anything", fragment)
    # Before the first start every secret is missing: it makes them.
    if scene.started():
        yield from _lost(scene)


def _lost(scene: Scene) -> Iterable[Finding]:
    for fragment, names in _missing(scene).items():
        volumes = saving.existing_volumes(scene.planned, fragment)
        if volumes:
            yield found(saving.lost(fragment, names, volumes), f"{fragment} can't be started", fragment)
        else:
            seen = f"{', '.join(names)} of {fragment} {'is' if len(names) == 1 else 'are'} not in .env"
            yield Finding(seen, "plain docker compose refuses to start it", "./inv up", service=fragment, where=".env")


def _missing(scene: Scene) -> dict[str, list[str]]:
    """The secrets of each fragment that are made here, that a container was given, and that are gone."""
    there, now = scene.secrets, int(time.time())
    started = {service_of(one) for one in scene.containers}
    given = {name for s in scene.planned.plan.names() if s in started for name in model.secrets_of(scene.raw(s))}
    gone = {}
    for fragment, kinds in saving.declared(scene.planned).items():
        missing = [name for name in secrets.missing(kinds, there, now) if name in given and not there.get(name)]
        gone[fragment] = saving.once_there(scene.planned, fragment, missing)
    return {fragment: names for fragment, names in gone.items() if names}


def _mend(scene: Scene) -> list[Action]:
    if not scene.started():
        return []
    safe = {f: names for f, names in _missing(scene).items() if not saving.existing_volumes(scene.planned, f)}
    return writing(scene, sorted({name for names in safe.values() for name in names}))


def writing(scene: Scene, names: Sequence[str]) -> list[Action]:
    """The step that makes these secrets and writes them to `.env`."""
    made = {name: value for name, value in saving.new_secrets(scene.planned).items() if name in names}
    path = scene.root / ".env"

    def write() -> None:
        tree.write(path, envfile.edit(tree.read(path), made), 0o600)

    return [Action(f"make {', '.join(sorted(made))} and write it to .env; then ./inv up", write)] if made else []


CHECK = Check(
    id="settings-missing",
    section="settings",
    holds="every setting that something planned needs is there",
    run=_run,
    needs=("planned", "secrets"),
    mend=_mend,
)
