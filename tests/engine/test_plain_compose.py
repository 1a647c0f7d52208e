"""Plain `docker compose` in the root, the user's own override file, and the project handed over to another place."""

import json
import re
from collections.abc import Callable
from pathlib import Path

from tests.engine.support import stacks
from tests.engine.support.stacks import Stack, run


def talker(stack: Stack, *needed: str) -> None:
    """A service that says a word, after a job, and once those that it needs are healthy."""
    seed = {"command": ["true"], "restart": "no", "init": None}
    stack.service("talker", more={"seed": seed}, command=["sh", "-c", "echo a word; exec sleep infinity"],
                  depends_on={"seed": {"condition": "service_completed_successfully"},
                              **{name: {"condition": "service_healthy"} for name in needed}})  # fmt: skip


def test_compose_in_the_root_sees_follows_stops_and_ends_what_inv_started(stack: Stack) -> None:
    talker(stack, "redis")
    stack.set(REDIS_SOURCE="build")
    stack.up()
    before = stack.identities()
    rows = [json.loads(line) for line in stack.compose("ps", "--format", "json").out.splitlines()]
    assert {row["Service"] for row in rows} == {"talker", "redis"}
    assert "a word" in stack.compose("logs", "talker").out
    assert stack.compose("exec", "-T", "redis", "redis-cli", "ping").out.strip() == "PONG"
    stats = stack.compose("stats", "--no-stream", "--format", "json")
    assert stats.code == 0
    assert f"{stack.project}-redis-1" in stats.out
    assert run("docker", "network", "inspect", f"{stack.project}_backend-bridge-network").code == 0

    again = stack.compose("up", "-d")
    assert again.code == 0, again
    kept = {name: (i[0], i[1]) for name, i in before.items()}
    assert {name: (i[0], i[1]) for name, i in stack.identities().items()} == kept
    assert "nothing was changed" in stack.up().out

    assert stack.compose("restart", "redis").code == 0
    assert stack.identities()["redis-1"][2] != before["redis-1"][2]
    assert stack.compose("stop", "talker").code == 0
    assert not stack.one("talker")["State"]["Running"]
    assert stack.compose("start", "talker").code == 0
    assert {name: (i[0], i[1]) for name, i in stack.identities().items()} == kept

    down = stack.compose("down")
    assert down.code == 0, down
    assert stack.containers() == {}
    assert stack.listed("network") == []
    assert stack.listed("volume") == [f"{stack.project}_redis-build-data"]


def test_compose_up_without_the_secrets_says_what_to_type(stack: Stack) -> None:
    stack.set(REDIS_SOURCE="build")
    stack.up("--service", "redis")
    assert stack.inv("down").code == 0
    stack.unset("REDIS_PASSWORD")
    refused = stack.compose("up", "-d")
    assert refused.code != 0
    assert "REDIS_PASSWORD" in refused.err
    assert "inv up" in refused.err


def test_an_override_file_of_the_users_holds_for_inv_and_compose_alike(stack: Stack) -> None:
    talker(stack)
    stack.up()
    own = {"services": {"talker": {"environment": {"MINE": "yes"}, "env_file": "own.env"}}}
    (stack.root / "own.env").write_text("ASIDE=one\n")
    (stack.root / "compose.override.yaml").write_text(json.dumps(own))
    planned = {c["name"]: c["action"] for c in stack.inv("plan", "--json").json["data"]["changes"]}
    assert planned == {"seed": "unchanged", "talker": "recreate"}
    stack.up()
    assert stack.exec("talker", "printenv", "MINE").strip() == "yes"
    before = stack.identities()
    assert "nothing was changed" in stack.up().out
    assert stack.compose("up", "-d", "talker").code == 0
    assert stack.identities()["talker-1"] == before["talker-1"]
    assert "MINE" not in (stack.root / "compose.yaml").read_text()

    (stack.root / "own.env").write_text("ASIDE=two\n")
    planned = {c["name"]: c["action"] for c in stack.inv("plan", "--json").json["data"]["changes"]}
    assert planned == {"seed": "unchanged", "talker": "recreate"}


def test_what_is_ejected_runs_elsewhere_by_plain_compose(new_stack: Callable[..., Stack], tmp_path: Path) -> None:
    stack = new_stack(whole=True, **stacks.BUILT, STACK_PROFILES="core")
    target = tmp_path / "elsewhere"
    without = stack.inv("eject", "--output", str(tmp_path / "bare"), "--profile", "messaging")
    assert without.code == 0, without
    listed = (tmp_path / "bare" / ".env.example").read_text()
    assert {"RABBITMQ_PASSWORD=", "REDIS_PASSWORD=", "SUPABASE_ADMIN_PASSWORD=", "SUPABASE_DB_PASSWORD="} <= set(
        listed.split()
    )
    # The backend reads there what else would be told to it while it runs.
    bare = (tmp_path / "bare" / "compose.yaml").read_text()
    assert re.search(r'RABBITMQ_URL: "amqp://stack:\$\{RABBITMQ_PASSWORD:\?[^}]*\}@rabbitmq:5672/"', bare)
    assert ".stack/private" not in bare
    assert not (tmp_path / "bare" / ".env").exists()
    assert not (stack.root / "compose.yaml").exists()

    done = stack.inv("eject", "--output", str(target), "--with-secrets")
    assert done.code == 0, done
    assert (target / ".env").stat().st_mode & 0o777 == 0o600
    other = f"{stack.project}-elsewhere"
    try:
        started = run("docker", "compose", "-p", other, "up", "-d", cwd=target)
        assert started.code == 0, started
        stacks.until(lambda: all_healthy(other), "the health of the ejected project")
        jobs = {one["State"]["ExitCode"] for one in stacks.inspect(other) if "Health" not in one["State"]}
        assert jobs == {0}
        assert stack.containers() == {}
    finally:
        stacks.remove(other)


def all_healthy(project: str) -> bool:
    """Whether every container with a healthcheck is healthy; one that is unhealthy fails at once."""
    states = [one["State"]["Health"]["Status"] for one in stacks.inspect(project) if "Health" in one["State"]]
    assert "unhealthy" not in states
    return len(states) == 3 and set(states) == {"healthy"}
