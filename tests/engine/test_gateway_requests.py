"""The table of requests, the shipped routes and made-up ones, answered by each engine that there is here."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests import gateway_requests
from tests.engine.support import gateway, judges, stacks
from tests.engine.support.judges import Judge, Simulator

SEEDS, EACH = 6, 150
ENGINES: dict[str, Callable[[Path], AbstractContextManager[Judge]]] = {"HAProxy": judges.haproxy, "Kong": judges.kong}


@pytest.fixture(scope="module", params=ENGINES)
def judge(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judge]:
    """An engine that runs."""
    with ENGINES[request.param](tmp_path_factory.mktemp("judge")) as found:
        yield found


def test_it_answers_as_a_real_kong_did(judge: Judge) -> None:
    wrong = []
    for case in gateway_requests.cases():
        with judge.take(case.document) as asked:
            wrong += [f"{case.about}: {line}" for one in case.requests
                      for line in gateway_requests.wrong(one, asked(one))]  # fmt: skip
    assert wrong == []


def test_each_request_to_the_shipped_routes_meets_what_the_simulator_says(judge: Judge) -> None:
    """Every address by every kind of credential, and by paths of many forms."""
    document = gateway.shipped((stacks.SOURCE_TREE / "kong/kong.yml").read_text())
    with Simulator().take(document) as says, judge.take(document) as asked:
        count, wrong = judges.differing(says, asked, gateway.rows_of(document))
    assert wrong == []
    assert count >= 400


def test_routes_that_clash_are_chosen_as_the_simulator_says(judge: Judge) -> None:
    total = 0
    for seed in range(SEEDS):
        document, rows = gateway.made(seed), gateway.rows_for(seed, EACH)
        with Simulator().take(document) as says, judge.take(document) as asked:
            count, wrong = judges.differing(says, asked, rows)
        assert wrong == [], seed
        total += count
    assert total >= 400
