"""The edge that gives every node the images that no registry has, as they are built here: it brings them to REGISTRY,
or to a registry of the project's own, which the nodes reach by their doors (stack/cluster/doors.py)."""

import time
from collections.abc import Iterable, Mapping
from concurrent import futures
from pathlib import Path
from typing import Any

from stack import docker
from stack.cluster import doors
from stack.cluster.placement import Cluster
from stack.env.settings import Settings
from stack.errors import fail
from stack.output.progress import Progress
from stack.running import images

OFFSET = 190
"""From BASE_PORT to the registry's port, on every node."""
NONE = "none"
"""As REGISTRY: every node has the images already."""
BUILT = "genai-stack/registry:0.1.0"
CONTEXT = "compose/registry"
PULL_S, PUSH_S = 600.0, 1800.0
PUSHES = 3
"""Images that are brought at the same time."""
LOOK_S = 0.5
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
        encrypted = settings.value("NETWORK_ENCRYPTED") == "true"
        doors.serve(project, _image(root, settings, progress), port(settings), encrypted, cluster)

    def shared(name: str) -> str:
        return _shared(name, rows, at, own(settings), progress)

    # Engines compress a layer on one processor, so several at once; but those that the first of them brings, which
    # the others stand on, are taken over from it.
    first, *rest = sorted(wanted, key=lambda name: (_row(rows, name) or {}).get("Size", 0))
    with futures.ThreadPoolExecutor(PUSHES) as pool:
        return {first: shared(first), **dict(zip(rest, pool.map(shared, rest), strict=True))}


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
