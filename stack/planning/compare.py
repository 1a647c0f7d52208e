"""The edge of the comparison: what the plan assembles to, and how that differs from what runs."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from stack import client, compose, docker, tree
from stack.docker import Container
from stack.errors import StackError, fail
from stack.planning import addresses, assembly, changes, checkouts, lastup, model, mounted, outside, plan, reads
from stack.planning.catalog import DISABLED
from stack.planning.changes import Change, Wanted
from stack.planning.model import Model
from stack.planning.planner import Planned

Images = Mapping[str, tuple[str, dict[str, str]]]
UNBUILT = "to be built"


class Assembled(msgspec.Struct, frozen=True):
    """The project as it would be written: its text, its values, and the digests of what it mounts and builds."""

    text: str
    model: Model
    digests: dict[str, str]


def assemble(planned: Planned, api: tuple[int, int] | None = None) -> Assembled:
    """compose.yaml of a plan; `api` is the engine's API version, where it is not to be asked for. Raises StackError
    where a mounted file is missing."""
    digests = mounted.digests(planned)
    far = checkouts.far_secrets(planned.checkout, planned.facts.sources)
    names = {*planned.facts.catalog.services(), *addresses.names(planned.facts.model)}
    block = client.proxy_block()
    around, everywhere = outside.environment(os.environ, names, block), outside.everywhere(names, block)
    cut = assembly.cut(planned.facts.model, planned.plan, digests, far, around, everywhere,
                       docker.api() if api is None else api, docker.podman())  # fmt: skip
    return Assembled(assembly.text(cut, planned.digest), cut, digests)


def compare(planned: Planned, assembled: Assembled, here: Images, running: list[Container],
            secrets: Mapping[str, str]) -> list[Change]:  # fmt: skip
    """The change of each service. `secrets` are the values as they will be; they only enter Compose's hashes."""
    services, root = assembled.model["services"], planned.checkout.root
    # Beside nothing that runs, everything is new, whatever its hash.
    wanted = _wanted(planned, assembled, here, hashes(planned, assembled, secrets) if running else {})
    # Who shares a network has its container in the hash; one of a service that is made anew is not it.
    if shared := {name for name in map(addresses.shares, services.values()) if name}:
        stay = {c.name for c in changes.compare(wanted, running, {}) if c.action in ("unchanged", "start")}
        homes = {c.service: c.id for c in running if c.service in shared & stay and not c.one_off}
        anew = hashes(planned, assembled, secrets, homes)
        wanted = {n: msgspec.structs.replace(w, config_hash=anew.get(n, "")) for n, w in wanted.items()}
    record = lastup.read(root)
    keys = lastup.parts(record, services)
    old = {c.service: c.working_dir for c in running if c.working_dir and not tree.same(root, c.working_dir)}
    compared = changes.compare(wanted, running, keys, planned.request.exact, gone(planned))
    told = [lastup.with_secrets(c, record, model_variables(services.get(c.name)), secrets) for c in compared]
    return [moved(c, services.get(c.name, {}), old.get(c.name, "")) for c in told]


def _wanted(planned: Planned, assembled: Assembled, here: Images, hashed: Mapping[str, str]) -> dict[str, Wanted]:
    raw = model.services(planned.facts.model)
    wanted = {}
    for service in planned.plan.services:
        found = here.get(service.image)
        current = found[0] if found else None
        if service.built and not mounted.current(raw[service.name], here, assembled.digests):
            current = UNBUILT
        scalable = plan.entry(planned.facts, service.name).scalable
        hash_ = hashed.get(service.name, "")
        wanted[service.name] = Wanted(hash_, current, service.one_shot, service.containers, scalable)
    return wanted


def moved(change: Change, service: Model, folder: str) -> Change:
    """A change that says from which other `folder` the running container mounts files, where it does."""
    if not folder or change.action != "recreate" or not any(map(_relative, model.binds(service))):
        return change
    known = [key for key in change.keys if key != lastup.UNTOLD[0]]
    return msgspec.structs.replace(change, keys=[*known, f"mounts {folder}"])


