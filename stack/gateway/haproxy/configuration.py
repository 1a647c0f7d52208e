"""HAProxy's whole configuration. Pure."""

import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any

from stack.gateway import declared, kongfile, routing, rust, schema
from stack.gateway.declared import AUTH_PLUGINS, strings
from stack.gateway.haproxy import choice, forwarded, paths, people, rules, servers
from stack.gateway.haproxy.words import NAMED, name, shown, word
from stack.gateway.kongfile import Entities, Entity
from stack.gateway.routing import Candidate

HEADER = "# Generated. Edit kong/kong.yml; this is what it comes to for HAProxy, for the services that are planned.\n"
NEEDS = "# needs: "
NONE = "none:"
"""The section for what no route takes: no route is called so."""
GLOBAL = """\
global
    log stdout format raw local0 info
    maxconn 4096
    nbthread 2
    # Old workers stay for a websocket or a stream, which is cut after this, or after so many reloads. One takes 5 MB.
    hard-stop-after 15m
    mworker-max-reloads 20
    # Supabase's session cookies and headers are larger than the default. Twice this costs 15 % of a request, as HAProxy
    # 2.6 then keeps few buffers at hand (benchmarks/gateway.py).
    tune.bufsize 32768
    # What a request is compared with is short, and to remember the outcome takes longer than to compare.
    tune.pattern.cache-size 0
    stats socket /tmp/haproxy.sock mode 600 level admin expose-fd listeners
    # Where the servers were found, as reload.sh notes it: new workers know them at once.
    server-state-file /tmp/servers
    expose-experimental-directives
    ssl-default-bind-options ssl-min-ver TLSv1.2

# The engine's DNS has every replica, and is asked again each second.
resolvers docker
    parse-resolv-conf
    accepted_payload_size 8192
    timeout resolve 1s
    timeout retry 1s
    hold valid 1s
    hold nx 2s

defaults
    mode http
    log global
    # Without the query: a key may stand in it.
    log-format "%ci [%tr] %HM %HPO %HV %ST %B %b/%s %Ta"
    timeout http-request 60s
    timeout http-keep-alive 75s
    timeout client {client}ms
    timeout connect 60s
    timeout server 60s
    option http-no-delay
    # Where others stand there already, `forwarded` adds the peer to them.
    option forwardfor if-none
    option http-keep-alive
    load-server-state-from-file global
"""
FRONT = """\
frontend gateway
    bind :8000
    bind :8443 ssl crt /tmp/tls.pem alpn h2,http/1.1
    # What a service answered well is not worth a line: the engine's log took a third of the time of a request.
    http-response set-log-level silent if { status lt 400 }
"""
STATUS = """\
frontend status
    bind :8100
    option dontlog-normal
    http-request use-service prometheus-exporter if {{ path /metrics }}
    http-request return status 200 content-type text/plain string {digest} if {{ path /status /status/ready }}
    http-request return status 404
"""


def written(document: dict[str, Any], trusted: Sequence[str] = ()) -> str:
    """The effective file as HAProxy reads it. `${NAME}` stays, for the container's environment. What proxies of the
    networks `trusted` say of a request's origin counts. Raises StackError on a broken regular expression; what HAProxy
    can't carry is `limits.uncarried`."""
    found = kongfile.entities(document)
    table = routing.router(found)
    everybody = people.consumers(found)
    called = sections(table.candidates)
    chosen, maps = choice.written(table.candidates, called)
    services = {service.path: service for service in found["services"]}
    waits = [int(one.value.get("read_timeout") or 60000) for one in found["services"]]
    parts = [
        GLOBAL.format(client=max([60000, *waits])), FRONT + _lines(_front(table, chosen, trusted)),
        f"backend {NONE}\n" + _lines([*_everywhere(found, everybody),
                                      rules.answer(404, "no Route matched with those values")]),
        *(f"backend {called[path]}\n" + _lines(_route(found, services, list(ones), everybody))
          for path, ones in _by_route(table.candidates)),
    ]  # fmt: skip
    text = HEADER + _needed(document) + "".join(f"{line}\n" for line in maps) + "\n".join(parts)
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return f"{text}\n{STATUS.format(digest=digest)}"


