"""Where browsers reach the gateway, and whose word counts on where a request came from: PUBLIC_URL and TRUSTED_PROXIES,
and what the fragments are told of them. Pure."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from stack.errors import Problem

HOST = r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?"
"""What a host name or an IPv4 address looks like."""
_URL = re.compile(rf"(https?)://({HOST})(?::([0-9]{{1,5}}))?/?")
USUAL = {"http": 80, "https": 443}
"""The port that an address of the scheme means where it names none, and that browsers leave out (RFC 9110, 4.2)."""

PRIVATE = "private"
"""The word of TRUSTED_PROXIES for every address of `RANGES`."""
RANGES = ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1", "fc00::/7")
"""What no router of the internet passes on (RFC 1122, 1918, 4193): this machine, its containers, one's own networks."""


HOSTS, PATHS = "hosts", "paths"
"""What PUBLIC_ROUTES can be: whether services have names below the public one, or paths, where they can live there."""


class Address(NamedTuple):
    """The gateway as browsers reach it; the port is None where it is not known."""

    scheme: str
    host: str
    port: int | None

    @property
    def suffix(self) -> str:
        """The port as it stands in an address: `:8443`, or nothing where the scheme means it."""
        return f":{self.port}" if self.port and self.port != USUAL[self.scheme] else ""


def expected_url(value: str) -> str:
    """What PUBLIC_URL must be instead; empty where it is that."""
    found = _URL.fullmatch(value)
    if found and (not found[3] or 0 < int(found[3]) < 65536):
        return ""
    return "http:// or https://, a host and perhaps a port, as https://example.org: no path, user or blank"


def expected_proxies(value: str) -> str:
    """What TRUSTED_PROXIES must be instead; empty where it is that."""
    try:
        trusted(value)
    except ValueError:
        return f"addresses and networks, as 10.0.0.2 or 10.1.0.0/16, or {PRIVATE}, separated by commas or blanks"
    return ""


def address(url: str, host: str, port: int | None) -> Address:
    """Where browsers reach the gateway: as PUBLIC_URL says, or by the machine's name and the gateway's own port."""
    found = _URL.fullmatch(url)
    if not found:
        return Address("http", host, port)
    return Address(found[1], found[2].lower(), int(found[3] or USUAL[found[1]]))


def trusted(value: str) -> list[str]:
    """The networks of TRUSTED_PROXIES, each once. Raises ValueError for what is none."""
    import ipaddress

    words = value.replace(",", " ").split()
    plain = [range_ for word in words for range_ in (RANGES if word == PRIVATE else (word,))]
    # A zone, as in fe80::1%eth0, is one of this machine's; a container knows none of them.
    found = [ipaddress.ip_network(word.replace("%", " "), strict=False) for word in plain]
    return list(dict.fromkeys(str(one.network_address) if one.num_addresses == 1 else str(one) for one in found))


def contradicting(url: str, host: str) -> list[Problem]:
    """A problem where PUBLIC_HOST is set and PUBLIC_URL names another host: each claims to be in every address."""
    named = address(url, host, None).host
    if not url or not host or named == host.lower():
        return []
    message = f"PUBLIC_HOST says {host} and PUBLIC_URL {named}: browsers can have only one of them"
    return [Problem("public-host", message, "PUBLIC_HOST", "./inv env.unset PUBLIC_HOST")]


def variables(at: Address, ports: Mapping[str, int], proxies: str, routes: str = "") -> dict[str, str]:
    """What fragments may name beside the settings, as DERIVED explains it. `ports` are the published ones; `proxies`
    and `routes` are TRUSTED_PROXIES and PUBLIC_ROUTES."""
    told = at.port if (at.scheme, at.port) != ("https", ports.get("KONG_HTTPS_PORT")) else ports.get("KONG_HTTP_PORT")
    networks = trusted(proxies)
    return {
        "PUBLIC_SCHEME": at.scheme,
        "PUBLIC_DOMAIN": at.host,
        "PUBLIC_PORT": at.suffix,
        "PUBLIC_SECURE": "true" if at.scheme == "https" else "false",
        "PUBLIC_BY_NAME": "" if routes == PATHS else "true",
        "PUBLIC_BY_PATH": "true" if routes == PATHS else "",
        "PUBLIC_HTTP_PORT": str(told or ""),
        "PUBLIC_HOPS": "2" if networks else "1",
        "TRUSTED_NETWORKS": ",".join(networks),
    }


DERIVED = {
    "PUBLIC_SCHEME": "http or https",
    "PUBLIC_DOMAIN": "the host; names of services stand before it, as n8n.example.org",
    "PUBLIC_PORT": "the port with its colon, as :63002; empty where the scheme means it",
    "PUBLIC_SECURE": "true where browsers come by https: for cookies",
    "PUBLIC_BY_NAME": "true where a service has a name of its own, as `${PUBLIC_BY_NAME:+n8n.}` says; else empty",
    "PUBLIC_BY_PATH": "true where it is below a path instead (PUBLIC_ROUTES=paths); else empty",
    "PUBLIC_HTTP_PORT": "the port that services are told of a request to the gateway's plain one",
    "PUBLIC_HOPS": "how many proxies stand before a service: the gateway, and one before it where that is trusted",
    "TRUSTED_NETWORKS": "TRUSTED_PROXIES as networks, separated by commas",
}
"""What each of `variables` means: they follow from PUBLIC_URL and TRUSTED_PROXIES, and nobody sets them."""
