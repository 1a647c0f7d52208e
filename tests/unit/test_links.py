"""Where a user reaches each service, and who signs in there."""

import io
from collections.abc import Mapping

import msgspec
import pytest
from rich.console import Console

from stack.gateway.declared import Route, Site
from stack.output import views
from stack.output.result import Result
from stack.running import links
from stack.running.links import Link
from tests.synthetic import facts, planned, port

HTTP = {"url": "http://web:80"}


def link(entry: Mapping[str, object], *, host_ip: str = "127.0.0.1", **settings: str) -> Link:
    """The link of one service that publishes port 63021."""
    found = facts({"web": {"ports": [port(63021, 80, host_ip)]}}, entries={"web": entry})
    [made] = links.table(planned(found, settings=settings))
    return made


def test_a_page_is_reached_by_the_public_host() -> None:
    assert link(HTTP).url == "http://localhost:63021/"
    assert link(HTTP, PUBLIC_HOST="box.example").url == "http://box.example:63021/"


def test_a_page_may_lie_deeper() -> None:
    assert link({**HTTP, "page": "/ui/"}).url == "http://localhost:63021/ui/"


@pytest.mark.parametrize(
    ("host_ip", "url"),
    [
        ("127.0.0.1", "http://localhost:63021/"),
        ("127.9.9.9", "http://localhost:63021/"),
        ("::1", "http://localhost:63021/"),
        ("0.0.0.0", "http://localhost:63021/"),
        ("::", "http://localhost:63021/"),
        ("", "http://localhost:63021/"),
        ("10.1.2.3", "http://10.1.2.3:63021/"),
        ("fd00::1", "http://[fd00::1]:63021/"),
    ],
)
def test_an_address_of_its_own_is_named(host_ip: str, url: str) -> None:
    assert link(HTTP, host_ip=host_ip).url == url


@pytest.mark.parametrize(
    ("entry", "url"),
    [({"url": "postgresql://db:5432"}, "postgresql://localhost:63021"), ({}, "localhost:63021")],
)
def test_what_is_no_page_has_no_path(entry: dict[str, object], url: str) -> None:
    assert link(entry).url == url


def test_a_login_names_the_user_and_the_setting_that_holds_the_password() -> None:
    made = link({**HTTP, "login": {"user": "me", "password": "WEB_PASSWORD"}})
    assert (made.user, made.password) == ("me", "WEB_PASSWORD")


def test_of_several_ports_the_one_of_the_inner_address_is_named() -> None:
    found = facts({"web": {"ports": [port(63021, 81), port(63022, 80)]}}, entries={"web": HTTP})
    assert [made.url for made in links.table(planned(found))] == ["http://localhost:63022/"]


@pytest.mark.parametrize(
    ("user", "shown"),
    [("${WEB_USER}", "ada"), ("${OTHER:-root}", "root"), ("${OTHER}", "OTHER"), ("a$b", "a$b")],
)
def test_a_user_may_be_a_setting(user: str, shown: str) -> None:
    assert link({"login": {"user": user, "password": "P"}}, WEB_USER="ada").user == shown


def test_what_publishes_nothing_for_certain_has_no_link() -> None:
    found = facts({"web": {}, "api": {"ports": [port("", 80)]}})
    assert links.table(planned(found)) == []


WEB = Route("web.localhost", "/", "web", ())
OWN = {"user": "me", "password": "WEB_PASSWORD"}


def through(route: Route, entry: Mapping[str, object], host: str = "localhost", ports: int = 1) -> list[Link]:
    """The links of one service behind a gateway on port 63002 of `host`."""
    services = {"web": {"ports": [port(63021, 80)][:ports]}, "kong-api-gateway": {}}
    gate = {"login": {"user": "${DASHBOARD_USERNAME:-admin}", "password": "DASHBOARD_PASSWORD"}}
    found = facts(services, entries={"web": entry, "kong-api-gateway": gate})
    return links.rows(planned(found, settings={"PUBLIC_HOST": host}), [route], Site(host, 63002, {"web": "/ui"}))


