"""The gateway's reload under load: no request fails, no container is made anew. And a name of several replicas.

Kong's image can't be had everywhere, so a stand-in takes its place (tests/engine/standins/kong.py): several workers on
one socket, `kong config parse` and `kong reload` as compose/kong-api-gateway/reload.sh calls them. What is shown is
what this project does: when it reloads, by which file, and that it leaves the container alone. That Kong drops nothing
on a reload is Kong's own doing, and so is how it balances: Docker's DNS answers with every replica's address, as shown
here, and by the KONG_DNS_* settings of compose/kong-api-gateway.yml (tests/unit/test_gateway_scripts.py holds them)
Kong asks again after five seconds."""

import json
from collections.abc import Callable

import pytest

from tests.engine.support import stacks, standins
from tests.engine.support.load import ask, load, page
from tests.engine.support.stacks import Stack

GATEWAY = "kong-api-gateway"
ROUTES = """_format_version: "3.0"
upstreams:
  - name: "web.upstream"
    targets: [{target: "web:8080"}]
services:
  - name: "web"
    url: "http://web.upstream:8080"
    routes: [{name: "web", paths: ["/web/"]}]
"""
BROKEN = ROUTES.replace(
    "    routes:", '    plugins: [{name: "pre-function", config: {access: ["no Lua"]}}]\n    routes:'
)
"""What our own check lets through, as it reads no Lua, and Kong refuses."""


@pytest.fixture
def gated(new_stack: Callable[..., Stack], tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """A gateway of stand-ins before one page."""
    standins.build(tmp_path_factory.mktemp("stand-in"))
    stack = new_stack(KONG_API_GATEWAY_IMAGE=standins.IMAGE)
    (stack.root / "kong/kong.yml").write_text(ROUTES)
    page(stack, "web")
    stack.up("--service", "web", "--service", GATEWAY)
    return stack


def test_new_routes_come_without_a_failed_request_or_a_new_container(gated: Stack) -> None:
    port, before = gated.port(2), gated.identities()[f"{GATEWAY}-1"]
    with load(port) as requests:
        first = set(requests.workers)
        assert ask(port, "/added/")[0] == 404
        added = gated.inv("route.add", "--service", "web", "--path", "/added")
        assert "the running gateway took it" in added.out, added
        stacks.until(lambda: ask(port, "/added/")[0] == 200, "the route that route.add made")
        requests.until_more(20)
        second = set(requests.workers) - first

        page(gated, "more", 22)
        (gated.root / "kong/kong.yml").write_text(
            f'{ROUTES}  - {{name: "more", url: "http://more:8080", routes: [{{name: "more", paths: ["/more/"]}}]}}\n'
        )
        assert "the gateway took its new routes" in gated.up("--service", "more", "--service", "web").out
        stacks.until(lambda: ask(port, "/more/")[0] == 200, "the route that up brought")
        assert ask(port, "/added/")[0] == 404
        requests.until_more(20)

        (gated.root / "kong/kong.yml").write_text(BROKEN)
        refused = gated.inv("up", "--service", "more", "--service", "web", "--json")
        assert [problem["code"] for problem in refused.problems] == ["gateway-config"]
        assert "error parsing function" in refused.problems[0]["message"]
        assert ask(port, "/more/")[0] == 200
        requests.until_more(20)
    assert set(requests.statuses) == {"200"}
    assert len(first) > 1
    assert len(second) > 1
    assert gated.identities()[f"{GATEWAY}-1"] == before


ADDRESSES = "import json, socket; print(json.dumps(sorted({a[4][0] for a in socket.getaddrinfo('web', 8080)})))"


def test_one_becomes_three_and_one_again_without_a_failed_request(gated: Stack) -> None:
    """By Docker's DNS: a name has the addresses of all its replicas, and those alone. The published port goes from the
    first one and comes back, and nobody notices."""

    def known() -> set[str]:
        return set(json.loads(gated.exec(GATEWAY, "python3", "-c", ADDRESSES)))

    def there() -> set[str]:
        networks = [one["NetworkSettings"]["Networks"] for name, one in gated.containers().items() if "web-" in name]
        return {network["IPAddress"] for one in networks for network in one.values()}

    port, before = gated.port(2), gated.identities()[f"{GATEWAY}-1"]
    both = ["--service", "web", "--service", GATEWAY]
    assert known() == there()
    with load(port) as requests:
        assert gated.inv("env.set", "WEB_SCALE", "3").code == 0
        planned = gated.inv("plan", *both).out
        assert "replace (the old ones stay until the new ones are healthy): web (deploy.replicas, ports)" in planned
        gated.up(*both)
        assert len(there()) == 3
        assert known() == there()
        hosts = {one["Id"][:12] for name, one in gated.containers().items() if "web-" in name}
        assert {ask(port, "/web/")[1] for _ in range(40)} == hosts
        assert "nothing was changed" in gated.up(*both).out
        # Plain Compose finds nothing to do either.
        at = gated.identities()
        assert gated.compose("up", "-d").code == 0
        assert gated.identities() == at

        assert gated.inv("env.unset", "WEB_SCALE").code == 0
        gated.up(*both)
        assert len(there()) == 1
        assert known() == there()
        requests.until_more(20)
    assert set(requests.statuses) == {"200"}
    assert ask(gated.port(21), "/")[0] == 200
    assert gated.identities()[f"{GATEWAY}-1"] == before
