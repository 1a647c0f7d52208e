"""Where somebody's services keep data, and the files that they are given, as mounts of ours. Pure."""

import re
import shlex
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from stack.authoring import fragment, renaming
from stack.authoring.carrier import Carrier
from stack.authoring.definition import Definition, Mount
from stack.authoring.losses import Loss

CLOCK = ("/etc/localtime", "/etc/timezone")
"""What every machine has alike, so that it may stay."""
MACHINE = re.compile(r"/(dev|proc|sys|lib\d*|usr|boot|run|var/run|var/lib/docker)(/|$)")
"""Paths that a machine has by itself: a volume is never meant, also where this one lacks it."""
ENGINES = re.compile(r"/|/run|/var|/var/run|.*\.sock")
"""Paths by which a container is given the engine, or all of the machine."""
FILES = re.compile(
    r"\.(ya?ml|co?nf|cfg|ini|json|toml|env|sh|sql|py|js|ts|txt|pem|crt|key|xml|properties|html|css|php|lua|hcl|tmpl|md)$"
    r"|(^|/)(Caddyfile|Dockerfile|Gemfile|\.env[^/]*)$"
)
"""How names end that are those of files and not of folders."""
GIVEN = re.compile(r"^/(docker-entrypoint|etc/)")
DATA = re.compile(
    r"^/var/(lib|log|cache|opt)/[^/]+/?$"
    r"|(^|[/_.-])(pg)?(data|database|db|storage|uploads?|state|cache|logs?|backups?|media)/?$"
)
"""Folders in which programs write."""


def is_data(source: str, target: str) -> bool:
    """Whether a folder is what a program writes to, by its name there or in the container: not what it is given."""
    return not GIVEN.search(target) and bool(DATA.search(target) or DATA.search(source))


def is_file(source: str, target: str) -> bool:
    """Whether a path of which nothing is there is meant to be a file."""
    return bool(FILES.search(source) and FILES.search(target))


def of(carrier: Carrier, old: str) -> Iterator[Mount]:
    """The mounts of a service; what is not as it was is told to the carrier, and the seeds of its data too."""
    for mount in carrier.file.services[old].get("volumes") or []:
        source, target, kind = mount.get("source") or "", mount.get("target") or "", mount.get("type")
        options = {**(mount.get("volume") or {}), **(mount.get("bind") or {}), "create_host_path": False}
        told = [Loss(f"{old}.volumes", f"{source}: {key} is not carried") for key, on in options.items() if on]
        carrier.lost += told if kind in ("volume", "bind") else []
        if kind == "volume":
            yield Mount(_volume(carrier, old, source, mount), target, bool(mount.get("read_only")))
        elif kind == "bind":
            yield from _bind(carrier, old, mount)
        elif kind != "tmpfs":
            carrier.lost.append(Loss(f"{old}.volumes", f"{target}: a mount of the kind {kind}"))


def _volume(carrier: Carrier, old: str, source: str, mount: dict[str, Any]) -> str:
    if not source:
        return carrier.place(f"{old}:{mount['target']}", f"{old}-data", f"{old}-{mount['target']}")
    defined = carrier.file.volumes.get(source) or {}
    plain = {"name", "labels", *(["driver"] if defined.get("driver") == "local" else [])}
    lacks = [key for key in defined if key not in plain and defined[key]]
    carrier.lost += [Loss(f"volumes.{source}.{key}", "not carried") for key in lacks]
    called = carrier.place(f"{source}:", source)
    own = "" if defined.get("external") else f"{carrier.file.project}_"
    carrier.data.setdefault(called, (old, defined.get("name") or f"{own}{source}"))
    return called


def _bind(carrier: Carrier, old: str, mount: dict[str, Any]) -> Iterator[Mount]:
    """A path of theirs: it comes along, or a volume takes its place, or it stays one of that machine."""
    source, target, read_only = mount.get("source") or "", mount["target"], bool(mount.get("read_only"))
    there = mount.get("there", "nothing")
    theirs = mount.get("theirs") or source
    at = f"{old}.volumes"
    if why := mount.get("left"):
        fix = f"copy it to local/, and mount it in local/compose/{carrier.name}.yml"
        carrier.lost.append(Loss(at, f"{theirs}: {why}, so it is not copied", fix=fix))
    elif source.startswith("~/"):
        yield Mount(carrier.path(source, "DIR"), target, read_only)
    elif source in CLOCK:
        yield Mount(source, target, True)
    elif ENGINES.fullmatch(source):
        carrier.lost.append(Loss(at, f"{source}: would give the container this machine"))
    elif there == "nothing" and is_file(source, target) and not carrier.comes(source):
        fix = f"put it into compose/{carrier.name}/, and mount it in compose/{carrier.name}.yml"
        carrier.lost.append(Loss(at, f"{theirs}: is not there", fix=fix))
    elif source.startswith("/") and (there != "nothing" or MACHINE.match(source)):
        where = carrier.path(source, "FILE" if there == "file" else "DIR")
        setting = where[2:].partition(":")[0]
        fix = f"another by ./inv env.set {setting} PATH"
        carrier.lost.append(Loss(at, f"{source}: stays a path of this machine", "changed", fix))
        yield Mount(where, target, read_only)
    elif carrier.comes(source) and (there == "file" or not _written(carrier, source)):
        yield Mount(f"./{PurePosixPath('compose', carrier.name, source)}", target, read_only)
    elif not _within(carrier, old, source, target):
        yield Mount(_data(carrier, old, mount), target, read_only)


