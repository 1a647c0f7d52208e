"""Models of Ollama in a bundle: those of OLLAMA_PULL that are in its volume, file by file, as models share files.

They go by `docker cp` through a container that is made with the volume and never runs."""

import contextlib
import json
import tarfile
from collections.abc import Iterable, Iterator
from typing import IO, NamedTuple

from stack import docker
from stack.backup import pausing
from stack.bundle import archive, clients
from stack.bundle.archive import Bundle, Draft
from stack.bundle.clients import Met
from stack.bundle.manifest import Model
from stack.errors import StackError
from stack.planning import model as models
from stack.planning.catalog import FAR
from stack.planning.planner import Planned
from stack.running import ollama

FOLDER = "models"
REGISTRY = "registry.ollama.ai"
LIMIT_S = 60.0
NAME_LABEL = "com.docker.compose.volume"


class Store(NamedTuple):
    """Where a plan keeps its models: the volume with Compose's name for it, and the image of its service."""

    project: str
    key: str
    volume: str
    image: str


def store(planned: Planned) -> Store | None:
    """The volume of the plan's Ollama; None where it plans none, one without a volume, or one that runs elsewhere: what
    its ambassador mounts has no models."""
    if ollama.SERVICE not in planned.plan.names() or planned.facts.sources[ollama.SERVICE] in FAR:
        return None
    raw = models.services(planned.facts.model)[ollama.SERVICE]
    for key in models.named_volumes(raw):
        name = planned.facts.model["volumes"][key].get("name", key)
        return Store(planned.plan.project, key, name, raw["image"])
    return None


def wanted(planned: Planned) -> list[str]:
    """The models of OLLAMA_PULL, as the plan's own service is told them."""
    raw = models.services(planned.facts.model).get(f"{ollama.SERVICE}-pull") or {}
    told = str((raw.get("environment") or {}).get("OLLAMA_PULL") or "")
    return list(dict.fromkeys(told.replace(",", " ").split()))


def pullable(planned: Planned) -> list[str]:
    """The models of OLLAMA_PULL that the project's own Ollama lacks; none where it does not run."""
    if store(planned) is None:
        return []
    try:
        there = {str(one["name"]) for one in ollama.models(ollama.address(planned.plan.project))}
    except StackError:
        return []
    return [name for name in wanted(planned) if not there & {name, f"{name}:latest"}]


def path(name: str) -> str:
    """Where Ollama notes a model, below its folder: llama3.2:3b is library/llama3.2/3b of its own registry."""
    repository, _, tag = name.partition(":")
    parts = repository.split("/")
    parts = parts if len(parts) > 2 else [REGISTRY, *(["library"] if len(parts) == 1 else []), *parts]
    return "/".join(["manifests", *parts, tag or "latest"])


def blobs(manifest: bytes) -> dict[str, int]:
    """The files that a model's manifest names, with their bytes."""
    told = json.loads(manifest)
    rows = [told["config"], *told["layers"]]
    return {f"blobs/{row['digest'].replace(':', '-')}": int(row["size"]) for row in rows}


@contextlib.contextmanager
def reached(place: Store) -> Iterator[str]:
    """A container that has the volume at /store, for `docker cp`."""
    name = f"{place.project}-bundle-models"
    docker.run(["rm", "-f", name], timeout=LIMIT_S)
    docker.ask(["create", "--name", name, "--network", "none", "-v", f"{place.volume}:/store", place.image],
               timeout=LIMIT_S)  # fmt: skip
    with pausing.afterwards(["docker", "rm", "-f", name]):
        yield name


def noted(container: str, names: Iterable[str]) -> dict[str, bytes]:
    """The manifest of each of these models that the volume has."""
    found = {}
    for name in names:
        with contextlib.suppress(LookupError), _copied(container, path(name)) as (file, _):
            found[name] = file.read()
    return found


def save(draft: Draft, container: str, notes: dict[str, bytes], met: Met) -> list[Model]:
    """Put these models into the draft."""
    saved = []
    for name, manifest in notes.items():
        files = {}
        for place in blobs(manifest):
            part = f"{FOLDER}/{place.rpartition('/')[2]}"
            if part not in draft.parts:
                with _copied(container, place) as (file, size):
                    draft.add(part, _met(file, met), size)
            files[place] = part
        # Behind its files: a volume that has this one has them all.
        note = f"{FOLDER}/{draft_name(manifest)}"
        draft.add(note, [manifest], len(manifest))
        saved.append(Model(name, {**files, path(name): note}))
    return saved


def draft_name(manifest: bytes) -> str:
    """What a model's own manifest is called in a bundle."""
    import hashlib

    return f"manifest-{hashlib.sha256(manifest).hexdigest()}"


def _met(file: IO[bytes], met: Met) -> Iterator[bytes]:
    while chunk := file.read(archive.CHUNK):
        met(len(chunk))
        yield chunk


@contextlib.contextmanager
def _copied(container: str, place: str) -> Iterator[tuple[IO[bytes], int]]:
    """One file of the volume, and its size. Raises LookupError where there is none."""
    with contextlib.ExitStack() as opened:
        try:
            tar = opened.enter_context(clients.reading(["cp", f"{container}:/store/{FOLDER}/{place}", "-"]))
            member = tar.next()
        except StackError:
            raise LookupError(place) from None
        file = tar.extractfile(member) if member else None
        if member is None or file is None:
            raise LookupError(place)
        yield file, member.size


def make_volume(place: Store) -> None:
    """Make sure that the volume is there, with the labels by which Compose knows it as its own."""
    labels = {docker.PROJECT_LABEL: place.project, NAME_LABEL: place.key}
    words = [word for label, value in labels.items() for word in ("--label", f"{label}={value}")]
    docker.ask(["volume", "create", *words, place.volume], timeout=LIMIT_S)


def lacking(bundle: Bundle, container: str) -> list[Model]:
    """Those of a bundle's models that the volume has not, or not the same."""
    there = noted(container, [model.name for model in bundle.manifest.models])
    return [model for model in bundle.manifest.models if _note(bundle, model) != there.get(model.name)]


def _note(bundle: Bundle, model: Model) -> bytes:
    return b"".join(bundle.read(model.files[path(model.name)]))


def size(bundle: Bundle, missing: Iterable[Model]) -> int:
    """The bytes of these models, of files that several have once."""
    sizes = bundle.manifest.sizes()
    return sum(sizes[name].bytes for name in {part for model in missing for part in model.files.values()})


def load(bundle: Bundle, container: str, model: Model, met: Met) -> None:
    """Put one model into the volume. Raises StackError where the engine refuses."""
    clients.feed(["cp", "-", f"{container}:/store"], _stream(bundle, model), met)


def _stream(bundle: Bundle, model: Model) -> Iterator[bytes]:
    """A model's files as a tar, each below folders that everybody may enter."""
    made: set[str] = set()
    for place, part in model.files.items():
        parents = place.split("/")[:-1]
        for depth in range(len(parents) + 1):
            folder = "/".join([FOLDER, *parents[:depth]])
            if folder not in made:
                made.add(folder)
                yield _folder(folder)
        size = bundle.manifest.sizes()[part].bytes
        yield archive.header(f"{FOLDER}/{place}", size)
        yield from bundle.read(part)
        yield archive.padding(size)
    yield archive.END


def _folder(name: str) -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.mode = tarfile.DIRTYPE, 0o755
    return info.tobuf(tarfile.GNU_FORMAT)
