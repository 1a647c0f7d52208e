"""What opens a repository: a random password, which lies here, and beside the repository for those who are to open it
elsewhere. The cryptography is restic's and age's."""

import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path

from stack import tree
from stack.backup import repository
from stack.backup.repository import Repository
from stack.errors import Problem, StackError, fail

OWN = f"{tree.GENERATED}/private/backup.key"
PLAIN, SEALED = "password", "password.age"
"""Beside a repository: its password as it is, or for the recipients alone."""


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
    if passphrase:
        _add(repo, passphrase)
    if recipients:
        tree.write(repo.folder / SEALED, sealed(repo.password, recipients), 0o600)
    if passphrase or recipients:
        (repo.folder / PLAIN).unlink(missing_ok=True)
        return []
    tree.write(repo.folder / PLAIN, repo.password.encode() + b"\n", 0o600)
    message = "whoever has this folder has the data and the secrets in it: its key lies beside them"
    return [Problem("backup-open", message, str(repo.folder), "./inv env.set BACKUP_PASSPHRASE -")]


def _add(repo: Repository, passphrase: str) -> None:
    try:
        repository.unlocked(repo, [passphrase])
    except StackError as error:
        if error.problems[0].code != "backup-key":
            raise
        repository.restic(repo, ["key", "add", "--new-password-file", "/dev/stdin"], text=f"{passphrase}\n")


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
