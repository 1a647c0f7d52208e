"""What `up` writes to `.env`: secrets that are missing, and the flags that are to last."""

import re
import time
from collections.abc import Iterable, Mapping

from stack import docker
from stack.env import secrets, settings
from stack.errors import Problem, StackError
from stack.names import variable
from stack.planning import checkouts, lastup, model, planner
from stack.planning.catalog import FAR, PLAIN
from stack.planning.planner import Planned, Request


def changes(planned: Planned, request: Request) -> dict[str, str | None]:
    """The changes of `.env` that this plan asks for. Raises StackError where a secret is missing beside data that
    was made with it (a lost `.env`)."""
    made = _secrets(planned)
    kept = {} if request.once else _flags(planned, request)
    return {**kept, **made}


def _flags(planned: Planned, request: Request) -> dict[str, str | None]:
    """Profiles, sources and base port as the flags, or a fallback, have them, where they are not saved already."""
    saved: dict[str, str | None] = {}
    checkout = planned.checkout
    for name, source in planned.facts.sources.items():
        if source != (checkouts.given(checkout).get(variable(name, "SOURCE")) or PLAIN):
            saved[variable(name, "SOURCE")] = source
    if request.profiles and not request.services:
        wanted = planner.selected(checkout, request)
        if wanted != checkouts.saved_profiles(checkout):
            saved["STACK_PROFILES"] = ",".join(wanted)
    if request.base_port and request.base_port != checkout.dotenv.get("BASE_PORT"):
        saved["BASE_PORT"] = request.base_port
    if request.on and request.on != (checkout.dotenv.get("RUN_ON") or settings.CORE_DEFAULTS["RUN_ON"]):
        saved["RUN_ON"] = request.on
    return saved


def _secrets(planned: Planned) -> dict[str, str | None]:
    """New values for the secrets that are missing. Raises StackError for one whose value has the wrong shape, and
    for one that is missing beside data."""
    checkout = planned.checkout
    there = secret_values(checkout)
    problems = []
    for fragment, kinds in declared(planned).items():
        random = [n for n in secrets.missing(kinds, there, int(time.time())) if secrets.made_at_random(kinds[n])]
        missing = once_there(planned, fragment, random)
        volumes = existing_volumes(planned, fragment) if missing else []
        problems += [lost(fragment, missing, volumes)] if volumes else []
        problems += [p for n, kind in kinds.items() if there.get(n) and (p := secrets.check(n, kind, there[n]))]
    if problems:
        raise StackError(problems)
    return dict(new_secrets(planned))


def once_there(planned: Planned, fragment: str, names: Iterable[str]) -> list[str]:
    """Those of a fragment's missing secrets that its last start had: one that came with an update since is new to its
    data. Where no start is recorded, any may have been there."""
    record, services = lastup.read(planned.checkout.root), model.services(planned.facts.model)
    recorded = any(planned.facts.catalog.fragment_of(name) == fragment for name in record.services.keys() & services)
    return [name for name in names if not recorded or name in record.secrets]


def declared(planned: Planned) -> dict[str, dict[str, str]]:
    """The secrets (name: kind) of each planned fragment that runs here, and of any other those that a planned service
    uses: it is told them before the other comes, so as not to be made anew then."""
    services = model.services(planned.facts.model)
    used = {name for service in planned.plan.services for name in model.secrets_of(services[service.name])}
    whole = set(planned.plan.fragments())
    found: dict[str, dict[str, str]] = {}
    for fragment, source in planned.facts.sources.items():
        kinds = {} if source in FAR else checkouts.declared(planned.checkout, fragment, source)
        wanted = {name: kind for name, kind in kinds.items() if fragment in whole or name in used}
        found |= {fragment: wanted} if wanted else {}
    return found


def new_secrets(planned: Planned) -> dict[str, str]:
    """A value for each secret of the plan that has none, and for each Supabase key that must be minted again."""
    wanted = {name: kind for kinds in declared(planned).values() for name, kind in kinds.items()}
    return secrets.mint(wanted, secret_values(planned.checkout), _random_hex, int(time.time()))


def secret_values(checkout: checkouts.Checkout) -> dict[str, str]:
    """The value of each secret that is set."""
    return {name: value for name in checkout.secrets if (value := checkout.settings.value(name))}


def _random_hex(length: int) -> str:
    import secrets as randomness

    return randomness.token_hex(-(-length // 2))[:length]


def beside_data(planned: Planned, name: str) -> list[Problem]:
    """A problem for each fragment with data that was made with the secret `name`: a start makes no new one then."""
    found = []
    for fragment, kinds in declared(planned).items():
        random = [one for one in kinds if one == name and secrets.made_at_random(kinds[one])]
        volumes = existing_volumes(planned, fragment) if once_there(planned, fragment, random) else []
        if volumes:
            message = f"{fragment} has data ({', '.join(volumes)}), and ./inv up makes no new {name} beside that"
            found.append(Problem("secret-kept", message, f".env: {name}", f"another value: ./inv env.set {name} -"))
    return found


def lost(fragment: str, names: list[str], volumes: list[str]) -> Problem:
    """The problem of secrets that are missing beside data that was made with them."""
    message = (f"{fragment} has data ({', '.join(volumes)}) but {', '.join(names)} is not in .env: "
               "a new secret would not open it")  # fmt: skip
    back, up = f"./inv env.set {names[0]} -", f"docker volume rm {' '.join(volumes)}"
    fix = f"put the old value back: {back}   or give the data up: {up}"
    return Problem("env-lost", message, ".env", fix)


def existing_volumes(planned: Planned, fragment: str) -> list[str]:
    """The volumes of a fragment's services that the engine has."""
    services = model.services(planned.facts.model)
    of_fragment = [s for s in services if planned.facts.catalog.fragment_of(s) == fragment]
    keys = {v for s in of_fragment for v in model.named_volumes(services[s])}
    names = {planned.facts.model["volumes"][key].get("name", key) for key in keys}
    return sorted(name for name in docker.volumes() if name in names or _usual(name) in names)


def _usual(volume: str) -> str:
    """The name of the volume that a restored one took the place of: with `.env`, what says so is lost as well."""
    return re.sub(r"-\d+$", "", volume)


def sentences(planned: Planned, saved: Mapping[str, str | None]) -> list[str]:
    """One line for each saved setting with its undo; secrets by name alone."""
    lines = []
    made = sorted(name for name in saved if name in planned.checkout.secrets)
    if made:
        lines.append(f"made and saved to .env: {', '.join(made)}")
    for name in sorted(set(saved) - set(made)):
        before = planned.checkout.dotenv.get(name)
        undo = f"./inv env.set {name} {before}" if before else f"./inv env.unset {name}"
        lines.append(f"saved {name}={saved[name]} (undo: {undo})")
    return lines
