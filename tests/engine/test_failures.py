"""Services that do not get there: told by name, why, their last lines and what to type; what runs is left."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.engine.support import stacks
from tests.engine.support.doctor import follow, found
from tests.engine.support.stacks import Done, Stack, docker, run

FAST = {"interval": "1s", "timeout": "2s", "retries": 2}
LINES = 'for n in $$(seq 1 30); do echo "line $$n"; done; '


def problem(done: Done, service: str) -> dict[str, str]:
    """The one problem of a service; the command has failed."""
    assert done.code == 1, done
    found = [p for p in done.problems if p["where"] == service]
    assert len(found) == 1, done
    return found[0]


def shows_last_lines(message: str) -> bool:
    """Whether a message has the last 20 of 30 lines and no other."""
    return [line.strip() for line in message.splitlines() if "line " in line] == [f"line {n}" for n in range(11, 31)]


def test_never_healthy_unhealthy_and_looping_services_are_each_told_as_what_they_are(stack: Stack) -> None:
    stack.service("fine", healthcheck={"test": ["CMD", "true"], **FAST})
    stack.service("slow", profiles=["slow"], command=["sh", "-c", f"{LINES} exec sleep infinity"],
                  healthcheck={"test": ["CMD", "false"], "interval": "1s", "start_period": "300s"})  # fmt: skip
    stack.service("sick", profiles=["sick"], command=["sh", "-c", f"{LINES} exec sleep infinity"],
                  healthcheck={"test": ["CMD-SHELL", "echo no answer at the door; exit 1"], **FAST})  # fmt: skip
    stack.service("loop", profiles=["loop"], command=["sh", "-c", f"{LINES} exit 7"], init=None,
                  healthcheck={"test": ["CMD", "true"], "interval": "30s"})  # fmt: skip

    late = stack.inv("up", "--once", "--profile", "slow", "--timeout", "3", "--json")
    slow = problem(late, "slow")
    assert "not healthy within 3 s" in slow["message"]
    assert shows_last_lines(slow["message"])
    assert slow["fix"] == "docker compose logs slow"
    assert {name for name, one in stack.containers().items() if one["State"]["Running"]} == {"fine-1", "slow-1"}

    sick = problem(stack.inv("up", "--once", "--profile", "sick", "--timeout", "4", "--json"), "sick")
    assert "not healthy within 4 s" in sick["message"]
    assert "no answer at the door" in sick["message"]
    assert shows_last_lines(sick["message"])

    loop = problem(stack.inv("up", "--once", "--profile", "loop", "--json"), "loop")
    assert "keeps exiting" in loop["message"]
    assert "7" in loop["message"].splitlines()[0].rpartition("times")[2]
    assert {"fine-1", "slow-1", "sick-1", "loop-1"} <= stack.containers().keys()
    # In plain text the same is told on standard error.
    text = stack.inv("up", "--once", "--service", "sick", "--timeout", "3")
    assert text.code == 1
    assert "error: sick: not healthy within 3 s" in text.err
    assert "docker compose logs sick" in text.err
    assert "no answer at the door" in text.err
    told = {s["name"]: s for s in stack.inv("status", "--json").json["data"]["services"]}
    assert told["sick"]["health"] == "unhealthy"
    assert told["loop"]["restarts"] > 0


def test_a_failing_job_stops_what_waits_for_it_and_is_run_again_by_the_next_up(stack: Stack) -> None:
    job = {"command": ["sh", "-c", f"{LINES} test -e /data/ready || exit 5"], "restart": "no", "init": None,
           "volumes": ["job-data:/data"]}  # fmt: skip
    stack.service("app", more={"prepare": job}, depends_on={"prepare": {"condition": "service_completed_successfully"}})
    stack.volume("app", "job-data")
    stack.service("beside")
    failed = problem(stack.inv("up", "--json"), "prepare")
    assert "exited 5" in failed["message"]
    assert shows_last_lines(failed["message"])
    assert not stack.one("app")["State"]["Running"]
    assert stack.one("beside")["State"]["Running"]

    data = f"{stack.project}_job-data:/data"
    docker("run", "--rm", "--network", "none", "-v", data, stacks.BASE, "touch", "/data/ready")
    stack.up()
    assert stack.one("app")["State"]["Running"]
    assert stack.one("prepare")["State"]["ExitCode"] == 0


def test_a_service_killed_for_want_of_memory_is_told_as_that(stack: Stack) -> None:
    hungry: dict[str, Any] = {
        "command": ["sh", "-c", "exec tail /dev/zero"],
        "init": None,
        "deploy": {"resources": {"limits": {"memory": "16m"}}},
    }
    stack.service("hungry", **hungry, healthcheck={"test": ["CMD", "true"], "interval": "30s"})
    assert "out of memory" in problem(stack.inv("up", "--json", "--timeout", "60"), "hungry")["message"]


def test_a_job_killed_for_want_of_memory_is_told_as_that(stack: Stack) -> None:
    stack.service("job", command=["sh", "-c", "exec tail /dev/zero"], init=None, restart="no",
                  deploy={"resources": {"limits": {"memory": "16m"}}})  # fmt: skip
    assert "out of memory" in problem(stack.inv("up", "--json", "--timeout", "60"), "job")["message"]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["no-such-program"], "its command no-such-program is not in its image"),
        (["/etc/passwd"], "its command /etc/passwd may not be run (permission denied)"),
    ],
)
def test_a_command_that_cannot_be_run_is_told_in_the_engines_words(
    stack: Stack, command: list[str], words: str
) -> None:
    stack.service("broken", command=command, init=None)
    failed = stack.inv("up", "--json")
    assert failed.code == 1
    told = problem(failed, "broken")
    assert words in told["message"]
    assert told["fix"].startswith("correct `command` or `entrypoint` of broken")


def test_what_the_engine_refuses_to_make_is_told_with_its_cause_and_mended_by_the_fix(stack: Stack) -> None:
    stack.service("web")
    network = f"{stack.project}_backend-bridge-network"
    docker("network", "create", network)
    failed = stack.inv("up", "--json")
    assert failed.code == 1
    assert f"a network named {network} is there already" in failed.problems[0]["message"]
    [known] = found(stack)["not-running"]
    assert known["fix"] == failed.problems[0]["fix"]
    follow(stack, known["fix"])
    assert "not-running" not in found(stack)

    stack.service("other", platform="linux/s390x")
    refused = stack.inv("up", "--json", env={"DOCKER_DEFAULT_PLATFORM": "linux/s390x"})
    assert "linux/s390x is asked for" in refused.problems[0]["message"], refused


def test_a_dependency_that_ends_before_what_waits_for_it_is_told_with_its_own_last_lines(stack: Stack) -> None:
    stack.service("store", command=["sh", "-c", "sleep 1; echo the disk is gone; exit 3"], init=None,
                  healthcheck={"test": ["CMD", "false"], "interval": "30s"})  # fmt: skip
    stack.service("web", depends_on={"store": {"condition": "service_healthy"}})
    failed = problem(stack.inv("up", "--json"), "store")
    assert "the disk is gone" in failed["message"]


def test_a_broken_append_only_file_is_repaired_by_the_command_that_is_told(new_stack: Callable[..., Stack]) -> None:
    stack = new_stack(**stacks.BUILT)
    stack.service("app", depends_on={"redis": {"condition": "service_healthy"}})
    stack.up()
    stack.exec("redis", "sh", "-c", "redis-cli set kept yes")
    assert stack.compose("stop").code == 0
    data = f"{stack.project}_redis-build-data:/data"
    docker("run", "--rm", "--network", "none", "-v", data, stacks.BASE, "sh", "-c",
           "printf 'no record' >> /data/appendonlydir/appendonly.aof.1.incr.aof")  # fmt: skip
    broken = problem(stack.inv("up", "--json"), "redis")
    assert "can't read the end of its append-only file" in broken["message"]
    fixes = [row["fix"] for rows in found(stack, "--service", "redis").values() for row in rows]
    assert broken["fix"] in fixes
    follow(stack, broken["fix"])
    assert stack.exec("redis", "redis-cli", "get", "kept") == "yes\n"


def test_a_killed_container_shows_in_status_and_up_brings_it_back(stack: Stack) -> None:
    stack.service("web", healthcheck={"test": ["CMD", "true"], **FAST})
    stack.service("job", command=["true"], init=None, restart="no")
    stack.up()
    before = stack.identities()
    docker("kill", f"{stack.project}-web-1")
    told = {s["name"]: s for s in stack.inv("status", "--json").json["data"]["services"]}
    assert told["web"]["state"] == "exited (137)"
    assert told["job"]["state"] == "done"
    planned = {c["name"]: c["action"] for c in stack.inv("plan", "--json").json["data"]["changes"]}
    assert planned == {"web": "start", "job": "unchanged"}
    stack.up()
    assert stack.one("web")["State"]["Health"]["Status"] == "healthy"
    assert stack.identities()["job-1"] == before["job-1"]

    # A program that dies by itself is brought back by its restart policy, and counted.
    run("docker", "exec", f"{stack.project}-web-1", "sh", "-c", "kill -KILL 1; kill -TERM 1")
    stacks.until(lambda: stack.one("web")["RestartCount"] == 1 and stack.one("web")["State"]["Running"], "the restart")
    told = {s["name"]: s for s in stack.inv("status", "--json").json["data"]["services"]}
    assert told["web"]["restarts"] == 1
