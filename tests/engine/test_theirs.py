"""Compose files of the shapes that people have (tests/theirs), each taken over: what the fragment says, what is
told, and that what Compose makes of both agrees. Here, and not with the model tests, as it takes Compose 200 times."""

import itertools
import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from stack import docker
from stack.authoring import addition, compose_file, fragment
from stack.authoring.definition import Definition
from stack.authoring.losses import Loss
from stack.errors import StackError
from tests.support import ROOT, make

THEIRS = ROOT / "tests/theirs"
NAMES = sorted(path.name for path in THEIRS.iterdir())
SECRETS = ("hunter22", "swordfish", "pass-of-theirs", "of-theirs-and-long", "changeme1")
SAYS: dict[str, tuple[str, ...]] = {
    "a-file-names-a-host": ("depends_on:\n      a-file-names-a-host-backend:", 'aliases:\n          - "backend"'),
    "aliases-and-addresses": ("rabbit.inner", '- "broker"', "http://aliases-and-addresses-search:7700",
                              "amqp://aliases-and-addresses-queue"),
    "command-with-a-password": (
        "redis-server --requirepass ${COMMAND_WITH_A_PASSWORD_REDIS_PASSWORD}",
        "redis://:${COMMAND_WITH_A_PASSWORD_REDIS_PASSWORD}@command-with-a-password-cache:6379",
    ),
    "configs": ("./compose/configs/app.yml:/etc/app.yml:ro", "./compose/configs/configs/inline:/inline:ro"),
    "cpus-and-keys": ("cpus: 2", 'NAMED: "${CPUS_AND_KEYS_NAMED:-x}"', 'LEVEL: "${CPUS_AND_KEYS_LEVEL:-info}"'),
    "data-folder": ("data-folder-pgdata:/var/lib/postgresql/data",),
    "deploy-and-labels": ("pids: 100", 'memory: "67108864"', 'team: "search"', "SCALE:-2}"),
    "env-beside": ("example/app:3.1", "${ENV_BESIDE_TT_MODE:-fast}", "https://${ENV_BESIDE_HOST:-api.example.org}/"),
    "env-file-forms": ("${ENV_FILE_FORMS_LOGS:-/srv/logs}", 'LAST: "own"', "'kept'"),
    "hooks": ("post_start:", '"chown"', "pre_stop:"),
    "home-cache": ("${HOME_CACHE_MODELS_DIR:-~/.cache/models}:/models",),
    "inline-build": ('FLAVOUR: "mild"',),
    "keys-of-others": ("${KEYS_OF_OTHERS_OPENAI_API_KEY:-ollama}", 'GROQ_API_KEY: "optional"', 'ANTHROPIC_API_KEY: ""'),
    "memory-mount": ("/scratch:size=1048576", '"/run"', "/own:mode=0700,ro"),
    "names-of-containers": ('DB_HOST: "names-of-containers-db"', 'MQ: "names-of-containers-broker:5672"'),
    "nested-data": ("nested-data-b-cache:/b", "nested-data-uploads:/uploads", "nested-data-cache:/cache"),
    "nested-variables": ("${NESTED_VARIABLES_A:-${NESTED_VARIABLES_B:-x}}", "${NESTED_VARIABLES_X:+yes}", "c$${F}"),
    "odd-names": ('DB_HOST: "odd-names-my-db"', "redis://odd-names-cache-1:6379/0"),
    "one-shot-by-deploy": ('restart: "no"',),
    "one-shot-no": ('restart: "no"', "service_completed_successfully"),
    "one-shot-on-failure": ('restart: "no"',),
    "password-in-a-file": ('DB_PASSWORD: "correct-horse"',),
    "paths-of-a-machine": (
        "paths-of-a-machine-data:/data", "/etc/localtime:/etc/localtime:ro", 'hostname: "app.example.org"',
        "${PATHS_OF_A_MACHINE_SHARE_DIR:-/usr/share}:/machine:ro", "no-new-privileges:true",
    ),
    "remote-build": ("https://example.org/app.git#v1",),
    "required-in-a-value": ('WHERE: "${REQUIRED_IN_A_VALUE_WHERE}"',),
    "same-default-twice": ('DB_PASS: "${SAME_DEFAULT_TWICE_APP_DB_PASS}"', 'D: "${SAME_DEFAULT_TWICE_APP_DB_PASS}"'),
    "same-literal-twice": ("://app:${SAME_LITERAL_TWICE_DB_PASS}@", 'D: "${SAME_LITERAL_TWICE_DB_PASS}"'),
    "scalars": ('BIG: "1e+06"', 'DAY: "2026-01-02"', '"ON": "true"', 'TEXT: "012"', 'OCTAL: "12"', 'FLOAT: "1.5"'),
    "secrets-by-file": (
        'target: "/run/secrets/db_password"', "secrets-by-file-token", 'target: "api_token"',
        'environment: "SECRETS_BY_FILE_DB_PASSWORD"', 'DB_PASSWORD_FILE: "/run/secrets/db_password"',
    ),
    "seed-and-state": (
        "./compose/seed-and-state/initdb:/docker-entrypoint-initdb.d", "seed-and-state-data:/srv/data",
        "seed-and-state-data:/data:ro", "./compose/seed-and-state/data:/seed:ro", "seed-and-state-data-seed:",
    ),
    "their-port": ("${THEIR_PORT_APP_PORT:-3000}", 'SCALE: "${THEIR_PORT_APP_SCALE:-2}"', "${THEIR_PORT_PORT}:8080"),
    "words-not-letters": ("bpe-large", "4096", "60/min", "/certs/web.key", "ann"),
}  # fmt: skip
"""What stands in the fragment, for each point of a file that is easily read otherwise."""
TOLD = {
    "aliases-and-addresses": {"app.networks", "queue.networks", "search.networks", "app.links"},
    "configs": {"app.configs"},
    "a-file-names-a-host": {"nginx.conf:3"}, "data-folder": {"db.volumes"}, "data-folder-by-variable": {"web.volumes"},
    "deploy-and-labels": {"app.pull_policy", "app.deploy.labels"}, "guide-grafana": {"monitoring/prometheus.yml:2"},
    "guide-step-one": {"my-service.container_name", "my-service.networks"},
    "keys-of-others": {"KEYS_OF_OTHERS_GROQ_API_KEY"},
    "inline-build": {"app.build.additional_contexts", ".env"},
    "names-of-containers": {"app.links", "db.container_name"},
    "one-shot-on-failure": {"seed.restart"}, "password-in-a-file": {"app.environment.DB_PASSWORD"},
    "nested-data": {"app.volumes", "worker.volumes"}, "paths-of-a-machine": {"app.volumes"},
    "secrets-by-file": {"web.secrets"}, "seed-and-state": {"db.volumes", "app.volumes", "reader.volumes"},
    "profiles-and-anchors": {"web.logging", "worker.logging", "worker.profiles"},
    "required-in-a-value": {"REQUIRED_IN_A_VALUE_WHERE"},
    "volumes-with-options": {"volumes.data.driver_opts", "app.volumes", "volumes.shared.external"},
}  # fmt: skip
"""All that is told of each file, by its place there; of the others nothing is."""
LEFT = {"/var/run/docker.sock", "/etc/app.conf", "/srv/uploads"}
"""Where something was mounted that is told as lost, or that another mount holds."""
COMPARED = ("image", "command", "entrypoint", "user", "working_dir", "labels", "cap_add", "read_only", "init")


