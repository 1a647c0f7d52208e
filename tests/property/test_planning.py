"""What holds for every plan: ports, closure, order, cycles, the comparison."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, NamedTuple

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from stack.docker import Container
from stack.errors import Problem, StackError
from stack.planning import changes, graph, plan, ports
from stack.planning.changes import Wanted
from stack.planning.graph import Edge
from stack.planning.plan import Selection
from stack.planning.ports import Published
from tests.synthetic import facts, needs, port

BOUNDED = settings(max_examples=100, deadline=None)
NAMES = st.sampled_from([f"s{number}" for number in range(8)])

Edges = Mapping[str, Mapping[str, Edge]]
Targets = st.dictionaries(NAMES, st.booleans(), max_size=4)


def _edges(targets: Mapping[str, Mapping[str, bool]]) -> Edges:
    names = {*targets, *(name for to in targets.values() for name in to)}
    return {n: {t: Edge("service_started", hard) for t, hard in targets.get(n, {}).items()} for n in names}


GRAPHS = st.dictionaries(NAMES, Targets, max_size=8).map(_edges)


@st.composite
def acyclic(draw: st.DrawFn) -> Edges:
    """Edges that lead to smaller names only."""
    found = draw(GRAPHS)
    return {name: {t: e for t, e in to.items() if t < name} for name, to in found.items()}


@BOUNDED
@given(GRAPHS, st.sets(NAMES))
def test_a_closure_is_closed(found: Edges, roots: set[str]) -> None:
    closed = graph.closure(roots, found)
    assert roots <= closed
    for name in closed:
        assert {t for t, edge in found.get(name, {}).items() if edge.required} <= closed


@BOUNDED
@given(GRAPHS, st.sets(NAMES))
def test_a_closure_is_minimal(found: Edges, roots: set[str]) -> None:
    """Whatever is in it was asked for or is required by something that is."""
    closed = graph.closure(roots, found)
    reached, before = set(roots), None
    while reached != before:
        before = set(reached)
        reached |= {t for name in before for t, edge in found.get(name, {}).items() if edge.required}
    assert closed == reached


@BOUNDED
@given(acyclic())
def test_tiers_respect_every_edge_and_name_each_service_once(found: Edges) -> None:
    order = graph.tiers(found)
    assert sorted(name for tier in order for name in tier) == sorted(found)
    place = {name: number for number, tier in enumerate(order) for name in tier}
    for name, targets in found.items():
        assert all(place[target] < place[name] for target in targets)
        # As early as can be: a service waits for nothing but its targets.
        assert place[name] == max((place[target] + 1 for target in targets), default=0)


@BOUNDED
@given(GRAPHS)
def test_a_cycle_is_found_where_there_is_one_and_its_ring_is_real(found: Edges) -> None:
    ring = graph.ring(found)
    reaches = {name: graph.closure(_all_targets(found, name), _hardened(found)) for name in found}
    assert bool(ring) == any(name in reaches[name] for name in found)
    if ring:
        assert ring[0] == ring[-1]
        assert len(set(ring)) == len(ring) - 1
        assert all(target in found[name] for name, target in pairwise(ring))
        with pytest.raises(StackError) as caught:
            graph.tiers(found)
        assert " → ".join(ring) in caught.value.problems[0].message


def _hardened(found: Edges) -> Edges:
    return {name: {t: Edge("", required=True) for t in targets} for name, targets in found.items()}


def _all_targets(found: Edges, name: str) -> list[str]:
    return list(found[name])


class Case(NamedTuple):
    """Services with edges, profiles and ports; which of them are disabled; the profiles selected."""

    services: dict[str, dict[str, Any]]
    off: set[str]
    selected: set[str]


ADDRESSES = ["127.0.0.1", "0.0.0.0", "10.0.0.1"]
NUMBERS = ["", "8080", "8081", "8082", "8083"]
BOTH = [(number, address) for number in NUMBERS for address in ADDRESSES]
AT_MOST_ONE = st.sampled_from([*([()] * len(BOTH)), *((one,) for one in BOTH)])
"""Every second time nothing."""
NAMED = st.sampled_from(["", "a", "b", "ab", "ba", "aa"])
"""Profiles, each a letter."""


@st.composite
def cases(draw: st.DrawFn) -> Case:
    found = draw(acyclic())
    services: dict[str, dict[str, Any]] = {}
    for name, targets in found.items():
        hard = [t for t, edge in targets.items() if edge.required]
        soft = [t for t, edge in targets.items() if not edge.required]
        published = draw(AT_MOST_ONE)
        services[name] = {
            "profiles": [*draw(NAMED)],
            "depends_on": needs(*hard, optional=soft),
            "ports": [port(number, 80, address) for number, address in published],
        }
    off = draw(st.sampled_from([set[str](), *({name} for name in sorted(services))]))
    named = {profile for service in services.values() for profile in service["profiles"]}
    return Case(services, off, draw(st.sets(st.sampled_from(sorted(named)))) if named else set())


def computed(case: Case) -> plan.Plan:
    """The plan of a case; cases without one are left to the test of refusals."""
    assume(not refusals(case))
    return plan.compute(facts(case.services, off=case.off), Selection(tuple(case.selected)))


@BOUNDED
@given(cases())
def test_a_plan_is_closed_and_without_what_is_disabled(case: Case) -> None:
    found = computed(case)
    names = set(found.names())
    assert not names & case.off
    for service in found.services:
        edges = case.services[service.name]["depends_on"]
        assert {target for target, edge in edges.items() if edge["required"]} <= names
        assert set(service.depends_on) == edges.keys() & names


@BOUNDED
@given(cases())
def test_a_plans_order_is_that_of_its_services(case: Case) -> None:
    found = computed(case)
    assert found.names() == [name for tier in found.order for name in tier]
    assert len(set(found.names())) == len(found.names())
    for service in found.services:
        assert service.name in found.order[service.tier]
        earlier = {name for tier in found.order[: service.tier] for name in tier}
        assert set(service.depends_on) <= earlier


@BOUNDED
@given(cases())
def test_whatever_is_selected_runs_or_is_left_out_with_a_reason(case: Case) -> None:
    found = computed(case)
    told = {left.name: left.why for left in found.left_out}
    for name, service in case.services.items():
        if set(service["profiles"]) & case.selected:
            assert (name in found.names()) != bool(told.get(name))


@BOUNDED
@given(cases())
def test_ports_never_collide_in_a_plan(case: Case) -> None:
    published = plan.published(computed(case).services)
    pairs = [(one, other) for number, one in enumerate(published) for other in published[:number]]
    assert not any(_meet(one, other) for one, other in pairs)


@BOUNDED
@given(cases())
def test_a_case_without_a_plan_says_why_and_what_to_type(case: Case) -> None:
    problems = refusals(case)
    assert {problem.code for problem in problems} <= {"disabled", "port-twice"}
    assert all(problem.message and problem.fix for problem in problems)


def refusals(case: Case) -> list[Problem]:
    """Why a case has no plan; nothing where it has one."""
    try:
        plan.compute(facts(case.services, off=case.off), Selection(tuple(case.selected)))
    except StackError as error:
        return error.problems
    return []


OFFSETS = st.dictionaries(st.sampled_from([f"P{number}" for number in range(6)]), st.integers(0, 199), max_size=6)
PINS = st.dictionaries(st.sampled_from([f"P{number}" for number in range(8)]), st.integers(1, 65535).map(str))


@BOUNDED
@given(OFFSETS, st.integers(1024, 65336), PINS)
def test_every_variable_gets_its_port(offsets: dict[str, int], base: int, pins: dict[str, str]) -> None:
    assigned = ports.assign(offsets, base, pins)
    assert assigned.keys() == offsets.keys()
    for name, number in assigned.items():
        assert number == (int(pins[name]) if name in pins else base + offsets[name])
        assert 1 <= number <= 65535


PUBLISHED = st.lists(
    st.builds(
        Published,
        st.sampled_from("abc"),
        st.sampled_from(["A", "B", ""]),
        st.sampled_from(["127.0.0.1", "0.0.0.0", "", "::", "10.0.0.1", "::1"]),
        st.integers(63000, 63005),
    ),
    max_size=6,
)


@BOUNDED
@given(PUBLISHED)
def test_every_two_that_meet_are_told_and_no_others(published: list[Published]) -> None:
    pairs = [(one, other) for number, one in enumerate(published) for other in published[:number]]
    meeting = [pair for pair in pairs if _meet(*pair)]
    problems = ports.collisions(published, 63000)
    assert len(problems) == len(meeting)
    for problem in problems:
        typed = problem.fix.split()[-1]
        assert not typed.isdecimal() or int(typed) not in {port.host for port in published}


def _meet(one: Published, other: Published) -> bool:
    if one.host != other.host:
        return False
    return one.host_ip == other.host_ip or one.host_ip in ports.EVERYWHERE or other.host_ip in ports.EVERYWHERE


CONTAINERS = st.lists(
    st.builds(
        Container,
        st.uuids().map(str), st.just("name"), NAMES, st.sampled_from(["running", "exited", "created"]),
        st.sampled_from(["", "healthy", "unhealthy"]), st.integers(0, 2), st.sampled_from(["h1", "h2"]),
        st.sampled_from(["i1", "i2"]), st.just("/p"), st.booleans(),
    ),
    max_size=8,
)  # fmt: skip
WANTED = st.dictionaries(
    NAMES,
    st.builds(
        Wanted,
        st.sampled_from(["h1", "h2"]), st.sampled_from(["i1", "i2", None]), st.booleans(), st.integers(1, 3),
    ),
    max_size=6,
)  # fmt: skip


@BOUNDED
@given(WANTED, CONTAINERS, st.booleans())
def test_the_comparison_covers_every_service_once(
    wanted: dict[str, Wanted], running: list[Container], exact: bool
) -> None:
    found = changes.compare(wanted, running, {}, exact)
    there = {container.service for container in running if not container.one_off}
    assert sorted(change.name for change in found) == sorted(wanted.keys() | there)
    for change in found:
        assert (change.name in wanted) == (change.action not in ("remove", "beyond"))
        assert (change.action == "create") == (change.name in wanted and change.name not in there)
        assert not (change.action == "remove" and not exact)


VALUES = st.recursive(
    st.booleans() | st.integers(2, 4) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)
CONFIGS = st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3)


@BOUNDED
@given(CONFIGS, CONFIGS)
def test_keys_are_named_exactly_where_something_differs(before: dict[str, object], after: dict[str, object]) -> None:
    keys = changes.differing(before, after)
    assert bool(keys) == (before != after)
    assert keys == list(dict.fromkeys(keys))
