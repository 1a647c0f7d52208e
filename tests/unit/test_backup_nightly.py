"""The units and the line of docs/backup.md that make a backup every night."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support import ROOT

PAGE = (ROOT / "docs/backup.md").read_text()
UNITS = dict(zip(("service", "timer"), re.findall(r"```ini\n(.*?)```", PAGE, re.DOTALL), strict=True))


def test_both_ways_type_the_same() -> None:
    [line] = re.findall(r"^30 3 \* \* \* (.*)$", PAGE, re.MULTILINE)
    folder, *typed = line.split(" && ")
    assert folder == "cd $HOME/genai-vanilla-stack"
    started = re.findall(r"^ExecStart=%h/genai-vanilla-stack/(.*)$", UNITS["service"], re.MULTILINE)
    assert typed == [f"./{words}" for words in started]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd to read them")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    for kind, text in UNITS.items():
        (tmp_path / f"stack-backup.{kind}").write_text(text.replace("%h/genai-vanilla-stack", str(ROOT)))
    files = [str(path) for path in tmp_path.iterdir()]
    done = subprocess.run(["systemd-analyze", "verify", *files], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
