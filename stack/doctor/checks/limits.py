"""The kernel's limits on watched and open files."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from stack.doctor.check import WARNING, Check, Finding
from stack.doctor.scene import Scene

LEAST = {"fs/inotify/max_user_instances": 128, "fs/inotify/max_user_watches": 8192}
"""The kernel's own defaults of old (inotify(7)): all containers of one user share them, and a lower number fails."""
FULL = 0.9
"""Share of fs.file-max from which the next start may fail."""
KERNEL = Path("/proc/sys")


def _run(scene: Scene) -> Iterable[Finding]:
    if not scene.local or not KERNEL.is_dir():
        return []
    values = {name: int((KERNEL / name).read_text()) for name in LEAST if (KERNEL / name).exists()}
    open_, _, most = (KERNEL / "fs/file-nr").read_text().split()
    return findings(values, int(open_), int(most))


def findings(values: Mapping[str, int], open_: int, most: int) -> list[Finding]:
    """What the limits come to. Pure."""
    found = []
    for name, value in values.items():
        if value < LEAST[name]:
            setting = name.replace("/", ".")
            found.append(Finding(f"{setting} is {value}", "programs that watch files fail with \"no space left on "
                                 "device\" or \"too many open files\"", f"sudo sysctl -w {setting}={4 * LEAST[name]}",
                                 WARNING))  # fmt: skip
    if open_ > FULL * most:
        seen = f"{open_} of at most {most} files are open on this machine"
        found.append(Finding(seen, "services fail to open files and connections",
                             f"sudo sysctl -w fs.file-max={2 * most}", WARNING))  # fmt: skip
    return found


CHECK = Check(
    id="limits",
    section="machine",
    holds="the kernel's limits on watched and open files leave room",
    run=_run,
    needs=("engine", "info"),
)
