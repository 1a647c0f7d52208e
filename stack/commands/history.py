"""`inv history`: the last starts, what each changed, when and by which command."""

from typing import Any

import msgspec

from stack import docker, tree
from stack.errors import StackError
from stack.names import size
from stack.output.result import Result
from stack.running import history
from stack.running.history import KEEP, Entry


def run() -> Result:
    """Every start that is recorded, the newest first."""
    entries = history.read(tree.root())
    rows = [row(entry, undoes=number > 0) for number, entry in enumerate(entries)]
    kept = _kept(entries)
    lines = [WAYS] if len(entries) > 1 else []
    if kept:
        lines.append(
            f"images of earlier builds that are kept for that: {len(kept)}, {size(sum(kept.values()))} at most"
        )
    return Result({"starts": rows[::-1], "kept_bytes": sum(kept.values())}, lines=lines if entries else [NOTHING])


WAYS = "./inv rollback NUMBER goes to the state before that start, ./inv rollback to the one before the last"
NOTHING = "nothing is recorded yet: ./inv up does"


def row(entry: Entry, undoes: bool = True) -> dict[str, Any]:
    """An entry as the envelope holds it; `undoes` tells whether there is a state before it."""
    data: dict[str, Any] = msgspec.to_builtins(entry)
    del data["state"]
    return {**data, "undoes": undoes}


def _kept(entries: list[Entry]) -> dict[str, int]:
    """The bytes of each image that has no name but the one that it is kept by; layers that others share are counted,
    too. None where no engine answers."""
    ids = {image.id for entry in entries for image in entry.images.values() if image.built}
    try:
        rows = docker.inspected("images", sorted(ids))
    except StackError:
        return {}
    return {row["Id"]: row["Size"] for row in rows
            if all(name.startswith(f"{KEEP}:") for name in row.get("RepoTags") or [])}  # fmt: skip
