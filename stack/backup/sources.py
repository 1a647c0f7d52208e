"""Where a backup lies that somebody names, and what opens it: a backup of BACKUP_DIR, a folder, or one file."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from stack.backup import folder, image, keys, manifest, repository, restoring
from stack.backup.repository import Repository
from stack.backup.restoring import Opened
from stack.errors import fail
from stack.names import echoed
from stack.output.progress import Progress
from stack.planning import checkouts


class Source(msgspec.Struct, frozen=True):
    """Where a backup lies: the folder with its repository, its name, what opens it, and how its user calls it;
    `password` is the one that has opened it already."""

    place: Path
    name: str
    shown: str
    image: str
    passphrase: str = ""
    identity: str = ""
    password: str = ""


@contextmanager
def found(root: Path, file: str, identity: str = "") -> Iterator[Source]:
    """Where the backup is that somebody calls `file`: a name of BACKUP_DIR, a file, or a folder, whose latest counts.
    Nothing means the latest. Nobody removes it meanwhile. Raises StackError where there is none of that name, or where
    somebody is at work in the folder."""
    rest = (checkouts.own(root, "BACKUP_IMAGE"), checkouts.own(root, "BACKUP_PASSPHRASE"), identity)
    path = Path(file).expanduser()
    if file and path.is_file():
        with folder.unpacked(path, root) as place:
            yield Source(place, _named(place, ""), file, *rest)
    elif file and path.is_dir():
        with folder.reading(path):
            yield Source(path.absolute(), _named(path, ""), file, *rest)
    else:
        if file and not manifest.NAME.fullmatch(file):
            message = f"there is no file, folder or backup {echoed(file)}"
            raise fail("backup-missing", message, file, "./inv backup.list")
        place = folder.of(root, checkouts.own(root, "BACKUP_DIR"))
        name = _named(place, file)
        with folder.reading(place):
            yield Source(place, name, str(place), *rest)


def _named(place: Path, name: str) -> str:
    there = [one.name for one in folder.listed(place)]
    if not there or (name and name not in there):
        raise manifest.absent(name, there, str(place))
    return name or there[-1]


@contextmanager
def opened(root: Path, source: Source, new: Mapping[str, str] | None = None) -> Iterator[Repository]:
    """The repository of a backup, unlocked, with new volumes to be filled."""
    with (folder.called(source.place, source.shown),
          repository.opened(source.place, source.image, new=new) as closed):  # fmt: skip
        if source.password:
            yield msgspec.structs.replace(closed, password=source.password)
        else:
            yield repository.unlocked(closed, keys.known(root, source.place, source.passphrase, source.identity))


def read(root: Path, source: Source, progress: Progress, whole: bool = False) -> tuple[Opened, Source]:
    """Open a backup, with the image that it takes; and where it lies, with the password that opened it. `whole` also
    has every byte of the repository read.

    Raises StackError where it is not whole, not ours, or newer."""
    with progress.shown():
        image.ensure(root, source.image, progress)
        with opened(root, source) as repo:
            if whole:
                progress.tell("repository", "reading all of it")
                repository.restic(repo, ["check", "--read-data"])
                progress.tell("repository", "done")
            inside = restoring.read(repo, source.name)
    return inside, msgspec.structs.replace(source, password=repo.password)