def _written(carrier: Carrier, source: str) -> bool:
    """Whether any service writes its data into a folder."""
    mounts = [mount for name in carrier.names for mount in carrier.file.services.get(name, {}).get("volumes") or []]
    same = [mount for mount in mounts if mount.get("type") == "bind" and mount["source"] == source]
    return any(is_data(source, mount["target"]) and not mount.get("read_only") for mount in same)


def _within(carrier: Carrier, old: str, source: str, target: str) -> bool:
    """Whether a folder is in the container already, as a part of another that is mounted there. One that is so for
    another service alone is told, as two volumes share nothing."""
    path = PurePosixPath(source)
    for name in carrier.names:
        for other in carrier.file.services.get(name, {}).get("volumes") or []:
            above = PurePosixPath(other.get("source") or "")
            if other.get("type") != "bind" or above not in path.parents or ENGINES.fullmatch(str(above)):
                continue
            if carrier.comes(str(above)) and not _written(carrier, str(above)):
                continue
            if name == old and PurePosixPath(other["target"]) / path.relative_to(above) == PurePosixPath(target):
                return True
            carrier.lost.append(Loss(f"{old}.volumes", f"{source}: is a volume of its own, and no part of {above}"))
    return False


def _data(carrier: Carrier, old: str, mount: dict[str, Any]) -> str:
    """The volume that takes the place of a folder, and what is put into it."""
    source = mount["source"]
    called = carrier.place(source, PurePosixPath(source).name, source)
    theirs = mount.get("theirs") or source
    what = f"{theirs}: nothing is there yet, so a volume takes its place"
    if carrier.comes(source):
        carrier.seeds.setdefault(called, (old, source))
        what = f"{theirs}: a volume takes its place, with these files to begin with"
    elif mount.get("data"):
        carrier.data.setdefault(called, (old, mount["data"]))
        what = f"{theirs}: a volume takes its place; its data stays there"
    carrier.lost.append(Loss(f"{old}.volumes", what, "changed"))
    return called


def seeding(volume: str) -> str:
    """The name of the job that fills a volume."""
    return renaming.fitting(volume, "-seed")


def seed(carrier: Carrier, volume: str, parts: dict[str, Definition]) -> Definition:
    """The job that puts the files of a folder into a volume in which nothing is yet, by the image of the service that
    has it: that is there anyway, and has a shell where it has data."""
    old, source = carrier.seeds[volume]
    part = parts[old]
    fill = '[ -n "$$(ls -A /data)" ] || cp -a /seed/. /data/'
    mounts = [Mount(f"./{PurePosixPath('compose', carrier.name, source)}", "/seed", True), Mount(volume, "/data")]
    return Definition(
        seeding(volume), about=f"puts {source} into a new {volume}", image=fragment.image(part),
        build=part.build, volumes=mounts,
        extra={"entrypoint": ["sh", "-c", fill], "user": "0:0", "restart": "no"},
    )  # fmt: skip


def copying(carrier: Carrier, parts: dict[str, Definition]) -> Iterator[Loss]:
    """For each volume of theirs that the engine has, and each folder with data, the line that copies it over. The new
    volume is made as Compose makes it, so that it counts as one of the project."""
    for volume, (old, theirs) in carrier.data.items():
        if carrier.here.project and (theirs in carrier.file.held or theirs.startswith("/")):
            project, label = carrier.here.project, "--label com.docker.compose"
            ours, labels = f"{project}_{volume}", f"{label}.project={project} {label}.volume={volume}"
            copy = f"docker run --rm --user 0 -v {shlex.quote(theirs)}:/from:ro -v {ours}:/to --entrypoint cp"
            fix = f"docker volume create {labels} {ours} && {copy} {fragment.image(parts[old])} -a /from/. /to/"
            yield Loss(theirs, f"its data is to be in {ours}", "data", fix)


def in_memory(raw: dict[str, Any]) -> dict[str, list[str]]:
    """The mounts that are memory, beside those that `tmpfs` says."""
    mounts = [volume for volume in raw.get("volumes") or [] if volume.get("type") == "tmpfs"]
    given = raw.get("tmpfs") or []
    return {"tmpfs": [*([given] if isinstance(given, str) else given), *map(_memory, mounts)]} if mounts else {}


def _memory(mount: dict[str, Any]) -> str:
    """A mount that is memory in the short form: without a mode, everybody may write there."""
    options = mount.get("tmpfs") or {}
    words = [*([f"size={options['size']}"] if options.get("size") else []),
             *([f"mode={options['mode']:04o}"] if options.get("mode") else []),
             *(["ro"] if mount.get("read_only") else [])]  # fmt: skip
    return f"{mount['target']}:{','.join(words)}" if words else str(mount["target"])
