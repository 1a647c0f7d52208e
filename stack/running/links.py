"""Where a user reaches each planned service, and who signs in there."""

import re
from collections.abc import Collection, Iterable

import msgspec

from stack.gateway import declared, entrance
from stack.gateway.declared import Route, Site
from stack.planning import plan
from stack.planning.catalog import Login
from stack.planning.plan import Service
from stack.planning.planner import Planned
from stack.planning.ports import EVERYWHERE
from stack.running import tls


class Link(msgspec.Struct, frozen=True):
    """One service's address: the gateway's where it has a route, and then `direct` is the service's own port, empty
    where it publishes none. `user` signs in at `url`; `password` is the setting that holds the password."""

    service: str
    url: str
    user: str = ""
    password: str = ""
    direct: str = ""


def table(planned: Planned) -> list[Link]:
    """The addresses of the services that publish a port or have a route in the planned gateway."""
    return rows(planned, entrance.of(planned).routes, entrance.site(planned))


def of(names: Collection[str], planned: Planned) -> list[Link]:
    """The addresses of these services."""
    return [link for link in table(planned) if link.service in names]


def rows(planned: Planned, routes: Iterable[Route], site: Site) -> list[Link]:
    """The same for these routes, one of each service that has any. Pure."""
    through = {route.service: (declared.url(route, site), route) for route in routes}
    links = []
    for service in planned.plan.services:
        direct = _direct(planned, service)
        own = (declared.root(site) if service.name == entrance.SERVICE and direct else "", None)
        url, route = through.get(service.name, own)
        login = _login(planned, service.name, route if url else None)
        if url or direct:
            user, password = (_user(planned, login.user), login.password) if login else ("", "")
            links.append(Link(service.name, url or direct, user, password, direct if url not in ("", direct) else ""))
    return links


def _direct(planned: Planned, service: Service) -> str:
    """The address of the published port that its inner address names, or else of the first; empty where it publishes
    none for certain."""
    scheme, _, inside = (service.url or "").partition("://")
    published = [p for p in service.ports if p.host]
    port = next((p for p in published if inside.endswith(f":{p.container}")), next(iter(published), None))
    if port is None:
        return ""
    address = f"{_host(port.host_ip, planned.checkout.settings.value('PUBLIC_HOST'))}:{port.host}"
    page = (plan.entry(planned.facts, service.name).page or "/") if scheme.startswith("http") else ""
    return f"{scheme}://{address}{page}" if scheme else address


def _login(planned: Planned, name: str, route: Route | None) -> Login | None:
    """Who signs in: the gateway's user where it asks for a password, else the service's own."""
    asks = route is not None and "basic-auth" in route.auth
    return plan.entry(planned.facts, entrance.SERVICE if asks else name).login


def _host(address: str, public: str) -> str:
    """The host of a link to a port that is bound to `address`: `public` unless that is an address of its own."""
    if address in EVERYWHERE or _loopback(address):
        return public
    return f"[{address}]" if ":" in address else address


def _loopback(address: str) -> bool:
    return address.startswith("127.") or address == "::1"


def _user(planned: Planned, text: str) -> str:
    """A login's user: literal, or the value of the setting that it names."""
    match = re.fullmatch(r"\$\{([A-Z0-9_]+)(?::-(.*))?\}", text)
    if not match:
        return text
    return planned.checkout.settings.value(match[1]) or match[2] or match[1]


def https(planned: Planned, url: str) -> str:
    """The same address at the gateway's port for HTTPS, where that has a certificate of the settings; else empty, as
    for an address that is not the gateway's."""
    site = entrance.site(planned)
    port = next((p.host for s in planned.plan.services if s.name == entrance.SERVICE for p in s.ports
                 if p.container == tls.INSIDE), None)  # fmt: skip
    start, _, path = url.removeprefix("http://").partition("/")
    host, _, at = start.rpartition(":")
    if not tls.asked(planned.checkout) or port is None or at != str(site.port) or not url.startswith("http://"):
        return ""
    return f"https://{host}:{port}/{path}"


def secure(planned: Planned) -> list[str]:
    """Where the gateway answers to HTTPS, and what a browser is to trust."""
    site = entrance.site(planned)
    url = https(planned, f"http://{site.host}:{site.port}/")
    return [f"with HTTPS: {url}{tls.trust(planned.checkout)}"] if url else []


def remote(planned: Planned) -> list[str]:
    """The tunnel to type on one's own machine when this one is reached over ssh."""
    import os

    if not os.environ.get("SSH_CONNECTION"):
        return []
    server = os.environ["SSH_CONNECTION"].split()[2]
    ports = sorted({p.host for s in planned.plan.services for p in s.ports if p.host and _loopback(p.host_ip)})
    forwards = " ".join(f"-L {port}:127.0.0.1:{port}" for port in ports)
    return [f"from your own machine: ssh {forwards} {os.environ.get('USER', 'USER')}@{server}"] if ports else []
