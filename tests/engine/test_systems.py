"""Each optional system does one real thing beside the core, started by `inv up` as a user would.

Real programs: PostgreSQL, Redis, the backend, Prometheus and its exporters, RabbitMQ, JupyterLab, LiteLLM, n8n,
the gateway's HAProxy, and before it a Caddy with HTTPS.
Stand-ins of the protocol (tests/standins): Elasticsearch, Consul, a trace collector, Ollama; of the gateway its part of
a trace."""

import json
import re
import urllib.parse
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import pytest

from tests.dashboards import DASHBOARDS, expressions, given, shown
from tests.engine.support import browser, n8n, stacks, systems
from tests.engine.support.stacks import Stack
from tests.engine.support.systems import Answer, ask

TRACE, KONG = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Systems(NamedTuple):
    """What runs; `core` is what ran before the systems came (each container's identity), `known` what was set then, and
    `said` what was said as they came."""

    stack: Stack
    core: dict[str, tuple[str, str, str]]
    known: set[str]
    said: str
    secrets: dict[str, str]

    def ask(self, offset: int, path: str, body: Any = None, method: str = "", **headers: str) -> Answer:
        """A request to what is published on this offset."""
        return ask(f"http://127.0.0.1:{self.stack.port(offset)}{path}", body, method, headers)

    def log(self, service: str) -> str:
        """All that its first container said."""
        return stacks.run("docker", "logs", f"{self.stack.project}-{service}-1").text


@pytest.fixture(scope="module")
def running(base_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Systems]:
    """The core, and then every system on top of it."""
    stack = systems.checkout(tmp_path_factory.mktemp("systems") / "checkout")
    browser.add(stack.root, "automation")
    stack.set(**browser.PUBLIC)
    try:
        systems.up(stack)
        core, known = stack.identities(), stack.env().keys()
        done = systems.up(stack, *(word for name in systems.PROFILES for word in ("--profile", name)))
        yield Systems(stack, core, {*known}, done.text, stack.env())
    finally:
        stacks.remove(stack.project)


def test_the_systems_came_without_touching_what_ran(running: Systems) -> None:
    now = running.stack.identities()
    assert {name: now[name] for name in running.core} == running.core
    assert len(now) > len(running.core) + len(systems.PROFILES)


def test_the_backend_learns_their_passwords_as_they_come(running: Systems) -> None:
    """It was started before there were any; that it uses them, the next tests show."""
    passwords = {"ELASTIC_PASSWORD", "RABBITMQ_PASSWORD"}
    assert passwords.isdisjoint(running.known)
    assert passwords <= running.secrets.keys()
    assert "backend runs on, with other connections: ELASTICSEARCH_URL, RABBITMQ_URL" in running.said
    made = stacks.docker("inspect", f"{running.stack.project}-backend-1")
    assert not [name for name in passwords if running.secrets[name] in made]


def test_the_backend_publishes_and_consumes_messages(running: Systems) -> None:
    sent = [running.ask(16, "/messages", {"text": text}) for text in ("first", "zweite – ü")]
    assert [answer.status for answer in sent] == [201, 201]
    # What was confirmed outlives the connection.
    running.stack.exec("rabbitmq", "rabbitmqctl", "-q", "close_all_connections", "test")
    taken = stacks.until(lambda: running.ask(16, "/messages?limit=1"), "a message").json
    assert taken == [{"id": sent[0].json["id"], "text": "first"}]
    assert [message["text"] for message in running.ask(16, "/messages").json] == ["zweite – ü"]
    assert running.ask(16, "/messages").json == []


def test_a_full_queue_refuses(running: Systems) -> None:
    small = '{"max-length": 1, "overflow": "reject-publish"}'
    running.stack.exec("rabbitmq", "rabbitmqctl", "-q", "set_policy", "small", "^backend", small)
    try:
        assert running.ask(16, "/messages", {"text": "fits"}).status == 201
        refused = running.ask(16, "/messages", {"text": "does not"})
        assert (refused.status, "is full" in refused.text) == (507, True)
    finally:
        running.stack.exec("rabbitmq", "rabbitmqctl", "-q", "clear_policy", "small")
        running.ask(16, "/messages")


def test_the_management_page_of_the_queues_takes_its_password_alone(running: Systems) -> None:
    script = "import base64,sys; print(base64.b64encode(sys.argv[1].encode()).decode())"
    words = stacks.run("python3", "-c", script, f"stack:{running.secrets['RABBITMQ_PASSWORD']}").out.strip()
    assert running.ask(114, "/api/overview", Authorization=f"Basic {words}").status == 200
    assert running.ask(114, "/api/overview").status == 401


