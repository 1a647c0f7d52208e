"""What holds for every shipped service from every source."""

import re
from typing import Any

import pytest

from stack.gateway import entrance
from stack.planning import catalog, connections, healthcheck, model, plan, saving
from stack.planning.assembly import LIVE, PRIVATE
from tests.model.shipped import CASES, DEFAULT, FAR, Case, Made, Shipped

# Secrets that a service uses though another fragment declares them, and why.
KNOWINGLY: dict[str, set[str]] = {
    "backend": {"SUPABASE_DB_PASSWORD", "REDIS_PASSWORD"},  # the database and Redis that it serves
    "litellm": {"REDIS_PASSWORD"},  # its cache
    "open-web-ui": {"LITELLM_MASTER_KEY"},  # the models of LiteLLM
    "n8n": {"REDIS_PASSWORD"},  # its queue
    "n8n-worker": {"REDIS_PASSWORD"},
    "redis-exporter": {"REDIS_PASSWORD"},
    "supabase-realtime": {"SUPABASE_ADMIN_PASSWORD"},  # replication is the superuser's
}
# Those that a service reads in a file of its own where what they open is planned.
TOLD = {"backend": {"RABBITMQ_PASSWORD", "ELASTIC_PASSWORD"}}
SUPERUSERS_JOBS = re.compile(r"[a-z0-9-]+-db")
"""Jobs that make an application's role and database, as the superuser."""

NO_PROBE = {"otel-collector"}
"""Its image holds one program and no shell, and that program can't ask itself."""

WATCHES_THE_MACHINE = {"cadvisor", "node-exporter"}
"""They see the machine's own folders, which is what they are for. No profile `all` brings them in."""

# The phases of a start. A one-shot is of the second unless it is named here.
INFRASTRUCTURE, INITIALIZATION, CORE, AI, APPLICATION = range(1, 6)
PHASES = {
    **dict.fromkeys([
        "supabase-db", "redis", "kong-api-gateway", "neo4j-graph-db", "qdrant", "weaviate", "multi2vec-clip",
        "elasticsearch", "rabbitmq", "kafka", "consul", "jaeger", "zipkin", "otel-collector", "prometheus",
        "cadvisor", "node-exporter",
    ], INFRASTRUCTURE),
    **dict.fromkeys([
        "supabase-api", "supabase-auth", "supabase-meta", "supabase-realtime", "supabase-storage",
        "supabase-imgproxy", "supabase-studio", "redis-exporter", "postgres-exporter", "grafana",
    ], CORE),
    **dict.fromkeys(["ollama", "comfyui", "speaches", "docling", "searxng", "litellm"], AI),
    **dict.fromkeys([
        "backend", "n8n", "n8n-worker", "n8n-worker-runner", "n8n-init", "open-web-ui", "local-deep-researcher",
        "jupyter",
    ], APPLICATION),
}  # fmt: skip
EXCEPTIONS = {("ollama-pull", "ollama"), ("speaches-pull", "speaches")}
"""The edges to a later phase: models are pulled for the program that serves them, once it runs."""


def broken(shipped: Shipped, rule: Any) -> list[str]:
    """The services (of which case) that a rule finds fault with."""
    return [where for where, _, service in shipped.every_service() if rule(service)]


def test_every_image_has_a_tag_of_its_own(shipped: Shipped) -> None:
    pinned = re.compile(r".+(:(?!latest$)[\w][\w.-]*|@sha256:[0-9a-f]{64})")
    assert broken(shipped, lambda service: not pinned.fullmatch(service["image"])) == []


@pytest.mark.parametrize("key", ["container_name", "env_file", "privileged", "links", "external_links"])
def test_no_service_has(shipped: Shipped, key: str) -> None:
    """container_name forbids replicas, env_file hands every secret on, privileged is root on the machine."""
    assert broken(shipped, lambda service: service.get(key)) == []


def test_nobody_has_the_engines_socket(shipped: Shipped) -> None:
    assert broken(shipped, lambda service: any("docker.sock" in path for path in model.binds(service))) == []


