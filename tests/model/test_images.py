"""What images can do: the programs that healthchecks call, and graphics cards."""

import fnmatch
import re
import shlex
from typing import Any

import pytest

from stack.doctor.checks import architecture
from stack.planning import model, plan
from tests.model.shipped import CASES, DEFAULT, FRAGMENTS, Case, Shipped

TOOLS = {
    # Of the distributions below the images: Alpine's busybox has wget, sh and grep; Debian's images have what is named.
    "alpine": {"sh", "wget"},
    "redis": {"grep", "redis-cli", "sh"},
    "grafana/grafana": {"sh", "wget"},
    "prom/prometheus": {"sh", "wget"},
    "prom/node-exporter": {"sh", "wget"},
    "prometheuscommunity/postgres-exporter": {"sh", "wget"},
    "ghcr.io/google/cadvisor": {"sh", "wget"},
    "jaegertracing/jaeger": {"sh", "wget"},
    "searxng/searxng": {"sh", "wget"},
    "cr.weaviate.io/semitechnologies/weaviate": {"sh", "wget"},
    "neo4j": {"sh", "wget"},
    "supabase/gotrue": {"sh", "wget"},
    "supabase/storage-api": {"node", "sh", "wget"},
    "docker.n8n.io/n8nio/n8n": {"node", "sh", "wget"},
    "n8nio/runners": {"node", "sh", "wget"},
    "supabase/realtime": {"curl", "sh"},
    "quay.io/docling-project/docling-serve-cpu": {"curl", "sh"},
    "quay.io/docling-project/docling-serve": {"curl", "sh"},
    "ghcr.io/speaches-ai/speaches": {"curl", "sh"},
    "ghcr.io/open-webui/open-webui": {"curl", "sh"},
    "elasticsearch": {"curl", "grep", "sh"},
    "hashicorp/consul": {"consul", "curl", "sh", "test", "wget"},
    "supabase/postgres": {"pg_isready", "sh"},
    "postgrest/postgrest": {"postgrest"},
    "darthsim/imgproxy": {"imgproxy", "sh"},
    "kong/kong": {"bash", "grep", "head", "kong", "sh"},
    "qdrant/qdrant": {"bash", "grep", "sh"},
    "ollama/ollama": {"ollama", "sh"},
    "rabbitmq": {"bash", "rabbitmq-diagnostics", "sh"},
    "oliver006/redis_exporter": {"sh", "wget"},
    "apache/kafka": {"/opt/kafka/bin/kafka-broker-api-versions.sh", "bash", "grep", "od", "sh", "tail", "timeout"},
    "openzipkin/zipkin-slim": {"docker-healthcheck", "sh"},
    "supabase/studio": {"bash", "grep", "head", "node", "sh"},
    "supabase/postgres-meta": {"bash", "grep", "head", "node", "sh"},
    "ghcr.io/berriai/litellm": {"bash", "grep", "head", "python3", "sh"},
    "semitechnologies/multi2vec-clip": {"bash", "grep", "head", "python3", "sh"},
    "yanwk/comfyui-boot": {"bash", "grep", "head", "python3", "sh"},
    "quay.io/jupyter/scipy-notebook": {"bash", "curl", "grep", "head", "python3", "sh", "wget"},
    # Ours: what their Dockerfiles install.
    "genai-stack/ambassador": {"far", "sh"},
    "genai-stack/backend": {"bash", "grep", "head", "python", "sh"},
    "genai-stack/jupyter": {"bash", "grep", "head", "python3", "sh"},
    "genai-stack/litellm": {"bash", "grep", "head", "python3", "sh"},
    "genai-stack/local-deep-researcher": {"bash", "grep", "head", "python3", "sh"},
    "genai-stack/gateway": {"bash", "grep", "head", "sh"},
    "genai-stack/n8n": {"bash", "grep", "head", "node", "sh"},
    "genai-stack/postgres-exporter": {"sh", "wget"},
    "genai-stack/prometheus": {"sh", "wget"},
    "genai-stack/rabbitmq": {"bash", "rabbitmq-diagnostics", "sh"},
    "genai-stack/redis": {"grep", "redis-cli", "sh"},
    "genai-stack/redis-exporter": {"sh", "wget"},
    "genai-stack/supabase-db": {"pg_isready", "sh"},
}
"""Programs that the images of a repository are known to have, as their build files or the images below them say. The
others that run without a check (NO_PROBE in test_rules.py) have no shell and no such program."""

