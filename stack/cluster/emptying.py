"""The edge that removes volumes on every node. Swarm itself removes none, and no manager can on another node: there a
job asks that node's own engine, once, by its socket."""

import contextlib
import time
from pathlib import Path

from stack import docker
from stack.cluster import doors, kept, manager, nodes, registry, watching
from stack.cluster.nodes import Node
from stack.cluster.placement import Cluster, Kept
from stack.errors import Problem, StackError
from stack.output.progress import Progress
from stack.planning import checkouts
from stack.running import images

IMAGE = "genai-stack/ambassador:0.1.0"
"""It has socat, which speaks to a socket."""
ENGINE = "/var/run/docker.sock"
# Only if the engine behind the socket is the node's own: on a machine with several, it may be another's.
SCRIPT = r"""
ask() { printf '%s HTTP/1.0\r\nHost: localhost\r\n\r\n' "$1" | socat -t 30 - UNIX-CONNECT:/engine.sock; }
ask 'GET /info' | grep -q "\"NodeID\":\"$NODE\"" || { echo "another engine than the node's answers" >&2; exit 3; }
ask "DELETE /containers/$REGISTRY?force=true" > /dev/null
for name in $VOLUMES; do
    for try in 1 2 3 4 5 6 7 8 9 10; do
        code=$(ask "DELETE /volumes/$name" | head -n 1 | cut -d ' ' -f 2)
        case $code in 204 | 404) break ;; esac
        sleep 1
    done
    case $code in 204 | 404) ;; *) echo "$name: the engine answered $code" >&2; exit 4 ;; esac
done
"""
JOB_S = 60.0
RELEASED_S = 30.0


CONTEXT = "compose/ambassador"


def remove(root: Path, project: str, known: Kept, progress: Progress) -> tuple[list[str], list[Problem]]:
    """Remove a project's volumes where they are remembered to be, and forget each that is gone; with the registries of
    other managers that deployed it. Gives back those, and a problem for each node on which that could not be done."""
    here = str((docker.info().get("Swarm") or {}).get("NodeID", ""))
    of_nodes: dict[str, list[str]] = {}
    for name, place in sorted(known.volumes.items()):
        of_nodes.setdefault(place, []).append(name)
    own = doors.name_of(project)
    for place in doors.holders(project).keys() - {here}:
        of_nodes.setdefault(place, []).append(own)
    cluster = {node.id: node for node in nodes.listed()}
    gone: list[str] = []
    problems = []
    image = _image(root, project, Cluster([*cluster.values()], here), progress) if of_nodes.keys() - {here} else ""
    for identity, names in of_nodes.items():
        node = cluster.get(identity)
        why = _here(names) if identity == here else _lacking(node) or _ask(image, project, identity, names)
        if why:
            problems.append(_stays(identity, node, names, why))
            continue
        gone += names
        if own in names:
            doors.forget(project, identity)
    left = {name: place for name, place in known.volumes.items() if name not in gone}
    if left:
        kept.write(root, Kept(left, known.services))
    else:
        kept.forget(root)
    return sorted({*gone} & known.volumes.keys()), problems


def end_registries(project: str) -> list[Problem]:
    """End the registries of other managers that deployed a project; what they hold stays. Gives back a problem for each
    node on which that could not be done."""
    here = str((docker.info().get("Swarm") or {}).get("NodeID", ""))
    others = sorted(doors.holders(project).keys() - {here})
    if not others:
        return []
    cluster, name = {node.id: node for node in nodes.listed()}, doors.name_of(project)
    # It can't be brought there: the way to images is by the port that the other registry holds.
    rows = docker.inspected("images", [IMAGE])
    image = str(rows[0]["Id"]) if rows else ""
    found = []
    for identity in others:
        if why := _lacking(node := cluster.get(identity)) or _ask(image, project, identity, []):
            message = f"the registry {name} on {node.hostname if node else identity}: not ended, as {why}"
            found.append(Problem("registry-left", message, "", f"{_at(node)}docker rm --force {name}"))
    return found


def _lacking(node: Node | None) -> str:
    """Why nothing can be done on a node."""
    if node is None:
        return "it left the cluster"
    return "" if node.serves() else f"it is {node.state if node.state != 'ready' else node.availability}"


def _stays(identity: str, node: Node | None, names: list[str], why: str) -> Problem:
    message = f"{', '.join(names)} on {node.hostname if node else identity}: not removed, as {why}"
    return Problem("volume-left", message, "", f"{_at(node)}docker volume rm {' '.join(names)}")


def _at(node: Node | None) -> str:
    """What stands before a line that is typed on a node."""
    return f"ssh {node.address} " if node else "there: "


def _here(names: list[str]) -> str:
    there = docker.volumes()
    wanted = [name for name in names if name in there]
    end = time.monotonic() + RELEASED_S
    # The engine lets go of a volume a little after the last task of it has ended.
    while wanted and (done := docker.run(["volume", "rm", *wanted])).returncode != 0:
        if time.monotonic() > end:
            return done.stderr.strip()
        time.sleep(1)
        wanted = [name for name in wanted if name in docker.volumes()]
    return ""


def _image(root: Path, project: str, cluster: Cluster, progress: Progress) -> str:
    """What every node calls the image that asks its engine, which is built where it is not here. Empty where it can't
    be had: then the volumes are told with the line that removes them."""
    shared: dict[str, str] = {}
    # Without a way to bring it there, a node may still have it.
    with contextlib.suppress(StackError):
        if not docker.images([IMAGE]):
            images.build_alone(root, IMAGE, CONTEXT, progress)
        shared = registry.share(root, checkouts.read(root).settings, project, [IMAGE], cluster, progress)
    rows = docker.inspected("images", [IMAGE])
    return shared.get(IMAGE) or (str(rows[0]["Id"]) if rows else "")


def _ask(image: str, project: str, node: str, names: list[str]) -> str:
    """Have a node's own engine remove volumes, and its registry; why that was not done, or nothing."""
    if not image:
        return f"the image that asks its engine, {IMAGE}, can't be had"
    job = f"{project}_volumes-{node[:12]}"
    once = ["--restart-condition", "none", "--user", "0", "--constraint", f"node.id=={node}"]
    given = ["--mount", f"type=bind,source={ENGINE},target=/engine.sock", "--env", f"NODE={node}", "--env",
             f"VOLUMES={' '.join(names)}", "--env", f"REGISTRY={doors.name_of(project)}"]  # fmt: skip
    words = ["service", "create", "--detach", "--quiet", "--no-resolve-image", "--name", job, "--label",
             f"{manager.NAMESPACE}={project}", *once, *given, "--entrypoint", "sh", image, "-c",
             SCRIPT]  # fmt: skip
    docker.run(["service", "rm", job])
    try:
        docker.ask(words)
        return watching.ended(project, f"volumes-{node[:12]}", JOB_S)
    except StackError as error:
        return error.problems[0].message
    finally:
        docker.run(["service", "rm", job])
