"""kong/kong.yml and what is made of it, held to the schemas of a running Kong."""

import re
from pathlib import Path
from typing import Any

import pytest

from stack import yamlfile
from stack.gateway import kongfile, schema
from stack.gateway.effective import effective
from stack.gateway.validity import check

ROOT = Path(__file__).parents[2]


KONG_YML = (ROOT / "kong" / "kong.yml").read_text()
SERVICES = sorted(
    {str(s.value["url"]).split("/")[2].split(":")[0] for s in kongfile.entities(kongfile.read(KONG_YML))["services"]}
)


def refusals(text: str) -> list[str]:
    """What Kong would refuse, by its schemas."""
    secrets = set(re.findall(r"\$\{(\w+)\}", text))
    return [
        f"{problem.where}: {problem.message}"
        for problem in check(text, {*SERVICES, "backend", "supabase-realtime"}, {}, secrets)
    ]


def test_kong_accepts_the_file_in_the_repository() -> None:
    assert refusals(KONG_YML) == []


@pytest.mark.parametrize("planned", [[], SERVICES, *([name] for name in SERVICES)], ids=" ".join)
def test_kong_accepts_the_file_made_for_a_plan(planned: list[str]) -> None:
    assert refusals(effective(KONG_YML, planned)) == []


def fragment() -> dict[str, Any]:
    text = (ROOT / "compose" / "kong-api-gateway.yml").read_text()
    service: dict[str, Any] = yamlfile.load("kong-api-gateway.yml", text)["services"]["kong-api-gateway"]
    return service


def test_every_plugin_that_the_routes_use_is_one_that_the_gateway_loads() -> None:
    loaded = fragment()["environment"]["KONG_PLUGINS"].removeprefix("${KONG_PLUGINS:-").removesuffix("}").split(",")
    used = {plugin.value["name"] for plugin in kongfile.entities(kongfile.read(KONG_YML))["plugins"]}
    assert used <= set(loaded)
    assert set(loaded) <= schema.schemas().plugins.keys()


def test_the_gateway_has_each_credential_that_the_routes_name_and_never_the_key_that_signs_them() -> None:
    environment = fragment()["environment"]
    named = set(re.findall(r"\$\{(\w+)\}", effective(KONG_YML, set(SERVICES))))
    assert named == {
        "SUPABASE_ANON_KEY",
        "SUPABASE_SERVICE_ROLE_KEY",
        "SUPABASE_PUBLISHABLE_KEY",
        "SUPABASE_SECRET_KEY",
        "DASHBOARD_USERNAME",
        "DASHBOARD_PASSWORD",
    }
    assert named <= environment.keys()
    assert "JWT_SECRET" not in str(environment)
