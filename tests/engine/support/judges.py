"""Who answers a table of requests: the simulator, a running HAProxy, and a running Kong where its image is here. Each
takes a file, and is asked then."""

import base64
import contextlib
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol, cast
from urllib.parse import unquote

import pytest

from stack import yamlfile
from stack.gateway import kongfile, routing
from stack.gateway.haproxy import configuration
from tests.engine.support import gateway, stacks, standins
from tests.engine.support.gateway import Asker, Row
from tests.engine.support.stacks import docker, run
from tests.gateway_requests import Answer, Request

ROOT = stacks.SOURCE_TREE
SHUT = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--tmpfs", "/tmp")
IMAGE = "genai-stack/gateway:test"
Asked = Callable[[Request], Answer | None]
"""Gives what becomes of a request; None where it can't tell which of two routes takes it."""


class Judge(Protocol):
    """One who answers."""

    @contextlib.contextmanager
    def take(self, document: dict[str, Any]) -> Iterator[Asked]:
        """Have it serve a file, and ask it."""
        ...


class Simulator:
    """What `route.test` goes by."""

    @contextlib.contextmanager
    def take(self, document: dict[str, Any]) -> Iterator[Asked]:
        """Have it serve a file, and ask it."""
        judge = gateway.Judge(document)

        def asked(one: Request) -> Answer | None:
            path, _, key = re.sub(r"[?&]apikey=", "\0", one.path, count=1).partition("\0")
            row = Row(one.method, one.host, path, one.headers.get("apikey", ""), unquote(key), one.login)
            seen = judge(row)
            return seen and Answer(seen.status, seen.route, seen.path, seen.host, seen.password)

        yield asked


def request(row: Row) -> Request:
    """A row of a table that has no answers, as a request."""
    key = f"{'&' if '?' in row.path else '?'}apikey={gateway.quoted(row.asked)}" if row.asked else ""
    headers = {"apikey": row.key} if row.key else {}
    if row.login is not None:
        headers["Authorization"] = "Basic " + base64.b64encode(":".join(row.login).encode()).decode()
    return Request(row.method, row.host, row.path + key, headers)


def differing(one: Asked, other: Asked, rows: Iterable[Row]) -> tuple[int, list[str]]:
    """How many rows were asked of two judges, and those on which they do not agree. What the first can't tell is not
    asked, nor a path that is not ASCII: HAProxy refuses it, and no browser sends it."""
    asked = [request(row) for row in rows if row.path.isascii()]
    both = [(each, said, other(each)) for each in asked if (said := one(each)) is not None]
    wrong = [f"{each}: {said.without_headers()}, and {found and found.without_headers()}" for each, said, found in both
             if found is None or said.without_headers() != found.without_headers()]  # fmt: skip
    return len(both), wrong


class Running(NamedTuple):
    """A gateway that runs in a container, with the folder from which it takes its files."""

    name: str
    folder: Path
    port: int
    server: str

    def reload(self, file: str) -> None:
        """Have it take another file, by the script that a running stack uses."""
        done = run("docker", "exec", self.name, "sh", "/opt/gateway/reload.sh", f"/gateway/{file}")
        assert done.code == 0, done

    @contextlib.contextmanager
    def asked(self) -> Iterator[Asked]:
        """Ask it."""
        with contextlib.closing(Asker(self.port)) as asker:
            yield lambda one: _answer(asker, one)


def _answer(asker: Asker, one: Request) -> Answer:
    answer, body = asker.send(Row(one.method, one.host, one.path), dict(one.headers))
    back = cast("Mapping[str, str]", answer.headers)
    route = back.get("X-Test-Route")
    if route is None:
        return Answer(answer.status, back=back)
    said = json.loads(body)
    told = dict(said["headers"])
    password = told.get("authorization", "").startswith("Basic")
    return Answer(answer.status, route, said["path"].partition("?")[0], told["host"], password, told, back)


class HAProxy(Running):
    """HAProxy of the source `build`."""

    @contextlib.contextmanager
    def take(self, document: dict[str, Any]) -> Iterator[Asked]:
        """Have it serve a file, and ask it."""
        (self.folder / "next.cfg").write_text(gateway.written(document, self.server))
        self.reload("next.cfg")
        with self.asked() as asked:
            yield asked


class Kong(Running):
    """Kong itself."""

    @contextlib.contextmanager
    def take(self, document: dict[str, Any]) -> Iterator[Asked]:
        """Have it serve a file, and ask it once its workers have that."""
        text = kongfile.write(for_kong(document, self.server))
        mark = hashlib.sha256(text.encode()).hexdigest()[:16]
        (self.folder / "next.yml").write_text(kongfile.write(marked(for_kong(document, self.server), mark)))
        self.reload("next.yml")
        stacks.until(lambda: self._serves(mark), "Kong's new workers")
        with self.asked() as asked:
            yield asked

    def _serves(self, mark: str) -> bool:
        with contextlib.closing(Asker(self.port)) as asker:
            return mark.encode() in asker.send(Row("GET", MARK, "/"))[1]


MARK = "mark.invalid"
"""The name under which Kong tells which file it has."""


def marked(document: dict[str, Any], mark: str) -> dict[str, Any]:
    """A file with a route that tells which one it is."""
    ends = {"name": "request-termination", "config": {"status_code": 200, "message": mark}}
    return {**document, "routes": [{"name": "mark", "hosts": [MARK], "plugins": [ends]}]}


