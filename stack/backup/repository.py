"""The edge to the repository: restic, in a container of its own image, so that it sees volumes as the engine does and
nothing is installed here. The container lives by a pipe that this process holds: when that ends, so does the other.

Each call of restic takes half a second of processor time to make the key of the password. So a backup has one for each
part, one for the settings and one for the manifest; a restore one that opens it, two for those, and one for each part.
More are needed only where a passphrase is new (`keys`), or something is left of a command that was killed."""

import contextlib
import json
import os
import re
import secrets
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from stack import docker, process
from stack.backup import pipes
from stack.errors import StackError, fail
from stack.planning import remote
from stack.process import Child
from stack.running.inside import NOT_OURS

Tell = Callable[[int, int], None]
"""Is told the bytes that are done, and those that there are in all, 0 where nobody knows."""
CAPABILITIES = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID")
"""What root of the container needs to read every file, and to put one back with its owner, mode and attributes."""
QUIET = {"GOGC": "20", "GOMAXPROCS": "", "RESTIC_PROGRESS_FPS": "2"}
"""Its collector runs early, which keeps its peak small (docs/performance.md)."""
TREE = "/data"
"""Where volumes lie in a snapshot, by their names in the files."""
NEW = "/new"
"""Where those that are filled lie in the container."""
SCRATCH = "/tmp"  # noqa: S108 - of that container alone
WHOLE_S = 24 * 3600.0
"""Seconds after which a single step counts as hung."""


class Repository(msgspec.Struct, frozen=True):
    """A repository: the folder, the container in which restic runs, the password that opens it, its snapshots as it was
    opened (None where nobody asked for them), and the volume with the pipe where something is saved or filled."""

    folder: Path
    container: str
    password: str = ""
    found: list[dict[str, Any]] | None = None
    pipe: str = ""


Place = Callable[[Mapping[str, str]], contextlib.AbstractContextManager[Repository]]
"""Opens a repository with new volumes (name in a snapshot → the engine's) that are to be filled."""


@contextlib.contextmanager
def opened(folder: Path, image: str, volumes: Mapping[str, str] | None = None,
           new: Mapping[str, str] | None = None) -> Iterator[Repository]:  # fmt: skip
    """The repository in `folder`, still without a password, with `volumes` (name in a snapshot → the engine's) to be
    read, and `new` ones to be filled. Raises StackError where the container does not start, or would not see the
    folder."""
    remote.without_folders()
    binds = [f"type=bind,src={folder},dst=/repo"]
    binds += [f"type=volume,src={v},dst={TREE}/{key},readonly,volume-nocopy" for key, v in (volumes or {}).items()]
    binds += [f"type=volume,src={v},dst={NEW}{TREE}/{key},volume-nocopy" for key, v in (new or {}).items()]
    with contextlib.ExitStack() as held:
        pipe = "" if volumes is None and new is None else held.enter_context(pipes.volume())
        yield held.enter_context(_container(folder, image, [*binds, *([pipes.mount(pipe)] if pipe else [])], pipe))


@contextlib.contextmanager
def _container(folder: Path, image: str, binds: Sequence[str], pipe: str) -> Iterator[Repository]:
    name = f"genai-backup-{secrets.token_hex(6)}"
    labels = [word for label in NOT_OURS for word in ("--label", label)]
    ready = [*([pipes.made()] if pipe else []), "echo ready", "exec cat >/dev/null"]
    command = ["docker", "run", "--rm", "-i", "--pull", "never", "--log-driver", "none", "--no-healthcheck",
               "--network", "none", "--read-only", "--tmpfs", SCRATCH, "--tmpfs", NEW, "--hostname", "backup",
               "--security-opt", "no-new-privileges", "--cap-drop", "ALL",
               *(word for one in CAPABILITIES for word in ("--cap-add", one)), *labels,
               *(word for bind in binds for word in ("--mount", bind)),
               *(word for one in QUIET for word in ("-e", one)),
               "--name", name, "--entrypoint", "sh", image, "-c", " && ".join(ready)]  # fmt: skip
    env = docker.environment({**{k: v for k, v in QUIET.items() if v}})
    env.setdefault("GOMAXPROCS", str(os.cpu_count() or 1))
    with process.keeper(command, env, pipes.END_S) as keeper:
        if why := process.refused(keeper, "ready"):
            message = f"the container with restic did not start: {why.splitlines()[0]}"
            raise fail("backup-container", message, image, "./inv doctor")
        yield Repository(folder, name, pipe=pipe)


