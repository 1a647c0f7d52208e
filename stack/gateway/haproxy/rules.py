"""Each plugin of Kong as rules of HAProxy. Pure.

Every function takes a plugin's whole configuration (schema.filled gives what is not said) and gives the lines of the
route's section. Kong runs plugins by their priority, and so do these."""

import json
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from stack.gateway import matching
from stack.gateway.declared import strings
from stack.gateway.haproxy.people import Consumer
from stack.gateway.haproxy.words import shown, sub, word
from stack.gateway.kongfile import Entity

Config = dict[str, Any]
CONSUMER = "var(txn.consumer)"
JSON = "application/json; charset=utf-8"
UNITS = {"bytes": 1, "kilobytes": 2**10, "megabytes": 2**20}
PERIODS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
OPAQUE = """\
local key = kong.request.get_header('apikey') or kong.request.get_query_arg('apikey')
if type(key) ~= 'string' then return end
if key == '${SUPABASE_SECRET_KEY}' then key = '${SUPABASE_SERVICE_ROLE_KEY}' end
if key == '${SUPABASE_PUBLISHABLE_KEY}' then key = '${SUPABASE_ANON_KEY}' end
local sent = kong.request.get_header('authorization')
if not sent or sent:find('^Bearer sb_') then
kong.service.request.set_header('authorization', 'Bearer ' .. key) end
kong.service.request.set_header('x-api-key', key)"""
GIVEN = "{ var(txn.token) -m found }"
BEARER = f'http-request set-header Authorization "Bearer %[var(txn.token)]" if {GIVEN}'
FUNCTIONS = {
    "ngx.var.upstream_x_forwarded_host = ngx.var.http_host": [
        "http-request set-header X-Forwarded-Host %[req.hdr(host)]",
    ],
    " ".join(OPAQUE.split()): [
        "http-request set-var(txn.token) req.fhdr(apikey,1)",
        f"http-request set-var(txn.token) url_param(apikey),url_dec(1) if !{GIVEN}",
        'http-request set-var(txn.token) env(SUPABASE_SERVICE_ROLE_KEY) if { var(txn.token) -m str -- "${SUPABASE_SECRET_KEY}" }',  # noqa: E501
        'http-request set-var(txn.token) env(SUPABASE_ANON_KEY) if { var(txn.token) -m str -- "${SUPABASE_PUBLISHABLE_KEY}" }',  # noqa: E501
        f"{BEARER} !{{ req.fhdr(authorization) -m found }}",
        f"{BEARER} {{ req.fhdr(authorization,1) -m beg 'Bearer sb_' }}",
        f"http-request set-header X-Api-Key %[var(txn.token)] if {GIVEN}",
    ],
}
"""What can be carried of Lua: the functions that the shipped file has, and no other."""


def known(function: str) -> list[str]:
    """The rules of a function, however its lines are broken; none of one that is not known."""
    return FUNCTIONS.get(" ".join(function.split()), [])


PLAIN_ORIGIN = re.compile(r"[A-Za-z0-9.:/-]+")
METHODS = "GET,HEAD,PUT,PATCH,POST,DELETE,OPTIONS,TRACE,CONNECT"


def answer(status: int, message: str, condition: str = "", *headers: str) -> str:
    """The rule that ends a request as Kong words it."""
    body = word(json.dumps({"message": message}, separators=(",", ":")))
    words = ["http-request return status", str(status), "content-type", word(JSON), "string", body]
    return " ".join([*words, *(f"hdr {header}" for header in headers), *([condition] if condition else [])])


def correlation(config: Config, _: list[Consumer]) -> list[str]:
    """A name for each request, which the client's own is, where it has one."""
    name = word(str(config["header_name"]))
    lines = [f"http-request set-header {name} %[uuid()] unless {{ req.fhdr({name}) -m found }}"]
    if config["echo_downstream"]:
        lines.append(f"http-request set-var(txn.correlation) req.fhdr({name})")
        lines.append(f"http-after-response set-header {name} %[var(txn.correlation)]")
    return lines


def function(config: Config, _: list[Consumer]) -> list[str]:
    """Lua, as far as it is known here."""
    return [rule for text in strings(config["access"]) for rule in known(text)]


