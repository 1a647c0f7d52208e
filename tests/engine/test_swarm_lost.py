"""The core on three engines of which some are lost, killed, cut off or drained, and starts that do not go well."""

import datetime as dt
import signal
from collections.abc import Iterator

import pytest

from tests.engine.support import stacks, swarms
from tests.engine.support.cluster import Cluster, Node
from tests.engine.support.swarms import SwarmStack

pytestmark = [pytest.mark.engine, pytest.mark.cluster]

GAP_S = 5.0
"""Seconds: the longest time for which no request may be answered."""
ELSEWHERE_S = 30.0
"""Seconds after which what a lost node ran runs elsewhere."""


@pytest.fixture(scope="module")
def core(swarm: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SwarmStack]:
    """The core: gateway and state on the first node, where they stay, and a backend on each."""
    stack = swarms.checkout(tmp_path_factory.mktemp("lost") / "checkout", "lost", swarm, REGISTRY="none",
                            BACKEND_SCALE="3")  # fmt: skip
    here = swarm.first.id()
    try:
        stack.up("--on", "swarm", "--place", f"supabase-db={here}", "--place", f"redis={here}")
        stack.sql("CREATE TABLE public.kept AS SELECT generate_series(1, 100) AS n")
        yield stack
    finally:
        stack.remove()


@pytest.fixture(autouse=True)
def whole(core: SwarmStack) -> Iterator[None]:
    """Every node is there before and after, and each service has its tasks, once."""
    yield
    for node in core.cluster.nodes:
        node.boot()
    stacks.until(lambda: states(core) == ["Ready"] * 3, "all nodes back")
    stacks.until(lambda: len(core.running("backend")) == 3, "three backends")
    assert [len(core.running(name)) for name in ONCE] == [1] * len(ONCE)
    # What an engine runs, whatever managers know of it: a node that comes back ends what was started elsewhere.
    stacks.until(lambda: [containers(core, name) for name in (*ONCE, "backend")] == [1, 1, 1, 3], "nothing twice")
    assert core.sql("SELECT count(*) FROM public.kept") == "100"


ONCE = ("redis", "supabase-db", "kong-api-gateway")


def containers(core: SwarmStack, service: str) -> int:
    """How many containers of a service run on all nodes."""
    words = ("ps", "-q", "--filter", f"label=com.docker.swarm.service.name={core.project}_{service}")
    return sum(len(node.docker(*words).split()) for node in core.cluster.nodes)


def states(core: SwarmStack) -> list[str]:
    """What a manager says of each node."""
    return core.at.docker("node", "ls", "--format", "{{.Status}}").split()


def settled(core: SwarmStack) -> dt.datetime:
    """When the last of the backends that run got healthy, as its node wrote it."""
    well = [task for task in core.tasks()["backend"] if task["ID"] in core.running("backend")]
    return max(dt.datetime.fromisoformat(f"{task['Status']['Timestamp'][:19]}+00:00") for task in well)


def elsewhere(core: SwarmStack, lost: Node, identity: str) -> bool:
    """Whether all three backends run, and none on the lost node."""
    found = core.running("backend")
    return len(found) == 3 and identity not in found.values() and states(core).count("Down") == 1 and bool(lost)


@pytest.mark.parametrize("how", ["kill", "power_off"])
def test_a_worker_that_is_lost_is_missed_by_few_requests(core: SwarmStack, how: str) -> None:
    lost = core.cluster.nodes[2]
    identity = lost.id()
    if identity not in core.running("backend").values():
        # Swarm moves nothing back by itself.
        core.at.docker("service", "update", "--quiet", "--force", "lost_backend")
    assert identity in core.running("backend").values()
    with core.asked() as load:
        stacks.until(lambda: len(load.began) > 40, "requests before")
        began = dt.datetime.now(dt.UTC)
        getattr(lost, how)()
        stacks.until(lambda: elsewhere(core, lost, identity), "three backends on two nodes")
        more = len(load.began) + 40
        stacks.until(lambda: len(load.began) > more, "requests after")
    assert load.longest() < GAP_S, load.failed()
    assert (settled(core) - began).total_seconds() < ELSEWHERE_S
    assert core.sql("SELECT count(*) FROM public.kept") == "100"


