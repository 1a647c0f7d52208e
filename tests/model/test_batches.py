"""The shipped catalogue, merged in batches and in one go."""

import json
from collections.abc import Mapping

import pytest

from stack import compose
from stack.planning import batches, model
from stack.planning.catalog import FAR
from tests.model.shipped import CASES, DEFAULT, FRAGMENTS, SOURCES, Case, Shipped


def config(shipped: Shipped, case: Case, files: list[str]) -> model.Model:
    """What Compose makes of some files in one go."""
    env = shipped.make(case).planned.env
    found: model.Model = json.loads(compose.config(shipped.root, files, env, "genai"))
    return found


def planned(merged: model.Model, sources: Mapping[str, str]) -> model.Model:
    """What the plan makes of merged files: the names under which Prometheus finds what runs here."""
    return model.measured(merged, {name for name, source in sources.items() if source in FAR})


MOST = max(SOURCES, key=lambda case: sum(case.source in fragment.overrides for fragment in FRAGMENTS.values()))
"""The source with the most files: one go of all costs more than a second."""


@pytest.mark.parametrize("case", [MOST, *(case for case in CASES if not case.source)], ids=str)
def test_what_is_planned_is_what_all_files_together_give(case: Case, shipped_once: Shipped) -> None:
    facts = shipped_once.make(case).planned.facts
    together = config(shipped_once, case, facts.files)
    ordered = {**together, "services": dict(sorted(model.services(together).items()))}
    assert facts.model == planned(ordered, facts.sources)


def test_it_is_planned_in_batches(shipped_once: Shipped) -> None:
    facts = shipped_once.make().planned.facts
    runs: list[list[str]] = []

    def counted(files: list[str]) -> model.Model:
        runs.append(files)
        return config(shipped_once, DEFAULT, files)

    mine = batches.own(facts.catalog, facts.files)
    belongs = batches.owners(facts.catalog, mine) or {}
    parts = batches.parts([*facts.catalog.fragments], facts.files, mine, belongs, counted) or {}
    assert planned(batches.united(parts.values()) or {}, facts.sources) == facts.model
    assert len(runs) > 1
