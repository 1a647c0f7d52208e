"""What a backup and a restore take beside `pg_dump -Fc`, `pg_restore` and `tar | zstd` by hand, as a Markdown table.

    .venv/bin/python -m benchmarks.backup             2 GB of PostgreSQL and 2 GB of files
    .venv/bin/python -m benchmarks.backup --gb 0.5    less of both, in as much less time

Processor time is what the containers have used, so that a busy machine counts for less; ours has that of ./inv as well.
Everything happens in a folder and a Compose project of its own, `genai-bench-backup`, and with an image of its own; all
of it is removed again."""

import argparse
import contextlib
import os
import resource
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.generate import PYTHON, ROOT

PROJECT = "genai-bench-backup"
SETTINGS = {"PROJECT_NAME": PROJECT, "BASE_PORT": "24600", "SUPABASE_DB_SOURCE": "build", "STACK_PROFILES": "bench"}
ROW_BYTES = 190
"""Of a row as a dump has it."""
FILL = """create table bench as select i as id, md5(i::text) || repeat('lorem ipsum dolor ', 3) as a,
md5((i * 7)::text) as b, i % 1000 as n, now() as at from generate_series(1, {rows}) i"""
FILES = "for i in $(seq 1 {count}); do head -c 4M /dev/urandom | base64 -w 0 | head -c 5M >/data/$i; done"
FILE_BYTES = 5 * 2**20
IMAGE = f"genai-stack/bench-zstd:{PROJECT}"
DOCKERFILE = """# sh, tar and zstd, from the same sources as everything else here.
ARG BASE_IMAGE
FROM ${BASE_IMAGE}
RUN --mount=type=secret,id=ca --mount=type=secret,id=apt \\
    export APT_CONFIG=/run/secrets/apt DEBIAN_FRONTEND=noninteractive && \\
    apt-get update && apt-get install --yes --no-install-recommends zstd && rm -rf /var/lib/apt/lists/*
"""
SERVICE = f"""services:
  files:
    image: {IMAGE}
    build:
      context: ./compose/files
      network: host
      args: {{BASE_IMAGE: "${{BASE_IMAGE:-genai-stack/base:0.1.0}}"}}
      secrets: [ca, apt]
    command: [sleep, infinity]
    init: true
    profiles: [bench]
    depends_on: [supabase-db]
    volumes: ["files-data:/data"]
volumes:
  files-data:
"""
"""A service whose volume has the files, and which brings the database along; its image also does the work by hand."""


class Took(NamedTuple):
    """Seconds on the clock and of the processors, and the peak of restic's own memory in MB."""

    clock: float
    processor: float
    peak: float = 0.0