def test_a_node_that_is_cut_off_and_comes_back_brings_no_second_database(core: SwarmStack) -> None:
    away = core.cluster.nodes[1]
    before = core.ids()["supabase-db"]
    with away.unplugged():
        stacks.until(lambda: "Down" in states(core), "the node to be missed")
    stacks.until(lambda: "Down" not in states(core), "the node back")
    assert core.ids()["supabase-db"] == before
    assert [
        node.docker("ps", "-q", "--filter", "name=lost_supabase-db.").count("\n") for node in core.cluster.nodes
    ] == [1, 0, 0]


def test_a_manager_that_is_lost_leaves_two_that_decide(core: SwarmStack) -> None:
    _, second, third = core.cluster.nodes
    with core.cluster.managers(second, third):
        try:
            third.power_off()
            core.set(BACKEND_SCALE="2")
            core.up()
            assert len(core.running("backend")) == 2
        finally:
            third.boot()
        core.set(BACKEND_SCALE="3")
        core.up()


def test_what_waits_for_a_lost_node_is_said_and_nothing_starts_empty(core: SwarmStack) -> None:
    """Typed on another manager."""
    second = core.cluster.nodes[1]
    core.at.docker("node", "update", "--availability", "drain", core.cluster.first.id())
    try:
        refused = core.inv("up", "--recreate")
        assert refused.code == 1
        assert "its data (lost_supabase-db-build-data) is on genai-" in refused.text
        assert "docker node update --availability active" in refused.text
        assert second.docker("volume", "ls", "-q") == ""
    finally:
        core.at.docker("node", "update", "--availability", "active", core.cluster.first.id())
        stacks.until(lambda: len(core.running("supabase-db")) == 1, "the database back")
        core.up()


def test_the_database_survives_a_drain_of_every_other_node_and_its_own_update(core: SwarmStack) -> None:
    others = core.cluster.nodes[1:]
    for node in others:
        core.at.docker("node", "update", "--availability", "drain", node.id())
    try:
        core.set(BACKEND_SCALE="1", SUPABASE_DB_MEMORY="1g")
        core.up()
        assert core.sql("SELECT count(*) FROM public.kept") == "100"
    finally:
        for node in others:
            core.at.docker("node", "update", "--availability", "active", node.id())
        core.set(BACKEND_SCALE="3")
        core.up()


def test_a_job_that_fails_ends_the_start_at_its_tier(core: SwarmStack) -> None:
    core.service("first", command=["sh", "-c", "echo no luck today; exit 7"], restart="no")
    core.service("second", depends_on={"first": {"condition": "service_completed_successfully"}})
    failed = core.inv("up", "--service", "second", "--once")
    assert failed.code == 1
    assert "no luck today" in failed.text
    assert "second" not in core.tasks()
    core.at.run("docker", "service", "rm", "lost_first")
    for name in ("first", "second"):
        (core.root / "compose" / f"{name}.yml").unlink()


def test_a_start_that_was_interrupted_goes_on_with_the_next(core: SwarmStack) -> None:
    core.set(BACKEND_SCALE="1")
    core.up()
    core.set(BACKEND_SCALE="3")
    start = core.start("up")
    start.wait_for("backend: ")
    start.interrupt(signal.SIGINT)
    assert start.end() == 130
    core.up()
    assert len(core.running("backend")) == 3


def test_two_starts_at_once_come_one_after_the_other(core: SwarmStack) -> None:
    before = core.ids()
    both = [core.start("up"), core.start("up")]
    assert [one.end() for one in both] == [0, 0], [one.text for one in both]
    assert core.ids() == before


def test_a_node_that_is_too_full_is_told(core: SwarmStack) -> None:
    """Of the first one, which is seen without a question: the others tell where the registry's doors run."""
    first = core.cluster.first
    first.shrink(100 * 2**20)
    try:
        [row] = [row for row in core.inv("cluster", "--json").json["data"]["nodes"] if row["here"]]
        assert row["disk_free"] < 200 * 2**20
        assert "node-full" in row["missing"]
    finally:
        first.grow()
