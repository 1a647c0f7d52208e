"""The data of before a start, on the way back from it: new volumes with what the backup has."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from stack import docker
from stack.backup import repository, restoring
from stack.backup.manifest import Part
from stack.env import envfile
from stack.output.progress import Progress
from stack.planning import checkouts, locks, planner
from stack.planning.planner import Planned, Request
from stack.running import rolling
from stack.running.rolling import Way


def filled(root: Path, way: Way, repo_of: repository.Place, parts: Iterable[Part], progress: Progress) -> Way:
    """The way with volumes that have what the parts hold; those that are used now stay beside them. Raises StackError
    where a part does not come over whole; the new volumes are gone then."""
    parts, dotenv = list(parts), envfile.parse(way.files[".env"] or b"")
    first = _planned(root, way, dotenv)
    room = restoring.room(first, parts)
    pointers = room.pointers or ""
    planned = _planned(root, way, {**dotenv, "DATA_VOLUMES": pointers})
    made: list[str] = []
    try:
        restoring.make(planned, room.keys, made)
        restoring.fill(planned, repo_of, parts, room.where, progress)
    except BaseException:
        if made:
            docker.run(["volume", "rm", *made])
        raise
    env = envfile.edit(way.files[".env"] or b"", {"DATA_VOLUMES": pointers})
    return rolling.onto(root, way, dict(zip(room.keys, made, strict=True)), env)


def keys(root: Path, way: Way, parts: Iterable[Part]) -> list[str]:
    """The volumes that `filled` makes anew, by their keys."""
    planned = _planned(root, way, envfile.parse(way.files[".env"] or b""))
    return sorted({key for one in restoring.targets(planned, parts).values() for key in one})


def _planned(root: Path, way: Way, dotenv: Mapping[str, str]) -> Planned:
    """The plan with the settings of then, and the images of then whatever the fragments name by now."""
    checkout = checkouts.read(root, dotenv=dict(dotenv))
    found = planner.make_from(checkout, Request(), table=locks.decoded(way.files[locks.FILE] or b""))
    then, services = way.model["services"], found.facts.model["services"]
    images = {name: {**raw, "image": then[name]["image"]} for name, raw in services.items() if name in then and raw}
    facts = msgspec.structs.replace(found.facts, model={**found.facts.model, "services": {**services, **images}})
    return msgspec.structs.replace(found, facts=facts)