def cors(config: Config, _: list[Consumer]) -> list[str]:
    """A browser's question whether a page of another site may ask, and what its own answers say of it."""
    origins = strings(config["origins"])
    anybody = not origins or "*" in origins
    asked = "{ var(txn.origin) -m found }"
    lines = ["http-request set-var(txn.origin) req.fhdr(origin,1)"]
    if anybody:
        lines.append("http-request set-var(txn.allowed) str(*)")
        if config["credentials"]:
            lines.append(f"http-request set-var(txn.allowed) var(txn.origin) if {asked}")
    elif len(origins) == 1 and PLAIN_ORIGIN.fullmatch(origins[0]):
        lines.append(f"http-request set-var(txn.allowed) {word(f'str({origins[0]})')}")
    else:
        usual = sub(r"^(http://.*):80$", r"\1") + sub(r"^(https://.*):443$", r"\1")
        lines.append(f"http-request set-var(txn.origin) {word('var(txn.origin)' + usual)} if {asked}")
        host = "var(txn.origin)" + sub("^[^/]*//", "") + sub(":[0-9]*$", "")
        lines.append(f"http-request set-var(txn.origin_host) {word(host)} if {asked}")
        lines += [f"http-request set-var(txn.allowed) var(txn.origin) if {_from(origin)}" for origin in origins]
    asking = "{ req.fhdr(origin) -m found } { req.fhdr(access-control-request-method) -m found }"
    first = "{ var(txn.preflight) -m bool }"
    lines += [f"http-request set-var(txn.preflight) bool(true) if METH_OPTIONS {asking}",
              "http-request set-var(txn.wanted) req.fhdr(access-control-request-headers)",
              *_answering(config, anybody, asked, first),
              f"http-request return status 200 if {first}"]  # fmt: skip
    return lines


def _from(origin: str) -> str:
    what = "txn.origin" if ":" in origin else "txn.origin_host"
    if PLAIN_ORIGIN.fullmatch(origin):
        usual = re.sub(r"^(http://.*):80$|^(https://.*):443$", r"\1\2", origin)
        return f"{{ var({what}) -m str -- {word(usual)} }}"
    return f"{{ var({what}) -m reg -- {word('^(?:' + origin.removeprefix('^').removesuffix('$') + ')$')} }}"


def _answering(config: Config, anybody: bool, asked: str, first: str) -> list[str]:
    allowed, set_header = "{ var(txn.allowed) -m found }", "http-after-response set-header Access-Control-"
    lines = [f"{set_header}Allow-Origin %[var(txn.allowed)] if {allowed}",
             f"http-after-response del-header Access-Control-Allow-Origin if !{allowed}"]  # fmt: skip
    if not anybody:
        lines.append("http-after-response add-header Vary Origin")
    if config["credentials"]:
        lines.append(f"{set_header}Allow-Credentials true" + (f" if {asked}" if anybody else ""))
    if exposed := strings(config["exposed_headers"]):
        lines.append(f"{set_header}Expose-Headers {word(shown(','.join(exposed)))} if !{first}")
    if headers := strings(config["headers"]):
        lines.append(f"{set_header}Allow-Headers {word(shown(','.join(headers)))} if {first}")
    else:
        lines.append(f"{set_header}Allow-Headers %[var(txn.wanted)] if {first} {{ var(txn.wanted) -m found }}")
    lines.append(f"{set_header}Allow-Methods {word(','.join(strings(config['methods'])) or METHODS)} if {first}")
    if config["max_age"] is not None:
        lines.append(f"{set_header}Max-Age {int(config['max_age'])} if {first}")
    return lines


def key_auth(config: Config, consumers: list[Consumer]) -> list[str]:
    """The first of the names that is there, in a header or the query; nobody but its owner has the key."""
    names = strings(config["key_names"])
    realm = f'Key realm="{config["realm"]}"' if config["realm"] else "Key"
    asks = f"WWW-Authenticate {word(shown(realm))}"
    lines = ["http-request unset-var(txn.consumer)"]
    for name in names:
        if config["key_in_header"]:
            lines += [answer(401, "Duplicate API key found",
                             f"if !{{ var(txn.key) -m found }} {{ req.fhdr_cnt({name}) gt 1 }}", asks),
                      f"http-request set-var(txn.key) req.fhdr({name}) unless {{ var(txn.key) -m found }}"]  # fmt: skip
        if config["key_in_query"]:
            source = f"url_param({name}),url_dec(1)"
            lines.append(f"http-request set-var(txn.key) {source} unless {{ var(txn.key) -m found }}")
    lines += [answer(401, "No API key found in request", "unless { var(txn.key) -m len gt 0 }", asks)]
    for one in consumers:
        lines += [f"http-request set-var(txn.consumer) str({one.number}) if {{ var(txn.key) -m str -- {word(key)} }}"
                  for key in one.keys]  # fmt: skip
    lines.append(answer(401, "Unauthorized", f"unless {{ {CONSUMER} -m found }}", asks))
    if config["hide_credentials"]:
        lines += [f"http-request del-header {name}" for name in names]
        for name in names:
            rest = "query" + sub(rf"(^|&){re.escape(name)}(=[^&]*|(?=&|$))", "", every=True) + sub("^&", "")
            lines.append(f"http-request set-query {word(f'%[{rest}]')} if {{ url_param({name}) -m found }}")
    return lines + _known(consumers)


