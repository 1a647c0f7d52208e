"""What a service comes to in Kubernetes' words, and what is refused there."""

from typing import Any

import pytest

from stack.kubernetes import manifests, probes, reach
from stack.kubernetes.manifests import Asked
from stack.kubernetes.mounts import File, Files
from stack.planning import assembly, plan
from stack.planning.plan import Facts, Selection
from tests.synthetic import facts, port

ASKED = Asked({}, "door", 8000, "http", "localhost")
DATA = {"type": "volume", "source": "data", "target": "/data", "volume": {}}
OURS = {"type": "bind", "source": "./compose/web", "target": "/init", "read_only": True}
FILES: Files = {"./compose/web": {"start.sh": File(b"run\n", True), "sub/a.bin": File(b"\xff")}}


def facts_of(services: dict[str, Any], **more: Any) -> Facts:
    """Facts in which every named volume is declared."""
    found = facts(services, **more)
    names = [
        v["source"] for s in services.values() for v in s.get("volumes", []) if v["type"] == "volume" and "source" in v
    ]
    found.model["volumes"] = {name: {"name": f"test_{name}"} for name in names}
    found.model["networks"] |= dict.fromkeys(("front", "back"))
    return found


def made(services: dict[str, Any], asked: Asked = ASKED, **more: Any) -> list[dict[str, Any]]:
    """Every object of a project in which nothing is refused."""
    found = facts_of(services, **more)
    planned = plan.compute(found, Selection(("core",)))
    project = assembly.cut(found.model, planned, {}, set())
    assert manifests.problems(project, planned, FILES, {}) == []
    return [one for objects in manifests.of(project, planned, FILES, asked).values() for one in objects]


def refused(service: dict[str, Any], name: str = "web", source: str = "container", sources: tuple[str, ...] = (),
            volumes: dict[str, Any] | None = None) -> list[tuple[str, str]]:  # fmt: skip
    """The messages and fixes of what can't be carried of one service."""
    found = facts_of({name: service}, sources={name: source}, options={name: [source] if source != "container" else []})
    found.model.setdefault("volumes", {}).update(volumes or {})
    planned = plan.compute(found, Selection(("core",)))
    project = assembly.cut(found.model, planned, {}, set())
    return [(one.message, one.fix) for one in manifests.problems(project, planned, FILES, {name: sources})]


def one(objects: list[dict[str, Any]], kind: str, name: str = "") -> dict[str, Any]:
    """The object of a kind, and a name where there are several."""
    [found] = [o for o in objects if o["kind"] == kind and (not name or o["metadata"]["name"] == name)]
    return found


def pod(objects: list[dict[str, Any]], kind: str = "Deployment", name: str = "") -> dict[str, Any]:
    spec: dict[str, Any] = one(objects, kind, name)["spec"]["template"]["spec"]
    return spec