def unlocked(repo: Repository, passwords: Iterable[str]) -> Repository:
    """The repository with the first of the passwords that opens it, and its snapshots: one call tells both. Raises
    StackError where none does."""
    wrong = fail("backup-key", *KEY[:1], str(repo.folder), KEY[1])
    for password in passwords:
        tried = msgspec.structs.replace(repo, password=password)
        try:
            return msgspec.structs.replace(tried, found=snapshots(tried))
        except StackError as error:
            if error.problems[0].code != "backup-key":
                raise
            wrong = error
    raise wrong


def inside(folder: Path, kind: str) -> list[str] | None:
    """The names of the `locks` or `snapshots` in a repository; None where only root may look, as after a kill."""
    try:
        return [path.name for path in (folder / kind).iterdir()]
    except OSError:
        return None


def init(repo: Repository) -> None:
    """Make an empty repository."""
    restic(repo, ["init", "--repository-version", "2"])


def restic(repo: Repository, words: Sequence[str], text: str = "") -> str:
    """The output of a restic command. Raises StackError for its failure, in our words where it is a known one."""
    stdin = ["-i"] if text else []
    done = docker.run(["exec", *stdin, *_restic(repo), *words], text=text or None, timeout=WHOLE_S, env=_env(repo))
    if done.returncode:
        raise failed(done.stderr or done.stdout, repo.folder)
    return done.stdout


PASSWORD = ["-e", "RESTIC_PASSWORD", "-e", "RESTIC_KEY_HINT"]
RESTIC = ["restic", "--repo", "/repo", "--no-cache"]


def _restic(repo: Repository) -> list[str]:
    return [*PASSWORD, repo.container, *RESTIC]


def _env(repo: Repository) -> dict[str, str]:
    """The password goes by the environment: everybody can read a program's arguments."""
    return docker.environment({"RESTIC_PASSWORD": repo.password, "RESTIC_KEY_HINT": hint(repo.folder, repo.password)})


USER = "passphrase"
"""The user, as restic calls it, of the key that is made of BACKUP_PASSPHRASE."""
OURS = re.compile("[0-9a-f]{64}")
"""A password of ours, which is no passphrase of somebody's."""


def hint(folder: Path, password: str) -> str:
    """The name of the key that a password is likely to open, as restic tries one after the other; "" where nobody can
    tell, as only root may look."""
    try:
        users = {path.name: json.loads(path.read_bytes()).get("username") for path in (folder / "keys").iterdir()}
    except (OSError, ValueError, AttributeError):
        return ""
    ours = bool(OURS.fullmatch(password))
    return next((name for name, user in users.items() if (user != USER) == ours), "")


KEY = (
    "no key here opens this backup, nor does the passphrase",
    "set BACKUP_PASSPHRASE to the one that it was made with, or give --identity FILE: docs/backup.md",
)
MEANT = {
    "wrong password or no key found": ("backup-key", *KEY),
    "no space left on device": ("backup-space", "the disk is full, so nothing was saved or changed",
                                "make room, or save to another disk (BACKUP_DIR, --output): df -h"),
    "unable to open config file": ("backup-missing", "there is no backup in this folder", "./inv backup.list"),
    "Is there a repository": ("backup-missing", "there is no backup in this folder", "./inv backup.list"),
    "repository is already locked": ("backup-locked", "somebody else is at work in this repository",
                                     "wait for it; where a command was killed: ./inv backup"),
}  # fmt: skip
DAMAGED = ("ciphertext verification failed", "does not match id", "invalid data returned", "unexpected EOF",
           "load <", "not found in repository", "no matching ID", "is not contained", "file too short",
           "no such file or directory", "size mismatch", "invalid header length")  # fmt: skip


