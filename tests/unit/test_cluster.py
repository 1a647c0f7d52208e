"""A plan on several machines: where each service goes, what the stack file says, and what tasks come to."""

import os
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from msgspec import structs

from stack import docker
from stack.cluster import deploy, kept, manager, networks, nodes, placement, service, stackfile, tasks, watching
from stack.cluster.nodes import Node
from stack.cluster.placement import Cluster, Kept, Placement
from stack.cluster.service import Sources
from stack.cluster.stackfile import Stack
from stack.env.settings import Settings
from stack.errors import StackError
from stack.output.progress import Progress
from stack.planning.graph import Edge
from stack.planning.plan import Plan, Service
from stack.running import contents
from stack.running.contents import File
from tests import fixes

A, B = Node("aaa1", "a", disk_free=10 << 30, address="10.0.0.1"), Node("bbb1", "b", disk_free=20 << 30)
SERVICES: dict[str, Any] = {
    "db": {"image": "db:1", "volumes": [{"type": "volume", "source": "data", "target": "/data"}]},
    "web": {"image": "web:1"},
    "door": {"image": "door:1", "ports": [{"target": 80, "published": "24000", "host_ip": "127.0.0.1"}]},
}  # fmt: skip
VOLUMES: dict[str, Any] = {"data": {"name": "p_data"}}


def model(**changed: Any) -> dict[str, Any]:
    """A project of three services, some with other words."""
    services = {name: {**own, **changed.get(name, {})} for name, own in SERVICES.items()}
    return {"services": services, "volumes": changed.get("volumes", VOLUMES), "networks": {"net": {"driver": "bridge"}}}


def put(*nodes: Node, kept: Kept = Kept(), wanted: dict[str, str] | None = None, here: str = "aaa1",  # noqa: B008
        there: frozenset[str] = frozenset(), **changed: Any) -> Placement:  # fmt: skip
    return placement.place(model(**changed), Cluster(list(nodes), here, there), kept, wanted or {}, "door")


def nodes_of(placed: Placement) -> dict[str, str]:
    return {name: where.node for name, where in placed.services.items()}


def test_state_goes_where_most_disk_is_free_the_entrance_where_up_is_typed_and_the_rest_anywhere() -> None:
    placed = put(A, B)
    assert nodes_of(placed) == {"db": "bbb1", "web": "", "door": "aaa1"}
    assert placed.kept == Kept({"p_data": "bbb1"}, {"door": "aaa1"})


def test_state_stays_where_it_is_remembered_or_where_its_volume_is_already() -> None:
    assert nodes_of(put(A, B, kept=Kept({"p_data": "aaa1"})))["db"] == "aaa1"
    assert nodes_of(put(A, B, there=frozenset({"p_data"})))["db"] == "aaa1"


def test_a_place_that_is_asked_for_counts_at_the_first_start_and_moves_nothing() -> None:
    assert nodes_of(put(A, B, wanted={"db": "aaa1"}))["db"] == "aaa1"
    refused = put(A, B, kept=Kept({"p_data": "bbb1"}), wanted={"db": "aaa1"}).refused
    assert [problem.code for problem in refused] == ["place"]
    assert "is on b" in refused[0].message


BACK = (
    "start that machine's engine: it joins by itself; or, if it is gone for good: docker node rm bbb1, then "
    "./inv up --place db=NODE, which starts empty"
)


@pytest.mark.parametrize(
    ("node", "fix"),
    [
        (Node("bbb1", "b", state="down"), BACK),
        (Node("bbb1", "b", availability="drain"), "docker node update --availability active bbb1"),
        (
            Node("ccc1", "c"),
            "join that machine again; or give that data up, and start empty: ./inv up --place db=NODE",
        ),
    ],
)
def test_nothing_starts_empty_elsewhere_while_the_node_of_its_data_is_away(node: Node, fix: str) -> None:
    placed = put(A, node, kept=Kept({"p_data": "bbb1"}))
    assert nodes_of(placed)["db"] == "bbb1"
    with pytest.raises(StackError) as raised:
        placement.check(placed, Cluster([A, node], "aaa1"))
    assert [(problem.code, problem.fix) for problem in raised.value.problems] == [("node-gone", fix)]
    assert "p_data" in raised.value.problems[0].message


