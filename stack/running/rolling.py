"""The way back to what stood after an earlier start: what it would change, and going it."""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from stack import compose, docker, tree, yamlfile
from stack.authoring import unfinished
from stack.docker import Container
from stack.env import envfile
from stack.errors import USAGE, Problem, StackError, fail
from stack.gateway import entrance
from stack.names import echoed
from stack.output.progress import Progress
from stack.planning import assembly, changes, checkouts, compare, lastup, locks, model
from stack.planning.changes import Change, Wanted
from stack.planning.locks import Locked
from stack.planning.plan import Plan
from stack.running import history, live, objects, pull, start
from stack.running.history import Entry, File, Image, Moment
from stack.running.watching import Failure


class Way(msgspec.Struct, frozen=True):
    """The way to a moment: the files as they are to be, the project as they assemble it, what it changes of what runs,
    the images to pull and those to keep first, the volumes that take the place of others (key → name, name now), those
    of them that are gone (key → name), and the services that mount files which have changed since (those stay as they
    are)."""

    plan: Plan
    files: dict[str, bytes | None]
    derived: dict[str, File]
    model: dict[str, Any]
    changes: list[Change]
    pulls: list[str]
    kept: list[Image]
    volumes: dict[str, tuple[str, str]]
    gone: dict[str, str]
    newer: list[str]


def way(root: Path, moment: Moment, images: Mapping[str, Image], running: list[Container]) -> Way:
    """What has to be done. Raises StackError where an image is not to be had any more."""
    text = moment.files["compose.yaml"].data.decode()
    assembled = yamlfile.load("compose.yaml", assembly.body(text))
    there = _there(list(images.values()))
    names = {service: resolved(moment.plan.project, image, there) for service, image in images.items()}
    lost = [_gone(service, images[service]) for service, name in names.items() if not name]
    if lost:
        raise StackError(lost)
    if different := {service: name for service, name in names.items() if name != images[service].name}:
        renamed = {service: {**raw, "image": different.get(service, raw["image"])}
                   for service, raw in assembled["services"].items()}  # fmt: skip
        assembled = {**assembled, "services": renamed}
        text = assembly.text(assembled, text.partition("# inputs: ")[2].partition("\n")[0])
    files: dict[str, bytes | None] = {name: moment.files[name].data if name in moment.files else None
                                      for name in history.CHOSEN}  # fmt: skip
    files["compose.yaml"] = text.encode()
    files[locks.FILE] = relocked(files[locks.FILE], images, different)
    derived = {path: file for path, file in moment.files.items() if path not in history.CHOSEN}
    values = envfile.parse(files[".env"] or b"")
    told = _changes(root, moment.plan, assembled, text, values, running)
    pulls = sorted({name for service, name in names.items() if name not in there and not images[service].built})
    kept = [images[service] for service in different if images[service].built]
    volumes = swapped(_standing(root), assembled)
    here = docker.volumes() if volumes else set()
    gone = {key: then for key, (then, _) in volumes.items() if then not in here}
    volumes = {key: names for key, names in volumes.items() if key not in gone}
    return Way(moment.plan, files, derived, assembled, told, pulls, kept, volumes, gone,
               newer(root, assembled["services"]))  # fmt: skip


def with_data(found: Way, filled: Collection[str], fix: str) -> None:
    """Raises StackError where the data of then is gone, a volume that another took the place of, and is not `filled`
    (the keys of volumes) anew; `fix` is what to type then."""
    if lost := sorted(name for key, name in found.gone.items() if key not in filled):
        message = f"the data of then is gone: volume {', '.join(lost)}, which another took the place of"
        raise fail("volume-gone", message, lost[0], fix)