def query(running: Systems, expression: str) -> list[Any]:
    """What Prometheus answers."""
    asked = urllib.parse.quote(expression.replace("$__rate_interval", "5m"))
    answer = running.ask(107, f"/api/v1/query?query={asked}")
    assert answer.status == 200, (expression, answer.text)
    found: list[Any] = answer.json["data"]["result"]
    return found


def test_prometheus_measures_what_runs_and_nothing_else(running: Systems) -> None:
    def jobs() -> set[str]:
        return {one["metric"]["job"] for one in query(running, "up == 1")}

    expected = {"prometheus", "kong", "backend", "postgres", "redis", "rabbitmq", "n8n"}
    stacks.until(lambda: jobs() >= expected, "a look at every target")
    # The collector's stand-in measures nothing.
    assert {one["metric"]["job"] for one in query(running, "up")} == expected | {"otel-collector"}
    assert query(running, 'sum(backend_http_requests_total{route="/health"})')[0]["value"][1] != "0"


@pytest.mark.parametrize(("dashboard", "offset"), [("database", 109), ("redis", 110), ("backend", 16)])
def test_a_dashboard_shows_what_its_program_gives(running: Systems, dashboard: str, offset: int) -> None:
    series = set(re.findall(r"^([a-z_]+)", running.ask(offset, "/metrics").text, re.MULTILINE))
    assert shown(dashboard) <= series | {"up"}


@pytest.mark.parametrize(("dashboard", "at"), [("rabbitmq", "rabbitmq-metrics:15692"), ("n8n", "n8n-metrics:5678")])
def test_a_dashboard_shows_what_its_program_gives_where_nothing_is_published(
    running: Systems, dashboard: str, at: str
) -> None:
    told = running.stack.exec("prometheus", "wget", "-q", "-O", "-", f"http://{at}/metrics")
    assert shown(dashboard) <= given(told) | {"up"}


def test_prometheus_understands_every_expression_of_the_dashboards(running: Systems) -> None:
    for path in DASHBOARDS:
        for expression in expressions(path.stem):
            query(running, expression)


def test_the_database_and_redis_answer_their_exporters(running: Systems) -> None:
    assert re.search(r"^pg_up 1$", running.ask(109, "/metrics").text, re.MULTILINE)
    assert re.search(r"^redis_up 1$", running.ask(110, "/metrics").text, re.MULTILINE)


def test_a_notebooks_kernel_starts_with_the_token_alone(running: Systems) -> None:
    assert running.ask(105, "/api/kernels", {}).status == 403
    opened = running.ask(105, "/api/kernels", {}, Authorization=f"token {running.secrets['JUPYTER_TOKEN']}")
    assert (opened.status, opened.json["name"]) == (201, "python3")


def test_litellm_tells_its_models_with_the_key_alone(running: Systems) -> None:
    assert running.ask(100, "/v1/models").status == 401
    told = running.ask(100, "/v1/models", Authorization=f"Bearer {running.secrets['LITELLM_MASTER_KEY']}")
    assert [model["id"] for model in told.json["data"]] == ["local"]


LITELLM_OPEN = re.compile(
    r"/|/routes|/test|/register|/x/register|/api/event_logging/batch|/health/(liveness|liveliness|readiness)"
    r"|/get/ui_theme_settings|/public/.*|(/litellm)?/\.well-known/.*"
)
"""What it answers anybody: its manual, lists that are the same everywhere or that an administrator made public, whether
it lives, its page's colours, what clients of MCP look up. Clients that register are not kept, events are dropped."""


def test_litellm_answers_nothing_else_without_a_key(running: Systems) -> None:
    """As the gateway asks it: it passes the browser's Host on."""
    described = running.ask(100, "/openapi.json").json["paths"]
    asked = [(method.upper(), re.sub(r"\{[^}]*\}", "x", path)) for path, entry in described.items()
             for method in entry if method in ("get", "post", "put", "patch", "delete")]  # fmt: skip
    host = f"litellm.localhost:{running.stack.port(2)}"

    def answered(one: tuple[str, str]) -> str:
        method, path = one
        said = running.ask(100, path, None if method == "GET" else {}, method, Host=host, **{"X-Forwarded-Host": host})
        return path if said.status < 400 else ""

    with ThreadPoolExecutor(8) as pool:
        told = set(pool.map(answered, asked)) - {""}
    assert len(asked) > 500
    assert {path for path in told if not LITELLM_OPEN.fullmatch(path)} == set()


