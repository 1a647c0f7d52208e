"""Images made byte by byte for a registry, servers that refuse, lines that can be held, and a second engine."""

import contextlib
import functools
import gzip
import hashlib
import io
import json
import os
import platform
import socket
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.engine import support_stack as support
from tests.engine.support_stack import docker, run

MACHINE = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
OTHER = {"amd64": "arm64", "arm64": "amd64"}[MACHINE]
TYPES = "application/vnd.docker.distribution.manifest"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
CONFIG = "application/vnd.docker.container.image.v1+json"
MEGABYTE = 2**20


def root_filesystem() -> dict[str, bytes]:
    """The few files with which a container can run `sh` and `sleep`, from the base image."""
    linked = docker("run", "--rm", "--network", "none", support.BASE, "ldd", "/bin/sh", "/bin/sleep").split()
    libraries = {word for word in linked if word.startswith("/") and not word.endswith(":")}
    container = docker("create", support.BASE, "true").strip()
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


@contextlib.contextmanager
def refusing(status: int, code: str) -> Iterator[int]:
    """A registry that answers everything with one status; gives its port."""
    body = json.dumps({"errors": [{"code": code, "message": "not for you"}]}).encode()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def do_GET(self) -> None:
            self.answer()

        def do_HEAD(self) -> None:
            self.answer()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that it has there
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield int(server.server_address[1])
        finally:
            server.shutdown()


Hold = Callable[[int], bool]
"""Asked before each piece goes to the client, with the bytes of this connection so far: may wait, or say False to cut
the connection instead."""


def always(sent: int) -> bool:
    """Lets everything through."""
    return True


class Line:
    """Carries what comes to a listening socket to another, and counts the connections."""

    def __init__(self, server: socket.socket, far: Callable[[], socket.socket], hold: Hold = always) -> None:
        self._server, self._far, self._hold = server, far, hold
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._server.getsockname()[1])

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._server.accept()
                self.connections += 1
                far = self._far()
                for ends in ((client, far, False), (far, client, True)):
                    threading.Thread(target=self._pass, args=ends, daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, held: bool) -> None:
        sent = 0
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sent += len(data)
                if held and not self._hold(sent):
                    break
                target.sendall(data)
        for sock in (source, target):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()


def to_port(port: int) -> socket.socket:
    """A connection to a port of this machine."""
    return socket.create_connection(("127.0.0.1", port))


def to_path(path: str) -> socket.socket:
    """A connection to a socket in the file system."""
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(path)
    return sock


@contextlib.contextmanager
def line(to: int, hold: Hold = always) -> Iterator[Line]:
    """A line to a port of this machine while the block runs."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield Line(server, lambda: to_port(to), hold)


def at_rate(rate: int, over: threading.Event) -> Hold:
    """Lets so many bytes a second through each connection, until `over` is set."""
    since = time.monotonic()

    def hold(sent: int) -> bool:
        over.wait(max(0.0, sent / rate - (time.monotonic() - since)))
        return True

    return hold


class Engine:
    """A second engine: its address, and a disk of its own whose size can be taken away."""

    def __init__(self, address: str, data: Path) -> None:
        self.address, self._data = address, data

    def shrink(self) -> None:
        """Leave 8 MB more than what is on the disk."""
        disk = os.statvfs(self._data)
        size = (disk.f_blocks - disk.f_bfree) * disk.f_frsize + 8 * MEGABYTE
        assert run("mount", "-o", f"remount,size={size}", str(self._data)).code == 0


@contextlib.contextmanager
def second_engine(folder: Path, mirror: int, *ports: int) -> Iterator[Engine]:
    """Another engine of this machine, with a mirror in front of Docker Hub. It lives in a network of its own, where it
    reaches the port of the mirror and these ports: in the host's it would take the first engine's bridge away."""
    data = folder / "data"
    data.mkdir(parents=True)
    # In memory, which is taken only for what is written.
    assert run("mount", "-t", "tmpfs", "-o", "size=4g", "tmpfs", str(data)).code == 0
    # A socket's path holds 107 bytes, and those of tests are long.
    with contextlib.ExitStack() as opened:
        short = opened.enter_context(tempfile.TemporaryDirectory())
        log = opened.enter_context((folder / "log").open("w"))
        for port in (mirror, *ports):
            server = opened.enter_context(socket.socket(socket.AF_UNIX))
            server.bind(f"{short}/{port}")
            server.listen()
            Line(server, functools.partial(to_port, port))
        address = f"unix://{short}/engine"
        engine = subprocess.Popen(
            ["unshare", "--net", sys.executable, "-m", "tests.engine.support_apart", short,
             "dockerd", "--data-root", str(data), "--exec-root", f"{short}/exec", "--pidfile", f"{short}/pid",
             "-H", address, "--bridge=none", "--iptables=false", "--registry-mirror", f"http://127.0.0.1:{mirror}"],
            cwd=support.SOURCE_TREE, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            support.until(lambda: run("docker", "-H", address, "version").code == 0, "the second engine's start")
            yield Engine(address, data)
        finally:
            engine.terminate()
            engine.wait(60)
            run("umount", "-l", str(data))
