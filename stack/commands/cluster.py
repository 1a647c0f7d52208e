"""`inv cluster`: the nodes, and what they lack; `--join` makes this engine a manager and says how another one joins."""

import contextlib
import shutil
import sys
from typing import Any

import msgspec

from stack import docker, tree
from stack.cluster import clocks, disks, doors, faults, joining, nodes
from stack.cluster.nodes import Node
from stack.cluster.placement import Cluster
from stack.errors import Problem
from stack.output import consent
from stack.output.result import Result
from stack.planning import checkouts

JOIN = "./inv cluster --join"


def run(join: bool, yes: bool, as_json: bool = False) -> Result:
    """The nodes of the cluster, or with `join` the way into it. Raises StackError where there is no engine, and where
    nobody agrees to what makes this one a manager."""
    info = docker.info()
    return _joined(info, yes, as_json) if join else _looked(info)


def _looked(info: dict[str, Any]) -> Result:
    state = joining.state(info)
    if state != "manager":
        return Result({"state": state, "managers": joining.managers(info), "nodes": []}, lines=_elsewhere(state, info))
    tasks = joining.tasks()
    cluster = Cluster(_measured(nodes.listed(), info), str(info["Swarm"]["NodeID"]))
    offsets = clocks.offsets(tasks)
    lacking = faults.of_nodes(cluster, offsets)
    together = faults.of_cluster(cluster)
    rows = [{**msgspec.to_builtins(node), "name": cluster.name(node.id), "here": node.id == cluster.here,
             "clock_ahead": round(offsets[node.id], 1) if node.id in offsets else None,
             "missing": [problem.code for problem in lacking[node.id]]} for node in cluster.nodes]  # fmt: skip
    rows.sort(key=lambda row: (not row["here"], row["role"], row["name"]))
    data = {"state": state, "managers": joining.managers(info), "nodes": rows,
            "missing": [problem.code for problem in together]}  # fmt: skip
    every = [*together, *(problem for found in lacking.values() for problem in found)]
    return Result(data, every, lines=[f"another machine: {JOIN}"] if len(rows) == 1 else [])


def _measured(found: list[Node], info: dict[str, Any]) -> list[Node]:
    """The nodes with what is free on their disks: here it is seen, elsewhere a task has to look, which is asked only
    where every node has its image already."""
    project = checkouts.project_name(tree.root())
    image = doors.image(project)
    free = disks.free(project, found, image) if image else {}
    with contextlib.suppress(OSError):
        free.setdefault(str(info["Swarm"]["NodeID"]), shutil.disk_usage(str(info.get("DockerRootDir"))).free)
    return disks.told(found, free)


def _elsewhere(state: str, info: dict[str, Any]) -> list[str]:
    """What is said where this engine can't tell the nodes."""
    if state == "none":
        return [f"this engine is in no cluster; to make it the first manager of one: {JOIN}"]
    known = ", ".join(joining.managers(info)) or "none that answers"
    return [f"this engine's part in a cluster is {state}; its managers can tell the nodes: {known}"]


def _joined(info: dict[str, Any], yes: bool, as_json: bool) -> Result:
    joining.check(info)
    made = joining.state(info) == "none"
    if made:
        own = joining.address()
        message = f"this makes the engine the first manager of a cluster, for others at {own or 'its address'}"
        consent.agree(f"{message}:{joining.PORT}; what runs now runs on", f"{JOIN} --yes", yes=yes)
        joining.make(own)
        info = docker.info()
    at = f"{(info.get('Swarm') or {}).get('NodeAddr')}:{joining.PORT}"
    data = {"state": "manager", "made": made, "address": at}
    lines = [f"this engine is {'now ' if made else ''}a manager, at {at}"]
    shown = sys.stdout.isatty() and not as_json
    if not shown:
        # What is not shown to a person is kept by a program, and the line holds what makes any machine a node.
        hidden = Problem("hidden", "the line for another machine holds a secret", "", "docker swarm join-token worker")
        return Result(data, [hidden], lines=lines)
    return Result(data, lines=[
        *lines, f"on another machine, between which {joining.OPEN} are open:", "", joining.line(info), "",
        "it holds a secret; docker swarm join-token --rotate worker makes it void",
    ])  # fmt: skip
