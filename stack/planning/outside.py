"""The proxy and CA that services which go to the internet get on a machine that has its own, and what all of them reach
without a proxy. Pure."""

from collections.abc import Iterable, Mapping

from stack.planning.assembly import CA

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
CA_SETTINGS = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
"""What OpenSSL and Go, Python's requests, curl, and Node read."""
CLIENT = ("httpProxy", "httpsProxy", "ftpProxy", "allProxy")
"""The proxies of a block in the docker client's config.json."""
NEAR = ("localhost", "127.0.0.1", "::1")


def environment(shell: Mapping[str, str], services: Iterable[str], block: Mapping[str, str]) -> dict[str, str]:
    """The environment that such a service gets: empty on a machine without proxy and CA of its own. `block` is the
    docker client's own, and what goes past its proxy goes past this one."""
    proxies = {name: _proxy(name, shell) for name in PROXIES if shell.get(name) or shell.get(name.lower())}
    found = {**proxies, **{name.lower(): value for name, value in proxies.items()}}
    if proxies:
        found |= _direct(f"{shell.get('NO_PROXY') or shell.get('no_proxy') or ''},{block.get('noProxy', '')}", services)
    return found | (dict.fromkeys(CA_SETTINGS, CA) if bundle(shell) else {})


def everywhere(services: Iterable[str], block: Mapping[str, str]) -> dict[str, str]:
    """The environment of every service where the docker client has a proxy `block`: Compose gives that proxy to each
    container, the health checks inside included."""
    return _direct(block.get("noProxy", ""), services) if any(block.get(name) for name in CLIENT) else {}


def _direct(given: str, services: Iterable[str]) -> dict[str, str]:
    """What no proxy is asked for: no request to another service goes through one."""
    names = dict.fromkeys([*filter(None, map(str.strip, given.split(","))), *NEAR, *sorted(services)])
    told = ",".join(names).replace("$", "$$")
    return {"NO_PROXY": told, "no_proxy": told}


def _proxy(name: str, shell: Mapping[str, str]) -> str:
    """The proxy's address; one with a password stays a variable, as compose.yaml holds no secret."""
    value = shell.get(name) or shell[name.lower()]
    given = name if shell.get(name) else name.lower()
    return f"${{{given}:-}}" if "@" in value else value.replace("$", "$$")


def bundle(shell: Mapping[str, str]) -> str | None:
    """The CA bundle that this machine's own settings name."""
    return next((shell[name] for name in CA_SETTINGS if shell.get(name)), None)
