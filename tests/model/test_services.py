"""Which services there are: each alone, from every source, by profile, as real Compose renders them."""

import pytest

from stack.planning import batches, catalog, healthcheck, model
from tests.model.shipped import ALONE, CASES, FRAGMENTS, PROFILES, SOURCES, Case, Shipped, declared


@pytest.mark.parametrize(("name", "source"), ALONE)
def test_a_service_alone_is_exactly_what_its_files_declare(shipped_once: Shipped, name: str, source: str) -> None:
    found = shipped_once.alone(name, source)
    assert model.services(found).keys() == declared(name, source)
    assert name in model.services(found)
    assert batches.united([found]) is not None, "it names what neither its own files nor the base declare"


@pytest.mark.parametrize("name", FRAGMENTS)
def test_so_it_is_with_every_version(shipped_newest: Shipped, name: str) -> None:
    """Its fragment; the overrides are in the cases of all services."""
    found = shipped_newest.alone(name, catalog.PLAIN)
    assert model.services(found).keys() == declared(name, catalog.PLAIN)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_catalogue_renders_exactly_the_services_of_its_sources(shipped: Shipped, case: Case) -> None:
    expected: set[str] = set()
    for name, fragment in FRAGMENTS.items():
        expected |= declared(name, case.source if case.source in fragment.overrides else catalog.PLAIN)
    assert set(shipped.make(case).services()) == expected


@pytest.mark.parametrize("case", CASES, ids=str)
def test_compose_takes_the_assembled_project_as_the_plan_has_it(shipped: Shipped, case: Case) -> None:
    made = shipped.make(case)
    plan = made.planned.plan
    found = shipped.read(made)
    services = found["services"]
    assert found["name"] == "genai"
    assert {name: service["image"] for name, service in services.items()} == {
        service.name: service.image for service in plan.services
    }
    assert {name: model.replicas(service) for name, service in services.items()} == {
        service.name: service.containers for service in plan.services
    }
    assert {
        (name, port["host_ip"], port["published"], port["target"])
        for name, service in services.items()
        for port in service.get("ports") or []
    } == {(s.name, p.host_ip, str(p.host), p.container) for s in plan.services for p in s.ports}
    assert {name: set(service.get("depends_on") or {}) for name, service in services.items()} == {
        service.name: set(service.depends_on) for service in plan.services
    }


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_starts_with_plain_compose(shipped_once: Shipped, profile: str) -> None:
    made = shipped_once.make(Case(), profile)
    selected = {n for n, s in made.services().items() if profile in (s.get("profiles") or [])}
    assert selected
    assert selected <= set(made.planned.plan.names()) == set(shipped_once.read(made)["services"])


def test_every_service_is_in_a_profile(shipped: Shipped) -> None:
    for case in CASES:
        made = shipped.make(case)
        assert set(made.planned.plan.names()) == set(made.services()), case


def test_core_is_the_smallest_useful_stack(shipped: Shipped) -> None:
    core = {"supabase-db", "supabase-db-init", "redis", "backend", "kong-api-gateway"}
    assert set(shipped.make(Case(), "core").planned.plan.names()) == core


@pytest.mark.parametrize("case", SOURCES, ids=str)
def test_a_word_for_all_reaches_every_service_that_has_it(shipped: Shipped, case: Case) -> None:
    chosen = shipped.make(case).planned.facts.sources
    for name, fragment in FRAGMENTS.items():
        assert (chosen[name] == case.source) == (case.source in fragment.overrides), name


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_is_assembled_says_all_that_compose_merged(shipped: Shipped, case: Case) -> None:
    """Only what the plan decides differs: edges, profiles, labels, secrets, proxy and CA, how often a
    check runs; and an empty placement."""
    made = shipped.make(case)
    decided = {"depends_on", "profiles", "labels", "build", "environment", "command", "volumes"}
    for name, service in made.assembled.model["services"].items():
        merged = {k: v for k, v in made.services()[name].items() if k not in decided and v is not None}
        if "healthcheck" in merged:
            merged["healthcheck"] = healthcheck.spoken(merged["healthcheck"], (0, 0))
        if "deploy" in merged:
            merged["deploy"] = {k: v for k, v in merged["deploy"].items() if (k, v) != ("placement", {})}
        assert {k: v for k, v in service.items() if k not in decided} == merged, name