def for_kong(document: dict[str, Any], server: str) -> dict[str, Any]:
    """A file with the echo at this address behind every service, each still called as it is in the file; an answer that
    came from there tells its route."""
    found, services, upstreams = kongfile.entities(document), [], []
    sections = configuration.sections(routing.router(found).candidates)
    for at, entity in enumerate(found["services"]):
        value = entity.value
        host = f"service-{at}.invalid"
        kept = {key: item for key, item in value.items() if key not in ("url", "host", "port", "protocol", "path")}
        base = routing.target(entity)[2]
        names = [sections.get(f"{entity.path}.routes[{place}]", "") for place in range(len(value.get("routes") or []))]
        routes = [{**route, "plugins": [*(route.get("plugins") or []), _telling(name)]}
                  for name, route in zip(names, value.get("routes") or [], strict=True)]  # fmt: skip
        services.append({**kept, "protocol": "http", "host": host, "port": 80, "path": base, "routes": routes})
        upstreams.append({"name": host, "host_header": routing.named(found, entity), "targets": [{"target": server}]})
    others = {key: value for key, value in document.items() if key not in ("services", "upstreams")}
    return {**others, "services": services, "upstreams": upstreams}


def _telling(route: str) -> dict[str, Any]:
    """A plugin that puts the route's name into what a service answered."""
    code = f'if kong.response.get_source() == "service" then kong.response.set_header("X-Test-Route", "{route}") end'
    return {"name": "post-function", "config": {"header_filter": [code]}}


def built(folder: Path) -> str:
    """The image of the source `build`, on the base that GATEWAY_BASE_IMAGE names."""
    base = os.environ.get("GATEWAY_BASE_IMAGE", stacks.BASE)
    image = IMAGE if base == stacks.BASE else f"{IMAGE}-other"
    standins.build(folder, image, ROOT / "compose/kong-api-gateway", base)
    return image


@contextlib.contextmanager
def haproxy(folder: Path) -> Iterator[HAProxy]:
    """A HAProxy that has started with no route at all."""
    image = built(folder)
    with _echo() as server:
        (folder / "haproxy.cfg").write_text(gateway.written({"_format_version": "3.0"}, server))
        given = {**gateway.SECRETS, "PUBLIC_HTTP_PORT": str(gateway.PORT), "KONG_HTTPS_PORT": "63003"}
        with _container(folder, given, image) as (name, port):
            stacks.until(lambda: run("docker", "exec", name, "test", "-S", "/tmp/haproxy.sock").code == 0, "HAProxy")
            yield HAProxy(name, folder, port, server)


@contextlib.contextmanager
def kong(folder: Path) -> Iterator[Kong]:
    """A Kong that has started with no route at all, as its fragment says; skips where its image is not here."""
    service, image = _fragment()
    if run("docker", "image", "inspect", image).code:
        pytest.skip(f"{image} is not on this machine")
    scripts = ROOT / "compose/kong-api-gateway"
    with _echo() as server:
        (folder / "kong.yml").write_text(kongfile.write(marked({"_format_version": "3.0"}, "none")))
        plain = {name: str(value) for name, value in service["environment"].items() if "${" not in str(value)}
        given = {**plain, **gateway.SECRETS, "KONG_PORT_MAPS": f"{gateway.PORT}:8000, 63003:8443",
                 "KONG_PLUGINS": "bundled"}  # fmt: skip
        start = ["sh", "/opt/gateway/start.sh"]
        with _container(folder, given, image, start, ("-v", f"{scripts}:/opt/gateway:ro")) as (name, port):
            found = Kong(name, folder, port, server)
            stacks.until(lambda: found._serves("none"), "Kong")
            yield found


def _fragment() -> tuple[dict[str, Any], str]:
    """The gateway's service as it is shipped, and the image that it has."""
    read: Any = yamlfile.load("", (ROOT / "compose/kong-api-gateway.yml").read_text())
    service = read["services"]["kong-api-gateway"]
    return service, service["image"].partition(":-")[2].removesuffix("}")


@contextlib.contextmanager
def _echo() -> Iterator[str]:
    """The echo where containers reach it; gives the address."""
    bridge = docker("network", "inspect", "bridge", "-f", "{{(index .IPAM.Config 0).Gateway}}").strip()
    with gateway.echo(bridge) as server:
        yield server


@contextlib.contextmanager
def _container(folder: Path, given: Mapping[str, str], image: str, command: list[str] | None = None,
               mounts: tuple[str, ...] = ()) -> Iterator[tuple[str, int]]:  # fmt: skip
    """A gateway's container, shut as its fragment has it; gives its name and its port."""
    folder.chmod(0o755)
    name = f"gateway-{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}"
    environment = (word for key, value in given.items() for word in ("-e", f"{key}={value}"))
    docker("run", "-d", "--name", name, *SHUT, "-v", f"{folder}:/gateway:ro", *mounts, "-p", "127.0.0.1::8000",
           *environment, image, *(command or []))  # fmt: skip
    try:
        yield name, int(docker("port", name, "8000/tcp").rpartition(":")[2])
    finally:
        run("docker", "rm", "-f", name)
