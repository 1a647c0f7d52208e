"""How large each volume of the project is, and whether one grows towards the end of the disk."""

import re
import shutil
from collections.abc import Iterable, Mapping

from stack import docker
from stack.doctor.check import OK, WARNING, Check, Finding
from stack.doctor.scene import Scene
from stack.errors import StackError

LIMIT_S = 2.5
"""Seconds for the engine to measure: it walks through every volume, which takes long for large ones."""
UNITS = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


def _run(scene: Scene) -> Iterable[Finding]:
    try:
        told = docker.volume_sizes(timeout=LIMIT_S)
    except StackError:
        seen = "the engine is at work measuring the volumes: docker system df -v"
        return [Finding(seen, "", "", OK)]
    return findings({name: size(told[name]) for name in scene.volumes if name in told}, _free(scene))


def _free(scene: Scene) -> int | None:
    """Bytes free on the engine's disk; None where that can't be seen from here."""
    try:
        return shutil.disk_usage(str(scene.info.get("DockerRootDir"))).free
    except OSError:
        return None


def size(text: str) -> int:
    """Bytes of a size as the engine writes it: 48.2MB. 0 for what it did not measure."""
    found = re.fullmatch(r"([\d.]+)\s*([kMGT]?B)", text)
    return int(float(found[1]) * UNITS[found[2]]) if found else 0


def findings(sizes: Mapping[str, int], free: int | None) -> list[Finding]:
    """Volumes that are larger than what is free, else one line with all. Pure."""
    large = [name for name, bytes_ in sorted(sizes.items()) if free is not None and bytes_ > free]
    if large and free is not None:
        told = ", ".join(f"{name} ({_gb(sizes[name])})" for name in large)
        return [Finding(f"{told}: larger than what is free on the disk ({_gb(free)})",
                        "it can't double, and a copy of it has no room", "docker system df -v, then make room",
                        WARNING)]  # fmt: skip
    told = ", ".join(f"{name} {_gb(bytes_)}" for name, bytes_ in sorted(sizes.items(), key=lambda pair: -pair[1]))
    return [Finding(told or "the project has no volumes", "", "", OK)]


def _gb(count: int) -> str:
    return f"{count / 10**9:.1f} GB" if count >= 10**8 else f"{count / 10**6:.0f} MB"


CHECK = Check(
    id="volume-usage",
    section="data",
    holds="no volume is larger than what is free",
    run=_run,
    needs=("engine", "info", "volumes"),
)
