"""Kinds of mistakes that a fragment can make against its image, looked for in all of them, from every source."""

import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

from stack import tree, yamlfile
from stack.planning import assembly, checkouts, model, plan
from stack.running import live
from tests.model.shipped import CASES, FAR, Case, Shipped

DNS = "dns_sd_configs"
EMPTY: dict[str, set[str]] = {
    # Read with a default for empty ones, too (envconfig, pydantic, the shell's ${X:-}).
    "supabase-auth": {"GOTRUE_URI_ALLOW_LIST", "GOTRUE_SMTP_HOST", "GOTRUE_SMTP_USER", "GOTRUE_SMTP_ADMIN_EMAIL"},
    "kong-api-gateway": {"KONG_TRUSTED_IPS"},  # its default, NONE, is read as an empty one (conf_loader/parse.lua)
    "comfyui": {"CLI_ARGS"},  # words of a command
    "comfyui-init": {"COMFYUI_MODELS"},  # our own script's
}
"""Variables that may be empty, because their program takes an empty one as an absent one."""

READS_AS_ROOT = {
    "ollama-pull", "weaviate", "weaviate-init", "comfyui-init", "supabase-db-init", "litellm-db", "n8n-db",
    "open-web-ui-db", "postgres-exporter-db", "supabase-api-db", "supabase-auth-db", "supabase-meta-db",
    "supabase-storage-db",
}  # fmt: skip
"""Services whose image runs as root: they may read what only the owner of the checkout can."""

DOWNLOADS = {"ollama-pull", "speaches-pull", "comfyui-init"}
"""Jobs that fetch what takes as long as the line is slow."""

STATE = {
    "comfyui": {
        f"/root/{path}"
        for path in (
            "ComfyUI/models", "ComfyUI/custom_nodes", "ComfyUI/input", "ComfyUI/output", "ComfyUI/user", ".cache",
            ".local", ".config", "user-scripts",
        )  # docker-compose.yml and entrypoint.sh of YanWenKun/ComfyUI-Docker, slim-v2: pip installs with --user
    },
    "consul": {"/consul/data"},  # -data-dir
    "elasticsearch": {"/usr/share/elasticsearch/data"},  # path.data below the image's folder
    "grafana": {"/var/lib/grafana"},  # GF_PATHS_DATA of the image
    "jupyter": {"/home/jovyan/work"},  # --ServerApp.root_dir; by default the page shows all of $HOME
    "kafka": {"/var/lib/kafka/data"},  # KAFKA_LOG_DIRS
    "local-deep-researcher": {"/app/.langgraph_api"},  # langgraph dev, below its working directory
    "n8n": {"/home/node/.n8n"},  # its user's folder, run here
    "neo4j-graph-db": {"/data", "/logs"},  # VOLUME, and links to them in docker-entrypoint.sh
    "ollama": {"/root/.ollama"},  # OLLAMA_MODELS' default in envconfig, of root
    "open-web-ui": {"/app/backend/data"},  # DATA_DIR in env.py
    "prometheus": {"/prometheus"},  # --storage.tsdb.path
    "qdrant": {"/qdrant/storage", "/qdrant/snapshots"},  # config.yaml, below the working directory
    "rabbitmq": {"/var/lib/rabbitmq"},  # RABBITMQ_DATA_DIR, VOLUME
    "redis": {"/data"},  # dir in our command
    "searxng": {"/var/cache/searxng"},  # VOLUME; its settings are ours
    "speaches": {"/home/ubuntu/.cache/huggingface/hub"},  # HF_HUB_CACHE's default
    "supabase-db": {"/var/lib/postgresql/data"},  # PGDATA
    "supabase-storage": {"/var/lib/storage"},  # FILE_STORAGE_BACKEND_PATH
    "weaviate": {"/var/lib/weaviate"},  # PERSISTENCE_DATA_PATH
}  # fmt: skip
"""Where each program keeps what must outlive its container."""
IMAGES_VOLUMES = {
    "comfyui": {"/root"}, "consul": {"/consul/data"}, "neo4j-graph-db": {"/data", "/logs"},
    "kafka": {"/var/lib/kafka/data", "/etc/kafka/secrets", "/mnt/shared/config"}, "prometheus": {"/prometheus"},
    "rabbitmq": {"/var/lib/rabbitmq"}, "redis": {"/data"}, "searxng": {"/etc/searxng", "/var/cache/searxng"},
    "supabase-db-init": {"/var/lib/postgresql/data"},
}  # fmt: skip
"""What the images' Dockerfiles declare with VOLUME: each container would get a new one of it."""
NOTHING_KEPT = {
    "comfyui": {"/root"},  # ComfyUI itself, from the image; STATE is mounted into it
    "kafka": {"/etc/kafka/secrets", "/mnt/shared/config"},  # for those who put files there
    "searxng": {"/etc/searxng"},  # holds our settings.yml, which is mounted
    "supabase-db-init": {"/var/lib/postgresql/data"},  # runs psql alone
}
"""Those of them in which nothing is kept."""
HAS_ONE_ADDRESS_SAID = {
    "consul": "-advertise=127.0.0.1", "zipkin": "HEALTHCHECK_IP", "supabase-studio": "HOSTNAME",
    "searxng": "GRANIAN_HOST", "jaeger": "JAEGER_LISTEN_HOST",
}  # fmt: skip
ASKS_FOR_NO_ADDRESS = {
    "backend", "comfyui", "docling", "grafana", "jupyter", "kong-api-gateway", "litellm", "local-deep-researcher",
    "n8n", "n8n-worker", "ollama", "open-web-ui", "postgres-exporter", "prometheus", "redis-exporter", "speaches",
    "supabase-api", "supabase-auth", "supabase-meta", "supabase-realtime", "supabase-storage",
}  # fmt: skip
"""Who stands in two networks, and listens on all addresses by itself or as our settings say. Realtime's node is at
127.0.0.1 unless it finds itself at Fly, in Fargate or in a pod (rel/env.sh.eex)."""
REPLICAS_SHARE = {"ollama", "speaches", "searxng"}
"""Whose replicas may share the volume: models that are read, and a cache."""
SHARED = {"comfyui-init", "speaches-pull", "supabase-imgproxy", "supabase-studio"}
"""Who works on another's volume, or on folders that are empty to begin with."""


