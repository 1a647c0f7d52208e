"""The program, read once: each command is a process of its own that starts where Python and the imports have ended.

Half of what a command costs is that start, and the tests run hundreds. A fork of what has only been read knows no more
of the world than a new process; that the program starts from nothing is what the engine tests and the launcher's show.
"""

import atexit
import gc
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import IO, Any, NoReturn

from stack import compose
from tests import answers

ROOT = Path(__file__).resolve().parents[1]
ENDLESS = 120.0
"""Seconds after which a command counts as hanging."""
LATER = ("encodings.utf_8_sig", "filelock", "psutil")
"""What most commands of the tests import once they need it."""


def run(root: Path, words: tuple[str, ...], cwd: Path, env: Mapping[str, str], text: str,
        folder: Path | None) -> tuple[int, str, str]:  # fmt: skip
    """The exit code (negative for a signal, as subprocess has it), output and errors of the program of the checkout
    `root`. What Compose says of files is kept in `folder`. Raises TimeoutError after two minutes."""
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(text.encode())
        given.seek(0)
        kept = folder and str(folder)
        order = {"root": str(root), "words": words, "cwd": str(cwd), "env": dict(env), "answers": kept}
        ours, theirs = socket.socketpair()
        with ours, theirs:
            streams = [stream.fileno() for stream in (given, out, err)]
            socket.send_fds(_server(), [b"!"], [theirs.fileno(), *streams])
            theirs.close()
            ours.settimeout(ENDLESS)
            ours.sendall(json.dumps(order).encode() + b"\n")
            code = int(ours.makefile().readline())
        return code, _read(out), _read(err)


def _read(stream: IO[bytes]) -> str:
    stream.seek(0)
    return stream.read().decode().replace("\r\n", "\n")


@cache
def _server() -> socket.socket:
    """The process that forks: one for each worker of the tests, ended with it."""
    ours, theirs = socket.socketpair()
    env = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "tests.warm", str(theirs.fileno())]
    server = subprocess.Popen(command, env=env, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
    theirs.close()
    atexit.register(server.wait)
    atexit.register(ours.close)
    return ours


def _serve(requests: socket.socket) -> None:
    """Fork for each request until the other end is closed."""
    while True:
        word, streams, _, _ = socket.recv_fds(requests, 1, 4)
        if not word:
            return
        with socket.socket(fileno=streams[0]) as answers:
            order = json.loads(answers.makefile().readline())
            child = os.fork()
            if not child:
                requests.close()
                answers.close()
                _command(order, streams[1:])
            for stream in streams[1:]:
                os.close(stream)
            _, status = os.waitpid(child, 0)
            answers.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())


def _command(order: Mapping[str, Any], streams: list[int]) -> NoReturn:
    """Be the command, to its end: what it raises ends this process as it would end its own."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(order["env"])
    os.chdir(order["cwd"])
    _belong_to(order["root"])
    if order["answers"]:
        compose.config = answers.kept(Path(order["answers"]))  # type: ignore[assignment]
    sys.argv = ["stack", *order["words"]]
    try:
        importlib.import_module("stack.program").main()
        sys.exit()
    except SystemExit as ended:
        if not isinstance(ended.code, int | None):
            raise
        _end(ended.code or 0)


def _end(code: int) -> NoReturn:
    """Do what Python does at its end but take the imported modules apart, which cost more than most commands."""
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _belong_to(root: str) -> None:
    """Make the program that of another checkout: its files know it by where they lie."""
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] in ("stack", "tasks") and module.__file__:
            module.__file__ = module.__file__.replace(str(ROOT), root, 1)


def _read_program() -> None:
    for path in sorted((ROOT / "stack").rglob("*.py")):
        if path.stem not in ("__init__", "__main__"):
            importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    for name in ("tasks", *LATER):
        importlib.import_module(name)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    _read_program()
    # What is read stays: a command that looked through it for garbage would copy all of it.
    gc.collect()
    gc.freeze()
    _serve(socket.socket(fileno=int(sys.argv[1])))