class Sampler:
    """The processor time and memory of every container of ours, looked at five times a second."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names, self.used, self.first, self.peak = names, dict[str, float](), dict[str, float](), 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> "Sampler":
        self._sample(first=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(0.2):
            self._sample()

    def _sample(self, first: bool = False) -> None:
        listed = said("docker", "ps", "--no-trunc", "--format", "{{.ID}} {{.Names}}").splitlines()
        for row in listed:
            container, name = row.split()
            if not any(name.startswith(one) for one in self.names):
                continue
            with contextlib.suppress(OSError):
                now = _processor(container)
                self.first.setdefault(container, now if first else 0.0)
                self.used[container] = now
                if name.startswith("genai-backup-"):
                    self.peak = max(self.peak, _memory(container))

    def processor(self) -> float:
        return sum(self.used.values()) - sum(self.first.values())


def _processor(container: str) -> float:
    old = Path(f"/sys/fs/cgroup/cpuacct/docker/{container}/cpuacct.usage")
    if old.exists():
        return int(old.read_text()) / 1e9
    text = Path(f"/sys/fs/cgroup/system.slice/docker-{container}.scope/cpu.stat").read_text()
    return int(text.split()[1]) / 1e6


def _memory(container: str) -> float:
    """What its processes hold themselves, in MB; what they read of files is not theirs."""
    old = Path(f"/sys/fs/cgroup/memory/docker/{container}/memory.stat")
    new = Path(f"/sys/fs/cgroup/system.slice/docker-{container}.scope/memory.stat")
    rows = dict(line.split() for line in (old if old.exists() else new).read_text().splitlines())
    return int(rows.get("total_rss") or rows["anon"]) / 1e6


def said(*words: str) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def timed(words: Sequence[str], folder: Path, inputs: Path | None = None) -> Took:
    """One run. Raises SystemExit with its last words where it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with Sampler(("genai-backup-", PROJECT)) as sampler:
        start = time.perf_counter()
        with Path(inputs or os.devnull).open("rb") as given:
            done = subprocess.run(words, cwd=folder, stdin=given, capture_output=True, check=False)
        clock = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(f"{' '.join(words)} failed:\n{done.stderr.decode()[-2000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    own = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Took(clock, sampler.processor() + own, sampler.peak)


@contextlib.contextmanager
def project() -> Iterator[Path]:
    """A checkout of the working tree with a database and a volume of files, running; removed with its data."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "checkout"
        ignored = shutil.ignore_patterns(".git", ".venv", ".stack", ".env", "compose.yaml", "local", "backups")
        shutil.copytree(ROOT, folder, ignore=ignored)
        (folder / ".env").write_text("".join(f"{key}={value}\n" for key, value in SETTINGS.items()))
        (folder / "compose" / "files.yml").write_text(SERVICE)
        (folder / "compose" / "files").mkdir()
        (folder / "compose" / "files" / "Dockerfile").write_text(DOCKERFILE)
        with contextlib.ExitStack() as ends:
            ends.callback(_forget_images)
            ends.callback(_forget, folder)
            inv(folder, "up", "--service", "supabase-db", "--service", "files")
            yield folder


def _forget(folder: Path) -> None:
    """Containers and volumes, those of before a restore, too."""
    for words in (("down", "--volumes", "--yes"), ("restore", "--forget", "--yes")):
        subprocess.run([PYTHON, "-m", "stack", *words], cwd=folder, check=False, capture_output=True)


def _forget_images() -> None:
    """The image of this benchmark, and those that a run which was killed kept."""
    kept = said("docker", "images", "--format", "{{.Repository}}:{{.Tag}}", "--filter", "reference=genai-stack/kept")
    own = [name for name in kept.split() if name.startswith(f"genai-stack/kept:{PROJECT}-")]
    subprocess.run(["docker", "rmi", IMAGE, *own], check=False, capture_output=True)


def inv(folder: Path, *words: str) -> None:
    """Raises SystemExit with its last words where it fails."""
    done = subprocess.run([PYTHON, "-m", "stack", *words], cwd=folder, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"./inv {' '.join(words)} failed:\n{done.stderr[-2000:]}")


def inside(service: str, *words: str) -> list[str]:
    return ["docker", "exec", "-i", f"{PROJECT}-{service}-1", *words]


def sql(text: str) -> list[str]:
    return inside("supabase-db", "psql", "-XqU", "supabase_admin", "-d", "postgres", "-c", text)


def by_hand(folder: Path) -> tuple[Took, Took]:
    """The dump and the archive, as somebody would make them."""
    dump = " ".join(inside("supabase-db", "pg_dump", "-U", "supabase_admin", "-Fc", "postgres", ">by-hand.dump"))
    run = f"docker run --rm --name {PROJECT}-tar -v {PROJECT}_files-data:/data:ro {IMAGE}"
    tar = f"{run} sh -c 'tar c /data | zstd -q -3' >by-hand.tar.zst"
    return timed(["sh", "-c", dump], folder), timed(["sh", "-c", tar], folder)


def back_by_hand(folder: Path) -> tuple[Took, Took]:
    said(*sql("create database again"))
    restore = inside("supabase-db", "pg_restore", "-U", "supabase_admin", "-d", "again")
    dump = timed(restore, folder, folder / "by-hand.dump")
    said("docker", "volume", "create", f"{PROJECT}_again")
    words = ["docker", "run", "--rm", "-i", "--name", f"{PROJECT}-tar", "-v", f"{PROJECT}_again:/new", IMAGE,
             "sh", "-c", "zstd -q -d | tar x -C /new"]  # fmt: skip
    try:
        return dump, timed(words, folder, folder / "by-hand.tar.zst")
    finally:
        said("docker", "volume", "rm", f"{PROJECT}_again")
        said(*sql("drop database again"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gb", type=float, default=2.0)
    asked = parser.parse_args()
    begun = time.perf_counter()
    rows, files = int(asked.gb * 1e9 / ROW_BYTES), int(asked.gb * 1e9 / FILE_BYTES)
    print(f"{asked.gb:g} GB of each; load {os.getloadavg()[0]:.0f} on {os.cpu_count()} processors\n")
    with project() as folder:
        # So that restic's image is there.
        inv(folder, "backup", "--service", "files", "--output", "warm.backup")
        said(*sql(FILL.format(rows=rows)))
        said(*inside("files", "sh", "-c", FILES.format(count=files)))
        ours = [PYTHON, "-m", "stack"]
        hand = by_hand(folder)
        first = timed([*ours, "backup"], folder)
        said(*sql(f"update bench set b = md5(b) where id <= {rows // 100}"))
        said(*inside("files", "sh", "-c", FILES.format(count=max(files // 100, 1))))
        second = timed([*ours, "backup"], folder)
        hand_back = back_by_hand(folder)
        back = timed([*ours, "restore", "--yes"], folder)
        both, both_back = _sum(*hand), _sum(*hand_back)
    print("| what | clock | processor | beside by hand | clock, processor | times |\n|---|---|---|---|---|---|")
    print(_row("backup", first, "`pg_dump -Fc`, `tar \\| zstd -3`", both))
    print(_row("restore, until all is healthy", back, "`pg_restore`, `zstd -d \\| tar x`", both_back))
    print(_row("second backup, 1 % changed", second, "the first", first))
    print(f"\nrestic's own memory at its peak: {max(first.peak, second.peak, back.peak):.0f} MB")
    print(f"all of it took {time.perf_counter() - begun:.0f} s")


def _sum(one: Took, other: Took) -> Took:
    return Took(one.clock + other.clock, one.processor + other.processor)


def _row(what: str, ours: Took, beside: str, theirs: Took) -> str:
    times = f"{ours.clock / theirs.clock:.2f}, {ours.processor / theirs.processor:.2f}"
    other = f"{theirs.clock:.1f} s, {theirs.processor:.1f} s"
    return f"| {what} | {ours.clock:.1f} s | {ours.processor:.1f} s | {beside} | {other} | {times} |"


if __name__ == "__main__":
    main()
