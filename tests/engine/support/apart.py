"""Runs a program in a network of its own, with the ports of the host's network that a folder has sockets for.

Usage, in the new network: python -m tests.engine.support.apart FOLDER PROGRAM ARGUMENTS"""

import fcntl
import functools
import signal
import socket
import struct
import subprocess
import sys
from pathlib import Path

from tests.engine.support.lines import Line, to_path

SET_FLAGS = 0x8914
"""SIOCSIFFLAGS of linux/sockios.h."""
UP_AND_RUNNING = 0x41
"""IFF_UP and IFF_RUNNING of linux/if.h."""


def main(folder: str, *words: str) -> int:
    """Bring loopback up, open the ports, run the program; a SIGTERM ends it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, SET_FLAGS, struct.pack("16sh", b"lo", UP_AND_RUNNING))
    for path in Path(folder).iterdir():
        if path.name.isdecimal():
            Line(socket.create_server(("127.0.0.1", int(path.name))), functools.partial(to_path, str(path)))
    program = subprocess.Popen(words)
    signal.signal(signal.SIGTERM, lambda *_: program.terminate())
    return program.wait()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
