"""compose.yaml as it is assembled: Compose reads in it what it merged from the files."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from stack import compose
from stack.errors import StackError
from stack.planning import compare, planner
from stack.planning.compare import Assembled
from stack.planning.planner import Request
from tests import support
from tests.model import plugins
from tests.model.refusals import Tree
from tests.support import BASE, fragment

NASTY = [
    "", " ", " a ", "yes", "null", "1.0", "0x10", "2020-01-01", "a: b", "a #b", "'", '"', "\\", "\\n", "a\nb\n",
    "\t", "é", "😀", "\x01", "\x7f", "\x85", "\u2028", "\ufeff", "$$HOME", "$${HOME}", "$$$$", "%", "<<",
    "{{.Names}}",
]  # fmt: skip


@pytest.fixture(params=plugins.VERSIONS)
def environment(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings, no engine, and each version of Compose."""
    bare(request.param, monkeypatch)


@pytest.fixture
def oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same with the oldest version, for what is this program's own work."""
    bare(plugins.VERSIONS[0], monkeypatch)


def bare(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings, no engine, and this version of Compose."""
    for name in set(os.environ) - support.environment().keys():
        monkeypatch.delenv(name)
    monkeypatch.setenv("DOCKER_HOST", support.NO_ENGINE)
    monkeypatch.setenv("DOCKER_CONFIG", str(plugins.folder(version)))


def assembled(root: Path) -> tuple[dict[str, Any], Assembled]:
    """What Compose merged of the files, and the project assembled of it."""
    planned = planner.make(root, Request())
    return planned.facts.model["services"], compare.assemble(planned)


def read(root: Path, text: str, **secrets: str) -> dict[str, Any]:
    """What Compose reads in an assembled text."""
    command = [*compose.words(), "--project-directory", str(root), "-f", "-", "config", "--format", "json"]
    env = {**os.environ, **secrets, **compose.RARELY_COLLECTED}
    done = subprocess.run(command, env=env, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)["services"]
    return found


@pytest.mark.usefixtures("environment")
def test_any_text_is_the_same_before_and_after(tree: Tree) -> None:
    values = escaped({f"V{number}": value for number, value in enumerate(NASTY)})
    body = f"environment: {values}\nlabels: {values}\ncommand: {escaped(NASTY[1:])}"
    root = tree({"compose/base.yml": BASE, "compose/web.yml": fragment("web", body=body)}).root
    merged, made = assembled(root)
    web = read(root, made.text)["web"]
    assert web["environment"] == merged["web"]["environment"]
    assert web["command"] == merged["web"]["command"]
    assert web["labels"] == merged["web"]["labels"]
    assert [merged["web"]["environment"][f"V{number}"] for number in range(len(NASTY))] == NASTY


def escaped(value: Any) -> str:
    """A value as YAML in one line of ASCII."""
    text = json.dumps(value, ensure_ascii=False)
    return "".join(char if char.isascii() and char.isprintable() else f"\\U{ord(char):08x}" for char in text)


@pytest.mark.usefixtures("environment")
def test_every_kind_of_value_is_the_same_before_and_after(tree: Tree) -> None:
    body = """
command: ["a"]
deploy: {replicas: 2, resources: {limits: {memory: 1g, cpus: "1.5"}}}
healthcheck: {test: [CMD, "true"], interval: 90s, retries: 3, start_period: 1m30s}
ulimits: {nofile: {soft: 1024, hard: 2048}}
tmpfs: [/tmp]
shm_size: 64m
sysctls: {net.core.somaxconn: 1024}
extra_hosts: ["host.docker.internal:host-gateway"]
volumes: ["data:/data", "/etc/localtime:/l:ro", {type: tmpfs, target: /t, tmpfs: {size: 1000}}]
ports: ["127.0.0.1:8080:80", "127.0.0.1:8081:81/udp"]
init: true
stop_grace_period: 1m
configs: [{source: conf, target: /conf}]
secrets: [key]
""".strip()
    tail = "volumes: {data: }\nconfigs: {conf: {content: 'a\n\n  b'}}\nsecrets: {key: {environment: KEY}}\n"
    root = tree({"compose/base.yml": BASE, "compose/web.yml": fragment("web", body=body) + tail}).root
    merged, made = assembled(root)
    ours = {key: value for key, value in merged["web"].items() if key != "profiles" and value is not None}
    theirs = {key: value for key, value in read(root, made.text, KEY="x")["web"].items() if value is not None}
    assert theirs == ours


@pytest.mark.usefixtures("environment")
def test_the_hash_is_that_of_plain_compose(tree: Tree) -> None:
    """A container that plain `docker compose up` made in the root is not made anew by ours."""
    body = 'environment: {URL: "redis://:${KEY}@redis"}'
    files = {"compose/base.yml": BASE, "compose/web.yml": fragment("web", "secrets: {KEY: hex}", body)}
    root = tree(files).root
    _, made = assembled(root)
    found = compose.hashes(root, "genai", made.text, {"KEY": "abc"})
    (root / "compose.yaml").write_text(made.text)
    (root / ".env").write_text("KEY=abc\n")
    plain = subprocess.run(
        [*compose.words(), "config", "--hash", "*"], cwd=root, capture_output=True, text=True, check=True
    )
    assert found == {"web": plain.stdout.split()[1]}
    assert compose.hashes(root, "genai", made.text, {"KEY": "other"}) != found


@pytest.mark.usefixtures("environment")
def test_a_missing_secret_stops_plain_compose_and_says_what_to_do(tree: Tree) -> None:
    body = 'environment: {URL: "${KEY}"}'
    files = {"compose/base.yml": BASE, "compose/web.yml": fragment("web", "secrets: {KEY: hex}", body)}
    root = tree(files).root
    _, made = assembled(root)
    with pytest.raises(StackError, match=r"variable KEY is missing a value: not in \.env, run \./inv up"):
        compose.hashes(root, "genai", made.text, {})


@pytest.mark.usefixtures("environment")
def test_the_users_own_override_counts(tree: Tree) -> None:
    root = tree({"compose/base.yml": BASE, "compose/web.yml": fragment("web")}).root
    _, made = assembled(root)
    before = compose.hashes(root, "genai", made.text, {})
    (root / "compose.override.yaml").write_text("services: {web: {environment: {A: '1'}}}\n")
    assert compose.hashes(root, "genai", made.text, {}) != before


EXTENDS = "services: {web: {extends: {file: ext.yml, service: more}}}\n"
BEFORE_AFTER = {
    "a setting of the shell that the override reads": ("services: {web: {labels: {W: '${A_WORD:-}'}}}\n", ""),
    "a variable that is passed on": ("services: {web: {environment: [A_WORD]}}\n", ""),
    "a setting in .env that the override reads": ("services: {web: {labels: {W: '${A_WORD:-}'}}}\n", ".env"),
    "an extended file": (EXTENDS, "ext.yml"),
}
ASIDE = {"ext.yml": "services: {more: {env_file: own.env}}\n", "own.env": "A_WORD=old\n"}
CHANGED = {".env": "A_WORD=new\n", "ext.yml": "services: {more: {environment: {B: '1'}}}\n"}


@pytest.mark.usefixtures("oldest")
@pytest.mark.parametrize("what", BEFORE_AFTER)
def test_all_that_decides_what_compose_makes_of_it_is_seen(
    tree: Tree, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And is forgotten with it: what was compared under other circumstances is no answer for these."""
    own, file = BEFORE_AFTER[what]
    root = tree({"compose/base.yml": BASE, "compose/web.yml": fragment("web"), **ASIDE}).root
    (root / "compose.override.yaml").write_text(own)
    before = hashes_of(root)
    old = (root / file).read_text() if (root / file).is_file() else ""
    monkeypatch.setenv("A_WORD", "new") if not file else (root / file).write_text(CHANGED[file])
    after = hashes_of(root)
    assert after != before
    monkeypatch.delenv("A_WORD", raising=False)
    if file:
        (root / file).write_text(old)
    assert hashes_of(root) == before


def hashes_of(root: Path) -> dict[str, str]:
    """The hashes as a plan compares them with what runs."""
    planned = planner.make(root, Request())
    return compare.hashes(planned, compare.assemble(planned), {})


@pytest.mark.usefixtures("environment")
def test_an_env_file_counts_as_what_stands_in_it(tree: Tree) -> None:
    """As in the label of the container that Compose makes with it."""
    root = tree({"compose/base.yml": BASE, "compose/web.yml": fragment("web"), "own.env": "A='x$$y'\nB=\n"}).root
    (root / "compose.override.yaml").write_text("services: {web: {env_file: own.env}}\n")
    found = hashes_of(root)
    (root / "compose.override.yaml").write_text("services: {web: {environment: {A: 'x$$$$y', B: ''}}}\n")
    assert hashes_of(root) == found


@pytest.mark.usefixtures("oldest")
def test_the_shells_platform_holds_for_that_call_alone(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    body = "build: {context: ./compose}"
    root = tree({"compose/base.yml": BASE, "compose/web.yml": fragment("web", body=body)}).root
    before = hashes_of(root)
    monkeypatch.setenv("DOCKER_DEFAULT_PLATFORM", "linux/arm64")
    assert hashes_of(root) != before
    monkeypatch.delenv("DOCKER_DEFAULT_PLATFORM")
    assert hashes_of(root) == before


@pytest.mark.usefixtures("oldest")
def test_a_fragments_own_env_file_is_read_anew_when_it_changes(tree: Tree) -> None:
    files = {"compose/base.yml": BASE, "compose/web.yml": fragment("web", body="env_file: own.env"), **ASIDE}
    root = tree(files).root
    assert assembled(root)[0]["web"]["environment"] == {"A_WORD": "old"}
    (root / "own.env").write_text("A_WORD=new\n")
    assert assembled(root)[0]["web"]["environment"] == {"A_WORD": "new"}
