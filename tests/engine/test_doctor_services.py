"""Faults in running services: doctor names the cause, and its own advice mends it."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.engine.support.doctor import errors, follow, found
from tests.engine.support.lines import Relay
from tests.engine.support.stacks import BUILT, Stack, docker, needs, run, until

QUICK = {"interval": "1s", "timeout": "2s", "retries": 1}
FILE = ["CMD", "test", "-e", "/tmp/well"]


def _state(stack: Stack, service: str) -> dict[str, Any]:
    found: dict[str, Any] = stack.one(service)["State"]
    return found


@pytest.fixture
def broken(stack: Stack) -> Stack:
    """A project in which each service has a fault of its own, and one waits for another."""
    needs("checks", "limits")
    stack.service("toolless", healthcheck={"test": ["CMD", "no-such-tool", "--ask"], **QUICK})
    stack.service("sick", healthcheck={"test": FILE, **QUICK})
    stack.service("patient", depends_on={"sick": {"condition": "service_healthy"}})
    stack.service("hungry", command=["sh", "-c", "tail -c 200m /dev/zero | tail >/dev/null"],
                  deploy={"resources": {"limits": {"memory": "32m"}}}, memswap_limit="32m")  # fmt: skip
    stack.service("job", restart="no", command=["sh", "-c", "echo 'ERROR: no such table' >&2; exit 3"])
    assert stack.inv("up").code == 1
    # Compose starts what it can, whatever else fails.
    run("docker", "compose", "up", "-d", "--no-build", cwd=stack.root)
    until(lambda: _state(stack, "toolless").get("Health", {}).get("Log"), "a healthcheck")
    until(lambda: _state(stack, "sick").get("Health", {}).get("Status") == "unhealthy", "an unhealthy service")
    until(lambda: _state(stack, "hungry")["OOMKilled"], "a kill for want of memory")
    until(lambda: _state(stack, "job")["ExitCode"] == 3, "a job that failed")
    return stack


@pytest.mark.core
def test_each_fault_is_named_with_its_cause_and_goes_as_doctor_says(broken: Stack) -> None:
    wrong = errors(broken)
    assert "calls no-such-tool" in wrong["healthcheck-tool"]
    assert "sick is unhealthy" in wrong["unhealthy"]
    assert "patient waits: sick, which is unhealthy" in wrong["waiting"]
    assert "hungry was killed for want of memory, at its limit of 32 MB" in wrong["oom"]
    assert "job exited with 3" in wrong["jobs"]
    assert "ERROR: no such table" in wrong["jobs"]

    told = broken.inv("why", "patient")
    assert "patient waits to be started, and needs sick, which is unhealthy" in told.out
    assert "sick is unhealthy: its healthcheck says" in told.out
    assert "patient requires it" in broken.inv("why", "sick").out

    rows = found(broken)
    assert "python" in rows["healthcheck-tool"][0]["fix"] or "bash" in rows["healthcheck-tool"][0]["fix"]
    broken.service("toolless", healthcheck={"test": ["CMD", "bash", "-c", "true"], **QUICK})
    assert "deploy.resources.limits.memory to 64m" in rows["oom"][0]["fix"]
    broken.service("hungry", deploy={"resources": {"limits": {"memory": "64m"}}}, memswap_limit="64m")
    broken.service("job", restart="no", command=["true"])
    broken.service("sick", command=["sh", "-c", "touch /tmp/well; exec sleep infinity"],
                   healthcheck={"test": FILE, **QUICK})  # fmt: skip
    broken.up()
    assert errors(broken) == {}

    broken.exec("sick", "rm", "/tmp/well")
    until(lambda: _state(broken, "sick")["Health"]["Status"] == "unhealthy", "an unhealthy service")
    fix = found(broken, "--check", "unhealthy")["unhealthy"][0]["fix"]
    follow(broken, fix)
    until(lambda: _state(broken, "sick")["Health"]["Status"] == "healthy", "a healthy service")
    assert errors(broken) == {}


def test_a_job_that_failed_is_run_again_by_fix(stack: Stack) -> None:
    flag = stack.root / "local" / "flag"
    flag.mkdir(parents=True)
    stack.service("job", restart="no", command=["test", "-e", "/flag/there"], volumes=["./local/flag:/flag"])
    assert stack.inv("up").code == 1
    assert list(errors(stack)) == ["jobs"]
    (flag / "there").touch()
    done = stack.inv("doctor", "--check", "jobs", "--fix", "--yes")
    assert done.code == 0, done
    assert "done: docker compose up --no-deps --force-recreate job" in done.out


def test_what_was_stopped_on_purpose_is_no_fault_and_what_ended_by_itself_is(stack: Stack) -> None:
    stack.service("one")
    stack.service("two", command=["sh", "-c", "sleep 0.1; exit 7"], restart="on-failure:1")
    stack.up("--service", "one")
    stack.compose("stop")
    assert errors(stack) == {}
    run("docker", "compose", "start", cwd=stack.root)
    stack.inv("up")
    until(lambda: _state(stack, "two")["Status"] == "exited", "an end")
    assert "two exited with 7" in errors(stack)["not-running"]


def test_an_orphan_container_and_volume_and_an_edited_file_are_found_and_go(stack: Stack) -> None:
    stack.service("kept")
    stack.service("gone", volumes=["gone-data:/data"])
    stack.volume("gone", "gone-data")
    stack.up()
    (stack.root / "compose" / "gone.yml").unlink()
    (stack.root / "compose.yaml").write_text((stack.root / "compose.yaml").read_text() + "# mine\n")
    (stack.root / ".env").chmod(0o644)
    wrong = errors(stack)
    assert wrong.keys() == {"orphan-containers", "orphan-volumes", "assembly", "env-mode"}
    assert "edited by hand" in wrong["assembly"]
    assert f"container {stack.project}-gone-1 is of service gone" in wrong["orphan-containers"]
    assert f"volume {stack.project}_gone-data" in wrong["orphan-volumes"]

    volume = found(stack)["orphan-volumes"][0]["fix"]
    done = stack.inv("doctor", "--fix", "--yes")
    assert "will do: chmod 600 .env" in done.err
    # Data is never removed by --fix, only by the user.
    assert errors(stack).keys() == {"orphan-volumes"}
    follow(stack, volume)
    assert errors(stack) == {}
    assert list(stack.containers()) == ["kept-1"]


def test_a_volume_that_was_filled_with_another_password_is_the_cause_that_is_told(
    new_stack: Callable[..., Stack],
) -> None:
    stack = new_stack(**{**BUILT, "STACK_PROFILES": "core"})
    stack.up("--service", "supabase-db-init")
    old = stack.env()["SUPABASE_ADMIN_PASSWORD"]
    stack.set(SUPABASE_ADMIN_PASSWORD="another-password")
    assert stack.inv("up", "--service", "supabase-db-init").code == 1
    rows = found(stack)
    assert [row["grade"] for row in rows["secrets-kept"]] == ["error"]
    assert "SUPABASE_ADMIN_PASSWORD is not what" in rows["secrets-kept"][0]["seen"]
    assert "jobs" not in rows
    assert "database" not in rows
    assert old not in json.dumps(rows)
    assert old not in (stack.root / ".stack" / "record" / "volumes.json").read_text()

    assert rows["secrets-kept"][0]["fix"].startswith("./inv env.set SUPABASE_ADMIN_PASSWORD - (the old value)")
    stack.inv("env.set", "SUPABASE_ADMIN_PASSWORD", "-", text=old)
    stack.up("--service", "supabase-db-init")
    assert not found(stack).keys() & {"secrets-kept", "jobs", "database"}

    # The way that the refusal tells goes through: the program is given another one first.
    refused = stack.inv("env.set", "SUPABASE_ADMIN_PASSWORD", "-", text="given-later")
    told = re.search(r"first: docker compose exec (supabase-db .*), then ./inv env.set \w+ - --changed", refused.err)
    assert told, refused
    given = run("sh", "-c", f"yes given-later | docker compose exec -T {told[1]}", cwd=stack.root)
    assert given.code == 0, given
    assert stack.inv("env.set", "SUPABASE_ADMIN_PASSWORD", "-", "--changed", text="given-later").code == 0
    stack.up("--service", "supabase-db-init")
    assert not found(stack).keys() & {"secrets-kept", "jobs", "database"}

    # A secret that is gone is told as what it is: beside data, no new one will do.
    lost = stack.env()["SUPABASE_DB_PASSWORD"]
    stack.unset("SUPABASE_DB_PASSWORD")
    lacking = found(stack, "--check", "settings-missing")["settings-missing"]
    assert any("SUPABASE_DB_PASSWORD is not in .env: a new secret would not open it" in one["seen"] for one in lacking)
    stack.inv("env.set", "SUPABASE_DB_PASSWORD", "-", text=lost)
    lacking = found(stack, "--check", "settings-missing").get("settings-missing", [])
    assert not any("SUPABASE_DB_PASSWORD" in one["seen"] for one in lacking)

    # What the job made and somebody took away is seen, and the job brings it back.
    sql = "DELETE FROM genai_stack.migration WHERE name LIKE '0005%'"
    script = 'PGPASSWORD=$POSTGRES_PASSWORD psql -qh 127.0.0.1 -U supabase_admin -d postgres -c "$0"'
    stack.exec("supabase-db", "sh", "-c", script, sql)
    assert "0005_monitoring.sql" in found(stack, "--check", "database")["database"][0]["seen"]
    assert stack.inv("doctor", "--check", "database", "--fix", "--yes").code == 0

    # A library of the image sorts otherwise than when a database was made: as doctor says, it is mended. ICU, as the
    # build's own locale is C.UTF-8, which has no version.
    for sql in ("""CREATE DATABASE "by name" TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en'""",
                "UPDATE pg_database SET datcollversion = '0.1' WHERE datname = 'by name'"):  # fmt: skip
        stack.exec("supabase-db", "sh", "-c", script, sql)
    [resorted] = found(stack, "--check", "database")["database"]
    assert "the collation version of database by name is not the image's" in resorted["seen"]
    follow(stack, resorted["fix"])
    assert found(stack, "--check", "database") == {}

    # doctor itself still gets in, by the connections that are reserved for the superuser.
    psql = "PGPASSWORD=$POSTGRES_PASSWORD psql -qh 127.0.0.1 -U supabase_admin -d postgres"
    holding = f"for i in $(seq 97); do {psql} -c 'select pg_sleep(60)' & done; wait"
    docker("exec", "-d", f"{stack.project}-supabase-db-1", "sh", "-c", holding)
    crowded = "no connection left for applications; most are held: 97 by supabase_admin"
    until(lambda: crowded in str(found(stack, "--check", "database").get("database")), "a full database")