def test_a_node_that_is_lost_for_good_gives_way_to_one_that_is_asked_for() -> None:
    placed = put(A, kept=Kept({"p_data": "bbb1"}), wanted={"db": "aaa1"})
    assert (nodes_of(placed)["db"], placed.refused, placed.waiting) == ("aaa1", [], {})
    assert "starts empty" in placed.services["db"].why


def test_a_checkout_without_the_record_learns_from_the_services_where_data_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def service(name: str, *mounts: dict[str, str]) -> dict[str, Any]:
        task = {"Placement": {"Constraints": ["node.id==bbb1"]}, "ContainerSpec": {"Mounts": list(mounts)}}
        return {"Spec": {"Name": f"p_{name}", "TaskTemplate": task}}

    rows = [service("db", {"Type": "volume", "Source": "p_data"}, {"Type": "tmpfs"}), service("door"),
            {"Spec": {"Name": "p_web", "TaskTemplate": {}}}]  # fmt: skip
    monkeypatch.setattr(manager, "of_stack", lambda *_: rows)
    known = kept.recalled(tmp_path, "p")
    assert known == Kept({"p_data": "bbb1"}, {"door": "bbb1"})
    assert nodes_of(put(A, B, kept=known))["db"] == "bbb1"


def test_who_shares_a_volume_goes_to_one_node_and_a_volume_of_the_network_ties_nobody() -> None:
    both = put(A, B, web={"volumes": SERVICES["db"]["volumes"]})
    assert nodes_of(both)["web"] == nodes_of(both)["db"] == "bbb1"
    far = put(A, B, volumes={"data": {"name": "p_data", "driver_opts": {"type": "nfs", "o": "addr=10.0.0.9"}}})
    assert nodes_of(far)["db"] == ""
    assert far.kept.volumes == {}


def test_nothing_new_goes_to_a_full_node_and_a_full_one_with_data_is_told() -> None:
    full = Node("bbb1", "b", disk_free=1 << 30)
    assert nodes_of(put(A, full))["db"] == "aaa1"
    assert [problem.code for problem in put(full, here="bbb1").refused] == ["no-node"]
    assert [problem.code for problem in put(A, full, kept=Kept({"p_data": "bbb1"})).warned] == ["node-full"]


def test_an_image_goes_to_nodes_of_its_architecture_alone() -> None:
    arm = Node("bbb1", "b", architecture="arm64", disk_free=90 << 30)
    intel = Node("aaa1", "a", architecture="amd64", disk_free=10 << 30)
    machines = {"db:1": "amd64", "web:1": "amd64"}
    placed = placement.place(model(), Cluster([intel, arm], "aaa1", frozenset(), machines), Kept(), {}, "door")
    assert nodes_of(placed)["db"] == "aaa1"
    assert placed.services["web"].constraints() == ["node.platform.arch==x86_64"]


def test_the_entrance_is_on_each_node_that_has_its_label() -> None:
    b, c = (Node(name, name, labels={"stack.gateway": "true"}) for name in "bc")
    placed = put(A, b, c)
    assert placed.services["door"].constraints() == ["node.labels.stack.gateway==true"]
    assert placed.replicas == {"door": 2}
    assert put(A, b, structs.replace(c, state="down")).replicas == {"door": 1}


def test_what_has_no_data_on_a_lost_node_may_be_moved() -> None:
    known, lost = Kept({}, {"door": "bbb1"}), Node("bbb1", "b", state="down")
    cluster = Cluster([A, lost], "aaa1")
    [problem] = placement.restores(cluster, put(A, lost, kept=known))
    assert "./inv up --place door=NODE" in problem.fix
    assert placement.restores(cluster, put(A, lost, kept=known, wanted={"door": "aaa1"})) == []


@pytest.mark.parametrize("word", ["db", "db=", "web2=a", "db=nowhere", "db=twin"])
def test_a_wrong_place_is_told_with_what_to_type(word: str) -> None:
    cluster = Cluster([A, Node("t1", "twin"), Node("t2", "twin")], "aaa1")
    with pytest.raises(StackError) as raised:
        placement.asked([word], cluster, ["db", "web"])
    assert raised.value.exit_code == 2


def test_a_place_is_named_by_host_address_or_the_beginning_of_an_id() -> None:
    cluster = Cluster([A, B], "aaa1")
    assert [placement.asked([f"db={name}"], cluster, ["db"])["db"] for name in ("a", "10.0.0.1", "aa")] == ["aaa1"] * 3