def _relative(path: str) -> bool:
    return path.startswith("./")


def gone(planned: Planned) -> set[str]:
    """What no longer is with the sources chosen now: a companion that its service's source lacks, a selected
    service that is disabled."""
    catalog, present = planned.facts.catalog, model.services(planned.facts.model)
    sources = planned.facts.sources
    off = {f for one in planned.plan.left_out if sources[f := catalog.fragment_of(one.name)] == DISABLED}
    here = set(planned.plan.fragments())
    fragments = {name: catalog.fragment_of(name) for name in catalog.services()}
    return {n for n, fragment in fragments.items() if fragment in off or (fragment in here and n not in present)}


def hashes(planned: Planned, assembled: Assembled, secrets: Mapping[str, str],
           lives_in: Mapping[str, str] | None = None) -> dict[str, str]:  # fmt: skip
    """Compose's config hashes, kept under the digest of everything that they depend on. `lives_in` has the
    container's id of each service that another one shares the network of and that is not made anew."""
    root = planned.checkout.root
    env = {**docker.environment(), **stand_ins(assembled.model, secrets)}
    named = {name: tree.read(root / name) for flag, name in _pairs(compose.override(root)) if flag == "-f"}
    known = {**planned.checkout.dotenv, **env}
    files = named | reads.followed(root, named, known)
    body = assembly.body(assembled.text).encode()
    decisive = reads.mentioned(known, [body, *files.values()])
    key = tree.digest(body, *tree.flat(files), msgspec.json.encode(sorted(decisive.items())),
                      compose.stamp().encode(), str(root).encode(),
                      msgspec.json.encode(lives_in or {}, order="sorted"))  # fmt: skip
    cache = root / tree.GENERATED / "cache" / f"hashes-{key[:24]}.json"
    try:
        return msgspec.json.decode(cache.read_bytes(), type=dict[str, str])
    except (OSError, msgspec.DecodeError):
        apart = any(b"env_file" in data for data in files.values())
        found = compose.hashes(root, planned.plan.project, assembled.text, env, apart, lives_in)
        tree.remember(cache, msgspec.json.encode(found))
        return found


def stand_ins(value: object, secrets: Mapping[str, str]) -> dict[str, str]:
    """The value of each variable that an assembled project reads. One that it can't do without has some value before
    it is made; one that may be empty has what `up` gives it."""
    needed = variables(value, "?")
    return {name: secrets.get(name) or ("unset" if name in needed else "") for name in model_variables(value)}


def _pairs(words: list[str]) -> list[tuple[str, str]]:
    return list(zip(words[::2], words[1::2], strict=True))


def model_variables(value: object) -> set[str]:
    """The names of the variables that an assembled project reads: its secrets."""
    return variables(value, "?-")


def variables(value: object, kinds: str) -> set[str]:
    """Those written as `${NAME:?…}` or `${NAME:-…}`, by the mark behind the colon."""
    import re

    return set(re.findall(rf"\$\{{([A-Z][A-Z0-9_]*):[{kinds}]", str(value)))


def owner(root: Path, running: Iterable[Container]) -> str:
    """The other folder that the project's containers were started from, where one still holds a project; else
    nothing: a checkout that was moved leaves empty folders at most, which Docker makes for what it mounts."""
    folders = dict.fromkeys(c.working_dir for c in running if c.working_dir)
    return next((f for f in folders if not tree.same(root, f) and tree.holds_project(Path(f))), "")


def check_owner(root: Path, project: str, running: Iterable[Container]) -> None:
    """Raises StackError where the project's containers belong to another folder that still holds a project."""
    other = owner(root, running)
    if other:
        message = f"project {project} belongs to {other}: its containers were started there"
        fix = "./inv env.set PROJECT_NAME another-name, or end what runs of it: ./inv down"
        raise fail("other-checkout", message, "PROJECT_NAME", fix)


def running(project: str) -> list[Container] | None:
    """The project's containers, or None without an engine."""
    try:
        return docker.containers(project)
    except StackError:
        return None
