"""What Kong's own code checks of a value, beyond its schemas: the forms of hosts, paths, tags, URLs and the like. Pure.

Each stands on Kong 3.9.3's kong/db/schema/typedefs.lua and kong/tools/ip.lua, http.lua and uri.lua, and on what a real
Kong said."""

import ipaddress
import re
from collections.abc import Callable
from typing import Any

from stack.gateway import uri

ASCII_HOST = re.compile(r"[A-Za-z0-9._-]+")
PATH = re.compile(r"/[A-Za-z0-9._~/%:@!$&'()*+,;=-]*")
PERIODS = ("second", "minute", "hour", "day", "month", "year")


def wrong(form: str, value: Any) -> str:
    """Why a value has not this form; nothing where it has."""
    return FORMS[form](value)


def _unless(right: Any, message: str) -> str:
    return "" if right else message


def host_port(value: str) -> tuple[str, str, int | None] | None:
    """Kind (ipv4, ipv6 or name), host and port of an address; None for none. A port that is none counts as such."""
    if value.count(":") > 1:
        found = re.fullmatch(r"\[([^]]*)\](?::(\d+))?", value)
        kind, host, port = "ipv6", found[1] if found else value, found[2] if found else None
    else:
        host, _, port = value.partition(":")
        kind = "ipv4" if re.fullmatch(r"[\d.]+", value.replace(":", "")) else "name"
        if (":" in value and not port) or (port and not re.fullmatch("[0-9]+", port)):
            return None
    right = _name(host) if kind == "name" else _address(host)
    return (kind, host, int(port) if port else None) if right and int(port or 0) < 65536 else None


def _name(host: str) -> bool:
    labels = host.split(".")
    return bool(ASCII_HOST.fullmatch(host)) and not any(
        label.endswith("-") or (not label and at < len(labels) - 1) for at, label in enumerate(labels)
    )


def _address(text: str) -> bool:
    try:
        ipaddress.ip_address(re.sub(r"(?<![0-9])0+(?=[0-9])", "", text) if ":" not in text else text)
    except ValueError:
        return False
    return True


def _host(value: str) -> str:
    found = host_port(value)
    return _unless(found and found[2] is None, "expected a host, without a port")


def _sni(value: str) -> str:
    found = host_port(value)
    return _unless(found and found[0] == "name" and found[2] is None, "expected a host name, without a port")


def _wildcard(value: str) -> str:
    if "*" not in value:
        return _sni(value)
    edge = value.count("*") == 1 and (value.startswith("*") or value.endswith("*"))
    return _sni(value.replace("*", "wildcard")) if edge else "a wildcard is the first or the last character"


def _route_host(value: str) -> str:
    return _unless(host_port(value.replace("*", "abc")), "no host name, nor host:port")


def _ip(value: str) -> str:
    address, slash, length = value.partition("/")
    longest = 128 if ":" in address else 32
    fits = not slash or (re.fullmatch("0|[1-9][0-9]*", length) and int(length) <= longest)
    return _unless(_address(address) and fits, "no IP address, and no range as 10.0.0.0/8")


def _escapes(path: str) -> str:
    return _unless("%" not in re.sub("%[0-9A-Fa-f]{2}", "", path), "a % that two hexadecimal digits do not follow")


def _path(value: str) -> str:
    return _escapes(value) if PATH.fullmatch(value) else "a path has letters, digits and -._~:@!$&'()*+,;=/ only"


def _route_path(value: str) -> str:
    if value.startswith("~"):
        return _regex(value[1:])
    usual = uri.normalized(value)
    if PATH.fullmatch(value) and (message := _escapes(value)):
        return message
    return _unless(usual == value, f"Kong compares it as {usual}, and refuses it otherwise")


def _regex(value: str) -> str:
    from stack.gateway import rust

    return rust.wrong(value)


def _origin(value: str) -> str:
    if value == "*":
        return ""
    return _unless(_compiles(value), "neither * nor a regular expression")


def _compiles(value: str) -> bool:
    """Whether PCRE would take it, near enough: what both engines refuse."""
    try:
        re.compile(re.sub(r"\(\?<(?![=!])", "(?P<", value))
    except re.error:
        return False
    return True


def _url(value: str) -> str:
    found = re.match(r"([A-Za-z][A-Za-z0-9+.-]*):(?://([^/?#]*))?", value)
    return _unless(found and (found[2] or "").rpartition("@")[2], "expected an address such as http://name:port")


