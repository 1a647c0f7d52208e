"""Checks of data and services on what an engine would say: the fault present, and absent."""

import shlex
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stack.commands import why
from stack.doctor import check, inspected, run, words
from stack.doctor.check import Check, Finding
from stack.doctor.checks import (
    database,
    drift,
    gateway_key,
    images_here,
    jobs,
    log_errors,
    not_running,
    oom,
    reach,
    restarting,
    slow_start,
    unhealthy,
    volume_usage,
    volume_version,
    waiting,
)
from stack.doctor.checks.healthcheck_tool import called, lacks_tool
from stack.doctor.scene import Scene
from stack.planning import planner
from stack.planning.changes import Change
from stack.planning.healthcheck import patient
from stack.planning.planner import Request
from stack.running import failures, live
from stack.running.watching import Failure
from tests.synthetic import facts, needs, planned

RUNNING: dict[str, Any] = {"Status": "running", "Running": True, "Restarting": False, "ExitCode": 0, "OOMKilled": False}


def container(service: str, restarts: int = 0, config: dict[str, Any] | None = None, **state: Any) -> dict[str, Any]:
    """One container as the engine tells it: it runs, but for what `state` says."""
    labels = {"com.docker.compose.service": service}
    return {
        "Id": f"id-of-{service}",
        "Name": f"/p-{service}-1",
        "Image": "sha256:1",
        "RestartCount": restarts,
        "State": {**RUNNING, "StartedAt": _ago(5), **state},
        "Config": {"Labels": labels, **(config or {})},
        "HostConfig": {"Memory": 0},
        "Mounts": [],
    }


def _ago(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() - seconds))


def ended(service: str, code: int, **state: Any) -> dict[str, Any]:
    return container(service, Status="exited", Running=False, ExitCode=code, **state)


def sick(service: str, code: int, output: str) -> dict[str, Any]:
    return container(service, Health={"Status": "unhealthy", "Log": [{"ExitCode": code, "Output": output}]})


WEB = planned(facts({"web": {"depends_on": needs("db")}, "db": {}, "job": {"restart": "no"}}))


