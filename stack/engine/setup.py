"""Brings a Docker engine and Compose to a machine that has none, and starts what it brought."""

from collections.abc import Callable, Iterable

import msgspec

from stack import process
from stack.engine import compose_plugin, daemon, record, remedy
from stack.engine.facts import Facts, look
from stack.engine.supply import USUAL, Supply
from stack.engine.verdict import Verdict, judge
from stack.errors import StackError

__all__ = ["ensure", "judge", "look", "stop"]

Say = Callable[[str], None]
Ask = Callable[[str], bool]
# apt downloads some 100 MB; on a slow line that takes minutes.
APT_LIMIT_S = 1200.0
ENGINE = ("docker.io", "iptables", "ca-certificates")
"""Debian's engine, and all that is needed of its recommendations."""
APPARMOR = ("apparmor",)
"""What the engine needs as well where the kernel has AppArmor."""
CLIENT = ("docker-cli",)
"""The docker client where it is no part of the engine's package."""


class Step(msgspec.Struct, frozen=True):
    """One thing to do: what is asked before, and what does it."""

    question: str
    act: Callable[[Facts, Say], None]


def ensure(consent: bool, ask: Ask | None, say: Say, explicit: bool = False, supply: Supply = USUAL) -> Facts:
    """Makes sure that an engine and a Compose that will do are there and answer, and says what there is.

    Only what is missing altogether is installed, and only an engine of our own is started, after `consent` or
    a yes to `ask` (None where nobody can be asked). `explicit`: the user asked for this very step, so any
    installed engine is started. Packages come from the `supply`. Raises StackError with the one command in every other
    case."""
    # An engine, its client, Compose: no machine needs more steps than these.
    for _ in range(4):
        facts = look()
        verdict = judge(facts)
        problem = verdict.problem
        if problem is None:
            return facts
        step = step_for(verdict, facts, explicit, supply)
        if step is None or not (consent or (ask is not None and ask(step.question))):
            raise StackError(problem)
        # One yes holds for the whole way.
        consent, explicit = True, True
        step.act(facts, say)
    raise StackError(problem or [])


def step_for(verdict: Verdict, facts: Facts, explicit: bool, supply: Supply = USUAL) -> Step | None:
    """What may be done about a verdict; None where that is for the user."""
    if verdict.problem is None or verdict.problem.fix != remedy.STEP:
        return None
    if verdict.kind == "absent":
        what = "No Docker engine is installed. Install Debian's docker.io and Compose, and start it?"
        return Step(what, lambda facts, say: _install(facts, say, supply))
    if verdict.kind.startswith("compose"):
        release = compose_plugin.fitting()
        what = f"{verdict.problem.message}. Install Compose {release.version} for your user?"
        return Step(what, lambda _, say: compose_plugin.install(release, say, supply))
    if verdict.kind == "client-missing" and explicit:
        what = "Install Debian's docker client?"
        return Step(what, lambda facts, say: _apt([_client_package(supply)], facts, say, supply))
    if verdict.kind == "stopped" and (explicit or facts.ours):
        return Step("The Docker engine is not running. Start it?", daemon.start)
    return None


def stoppable() -> bool:
    """Whether there is an engine that `ensure` started."""
    return daemon.started()


def stop(say: Say) -> bool:
    """Stops the engine, if it was `ensure` that started it; says whether there was one to stop."""
    return daemon.stop(say)


def _install(facts: Facts, say: Say, supply: Supply) -> None:
    say("installing Debian's Docker engine (docker.io) …")
    _apt([*ENGINE, *(APPARMOR if facts.apparmor_tools_missing else ())], facts, say, supply)
    if not look().docker:
        _apt([_client_package(supply)], facts, say, supply)
    kept = record.read()
    kept.installed = True
    kept.started = "by systemd" if facts.systemd else ""
    record.write(kept)


def _apt(packages: list[str], facts: Facts, say: Say, supply: Supply) -> None:
    """Installs Debian packages. Raises StackError with apt's last lines."""
    environment = {"DEBIAN_FRONTEND": "noninteractive"}
    if not facts.systemd:
        # In this runlevel a package starts no service: we start the engine by hand, with a log of its own.
        environment["RUNLEVEL"] = "1"
    options = ["-o", "DPkg::Lock::Timeout=300", *supply.apt()]
    update = process.as_root(["apt-get", "update", *options])
    install = process.as_root(["apt-get", "install", "-y", "--no-install-recommends", *options, *packages])
    by_hand = remedy.install(facts, " ".join(packages))
    try:
        process.output(update, what="apt-get update", fix=by_hand, limit_s=APT_LIMIT_S, env=environment)
    except StackError as error:
        # A source that does not answer need not matter: what counts is whether the package can be had.
        say(error.problems[0].message)
    process.output(install, what="apt-get install", fix=by_hand, limit_s=APT_LIMIT_S, env=environment)


def _client_package(supply: Supply) -> str:
    """Debian's package of the docker client: a part of docker.io up to Debian 12 and on Ubuntu."""
    return next(iter(known(CLIENT, supply)), "docker.io")


def known(packages: Iterable[str], supply: Supply = USUAL) -> list[str]:
    """Those of the packages that apt's sources have."""
    found = []
    for name in packages:
        command = ["apt-cache", *supply.apt(), "pkgnames", name]
        if name in process.output(command, what="apt-cache", fix=" ".join(command), limit_s=60).split():
            found.append(name)
    return found