def _lines(lines: list[str]) -> str:
    return "".join(f"    {line}\n" for line in lines)


def _needed(document: dict[str, Any]) -> str:
    """The variables that the file names, for the container's start: without one of them nobody gets in by an empty
    key, as it ends."""
    names = dict.fromkeys(NAMED.findall(json.dumps(document, default=str)))
    return f"{NEEDS}{' '.join(names)}\n"


def sections(candidates: list[Candidate]) -> dict[str, str]:
    """A name for the section of each route, by the route's path."""
    result: dict[str, str] = {}
    taken: set[str] = set()
    for one in candidates:
        if one.route.path not in result:
            plain = name(one.name)
            result[one.route.path] = plain if plain not in taken else f"{plain}:{len(taken)}"
            taken.add(result[one.route.path])
    return result


def _by_route(candidates: list[Candidate]) -> list[tuple[str, list[Candidate]]]:
    """The candidates of each route, in Kong's order."""
    stands = {one.route.path: at for at, one in reversed(list(enumerate(candidates)))}
    ordered = sorted(candidates, key=lambda one: stands[one.route.path])
    return [(path, list(ones)) for path, ones in itertools.groupby(ordered, key=lambda one: one.route.path)]


def _front(table: routing.Router, chosen: list[str], trusted: Sequence[str]) -> list[str]:
    """What is done to every request, and which section takes it: the first that fits, in Kong's order."""
    real = any(path.startswith("~") and not rust.LITERAL.fullmatch(path[1:])
               for one in table.candidates for path in one.paths)  # fmt: skip
    usual, known = "{ method GET HEAD POST PUT PATCH DELETE OPTIONS }", f"{{ method -m reg -- {word('^[A-Z_-]+$')} }}"
    method = f"http-request return status 400 unless {usual} or {known}"
    begun = [method, *forwarded.rules(trusted), *choice.naming(table.candidates), *paths.reading(real)]
    return [*begun, *chosen, f"default_backend {NONE}"]


def _everywhere(found: Entities, everybody: list[people.Consumer]) -> list[str]:
    """The plugins that run where no route does: Kong runs the global ones for its own 404 as well."""
    running = declared.plugins_of(found, Entity("routes", "none", {}, {}))
    kept = {name: one for name, one in running.items() if name in ("correlation-id", "cors")}
    return rules.of(kept, _whole, everybody)


def _whole(plugin: Entity) -> dict[str, Any]:
    return schema.config(str(plugin.value.get("name")), plugin.value.get("config"))


def _route(found: Entities, services: Mapping[str, Entity], candidates: list[Candidate],
           everybody: list[people.Consumer]) -> list[str]:  # fmt: skip
    """The section of a route: who may pass, what becomes of the request, and where it goes. A lock that HAProxy does
    not know stays shut."""
    route = candidates[0].route
    running = declared.plugins_of(found, route)
    shut = [plugin for plugin in AUTH_PLUGINS if plugin in running and plugin not in rules.CARRIED]
    lines = [rules.answer(403, f"{plugin} is not known here") for plugin in shut]
    lines += _secure(route) + rules.of(running, _whole, everybody)
    service = services.get(route.parents.get("service") or "")
    if service is None or declared.answered(found, route):
        return lines
    base, host = routing.target(service)[2], routing.named(found, service)
    lines += paths.rewriting(candidates, base, route.value.get("strip_path") is not False)
    if not route.value.get("preserve_host"):
        lines.append(f"http-request set-header Host {word(shown(host))}")
    lines.append("http-response set-header X-Kong-Upstream-Latency %Tr")
    return lines + servers.of(found, service)


def _secure(route: Entity) -> list[str]:
    """A route of https alone sends others there, or says so."""
    protocols = strings(route.value.get("protocols"))
    if not protocols or "http" in protocols or "https" not in protocols:
        return []
    status = int(route.value.get("https_redirect_status_code") or 426)
    if status != 426:
        to = 'https://%[req.hdr(host),host_only]:"${KONG_HTTPS_PORT}"%[pathq]'
        return [f"http-request redirect location {to} code {status} unless {forwarded.SECURE}"]
    return [rules.answer(426, "Please use HTTPS protocol", f"unless {forwarded.SECURE}", "Upgrade TLS/1.2")]
