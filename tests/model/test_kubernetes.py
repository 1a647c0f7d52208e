"""The whole catalogue as Kubernetes manifests, from every source: valid by Kubernetes' own schemas, and whole."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import kubernetes_validate
import msgspec
import pytest
from kubernetes_validate import utils
from ruamel.yaml import YAML

from stack.commands import manifests as edge
from stack.errors import StackError
from stack.kubernetes import carried
from stack.kubernetes.manifests import BASELINE
from stack.planning import connections, model
from stack.planning.plan import EVERYTHING
from stack.planning.planner import Planned
from tests.model.refusals import Tree
from tests.model.shipped import CASES, DEFAULT, OF, Case, Shipped
from tests.support import BASE, Checkout

HERE = "localhost"
CARRIED = [case for case in CASES if case.source != HERE]
VERSIONS = ("1.32", "1.36")
"""Kubernetes as Debian 13 and sid have its client."""


@pytest.fixture(autouse=True, scope="module")
def schemas_are_read_once() -> Iterator[None]:
    """Each is of half a megabyte, and read for each object."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(utils, "schema_contents", cache(utils.schema_contents))
        yield


def of(shipped: Shipped, case: Case, mesh: str = "") -> edge.Ejected:
    """What every service comes to but those that measure the machine itself."""
    return edge.of(connections.inlined(shipped.make(case, EVERYTHING).planned), mesh, None)


@pytest.fixture
def shipped(shipped_once: Shipped) -> Shipped:
    """One version of Compose: what the others merge is the same."""
    return shipped_once


@cache
def valid(version: str, document: bytes) -> bool:
    """Whether an object is as Kubernetes' schema says, without any key that it does not know."""
    return bool(kubernetes_validate.validate(msgspec.json.decode(document), version, strict=True))


def objects(made: edge.Ejected) -> list[dict[str, Any]]:
    return [one for of_file in made.manifests.values() for one in of_file]


def templates(made: edge.Ejected) -> list[dict[str, Any]]:
    """The pods' specs."""
    return [one["spec"]["template"]["spec"] for one in objects(made) if "template" in one.get("spec", {})]


def containers(made: edge.Ejected) -> list[dict[str, Any]]:
    return [one for pod in templates(made) for one in [*pod["containers"], *pod.get("initContainers", [])]]


def names(made: edge.Ejected, kind: str) -> set[str]:
    return {one["metadata"]["name"] for one in objects(made) if one["kind"] == kind}


@pytest.mark.parametrize("case", CARRIED, ids=str)
def test_every_object_is_valid_and_everything_that_it_names_is_there(shipped: Shipped, case: Case) -> None:
    """One test of all that is asked of a case: what it costs is the plan."""
    made = of(shipped, case)
    planned = shipped.make(case, EVERYTHING).planned
    for version in VERSIONS:
        assert all(valid(version, msgspec.json.encode(one)) for one in objects(made))
    every_service_runs(made, planned)
    what_is_named_is_there(made)
    no_secret_is_in_it(made)
    the_namespace_lets_it_in(made)


def every_service_runs(made: edge.Ejected, planned: Planned) -> None:
    own = [one["name"] for pod in templates(made) for one in pod["containers"]]
    assert sorted(own) == sorted(planned.plan.names())
    assert all(f"services/{name}.yaml" in made.manifests or name in own for name in own)
    called = names(made, "Service") | {
        f"{pod['hostname']}.{pod['subdomain']}" for pod in templates(made) if "subdomain" in pod
    }
    services = model.services(planned.facts.model)
    for service in planned.plan.services:
        raw = services[service.name]
        if not service.one_shot and not carried.home(raw):
            assert {service.name, *carried.aliases(service.name, raw)} <= called


def what_is_named_is_there(made: edge.Ejected) -> None:
    volumes = [volume for pod in templates(made) for volume in pod.get("volumes", [])]
    claims = {one["persistentVolumeClaim"]["claimName"] for one in volumes if "persistentVolumeClaim" in one}
    maps = {one["configMap"]["name"] for one in volumes if "configMap" in one}
    assert (claims, maps) == (names(made, "PersistentVolumeClaim"), names(made, "ConfigMap"))
    for pod in templates(made):
        there = {volume["name"] for volume in pod.get("volumes", [])}
        assert len(there) == len(pod.get("volumes", []))
        mounted = [
            one for c in [*pod["containers"], *pod.get("initContainers", [])] for one in c.get("volumeMounts", [])
        ]
        assert {one["name"] for one in mounted} == there
    works = {f"{one['kind'].lower()}/{one['metadata']['name']}" for one in objects(made)}
    waits = [one["command"] for one in containers(made) if one["name"].startswith("wait-for-")]
    assert {words[-1] for words in waits if not words[-1].startswith("--")} <= works
    assert waits


def no_secret_is_in_it(made: edge.Ejected) -> None:
    text = msgspec.json.encode(made.manifests).decode()
    assert "__S_" not in text
    assert not re.search(r"\$\{[A-Z_]+:\?not in .env", text)
    env = [variable for one in containers(made) for variable in one.get("env", [])]
    keys = {v["valueFrom"]["secretKeyRef"]["key"] for v in env if "valueFrom" in v}
    assert sorted(keys) == made.secrets


def the_namespace_lets_it_in(made: edge.Ejected) -> None:
    """What the level baseline asks for (kubernetes.io, Pod Security Standards)."""
    level = "pod-security.kubernetes.io/enforce"
    assert [one["metadata"]["labels"][level] for one in objects(made) if one["kind"] == "Namespace"] == ["baseline"]
    for one in containers(made):
        rights = one["securityContext"]
        assert not rights["allowPrivilegeEscalation"]
        assert rights["capabilities"]["drop"] == ["ALL"]
        assert set(rights["capabilities"].get("add", [])) <= BASELINE
        assert one["resources"].get("limits") or one["name"] == "ollama"
    for pod in templates(made):
        assert not pod.keys() & {"hostNetwork", "hostPID", "hostIPC"}
        assert not any("hostPath" in volume for volume in pod.get("volumes", []))


