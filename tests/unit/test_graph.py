"""Closure, order and rings of dependency edges."""

from collections.abc import Mapping

import pytest

from stack.errors import StackError
from stack.planning import graph
from stack.planning.graph import Edge

HARD = Edge("service_started", required=True)
SOFT = Edge("service_started", required=False)


def edges(**targets: str) -> Mapping[str, Mapping[str, Edge]]:
    """Each service's targets, a word each: "db redis?" requires db, and waits for redis if it is there."""
    return {
        name: {word.rstrip("?"): SOFT if word.endswith("?") else HARD for word in words.split()}
        for name, words in targets.items()
    }


CHAIN = edges(web="api", api="db cache?", db="", cache="", other="db")


def test_the_closure_holds_what_is_required_through_others() -> None:
    assert graph.closure(["web"], CHAIN) == {"web", "api", "db"}


def test_an_optional_edge_brings_nothing_in() -> None:
    assert "cache" not in graph.closure(["api"], CHAIN)


def test_the_closure_of_a_ring_ends() -> None:
    assert graph.closure(["a"], edges(a="b", b="a")) == {"a", "b"}


def test_edges_to_what_is_not_among_the_names_vanish() -> None:
    assert graph.within({"api", "cache"}, CHAIN) == edges(api="cache?", cache="")


def test_each_tier_waits_for_earlier_ones_only_and_is_sorted() -> None:
    assert graph.tiers(CHAIN) == [["cache", "db"], ["api", "other"], ["web"]]


def test_optional_edges_among_the_planned_count_for_the_order() -> None:
    assert graph.tiers(edges(a="b?", b="")) == [["b"], ["a"]]


def test_there_is_no_ring_without_a_cycle() -> None:
    assert graph.ring(CHAIN) == []


@pytest.mark.parametrize(
    ("found", "ring"),
    [
        (edges(a="b", b="a"), "a → b → a"),
        (edges(a="a"), "a → a"),
        # Those that only lead there are not part of it.
        (edges(web="a", a="b", b="c", c="a", db=""), "a → b → c → a"),
        (edges(a="b", b="c", c="b"), "b → c → b"),
        (edges(a="b?", b="a"), "a → b → a"),
    ],
)
def test_a_cycle_is_printed_as_the_ring_that_it_is(found: Mapping[str, Mapping[str, Edge]], ring: str) -> None:
    assert " → ".join(graph.ring(found)) == ring
    with pytest.raises(StackError, match=f"wait for each other: {ring}$"):
        graph.tiers(found)
