"""What tests of backups have in common: rows, keys and files that are written and read, and ways to damage a backup."""

import contextlib
import random
import subprocess
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.engine.support import stacks
from tests.engine.support.stacks import Stack

ALL = ("--service", "notes", "--service", "redis", "--service", "supabase-db-init")
OWNER, FIT = "0:0", "7:8"
"""Of a file: as it is saved, and as it is to be in a restored volume."""
RATE = 50
"""Writes a second."""


def prepare(stack: Stack) -> None:
    """A core with a table, a service whose volume has files, and all of it running."""
    stack.service("notes", volumes=["notes-data:/data"], command=["sleep", "infinity"], expose=["8000"],
                  environment={"SUPABASE_JWT_SECRET": "${SUPABASE_JWT_SECRET}"},
                  entry={"secrets": {"SUPABASE_JWT_SECRET": "hex:64", "SUPABASE_ANON_KEY": "jwt:anon"},
                         "backup": {"fit": ["chown", FIT, "/data/noise"]}})  # fmt: skip
    stack.volume("notes", "notes-data")
    done = stack.inv("up", *ALL)
    assert done.code == 0, done
    sql(stack, "CREATE TABLE public.written (n int PRIMARY KEY); INSERT INTO public.written VALUES (0)")
    stack.exec("redis", "redis-cli", "rpush", "written", "0")
    made = "mkdir -p a && echo text >a/b && ln -s b a/link && head -c 300000 /dev/urandom >noise"
    stack.exec("notes", "sh", "-c", f"cd /data && {made} && chmod 640 a/b && chown 1234:4321 a/b")


def sql(stack: Stack, text: str) -> str:
    return stack.exec("supabase-db", "psql", "-XAtqU", "supabase_admin", "-d", "postgres", "-c", text)


def signs_in(stack: Stack, user: str, password: str) -> bool:
    """Whether PostgreSQL takes a password over the network, where it asks for one."""
    done = stacks.run("docker", "exec", "-e", f"PGPASSWORD={password}", f"{stack.project}-supabase-db-1", "psql",
                      "-XAtqwh", "supabase-db", "-U", user, "-d", "postgres", "-c", "SELECT current_user")  # fmt: skip
    return done.out.strip() == user


def rows(stack: Stack) -> set[int]:
    return {int(line) for line in sql(stack, "SELECT n FROM written").split()}


def keys(stack: Stack) -> set[int]:
    return {int(line) for line in stack.exec("redis", "redis-cli", "lrange", "written", "0", "-1").split()}


def files(stack: Stack) -> str:
    """Every path with its kind, mode, owner and content."""
    return stack.exec("notes", "sh", "-c", "cd /data && find . -printf '%p %y %m %U:%G %l %T@\\n' | sort && cat a/b")


@contextlib.contextmanager
def writing(stack: Stack) -> Iterator[Callable[[], int]]:
    """Write numbers, one after the other, into PostgreSQL and Redis while the block runs. What it gives tells the last
    one that both had acknowledged when the block began."""
    ended = threading.Event()
    acknowledged = 0

    def write() -> None:
        nonlocal acknowledged
        words = ["docker", "compose", "exec", "-T", "supabase-db", "psql", "-XU", "supabase_admin", "-d", "postgres"]
        other = ["docker", "compose", "exec", "-T", "redis", "redis-cli"]
        pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "bufsize": 1}
        with (subprocess.Popen(words, cwd=stack.root, **pipes) as one,
              subprocess.Popen(other, cwd=stack.root, **pipes) as two):  # fmt: skip
            assert one.stdin is not None and one.stdout is not None  # noqa: PT018
            assert two.stdin is not None and two.stdout is not None  # noqa: PT018
            number = 0
            while not ended.is_set():
                number += 1
                one.stdin.write(f"INSERT INTO written VALUES ({number});\n")
                two.stdin.write(f"RPUSH written {number}\n")
                assert one.stdout.readline().startswith("INSERT")
                assert two.stdout.readline().strip().isdecimal()
                acknowledged = number
                ended.wait(1 / RATE)
            one.stdin.close()
            two.stdin.close()

    writer = threading.Thread(target=write)
    writer.start()
    stacks.until(lambda: acknowledged > RATE // 2, "writes")
    before = acknowledged
    try:
        yield lambda: before
    finally:
        ended.set()
        writer.join()
    assert acknowledged > before


def forget_own(stack: Stack) -> None:
    """As on a machine that never had the backup's checkout."""
    assert not (stack.root / ".stack" / "private" / "backup.key").exists()


def state(stack: Stack, *names: str) -> dict[str, Any]:
    """What a refused command must not change."""
    kept = names or (".env", "compose.yaml", "kong/kong.yml")
    return {
        "files": {name: (stack.root / name).read_bytes() for name in kept},
        "volumes": sorted(stack.listed("volume")),
        "containers": stack.identities(),
        "left": sorted(path.name for path in (stack.root / ".stack" / "tmp").glob("*")),
    }


def _flipped(path: Path) -> None:
    """One bit of the largest piece, which has data."""
    with tarfile.open(path) as tar:
        largest = max((m for m in tar if m.name.startswith("data/")), key=lambda member: member.size)
    data = bytearray(path.read_bytes())
    data[largest.offset_data + largest.size // 2] ^= 1
    path.write_bytes(data)


def _newer(path: Path) -> None:
    """A name.json of a newer version hides the backup; the one inside the repository is what is trusted."""
    data = path.read_bytes()
    assert data.count(b'"format": 1') == 1
    path.write_bytes(data.replace(b'"format": 1', b'"format": 9'))


SMALL = {"driver_opts": {"type": "tmpfs", "device": "tmpfs", "o": "size=64k"}}
"""A volume on a disk of its own, which has less room than the files take."""
DAMAGE: list[tuple[str, tuple[str, ...], Callable[[Path], None]]] = [
    ("flipped", ("backup-broken", "backup-repository"), _flipped),
    ("newer", ("backup-broken", "backup-newer"), _newer),
]


def kills(stack: Stack, name: str, rng: random.Random, count: int) -> None:
    """Backups and restores in turn, each killed at a random moment: nothing stays paused or half."""
    seconds = {"backup": 8.0, "restore": 14.0}
    for number in range(count):
        words = ("backup",) if number % 2 == 0 else ("restore", name, "--yes")
        running = stack.start(*words)
        limit = rng.random() * seconds[words[0]]
        began = time.monotonic()
        try:
            running.process.wait(limit)
            assert running.end() == 0, running.text
            seconds[words[0]] = time.monotonic() - began
        except subprocess.TimeoutExpired:
            seconds[words[0]] *= 1.1
            if rng.random() < 0.5:
                running.interrupt()
                running.end()
            else:
                running.kill()
                running.process.wait()
        _look(stack, f"{' '.join(words)} after {limit:.1f} s: {running.text[-2000:]}")


def _look(stack: Stack, what: str) -> None:
    stacks.until(
        lambda: not any(one["State"]["Paused"] for one in stack.containers().values()), "what is paused goes on"
    )
    done = stack.inv("backup.list", "--json")
    assert done.code == 0, f"{what}: {done}"
    done = stack.inv("up", *ALL)
    assert done.code == 0, f"{what}: {done}"
    assert (stack.root / ".env").stat().st_mode & 0o777 == 0o600, what
    assert rows(stack), what
    assert keys(stack), what
    assert "text" in files(stack), what
