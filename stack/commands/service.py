"""`inv add-service`, `inv remove-service`, `inv service`: one adds a service, one takes it away, one shows it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from stack import docker, tree
from stack.authoring import addition, doors, fragment, losses, typed, writing
from stack.authoring.definition import Definition
from stack.authoring.typed import Words
from stack.commands import route
from stack.docker import Container
from stack.env import envfile, public
from stack.errors import FAILED, USAGE, Problem, StackError, fail
from stack.gateway import entrance
from stack.gateway.kongfile import FILE
from stack.names import echoed, suggest
from stack.output import consent
from stack.output.result import Result
from stack.planning import checkouts, model, plan, planner
from stack.planning.catalog import FAR
from stack.planning.checkouts import Checkout
from stack.planning.planner import Planned


def add(name: str, words: Words, into: str, dry_run: bool, yes: bool) -> Result:
    """Write the files of a new service, once all of it is planned and Compose takes it."""
    root = tree.root()
    with tree.locked(root):
        checkout = checkouts.read(root)
        asked = consent.asker(enter=True)
        if words == Words() and not dry_run and not yes and asked and not asked(_question(name)):
            raise fail("declined", "nothing was written", fix=f"./inv add-service {name} --image REF --port N")
        lost: list[losses.Loss] = []
        if words.from_compose:
            definition, lost = typed.carried(name, words, checkout)
        else:
            definition = typed.definition(name, words, checkout)
        addition.check(checkout.catalog, definition, typed.aliases(checkout))
        definition = addition.prepared(checkout.catalog, definition)
        layer = route.in_layer(checkout, into, "")
        definition = _placed(definition, layer)
        gateway = {f"{layer}{FILE}": tree.read(root / f"{layer}{FILE}")}
        changes = addition.changes(checkout.catalog, definition, gateway, layer)
        _free(root, definition)
        result = _written(root, changes, dry_run, {})
    told = losses.told(lost)
    data = {"losses": [one._asdict() for one in lost]} if words.from_compose else {}
    if dry_run:
        return Result({**result.data, **data}, lines=[*told, *result.lines])
    offsets = list(addition.offsets(checkout.catalog, definition).values())
    base = int(checkout.settings.value("BASE_PORT"))
    address = [f"it will be at http://localhost:{base + offsets[0]}/"] if definition.ports else []
    ways = [door.path or f"{door.host}/" for door in definition.doors]
    address += [f"at the gateway: {', '.join(ways)} (./inv open {name} says where, once it runs)"] if ways else []
    start = f"start it: ./inv up --profile {definition.profiles[0]}"
    lines = [*result.lines, *told, start, *address]
    doubts = _doubts(words, definition, tree.read(root / f"{layer}{FILE}").decode("utf-8-sig"), into)
    return Result({"service": name, **data, **result.data}, doubts, lines=lines)


def _doubts(words: Words, definition: Definition, gateway: str, into: str) -> list[Problem]:
    """What works, and may not be what was meant; `gateway` is the file that has its routes, in the layer `into`."""
    found = []
    if addition.unpinned(words.image):
        note = f"{words.image} names no version, so what runs may change with each pull"
        found.append(Problem("unpinned", note, "--image", "--image NAME:VERSION"))
    if not words.auth:
        flags = ["--into", into] if into else []
        for at in definition.doors:
            called = doors.standing(gateway, definition.name, at)
            found += route.unguarded(gateway, called, definition.name, at, flags)
    first, *more = definition.ports or [0]
    if more and FAR & set(definition.sources):
        note = f"from elsewhere, {definition.name} is reached at port {first} alone, not at {', '.join(map(str, more))}"
        found.append(Problem("first-port", note, f"overrides/{definition.name}",
                             "an ambassador for each, as in overrides/neo4j-graph-db"))  # fmt: skip
    return found


def _question(name: str) -> str:
    return f"Write a small service {name} to start from (compose/{name}/, port 8000, open route /{name})?"


def _free(root: Path, definition: Definition) -> None:
    """Raises StackError where a file that comes with the service would take the place of another."""
    for path, data in definition.files.items():
        if (root / path).exists() and tree.read(root / path) != data:
            raise fail("exists", f"{path} is there already", path, f"move it away: mv {path} {path}.mine")


def _placed(definition: Definition, layer: str) -> Definition:
    """The definition with the files that come with it in the layer that it is written to."""
    here = f"./compose/{definition.name}"
    files = {f"{layer}{path}": data for path, data in definition.files.items()}
    parts = [_moved(part, here, layer) for part in definition.companions]
    return msgspec.structs.replace(_moved(definition, here, layer), files=files, companions=parts)


def _moved(part: Definition, here: str, layer: str) -> Definition:
    """A service with what it mounts and is built from below `here` in another layer."""

    def there(path: str) -> str:
        return f"./{layer}{path[2:]}" if f"{path}/".startswith(f"{here}/") else path

    mounts = [msgspec.structs.replace(mount, source=there(mount.source)) for mount in part.volumes]
    build = part.build
    build = {**build, "context": there(build["context"])} if isinstance(build, dict) and build else build
    return msgspec.structs.replace(part, volumes=mounts, build=build)


def _written(root: Path, changes: addition.Changes, dry_run: bool, saved: Mapping[str, str | None]) -> Result:
    _, everything = writing.tried(root, changes, saved)
    before = writing.standing(root, everything)
    if dry_run:
        lines = writing.diff(before, everything)
        return Result({"files": sorted(everything), "written": False, "diff": lines}, lines=lines)
    done = writing.apply(root, everything, before)
    lines = [f"{'removed' if everything[path] is None else 'wrote'} {path}" for path in done]
    return Result({"files": sorted(done), "written": True}, lines=lines)


def remove(name: str, volumes: bool, yes: bool, dry_run: bool) -> Result:
    """Take a service away: what runs of it, its files and routes; its data only where that is asked for."""
    root = tree.root()
    with tree.locked(root):
        planned = planner.drafted(checkouts.read(root))
        _known(planned, name)
        _not_needed(planned, name)
        ours = sorted(n for n in planned.checkout.catalog.services() if planned.checkout.catalog.fragment_of(n) == name)
        layers = planned.checkout.catalog.fragments[name].layers
        files = {path: tree.read(root / path) for path in (*entrance.files(planned), *layers)}
        made = fragment.made_with(files[layers[0]].decode(errors="replace"))
        files |= {path: tree.read(root / path) for path in made}
        changes = addition.removal(planned.checkout.catalog, name, files)
        if not yes and not dry_run and not _agreed(name):
            raise fail("declined", "nothing was removed", fix=f"./inv remove-service {name} --yes")
        data = _volumes(planned, ours) if volumes else []
        saved = _profiles_left(planned, ours)
        result = _written(root, changes, dry_run, saved)
        if not dry_run:
            result.lines += [*_unselected(root, saved), *_stopped(planned, ours, data)]
    kept = [path for path in made if files[path] and path not in changes]
    more = [f"kept, as you changed it: {', '.join(kept)}"] if kept else []
    return Result({"service": name, **result.data}, lines=[*result.lines, *more])


def _profiles_left(planned: Planned, ours: list[str]) -> dict[str, str | None]:
    """What `.env` is to select: without the profiles that go with the services, as an unknown one stops every plan."""
    others = [raw for name, raw in model.services(planned.facts.model).items() if name not in ours]
    known = {profile for raw in others for profile in raw.get("profiles") or []} | {plan.EVERYTHING}
    selected = [p.strip() for p in planned.checkout.dotenv.get("STACK_PROFILES", "").split(",") if p.strip()]
    left = [profile for profile in selected if profile in known]
    return {} if left == selected else {"STACK_PROFILES": ",".join(left) or None}


def _unselected(root: Path, saved: Mapping[str, str | None]) -> list[str]:
    if not saved:
        return []
    tree.write(root / ".env", envfile.edit(tree.read(root / ".env"), saved), 0o600)
    return [f"saved {name}={value}" if value else f"took {name} out of .env" for name, value in saved.items()]


def _agreed(name: str) -> bool:
    """Yes where nobody can be asked: what goes is in files, and the command was typed."""
    ask = consent.asker()
    return ask is None or ask(f"Remove {name}: its files and routes?")


def _known(planned: Planned, name: str) -> None:
    fragments = sorted(planned.checkout.catalog.fragments)
    if name not in fragments:
        hint = suggest(name, fragments) or "./inv source"
        raise fail("unknown-service", f"unknown service {echoed(name)}", "service", hint, USAGE)


def _not_needed(planned: Planned, name: str) -> None:
    found = planned.checkout.catalog
    users = {u for u, to in model.edges(planned.facts.model).items() if name in to and found.fragment_of(u) != name}
    if users:
        depend = "depends" if len(users) == 1 else "depend"
        message, where = (
            f"{', '.join(sorted(users))} {depend} on {name}",
            f"compose/{found.fragment_of(min(users))}.yml",
        )
        raise fail("needed", message, where, f"edit {where}: take {name} out of depends_on", FAILED)


def _volumes(planned: Planned, ours: list[str]) -> list[str]:
    """The volumes that only these services use, as the engine calls them."""
    services = model.services(planned.facts.model)
    used = {name: set(model.references(raw).get("volumes", ())) for name, raw in services.items()}
    others = {volume for name, names in used.items() if name not in ours for volume in names}
    mine = {volume for name in ours for volume in used.get(name, ())} - others
    return sorted(f"{planned.plan.project}_{volume}" for volume in mine)


def _stopped(planned: Planned, ours: list[str], volumes: list[str]) -> list[str]:
    """End what runs of them, where an engine answers."""
    from stack.running import objects

    try:
        running = docker.containers(planned.plan.project)
    except StackError:
        return []
    if checkouts.clustered(planned.checkout):
        from stack.commands import swarm

        return swarm.removed(planned, ours)
    count = objects.remove_containers(planned.plan.project, ours) if any(c.service in ours for c in running) else 0
    there = docker.volumes() & set(volumes)
    for volume in sorted(there):
        docker.ask(["volume", "rm", volume])
    lines = [f"stopped and removed {count} containers"] if count else []
    return lines + ([f"removed its data: {', '.join(sorted(there))}"] if there else [])


def show(name: str) -> Result:
    """One service: files, settings with their layer, ports, routes, edges both ways, secrets by name, what runs."""
    planned = planner.drafted(checkouts.read(tree.root()))
    _known(planned, name)
    checkout, found = planned.checkout, planned.checkout.catalog
    source = planned.facts.sources[name]
    files = found.fragments[name].files(source)
    edges = model.edges(planned.facts.model)
    secrets = checkouts.declared(checkout, name, source)
    read = sorted({v for path in files for v in found.files[path].variables} - public.DERIVED.keys())
    ports = {v: planned.facts.ports[v] for path in files for e in found.files[path].entries.values()
             for v in e.get("ports", {}) if v in planned.facts.ports}  # fmt: skip
    data: dict[str, Any] = {
        "name": name, "source": source, "files": files, "planned": name in planned.plan.names(),
        "settings": [{"name": v, "value": _value(checkout, v), "origin": checkout.settings.origin(v) or "default"}
                     for v in read if v not in checkout.secrets and v not in ports],
        "ports": ports, "secrets": sorted(secrets),
        "routes": [row for row in route.listed().data["routes"] if row["service"] == name],
        "needs": {to: msgspec.to_builtins(edge) for to, edge in edges.get(name, {}).items()},
        "needed_by": sorted(user for user, to in edges.items() if name in to),
        "containers": _containers(planned, name),
    }  # fmt: skip
    return Result(data)


def _value(checkout: Checkout, name: str) -> str:
    return checkout.settings.values().get(name, "")


def _containers(planned: Planned, name: str) -> list[str] | None:
    try:
        running = _running(planned)
    except StackError:
        return None
    return [f"{c.name}: {c.state}{f', {c.health}' if c.health else ''}" for c in running if c.service == name]


def _running(planned: Planned) -> list[Container]:
    if checkouts.clustered(planned.checkout):
        from stack.commands import swarm

        return swarm.running(planned.plan.project)
    return docker.containers(planned.plan.project)
