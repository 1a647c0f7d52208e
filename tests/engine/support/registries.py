"""A real registry on loopback, Debian's docker-registry, and one that refuses."""

import atexit
import contextlib
import functools
import json
import shutil
import subprocess
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.engine.support.ports import free_port
from tests.engine.support.stacks import run, until


@functools.cache
def program() -> str:
    """The registry's program; where it is missing, unpacked from the distribution's package: nothing is installed, as
    an installed one would be started on a port of its own."""
    found = shutil.which("docker-registry")
    if found:
        return found
    folder = Path(tempfile.mkdtemp(prefix="docker-registry-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    download = ("apt-get", "download", "-qq", "docker-registry")
    if run(*download, cwd=folder).code:  # only one process can read the lists anew, so not where they do
        for words in (("apt-get", "update", "-qq"), download):
            done = run(*words, cwd=folder)
            assert done.code == 0, done
    (package,) = folder.glob("*.deb")
    assert run("dpkg", "-x", str(package), str(folder)).code == 0
    return str(folder / "usr" / "bin" / "docker-registry")


@contextlib.contextmanager
def registry(folder: Path, auth: str = "") -> Iterator[int]:
    """A registry with its data in `folder`, while the block runs; gives its port. `auth` is a part of its
    configuration."""
    port = free_port()
    config = folder / f"registry-{port}.yml"
    storage = f"storage: {{filesystem: {{rootdirectory: {folder}/data}}}}\n"
    config.write_text(f'version: 0.1\n{storage}http: {{addr: "127.0.0.1:{port}"}}\n{auth}')
    with (folder / "registry.log").open("w") as log:
        process = subprocess.Popen([program(), "serve", config], stdout=log, stderr=log)
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
