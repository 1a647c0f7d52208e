"""Runs programs: to their end with a time limit, and beside us for as long as a block, with what they say of errors."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, NamedTuple

from stack.errors import fail

LAST_LINES = 15


class Child(NamedTuple):
    """A program at work beside us, and the file that has what it says of errors."""

    process: subprocess.Popen[bytes]
    errors: IO[bytes]

    def words(self) -> str:
        """What it has said of errors."""
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace")


@contextlib.contextmanager
def child(command: Sequence[str], env: Mapping[str, str], stdin: int | IO[bytes] = subprocess.DEVNULL,
          stdout: int = subprocess.DEVNULL) -> Iterator[Child]:  # fmt: skip
    """A program that ends with the block, where it has not by itself. In a session of its own: what a terminal sends is
    for us."""
    # A file, not a pipe, which nobody would empty while bytes go another way.
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=errors, env=env,
                                   start_new_session=True)  # fmt: skip
        try:
            yield Child(process, errors)
        finally:
            _closed(process.stdin, process.stdout)
            if process.poll() is None:
                process.kill()
            process.wait()


@contextlib.contextmanager
def keeper(command: Sequence[str], env: Mapping[str, str], patience_s: float | None = None) -> Iterator[Child]:
    """A program that waits for its standard input to end, and then does the rest by itself: at the end of the block,
    which waits for it (`patience_s` seconds at most), and also where this process is killed in it."""
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=env,
                                   start_new_session=True)  # fmt: skip
        try:
            yield Child(process, errors)
        finally:
            _closed(process.stdin)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(patience_s)
            _closed(process.stdout)


def refused(keeper: Child, word: str) -> str:
    """Wait for a keeper to say `word`, on a line of its own. Where it ends without, why; empty where it does not."""
    assert keeper.process.stdin is not None
    assert keeper.process.stdout is not None
    if keeper.process.stdout.readline().decode(errors="replace").strip() == word:
        return ""
    keeper.process.stdin.close()
    keeper.process.wait()
    return keeper.words().strip() or "it gave no reason"


def _closed(*pipes: IO[bytes] | None) -> None:
    for pipe in pipes:
        if pipe is not None:
            # What is still in its buffer, nobody reads.
            with contextlib.suppress(OSError):
                pipe.close()


def output(command: Sequence[str], *, what: str, fix: str, limit_s: float, env: Mapping[str, str] | None = None) -> str:
    """What the command printed, standard error included. `env` is added to our own environment.

    Raises StackError with `what` failed, the last lines and `fix`; also when `limit_s` seconds are over."""
    # A file, not a pipe: a daemon that a package starts would hold a pipe open after the command has ended.
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as printed:
        try:
            child = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
            )
        except OSError as error:
            raise fail("program", f"{what} failed: {command[0]}: {error.strerror}", fix=fix) from None
        code = _wait(child, limit_s)
        printed.seek(0)
        text = printed.read()
    if code == 0:
        return text
    how = f"was ended after {limit_s:.0f} s" if code is None else f"failed with exit code {code}"
    raise fail("program", f"{what} {how}{last_lines(text)}", fix=fix)


def last_lines(text: str) -> str:
    """The end of a program's output, one line each, to be put behind a message."""
    lines = [line.rstrip() for line in text.splitlines() if line.strip()][-LAST_LINES:]
    return "".join(f"\n  | {line}" for line in lines)


def as_root(command: Sequence[str]) -> list[str]:
    """The command, by way of sudo where we are not root; what apt and a proxy need comes along.

    Raises StackError where there is no sudo either."""
    if os.geteuid() == 0:
        return list(command)
    if not shutil.which("sudo"):
        message = f"{command[0]} needs root's rights, and there is no sudo"
        raise fail("needs-root", message, fix="su -c './inv engine --yes'")
    kept = "DEBIAN_FRONTEND,RUNLEVEL,http_proxy,https_proxy,no_proxy,HTTP_PROXY,HTTPS_PROXY,NO_PROXY"
    quiet = [] if sys.stdin is not None and sys.stdin.isatty() else ["-n"]
    return ["sudo", *quiet, f"--preserve-env={kept}", *command]


def _wait(child: subprocess.Popen[bytes], limit_s: float) -> int | None:
    """The exit code, None if the child had to be ended."""
    try:
        return child.wait(limit_s)
    except subprocess.TimeoutExpired:
        _end(child)
        return None
    except BaseException:
        _end(child)
        raise


def _end(child: subprocess.Popen[bytes]) -> None:
    # A package manager needs a moment to leave its database whole.
    child.terminate()
    try:
        child.wait(10)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
