"""The nodes of a cluster: what the API says of them, what they lack, and how another machine joins."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from stack import docker
from stack.cluster import clocks, disks, doors, emptying, faults, joining, manager, registry
from stack.cluster.nodes import Node, read
from stack.cluster.placement import ENTRANCE, Cluster
from stack.commands import cluster as command
from stack.env.settings import Settings
from stack.errors import StackError
from stack.output import render
from stack.output.progress import Progress

ROW: dict[str, Any] = {
    "ID": "n39", "Spec": {"Labels": {"zone": "a"}, "Role": "manager", "Availability": "active"},
    "Description": {"Hostname": "one", "Platform": {"Architecture": "x86_64"}, "Engine": {"EngineVersion": "20.10.24"},
                    "Resources": {"NanoCPUs": 2000000000, "MemoryBytes": 1000, "GenericResources": [
                        {"NamedResourceSpec": {"Kind": "GPU", "Value": "UUID-1"}}]}},
    "Status": {"State": "ready", "Addr": "10.0.0.1"}, "ManagerStatus": {"Leader": True},
}  # fmt: skip
TOKEN = "SWMTKN-1-not-to-be-seen"


def nodes(*roles: str, **changed: Any) -> list[Node]:
    """A node for each role, of which the last has what is `changed`."""
    made = [Node(f"id{n}", f"host{n}", role, architecture="amd64", address=f"10.0.0.{n}")
            for n, role in enumerate(roles)]  # fmt: skip
    return [*made[:-1], type(made[-1])(**{**{f: getattr(made[-1], f) for f in made[-1].__struct_fields__}, **changed})]


def codes(cluster: Cluster, offsets: dict[str, float] | None = None) -> list[str]:
    """What a cluster and its nodes lack."""
    alone = faults.of_nodes(cluster, offsets or {}).values()
    return [problem.code for problem in [*faults.of_cluster(cluster), *(one for found in alone for one in found)]]


def test_a_node_is_what_a_manager_says() -> None:
    node = read(ROW)
    assert (node.leader, node.gpus, node.architecture, node.labels) == (True, 1, "amd64", {"zone": "a"})


def test_one_machine_alone_lacks_nothing() -> None:
    assert codes(Cluster(nodes("manager"), "id0")) == []


DOOR = {"labels": {ENTRANCE: "true"}}


@pytest.mark.parametrize(
    ("roles", "changed", "expected"),
    [
        (("manager", "manager"), DOOR, ["two-managers"]),
        (("manager", "worker", "worker"), DOOR, ["one-manager"]),
        (("manager", "manager", "manager"), DOOR, []),
        (("manager", "manager", "manager"), {**DOOR, "state": "down"}, ["few-managers", "no-door", "node-down"]),
        (("manager", "worker"), {}, ["no-door"]),
        (("manager", "worker"), {**DOOR, "availability": "drain"}, ["no-door", "node-drained"]),
        (("manager", "worker"), {**DOOR, "disk_free": 10**9}, ["node-full"]),
        (("manager", "worker"), {**DOOR, "architecture": "arm64"}, ["node-architecture"]),
    ],
)
def test_what_a_cluster_lacks(roles: tuple[str, ...], changed: dict[str, Any], expected: list[str]) -> None:
    assert codes(Cluster(nodes(*roles, **changed), "id0")) == expected


def test_two_machines_of_one_name_are_told_apart_by_what_docker_takes() -> None:
    cluster = Cluster(nodes("manager", "worker", hostname="host0", state="down"), "id0")
    [down] = faults.of_nodes(cluster, {})["id1"]
    assert down.message == "host0 (id1) is down"
    assert down.fix.endswith("docker node rm id1")


def task(node: str, wrote: str, taken: str, container: str = "c") -> dict[str, Any]:
    """A task with the time of its node and that of a manager."""
    status = {"Timestamp": f"2026-11-29T18:13:{wrote}Z", "ContainerStatus": {"ContainerID": container}}
    return {"NodeID": node, "Status": status, "UpdatedAt": f"2026-11-29T18:13:{taken}Z"}


def test_a_clock_is_told_by_what_a_node_and_a_manager_wrote_of_one_task() -> None:
    tasks = [
        task("good", "11.648564189", "11.7"),
        # A manager wrote later of it again.
        task("good", "05", "45.5"),
        task("ahead", "41.5", "11.5"),
        task("none", "41.5", "11.5", container=""),
    ]
    found = clocks.offsets(tasks)
    assert {node: round(seconds) for node, seconds in found.items()} == {"good": 0, "ahead": 30}
    cluster = Cluster(nodes("manager"), "id0")
    assert codes(cluster, {"id0": 30.0}) == ["node-clock"]
    assert codes(cluster, {"id0": -4.0}) == []


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ("", ["swarm", "init"]),
        ("192.168.1.2", ["swarm", "init", "--advertise-addr", "192.168.1.2"]),
        ("10.0.1.2", ["swarm", "init", "--advertise-addr", "10.0.1.2", "--default-addr-pool", "10.128.0.0/9"]),
        ("10.214.0.11", ["swarm", "init", "--advertise-addr", "10.214.0.11"]),
    ],
)
def test_overlays_keep_away_from_the_machines_own_network(own: str, expected: list[str]) -> None:
    assert joining.words(own) == expected


INACTIVE = {"Swarm": {"LocalNodeState": "inactive"}}
MANAGER = {"Swarm": {"LocalNodeState": "active", "ControlAvailable": True, "NodeID": "n39", "NodeAddr": "10.0.0.1",
                     "RemoteManagers": [{"Addr": "10.0.0.1:2377"}]}}  # fmt: skip
WORKER = {"Name": "two", "Swarm": {"LocalNodeState": "active", "RemoteManagers": [{"Addr": "10.0.0.1:2377"}]}}


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """An engine whose `info` the test sets; as a manager it has one node."""
    said: dict[str, Any] = {}
    monkeypatch.setattr(docker, "info", lambda: said)
    monkeypatch.setattr(docker, "podman", lambda: False)
    monkeypatch.setattr("stack.cluster.nodes.listed", lambda: [read(ROW)])
    monkeypatch.setattr(joining, "tasks", list)
    monkeypatch.setattr(doors, "image", lambda _: "")
    monkeypatch.setattr(joining, "line", lambda _: f"docker swarm join --token {TOKEN} 10.0.0.1:2377")
    return said


def test_the_document_is_frozen(engine: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    engine.update(MANAGER)
    render.present("cluster", lambda: command.run(join=False, yes=False), True)
    assert json.loads(capsys.readouterr().out)["data"] == {
        "state": "manager", "managers": ["10.0.0.1:2377"], "missing": [],
        "nodes": [{"id": "n39", "hostname": "one", "name": "one", "here": True, "role": "manager", "leader": True,
                   "state": "ready", "availability": "active", "address": "10.0.0.1", "labels": {"zone": "a"},
                   "cpus": 2.0, "memory_bytes": 1000, "disk_free": None, "gpus": 1, "architecture": "amd64",
                   "engine": "20.10.24", "gpu": "GPU", "clock_ahead": None, "missing": []}],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("info", "state", "said"),
    [
        (INACTIVE, "none", "this engine is in no cluster; to make it the first manager of one: ./inv cluster --join"),
        (WORKER, "worker", "this engine's part in a cluster is worker; its managers can tell the nodes: 10.0.0.1:2377"),
    ],
)
def test_an_engine_that_is_no_manager_says_who_can_tell(
    engine: dict[str, Any], info: dict[str, Any], state: str, said: str
) -> None:
    engine.update(info)
    result = command.run(join=False, yes=False)
    assert (result.data["state"], result.lines, result.exit_code) == (state, [said], 0)


@pytest.mark.parametrize("as_json", [True, False])
def test_the_secret_of_the_line_is_for_a_terminal_alone(
    engine: dict[str, Any], monkeypatch: pytest.MonkeyPatch, as_json: bool
) -> None:
    engine.update(MANAGER)
    monkeypatch.setattr("sys.stdout.isatty", lambda: as_json)
    result = command.run(join=True, yes=False, as_json=as_json)
    assert TOKEN not in repr(result)
    assert result.problems[0].fix == "docker swarm join-token worker"
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert TOKEN in repr(command.run(join=True, yes=False))


def test_a_worker_is_not_made_a_manager(engine: dict[str, Any]) -> None:
    engine.update(WORKER)
    with pytest.raises(StackError) as refused:
        command.run(join=True, yes=True)
    assert refused.value.problems[0].fix == "on a manager: docker node promote two"


def test_nobody_is_made_a_manager_who_did_not_agree(engine: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    engine.update(INACTIVE)
    monkeypatch.setattr(joining, "make", lambda _: pytest.fail("made"))
    with pytest.raises(StackError) as refused:
        command.run(join=True, yes=False)
    assert refused.value.problems[0].fix == "./inv cluster --join --yes"


LOG = """\
np-disks.0.p6z3vhn8meiz@one    | Filesystem     1024-blocks   Used Available Capacity Mounted on
np-disks.0.p6z3vhn8meiz@one    | overlay            4194304 337428   3856876       9% /
np-disks.0.n135kkhfjjuo@two.example.org    | overlay            4194304 167552      1000       4% /
np-disks.0.473fxc7ud69n@three    | df: /: Permission denied
"""


def test_each_node_says_what_is_free_on_its_disk() -> None:
    ids = ["p6z3vhn8meiz", "n135kkhfjjuo", "473fxc7ud69n"]
    tasks = [{"ID": f"{task}8n9x7w6v5u4t3", "NodeID": f"id{number}"} for number, task in enumerate(ids)]
    found = disks.read(LOG, tasks)
    assert found == {"id0": 3856876 * 1024, "id1": 1000 * 1024}
    told = disks.told(nodes("manager", "worker", "worker"), found)
    assert [node.disk_free for node in told] == [3856876 * 1024, 1000 * 1024, None]


def image(*names: str, digests: tuple[str, ...] = ()) -> dict[str, Any]:
    """An image as an engine has it that was asked."""
    return {"Id": f"sha256:{'a' * 64}", "RepoTags": list(names), "RepoDigests": list(digests)}


SHA = "sha256:" + "b" * 64
IMAGES = [
    image("genai-stack/backend:0.1.0"),
    image("redis:7", digests=(f"redis@{SHA}",)),
    # Shared by the registry here, which is none of its own name.
    image("genai-stack/redis:0.1.0", digests=(f"127.0.0.1:63190/genai-stack/redis@{SHA}",)),
    image("ghcr.io/me/app:1", digests=(f"redis@{SHA}",)),
]


def test_what_is_built_here_has_no_registry_of_its_own_name() -> None:
    names = ["genai-stack/backend:0.1.0", "redis:7", f"redis@{SHA}", "genai-stack/redis:0.1.0", "ghcr.io/me/app:1",
             "not-here:1", "genai-stack/backend:0.1.0"]  # fmt: skip
    assert registry.local(IMAGES, names) == ["genai-stack/backend:0.1.0", "genai-stack/redis:0.1.0", "ghcr.io/me/app:1"]


@pytest.mark.parametrize(
    ("name", "at", "expected"),
    [
        ("genai-stack/redis:0.1.0", "127.0.0.1:63190", "127.0.0.1:63190/genai-stack/redis"),
        ("genai-stack/redis:0.1.0", "ghcr.io/me", "ghcr.io/me/redis"),
        ("app", "localhost:5000", "localhost:5000/app"),
        ("127.0.0.1:5000/a/b:1", "127.0.0.1:63190", "127.0.0.1:63190/127.0.0.1-5000/a/b"),
    ],
)
def test_an_image_has_one_name_in_a_registry(name: str, at: str, expected: str) -> None:
    assert registry.called(name, at) == expected


def test_what_was_shared_before_is_known_without_a_question(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings({"BASE_PORT": ("63000", "default")}, [])
    monkeypatch.setattr(docker, "inspected", lambda _, __: IMAGES)
    names = ["genai-stack/backend:0.1.0", "redis:7", "genai-stack/redis:0.1.0"]
    expected = {"genai-stack/redis:0.1.0": f"127.0.0.1:63190/genai-stack/redis@{SHA}"}
    assert registry.known(settings, names, Cluster(nodes("manager", "worker"), "id0")) == expected
    assert registry.known(settings, names, Cluster(nodes("manager"), "id0")) == {}


@pytest.mark.parametrize(("roles", "value"), [(("manager",), ""), (("manager", "worker"), "none")])
def test_nothing_is_shared_where_every_node_has_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, roles: tuple[str, ...], value: str
) -> None:
    monkeypatch.setattr(docker, "inspected", lambda _, __: pytest.fail("asked"))
    settings = Settings({"REGISTRY": (value, ".env")}, [])
    cluster = Cluster(nodes(*roles), "id0")
    assert registry.share(tmp_path, settings, "p", ["a:1"], cluster, Progress()) == {}


@pytest.mark.parametrize(("said", "fix"), [
    ("No such image: x:1", "docker save x:1 | ssh 10.0.0.1 docker load"),
    ("Bind for 0.0.0.0:24190 failed: port is already allocated", "ssh 10.0.0.1 docker rm --force p-registry"),
])  # fmt: skip
def test_a_door_that_can_not_open_is_told_with_what_to_type(
    monkeypatch: pytest.MonkeyPatch, said: str, fix: str
) -> None:
    tasks = [[], [{"ID": "t", "NodeID": "id1", "Status": {"State": "rejected", "Err": said}}]]
    monkeypatch.setattr(doors, "tasks", lambda _: tasks.pop(0))
    with pytest.raises(StackError) as raised:
        doors._wait("p-registry", "x:1", Cluster(nodes("manager", "worker"), "id0"))
    assert fix in raised.value.problems[0].fix


def test_doors_are_gone_when_their_tasks_have_ended_and_not_only_their_service(monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = [{"ID": state, "NodeID": "id0", "Status": {"State": state}} for state in ("running", "shutdown")]
    monkeypatch.setattr(manager, "listed", lambda kind, **_: [ROW] if kind == "nodes" else [])
    monkeypatch.setattr(manager, "tasks", lambda _, label: tasks if label == doors.LABEL else [])
    assert doors._left("p") == ["running"]


def test_a_registry_of_another_manager_that_can_not_be_ended_is_told_with_what_to_type(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    def ask(image: str, project: str, node: str, names: list[str]) -> str:
        asked.append((image, project, node, names))
        return "" if node == "id1" else "No such image"

    monkeypatch.setattr(docker, "info", lambda: {"Swarm": {"NodeID": "id0"}})
    monkeypatch.setattr(docker, "inspected", lambda *_: [{"Id": "sha256:a"}])
    monkeypatch.setattr(doors, "holders", lambda _: {"id0": "c", "id1": "d", "id2": "e", "gone": "f"})
    monkeypatch.setattr("stack.cluster.nodes.listed", lambda: nodes("manager", "manager", "manager"))
    monkeypatch.setattr(emptying, "_ask", ask)
    lost, told = emptying.end_registries("p")
    assert asked == [("sha256:a", "p", "id1", []), ("sha256:a", "p", "id2", [])]
    assert told.fix == "ssh 10.0.0.2 docker rm --force p-registry"
    assert "it left the cluster" in lost.message


@pytest.mark.parametrize(("swarm", "fix"), [
    ({"LocalNodeState": "active", "RemoteManagers": [{"Addr": "10.0.0.1:2377"}]}, "docker node promote two"),
    ({"LocalNodeState": "inactive"}, "./inv cluster --join"),
])  # fmt: skip
def test_who_is_no_manager_is_told_where_to_type(
    monkeypatch: pytest.MonkeyPatch, swarm: dict[str, Any], fix: str
) -> None:
    monkeypatch.setattr(docker, "info", lambda: {"Name": "two", "Swarm": swarm})
    with pytest.raises(StackError) as raised:
        manager.check()
    assert fix in raised.value.problems[0].fix


def test_a_task_that_is_forgotten_between_two_questions_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    said = subprocess.CompletedProcess([], 1, '[{"ID": "a"}]', "Error: No such task: b\n")
    monkeypatch.setattr(docker, "run", lambda *_, **__: said)
    assert manager.described(["a", "b"]) == [{"ID": "a"}]
    assert manager.described([]) == []
