"""`inv docs`: writes what is made from the fragments, from the checks, and from the table of pins."""

import re
from pathlib import Path

from stack import tree
from stack.authoring import generated
from stack.authoring.generated import EXAMPLE, SERVICES
from stack.backup import document as backups
from stack.output.result import Result
from stack.planning import checkouts, picture, pins, planner, scaling
from stack.planning.planner import Planned

DOCTOR, PINS, README = "docs/doctor.md", "docs/pins.md", "README.md"
BACKUP, SCALE = "docs/backup.md", "docs/scale.md"
PATHS = (EXAMPLE, SERVICES, DOCTOR, PINS, README, BACKUP, SCALE)
PICTURE = re.compile(r"(?<=```mermaid\n).*?(?=```)", re.DOTALL)
"""Where the README has the picture of the core."""


def run() -> Result:
    """Write .env.example and the generated pages of docs/ where they differ."""
    root = tree.root()
    written = [path for path, text in texts(root).items() if tree.write(root / path, text.encode())]
    return Result({"written": written}, lines=[f"wrote {', '.join(written)}" if written else "all of it is current"])


def texts(root: Path) -> dict[str, str]:
    """Every generated file by path."""
    from stack.doctor import document

    facts = _drafted(root).facts
    page = backups.with_table(tree.read(root / BACKUP).decode(), facts)
    grown = scaling.with_table(tree.read(root / SCALE).decode(), facts)
    made = {DOCTOR: document.text(), PINS: pins.document(pins.read(root)), README: _with_picture(root)}
    return {**generated.of_fragments(root), **made, BACKUP: page, SCALE: grown}


def _drafted(root: Path) -> Planned:
    """What is shipped, without settings."""
    return planner.drafted(checkouts.read(root, dotenv={}, shell={}, roots=[""]))


def _with_picture(root: Path) -> str:
    """The README with the core's picture as it is now."""
    drawn = picture.mermaid(_drafted(root).plan)
    return PICTURE.sub(lambda _: drawn, tree.read(root / README).decode(), count=1)
