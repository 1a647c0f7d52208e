"""NETWORK=tiered: nothing on the frontend shares a network with a data store, and every edge still has a way."""

from pathlib import Path

import pytest

from stack.planning import catalog, model, planner
from stack.planning.planner import Request

DATA_STORES = {"supabase-db", "redis", "weaviate", "qdrant", "neo4j-graph-db", "elasticsearch", "rabbitmq", "kafka"}
ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def tiered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, model.Service]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NETWORK", "tiered")
        planned = planner.make(ROOT, Request(profiles=("all", "monitoring-host"), exact=True))
    services = model.services(planned.facts.model)
    return {name: services[name] for name in planned.plan.names()}


def networks(service: model.Service) -> set[str]:
    return set(service.get("networks") or {})


def test_nothing_on_the_frontend_shares_a_network_with_a_data_store(tiered: dict[str, model.Service]) -> None:
    front = {name for name, service in tiered.items() if "frontend-network" in networks(service)}
    assert "kong-api-gateway" in front
    stores = set().union(*(networks(tiered[name]) for name in DATA_STORES))
    reaching = {name for name in front if networks(tiered[name]) & stores}
    assert reaching == set()


def test_every_service_of_the_catalogue_has_its_place(tiered: dict[str, model.Service]) -> None:
    overlay = (ROOT / "overrides/base/tiered.yml").read_text()
    assert {name for name in tiered if f"  {name}:" not in overlay} == set()


def test_every_dependency_shares_a_network(tiered: dict[str, model.Service]) -> None:
    cut_off = {
        (name, target)
        for name, service in tiered.items()
        for target in service.get("depends_on") or {}
        if target in tiered and not networks(service) & networks(tiered[target])
    }
    assert cut_off == set()


def test_a_companion_that_a_source_drops_stays_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETWORK", "tiered")
    planned = planner.make(ROOT, Request(profiles=("automation",), sources=("n8n=localhost",), exact=True))
    assert "n8n-worker" not in planned.plan.names()
    assert catalog.PLAIN not in {s.source for s in planned.plan.services if s.fragment == "n8n"}
