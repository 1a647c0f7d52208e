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
from stack.gateway import entrance, kongfile, upstreams
from stack.gateway.haproxy import seen as haproxy
from stack.gateway.haproxy.seen import Server
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


# What a HAProxy in its place has of it: `show servers state`, cut to what is read, and with a column more

STATES = """1
# be_id be_name srv_name srv_addr srv_op_state srv_admin_state srv_time_since_last_change srv_fqdn srv_port
4 api t0-1 10.0.0.2 2 0 43 api 3000
4 api t0-2 - 0 32 50 api 3000
5 root t0-1 10.0.0.2 2 0 43 api 3000
6 page t0-1 10.0.0.3 0 0 20 page.web 8080
7 gone t0-1 - 0 32 20 Gone 80
8 shut t0-1 10.0.0.4 2 1 20 shut 80
9 fixed s0 10.0.0.9 2 0 20 - 80
"""


def test_what_haproxy_has_of_a_name_is_read_off_all_its_rows() -> None:
    wanted = {
        ("api", 3000): Server(["10.0.0.2"], ["10.0.0.2"], 43),
        ("page.web", 8080): Server(["10.0.0.3"], [], 20),
        ("gone", 80): Server([], [], 20),
        ("shut", 80): Server(["10.0.0.4"], [], 20),
    }
    assert haproxy.of(STATES) == wanted
    newer = STATES.replace("srv_port\n", "srv_port srv_agent_port\n").replace("0\n", "0 0\n")
    assert haproxy.of(newer) == wanted
    assert haproxy.of("") == haproxy.of("Permission denied\n") == haproxy.of(STATES.partition("# be_id")[0]) == {}


def _of_haproxy(answer: Answer, *row: str) -> dict[str, Seen]:
    looks = _seen(answer)
    names = "# srv_addr srv_op_state srv_admin_state srv_time_since_last_change srv_fqdn srv_port\n"
    own = looks["kong-api-gateway"]
    return {**looks, "kong-api-gateway": Seen(own.answers, [], f"1\n{names}{' '.join(row)} api 3000\n")}


@pytest.mark.parametrize(
    ("answer", "row", "told"),
    [
        (Answer(["10.0.0.2"]), ("-", "0", "32", "60"), "which answers there, and HAProxy has no address of it"),
        (Answer(["10.0.0.2"]), ("10.0.0.2", "2", "1", "60"), "answers there, and HAProxy has it down at 10.0.0.2"),
        (Answer([]), ("-", "0", "32", "1"), "a name that it does not find (HAProxy has no address of it)"),
        (REFUSED, ("10.0.0.2", "0", "0", "1"), "api listens on no port (HAProxy has it down at 10.0.0.2)"),
        (REFUSED, ("10.0.0.2", "2", "0", "1"), "api listens on no port (HAProxy sends what comes to 10.0.0.2)"),
    ],
)
def test_what_haproxy_itself_has_of_a_route_is_told(
    scene: MakeScene, answer: Answer, row: tuple[str, ...], told: str
) -> None:
    [route] = found(gateway_upstream.CHECK, scene(looks=_of_haproxy(answer, *row)))
    assert route.seen.startswith("the routes api, root of the gateway lead to api:3000, ")
    assert told in route.seen
    assert ("restart kong-api-gateway" in route.fix) == answer.reached


@pytest.mark.parametrize("row", [("10.0.0.2", "2", "0", "60"), ("-", "0", "32", "3")])
def test_a_route_that_haproxy_serves_or_has_just_lost_is_not_told(scene: MakeScene, row: tuple[str, ...]) -> None:
    assert found(gateway_upstream.CHECK, scene(looks=_of_haproxy(Answer(["10.0.0.2"]), *row))) == []


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
    def guarded(text: str) -> str:
        return gateway_key.guarded(kongfile.entities(kongfile.read(text)))

    assert guarded(KONG) == "/rest/v1/"
    assert guarded(KONG.replace('"anon", ', "")) == ""
    assert gateway_key.guarded(kongfile.Entities()) == ""


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
