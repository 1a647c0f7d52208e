"""What opens a repository: a random password, which lies here, and beside the repository for those who are to open it
elsewhere. The cryptography is restic's and age's."""

import hashlib
import json
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from stack import tree
from stack.backup import repository
from stack.backup.repository import Repository
from stack.errors import Problem, fail

OWN = f"{tree.GENERATED}/private/backup.key"
PLAIN, SEALED = "password", "password.age"
"""Beside a repository: its password as it is, or for the recipients alone."""
SETTLED = f"{tree.GENERATED}/private/backup.settled"
"""Of each repository (its folder → `_mark`) what opened it last, so that nobody has to ask again."""
COST = 2**14
"""Of scrypt, for a twentieth of a second of a processor and 16 MB."""


def own(root: Path) -> str:
    """This checkout's password; made where there is none."""
    path = root / OWN
    if not path.exists():
        tree.enclose(path.parent)
        tree.write(path, secrets.token_hex(32).encode() + b"\n", 0o600)
    return tree.read(path).decode().strip()


def known(root: Path, folder: Path, passphrase: str, identity: str) -> Iterator[str]:
    """The passwords that may open the repository in `folder`, the likeliest first. Raises StackError for an identity
    that opens nothing."""
    for path in (folder / PLAIN, root / OWN):
        if path.exists():
            yield tree.read(path).decode(errors="replace").strip()
    if identity:
        yield _unsealed(folder / SEALED, Path(identity).expanduser())
    if passphrase:
        yield passphrase


def hand_over(repo: Repository, passphrase: str, recipients: str) -> list[Problem]:
    """Let those who are to open the repository elsewhere do so. Gives a warning where anybody can."""
    if recipients:
        tree.write(repo.folder / SEALED, sealed(repo.password, recipients), 0o600)
    if passphrase or recipients:
        (repo.folder / PLAIN).unlink(missing_ok=True)
        return []
    tree.write(repo.folder / PLAIN, repo.password.encode() + b"\n", 0o600)
    message = "whoever has this folder has the data and the secrets in it: its key lies beside them"
    return [Problem("backup-open", message, str(repo.folder), "./inv env.set BACKUP_PASSPHRASE -")]


def add(repo: Repository, passphrase: str) -> None:
    """Let the passphrase open the repository, too."""
    repository.restic(
        repo, ["key", "add", "--user", repository.USER, "--new-password-file", "/dev/stdin"], text=f"{passphrase}\n"
    )


def replace(repo: Repository, passphrase: str) -> None:
    """Let the passphrase open the repository, and no earlier one."""
    rows = json.loads(repository.restic(repo, ["key", "list", "--json"]))
    old = [row["id"] for row in rows if row["userName"] == repository.USER]
    add(repo, passphrase)
    for one in old:
        repository.restic(repo, ["key", "remove", one])


def settled(root: Path, folder: Path, passphrase: str) -> str:
    """The password that opened the repository last time, where since then neither its keys nor the passphrase have
    changed and no lock is left; "" otherwise."""
    told = _settled(root).get(str(folder))
    if not told or repository.inside(folder, "locks") != []:
        return ""
    return next((one for one in known(root, folder, passphrase, "") if _mark(folder, one, passphrase) == told), "")


def settle(root: Path, folder: Path, password: str, passphrase: str) -> None:
    """Remember that the password opens the repository, and the passphrase, if any, too."""
    there = {path: mark for path, mark in _settled(root).items() if Path(path).is_dir()}
    there[str(folder)] = _mark(folder, password, passphrase)
    tree.enclose((root / SETTLED).parent)
    tree.write(root / SETTLED, msgspec.json.encode(there), 0o600)


def _settled(root: Path) -> dict[str, str]:
    try:
        return msgspec.json.decode(tree.read(root / SETTLED), type=dict[str, str])
    except msgspec.MsgspecError:
        return {}


def _mark(folder: Path, password: str, passphrase: str) -> str:
    """What is another one for another repository, other keys of it, another password or passphrase. It tells none of
    them: scrypt makes it slow to guess, as the passphrase may be in no file here. "" where only root may look."""
    try:
        salt = [(folder / "config").read_bytes().hex(), *(key.name for key in (folder / "keys").iterdir())]
    except OSError:
        return ""
    words = f"{password}\n{passphrase}".encode()
    return hashlib.scrypt(words, salt=" ".join(sorted(salt)).encode(), n=COST, r=8, p=1).hex()


def sealed(password: str, recipients: str) -> bytes:
    """The password, for these age or SSH public keys. Raises StackError for what is none."""
    import pyrage

    return bytes(pyrage.encrypt(password.encode(), list(_recipients(recipients.split(",")))))


def _recipients(words: Iterable[str]) -> Iterator[object]:
    from pyrage import RecipientError, ssh, x25519

    for word in (word.strip() for word in words):
        kind = ssh.Recipient if word.startswith("ssh-") else x25519.Recipient
        try:
            yield kind.from_str(word)
        except RecipientError:
            raise fail("backup-recipient", "expected public keys as age1… or ssh-ed25519 …, separated by commas",
                       "BACKUP_RECIPIENTS", "./inv env.set BACKUP_RECIPIENTS age1…") from None  # fmt: skip


def _unsealed(sealed_: Path, identity: Path) -> str:
    import pyrage
    from pyrage import ssh, x25519

    text = tree.read(identity)
    words = [line for line in text.decode(errors="replace").splitlines() if line.startswith("AGE-SECRET-KEY-")]
    try:
        keys = [x25519.Identity.from_str(word) for word in words] or [ssh.Identity.from_buffer(text)]
        return bytes(pyrage.decrypt(tree.read(sealed_), keys)).decode()
    except (pyrage.DecryptError, pyrage.IdentityError):
        raise fail("backup-key", f"{identity} does not open {sealed_.name}", str(identity),
                   "give the identity of one of its recipients") from None  # fmt: skip