def made(files: dict[str, list[File]] | None = None, values: dict[str, str] | None = None, **changed: Any) -> Stack:
    project = model(**changed)
    placed = placement.place(project, Cluster([A], "aaa1"), Kept(), {}, "door")
    given = Sources("p", "/here", files or {}, {}, {}, values or {}, frozenset({"job"}), frozenset({"door"}))
    return stackfile.make(project, placed, given)


def test_only_the_entrance_is_published_by_its_node_and_who_has_data_goes_before_its_successor_comes() -> None:
    services = made().services
    assert services["door"]["ports"] == [{"target": 80, "published": 24000, "mode": "host", "protocol": "tcp"}]
    orders = {name: service["deploy"]["update_config"]["order"] for name, service in services.items()}
    assert orders == {"db": "stop-first", "web": "start-first", "door": "stop-first"}
    assert services["db"]["deploy"]["placement"] == {"constraints": ["node.id==aaa1"]}


BIND = {"volumes": [{"type": "bind", "source": "./compose/x", "target": "/x", "read_only": True}]}


def test_files_become_configs_by_what_is_in_them_and_those_with_passwords_secrets() -> None:
    one = made({"./compose/x": [File("a.sh", b"1", True), File("b", b"2", private=True)]}, web=BIND)
    two = made({"./compose/x": [File("a.sh", b"9", True), File("b", b"2", private=True)]}, web=BIND)
    [config], [secret] = one.services["web"]["configs"], one.services["web"]["secrets"]
    assert (config["target"], config["mode"], secret["target"], secret["mode"]) == ("/x/a.sh", 0o555, "/x/b", 0o444)
    assert one.configs == {config["source"]: b"1"}
    assert one.secrets == {secret["source"]: b"2"}
    assert two.configs.keys() != one.configs.keys()
    assert [name for name in one.digests if one.digests[name] != two.digests[name]] == ["web"]


def test_an_empty_file_and_one_too_large_for_a_config_are_seen_to() -> None:
    assert list(made({"./compose/x": [File("a", b"")]}, web=BIND).configs.values()) == [b"\n"]
    [problem] = made({"./compose/x": [File("a", b"x" * 600_000)]}, web=BIND).refused
    assert "600 kB" in problem.message


def test_a_config_holds_what_the_file_holds_to_the_byte(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    client, data = tmp_path / "docker", bytes(range(256)) + b"\r\n"
    client.write_text(f'#!/bin/sh\ncat > "{tmp_path}/got"\n')
    client.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(manager, "of_stack", lambda *_: [])
    deploy.prepare(Stack({}, {}, {}, {}, {"p_file-1": data}, {}, [], []), "p")
    assert (tmp_path / "got").read_bytes() == data


def test_what_is_too_large_is_not_even_read(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"x" * 6)
    assert [file.data for file in contents.below(tmp_path, 12)] == [b"x" * 6, b"x" * 6]
    files = contents.below(tmp_path, 11)
    assert [(file.data, file.size) for file in files] == [(b"", 6), (b"", 6)]
    [problem] = made({"./compose/x": [File(name, b"", unread=5_000_000) for name in "ab"]}, web=BIND).refused
    assert "10 MB in 2 files" in problem.message


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ({"privileged": True}, "privileged"),
        ({"devices": ["/dev/dri"]}, "devices of the machine"),
        ({"pid": "host"}, "processes of the machine"),
        ({"network_mode": "service:db"}, "the network of db"),
        ({"volumes": [{"type": "bind", "source": "/srv", "target": "/srv"}]}, "/srv of the machine"),
        ({"volumes": [{"type": "bind", "source": "./mine", "target": "/mine"}]}, "./mine of the machine"),
        ({"security_opt": ["seccomp=unconfined"]}, "seccomp"),
        ({"networks": {"net": {"ipv4_address": "10.1.1.1"}}}, "10.1.1.1"),
        ({"extra_hosts": ["me=host-gateway"]}, "host-gateway"),
        ({"blkio_config": {"weight": 1}}, "no word for blkio_config"),
    ],
)
def test_what_a_stack_file_can_not_say_is_refused_by_name(words: dict[str, Any], why: str) -> None:
    [problem] = made(web=words).refused
    assert "web" in problem.message
    assert why in problem.message
    assert problem.where.startswith("services.web.")
    fixes.check([{"message": problem.message, "where": problem.where, "fix": problem.fix}])


