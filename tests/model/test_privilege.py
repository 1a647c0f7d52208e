"""What each service may do beyond its own work: nothing that it can do without, from every source."""

import re

from stack.planning import model
from tests.model.shipped import FRAGMENTS, TEXTS, Shipped

NO_LIMIT = {
    "ollama": "it takes what the models take that are asked for",
    "comfyui": "on a card: a checkpoint of any size goes through memory to it",
}
"""Whose memory has no limit until one is set."""
OF_A_START = {"CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"}
KEPT = {
    "redis": OF_A_START - {"FOWNER"}, "rabbitmq": OF_A_START - {"FOWNER"}, "supabase-db": OF_A_START,
    "neo4j-graph-db": OF_A_START | {"KILL"}, "consul": {"CHOWN", "KILL", "SETGID", "SETUID"},
    "supabase-realtime": {"AUDIT_WRITE", "DAC_OVERRIDE", "SETGID", "SETUID"},
    "comfyui": {"CHOWN", "DAC_OVERRIDE", "FOWNER"},
}  # fmt: skip
"""The rights of root that a start script needs, by what it does (the fragment says it). Anyone else keeps one at most:
root's way past the modes of files."""


def test_nobody_gains_privileges_and_all_give_up_roots_rights(shipped_once: Shipped) -> None:
    for where, name, service in shipped_once.every_service():
        assert service.get("security_opt") == ["no-new-privileges:true"], where
        assert service.get("cap_drop") == ["ALL"], where
        assert set(service.get("cap_add") or []) <= KEPT.get(name, {"DAC_OVERRIDE"}), where


def test_a_right_that_is_kept_has_a_reason_and_its_service_is_root(shipped_once: Shipped) -> None:
    services = shipped_once.make().services()
    assert all(set(services[name]["cap_add"]) == kept for name, kept in KEPT.items())
    for fragment in FRAGMENTS.values():
        for path in fragment.paths():
            text = TEXTS[path]
            assert len(re.findall(r"^    # .*\n    cap_drop: \[ALL\]\n    cap_add:", text, re.MULTILINE)) == (
                text.count("cap_add: [")
            ), path
    for where, _, service in shipped_once.every_service():
        assert not service.get("cap_add") or service.get("user") in (None, "root"), where


def test_memory_has_a_limit_and_a_setting(shipped_once: Shipped) -> None:
    without = set()
    for where, name, service in shipped_once.every_service():
        if model.memory_bytes(service) is None:
            without.add(name)
            assert name in NO_LIMIT, where
    assert without == NO_LIMIT.keys()
    for fragment in FRAGMENTS.values():
        for path in fragment.paths():
            said = re.findall(r"^ +memory: (.*)", TEXTS[path], re.MULTILINE)
            assert all(re.fullmatch(r"\$\{[A-Z0-9_]+_MEMORY:-\d+[mg]?\}", one) for one in said), path
