"""The plan as a picture."""

import msgspec
import pytest

from stack.errors import StackError
from stack.planning import picture, plan
from stack.planning.picture import Arrow
from stack.planning.plan import Plan, Selection
from tests.synthetic import facts, needs


def made(services: dict[str, dict[str, object]]) -> Plan:
    return plan.compute(facts(services), Selection(("core",)))


CHAIN = made({
    "web": {"depends_on": needs("job", "db", optional=["cache"])}, "job": {"depends_on": needs("db"), "restart": "no"},
    "db": {}, "cache": {},
})  # fmt: skip


def test_an_arrow_leads_from_what_starts_first_and_none_says_twice_what_others_say() -> None:
    assert picture.arrows(CHAIN.services) == [
        Arrow("cache", "web", False),
        Arrow("db", "job", True),
        Arrow("job", "web", True),
    ]


def test_a_required_arrow_does_not_follow_from_an_optional_one() -> None:
    both = made(
        {"web": {"depends_on": needs("db", optional=["cache"])}, "cache": {"depends_on": needs("db")}, "db": {}}
    )
    assert Arrow("db", "web", True) in picture.arrows(both.services)


def test_mermaid_has_a_box_for_each_service_and_dashes_for_what_may_be_absent() -> None:
    lines = picture.mermaid(CHAIN).splitlines()
    assert lines[0] == "flowchart TB"
    assert '  job(["job"])' in lines
    assert "  cache -.-> web" in lines
    assert "  job --> web" in lines
    assert any(line.startswith("  class ") and "web" in line and line.endswith(" container") for line in lines)


def test_graphviz_has_a_row_for_each_tier() -> None:
    text = picture.dot(CHAIN)
    rows = [line for line in text.splitlines() if "rank=same" in line]
    assert rows == ['  {rank=same; "cache"; "db"}', '  {rank=same; "job"}', '  {rank=same; "web"}']
    assert '"cache" -> "web" [style=dashed];' in text


def test_services_without_an_arrow_stand_in_columns_beside_the_rows() -> None:
    lone = made({name: {} for name in "abcdef"})
    assert picture.columns(lone.services, []) == [["a", "b", "c", "d"], ["e", "f"]]
    assert "  a ~~~ b ~~~ c ~~~ d" in picture.mermaid(lone).splitlines()
    assert picture.columns(CHAIN.services, picture.arrows(CHAIN.services)) == []


def test_without_graphviz_the_way_round_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from stack.commands import graph

    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(StackError) as caught:
        graph._drawn("digraph {}", "svg")
    [problem] = caught.value.problems
    assert "Graphviz is not installed" in problem.message
    assert problem.fix.endswith("./inv graph --output plan.mmd")


def test_a_legend_says_what_the_signs_mean_that_the_picture_has_and_no_others() -> None:
    text = picture.mermaid(CHAIN)
    assert 'subgraph legend["what the signs mean"]' in text
    assert '["starts first"]' in text
    assert "cluster_legend" in picture.dot(CHAIN)
    lone = msgspec.structs.replace(CHAIN, services=[CHAIN.services[0]])
    assert "starts first" not in picture.mermaid(lone)


def test_a_picture_of_many_services_goes_from_left_to_right() -> None:
    many = [msgspec.structs.replace(CHAIN.services[0], name=f"s{n}") for n in range(picture.LARGE)]
    assert picture.mermaid(msgspec.structs.replace(CHAIN, services=many)).startswith("flowchart LR")
    assert picture.mermaid(CHAIN).startswith("flowchart TB")
