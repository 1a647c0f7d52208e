"""The provisioned dashboards: well-formed, and every measurement that they show is one that its program gives.

The programs that can be had are asked themselves in tests/engine/test_systems.py."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from stack import yamlfile
from tests import support_backend
from tests.dashboards import DASHBOARDS, FOLDER, PARTS, measurements, shown

PROMETHEUS = FOLDER.parents[1] / "prometheus/prometheus.yml"
# Kong 3.9's prometheus plugin by its documentation, with what kong/kong.yml switches on: status codes, latency,
# bandwidth. A histogram gives _bucket, _count and _sum.
KONG = {
    *("kong_http_requests_total", "kong_bandwidth_bytes", "kong_nginx_connections_total", "kong_nginx_requests_total"),
    *("kong_nginx_timers", "kong_node_info", "kong_datastore_reachable", "kong_memory_workers_lua_vms_bytes"),
    *("kong_memory_lua_shared_dict_bytes", "kong_memory_lua_shared_dict_total_bytes"),
} | {f"kong_{name}_latency_ms{part}" for name in ("request", "upstream", "kong") for part in PARTS["histogram"]}
# What Prometheus adds itself to each target.
OF_TARGETS = {"up"}


def series(names: str, *histograms: str) -> set[str]:
    """Names of series, those of histograms by their one name."""
    return {*names.split(), *(name + part for name in histograms for part in PARTS["histogram"])}


GIVEN = {
    # HAProxy 2.6 of Debian 12, asked in tests/engine: the gateway from source build has the same dashboard.
    "kong": KONG | series(
        "haproxy_frontend_http_requests_total haproxy_frontend_http_responses_total haproxy_frontend_current_sessions "
        "haproxy_frontend_bytes_in_total haproxy_frontend_bytes_out_total haproxy_backend_http_requests_total "
        "haproxy_backend_total_time_average_seconds haproxy_backend_response_time_average_seconds "
        "haproxy_backend_queue_time_average_seconds haproxy_backend_connect_time_average_seconds "
        "haproxy_process_pool_allocated_bytes"
    ),
    # node_exporter 1.5.0 of Debian 12, run with the fragment's arguments and rights; collector/ of 1.12 has the same.
    "node": series(
        "node_cpu_seconds_total node_disk_io_time_seconds_total node_disk_read_bytes_total "
        "node_disk_written_bytes_total node_filefd_allocated node_filefd_maximum node_filesystem_avail_bytes "
        "node_filesystem_size_bytes node_load1 node_load5 node_load15 node_memory_MemAvailable_bytes "
        "node_memory_MemTotal_bytes node_memory_SwapFree_bytes node_memory_SwapTotal_bytes node_vmstat_oom_kill"
    ),
    # lib/metrics/prometheus.go of cAdvisor 0.60.5.
    "containers": series(
        "container_last_seen container_cpu_usage_seconds_total container_memory_working_set_bytes "
        "container_spec_memory_limit_bytes container_start_time_seconds container_network_receive_bytes_total "
        "container_network_transmit_bytes_total container_fs_reads_bytes_total container_fs_writes_bytes_total"
    ),
    # RabbitMQ 3.10 of Debian 12, asked in tests/engine; deps/rabbitmq_prometheus/metrics.md of August 2026.
    "rabbitmq": series(
        "rabbitmq_queue_messages_ready rabbitmq_queue_messages_unacked rabbitmq_queues rabbitmq_connections "
        "rabbitmq_channels rabbitmq_consumers rabbitmq_global_messages_received_total "
        "rabbitmq_global_messages_delivered_total rabbitmq_global_messages_acknowledged_total "
        "rabbitmq_global_messages_redelivered_total rabbitmq_global_messages_unroutable_returned_total "
        "rabbitmq_global_messages_unroutable_dropped_total rabbitmq_process_resident_memory_bytes "
        "rabbitmq_resident_memory_limit_bytes rabbitmq_disk_space_available_bytes "
        "rabbitmq_disk_space_available_limit_bytes"
    ),
    # usecases/monitoring/prometheus.go of Weaviate of August 2026; the last two are of Go's own client.
    "weaviate": series(
        "object_count concurrent_queries_count requests_total vector_index_size process_resident_memory_bytes "
        "go_memstats_heap_inuse_bytes", "queries_durations_ms", "batch_durations_ms",
    ),
    # n8n 2.40.7, asked in tests/engine.
    "n8n": series(
        "n8n_active_workflow_count n8n_scaling_mode_queue_jobs_waiting n8n_scaling_mode_queue_jobs_active "
        "n8n_scaling_mode_queue_jobs_completed n8n_scaling_mode_queue_jobs_failed "
        "n8n_nodejs_eventloop_lag_p99_seconds n8n_process_resident_memory_bytes n8n_nodejs_heap_size_used_bytes "
        "n8n_process_cpu_seconds_total", "n8n_workflow_execution_duration_seconds",
    ),
    # src/common/metrics.rs of Qdrant of August 2026.
    "qdrant": series(
        "collections_total collections_vector_total collection_points collection_running_optimizations "
        "memory_resident_bytes memory_allocated_bytes rest_responses_total grpc_responses_total",
        "rest_responses_duration_seconds",
    ),
    # documentation.md of service, receiverhelper and exporterhelper of the Collector 0.157; Jaeger is made of them.
    # Neither writes units and types into names (from 0.152 on).
    "tracing": series(
        "otelcol_receiver_accepted_spans otelcol_receiver_refused_spans otelcol_exporter_sent_spans "
        "otelcol_exporter_send_failed_spans otelcol_exporter_enqueue_failed_spans otelcol_exporter_queue_size "
        "otelcol_exporter_queue_capacity otelcol_process_memory_rss"
    ),
}  # fmt: skip
"""What the programs give that are not asked in this test, and how that is known."""
ASKED = {"backend", "database", "redis"}
"""Those that are asked here or in tests/engine alone."""


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_there_is_one_for_each_thing_that_is_measured() -> None:
    assert {path.stem for path in DASHBOARDS} == GIVEN.keys() | ASKED
    jobs = yamlfile.load("prometheus.yml", PROMETHEUS.read_text())["scrape_configs"]
    shows = {"postgres": "database", "cadvisor": "containers", "jaeger": "tracing", "otel-collector": "tracing"}
    measured = {shows.get(job["job_name"], job["job_name"]) for job in jobs} - {"prometheus"}
    assert measured == {path.stem for path in DASHBOARDS}


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_a_dashboard_has_an_address_of_its_own_and_panels_that_do_not_overlap(path: Path) -> None:
    dashboard = read(path)
    assert dashboard["uid"] == path.stem
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    fields = [
        (column, row)
        for panel in panels
        for column in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for row in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(set(fields)) == len(fields)
    assert max(column for column, _ in fields) < 24


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_every_panel_asks_the_provisioned_source(path: Path) -> None:
    source = re.search(r"uid: (\S+)", (FOLDER.parent / "provisioning/datasources/prometheus.yml").read_text())
    assert source is not None
    assert {panel["datasource"]["uid"] for panel in read(path)["panels"]} == {source[1]}


@pytest.mark.parametrize("name", GIVEN)
def test_every_measurement_is_one_that_its_program_gives(name: str) -> None:
    assert shown(name) - OF_TARGETS <= GIVEN[name]


def test_the_backends_measurements_are_those_that_it_gives(tmp_path: Path) -> None:
    names = shown("backend")

    async def scenario() -> None:
        nobody = await support_backend.closed_port()
        async with support_backend.client(support_backend.settings(tmp_path, nobody, nobody)) as caller:
            await caller.get("/health")
            given = set(re.findall(r"^([a-z_]+)", (await caller.get("/metrics")).text, re.MULTILINE))
            assert names <= given | OF_TARGETS

    support_backend.run(scenario())


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ('sum by (le, route) (rate(a_b_bucket{x=~"c_d"}[5m]))', {"a_b_bucket"}),
        ("(sum(a) or vector(0)) / max(b{c='d'}) > 0", {"a", "b"}),
        ("1 - node_load15 / Node_bytes < 9e+18", {"node_load15", "Node_bytes"}),
        ("histogram_quantile(0.95, sum by (le) (rate(a[$__rate_interval])))", {"a"}),
    ],
)
def test_the_measurements_of_an_expression_are_found(expression: str, names: set[str]) -> None:
    assert measurements(expression) == names
