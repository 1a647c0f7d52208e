"""The edge to what is remembered of a cluster between starts: where each volume is."""

from pathlib import Path

import msgspec

from stack import tree
from stack.cluster.placement import Kept

FILE = f"{tree.GENERATED}/record/places.json"


def read(root: Path) -> Kept:
    """What is remembered; nothing where nothing can be read."""
    return tree.recall(root / FILE, Kept) or Kept()


def write(root: Path, kept: Kept) -> None:
    """Remember it."""
    tree.write(root / FILE, msgspec.json.encode(kept), 0o600)


def forget(root: Path) -> None:
    """Remember nothing any more: the volumes are gone."""
    (root / FILE).unlink(missing_ok=True)
