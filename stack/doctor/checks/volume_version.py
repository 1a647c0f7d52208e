"""Whether a database's volume is of a version that its image reads, where the volume tells it: PostgreSQL, Redis,
Elasticsearch. Neo4j, RabbitMQ and Weaviate write none that could be read without them."""

import re
from collections.abc import Iterable

import msgspec

from stack import docker
from stack.doctor.check import Check, Finding
from stack.doctor.checks import not_running, restarting
from stack.doctor.scene import Inspected, Scene, service_of
from stack.names import variable


class Program(msgspec.Struct, frozen=True):
    """A database whose volume tells the version that wrote it: where the volume is mounted, and the script that, given
    that place, prints `data VERSION` and `server VERSION` in the image. A `strict` one refuses older data, too."""

    name: str
    place: str
    script: str
    strict: bool = False


PROGRAMS = (
    Program("PostgreSQL", "/var/lib/postgresql/data", """
echo data $(cat "$0/PG_VERSION" 2>/dev/null)
PATH="$PATH:$(echo /usr/lib/postgresql/*/bin)" postgres --version |
  sed -n 's/.*(PostgreSQL) \\([0-9]*\\).*/server \\1/p'
""", strict=True),
    # The head of a dump names its writer in a field redis-ver (rdb.c).
    Program("Redis", "/data", """
for file in "$0"/dump.rdb "$0"/appendonlydir/*.base.rdb; do
  head -c 64 "$file" 2>/dev/null | tr -dc '[:print:]' | sed -n 's/.*redis-ver\\([0-9]*\\.[0-9]*\\).*/data \\1/p'
  echo
done
redis-server --version | sed -n 's/.* v=\\([0-9]*\\.[0-9]*\\).*/server \\1/p'
"""),
    # Each start notes node_version, 8192099 for 8.19.20, in the state's commit (PersistedClusterStateService).
    Program("Elasticsearch", "/usr/share/elasticsearch/data", """
LC_ALL=C grep -aoh 'node_version.[0-9]*' "$0"/_state/segments_* 2>/dev/null |
  sed -nE 's/.*[^0-9]([0-9]+)([0-9]{2})[0-9]{4}$/data \\1.\\2/p'
ls /usr/share/elasticsearch/lib | sed -nE 's/^elasticsearch-([0-9]+\\.[0-9]+)\\..*[0-9]\\.jar$/server \\1/p'
"""),
)  # fmt: skip
LIMIT_S = 8.0


def _run(scene: Scene) -> Iterable[Finding]:
    for one in scene.containers:
        # One that stays up, or was stopped, has the right version: each of these refuses what it can't read.
        state = one["State"]
        if restarting.loops(one) or (not state["Running"] and state.get("ExitCode") not in not_running.STOPPED):
            for program in PROGRAMS:
                yield from _of(one, program)


def _of(one: Inspected, program: Program) -> list[Finding]:
    volume = next((m["Name"] for m in one["Mounts"] if m.get("Destination") == program.place and m.get("Name")), "")
    if not volume:
        return []
    there, wants = versions(_look(one, volume, program))
    if not there or not wants or fits(there, wants, program.strict):
        return []
    name = service_of(one)
    seen = f"volume {volume} holds data of {program.name} {there}, and the image of {name} is {program.name} {wants}"
    fix = (f"set {variable(name, 'IMAGE')} to an image of {program.name} {there}, dump the data, and restore it in a "
           f"new volume; or give it up: ./inv down && docker volume rm {volume}, then ./inv up")  # fmt: skip
    return [Finding(seen, f"{name} does not start", fix, service=name)]


def _look(one: Inspected, volume: str, program: Program) -> str:
    words = ["run", "--rm", "--network", "none", "--pull", "never", "-v", f"{volume}:{program.place}:ro", "--user", "0",
             "--entrypoint", "sh", one["Image"], "-c", program.script, program.place]  # fmt: skip
    return docker.run(words, timeout=LIMIT_S).stdout


def versions(said: str) -> tuple[str, str]:
    """The version of the data, the newest where files differ, and that of the server; empty where one is not told.
    Pure."""
    found = {word: re.findall(rf"^{word} ([0-9.]+)$", said, re.MULTILINE) for word in ("data", "server")}
    data, server = (sorted(found[word], key=_numbers) for word in ("data", "server"))
    return (data[-1] if data else "", server[-1] if server else "")


def fits(there: str, wants: str, strict: bool) -> bool:
    """Whether a server of the version `wants` reads the data. Pure."""
    return there == wants if strict else _numbers(there) <= _numbers(wants)


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.strip(".").split(".")]


CHECK = Check(
    id="volume-version",
    section="data",
    holds="the volume of no PostgreSQL, Redis or Elasticsearch that ended is of a version its image can't read",
    run=_run,
    needs=("engine", "containers", "begun"),
    of_services=True,
)
