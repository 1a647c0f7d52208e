"""A program that is run inside a running container, as `docker exec` does: by the engine's socket where it has one on
this machine, which is the start of a docker client less."""

import json
import subprocess
from collections.abc import Sequence
from urllib.parse import quote

from stack import docker, unixhttp


def run(container: str, words: Sequence[str], *, user: str = "",
        timeout: float = docker.QUICK) -> subprocess.CompletedProcess[str]:  # fmt: skip
    """What the program says, whatever its exit code. `user` is the container's own where it is empty; `timeout` is in
    seconds without a word. It has to be one that may run twice: where the engine's answer breaks off, the client asks
    again.

    Raises StackError where no engine answers, or not in time."""
    try:
        return _by_socket(container, words, user, timeout)
    except LookupError:
        # The client knows the way to an engine elsewhere, and has the words for a container that does not run.
        return docker.run(["exec", *(["--user", user] if user else []), container, *words], timeout=timeout)


def _by_socket(container: str, words: Sequence[str], user: str, timeout: float) -> subprocess.CompletedProcess[str]:
    wanted = {"AttachStdout": True, "AttachStderr": True, "Cmd": list(words), "User": user}
    made = docker.answered(f"/containers/{quote(container)}/exec", timeout, wanted)
    try:
        one = json.loads(made or b"{}")["Id"]
        said = docker.answered(f"/exec/{one}/start", timeout, {"Detach": False, "Tty": False})
        out, errors = unixhttp.streams(said or b"")
        code = int(docker.told(f"/exec/{one}/json", timeout)["ExitCode"])
    except (ValueError, KeyError, TypeError) as error:
        raise LookupError(container) from error
    return subprocess.CompletedProcess(list(words), code, out.decode(errors="replace"), errors.decode(errors="replace"))
