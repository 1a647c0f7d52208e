"""What a bundle's manifest says, and what of it is refused. Pure."""

import re

import msgspec

from stack.errors import Problem, StackError, fail
from stack.planning import locks

FORMAT = 1
"""The version of the format; it changes where an older program would misread a newer file."""
NAME = "bundle.json"
DIGEST = "bundle.json.sha256"
PART = re.compile(r"(wheels|debs|images|models)(/[A-Za-z0-9_][A-Za-z0-9._+~:%=-]*)+")
"""A part's name: no empty segment, and none that begins with a dot."""
TEST = "make it anew, or copy it again"


class Part(msgspec.Struct, frozen=True):
    """One file in the bundle. `unpacked` is its size without compression."""

    name: str
    bytes: int
    sha256: str
    unpacked: int


class Image(msgspec.Struct, frozen=True):
    """One image: its names, the parts of its configuration and layers, and by what it is known again: when it was
    created, and the digests of its layers."""

    names: list[str]
    config: str
    layers: list[str]
    created: str
    diff_ids: list[str]


class Model(msgspec.Struct, frozen=True):
    """One model of Ollama: each file below the folder of models, and the part that has it."""

    name: str
    files: dict[str, str]


class Platform(msgspec.Struct, frozen=True):
    """The machine that it was made on: `release` is Debian's or Ubuntu's with the architecture of its packages, empty
    elsewhere."""

    system: str
    machine: str
    release: str = ""


class Manifest(msgspec.Struct, frozen=True):
    """All that a bundle says of itself. `profiles`, `services` and `sources` (NAME=SOURCE) are the selection that it
    was made for, `lock` the images that were locked."""

    format: int
    project: str
    platform: Platform
    profiles: list[str]
    services: list[str]
    sources: list[str]
    lock: locks.Table
    images: list[Image]
    models: list[Model]
    parts: list[Part]

    def sizes(self) -> dict[str, Part]:
        """Each part by its name."""
        return {part.name: part for part in self.parts}


class _Versioned(msgspec.Struct):
    format: int


def read(data: bytes, file: str) -> Manifest:
    """A manifest's values. Raises StackError for one of a newer format, or that says what no bundle has."""
    try:
        version = msgspec.json.decode(data, type=_Versioned).format
        if version > FORMAT:
            message = f"{file} has format {version}, and this version reads up to {FORMAT}: a newer one made it"
            raise fail("bundle-newer", message, file, "./inv update")
        manifest = msgspec.json.decode(data, type=Manifest)
    except msgspec.DecodeError as error:
        raise damaged(file, f"its manifest can't be read ({error})") from None
    wrong = _wrong(manifest)
    if wrong:
        raise damaged(file, wrong)
    return manifest


def _wrong(manifest: Manifest) -> str:
    """What a manifest has that no bundle has; "" where that is nothing."""
    names = [part.name for part in manifest.parts]
    for name in names:
        if not PART.fullmatch(name):
            return f"{name!r} is no name of a part"
    if len(set(names)) < len(names):
        return "it names a part twice"
    used = [part for image in manifest.images for part in (image.config, *image.layers)]
    used += [part for model in manifest.models for part in model.files.values()]
    lacking = sorted(set(used) - set(names))
    if lacking:
        return f"it lacks {lacking[0]}"
    paths = [path for model in manifest.models for path in model.files]
    climbing = [path for path in paths if path.startswith("/") or {"", ".", ".."} & set(path.split("/"))]
    return f"{climbing[0]!r} is no path of a model" if climbing else ""


def damaged(file: str, why: str) -> StackError:
    """The error of a file that is not as it was made."""
    message = f"{file} is no whole bundle: {why}; nothing of it was loaded"
    return fail("bundle-damaged", message, file, TEST)


def unfit(manifest: Manifest, here: Platform, file: str) -> list[Problem]:
    """A problem where the bundle is of another platform than `here`."""
    there = manifest.platform
    if (there.system, there.machine) == (here.system, here.machine):
        return []
    message = (f"{file} is for {there.system} on {there.machine}, and this is {here.system} on {here.machine}; "
               "nothing of it was loaded")  # fmt: skip
    return [Problem("bundle-platform", message, file, "make it on a machine like this one")]
