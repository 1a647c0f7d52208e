"""Checks of the gateway: its file against the plan, what it reaches, whom it lets in. The fault present, and absent."""

import http.server
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stack.doctor.check import Check, Finding
from stack.doctor.checks import gateway_dns, gateway_key, gateway_stale, gateway_upstream
from stack.doctor.scene import Scene
from stack.gateway import entrance, upstreams
from stack.gateway.upstreams import End
from stack.running import inside, live
from stack.running.inside import Answer
from stack.running.inside import Look as Seen
from stack.running.sockets import Listener
from tests.synthetic import facts, planned

KONG = """_format_version: "3.0"
consumers:
  - username: "anon"
    keyauth_credentials: [{key: "${SUPABASE_ANON_KEY}"}]
    acls: [{group: "anon"}]
services:
  - name: "api"
    url: "http://api:3000/"
    routes: [{name: "api", paths: ["/rest/v1/"]}, {name: "root", paths: ["~/rest/v1/?$"]}]
    plugins: [{name: "key-auth"}, {name: "acl", config: {allow: ["anon", "admin"]}}]
  - name: "page"
    url: "http://page.web:8080"
    routes: [{name: "page", hosts: ["page.localhost"]}]
"""
KEY = "anon-key-of-a-test"


@pytest.fixture
def scene(tmp_path: Path) -> Callable[..., Scene]:
    """A gateway with two services behind it: both run, and are as `given` says."""
    (tmp_path / "kong").mkdir()
    (tmp_path / "kong/kong.yml").write_text(KONG)
    key = {"environment": {"SUPABASE_ANON_KEY": "x"}}
    made = planned(
        facts({"kong-api-gateway": key, "api": {"expose": ["3000"]}, "web": {"expose": ["8080"]}}), root=tmp_path
    )
    containers = [container(name) for name in ("kong-api-gateway", "api", "web")]

    def make(**given: Any) -> Scene:
        pieces = {
            "planned": made, "checkout": made.checkout, "project": "p", "engine": "", "containers": containers,
            "networks": [{"Name": "test_net", "Id": "f" * 64}], "changes": [], "looks": {}, "written": [],
            "secrets": {"SUPABASE_ANON_KEY": KEY},
        }  # fmt: skip
        return Scene(tmp_path, {**pieces, **given})

    return make


def container(service: str, port: int = 0, *env: str, health: str = "healthy") -> dict[str, Any]:
    bound = {"8000/tcp": [{"HostIp": "0.0.0.0", "HostPort": str(port)}]} if port else {}
    return {
        "Id": f"id-of-{service}",
        "Name": f"/p-{service}-1",
        "State": {"Status": "running", "Running": True, "Health": {"Status": health}},
        "Config": {"Labels": {"com.docker.compose.service": service}, "Env": list(env)},
        "HostConfig": {"NetworkMode": "test_net"},
        "NetworkSettings": {"Networks": {"test_net": {"Aliases": [service]}}, "Ports": bound},
    }


MakeScene = Callable[..., Scene]


def found(check: Check, scene: Scene) -> list[Finding]:
    return list(check.run(scene))


@pytest.mark.parametrize("check", [gateway_stale.CHECK, gateway_upstream.CHECK, gateway_key.CHECK, gateway_dns.CHECK])
def test_nothing_is_found_where_no_gateway_runs(scene: MakeScene, check: Check) -> None:
    assert found(check, scene(containers=[])) == []


# Its file


def test_a_file_that_the_plan_does_not_give_is_told_until_it_is_the_plan_s(scene: MakeScene) -> None:
    here = scene()
    [stale] = found(gateway_stale.CHECK, here)
    assert (stale.grade, stale.fix) == ("warning", "./inv up")
    path = here.root / live.GATEWAY
    path.parent.mkdir(parents=True)
    path.write_text(entrance.of(here.planned).config)
    assert found(gateway_stale.CHECK, here) == []


def test_the_ends_of_every_route_are_known_with_the_routes_names() -> None:
    assert upstreams.ends(KONG) == [End("api", "api", 3000, ("api", "root")), End("web", "page.web", 8080, ("page",))]


# What it reaches

BALANCED = """_format_version: "3.0"
upstreams: [{name: "both", targets: [{target: "one:81"}, {target: "two"}]}]
services: [{name: "s", host: "both", routes: [{name: "r", paths: ["/r/"]}]}, {name: "off", url: "http://off:1",
            enabled: false, routes: [{name: "o", paths: ["/o/"]}]}]
"""


def test_an_upstream_s_targets_are_ends_and_a_service_that_is_off_has_none() -> None:
    assert upstreams.ends(BALANCED) == [End("one", "one", 81, ("r",)), End("two", "two", 8000, ("r",))]
    assert upstreams.ends("") == []


def _seen(answer: Answer, *there: Listener) -> dict[str, Seen]:
    answers = {("api", 3000): answer, ("page.web", 8080): Answer(["10.0.0.3"])}
    return {"kong-api-gateway": Seen(answers, []), "api": Seen({}, list(there))}


REFUSED = Answer(["10.0.0.2"], inside.REFUSED)


