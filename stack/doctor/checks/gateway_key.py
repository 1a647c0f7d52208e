"""Whether the gateway answers at its published port, and takes the key that clients of Supabase send."""

from collections.abc import Iterable

import msgspec

from stack.doctor import inspected
from stack.doctor.check import Check, Finding
from stack.doctor.inspected import Inspected
from stack.doctor.scene import Scene
from stack.gateway import declared, entrance, kongfile
from stack.planning import ports as ports_of
from stack.running import sockets

KEY, HEADER = "SUPABASE_ANON_KEY", "apikey"
NOWHERE = "inv-doctor"
"""A path that no service has: what matters is whether the gateway lets the request pass."""
PATIENCE_S = 4.0
FROM_BEHIND = "X-Kong-Upstream-Latency"
"""Kong puts this into an answer that is not its own."""


class Answer(msgspec.Struct, frozen=True):
    """The status of one request, 0 where none came; and whether the gateway itself gave it."""

    status: int
    own: bool = True


def _run(scene: Scene) -> Iterable[Finding]:
    one = next(iter(scene.running().get(entrance.SERVICE) or []), None)
    place = _published(one) if one and inspected.ready(one) and not scene.absent(one) else None
    if one is None or place is None:
        return
    path, key = guarded(scene.served), scene.secrets.get(KEY, "")
    answer = ask(*place, f"{path}{NOWHERE}" if path and key else "/", key)
    if answer.status == 0 and _nobody_listens(scene):
        return
    if answer.status == 0:
        seen = f"the gateway is healthy, and gives no answer at http://{place[0]}:{place[1]}/"
        again = f"docker compose restart {entrance.SERVICE}"
        yield Finding(seen, "no page or API behind it is reached from outside", again, service=entrance.SERVICE)
    elif path and key and answer.own and answer.status in (401, 403):
        yield refused(path, answer.status, inspected.given(one).get(KEY) == key)


def _published(one: Inspected) -> tuple[str, int] | None:
    """Where this machine reaches the gateway."""
    ports = (one.get("NetworkSettings") or {}).get("Ports") or {}
    bound = next(iter(ports.get(f"{entrance.INSIDE}/tcp") or []), None)
    if bound is None:
        return None
    address = "127.0.0.1" if bound["HostIp"] in ports_of.EVERYWHERE else bound["HostIp"]
    return address, int(bound["HostPort"])


def _nobody_listens(scene: Scene) -> bool:
    """Whether nothing listens inside: that is told as it is."""
    look = scene.looks.get(entrance.SERVICE)
    return look is not None and not sockets.at(look.listeners, entrance.INSIDE)


def guarded(found: kongfile.Entities) -> str:
    """The path of a route that asks for a key, and takes that of anybody; empty where there is none."""
    for route in found["routes"]:
        acl = declared.plugins_of(found, route).get("acl")
        open_to = declared.strings(declared.config(acl).get("allow")) if acl else ["anon"]
        paths = [path for path in declared.strings(route.value.get("paths")) if path.endswith("/") and path[0] == "/"]
        if paths and "key-auth" in declared.asking(found, route) and "anon" in open_to and not route.value.get("hosts"):
            return paths[0]
    return ""


def ask(host: str, port: int, path: str, key: str) -> Answer:
    """One request with the key."""
    import http.client

    connection = http.client.HTTPConnection(host, port, timeout=PATIENCE_S)
    try:
        connection.request("GET", path, headers={HEADER: key} if key else {})
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers.get(FROM_BEHIND) is None)
    except (OSError, http.client.HTTPException):
        return Answer(0)
    finally:
        connection.close()


def refused(path: str, status: int, same: bool) -> Finding:
    """What to say where the gateway refuses the key; `same` tells whether it was made with the one in `.env`."""
    seen = f"the gateway answers {status} at {path} to {KEY}"
    seen += "" if same else ": its container was made with another one"
    fix = f"docker compose restart {entrance.SERVICE}" if same else "./inv up"
    return Finding(seen, "every client of Supabase is turned away", fix, service=entrance.SERVICE)


CHECK = Check(
    id="gateway-key",
    section="gateway",
    holds="the gateway answers at its port, and takes the anon key",
    run=_run,
    needs=("planned", "engine", "gateway_up"),
    of_services=True,
)