def test_nothing_is_published_beyond_this_machine_unless_it_is_asked_for(shipped: Shipped) -> None:
    def open_ports(service: dict[str, Any]) -> list[str]:
        return [p for p in service.get("ports") or [] if p.get("host_ip") != "127.0.0.1"]

    assert broken(shipped, open_ports) == []


def test_every_published_port_has_a_variable(shipped: Shipped) -> None:
    for case in CASES:
        for service in shipped.make(case).planned.plan.services:
            assert all(port.variable for port in service.ports), (service.name, case)


def test_logs_are_rotated(shipped: Shipped) -> None:
    rotated = {"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}}
    assert broken(shipped, lambda service: service.get("logging") != rotated) == []


def test_a_service_restarts_and_a_one_shot_does_not(shipped: Shipped) -> None:
    assert broken(shipped, lambda service: service.get("restart") not in ("unless-stopped", "no")) == []


def test_every_lasting_service_tells_its_health(shipped: Shipped) -> None:
    for where, name, service in shipped.every_service():
        probed = bool((service.get("healthcheck") or {}).get("test"))
        assert probed or model.one_shot(service) or name in NO_PROBE, where


RESTING_S, STARTING_S, NOTICED_S = 30, 5, 90
"""Seconds between two checks of what is well, and of what starts; and until one that fails is told at the latest, but
for the time that a check itself has."""
NO_SHELL = {"supabase-api"}
"""Services whose image has no shell: on an engine older than 25 their checks stay quick."""


def test_a_check_is_quick_at_first_and_seldom_afterwards(shipped_once: Shipped) -> None:
    for where, _, service in shipped_once.every_service():
        check = service.get("healthcheck")
        if check:
            lasts = [healthcheck.seconds(check.get(key, "")) for key in ("interval", "start_interval", "start_period")]
            assert lasts[0] >= RESTING_S, where
            assert 0 < lasts[1] <= STARTING_S, where
            # Without it, Compose refuses the start interval, and the engine does not go by it.
            assert lasts[2] > 0, where
            assert lasts[0] * check["retries"] <= NOTICED_S, where


def test_on_an_older_engine_each_check_waits_by_itself(shipped_once: Shipped) -> None:
    for where, name, service in shipped_once.every_service():
        check = service.get("healthcheck") or {"start_interval": "0s"}
        old = healthcheck.spoken(check, (1, 43))
        assert "start_interval" not in old, where
        waits = healthcheck.seconds(old.get("timeout", "")) - healthcheck.seconds(check.get("timeout", ""))
        rests = waits + healthcheck.seconds(old.get("interval", ""))
        assert not old.get("test") or name in NO_SHELL or rests >= RESTING_S, where


@pytest.mark.parametrize("case", CASES, ids=str)
def test_services_meet_in_one_network_and_only_ambassadors_see_the_hosts(shipped: Shipped, case: Case) -> None:
    made = shipped.make(case)
    for name, service in made.services().items():
        mode = service.get("network_mode")
        if mode == "host":
            assert name.endswith("-host")
        elif mode:
            assert mode == f"service:{made.fragment_of(name).name}", name
        elif not case.network:
            assert set(service["networks"]) == {"backend-bridge-network"}, name


def test_paths_stay_relative_and_lead_to_what_is_shipped_or_made(shipped: Shipped) -> None:
    for where, name, service in shipped.every_service():
        context = (service.get("build") or {}).get("context")
        for path in [*model.binds(service), *([context] if context else [])]:
            if name not in WATCHES_THE_MACHINE:
                assert path.startswith("./"), where
                assert path.startswith(LIVE) or (shipped.root / path).exists(), (where, path)


def test_only_who_is_asked_for_by_name_watches_the_machine(shipped: Shipped) -> None:
    made = shipped.make()
    for name in WATCHES_THE_MACHINE:
        assert plan.entry(made.planned.facts, name).opt_in
        assert name not in shipped.make(DEFAULT, "all").planned.plan.names()


def test_mounted_files_are_read_only(shipped: Shipped) -> None:
    def writable(service: dict[str, Any]) -> list[str]:
        return [v for v in service.get("volumes") or [] if v["type"] == "bind" and not v.get("read_only")]

    assert broken(shipped, writable) == []


def test_memory_for_files_is_at_a_path_that_every_image_has(shipped: Shipped) -> None:
    """Elsewhere, the engine makes the folder for the first start, and as the container starts again the memory takes
    that folder's rights, whatever `mode` says: a program that is not root can't write there any more (runc 1.1.5)."""

    def elsewhere(service: dict[str, Any]) -> bool:
        mounted = [volume for volume in service.get("volumes") or [] if volume["type"] == "tmpfs"]
        return bool(mounted) or any(place != "/tmp" for place in service.get("tmpfs") or [])

    assert broken(shipped, elsewhere) == []


@pytest.mark.parametrize("case", CASES, ids=str)
def test_no_secrets_place_is_left_in_what_is_assembled(shipped: Shipped, case: Case) -> None:
    made = shipped.make(case)
    assert "__S_" not in made.assembled.text
    for name, service in made.assembled.model["services"].items():
        found = set(re.findall(r"\$\{([A-Z0-9_]+):[?-]", str(service)))
        assert found == model.secrets_of(made.services()[name]), name


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_secret_reaches_only_who_declares_it_or_uses_it_knowingly(shipped: Shipped, case: Case) -> None:
    made = shipped.make(case)
    files = made.planned.checkout.catalog.files
    for name, service in made.services().items():
        entries = [entry for path in made.fragment_of(name).paths() for entry in files[path].entries.values()]
        known = {secret for entry in entries for secret in entry.get("secrets", {})} | KNOWINGLY.get(name, set())
        if SUPERUSERS_JOBS.fullmatch(name) and model.one_shot(service):
            known.add("SUPABASE_ADMIN_PASSWORD")
        strange = model.secrets_of(service) - known
        assert not strange, f"{name} uses {strange}: say so in KNOWINGLY if it should"


def test_nobody_is_said_to_use_a_secret_that_it_does_not(shipped: Shipped) -> None:
    services = shipped.make().services()
    for name, secrets in KNOWINGLY.items():
        assert secrets <= model.secrets_of(services[name]), name


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_a_service_is_told_while_it_runs_lies_where_it_alone_mounts_it(shipped: Shipped, case: Case) -> None:
    made = shipped.make(case)
    told = connections.of(made.planned)
    far = {name for name, source in made.planned.facts.sources.items() if source in catalog.FAR}
    assert {name: model.secrets_of(values) for name, values in told.items()} == {
        name: secrets for name, secrets in TOLD.items() if name not in far
    }
    for name, service in made.services().items():
        mounted = [f"{path}/" for path in model.binds(service)]
        private = [path for path in mounted if path.startswith(PRIVATE) or PRIVATE.startswith(path)]
        certificate = [f"{PRIVATE}tls/"] if name == entrance.SERVICE else []
        assert private == ([f"{connections.folder(name)}/"] if name in told else certificate), name
        assert bool(told.get(name)) == (bool(plan.entry(made.planned.facts, name).connections) and name not in far)


def test_a_secret_of_what_a_service_is_told_is_made_once_that_is_planned(shipped: Shipped) -> None:
    brought = {"messaging": "RABBITMQ_PASSWORD", "search": "ELASTIC_PASSWORD"}
    for profiles in ([], ["messaging"], ["search"], ["messaging", "search"]):
        planned = shipped.make(DEFAULT, "core", *profiles).planned
        made = {name for names in saving.declared(planned).values() for name in names}
        expected = {brought[profile] for profile in profiles}
        assert made & {*brought.values()} == expected
        assert model.secrets_of(connections.of(planned)) == expected


def test_a_secret_is_no_part_of_an_image_a_command_or_a_label(shipped: Shipped) -> None:
    def shown(service: dict[str, Any]) -> bool:
        parts = [service.get(key) for key in ("build", "command", "entrypoint", "healthcheck", "labels")]
        return bool(model.secrets_of(parts))

    assert broken(shipped, shown) == []


@pytest.mark.parametrize("case", FAR, ids=str)
def test_an_ambassador_sees_no_secret_and_needs_no_other_service(shipped: Shipped, case: Case) -> None:
    made = shipped.make(case)
    for name, source in made.planned.facts.sources.items():
        if source in catalog.FAR:
            service = made.services()[name]
            assert service["image"].startswith("genai-stack/ambassador:"), name
            assert model.secrets_of(service) == set(), name
            assert all(target.startswith(f"{name}-") for target in service.get("depends_on") or {}), name


@pytest.mark.parametrize("case", [case for case in CASES if case.source], ids=str)
def test_consumers_never_change(shipped: Shipped, case: Case) -> None:
    """Another source keeps the name, the ports and the address, so nobody else is made anew for it."""
    before, after = shipped.make(), shipped.make(case)
    changed = {name for name, source in after.planned.facts.sources.items() if source == case.source}
    for name, service in after.services().items():
        if after.fragment_of(name).name not in changed:
            assert service == before.services()[name], name
    here = {service.name: (service.url, service.ports) for service in before.planned.plan.services}
    there = {service.name: (service.url, service.ports) for service in after.planned.plan.services}
    assert {name: there[name] for name in changed} == {name: here[name] for name in changed}


def test_no_fragment_depends_on_what_else_is_planned(shipped: Shipped) -> None:
    """Adding a profile must not make anew what runs; only what it waits for may grow."""
    core, everything = shipped.make(DEFAULT, "core"), shipped.make()
    for name, service in core.assembled.model["services"].items():
        other = everything.assembled.model["services"][name]
        assert {**service, "depends_on": None} == {**other, "depends_on": None}, name


@pytest.mark.parametrize("case", CASES, ids=str)
def test_no_edge_leads_to_a_later_phase(shipped: Shipped, case: Case) -> None:
    made = shipped.make(case)
    for service in made.planned.plan.services:
        for target in service.depends_on:
            waits = (service.name, target)
            assert waits in EXCEPTIONS or phase(made, target) <= phase(made, service.name), waits


def phase(made: Made, name: str) -> int:
    """The phase of a service: its own, or that of its fragment unless it is a one-shot."""
    if name not in PHASES and model.one_shot(made.services()[name]):
        return INITIALIZATION
    fragment = made.fragment_of(name).name
    assert name in PHASES or fragment in PHASES, f"say in PHASES when {name} starts"
    return PHASES.get(name) or PHASES[fragment]


def test_offsets_are_those_of_the_guide(shipped: Shipped) -> None:
    """Whoever has bookmarks keeps them; 21 to 99 are the user's own."""
    guide = {
        "SUPABASE_DB_PORT": 0, "REDIS_PORT": 1, "KONG_HTTP_PORT": 2, "KONG_HTTPS_PORT": 3,
        "SUPABASE_META_PORT": 4, "SUPABASE_STORAGE_PORT": 5, "SUPABASE_AUTH_PORT": 6, "SUPABASE_API_PORT": 7,
        "SUPABASE_REALTIME_PORT": 8, "SUPABASE_STUDIO_PORT": 9, "OLLAMA_PORT": 12, "SEARXNG_PORT": 14,
        "LOCAL_DEEP_RESEARCHER_PORT": 13, "OPEN_WEB_UI_PORT": 15, "BACKEND_PORT": 16, "N8N_PORT": 17,
        "GRAPH_DB_PORT": 10, "GRAPH_DB_BROWSER_PORT": 11, "COMFYUI_PORT": 18, "WEAVIATE_PORT": 19,
        "WEAVIATE_GRPC_PORT": 20,
    }  # fmt: skip
    made = shipped.make().planned
    offsets = {v: o for s in made.plan.services for v, o in plan.entry(made.facts, s.name).ports.items()}
    for variable, offset in offsets.items():
        assert offset == guide.get(variable, offset), variable
        assert variable in guide or 100 <= offset <= 199, variable
    assert len(set(offsets.values())) == len(offsets)
