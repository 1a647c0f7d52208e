"""PUBLIC_URL and TRUSTED_PROXIES through all that is shipped: each address follows, and a wrong one changes nothing."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from stack.env import public
from stack.gateway import declared, effective, entrance, kongfile
from stack.planning import compare, model, planner
from stack.planning.planner import Planned, Request
from stack.running import links, live
from tests.model.refusals import USAGE, Refusal, Tree, refuses
from tests.model.shipped import PROFILES, Shipped
from tests.support import PAIR

URL = "https://example.org:8443"


@pytest.fixture
def made(shipped_newest: Shipped, monkeypatch: pytest.MonkeyPatch) -> Planned:
    """Everything planned behind somebody's proxy, and the gateway built here."""
    monkeypatch.setenv("PUBLIC_URL", URL)
    monkeypatch.setenv("TRUSTED_PROXIES", "10.9.0.0/16")
    return everything(shipped_newest)


def everything(shipped: Shipped) -> Planned:
    """Not by `Shipped.make`, which keeps what it made without these settings."""
    wanted = Request(profiles=tuple(PROFILES), exact=True, sources=("kong-api-gateway=build",))
    return planner.make(shipped.root, wanted)


def texts(planned: Planned) -> Iterator[tuple[str, str, str]]:
    """Each value of an environment, and each word of a command: service, name, text."""
    for name, service in model.services(planned.facts.model).items():
        for key, value in (service.get("environment") or {}).items():
            yield name, key, str(value or "")
        for word in service.get("command") or []:
            yield name, "command", str(word)


def test_each_applications_own_address_is_below_the_public_one(made: Planned) -> None:
    named = [(service, key, text) for service, key, text in texts(made) if "example.org" in text]
    assert {service for service, _, _ in named} >= {
        "n8n", "n8n-worker", "open-web-ui", "grafana", "litellm", "searxng", "prometheus", "supabase-auth",
        "supabase-storage", "supabase-studio", "supabase-api",
    }  # fmt: skip
    for service, key, text in named:
        for address in re.findall(r"https?://[\w.-]*example\.org\S*", text):
            assert re.match(r"https://([\w-]+\.)?example\.org:8443(?=[/;]|$)", address), (service, key)
    # The gateway's own port stands in none of them, nor in any other.
    assert [(service, key) for service, key, text in texts(made) if "63002" in text] == []


def test_cookies_are_for_https_alone_where_browsers_come_by_it(
    made: Planned, shipped_newest: Shipped, monkeypatch: pytest.MonkeyPatch
) -> None:
    def said(planned: Planned) -> dict[str, str]:
        return {f"{service} {key}": text for service, key, text in texts(planned)
                if "cookie" in f"{key} {text}".lower()}  # fmt: skip

    monkeypatch.delenv("PUBLIC_URL")
    plain = said(everything(shipped_newest))
    secure = said(made)
    assert {name.split()[0] for name in secure} == {"n8n", "n8n-worker", "open-web-ui", "grafana", "jupyter"}
    assert {text.rpartition("=")[2] for text in secure.values()} == {"true"}
    assert {text.rpartition("=")[2] for text in plain.values()} == {"false"}
    assert plain.keys() == secure.keys()


def test_both_engines_are_told_whose_word_counts(made: Planned) -> None:
    own: Any = model.services(made.facts.model)[entrance.SERVICE]["environment"]
    assert (own["KONG_TRUSTED_IPS"], own["KONG_REAL_IP_HEADER"]) == ("10.9.0.0/16", "X-Forwarded-For")
    assert own["KONG_PORT_MAPS"] == "8443:8000, 63003:8443"
    assert own["PUBLIC_HTTP_PORT"] == "8443"
    first, again = (entrance.haproxy(made, entrance.of(made)) for _ in range(2))
    assert "acl trusted src 10.9.0.0/16" in first
    assert again == first
    assert model.services(made.facts.model)["n8n"]["environment"]["N8N_PROXY_HOPS"] == "2"


