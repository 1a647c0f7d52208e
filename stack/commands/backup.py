"""`inv backup` and what goes with it: save what a project has, list, prove and remove what was saved."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from msgspec.structs import replace

from stack import __version__, docker, tree
from stack.backup import folder, image, jobs, keys, manifest, repository, saving
from stack.backup.jobs import Job
from stack.backup.manifest import Manifest
from stack.backup.repository import Repository
from stack.cluster import chosen
from stack.docker import Container
from stack.errors import USAGE, Problem, StackError, fail
from stack.names import size
from stack.output import consent
from stack.output.progress import Progress
from stack.output.result import Result
from stack.planning import checkouts, compare, model, planner, remote
from stack.planning.checkouts import Checkout
from stack.planning.planner import Planned, Request


class Wanted(msgspec.Struct, frozen=True):
    """What a backup would save, and what it leaves out with the reason."""

    planned: Planned
    running: list[Container]
    jobs: list[Job]
    left: dict[str, str]


def run(
    service: tuple[str, ...], profile: tuple[str, ...], output: str, without_secrets: bool, dry_run: bool
) -> Result:
    """Save the project's data, settings and secrets to BACKUP_DIR, or to a file or folder."""
    root = tree.root()
    chosen.one_machine(root, "backup", chosen.BACK)
    remote.without_folders()
    if not dry_run:
        with tree.locked(root):
            return _made(root, wanted(root, service, profile), output, not without_secrets)
    found = wanted(root, service, profile)
    last = manifest.latest(folder.listed(folder.of(root, found.planned.checkout.settings.value("BACKUP_DIR"))))
    lines = [*jobs.lines(found.jobs, last), *_left(found), "nothing was saved"]
    return Result({"project": found.planned.plan.project, "jobs": _data(found.jobs), "left": found.left}, lines=lines)


def wanted(root: Path, services: tuple[str, ...] = (), profiles: tuple[str, ...] = ()) -> Wanted:
    """What there is to save of these services, those of the profiles, or all that have data. Raises StackError where
    there is no plan, no engine, or nothing."""
    request = Request(profiles=profiles, services=services, exact=bool(profiles))
    planned = planner.make(root, request)
    project = planned.plan.project
    running = docker.containers(project)
    compare.check_owner(root, project, running)
    names = services or (planned.plan.names() if profiles else model.services(planned.facts.model))
    there = docker.volumes()
    found = jobs.jobs(planned.facts, names, running, there)
    if not found:
        raise fail("backup-empty", f"{project} has no data yet", project, "./inv up")
    return Wanted(planned, running, found, jobs.left(planned.facts, names, there))


def _data(found: list[Job]) -> list[dict[str, object]]:
    return [{"service": job.service, "name": job.name, "how": "dump" if job.dump else "files", "volume": job.volume,
             "paused": sorted(job.paused)} for job in found]  # fmt: skip


def _left(found: Wanted) -> list[str]:
    return [f"left out: {volume}, {reason}" for volume, reason in found.left.items()]


def _made(root: Path, found: Wanted, output: str, secrets: bool) -> Result:
    progress = Progress()
    with progress.shown():
        target = _target(root, found.planned.checkout, output)
        one_file = bool(output) and not _is_folder(output)
        with _place(target, one_file) as place, folder.called(place, str(target)), folder.held(place):
            made, problems = save(found, place, secrets, progress)
            stored = folder.packed(place, target) if one_file else _stored(place)
    # A file's folder is gone by now.
    problems = [replace(one, where=str(target)) if one.where == str(place) else one for one in problems]
    problems += [] if secrets else [_keyless()]
    data = {"backup": msgspec.to_builtins(made), "at": str(target), "bytes": made.bytes(), "stored": stored,
            "left": found.left}  # fmt: skip
    what = f"{made.name}: {size(made.bytes())} of {', '.join(made.services())} in {made.seconds:.0f} s"
    where = f"in {target}, which now has {size(stored)}"
    name = str(target) if output else made.name
    return Result(
        data, problems, lines=[f"saved {what}", where, *_left(found), f"to have it back: ./inv restore {name}"]
    )


def save(found: Wanted, place: Path, secrets: bool, progress: Progress) -> tuple[Manifest, list[Problem]]:
    """Save to the repository in the folder `place`, which is made where there is none. The lock is the caller's."""
    settings, root = found.planned.checkout.settings, found.planned.checkout.root
    image.ensure(root, settings.value("BACKUP_IMAGE"), progress)
    progress.tell("repository", "opening")
    volumes = {job.name: job.volume for job in found.jobs if job.volume}
    passphrase = settings.value("BACKUP_PASSPHRASE")
    with repository.opened(place, settings.value("BACKUP_IMAGE"), volumes) as closed:
        try:
            repo = _entered(root, closed, passphrase)
            progress.tell("repository", "done")
            problems = keys.hand_over(repo, passphrase, settings.value("BACKUP_RECIPIENTS"))
            made, silent = saving.make(found.planned, found.jobs, found.running, repo, secrets, __version__, progress)
        finally:
            repository.given_back(closed)
        keys.settle(root, place, repo.password, passphrase)
    return made, [*problems, *silent]


