"""Checks of ports and networks on what an engine, the kernel and a look from inside would say: the fault present, and
absent."""

import socket
import time
from collections.abc import Callable
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest

from stack.doctor import looking
from stack.doctor.check import Check, Finding
from stack.doctor.checks import (
    host_gateway,
    localhost_source,
    membership,
    port_range,
    port_silent,
    reach,
    subnet,
)
from stack.doctor.checks.localhost_source import Dial
from stack.doctor.checks.subnet import Route
from stack.doctor.network import Use
from stack.doctor.scene import Scene
from stack.planning.addresses import Address
from stack.planning.changes import Change
from stack.planning.ports import Published
from stack.planning.ports import assign as assigned
from stack.running import inside
from stack.running.inside import Answer
from stack.running.inside import Look as Seen
from stack.running.sockets import Listener
from tests.synthetic import facts, needs, planned, port

NET = "test_net"
WEB = planned(
    facts(
        {
            "web": {"depends_on": needs("db"), "environment": {"CACHE_URL": "redis://cache:6379", "SELF": "web:80"},
                    "ports": [port(63021, 80)]},
            "db": {},
            "cache": {},
        },
        entries={"db": {"url": "postgresql://db:5432"}, "web": {"ports": {"WEB_PORT": 21}}},
        ports={"WEB_PORT": 63021},
    )
)  # fmt: skip


def container(service: str, *, names: list[str] | None = None, health: str = "healthy", **more: Any) -> dict[str, Any]:
    """A running container that is on the one network by its service's name, or by `names`."""
    attached = {"Aliases": [service, "abc"] if names is None else names}
    return {
        "Id": f"id-of-{service}",
        "Name": f"/p-{service}-1",
        "State": {"Status": "running", "Running": True, "StartedAt": _ago(5), "Health": {"Status": health}},
        "Config": {"Labels": {"com.docker.compose.service": service}, "Env": []},
        "HostConfig": {"NetworkMode": NET},
        "NetworkSettings": {"Networks": {NET: attached}, "Ports": {}},
        **more,
    }


def _ago(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() - seconds))


ALL = (container("web"), container("db"), container("cache"))
OPEN = [Listener("0.0.0.0", 5432), Listener("0.0.0.0", 80)]
REACHED = {("db", 5432): Answer(["10.0.0.2"]), ("cache", 6379): Answer(["10.0.0.3"])}
Look = Callable[..., list[Finding]]


@pytest.fixture
def look(tmp_path: Path) -> Look:
    """What a check finds where these containers are there, and this is seen from inside."""

    def run(
        check: Check, *containers: dict[str, Any], seen: dict[str, Seen] | None = None, **given: Any
    ) -> list[Finding]:
        pieces = {
            "planned": WEB, "checkout": WEB.checkout, "project": "p", "engine": "", "containers": list(containers),
            "networks": [{"Name": NET, "Id": "f" * 64}], "changes": [], "listeners": [], "looks": seen or {},
        }  # fmt: skip
        return list(check.run(Scene(tmp_path, {**pieces, **given})))

    return run


EACH = (membership.CHECK, reach.CHECK, port_silent.CHECK, host_gateway.CHECK, localhost_source.CHECK, subnet.CHECK)


@pytest.mark.parametrize("check", EACH, ids=lambda check: check.id)
def test_nothing_is_found_where_all_is_well_or_nothing_runs(look: Look, check: Check) -> None:
    seen = {name: Seen(REACHED, OPEN) for name in ("web", "db", "cache")}
    assert look(check, *ALL, seen=seen) == look(check) == []


# Networks


def test_a_container_off_its_network_is_to_be_connected_by_its_service_s_name(look: Look) -> None:
    cut = container("db", NetworkSettings={"Networks": {}, "Ports": {}})
    [found] = look(membership.CHECK, container("web"), cut)
    assert found.service == "db"
    assert "is not on the network test_net" in found.seen
    assert found.fix == "docker network connect --alias db test_net p-db-1"


def test_a_container_on_its_network_without_its_name_is_connected_anew(look: Look) -> None:
    [found] = look(membership.CHECK, container("db", names=["abc"]))
    assert "without the name db" in found.seen
    first, second = found.fix.split(" && ")
    assert first == "docker network disconnect test_net p-db-1"
    assert second == "docker network connect --alias db test_net p-db-1"


def test_names_of_newer_engines_count(look: Look) -> None:
    networks = {NET: {"Aliases": None, "DNSNames": ["p-db-1", "db"]}}
    assert look(membership.CHECK, container("db", NetworkSettings={"Networks": networks, "Ports": {}})) == []


