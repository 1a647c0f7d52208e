"""Every service of the profile `all` at once, each program a stand-in, all else as it is shipped. The tests share one
running stack and stand in the order of its life: what they change, the next ones find."""

import base64
import contextlib
import http.client
import json
import os
import re
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import pytest

from stack import yamlfile
from tests.engine.support import stacks, standins, web
from tests.engine.support.ports import free_port
from tests.engine.support.stacks import Stack

FRAGMENTS = {path.stem: yamlfile.load(path.name, path.read_text())
             for path in sorted((stacks.SOURCE_TREE / "compose").glob("*.yml"))}  # fmt: skip
"""The fragments as they are written: what is expected is read off them, not off a plan of ours."""
SERVICES: dict[str, dict[str, Any]] = {n: s for f in FRAGMENTS.values() for n, s in (f.get("services") or {}).items()}
ENTRIES: dict[str, dict[str, Any]] = {n: e for f in FRAGMENTS.values() for n, e in (f.get("x-stack") or {}).items()}
ALL = {name for name in SERVICES if not ENTRIES[name].get("opt_in")}
CORE = {name for name in SERVICES if "core" in SERVICES[name]["profiles"]}
ROUTES = re.findall(r"`([^`]+)`(?: \(asks for a (key|password)\))?", " ".join(re.findall(
    r"^- at the gateway: (.*)$", (stacks.SOURCE_TREE / "docs/services.md").read_text(), re.MULTILINE)))  # fmt: skip
"""The addresses at the gateway that docs/services.md has, each with what it asks for."""
DATA_STORES = {"supabase-db": 5432, "redis": 6379, "weaviate": 8080, "qdrant": 6333, "neo4j-graph-db": 7687,
               "elasticsearch": 9200, "rabbitmq": 5672, "kafka": 9092}  # fmt: skip
REACHED_BY = {"service_started": ("start", ""), "service_healthy": ("health_status: healthy", ""),
              "service_completed_successfully": ("die", "0")}  # fmt: skip
"""What the engine reports once a dependency's condition holds: the action, and the exit code."""


class Event(NamedTuple):
    """One thing that the engine did, when (nanoseconds), with a service's container; `code` is an exit code."""

    at: int
    service: str
    action: str
    code: str


class State(NamedTuple):
    """The stack as the profile `all` came on top of `core`: what happened, and what ran before and after."""

    stack: Stack
    events: list[Event]
    core: dict[str, tuple[str, str, str]]
    everything: dict[str, tuple[str, str, str]]


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory, base_image: str) -> Iterator[Callable[..., Stack]]:
    """Make a checkout of stand-ins; what it started is removed in the end."""
    folder = tmp_path_factory.mktemp("standins")
    standins.build(folder)
    made: list[Stack] = []

    def make(name: str, **settings: str) -> Stack:
        made.append(standins.make(folder / name, f"s{os.getpid()}-{name}", **settings))
        return made[-1]

    yield make
    for stack in made:
        stacks.remove(stack.project)


@pytest.fixture(scope="module")
def state(new: Callable[..., Stack]) -> State:
    stack = new("all")
    with recorded(stack.project) as events:
        stack.up()
        core = stack.identities()
        stack.up("--profile", "all")
        stacks.until(lambda: settled(events) == ALL, "the last of the engine's events")
    return State(stack, events, core, stack.identities())


@contextlib.contextmanager
def recorded(project: str) -> Iterator[list[Event]]:
    """What the engine does with a project's containers while the block runs, as it goes on."""
    kinds = ("event=start", "event=die", "event=health_status", f"label=com.docker.compose.project={project}")
    # From now on, so that nothing is missed before the engine listens.
    words = ["docker", "events", "--since", f"{time.time():.3f}", "--format", "{{json .}}"]
    words += [word for kind in kinds for word in ("--filter", kind)]
    found: list[Event] = []
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        reader = threading.Thread(target=lambda: found.extend(map(event, process.stdout or ())))
        reader.start()
        try:
            yield found
        finally:
            process.terminate()
            reader.join()


def event(line: str) -> Event:
    raw = json.loads(line)
    attributes = raw["Actor"]["Attributes"]
    service = attributes["com.docker.compose.service"]
    return Event(raw["timeNano"], service, raw["Action"], attributes.get("exitCode", ""))


def settled(events: list[Event]) -> set[str]:
    """The services of which the engine has told that they are as they should be."""
    return {name for name in ALL if reached(events, name, target_condition(name))}


def target_condition(name: str) -> str:
    if SERVICES[name]["restart"] == "no":
        return "service_completed_successfully"
    return "service_healthy" if "healthcheck" in SERVICES[name] else "service_started"


def reached(events: list[Event], name: str, condition: str) -> int | None:
    """When a condition first held for a service, as the engine tells."""
    action, code = REACHED_BY[condition]
    return min((e.at for e in list(events) if (e.service, e.action, e.code) == (name, action, code)), default=None)


