"""The edge that gives every node the images that no registry has, as they are built here.

Engines take images without certificates from 127.0.0.0/8 alone (docs.docker.com, Test an insecure registry), and Swarm
publishes nothing there. So the registry is a container of this machine, which it alone can write to, at its 127.0.0.1;
and each other node has a door: the same program as a cache in front of it, which refuses what is pushed. It is
published in host mode, so it is on that node's 127.0.0.1, too, by the same port: no engine needs a setting, and the
kernel no IPVS. The door's port is open to the network; what is run is named by its digest, so nobody can change it."""

import hashlib
import json
import time
from collections.abc import Iterable, Mapping
from concurrent import futures
from pathlib import Path
from typing import Any

from stack import docker
from stack.cluster import manager
from stack.cluster.placement import Cluster
from stack.env.settings import Settings
from stack.errors import StackError, fail
from stack.output.progress import Progress
from stack.running import images

LABEL = "stack.registry"
"""What is a registry's has it: its project. It is not the label of a stack, which has no such service."""
DIGEST = "stack.digest"
HOLDER = "stack.node"
"""A label of the config that tells of a registry: its node."""
OFFSET = 190
"""From BASE_PORT to the registry's port, on every node."""
NONE = "none"
"""As REGISTRY: every node has the images already."""
BUILT = "genai-stack/registry:0.1.0"
CONTEXT = "compose/registry"
# registry:3 has its settings elsewhere than registry:2.
SERVE = (
    'exec registry serve "$(ls /etc/distribution/config.yml /etc/docker/registry/config.yml 2>/dev/null | head -n 1)"'
)
PULL_S, PUSH_S = 600.0, 1800.0
PUSHES = 3
"""Images that are brought at the same time."""
DOORS_S = 180.0
LOOK_S = 0.5
GRACE_S = 1
"""Seconds to end in: the program does not listen to the signal, and what it holds is whole at every moment."""
UNANSWERED_S = 20.0
"""Seconds for which a registry that was just started may not answer yet."""
MANIFESTS = ("application/vnd.docker.distribution.manifest.v2+json", "application/vnd.oci.image.manifest.v1+json",
             "application/vnd.oci.image.index.v1+json")  # fmt: skip


def port(settings: Settings) -> int:
    """The port of the registry and its doors."""
    return int(settings.value("BASE_PORT")) + OFFSET


def address(settings: Settings) -> str:
    """Where every node gets the images from: REGISTRY, or its own 127.0.0.1."""
    return settings.value("REGISTRY").rstrip("/") or f"127.0.0.1:{port(settings)}"


def own(settings: Settings) -> bool:
    """Whether the registry is the project's."""
    return not settings.value("REGISTRY")


def local(rows: Iterable[Mapping[str, Any]], names: Iterable[str]) -> list[str]:
    """The images of `names` that no registry of their own name has. `rows` are those that were inspected. Pure."""
    found = []
    for name in dict.fromkeys(names):
        row = _row(rows, name)
        if row is not None and "@" not in name and not _digests(row, _repository(name)):
            found.append(name)
    return found


def called(name: str, at: str) -> str:
    """The repository of an image in the registry `at`: of one of the user's own, that has but one level, the last word
    of the name. Pure."""
    path = _repository(name).replace(":", "-")
    return f"{at}/{path if at.startswith('127.') else path.rpartition('/')[2]}"


def needed(settings: Settings, cluster: Cluster) -> bool:
    """Whether there are nodes that don't have what is built here. Pure."""
    return len(cluster.nodes) > 1 and settings.value("REGISTRY") != NONE


def known(settings: Settings, names: Iterable[str], cluster: Cluster) -> dict[str, str]:
    """What every node calls each image that was shared before, and that has not changed since; nothing is asked of any
    registry."""
    if not needed(settings, cluster):
        return {}
    at, rows = address(settings), docker.inspected("images", names)
    return {name: ref for name in local(rows, names) if (ref := _reference(rows, name, at))}