def service(url: str) -> dict[str, Any]:
    """The fields that the address of a service stands for, read as Kong does: letter by letter, and with a port that
    is no number left as it is."""
    found = re.match(r"(?:([A-Za-z0-9][A-Za-z0-9+.-]*):)?(?://([^/]*))?([^#?;]*)", url)
    scheme, authority, path = found.groups() if found else (None, None, None)
    host, colon, port = (authority or "").rpartition("@")[2].partition(":")
    number = int(port) if port.isdecimal() else port if colon else None
    protocol = scheme or {80: "http", 443: "https"}.get(number if isinstance(number, int) else 0, "http")
    usual = 443 if protocol == "https" else 80
    return {"protocol": protocol, "host": host or None, "port": usual if number is None else number,
            "path": path or None}  # fmt: skip


def _pair(value: str, both: bool = False) -> str:
    name, _, second = value.partition(":")
    return _header(name) or (_header(second.lstrip(":")) if both else "")


def _header(value: str) -> str:
    return _unless(re.fullmatch("[A-Za-z0-9_-]+", value), f"{value or 'nothing'} is no name of a header")


def _tag(value: str) -> str:
    return _unless(re.fullmatch(r"[ !-+\-.0-~\u0080-\U0010ffff]+", value), "a tag has no comma and no slash")


def _entity_name(value: str) -> str:
    right = re.fullmatch(r"[A-Za-z0-9._~\u0080-\U0010ffff-]+", value)
    return _unless(right, "a name is made of letters, digits and . - _ ~")


def _pem(kind: str) -> Callable[[str], str]:
    label = rf"-----BEGIN [A-Z ]*{kind}-----\s+[A-Za-z0-9+/=\s]+-----END [A-Z ]*{kind}-----"
    return lambda value: _unless(re.search(label, value), f"no {kind.lower()} in PEM")


# Whole configurations


def _termination(config: dict[str, Any]) -> str:
    message, kind, body = (bool(config.get(name)) for name in ("message", "content_type", "body"))
    if message and (kind or body):
        return "message does not go with content_type or body"
    if config.get("echo") and (kind or body):
        return "echo does not go with content_type or body"
    return _unless(body or not kind, "content_type needs a body")


def _periods(config: dict[str, Any]) -> str:
    given = [(name, config[name]) for name in PERIODS if isinstance(config.get(name), int | float)]
    wrongly = [(name, longer) for at, (name, least) in enumerate(given) for longer, most in given[at:] if most < least]
    return _unless(not wrongly, "; ".join(f"the limit for a {b} is lower than that for a {a}" for a, b in wrongly[:1]))


def _limits(config: dict[str, Any]) -> str:
    rate, policy = config.get("sync_rate"), config.get("policy", "local")
    if message := _periods(config):
        return message
    if policy != "redis":
        return _unless(rate in (None, -1), "sync_rate goes with the policy redis only")
    return _unless(rate in (None, -1) or rate >= 0.02, "sync_rate is -1, or at least 0.02")


def _authorization(config: dict[str, Any]) -> str:
    headers = config.get("headers")
    named = isinstance(headers, dict) and any(str(name).lower() == "authorization" for name in headers)
    user = "@" in str(config.get("http_endpoint")).partition("://")[2].partition("/")[0]
    return _unless(not (named and user), "the header Authorization does not go with a user in http_endpoint")


FORMS: dict[str, Callable[[Any], str]] = {
    "host": _host, "host_port": lambda value: _unless(host_port(value), "expected a host, or host:port"),
    "wildcard_host": _wildcard, "route_host": _route_host, "sni": _sni, "ip": _ip, "path": _path,
    "upstream": _sni, "route_path": _route_path, "regex": lambda value: _unless(
        _compiles(value), "no regular expression"), "origin": _origin, "url": _url,
    "header": _header, "header_pair": _pair, "header_names": lambda value: _pair(value, True),
    "cookie": lambda value: _unless(re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", value), "no name of a cookie"),
    "tag": _tag, "name": _entity_name, "certificate": _pem("CERTIFICATE"), "key": _pem("KEY"),
    "termination": _termination, "periods": _periods, "limits": _limits, "authorization": _authorization,
}  # fmt: skip