def test_the_report_of_a_bug_holds_no_secret(new_stack: Callable[..., Stack], tmp_path: Path) -> None:
    import tarfile

    stack = new_stack(REDIS_SOURCE="build", MY_OWN_KEY="of-another-program")
    stack.service("chatty", command=["sh", "-c", "env; exec sleep infinity"],
                  environment={"URL": "redis://default:${REDIS_PASSWORD}@redis:6379"},
                  depends_on={"redis": {"condition": "service_healthy"}})  # fmt: skip
    stack.up()
    secret = stack.env()["REDIS_PASSWORD"]
    assert secret in docker("logs", f"{stack.project}-chatty-1")
    stack.inv("doctor", "--bundle", "report.tar.gz")
    with tarfile.open(stack.root / "report.tar.gz") as archive:
        streams = {member.name: archive.extractfile(member) for member in archive}
        texts = {name: stream.read().decode() for name, stream in streams.items() if stream}
    names = {"versions.json", "plan.json", "checks.json", "settings.json", "compose.yaml"}
    assert {f"report/{name}" for name in names} <= texts.keys()
    assert "URL=redis://[hidden]@redis:6379" in texts[f"report/logs/{stack.project}-chatty-1.log"]
    assert not [name for name, text in texts.items() if secret in text or "of-another-program" in text]
    assert (stack.root / "report.tar.gz").stat().st_mode & 0o777 == 0o600