@pytest.mark.parametrize(
    ("route", "url"),
    [
        (WEB, "http://web.localhost:63002/ui"),
        (Route("", "/web/", "web", ()), "http://localhost:63002/web/ui"),
        (Route("", "/ui/", "web", (), strip=False), "http://localhost:63002/ui/"),
        (Route("", "/", "web", (), strip=False), "http://localhost:63002/ui"),
    ],
)
def test_the_gateways_address_comes_first_and_the_direct_one_beside_it(route: Route, url: str) -> None:
    assert through(route, HTTP) == [Link("web", url, direct="http://localhost:63021/")]


def test_a_service_that_publishes_nothing_is_reached_by_the_gateway() -> None:
    assert through(WEB, HTTP, ports=0) == [Link("web", "http://web.localhost:63002/ui")]


def test_below_an_address_there_are_no_names_so_the_direct_one_is_told() -> None:
    route = Route("web.10.1.2.3", "/", "web", ("basic-auth",))
    assert through(route, {**HTTP, "login": OWN}, "10.1.2.3") == [
        Link("web", "http://10.1.2.3:63021/", "me", "WEB_PASSWORD")
    ]
    assert through(route, HTTP, "10.1.2.3", ports=0) == []


@pytest.mark.parametrize(
    ("auth", "entry", "login"),
    [
        ((), {"login": OWN}, ("me", "WEB_PASSWORD")),
        ((), {}, ("", "")),
        (("basic-auth",), {"login": OWN}, ("admin", "DASHBOARD_PASSWORD")),
        (("key-auth",), {}, ("", "")),
    ],
)
def test_who_signs_in_is_the_gateways_user_where_it_asks_for_a_password(
    auth: tuple[str, ...], entry: dict[str, object], login: tuple[str, str]
) -> None:
    [made] = through(Route("web.localhost", "/", "web", auth), {**HTTP, **entry})
    assert (made.user, made.password) == login


def test_on_a_remote_machine_the_tunnel_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.1 5000 10.0.0.2 22")
    monkeypatch.setenv("USER", "ada")
    ports = [port(63021, 80), port(63022, 81), port(63023, 82, "0.0.0.0")]
    told = links.remote(planned(facts({"web": {"ports": ports}})))
    assert told == ["from your own machine: ssh -L 63021:127.0.0.1:63021 -L 63022:127.0.0.1:63022 ada@10.0.0.2"]


def test_at_the_machine_itself_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    assert links.remote(planned(facts({"web": {"ports": [port(63021, 80)]}}))) == []


def shown(width: int, *made: Link) -> list[str]:
    """What `up` prints of some links in a terminal."""
    out = Console(width=width, file=io.StringIO())
    out.print(views.up(Result({"urls": [msgspec.to_builtins(one) for one in made], "left_out": []})))
    assert isinstance(out.file, io.StringIO)
    return [line.rstrip() for line in out.file.getvalue().splitlines()]


LONG = Link(
    "local-deep-researcher",
    "http://local-deep-researcher.localhost:63002/docs",
    "admin",
    "DASHBOARD_PASSWORD",
    "http://localhost:63013/docs",
)


def test_no_address_is_torn_in_a_terminal_of_80_columns() -> None:
    assert shown(80, LONG) == [
        "service                address",
        "local-deep-researcher  http://local-deep-researcher.localhost:63002/docs or",
        "                       http://localhost:63013/docs",
        "                       user admin, password DASHBOARD_PASSWORD",
        "a password is shown by: ./inv env.get NAME --reveal",
    ]


def test_where_there_is_room_the_two_addresses_stand_side_by_side() -> None:
    assert f"{LONG.url} or {LONG.direct}" in shown(120, LONG)[1]


def test_without_a_login_there_is_no_word_of_passwords() -> None:
    assert shown(80, Link("redis", "redis://localhost:63001")) == [
        "service  address",
        "redis    redis://localhost:63001",
    ]
