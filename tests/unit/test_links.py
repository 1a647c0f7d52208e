"""Where a user reaches each service, and who signs in there."""

from collections.abc import Mapping

import pytest

from stack import links
from stack.links import Link
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


def test_a_login_names_the_user_and_the_command_that_shows_the_password() -> None:
    made = link({**HTTP, "login": {"user": "me", "password": "WEB_PASSWORD"}})
    assert (made.user, made.password) == ("me", "./inv env.get WEB_PASSWORD --reveal")


@pytest.mark.parametrize(
    ("user", "shown"),
    [("${WEB_USER}", "ada"), ("${OTHER:-root}", "root"), ("${OTHER}", "OTHER"), ("a$b", "a$b")],
)
def test_a_user_may_be_a_setting(user: str, shown: str) -> None:
    assert link({"login": {"user": user, "password": "P"}}, WEB_USER="ada").user == shown


def test_what_publishes_nothing_for_certain_has_no_link() -> None:
    found = facts({"web": {}, "api": {"ports": [port("", 80)]}})
    assert links.table(planned(found)) == []


def test_on_a_remote_machine_the_tunnel_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.1 5000 10.0.0.2 22")
    monkeypatch.setenv("USER", "ada")
    ports = [port(63021, 80), port(63022, 81), port(63023, 82, "0.0.0.0")]
    told = links.remote(planned(facts({"web": {"ports": ports}})))
    assert told == [
        "from your own machine: ssh -L 63021:127.0.0.1:63021 -L 63022:127.0.0.1:63022 ada@10.0.0.2"
    ]


def test_at_the_machine_itself_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    assert links.remote(planned(facts({"web": {"ports": [port(63021, 80)]}}))) == []