def onto(root: Path, found: Way, names: Mapping[str, str], env: bytes) -> Way:
    """The way with other volumes (key → name), and the `.env` that says so."""
    values = envfile.parse(env)
    declared = found.model.get("volumes") or {}
    before = {key: name for key in checkouts.numbers_in(values.get("DATA_VOLUMES", ""))
              if (name := (declared.get(key) or {}).get("name"))}  # fmt: skip
    project = model.placed(found.model, {**before, **names})
    old = (found.files["compose.yaml"] or b"").decode()
    text = assembly.text(project, old.partition("# inputs: ")[2].partition("\n")[0])
    files = {**found.files, "compose.yaml": text.encode(), ".env": env}
    running = docker.containers(found.plan.project)
    told = _changes(root, found.plan, project, text, values, running)
    return msgspec.structs.replace(found, files=files, model=project, changes=told)


def _standing(root: Path) -> dict[str, Any]:
    """The project as it stands in compose.yaml; empty where there is none."""
    text = tree.read(root / "compose.yaml").decode(errors="replace")
    return yamlfile.load("compose.yaml", assembly.body(text)) or {}


def swapped(now: Mapping[str, Any], then: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """The volumes of then that have another name now, as a restore of a backup makes them: key → (then, now). Pure."""
    one, other = ({key: str((raw or {}).get("name") or key) for key, raw in (project.get("volumes") or {}).items()}
                  for project in (then, now))  # fmt: skip
    return {key: (name, other[key]) for key, name in one.items() if other.get(key, name) != name}


def _there(images: Collection[Image]) -> dict[str, str]:
    """The id of each name that is on this machine, and of each id."""
    names = {name for image in images for name in (image.name, _exact(image)) if name}
    rows = docker.inspected("images", names | {image.id for image in images})
    ids = {name: row["Id"] for row in rows for name in docker.names_of(row)}
    there = {name: found for name in names if (found := ids.get(docker.familiar(name)))}
    return there | {row["Id"]: row["Id"] for row in rows}


def _exact(image: Image) -> str:
    return f"{image.name.partition('@')[0]}@{image.digest}" if image.digest else ""


def resolved(project: str, image: Image, there: Mapping[str, str]) -> str:
    """The name by which an image can be run as it was: its own, where that still means the same; the tag by which it
    is kept; its digest, by which it can also be pulled. Nothing where it is gone. Pure."""
    exact = _exact(image)
    if there.get(image.name) == image.id or image.name == exact:
        return image.name
    if image.built:
        return history.tag(project, image) if image.id in there else ""
    return exact


def relocked(lock: bytes | None, images: Mapping[str, Image], different: Iterable[str]) -> bytes | None:
    """The lock of then, with the images whose tag has become another since: else the next `up` would run that. Pure but
    for the form of the file."""
    moved = {images[name].named: images[name] for name in different if not images[name].built}
    if not moved:
        return lock
    table = locks.decoded(lock or b"")
    return locks.encoded(table | {name: Locked(image.digest, image.id) for name, image in moved.items()})


def _gone(service: str, image: Image) -> Problem:
    how = "was built here and is gone" if image.built else "has no digest by which it could be pulled, and is gone"
    return Problem("image-gone", f"the image of {service} {how}: {image.name} ({image.id[7:19]})", service,
                   "./inv history, for another one")  # fmt: skip


def _changes(root: Path, plan: Plan, assembled: Mapping[str, Any], text: str, values: Mapping[str, str],
             running: list[Container]) -> list[Change]:  # fmt: skip
    services = assembled["services"]
    env = {**docker.environment(), **compare.stand_ins(assembled, values)}
    hashed = compose.hashes(root, plan.project, text, env) if running else {}
    here = docker.images([raw["image"] for raw in services.values()])
    wanted = {
        name: Wanted(hashed.get(name, ""), found[0] if (found := here.get(raw["image"])) else None,
                     model.one_shot(raw), model.replicas(raw))
        for name, raw in services.items()
    }  # fmt: skip
    record = lastup.read(root)
    told = changes.compare(wanted, running, lastup.parts(record, services), exact=True)
    # What its replicas have in common here is no host port, but nobody waits for the gateway to see new ones.
    return [msgspec.structs.replace(c, action="recreate") if c.action == "replace" else c for c in told]


def newer(root: Path, services: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The services that mount files of the checkout which are not what they were."""
    found = []
    for name, raw in services.items():
        label = (raw.get("labels") or {}).get(assembly.CONFIG_LABEL)
        paths = [root / assembly.original(path) for path in assembly.config_binds(dict(raw))]
        if label and label != assembly.combined(tree.digest_path(path) for path in paths if path.exists()):
            found.append(name)
    return found


def fetch(found: Way, progress: Progress) -> None:
    """Pull what is not here. Raises StackError where some can't be had."""
    history.keep_images(found.plan.project, found.kept)
    pull.each(found.pulls, progress)


def put_back(root: Path, found: Way) -> None:
    """Make the files be as they are to be: all or none; what follows from them after that.

    Raises StackError where one can't be written."""
    put(root, found.files)
    tree.enclose(root / assembly.PRIVATE)
    for path, file in found.derived.items():
        if path not in (live.GATEWAY, live.HAPROXY):
            tree.share(root / path, file.data) if file.mode & 0o44 else tree.write(root / path, file.data, file.mode)


def put(root: Path, files: Mapping[str, bytes | None]) -> None:
    """Make files be as they are to be, all or none, whatever ends this process. Raises StackError where one can't be
    written."""
    before = {path: unfinished.found(root / path) for path in files}
    unfinished.begin(root, files, before)
    try:
        for path, data in files.items():
            unfinished.put(root, path, data)
    except BaseException:
        unfinished.undo(root)
        raise
    unfinished.end(root)


def go(root: Path, found: Way, running: list[Container], timeout: float, progress: Progress) -> list[Failure]:
    """Start what was to run then, remove what was not, and wait. Gives back the services that failed."""
    actions = {change.name: change.action for change in found.changes}
    serves = entrance.runs(running) and actions.get(entrance.SERVICE) == "unchanged"
    routes(root, found, serves)
    if gone := [name for name, action in actions.items() if action == "remove"]:
        objects.remove_containers(found.plan.project, gone)
    skip = changes.finished(found.plan, found.changes)
    services = found.model["services"]
    checked = {name for name, raw in services.items()
               if (check := raw.get("healthcheck")) and not check.get("disable")}  # fmt: skip
    names = [name for name in found.plan.names() if name not in skip]
    well = {name for name, action in actions.items() if action == "unchanged"}
    return start.start(start.Job(root, found.plan, names, checked, well), False, timeout, progress)


def routes(root: Path, found: Way, serves: bool) -> None:
    """Put the gateway's config of then in place; one that runs on takes it while it runs. Raises StackError in its
    words where it does not."""
    configs = {path: found.derived[path].data for path in (live.GATEWAY, live.HAPROXY) if path in found.derived}
    served = live.HAPROXY if live.HAPROXY in configs else live.GATEWAY
    fresh = serves and served in configs and tree.read(root / served) != configs[served]
    if fresh and (said := live.hand_over(root, found.plan.project, root / served, configs[served])):
        raise fail("gateway-config", f"the gateway refuses its old routes: {said.strip()}", served, "./inv up")
    for path, data in configs.items():
        tree.share(root / path, data)


def undone(entries: list[Entry], number: str) -> tuple[Entry, Entry]:
    """What stood before a start, as the entry that is before it, and the start itself; the last one, where no number is
    given. Raises StackError where there is none such."""
    if number and not (number.isascii() and number.isdecimal()):
        message = f"expected the number of a start, got {echoed(number)}"
        raise fail("usage", message, "rollback", "./inv history", USAGE)
    numbers = [entry.number for entry in entries]
    at = len(entries) - 1 if not number else numbers.index(int(number)) if int(number) in numbers else -1
    if at < 1:
        known = f"{numbers[1]} to {numbers[-1]}" if len(numbers) > 2 else f"{numbers[1]}" if numbers[1:] else "none"
        none = "nothing is recorded that could be undone"
        message = f"there is no start {number} to undo, only {known}" if number and known != "none" else none
        raise fail("history", message, "rollback", "./inv history")
    return entries[at - 1], entries[at]
