"""`inv down`: everything of this project by its label, whatever the profiles; the data only when asked."""

from pathlib import Path

from stack import docker, tree
from stack.cluster import chosen
from stack.docker import Container
from stack.errors import Problem, StackError, fail
from stack.output import consent
from stack.output.progress import Progress
from stack.output.result import Result
from stack.planning import checkouts, compare
from stack.running import history, objects


def run(volumes: bool, yes: bool) -> Result:
    """Stop and remove containers and networks, and with `volumes` the data after it was listed and agreed to.

    What another folder started is taken over once that is agreed to. Raises StackError where nobody agrees."""
    root = tree.root()
    with tree.locked(root):
        project = checkouts.project_name(root)
        if chosen.now(root):
            return _of_cluster(root, project, volumes, yes)
        running = docker.containers(project)
        taken = taken_over(root, project, running, volumes, yes)
        data = objects.volumes(project)
        if volumes and data and not yes:
            _agree("this would remove the data for good", sized(data), "./inv down --volumes --yes")
        containers, found, stuck = ended(project, len(running))
        objects.remove_volumes(data if volumes else [])
        if volumes and (containers or data):  # under a name that nothing has, the record is of another one
            history.forget(root, project)
    networks = found - len(stuck)
    lines = [*taken, removed(project, containers, networks, len(data) if volumes else 0)]
    kept = [] if volumes else data
    if kept:
        lines.append(f"kept the data: {', '.join(kept)} (to remove it: ./inv down --volumes)")
    return Result({"project": project, "containers": containers, "networks": networks,
                   "volumes": data if volumes else [], "kept": kept}, [_stuck(name) for name in stuck],
                  lines=lines)  # fmt: skip


def ended(project: str, count: int) -> tuple[int, int, list[str]]:
    """Take containers and networks away, and say so meanwhile, as each container has its own time to end. Tells how
    many of each there were, and which networks the engine keeps."""
    progress = Progress()
    with progress.shown():
        if count:
            progress.tell(project, f"stopping {_many(count, 'container')}")
        containers = objects.remove_containers(project)
        if count:
            progress.tell(project, "removing networks")
        found, stuck = objects.remove_networks(project)
        if count:
            progress.tell(project, "done")
    return containers, found, stuck


def removed(project: str, containers: int, networks: int, volumes: int) -> str:
    """What went, without what there was none of. Pure."""
    counts = {"container": containers, "network": networks, "volume": volumes}
    *first, last = [_many(count, what) for what, count in counts.items() if count] or [""]
    if not last:
        return f"there was nothing of {project} to remove"
    return f"removed {' and '.join([*([', '.join(first)] if first else []), last])} of {project}"


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _of_cluster(root: Path, project: str, volumes: bool, yes: bool) -> Result:
    """The same of what runs on a cluster."""
    from stack.commands import swarm

    data = swarm.volumes(root)
    if volumes and data and not yes:
        _agree("this would remove the data for good", data, "./inv down --volumes --yes")
    return swarm.down(root, project, volumes)


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


def taken_over(root: Path, project: str, running: list[Container], volumes: bool, yes: bool) -> list[str]:
    """What is said of containers that another folder started. Where that one still holds a project, they are listed
    and asked about; `yes` agrees, but not to the data of such a one."""
    folders = sorted({c.working_dir for c in running if c.working_dir and not tree.same(root, c.working_dir)})
    other = compare.owner(root, running)
    if other and volumes and yes:
        message = f"the data of {project} is that of {other}, which still holds a project; without it this is possible"
        raise fail("other-checkout", message, "PROJECT_NAME", "./inv down --yes")
    if other and not yes:
        names = [c.name for c in running if tree.same(other, c.working_dir)]
        _agree(f"this would end what was started in {other}, which still holds a project", names, "./inv down --yes")
    return [f"took over what was started in {folder}" for folder in folders]


def _agree(message: str, listed: list[str], fix: str) -> None:
    consent.agree("\n  ".join([f"{message}:", *listed]), fix, "nothing was removed")
