"""The certificate of the gateway's port for HTTPS: the user's own, or one of the authority that is made here once.

The authority's key stays with its owner (mode 0600). What the gateway serves lies in a folder of its own that the
container mounts; its users are not ours, so that file is readable, below a folder that lets nobody else in."""

import contextlib
import datetime as dt
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from stack import tree
from stack.env.settings import SHELL
from stack.errors import Problem, StackError
from stack.gateway import certificate, entrance
from stack.planning import assembly
from stack.planning.checkouts import Checkout
from stack.planning.planner import Planned

SERVED = f"{assembly.PRIVATE}tls/gateway.pem"
AUTHORITY = f"{assembly.PRIVATE}ca/ca.pem"
"""What a browser is to trust."""
SIGNING = f"{assembly.PRIVATE}ca/ca.key"
"""The same with its key."""
INSIDE = 8443
"""The port on which the gateway takes HTTPS in its container."""


def wanted(planned: Planned) -> bytes:
    """What the gateway is to serve: the user's own certificate, or the one that stands, or a new one where its names or
    its end ask for that; nothing where none is set. Raises StackError where the user's can't be served."""
    settings, root = planned.checkout.settings, planned.checkout.root
    if settings.value("TLS_CERT"):
        return certificate.pair(root, *(settings.value(name) for name in certificate.FILES))
    if not settings.value("TLS"):
        return b""
    now, names = dt.datetime.now(dt.UTC), names_of(planned)
    authority, standing = tree.read(root / SIGNING), served(root)
    if not _lasts(authority, now):
        authority = certificate.authority(f"{settings.value('PROJECT_NAME')} on {os.uname().nodename}", now)
        _keep(root, authority)
    return standing if _holds(standing, authority, names, now) else certificate.made(authority, names, now)


NEW, OWN = "its new certificate", "a certificate of its own, which nobody knows"


def to_come(planned: Planned) -> str:
    """Which other certificate the gateway is to serve than it does, in words; nothing where that stays. Writes nothing,
    and raises StackError where the user's own can't be served."""
    settings, root = planned.checkout.settings, planned.checkout.root
    standing = served(root)
    if not asked(planned.checkout):
        return OWN if standing else ""
    if settings.value("TLS_CERT"):
        stays = standing == certificate.pair(root, *(settings.value(name) for name in certificate.FILES))
    else:
        now, authority = dt.datetime.now(dt.UTC), tree.read(root / SIGNING)
        stays = _lasts(authority, now) and _holds(standing, authority, names_of(planned), now)
    return "" if stays else NEW


def served(root: Path) -> bytes:
    """What the gateway serves, or will once it starts; nothing where it makes one itself."""
    return tree.read(root / SERVED)


def serve(root: Path, pem: bytes) -> None:
    """Put a certificate where the gateway reads it, or take away the one that is there."""
    tree.enclose(root / assembly.PRIVATE)
    # Compose mounts the folder: made by the engine, it would be root's.
    (root / SERVED).parent.mkdir(exist_ok=True)
    _new(root).unlink(missing_ok=True)
    if pem:
        tree.share(root / SERVED, pem)
    else:
        (root / SERVED).unlink(missing_ok=True)


@contextlib.contextmanager
def offered(root: Path, pem: bytes) -> Iterator[None]:
    """Put a certificate where a running gateway tries it with its next reload; an empty file stands for none. Where
    this process is killed, the one before still counts as the one that is served."""
    tree.enclose(root / assembly.PRIVATE)
    tree.share(_new(root), pem)
    try:
        yield
    except BaseException:
        _new(root).unlink(missing_ok=True)
        raise


def _new(root: Path) -> Path:
    return (root / SERVED).with_suffix(".new")


def _keep(root: Path, authority: bytes) -> None:
    tree.enclose(root / assembly.PRIVATE)
    tree.write(root / SIGNING, authority, 0o600)
    tree.write(root / AUTHORITY, certificate.public(authority))


def _lasts(pem: bytes, now: dt.datetime) -> bool:
    """Whether there is a certificate that is not near its end."""
    one = certificate.first(pem)
    return one is not None and one.not_valid_after_utc - now > certificate.NEAR


def _holds(pem: bytes, authority: bytes, names: list[str], now: dt.datetime) -> bool:
    """Whether a certificate may stay: of this authority, for these names, and not near its end."""
    one, issuer = certificate.first(pem), certificate.first(authority)
    if one is None or issuer is None or not _lasts(pem, now) or certificate.named(one) != names:
        return False
    return certificate.signed_by(one, issuer)


def asked(checkout: Checkout) -> bool:
    """Whether the settings give the gateway a certificate."""
    return bool(checkout.settings.value("TLS_CERT") or checkout.settings.value("TLS"))


def trust(checkout: Checkout) -> str:
    """What has to be trusted first, to stand behind an address; nothing for a certificate of the user's own."""
    own = checkout.settings.value("TLS_CERT")
    return "" if own else f", by the authority {AUTHORITY.removeprefix('./')} (docs/https.md says how to trust it)"


def hosts(planned: Planned) -> list[str]:
    """The hosts that browsers ask the gateway for: its own, and those of its routes that are no patterns."""
    routed = [host for host in entrance.of(planned).hosts if "*" not in host]
    return list(dict.fromkeys(host.partition(":")[0].lower() for host in [*_public(planned.checkout), *routed]))


def names_of(planned: Planned) -> list[str]:
    """What the certificate of a plan's gateway is to be for."""
    return certificate.names(entrance.of(planned).hosts, _public(planned.checkout))


def _public(checkout: Checkout) -> list[str]:
    """The hosts under which browsers reach the gateway, as the settings say."""
    url = urlsplit(checkout.settings.value("PUBLIC_URL")).hostname or ""
    return list(dict.fromkeys(filter(None, [checkout.settings.value("PUBLIC_HOST"), url])))


def problems(checkout: Checkout) -> list[Problem]:
    """What certainly keeps the gateway from serving the user's own certificate."""
    cert, secret = (checkout.settings.value(name) for name in certificate.FILES)
    if not cert:
        fix = "./inv env.set TLS_CERT VALUE, or ./inv env.unset TLS_KEY"
        return [Problem("tls", "TLS_KEY names a key, and TLS_CERT no certificate", "TLS_CERT", fix)] if secret else []
    try:
        certificate.pair(checkout.root, cert, secret)
    except StackError as error:
        return [_of_shell(problem) if checkout.settings.origin(problem.where) == SHELL else problem
                for problem in error.problems]  # fmt: skip
    return []


def _of_shell(problem: Problem) -> Problem:
    """The same where the shell sets what is wrong: `.env` would not be heard."""
    return msgspec.structs.replace(problem, fix=f"unset {problem.where}")