def failed(words: str, folder: Path) -> StackError:
    """What restic's words mean."""
    for said, (code, message, fix) in MEANT.items():
        if said.lower() in words.lower():
            return fail(code, message, str(folder), fix)
    lines = [line for line in words.strip().splitlines() if line][-3:] or ["it gave no reason"]
    if any(said in words for said in DAMAGED):
        message = f"the repository is damaged: {' / '.join(lines)}"
        return fail("backup-broken", message, str(folder), "take another backup: ./inv backup.list")
    return fail("backup-repository", f"restic failed: {' / '.join(lines)}", str(folder), "./inv backup.verify")


EMPTY = "snapshot is empty"
"""What restic makes an error of."""


def save_stream(repo: Repository, source: Sequence[str], name: str, tag: str, tell: Tell) -> tuple[str, int]:
    """Save what the command `source` prints, as the file `name`: the snapshot and its bytes. Raises StackError where
    either end fails, the snapshot counts for nothing then."""
    words = ["docker", "exec", "-i", *_restic(repo), *_stream(name, tag)]
    with process.child(source, docker.environment(), stdout=subprocess.PIPE) as first:
        assert first.process.stdout
        with process.child(words, _env(repo), stdin=first.process.stdout, stdout=subprocess.PIPE) as second:
            first.process.stdout.close()
            return _both(repo, first, second, source, tell)


def save_pipe(repo: Repository, container: str, save: Sequence[str], item: str, name: str, tag: str,
              tell: Tell) -> tuple[str, int]:  # fmt: skip
    """The same of what `save` prints in a container that has the pipe, with ITEM in its environment."""
    source = pipes.end(["-e", f"ITEM={item}"], container, pipes.INTO, save)
    sink = pipes.end(PASSWORD, repo.container, pipes.OUT_OF, [*RESTIC, *_stream(name, tag)])
    with (process.child(source, docker.environment()) as first,
          process.child(sink, _env(repo), stdout=subprocess.PIPE) as second):  # fmt: skip
        pipes.freed(first, second, repo.container)
        return _both(repo, first, second, ["docker", "exec", container], tell)


def _both(repo: Repository, first: Child, second: Child, source: Sequence[str], tell: Tell) -> tuple[str, int]:
    """What `second` saved of what `first`, the command `source`, gave it."""
    try:
        found = _summary(second, tell, repo)
    except StackError as error:
        # The program that said nothing at all knows why.
        if EMPTY in error.problems[0].message:
            _wrong(first, source)
        raise
    _wrong(first, source)
    return found


def save_bytes(repo: Repository, data: bytes, name: str, tag: str) -> tuple[str, int]:
    """Save `data` as the file `name`."""
    words = ["exec", "-i", *_restic(repo), *_stream(name, tag)]
    done = subprocess.run(["docker", *words], input=data, capture_output=True, check=False, env=_env(repo))
    if done.returncode:
        raise failed(done.stderr.decode(errors="replace"), repo.folder)
    return _snapshot(json.loads(done.stdout.splitlines()[-1]))


def save_files(repo: Repository, key: str, tag: str, tell: Tell) -> tuple[str, int]:
    """Save the volume that is mounted under the name `key`."""
    sink = ["docker", "exec", *_restic(repo), *_backup(tag), f"{TREE}/{key}"]
    with process.child(sink, _env(repo), stdout=subprocess.PIPE) as restic_:
        return _summary(restic_, tell, repo)


def _backup(tag: str) -> list[str]:
    return ["backup", "--json", "--host", "genai", "--tag", tag]


def _stream(name: str, tag: str) -> list[str]:
    return [*_backup(tag), "--stdin", "--stdin-filename", name]


def _summary(saving: Child, tell: Tell, repo: Repository) -> tuple[str, int]:
    """Follow restic's own messages to its summary. Raises StackError where there is none."""
    assert saving.process.stdout
    summary: dict[str, Any] = {}
    wrong: list[str] = []
    for line in saving.process.stdout:
        try:
            said = json.loads(line)
        except ValueError:
            wrong.append(line.decode(errors="replace"))
            continue
        if said.get("message_type") == "status":
            tell(said.get("bytes_done", 0), said.get("total_bytes", 0))
        elif said.get("message_type") == "summary":
            summary = said
    if saving.process.wait() or not summary:
        raise failed("\n".join([*wrong, saving.words()]), repo.folder)
    return _snapshot(summary)


