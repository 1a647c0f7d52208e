"""What an image is now, by its digest: as this machine has it, else as its registry tells without a pull."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from stack import docker
from stack.errors import StackError
from stack.planning import locks
from stack.planning.locks import Locked
from stack.running import registries
from stack.running.registries import Answer, Manifest

PROCESSORS = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm"}
"""The engine's words for processors, where images have others."""


class Found(msgspec.Struct, frozen=True):
    """An image's digest with who told it, `engine` or `registry`; or `why` there is none."""

    locked: Locked | None = None
    told_by: str = ""
    why: str = ""


def find(images: Iterable[str], prefix: str) -> dict[str, Found]:
    """The digest of each image, by tag. What is on this machine counts first: it is what ran."""
    asked = {image: locks.at(image, prefix) for image in images}
    here = _here(asked)
    lacking = [image for image in asked if not (image in here and here[image].digest)]
    told = registries.manifests((asked[image] for image in lacking), platform())
    found = {image: Found(one, "engine") for image, one in here.items() if one.digest}
    return found | {image: judged(told[asked[image]], here.get(image)) for image in lacking}


def platform() -> str:
    """What this machine's images are for, as linux/amd64; of the engine where one answers."""
    import platform as machine

    try:
        info = docker.info()
    except StackError:
        info = {}
    processor = str(info.get("Architecture") or machine.machine())
    return f"{info.get('OSType') or 'linux'}/{PROCESSORS.get(processor, processor)}"


def _here(asked: Mapping[str, str]) -> dict[str, Locked]:
    try:
        rows = docker.inspected("images", asked.values())
    except StackError:
        return {}
    return {image: one for image, name in asked.items() if (one := of_engine(rows, docker.familiar(name)))}


def of_engine(rows: Iterable[Mapping[str, Any]], name: str) -> Locked | None:
    """An image as the engine tells of it, by its familiar name; without a digest where none of that repository is
    known, as of what came in a file. None where it is not here. Pure."""
    row = next((row for row in rows if name in (row.get("RepoTags") or [])), None)
    if row is None:
        return None
    repository = f"{name.rpartition(':')[0]}@"
    digests = sorted(one.removeprefix(repository) for one in row.get("RepoDigests") or []
                     if one.startswith(repository))  # fmt: skip
    own = "/".join(str(row[key]) for key in ("Os", "Architecture", "Variant") if row.get(key))
    return Locked(digests[0] if digests else "", row["Id"], [own], None, row.get("Size"), str(row.get("Created") or ""))


def of_registry(manifest: Manifest) -> Locked:
    """The same as a registry tells of it. Pure."""
    return Locked(manifest.digest, manifest.config, manifest.platforms, manifest.download_bytes, None, manifest.created)


def judged(answer: Answer, here: Locked | None) -> Found:
    """What a registry's answer comes to: nothing where the image on this machine is another one. Pure."""
    if here and (answer.manifest is None or answer.manifest.config != here.id):
        registry = f": {answer.why}" if answer.why else ", and the registry has another one"
        return Found(why=f"the one on this machine has no digest, as it was built or came in a file{registry}")
    if answer.manifest is None:
        return Found(why=f"{answer.registry}: {answer.why}")
    return Found(of_registry(answer.manifest), "registry")
