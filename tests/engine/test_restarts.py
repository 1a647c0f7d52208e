"""The engine starts containers again without us: after a crash, a `docker restart`, a reboot of the machine."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine.support import stacks, standins
from tests.engine.support.stacks import Stack, docker

LAYER = "services: {kong-api-gateway: {user: '1000:1000'}}\n"
"""Kong is not root in its image, and must not need to be."""


@pytest.mark.core
def test_every_container_that_the_engine_restarts_gets_healthy_again(
    new_stack: Callable[..., Stack], tmp_path: Path
) -> None:
    stacks.needs("checks")
    standins.build(tmp_path)
    settings = {**stacks.BUILT, "KONG_API_GATEWAY_SOURCE": "container"}
    stack = new_stack(whole=True, **settings, STACK_PROFILES="core", KONG_API_GATEWAY_IMAGE=standins.IMAGE)
    layer = stack.root / "local/compose/kong-api-gateway.yml"
    layer.parent.mkdir(parents=True)
    layer.write_text(LAYER)
    stack.up()
    running = {name: one for name, one in stack.containers().items() if one["State"]["Running"]}
    assert {"kong-api-gateway-1", "backend-1", "redis-1", "supabase-db-1"} <= running.keys()
    docker("restart", *(one["Id"] for one in running.values()))

    def healthy() -> bool:
        now = stack.containers()
        return all(now[name]["State"].get("Health", {}).get("Status") == "healthy" for name in running)

    stacks.until(healthy, "the health of all that was restarted")
    assert "nothing was changed" in stack.up().out
