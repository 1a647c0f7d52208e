"""The check of PUBLIC_URL: the fault present, and absent."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack.doctor.check import SKIPPED, Finding
from stack.doctor.checks import public_url
from stack.doctor.scene import Scene
from tests.synthetic import facts, planned


def found(**settings: str) -> list[Finding]:
    """What the check finds of a gateway with these settings."""
    made = planned(facts({"kong-api-gateway": {}}), settings=settings)
    return list(public_url.CHECK.run(Scene(Path("/nowhere"), {"planned": made, "checkout": made.checkout})))


@pytest.fixture
def front() -> Iterator[int]:
    """The port of somebody who answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


@pytest.fixture
def nobody() -> int:
    """A port at which nobody answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_without_the_setting_there_is_nothing_to_look_at() -> None:
    assert [one.grade for one in found()] == [SKIPPED]


def test_https_that_nobody_is_trusted_to_end_is_told(front: int) -> None:
    url = f"https://127.0.0.1:{front}"
    [one] = found(PUBLIC_URL=url)
    assert one.seen == "PUBLIC_URL says https, and TRUSTED_PROXIES trusts no proxy that ends it"
    assert one.fix.startswith("./inv env.set TRUSTED_PROXIES private && ./inv up")
    assert found(PUBLIC_URL=url, TRUSTED_PROXIES="private") == []
    assert found(PUBLIC_URL=url, TLS="internal") == []
    assert found(PUBLIC_URL=f"http://127.0.0.1:{front}") == []


def test_an_address_at_which_certainly_nobody_answers_is_told(nobody: int) -> None:
    [one] = found(PUBLIC_URL=f"http://127.0.0.1:{nobody}")
    assert one.seen == f"nobody answers at http://127.0.0.1:{nobody} from this machine: the connection is refused"
    assert one.fix == "start the proxy (docs/https.md), or ./inv env.unset PUBLIC_URL && ./inv up"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (socket.gaierror(socket.EAI_NONAME, "no name"), "there is no such name"),
        (socket.gaierror(socket.EAI_AGAIN, "no server"), ""),
        (TimeoutError(), ""),
    ],
)
def test_what_can_not_be_told_from_here_is_not(monkeypatch: pytest.MonkeyPatch, error: OSError, told: str) -> None:
    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr(socket, "create_connection", fails)
    assert [one.seen.partition("machine: ")[2] for one in found(PUBLIC_URL="http://example.org")] == (
        [told] if told else []
    )