class Taken(NamedTuple):
    made: Definition
    losses: list[Loss]
    text: str


def _take(name: str) -> tuple[Definition, list[Loss]]:
    made, losses = compose_file.read(str(THEIRS / name / "compose.yml"), name, {})
    return msgspec.structs.replace(made, profiles=["app"]), losses


@pytest.fixture(scope="module")
def taken() -> dict[str, Taken]:
    with ThreadPoolExecutor(4) as pool:
        read = list(pool.map(_take, NAMES))
    numbers = itertools.count(21)
    texts = [fragment.text(made, {name: next(numbers) for name in addition.offsets_of(made)}, {}) for made, _ in read]
    return {name: Taken(*one, text) for name, one, text in zip(NAMES, read, texts, strict=True)}


def test_each_says_what_theirs_does_and_all_else_is_told(taken: dict[str, Taken]) -> None:
    for name, one in taken.items():
        lacking = [words for words in SAYS.get(name, ()) if words not in one.text]
        assert not lacking, f"{name} lacks {lacking}:\n{one.text}"
        told = {loss.path for loss in one.losses if loss.code != "made"}
        assert told == TOLD.get(name, set()), name
        assert not [word for word in SECRETS if word in one.text], name


def test_compose_makes_the_same_of_theirs_and_of_ours(taken: dict[str, Taken], tmp_path: Path) -> None:
    """In every field that is not renamed, made a setting, or told."""
    with ThreadPoolExecutor(4) as pool:
        pairs = pool.map(lambda name: (name, _theirs(name), _ours(taken[name], tmp_path / name)), NAMES)
    for name, theirs, ours in pairs:
        made = taken[name].made
        seeds = {part.name for part in made.companions if part.about.startswith("puts ")}
        same = {called: service for called, service in ours.items() if called not in seeds}
        assert len(theirs) == len(same) == 1 + len(made.companions) - len(seeds), name
        matched = sorted(theirs.values(), key=_shape), sorted(same.values(), key=_shape)
        for their, our in zip(*matched, strict=True):
            assert _fields(their) == _fields(our), f"{name}: {their}\n{our}"
            assert set(their.get("environment") or {}) == set(our.get("environment") or {}), name


