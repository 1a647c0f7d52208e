"""The stand-in for a service that runs elsewhere, and Redis from each of its sources."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine.support import data, stacks
from tests.engine.support.data import SECRETS, Project
from tests.engine.support.ports import free_port
from tests.engine.support.stacks import docker, run

pytestmark = pytest.mark.engine

HERE = Path(__file__).parent / "files"
SCRIPT = stacks.SOURCE_TREE / "compose/ambassador/ambassador.sh"
SERVICES = {"supabase-db": "container", "redis": "container", "backend": "container"}
OWN = {"supabase-db": "SUPABASE_DB", "redis": "REDIS", "backend": "BACKEND"}


@pytest.fixture(scope="module", autouse=True)
def images(base_image: str) -> None:
    data.build_images()


@pytest.mark.parametrize(
    ("mode", "address", "expected"),
    [
        ("tcp", "", "is not set"),
        ("tcp", "http://far.test", "expected redis://HOST:PORT"),
        ("tcp", "far.test", "expected a port from 1 to 65535"),
        ("tcp", "redis://far.test:99999", "expected a port from 1 to 65535"),
        ("tcp", "redis://far.test:x", "expected a port from 1 to 65535"),
        ("tcp", "redis://:6379", "expected a host name"),
        ("tcp", "::1:6379", "in brackets"),
        ("tcp", "redis://far.test,fork:6379", "expected a host name"),
        ("tcp", "rediss://default:hunter2@far.test:6379/0", "leave user and password out"),
        ("http", "far.test:80", "expected http://HOST:PORT"),
        ("http", "https://far.test/?key=hunter2", "nothing but a path"),
        ("http", "https://far.test/{env.HOME}", "nothing but a path"),
        ("http", "https://someone:hunter2@far.test", "leave user and password out"),
    ],
)
def test_a_bad_address_is_told_by_its_variable_and_not_shown(mode: str, address: str, expected: str) -> None:
    done = run("sh", str(SCRIPT), mode, "6379", "REDIS_EXTERNAL_URL", env={"REDIS_EXTERNAL_URL": address})
    assert done.code == 1
    assert done.text.startswith("ambassador: REDIS_EXTERNAL_URL")
    assert expected in done.text
    assert "hunter2" not in done.text


def rendered(tmp_path: Path, sources: dict[str, str]) -> dict[str, Any]:
    ports = {"BACKEND_PORT": "20001", "REDIS_PORT": "20002", "SUPABASE_DB_PORT": "20003"}
    project = Project(tmp_path / "checkout", sources, **ports)
    done = project.compose("config", "--format", "json")
    assert done.code == 0, done
    services: dict[str, Any] = json.loads(done.out)["services"]
    return services


@pytest.mark.parametrize("source", ["localhost", "external"])
@pytest.mark.parametrize("service", SERVICES)
def test_an_ambassador_keeps_name_and_port_and_sees_no_secret(service: str, source: str, tmp_path: Path) -> None:
    own = rendered(tmp_path, SERVICES)[service]
    services = rendered(tmp_path, SERVICES | {service: source})
    ambassador, companion = services[service], services.get(f"{service}-host")
    address = {f"{OWN[service]}_EXTERNAL_URL", f"{OWN[service]}_LOCALHOST_PORT", "AMBASSADOR_DIAL"}
    assert ambassador["ports"] == own["ports"]
    assert ambassador["networks"] == own["networks"]
    assert ambassador["profiles"] == own["profiles"]
    assert ambassador["healthcheck"]["test"][1].split()[0] == "far"
    assert (companion is not None) == (source == "localhost")
    for one in filter(None, (ambassador, companion)):
        assert one["image"] == data.IMAGES["AMBASSADOR_IMAGE"]
        assert one["build"]["context"].endswith("compose/ambassador")
        assert set(one.get("environment") or {}) <= address
        assert {v["target"] for v in one.get("volumes") or []} <= {"/bridge"}
        assert set(one.get("depends_on") or {}) <= {f"{service}-host"}
        assert one["cap_drop"] == ["ALL"]
        assert one["read_only"]
        assert not [secret for secret in SECRETS.values() if secret in json.dumps(one)]
    if companion:
        assert companion["network_mode"] == "host"
        assert "ports" not in companion


@pytest.fixture
def stock_redis() -> Iterator[tuple[int, str]]:
    """Debian's Redis on 127.0.0.1 alone, without a password: its port, and its container's name."""
    port = free_port()
    name = f"stock-{port}"
    words = f"run -d --name {name} --network host --entrypoint redis-server".split()
    docker(*words, data.IMAGES["REDIS_BUILD_IMAGE"], "--bind", "127.0.0.1", "--port", str(port))
    yield port, name
    run("docker", "rm", "-f", "-v", name)


def ask_redis(project: Project, *words: str) -> str:
    """What a consumer of Redis gets, with the address that is the same for every source."""
    url = f"redis://default:{SECRETS['REDIS_PASSWORD']}@redis:6379/3"
    network = f"{project.name}_backend-bridge-network"
    client = f"docker run --rm --network {network} --entrypoint redis-cli".split()
    done = run(*client, data.IMAGES["REDIS_BUILD_IMAGE"], "--no-auth-warning", "-u", url, *words)
    return done.text.strip()


def test_redis_built_here_needs_its_password_and_keeps_its_data_over_a_kill(tmp_path: Path) -> None:
    project = Project(tmp_path / "checkout", {"redis": "build"})
    try:
        project.up("redis")
        assert ask_redis(project, "set", "answer", "42") == "OK"
        guess = project.exec("redis", "env", "REDISCLI_AUTH=guessed", "redis-cli", "-n", "3", "get", "answer")
        assert "42" not in guess.text
        assert "NOAUTH" in guess.text or "WRONGPASS" in guess.text
        policy = project.exec("redis", "redis-cli", "config", "get", "maxmemory-policy").out
        assert "noeviction" in policy
        shown = docker("top", project.container("redis"), "-eo", "pid,args") + project.log("redis")
        shown += docker("inspect", "-f", "{{.Path}} {{.Args}} {{.Config.Cmd}}", project.container("redis"))
        assert SECRETS["REDIS_PASSWORD"] not in shown
        docker("kill", project.container("redis"))
        project.up("redis")
        assert ask_redis(project, "get", "answer") == "42"
    finally:
        project.remove()


def test_redis_of_this_machine_is_reached_and_found_again(stock_redis: tuple[int, str], tmp_path: Path) -> None:
    port, name = stock_redis
    project = Project(tmp_path / "checkout", {"redis": "localhost"}, REDIS_LOCALHOST_PORT=str(port))

    def far() -> int:
        return project.exec("redis", "far", "redis", "6379").code

    try:
        project.up("redis")
        assert ask_redis(project, "set", "from", "consumer") == "OK"
        kept = docker("exec", name, "redis-cli", "-p", str(port), "-n", "3", "get", "from")
        assert kept.strip() == "consumer"
        status = project.exec("redis", "cat", "/proc/1/status").out
        assert "Uid:\t0" not in status
        assert "CapBnd:\t0000000000000000" in status

        docker("stop", "-t", "1", name)
        assert far() == 1
        docker("start", name)
        stacks.until(lambda: far() == 0, "the return of Redis")

        # A kill leaves the socket behind.
        docker("kill", project.container("redis-host"))
        assert far() == 1
        docker("start", project.container("redis-host"))
        stacks.until(lambda: far() == 0, "the return of the half in the host's network")
        assert ask_redis(project, "ping") == "PONG"
    finally:
        project.remove()


@pytest.fixture(scope="module")
def tls(base_image: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates for far.test and what is below it."""
    data.build_images()
    return data.certificates(tmp_path_factory.mktemp("tls"))