def test_no_variable_is_empty_where_its_program_tells_that_from_an_absent_one(shipped_once: Shipped) -> None:
    for where, name, service in shipped_once.every_service():
        empty = {key for key, value in (service.get("environment") or {}).items() if value == ""}
        assert empty <= EMPTY.get(name, set()), f"{where}: name it without a value, or say in EMPTY why it may be empty"


def test_what_is_named_without_a_value_is_a_setting_that_is_absent_until_it_is_set(
    shipped_once: Shipped, monkeypatch: Any
) -> None:
    """As the card that ROCm is told to take: an empty one hides every GPU."""
    name = "HSA_OVERRIDE_GFX_VERSION"
    case = Case("container-rocm")
    before = shipped_once.make(case)
    assert name in checkouts.known(before.planned.checkout.catalog)
    assert before.services()["ollama"]["environment"][name] is None
    found = shipped_once.read(before)["services"]["ollama"]["environment"]
    assert found.get(name) is None
    monkeypatch.setenv(name, "11.0.0")
    again = shipped_once._replace(version=f"{shipped_once.version} with a card").make(case)
    assert again.services()["ollama"]["environment"][name] == "11.0.0"


def test_a_group_is_a_number(shipped_once: Shipped) -> None:
    """A name is looked up in the image, which does not know the machine's groups."""
    for where, _, service in shipped_once.every_service():
        assert all(str(group).isdecimal() for group in service.get("group_add") or []), where


def test_who_is_not_root_mounts_no_file_of_the_checkout_itself(shipped_once: Shipped) -> None:
    """Under a strict umask only its owner can read it; copies below .stack/ are for all."""
    for where, name, service in shipped_once.every_service():
        own = [path for path in assembly.config_binds(service) if not path.startswith(assembly.READABLE)]
        reads_all = not service.get("cap_drop") or "DAC_OVERRIDE" in (service.get("cap_add") or [])
        user = str(service.get("user") or "root")
        assert not own or (name in READS_AS_ROOT and reads_all and user == "root"), (where, own)


def test_what_they_mount_in_its_place_is_readable_to_all(shipped_once: Shipped, tmp_path: Path) -> None:
    planned = shipped_once.make().planned
    old = os.umask(0o077)
    try:
        live.write(planned, tmp_path)
    finally:
        os.umask(old)
    services = shipped_once.make().services().values()
    mounted = {path for service in services for path in model.binds(service) if path.startswith(assembly.READABLE)}
    assert len(mounted) > 6
    for path in [tmp_path / mount for mount in (*mounted, ".stack/plan")]:
        for each in (path, *path.rglob("*")):
            assert each.stat().st_mode & 0o777 == (0o755 if each.is_dir() else 0o644), each


def test_a_copy_counts_as_what_it_is_a_copy_of(shipped_once: Shipped) -> None:
    """A changed file of compose/ makes its service anew, though the mount leads below .stack/."""
    digests = shipped_once.make().assembled.digests
    path = "compose/prometheus/prometheus.yml"
    assert digests[f"./.stack/{path}"] == tree.digest_path(shipped_once.root / path)


def test_a_download_may_take_its_time_and_is_tried_again(shipped_once: Shipped) -> None:
    made = shipped_once.make()
    for name in DOWNLOADS:
        assert model.one_shot(made.services()[name])
        assert plan.entry(made.planned.facts, name).retry.startswith("./inv "), name
    jobs = {service.name for service in made.planned.plan.services if service.one_shot and service.outside}
    assert jobs <= DOWNLOADS | {"n8n-init"}, "a job that goes to the internet: say in DOWNLOADS whether it downloads"


