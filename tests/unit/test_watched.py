"""The script in n8n's build that begins a command again where it stands still. Its clock is a `sleep` of ours."""

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "compose/n8n/image/watched.sh"
# A look comes once the command has done more since the last, however slow the machine.
BEAT = """#!/bin/sh
before=$(wc -l < "$BEATS")
while [ "$(wc -l < "$BEATS")" -lt $((before + 2)) ]; do [ -d "/proc/$(cat "$BEATS.pid")" ] || exit 1; done
"""
AT_WORK = """
import os, sys
path = os.environ["BEATS"]
open(path + ".pid", "w").write(str(os.getpid()))
with open("/dev/null", "wb") as nothing:
    for _ in range(40):
        nothing.write(bytes(200_000))
        nothing.flush()
        with open(path, "a") as beats:
            beats.write("\\n")
sys.exit(5)
"""


def watched(folder: Path, sleep: str, *words: str) -> subprocess.CompletedProcess[str]:
    """The script with this `sleep`, on a command that may stand still for two looks."""
    (folder / "sleep").write_text(sleep)
    (folder / "sleep").chmod(0o755)
    beats = folder / "beats"
    beats.touch()
    (folder / "beats.pid").write_text("self")
    return subprocess.run(
        ["sh", str(SCRIPT), "2", "3", *words],
        env={"PATH": f"{folder}:{os.environ['PATH']}", "BEATS": str(beats)},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_what_stands_still_is_begun_again_and_given_up_after_its_tries(tmp_path: Path) -> None:
    done = watched(tmp_path, "#!/bin/sh\n", "/bin/sleep", "600")
    assert done.returncode == 124
    assert done.stdout.splitlines() == [f"it stood still for 2 s, try {n} of 3" for n in (1, 2, 3)]


def test_what_moves_on_may_take_any_time_and_its_code_is_passed_on(tmp_path: Path) -> None:
    done = watched(tmp_path, BEAT, sys.executable, "-c", AT_WORK)
    assert (done.returncode, done.stdout) == (5, "")
