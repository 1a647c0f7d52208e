"""Where browsers reach the gateway, and whose word counts on where they came from."""

import pytest

from stack.env import public, settings
from stack.env.public import Address

PORTS = {"KONG_HTTP_PORT": 63002, "KONG_HTTPS_PORT": 63003}


def told(url: str = "", host: str = "localhost", proxies: str = "", routes: str = "hosts") -> dict[str, str]:
    """What fragments are told."""
    return public.variables(public.address(url, host, 63002), PORTS, proxies, routes)


def base(found: dict[str, str]) -> str:
    """An application's address as a fragment writes it."""
    return f"{found['PUBLIC_SCHEME']}://n8n.{found['PUBLIC_DOMAIN']}{found['PUBLIC_PORT']}/"


@pytest.mark.parametrize(
    ("url", "app", "secure"),
    [
        ("", "http://n8n.localhost:63002/", "false"),
        ("https://example.org", "https://n8n.example.org/", "true"),
        ("https://Example.org/", "https://n8n.example.org/", "true"),
        ("https://example.org:443", "https://n8n.example.org/", "true"),
        ("https://example.org:8443", "https://n8n.example.org:8443/", "true"),
        ("http://box.lan:80", "http://n8n.box.lan/", "false"),
        ("http://10.0.0.2:8080", "http://n8n.10.0.0.2:8080/", "false"),
    ],
)
def test_every_application_is_told_the_scheme_the_name_and_the_port_of_public_url(
    url: str, app: str, secure: str
) -> None:
    found = told(url)
    assert (base(found), found["PUBLIC_SECURE"]) == (app, secure)
    assert found.keys() == public.DERIVED.keys()


def test_the_machines_name_and_the_gateways_port_hold_where_there_is_no_public_url() -> None:
    assert base(told(host="box.lan")) == "http://n8n.box.lan:63002/"
    assert public.address("", "box.lan", None) == Address("http", "box.lan", None)
    assert public.address("", "box.lan", None).suffix == ""


@pytest.mark.parametrize(
    ("url", "port"),
    [("", "63002"), ("https://example.org", "443"), ("http://example.org", "80"), ("https://localhost:63003", "63002")],
)
def test_services_are_told_the_port_that_a_proxy_before_the_gateway_has(url: str, port: str) -> None:
    """The last one is the gateway's own port for https, before which there is none."""
    assert told(url)["PUBLIC_HTTP_PORT"] == port


def test_networks_are_told_once_and_as_networks() -> None:
    found = told(proxies="10.0.0.2, 172.18.0.1/16 10.0.0.2,fd00::1")
    assert (found["TRUSTED_NETWORKS"], found["PUBLIC_HOPS"]) == ("10.0.0.2,172.18.0.0/16,fd00::1", "2")
    assert public.trusted("private 127.0.0.1/8") == list(public.RANGES)
    assert (told()["TRUSTED_NETWORKS"], told()["PUBLIC_HOPS"]) == ("", "1")


@pytest.mark.parametrize(
    "url",
    [
        "example.org", "ftp://example.org", "https://", "https://example.org/n8n", "https://exa mple.org",
        "https://example.org:0", "https://example.org:65536", "https://example.org:port", "https://example.org?x",
        "https://example.org#x", "https://-a", "https://a\nb", "HTTPS//x", "https://me:s3cret/x@example.org",
    ],
)  # fmt: skip
def test_a_wrong_address_is_told_without_the_password_in_it(url: str) -> None:
    [problem] = settings.check(settings.resolve({}, {"PUBLIC_URL": url}, {}, {}, []))
    assert problem.message.startswith("PUBLIC_URL: expected http:// or https://, a host and perhaps a port")
    assert problem.fix == "./inv env.unset PUBLIC_URL"
    assert "s3cret" not in problem.message


@pytest.mark.parametrize("value", ["example.org", "10.0.0.0/33", "10.0.0", "Private", "10.0.0.1:80", "fe80::1%eth0/64"])
def test_a_proxy_that_is_no_network_is_told(value: str) -> None:
    [problem] = settings.check(settings.resolve({}, {"TRUSTED_PROXIES": value}, {}, {}, []))
    assert problem.message.startswith("TRUSTED_PROXIES: expected addresses and networks")


def test_services_are_below_names_or_below_paths() -> None:
    flags = [(found["PUBLIC_BY_NAME"], found["PUBLIC_BY_PATH"]) for found in (told(), told(routes="paths"))]
    assert flags == [("true", ""), ("", "true")]


def test_two_names_for_the_one_gateway_are_told() -> None:
    def found(**dotenv: str) -> list[tuple[str, str]]:
        layers = settings.resolve(settings.CORE_DEFAULTS, dotenv, {}, {}, settings.CORE_DEFAULTS)
        return [(problem.message, problem.fix) for problem in settings.check(layers)]

    url = "https://example.org"
    words = "PUBLIC_HOST says box.lan and PUBLIC_URL example.org: browsers can have only one of them"
    assert found(PUBLIC_URL=url, PUBLIC_HOST="box.lan") == [(words, "./inv env.unset PUBLIC_HOST")]
    assert found(PUBLIC_URL=url, PUBLIC_HOST="Example.org") == []
    assert found(PUBLIC_URL=url) == found(PUBLIC_HOST="box.lan") == []