def basic_auth(config: Config, consumers: list[Consumer]) -> list[str]:
    """A name with its password, which stands in no file: HAProxy has both of its environment."""
    asks = f"WWW-Authenticate {word(shown(_realm(config)))}"
    lines = ["http-request unset-var(txn.consumer)"]
    for one in consumers:
        for name, password in one.logins:
            means = "{ http_auth_type -i -m str Basic } "
            means += f"{{ http_auth_user -m str -- {word(name)} }} {{ http_auth_pass -m str -- {word(password)} }}"
            lines.append(f"http-request set-var(txn.consumer) str({one.number}) if {means}")
    lines.append(answer(401, "Unauthorized", f"unless {{ {CONSUMER} -m found }}", asks))
    if config["hide_credentials"]:
        lines += ["http-request del-header Authorization", "http-request del-header Proxy-Authorization"]
    return lines + _known(consumers)


def _realm(config: Config) -> str:
    return f'Basic realm="{config["realm"]}"' if config["realm"] else "Basic"


def _known(consumers: list[Consumer]) -> list[str]:
    """Who it is, for the service; nobody else can say so."""
    lines = [f"http-request del-header X-{name}" for name in
             ("Consumer-ID", "Consumer-Username", "Consumer-Custom-ID", "Credential-Identifier",
              "Anonymous-Consumer")]  # fmt: skip
    for one in consumers:
        for header, value in (("X-Consumer-Username", one.name), ("X-Consumer-Custom-ID", one.custom_id)):
            if value:
                lines.append(f"http-request set-header {header} {word(shown(value))} if {_is([one])}")
    return lines


def _is(some: list[Consumer]) -> str:
    return f"{{ {CONSUMER} -m str {' '.join(str(one.number) for one in some)} }}"


def addresses(config: Config, _: list[Consumer]) -> list[str]:
    """Clients by their address; a list of those who may shuts out all others."""
    status, message = config["status"] or 403, config["message"] or "Your IP address is not allowed"
    lines = []
    if denied := strings(config["deny"]):
        lines.append(answer(int(status), message, f"if {{ src {' '.join(map(word, denied))} }}"))
    if allowed := strings(config["allow"]):
        lines.append(answer(int(status), message, f"unless {{ src {' '.join(map(word, allowed))} }}"))
    return lines


def size(config: Config, _: list[Consumer]) -> list[str]:
    """By what the request says of its length. One that says nothing is refused: HAProxy lets it through as it comes,
    and it has no end that could be foreseen."""
    limit = int(config["allowed_payload_size"]) * UNITS[config["size_unit"]]
    told = "{ req.hdr(content-length) -m found }"
    unknown = "{ req.hdr(transfer-encoding) -m found } or { fc_http_major 2 } { method POST PUT PATCH }"
    return [answer(413, "Request size limit exceeded", f"if {{ req.hdr_val(content-length) gt {limit} }}"),
            *(answer(411, "A valid Content-Length header is required", f"if !{told} {one}")
              for one in unknown.split(" or ")),
            *([answer(411, "A valid Content-Length header is required", f"if !{told}")]
              if config["require_content_length"] else [])]  # fmt: skip


def groups(config: Config, consumers: list[Consumer]) -> list[str]:
    """Consumers by their group."""
    allowed = [one for one in consumers if matching.lets(config, one.groups)]
    unless = f" unless {_is(allowed)}" if allowed else ""
    lines = [answer(401, "Unauthorized", f"unless {{ {CONSUMER} -m found }}"),
             answer(403, "You cannot consume this service", unless.strip())]  # fmt: skip
    if not config["hide_groups_header"]:
        lines += [f"http-request set-header X-Consumer-Groups {word(shown(', '.join(sorted(one.groups))))} "
                  f"if {_is([one])}" for one in allowed]  # fmt: skip
    return lines


