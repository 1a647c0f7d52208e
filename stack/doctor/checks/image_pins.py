"""Images that `.env` holds at an older version than the catalogue's."""

import re
from collections.abc import Iterable

from stack.doctor.check import WARNING, Check, Finding
from stack.doctor.scene import Scene


def _run(scene: Scene) -> Iterable[Finding]:
    files = scene.checkout.catalog.files.values()
    defaults = {name: default for file in files for name, default in file.variables.items()
                if default and name.endswith("_IMAGE")}  # fmt: skip
    for name, ours in sorted(defaults.items()):
        pinned = scene.dotenv.get(name, "")
        if pinned and older(pinned, ours):
            seen = f"{name} holds {pinned}, and the catalogue is at {ours}"
            causes = "it misses what the newer one mends, and its healthcheck and settings are those of the newer one"
            yield Finding(seen, causes, f"./inv env.unset {name} && ./inv up", WARNING, where=f".env: {name}")


def older(pinned: str, ours: str) -> bool:
    """Whether an image is of an older version of the same name. Tags without numbers can't be compared. Pure."""
    name, _, tag = pinned.rpartition(":")
    other, _, newest = ours.rpartition(":")
    mine, theirs = _version(tag), _version(newest)
    return name == other and bool(mine) and bool(theirs) and mine < theirs


def _version(tag: str) -> tuple[int, ...]:
    found = re.match(r"[A-Za-z]*-?v?(\d+(?:\.\d+)*)", tag)
    return tuple(int(part) for part in found[1].split(".")) if found else ()


CHECK = Check(
    id="image-pins",
    section="settings",
    holds="no image is held at an older version than the catalogue's",
    run=_run,
    needs=("checkout", "dotenv"),
)
