"""Brings what a bundle holds onto this machine: all of it is verified first, and what is here already is left out."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from stack import docker
from stack.bundle import archive, images, models, packages
from stack.bundle import manifest as manifests
from stack.bundle.archive import Bundle
from stack.bundle.clients import Met
from stack.bundle.manifest import Model
from stack.engine import setup
from stack.engine.supply import USUAL, Supply
from stack.errors import StackError, fail
from stack.names import size
from stack.output.meter import metered
from stack.output.progress import Progress
from stack.planning import locks
from stack.planning.planner import Planned, Request


@contextlib.contextmanager
def opened(path: Path, progress: Progress) -> Iterator[Bundle]:
    """A bundle for this machine, each byte of it as it was made. Raises StackError for any other, before anything is
    loaded."""
    with archive.opened(path) as bundle:
        unfit = manifests.unfit(bundle.manifest, packages.here(), str(path))
        if unfit:
            raise StackError(unfit)
        _verify(bundle, progress)
        yield bundle


@contextlib.contextmanager
def supplied(bundle: Bundle) -> Iterator[Supply]:
    """The packages of a bundle, unpacked where something of the engine is missing here."""
    if setup.judge(setup.look()).problem is None:
        yield USUAL
        return
    # Not in .stack: apt reads a folder by its address, and a checkout's may have any name.
    with tempfile.TemporaryDirectory(prefix="genai-stack-") as folder:
        yield packages.unpack(bundle, Path(folder))


def _verify(bundle: Bundle, progress: Progress) -> None:
    total = sum(part.bytes for part in bundle.manifest.parts)
    held = [f"{len(bundle.manifest.images)} images", *(model.name for model in bundle.manifest.models)]
    with progress.shown():
        progress.tell(bundle.path.name, f"verifying {size(total)}: {', '.join(held)}")
        archive.verify(bundle, metered(total, lambda state: progress.tell(bundle.path.name, state)))
        progress.tell(bundle.path.name, "done, as it was made")


def request(bundle: Bundle, asked: Request, unsaid: set[str]) -> Request:
    """The request with the bundle's selection where none is asked for, and its sources of services that nobody has said
    one of here (`unsaid`); nothing is pulled. Pure."""
    manifest = bundle.manifest
    own = msgspec.structs.replace(asked, offline=True)
    if not asked.profiles and not asked.services:
        own = msgspec.structs.replace(own, profiles=tuple(manifest.profiles), services=tuple(manifest.services))
    named = {one.partition("=")[0] for one in asked.sources if "=" in one}
    sources = [one for one in manifest.sources if (name := one.partition("=")[0]) in unsaid and name not in named]
    return msgspec.structs.replace(own, sources=(*sources, *asked.sources))


def take_lock(bundle: Bundle, root: Path) -> bool:
    """Lock the images that were locked where the bundle was made, if nothing is locked here; tells whether it did.
    Images that came in a file are held against their ids (locks.loaded)."""
    if not bundle.manifest.lock or locks.read(root):
        return False
    locks.write(root, bundle.manifest.lock)
    return True


def load(bundle: Bundle, progress: Progress) -> list[str]:
    """Give the engine the images that it lacks. Gives their names."""
    missing = images.lacking(bundle.manifest.images)
    _check_room(images.room(bundle, missing))
    total = sum(images.packed_size(bundle, image) for image in missing)
    met = metered(total, lambda state: progress.tell("images", state))
    if missing:
        progress.tell("images", f"loading {len(missing)} of {len(bundle.manifest.images)}, {size(total)}")
    for image in missing:
        images.load(bundle, image, met)
        progress.tell(image.names[0], "done, loaded")
    progress.tell("images", "done, all are here")
    return [name for image in missing for name in image.names]


def load_models(bundle: Bundle, planned: Planned, progress: Progress) -> list[str]:
    """Put the models that the plan's Ollama lacks into its volume. Gives their names."""
    store = models.store(planned)
    if store is None or not bundle.manifest.models:
        return []
    models.make_volume(store)
    with models.reached(store) as container:
        missing = models.lacking(bundle, container)
        total = models.size(bundle, missing)
        _check_room(total)
        met = metered(total, lambda state: progress.tell("models", state))
        for model in missing:
            _load_model(bundle, container, model, progress, met)
    return [model.name for model in missing]


def _load_model(bundle: Bundle, container: str, model: Model, progress: Progress, met: Met) -> None:
    progress.tell(model.name, f"loading {size(models.size(bundle, [model]))}")
    models.load(bundle, container, model, met)
    progress.tell(model.name, "done, loaded")


def _check_room(wanted: int) -> None:
    """Raises StackError where the engine's disk has less free; one that can't be seen (a remote engine) has enough."""
    try:
        folder = str(docker.info().get("DockerRootDir"))
        free = shutil.disk_usage(folder).free
    except OSError:
        return
    if free < wanted:
        message = f"{folder} has {size(free)} free; what is to be loaded takes {size(wanted)}"
        raise fail("bundle-space", message, folder, "docker system df, then remove what you don't need")
