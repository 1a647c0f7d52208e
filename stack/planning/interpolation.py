"""What Compose interpolates the catalogue with: settings, ports, scales, and a token for each secret. Pure."""

from collections.abc import Mapping

from stack.env import public, settings
from stack.env.settings import Settings
from stack.errors import Problem, StackError
from stack.names import cut, variable
from stack.planning import checkouts, model, ports
from stack.planning.checkouts import Checkout


def environment(checkout: Checkout, chosen: Mapping[str, str], base_port: int) -> tuple[dict[str, str], dict[str, int]]:
    """What Compose interpolates with: settings, ports, scales, and a token for each secret. And the ports."""
    values = checkouts.given(checkout)
    scaled = _scales(checkout, chosen, values)
    claimed = ports.claims(checkout.catalog, chosen)
    problems = ports.twice(claimed)
    if problems:
        raise StackError(problems)
    offsets = {claim.variable: claim.offset for claim in claimed}
    empty = {claim.variable: "" for claim in claimed if scaled.get(claim.service, 1) > 1}
    assigned = ports.assign(offsets, base_port, {k: v for k, v in values.items() if k in offsets})
    env = {
        **defaults_elsewhere(checkout),
        **{name: value for name, value in values.items() if name not in checkout.secrets},
    }
    env |= {name: str(port) for name, port in assigned.items()} | empty
    at = reached(checkout.settings, assigned.get(GATEWAY_PORT))
    env |= public.variables(at, assigned, values.get("TRUSTED_PROXIES", ""), values.get("PUBLIC_ROUTES", ""))
    env |= {name: model.token(name) for name in checkout.secrets}
    return env, assigned


GATEWAY_PORT = "KONG_HTTP_PORT"
"""The variable of the gateway's published port for plain HTTP."""


def reached(found: Settings, port: int | None) -> public.Address:
    """The gateway as browsers reach it, which publishes this port for plain HTTP."""
    return public.address(found.value("PUBLIC_URL"), found.value("PUBLIC_HOST"), port)


def defaults_elsewhere(checkout: Checkout) -> dict[str, str]:
    """The default of each setting that some file reads without one (`${NAME}`) and another with one: it is the
    setting's, wherever that is read. One that refers to other settings holds only where it stands."""
    bare = {
        name for file in checkout.catalog.files.values() for name, default in file.variables.items() if default is None
    }
    found = {name: checkout.settings.value(name) for name in bare if checkout.settings.origin(name) == settings.DEFAULT}
    return {name: value for name, value in found.items() if "$" not in value and name not in checkout.secrets}


def _scales(checkout: Checkout, chosen: Mapping[str, str], values: Mapping[str, str]) -> dict[str, int]:
    """The replicas that settings ask for. Raises StackError for a bad number, or a service that can't be scaled."""
    scales, problems = {}, []
    for service in checkout.catalog.services():
        name = variable(service, "SCALE")
        if name not in values:
            continue
        text = values[name]
        fragment = checkout.catalog.fragment_of(service)
        entry = checkout.catalog.entry(service, checkout.catalog.fragments[fragment].files(chosen[fragment]))
        if not (text.isascii() and text.isdecimal() and int(text) > 0):
            fix = f"./inv source --service {fragment} --to disabled" if text == "0" else f"./inv env.set {name} 1"
            problems.append(Problem("scale", f"{name} must be a whole number from 1", name, fix))
        elif int(text) > 1 and not entry.scalable:
            message = f"{service} can't be scaled: {name} is {cut(text)}"
            problems.append(Problem("scale", message, name, f"./inv env.unset {name}"))
        else:
            scales[service] = int(text)
    if problems:
        raise StackError(problems)
    return scales
