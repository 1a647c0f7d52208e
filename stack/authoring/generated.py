"""The files that are made from the catalogue and the gateway's file: `.env.example` and the page of the services."""

from pathlib import Path

from stack import tree
from stack.errors import StackError
from stack.gateway import declared, kongfile
from stack.planning import checkouts, planner, reference

EXAMPLE, SERVICES = ".env.example", "docs/services.md"
ASKS = {"key-auth": "a key", "basic-auth": "a password"}


def of_fragments(root: Path) -> dict[str, str]:
    """The text of each, by its path. Settings of this machine do not enter: the defaults are told."""
    checkout = checkouts.read(root, dotenv={}, shell={}, roots=[""])
    planned = planner.drafted(checkout)
    return {
        EXAMPLE: reference.example(checkout.catalog),
        SERVICES: reference.services(checkout.catalog, planned.facts.model, _routes(root)),
    }


def _routes(root: Path) -> dict[str, list[str]]:
    """Each service's addresses at the gateway, with what is asked for first. A file that can't be read has none here:
    its own check tells why."""
    from stack import yamlfile

    found: dict[str, list[str]] = {}
    try:
        text = yamlfile.decode(kongfile.FILE, tree.read(root / kongfile.FILE))
        entities = kongfile.entities(kongfile.read(text or "{}"))
    except StackError:
        return found
    for _, route in declared.named(entities):
        asks = "".join(f" (asks for {ASKS.get(plugin, plugin)})" for plugin in route.auth)
        found.setdefault(route.service, []).append(f"`{route.host}{route.path}`{asks}")
    return found