def test_what_differs_from_the_plan_and_a_project_renamed_are_told(new_stack: Callable[..., Stack]) -> None:
    stack = new_stack()
    stack.service("one", environment={"WORD": "old"})
    stack.up()
    stack.service("one", environment={"WORD": "new"})
    rows = found(stack)
    assert rows["drift"][0]["seen"] == "one runs with another configuration than the plan's: environment.WORD"
    assert rows["assembly"][0]["grade"] == "warning"
    stack.up()
    assert not found(stack).keys() & {"drift", "assembly"}

    old, stack.project = stack.project, f"{stack.project}-renamed"
    stack.set(PROJECT_NAME=stack.project)
    row = found(stack)["other-project"][0]
    assert f"containers of project {old} were started from this folder" in row["seen"]
    follow(stack, row["fix"])
    assert "other-project" not in found(stack)


def test_what_was_started_once_beside_the_selection_is_looked_at_too(stack: Stack) -> None:
    stack.service("one")
    stack.service("extra", profiles=["extra"], healthcheck={"test": FILE, **QUICK})
    running = stack.start("up", "--profile", "extra", "--exact", "--once")
    until(lambda: "extra-1" in stack.containers(), "its container")
    stack.exec("extra", "touch", "/tmp/well")
    assert running.end() == 0, running.text
    rows = found(stack)
    assert list(rows) == ["not-running"]
    assert rows["not-running"][0]["seen"] == "one: selected, and left alone by the last ./inv up"
    stack.exec("extra", "rm", "/tmp/well")
    until(lambda: _state(stack, "extra")["Health"]["Status"] == "unhealthy", "an unhealthy service")
    assert "extra is unhealthy" in errors(stack)["unhealthy"]


