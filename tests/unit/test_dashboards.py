"""The provisioned dashboards: well-formed, and every measurement that they show is one that its program gives."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "compose/grafana/dashboards"
DASHBOARDS = sorted(FOLDER.glob("*.json"))
# What the programs give: postgres_exporter 0.19, redis_exporter 1.86, Kong 3.9's prometheus plugin (with status code,
# latency and bandwidth on, as kong/kong.yml has it), and the backend's own.
GIVEN = {
    "database": "pg_up pg_stat_database_numbackends pg_stat_database_xact_commit pg_stat_database_xact_rollback "
    "pg_database_size_bytes pg_stat_database_blks_hit pg_stat_database_blks_read pg_locks_count",
    "redis": "redis_up redis_connected_clients redis_blocked_clients redis_memory_used_bytes redis_db_keys "
    "redis_commands_processed_total redis_keyspace_hits_total redis_keyspace_misses_total",
    "kong": "kong_http_requests_total kong_request_latency_ms_bucket kong_upstream_latency_ms_bucket "
    "kong_bandwidth_bytes kong_nginx_connections_total",
    "backend": "backend_http_requests_total backend_http_request_duration_seconds_bucket "
    "backend_database_pool_connections",
}


def expressions(dashboard: dict[str, Any]) -> list[str]:
    return [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]


def test_there_is_one_for_the_database_redis_the_gateway_and_the_backend() -> None:
    assert {path.stem for path in DASHBOARDS} == set(GIVEN)


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_every_measurement_is_one_that_the_program_gives(path: Path) -> None:
    dashboard = json.loads(path.read_text())
    assert dashboard["uid"] == path.stem
    names = {n for text in expressions(dashboard) for n in re.findall(r"\b(?:pg|redis|kong|backend)_[a-z_]+", text)}
    assert names == set(GIVEN[path.stem].split())


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_every_panel_asks_the_provisioned_source(path: Path) -> None:
    source = re.search(r"uid: (\S+)", (FOLDER.parent / "provisioning/datasources/prometheus.yml").read_text())
    assert source is not None
    panels = json.loads(path.read_text())["panels"]
    assert {panel["datasource"]["uid"] for panel in panels} == {source[1]}
