"""Docker clients that bytes go through: none outlives the command, and each failure is told in docker's own words."""

import contextlib
import subprocess
import tarfile
from collections.abc import Callable, Iterable, Iterator

from stack import docker, process
from stack.errors import StackError, fail
from stack.process import Child

Met = Callable[[int], None]


@contextlib.contextmanager
def reading(words: list[str]) -> Iterator[tarfile.TarFile]:
    """The tar that `docker WORDS` writes, to be read once from its begin to its end.

    Raises StackError with docker's last lines where it fails; nothing of that where the block ends early."""
    with process.child(["docker", *words], docker.environment(), stdout=subprocess.PIPE) as client:
        pipe = client.process.stdout
        assert pipe is not None
        try:
            with tarfile.open(fileobj=pipe, mode="r|", bufsize=1 << 20) as tar:
                yield tar
            # What stands behind the end of the tar, before which the client would not end.
            while pipe.read(1 << 20):
                pass
        except tarfile.ReadError as error:
            client.process.wait()
            raise _failed(words, client, str(error)) from None
        if client.process.wait():
            raise _failed(words, client)


def feed(words: list[str], chunks: Iterable[bytes], met: Met) -> None:
    """Give these bytes to `docker WORDS`; `met` hears of them. Raises StackError with docker's last lines where it
    fails."""
    with process.child(["docker", *words], docker.environment(), stdin=subprocess.PIPE) as client:
        pipe = client.process.stdin
        assert pipe is not None
        # A client that gave up says why, when it has ended.
        with contextlib.suppress(BrokenPipeError):
            for chunk in chunks:
                pipe.write(chunk)
                met(len(chunk))
            pipe.close()
        if client.process.wait():
            raise _failed(words, client)


def _failed(words: list[str], client: Child, otherwise: str = "") -> StackError:
    told = client.words() or otherwise
    full = "no space left on device" in told
    fix = "docker system df, then the same command again, which goes on" if full else "the same command again"
    return fail("bundle-docker", f"docker {words[0]} failed{process.last_lines(told)}", "", fix)