@pytest.fixture(autouse=True)
def no_logs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Containers that log nothing; the tests of logs say what they log."""
    monkeypatch.setattr(words, "log", lambda *_: "")


@pytest.fixture
def look(tmp_path: Path) -> Callable[..., list[Finding]]:
    """What a check finds wrong, or leaves to another, where these containers are there."""

    def found(check: Check, *containers: dict[str, Any], **given: Any) -> list[Finding]:
        pieces = {
            "planned": WEB, "checkout": WEB.checkout, "project": "p", "engine": "", "containers": list(containers),
            "images": {s.image: ("sha256:1", {}) for s in WEB.plan.services}, "oom_kills": set(), "volumes": {},
            "changed_secrets": [],
        }  # fmt: skip
        outcome = run.look(check, Scene(tmp_path, {**pieces, **given}))
        return [] if isinstance(outcome, run.Skipped) else [one for one in outcome if one.causes or one.service]

    return found


Look = Callable[..., list[Finding]]
WELL = (container("web"), container("db"), ended("job", 0))
EACH = (
    unhealthy.CHECK, oom.CHECK, restarting.CHECK, not_running.CHECK, waiting.CHECK, slow_start.CHECK, jobs.CHECK,
    images_here.CHECK, log_errors.CHECK,
)  # fmt: skip


@pytest.mark.parametrize("check", EACH, ids=lambda check: check.id)
def test_nothing_is_found_where_all_is_well(look: Look, check: Check) -> None:
    assert look(check, *WELL) == []


@pytest.mark.parametrize("check", EACH, ids=lambda check: check.id)
def test_before_the_first_start_nothing_is_said_to_be_as_it_should(tmp_path: Path, check: Check) -> None:
    given = {"planned": WEB, "checkout": WEB.checkout, "engine": "", "containers": [], "images": {}}
    [row] = run.run([check], Scene(tmp_path, {**given, "secrets": {}}))
    assert row.grade == "skipped"
    assert row.seen.startswith("nothing of the project")


def test_of_a_project_that_was_stopped_is_not_said_that_it_runs(tmp_path: Path) -> None:
    given = {"planned": WEB, "engine": "", "images": {}, "secrets": {}, "containers": [ended("db", 0)]}
    [row] = run.run([not_running.CHECK], Scene(tmp_path, given), ["db"])
    assert (row.grade, row.seen) == ("skipped", "the project is stopped: nothing of it runs")


def test_what_asks_running_services_is_skipped_while_none_runs(tmp_path: Path) -> None:
    given = {"planned": WEB, "engine": "", "containers": [ended("db", 0)], "secrets": {}}
    rows = run.run([unhealthy.CHECK, reach.CHECK, gateway_key.CHECK], Scene(tmp_path, given))
    assert {row.id: row.seen for row in rows} == {
        "unhealthy": "nothing of the project runs",
        "reach": "nothing of the project runs",
        "gateway-key": "the gateway does not run",
    }


def test_an_unhealthy_service_is_told_with_what_its_check_says_and_who_waits(look: Look) -> None:
    [found] = look(unhealthy.CHECK, container("web"), sick("db", 1, "no  answer"), ended("job", 0))
    assert "db is unhealthy: its healthcheck says no answer (exit 1)" in found.seen
    assert found.causes.startswith("web can't start")
    assert found.fix == "docker compose restart db"


def test_of_two_that_are_unhealthy_the_root_is_to_be_mended_first(look: Look) -> None:
    made = planned(facts({"web": {"depends_on": {"db": {"condition": "service_healthy", "required": True}}}, "db": {}}))
    found = look(unhealthy.CHECK, sick("web", 1, ""), sick("db", 1, ""), planned=made)
    assert {one.service: one.fix for one in found}["web"] == "mend db first: ./inv doctor --service db"


@pytest.mark.parametrize(
    ("code", "said", "lacks"),
    [
        (127, "sh: curl: not found", True),
        (126, "can't execute", True),
        (-1, 'exec: "curl": executable file not found in $PATH', True),
        (-1, "Health check exceeded timeout (3s)", False),
        (1, "connection refused", False),
    ],
)
def test_a_healthcheck_without_its_program_is_told_from_one_that_says_no(code: int, said: str, lacks: bool) -> None:
    assert lacks_tool(sick("db", code, said)) is lacks


@pytest.mark.parametrize(
    ("test", "said", "tool"),
    [
        (["CMD", "curl", "-f"], 'OCI runtime exec failed: exec: "curl": executable file not found in $PATH', "curl"),
        (["CMD-SHELL", patient("wget -q -O /dev/null x", 28)], "/bin/sh: 2: wget: not found", "wget"),
        (["CMD-SHELL", "true && curl x"], "/bin/sh: curl: not found", "curl"),
        (["CMD", "bash", "-c", "nc -z x"], "bash: line 2: nc: command not found", "nc"),
        ([], "", "its program"),
    ],
)
def test_the_program_that_is_missing_is_named(test: list[str], said: str, tool: str) -> None:
    assert called(test, said) == tool


def test_a_service_without_its_program_is_not_told_as_unhealthy_too(look: Look) -> None:
    assert look(unhealthy.CHECK, container("web"), sick("db", 127, "not found"), ended("job", 0)) == []


def test_a_kill_for_want_of_memory_is_told_with_the_limit(look: Look) -> None:
    killed = {**ended("db", 137, OOMKilled=True), "HostConfig": {"Memory": 512 * 2**20}}
    [found] = look(oom.CHECK, killed)
    assert "at its limit of 512 MB" in found.seen
    assert "1024m" in found.fix
    assert look(not_running.CHECK, container("web"), killed) == []
    assert look(restarting.CHECK, {**killed, "State": {**killed["State"], "Restarting": True}}) == []


LIMITED = "services: {db: {deploy: {resources: {limits: {memory: '${%s:-512m}'}}}}}"


def test_a_limit_is_raised_by_its_own_setting(look: Look, tmp_path: Path) -> None:
    """Which is not always named after the service."""
    (tmp_path / "compose").mkdir()
    (tmp_path / "compose/db.yml").write_text(LIMITED % "GRAPH_MEMORY")
    killed = {**ended("db", 137, OOMKilled=True), "HostConfig": {"Memory": 512 * 2**20}}
    [found] = look(oom.CHECK, killed)
    assert found.fix == "./inv env.set GRAPH_MEMORY 1024m && ./inv up"
    assert oom._limit(tmp_path / "compose/db.yml", "web") == ""


def test_a_kill_is_told_of_a_container_that_runs_again(look: Look) -> None:
    [found] = look(oom.CHECK, container("db"), oom_kills={"id-of-db"})
    assert "as the machine had no more" in found.seen


def test_a_loop_of_restarts_is_told_and_one_that_ended_long_ago_is_not(look: Look) -> None:
    [found] = look(restarting.CHECK, container("db", 4, Status="restarting", Restarting=True, ExitCode=139))
    assert "db keeps ending: 4 restarts, exited with 139 (crashed (SIGSEGV))" in found.seen
    # The engine tells 0 of one that has just begun again.
    [found] = look(restarting.CHECK, container("db", 4, ExitCode=0, StartedAt=_ago(1)))
    assert found.seen == "db keeps ending: 4 restarts"
    assert inspected.loops(container("db", 3))
    assert not inspected.loops(container("db", 3, StartedAt=_ago(3600)))
    assert not inspected.loops(container("db", 2))


def test_what_ended_by_itself_is_told_and_what_rests_is_not(look: Look) -> None:
    [found] = look(not_running.CHECK, container("web"), ended("db", 1))
    assert "db exited with 1" in found.seen
    assert look(not_running.CHECK, ended("web", 143), ended("db", 0)) == []
    assert [one.service for one in look(not_running.CHECK, ended("web", 143), ended("db", 2))] == ["db"]


def test_a_planned_service_without_a_container_is_told_beside_those_that_run(look: Look) -> None:
    [found] = look(not_running.CHECK, container("db"), ended("job", 0))
    assert found.seen == "web is planned, and has no container"
    assert look(not_running.CHECK, ended("db", 0), ended("job", 0)) == []


def test_what_the_engine_would_not_start_is_told_with_what_mends_it_and_no_lines_of_its_life_before(
    look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(words, "log", lambda *_: "error of long ago")
    for given in (ended("db", 143, Error="network 4f not found"),
                  container("db", Status="created", Running=False, Error="network 4f not found")):  # fmt: skip
        [found] = look(not_running.CHECK, container("web"), given)
        assert "network 4f not found" in found.seen
        assert "made for is not there any more" in found.seen
        assert "long ago" not in found.seen
        assert found.fix == "./inv down && ./inv up"


def test_last_lines_that_are_known_are_told_with_the_command_that_repairs(
    look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(words, "log", lambda *_: "# Bad file format reading the append only file a.aof: make a backup")
    [found] = look(restarting.CHECK, container("db", 4, Status="restarting", Restarting=True, ExitCode=1))
    assert "can't read the end of its append-only file" in found.seen
    assert "redis-check-aof --fix" in found.fix


def test_why_the_last_start_made_no_container_is_known_afterwards(look: Look, tmp_path: Path) -> None:
    said = Failure("", "network p_n was found but has incorrect label com.docker.compose.network")
    here = msgspec.structs.replace(WEB, checkout=msgspec.structs.replace(WEB.checkout, root=tmp_path))
    failures.keep(here, [said])
    [found] = look(not_running.CHECK, container("db"), ended("job", 0))
    assert "a network named p_n is there already" in found.seen
    assert found.fix == "docker network rm p_n && ./inv up"
    [refused] = look(not_running.CHECK)
    assert refused.seen.startswith("the last ./inv up could start nothing: a network named p_n is there already")
    assert refused.fix == "docker network rm p_n && ./inv up"
    failures.keep(here, [])
    assert look(not_running.CHECK) == []
    [found] = look(not_running.CHECK, container("db"), ended("job", 0))
    assert found.seen == "web is planned, and has no container"


@pytest.mark.parametrize("whole", [True, False])
def test_why_tells_once_how_a_service_ended(whole: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped = [*([ended("web", 0)] if whole else [container("web")]), ended("db", 0), ended("job", 0)]
    pieces: dict[str, Any] = {"engine": "", "containers": stopped, "oom_kills": set(), "images": {
        s.image: ("sha256:1", {}) for s in WEB.plan.services}}  # fmt: skip
    monkeypatch.setattr(planner, "make", lambda *_: WEB)
    monkeypatch.setattr(why, "Scene", lambda root, given: Scene(root, {**pieces, **given}))
    assert why.why("db", Request()).lines[-2:] == ["db exited with 0", "  → ./inv up"]


def test_what_the_last_up_was_not_to_start_is_a_warning_alone(look: Look) -> None:
    found = look(not_running.CHECK, container("db"), last_up={"db"})
    assert [(one.grade, one.seen) for one in found] == [
        ("warning", "job, web: selected, and left alone by the last ./inv up")
    ]
    assert look(jobs.CHECK, container("db"), last_up={"db"}) == []
    assert [one.grade for one in look(jobs.CHECK, container("db"), last_up={"db", "job"})] == ["error"]


def test_what_was_left_out_on_purpose_waits_for_nobody_and_lacks_no_image(look: Look) -> None:
    runs = container("job")
    assert look(waiting.CHECK, runs, last_up={"job"}) == []
    assert [one.service for one in look(waiting.CHECK, runs, last_up={"job", "web"})] == ["web"]
    assert [one.service for one in look(images_here.CHECK, runs, last_up={"job"}, images={})] == ["job"]


def test_a_fault_of_what_was_left_out_is_no_error_until_it_is_to_start(tmp_path: Path) -> None:
    def graded(*last_up: str) -> str:
        fault = check.Check(
            id="a", section="ports", holds="", run=lambda _: [Finding("seen", "so", "fix", service="web")]
        )
        given = {"planned": WEB, "engine": "", "containers": [container("db")], "secrets": {}, "last_up": set(last_up)}
        [row] = run.run([fault], Scene(tmp_path, given))
        return row.grade

    assert (graded("db"), graded("db", "web")) == ("warning", "error")


def test_who_waits_is_told_with_the_chain_down_to_its_root(look: Look) -> None:
    made = planned(facts({"a": {"depends_on": needs("b")}, "b": {"depends_on": needs("c")}, "c": {}, "d": {}}))
    there = [container(name, Status="created", Running=False) for name in ("a", "b")]
    found = look(waiting.CHECK, *there, ended("c", 5), container("d"), planned=made)
    assert [one.seen for one in found] == [
        "b waits: c, which exited with 5",
        "a waits: b → c, which exited with 5",
    ]
    assert {one.fix for one in found} == {"mend c first: ./inv doctor --service c; then ./inv up"}


def test_a_start_is_slow_beyond_all_that_its_healthcheck_allows(look: Look) -> None:
    second = 10**9
    check = {"Healthcheck": {"Interval": second, "Timeout": second, "Retries": 2, "StartPeriod": 6 * second}}
    starting: dict[str, Any] = {"Health": {"Status": "starting", "Log": []}}
    late = container("db", config=check, StartedAt=_ago(60), **starting)
    assert slow_start.allowed_s(late) == 10
    [found] = look(slow_start.CHECK, late)
    assert "it has 10 s" in found.seen
    assert look(slow_start.CHECK, container("db", config=check, StartedAt=_ago(5), **starting)) == []


def test_a_job_that_failed_or_never_ran_or_hangs_is_told(look: Look) -> None:
    assert "job exited with 2" in look(jobs.CHECK, ended("job", 2))[0].seen
    assert look(jobs.CHECK, container("db"))[0].seen == "job never ran"
    assert look(jobs.CHECK, container("job", StartedAt=_ago(3600)))[0].seen == "job still runs after 10 minutes"
    assert look(jobs.CHECK, container("job", StartedAt=_ago(30))) == []


def test_an_image_that_is_gone_is_told(look: Look) -> None:
    kept: dict[str, Any] = {s.image: ("sha256:1", {}) for s in WEB.plan.services if s.name != "db"}
    assert [one.service for one in look(images_here.CHECK, *WELL, images=kept)] == ["db"]


def test_what_differs_from_the_plan_is_told_with_the_parts(look: Look) -> None:
    changes = [Change("web", "recreate", ["environment.X"]), Change("db", "unchanged"), Change("job", "create")]
    [found] = look(drift.CHECK, *WELL, changes=changes)
    assert found.seen == "web runs with another configuration than the plan's: environment.X"
    assert look(drift.CHECK, *WELL, changes=[Change("web", "unchanged")]) == []


def test_who_has_not_been_told_yet_how_others_are_reached_is_told(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "untold", lambda *_: {"web": ["DB_URL"], "stopped": ["DB_URL"]})
    [found] = look(drift.CHECK, *WELL, changes=[])
    assert found.seen == "web is told otherwise how others are reached: DB_URL"
    assert found.fix == "./inv up"


def test_lines_of_a_running_service_that_look_like_errors_are_told(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    logs = {"id-of-db": "ready\nFATAL: role does not exist\n", "id-of-web": "GET / 200\n"}
    monkeypatch.setattr(words, "log", lambda one, _="": logs.get(one["Id"], ""))
    [found] = look(log_errors.CHECK, *WELL)
    assert found.service == "db"
    assert "FATAL: role does not exist" in found.seen


def test_sizes_are_read_as_the_engine_writes_them() -> None:
    assert [volume_usage.size(text) for text in ("0B", "48.5MB", "1.2GB", "N/A")] == [0, 48_500_000, 1_200_000_000, 0]


@pytest.mark.parametrize(("free", "told"), [(1, 0), (0, 1), (-2, 1)])
def test_a_database_without_a_connection_for_applications_says_who_holds_them(free: int, told: int) -> None:
    lines = [f"free {free}", "held 90 n8n 172.18.0.5", "held 7 app -", "role app", "odd"]
    found = database.crowded(lines, {"172.18.0.5": "n8n", "172.18.0.6": "web"})
    assert len(found) == told
    for one in found:
        assert one.seen.endswith("90 by n8n from n8n, 7 by app from -")
        assert one.fix == "docker compose restart n8n"


def test_a_database_of_another_collation_version_is_told_with_what_mends_it() -> None:
    [found] = database.resorted(["sorted my db", "role app"])
    assert "database my db" in found.seen
    assert found.grade == "warning"
    assert """-c 'ALTER DATABASE "my db" REFRESH COLLATION VERSION'""" in found.fix
    assert shlex.split(found.fix)[-3:] == ['REINDEX DATABASE "my db"', "-c", found.fix.split("-c '")[-1].rstrip("'")]


def test_a_volume_larger_than_what_is_free_is_told_and_others_are_listed() -> None:
    [found] = volume_usage.findings({"a": 5 * 10**9, "b": 10**6}, 2 * 10**9)
    assert (found.grade, found.seen) == ("warning", "a (5.0 GB): larger than what is free on the disk (2.0 GB)")
    [fine] = volume_usage.findings({"a": 5 * 10**9, "b": 10**6}, 9 * 10**9)
    assert (fine.grade, fine.seen) == ("ok", "a 5.0 GB, b 1 MB")


def test_versions_of_data_and_server_are_read() -> None:
    assert volume_version.versions("data 15\nserver 17\n") == ("15", "17")
    assert volume_version.versions("data \nserver 17\n") == ("", "17")
    assert volume_version.versions("data 7.4\n\ndata 7.10\nserver 7.2\n") == ("7.10", "7.2")


@pytest.mark.parametrize(
    ("name", "there", "wants", "reads"),
    [
        ("PostgreSQL", "15", "17", False), ("PostgreSQL", "17", "17", True),
        ("Redis", "7.0", "7.4", True), ("Redis", "8.10", "8.9", False),
        ("Elasticsearch", "7.16", "8.19", False), ("Elasticsearch", "7.17", "8.19", True),
        ("Elasticsearch", "8.18", "9.0", True), ("Elasticsearch", "8.18", "9.1", False),
        ("RabbitMQ", "3.10", "3.11", True), ("RabbitMQ", "3.10", "3.12", False), ("RabbitMQ", "3.12", "4.3", False),
        ("RabbitMQ", "3.13", "4.3", True), ("RabbitMQ", "4.3", "4.2", False),
    ],
)  # fmt: skip
def test_no_program_reads_newer_data_and_each_reads_older_as_far_back_as_it_does(
    name: str, there: str, wants: str, reads: bool
) -> None:
    [program] = [one for one in volume_version.PROGRAMS if one.name == name]
    assert volume_version.fits(there, wants, program) is reads


def test_what_a_volume_tells_is_read_by_each_programs_script(tmp_path: Path) -> None:
    """On files as the programs write them: the scripts need nothing but what every image has."""
    (tmp_path / "dump.rdb").write_bytes(b"REDIS0012\xfa\x09redis-ver\x067.4.11\xfa\x0aredis-bits\xc0@")
    (tmp_path / "_state").mkdir()
    (tmp_path / "_state" / "segments_4").write_bytes(b"\x0cnode_version\x078192099\x16oldest_index_version\x078000099")
    (tmp_path / "mnesia").mkdir()
    (tmp_path / "mnesia" / "rabbit@rabbitmq-feature_flags").write_text(
        "[classic_mirrored_queue_version,feature_flags_v2,\n quorum_queue,'rabbitmq_4.0.0',\n 'rabbitmq_4.1.0']."
    )
    told = {}
    for program in volume_version.PROGRAMS:
        done = subprocess.run(["sh", "-c", program.script, tmp_path], capture_output=True, text=True, check=False)
        told[program.name] = volume_version.versions(done.stdout + "server 1\n")[0]
    assert told == {"PostgreSQL": "", "Redis": "7.4", "Elasticsearch": "8.19", "RabbitMQ": "4.1"}
