"""The addresses that a service is told, and the networks and names by which it finds others."""

from typing import Any

import pytest

from stack.planning import addresses
from stack.planning.addresses import Address


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("http://ollama:11434", [("ollama", 11434)]),
        ("postgresql://app:__S_DB_PASSWORD__@supabase-db:5432/postgres", [("supabase-db", 5432)]),
        ("redis://redis:6379@other:1/0", [("other", 1)]),
        ("ollama:11434", [("ollama", 11434)]),
        ("1@kafka:9093,2@kafka2:9093", [("kafka", 9093), ("kafka2", 9093)]),
        ("PLAINTEXT://kafka:9092,EXTERNAL://localhost:63115", [("kafka", 9092), ("localhost", 63115)]),
        ("http://REDIS:80/x", [("redis", 80)]),
        ("ollama_chat/llama3.2:3b", []),
        ("63002:8000, 63003:8443", []),
        ("0.0.0.0:8100", []),
        ("redis", []),
        ("web:99999", []),
    ],
)
def test_hosts_and_ports_are_found_in_values(value: str, found: list[tuple[str, int]]) -> None:
    assert [(one.host, one.port) for one in addresses.named({"X": value})] == found


def test_a_pair_of_host_and_port_counts_too_and_variables_are_gathered() -> None:
    told = {"DB_HOST": "db", "DB_PORT": "5432", "DB_URL": "http://db:5432", "HOST": "a", "LONE_HOST": "b", "NONE": None}
    assert addresses.named(told) == [Address("db", 5432, ("DB_HOST", "DB_URL"))]


MODEL: dict[str, Any] = {
    "name": "p",
    "services": {
        "web": {"image": "x", "networks": {"net": {"aliases": ["Www", "site"]}}},
        "host-half": {"image": "x", "network_mode": "host"},
        "second": {"image": "x", "network_mode": "service:web"},
        "plain": {"image": "x"},
    },
    "networks": {"net": {"name": "p_net"}, "default": {}},
}


def test_a_service_is_found_by_its_name_and_by_its_further_names() -> None:
    found = addresses.names(MODEL)
    assert {name: found[name] for name in ("web", "www", "site")} == dict.fromkeys(("web", "www", "site"), "web")


def test_each_service_has_the_engine_s_networks_and_its_names_there() -> None:
    assert addresses.networks(MODEL, "web") == {"p_net": ["web", "Www", "site"]}
    assert addresses.networks(MODEL, "plain") == {"p_default": ["plain"]}
    assert addresses.networks(MODEL, "host-half") == addresses.networks(MODEL, "second") == {}
    assert addresses.shares(MODEL["services"]["second"]) == "web"
    assert addresses.shares(MODEL["services"]["host-half"]) == ""
