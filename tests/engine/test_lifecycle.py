"""The main job: from files alone to healthy containers that do their work, and back."""

import json
import socket
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from tests.engine.support import stacks
from tests.engine.support.ports import free_port
from tests.engine.support.stacks import Stack


def query(stack: Stack, statement: str) -> list[Any]:
    """What the database answers on its published port to the application's user."""
    import asyncio

    import asyncpg

    async def ask() -> list[Any]:
        connection = await asyncpg.connect(
            host="127.0.0.1", port=stack.port(0), user="app", database="postgres",
            password=stack.env()["SUPABASE_DB_PASSWORD"],
        )  # fmt: skip
        try:
            return [row[0] for row in await connection.fetch(statement)]
        finally:
            await connection.close()

    return asyncio.run(ask())


def redis(port: int, *lines: str) -> list[str]:
    """The first line of each answer of a Redis to inline commands."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as sock, sock.makefile("rw", newline="\r\n") as file:
        answers = []
        for line in lines:
            file.write(f"{line}\n")
            file.flush()
            answers.append(file.readline().strip())
        return answers


def ready(port: int) -> tuple[int, dict[str, Any]]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=10) as answer:
        return answer.status, json.loads(answer.read())


def works(stack: Stack) -> None:
    """Every program of core answers on its published port."""
    assert query(stack, "SELECT 6 * 7") == [42]
    assert redis(stack.port(1), "PING") == ["-NOAUTH Authentication required."]
    assert redis(stack.port(1), f"AUTH {stack.env()['REDIS_PASSWORD']}", "PING") == ["+OK", "+PONG"]
    status, body = ready(stack.port(16))
    assert status == 200
    assert {"database", "redis"} <= set(json.dumps(body).lower().replace('"', " ").split()) or body


@pytest.mark.core
def test_from_nothing_to_healthy_and_back_twice(new_stack: Callable[..., Stack]) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    stack = new_stack(whole=True, STACK_PROFILES="core", REGISTRY_PREFIX=nowhere)

    first = stack.up()
    works(stack)
    # No registry answers there: what can be built is, for good, and the core all can.
    chosen = {name: value for name, value in stack.env().items() if name.endswith("_SOURCE")}
    core = ("REDIS", "SUPABASE_DB", "BACKEND", "KONG_API_GATEWAY")
    assert chosen == {f"{name}_SOURCE": "build" for name in core}
    for path in ("backend/health", ""):
        with urllib.request.urlopen(f"http://localhost:{stack.port(2)}/{path}", timeout=10) as answer:
            assert answer.status == 200
    assert "no registry can be reached" in first.text
    assert f"http://localhost:{stack.port(16)}/" in first.out
    assert stack.files_are_whole()

    before = stack.identities()
    assert "nothing was changed" in stack.up().out
    assert stack.identities() == before

    query(stack, "CREATE TABLE kept (word text)")
    query(stack, "INSERT INTO kept VALUES ('here')")
    secrets = {name: value for name, value in stack.env().items() if "PASSWORD" in name}
    down = stack.inv("down")
    assert down.code == 0
    assert stack.containers() == {}
    assert stack.listed("network") == []
    volumes = stack.listed("volume")
    assert volumes == [f"{stack.project}_redis-build-data", f"{stack.project}_supabase-db-build-data"]
    assert all(name in down.out for name in volumes)

    stack.up()
    works(stack)
    assert query(stack, "SELECT word FROM kept") == ["here"]

    refused = stack.inv("down", "--volumes")
    assert refused.code == 1
    assert all(name in refused.err for name in volumes)
    assert stack.listed("volume") == volumes
    assert len(stack.containers()) == 5

    assert stack.inv("down", "--volumes", "--yes").code == 0
    assert (stack.containers(), stack.listed("network"), stack.listed("volume")) == ({}, [], [])

    stack.up()
    works(stack)
    assert query(stack, "SELECT count(*) FROM information_schema.tables WHERE table_name = 'kept'") == [0]
    assert {name: value for name, value in stack.env().items() if "PASSWORD" in name} == secrets


def test_what_a_checkout_runs_is_told_by_status_and_by_the_table_of_addresses(new_stack: Callable[..., Stack]) -> None:
    stack = new_stack(**stacks.BUILT)
    absent = stack.inv("status", "--json").json["data"]["services"]
    stack.up("--service", "redis")
    services = {s["name"]: s for s in stack.inv("status", "--json").json["data"]["services"]}
    assert absent == []
    assert services["redis"]["state"] == "running"
    assert services["redis"]["health"] == "healthy"
    assert services["redis"]["ports"] == [{"host_ip": "127.0.0.1", "host": stack.port(1), "container": 6379}]
    assert services["redis"]["memory_bytes"] > 2**20
    assert services["redis"]["restarts"] == 0
    assert services["redis"]["processors"] is None
    [asked] = stack.inv("status", "--stats", "--json").json["data"]["services"]
    assert asked["memory_bytes"] > 2**20
    assert 0 <= asked["processors"] < 10
    text = stack.inv("status").out
    assert "redis" in text
    assert "healthy" in text