def test_a_volume_of_an_older_major_version_is_told(stack: Stack) -> None:
    stack.service("db", command=["sh", "-c", "exit 1"], volumes=["data:/var/lib/postgresql/data"],
                  image="genai-stack/supabase-db:0.1.0", entrypoint=[])  # fmt: skip
    stack.volume("db", "data")
    fill = ["--entrypoint", "sh", "genai-stack/supabase-db:0.1.0", "-c", "echo 9 > /data/PG_VERSION"]
    docker("volume", "create", "--label", f"com.docker.compose.project={stack.project}", f"{stack.project}_data")
    docker("run", "--rm", "--user", "0", "-v", f"{stack.project}_data:/data", *fill)
    stack.inv("up")
    until(lambda: stack.one("db")["RestartCount"] >= 3, "a loop of restarts")
    rows = found(stack)
    assert "holds data of PostgreSQL 9, and the image of db is PostgreSQL" in rows["volume-version"][0]["seen"]
    assert "restarting" not in rows


def test_a_redis_that_cannot_read_a_newer_ones_dump_is_told_why(stack: Stack) -> None:
    head = r"REDIS9999\372\011redis-ver\00699.1.2\372\012redis-bits\300\100"
    fill = f"printf '{head}' > /data/dump.rdb; exec redis-server --dir /data"
    stack.service("cache", image="genai-stack/redis:0.1.0", command=["sh", "-c", fill], volumes=["data:/data"],
                  healthcheck={"test": ["CMD", "redis-cli", "ping"]})  # fmt: skip
    stack.volume("cache", "data")
    done = stack.inv("up")
    assert "Can't handle RDB format version 9999" in done.err
    assert "→ ./inv doctor --service cache" in done.err
    until(lambda: stack.one("cache")["RestartCount"] >= 3, "a loop of restarts")
    rows = found(stack)
    assert "holds data of Redis 99.1, and the image of cache is Redis" in rows["volume-version"][0]["seen"]
    assert "restarting" not in rows


def test_an_engine_that_goes_away_while_doctor_looks_is_told_as_that(stack: Stack, tmp_path: Path) -> None:
    """A relay stands before the engine's socket, and ends after the first questions."""
    stack.service("one")
    stack.up()
    socket = tmp_path / "engine.sock"
    with Relay(socket, questions=6) as relay:
        done = stack.inv("doctor", "--json", env={"DOCKER_HOST": f"unix://{socket}"})
    assert relay.asked > 1
    rows = {row["id"]: row for row in done.json["data"]["checks"] if row["grade"] in ("error", "skipped")}
    assert rows["engine"]["grade"] == "error"
    assert done.code == 1
    assert {row["grade"] for name, row in rows.items() if name != "engine"} == {"skipped"}