def test_every_service_of_the_catalogue_is_as_it_should_be(state: State) -> None:
    found = state.stack.containers()
    assert set(found) == {f"{name}-1" for name in ALL}
    for name in ALL:
        now = found[f"{name}-1"]["State"]
        if SERVICES[name]["restart"] == "no":
            assert (now["Status"], now["ExitCode"]) == ("exited", 0), name
        else:
            assert now["Running"], name
            assert now.get("Health", {}).get("Status") == ("healthy" if "healthcheck" in SERVICES[name] else None), name


def test_everything_runs_the_stand_in(state: State) -> None:
    """Else this file would show less than it says, or wait for a program."""
    images = {one["Config"]["Image"] for one in state.stack.containers().values()}
    assert images == {standins.IMAGE}


def test_nothing_starts_before_what_it_waits_for(state: State) -> None:
    early, edges = [], 0
    for name in ALL:
        start = reached(state.events, name, "service_started")
        for target, edge in (SERVICES[name].get("depends_on") or {}).items():
            ready = reached(state.events, target, edge["condition"])
            assert start, name
            assert ready, target
            edges += 1
            early += [(name, target)] if start <= ready else []
    assert early == []
    assert edges > 60


def test_nothing_is_started_twice(state: State) -> None:
    starts = sorted(e.service for e in state.events if e.action == "start")
    assert starts == sorted(ALL)


def test_a_profile_on_top_leaves_the_first_untouched(state: State) -> None:
    assert set(state.core) == {f"{name}-1" for name in CORE}
    assert {name: state.everything[name] for name in state.core} == state.core


def test_every_port_answers_on_this_machine_alone(state: State) -> None:
    offsets = {v: offset for name in ALL for v, offset in (ENTRIES[name].get("ports") or {}).items()}

    def status(variable: str) -> int:
        url = f"http://127.0.0.1:{state.stack.port(offsets[variable])}/"
        with urllib.request.urlopen(url, timeout=stacks.PATIENCE) as answer:
            return int(answer.status)

    with ThreadPoolExecutor() as pool:
        assert dict(zip(offsets, pool.map(status, offsets), strict=True)) == dict.fromkeys(offsets, 200)
    published = [b for one in state.stack.containers().values()
                 for bound in (one["NetworkSettings"]["Ports"] or {}).values() for b in bound or []]  # fmt: skip
    assert {b["HostIp"] for b in published} == {"127.0.0.1"}
    assert len(published) == len(offsets)


def test_everyone_reaches_everyone_by_name_in_the_one_network(state: State) -> None:
    assert state.stack.listed("network") == [f"{state.stack.project}_backend-bridge-network"]
    assert reachable(state.stack, "kong-api-gateway", DATA_STORES) == set(DATA_STORES)


class Caller(NamedTuple):
    """Who asks the gateway: by which headers."""

    name: str
    headers: dict[str, str]


def callers(secrets: dict[str, str]) -> list[Caller]:
    """Nobody, and whoever has a credential of the gateway's, or a wrong one."""
    keys = {"anon": secrets["SUPABASE_ANON_KEY"], "service": secrets["SUPABASE_SERVICE_ROLE_KEY"], "wrong key": "x"}
    words = {"admin": secrets["DASHBOARD_PASSWORD"], "wrong password": "x"}
    login = {name: base64.b64encode(f"admin:{word}".encode()).decode() for name, word in words.items()}
    return [Caller("nobody", {}), *(Caller(name, {"apikey": key}) for name, key in keys.items()),
            *(Caller(name, {"Authorization": f"Basic {word}"}) for name, word in login.items())]  # fmt: skip


def asked(port: int, row: dict[str, Any], caller: Caller) -> int:
    """The status of a request to an address of the gateway; 0 where its service gave it, which a stand-in does."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=stacks.PATIENCE)
    # Below a path that is a beginning: the bare one may be another route's.
    path = row["path"] + ("x" if row["service"] and row["path"].endswith("/") else "")
    try:
        connection.request("GET", path, headers={"Host": f"{row['host'] or 'localhost'}:{port}", **caller.headers})
        answer = connection.getresponse()
        return 0 if b'"green"' in answer.read() else answer.status
    finally:
        connection.close()


LETS_IN = {"": {"nobody", "anon", "service", "wrong key", "admin", "wrong password"}, "basic-auth": {"admin"},
           "key-auth": {"anon", "service"}}  # fmt: skip
ADMIN_ALONE = {"supabase-meta", "supabase-api-root"}
"""The routes that take the service role's key only: the anon key opens the rest to everybody."""


