"""What of a service no stack file can say, or Swarm can't hold: refused by name, with the way out. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from stack.cluster import words
from stack.errors import Problem
from stack.planning.model import Service
from stack.running.contents import File

LIMIT = 500 * 1000
"""Bytes that a secret of Swarm may have, and a config of an engine before 26 (moby/swarmkit, api/validation)."""
TOGETHER = 16 * LIMIT
"""Bytes that the files of one mount may have: each manager keeps every config in memory."""
NO_NEW_PRIVILEGES = "no-new-privileges:true"
Files = Mapping[str, list[File]]
Reason = tuple[str, str, str]
"""A key of a service, why Swarm can't carry it, and the way out."""


def refused(name: str, raw: Service, files: Files, fragment: str) -> Iterable[Problem]:
    """What a service has that Swarm can't carry, with the way out; `files` has those behind each bind."""
    for key, why, fix in (*_foreign(raw), *_networked(raw), *_mounted(raw, files)):
        yield Problem(
            "not-for-swarm", f"Swarm can't run {name}: {why}", f"services.{name}.{key}", fix.format(fragment=fragment)
        )


def _foreign(raw: Service) -> Iterable[Reason]:
    for key, value in raw.items():
        if not value or key.startswith("x-"):
            continue
        if key in words.REFUSED:
            yield key, words.REFUSED[key], words.DROP
        elif key not in (*words.KEPT, *words.TRANSLATED, *words.MEANINGLESS):
            yield key, f"a stack file has no word for {key}", words.DROP
    for option in raw.get("security_opt") or []:
        if option.replace("=", ":") not in (NO_NEW_PRIVILEGES, "no-new-privileges"):
            yield "security_opt", f"a stack file has no word for security_opt {option}", words.DROP


def _networked(raw: Service) -> Iterable[Reason]:
    mode = raw.get("network_mode") or ""
    if mode not in ("", "host"):
        why = f"it lives in the network of {mode.partition(':')[2] or mode}, which may be on another node"
        yield "network_mode", why, words.TOGETHER
    for key, own in (raw.get("networks") or {}).items():
        if fixed := (own or {}).get("ipv4_address") or (own or {}).get("ipv6_address"):
            yield f"networks.{key}", f"it has the address {fixed}, and Swarm gives each task its own", words.DROP
    for host in hosts(raw):
        if host.endswith(":host-gateway"):
            yield "extra_hosts", "it asks its own machine by host-gateway", words.DROP


def _mounted(raw: Service, files: Files) -> Iterable[Reason]:
    for mount in raw.get("volumes") or []:
        yield from (("volumes", why, fix) for why, fix in _unmountable(mount, files))


def _unmountable(mount: dict[str, Any], files: Files) -> Iterable[tuple[str, str]]:
    kind, path = mount.get("type"), mount.get("source") or ""
    if kind not in ("bind", "volume", "tmpfs"):
        yield f"a stack file has no mount of type {kind}", words.DROP
    elif kind == "bind" and path not in files:
        yield f"it mounts {path} of the machine that it is on", (
            words.OWN_FOLDER if path.startswith(("./", "~")) else words.DROP)  # fmt: skip
    elif kind == "bind":
        own = files[path]
        if len(own) > 1 and (together := sum(file.size for file in own)) > TOGETHER:
            why = f"{path} has {together / 1e6:.0f} MB in {len(own)} files, and configs {TOGETHER // 10**6} at most"
            yield why, "put it into the image, or into a volume"
            return
        for file in own:
            if file.size > LIMIT:
                size = f"{file.size / 1000:.0f} kB"
                yield f"{path}/{file.path}".rstrip("/") + f" has {size}, and a config {LIMIT // 1000} at most", (
                    "put it into the image, or into a volume")  # fmt: skip


def hosts(raw: Service) -> list[str]:
    """The extra hosts as a stack file has them; Compose writes them with = in between, or as a map."""
    told = raw.get("extra_hosts") or []
    if isinstance(told, dict):
        return [f"{host}:{one}" for host, at in told.items() for one in ([at] if isinstance(at, str) else at)]
    return [entry.replace("=", ":", 1) for entry in told]
