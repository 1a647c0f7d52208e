"""`inv down`: everything of this project by its label, whatever the profiles; the data only when asked."""

import sys

from stack import docker, tree
from stack.errors import Problem, StackError
from stack.output.result import Result
from stack.planning import compare, planner
from stack.running import objects


def run(volumes: bool, yes: bool) -> Result:
    """Stop and remove containers and networks, and with `volumes` the data after it was listed and agreed to.

    Raises StackError where the project is that of another folder: what it runs, and its data, are not ours to end."""
    root = tree.root()
    with tree.locked(root):
        project = planner.project_name(root)
        compare.check_owner(root, project, docker.containers(project))
        data = objects.volumes(project)
        if volumes and data and not yes:
            _agree(sized(data))
        containers = objects.remove_containers(project)
        found, stuck = objects.remove_networks(project)
        objects.remove_volumes(data if volumes else [])
    networks, removed = found - len(stuck), len(data) if volumes else 0
    lines = [f"removed {containers} containers, {networks} networks, {removed} volumes of {project}"]
    kept = [] if volumes else data
    if kept:
        lines.append(f"kept the data: {', '.join(kept)} (to remove it: ./inv down --volumes)")
    return Result({"project": project, "containers": containers, "networks": networks,
                   "volumes": data if volumes else [], "kept": kept}, [_stuck(name) for name in stuck],
                  lines=lines)  # fmt: skip


def _stuck(network: str) -> Problem:
    message = f"the engine keeps the network {network}, which is empty: it has lost count of who was in it"
    return Problem("network-stuck", message, fix="leave it: the next ./inv up uses it")


def sized(names: list[str]) -> list[str]:
    """The volumes with their sizes, where the engine can tell them."""
    try:
        sizes = docker.volume_sizes(timeout=60)
    except StackError:
        sizes = {}
    return [f"{name} ({sizes.get(name, 'size unknown')})" for name in names]


def _agree(listed: list[str]) -> None:
    """Ask before data goes. Raises StackError where nobody can be asked, or the answer is no."""
    if not sys.stdin.isatty():
        message = f"this would remove the data: {', '.join(listed)}"
        raise StackError(Problem("not-agreed", message, fix="./inv down --volumes --yes"))
    print("\n  ".join(["This removes the data for good:", *listed]), file=sys.stderr)
    if input("Remove it? [y/N] ").strip().lower() not in ("y", "yes"):
        raise StackError(Problem("not-agreed", "nothing was removed"))