@pytest.mark.parametrize(
    ("answer", "there", "told"),
    [
        (Answer([]), (), "a name that it does not find"),
        (REFUSED, (Listener("0.0.0.0", 3001),), "api listens on 3001"),
        (REFUSED, (Listener("127.0.0.1", 3000),), "its own 127.0.0.1 alone"),
        (REFUSED, (Listener("0.0.0.0", 3000),), "a firewall is in between"),
        (Answer(["10.0.0.2"], inside.SILENT), (), "gets no answer"),
    ],
)
def test_a_route_to_nothing_is_told_by_its_name(
    scene: MakeScene, answer: Answer, there: tuple[Listener, ...], told: str
) -> None:
    [route] = found(gateway_upstream.CHECK, scene(looks=_seen(answer, *there)))
    assert route.service == "api"
    assert route.seen.startswith("the routes api, root of the gateway lead to api:3000")
    assert told in route.seen


def test_a_route_that_is_reached_or_whose_service_is_ill_is_not_told(scene: MakeScene) -> None:
    assert found(gateway_upstream.CHECK, scene(looks=_seen(Answer(["10.0.0.2"])))) == []
    ill = [container("kong-api-gateway"), container("api", health="unhealthy"), container("web")]
    assert found(gateway_upstream.CHECK, scene(looks=_seen(REFUSED), containers=ill)) == []


# Whom it lets in


class Gateway(http.server.BaseHTTPRequestHandler):
    """Lets one key in, and leads to a service that knows no path."""

    behind = False

    def do_GET(self) -> None:
        allowed = self.headers["apikey"] == KEY and self.path.startswith("/rest/v1/")
        self.send_response(404 if allowed else 401)
        if allowed or self.behind:
            self.send_header("X-Kong-Upstream-Latency", "1")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    with http.server.HTTPServer(("127.0.0.1", 0), Gateway) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server.server_port
        server.shutdown()


def test_the_anon_key_is_tried_at_a_route_that_takes_it(scene: MakeScene, port: int) -> None:
    up = [container("kong-api-gateway", port, f"SUPABASE_ANON_KEY={KEY}")]
    assert found(gateway_key.CHECK, scene(containers=up)) == []


@pytest.mark.parametrize(
    ("made_with", "fix"), [("another", "docker compose restart kong-api-gateway"), (KEY, "./inv up")]
)
def test_a_key_that_is_refused_is_told_and_never_shown(scene: MakeScene, port: int, made_with: str, fix: str) -> None:
    up = [container("kong-api-gateway", port, f"SUPABASE_ANON_KEY={made_with}")]
    [refused] = found(gateway_key.CHECK, scene(containers=up, secrets={"SUPABASE_ANON_KEY": "another"}))
    assert "401 at /rest/v1/ to SUPABASE_ANON_KEY" in refused.seen
    assert refused.fix == fix
    assert "another" not in refused.seen.replace("another one", "")


def test_a_refusal_of_the_service_behind_is_not_the_gateway_s(
    scene: MakeScene, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Gateway, "behind", True)
    up = [container("kong-api-gateway", port)]
    assert found(gateway_key.CHECK, scene(containers=up, secrets={"SUPABASE_ANON_KEY": "another"})) == []


def test_a_gateway_that_does_not_answer_is_told_unless_nothing_listens_inside(scene: MakeScene, port: int) -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), Gateway) as gone:
        number = gone.server_port
    up = [container("kong-api-gateway", number)]
    [silent] = found(gateway_key.CHECK, scene(containers=up))
    assert f"gives no answer at http://127.0.0.1:{number}/" in silent.seen
    assert found(gateway_key.CHECK, scene(containers=up, looks={"kong-api-gateway": Seen({}, [])})) == []


def test_only_a_route_that_takes_anybody_s_key_is_tried() -> None:
    assert gateway_key.guarded(KONG) == "/rest/v1/"
    assert gateway_key.guarded(KONG.replace('"anon", ', "")) == ""
    assert gateway_key.guarded("") == ""


# Its memory of addresses


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"KONG_DNS_VALID_TTL": "5"}, ""),
        ({}, "without KONG_DNS_VALID_TTL"),
        ({"KONG_DNS_VALID_TTL": "600"}, "KONG_DNS_VALID_TTL=600"),
        ({"KONG_DNS_VALID_TTL": "soon"}, "KONG_DNS_VALID_TTL=soon"),
        ({"KONG_DNS_VALID_TTL": "5", "KONG_NEW_DNS_CLIENT": "on"}, "without KONG_RESOLVER_VALID_TTL"),
        ({"KONG_RESOLVER_VALID_TTL": "5", "KONG_NEW_DNS_CLIENT": "on"}, ""),
    ],
)
def test_a_gateway_that_keeps_addresses_for_minutes_is_told(settings: dict[str, str], told: str) -> None:
    assert [told in one.seen for one in gateway_dns.keeping(settings)] == ([True] if told else [])


def test_the_running_gateway_s_own_settings_count(scene: MakeScene) -> None:
    up = [container("kong-api-gateway", 0, "KONG_DNS_VALID_TTL=5")]
    assert found(gateway_dns.CHECK, scene(containers=up)) == []
    assert [one.grade for one in found(gateway_dns.CHECK, scene())] == ["warning"]
