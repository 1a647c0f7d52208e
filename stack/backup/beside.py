"""A second checkout in a folder beside this one, with a project and ports of its own, for a backup to be brought to."""

import os
import shutil
from pathlib import Path

from stack import docker, tree
from stack.backup import folder, keys, manifest
from stack.env import envfile
from stack.env.settings import HIGHEST_OFFSET
from stack.errors import USAGE, fail
from stack.names import echoed
from stack.planning import checkouts, hostports, planner
from stack.planning.planner import Request

LEFT_BEHIND = (".git", ".venv", tree.GENERATED, ".env", "compose.yaml", "backups", "local", "__pycache__")
"""What a second checkout has of its own."""


def possible(root: Path, name: str) -> Path:
    """The folder of a checkout beside this one. Raises StackError for a name that none can have."""
    target = root.parent / name
    if not manifest.WORD.fullmatch(name) or target.exists():
        why = "is there already" if target.exists() else "is no name for a project"
        raise fail("usage", f"--as: {echoed(name)} {why}", "--as", "give another name", USAGE)
    if docker.containers(name):
        raise fail("usage", f"--as: a project {name} runs already", "--as", "give another name", USAGE)
    return target


def made(root: Path, target: Path) -> None:
    """Make the checkout, whole or not at all. It finds the same backups, and what opens them."""
    new = root.parent / f"{tree.loose(os.getpid())}{target.name}"
    shutil.copytree(root, new, symlinks=True, ignore=shutil.ignore_patterns(*LEFT_BEHIND))
    settings = {"PROJECT_NAME": target.name, "BASE_PORT": _free_ports(root),
                "BACKUP_DIR": str(folder.of(root, checkouts.own(root, "BACKUP_DIR")))}  # fmt: skip
    tree.write(new / ".env", envfile.edit(b"", settings), 0o600)
    if (root / keys.OWN).exists():
        tree.enclose((new / keys.OWN).parent)
        tree.write(new / keys.OWN, tree.read(root / keys.OWN), 0o600)
    new.rename(target)


def _free_ports(root: Path) -> str:
    """The next block of ports of which every one is free."""
    base = int(planner.make(root, Request()).plan.base_port)
    return str(hostports.free_base(set(range(HIGHEST_OFFSET + 1)), base) or base)
