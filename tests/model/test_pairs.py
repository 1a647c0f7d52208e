"""Sources beside each other: any two sources of any two services meet in one of the combinations, and any service is
disabled beside any of them. What holds for a service from one source (the other files) then holds in all."""

import random
from collections import Counter

import pytest
from allpairspy import AllPairs

from stack.errors import StackError
from stack.planning import catalog, compare, planner
from stack.planning.planner import Request
from tests.model.shipped import FRAGMENTS, PROFILES, Case, Made, Shipped

# The longest first: that makes the fewest combinations.
MOST = sorted((name for name, fragment in FRAGMENTS.items() if fragment.overrides),
              key=lambda name: -len(FRAGMENTS[name].overrides))  # fmt: skip
CHOICES = {name: [s for s in FRAGMENTS[name].sources() if s != catalog.DISABLED] for name in MOST}
COMBINATIONS = [dict(zip(CHOICES, row, strict=True)) for row in AllPairs(list(CHOICES.values()))]
NUMBERS = range(len(COMBINATIONS))
REQUIRED = ("kong-api-gateway", "redis", "supabase-db", "supabase-meta")
"""Nothing is planned without these once something that requires them is."""
OPTIONAL = sorted(set(FRAGMENTS) - set(REQUIRED))


def without(number: int) -> list[set[str]]:
    """Two halves of the fragments that come as containers in a combination, each to be disabled beside the other.
    For Compose's merge that is the same combination."""
    plain = [name for name in OPTIONAL if COMBINATIONS[number].get(name, catalog.PLAIN) == catalog.PLAIN]
    random.Random(number).shuffle(plain)
    return [set(plain[::2]), set(plain[1::2])]


FIRST = {(name, source): number for number in reversed(NUMBERS) for name, source in COMBINATIONS[number].items()}
"""The first combination with each source of each service."""


def plan(shipped: Shipped, sources: dict[str, str], *services: str) -> Made:
    """The plan of services, of all unless given, with a source of each."""
    words = tuple(f"{name}={source}" for name, source in sources.items())
    profiles = () if services else tuple(PROFILES)
    request = Request(profiles=profiles, services=services, sources=words, exact=True)
    planned = planner.make_from(shipped.checkout(), request)
    return Made(planned, compare.assemble(planned))


def closure(made: Made, name: str) -> set[str]:
    """A service and all that it requires, as Compose has the edges."""
    found: set[str] = set()
    ahead = {name}
    while ahead:
        found |= ahead
        edges = (made.services()[one].get("depends_on") or {} for one in ahead)
        ahead = {target for to in edges for target, edge in to.items() if edge.get("required", True)} - found
    return found


def test_every_two_sources_of_two_services_meet() -> None:
    met = {(a, b) for combination in COMBINATIONS for a in combination.items() for b in combination.items()}
    each = [(name, source) for name, sources in CHOICES.items() for source in sources]
    assert met == {(a, b) for a in each for b in each if a[0] != b[0] or a == b}
    beside = {(name, b) for number in NUMBERS for off in without(number) for name in off
              for b in COMBINATIONS[number].items() if b[0] not in off}  # fmt: skip
    assert beside >= {(name, b) for name in OPTIONAL for b in each if b[0] != name and b[1] != catalog.PLAIN}


@pytest.mark.parametrize("number", NUMBERS)
def test_any_two_sources_go_together(shipped_newest: Shipped, number: int) -> None:
    """One test of all that is asked of a combination: what it costs is Compose's merge."""
    made = plan(shipped_newest, COMBINATIONS[number])
    each_is_as_it_is_with_any_other(shipped_newest, made, COMBINATIONS[number])
    compose_takes_it_with_one_owner_for_each_port(shipped_newest, made)
    for off in without(number):
        less = plan(shipped_newest, {**COMBINATIONS[number], **dict.fromkeys(off, catalog.DISABLED)})
        what_is_disabled_vanishes_and_takes_nothing_with_it(made, less, off)


def each_is_as_it_is_with_any_other(shipped: Shipped, made: Made, sources: dict[str, str]) -> None:
    for name, service in made.services().items():
        source = sources.get(made.fragment_of(name).name, catalog.PLAIN)
        other = shipped.make(Case("" if source == catalog.PLAIN else source))
        assert service == other.services()[name], (name, source)


def compose_takes_it_with_one_owner_for_each_port(shipped: Shipped, made: Made) -> None:
    read = shipped.read(made)["services"]
    assert {name: service["image"] for name, service in read.items()} == {
        service.name: service.image for service in made.planned.plan.services
    }
    owners = Counter(port["published"] for service in read.values() for port in service.get("ports") or [])
    assert [port for port, count in owners.items() if count > 1] == []


def what_is_disabled_vanishes_and_takes_nothing_with_it(made: Made, less: Made, off: set[str]) -> None:
    expected = {name for name in made.services() if made.fragment_of(name).name not in off}
    assert set(less.planned.plan.names()) == expected
    assert set(less.assembled.model["services"]) == expected
    assert {t for one in less.assembled.model["services"].values() for t in one.get("depends_on") or {}} <= expected


@pytest.mark.parametrize(("name", "source"), sorted(FIRST))
def test_a_service_alone_brings_what_it_requires_and_no_more(shipped_newest: Shipped, name: str, source: str) -> None:
    made = plan(shipped_newest, COMBINATIONS[FIRST[name, source]], name)
    assert set(made.planned.plan.names()) == closure(made, name)


@pytest.mark.parametrize("name", sorted(set(FRAGMENTS) - set(CHOICES)))
def test_a_service_of_one_source_alone_brings_what_it_requires(shipped_newest: Shipped, name: str) -> None:
    made = plan(shipped_newest, {}, name)
    assert set(made.planned.plan.names()) == closure(made, name)


def test_what_others_require_is_known(shipped_newest: Shipped) -> None:
    made = shipped_newest.make()
    required = {
        made.fragment_of(target).name
        for name, service in made.services().items()
        for target, edge in (service.get("depends_on") or {}).items()
        if edge.get("required", True) and made.fragment_of(target).name != made.fragment_of(name).name
    }
    assert required == set(REQUIRED)


@pytest.mark.parametrize("name", REQUIRED)
def test_what_others_require_is_not_disabled_unnoticed(shipped_newest: Shipped, name: str) -> None:
    with pytest.raises(StackError, match=f"requires {name}.*, but {name}.* is disabled") as refused:
        plan(shipped_newest, {name: catalog.DISABLED})
    assert {problem.code for problem in refused.value.problems} == {"disabled"}
    assert {problem.fix for problem in refused.value.problems} == {f"--source {name}=container"}