def test_the_words_of_compose_that_a_stack_file_has_otherwise_are_translated() -> None:
    words = {"tmpfs": ["/tmp:size=64m"], "shm_size": "1024", "container_name": "w", "networks": {"net": None},
             "extra_hosts": {"far": "10.0.0.9"}, "network_mode": None, "pids_limit": 9,
             "deploy": {"resources": {"limits": {"cpus": 0.5, "memory": "0"}, "reservations": {"devices": [
                 {"capabilities": ["gpu"], "count": 2}]}}}}  # fmt: skip
    web = made(web=words).services["web"]
    assert web["volumes"] == [{"type": "tmpfs", "target": "/tmp", "tmpfs": {"size": 64 << 20}},
                              {"type": "tmpfs", "target": "/dev/shm", "tmpfs": {"size": 1024}}]  # fmt: skip
    assert web["networks"] == {"net": {"aliases": ["w"]}}
    assert web["extra_hosts"] == ["far:10.0.0.9"]
    assert web["deploy"]["resources"] == {"limits": {"cpus": "0.5", "pids": 9}, "reservations": {
        "generic_resources": [{"discrete_resource_spec": {"kind": "gpu", "value": 2}}]}}  # fmt: skip


def test_a_mount_in_memory_has_a_size_alone_and_a_mode_that_is_lost_is_told() -> None:
    long = [{"type": "tmpfs", "target": "/own", "tmpfs": {"size": "64", "mode": 0o700}}]
    for words in ({"tmpfs": ["/own:mode=0700,size=64"]}, {"volumes": long}):
        found = made(web=words)
        assert found.services["web"]["volumes"] == [{"type": "tmpfs", "target": "/own", "tmpfs": {"size": 64}}]
        [line] = found.told
        assert line.endswith("no word for their mode: web")
    found = made(web={"tmpfs": ["/tmp:mode=1777,ro"]})
    assert found.told == []
    assert found.services["web"]["volumes"] == [{"type": "tmpfs", "target": "/tmp", "read_only": True}]


def test_a_gpu_is_asked_for_by_the_name_that_nodes_have_for_it_and_by_no_more_than_one_has() -> None:
    words = {"deploy": {"resources": {"reservations": {"devices": [{"capabilities": ["gpu"], "count": 2}]}}}}
    two = Node("bbb1", "b", gpus=2, gpu="NVIDIA-GPU")
    project = model(web=words)
    placed = put(A, two, web=words)
    assert placed.refused == []
    given = Sources("p", "/here", {}, {}, {}, {}, frozenset(), frozenset({"door"}))
    web = stackfile.make(project, placed, given).services["web"]
    [resource] = web["deploy"]["resources"]["reservations"]["generic_resources"]
    assert resource == {"discrete_resource_spec": {"kind": "NVIDIA-GPU", "value": 2}}
    for one, why in ((structs.replace(two, gpus=1), "no node offers more than 1"), (A, "no node offers one as a")):
        [problem] = put(A, one, web=words).refused
        assert why in problem.message


def test_a_secret_is_a_variable_in_the_file_and_a_new_one_another_service() -> None:
    words = {"environment": {"KEY": "${KEY:?not set}"}}
    one, two = made(values={"KEY": "secret-1"}, web=words), made(values={"KEY": "secret-2"}, web=words)
    assert one.digests["web"] != two.digests["web"]
    assert one.digests["db"] == two.digests["db"]
    assert "secret-1" not in stackfile.text(one, one.services)


def test_a_consumer_stays_where_a_secret_may_be_empty_from_another_source() -> None:
    one, other = (made(web={"environment": {"URL": f"redis://{word}@redis"}})
                  for word in ("${PASSWORD:?not set}", "${PASSWORD:-}"))  # fmt: skip
    assert one.digests["web"] == other.digests["web"]


