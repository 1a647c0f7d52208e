"""Whether a database's volume is of a version that its image reads, where the volume tells it: PostgreSQL, Redis,
Elasticsearch, RabbitMQ. Neo4j and Weaviate write none that could be read without them (document.NOTES)."""

import re
from collections.abc import Iterable

import msgspec

from stack import docker
from stack.doctor import inspected
from stack.doctor.check import Check, Finding
from stack.doctor.checks import not_running
from stack.doctor.inspected import Inspected, service_of
from stack.doctor.scene import Scene
from stack.names import variable


class Program(msgspec.Struct, frozen=True):
    """A database whose volume tells the version that wrote it: where the volume is mounted, and the script that, given
    that place, prints `data VERSION` and `server VERSION` in the image. Data of a newer version is never read. A
    `strict` one reads its own alone. `oldest` pairs versions of the server, in their order, each with the oldest data
    that it reads from there on."""

    name: str
    place: str
    script: str
    strict: bool = False
    oldest: tuple[tuple[str, str], ...] = ()


PROGRAMS = (
    Program("PostgreSQL", "/var/lib/postgresql/data", """
# Built here, each major has a folder of its own.
for file in "$0"/PG_VERSION "$0"/[0-9]*/PG_VERSION; do
  [ ! -f "$file" ] || echo data $(cat "$file")
done
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
""", oldest=(("8.0", "7.17"), ("9.0", "8.18"), ("9.1", "8.19"))),  # NodeMetadata.verifyUpgradeToCurrentVersion
    # The list of what is switched on: since 4.0 each version has a flag of its own, before it some came with one; a
    # server that misses a flag that it requires says so and ends (rabbitmq.com/docs/feature-flags, the list).
    Program("RabbitMQ", "/var/lib/rabbitmq", """
for flag in $(cat "$0"/mnesia/*-feature_flags 2>/dev/null | tr -cs 'a-z0-9_.' ' '); do
  case $flag in
    rabbitmq_[0-9]*) echo "data $(echo "$flag" | cut -d_ -f2 | cut -d. -f1,2)" ;;
    stream_filtering) echo data 3.13 ;;
    restart_streams) echo data 3.12 ;;
    feature_flags_v2) echo data 3.11 ;;
    classic_mirrored_queue_version) echo data 3.10 ;;
    stream_queue) echo data 3.9 ;;
    quorum_queue) echo data 3.8 ;;
  esac
done
ls -d /opt/rabbitmq/plugins/rabbit-[0-9]* /usr/lib/rabbitmq/lib/*/plugins/rabbit-[0-9]* 2>/dev/null |
  sed -nE 's/.*-([0-9]+\\.[0-9]+)\\.[^/]*$/server \\1/p'
""", oldest=(("3.11", "3.8"), ("3.12", "3.11"), ("4.0", "3.13"))),
)  # fmt: skip
LIMIT_S = 8.0


def _run(scene: Scene) -> Iterable[Finding]:
    for one in scene.containers:
        # One that stays up, or was stopped, has the right version: each of these refuses what it can't read.
        state = one["State"]
        if inspected.loops(one) or (not state["Running"] and state.get("ExitCode") not in not_running.STOPPED):
            for program in PROGRAMS:
                yield from _of(one, program)


def _of(one: Inspected, program: Program) -> list[Finding]:
    volume = next((m["Name"] for m in one["Mounts"] if m.get("Destination") == program.place and m.get("Name")), "")
    if not volume:
        return []
    there, wants = versions(_look(one["Image"], volume, program))
    if not there or not wants or fits(there, wants, program):
        return []
    name = service_of(one)
    seen = f"volume {volume} holds data of {program.name} {there}, and the image of {name} is {program.name} {wants}"
    fix = (f"set {variable(name, 'IMAGE')} to an image of {program.name} {there}, dump the data, and restore it in a "
           f"new volume; or give it up: ./inv down && docker volume rm {volume}, then ./inv up")  # fmt: skip
    return [Finding(seen, f"{name} does not start", fix, service=name)]


def unread(volume: str, place: str, image: str) -> str:
    """What keeps an image's program from reading a volume, where it is mounted at `place`; nothing where it reads it,
    or that can't be told."""
    for program in PROGRAMS:
        if program.place == place:
            there, wants = versions(_look(image, volume, program))
            if there and wants and not fits(there, wants, program):
                return f"its data is of {program.name} {there}, and the image is {program.name} {wants}"
    return ""


def _look(image: str, volume: str, program: Program) -> str:
    words = ["run", "--rm", "--network", "none", "--pull", "never", "-v", f"{volume}:{program.place}:ro", "--user", "0",
             "--entrypoint", "sh", image, "-c", program.script, program.place]  # fmt: skip
    return docker.run(words, timeout=LIMIT_S).stdout


def versions(said: str) -> tuple[str, str]:
    """The version of the data, the newest where files differ, and that of the server; empty where one is not told.
    Pure."""
    found = {word: re.findall(rf"^{word} ([0-9.]+)$", said, re.MULTILINE) for word in ("data", "server")}
    data, server = (sorted(found[word], key=_numbers) for word in ("data", "server"))
    return (data[-1] if data else "", server[-1] if server else "")


def fits(there: str, wants: str, program: Program) -> bool:
    """Whether a server of the version `wants` reads the data. Pure."""
    if program.strict:
        return there == wants
    oldest = [data for server, data in program.oldest if _numbers(server) <= _numbers(wants)]
    return _numbers(there) <= _numbers(wants) and all(_numbers(data) <= _numbers(there) for data in oldest)


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.strip(".").split(".")]


CHECK = Check(
    id="volume-version",
    section="data",
    holds=f"what ended can read its volume's version ({', '.join(program.name for program in PROGRAMS)})",
    run=_run,
    needs=("engine", "containers", "begun"),
    of_services=True,
)
