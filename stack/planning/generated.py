"""The files that are made from the catalogue: `.env.example` and the page of the services."""

from pathlib import Path

from stack.planning import checkouts, planner, reference

EXAMPLE, SERVICES = ".env.example", "docs/services.md"


def of_fragments(root: Path) -> dict[str, str]:
    """The text of each, by its path. Settings of this machine do not enter: the defaults are told."""
    checkout = checkouts.read(root, dotenv={}, shell={}, roots=[""])
    planned = planner.drafted(checkout)
    return {
        EXAMPLE: reference.example(checkout.catalog),
        SERVICES: reference.services(checkout.catalog, planned.facts.model),
    }
