"""Whether somebody answers at PUBLIC_URL, and whether the word of a proxy that ends HTTPS before the gateway counts."""

import socket
from collections.abc import Iterable

from stack.doctor.check import WARNING, Check, Finding, untold
from stack.doctor.scene import Scene
from stack.env import public
from stack.env.public import Address
from stack.gateway import entrance
from stack.planning import interpolation
from stack.running import tls

PATIENCE_S = 3.0
"""A machine may not reach itself by its public address, so that nobody answers within this says nothing."""
GUIDE = "docs/https.md"


def _run(scene: Scene) -> Iterable[Finding]:
    settings = scene.checkout.settings
    if not settings.value("PUBLIC_URL"):
        yield untold("PUBLIC_URL is not set")
        return
    at = interpolation.reached(settings, None)
    if not settings.value("TRUSTED_PROXIES") and not tls.asked(scene.checkout):
        yield from unbelieved(at)
    if why := refused(at):
        seen = f"nobody answers at {at.scheme}://{at.host}{at.suffix} from this machine: {why}"
        fix = f"start the proxy ({GUIDE}), or ./inv env.unset PUBLIC_URL && ./inv up"
        yield Finding(seen, "every address that is printed or configured leads there", fix, WARNING, entrance.SERVICE)


def unbelieved(at: Address) -> Iterable[Finding]:
    """A finding where browsers come by https, the gateway serves none of its own, and nobody's word on it counts."""
    if at.scheme == "https":
        seen = "PUBLIC_URL says https, and TRUSTED_PROXIES trusts no proxy that ends it"
        causes = "services are told that browsers come by http, and that the proxy is every client"
        fix = f"./inv env.set TRUSTED_PROXIES {public.PRIVATE} && ./inv up ({GUIDE} says when that is safe)"
        yield Finding(seen, causes, fix, WARNING, entrance.SERVICE)


def refused(at: Address) -> str:
    """Why certainly nobody answers at an address; empty where somebody does, or it can't be told."""
    try:
        socket.create_connection((at.host, at.port or public.USUAL[at.scheme]), PATIENCE_S).close()
    except socket.gaierror as error:
        return "there is no such name" if error.errno == socket.EAI_NONAME else ""
    except ConnectionRefusedError:
        return "the connection is refused"
    except OSError:
        return ""
    return ""


CHECK = Check(
    id="public-url",
    section="gateway",
    holds="somebody answers at PUBLIC_URL, and the word of the proxy there counts",
    run=_run,
    needs=("planned", "engine", "gateway_up"),
    of_services=True,
)
