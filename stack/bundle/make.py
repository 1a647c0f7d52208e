"""Makes a bundle of a plan, step by step: packages first, as they fail soonest, then images, then models."""

import shutil
from pathlib import Path
from typing import NamedTuple

import msgspec

from stack import __version__, docker, tree
from stack.bundle import archive, images, models, packages
from stack.bundle import manifest as manifests
from stack.bundle.archive import Draft
from stack.bundle.manifest import Manifest, Model, Platform
from stack.errors import fail
from stack.names import size
from stack.output.meter import metered
from stack.output.progress import Progress
from stack.planning import locks, mounted
from stack.planning.catalog import DISABLED
from stack.planning.planner import Planned
from stack.running import images as needed
from stack.running import locking, registries

PACKAGES = 220 * 10**6
"""Bytes that packages take at most: Python's and both Composes' 75 MB, the engine's 90 MB (Debian 12)."""


class Content(NamedTuple):
    """What a bundle is to hold: images by name, each with what the engine is asked for; the models with Ollama's own
    notes of them, and where they are."""

    images: dict[str, str]
    models: dict[str, bytes]
    store: models.Store | None
    platform: Platform

    def most(self) -> int:
        """Its bytes at most: layers are packed."""
        return PACKAGES + images.estimate(self.images.values()) + self.model_bytes()

    def model_bytes(self) -> int:
        """The bytes of the models, of files that several have once."""
        return sum({place: n for note in self.models.values() for place, n in models.blobs(note).items()}.values())


def lacking(planned: Planned) -> list[str]:
    """What is to be pulled or built before the bundle can be made, a line for each kind, with the size of the pulls."""
    need = needed.look(planned, needed.present(planned), mounted.digests(planned))
    lines = [f"to be built here: {', '.join(need.build)}"] if need.build else []
    if need.pull:
        found = registries.manifests(need.pull, locking.platform())
        sizes = [one.manifest.download_bytes for one in found.values() if one.manifest]
        told = f"{size(sum(sizes))} at most" if len(sizes) == len(need.pull) else "of unknown size"
        lines.append(f"to be pulled, {told}: {', '.join(need.pull)}")
    if absent := models.pullable(planned):
        lines.append(f"models to be pulled, of unknown size: {', '.join(absent)}")
    return lines


def content(planned: Planned) -> Content:
    """What a plan's bundle holds, once all of its images are here."""
    names = images.references({name: identity for name, (identity, _) in needed.present(planned).items()})
    store = models.store(planned)
    notes: dict[str, bytes] = {}
    if store and store.volume in docker.volumes() and (wanted := models.wanted(planned)):
        with models.reached(store) as container:
            notes = models.noted(container, wanted)
    return Content(names, notes, store, packages.here())


def make(planned: Planned, what: Content, target: Path, progress: Progress) -> Manifest:
    """Write the bundle. Raises StackError where there is no room, or a step fails; what is made already is kept beside
    it for the next time."""
    key = _key(planned, what)
    with archive.drafted(target, key) as draft, progress.shown():
        if draft.parts:
            progress.say(f"going on with {size(sum(p.bytes for p in draft.parts.values()))} of an interrupted one")
        _check_room(target, what.most() - sum(part.unpacked for part in draft.parts.values()))
        _fetch(draft, planned.checkout.root, what.platform, progress)
        saved = _save_images(draft, what, progress)
        kept = _save_models(draft, what, progress)
        manifest = _manifest(planned, what, saved, kept, draft)
        draft.close(msgspec.json.format(msgspec.json.encode(manifest), indent=1))
    return manifest


def _key(planned: Planned, what: Content) -> str:
    """What differs where a draft is of no use."""
    known = [(one.created, one.diff_ids) for one in images.known(what.images.values()).values()]
    lock = tree.read(planned.checkout.root / "requirements.lock")
    return tree.digest(
        msgspec.json.encode([sorted(what.images), known, what.platform, sorted(what.models)]),
        lock,
        *what.models.values(),
    )


def _check_room(target: Path, wanted: int) -> None:
    free = shutil.disk_usage(target.parent).free
    if free < wanted:
        message = f"{target.parent} has {size(free)} free; a bundle of this may take {size(wanted)}"
        raise fail("bundle-space", message, str(target), f"df -h {target.parent}, or --output on another disk")


def _fetch(draft: Draft, root: Path, here: Platform, progress: Progress) -> None:
    """Python's and Debian's packages, a whole kind at a time."""
    for kind, name in {packages.WHEELS: "Python packages", packages.DEBS: "Debian packages"}.items():
        if kind in draft.ended:
            progress.tell(name, "done before")
        elif kind == packages.WHEELS or here.release:
            progress.tell(name, "downloading")
            with tree.scratch(root) as folder:
                packages.save(draft, kind, packages.fetch(kind, root, folder))
            draft.end(kind)
            progress.tell(name, f"done, {_size_of(draft, kind)}")


def _size_of(draft: Draft, kind: str) -> str:
    return size(sum(part.bytes for name, part in draft.parts.items() if name.startswith(f"{kind}/")))


def _save_images(draft: Draft, what: Content, progress: Progress) -> list[manifests.Image]:
    name = f"{len(what.images)} images"
    total = images.estimate(what.images.values())
    progress.tell(name, f"saving at most {size(total)}")
    saved = images.save(draft, what.images, metered(total, lambda state: progress.tell(name, state)))
    progress.tell(name, f"done, {_size_of(draft, 'images')}")
    return saved


def _save_models(draft: Draft, what: Content, progress: Progress) -> list[Model]:
    if not what.models or what.store is None:
        return []
    name, total = f"{len(what.models)} models", what.model_bytes()
    progress.tell(name, f"saving {size(total)}")
    with models.reached(what.store) as container:
        saved = models.save(draft, container, what.models, metered(total, lambda state: progress.tell(name, state)))
    progress.tell(name, f"done, {_size_of(draft, models.FOLDER)}")
    return saved


def _manifest(planned: Planned, what: Content, saved: list[manifests.Image], kept: list[Model],
              draft: Draft) -> Manifest:  # fmt: skip
    there = {*planned.plan.fragments()}
    sources = [f"{name}={one}" for name, one in planned.facts.sources.items() if name in there or one == DISABLED]
    return Manifest(manifests.FORMAT, __version__, what.platform, planned.plan.profiles, list(planned.request.services),
                    sources, locks.read(planned.checkout.root), saved, kept,
                    list(draft.parts.values()))  # fmt: skip
