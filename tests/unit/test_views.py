"""How results look to people."""

import io
import sys
from datetime import date
from typing import Any

import pytest

from stack.commands.outdated import Row
from stack.errors import Problem
from stack.output import views
from stack.output.columns import Column, fitting
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


def test_a_plan_of_some_services_says_that_it_is_these_alone(capsys: Captured) -> None:
    assert plan(capsys, profiles=[])[0] == "genai: what is asked for alone, ports from 63000"


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


class Screen(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        """It is one."""
        return True


def screen(monkeypatch: pytest.MonkeyPatch, command: str, result: Result) -> list[str]:
    """What a command shows in a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")
    shown = Screen()
    monkeypatch.setattr(sys, "stdout", shown)
    views.show(command, result)
    return [line.rstrip() for line in shown.getvalue().splitlines()]


LONG: dict[str, Any] = {
    **SERVICE, "name": "local-deep-researcher", "image": "example/local-deep-researcher:1.1", "memory_bytes": 2**30,
    "ports": [{**SERVICE["ports"][0], "host": port} for port in (63013, 63014)],
    "depends_on": {name: {"required": True} for name in ("supabase-db-init", "elasticsearch", "otel-collector")},
}  # fmt: skip


def test_a_plan_at_80_columns_breaks_no_name_and_has_no_empty_column(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = screen(monkeypatch, "plan", Result({**PLAN, "services": [LONG]}))
    assert lines[1:] == [
        "service                source     ports         waits for          tier  memory",
        "local-deep-researcher  container  63013, 63014  supabase-db-init,  1     1.0 GiB",
        "                                                elasticsearch,",
        "                                                otel-collector",
        "without image: a wider terminal or --json shows it",
    ]
    assert "memory" not in screen(monkeypatch, "plan", Result(PLAN))[1]


def test_a_list_of_names_is_broken_between_them_and_a_line_to_copy_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    names = f"to be pulled first: {', '.join(['supabase/postgres:17.6.1.136'] * 4)}"
    undo = f"saved STACK_PROFILES=core,ai (undo: ./inv env.set STACK_PROFILES {'core ' * 12})"
    lines = screen(monkeypatch, "plan", Result({}, lines=[names, undo]))
    assert all(line.rstrip(",").endswith("136") for line in lines[:-1])
    assert lines[-1] == undo


def test_routes_at_80_columns_have_name_address_and_who_is_asked_and_say_what_is_not_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    row = {"name": "local-deep-researcher", "host": "local-deep-researcher.localhost", "path": "/",
           "auth": ["basic-auth"], "service": "local-deep-researcher", "planned": True,
           "url": "http://local-deep-researcher.localhost:63002/"}  # fmt: skip
    rows = [row, {**row, "planned": False, "url": ""}, {**row, "service": None, "host": "", "auth": []}]
    lines = screen(monkeypatch, "route.list", Result({"routes": rows}))
    assert [line.split() for line in lines[1:5]] == [
        [row["name"], "basic-auth"], [row["url"]], [row["name"], "of", "the", "gateway"], [row["url"]]
    ]  # fmt: skip
    told = lines.index("not there now, as what is behind is not planned")
    assert lines[told + 2].split()[:3] == [row["name"], "local-deep-researcher.localhost/", "basic-auth"]


def test_routes_that_are_too_long_for_80_columns_have_their_address_below(monkeypatch: pytest.MonkeyPatch) -> None:
    row = {"name": "supabase-auth-oauth-metadata", "host": "", "auth": ["key-auth"],
           "path": "/.well-known/oauth-authorization-server/auth/v1", "service": "supabase-auth", "planned": False,
           "url": ""}  # fmt: skip
    lines = screen(monkeypatch, "route.list", Result({"routes": [row]}))
    assert [line.split() for line in lines[-2:]] == [[row["name"], "of", row["service"], "key-auth"], [row["path"]]]


def test_numbers_and_names_are_whole_where_a_table_has_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    holder = "container my-first-project-kong-api-gateway-1"
    row = {"offset": 13, "port": 63013, "variable": "LOCAL_DEEP_RESEARCHER_PORT", "service": "local-deep-researcher",
           "planned": True, "holder": holder}  # fmt: skip
    result = Result({"ports": [row], "free": [{"first": 21, "last": 99}]})
    head, *lines = screen(monkeypatch, "ports", result)
    assert head.split() == ["port", "variable", "service", "held", "by"]
    assert lines[0].split()[:3] == ["63013", row["variable"], row["service"]]
    assert "".join(line[57:] for line in lines[:3]).replace(" ", "") == holder.replace(" ", "")


def test_a_long_message_is_broken_between_words_and_what_to_type_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = Screen()
    monkeypatch.setattr(sys, "stderr", shown)
    fix = "./inv up --profile " + "automation " * 8
    why = "nothing that is selected requires it, so it is left out of the plan " * 2
    problem = Problem("not-planned", why, "n8n", fix)
    copied = Problem("x", f"type docker compose {'ps ' * 40}".strip())
    screen(monkeypatch, "why", Result(problems=[problem, copied]))
    lines = shown.getvalue().splitlines()
    told, copy = lines[:-2], lines[-2:]
    assert len(told) == 2
    assert all(len(line) <= 80 for line in told)
    assert " ".join(" ".join(told).split()) == f"note: {problem.message}[n8n]"
    assert copy == [f"  → {fix}", f"note: {copied.message}"]


def test_what_is_left_out_has_its_line_to_type_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    why = "its image kong/kong:3.9.3 is not here (to leave it out for good: ./inv source --service kong --to disabled)"
    lines = screen(monkeypatch, "plan", Result({**PLAN, "left_out": [{"name": "kong", "why": why}]}))
    assert f"left out: kong: {why}" in lines


def test_where_something_went_wrong_stands_before_the_lines_of_a_log(capsys: Captured) -> None:
    problem = Problem("service-failed", "web: exited 1\n  its last 1 lines:\n    no such table", "web", "./inv doctor")
    views.show("up", Result(problems=[problem], exit_code=1))
    assert capsys.readouterr().err.splitlines() == [
        "error: web: exited 1  [web]", "  its last 1 lines:", "    no such table", "  → ./inv doctor"
    ]  # fmt: skip


def test_a_check_is_told_beside_its_name_and_what_to_type_is_not_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    fix = f"./inv env.set {'A' * 40} {'b' * 40}"
    check = {
        "id": "port-taken",
        "section": "ports",
        "grade": "error",
        "seen": "word " * 20,
        "causes": "so " * 30,
        "fix": fix,
    }
    head, *lines, count = screen(monkeypatch, "doctor", Result({"checks": [{**check, "fix": fix}]}))
    assert head == "ports"
    assert lines[0].startswith("  ✗ port-taken  word")
    assert all(line.startswith(" " * 16) for line in lines[1:-1])
    assert lines[-1] == f"    → {fix}"
    assert count == "1 error"


def test_many_checks_fit_on_a_screen_and_what_is_wrong_stands_last(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    grades = ["error", "warning", "skipped", *["ok"] * 60]
    checks = [{"id": f"check-{n:02}", "section": f"section{n % 8}", "grade": grade, "seen": f"saw {n}", "causes": "",
               "fix": ""} for n, grade in enumerate(grades)]  # fmt: skip
    views.show("doctor", Result({"checks": checks}))
    assert "saw 62" in capsys.readouterr().out
    lines = screen(monkeypatch, "doctor", Result({"checks": checks}))
    assert len(lines) <= 24
    assert all(len(line) <= 80 for line in lines)
    assert all(any(f"check-{n:02}" in line for line in lines) for n in range(63))
    assert lines[-4:-1] == ["  ! check-01  saw 1", "  ✗ check-00  saw 0", "60 fine, 1 warning, 1 error, 1 skipped"]


def test_settings_in_a_pipe_are_not_padded(capsys: Captured) -> None:
    rows = [{"name": "A", "value": "x" * 300, "origin": ".env"}, {"name": "LONG_NAME", "value": "", "origin": "unset"}]
    views.show("env.list", Result({"settings": rows}))
    assert capsys.readouterr().out == f"A\t{'x' * 300}\t.env\nLONG_NAME\t\tunset\n"


def test_no_line_in_a_pipe_ends_in_blanks(capsys: Captured) -> None:
    views.show("plan", Result(PLAN))
    assert not [line for line in capsys.readouterr().out.splitlines() if line != line.rstrip()]


@pytest.mark.parametrize(
    ("width", "shown", "gone"),
    [(80, {0: 6, 1: 7, 3: 9}, []), (15, {0: 6, 3: 7}, [1]), (10, {0: 6}, [1, 3])],
)
def test_what_matters_least_goes_first(width: int, shown: dict[int, int], gone: list[int]) -> None:
    columns = [Column("name"), Column("b", goes=1), Column("empty"), Column("d", "words", goes=2)]
    assert fitting(columns, [["a-name", "bbbbbbb", "", "four five"]], width) == (shown, gone)


def test_pins_that_are_behind_fit_80_columns_and_the_others_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    long = Row("quay.io/docling-project/docling-serve-cpu", "2026.10.4-d48c4b555", "2026.11.4-d48c4b556", "v2.0.0",
               True, "quay.io", date(2026, 11, 29))  # fmt: skip
    fine = Row("redis", "7", "7", "", False, "docker.io", date(2026, 11, 29))
    lines = screen(monkeypatch, "outdated", Result({"images": [long, fine]}))
    assert max(map(len, lines)) <= 80
    assert "2026.11.4-d48c4b556" in lines[1]
    assert not any("redis" in line for line in lines)
    assert screen(monkeypatch, "outdated", Result({"images": [fine]}, lines=["none"])) == ["none"]
