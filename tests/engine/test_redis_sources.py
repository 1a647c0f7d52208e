"""Redis from everywhere it can come from, while its consumers stay as they are."""

from collections.abc import Callable, Iterator

import pytest

from tests.engine.support import stacks
from tests.engine.support.ports import free_port
from tests.engine.support.stacks import Stack, docker, run

Start = Callable[..., None]


@pytest.fixture
def start_redis() -> Iterator[Start]:
    """Start a Redis of this machine: Debian's program in the host's own network, as if it were installed here."""
    started: list[str] = []

    def start(name: str, address: str, port: int, password: str = "") -> None:
        started.append(name)
        # By standard input, as it is what the project's own Redis does: no password in the list of processes.
        lines = '"$ADDRESS" "$PORT" "${PASSWORD:+requirepass $PASSWORD}"'
        script = f'printf "bind %s\\nport %s\\n%s\\n" {lines} | redis-server -'
        docker("run", "-d", "--name", name, "--network", "host", "-e", f"ADDRESS={address}", "-e", f"PORT={port}",
               "-e", f"PASSWORD={password}", "-e", f"REDISCLI_AUTH={password}", stacks.REDIS,
               "sh", "-c", script)  # fmt: skip
        ask = ("docker", "exec", name, "redis-cli", "-h", address, "-p", str(port))
        stacks.until(lambda: "PONG" in run(*ask, "ping").out, "the start of a Redis")
        assert run(*ask, "set", "who", name).out.strip() == "OK"

    yield start
    for name in started:
        run("docker", "rm", "-f", "-v", name)


def reader(stack: Stack) -> None:
    """A consumer that needs Redis and can ask it."""
    url = "redis://default:${REDIS_PASSWORD}@redis:6379/0"
    stack.service("reader", image=stacks.REDIS, environment={"REDIS_URL": url},
                  depends_on={"redis": {"condition": "service_healthy"}})  # fmt: skip


def ask(stack: Stack, *words: str) -> str:
    """What Redis answers to the consumer, at the address that never changes."""
    line = ['redis-cli -u "$REDIS_URL" --no-auth-warning "$@"', "ask", *words]
    return stack.exec("reader", "sh", "-c", *line).strip()


@pytest.mark.core
def test_each_source_serves_the_same_consumers_and_is_recreated_alone(stack: Stack, start_redis: Start) -> None:
    stacks.needs("host's network")
    reader(stack)
    stack.service("beside")
    stack.set(REDIS_SOURCE="build")
    stack.up()
    before = stack.identities()
    assert ask(stack, "set", "who", "build") == "OK"

    def switched(*words: str) -> stacks.Done:
        held = stack.identities()
        done = stack.up(*words)
        now = stack.identities()
        assert {n: now[n] for n in ("reader-1", "beside-1")} == {n: before[n] for n in ("reader-1", "beside-1")}
        assert now["redis-1"][0] != held["redis-1"][0]
        return done

    # A program as it is installed: on 127.0.0.1 only, without a password.
    port = free_port()
    start_redis(f"{stack.project}-stock", "127.0.0.1", port)
    stack.set(REDIS_LOCALHOST_PORT=str(port))
    left = f"stays behind in {stack.project}_redis-build-data"
    assert left in stack.inv("plan", "--source", "redis=localhost").text
    assert left in switched("--source", "redis=localhost").text
    assert ask(stack, "get", "who") == f"{stack.project}-stock"
    assert stack.env()["REDIS_SOURCE"] == "localhost"
    assert stack.one("redis")["Config"]["User"] != "root"
    assert stack.env()["REDIS_PASSWORD"] not in str(stack.one("redis")["Config"])

    unset = stack.inv("up", "--source", "redis=external", "--json")
    assert unset.code == 1
    assert "REDIS_EXTERNAL_URL" in unset.out
    assert ask(stack, "get", "who") == f"{stack.project}-stock"

    # An address of this machine that the project's network reaches.
    network = f"{stack.project}_backend-bridge-network"
    gateway = docker("network", "inspect", network, "--format", "{{(index .IPAM.Config 0).Gateway}}").strip()
    port = free_port()
    start_redis(f"{stack.project}-far", gateway, port, stack.env()["REDIS_PASSWORD"])
    stack.set(REDIS_EXTERNAL_URL=f"redis://{gateway}:{port}")
    switched("--source", "redis=external")
    assert ask(stack, "get", "who") == f"{stack.project}-far"
    assert not [name for name in stack.containers() if "host" in name], "a companion of the last source is left"

    assert "stays behind" not in switched("--source", "redis=build").text
    assert ask(stack, "get", "who") == "build"

    disabled = stack.inv("up", "--source", "redis=disabled", "--json")
    assert disabled.code == 1
    assert "reader requires redis, but redis is disabled" in disabled.problems[0]["message"]
    assert "--source redis=" in disabled.problems[0]["fix"]
    assert ask(stack, "get", "who") == "build"
    assert stack.env()["REDIS_SOURCE"] == "build"


def test_a_far_end_that_does_not_answer_fails_the_start_and_is_found_again(stack: Stack, start_redis: Start) -> None:
    reader(stack)
    port = free_port()
    stack.set(REDIS_SOURCE="localhost", REDIS_LOCALHOST_PORT=str(port))
    failed = stack.inv("up", "--json", "--timeout", "25")
    assert failed.code == 1
    assert {problem["where"] for problem in failed.problems} <= {"redis", "redis-host"}
    assert "the far end does not answer" in failed.out
    assert "reader-1" not in stack.identities() or not stack.one("reader")["State"]["Running"]
    start_redis(f"{stack.project}-stock", "127.0.0.1", port)
    stack.up()
    assert ask(stack, "get", "who") == f"{stack.project}-stock"
