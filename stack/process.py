"""Runs a program to its end: with a time limit, and its last lines in the error."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence

from stack.errors import fail

LAST_LINES = 15


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
