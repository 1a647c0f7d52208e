"""Images in a bundle: the engine saves all of them in one go, so each layer is there once; each is loaded by itself, so
one that is here already is left out, and an interrupted load goes on with the next.

A layer is kept as gzip, which every engine loads as it is. Engines lay out what they save in different ways, so names
within it are only looked up in its manifest.json."""

import itertools
import json
import posixpath
import tarfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any
from urllib.parse import quote

import msgspec

from stack import docker
from stack.bundle import archive, clients
from stack.bundle.archive import CHUNK, Bundle, Draft
from stack.bundle.clients import Met
from stack.bundle.manifest import Image
from stack.errors import fail

IN_MEMORY = 1 << 20
"""Bytes up to which a file that the engine saves is kept until it is known what it is."""
PACKED = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd")
"""How gzip and zstd begin: layers that an engine keeps as they came."""
GZIP = 31
"""zlib's window bits for gzip with its own header."""
RATIO = 3
"""How many times larger a layer gets that came packed: seen were 2.4 to 2.9."""
LEVEL = 1
"""Level 6 takes three times as long for 6 % less (Debian's base, Python and PostgreSQL)."""
LISTING = "manifest.json"


class Known(msgspec.Struct, frozen=True):
    """An image on this engine: by what it is known again on any other, and its bytes without compression."""

    created: str
    diff_ids: list[str]
    size: int


def known(names: Iterable[str]) -> dict[str, Known]:
    """Each of the named images that is here."""
    found = {}
    for name in dict.fromkeys(names):
        for row in docker.inspected("images", [name]):
            layers = (row.get("RootFS") or {}).get("Layers") or []
            found[name] = Known(str(row.get("Created") or ""), layers, int(row.get("Size") or 0))
    return found


def estimate(names: Iterable[str]) -> int:
    """The bytes of the images without compression, of layers that several have once."""
    steps: dict[tuple[object, ...], int] = {}
    try:
        for name in names:
            rows = docker.told(f"/images/{quote(name, safe='/:@')}/history") or []
            steps |= {(row["Created"], row["CreatedBy"], row["Size"]): row["Size"] for row in rows}
    except LookupError:
        return sum(one.size for one in known(names).values())
    return sum(steps.values())


def references(here: Mapping[str, str]) -> dict[str, str]:
    """What to save for each image of `here` (name: id), by its tag, as no engine loads a name by digest: the tag, or
    the id where the tag is another image, or none."""
    found = {}
    for name, identity in here.items():
        tag = name.partition("@")[0]
        standing = docker.images([tag]).get(tag) if tag != name else (identity, {})
        found[tag] = tag if standing and standing[0] == identity else identity
    return found


def save(draft: Draft, wanted: Mapping[str, str], met: Met) -> list[Image]:
    """Put the images into the draft; of `wanted`, each name has its reference. `met` hears of bytes as the engine gives
    them. Raises StackError where the engine does not save one of them."""
    with clients.reading(["save", *wanted.values()]) as tar:
        small, links = _sorted_out(draft, tar, met)
    saved = [_image(draft, entry, small, links, wanted) for entry in json.loads(small[LISTING])]
    lost = sorted(set(wanted) - {name for image in saved for name in image.names})
    if lost:
        what = f"the engine did not save {', '.join(lost)}"
        raise fail("bundle-save", what, lost[0], f"docker tag {wanted[lost[0]]} {lost[0]}, then the same command again")
    return saved


def _sorted_out(draft: Draft, tar: tarfile.TarFile, met: Met) -> tuple[dict[str, bytes], dict[str, str]]:
    """Large files become parts as they come; gives the small ones, and where links lead."""
    small: dict[str, bytes] = {}
    links: dict[str, str] = {}
    for member in tar:
        if member.issym():
            links[member.name] = posixpath.normpath(posixpath.join(posixpath.dirname(member.name), member.linkname))
        elif member.islnk():
            links[member.name] = member.linkname
        elif member.isreg() and (file := tar.extractfile(member)):
            if member.size <= IN_MEMORY:
                small[member.name] = file.read()
            elif _part(member.name) not in draft.parts:
                first = file.read(CHUNK)
                met(len(first))
                whole = itertools.chain([first], _met(file, met))
                draft.add(_part(member.name), packed(whole), member.size * (RATIO if first.startswith(PACKED) else 1))
                continue
            met(member.size)
    return small, links


def _image(draft: Draft, entry: Mapping[str, Any], small: Mapping[str, bytes], links: Mapping[str, str],
           wanted: Mapping[str, str]) -> Image:  # fmt: skip
    def placed(name: str, pack: bool) -> str:
        name = links.get(name, name)
        if name in small:
            data = small[name]
            draft.add(_part(name), packed(iter([data])) if pack else [data], len(data))
        return _part(name)

    config, layers = placed(entry["Config"], False), [placed(name, True) for name in entry["Layers"]]
    tagged = {docker.familiar(tag) for tag in entry.get("RepoTags") or []}
    identity = f"sha256:{draft.parts[config].sha256}"
    names = [name for name, one in wanted.items() if docker.familiar(name) in tagged or one == identity]
    one = next(iter(known(wanted[name] for name in names).values()), Known("", [], 0))
    return Image(names, config, layers, one.created, one.diff_ids)


def _part(name: str) -> str:
    return f"images/{name}"


def _met(file: IO[bytes], met: Met) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        met(len(chunk))
        yield chunk


def packed(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The same as gzip; what is packed already stays."""
    first = next(chunks, b"")
    if first.startswith(PACKED):
        yield first
        yield from chunks
        return
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, GZIP)
    yield packer.compress(first)
    for chunk in chunks:
        yield packer.compress(chunk)
    yield packer.flush()


def lacking(images: Iterable[Image]) -> list[Image]:
    """Those of a bundle's images that are not here, or not the same."""

    def here(image: Image) -> bool:
        found = known(image.names)
        return len(found) == len(image.names) and all(
            (one.created, one.diff_ids) == (image.created, image.diff_ids) for one in found.values()
        )

    return [image for image in images if not here(image)]


def packed_size(bundle: Bundle, image: Image) -> int:
    """The bytes that go to the engine for an image."""
    sizes = bundle.manifest.sizes()
    return sum(sizes[name].bytes for name in {image.config, *image.layers})


def room(bundle: Bundle, images: list[Image]) -> int:
    """The bytes that the engine needs for these images: their layers, and while it loads one, that one packed."""
    sizes = bundle.manifest.sizes()
    layers = {name for image in images for name in image.layers}
    return sum(sizes[n].unpacked for n in layers) + max((packed_size(bundle, image) for image in images), default=0)


def load(bundle: Bundle, image: Image, met: Met) -> None:
    """Give one image to the engine. Raises StackError with docker's last lines where it refuses."""
    clients.feed(["load", "--quiet"], stream(bundle, image), met)


def stream(bundle: Bundle, image: Image) -> Iterator[bytes]:
    """One image as `docker load` takes it from every engine."""
    sizes = bundle.manifest.sizes()
    inner = {name: f"{number}/layer.tar" for number, name in enumerate(dict.fromkeys(image.layers))}
    inner[image.config] = f"{sizes[image.config].sha256}.json"
    for part, name in inner.items():
        yield archive.header(name, sizes[part].bytes)
        yield from bundle.read(part)
        yield archive.padding(sizes[part].bytes)
    layers = [inner[name] for name in image.layers]
    listing = json.dumps([{"Config": inner[image.config], "RepoTags": image.names, "Layers": layers}]).encode()
    yield archive.header(LISTING, len(listing)) + listing + archive.padding(len(listing)) + archive.END
