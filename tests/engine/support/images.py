"""Images made byte by byte, and put into a registry."""

import gzip
import hashlib
import io
import json
import os
import platform
import subprocess
import tarfile
import urllib.request

from tests.engine.support import stacks
from tests.engine.support.stacks import docker, run

MACHINE = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
OTHER = {"amd64": "arm64", "arm64": "amd64"}[MACHINE]
TYPES = "application/vnd.docker.distribution.manifest"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
CONFIG = "application/vnd.docker.container.image.v1+json"
MEGABYTE = 2**20


def root_filesystem() -> dict[str, bytes]:
    """The few files with which a container can run `sh` and `sleep`, from the base image."""
    linked = docker("run", "--rm", "--network", "none", stacks.BASE, "ldd", "/bin/sh", "/bin/sleep").split()
    libraries = {word for word in linked if word.startswith("/") and not word.endswith(":")}
    container = docker("create", stacks.BASE, "true").strip()
    try:
        return {path.lstrip("/"): _copied(container, path) for path in {"/bin/sh", "/bin/sleep", *libraries}}
    finally:
        run("docker", "rm", "-f", container)


def _copied(container: str, path: str) -> bytes:
    """One file of a container, links followed."""
    words = ["docker", "cp", "-L", f"{container}:{path}", "-"]
    packed = subprocess.run(words, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        file = tar.extractfile(next(member for member in tar if member.isfile()))
        assert file is not None
        return file.read()


def layer(files: dict[str, bytes], padding: int = 0) -> bytes:
    """A gzipped layer of these files, unlike any other, with so many random bytes more."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for path, data in {**files, "unique": os.urandom(16 + padding)}.items():
            member = tarfile.TarInfo(path)
            member.size, member.mode = len(data), 0o755
            tar.addfile(member, io.BytesIO(data))
    return gzip.compress(packed.getvalue(), 1)


def publish(port: int, name: str, content: bytes, *, only_for: str = "") -> None:
    """Put an image `repository:tag` of one layer into a registry; with `only_for` as a list of images that has one
    for that machine alone."""
    repository, _, tag = name.rpartition(":")
    config = json.dumps({
        "architecture": only_for or MACHINE, "os": "linux",
        "config": {"Cmd": ["/bin/sh", "-c", "exec /bin/sleep infinity"]},
        "rootfs": {"type": "layers", "diff_ids": [_digest(gzip.decompress(content))]},
    }).encode()  # fmt: skip
    for blob in (config, content):
        place = _send(f"http://127.0.0.1:{port}/v2/{repository}/blobs/uploads/", "POST", b"", "")
        _send(f"{place}&digest={_digest(blob)}", "PUT", blob, "application/octet-stream")
    kind = f"{TYPES}.v2+json"
    parts = {"config": _described(config, CONFIG), "layers": [_described(content, LAYER)]}
    manifest = json.dumps({"schemaVersion": 2, "mediaType": kind, **parts}).encode()
    manifests = f"http://127.0.0.1:{port}/v2/{repository}/manifests"
    _send(f"{manifests}/{_digest(manifest) if only_for else tag}", "PUT", manifest, kind)
    if only_for:
        one = {**_described(manifest, kind), "platform": {"architecture": only_for, "os": "linux"}}
        table = {"schemaVersion": 2, "mediaType": f"{TYPES}.list.v2+json", "manifests": [one]}
        _send(f"{manifests}/{tag}", "PUT", json.dumps(table).encode(), f"{TYPES}.list.v2+json")


WHICH = "read -r found < /which; echo $found"
"""What a shell runs in an image of `publish_telling` to tell which it is."""


def publish_telling(port: int, which: str) -> None:
    """Publish an app:1 that can run a shell and tells that it is `which`."""
    publish(port, "app:1", layer({**root_filesystem(), "which": f"{which}\n".encode()}))


def forget(port: int, name: str) -> None:
    """Take what came from a registry out of the engine."""
    here = docker("images", "-q", "--no-trunc", f"127.0.0.1:{port}/{name}").split()
    if here:
        run("docker", "rmi", "-f", *here)


def _described(data: bytes, kind: str) -> dict[str, object]:
    return {"mediaType": kind, "size": len(data), "digest": _digest(data)}


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _send(url: str, method: str, data: bytes, kind: str) -> str:
    """Send something to the registry; gives the place that it names."""
    request = urllib.request.Request(url, data=data, method=method, headers={"Content-Type": kind} if kind else {})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=30) as answer:
        return str(answer.headers.get("Location", ""))