def _snapshot(summary: Mapping[str, Any]) -> tuple[str, int]:
    return str(summary["snapshot_id"]), int(summary["total_bytes_processed"])


def _wrong(other: Child, command: Sequence[str]) -> None:
    """Raises StackError where the program at the other end of a pipe failed."""
    if other.process.wait():
        lines = [line for line in other.words().strip().splitlines() if line][-3:] or ["it gave no reason"]
        at = next((word for word in command[2:] if not word.startswith("-") and "=" not in word), "")[:12]
        raise fail("backup-program", f"a program in a container failed: {' / '.join(lines)}", at, "docker ps")


def read(repo: Repository, snapshot: str, name: str) -> bytes:
    """The bytes of a file of a snapshot, for small ones."""
    words = ["docker", "exec", *_restic(repo), "dump", snapshot, f"/{name}"]
    done = subprocess.run(words, capture_output=True, check=False, env=_env(repo))
    if done.returncode:
        raise failed(done.stderr.decode(errors="replace"), repo.folder)
    return done.stdout


def load_stream(repo: Repository, snapshot: str, name: str, sink: Sequence[str], env: Mapping[str, str]) -> None:
    """Give a file of a snapshot to the command `sink`, whose environment is `env`. Raises StackError where either end
    fails."""
    source = ["docker", "exec", *_restic(repo), "dump", snapshot, f"/{name}"]
    with process.child(source, _env(repo), stdout=subprocess.PIPE) as first:
        assert first.process.stdout
        with process.child(sink, env, stdin=first.process.stdout) as second:
            first.process.stdout.close()
            _taken(repo, first, second, sink)


def load_pipe(repo: Repository, snapshot: str, name: str, container: str, restore: Sequence[str], item: str) -> None:
    """The same to what `restore` takes in, in a container that has the pipe, with ITEM in its environment."""
    source = pipes.end(PASSWORD, repo.container, pipes.INTO, [*RESTIC, "dump", snapshot, f"/{name}"])
    sink = pipes.end(["-e", f"ITEM={item}"], container, pipes.OUT_OF, restore)
    with process.child(source, _env(repo)) as first, process.child(sink, docker.environment()) as second:
        pipes.freed(first, second, container)
        pipes.freed(second, first, repo.container)
        _taken(repo, first, second, ["docker", "exec", container])


def _taken(repo: Repository, first: Child, second: Child, sink: Sequence[str]) -> None:
    """That `second`, the command `sink`, took in what `first` gave it."""
    second.process.wait()
    ended, words = first.process.wait(), first.words()
    # Where the other end has gone, restic is ended by that, with or without a word.
    if ended and words.strip() and "broken pipe" not in words.lower():
        raise failed(words, repo.folder)
    _wrong(second, sink)
    if ended and not words.strip():
        raise failed(f"it ended with code {ended}", repo.folder)


def load_files(repo: Repository, snapshot: str) -> None:
    """Put the files of a snapshot of a volume into the new one of the same name."""
    restic(repo, ["restore", snapshot, "--target", NEW])


def snapshots(repo: Repository) -> list[dict[str, Any]]:
    """All snapshots: `id`, `tags`, `paths`; as it was opened, where that told them."""
    return repo.found if repo.found is not None else json.loads(restic(repo, ["snapshots", "--json"])) or []


def forget(repo: Repository, ids: Sequence[str], prune: bool) -> None:
    """Forget snapshots; `prune` also gives back their place on the disk, which takes a while."""
    if ids:
        unlock(repo)
        restic(repo, ["forget", *ids, *(["--prune"] if prune else [])])


def unlock(repo: Repository) -> None:
    """Take away the locks of commands that were killed, as `restic unlock --remove-all` does, which needs the key."""
    docker.run(["exec", repo.container, "sh", "-c", "rm -f /repo/locks/*"])


def given_back(repo: Repository) -> None:
    """Make the owner of the folder the owner of what root wrote there, so that it can be copied and removed."""
    docker.run(["exec", repo.container, "sh", "-c",
                'find /repo ! -user "$(stat -c %u /repo)" -exec chown -h "$(stat -c %u:%g /repo)" {} +'],
               timeout=WHOLE_S)  # fmt: skip
