"""Images that `.env` holds at an older version than the catalogue's."""

import re
from collections.abc import Iterable

from stack.doctor.check import WARNING, Check, Finding
from stack.doctor.scene import Scene


def _run(scene: Scene) -> Iterable[Finding]:
    defaults: dict[str, list[str]] = {}
    for file in scene.checkout.catalog.files.values():
        for name, default in file.variables.items():
            if default and name.endswith("_IMAGE"):
                defaults.setdefault(name, []).append(default)
    for name, ours in sorted(defaults.items()):
        pinned = scene.dotenv.get(name, "")
        if newest := newer(pinned, ours):
            seen = f"{name} holds {pinned}, and the catalogue is at {newest}"
            causes = "it misses what the newer one mends, and its healthcheck and settings are those of the newer one"
            yield Finding(seen, causes, f"./inv env.unset {name} && ./inv up", WARNING, where=f".env: {name}")


def newer(pinned: str, ours: Iterable[str]) -> str:
    """The one of our images, a source may have its own, that is a newer version of a pinned one; of the same variant
    (what follows the version) where there is one. Nothing where names differ or a tag has no number. Pure."""
    name, version, variant = _parts(pinned)
    named = [image for image in ours if _parts(image)[0] == name]
    same = [image for image in named if _parts(image)[2] == variant]
    return next((image for image in same or named if version and _parts(image)[1] > version), "")


def _parts(image: str) -> tuple[str, tuple[int, ...], str]:
    """Name, version and variant of an image; its digest says nothing of these."""
    name, _, tag = image.partition("@")[0].rpartition(":")
    found = re.match(r"[A-Za-z]*-?v?(\d+(?:\.\d+)*)(.*)", tag)
    return (name, tuple(int(part) for part in found[1].split(".")), found[2]) if found else (name, (), "")


CHECK = Check(
    id="image-pins",
    section="settings",
    holds="no image is held at an older version than the catalogue's",
    run=_run,
    needs=("checkout", "dotenv"),
)
