"""Bytes from one container into another by a pipe that lies in a volume of both. By way of the engine and a client at
each end, the same takes three times the processor time (docs/performance.md)."""

import contextlib
import secrets
import threading
import time
from collections.abc import Iterator, Sequence

from stack import docker, process
from stack.backup import pausing
from stack.errors import StackError, fail
from stack.process import Child
from stack.running.inside import NOT_OURS

PLACE = "/backup-pipe"
"""Where the volume lies in each container."""
PIPE = f"{PLACE}/bytes"
INTO, OUT_OF = ">", "<"
"""Which way a program's bytes go, as a shell writes it."""
END_S = 30.0
"""Seconds that are waited for a container to be gone, which it will be by itself."""
STEERS = ("PATH", "HOME", "DOCKER_")
"""Variables that the docker client itself goes by."""

GONE = """
left=20
while docker volume inspect "$1" && ! docker volume rm "$1" && [ $((left -= 1)) -gt 0 ]; do sleep 0.5; done
"""
"""The volume goes after the containers, which end by themselves."""

AGAIN_S = 0.2
"""Seconds between two openings for one that waits."""


@contextlib.contextmanager
def volume() -> Iterator[str]:
    """The name of a volume for a pipe, which the first container makes that mounts it; it is gone after the block."""
    name = f"genai-backup-{secrets.token_hex(6)}"
    with pausing.afterwards(["sh", "-c", GONE, "gone", name]):
        yield name


def made() -> str:
    """The command that makes the pipe, for whoever the programs at its ends run as."""
    return f"mkfifo -m 666 {PIPE}"


def mount(volume: str) -> str:
    """What `docker run --mount` takes."""
    return f"type=volume,src={volume},dst={PLACE},volume-nocopy"


def end(options: Sequence[str], container: str, way: str, words: Sequence[str]) -> list[str]:
    """The command that runs `words` in a container, with its output INTO the pipe or its input OUT_OF it."""
    return ["docker", "exec", *options, container, "sh", "-c", f'exec "$@" {way}{PIPE}', "sh", *words]


def freed(one: Child, other: Child, container: str) -> None:
    """Each end waits in its opening of the pipe for the other. So where `one` fails, which may be before it opened it,
    the other's container opens it until the other has ended."""
    threading.Thread(target=_free, args=(one, other, container), daemon=True).start()


def _free(one: Child, other: Child, container: str) -> None:
    if one.process.wait():
        while other.process.poll() is None:
            with contextlib.suppress(StackError):
                docker.run(["exec", container, "sh", "-c", f": <>{PIPE}"])
            time.sleep(AGAIN_S)


@contextlib.contextmanager
def beside(container: str, volume: str) -> Iterator[str]:
    """A container beside a running one, by its name: of the same image, as the same user, in its network and with its
    settings, and with the pipe. It lives as long as the block. Raises StackError where it does not start."""
    [about] = docker.inspected("containers", [container])
    image, config = about["Image"], about["Config"]
    [base] = docker.inspected("images", [image])
    inherited = {*((base.get("Config") or {}).get("Env") or ())}
    own = dict(row.partition("=")[::2] for row in config.get("Env") or () if row not in inherited)
    env = {key: value for key, value in own.items() if not key.startswith(STEERS)}
    name = f"genai-backup-{secrets.token_hex(6)}"
    command = ["docker", "run", "--rm", "-i", "--pull", "never", "--log-driver", "none", "--no-healthcheck",
               "--network", f"container:{container}", "--user", config.get("User") or "0", "--cap-drop", "ALL",
               "--security-opt", "no-new-privileges", *(word for one in NOT_OURS for word in ("--label", one)),
               "--mount", mount(volume), *(word for key in env for word in ("-e", key)), "--name", name,
               "--entrypoint", "sh", image, "-c", "echo ready; exec cat >/dev/null"]  # fmt: skip
    with process.keeper(command, docker.environment(env), END_S) as keeper:
        if why := process.refused(keeper, "ready"):
            message = f"a container for the dump did not start: {why.splitlines()[0]}"
            raise fail("backup-container", message, container[:12], "./inv doctor")
        yield name
