"""What a service is told of where a request came from (X-Forwarded-*), and who the client is. Pure.

As Kong does it (runloop/handler.lua, 3.9): the peer is added to X-Forwarded-For, whatever stood there. All else is the
gateway's own word, unless the peer is a proxy that is trusted: then what that says is passed on, and the client is the
last address in X-Forwarded-For that is no trusted proxy's (nginx: real_ip_recursive on)."""

from collections.abc import Sequence

FOR = "x-forwarded-for"
HOPS = 8
"""So many proxies in a row are looked through."""
SECURE = "{ var(txn.proto) -m str https }"
"""Whether the browser came by https, to the gateway or to a proxy that is trusted."""
KNOWN = "{ var(txn.known) -m found }"
"""Whether the peer is a proxy that is trusted."""
PORT = "ssl_fc,iif(${KONG_HTTPS_PORT},${PUBLIC_HTTP_PORT})"
"""The port at which browsers reach the gateway, as a sample."""
OWN = {
    "Host": "%[req.hdr(host),host_only,lower]",
    "Port": f'"%[{PORT}]"',
    "Path": "%[path]",
}
"""The gateway's own word for each header; it is said before the path is changed."""


def rules(trusted: Sequence[str]) -> list[str]:
    """The rules for every request; `trusted` are networks."""
    lines = ["http-request set-var(txn.proto) ssl_fc,iif(https,http)"]
    peer = "src"
    if trusted:
        peer = "var(txn.peer)"
        lines += [*(f"acl trusted src {network}" for network in trusted),
                  "http-request set-var(txn.peer) src",
                  "http-request set-var(txn.prefix) req.fhdr(x-forwarded-prefix) if trusted",
                  "http-request set-var(txn.known) bool(true) if trusted",
                  f"http-request set-var(txn.proto) req.fhdr(x-forwarded-proto,1) if {KNOWN} {_given('Proto')}",
                  *(_client(at) for at in range(1, HOPS + 1))]  # fmt: skip
    # A proxy may add a line of its own below the client's: the last ones are the nearest proxies'. Where there is none,
    # HAProxy makes the first by itself (option forwardfor).
    add = "http-request set-header X-Forwarded-For"
    lines += [
        f'{add} "%[req.fhdr({FOR},-2)], %[req.fhdr({FOR},-1)]" if {{ req.fhdr_cnt({FOR}) gt 1 }}',
        f'{add} "%[req.fhdr({FOR},1)], %[{peer}]" if {_given("For")}',
        "http-request set-header X-Real-IP %[src]",
        "http-request set-header X-Forwarded-Proto %[var(txn.proto)]",
    ]
    for name, own in OWN.items():
        unless = f" unless {KNOWN} {_given(name)}" if trusted else ""
        lines.append(f"http-request set-header X-Forwarded-{name} {own}{unless}")
    return [*lines, "http-request del-header X-Forwarded-Prefix" + (f" unless {KNOWN}" if trusted else "")]


def _given(name: str) -> str:
    return f"{{ req.fhdr(x-forwarded-{name.lower()}) -m found }}"


def _client(at: int) -> str:
    """One step back along X-Forwarded-For, from a trusted proxy to the one before it; it ends at what is no address."""
    further = f" {{ req.hdr_ip({FOR},{1 - at}) -m found }}" if at > 1 else ""
    return f"http-request set-src req.hdr_ip({FOR},{-at}) if trusted{further}"
