"""The edge to an unpacked release: a folder that is no clone, with a repository of its own in .stack/, which has the
files as they were unpacked. So what was changed here since can be told, and an update goes as in a clone."""

import contextlib
import re
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from stack import bootstrap, git, tree
from stack.authoring import unpacking
from stack.errors import USAGE, StackError, fail
from stack.names import echoed

ABOUT = "stack/__init__.py"
"""Where a release says its version."""
ITS_OWN = ("inv", "tasks.py", ABOUT, "compose/base.yml")
"""What every release of this project has."""
LINK = "120000"
"""How git tells a symbolic link from a file."""
NOT_ITS_OWN = tuple(f":(exclude,top){name}" for name in sorted(bootstrap.OURS - {".git"}))
"""What a user has in a checkout, as a folder or archive that was used may, too; git leaves `.git` out by itself."""
VERSION = re.compile(r'^__version__ = "([^"]+)"', re.MULTILINE)
WHO = ("-c", "user.name=genai-stack", "-c", "user.email=genai-stack@localhost")


def known(root: Path, base: str) -> None:
    """Make sure that there is a repository with what this folder was unpacked from: the copy that the first `./inv`
    made, or what `base` has, a folder or an archive. Raises StackError where there is neither."""
    here = version(root)
    if git.own(root) and _version_of(git.content(root, "HEAD", ABOUT)) == here:
        return
    copy = root / bootstrap.SHIPPED
    if not base and not copy.is_file():
        raise _unknown(root)
    with unpacked(Path(base).expanduser() if base else copy) as folder:
        if base and tree.same(folder, root):
            raise _itself("--base", base, "give what this folder was unpacked from")
        if version(folder) != here:
            if base:
                message = f"this is version {here}, and {base} has {version(folder)}"
                raise fail("update-base", message, "--base", "give what this folder was unpacked from", USAGE)
            raise _unknown(root)
        new = _repository(root, folder)
    shutil.rmtree(root / git.RELEASE, ignore_errors=True)
    new.rename(root / git.RELEASE)
    copy.unlink(missing_ok=True)


def _repository(root: Path, folder: Path) -> Path:
    """A new repository that stands at what the folder has, beside the one whose place it is to take."""
    new = root / f"{git.RELEASE}.new"
    shutil.rmtree(new, ignore_errors=True)
    git.ask(folder, "init", "--quiet", "--bare", str(new))
    env = git.within(new, folder)
    git.ask(folder, "update-ref", "HEAD", _committed(new, folder), env=env)
    git.ask(folder, "read-tree", "HEAD", env=env)
    return new


def _unknown(root: Path) -> StackError:
    message = "nothing here says what this folder was unpacked from, so what you changed in it can't be told"
    return fail("update-base", message, str(root), "./inv update --from NEW --base ARCHIVE, which it was unpacked from")


def _itself(flag: str, given: str, fix: str) -> StackError:
    return fail("usage", f"{flag}: {echoed(given)} is this folder itself", flag, fix, USAGE)


def taken(root: Path, source: str) -> str:
    """The commit of a newer release, a folder or an archive, behind the one that this folder stands at; that one where
    nothing is new. Raises StackError for what is no release, or an older one, and for this folder itself."""
    with unpacked(Path(source).expanduser()) as folder:
        if tree.same(folder, root):
            raise _itself("--from", source, "give the folder or archive of a newer release")
        there, here = version(folder), version(root)
        if _order(there) < _order(here):
            message = f"{source} has version {there}, and this is {here} already"
            raise fail("update-older", message, source, "./inv update --back, for the one before the last update")
        commit = _committed(root / git.RELEASE, folder, git.ask(root, "rev-parse", "HEAD"))
    listed = (row.split("\t", 1) for row in git.paths(root, "ls-tree", "-r", commit))
    if link := next((name for mode, name in listed if mode.startswith(LINK)), ""):
        raise _stray(source, link)
    return commit


def _stray(source: str, name: str) -> StackError:
    message = f"{echoed(name)} in it is a link, or a path that leads out of it, which no release has"
    return fail("update-archive", message, source, "take the archive as it was released")


def _order(word: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", word))


def version(folder: Path) -> str:
    """The version of an unpacked release."""
    return _version_of(tree.read(folder / ABOUT))


def _version_of(data: bytes) -> str:
    found = VERSION.search(data.decode(errors="replace"))
    return found[1] if found else ""


def _committed(repository: Path, folder: Path, parent: str = "") -> str:
    """A folder's files as a commit; the parent where they are the same."""
    with tempfile.TemporaryDirectory(prefix="stack-") as name:
        env = git.within(repository, folder) | {"GIT_INDEX_FILE": f"{name}/index"}
        git.ask(folder, "add", "--all", "--", ".", *NOT_ITS_OWN, env=env)
        files = git.ask(folder, "write-tree", env=env)
        if parent and git.ask(folder, "rev-parse", f"{parent}^{{tree}}", env=env) == files:
            return parent
        behind = ["-p", parent] if parent else []
        told = f"release {version(folder)}, of which CHANGELOG.md tells"
        return git.ask(folder, *WHO, "commit-tree", files, *behind, "-m", told, env=env)


@contextlib.contextmanager
def unpacked(source: Path) -> Iterator[Path]:
    """The folder of a release that lies at `source`, as a folder or an archive. Raises StackError for anything else."""
    with tempfile.TemporaryDirectory(prefix="stack-") as name:
        folder = source.absolute()
        if not source.is_dir():
            folder = Path(name)
            _extract(source, folder)
        yield _its_folder(folder, source)


def _extract(source: Path, folder: Path) -> None:
    try:
        if zipfile.is_zipfile(source):
            with zipfile.ZipFile(source) as archive:
                unpacking.unpack_zip(archive, folder)
        else:
            with tarfile.open(source) as tar:
                unpacking.unpack(tar, folder)
    except unpacking.StrayError as error:
        raise _stray(str(source), str(error)) from None
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, UnicodeError):
        message = f"{source} is no whole archive, as .tar.gz or .zip"
        raise fail("update-archive", message, str(source), "download it again") from None
    except OSError as error:
        message = f"{source} can't be read: {error.strerror or error}"
        raise fail("update-archive", message, str(source), f"ls -l {source}; df -h {folder.parent}") from None


def _its_folder(folder: Path, source: Path) -> Path:
    """Where the files lie: archives have them in a folder of the release's name."""
    inside = list(folder.iterdir())
    for one in (folder, *(inside if len(inside) == 1 else [])):
        if all((one / path).is_file() for path in ITS_OWN):
            return one
    message = f"{source} is no release of this project: it lacks {ITS_OWN[0]} or {ITS_OWN[3]}"
    raise fail("update-archive", message, str(source), "./inv update --from ARCHIVE, as it was downloaded")