def test_of_a_container_made_for_other_networks_nothing_is_told_here(look: Look) -> None:
    cut = container("db", NetworkSettings={"Networks": {}, "Ports": {}})
    assert look(membership.CHECK, cut, changes=[Change("db", "recreate", ["networks"])]) == []
    assert look(membership.CHECK, cut, networks=[]) == []


def test_what_a_service_is_told_and_what_it_waits_for_is_asked(look: Look) -> None:
    answers = {("db", 5432): Answer(["10.0.0.2"], inside.SILENT), ("cache", 6379): Answer([])}
    by_cause = {found.seen: found for found in look(reach.CHECK, *ALL, seen={"web": Seen(answers, OPEN)})}
    assert [seen for seen in by_cause if "finds db (10.0.0.2), and gets no answer at port 5432" in seen]
    assert [seen for seen in by_cause if "does not find the name cache, which its CACHE_URL names" in seen]
    assert {found.service for found in by_cause.values()} == {"web"}


@pytest.mark.parametrize(
    "other",
    [
        container("db", health="unhealthy"),
        container("db", health="starting"),
        container("db", State={"Status": "exited", "Running": False}),
        container("db", NetworkSettings={"Networks": {}, "Ports": {}}),
    ],
    ids=["unhealthy", "starting", "ended", "off its network"],
)
def test_what_is_not_reached_for_a_cause_of_its_own_is_told_by_that_alone(look: Look, other: dict[str, Any]) -> None:
    answers = REACHED | {("db", 5432): Answer([], "")}
    assert look(reach.CHECK, container("web"), other, container("cache"), seen={"web": Seen(answers, [])}) == []


def test_a_published_port_where_nobody_listens_is_told_as_that_alone(look: Look) -> None:
    bound = {"Networks": {NET: {"Aliases": ["db"]}}, "Ports": {"5432/tcp": [{"HostPort": "63000"}]}}
    three = (container("web"), container("db", NetworkSettings=bound), container("cache"))
    seen = {"web": Seen(REACHED | {("db", 5432): REFUSED}, OPEN), "db": Seen({}, [])}
    assert look(reach.CHECK, *three, seen=seen) == []
    assert [found.service for found in look(port_silent.CHECK, *three, seen=seen)] == ["db"]


DB = Use("db", "db", 5432, ("DB_URL",))
REFUSED = Answer(["10.0.0.2"], inside.REFUSED)


@pytest.mark.parametrize(
    ("there", "told", "fix"),
    [
        ([Listener("127.0.0.1", 5432)], "127.0.0.1 alone", "let db listen on 0.0.0.0:5432"),
        ([Listener("::", 5433)], "db listens on 5433", "docker compose restart db, or correct DB_URL of web"),
        ([], "db listens on no port", "docker compose restart db"),
        (None, "is refused at port 5432", "docker compose restart db"),
        ([Listener("::", 5432)], "though db listens there: a firewall", "sudo systemctl restart docker"),
    ],
)
def test_a_refusal_says_what_listens_instead(there: list[Listener] | None, told: str, fix: str) -> None:
    found = reach.unreached("web", DB, REFUSED, there)
    assert found
    assert told in found.seen
    assert found.fix.startswith(fix)


def test_a_port_of_udp_is_not_asked_for_tcp() -> None:
    assert reach.unreached("web", DB, REFUSED, [Listener("0.0.0.0", 5432, "udp")]) is None


OWN, LAN = [IPv4Network("172.18.0.0/16")], Route("eth0", IPv4Network("192.168.1.0/24"))


@pytest.mark.parametrize(
    ("route", "grade"),
    [("172.18.0.0/16", "error"), ("172.18.9.0/24", "error"), ("172.16.0.0/12", "warning")],
)
def test_a_vpn_with_a_network_s_addresses_is_told_with_a_free_block(route: str, grade: str) -> None:
    vpn = Route("tun0", IPv4Network(route))
    [found] = subnet.clashes("p_net", OWN, [LAN, vpn, Route("tun1", IPv4Network("10.213.4.0/24"))])
    assert found.grade == grade
    assert route in found.seen
    assert "tun0" in found.seen
    assert '"base": "10.87.0.0/16"' in found.fix


def test_neither_a_default_route_nor_other_addresses_clash() -> None:
    halves = [Route("tun0", IPv4Network("0.0.0.0/1")), Route("tun0", IPv4Network("128.0.0.0/1"))]
    assert list(subnet.clashes("p_net", OWN, [Route("eth0", IPv4Network("0.0.0.0/0")), LAN, *halves])) == []


