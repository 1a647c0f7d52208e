"""Compose's merged output as values: tokens, mirrors, what a service refers to."""

from typing import Any

import pytest

from stack.planning import model


@pytest.mark.parametrize(
    ("image", "mirrored"),
    [
        ("redis:7", "m.example/library/redis:7"),
        ("redis", "m.example/library/redis"),
        ("kong/kong:3.9.3", "m.example/kong/kong:3.9.3"),
        ("ghcr.io/a/b:1", "m.example/a/b:1"),
        ("ghcr.io/a/b/c:1", "m.example/a/b/c:1"),
        ("localhost/a:1", "m.example/a:1"),
        ("localhost:5000/a:1", "m.example/a:1"),
        ("127.0.0.1:5000/a/b:1", "m.example/a/b:1"),
        ("redis@sha256:abc", "m.example/library/redis@sha256:abc"),
    ],
)
def test_a_mirror_takes_the_place_of_the_registry(image: str, mirrored: str) -> None:
    assert model.mirror(image, "m.example") == mirrored


def test_a_mirror_may_have_a_port_and_a_path() -> None:
    assert model.mirror("redis:7", "m.example:5000/hub/") == "m.example:5000/hub/library/redis:7"


def test_only_pulled_images_go_through_the_mirror() -> None:
    services: dict[str, Any] = {
        "a": {"image": "redis:7"},
        "b": {"image": "own:1", "build": {"context": "."}},
        "c": {"command": []},
    }
    mirrored = model.mirrored({"services": services}, "m.example")["services"]
    assert [mirrored[name].get("image") for name in "abc"] == ["m.example/library/redis:7", "own:1", None]
    assert services["a"]["image"] == "redis:7"


@pytest.mark.parametrize(
    ("below", "mirrored"),
    [("python:3", "m.example/library/python:3"), ("genai-stack/base:0.1.0", "genai-stack/base:0.1.0")],
)
def test_what_an_image_is_built_on_comes_by_the_mirror(below: str, mirrored: str) -> None:
    service = {"image": "own:1", "build": {"context": ".", "args": {"BASE_IMAGE": below}}}
    found = model.mirrored({"services": {"a": service}}, "m.example")["services"]["a"]
    assert found["build"]["args"]["BASE_IMAGE"] == mirrored


def test_without_a_mirror_nothing_changes() -> None:
    merged = {"services": {"a": {"image": "redis:7"}}}
    assert model.mirrored(merged, "") is merged


def test_a_dropped_service_is_none() -> None:
    assert model.services({"services": {"a": {"image": "x"}, "b": None}}) == {"a": {"image": "x"}}
    assert model.services({"services": None}) == {}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("postgres://u:{A_B}@h/{C}", {"A_B", "C"}),
        ("{A}{B}", {"A", "B"}),
        ("_{A}_", {"A"}),
        ("{A}_B__", {"A"}),
        ("{A1_2}", {"A1_2"}),
        ("__S__ __S_a__ S_A", set()),
    ],
)
def test_tokens_stand_out_wherever_they_are(text: str, names: set[str]) -> None:
    for name in ("A_B", "C", "A", "B", "A1_2"):
        text = text.replace(f"{{{name}}}", model.token(name))
    assert model.secrets_of({"environment": {"X": [text]}}) == names


def test_values_that_are_no_text_hold_no_token() -> None:
    assert model.secrets_of({"a": [1, None, True, 2.5]}) == set()


def test_a_service_has_one_container_unless_it_says_more() -> None:
    assert model.replicas({}) == 1
    assert model.replicas({"deploy": {"replicas": 3}}) == 3
    assert model.replicas({"deploy": None}) == 1


def test_only_the_restart_policy_makes_a_one_shot() -> None:
    assert model.one_shot({"restart": "no"})
    assert not model.one_shot({"restart": "unless-stopped"})
    assert not model.one_shot({})


def test_the_memory_limit_is_in_bytes() -> None:
    assert model.memory_bytes({"deploy": {"resources": {"limits": {"memory": "536870912"}}}}) == 536870912
    assert model.memory_bytes({"deploy": {"resources": {}}}) is None


def test_what_a_service_refers_to() -> None:
    service: dict[str, Any] = {
        "networks": {"net": None},
        "volumes": [
            {"type": "volume", "source": "data", "target": "/d"},
            {"type": "bind", "source": "./conf", "target": "/c"},
            {"type": "volume", "target": "/anonymous"},
            {"type": "tmpfs", "target": "/t"},
        ],
        "build": {"context": ".", "secrets": [{"source": "ca"}]},
        "secrets": [{"source": "key"}],
        "configs": [{"source": "conf"}],
    }
    assert model.references(service) == {
        "networks": {"net"}, "volumes": {"data"}, "secrets": {"ca", "key"}, "configs": {"conf"},
    }  # fmt: skip
    assert model.binds(service) == ["./conf"]


def test_a_service_joins_the_network_of_what_it_depends_on_only_where_they_share_none() -> None:
    services: dict[str, Any] = {
        "gate": {"image": "a", "networks": {"front": None, "middle": None}, "depends_on": {"app": {}}},
        "app": {
            "image": "a",
            "networks": {"middle": {"aliases": ["x"]}},
            "depends_on": {"data": {}, "job": {}, "no": {}},
        },
        "data": {"image": "a", "networks": {"back": None}},
        "job": {"image": "a", "network_mode": "host", "depends_on": {"data": {}}},
    }
    joined = model.joined({"services": services, "networks": {}})["services"]
    assert joined["app"]["networks"] == {"middle": {"aliases": ["x"]}, "back": None}
    assert {name: joined[name] for name in ("gate", "data", "job")} == {
        name: services[name] for name in ("gate", "data", "job")
    }


def test_who_is_measured_has_a_name_for_that_where_it_runs_here() -> None:
    services: dict[str, Any] = {
        "queue": {"image": "a", "networks": {"middle": {"aliases": ["x"]}, "back": None}},
        "store": {"image": "a", "networks": {"back": None}},
        "plain": {"image": "a", "networks": {"back": None}},
    }
    entries = {"queue": {"metrics": 15692}, "store": {"metrics": 2112}, "plain": {}}
    made = model.measured({"services": services, "x-stack": entries}, {"store"})["services"]
    assert made["queue"]["networks"] == {
        "middle": {"aliases": ["x", "queue-metrics"]}, "back": {"aliases": ["queue-metrics"]},
    }  # fmt: skip
    assert {name: made[name] for name in ("store", "plain")} == {name: services[name] for name in ("store", "plain")}


def test_a_service_is_configured_anew_where_another_volume_took_the_place_of_one_that_it_mounts() -> None:
    def mounting(key: str) -> dict[str, Any]:
        return {"image": "x", "labels": {"own": "1"}, "volumes": [{"type": "volume", "source": key, "target": "/data"}]}

    named = {"data": {"name": "p_data"}, "other": None}
    found: dict[str, Any] = {"services": {"a": mounting("data"), "b": mounting("other")}, "volumes": named}
    changed = model.numbered(found, {"data": "2", "nobodys": "3"})
    assert changed["volumes"] == {"data": {"name": "p_data-2"}, "other": None}
    assert changed["services"]["a"]["labels"] == {"own": "1", model.VOLUMES_LABEL: "p_data-2"}
    assert changed["services"]["b"] == found["services"]["b"]
    assert model.placed(changed, {"data": "p_data-3"}) == model.numbered(found, {"data": "3"})
    assert model.placed(changed, {})["services"] == found["services"]
