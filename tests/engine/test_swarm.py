"""The core on three engines in one swarm: brought up in the edges' order, changed, and taken down.

Every node has the images, but in the first test. That nodes are lost is in test_swarm_lost.py, more of what a user may
do with them in test_swarm_ways.py."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stack.cluster import registry
from tests.engine.support import swarms
from tests.engine.support.cluster import Cluster
from tests.engine.support.swarms import SwarmStack

pytestmark = pytest.mark.engine

REDIS, HERE = swarms.IMAGES["REDIS_BUILD_IMAGE"], "genai-stack/redis:here"


@pytest.fixture(scope="module")
def core(swarm: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SwarmStack]:
    """The core on the three nodes."""
    stack = swarms.checkout(tmp_path_factory.mktemp("core") / "checkout", "core", swarm, REGISTRY="none")
    try:
        stack.up("--on", "swarm")
        # By then the gateway knows what it routes to.
        assert stack.ask()[0] == 200
        yield stack
    finally:
        stack.remove()


def test_a_node_gets_an_image_that_only_another_has(swarm: Cluster, tmp_path: Path) -> None:
    """By its name; the layers it has, which is no matter: what an engine is to run by digest, it asks its door for."""
    stack = swarms.checkout(tmp_path / "checkout", "brought", swarm, REDIS_BUILD_IMAGE=HERE)
    last = swarm.nodes[2]
    try:
        swarm.first.docker("tag", REDIS, HERE)
        stack.up("--on", "swarm", "--service", "redis", "--exact", "--place", f"redis={last.id()}")
        assert set(stack.running("redis").values()) == {last.id()}
        assert f"127.0.0.1:{stack.port(registry.OFFSET)}/genai-stack/redis" in last.docker("images")
    finally:
        stack.remove()


def test_every_service_came_after_what_it_needs(core: SwarmStack) -> None:
    tasks = {name: every[0] for name, every in core.tasks().items()}
    began = {name: task["CreatedAt"] for name, task in tasks.items()}
    there = {name: task["Status"]["Timestamp"] for name, task in tasks.items()}
    assert there["supabase-db"] < began["supabase-db-init"]
    assert max(there[name] for name in ("supabase-db-init", "redis", "supabase-db")) < began["backend"]


def test_a_second_up_starts_no_task_anew_and_is_no_start(core: SwarmStack) -> None:
    before = core.ids()
    core.up()
    assert core.ids() == before
    [start] = core.inv("history", "--json").json["data"]["starts"]
    assert (start["outcome"], {one["name"] for one in start["changes"]}) == ("done", set(core.tasks()))


TOLD = ("backend", "kong-api-gateway")
"""Who is told of what runs, by a file that is a config of Swarm: another one is another task."""


def test_a_profile_on_top_leaves_the_others_alone(core: SwarmStack) -> None:
    core.service("added")
    before = core.ids(*TOLD)
    core.up("--profile", "small")
    assert core.ids(*TOLD, "added") == before
    assert len(core.running("added")) == 1


def test_another_source_replaces_one_service(core: SwarmStack) -> None:
    other = core.root / "overrides" / "added" / "other.yml"
    other.parent.mkdir()
    other.write_text("# Another one.\nservices:\n  added:\n    command: [sleep, '1000000']\n")
    before, former = core.ids(*TOLD, "added"), core.running("added")
    core.up("--source", "added=other")
    assert core.ids(*TOLD, "added") == before
    assert former.keys() != core.running("added").keys()
    assert core.ask()[0] == 200


def test_three_backends_are_on_three_nodes(core: SwarmStack) -> None:
    core.set(BACKEND_SCALE="3")
    before = core.ids("backend")
    core.up()
    assert sorted(core.running("backend").values()) == sorted(node.id() for node in core.cluster.nodes)
    assert core.ids("backend") == before
    assert {core.ask()[0] for _ in range(9)} == {200}


def test_down_leaves_the_data_alone_and_then_not_even_that(core: SwarmStack) -> None:
    core.sql("CREATE TABLE public.kept AS SELECT 1 AS n")
    assert core.inv("down").code == 0
    swarms.gone(core.cluster, "core", but="-data")
    core.up()
    assert core.sql("SELECT n FROM public.kept") == "1"
    assert core.inv("down", "--volumes", "--yes").code == 0
    swarms.gone(core.cluster, "core")
