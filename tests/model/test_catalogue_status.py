"""docs/catalogue-status.md says of each service of the catalogue how far it was tried."""

import re
from collections import Counter

from tests import support
from tests.model.shipped import FRAGMENTS, declared

STATUS = (support.ROOT / "docs" / "catalogue-status.md").read_text()


def test_every_service_has_one_row() -> None:
    rows = [line.split("|")[1] for line in STATUS.splitlines() if re.match(r"\| [a-z]", line)][1:]
    named = Counter(name for row in rows for name in re.findall(r"[a-z0-9-]+", row))
    services = {service for name in FRAGMENTS for service in declared(name, "container")}
    assert named == Counter(services)


def test_every_fragment_was_held_against_its_upstream() -> None:
    told = STATUS.split("\n## Held against upstream\n")[1].split("\n## ")[0]
    named = Counter(
        name for head in re.findall(r"^- (`[^:]+):", told, re.MULTILINE) for name in re.findall(r"`([^`]+)`", head)
    )
    assert named == Counter(FRAGMENTS.keys() - {"backend"})