LITELLM_PATHS = [
    "/v1/chat/completions", "/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/responses", "/v1/messages",
    "/key/generate", "/user/new", "/model/new", "/team/new", "/cache/ping", "/config/update",
]  # fmt: skip


@pytest.mark.parametrize("path", LITELLM_PATHS)
def test_litellm_lets_nobody_in_without_a_key(running: Systems, path: str) -> None:
    method = "GET" if path == "/cache/ping" else "POST"
    for host in ("localhost", "127.0.0.1", "litellm:4000", "x"):
        assert running.ask(100, path, {} if method == "POST" else None, method, Host=host).status == 401, host


def test_litellm_keeps_answers_in_redis(running: Systems) -> None:
    key = {"Authorization": f"Bearer {running.secrets['LITELLM_MASTER_KEY']}"}
    told = running.ask(100, "/cache/ping", **key).json
    assert (told["status"], told["cache_type"]) == ("healthy", "redis")

    def said(**wish: Any) -> str:
        chat = {"model": "local", "messages": [{"role": "user", "content": "how many?"}], **wish}
        answer = running.ask(100, "/v1/chat/completions", chat, **key)
        assert answer.status == 200, answer.text
        return str(answer.json["choices"][0]["message"]["content"])

    first = said(cache={"use-cache": True})
    # The stand-in says another number each time that it is asked.
    assert said(cache={"use-cache": True}) == first
    assert said() != first


def test_n8n_has_its_owner_before_the_first_visitor_comes(running: Systems) -> None:
    assert running.ask(17, "/healthz/readiness").json == {"status": "ok"}
    visitor = {"email": "eve@localhost.local", "firstName": "E", "lastName": "V", "password": "A1abcdef99"}
    assert running.ask(17, "/rest/owner/setup", visitor).status == 400
    login = {"emailOrLdapLoginId": "admin@localhost.local", "password": running.secrets["N8N_OWNER_PASSWORD"]}
    assert running.ask(17, "/rest/login", login).json["data"]["email"] == "admin@localhost.local"
    assert running.ask(17, "/rest/login", {**login, "password": visitor["password"]}).status == 401


@pytest.fixture(scope="module")
def owner(running: Systems) -> n8n.Owner:
    """n8n's owner, signed in once: it takes five log-ins a minute."""
    return n8n.Owner(f"http://127.0.0.1:{running.stack.port(17)}", running.secrets["N8N_OWNER_PASSWORD"])


def test_a_code_node_runs_apart_from_n8n(running: Systems, owner: n8n.Owner) -> None:
    owner.published("answer", n8n.code("return [{json: {answer: 6 * 7, sees: typeof process}}]"))
    answer = stacks.until(lambda: owner.called("answer"), "the webhook")
    assert answer == {"answer": 42, "sees": "undefined"}
    assert 'Registered runner "JS Task Runner"' in running.log("n8n-worker")


def test_a_browser_signs_in_to_n8n_behind_a_proxy_and_saves_a_workflow(running: Systems, owner: n8n.Owner) -> None:
    """From the backend's page, through a Caddy with HTTPS: nothing is asked for by plain HTTP or at another port."""
    needs_a_browser(running)
    before = {workflow["id"] for workflow in owner.ask("/rest/workflows")}
    with browser.Browser(running.stack) as user:
        user.open("https://example.org/backend/")
        user.click("a[href='https://n8n.example.org/']")
        user.type("input[name=emailOrLdapLoginId]", n8n.OWNER)
        user.type("input[name=password]", running.secrets["N8N_OWNER_PASSWORD"])
        user.click("[data-test-id=form-submit-button]")
        user.find("[data-test-id=project-home-menu-item]")
        assert {one["name"]: one["secure"] for one in user.cookies()}["n8n-auth"]
        user.open("https://n8n.example.org/workflow/new")
        user.click("[data-test-id=canvas-add-button]")
        user.find("[data-test-id=node-creator-item-name]")
        user.type("[data-test-id=node-creator] input", browser.ENTER)  # the first: begun by hand
        user.find("[data-test-id=canvas-node]")
        user.type("body", f"{browser.CONTROL}s")
        made = stacks.until(lambda: {one["id"] for one in owner.ask("/rest/workflows")} - before, "the workflow")
        stacks.until(lambda: user.address().rpartition("/")[2] in made, "the page's own address")
        told = user.told()
    [node] = owner.ask(f"/rest/workflows/{made.pop()}")["nodes"]
    assert node["type"] == "n8n-nodes-base.manualTrigger"
    asked = [about["request"]["url"] for event, about in told if event == "Network.requestWillBeSent"]
    assert len(asked) > 50
    assert [url for url in asked if not re.match(r"https://(n8n\.)?example\.org/|data:|blob:", url)] == []
    pushed = [about["url"] for event, about in told if event == "Network.webSocketCreated"]
    assert all(url.startswith("wss://n8n.example.org/rest/push?") for url in pushed)
    opened = [about for event, about in told if event == "Network.webSocketHandshakeResponseReceived"]
    assert {about["response"]["status"] for about in opened} == {101}


