"""The optional systems beside the core, in one checkout: real programs built on this machine, and stand-ins for those
that no package brings (Elasticsearch, Consul, a trace collector; see tests/standins)."""

import json
import shutil
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, NamedTuple

from tests.engine.support import ports, stacks
from tests.engine.support.stacks import Done, Stack

REAL = [
    "backend", "redis", "supabase-db", "prometheus", "postgres-exporter", "redis-exporter", "rabbitmq", "jupyter",
    "litellm", "n8n", "kong-api-gateway",
]  # fmt: skip
ABSENT = ["grafana", "kafka", "jaeger", "zipkin", "ollama"]
"""No package brings these. Nothing here asks them, but for Ollama, under whose name a stand-in answers."""
PROFILES = ["messaging", "monitoring", "notebook", "llm-gateway", "automation", "search", "tracing", "registry"]
BACKEND = "genai-stack/backend:0.1.0-debian"
SPAN = 130
"""Ports of one checkout: the offsets of the whole catalogue."""
BUILD_SECONDS = 1500
"""For the first start, which builds: longer than the slowest seen on a busy machine."""


class Answer(NamedTuple):
    """What a service said."""

    status: int
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


def ask(url: str, body: Any = None, method: str = "", headers: dict[str, str] | None = None) -> Answer:
    """One request, with a JSON body where there is one."""
    data = None if body is None else json.dumps(body).encode()
    sent = {"Content-Type": "application/json", **(headers or {})}
    request = urllib.request.Request(url, data, sent, method=method or None)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return Answer(answer.status, answer.read().decode())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.read().decode())


def checkout(folder: Path) -> Stack:
    """A checkout of all that is shipped, with the sources of this machine and the stand-ins as the user's own layer."""
    stacks.copy_tree(folder)
    base = ports.first_free(ports.own(ports.CATALOGUES), SPAN)
    sources = {**dict.fromkeys(REAL, "build"), **dict.fromkeys(ABSENT, "disabled")}
    settings = {f"{name.upper().replace('-', '_')}_SOURCE": source for name, source in sources.items()}
    lines = {"PROJECT_NAME": f"systems-{base}", "BASE_PORT": str(base), **settings}
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
    shutil.copytree(stacks.SOURCE_TREE / "tests/standins", folder / "local/standins/tests/standins",
                    ignore=shutil.ignore_patterns("__pycache__"))  # fmt: skip
    for service, layer in layers().items():
        path = folder / "local/overrides" / service / "any.yml"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"services": layer}, indent=1).replace('"!reset"', "!reset null"))
    path = folder / "local/compose/models.yml"
    path.parent.mkdir()
    path.write_text(json.dumps(models()))
    (folder / "local/curl-jq").mkdir()
    (folder / "local/curl-jq/Dockerfile").write_text(CURL_AND_JQ)
    return Stack(folder, lines["PROJECT_NAME"], base)


CURL_AND_JQ = f"""FROM {stacks.BASE}
RUN --mount=type=secret,id=ca --mount=type=secret,id=apt export APT_CONFIG=/run/secrets/apt && \\
    apt-get update && apt-get install --yes --no-install-recommends curl jq
"""


def layers() -> dict[str, dict[str, Any]]:
    """What takes the place of each program that can't be had, by fragment and service."""
    return {
        "elasticsearch": {"elasticsearch": stand_in("elasticsearch", 9200)},
        "consul": {
            "consul": stand_in("consul", 8500),
            # The script is the shipped one; its image has what Consul's own has.
            "consul-register": {
                "image": "genai-stack/curl-jq:test",
                "build": {"context": "./local/curl-jq", "network": "host", "secrets": ["ca", "apt"]},
            },
        },
        "otel-collector": {"otel-collector": stand_in("otlp", 4318)},
    }


def models() -> dict[str, Any]:
    """A fragment of the user's own that answers under Ollama's name, without the job that pulls."""
    service = {name: value for name, value in stand_in("ollama", 11434).items() if name != "command"}
    networks = {"backend-bridge-network": {"aliases": ["ollama"]}}
    entry = {"about": "Stands in for Ollama", "scalable": False}
    return {
        "x-stack": {"models": entry},
        "services": {"models": {**service, "profiles": ["llm-gateway"], "networks": networks}},
    }


def stand_in(module: str, port: int) -> dict[str, Any]:
    """A stand-in as a service: it answers on the port of what it stands for."""
    probe = f"import socket; socket.create_connection(('127.0.0.1', {port}), 3)"
    return {
        "image": BACKEND,
        "entrypoint": ["python", "-m", f"tests.standins.{module}", str(port)],
        "command": "!reset",
        "working_dir": "/standins",
        "volumes": ["./local/standins:/standins:ro"],
        "healthcheck": {"test": ["CMD", "python", "-c", probe], "interval": "1s"},
    }


def up(stack: Stack, *words: str) -> Done:
    """`inv up` that may have to build."""
    done = subprocess.run(stack.command(("up", *words)), cwd=stack.root, env=stack.environment(), capture_output=True,
                          text=True, stdin=subprocess.DEVNULL, timeout=BUILD_SECONDS, check=False)  # fmt: skip
    result = Done(("inv", "up", *words), done.returncode, done.stdout, done.stderr)
    assert result.code == 0, result
    return result