def test_redis_elsewhere_is_reached_plain_and_by_verified_tls(tls: Path, tmp_path: Path) -> None:
    trusted = {"CERTIFICATES": str(tls), "AUTHORITY": "/tls/authority.pem", "WEB": str(HERE)}
    sources = {"redis": "external", "supabase-db": "external", "backend": "external"}
    project = Project(tmp_path / "checkout", sources, HERE / "far.yml", **trusted)
    try:
        project.up("far", "redis", REDIS_EXTERNAL_URL="redis://far.test:6390/0")
        assert ask_redis(project, "set", "by", "plain") == "OK"
        project.up("redis", REDIS_EXTERNAL_URL="rediss://far.test:6391")
        assert ask_redis(project, "get", "by") == "plain"

        def refused(reason: str, **settings: str) -> None:
            project.compose("up", "-d", "redis", **settings)
            stacks.until(lambda: reason in project.log("redis"), f"a log that tells {reason}")
            assert project.exec("redis", "far", "redis", "6379").code == 1
            assert "plain" not in ask_redis(project, "get", "by")

        refused("does not match hostname", REDIS_EXTERNAL_URL="rediss://other.example:6391")
        refused("certificate verify failed", REDIS_EXTERNAL_URL="rediss://far.test:6391", AUTHORITY="")

        project.compose("up", "-d", "redis", REDIS_EXTERNAL_URL="")
        told = "REDIS_EXTERNAL_URL is not set"
        stacks.until(lambda: told in project.log("redis"), "a log that names the variable")
    finally:
        project.remove()
