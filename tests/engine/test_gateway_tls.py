"""HTTPS at the gateway from source `build`: the certificate of a local authority, and another one while it runs."""

import datetime as dt
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from stack.gateway import certificate
from stack.running import tls
from tests.engine.support import standins
from tests.engine.support.load import load, page
from tests.engine.support.stacks import Stack, docker, until
from tests.engine.test_gateway_reload import GATEWAY, ROUTES

ROUTED = ROUTES.replace("routes: [", 'routes: [{name: "named", hosts: ["web.localhost"]}, ')


def answered(port: int, host: str, trusted: bytes) -> tuple[int, int]:
    """The status of the page at a host's HTTPS, asked as a client does that trusts one authority; and the number
    of the certificate that it was shown."""
    context = ssl.create_default_context(cadata=trusted.decode())
    plain = socket.create_connection(("127.0.0.1", port), timeout=30)
    with context.wrap_socket(plain, server_hostname=host) as line:
        path = "/web/" if host == "localhost" else "/"
        line.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
        shown = line.getpeercert()
        assert shown is not None
        return int(line.makefile("rb").readline().split()[1]), int(str(shown["serialNumber"]), 16)


def number(pem: bytes) -> int:
    one = certificate.first(pem)
    assert one is not None
    return one.serial_number


@pytest.fixture
def sealed(new_stack: Callable[..., Stack], tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """A gateway before one page, with a certificate of the local authority."""
    standins.build(tmp_path_factory.mktemp("stand-in"))
    stack = new_stack(KONG_API_GATEWAY_SOURCE="build", TLS="internal")
    (stack.root / "kong/kong.yml").write_text(ROUTED)
    page(stack, "web")
    return stack


def own(folder: Path) -> tuple[bytes, bytes]:
    """A certificate of another authority in my.pem, and what that authority is known by."""
    now = dt.datetime.now(dt.UTC)
    other = certificate.authority("another", now)
    made = certificate.made(other, ["localhost", "web.localhost"], now)
    (folder / "my.pem").write_bytes(made)
    return made, certificate.public(other)


def test_a_client_that_trusts_the_authority_is_served_and_another_certificate_comes_without_a_failed_request(
    sealed: Stack,
) -> None:
    both = ["--service", "web", "--service", GATEWAY]
    up = sealed.up(*both)
    assert f"https://localhost:{sealed.port(3)}/" in up.text
    trusted, port = (sealed.root / tls.AUTHORITY).read_bytes(), sealed.port(3)
    for host in ("localhost", "web.localhost"):
        assert answered(port, host, trusted) == (200, number(tls.served(sealed.root)))
    before = sealed.identities()[f"{GATEWAY}-1"]
    with load(sealed.port(2)) as requests:
        assert sealed.inv("route.add", "--service", "web", "--host", "new.localhost", "--auth", "none").code == 0
        until(lambda: answered(port, "new.localhost", trusted)[0] == 200, "the new name")
        made, other = own(sealed.root)
        sealed.set(TLS_CERT="my.pem")
        assert "runs on, and takes its new certificate" in sealed.inv("plan", *both).text
        assert "new certificate" in sealed.up(*both).text
        until(lambda: answered(port, "localhost", other) == (200, number(made)), "the new certificate")
        (sealed.root / "my.pem").write_bytes(made[:200])
        refused = sealed.inv("up", *both, "--json")
        assert [problem["code"] for problem in refused.problems] == ["tls"], refused
        assert answered(port, "localhost", other) == (200, number(made))
        requests.until_more(20)
    assert set(requests.statuses) == {"200"}
    assert sealed.identities()[f"{GATEWAY}-1"] == before
    told = docker("inspect", before[0]) + docker("logs", before[0]) + (sealed.root / "compose.yaml").read_text()
    assert "PRIVATE KEY" not in told
    assert all(line not in told for line in made.decode().splitlines()[1:4])
    sealed.compose("restart", GATEWAY)
    until(lambda: sealed.one(GATEWAY)["State"]["Health"]["Status"] == "healthy", "the restarted gateway")
    assert answered(port, "web.localhost", other) == (200, number(made))
    sealed.set(TLS="", TLS_CERT="")
    for command in ("plan", "up"):
        assert "takes a certificate of its own" in sealed.inv(command, *both).text.replace("took", "takes"), command