def test_who_has_two_addresses_is_not_asked_for_the_one(shipped_once: Shipped) -> None:
    """Consul ends, and Zipkin's check fails, where they look up the address of a host in two networks."""
    services = shipped_once.make(Case(network="tiered")).services()
    joined = {name for name, service in services.items() if len(service.get("networks") or {}) > 1}
    told = HAS_ONE_ADDRESS_SAID.keys() | ASKS_FOR_NO_ADDRESS
    assert joined == told, "say whether it looks for the address of its host, which is two"
    for name, said in HAS_ONE_ADDRESS_SAID.items():
        assert said in [*(services[name].get("command") or []), *(services[name].get("environment") or {})], name
    assert services["zipkin"]["environment"]["HEALTHCHECK_IP"] == "127.0.0.1"


def test_a_published_port_is_listened_on_from_every_source(shipped_once: Shipped) -> None:
    """Of a service elsewhere, each port has its ambassador: the published one would accept nobody."""
    for case in FAR:
        services = shipped_once.make(case).services()
        for name, heard in _listening(services).items():
            assert {int(port["target"]) for port in services[name].get("ports") or []} <= heard, (name, case)


def test_what_is_scraped_is_there_and_is_no_ambassador(shipped_once: Shipped) -> None:
    """A target that never answers is down for ever."""
    text = (shipped_once.root / "compose/prometheus/prometheus.yml").read_text()
    jobs = [one for job in yamlfile.load("prometheus.yml", text)["scrape_configs"] for one in job.get(DNS) or []]
    scraped = {name: job["port"] for job in jobs for name in job["names"]}
    for case in CASES:
        made = shipped_once.make(case)
        services, listening = made.services(), _listening(made.services())
        own = services["prometheus"]["networks"].keys()
        met = {name: by for by, service in services.items() for name in _names(by, service, own)}
        assert met.keys() >= scraped.keys() or case in FAR, (case, scraped.keys() - met.keys())
        for name in scraped.keys() & met.keys():
            heard = listening.get(met[name], {scraped[name]})
            assert scraped[name] in heard, (name, case)
            entry = plan.entry(made.planned.facts, met[name])
            assert not name.endswith("-metrics") or entry.metrics == scraped[name], name
    entries = {name: plan.entry(made.planned.facts, name) for name in services}
    assert {f"{name}-metrics" for name, entry in entries.items() if entry.metrics} <= scraped.keys()


def _names(name: str, service: dict[str, Any], networks: Collection[str]) -> set[str]:
    """Under which names those in these networks meet a service."""
    joined = [own or {} for network, own in (service.get("networks") or {}).items() if network in networks]
    return {name, *(alias for own in joined for alias in own.get("aliases") or [])} if joined else set()


def _listening(services: dict[str, dict[str, Any]]) -> dict[str, set[int]]:
    """The ports that the ambassadors of each service listen on."""
    listening: dict[str, set[int]] = {}
    for name, service in services.items():
        words = [str(word) for word in service.get("command") or []]
        if words and words[0] in ("tcp", "http", "bridge-half", "http-bridge-half"):
            owner = str(service.get("network_mode") or name).removeprefix("service:")
            listening.setdefault(owner, set()).add(int(words[1]))
    return listening


def test_an_ambassador_is_its_own_user(shipped_once: Shipped) -> None:
    for case in FAR:
        for name, service in shipped_once.make(case).services().items():
            assert not service["image"].startswith("genai-stack/ambassador:") or not service.get("user"), name


def test_who_keeps_its_state_in_one_process_is_not_scaled(shipped_once: Shipped) -> None:
    facts = shipped_once.make().planned.facts
    for name in ("open-web-ui", "docling", *(STATE.keys() - REPLICAS_SHARE)):
        assert not plan.entry(facts, name).scalable, name


def test_open_webui_asks_nobody_outside_for_its_models(shipped_once: Shipped) -> None:
    """By its own default it asks api.openai.com, with or without a key."""
    environment = shipped_once.make().services()["open-web-ui"]["environment"]
    assert environment["ENABLE_OPENAI_API"] == "false"
    assert environment["OPENAI_API_BASE_URL"] == "http://litellm:4000/v1"


def test_what_a_program_keeps_lies_in_a_volume_of_ours(shipped_once: Shipped) -> None:
    """`down` and `up` make containers anew, so that what lies elsewhere is gone."""
    kept = {name for name, service in shipped_once.make().services().items() if model.named_volumes(service)}
    assert kept == STATE.keys() | SHARED, "say in STATE where the program keeps what it must not lose"
    for where, name, service in shipped_once.every_service():
        if not where.endswith(("(localhost)", "(external)")):
            targets = {v["target"] for v in service.get("volumes") or [] if v["type"] == "volume" and v.get("source")}
            assert STATE.get(name, set()) <= targets, where


def test_what_an_image_declares_as_a_volume_is_ours_or_holds_nothing(shipped_once: Shipped) -> None:
    services = shipped_once.make().services()
    for name, declared in IMAGES_VOLUMES.items():
        ours = {volume["target"] for volume in services[name].get("volumes") or [] if volume.get("source")}
        assert declared - ours == NOTHING_KEPT.get(name, set()), name


def test_jupyters_page_shows_the_folder_that_stays(shipped_once: Shipped) -> None:
    for case in (Case(), Case("build")):
        assert "--ServerApp.root_dir=/home/jovyan/work" in shipped_once.make(case).services()["jupyter"]["command"]