def share(root: Path, settings: Settings, project: str, names: Iterable[str], cluster: Cluster,
          progress: Progress) -> dict[str, str]:  # fmt: skip
    """See to it that every node can have the images; gives what each is called there, with its digest. Those that have
    a registry by their own name are left to it, and where there is one node alone, nothing is done.

    Raises StackError where a node can't be reached by the way that is used, with what to type there."""
    if not needed(settings, cluster):
        return {}
    rows = docker.inspected("images", names)
    wanted, at = local(rows, names), address(settings)
    if not wanted:
        return {}
    if own(settings):
        serve(root, settings, project, cluster, progress)

    def shared(name: str) -> str:
        return _shared(name, rows, at, own(settings), progress)

    # Engines compress a layer on one processor, so several at once; but those that the first of them brings, which
    # the others stand on, are taken over from it.
    first, *rest = sorted(wanted, key=lambda name: (_row(rows, name) or {}).get("Size", 0))
    with futures.ThreadPoolExecutor(PUSHES) as pool:
        return {first: shared(first), **dict(zip(rest, pool.map(shared, rest), strict=True))}


def serve(root: Path, settings: Settings, project: str, cluster: Cluster, progress: Progress) -> None:
    """Have the registry run here and a door on each other node, and wait for both. Raises StackError."""
    image = _image(root, settings, progress)
    name, at, encrypted = name_of(project), port(settings), settings.value("NETWORK_ENCRYPTED") == "true"
    mark = hashlib.sha256(f"{image} {at} {cluster.here} {encrypted}".encode()).hexdigest()[:16]
    label = ["--label", f"{LABEL}={project}", "--label", f"{DIGEST}={mark}"]
    _network(project, encrypted)
    behind = f"REGISTRY_PROXY_REMOTEURL=http://{_alias(cluster.here)}:5000"
    _container(name, image, at, mark, [*label, "--network-alias", _alias(cluster.here)])
    _doors(name, image, at, mark, [*label, "--constraint", f"node.id!={cluster.here}", "--env", behind])
    if cluster.here not in holders(project):
        words = ["config", "create", "--label", f"{LABEL}={project}", "--label", f"{HOLDER}={cluster.here}"]
        docker.ask([*words, f"{name}-{cluster.here[:12]}", "-"], text=f"{cluster.here}\n")
    _wait(name, image, cluster)


def _network(project: str, encrypted: bool) -> None:
    """The network between the registry and its doors. One that is encrypted otherwise goes, and they with it."""
    name = name_of(project)
    found = [row for row in manager.listed("networks", name=name) if row["Name"] == name]
    if found and manager.encrypted(found[0]) != encrypted:
        remove(project, data=False)
        found = []
    if not found:
        docker.ask(["network", "create", "--driver", "overlay", "--attachable", "--label", f"{LABEL}={project}",
                    *(["--opt", "encrypted"] if encrypted else []), name])  # fmt: skip


def holders(project: str) -> dict[str, str]:
    """The nodes on which a registry of the project was made, each with the config by which the managers remember it:
    container and volume stay there when another manager takes over."""
    found = {str((row["Spec"].get("Labels") or {}).get(HOLDER, "")): row["ID"]
             for row in manager.listed("configs", label=f"{LABEL}={project}")}  # fmt: skip
    return {node: config for node, config in found.items() if node}


def name_of(project: str) -> str:
    """What a project's registry, its volume, its doors and their network are called."""
    return f"{project}-registry"


def _alias(node: str) -> str:
    """What doors call the registry of a node: another manager from which it is deployed has one of its own."""
    return f"registry-{node}"


