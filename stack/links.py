"""Where a user reaches each planned service, and who signs in there. Pure."""

import re

import msgspec

from stack import plan
from stack.planner import Planned
from stack.ports import EVERYWHERE


class Link(msgspec.Struct, frozen=True):
    """One service's address on this machine; `user` and `password` name who signs in: the password by the command
    that shows it, never itself."""

    service: str
    url: str
    user: str = ""
    password: str = ""


def table(planned: Planned) -> list[Link]:
    """The addresses of the services that publish a port."""
    host = planned.checkout.settings.value("PUBLIC_HOST")
    links = []
    for service in planned.plan.services:
        entry = plan.entry(planned.facts, service.name)
        scheme = (service.url or "").partition("://")[0]
        port = next((p for p in service.ports if p.host), None)
        if port is None:
            continue
        address = f"{_host(port.host_ip, host)}:{port.host}"
        page = (entry.page or "/") if scheme.startswith("http") else ""
        user = _user(planned, entry.login.user) if entry.login else ""
        password = f"./inv env.get {entry.login.password} --reveal" if entry.login else ""
        links.append(Link(service.name, f"{scheme}://{address}{page}" if scheme else address, user, password))
    return links


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


def remote(planned: Planned) -> list[str]:
    """The tunnel to type on one's own machine when this one is reached over ssh."""
    import os

    if not os.environ.get("SSH_CONNECTION"):
        return []
    server = os.environ["SSH_CONNECTION"].split()[2]
    ports = sorted({p.host for s in planned.plan.services for p in s.ports if p.host and _loopback(p.host_ip)})
    forwards = " ".join(f"-L {port}:127.0.0.1:{port}" for port in ports)
    return [f"from your own machine: ssh {forwards} {os.environ.get('USER', 'USER')}@{server}"] if ports else []