def container(service: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The container of one service that has no volume."""
    [found] = pod(made({"web": service}, **more))["containers"]
    return dict(found)


def test_what_keeps_running_is_a_deployment_whose_new_pods_come_first() -> None:
    spec = one(made({"web": {"deploy": {"replicas": 3}}}), "Deployment")["spec"]
    assert spec["replicas"] == 3
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}


def test_what_writes_to_a_volume_is_a_stateful_set_with_a_claim_that_is_filled_once() -> None:
    objects = made({"web": {"volumes": [DATA]}})
    assert one(objects, "PersistentVolumeClaim")["spec"]["accessModes"] == ["ReadWriteOnce"]
    spec = pod(objects, "StatefulSet")
    [fill] = spec["initContainers"]
    assert fill["image"] == spec["containers"][0]["image"]
    assert fill["command"][-1] == "/data"
    assert spec["containers"][0]["volumeMounts"] == [{"name": "data-data", "mountPath": "/data", "subPath": "files"}]


def test_a_volume_that_is_only_read_makes_no_stateful_set_and_is_not_filled() -> None:
    objects = made({"web": {"volumes": [{**DATA, "read_only": True}]}})
    assert "initContainers" not in pod(objects)


def test_pods_that_share_a_volume_go_to_one_node() -> None:
    objects = made({"web": {"volumes": [DATA]}, "twin": {"volumes": [DATA]}, "alone": {}})
    for name in ("web", "twin"):
        template = one(objects, "StatefulSet", name)["spec"]["template"]
        [term] = template["spec"]["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        # Each has the label itself, or the first of them could go nowhere.
        assert term["labelSelector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
    assert "affinity" not in pod(objects, name="alone")


def test_a_one_shot_is_a_job_whose_name_changes_with_what_it_does() -> None:
    def name(command: str) -> str:
        return str(one(made({"init": {"restart": "no", "command": [command]}}), "Job")["metadata"]["name"])

    assert name("a") == name("a") != name("b")
    assert name("a").startswith("init-")


@pytest.mark.parametrize(("target", "condition", "words"), [
    ({}, "service_healthy", ["--for=jsonpath={.status.readyReplicas}", "deployment/db"]),
    ({"volumes": [DATA]}, "service_healthy", ["--for=jsonpath={.status.readyReplicas}", "statefulset/db"]),
    ({}, "service_started", ["--for=jsonpath={.status.phase}=Running", "pod", "--selector=app.kubernetes.io/name=db"]),
])  # fmt: skip
def test_an_edge_is_waited_for(target: dict[str, Any], condition: str, words: list[str]) -> None:
    edge = {"db": {"condition": condition, "required": True}}
    objects = made({"web": {"depends_on": edge}, "db": target})
    [wait] = pod(objects, name="web")["initContainers"]
    assert wait["command"] == ["kubectl", "wait", "--timeout=-1s", *words]


def test_the_end_of_a_job_is_waited_for_by_its_name() -> None:
    edge = {"init": {"condition": "service_completed_successfully", "required": True}}
    objects = made({"web": {"depends_on": edge}, "init": {"restart": "no"}})
    [wait] = pod(objects)["initContainers"]
    assert wait["command"][-1] == f"job/{one(objects, 'Job')['metadata']['name']}"


def test_an_optional_edge_is_not_waited_for() -> None:
    edge = {"db": {"condition": "service_healthy", "required": False}}
    objects = made({"web": {"depends_on": edge}, "db": {}})
    assert "initContainers" not in pod(objects, name="web")
    assert "Role" not in {o["kind"] for o in objects}


def test_only_what_waits_may_ask_the_api_and_only_while_it_does() -> None:
    edge = {"db": {"condition": "service_healthy", "required": True}}
    objects = made({"web": {"depends_on": edge}, "db": {}})
    assert {verb for rule in one(objects, "Role")["rules"] for verb in rule["verbs"]} == {"get", "list", "watch"}
    web, db = pod(objects, name="web"), pod(objects, name="db")
    assert not web["automountServiceAccountToken"]
    assert not db["automountServiceAccountToken"]
    assert "volumeMounts" not in web["containers"][0]


def test_what_shares_a_network_is_a_container_of_the_same_pod() -> None:
    beside = {"network_mode": "service:web", "networks": None, "ports": [port(63001, 9000)], "tmpfs": ["/tmp"]}
    objects = made({"web": {"tmpfs": ["/tmp"], "ports": [port(63000, 80)]}, "grpc": beside})
    spec = pod(objects)
    assert [c["name"] for c in spec["containers"]] == ["web", "grpc"]
    assert len({v["name"] for v in spec["volumes"]}) == 2
    assert [p["port"] for p in one(objects, "Service", "web")["spec"]["ports"]] == [80, 9000]


def test_every_name_of_a_service_resolves() -> None:
    networks = {"net": {"aliases": ["cache", "tenant.web"]}}
    objects = made({"web": {"networks": networks}})
    assert {o["metadata"]["name"] for o in objects if o["kind"] == "Service"} == {"web", "cache"}
    spec = pod(objects)
    assert (spec["hostname"], spec["subdomain"]) == ("tenant", "web")


def test_the_ports_that_the_catalogue_names_can_be_called() -> None:
    objects = made({"web": {"expose": ["7000"]}}, Asked({"web": [9100]}, "door", 8000, "http", "localhost"))
    assert [p["port"] for p in one(objects, "Service")["spec"]["ports"]] == [7000, 9100]


def test_no_variable_of_another_service_is_taken_for_a_setting() -> None:
    assert pod(made({"web": {}}))["enableServiceLinks"] is False


def test_a_secret_is_a_reference_and_one_within_a_text_too() -> None:
    env = {"PASSWORD": "__S_WEB_PASSWORD__", "URL": "http://me:__S_WEB_PASSWORD__@db/$$x", "PLAIN": "a$$(b)"}
    found = {v["name"]: v for v in container({"environment": env})["env"]}
    key = {"secretKeyRef": {"name": "test-secrets", "key": "WEB_PASSWORD"}}
    assert found["PASSWORD"]["valueFrom"] == found["FROM_SECRET_WEB_PASSWORD"]["valueFrom"] == key
    # A dollar stands twice there as well as in Compose.
    assert found["URL"]["value"] == "http://me:$(FROM_SECRET_WEB_PASSWORD)@db/$$x"
    assert found["PLAIN"]["value"] == "a$$(b)"
    assert list(found).index("FROM_SECRET_WEB_PASSWORD") < list(found).index("URL")


def test_the_rights_are_compose_s() -> None:
    rights = container({
        "cap_drop": ["ALL"], "cap_add": ["CAP_CHOWN"], "security_opt": ["no-new-privileges:true"], "read_only": True,
        "user": "root:7",
    })["securityContext"]  # fmt: skip
    assert rights == {
        "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"], "add": ["CHOWN"]},
        "readOnlyRootFilesystem": True, "runAsUser": 0, "runAsGroup": 7,
    }  # fmt: skip


@pytest.mark.parametrize(("caps", "level"), [(["CHOWN"], "baseline"), (["NET_ADMIN"], "privileged")])
def test_the_namespace_lets_in_what_the_pods_need_and_no_more(caps: list[str], level: str) -> None:
    space = one(made({"web": {"cap_add": caps}}), "Namespace")
    assert space["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == level


def test_half_of_a_limit_is_asked_for_unless_something_is_reserved() -> None:
    limits = {"memory": "1000", "cpus": 0.5}
    assert container({"deploy": {"resources": {"limits": limits}}})["resources"] == {
        "limits": {"memory": "1000", "cpu": "0.5"}, "requests": {"memory": "500"},
    }  # fmt: skip
    both = {"limits": limits, "reservations": {"memory": "900"}}
    assert container({"deploy": {"resources": both}})["resources"]["requests"] == {"memory": "900"}


@pytest.mark.parametrize(("device", "count"), [
    ({"count": "all"}, "1"), ({"count": -1}, "1"), ({"count": 2}, "2"), ({"device_ids": ["0", "3"]}, "2"),
])  # fmt: skip
def test_a_gpu_is_a_limit(device: dict[str, Any], count: str) -> None:
    devices = [{"driver": "nvidia", "capabilities": ["gpu"], **device}]
    found = container({"deploy": {"resources": {"reservations": {"devices": devices}}}})["resources"]
    assert found["limits"] == {"nvidia.com/gpu": count}


def test_amd_s_devices_are_a_limit() -> None:
    devices = [{"source": path, "target": path, "permissions": "rwm"} for path in ("/dev/kfd", "/dev/dri")]
    assert container({"devices": devices})["resources"]["limits"] == {"amd.com/gpu": "1"}


def test_our_files_are_mounted_as_they_lie_there_and_another_content_is_another_map() -> None:
    objects = made({"web": {"volumes": [OURS]}})
    files = one(objects, "ConfigMap")
    assert (files["data"], files["binaryData"]) == ({"start.sh": "run\n"}, {"sub__a.bin": "/w=="})
    [volume] = pod(objects)["volumes"]
    assert volume["configMap"]["items"] == [
        {"key": "start.sh", "path": "start.sh", "mode": 0o555},
        {"key": "sub__a.bin", "path": "sub/a.bin", "mode": 0o444},
    ]
    assert volume["configMap"]["name"] == files["metadata"]["name"]


def test_configs_and_secrets_of_compose_are_files_too() -> None:
    found = facts(
        {"web": {"configs": [{"source": "conf"}], "secrets": [{"source": "a_key"}, {"source": "b", "target": "/b"}]}}
    )
    found.model.update({"configs": {"conf": {}}, "secrets": {"a_key": {}, "b": {}}})
    planned = plan.compute(found, Selection(("core",)))
    project = assembly.cut(found.model, planned, {}, set())
    [refusal] = manifests.problems(project, planned, {}, {})
    assert refusal.message == "web has the config conf, which holds a secret or comes from elsewhere"
    files = {"configs:conf": {"": File(b"x")}}
    objects = [o for part in manifests.of(project, planned, files, ASKED).values() for o in part]
    assert one(objects, "ConfigMap")["data"] == {"file": "x"}
    spec = pod(objects)
    assert [m["mountPath"] for m in spec["containers"][0]["volumeMounts"]] == ["/conf", "/run/secrets/a_key", "/b"]
    assert [v["secret"]["secretName"] for v in spec["volumes"] if "secret" in v] == ["a-key", "b"]


def test_memory_is_as_large_as_compose_says() -> None:
    service = {"tmpfs": ["/tmp:size=64m,mode=1777", "/run"], "shm_size": "268435456"}
    sizes = [v["emptyDir"] for v in pod(made({"web": service}))["volumes"]]
    assert [one.get("sizeLimit") for one in sizes] == ["67108864", None, "268435456"]


def test_a_hostname_is_known_inside_also_where_the_pod_has_its_own() -> None:
    assert pod(made({"web": {"hostname": "node"}}))["hostname"] == "node"
    stateful = pod(made({"web": {"hostname": "node", "volumes": [DATA]}}), "StatefulSet")
    assert stateful["hostAliases"] == [{"ip": "127.0.0.1", "hostnames": ["node"]}]


CHECK = {"test": ["CMD-SHELL", "ask $$A"], "interval": "30s", "start_interval": "2s", "timeout": "2.5s", "retries": 4,
         "start_period": "1h0m0s"}  # fmt: skip


def test_a_check_is_quick_until_it_passes_and_nobody_is_ended_by_it_before() -> None:
    found = probes.of(CHECK)
    assert found.keys() == {"startupProbe", "readinessProbe"}
    assert found["readinessProbe"] == {
        "exec": {"command": ["/bin/sh", "-c", "ask $A"]}, "timeoutSeconds": 3, "periodSeconds": 30,
        "failureThreshold": 4,
    }  # fmt: skip
    assert found["startupProbe"]["periodSeconds"] == 2
    assert found["startupProbe"]["failureThreshold"] * 2 == 3600 + 4 * 30
    short = probes.of({**CHECK, "start_period": "1s"})["startupProbe"]
    assert short["failureThreshold"] * short["periodSeconds"] == probes.STARTING_S


@pytest.mark.parametrize("check", [{}, {"test": ["NONE"]}, {**CHECK, "disable": True}])
def test_what_has_no_check_has_no_probe(check: dict[str, Any]) -> None:
    assert probes.of(check) == {}


@pytest.mark.parametrize(("mesh", "runs", "ends"), [
    ("", None, None),
    ("linkerd", {"linkerd.io/inject": "enabled", "config.linkerd.io/skip-outbound-ports": "443,6443"},
     {"linkerd.io/inject": "disabled"}),
    ("istio", {"sidecar.istio.io/inject": "true", "traffic.sidecar.istio.io/excludeOutboundPorts": "443,6443"},
     {"sidecar.istio.io/inject": "false"}),
])  # fmt: skip
def test_a_mesh_s_proxy_is_asked_for_but_by_no_job(mesh: str, runs: Any, ends: Any) -> None:
    edge = {"init": {"condition": "service_completed_successfully", "required": True}}
    asked = Asked({}, "door", 8000, "http", "localhost", mesh)
    objects = made({"web": {"depends_on": edge}, "init": {"restart": "no"}}, asked)
    for kind, expected in (("Deployment", runs), ("Job", ends)):
        assert one(objects, kind)["spec"]["template"]["metadata"].get("annotations") == expected


def test_the_gateway_is_the_one_door() -> None:
    asked = Asked({}, "door", 8000, "https", "example.org")
    objects = made({"door": {}, "web": {}}, asked)
    spec = one(objects, "Ingress")["spec"]
    assert [rule["host"] for rule in spec["rules"]] == ["example.org", "*.example.org"]
    assert spec["tls"][0]["secretName"] == "test-tls"
    assert one(objects, "Service", "entrance")["spec"]["ports"] == [{"name": "http", "port": 80, "targetPort": 8000}]
    assert "Ingress" not in {o["kind"] for o in made({"web": {}}, asked)}


def test_a_numeric_address_is_no_host_of_an_ingress() -> None:
    spec = one(made({"door": {}}, Asked({}, "door", 8000, "http", "10.0.0.7")), "Ingress")["spec"]
    assert [rule.get("host") for rule in spec["rules"]] == [None]


def test_who_shares_a_network_may_call_each_other_and_nobody_else_may() -> None:
    objects = made({"door": {"networks": {"front": None}}, "db": {"networks": {"back": None}}})
    for policy in (o for o in objects if o["kind"] == "NetworkPolicy" and o["metadata"]["name"] != "entrance"):
        [allowed] = policy["spec"]["ingress"][0]["from"]
        assert allowed["podSelector"] == policy["spec"]["podSelector"]
    door = one(objects, "NetworkPolicy", "entrance")["spec"]
    assert door["ingress"] == [{"ports": [{"port": 8000, "protocol": "TCP"}]}]


def test_haproxy_asks_for_whole_names() -> None:
    config = "server-template s 1-16 web:80 init\n  server s web.other:80\n  # web:80\n  server a 'x.web:1' check\n"
    assert reach.qualified(config, {"web", "x.web"}, "ns") == (
        "server-template s 1-16 web.ns.svc.cluster.local:80 init\n  server s web.other:80\n  # web:80\n"
        "  server a 'x.web.ns.svc.cluster.local:1' check\n"
    )


@pytest.mark.parametrize(("service", "why"), [
    ({"network_mode": "host"}, "web is in this machine's network"),
    ({"network_mode": "none"}, "web has no network"),
    ({"network_mode": "container:other"}, "web shares a network by container:other"),
    ({"privileged": True}, "web is privileged"),
    ({"pid": "host"}, "web shares the machine's pid"),
    ({"devices": [{"source": "/dev/snd", "target": "/dev/snd"}]}, "web uses the device /dev/snd"),
    ({"security_opt": ["seccomp:unconfined"]}, "web asks for seccomp:unconfined"),
    ({"user": "postgres"}, "web runs as postgres, a name that only its image knows"),
    ({"group_add": ["video"]}, "web runs as video, a name that only its image knows"),
    ({"extra_hosts": ["here=host-gateway"]}, "web calls this machine by here"),
    ({"healthcheck": {"test": ["CMD", "ask", "__S_A__"]}}, "web has a secret in its healthcheck's words"),
    ({"deploy": {"mode": "global"}}, "web has the mode global"),
    ({"volumes": [{"type": "volume", "target": "/data"}]}, "web has a volume without a name at /data"),
    ({"entrypoint": []}, "web clears its image's entrypoint"),
    ({"dns": ["1.1.1.1"]}, "web says dns, for which there is no word here"),
    ({"networks": {"net": {"aliases": ["a.b"]}}}, "web is called a.b too, which no Service can be"),
    ({"volumes": [{"type": "bind", "source": "/home/me", "target": "/data"}]}, "web mounts /home/me of this machine"),
    ({"volumes": [{"type": "bind", "source": "/run/docker.sock", "target": "/x"}]},
     "web mounts the engine's socket (/run/docker.sock), which nodes don't offer"),
    ({"volumes": [{**OURS, "read_only": False}]}, "web may write to ./compose/web, and a ConfigMap is read only"),
])  # fmt: skip
def test_what_can_t_be_carried_is_refused_by_name_with_the_way_out(service: dict[str, Any], why: str) -> None:
    [(message, fix)] = refused(service)
    assert message == why
    assert fix


def test_a_name_that_no_service_can_have_is_refused() -> None:
    [(message, _)] = refused({}, name="my_web")
    assert message == "my_web has a name that no Service can have"


def test_a_program_of_this_machine_is_to_come_from_elsewhere() -> None:
    host = {"network_mode": "host"}
    [(_, fix)] = refused(host, source="localhost", sources=("container", "localhost"))
    assert fix == "--source web=container"
    [(_, fix)] = refused(host, source="localhost", sources=("container", "external"))
    assert "--source web=container, or =external" in fix


def test_a_volume_with_a_driver_is_refused() -> None:
    volumes = {"data": {"name": "test_data", "driver_opts": {"type": "nfs"}}}
    [(message, fix)] = refused({"volumes": [DATA]}, volumes=volumes)
    assert message == "the volume data has a driver of its own"
    assert "storageClassName" in fix


def test_two_services_of_one_name_are_refused() -> None:
    found = facts({"web": {"networks": {"net": {"aliases": ["db"]}}}, "db": {}})
    planned = plan.compute(found, Selection(("core",)))
    project = assembly.cut(found.model, planned, {}, set())
    assert [p.message for p in manifests.problems(project, planned, {}, {})] == ["2 services are called db"]


def test_the_name_of_the_way_in_is_taken() -> None:
    [(message, _)] = refused({}, name="entrance")
    assert message == "2 services are called entrance"


@pytest.mark.parametrize(("files", "why"), [
    ({"big": File(bytes(1_000_001))}, "larger than a ConfigMap may be"),
    ({"a/b": File(b""), "a__b": File(b"")}, "too alike"),
])  # fmt: skip
def test_files_that_no_config_map_can_hold_are_refused(files: dict[str, File], why: str) -> None:
    found = facts({"web": {"volumes": [OURS]}})
    planned = plan.compute(found, Selection(("core",)))
    project = assembly.cut(found.model, planned, {}, set())
    [problem] = manifests.problems(project, planned, {"./compose/web": files}, {})
    assert why in problem.message


def test_an_image_that_is_built_here_is_named_for_a_registry() -> None:
    here = {"context": "."}
    services = {
        "a": {"image": "host:5000/x", "build": here},
        "b": {"image": "y/z:1", "build": here},
        "c": {"image": "q"},
    }
    project = {"services": services}
    assert manifests.built(project) == {"host:5000/x": "latest", "y/z": "1"}
    images = manifests.kustomization({"a.yaml": []}, {"y/z": "1"})["images"]
    assert images == [{"name": "y/z", "newName": "y/z", "newTag": "1"}]