def test_all_of_them_plan_together(taken: dict[str, Taken], tmp_path: Path) -> None:
    base = {"compose/base.yml": (ROOT / "compose/base.yml").read_text()}
    checkout = make(tmp_path / "checkout", ("stack", "tasks.py"), base)
    for name, one in taken.items():
        for path, data in one.made.files.items():
            checkout.write(path, data.decode())
        checkout.write(f"compose/{name}.yml", one.text)
    asked = [name for one in taken.values() for name, kind in one.made.secrets.items() if kind == "asked"]
    checkout.write(".env", "".join(f"{name}=x\n" for name in ("REQUIRED_IN_A_VALUE_WHERE", *asked))).chmod(0o600)
    planned = checkout.inv_json("plan", "--profile", "app", "--exact")
    assert planned.code == 0, planned.problems
    assert {service["name"] for service in planned.data["services"]} >= set(NAMES)


@pytest.mark.parametrize(
    ("service", "message", "fix"),
    [
        ("{image: 'a:1', env_file: app.env}", "app.env not found", "cp {0}/.env.example {0}/app.env"),
        ("{image: 'a:1', ports: ['${PORT}:${PORT}']}", "these have no value: PORT", "cp {0}/.env.example {0}/.env"),
        ("{image: 'a:${TAG}'}", "needs TAG, which has no value", "put TAG=VALUE into {0}/.env"),
        ("{ports: ['80:80']}", "app has no image and no build", "docker compose -f OTHER -f compose.yml config"),
    ],
)  # fmt: skip
def test_what_can_not_be_read_is_refused_with_what_to_type(
    tmp_path: Path, service: str, message: str, fix: str
) -> None:
    (tmp_path / "compose.yml").write_text(f"services: {{app: {service}}}\n")
    (tmp_path / ".env.example").touch()
    with pytest.raises(StackError) as refused:
        compose_file.read(str(tmp_path / "compose.yml"), "app", {})
    [problem] = refused.value.problems
    assert message in problem.message
    assert fix.format(tmp_path) in problem.fix


def _config(folder: Path, *files: str, env: dict[str, str]) -> dict[str, dict[str, Any]]:
    words = [word for file in files for word in ("-f", file)]
    args = ["compose", *words, "-p", "x", "--profile", "*", "config", "--no-path-resolution", "--format", "json"]
    done = docker.run(args, cwd=folder, env={**docker.environment(), **env}, timeout=60)
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, Any]] = json.loads(done.stdout)["services"]
    return found


def _theirs(name: str) -> dict[str, dict[str, Any]]:
    return _config(THEIRS / name, "compose.yml", env={"WHERE": "here"})


def _ours(one: Taken, folder: Path) -> dict[str, dict[str, Any]]:
    folder.mkdir()
    shutil.copy(ROOT / "compose/base.yml", folder / "base.yml")
    (folder / "mine.yml").write_text(one.text)
    ports = {v: str(40000 + n) for n, v in enumerate(addition.offsets_of(one.made))}
    return _config(folder, "base.yml", "mine.yml", env=ports)


def _shape(service: dict[str, Any]) -> str:
    return json.dumps([str(service.get("image")), _targets(service), str(service.get("command"))])


def _targets(service: dict[str, Any]) -> list[str]:
    return sorted(f"{port['target']}/{port.get('protocol', 'tcp')}" for port in service.get("ports") or [])


def _fields(service: dict[str, Any]) -> dict[str, Any]:
    """What has to be the same: values, ports, and where data is mounted that is not told as lost."""
    command = json.dumps([service.get("command"), service.get("entrypoint")])
    kept = {} if "requirepass" in command else {key: service.get(key) for key in COMPARED}
    image = service.get("image") or ""
    return {**kept, "image": "" if service.get("build") else image, "ports": _targets(service), "cpus": _cpus(service),
            "replicas": (service.get("deploy") or {}).get("replicas") or 1, "mounts": _mounts(service)}  # fmt: skip


def _cpus(service: dict[str, Any]) -> float:
    limits = ((service.get("deploy") or {}).get("resources") or {}).get("limits") or {}
    return float(limits.get("cpus") or service.get("cpus") or 0)


def _mounts(service: dict[str, Any]) -> list[str]:
    """Where something is mounted, a config or memory among it."""
    volumes = [one["target"] for one in service.get("volumes") or []]
    configs = [one.get("target") or f"/{one['source']}" for one in service.get("configs") or []]
    memory = [str(one).partition(":")[0] for one in service.get("tmpfs") or []]
    return sorted({*volumes, *configs, *memory} - LEFT)