BUILTINS = {"exec", "exit", "printf"}
SAME_IMAGE = {("ollama", "container-gpu"), ("multi2vec-clip", "container-gpu")}
"""Images that hold what an NVIDIA card needs beside what the processor does."""
CARDS = [(name, source) for name, fragment in FRAGMENTS.items() for source in fragment.overrides
         if source in ("container-gpu", "container-rocm")]  # fmt: skip


def repository(image: str) -> str:
    """An image's name without tag and digest."""
    return re.sub(r"(:[^:/@]+)?(@.*)?$", "", image)


def programs(test: list[str]) -> set[str]:
    """The programs that a healthcheck starts; of a shell's line, those at the head of each command."""
    kind, *words = test
    if kind == "CMD" and words[:2] != ["bash", "-c"]:
        return {words[0]}
    shell = "bash" if kind == "CMD" else "sh"
    line = re.sub(r"\d*[<>]+&?\S+", "", words[-1])
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;")
    lexer.whitespace_split = True
    heads, first = set(), True
    for word in lexer:
        if first and re.fullmatch(r"[A-Z_]+=\S*", word):
            continue
        if first:
            heads.add(word)
        first = bool(re.fullmatch(r"[|&;]+", word))
    return {shell} | heads - BUILTINS


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        (["CMD", "wget", "-q", "http://127.0.0.1/a|b"], {"wget"}),
        (["CMD-SHELL", "redis-cli ping | grep -qE 'a|b'"], {"sh", "redis-cli", "grep"}),
        (["CMD-SHELL", "OPTS=-x8m /opt/run --now"], {"sh", "/opt/run"}),
        (["CMD", "bash", "-c", "exec 3<>/dev/tcp/h/1 && printf 'GET /' >&3 && head -n 1 <&3"], {"bash", "head"}),
    ],
)
def test_the_programs_of_a_check_are_recognised(test: list[str], expected: set[str]) -> None:
    assert programs(test) == expected


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_check_calls_what_its_image_has(shipped_once: Shipped, case: Case) -> None:
    missing = []
    for name, service in shipped_once.make(case).services().items():
        test = (service.get("healthcheck") or {}).get("test")
        has = TOOLS.get(repository(service["image"]), set())
        missing += [(name, service["image"], program) for program in sorted(programs(test) - has if test else ())]
    assert missing == []


def test_no_image_is_listed_that_nobody_uses(shipped_once: Shipped) -> None:
    used = {repository(s["image"]) for case in CASES for s in shipped_once.make(case).services().values()}
    assert set(TOOLS) - used == set()


@pytest.mark.parametrize(("name", "source"), CARDS)
def test_a_source_with_a_card_reserves_it_and_has_its_image(shipped_once: Shipped, name: str, source: str) -> None:
    made, plain = shipped_once.make(Case(source)), shipped_once.make(DEFAULT)
    service, before = made.services()[name], plain.services()[name]
    amd = source == "container-rocm"
    assert plan.entry(made.planned.facts, name).gpu == ("amd" if amd else "nvidia")
    assert nvidia(service) == (not amd)
    assert devices(service) == ({"/dev/kfd", "/dev/dri"} if amd else set())
    assert (service["image"] == before["image"]) == ((name, source) in SAME_IMAGE)
    for kept in ("ports", "volumes", "networks", "depends_on", "healthcheck"):
        assert service.get(kept) == before.get(kept), kept


def test_nobody_else_reserves_a_card(shipped_once: Shipped) -> None:
    for case in CASES:
        made = shipped_once.make(case)
        reserving = {n for n, service in made.services().items() if nvidia(service) or "/dev/kfd" in devices(service)}
        assert reserving == {name for name, source in CARDS if source == case.source}, case


def nvidia(service: model.Service) -> bool:
    """Whether a service reserves NVIDIA's cards."""
    resources: dict[str, Any] = (service.get("deploy") or {}).get("resources") or {}
    reserved = (resources.get("reservations") or {}).get("devices") or []
    return any(one.get("driver") == "nvidia" and one.get("capabilities") == ["gpu"] for one in reserved)


def devices(service: model.Service) -> set[str]:
    """The machine's devices that a service is given."""
    return {device["source"] for device in service.get("devices") or []}


def test_what_is_published_for_one_processor_alone_is_in_the_catalogue(shipped_once: Shipped) -> None:
    images = {s["image"] for case in CASES for s in shipped_once.make(case).services().values()}
    for pattern in architecture.AMD64_ALONE:
        assert fnmatch.filter(images, pattern), pattern