def test_routes_and_printed_addresses_have_its_name(made: Planned) -> None:
    found = {link.service: (link.url, link.direct) for link in links.table(made)}
    assert found["backend"] == ("https://example.org:8443/backend/", "http://localhost:63016/")
    assert found["n8n"] == ("https://n8n.example.org:8443/", "http://localhost:63017/")
    assert found[entrance.SERVICE] == ("https://example.org:8443/", "http://localhost:63002/")
    document: Any = live.plan_document(made)
    assert {service["name"]: service["link"] for service in document["services"]}["n8n"] == found["n8n"][0]
    serving = effective.serving(entrance.text(made), entrance.reachable(made), entrance.site(made))
    routes = declared.routes_of(kongfile.entities(serving))
    assert {route.host for route in routes if route.service == "n8n"} == {"n8n.example.org"}
    index = next(route for route in serving["routes"] if route["name"] == effective.INDEX)
    assert 'href="https://n8n.example.org:8443/"' in index["plugins"][0]["config"]["body"]


def test_where_there_is_one_name_only_services_are_below_paths(
    made: Planned, shipped_newest: Shipped, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUBLIC_ROUTES", "paths")
    below = everything(shipped_newest)
    found = {link.service: link.url for link in links.table(below)}
    paths = {name: url.rpartition("8443")[2] for name, url in found.items() if url.startswith(URL)}
    alone = {"n8n", "grafana", "prometheus", "searxng", "comfyui", "rabbitmq"}
    assert {name: paths[name] for name in alone} == {name: f"/{name}/" for name in alone}
    # What can't live there is at a name that this machine alone knows, as before.
    gate = below.facts.ports["KONG_HTTP_PORT"]
    assert (found["open-web-ui"], found["supabase-studio"]) == (
        f"http://open-web-ui.localhost:{gate}/", f"http://studio.localhost:{gate}/",
    )  # fmt: skip
    said = {key: text for service, key, text in texts(below) if service in alone and f"{URL}/" in text}
    ends = {text.rpartition("8443/")[2] for text in said.values()}
    assert ends == {"n8n/", "grafana/", "prometheus/", "searxng/"}
    told = {(service, key): text for service, key, text in texts(below)}
    assert told["n8n", "N8N_PATH"] == "/n8n/"
    assert f"http://open-web-ui.localhost:{gate}" in told["open-web-ui", "CORS_ALLOW_ORIGIN"].split(";")
    routes = declared.routes(entrance.of(below).config)
    assert [(route.path, route.strip) for route in routes if route.service == "grafana"] == [("/grafana/", True)]


def test_plain_compose_needs_none_of_it(made: Planned) -> None:
    text = compare.assemble(made).text
    assert [name for name in public.DERIVED if f"${{{name}" in text] == []
    assert "https://n8n.example.org:8443/" in text


@pytest.mark.parametrize(
    ("words", "code", "where", "said", "fix"),
    [
        ("PUBLIC_URL https://example.org/n8n", "setting", ".env: PUBLIC_URL", "no path, user", "nothing was saved"),
        ("PUBLIC_URL example.org", "setting", ".env: PUBLIC_URL", "expected http:// or https://", "another value"),
        ("TRUSTED_PROXIES proxy", "setting", ".env: TRUSTED_PROXIES", "expected addresses", "another value"),
        ("PUBLIC_URL https://example.org", "public-host", "PUBLIC_HOST", "only one", "./inv env.unset PUBLIC_HOST"),
    ],
)
def test_a_wrong_one_is_not_saved(tree: Tree, words: str, code: str, where: str, said: str, fix: str) -> None:
    refuses(tree({**PAIR, ".env": "PUBLIC_HOST=box.lan\n"}), f"env.set {words}", Refusal(code, said, where, fix))


def test_a_wrong_one_that_stands_in_env_stops_a_plan(tree: Tree) -> None:
    checkout = tree({**PAIR, ".env": "PUBLIC_URL=https://me:s3cret@example.org\n"})
    refuses(checkout, "plan", Refusal("setting", "got '…@example.org'", ".env: PUBLIC_URL", "env.unset PUBLIC_URL"))


def test_what_follows_from_it_is_no_setting(tree: Tree) -> None:
    said = "there is no setting 'PUBLIC_SCHEME'"
    refuses(tree(PAIR), "env.set PUBLIC_SCHEME https", Refusal("no-setting", said, "PUBLIC_SCHEME", "from PUBLIC_URL"),
            exit_code=USAGE)  # fmt: skip