def _container(name: str, image: str, at: int, mark: str, words: list[str]) -> None:
    found = docker.inspected("containers", [name])
    if found and (found[0]["Config"].get("Labels") or {}).get(DIGEST) == mark:
        if not found[0]["State"]["Running"]:
            docker.ask(["start", name])
        return
    if found:
        docker.ask(["rm", "--force", name])
    docker.ask(["run", "--detach", "--name", name, "--network", name, *words, "--publish", f"127.0.0.1:{at}:5000",
                "--volume", f"{name}:/var/lib/registry", "--restart", "unless-stopped", "--cap-drop", "ALL",
                "--security-opt", "no-new-privileges:true", "--stop-timeout", str(GRACE_S), "--entrypoint", "sh",
                image, "-c", SERVE],
               timeout=60)  # fmt: skip


def _doors(name: str, image: str, at: int, mark: str, words: list[str]) -> None:
    found = [row for row in manager.listed("services", name=name) if row["Spec"]["Name"] == name]
    if found and (found[0]["Spec"].get("Labels") or {}).get(DIGEST) == mark:
        return
    if found:
        docker.ask(["service", "rm", name])
    docker.ask(["service", "create", "--detach", "--quiet", "--name", name, "--mode", "global", "--network", name,
                "--endpoint-mode", "dnsrr", "--publish", f"mode=host,published={at},target=5000",
                "--restart-delay", "2s", "--stop-grace-period", f"{GRACE_S}s", "--no-resolve-image", *words,
                "--entrypoint", "sh", image, "-c", SERVE],
               timeout=60)  # fmt: skip


def _wait(name: str, image: str, cluster: Cluster) -> None:
    """Until each node that takes tasks has its door. Raises StackError for one that has not the image, or not in
    time."""
    wanted = {node.id for node in cluster.nodes if node.serves() and node.id != cluster.here}
    deadline = time.monotonic() + DOORS_S
    # Those may have been refused before the image came to the node.
    before = {task["ID"] for task in tasks(name) if task["Status"]["State"] == "rejected"}
    while True:
        found = [task for task in tasks(name) if task.get("NodeID") in wanted]
        up = {task["NodeID"] for task in found if task["Status"]["State"] == "running"}
        if up >= wanted:
            return
        for task in found:
            if task["ID"] not in before and task["NodeID"] not in up and "no such image" in _said(task):
                raise _lacks(image, task["NodeID"], cluster)
        if time.monotonic() > deadline:
            names = ", ".join(cluster.name(one) for one in sorted(wanted - up))
            told = next((f": {_said(task)}" for task in found if task["NodeID"] not in up and _said(task)), "")
            raise fail("registry", f"the way to the images does not get ready on {names}{told}",
                       fix=f"docker service ps --no-trunc {name}")  # fmt: skip
        time.sleep(LOOK_S)


def _said(task: Mapping[str, Any]) -> str:
    return str(task["Status"].get("Err") or "").lower()


def _lacks(image: str, node: str, cluster: Cluster) -> StackError:
    """What is typed once for a node that gets this one image from nowhere."""
    found = cluster.node(node)
    at = found.address if found else "NODE"
    message = f"{cluster.name(node)} can't get the image {image}, by which it gets all others"
    return fail("registry-image", message, "REGISTRY_IMAGE", f"docker save {image} | ssh {at} docker load")


def tasks(service: str) -> list[dict[str, Any]]:
    """Every task of a service that the managers still know, the oldest first."""
    words = ["service", "ps", "--quiet", "--no-trunc", service]
    ids = docker.ask(words).split()
    found: list[dict[str, Any]] = json.loads(docker.ask(["inspect", "--type", "task", *ids])) if ids else []
    return sorted(found, key=lambda task: str(task["CreatedAt"]))


def _image(root: Path, settings: Settings, progress: Progress) -> str:
    """The registry's image: REGISTRY_IMAGE, or where that can't be had, one built here. Raises StackError."""
    wanted = settings.value("REGISTRY_IMAGE")
    if docker.images([wanted]):
        return wanted
    if docker.images([BUILT]):
        return BUILT
    progress.say(f"pulling {wanted}")
    if docker.run(["pull", "--quiet", wanted], timeout=PULL_S).returncode == 0:
        return wanted
    images.build_alone(root, BUILT, CONTEXT, progress)
    return BUILT


