"""The shipped catalogue, merged in batches and in one go."""

import json

import pytest

from stack import batches, docker, model
from tests.model.shipped import CASES, Case, Shipped


@pytest.mark.parametrize("case", CASES, ids=str)
def test_batches_give_what_all_files_together_give(case: Case, shipped_once: Shipped) -> None:
    planned = shipped_once.make(case).planned

    def config(files: list[str]) -> model.Model:
        found: model.Model = json.loads(docker.config(shipped_once.root, files, planned.env, "batches"))
        return found

    together = config(planned.facts.files)
    apart = batches.merge(planned.checkout.catalog, planned.facts.files, config)
    assert len(batches.split(planned.checkout.catalog.fragments)) > 1
    assert apart == {**together, "services": dict(sorted(model.services(together).items()))}
