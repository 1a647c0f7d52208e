"""A stand-in for Qdrant: keeps points by the few requests of its HTTP protocol that a test makes, and writes a snapshot
of the whole storage, behind its key. As the program does, it takes one in as it starts (`--storage-snapshot FILE`),
refuses to where there is a collection of that name, and then goes on.

Run as a program (`python -m tests.standins.qdrant [--storage-snapshot FILE]`), with the key in
QDRANT__SERVICE__API_KEY; it keeps its data below /qdrant."""

import os
import sys
import tarfile
import time
from http.server import ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from tests.standins.web import Handler, in_a_command

HOME = Path("/qdrant")
COLLECTIONS = HOME / "storage/collections"
SNAPSHOTS = HOME / "snapshots"


def recover(file: str) -> None:
    """What it does before it listens."""
    with tarfile.open(file) as archive:
        for member in archive:
            if (COLLECTIONS / member.name).exists():
                sys.exit(f"Collection {member.name} already exists. Use --force-snapshot to overwrite it.")
        archive.extractall(COLLECTIONS)


def snapshot() -> str:
    """Write one; its name."""
    SNAPSHOTS.mkdir(exist_ok=True)
    name = f"full-snapshot-{time.strftime('%Y-%m-%d-%H-%M-%S')}.snapshot"
    with tarfile.open(SNAPSHOTS / name, "w") as archive:
        for path in sorted(COLLECTIONS.iterdir()):
            archive.add(path, path.name)
    return name


def listed(folder: Path, pattern: str = "*") -> list[dict[str, str]]:
    """The names of what is in a folder, as its lists have them."""
    return [{"name": path.name} for path in sorted(folder.glob(pattern))]


def handler(key: str) -> type[Handler]:
    """The HTTP side."""

    class Vectors(Handler):
        def do(self) -> None:
            path, body = urlsplit(self.path).path, self.body()
            if path == "/readyz":
                self.answer(200, b"all shards are ready", "text/plain")
            elif self.headers["api-key"] != key:
                self.answer(401, b"Must provide an API key or an Authorization bearer token", "text/plain")
            elif in_a_command(key):
                self.answer(500, b"the key is in a list of processes", "text/plain")
            else:
                result = told(f"{self.command} {path}", path.split("/")[-1], body)
                self.answer_json(200, {"result": result, "status": "ok", "time": time.monotonic() % 1})

        get = put = post = delete = do

    return Vectors


def told(request: str, last: str, body: bytes) -> object:
    """What a request does. A collection comes into being with its points, whatever they are."""
    match request.split("/")[:2], last:
        case ["GET ", "collections"], "collections":
            return {"collections": listed(COLLECTIONS)}
        case ["PUT ", "collections"], name:
            return (COLLECTIONS / name).write_bytes(body)
        case ["GET ", "snapshots"], _:
            return listed(SNAPSHOTS, "full-*")
        case ["POST ", "snapshots"], _:
            return {"name": snapshot(), "creation_time": "2026-11-29T12:00:00", "size": 1}
        case ["DELETE ", "snapshots"], name:
            (SNAPSHOTS / name).unlink()
            return True
    raise ValueError(request)


if __name__ == "__main__":
    COLLECTIONS.mkdir(parents=True, exist_ok=True)
    if sys.argv[1:2] == ["--storage-snapshot"]:
        recover(sys.argv[2])
    ThreadingHTTPServer(("", 6333), handler(os.environ["QDRANT__SERVICE__API_KEY"])).serve_forever()
