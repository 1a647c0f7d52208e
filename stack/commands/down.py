"""`inv down`: everything of this project by its label, whatever the profiles; the data only when asked."""

import sys

from stack import docker, planner, tree
from stack.errors import Problem, StackError
from stack.result import Result

GRACE = 120
"""Seconds for containers to stop: the database's own grace is 60."""


def run(volumes: bool, yes: bool) -> Result:
    """Stop and remove containers and networks, and with `volumes` the data after it was listed and agreed to."""
    root = tree.root()
    with tree.locked(root):
        project = planner.project_name(root)
        data = _volumes(project) if volumes else {}
        if data and not yes:
            _agree(data)
        containers = _ids(["ps", "-aq"], project)
        if containers:
            docker.ask(["stop", *containers], timeout=GRACE)
            docker.ask(["rm", "-f", *containers], timeout=GRACE)
        networks = _ids(["network", "ls", "-q"], project)
        if networks:
            docker.ask(["network", "rm", *networks])
        if data:
            docker.ask(["volume", "rm", *data])
    lines = [f"removed {len(containers)} containers, {len(networks)} networks, {len(data)} volumes of {project}"]
    kept = {} if volumes else _volumes(project)
    if kept:
        lines.append(f"kept the data: {', '.join(kept)} (with it: ./inv down --volumes)")
    return Result({"containers": len(containers), "networks": len(networks), "volumes": sorted(data), "kept": sorted(kept)},
                  lines=lines)  # fmt: skip


def _ids(question: list[str], project: str) -> list[str]:
    return docker.ask([*question, "--filter", f"label={docker.PROJECT_LABEL}={project}"]).split()


def _volumes(project: str) -> dict[str, str]:
    """The project's volumes with their sizes, where the engine can tell them."""
    names = _ids(["volume", "ls", "-q"], project)
    if not names:
        return {}
    layout = '{{range .Volumes}}{{.Name}} {{.Size}}{{"\\n"}}{{end}}'
    rows = docker.ask(["system", "df", "-v", "--format", layout], timeout=60).splitlines()
    sizes = dict(row.split(" ", 1) for row in rows if " " in row)
    return {name: sizes.get(name, "size unknown") for name in names}


def _agree(data: dict[str, str]) -> None:
    """Ask before data goes. Raises StackError where nobody can be asked, or the answer is no."""
    listed = ", ".join(f"{name} ({size})" for name, size in data.items())
    if not sys.stdin.isatty():
        fix = "./inv down --volumes --yes"
        raise StackError(Problem("not-agreed", f"this would remove the data: {listed}", fix=fix))
    print(f"This removes the data for good:\n  {listed.replace(', ', chr(10) + '  ')}", file=sys.stderr)
    if input("Remove it? [y/N] ").strip().lower() not in ("y", "yes"):
        raise StackError(Problem("not-agreed", "nothing was removed"))