def _shared(name: str, rows: list[dict[str, Any]], at: str, ours: bool, progress: Progress) -> str:
    """Bring an image to the registry where it is not there yet; its name with the digest. Raises StackError."""
    there = _reference(rows, name, at)
    if there and (not ours or _has(there)):
        return there
    row = _row(rows, name)
    assert row is not None
    repository = called(name, at)
    target = f"{repository}:{row['Id'].removeprefix('sha256:')[:12]}"
    progress.say(f"bringing {name} to {'the other nodes' if ours else at}")
    docker.ask(["tag", row["Id"], target])
    done = docker.run(["push", "--quiet", target], timeout=PUSH_S)
    if done.returncode:
        fix = f"docker login {at.partition('/')[0]}" if not ours else f"docker logs {at}"
        raise fail("registry", f"{name} can't be pushed to {at}: {done.stderr.strip()[-300:]}", "REGISTRY", fix)
    found = _reference(docker.inspected("images", [target]), target, at)
    if not found:
        raise fail("registry", f"{at} gave {name} no digest", "REGISTRY", f"docker push {target}")
    return found


def _has(reference: str) -> bool:
    """Whether the registry of this machine has an image; one that was just started gets a while to answer."""
    import http.client

    host, _, rest = reference.partition("/")
    path, _, digest = rest.partition("@")
    deadline = time.monotonic() + UNANSWERED_S
    while time.monotonic() < deadline:
        asked = http.client.HTTPConnection(host, timeout=5)
        try:
            asked.request("HEAD", f"/v2/{path}/manifests/{digest}", headers={"Accept": ", ".join(MANIFESTS)})
            return asked.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            time.sleep(LOOK_S)
        finally:
            asked.close()
    return False


def _row(rows: Iterable[Mapping[str, Any]], name: str) -> Mapping[str, Any] | None:
    return next((row for row in rows if docker.familiar(name) in docker.names_of(dict(row))), None)


def _repository(name: str) -> str:
    """A name without its tag and digest."""
    return docker.familiar(name.partition("@")[0]).rpartition(":")[0]


def _digests(row: Mapping[str, Any], repository: str) -> list[str]:
    return sorted(one for one in row.get("RepoDigests") or [] if docker.familiar(one).startswith(f"{repository}@"))


def _reference(rows: Iterable[Mapping[str, Any]], name: str, at: str) -> str:
    """An image's name with its digest in the registry `at`; empty where it never was there."""
    row = _row(rows, name)
    repository = _repository(name) if name.startswith(f"{at}/") else called(name, at)
    return next(iter(_digests(row, repository)), "") if row else ""


def image(project: str) -> str:
    """The image of a project's doors, which each node has that takes tasks; empty where there are none."""
    found = manager.listed("services", label=f"{LABEL}={project}")
    return next((str(row["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"]) for row in found
                 if row["Spec"]["Name"] == name_of(project)), "")  # fmt: skip


def remove(project: str, data: bool) -> None:
    """Remove a project's registry and its doors, and with `data` what it holds on this machine."""
    name = name_of(project)
    for row in manager.listed("services", label=f"{LABEL}={project}"):
        docker.ask(["service", "rm", row["ID"]])
    if docker.inspected("containers", [name]):
        docker.ask(["rm", "--force", name])
    deadline = time.monotonic() + UNANSWERED_S
    # A network is in use until the last door of it has ended.
    while manager.listed("networks", label=f"{LABEL}={project}") and time.monotonic() < deadline:
        docker.run(["network", "rm", name])
        time.sleep(LOOK_S)
    if data:
        docker.run(["volume", "rm", name])
        forget(project, str((docker.info().get("Swarm") or {}).get("NodeID", "")))


def forget(project: str, node: str) -> None:
    """Forget the registry of a node, as nothing is left of it."""
    if config := holders(project).get(node):
        docker.ask(["config", "rm", config])
