"""The edge that asks each node how much of its disk is free: no manager knows. A task on each of them looks, once."""

import re
import time
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from stack import docker
from stack.cluster import doors
from stack.cluster.nodes import Node
from stack.errors import StackError

JOB_S = 20.0
LOOK_S = 0.3
LINE = re.compile(r"^\S+\.([a-z0-9]{12})[a-z0-9]*@\S+ +\| +\S+ +\d+ +\d+ +(\d+) +\d+% +/$", re.MULTILINE)
"""What `df -P` says of a container's root, behind the name of the task that asked: a kilobyte is its unit."""
ENDED = ("complete", "failed", "rejected")


def free(project: str, nodes: list[Node], image: str) -> dict[str, int]:
    """The bytes that are free where each node's engine keeps its data, by the node's id, of those that tell in time.

    `image` should be on the nodes already, as nothing is to be pulled for a question."""
    # Not as a job of Swarm's: the tasks and containers of one that has ended stay, also when it is removed (20.10).
    name = f"{project}-disks"
    wanted = {node.id for node in nodes if node.serves()}
    try:
        docker.run(["service", "rm", name])
        docker.ask(["service", "create", "--detach", "--quiet", "--name", name, "--mode", "global", "--label",
                    f"{doors.LABEL}={project}", "--restart-condition", "none", "--no-resolve-image",
                    "--entrypoint", "df", image, "-Pk", "/"], timeout=30)  # fmt: skip
        tasks = _ended(name, wanted)
        return read(docker.run(["service", "logs", name], timeout=30).stdout, tasks)
    except StackError:
        return {}
    finally:
        docker.run(["service", "rm", name])


def _ended(name: str, wanted: set[str]) -> list[dict[str, Any]]:
    """The tasks that have ended, once all have, or JOB_S are over."""
    deadline = time.monotonic() + JOB_S
    while True:
        ended = [task for task in doors.tasks(name) if task["Status"]["State"] in ENDED]
        if {task["NodeID"] for task in ended} >= wanted or time.monotonic() > deadline:
            return ended
        time.sleep(LOOK_S)


def read(log: str, tasks: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """What each task said, by the id of its node. Pure."""
    of = {task["ID"][:12]: str(task["NodeID"]) for task in tasks}
    return {of[task]: int(kilobytes) * 1024 for task, kilobytes in LINE.findall(log) if task in of}


def told(nodes: list[Node], found: Mapping[str, int]) -> list[Node]:
    """The nodes with what was found. Pure."""
    return [msgspec.structs.replace(node, disk_free=found.get(node.id, node.disk_free)) for node in nodes]
