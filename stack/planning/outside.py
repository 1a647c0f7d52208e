"""The proxy and CA that services which go to the internet get on a machine that has its own. Pure."""

from collections.abc import Iterable, Mapping

from stack.planning.assembly import CA

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
CA_SETTINGS = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
"""What OpenSSL and Go, Python's requests, curl, and Node read."""
NEAR = ("localhost", "127.0.0.1", "::1")


def environment(shell: Mapping[str, str], services: Iterable[str]) -> dict[str, str]:
    """The environment that such a service gets: empty on a machine without proxy and CA of its own. No request to
    another service goes through the proxy."""
    proxies = {name: _proxy(name, shell) for name in PROXIES if shell.get(name) or shell.get(name.lower())}
    found = {**proxies, **{name.lower(): value for name, value in proxies.items()}}
    if proxies:
        given = shell.get("NO_PROXY") or shell.get("no_proxy") or ""
        direct = ",".join(dict.fromkeys([*filter(None, given.split(",")), *NEAR, *sorted(services)]))
        found |= {"NO_PROXY": direct, "no_proxy": direct}
    return found | (dict.fromkeys(CA_SETTINGS, CA) if bundle(shell) else {})


def _proxy(name: str, shell: Mapping[str, str]) -> str:
    """The proxy's address; one with a password stays a variable, as compose.yaml holds no secret."""
    value = shell.get(name) or shell[name.lower()]
    given = name if shell.get(name) else name.lower()
    return f"${{{given}:-}}" if "@" in value else value.replace("$", "$$")


def bundle(shell: Mapping[str, str]) -> str | None:
    """The CA bundle that this machine's own settings name."""
    return next((shell[name] for name in CA_SETTINGS if shell.get(name)), None)
