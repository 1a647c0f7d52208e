"""Three engines in other ways than the core as it comes: images that only one has, a gateway on two, services from
elsewhere, networks that are encrypted, another manager at the wheel, an old client."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stack import client
from stack.cluster import doors
from tests.engine.support import stacks, swarms
from tests.engine.support.cluster import Cluster, Node
from tests.engine.support.swarms import SwarmStack

pytestmark = [pytest.mark.engine, pytest.mark.cluster]

REDIS = swarms.IMAGES["REDIS_BUILD_IMAGE"]
REGISTRY = "genai-stack/registry:0.1.0"
Make = Callable[..., SwarmStack]


@pytest.fixture
def make(swarm: Cluster, tmp_path: Path) -> Iterator[Make]:
    """A checkout on the three nodes, of which nothing is left afterwards."""
    made: list[SwarmStack] = []

    def one(project: str, **settings: str) -> SwarmStack:
        made.append(swarms.checkout(tmp_path / project, project, swarm, **settings))
        return made[-1]

    yield one
    for stack in made:
        stack.remove()


def test_a_node_gets_what_was_built_on_another(make: Make, swarm: Cluster) -> None:
    """Once it has the one image by which it gets all others: a user brings it there by ssh."""
    stack = make("brought")
    last = swarm.nodes[2]
    try:
        for image in (REDIS, REGISTRY):
            last.docker("rmi", "-f", image)
        words = ("up", "--on", "swarm", "--service", "redis", "--place", f"redis={last.id()}")
        refused = stack.inv(*words)
        assert refused.code == 1
        assert f"docker save {REGISTRY} | ssh {last.address} docker load" in refused.text
        swarm.load(REGISTRY)
        stack.up(*words[1:])
        assert set(stack.running("redis").values()) == {last.id()}
        rows = stack.inv("cluster", "--json").json["data"]["nodes"]
        assert [row["disk_free"] is None for row in rows] == [False] * 3
        assert stack.inv("down", "--volumes", "--yes").code == 0
        swarms.gone(swarm, "brought")
    finally:
        swarm.load(REDIS)


def test_a_gateway_is_on_each_node_with_its_label(make: Make, swarm: Cluster) -> None:
    stack, (first, second, third) = make("doors", REGISTRY="none"), swarm.nodes
    for node in (second, third):
        first.docker("node", "update", "--label-add", "stack.gateway=true", node.id())
    try:
        stack.up("--on", "swarm", "--service", "kong-api-gateway", "--exact")
        assert sorted(stack.running("kong-api-gateway").values()) == sorted([second.id(), third.id()])
        assert [stack.ask("/", at=node)[0] for node in (second, third)] == [200, 200]
        first.docker("node", "update", "--label-rm", "stack.gateway", second.id())
        stack.up("--service", "kong-api-gateway", "--exact")
        assert list(stack.running("kong-api-gateway").values()) == [third.id()]
    finally:
        for node in (second, third):
            first.run("docker", "node", "update", "--label-rm", "stack.gateway", node.id())


def reader(stack: SwarmStack) -> None:
    """A consumer that needs Redis and can ask it."""
    url = "redis://default:${REDIS_PASSWORD}@redis:6379/0"
    stack.service("reader", image=REDIS, environment={"REDIS_URL": url},
                  depends_on={"redis": {"condition": "service_healthy"}})  # fmt: skip


def who(stack: SwarmStack) -> str:
    """Which Redis answers the consumer, at the address that never changes."""
    return stack.exec("reader", "sh", "-c", 'redis-cli -u "$REDIS_URL" --no-auth-warning get who').strip()


def serve(node: Node, address: str, password: str = "") -> None:
    """Have a Redis of its own on a node, as if it were installed there, that says where it is."""
    words = f"redis-server --bind {address} --port 25150 {password and f'--requirepass {password}'}"
    node.docker("run", "-d", "--name", "sources-own", "--network", "host", REDIS, "sh", "-c", words)
    ask = (
        "docker",
        "exec",
        "-e",
        f"REDISCLI_AUTH={password}",
        "sources-own",
        "redis-cli",
        "-h",
        address,
        "-p",
        "25150",
    )
    stacks.until(lambda: "OK" in node.run(*ask, "-p", "25150", "set", "who", node.name).out, "a Redis")


def test_a_program_of_one_node_and_one_of_elsewhere_serve_the_same_consumer(make: Make, swarm: Cluster) -> None:
    """On one node as it is installed, on 127.0.0.1 alone; elsewhere by its address, with a password."""
    stack, (_, second, third) = make("sources", REGISTRY="none", STACK_PROFILES="small"), swarm.nodes
    reader(stack)
    stack.set(REDIS_LOCALHOST_PORT="25150", REDIS_EXTERNAL_URL=f"redis://{third.address}:25150")
    up = ("--service", "reader", "--exact")
    try:
        stack.up("--on", "swarm", *up)
        serve(second, "127.0.0.1")
        serve(third, third.address, stack.env()["REDIS_PASSWORD"])
        before = stack.ids("redis")
        stack.up(*up, "--source", "redis=localhost", "--place", f"redis-host={second.id()}")
        assert set(stack.running("redis-host").values()) == {second.id()}
        assert (who(stack), stack.ids("redis", "redis-host")) == (second.name, before)
        stack.up(*up, "--source", "redis=external")
        assert (who(stack), stack.ids("redis", "redis-host")) == (third.name, before)
        assert stack.inv("rollback", "--yes").code == 0
        assert (who(stack), stack.ids("redis", "redis-host")) == (second.name, before)
        assert stack.env()["REDIS_SOURCE"] == "localhost"
    finally:
        for node in (second, third):
            node.run("docker", "rm", "-f", "-v", "sources-own")


def test_another_encryption_of_networks_asks_for_a_new_start(make: Make, swarm: Cluster) -> None:
    """Whether anything goes through depends on the kernel; what is asked of the managers does not."""
    stack = make("hidden", REGISTRY="none")
    words = ("--service", "redis", "--exact")
    stack.up("--on", "swarm", *words)
    before = stack.ids()
    refused = stack.inv("up", *words, env={"NETWORK_ENCRYPTED": "true"})
    assert refused.code == 1
    assert "./inv down" in refused.text
    assert stack.ids() == before
    assert stack.inv("down").code == 0
    stack.set(NETWORK_ENCRYPTED="true")
    stack.up(*words)
    options = swarm.first.docker("network", "inspect", "hidden_backend-bridge-network", "--format", "{{.Options}}")
    assert "encrypted" in options


def test_another_manager_goes_on_where_the_first_is_lost(make: Make, swarm: Cluster) -> None:
    """With a copy of the checkout, at its place. What lies on the lost one waits; the others are changed."""
    stack, (first, second, third) = make("wheel", REGISTRY="none", STACK_PROFILES="small"), swarm.nodes
    stack.service("web", deploy={"replicas": "${WEB_SCALE:-2}"})
    reader(stack)
    with swarm.managers(second, third):
        stack.up("--on", "swarm", "--place", f"redis={third.id()}")
        first_id = first.id()
        try:
            first.power_off()
            stack.at = second
            stacks.until(lambda: "Down" in second.run("docker", "node", "ls").out, "the loss to be seen")
            stack.set(WEB_SCALE="3")
            stack.up()
            assert len(stack.running("web")) == 3
            assert first_id not in stack.running("web").values()
        finally:
            first.boot()
            stack.at = first
        stacks.until(lambda: second.run("docker", "node", "ls").out.count("Ready") == 3, "the first one back")
    assert {name: len(stack.running(name)) for name in ("web", "redis", "reader")} == {
        "web": 3,
        "redis": 1,
        "reader": 1,
    }


def test_a_down_on_another_manager_ends_the_registry_of_the_first(make: Make, swarm: Cluster) -> None:
    stack, (first, second, third) = make("first"), swarm.nodes
    with swarm.managers(second, third):
        stack.up("--on", "swarm", "--service", "redis", "--exact")
        stack.at = second
        assert stack.inv("down").code == 0
        stack.at = first
    assert REGISTRY not in first.docker("ps", "-a")
    assert "first-registry" not in first.docker("network", "ls")


OLD = "/usr/bin/docker"


def test_a_client_as_old_as_the_oldest_engine_deploys(make: Make) -> None:
    """Debian 12's docker.io has client 20.10, which may lie beside a newer one."""
    told = stacks.run(OLD, "--version").out if Path(OLD).exists() else ""
    if "20.10" not in told:
        pytest.skip(f"no client 20.10 at {OLD}")
    stack = make("old", REGISTRY="none")
    env = {"PATH": f"/usr/bin:{os.environ['PATH']}"}
    words = ("up", "--service", "kong-api-gateway", "--service", "redis", "--exact")
    done = stack.inv(*words, "--on", "swarm", env=env)
    assert done.code == 0, done
    before = stack.ids()
    assert "no task was started anew" in stack.inv(*words, env=env).text
    assert stack.ids() == before
    assert stack.inv("down", "--volumes", "--yes", env=env).code == 0
    swarms.gone(stack.cluster, "old")