def _entered(root: Path, closed: Repository, passphrase: str) -> Repository:
    """The repository, made where there is none, which the passphrase opens, too."""
    if not folder.made(closed.folder):
        repo = replace(closed, password=keys.own(root))
        repository.init(repo)
        if passphrase:
            keys.add(repo, passphrase)
        return repo
    if password := keys.settled(root, closed.folder, passphrase):
        return replace(closed, password=password)
    repo = _unlocked(root, closed, passphrase)
    if passphrase and passphrase != repo.password:
        keys.replace(repo, passphrase)
    return repo


def _unlocked(root: Path, closed: Repository, passphrase: str) -> Repository:
    """For one who holds the folder: a lock that bars the way is of a command that was killed."""
    try:
        return repository.unlocked(closed, keys.known(root, closed.folder, passphrase, ""))
    except StackError as error:
        if error.problems[0].code != "backup-locked":
            raise
    repository.unlock(closed)
    return repository.unlocked(closed, keys.known(root, closed.folder, passphrase, ""))


def _target(root: Path, checkout: Checkout, output: str) -> Path:
    if not output:
        return folder.of(root, checkout.settings.value("BACKUP_DIR"))
    target = Path(output).expanduser().absolute()
    if not target.parent.is_dir():
        raise fail(
            "usage", f"--output: there is no folder {target.parent}", "--output", f"mkdir -p {target.parent}", USAGE
        )
    if target.is_file():
        raise fail("usage", f"--output: {target} is there already", "--output", "give another name", USAGE)
    return target


def _is_folder(output: str) -> bool:
    return output.endswith("/") or Path(output).expanduser().is_dir()


@contextmanager
def _place(target: Path, one_file: bool) -> Iterator[Path]:
    """The folder of the repository: the target, or one beside the file that is to be, which goes with this block."""
    if not one_file:
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        yield target
        return
    tree.sweep(target.parent)
    try:
        made = Path(tempfile.mkdtemp(dir=target.parent, prefix=tree.loose(os.getpid())))
    except OSError as error:
        raise fail("unwritable", f"{target} can't be written: {error.strerror}", str(target),
                   f"ls -ld {target.parent}; df -h {target.parent}") from None  # fmt: skip
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _stored(place: Path) -> int:
    return sum(path.stat().st_size for path in place.rglob("*") if path.is_file())


def _keyless() -> Problem:
    message = "the secrets are not in it: what is encrypted with them, as n8n's credentials, opens with that .env alone"
    return Problem("backup-keyless", message, ".env", "keep .env somewhere safe")


def listed() -> Result:
    """The backups in BACKUP_DIR, the oldest first."""
    root = tree.root()
    place = folder.of(root, checkouts.own(root, "BACKUP_DIR"))
    found = folder.listed(place)
    rows = [{"name": one.name, "project": one.project, "services": one.services(), "bytes": one.bytes(),
             "seconds": one.seconds, "secrets": one.secrets} for one in found]  # fmt: skip
    lines = [f"{one.name}  {size(one.bytes()):>8}  {', '.join(one.services())}" for one in found]
    return Result({"folder": str(place), "backups": rows}, lines=lines or [f"there is no backup in {place}"])


def remove(file: str, keep: str, yes: bool, dry_run: bool) -> Result:
    """Remove the backup `file`, or all of BACKUP_DIR that no rule of `keep` holds."""
    root = tree.root()
    place = folder.of(root, checkouts.own(root, "BACKUP_DIR"))
    names = [one.name for one in folder.listed(place)]
    if bool(file) == bool(keep):
        raise fail("usage", "which one? a name, or --keep", fix="./inv backup.remove --keep 7d,4w,6m", exit_code=USAGE)
    if file and file not in names:
        raise manifest.absent(file, names, str(place))
    stay = manifest.kept(names, keep) if keep else {name for name in names if name != file}
    gone = [name for name in names if name not in stay]
    data = {"removed": gone, "kept": sorted(stay)}
    if not gone or dry_run:
        what = f"would remove {', '.join(gone)}" if gone else "nothing to remove"
        return Result(data, lines=[what, f"kept: {', '.join(sorted(stay))}"])
    if not yes:
        typed = f"./inv backup.remove {file or f'--keep {keep}'} --yes"
        consent.agree(f"this would remove for good {', '.join(gone)}", typed, "nothing was removed")
    with tree.locked(root), folder.held(place), repository.opened(place, checkouts.own(root, "BACKUP_IMAGE")) as closed:
        repo = _unlocked(root, closed, checkouts.own(root, "BACKUP_PASSPHRASE"))
        before = _stored(place)
        # From here on they are none, whatever becomes of this command.
        for name in gone:
            (place / f"{name}.json").unlink(missing_ok=True)
        try:
            repository.forget(repo, saving.loose(repo), prune=True)
        finally:
            repository.given_back(repo)
    freed = max(before - _stored(place), 0)
    return Result({**data, "freed": freed}, lines=[f"removed {', '.join(gone)}, which gave back {size(freed)}"])
