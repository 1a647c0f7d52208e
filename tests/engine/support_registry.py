"""A real registry on loopback (Debian's docker-registry), and a proxy before it that is slow or cuts connections."""

import contextlib
import os
import shutil
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.engine.support_stack import BASE, run, until

BIG = 12_000_000
"""Bytes of the layer that is pulled: enough to be cut in the middle."""


def free_port() -> int:
    """A port of 127.0.0.1 that nobody has now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def installed() -> None:
    """Have the registry's program: from the distribution, as the engine is."""
    if shutil.which("docker-registry") is None:
        env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for words in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", "docker-registry"]):
            subprocess.run(["apt-get", *words], env=env, check=True, capture_output=True, timeout=300)


@contextlib.contextmanager
def registry(folder: Path, auth: str = "") -> Iterator[int]:
    """A registry with its data in `folder`, while the block runs; gives its port."""
    installed()
    port = free_port()
    config = folder / f"registry-{port}.yml"
    storage = f"storage: {{filesystem: {{rootdirectory: {folder}/data}}}}\n"
    config.write_text(f'version: 0.1\n{storage}http: {{addr: "127.0.0.1:{port}"}}\n{auth}')
    with (folder / "registry.log").open("w") as log:
        process = subprocess.Popen(["docker-registry", "serve", config], stdout=log, stderr=log)
        try:
            until(lambda: _answers(port), "the registry's start")
            yield port
        finally:
            process.terminate()
            process.wait()


def _answers(port: int) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        opener.open(f"http://127.0.0.1:{port}/v2/", timeout=2).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def publish(image: str, folder: Path) -> None:
    """Push the base image with one more layer of random bytes as `image`, and forget it here."""
    data = folder / "random"
    data.write_bytes(os.urandom(BIG))
    made = run("docker", "create", BASE, "true").out.strip()
    assert run("docker", "cp", str(data), f"{made}:/random").code == 0
    assert run("docker", "commit", made, image).code == 0
    run("docker", "rm", made)
    pushed = run("docker", "push", "--quiet", image)
    assert pushed.code == 0, pushed
    forget(image)


def forget(image: str) -> None:
    """Remove an image's name from the engine."""
    run("docker", "image", "rm", "--force", image)


@contextlib.contextmanager
def proxy(target: int, rate: float = 0.0, cut_after: int = 0) -> Iterator[Callable[[], int]]:
    """A TCP proxy before port `target`, while the block runs; gives a function that tells its port and, once it is
    asked again, how often it cut. `rate` is in bytes a second; `cut_after` ends the first connection that carried so
    many bytes back, once."""
    server = socket.create_server(("127.0.0.1", 0))
    cuts: list[int] = []
    threading.Thread(target=_accept, args=(server, target, rate, cut_after, cuts), daemon=True).start()
    port = int(server.getsockname()[1])
    try:
        yield lambda: port if not cuts else -port
    finally:
        server.close()


def _accept(server: socket.socket, target: int, rate: float, cut_after: int, cuts: list[int]) -> None:
    while True:
        try:
            client, _ = server.accept()
        except OSError:
            return
        far = socket.create_connection(("127.0.0.1", target))
        threading.Thread(target=_carry, args=(client, far, 0.0, 0, cuts), daemon=True).start()
        threading.Thread(target=_carry, args=(far, client, rate, cut_after, cuts), daemon=True).start()


def _carry(source: socket.socket, target: socket.socket, rate: float, cut_after: int, cuts: list[int]) -> None:
    carried = 0
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
            carried += len(data)
            if rate:
                time.sleep(len(data) / rate)
            if cut_after and carried > cut_after and not cuts:
                cuts.append(carried)
                break
    for one in (source, target):
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
            one.close()