def test_a_secret_that_the_program_takes_from_a_file_is_one_of_swarm() -> None:
    words = {"environment": {"GF_SECURITY_ADMIN_PASSWORD": "${GRAFANA_PASSWORD:?not set}", "A": "b"}}
    project = {"services": {"grafana": {"image": "grafana:1", **words}}}
    given = Sources("p", "/here", {}, {}, {}, {"GRAFANA_PASSWORD": "hush"}, frozenset(), frozenset())
    found = stackfile.make(project, placement.place(project, Cluster([A], "aaa1"), Kept(), {}, "door"), given)
    [secret] = found.services["grafana"]["secrets"]
    assert found.secrets == {secret["source"]: b"hush"}
    assert found.services["grafana"]["environment"] == {
        "A": "b", "GF_SECURITY_ADMIN_PASSWORD__FILE": secret["target"]}  # fmt: skip
    assert found.told == []


def test_another_number_of_tasks_is_the_same_service() -> None:
    one, three = made(), made(web={"deploy": {"replicas": 3}})
    assert (three.replicas("web"), one.digests["web"]) == (3, three.digests["web"])


def task(state: str, desired: str = "running", digest: str = "new", at: str = "1", **more: Any) -> dict[str, Any]:
    labels = {"ContainerSpec": {"Labels": {service.DIGEST: digest}}}
    return {"ID": f"{state}{at}", "ServiceID": "s", "CreatedAt": at, "DesiredState": desired, "Slot": 1,
            "NodeID": "aaa1", "Status": {"State": state, **more}, "Spec": labels}  # fmt: skip


WEB = Service("web", "web", "", "container", "web:1", False, 1, False, [], {}, 0, None, None)
JOB = Service("job", "job", "", "container", "job:1", False, 1, True, [], {}, 0, None, None)
FAILED = [task("failed", "shutdown", at=str(n), Err="task: non-zero exit (3)", ContainerStatus={"ExitCode": 3})
          for n in range(3)]  # fmt: skip


