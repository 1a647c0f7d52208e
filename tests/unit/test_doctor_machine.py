"""Checks of machine, engine and settings: the fault present, and absent."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from stack import docker
from stack.doctor.check import Check, Finding
from stack.doctor.checks import (
    architecture,
    clock,
    engine_warnings,
    env_file,
    env_mode,
    env_shadowed,
    gpu,
    image_pins,
    jwt_keys,
    limits,
    logins,
    map_count,
    memory,
    owner,
    proxy,
    remote_engine,
    rootless,
    secret_shape,
    secrets_weak,
    settings_missing,
    settings_unknown,
)
from stack.doctor.scene import Scene
from stack.env import secrets
from stack.env.settings import CORE_DEFAULTS, resolve
from stack.errors import fail
from stack.planning.checkouts import Checkout
from tests.synthetic import facts, planned, port

GB = 2**30


def grades(found: list[Finding]) -> list[str]:
    return [one.grade for one in found]


# Machine


def test_limits_beyond_the_engine_s_memory_are_told_with_the_largest() -> None:
    [found] = memory.findings({"a": 6 * GB, "b": 3 * GB}, set(), 4 * GB, None, 0)
    assert found.grade == "warning"
    assert found.seen == "the plan's limits come to 9.0 GB (a 6.0 GB, b 3.0 GB), and the engine has 4.0 GB"


def test_limits_that_are_not_all_reached_at_once_fit() -> None:
    assert grades(memory.findings({"a": 6 * GB, "b": 3 * GB}, set(), 5 * GB, None, 0)) == ["ok"]


def test_what_is_still_to_start_is_held_against_what_is_free() -> None:
    limits_ = {"a": 3 * GB, "b": 3 * GB}
    assert grades(memory.findings(limits_, {"b"}, 8 * GB, GB, 0)) == ["warning"]
    assert grades(memory.findings(limits_, {"a", "b"}, 8 * GB, GB, 0)) == ["ok"]
    assert grades(memory.findings(limits_, set(), 8 * GB, None, 0)) == ["ok"]


def test_the_supabase_family_needs_four_gigabytes() -> None:
    assert grades(memory.findings({}, set(), 2 * GB, None, 9)) == ["warning"]
    assert grades(memory.findings({}, set(), 2 * GB, None, 1)) == ["ok"]


def test_a_low_map_count_is_told_with_the_command() -> None:
    [found] = map_count.findings(65530)
    assert found.fix.startswith("sudo sysctl -w vm.max_map_count=262144")
    assert map_count.findings(262144) == []


def test_low_limits_of_the_kernel_are_told() -> None:
    low = {"fs/inotify/max_user_instances": 64, "fs/inotify/max_user_watches": 8192}
    [found] = limits.findings(low, 10, 100)
    assert found.seen == "fs.inotify.max_user_instances is 64"
    [found] = limits.findings({}, 95, 100)
    assert found.seen == "95 of at most 100 files are open on this machine"
    assert limits.findings({name: count * 2 for name, count in limits.LEAST.items()}, 10, 100) == []


def test_an_image_of_another_processor_is_told() -> None:
    assert grades(architecture.findings("web", "web:1", "arm64", "amd64")) == ["warning"]
    assert architecture.findings("web", "web:1", "amd64", "amd64") == []
    assert architecture.findings("web", "web:1", "", "arm64") == []


def test_an_image_that_is_published_for_one_processor_alone_is_told_before_it_is_pulled() -> None:
    [found] = architecture.findings("comfyui", "yanwk/comfyui-boot:cpu", "", "arm64")
    assert "for amd64 alone, and this machine is arm64" in found.seen
    assert architecture.findings("comfyui", "yanwk/comfyui-boot:cpu", "", "amd64") == []
    assert architecture.findings("ollama", "ollama/ollama:0.32.15", "", "arm64") == []


@pytest.mark.parametrize(("ahead", "grade"), [(1.0, []), (-8.0, ["warning"]), (90.0, ["error"])])
def test_a_clock_that_differs_is_told(ahead: float, grade: list[str]) -> None:
    assert grades(clock.findings(ahead)) == grade


def test_the_engine_s_clock_is_read_in_nanoseconds() -> None:
    assert clock.seconds("2026-11-25T17:00:00.123456789Z") == clock.seconds("2026-11-25T18:00:00.123456+01:00")


# Engine


@pytest.mark.parametrize(
    ("info", "told"),
    [({"Runtimes": {"runc": {}}}, True), ({"Runtimes": {"nvidia": {}}}, False),
     ({"DiscoveredDevices": [{"ID": "nvidia.com/gpu=all"}]}, False)],
)  # fmt: skip
def test_a_gpu_source_is_told_where_the_engine_has_no_runtime_for_it(
    monkeypatch: pytest.MonkeyPatch, info: dict[str, Any], told: bool
) -> None:
    monkeypatch.setattr(docker, "info", lambda: info)
    given = {"planned": planned(facts({"llm": {}, "web": {}}, entries={"llm": {"gpu": "nvidia"}})), "engine": ""}
    found = list(gpu.CHECK.run(Scene(Path("/nowhere"), given)))
    assert [one.service for one in found] == (["llm"] if told else [])
    assert all("--source llm=container" in one.fix for one in found)


@pytest.mark.parametrize(
    ("options", "dial", "told"),
    [(["name=seccomp,profile=default", "name=rootless"], "127.0.0.1", True),
     (["name=rootless"], "10.0.2.2", False), (["name=seccomp,profile=default"], "127.0.0.1", False)],
)  # fmt: skip
def test_a_service_in_the_hosts_network_is_told_where_the_engine_is_rootless(
    monkeypatch: pytest.MonkeyPatch, options: list[str], dial: str, told: bool
) -> None:
    monkeypatch.setattr(docker, "info", lambda: {"SecurityOptions": options})
    ambassador = {"network_mode": "host", "environment": {"AMBASSADOR_DIAL": dial}}
    services: dict[str, Any] = {"redis-host": ambassador, "web": {}}
    given = {"planned": planned(facts(services)), "engine": ""}
    found = list(rootless.CHECK.run(Scene(Path("/nowhere"), given)))
    assert [one.service for one in found] == (["redis-host"] if told else [])
    assert all("--service redis-host --to container" in one.fix for one in found)
    # A rootless Podman has no network between a container in the host's and this machine.
    monkeypatch.setattr(docker, "podman", lambda: True)
    assert list(rootless.CHECK.run(Scene(Path("/nowhere"), given))) == []


@pytest.mark.parametrize(
    ("endpoint", "told"),
    [("ssh://me@far", "far"), ("tcp://docker:2376", "docker"), ("tcp://127.0.0.1:2375", ""), ("tcp://[::1]:1", ""),
     ("ssh://localhost", ""), ("unix:///run/user/1000/docker.sock", ""), ("npipe:////./pipe/docker_engine", "")],
)  # fmt: skip
def test_an_engine_of_another_machine_is_told_where_files_of_this_one_are_mounted(
    monkeypatch: pytest.MonkeyPatch, endpoint: str, told: str
) -> None:
    monkeypatch.setenv("DOCKER_HOST", endpoint)
    bind = {"type": "bind", "source": "./compose/web/page", "target": "/page"}
    theirs = {"type": "bind", "source": "/etc/localtime", "target": "/etc/localtime"}
    given = {"planned": planned(facts({"web": {"volumes": [bind]}, "db": {"volumes": [theirs]}})), "engine": ""}
    found = list(remote_engine.CHECK.run(Scene(Path("/nowhere"), given)))
    assert ["files: web mount" in one.seen and f"on {told} and" in one.fix for one in found] == ([True] if told else [])


def test_what_matters_of_the_engine_s_warnings_is_told_and_noise_is_not() -> None:
    noise = {"Driver": "overlay2", "Warnings": ["WARNING: No swap limit support"]}
    assert engine_warnings.findings(noise) == []
    found = engine_warnings.findings({"Driver": "vfs", "Warnings": ["WARNING: No memory limit support"]})
    assert [one.seen for one in found] == [
        "the engine's storage driver is vfs",
        "the engine says: No memory limit support",
    ]


def test_a_program_for_logins_that_is_not_there_is_told_before_a_pull_needs_it() -> None:
    config = {"credsStore": "desktop.exe", "credHelpers": {"registry.example": "nowhere"}}
    assert logins.missing(json.dumps(config)) == ["docker-credential-desktop.exe", "docker-credential-nowhere"]
    assert [logins.missing(text) for text in ("", "{}", "[]", "no JSON", '{"credsStore": ""}')] == [[]] * 5


def test_a_proxy_that_the_engine_lacks_is_told_while_there_is_something_to_pull() -> None:
    shell = {"https_proxy": "http://proxy:3128", "no_proxy": "localhost"}
    [found] = proxy.findings(shell, {}, ["redis:7"])
    assert "the engine has no proxy" in found.seen
    assert proxy.findings(shell, {"HttpsProxy": "http://proxy:3128"}, ["redis:7"]) == []
    assert proxy.findings(shell, {}, []) == []
    assert proxy.findings({}, {}, ["redis:7"]) == []


def test_a_proxy_that_is_asked_for_localhost_is_told() -> None:
    [found] = proxy.findings({"http_proxy": "http://proxy:3128"}, {}, [])
    assert "NO_PROXY does not name localhost" in found.seen


# Settings


KINDS = {
    "REDIS_PASSWORD": "hex",
    "DB_PASSWORD": "hex",
    secrets.SIGNED_WITH: "hex:64",
    "ANON": "jwt:anon",
    "ENC": "hex:16",
}


def checkout(
    root: Path = Path("/nowhere"), shell: dict[str, str] | None = None, host_ip: str = "127.0.0.1", **dotenv: str
) -> tuple[Checkout, Scene]:
    """A checkout of one service with secrets, and what doctor sees of it."""
    web = {"ports": [port(63021, 80, host_ip)], "volumes": [{"type": "volume", "source": "data", "target": "/data"}]}
    found = facts({"web": web}, entries={"web": {"secrets": KINDS, "kept": {"DB_PASSWORD": "taken at first"}}})
    found.model["volumes"] = {"data": {"name": "test_data"}}
    settings = resolve(CORE_DEFAULTS, dotenv, shell or {}, {}, {**CORE_DEFAULTS, "WEB_PORT": ""}, KINDS)
    made = Checkout(root, dotenv, [""], found.catalog, settings, KINDS, "digest")
    values = {name: value for name in KINDS if (value := settings.value(name))}
    pieces = {
        "checkout": made, "planned": planned(found), "secrets": values, "dotenv": dotenv, "engine": "",
        "containers": [],
    }  # fmt: skip
    return made, Scene(root, pieces)


def look(check: Check, **options: Any) -> list[Finding]:
    return list(check.run(checkout(**options)[1]))


def test_a_line_of_env_that_can_t_be_read_is_the_finding_of_its_own_check() -> None:
    scene = Scene(Path("/nowhere"), {"checkout": fail("env-line", "this line has no =", ".env:3", "write NAME=value")})
    [found] = env_file.CHECK.run(scene)
    assert (found.seen, found.where, found.fix) == ("this line has no =", ".env:3", "write NAME=value")
    other = Scene(Path("/nowhere"), {"checkout": fail("yaml", "a tab", "compose/web.yml")})
    assert grades(list(env_file.CHECK.run(other))) == ["skipped"]


def test_env_that_others_can_read_is_told(tmp_path: Path) -> None:
    assert grades(list(env_mode.CHECK.run(Scene(tmp_path)))) == ["skipped"]
    (tmp_path / ".env").touch(0o600)
    assert list(env_mode.CHECK.run(Scene(tmp_path))) == []
    (tmp_path / ".env").chmod(0o640)
    [found] = env_mode.CHECK.run(Scene(tmp_path))
    assert found.seen == ".env has mode 0640"


def test_a_variable_of_the_shell_in_place_of_env_is_told_without_its_value() -> None:
    [found] = look(env_shadowed.CHECK, shell={"PUBLIC_HOST": "other-host"}, PUBLIC_HOST="my-host")
    assert found.grade == "warning"
    assert "PUBLIC_HOST" in found.seen
    assert "other-host" not in found.seen
    assert look(env_shadowed.CHECK, PUBLIC_HOST="my-host") == []


def test_a_secret_that_its_consumer_can_t_take_is_told() -> None:
    [found] = look(secret_shape.CHECK, REDIS_PASSWORD="p@ss/word")
    assert found.seen.startswith("REDIS_PASSWORD: expected")
    assert "p@ss" not in found.seen + found.fix
    assert look(secret_shape.CHECK, REDIS_PASSWORD="abcdef0123456789") == []


def test_a_key_of_a_cipher_has_one_length() -> None:
    name = "SUPABASE_REALTIME_DB_ENC_KEY"
    wrong = secrets.check(name, "hex:16", "a" * 17)
    assert wrong is not None
    assert "exactly 16 characters" in wrong.message
    assert secrets.check(name, "hex:16", "a1b2c3d4" * 2) is None


def test_a_name_that_nothing_reads_is_told_with_the_nearest() -> None:
    [found] = look(settings_unknown.CHECK, PUBLIC_HOTS="x")
    assert found.fix == 'did you mean "PUBLIC_HOST"?'
    assert look(settings_unknown.CHECK, PUBLIC_HOST="x") == []


@pytest.mark.parametrize("name", ["COMPOSE_PROJECT_NAME", "COMPOSE_FILE", "COMPOSE_PROFILES", "DOCKER_HOST"])
def test_a_line_that_docker_takes_for_its_own_is_an_error_with_the_way_to_remove_it(name: str) -> None:
    [found] = look(settings_unknown.CHECK, **{name: "x"})
    assert found.grade == "error"
    assert found.fix == f"./inv env.unset {name}"


def test_the_old_name_of_a_setting_is_told_with_the_new_one() -> None:
    [found] = look(settings_unknown.CHECK, OLLAMA_MODELS="x")
    assert "called OLLAMA_PULL now" in found.seen


@pytest.mark.parametrize("value", ["changeme", "CHANGEME", "12345678", "abc", "aaaaaaaaaaaa", "ultrasecretkey"])
def test_a_secret_that_others_know_or_guess_is_weak(value: str) -> None:
    assert secrets_weak.weakness(value)


def test_a_secret_made_here_is_not_weak() -> None:
    assert secrets_weak.weakness("3f9c2a7b5d8e1f604a6b9c8d7e2f1a03") == ""


def test_supabase_s_published_keys_are_known() -> None:
    import jwt

    demo = jwt.encode({"role": "anon", "iss": "supabase-demo"}, "x" * 32, algorithm="HS256")
    ours = jwt.encode({"role": "anon", "iss": "supabase"}, "x" * 32, algorithm="HS256")
    assert "example key" in secrets_weak.weakness(demo)
    assert not any(secrets_weak.weakness(f"{demo[:9]}{odd}") for odd in (".no.token", ".é.", "..", ".W10.x"))
    assert secrets_weak.weakness(ours) == ""


def test_a_weak_secret_is_an_error_where_others_reach_a_port() -> None:
    [near] = look(secrets_weak.CHECK, REDIS_PASSWORD="changeme")
    [far] = look(secrets_weak.CHECK, REDIS_PASSWORD="changeme", host_ip="0.0.0.0")
    assert (near.grade, far.grade) == ("warning", "error")
    assert "0.0.0.0:63021" in far.causes
    assert "changeme" not in near.seen + near.causes + near.fix


def test_a_weak_secret_gets_another_one_and_where_data_keeps_it_that_is_changed_there_first() -> None:
    [loose] = look(secrets_weak.CHECK, REDIS_PASSWORD="changeme")
    [kept] = look(secrets_weak.CHECK, DB_PASSWORD="changeme")
    assert loose.fix == "openssl rand -hex 16 | ./inv env.set REDIS_PASSWORD - && ./inv up"
    assert kept.fix.startswith("change it in the service itself first")
    assert kept.fix.endswith("./inv env.set DB_PASSWORD -")


NOW = int(time.time())


def _key(secret: str, role: str = "anon", expires: int = NOW + 3600) -> str:
    import jwt

    return jwt.encode({"role": role, "iat": NOW, "exp": expires}, secret, algorithm="HS256")


SECRET = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("key", "why"),
    [
        (_key("f" * 64), "is not signed with SUPABASE_JWT_SECRET"),
        (_key(SECRET, expires=NOW - 1), "is expired"),
        (_key(SECRET, "admin"), "is for the role 'admin'"),
        ("a.b.c", "is no JSON web token of this kind"),
    ],
)
def test_a_key_that_would_be_refused_is_told_with_the_reason(key: str, why: str) -> None:
    values = {secrets.SIGNED_WITH: SECRET, "ANON": key}
    [found] = look(jwt_keys.CHECK, **values)
    assert found.seen == f"ANON {why}"
    assert key not in found.seen + found.fix


def test_a_key_that_holds_is_no_finding() -> None:
    assert look(jwt_keys.CHECK, **{secrets.SIGNED_WITH: SECRET, "ANON": _key(SECRET)}) == []
    assert grades(look(jwt_keys.CHECK)) == ["skipped"]


def test_before_the_first_start_no_secret_is_missing() -> None:
    assert look(settings_missing.CHECK) == []


@pytest.mark.parametrize(
    ("pinned", "ours", "newer"),
    [
        ("redis:7.2", ["redis:7.4.11"], "redis:7.4.11"),
        (f"redis:7.2@sha256:{'0' * 64}", ["redis:7.4.11"], "redis:7.4.11"),
        (f"redis@sha256:{'0' * 64}", ["redis:7.4.11"], ""),
        ("redis:7.4.11-alpine", ["redis:7.4.11"], ""),
        ("redis:8.0", ["redis:7.4.11"], ""),
        ("mirror/redis:7.2", ["redis:7.4.11"], ""),
        ("redis:latest", ["redis:7.4.11"], ""),
        ("ghcr.io/x/y:v0.9.1", ["ghcr.io/x/y:v0.10.2"], "ghcr.io/x/y:v0.10.2"),
        ("localhost:5000/redis", ["redis:7.4.11"], ""),
        ("x:1.0-rocm", ["x:1.1", "x:1.1-rocm", "x:1.1-cuda"], "x:1.1-rocm"),
        ("x:1.0-rocm", ["y:2", "x:1.1"], "x:1.1"),
        ("", ["x:1.1"], ""),
    ],
)
def test_an_older_version_of_the_same_image_is_told(pinned: str, ours: list[str], newer: str) -> None:
    assert image_pins.newer(pinned, ours) == newer


def test_files_of_another_owner_are_told_a_folder_once(tmp_path: Path) -> None:
    (tmp_path / "local").mkdir()
    (tmp_path / "local" / "file").touch()
    (tmp_path / "mine").touch()
    mine = tmp_path.stat().st_uid
    (tmp_path / "venv").mkdir()
    (tmp_path / "venv" / "theirs").touch()
    (tmp_path / ".venv").symlink_to("venv")
    everything = list(owner.walked(tmp_path))
    assert {name for name, _ in everything} == {"local", "local/file", "mine", "venv", "venv/theirs"}
    assert owner.strangers(everything, mine) == []
    assert owner.strangers(everything, mine + 1) == ["local", "mine", "venv"]
    assert list(owner.CHECK.run(Scene(tmp_path))) == []
