"""What is wrong with the settings that a checkout has, beside what keeps it from being read."""

from stack.env import secrets, settings
from stack.errors import Problem
from stack.names import suggest
from stack.planning import checkouts
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
