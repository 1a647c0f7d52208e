"""The provisioned dashboards: well-formed, and every measurement that they show is one that its program gives.

The exporters and Prometheus are asked themselves in tests/engine/test_monitoring.py."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests import support_backend
from tests.dashboards import DASHBOARDS, FOLDER, expressions, measurements

# Kong 3.9's prometheus plugin by its documentation, with what kong/kong.yml switches on: status codes, latency,
# bandwidth. A histogram gives _bucket, _count and _sum.
KONG = {
    *("kong_http_requests_total", "kong_bandwidth_bytes", "kong_nginx_connections_total", "kong_nginx_requests_total"),
    *("kong_nginx_timers", "kong_node_info", "kong_datastore_reachable", "kong_memory_workers_lua_vms_bytes"),
    *("kong_memory_lua_shared_dict_bytes", "kong_memory_lua_shared_dict_total_bytes"),
} | {
    f"kong_{name}_latency_ms_{part}" for name in ("request", "upstream", "kong") for part in ("bucket", "count", "sum")
}
# What Prometheus adds itself to each target.
OF_TARGETS = {"up"}


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_there_is_one_for_the_database_redis_the_gateway_and_the_backend() -> None:
    assert [path.stem for path in DASHBOARDS] == ["backend", "database", "kong", "redis"]


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


def test_the_gateways_measurements_are_those_that_are_documented() -> None:
    names = {name for expression in expressions("kong") for name in measurements(expression)}
    assert names <= KONG | OF_TARGETS


def test_the_backends_measurements_are_those_that_it_gives(tmp_path: Path) -> None:
    names = {name for expression in expressions("backend") for name in measurements(expression)}

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
        ("histogram_quantile(0.95, sum by (le) (rate(a[$__rate_interval])))", {"a"}),
    ],
)
def test_the_measurements_of_an_expression_are_found(expression: str, names: set[str]) -> None:
    assert measurements(expression) == names
