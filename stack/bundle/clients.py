"""Docker clients that bytes go through: none outlives the command, and each failure is told in docker's own words."""

import contextlib
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Iterator
from typing import IO

from stack import docker, process
from stack.errors import StackError, fail

Met = Callable[[int], None]
END_S = 10.0


@contextlib.contextmanager
def reading(words: list[str]) -> Iterator[tarfile.TarFile]:
    """The tar that `docker WORDS` writes, to be read once from its begin to its end.

    Raises StackError with docker's last lines where it fails; nothing of that where the block ends early."""
    with tempfile.TemporaryFile("w+") as said, _child(words, said, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        try:
            with tarfile.open(fileobj=child.stdout, mode="r|", bufsize=1 << 20) as tar:
                yield tar
            # What stands behind the end of the tar, before which the client would not end.
            while child.stdout.read(1 << 20):
                pass
        except tarfile.ReadError as error:
            child.wait()
            raise _failed(words, said, str(error)) from None
        if child.wait():
            raise _failed(words, said, "")


def feed(words: list[str], chunks: Iterable[bytes], met: Met) -> None:
    """Give these bytes to `docker WORDS`; `met` hears of them. Raises StackError with docker's last lines where it
    fails."""
    with tempfile.TemporaryFile("w+") as said, _child(words, said, stdin=subprocess.PIPE) as child:
        assert child.stdin is not None
        # A client that gave up says why, when it has ended.
        with contextlib.suppress(BrokenPipeError):
            for chunk in chunks:
                child.stdin.write(chunk)
                met(len(chunk))
            child.stdin.close()
        if child.wait():
            raise _failed(words, said, "")


@contextlib.contextmanager
def _child(words: list[str], said: IO[str], stdin: int = subprocess.DEVNULL,
           stdout: int = subprocess.DEVNULL) -> Iterator["subprocess.Popen[bytes]"]:  # fmt: skip
    """A docker client that is ended with the block. In a session of its own: what a terminal sends is for us."""
    child = subprocess.Popen(["docker", *words], stdin=stdin, stdout=stdout, stderr=said, env=docker.environment(),
                             start_new_session=True)  # fmt: skip
    try:
        yield child
    finally:
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                # What is still in its buffer, nobody reads.
                with contextlib.suppress(OSError):
                    pipe.close()
        child.kill()
        child.wait()


def _failed(words: list[str], said: IO[str], otherwise: str) -> StackError:
    said.seek(0)
    told = said.read() or otherwise
    full = "no space left on device" in told
    fix = "docker system df, then the same command again, which goes on" if full else "the same command again"
    return fail("bundle-docker", f"docker {words[0]} failed{process.last_lines(told)}", "", fix)
