"""The table of requests by what route.test goes by; its files are ones that Kong's check and HAProxy take."""

import pytest

from stack.gateway import kongfile, schema, validity
from stack.gateway.haproxy import limits
from tests import gateway_requests
from tests.engine.support.judges import Simulator, for_kong, marked
from tests.gateway_requests import Case

CASES = gateway_requests.cases()
OURS = {"gateway-upstream", "gateway-prefix", "gateway-auth"}
"""What this project refuses, and Kong would take."""


@pytest.mark.parametrize("case", CASES, ids=[case.about for case in CASES])
def test_the_simulator_answers_as_a_real_kong_did(case: Case) -> None:
    with Simulator().take(case.document) as asked:
        wrong = [line for one in case.requests if one.beyond != "simulator"
                 for line in gateway_requests.wrong(one, asked(one))]  # fmt: skip
    assert wrong == []


@pytest.mark.parametrize("case", CASES, ids=[case.about for case in CASES])
def test_each_file_of_the_table_is_one_that_both_engines_take(case: Case) -> None:
    asked = marked(for_kong(case.document, "10.0.0.1:80"), "x")
    for document in (case.document, asked):
        hosts = [service["name"] for service in document["services"]]
        problems = validity.check(kongfile.write(document), hosts, {name: [8080] for name in hosts}, [],
                                  schema.schemas().plugins)  # fmt: skip
        assert [problem for problem in problems if problem.code not in OURS] == []
    assert list(limits.uncarried(kongfile.entities(case.document))) == []