def test_a_gpu_is_what_an_engine_offers_as_a_resource(make: Make, swarm: Cluster) -> None:
    """The plan alone: engines of 20.10 take no such task that has a network (moby/moby 44378)."""
    last = swarm.nodes[2]
    reserved = {"resources": {"reservations": {"devices": [{"capabilities": ["gpu"], "count": "${GPUS:-1}"}]}}}
    stack = make("gpu", REGISTRY="none", STACK_PROFILES="small", RUN_ON="swarm")
    stack.service("model", deploy=reserved)
    assert "no node offers one as a generic resource" in stack.inv("plan").text
    with last.configured({"node-generic-resources": ["NVIDIA-GPU=UUID-1"]}):
        rows = stack.inv("cluster", "--json").json["data"]["nodes"]
        assert {row["id"]: (row["gpu"], row["gpus"]) for row in rows if row["gpus"]} == {last.id(): ("NVIDIA-GPU", 1)}
        assert stack.inv("plan").code == 0
        stack.set(GPUS="2")
        assert "no node offers more than 1" in stack.inv("plan").text


AUTHORITY = ("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN={at} "
             "-addext subjectAltName=IP:{at} -keyout {folder}/key.pem -out {folder}/ca.crt")  # fmt: skip
LOGIN = "someone:$2y$05$vr2kM7wjhNPnsMRUKQpwNeYHcCIHL1A5DvFnUsv60hCkLZy1.yqm6"
"""A line as `htpasswd -B` writes it; the password is `a-word`."""