def test_every_route_of_the_catalogue_is_answered_by_its_rule_at_the_gateway_that_is_built(state: State) -> None:
    stack, before = state.stack, state.stack.identities()
    (stack.root / "local/compose/kong-api-gateway.yml").unlink()
    stack.set(KONG_API_GATEWAY_SOURCE="build")
    stack.up()
    after = stack.identities()
    assert {name for name in after if after[name] != before.get(name)} == {"kong-api-gateway-1"}
    rows = stack.inv("route.list", "--json").json["data"]["routes"]
    assert all(row["planned"] for row in rows)
    words = {"": "", "key-auth": "key", "basic-auth": "password"}
    assert sorted(
        (f"{row['host']}{row['path']}", words["".join(row["auth"])]) for row in rows if row["service"]
    ) == sorted(ROUTES)
    wrong = []
    for row in rows:
        for caller in callers(stack.env()):
            status = asked(stack.port(2), row, caller)
            lets_in = caller.name in LETS_IN["".join(row["auth"])]
            if row["name"] in ADMIN_ALONE and caller.name == "anon":
                expected = {403}
            elif not lets_in:
                expected = {401}
            else:
                expected = {0} if row["service"] else {200, 403, 404}
            wrong += [] if status in expected else [(row["name"], caller.name, status, expected)]
    assert wrong == []
    assert len(rows) > 35


def test_another_source_makes_its_service_anew_and_no_other(state: State) -> None:
    stack, before = state.stack, state.stack.identities()
    port = free_port()
    stack.set(N8N_LOCALHOST_PORT=str(port))
    with web.web(port):
        stack.up("--source", "n8n=localhost")
        url = f"http://127.0.0.1:{stack.port(17)}/hello"
        with urllib.request.urlopen(url, timeout=stacks.PATIENCE) as answer:
            assert answer.read().startswith(b"/hello ")
    after = stack.identities()
    assert after.keys() - before.keys() == {"n8n-host-1"}
    changed = {name for name, one in before.items() if after.get(name) != one}
    # Its companions have nothing to do for a program of this machine.
    assert changed == {f"{name}-1" for name in FRAGMENTS["n8n"]["services"]}
    assert changed & after.keys() == {"n8n-1"}


def test_down_leaves_no_trace_but_the_data(state: State) -> None:
    stack = state.stack
    declared = {name for fragment in FRAGMENTS.values() for name in fragment.get("volumes") or {}}
    opted_in = {name for name in SERVICES if ENTRIES[name].get("opt_in")}
    assert not opted_in & set(declared)
    done = stack.inv("down")
    assert done.code == 0, done
    assert stacks.inspect(stack.project) == []
    # One that an engine lost count of is told, and is not ours to end.
    assert all(f"the engine keeps the network {name}" in done.err for name in stack.listed("network"))
    assert set(stack.listed("volume")) == {f"{stack.project}_{name}" for name in [*declared, "n8n-host"]}
    assert stack.inv("down", "--volumes", "--yes").code == 0
    assert stack.listed("volume") == []


def test_in_tiers_the_frontend_reaches_no_data_store_and_the_backend_all(new: Callable[..., Stack]) -> None:
    stack = new("tiers", NETWORK="tiered", STACK_PROFILES="core,data,graph,search,messaging,research")
    stack.up()
    front = {name for name in stack.containers() if in_network(stack, name, "frontend-network")}
    assert front == {"kong-api-gateway-1", "searxng-1", "local-deep-researcher-1"}
    assert reachable(stack, "backend", DATA_STORES) == set(DATA_STORES)
    assert reachable(stack, "kong-api-gateway", {"backend": 8000}) == {"backend"}
    addresses = {addressed(stack, name): port for name, port in DATA_STORES.items()}
    assert reachable(stack, "kong-api-gateway", DATA_STORES) == set()
    # Whenever any network of the engine is made, its rules between networks are away for a moment.
    stacks.until(lambda: not reachable(stack, "kong-api-gateway", addresses), "the end of what was reached")


def in_network(stack: Stack, container: str, network: str) -> bool:
    return f"{stack.project}_{network}" in stack.containers()[container]["NetworkSettings"]["Networks"]


def addressed(stack: Stack, service: str) -> str:
    """A service's address in the network of the data stores."""
    return str(stack.one(service)["NetworkSettings"]["Networks"][f"{stack.project}_data-network"]["IPAddress"])


ASK = """
import concurrent.futures, socket, sys
def ask(target):
    host, _, port = target.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
        return host
    except OSError:
        return ""
with concurrent.futures.ThreadPoolExecutor() as pool:
    print(*filter(None, pool.map(ask, sys.argv[1:])))
"""


def reachable(stack: Stack, origin: str, targets: dict[str, int]) -> set[str]:
    """The targets (a name or an address, and a port) that take a connection from inside a service's container."""
    words = [f"{host}:{port}" for host, port in targets.items()]
    return set(stack.exec(origin, "python3", "-c", ASK, *words).split())
