"""How results look to people."""

from typing import Any

import pytest

from stack.output import views
from stack.output.result import Result

Captured = pytest.CaptureFixture[str]
SERVICE: dict[str, Any] = {
    "name": "web", "source": "container", "image": "web:1", "containers": 1, "tier": 1, "memory_bytes": None,
    "ports": [{"variable": "WEB_PORT", "host_ip": "127.0.0.1", "host": 63021, "container": 80}],
    "depends_on": {"db": {"required": True}, "cache": {"required": False}},
}  # fmt: skip
PLAN: dict[str, Any] = {
    "project": "genai", "base_port": 63000, "profiles": ["core"], "services": [SERVICE], "left_out": [],
}  # fmt: skip


def plan(capsys: Captured, service: dict[str, Any] | None = None, **data: Any) -> list[str]:
    """The lines of a plan."""
    views.show("plan", Result({**PLAN, "services": [{**SERVICE, **(service or {})}], **data}))
    return [line.rstrip() for line in capsys.readouterr().out.splitlines()]


def test_a_plan_is_a_line_for_each_service(capsys: Captured) -> None:
    title, head, row = plan(capsys)
    assert title == "genai: profiles core, ports from 63000"
    assert head.split("  ")[0] == "service"
    assert row.split() == ["web", "container", "web:1", "63021", "db,", "cache?", "1"]


@pytest.mark.parametrize(
    ("port", "shown"),
    [
        ({}, "63021"),
        ({"host_ip": "0.0.0.0"}, "0.0.0.0:63021"),
        ({"host_ip": ""}, "*:63021"),
        ({"host": None}, "any→80"),
    ],
)
def test_a_port_shows_where_it_is_open(capsys: Captured, port: dict[str, Any], shown: str) -> None:
    assert shown in plan(capsys, {"ports": [{**SERVICE["ports"][0], **port}]})[2].split()


@pytest.mark.parametrize(("number", "shown"), [(512 * 2**20, "512 MiB"), (2**30, "1.0 GiB"), (2560 * 2**20, "2.5 GiB")])
def test_memory_is_in_units_of_a_person(capsys: Captured, number: int, shown: str) -> None:
    assert plan(capsys, {"memory_bytes": number})[2].endswith(shown)


def test_replicas_are_counted(capsys: Captured) -> None:
    assert plan(capsys, {"containers": 3})[2].startswith("web \N{MULTIPLICATION SIGN}3")


def test_changes_are_a_line_for_each_kind(capsys: Captured) -> None:
    changes = [
        {"name": "db", "action": "unchanged", "keys": []},
        {"name": "web", "action": "recreate", "keys": ["image", "environment.A"]},
        {"name": "api", "action": "recreate", "keys": []},
        {"name": "old", "action": "beyond", "keys": []},
    ]
    assert plan(capsys, changes=changes)[3:] == [
        "unchanged: db",
        "recreate (away until healthy again): web (image, environment.A), api",
        "left alone (not selected): old",
    ]


def test_what_is_left_out_says_why(capsys: Captured) -> None:
    left = [{"name": "llm", "why": "disabled by LLM_SOURCE"}]
    assert plan(capsys, left_out=left)[-1] == "left out: llm: disabled by LLM_SOURCE"


def test_brackets_are_no_markup(capsys: Captured) -> None:
    assert "web[a]" in plan(capsys, {"image": "web[a]:1"})[2]


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0s"), (59, "59s"), (60, "1m"), (3599, "59m"), (7200, "2h"), (90000, "1d")]
)
def test_a_time_is_in_its_largest_unit(seconds: int, shown: str) -> None:
    assert views._time(seconds) == shown


def test_an_unknown_time_is_empty() -> None:
    assert views._time(None) == ""