def test_the_kernel_s_routes_are_read() -> None:
    text = "Iface\tDestination\tGateway\nbr-1\t000012AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
    assert subnet.parsed(text) == [Route("br-1", OWN[0])]


# Looks

ON_ONE = {"web": ["net"], "db": ["net"], "far": ["other"], "dns": ["net"]}


def test_one_look_tries_the_published_ports_of_those_that_reach_nobody() -> None:
    wanted: dict[str, dict[inside.Target, str]] = {"web": {("db", 5432): "db"}, "db": {}, "far": {}, "dns": {}}
    published = {"web": [(80, "tcp")], "db": [(5432, "tcp"), (9, "tcp")], "far": [(1, "tcp")], "dns": [(53, "udp")]}
    assert looking.with_published(wanted, published, ON_ONE) == {
        "web": {("db", 5432): "db", ("db", 9): "db"},
        "far": {},
        "dns": {},
    }


def test_where_nobody_reaches_anybody_the_first_looks_for_all() -> None:
    published = {"db": [(5432, "tcp")], "web": [(80, "tcp")]}
    assert looking.with_published({"db": {}, "web": {}}, published, ON_ONE) == {"db": {("web", 80): "web"}}
    assert looking.with_published({"db": {}}, {"db": []}, ON_ONE) == {}


# This machine


HOST_DOCKER = Address("host.docker.internal", 8080, ("API_URL",))


def _unreached(answer: Answer, *listeners: Listener, tools: tuple[str, ...] = ()) -> Finding:
    return host_gateway.unreached("web", HOST_DOCKER, answer, listeners, "br-1", lambda tool: tool in tools)


def test_this_machine_is_not_reached_for_one_of_four_causes() -> None:
    here, refused = ["172.17.0.1"], Answer(["172.17.0.1"], inside.REFUSED)
    assert "host.docker.internal:host-gateway" in _unreached(Answer([])).fix
    assert "nothing listens on port 8080" in _unreached(refused).seen
    assert "let api listen on 172.17.0.1:8080" in _unreached(refused, Listener("127.0.0.1", 8080, "tcp", "api")).fix
    walled = _unreached(Answer(here, inside.SILENT), Listener("0.0.0.0", 8080), tools=("ufw",))
    assert "a firewall" in walled.seen
    assert walled.fix == "sudo ufw allow in on br-1 to any port 8080 proto tcp"


def test_a_service_that_is_told_this_machine_s_name_is_asked_for_it(look: Look) -> None:
    made = planned(facts({"web": {"environment": {"API_URL": "http://host.docker.internal:8080/"}}}))
    seen = {"web": Seen({("host.docker.internal", 8080): Answer([])}, [])}
    assert [one.service for one in look(host_gateway.CHECK, container("web"), seen=seen, planned=made)] == ["web"]
    well = {"web": Seen({("host.docker.internal", 8080): Answer(["172.17.0.1"])}, [])}
    assert look(host_gateway.CHECK, container("web"), seen=well, planned=made) == []


def _from_here(number: int, dial: str = "127.0.0.1") -> Any:
    half = {"command": ["host-half", "REDIS_LOCALHOST_PORT"], "network_mode": "host", "networks": None,
            "environment": {"AMBASSADOR_DIAL": dial, "REDIS_LOCALHOST_PORT": str(number)}}  # fmt: skip
    return planned(facts({"redis": {}, "redis-host": half}, companions={"redis-host": "redis"}))


def test_a_program_of_this_machine_is_looked_for_where_it_is_dialled(look: Look) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.getsockname()[1]
        assert look(localhost_source.CHECK, planned=_from_here(number)) == []
        assert look(localhost_source.CHECK, planned=_from_here(number, "host.docker.internal")) == []
        [elsewhere] = look(localhost_source.CHECK, planned=_from_here(number, "127.0.0.9"))
    assert f"nothing answers at 127.0.0.9:{number}" in elsewhere.seen
    [gone] = look(localhost_source.CHECK, planned=_from_here(number))
    assert gone.service == "redis"
    assert "./inv source --service redis --to container" in gone.fix


OLLAMA = Dial("ollama", "127.0.0.1", 11434, "OLLAMA_LOCALHOST_PORT")
BRIDGED = Dial("ollama", "172.17.0.1", 11434, "OLLAMA_LOCALHOST_PORT")
ADDRESSES = {"127.0.0.1", "172.17.0.1", "192.168.1.5"}


