"""Whether browsers take the certificate that the gateway serves: for how long, and under which names."""

import datetime as dt
from collections.abc import Iterable

from stack.doctor.check import ERROR, WARNING, Check, Finding, told_by, untold
from stack.doctor.scene import Scene
from stack.gateway import certificate, entrance
from stack.running import tls

SHOWN = 3
"""Names that one sentence has."""


def _run(scene: Scene) -> Iterable[Finding]:
    if not tls.asked(scene.checkout):
        yield untold("neither TLS nor TLS_CERT is set")
    elif tls.problems(scene.checkout):
        yield told_by("certificate", entrance.SERVICE)
    elif pem := tls.served(scene.root):
        own = scene.checkout.settings.value("TLS_CERT")
        yield from faults(pem, own, tls.hosts(scene.standing), dt.datetime.now(dt.UTC))
        if own and tls.wanted(scene.standing) != pem:
            yield _finding(f"{own} has another certificate than the gateway serves",
                           "the gateway goes on with the old one", "./inv up", WARNING)  # fmt: skip
    else:
        yield untold("the gateway was not started with a certificate yet")


def faults(pem: bytes, own: str, hosts: Iterable[str], now: dt.datetime) -> Iterable[Finding]:
    """What is wrong with what the gateway serves to browsers that ask for these hosts: a certificate of the user's
    `own` file, or one that `up` makes."""
    one = certificate.first(pem)
    if one is None:
        return
    mend = f"put another certificate at {own}, then ./inv up" if own else "./inv up"
    left, day = one.not_valid_after_utc - now, one.not_valid_after_utc.date()
    if left <= dt.timedelta(0):
        yield _finding(f"the gateway's certificate ended on {day}", "browsers and clients refuse it", mend, ERROR)
    elif left <= certificate.NEAR:
        seen = f"the gateway's certificate ends on {day}, in {left.days} days"
        yield _finding(seen, "browsers and clients refuse it from then on", mend, WARNING)
    missing = [host for host in hosts if not certificate.fits(one, host)]
    if missing:
        more = f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
        seen = f"the gateway's certificate is not for {', '.join(missing[:SHOWN])}{more}"
        yield _finding(seen, "browsers and clients refuse it there", mend, WARNING)


def _finding(seen: str, causes: str, fix: str, grade: str) -> Finding:
    return Finding(seen, causes, fix, ERROR if grade == ERROR else WARNING, entrance.SERVICE)


CHECK = Check(
    id="certificate-fits",
    section="gateway",
    holds="the gateway's certificate is for the names of its routes, and for the next 30 days",
    run=_run,
    needs=("planned",),
    of_services=True,
)
