"""Whether a database's volume is of the major version that its image serves."""

import re
from collections.abc import Iterable

from stack import docker
from stack.doctor.check import Check, Finding
from stack.doctor.checks import restarting
from stack.doctor.scene import Inspected, Scene, service_of
from stack.names import variable

PLACE = "/var/lib/postgresql/data"
LOOK = f'cat {PLACE}/PG_VERSION 2>/dev/null; PATH="$PATH:$(echo /usr/lib/postgresql/*/bin)" postgres --version'
LIMIT_S = 8.0


def _run(scene: Scene) -> Iterable[Finding]:
    for one in scene.containers:
        mount = next((m for m in one["Mounts"] if m.get("Destination") == PLACE and m.get("Name")), None)
        # One that stays up has the right version: PostgreSQL refuses another.
        if mount is None or (one["State"]["Running"] and not restarting.loops(one)):
            continue
        yield from _of(one, mount["Name"])


def _of(one: Inspected, volume: str) -> list[Finding]:
    there, wants = versions(_look(one, volume))
    if not there or not wants or there == wants:
        return []
    name = service_of(one)
    seen = f"volume {volume} holds data of PostgreSQL {there}, and the image of {name} is PostgreSQL {wants}"
    causes = f"{name} does not start"
    fix = (f"set {variable(name, 'IMAGE')} to an image of PostgreSQL {there}, dump the data, and restore it in a new "
           f"volume; or give it up: ./inv down && docker volume rm {volume}, then ./inv up")  # fmt: skip
    return [Finding(seen, causes, fix, service=name)]


def _look(one: Inspected, volume: str) -> str:
    words = ["run", "--rm", "--network", "none", "--pull", "never", "-v", f"{volume}:{PLACE}:ro", "--user", "0",
             "--entrypoint", "sh", one["Image"], "-c", LOOK]  # fmt: skip
    return docker.run(words, timeout=LIMIT_S).stdout


def versions(said: str) -> tuple[str, str]:
    """The major version of the data, and that of the server; empty where one is not told. Pure."""
    data = re.search(r"^(\d+)$", said, re.MULTILINE)
    server = re.search(r"\(PostgreSQL\) (\d+)", said)
    return (data[1] if data else "", server[1] if server else "")


CHECK = Check(
    id="volume-version",
    section="data",
    holds="every database's volume is of its image's major version",
    run=_run,
    needs=("engine", "containers", "begun"),
    of_services=True,
)
