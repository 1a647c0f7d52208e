"""The lock of images (images.lock): which digest each tag stands for here, whatever a registry says of it later. Pure,
but for `read`, `write` and `loaded`."""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import msgspec

from stack import docker, tree
from stack.errors import Problem, StackError, fail
from stack.planning import model, pins
from stack.planning.model import Model, Service

FILE = "images.lock"
VERSION = 1
"""Of the file's form."""


class Locked(msgspec.Struct, frozen=True, omit_defaults=True):
    """One image: its digest; its id, as an engine that keeps images in the old way calls it; the platforms that it is
    for (this machine's alone, where no registry was asked). As far as known: the bytes that a pull of all of it brings,
    those that it has on this machine, and when it was made."""

    digest: str
    id: str = ""
    platforms: list[str] = []
    download_bytes: int | None = None
    disk_bytes: int | None = None
    created: str = ""


class File(msgspec.Struct, frozen=True):
    """The whole file; `images` is by name and tag as fragments have it, before any mirror."""

    version: int
    images: dict[str, Locked]


Table = dict[str, Locked]


def read(root: Path) -> Table:
    """What is locked; nothing where there is no file. Raises StackError for one that is no lock of this version."""
    return decoded(tree.read(root / FILE))


def decoded(data: bytes) -> Table:
    """What a file says; nothing where it is empty. Raises as `read` does."""
    if not data:
        return {}
    back = "git checkout images.lock, where you keep it in git; or begin anew: ./inv lock --remove && ./inv lock"
    try:
        found = msgspec.json.decode(data, type=File)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise fail("images-lock", f"{FILE} is no lock of images: {error}", FILE, back) from None
    if found.version != VERSION:
        raise fail("images-lock", f"{FILE} is of version {found.version}, this program knows {VERSION}", FILE, back)
    wrong = [name for name, one in found.images.items() if not one.digest.startswith("sha256:")]
    if wrong:
        raise fail("images-lock", f"{FILE}: the digest of {wrong[0]} is none", FILE, back)
    return found.images


def encoded(table: Mapping[str, Locked]) -> bytes:
    """The file, in one order."""
    text = msgspec.json.encode(File(VERSION, dict(sorted(table.items()))))
    return msgspec.json.format(text, indent=2) + b"\n"


def write(root: Path, table: Mapping[str, Locked]) -> None:
    """Write what is locked; no file where that is nothing."""
    if table:
        tree.write(root / FILE, encoded(table))
    else:
        (root / FILE).unlink(missing_ok=True)


def applied(merged: Model, table: Mapping[str, Locked], loaded: Collection[str] = ()) -> Model:
    """The model with each locked image by its digest. One that is `loaded` has none on this machine, and keeps its
    tag."""
    if not table:
        return merged
    exact = {name: f"{name}@{one.digest}" for name, one in table.items() if name not in loaded}
    named = {name: {**service, "image": exact[service["image"]]}
             for name, service in model.services(merged).items() if pulled(service) in exact}  # fmt: skip
    return {**merged, "services": {**(merged.get("services") or {}), **named}}


def pulled(service: Service) -> str:
    """The image that a service has from a registry; nothing for one that is built here."""
    return "" if service.get("build") else service.get("image") or ""


def loaded(table: Mapping[str, Locked], prefix: str) -> set[str]:
    """The locked images that are on this machine without a digest and are what is locked, by their id: an image that
    came in a file (docker load) has no digest. None where no engine answers."""
    ids = {name: one.id for name, one in table.items() if one.id}
    try:
        there = docker.listed_images() if ids else []
    except StackError:
        return set()
    tags = {tag: row["Id"] for row in there for tag in row.get("RepoTags") or []}
    digests = {digest for row in there for digest in row.get("RepoDigests") or []}
    return {
        name for name, identity in ids.items()
        if tags.get(docker.familiar(asked := at(name, prefix))) == identity
        and docker.familiar(f"{asked}@{table[name].digest}") not in digests
    }  # fmt: skip


def at(image: str, prefix: str) -> str:
    """An image as it is asked for: by the mirror of REGISTRY_PREFIX, where there is one."""
    return model.mirror(image, prefix) if prefix else image


def lacking(images: Iterable[str], table: Mapping[str, Locked]) -> list[str]:
    """Those of the images that are not locked, and are not named by a digest anyhow."""
    return sorted({image for image in images if image and image not in table and "@" not in image})


def problems(images: Iterable[str], table: Mapping[str, Locked]) -> list[Problem]:
    """A note where some is locked, and some that is planned is not."""
    missing = lacking(images, table) if table else []
    if not missing:
        return []
    told = [f"{image}{_instead(image, table)}" for image in missing]
    message = f"{FILE} does not have {', '.join(told)}: what the registry gives for it is run"
    return [Problem("unlocked", message, FILE, "./inv lock")]


def _instead(image: str, table: Mapping[str, Locked]) -> str:
    name = pins.split(image)[0]
    tags = [tag for other, tag in map(pins.split, sorted(table)) if other == name]
    return f" (it has {', '.join(tags)})" if tags else ""


def without_older(table: Mapping[str, Locked], new: Iterable[str], named: Collection[str]) -> Table:
    """The table without other tags of the images that are `new` in it, which no file names any more."""
    names = {pins.split(image)[0] for image in new}
    return {image: one for image, one in table.items() if image in named or pins.split(image)[0] not in names}