def rate(config: Config, _: list[Consumer]) -> list[str]:
    """Requests of one consumer or address in a period of the clock, as Kong's policy `local` counts them."""
    limits = [(name, seconds, int(config[name])) for name, seconds in PERIODS.items() if config[name] is not None]
    lines = [f"stick-table type string len 128 size 100k expire {limits[-1][1]}s store gpc0",
             "http-request set-var(txn.who) src"]  # fmt: skip
    if config["limit_by"] in ("consumer", "credential"):
        lines.append(f"http-request set-var(txn.who) {CONSUMER} if {{ {CONSUMER} -m found }}")
    if config["limit_by"] == "service":
        lines.append("http-request set-var(txn.who) str(all)")
    for at, (name, seconds, _limit) in enumerate(limits):
        lines += [f"http-request set-var(txn.period{at}) date,div({seconds}),concat(/{name}/,txn.who)",
                  f"http-request track-sc{at} var(txn.period{at})", f"http-request sc-inc-gpc0({at})"]  # fmt: skip
    for at, (name, seconds, limit) in enumerate(limits):
        if not config["hide_client_headers"]:
            left = f"%[int({limit}),sub(txn.used{at})]"
            header = "http-after-response set-header X-RateLimit"
            lines += [f"http-request set-var(txn.used{at}) sc{at}_get_gpc0",
                      f"http-request set-var(txn.used{at}) int({limit}) if {{ sc{at}_get_gpc0 gt {limit} }}",
                      f"{header}-Limit-{name.capitalize()} {limit}",
                      f"{header}-Remaining-{name.capitalize()} {left}"]  # fmt: skip
        refusal = config["error_message"] or "API rate limit exceeded"
        again = "Retry-After " + word(f"%[int({seconds}),sub(txn.gone{at})]")
        lines.append(f"http-request set-var(txn.gone{at}) date,mod({seconds})")
        lines.append(answer(int(config["error_code"] or 429), refusal, f"if {{ sc{at}_get_gpc0 gt {limit} }}", again))
    return lines


def request(config: Config, _: list[Consumer]) -> list[str]:
    """Headers on the way to the service."""
    method = [f"http-request set-method {word(config['http_method'])}"] if config["http_method"] else []
    return method + _headers("http-request", "req.fhdr", config)


def response(config: Config, _: list[Consumer]) -> list[str]:
    """Headers on the way back."""
    return _headers("http-response", "res.fhdr", config)


def _headers(when: str, sample: str, config: Config) -> list[str]:
    """Headers taken away, called otherwise, changed where they are there, put where they are not, and put beside."""
    lines = [f"{when} del-header {word(name)}" for name in _told(config, "remove")]
    for name, new in map(_pair, _told(config, "rename")):
        there = f"{{ {sample}({name}) -m found }}"
        lines += [f"{when} set-header {new} %[{sample}({name})] if {there}", f"{when} del-header {name} if {there}"]
    for name, value in map(_pair, _told(config, "replace")):
        lines.append(f"{when} set-header {name} {word(shown(value))} if {{ {sample}({name}) -m found }}")
    for name, value in map(_pair, _told(config, "add")):
        lines.append(f"{when} set-header {name} {word(shown(value))} unless {{ {sample}({name}) -m found }}")
    for name, value in map(_pair, _told(config, "append")):
        lines.append(f"{when} add-header {name} {word(shown(value))}")
    return lines


def _told(config: Config, what: str) -> list[str]:
    part = config.get(what)
    return strings(part.get("headers")) if isinstance(part, dict) else []


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition(":")
    return name, value


def termination(config: Config, _: list[Consumer]) -> list[str]:
    """An answer of the gateway's own."""
    status = int(config["status_code"])
    if config["body"]:
        kind = word(config["content_type"] or JSON)
        return [f"http-request return status {status} content-type {kind} string {word(config['body'])}"]
    usual = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else ""
    return [answer(status, config["message"] or usual)]


CARRIED: dict[str, Callable[[Config, list[Consumer]], list[str]]] = {
    "pre-function": function, "correlation-id": correlation, "cors": cors, "key-auth": key_auth,
    "basic-auth": basic_auth, "ip-restriction": addresses, "request-size-limiting": size, "acl": groups,
    "rate-limiting": rate, "request-transformer": request, "response-transformer": response,
    "request-termination": termination,
}  # fmt: skip
"""In the order of Kong's priorities."""


def of(running: dict[str, Entity], filled: Callable[[Entity], Config], consumers: list[Consumer]) -> list[str]:
    """The lines of a route's plugins."""
    return [line for name, make in CARRIED.items() if name in running
            for line in make(filled(running[name]), consumers)]  # fmt: skip
