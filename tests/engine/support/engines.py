"""A second engine, beside the one of this machine."""

import contextlib
import functools
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.engine.support import stacks
from tests.engine.support.images import MEGABYTE
from tests.engine.support.lines import Line, to_port
from tests.engine.support.stacks import run


class Engine:
    """A second engine: its address, the words that run a command in its network, and a disk of its own whose size can
    be taken away."""

    def __init__(self, address: str, enter: list[str], data: Path) -> None:
        self.address, self.enter, self._data = address, enter, data

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
            ["unshare", "--net", sys.executable, "-m", "tests.engine.support.apart", short,
             "dockerd", "--data-root", str(data), "--exec-root", f"{short}/exec", "--pidfile", f"{short}/pid",
             "-H", address, "--bridge=none", "--iptables=false", "--registry-mirror", f"http://127.0.0.1:{mirror}"],
            cwd=stacks.SOURCE_TREE, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            stacks.until(lambda: run("docker", "-H", address, "version").code == 0, "the second engine's start")
            yield Engine(address, ["nsenter", f"--net=/proc/{engine.pid}/ns/net"], data)
        finally:
            engine.terminate()
            engine.wait(60)
            run("umount", "-l", str(data))