def test_n8n_says_the_public_address_of_a_webhook(owner: n8n.Owner) -> None:
    told = owner.ask("/rest/settings")
    assert (told["urlBaseWebhook"], told["urlBaseEditor"]) == ("https://n8n.example.org/", "https://n8n.example.org")


def needs_a_browser(running: Systems) -> None:
    """Skip the test where the release has none."""
    if "chromedriver" not in running.stack.exec("browser", "sh", "-c", "command -v chromedriver || echo none"):
        pytest.skip("this release has no package chromium-driver")


def test_the_first_start_of_n8n_tells_nothing_deprecated(running: Systems) -> None:
    assert [name for name in ("n8n", "n8n-worker") if "deprecat" in running.log(name).lower()] == []


def test_a_request_that_came_through_the_gateway_is_one_trace(running: Systems) -> None:
    traced = running.ask(16, "/ready", traceparent=f"00-{TRACE}-{KONG}-01")
    assert traced.status == 200
    spans = stacks.until(lambda: of_trace(running), "a span")
    assert [(span["service"], span["name"], span["parent_id"]) for span in spans] == [("backend", "GET /ready", KONG)]


def of_trace(running: Systems) -> list[dict[str, Any]]:
    """The spans of the trace that the stand-in for a collector has."""
    return [span for span in running.ask(117, "/spans").json if span["trace_id"] == TRACE]


def test_the_backend_keeps_and_finds_documents(running: Systems) -> None:
    fox = {"title": "Animals", "text": "The quick brown fox"}
    assert running.ask(16, "/documents/fox", fox, "PUT").status == 201
    [found] = running.ask(16, "/documents?q=fox").json
    assert (found["name"], found["document"]) == ("fox", fox)
    assert running.ask(106, "/").status == 401


def test_the_planned_services_stand_in_the_registry_with_their_checks(running: Systems) -> None:
    def entered() -> dict[str, Any]:
        services: dict[str, Any] = running.ask(120, "/v1/agent/services").json
        return services

    there = stacks.until(lambda: entered() if "backend" in entered() else None, "the entries")
    assert (there["supabase-db"]["Address"], there["supabase-db"]["Port"]) == ("supabase-db", 5432)
    assert there["backend"]["Check"]["TCP"] == "backend:8000"
    assert {"redis", "rabbitmq", "n8n", "prometheus"} <= there.keys()
    assert "grafana" not in there
    # What Consul lost comes back; what nobody plans goes.
    running.ask(120, "/v1/agent/service/deregister/redis", method="PUT")
    stray = {"ID": "stray", "Name": "stray", "Address": "stray", "Port": 1, "Meta": {"stack": "true"}}
    running.ask(120, "/v1/agent/service/register", stray, "PUT")
    stacks.until(lambda: "redis" in entered() and "stray" not in entered(), "the list's repair")
    # Of what runs elsewhere only its ambassador could be asked, which always answers.
    plan = running.stack.root / ".stack/plan/plan.json"
    document = json.loads(plan.read_text())
    for service in document["services"]:
        service["source"] = "localhost" if service["name"] == "redis" else service["source"]
    plan.write_text(json.dumps(document))
    stacks.until(lambda: "redis" not in entered() and "backend" in entered(), "the leaving out of a far service")


def test_no_secret_is_in_a_log_or_a_command_line(running: Systems) -> None:
    secrets = {name: value for name, value in running.secrets.items() if re.search("PASSWORD|KEY|TOKEN|SECRET", name)}
    for name in running.stack.containers():
        container = f"{running.stack.project}-{name}"
        shown = stacks.run("docker", "logs", container).text
        shown += stacks.docker("inspect", "-f", "{{.Path}} {{.Args}}", container)
        assert [secret for secret, value in secrets.items() if value in shown] == [], name
