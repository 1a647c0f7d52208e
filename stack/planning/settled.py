"""The settings that a checkout has, each with its layer; and what is wrong with them, beside what keeps it from being
read."""

from collections.abc import Mapping

from stack.env import secrets, settings
from stack.env.secrets import HIDDEN
from stack.errors import Problem
from stack.names import suggest, variable
from stack.planning import checkouts, ports
from stack.planning.catalog import PLAIN
from stack.planning.checkouts import Checkout


def unknown(checkout: Checkout) -> list[Problem]:
    """A problem for each line of `.env` that nothing reads, with the nearest name that something does; without those
    of `of_docker` and settings.renamed, which say more."""
    known = checkouts.known(checkout.catalog) | settings.RENAMED.keys() | set(filter(_dockers, checkout.dotenv))
    return [
        Problem("unknown-setting", f"nothing reads {name}", f".env: {name}",
                suggest(name, known) or f"./inv env.unset {name}")
        for name in sorted(set(checkout.dotenv) - known)
    ]  # fmt: skip


DOCKERS = frozenset({
    "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY", "DOCKER_API_VERSION",
    "DOCKER_BUILDKIT", "DOCKER_DEFAULT_PLATFORM", "BUILDX_BUILDER", "BUILDX_CONFIG",
})  # fmt: skip
"""The docker client's own variables, beside all that begin with COMPOSE_."""


def _dockers(name: str) -> bool:
    return name.startswith("COMPOSE_") or name in DOCKERS


def of_docker(checkout: Checkout) -> list[Problem]:
    """A problem for each line of `.env` that docker takes for its own: plain `docker compose` in the root then acts on
    another project, other files or another engine than `./inv`, and the Compose that `up` runs does so, too."""
    return [
        Problem("docker-setting", f"{name} in .env is docker's own: plain docker compose follows it, ./inv does not",
                f".env: {name}", f"./inv env.unset {name}")
        for name in sorted(filter(_dockers, checkout.dotenv))
    ]  # fmt: skip


def misshapen(checkout: Checkout) -> list[Problem]:
    """A problem for each secret whose value its consumer can't take."""
    found = []
    for name, kind in sorted(checkout.secrets.items()):
        value = checkout.settings.value(name)
        wrong = secrets.check(name, kind, value) if value else None
        found += [wrong] if wrong else []
    return found


Row = dict[str, str | bool]
"""A setting: its name, its value (hidden where it is a secret), the layer that it comes from."""


def rows(checkout: Checkout) -> list[Row]:
    """Every setting that any file knows, or that `.env` has."""
    derived = _derived(checkout)
    return [_row(checkout, name, derived) for name in sorted(checkouts.known(checkout.catalog) | set(checkout.dotenv))]


def row(checkout: Checkout, name: str) -> Row:
    """One of them."""
    return _row(checkout, name, _derived(checkout))


def _row(checkout: Checkout, name: str, derived: Mapping[str, str]) -> Row:
    value = checkout.settings.value(name) or checkout.dotenv.get(name, "")
    origin = checkout.settings.origin(name) or (settings.DOTENV if name in checkout.dotenv else "unset")
    if origin == "unset" and name in derived:
        value, origin = derived[name], settings.DEFAULT
    secret = name in checkout.secrets
    return {"name": name, "value": HIDDEN if secret and value else value, "origin": origin, "secret": secret}


def _derived(checkout: Checkout) -> dict[str, str]:
    """What holds without being set: each service's source, and each port as BASE_PORT and the fragment's offset."""
    given, fragments = checkouts.given(checkout), checkout.catalog.fragments
    wanted = {name: given.get(variable(name, "SOURCE"), PLAIN) for name in fragments}
    chosen = {name: source if source in fragments[name].sources() else PLAIN for name, source in wanted.items()}
    base = int(checkout.settings.value("BASE_PORT"))
    numbers = {claim.variable: str(base + claim.offset) for claim in ports.claims(checkout.catalog, chosen)}
    return {variable(name, "SOURCE"): source for name, source in chosen.items()} | numbers
