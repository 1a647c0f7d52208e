"""The table of pins (pins.yml): which image or package is held at which version, and why. Pure, but for `read`."""

import re
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import NamedTuple

import msgspec

from stack import tree
from stack.errors import fail

FILE = "pins.yml"
CALENDAR = 2000
"""From this number on, a version's first one is a year: every newer one is of the same line."""
VERSIONS = (r"\d{4}-\d{2}-\d{2}", r"\d+(?:\.\d+)+", r"\d{8}", r"\d+")
"""What in a tag is its version; the first that there is counts: 32 in ViT-B-32-1.5.1 is part of a name."""
CANDIDATE = re.compile(r"[-.]?(?:rc|alpha|beta|dev|pre|ea)[-.]?\d*(?![a-z])")
HASH = re.compile(r"-[0-9a-f]{7,40}$")


class Pin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One row; its keys are explained at the top of the file."""

    pins: list[str]
    released: str
    newest: str
    seen: str
    looked_up: date
    lock: str = ""
    line: str = ""
    fixes: dict[str, str] = {}
    stays: str = ""
    next: str = ""
    moving: str = ""

    def images(self) -> list[str]:
        """The images of the row; none where it is one of packages."""
        return [] if self.lock else self.pins

    def parts(self) -> list[tuple[str, str, str]]:
        """Each pin with its name and its version or tag."""
        return [(pin, *(split(pin) if not self.lock else (pin.partition("==")[0], pin.partition("==")[2])))
                for pin in self.pins]  # fmt: skip


class Version(NamedTuple):
    """A tag taken apart: what stands before and behind its numbers (a commit aside), and whether it is a candidate."""

    before: str
    numbers: tuple[int, ...]
    behind: str
    candidate: str

    def shape(self) -> tuple[str, int, str]:
        """What a newer tag of the same kind has in common with it."""
        return self.before, len(self.numbers), self.behind


def table(text: str) -> list[Pin]:
    """The rows of the file. Raises StackError naming what is wrong in it."""
    from stack import yamlfile

    try:
        return msgspec.convert(yamlfile.load(FILE, text) or [], list[Pin])
    except msgspec.ValidationError as error:
        raise fail("pins", str(error), FILE, f"git checkout {FILE}") from None


def read(root: Path) -> list[Pin]:
    """The rows of a checkout's file; none where there is none. They are kept, as parsing takes 50 ms. Raises StackError
    naming what is wrong in it."""
    data = tree.read(root / FILE)
    cache = root / tree.GENERATED / "cache" / f"pins-{tree.digest(data)[:24]}.json"
    found = tree.recall(cache, list[Pin])
    if found is None:
        found = table(data.decode(errors="replace"))
        tree.remember(cache, msgspec.json.encode(found))
    return found


def split(image: str) -> tuple[str, str]:
    """Name and tag of an image; the tag is empty where there is none. A digest says nothing of either."""
    name, colon, tag = image.partition("@")[0].rpartition(":")
    return (name, tag) if colon and "/" not in tag else (image.partition("@")[0], "")


def row_of(image: str, rows: Iterable[Pin]) -> Pin | None:
    """The row that an image is pinned by, whatever its tag and mirror; None where there is none."""
    name = split(image)[0]
    return next((row for row in rows for pin in row.images() if f"/{name}".endswith(f"/{split(pin)[0]}")), None)


def version(tag: str) -> Version | None:
    """A tag's version; none where it has no number."""
    found = next((found for one in VERSIONS if (found := re.search(one, tag))), None)
    if not found:
        return None
    behind = tag[found.end() :]
    candidate = CANDIDATE.match(behind)
    kept = behind[candidate.end() :] if candidate else behind
    numbers = tuple(int(one) for one in re.split(r"[.-]", found[0]))
    return Version(tag[: found.start()], numbers, HASH.sub("-commit", kept), candidate[0] if candidate else "")


def newer(tag: str, than: str) -> bool:
    """Whether a tag's version is above another's; where one has none, whether they differ."""
    one, other = version(tag), version(than)
    return _rank(one) > _rank(other) if one and other else tag != than


def newest(tag: str, tags: Iterable[str], line: str = "") -> tuple[str, str]:
    """Of a repository's tags, the newest of a pin's shape: in its line (the numbers of `line`, else its major), and one
    beyond that line; each is empty where there is none above the pin. Candidates count for a candidate alone."""
    ours = version(tag)
    if not ours:
        return "", ""
    held = version(line)
    kept = held.numbers if held else ours.numbers[:1] if ours.numbers[0] < CALENDAR else ()
    ranked = [(_rank(found), one) for one in tags if (found := version(one)) and found.shape() == ours.shape()
              and (ours.candidate or not found.candidate) and _rank(found) > _rank(ours)]  # fmt: skip
    inside = [one for one in ranked if one[0][0][: len(kept)] == kept]
    beyond = [one for one in ranked if one[0][0][: len(kept)] > kept]
    return max(inside, default=((), ""))[1], max(beyond, default=((), ""))[1]


def _rank(found: Version) -> tuple[tuple[int, ...], bool, int]:
    """What versions are compared by: a candidate is below its release."""
    number = re.search(r"\d+", found.candidate)
    return found.numbers, not found.candidate, int(number[0]) if number else 0


def lacking(pin: Pin, tag: str) -> list[str]:
    """The advisories of a row that an image's tag has not mended."""
    found = version(tag)
    return [name for name, fixed in pin.fixes.items()
            if found and (mended := version(fixed)) and found.numbers < mended.numbers]  # fmt: skip


HEAD = """\
# Pins

Written from [pins.yml](../pins.yml) by `./inv docs`: every image that the catalogue pulls and what is built here, at
which version, and why. `./inv outdated` asks the registries for newer ones, where they answer.

**Before a newer image's first start, back up**: most programs migrate their data then, and few can go back. The
databases: `docker compose exec -T supabase-db pg_dumpall -h localhost -U supabase_admin > all.sql`. A volume, once all
of it is stopped: copy it. One image stays as it was with `./inv env.set NAME_IMAGE THE:OLD`.

"By" a day means that its use was seen then, and its release was not. "Looked up" says when and where the newest one was
looked for: there may be newer ones since.
"""


def document(rows: list[Pin]) -> str:
    """docs/pins.md: a table of all, then what is to be said of some."""
    lines = [HEAD, "| pin | released | newest known | looked up |", "|---|---|---|---|"]
    lines += [f"| {_pins(row)} | {row.released} | {row.newest} | {row.looked_up}: {row.seen} |" for row in rows]
    titles = {"moving": "Who has data of an older one", "stays": "Why this one", "next": "What the next one breaks"}
    lines += ["", "## Advisories", "", "| pin | mended since | advisory |", "|---|---|---|"]
    lines += [f"| {_pins(row)} | {fixed} | {name} |" for row in rows for name, fixed in row.fixes.items()]
    for key, title in titles.items():
        lines += ["", f"## {title}", ""]
        lines += [f"- {_pins(row)}: {text}" for row in rows if (text := getattr(row, key))]
    return "\n".join([*lines, ""])


def _pins(row: Pin) -> str:
    names = ", ".join(f"`{pin}`" for pin in row.pins)
    return f"{names} in {row.lock}" if row.lock else names
