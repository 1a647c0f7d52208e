"""`inv docs`: writes what is made from the fragments and from the checks."""

from pathlib import Path

from stack import tree
from stack.doctor import document
from stack.output.result import Result
from stack.planning import planner, reference

EXAMPLE, SERVICES, DOCTOR = ".env.example", "docs/services.md", "docs/doctor.md"


def run() -> Result:
    """Write .env.example and the generated pages of docs/ where they differ."""
    root = tree.root()
    written = [path for path, text in texts(root).items() if tree.write(root / path, text.encode())]
    return Result({"written": written}, lines=[f"wrote {', '.join(written)}" if written else "all of it is current"])


def texts(root: Path) -> dict[str, str]:
    """Every generated file by path."""
    return {**of_fragments(root), DOCTOR: document.text()}


def of_fragments(root: Path) -> dict[str, str]:
    """Those that change with the catalogue. Settings of this machine do not enter: the defaults are told."""
    checkout = planner.read_checkout(root, dotenv={}, shell={}, roots=[""])
    planned = planner.drafted(checkout)
    return {
        EXAMPLE: reference.example(checkout.catalog),
        SERVICES: reference.services(checkout.catalog, planned.facts.model),
    }
