"""The whole catalogue on a cluster: every service from every source is translated or refused by name, and the docker
client takes the stack file."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from stack.cluster import gathering, placement, stackfile, words
from stack.cluster.nodes import Node
from stack.cluster.placement import Cluster, Kept
from stack.cluster.service import Sources
from stack.cluster.stackfile import Stack
from stack.gateway import entrance
from stack.planning import compare
from stack.planning.model import Model
from tests.model.shipped import CASES, Case, Made, Shipped

CLUSTER = Cluster([Node("one", "a", gpus=4), Node("two", "b")], "one")
SECOND_PORTS = {"neo4j-graph-db-browser", "qdrant-grpc", "rabbitmq-management", "weaviate-grpc"}
REFUSED = {
    "as it comes": {"cadvisor", "node-exporter"},
    "container-rocm": {"ollama"},
    # What has two ports has two ambassadors in one network.
    "external": SECOND_PORTS,
    "localhost": SECOND_PORTS,
}  # fmt: skip
"""What no stack file can say, by the source that it comes from."""


def stack(made: Made) -> tuple[Stack, Model]:
    """A case as a stack, on two nodes, and the model that it was made of."""
    planned, assembled = made.planned, compare.assemble(made.planned, gathering.OLDEST).model
    secrets = dict.fromkeys(planned.checkout.secrets, "x" * 32)
    placed = placement.place(assembled, CLUSTER, Kept(), {}, entrance.SERVICE)
    assert placed.refused == []
    sources = Sources(
        planned.plan.project, "/checkout", gathering.files(planned, assembled, secrets), {}, {}, secrets,
        frozenset(s.name for s in planned.plan.services if s.one_shot), frozenset({entrance.SERVICE}),
    )  # fmt: skip
    return stackfile.make(assembled, placed, sources), assembled


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_service_is_translated_or_refused_by_name(shipped_once: Shipped, case: Case) -> None:
    made, assembled = stack(shipped_once.make(case))
    refused = {problem.where.split(".")[1] for problem in made.refused}
    assert refused == REFUSED["as it comes"] | REFUSED.get(str(case), set())
    assert all(problem.fix and problem.where.split(".")[1] in problem.message for problem in made.refused)
    assert made.services.keys() == assembled["services"].keys()
    taken = {name: service for name, service in made.services.items() if name not in refused}
    text = stackfile.text(made, taken)
    assert "x" * 32 not in text
    for name, service in taken.items():
        assert service["deploy"]["endpoint_mode"] == "dnsrr", name
        assert bool(service.get("ports")) == (name == entrance.SERVICE), name
        mounted = [mount["type"] for mount in service.get("volumes") or []]
        assert set(mounted) <= {"volume", "tmpfs"}, name
        # A task whose data is on a node is tied to it, in one way or another.
        tied = [c for c in (service["deploy"].get("placement") or {}).get("constraints") or [] if "node.id" in c]
        assert bool(tied) >= ("volume" in mounted), name


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_docker_client_takes_the_stack_file(shipped_once: Shipped, case: Case) -> None:
    """It reads the file against its own schema and puts the variables in before it looks for an engine."""
    made, _ = stack(shipped_once.make(case))
    refused = {problem.where.split(".")[1] for problem in made.refused}
    kept = [name for name in made.services if name not in refused]
    secrets = dict.fromkeys(shipped_once.checkout().secrets, "x" * 32)
    for client in CLIENTS:
        assert said(client, stackfile.text(made, kept), secrets) == NO_ENGINE, client


def test_the_docker_client_does_not_take_every_stack_file() -> None:
    for client in CLIENTS:
        text = 'version: "3.9"\nservices: {a: {image: a, bogus: 1, environment: {A: "${B:?no B}"}}}\n'
        assert "required variable B is missing" in said(client, text, {})[0]
        assert said(client, text, {"B": "x"}) == ["services.a Additional property bogus is not allowed"]
        unknown = 'version: "3.9"\nservices: {a: {image: a, privileged: true}}\n'
        assert said(client, unknown, {}) == ["Ignoring unsupported options: privileged", *NO_ENGINE]


OLD = "/usr/bin/docker"
"""Where Debian's docker.io has its client, beside which there may be a newer one."""
CLIENTS = dict.fromkeys(str(Path(found).resolve()) for name in ("docker", OLD) if (found := shutil.which(name)))
NOWHERE = "unix:///nonexistent.sock"
NO_ENGINE = [f"Cannot connect to the Docker daemon at {NOWHERE}. Is the docker daemon running?"]


def said(client: str, text: str, secrets: dict[str, str]) -> list[str]:
    """What a docker client says of a stack file where there is no engine, but for what it says of every one."""
    done = subprocess.run([client, "stack", "deploy", "--compose-file", "-", "x"], input=text, capture_output=True,
                          env={**os.environ, **secrets, "DOCKER_HOST": NOWHERE}, text=True, check=False)  # fmt: skip
    return [line for line in done.stderr.splitlines() if line and "--detach=false" not in line]


def test_each_word_of_the_catalogue_has_its_meaning(shipped_once: Shipped) -> None:
    known = {*words.KEPT, *words.TRANSLATED, *words.MEANINGLESS, *words.REFUSED}
    found = {key for _, _, service in shipped_once.every_service() for key, value in service.items() if value}
    assert {key for key in found if not key.startswith("x-")} <= known


def test_the_stack_is_the_same_for_the_same_plan(shipped_once: Shipped) -> None:
    first, _ = stack(shipped_once.make(Case(), "core"))
    second, _ = stack(shipped_once.make(Case(), "core"))
    assert json.dumps(first.services) == json.dumps(second.services)
    assert first.digests == second.digests