@pytest.mark.parametrize("mesh", ["linkerd", "istio"])
def test_the_words_for_a_mesh_are_valid_too(shipped: Shipped, mesh: str) -> None:
    made = of(shipped, DEFAULT, mesh)
    assert all(valid(VERSIONS[-1], msgspec.json.encode(one)) for one in objects(made))


def test_what_is_on_this_machine_is_refused_by_name(shipped: Shipped) -> None:
    with pytest.raises(StackError) as refused:
        of(shipped, Case(HERE))
    fixes = {problem.fix.partition(",")[0] for problem in refused.value.problems}
    assert fixes == {f"--source {name}=container" for name in OF[HERE]}


def test_what_measures_the_machine_is_refused_by_name(shipped: Shipped) -> None:
    with pytest.raises(StackError) as refused:
        edge.of(connections.inlined(shipped.make(DEFAULT, "monitoring-host").planned), "", None)
    assert {problem.where for problem in refused.value.problems} == {"cadvisor", "node-exporter"}


def test_gpus_are_asked_for(shipped: Shipped) -> None:
    for source, resource in (("container-gpu", carried.NVIDIA), ("container-rocm", carried.AMD)):
        asking = {one["name"] for one in containers(of(shipped, Case(source)))
                  if resource in one["resources"].get("limits", {})}  # fmt: skip
        assert asking == set(OF[source])


def test_haproxy_asks_for_names_that_a_cluster_has(shipped: Shipped) -> None:
    made = of(shipped, Case("build"))
    [config] = [one["data"]["haproxy.cfg"] for one in objects(made) if "haproxy.cfg" in one.get("data", {})]
    servers = re.findall(r"^\s*server(?:-template)? \S+ (?:\S+ )?\"?([\w.-]+):\d+", config, re.MULTILINE)
    assert servers
    assert all(name.endswith(".genai.svc.cluster.local") for name in servers if not name[0].isdigit())


WEB = """x-stack: {web: {about: A page, ports: {WEB_PORT: 21}, secrets: {WEB_KEY: hex}, url: "http://web:80"}}
services:
  web:
    image: web:1
    profiles: [core]
    environment: {KEY: "${WEB_KEY}"}
    ports: ["${WEB_PORT}:80"]
    volumes: ["./compose/web:/init:ro"]
    networks: [backend-bridge-network]
"""


@pytest.fixture
def small(tree: Tree) -> Checkout:
    """A checkout of one service."""
    return tree({"compose/base.yml": BASE, "compose/web.yml": WEB, "compose/web/start.sh": "run\n"})


def test_the_command_writes_what_kubectl_takes_without_a_secret(small: Checkout) -> None:
    small.write("compose/web/__pycache__/start.pyc", "no part of it")
    done = small.inv("eject", "--for", "kubernetes", "--output", "out")
    assert done.code == 0, done
    assert "no part of it" not in (small.root / "out/services/web.yaml").read_text()
    folder = small.root / "out"
    listed = YAML(typ="safe").load(folder / "kustomization.yaml")["resources"]
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert files - set(listed) == {"kustomization.yaml", "secrets.env.example", ".gitignore"}
    assert set(listed) <= files
    assert "WEB_KEY=\n" in (folder / "secrets.env.example").read_text()
    assert "kubectl apply -k out" in done.out
    assert "create secret generic genai-secrets --from-env-file=out/secrets.env" in done.out


def test_secrets_are_written_to_a_file_of_their_owner_alone(small: Checkout) -> None:
    data = small.inv_json("eject", "--for", "kubernetes", "--output", "out", "--with-secrets").data
    assert data.keys() == {"output", "files"}
    file = small.root / "out/secrets.env"
    assert file.stat().st_mode & 0o777 == 0o600
    value = file.read_text().strip().removeprefix("WEB_KEY=")
    assert re.fullmatch("[0-9a-f]{32}", value)
    others = [path for path in (small.root / "out").rglob("*") if path.is_file() and path != file]
    assert not any(value in path.read_text() for path in others)


def test_what_is_refused_writes_nothing(small: Checkout) -> None:
    small.write("compose/web.yml", WEB.replace("    image", "    network_mode: host\n    image").replace(
        "    networks: [backend-bridge-network]\n", ""))  # fmt: skip
    before = small.digest()
    done = small.inv_json("eject", "--for", "kubernetes", "--output", "out")
    assert done.code == 1
    assert [problem["message"] for problem in done.problems] == ["web is in this machine's network"]
    assert small.digest() == before
    assert small.inv("eject", "--output", "out").code == 0


def test_a_config_that_holds_a_secret_is_refused_and_one_without_is_a_file(small: Checkout) -> None:
    used = WEB.replace("    networks", "    configs: [conf]\n    networks")
    small.write("compose/web.yml", used + 'configs: {conf: {content: "cost: $$5"}}\n')
    assert small.inv("eject", "--for", "kubernetes", "--output", "out").code == 0
    assert "cost: $5" in (small.root / "out/services/web.yaml").read_text()
    small.write("compose/web.yml", used + 'configs: {conf: {content: "key: ${WEB_KEY}"}}\n')
    done = small.inv_json("eject", "--for", "kubernetes", "--output", "out2")
    assert "web has the config conf, which holds a secret" in done.problems[0]["message"]
