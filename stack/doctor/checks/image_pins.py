"""Images that `.env` holds at an older version than the catalogue's, and what they lack by the table of pins."""

from collections.abc import Iterable

from stack.doctor.check import WARNING, Check, Finding
from stack.doctor.scene import Scene
from stack.planning import pins
from stack.planning.pins import Pin


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
            yield Finding(seen, causes(pinned, scene.pins), f"./inv env.unset {name} && ./inv up", WARNING,
                          where=f".env: {name}")  # fmt: skip


def causes(pinned: str, table: Iterable[Pin]) -> str:
    """What an older image means: by the table, the advisories that it has open, and what its data needs. Pure."""
    name, tag = pins.split(pinned)
    rows = [row for row in table if name in {pins.split(image)[0] for image in row.images()}]
    open_ = [advisory for row in rows for advisory in pins.lacking(row, tag)]
    found = f"it is open to {', '.join(open_)}" if open_ else "it misses what the newer one mends"
    moving = any(row.moving for row in rows)
    moves = "; before the newer one starts, docs/pins.md says what its data needs" if moving else ""
    return f"{found}, and its healthcheck and settings are those of the newer one{moves}"


def newer(pinned: str, ours: Iterable[str]) -> str:
    """The one of our images, a source may have its own, that is a newer version of a pinned one; of the same variant
    (what follows the version) where there is one. Nothing where names differ or a tag has no number. Pure."""
    name, tag = pins.split(pinned)
    held = pins.version(tag)
    named = {image: found for image in ours
             if pins.split(image)[0] == name and (found := pins.version(pins.split(image)[1]))}  # fmt: skip
    same = [image for image, found in named.items() if held and found.behind == held.behind]
    return next((image for image in same or named if held and named[image].numbers > held.numbers), "")


CHECK = Check(
    id="image-pins",
    section="settings",
    holds="no image is held at an older version than the catalogue's",
    run=_run,
    needs=("checkout", "dotenv", "pins"),
)
