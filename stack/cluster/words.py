"""What each word of a Compose service is to Swarm: kept, without a meaning there, or refused and why. Data alone."""

KEPT = ("command", "entrypoint", "environment", "user", "working_dir", "hostname", "init", "stop_grace_period",
        "stop_signal", "labels", "logging", "cap_add", "cap_drop", "read_only", "sysctls", "ulimits", "dns",
        "dns_search", "tty", "stdin_open", "isolation", "healthcheck")  # fmt: skip
"""What a stack file says as Compose does."""
TRANSLATED = ("image", "volumes", "tmpfs", "shm_size", "networks", "network_mode", "deploy", "container_name",
              "secrets", "configs", "ports", "restart", "security_opt", "extra_hosts", "pids_limit")  # fmt: skip
MEANINGLESS = ("build", "profiles", "depends_on", "expose", "pull_policy", "scale", "develop", "attach", "annotations",
               "platform", "gw_priority")  # fmt: skip
"""What is done by then, or by us: images are built and here, what depends on what is the order of the tiers."""
OWN_FOLDER = "make it a named volume, or what lies there a file below compose/, mounted read-only"
TOGETHER = "take another source: ./inv source --service {fragment} --to container"
DROP = (
    "run it by Compose on its machine and reach it from here: its source external; or leave it out: "
    "./inv source --service {fragment} --to disabled"
)
REFUSED = {
    "privileged": "it is privileged",
    "devices": "it uses devices of the machine",
    "device_cgroup_rules": "it uses devices of the machine",
    "gpus": "it asks for GPUs by a word that Swarm does not know",
    "runtime": "it names a runtime of the engine",
    "pid": "it shares the processes of the machine or of another container",
    "ipc": "it shares memory with the machine or another container",
    "uts": "it shares the machine's name",
    "userns_mode": "it names users of the machine",
    "cgroup": "it names a group of the machine's processes",
    "cgroup_parent": "it names a group of the machine's processes",
    "group_add": "it names groups of the machine",
    "volumes_from": "it uses another container's volumes",
    "links": "it names another container",
    "external_links": "it names a container of another project",
    "mac_address": "it names an address",
    "storage_opt": "it names options of one engine's storage",
}
"""What no task of Swarm can be given by a stack file (docs.docker.com, Compose file version 3, deploy)."""
FROM_FILE = {
    ("grafana", "GF_SECURITY_ADMIN_PASSWORD"): "GF_SECURITY_ADMIN_PASSWORD__FILE",
    **{(service, variable): f"{variable}_FILE" for service in ("n8n", "n8n-worker")
       for variable in ("DB_POSTGRESDB_PASSWORD", "QUEUE_BULL_REDIS_PASSWORD")},
    ("postgres-exporter", "DATA_SOURCE_PASS"): "DATA_SOURCE_PASS_FILE",
}  # fmt: skip
"""By service and variable, the variable by which the program takes the same out of a file (Grafana, Configure with
environment variables; n8n, Keep sensitive data in separate files; postgres_exporter's README)."""
