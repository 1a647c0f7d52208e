"""The part of a backup that is the checkout's own: settings, secrets, and what the user wrote, as a tar archive. One
from elsewhere is taken in file by file, each checked: nothing of it goes where a checkout has no such file."""

import io
import re
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from stack import git, tree
from stack.env import envfile
from stack.errors import StackError, fail
from stack.names import echoed

FILE = "project.tar"
ALLOWED = re.compile(r"\.env|compose\.yaml|compose\.override\.ya?ml|images\.lock|kong/kong\.yml"
                     r"|(compose|overrides|kong)/[^\0]+|local/[^\0]+|\.stack/private/(tls|ca)/[^\0]+")  # fmt: skip
"""What a checkout has of a user's own. What is mounted by fragments of STACK_PATH lies beside them."""
SHIPPED = ("compose", "overrides", "kong")
"""The folders that are ours, in which a user adds and changes files."""
LIMIT = 200 * 2**20
"""Bytes of all of it: fragments and what they mount are texts."""


def collect(root: Path, folders: list[str], without: set[str] | None) -> bytes:
    """The archive of a checkout: `.env` (without the secrets `without`, or whole), compose.yaml, what lies in `folders`
    of the user's, the authority of TLS=internal, and what git does not know of the shipped folders."""
    files: dict[str, bytes] = {}
    for name in [".env", "compose.yaml", "compose.override.yaml", "compose.override.yml", "images.lock"]:
        if (root / name).is_file():
            files[name] = tree.read(root / name)
    if without is not None and ".env" in files:
        gone = dict.fromkeys(sorted(without & envfile.names(files[".env"])))
        files[".env"] = envfile.edit(files[".env"], gone)
    private = [] if without is not None else [".stack/private/tls", ".stack/private/ca"]
    for folder in [*folders, *private]:
        found = sorted(p for p in (root / folder).rglob("*") if _plain(p))
        files |= {str(path.relative_to(root)): tree.read(path) for path in found}
    files |= {name: tree.read(root / name) for name in changed(root) if _plain(root / name)}
    return pack({name: data for name, data in files.items() if allowed(name)})


def _plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def changed(root: Path) -> list[str]:
    """The files of the shipped folders that are not as git has them; all of them where this is no git checkout."""
    try:
        text = git.ask(root, "status", "--porcelain", "-z", "--untracked-files=all", "--", *SHIPPED)
    except StackError:
        every = (path for name in SHIPPED for path in sorted((root / name).rglob("*")))
        return [str(path.relative_to(root)) for path in every if not tree.TOOLS & set(path.parts)]
    return [row[3:] for row in text.split("\0") if len(row) > 3]


def older(files: Iterable[str], root: Path) -> list[str]:
    """Of the files of a backup by another version, those that this one has itself: they are left as they are."""
    return sorted(name for name in files if name.split("/")[0] in SHIPPED and (root / name).exists())


def allowed(name: str) -> bool:
    """Whether a file of that name is one that a checkout has of its user's own: no absolute path, nothing above it."""
    return bool(ALLOWED.fullmatch(name)) and not {"", ".", ".."} & set(name.split("/"))


def pack(files: Mapping[str, bytes]) -> bytes:
    """Files by path as a tar archive."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in sorted(files.items()):
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), 0o600
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def unpack(data: bytes, where: str) -> dict[str, bytes]:
    """The files of an archive. Raises StackError for a name that leads elsewhere, for what is no plain file, and for
    more than a checkout has."""
    files: dict[str, bytes] = {}
    total = 0
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
            for member in archive:
                if not allowed(member.name) or not member.isreg():
                    what = "a path" if member.isreg() else "a link, or something else that is no file,"
                    message = f"{echoed(member.name)} in it is {what} that no checkout has"
                    raise fail("backup-broken", message, where, "take a backup that you made yourself")
                total += member.size
                if total > LIMIT:
                    raise fail("backup-broken", f"its settings are more than {LIMIT >> 20} MB", where,
                               "take a backup that you made yourself")  # fmt: skip
                file = archive.extractfile(member)
                files[member.name] = file.read() if file else b""
    except tarfile.TarError as error:
        raise fail("backup-broken", f"its settings can't be read: {error}", where, "take another backup") from None
    return files