@pytest.mark.parametrize(
    ("dial", "there", "told", "fix"),
    [
        (BRIDGED, Listener("127.0.0.1", 11434), "Ollama listens on 127.0.0.1 alone", "OLLAMA_HOST=0.0.0.0"),
        (OLLAMA, Listener("192.168.1.5", 11434), "listens on 192.168.1.5 alone", "env.set AMBASSADOR_DIAL 192.168.1.5"),
        (OLLAMA, Listener("127.0.0.1", 11500, "tcp", "ollama"), "port 11500", "env.set OLLAMA_LOCALHOST_PORT 11500"),
        (OLLAMA, Listener("127.0.0.1", 11500, "tcp", "other"), "127.0.0.1:11434", "ollama serve"),
    ],
)
def test_a_program_that_listens_elsewhere_is_told_with_its_own_setting(
    dial: Dial, there: Listener, told: str, fix: str
) -> None:
    found = localhost_source.missing(dial, [there], ADDRESSES)
    assert told in found.seen
    assert fix in found.fix


# Ports


def _published(*ports: int, **given: str) -> list[Published]:
    numbers = assigned({f"P{n}_PORT": n for n in ports}, 0, given)
    return [Published("web", name, "127.0.0.1", number) for name, number in numbers.items()]


def test_ports_that_the_kernel_hands_out_are_told_once() -> None:
    [found] = port_range.within(_published(40000, 40001, 40002, 40003, 40004, 63000), 32768, 60999, (), ())
    assert found.grade == "warning"
    assert "40000, 40001, 40002, 40003 and 1 more" in found.seen
    assert found.fix == "./inv up --base-port 63000"


def test_a_pinned_port_is_unpinned_and_one_that_is_kept_is_well() -> None:
    pinned = _published(40000)
    [found] = port_range.within(pinned, 32768, 60999, (), {"P40000_PORT"})
    assert found.fix == "./inv env.unset P40000_PORT"
    assert list(port_range.within(pinned, 32768, 60999, port_range.reserved("8080,39999-40001\n"), ())) == []


@pytest.mark.parametrize("bounds", [(32768, 60999), (49152, 62999), (1024, 60999)])
def test_the_usual_ports_are_outside_the_usual_ranges(bounds: tuple[int, int]) -> None:
    assert list(port_range.within(_published(63000, 63021, 63199), *bounds, (), ())) == []


@pytest.mark.parametrize(
    ("low", "high", "fix"),
    [(32768, 65535, "--base-port 20000"), (1024, 65535, "ip_local_reserved_ports=63000-63199")],
)
def test_where_the_usual_ports_are_inside_there_is_still_a_way_out(low: int, high: int, fix: str) -> None:
    [found] = port_range.within(_published(63000), low, high, (), ())
    assert fix in found.fix


WEB_PORTS = {"Networks": {NET: {"Aliases": ["web"]}}, "Ports": {"80/tcp": [{"HostPort": "63021"}], "9/udp": None}}


@pytest.mark.parametrize(
    ("listeners", "told"),
    [
        ([], "nothing listens there"),
        ([Listener("127.0.0.1", 80)], "its own 127.0.0.1 alone"),
        ([Listener("0.0.0.0", 80)], ""),
        ([Listener("::", 80)], ""),
    ],
)
def test_a_published_port_without_a_listener_is_told(look: Look, listeners: list[Listener], told: str) -> None:
    web = container("web", NetworkSettings=WEB_PORTS)
    found = look(port_silent.CHECK, web, seen={"web": Seen({}, listeners)})
    assert [told in one.seen for one in found] == ([True] if told else [])


@pytest.mark.parametrize(
    "state",
    [
        {"Running": True, "Health": {"Status": "starting"}},
        {"Running": True, "Health": {"Status": "unhealthy"}},
    ],
    ids=["starting", "unhealthy"],
)
def test_a_container_that_is_not_up_yet_may_be_silent(look: Look, state: dict[str, Any]) -> None:
    web = container("web", NetworkSettings=WEB_PORTS, State=state)
    assert look(port_silent.CHECK, web, seen={"web": Seen({}, [])}) == []


def test_a_container_that_just_started_may_be_silent(look: Look) -> None:
    web = container("web", NetworkSettings=WEB_PORTS, State={"Running": True, "StartedAt": _ago(3)})
    assert look(port_silent.CHECK, web, seen={"web": Seen({}, [])}) == []