def test_nodes_pull_from_a_registry_of_the_users_own_by_his_login(make: Make, swarm: Cluster, tmp_path: Path) -> None:
    """With TLS by an authority of his own, which each engine has to know, and a password."""
    first, last = swarm.nodes[0], swarm.nodes[2]
    at = f"{first.address}:5443"
    stack = make("own", REGISTRY=at, REDIS_BUILD_IMAGE="genai-stack/redis:own")
    files, logins = tmp_path / "files", tmp_path / "logins"
    for folder in (files, logins):
        folder.mkdir(0o755)
    done = stacks.run(*AUTHORITY.format(at=first.address, folder=files).split())
    assert done.code == 0, done
    (files / "key.pem").chmod(0o644)
    (files / "users").write_text(LOGIN)
    for node in swarm.nodes:
        node.trust(at, (files / "ca.crt").read_text())
    settings = {"HTTP_TLS_CERTIFICATE": "/files/ca.crt", "HTTP_TLS_KEY": "/files/key.pem",
                "AUTH": "htpasswd", "AUTH_HTPASSWD_REALM": "x", "AUTH_HTPASSWD_PATH": "/files/users"}  # fmt: skip
    given = [word for name, value in settings.items() for word in ("-e", f"REGISTRY_{name}={value}")]
    env = {"DOCKER_CONFIG": str(logins)}
    (logins / "cli-plugins").symlink_to(client.folder() / "cli-plugins")
    try:
        first.docker("tag", REDIS, "genai-stack/redis:own")
        first.docker("run", "-d", "--name", "own-registry", "-p", f"{at}:5000", "-v", f"{files}:/files:ro", *given,
                     "--entrypoint", "sh", REGISTRY, "-c", doors.SERVE)  # fmt: skip
        words = ("up", "--on", "swarm", "--service", "redis", "--exact", "--place", f"redis={last.id()}")
        refused = stack.inv(*words, env=env)
        assert refused.code == 1
        assert f"docker login {first.address}:5443" in refused.text
        login = (*first.enter, "docker", "login", "--username", "someone", "--password", "a-word", at)
        stacks.until(lambda: stacks.run(*login, env={**first.env, **env}).code == 0, "the registry")
        done = stack.inv(*words, env=env)
        assert done.code == 0, done
        assert set(stack.running("redis").values()) == {last.id()}
        assert f"{at}/redis" in last.docker("images", "--digests")
    finally:
        for node in swarm.nodes:
            node.run("docker", "rm", "-f", "-v", "own-registry")
            node.run("docker", "rmi", "-f", "genai-stack/redis:own")


def test_the_commands_of_one_machine_answer_on_a_cluster(make: Make) -> None:
    stack = make("same", REGISTRY="none")
    stack.up("--on", "swarm")
    data = {name: ids for name, ids in stack.ids().items() if name in ("redis", "supabase-db")}
    assert "backend" in stack.inv("why", "redis").text
    assert "supabase-db" in stack.inv("open", "supabase-db").text
    assert stack.inv("open", "nothing-here").code == 2
    checked = {row["id"]: row["grade"] for row in stack.inv("doctor", "--json").json["data"]["checks"]}
    assert "error" not in checked.values(), checked
    image = swarms.IMAGES["BACKEND_BUILD_IMAGE"]
    added = stack.inv("add-service", "notes", "--image", image, "--port", "8000", "--profile", "core",
                      "--command", "python3 -m http.server 8000", "--route", "/notes", "--auth", "none")  # fmt: skip
    assert added.code == 0, added
    stack.up()
    assert {name: stack.ids()[name] for name in data} == data
    assert stack.ask("/notes/")[0] == 200
    assert stack.inv("route.add", "--service", "backend", "--path", "/extra", "--auth", "none").code == 0
    assert "backend" in stack.inv("route.test", "GET", "/extra/health").text
    stack.up()
    assert stack.ask("/extra/health")[0] == 200
    assert stack.inv("remove-service", "notes", "--yes").code == 0
    assert "notes" not in stack.tasks()