def test_a_service_begins_once_what_it_depends_on_is_there_whatever_else_is_on_its_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`slow` gets there only once `second` has begun, which waits for `first` alone."""
    edges = {"first": {}, "slow": {}, "second": {"first": Edge("service_healthy", True)}, "stays": {}}
    services = [structs.replace(WEB, name=name, depends_on=needs) for name, needs in edges.items()]
    planned = Plan("p", 24000, [], [], services, [], [])
    stack = Stack({name: {"deploy": {}} for name in edges}, dict.fromkeys(edges, "new"), {}, {}, {}, {}, [], [])
    begun: list[list[str]] = []

    def there() -> list[str]:
        every = [name for names in begun for name in names]
        return [name for name in every if name != "slow" or "second" in every]

    monkeypatch.setattr(deploy, "prepare", lambda *_: None)
    monkeypatch.setattr(deploy, "_deploy", lambda _, names, __: begun.append(names) if names else None)
    monkeypatch.setattr(watching, "LOOK_S", 0)
    monkeypatch.setattr(manager, "of_stack", lambda *_: [{"ID": name, "Spec": {"Name": f"p_{name}"}} for name in edges])
    monkeypatch.setattr(manager, "tasks", lambda _: [{**task("running"), "ServiceID": name} for name in there()])
    order = deploy.Order(stack, planned, ["first", "slow", "second"], frozenset(), Cluster([A], "aaa1"))
    assert deploy.run(order, {}, 60, Progress()) == []
    assert begun == [["first", "slow"], ["second"]]


@pytest.mark.parametrize(
    ("found", "update", "there", "wrong"),
    [
        ([task("running")], "", True, ""),
        ([task("running")], "completed", True, ""),
        ([task("running")], "updating", False, ""),
        ([task("running", digest="old")], "", False, ""),
        ([task("running"), task("running", digest="old")], "", False, ""),
        ([task("starting")], "", False, ""),
        (FAILED[:2], "", False, ""),
        (FAILED, "", False, "keeps failing (3 times): task: non-zero exit (3)"),
        ([*FAILED[:1], task("running", digest="old")], "rollback_completed", False,
         "was rolled back to what ran before: task: non-zero exit (3)"),
        ([task("pending", Err="no suitable node (insufficient memory)")], "", False,
         "no node takes it: no suitable node (insufficient memory)"),
    ],
)  # fmt: skip
def test_a_service_is_there_once_all_of_its_new_tasks_are(
    found: list[dict[str, Any]], update: str, there: bool, wrong: str
) -> None:
    seen = watching.judge(WEB, found, "new", 1, update, waited=60.0)
    assert (seen.there, seen.wrong) == (there, wrong)


def test_a_job_is_there_once_it_is_complete_and_fails_at_once() -> None:
    assert watching.judge(JOB, [task("complete", "shutdown")], "new", 1).there
    assert watching.judge(JOB, [task("complete", "shutdown", digest="old")], "new", 1).there is False
    assert watching.judge(JOB, FAILED[:1], "new", 1).wrong == "exited 3"


def test_of_a_place_that_had_several_tasks_the_one_that_is_to_run_counts() -> None:
    found = tasks.current(
        [task("shutdown", "shutdown", at="1"), task("running", at="2"), task("failed", "shutdown", at="3")]
    )
    assert [one["CreatedAt"] for one in found] == ["2"]
    assert (
        tasks.current([task("complete", "shutdown", at="1"), task("complete", "shutdown", at="2")])[0]["CreatedAt"]
        == "2"
    )


@pytest.mark.parametrize(
    ("found", "state", "health", "code"),
    [
        (task("running"), "running", "", 0),
        (task("starting"), "running", "starting", 0),
        (task("complete", "shutdown"), "exited", "", 0),
        (FAILED[0], "exited", "", 3),
        (task("rejected", "shutdown"), "exited", "", 1),
        (task("pending"), "created", "", 0),
    ],
)
def test_a_task_is_told_as_a_container_is(found: dict[str, Any], state: str, health: str, code: int) -> None:
    told = tasks.as_container("web", found)
    assert (told.service, told.state, told.health, told.exit_code, told.config_hash) == (
        "web",
        state,
        health,
        code,
        "new",
    )


def test_nobody_waits_for_the_end_of_what_is_on_a_node_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manager, "of_stack", lambda *_: [])
    monkeypatch.setattr(manager, "tasks", lambda _: [task("running")])
    monkeypatch.setattr(nodes, "listed", lambda: [Node("aaa1", "a")])
    assert deploy._left("p") == ["task running1"]
    monkeypatch.setattr(nodes, "listed", lambda: [Node("aaa1", "a", state="down")])
    assert deploy._left("p") == []


def test_a_network_in_which_tasks_still_end_is_removed_with_another_try(monkeypatch: pytest.MonkeyPatch) -> None:
    said = ["Failed to remove network n: it is in use by task t", ""]

    def run(words: list[str], **_: Any) -> CompletedProcess[str]:
        text = said.pop(0)
        return CompletedProcess(words, int(bool(text)), "", text)

    monkeypatch.setattr(docker, "run", run)
    monkeypatch.setattr(deploy, "LOOK_S", 0)
    monkeypatch.setattr(manager, "of_stack", lambda *_: [{}])
    monkeypatch.setattr(deploy, "_left", lambda _: ["network n"] if said else [])
    assert deploy.down("p")["networks"] == 1
    said[:] = ["permission denied"]
    with pytest.raises(StackError, match="permission denied"):
        deploy.down("p")


@pytest.mark.parametrize(("stands", "wanted", "codes"), [
    ({}, False, []), ({}, True, ["network-stands"]), ({"encrypted": ""}, True, []),
    ({"encrypted": ""}, False, ["network-stands"]),
])  # fmt: skip
def test_a_network_that_stands_is_not_taken_for_an_encrypted_one(
    monkeypatch: pytest.MonkeyPatch, stands: dict[str, str], wanted: bool, codes: list[str]
) -> None:
    monkeypatch.setattr(manager, "of_stack", lambda *_: [{"Name": "p_net", "Options": stands}])
    own = {"driver": "overlay", **({"driver_opts": {"encrypted": ""}} if wanted else {})}
    stack = Stack({}, {}, {"net": own}, {}, {}, {}, [], [])
    assert [problem.code for problem in networks.standing(stack, "p")] == codes


@pytest.mark.parametrize(("config", "value", "codes"), [
    ("# CONFIG_INET_ESP is not set", "true", ["no-esp"]), ("# CONFIG_INET_ESP is not set", "", []),
    ("CONFIG_INET_ESP=m", "true", []), ("", "true", []),
])  # fmt: skip
def test_a_kernel_that_can_not_encrypt_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, config: str, value: str, codes: list[str]
) -> None:
    (tmp_path / "config").write_text(config)
    monkeypatch.setattr(networks, "CONFIGS", [tmp_path / "config"])
    found = networks.unable(Settings({"NETWORK_ENCRYPTED": (value, ".env")}, []), Cluster([A, B], "aaa1"))
    assert [problem.code for problem in found] == codes
