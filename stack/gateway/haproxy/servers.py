"""Where a service of the file leads, as the servers of a section. Pure."""

import ipaddress
import re
from typing import Any

from stack.gateway import declared, routing, schema
from stack.gateway.haproxy.words import word
from stack.gateway.kongfile import Entities, Entity

REPLICAS, SERVERS = 16, 16_000
"""Addresses of one name that are used at once, as a name has as many as its service has replicas; and how many of all
names: one takes 5 kB, and the workers of a reload are there beside those before it."""
HEAVIEST = 256
"""HAProxy's largest weight; Kong's is 65535."""
BALANCES = {"round-robin": "roundrobin", "least-connections": "leastconn"}
AGAIN_S = 2
"""Seconds after which a server is asked again, where the file says only what takes it out."""
DOWN_MS = 200
"""Milliseconds after which one that is out is asked again: where it is the only one, nobody is answered until then, and
so it is right after its start."""


PASSIVE = (f"check inter 60s fastinter {DOWN_MS}ms downinter {DOWN_MS}ms fall 1 rise 1 "
           "observe layer4 error-limit 1 on-error mark-down")  # fmt: skip
"""Kong asks each address once before it gives up. HAProxy may choose the one that refused again, so that one is out at
once, until it takes a connection: of four replicas three may end at the same moment. It is `fastinter` by which one
that was marked down at a request is asked soon."""


def of(found: Entities, service: Entity) -> list[str]:
    """How long is waited, how often tried, and by whom a request is taken."""
    value = schema.filled(schema.schemas().entities["services"], service.value)
    upstream = declared.upstream_named(found, declared.address(service)[0])
    many = max(min(REPLICAS, SERVERS // len(found["services"])), 2)
    settings = ["init-addr last,none", "resolvers docker", "resolve-prefer ipv4"]
    if routing.target(service)[0] == "https":
        settings += ["ssl", "verify none", f"sni str({declared.address(service)[0]})"]
    lines = [
        f"timeout connect {value['connect_timeout']}ms",
        f"timeout server {value['read_timeout']}ms",
        f"timeout tunnel {value['read_timeout']}ms",
        f"retries {value['retries']}",
    ]
    if value["retries"]:
        lines += ["option redispatch 1", "retry-on conn-failure empty-response response-timeout",
                  "http-request disable-l7-retry if { method POST PATCH LOCK }"]  # fmt: skip
    if upstream is None:
        return [*lines, "balance roundrobin", _server("", declared.address(service), many, [*settings, PASSIVE])]
    balanced = schema.filled(schema.schemas().entities["upstreams"], upstream.value)
    lines.append(f"balance {BALANCES.get(balanced['algorithm'], 'roundrobin')}")
    checks, settings_of = _checks(balanced["healthchecks"])
    targets = declared.targets_of(found, upstream)
    weights = _weights(targets)
    servers = [
        _server(f"t{at}-", declared.target_address(target), many, [*settings, *settings_of, f"weight {weights[at]}"])
        for at, target in enumerate(targets)
    ]
    return lines + checks + servers


def _server(name: str, address: tuple[str, int | None], many: int, settings: list[str]) -> str:
    host, port = address
    # A reload hands on what is known of a server by its name, port and TLS included, whatever the new file says of them
    # (srv_state_srv_update of HAProxy's src/server_state.c). So one that leads elsewhere has another name.
    leads = re.sub(r"[^\w.-]", "_", f"{host}:{port}", flags=re.ASCII) + ("-tls" if "ssl" in settings else "")
    if _numeric(host):
        fixed = [one for one in settings if not one.startswith(("init-addr", "resolve")) and one != PASSIVE]
        return " ".join([f"server {name}{leads}", f"{host}:{port}", *fixed])
    return " ".join([f"server-template {name}{leads}-", f"1-{many}", word(f"{host}:{port}"), *settings])


def _numeric(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _weights(targets: list[Entity]) -> list[int]:
    weights = [int(one.value.get("weight", 100)) for one in targets]
    most = max([*weights, HEAVIEST])
    return [max(weight * HEAVIEST // most, 1) if weight else 0 for weight in weights]


def _checks(health: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Whether a server is asked now and then, and what takes it out or brings it back. HAProxy counts failed checks of
    every kind as one, so the largest number of the file's holds; a connection that is refused shows at the first
    request (passive)."""
    active, passive = health["active"], health["passive"]["unhealthy"]
    every = active["unhealthy"]["interval"] or active["healthy"]["interval"]
    lines, settings = [], [PASSIVE]
    if every:
        if active["type"] == "http":
            statuses = "|".join(str(status) for status in active["healthy"]["http_statuses"])
            lines = [f"option httpchk GET {word(active['http_path'])}", f"http-check expect rstatus ^({statuses})$"]
        counts = [active["unhealthy"][kind] for kind in ("tcp_failures", "timeouts", "http_failures")]
        fall = max(*counts, 1)
        lines.append(f"timeout check {int(active['timeout'] * 1000)}ms")
        rise = active["healthy"]["successes"] or 1
        settings = [f"check inter {int(every * 1000)}ms downinter {DOWN_MS}ms fall {fall} rise {rise}"]
    elif passive["tcp_failures"] or passive["http_failures"]:
        settings = [f"check inter {AGAIN_S}s fastinter {DOWN_MS}ms downinter {DOWN_MS}ms fall 1 rise 1"]
    seen = [(layer, passive[kind]) for layer, kind in (("layer4", "tcp_failures"), ("layer7", "http_failures"))]
    for layer, count in [one for one in seen if one[1]][-1:]:
        settings.append(f"observe {layer} error-limit {count} on-error mark-down")
    return lines, settings
