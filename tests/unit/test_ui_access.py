"""Who may ask the server of `inv ui`: the rules, and what they come to in its answers."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from stack.ui import access
from stack.ui.access import Asked, refusal
from stack.ui.app import Server

TOKEN = "right"
HOST = "127.0.0.1:8080"
OWN = {"host": HOST, "cookie": f"inv-ui-8080={TOKEN}"}
SENT = {**OWN, "origin": f"http://{HOST}", "content-type": "application/json"}


def status(
    headers: dict[str, str], method: str = "GET", path: str = "/", token: str = "", read_only: bool = False
) -> int:
    refused = refusal(Asked(method, path, headers, token), TOKEN, read_only)
    return refused.status if refused else 200


def test_the_token_opens_by_the_address_or_the_cookie_of_its_port() -> None:
    assert status({"host": HOST}, token=TOKEN) == status(OWN) == 200
    assert status({"host": "localhost:9", "cookie": f"inv-ui-9={TOKEN}"}) == 200  # by a tunnel
    assert status({"host": HOST}) == status({"host": HOST}, token="wrong") == 403
    assert status({"host": HOST, "cookie": f"inv-ui-9={TOKEN}"}) == 403
    assert status({"host": HOST, "cookie": "inv-ui-8080=räuber; a=b"}) == 403


@pytest.mark.parametrize(
    "host", ["evil.example:8080", "127.0.0.1.evil.example:8080", "127.0.0.1:8080@evil", "", "[::1]:8080"]
)
def test_another_name_that_leads_here_is_refused(host: str) -> None:
    assert status({**SENT, "host": host, "origin": f"http://{host}"}) == 421


@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1:9", "https://127.0.0.1:8080", "null", ""])
def test_another_page_of_this_machine_too_is_refused(origin: str) -> None:
    assert status({**OWN, "origin": origin}) == 403
    assert status({**SENT, "origin": origin}, "POST", "/api/do") == 403


def test_what_a_browser_says_of_who_asks_counts() -> None:
    opened = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert status({**OWN, "sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors"}) == 403
    assert status({**OWN, **opened}) == 200
    assert status({**SENT, **opened}, "POST", "/api/do") == 403
    assert status({**OWN, "sec-fetch-site": "same-origin", "sec-fetch-mode": "cors"}) == 200


def test_what_changes_something_is_json_from_a_page_of_ours() -> None:
    assert status(SENT, "POST", "/api/do") == 200
    assert status({**OWN, "content-type": "application/json"}, "POST", "/api/do") == 403
    assert status({**SENT, "content-type": "text/plain"}, "POST", "/api/do") == 415


def test_read_only_does_nothing_and_shows_what_it_would() -> None:
    assert status(SENT, "POST", "/api/do", read_only=True) == 403
    assert status(SENT, "POST", "/api/stop", read_only=True) == 403
    assert status(SENT, "POST", access.PREVIEW, read_only=True) == 200


class Browser:
    """A client with its cookies; nothing watches the stack, as the server's lifespan does not begin."""

    def __init__(self, root: Path) -> None:
        self._app, self._cookies = Server(root, TOKEN, read_only=False).app, httpx.Cookies()

    def get(self, path: str) -> httpx.Response:
        return self._ask("GET", path)

    def post(self, path: str, sent: Any, **headers: str) -> httpx.Response:
        return self._ask("POST", path, json=sent, headers=headers)

    def _ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self._app)
            async with httpx.AsyncClient(
                transport=transport, base_url=f"http://{HOST}", cookies=self._cookies
            ) as client:
                answer = await client.request(method, path, **more)
                self._cookies.update(client.cookies)
                return answer

        return asyncio.run(ask())


@pytest.fixture
def client(tmp_path: Path) -> Browser:
    return Browser(tmp_path)


def test_the_address_sets_a_cookie_that_only_this_site_sends(client: Browser) -> None:
    assert client.get("/").status_code == 403
    assert "./inv ui" in client.get("/?token=wrong").text
    entered = client.get(f"/?token={TOKEN}")
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= {
        part.strip() for part in entered.headers["set-cookie"].split(";")
    }
    assert client.get("/").text.startswith("<!doctype html>")
    assert client.get("/page/main.js").headers["content-type"].startswith("text/javascript")


def test_every_answer_forbids_foreign_scripts_and_frames_and_tells_no_other_site(client: Browser) -> None:
    for path in ("/", f"/?token={TOKEN}", "/page/main.js", "/page/none.js", "/none"):
        headers = client.get(path).headers
        assert "script-src 'self';" in headers["content-security-policy"], path
        assert "unsafe" not in headers["content-security-policy"], path
        assert (headers["referrer-policy"], headers["x-frame-options"]) == ("no-referrer", "DENY"), path
        assert not [name for name in headers if name.startswith("access-control-")], path


def test_the_page_has_no_script_or_style_of_its_own_that_would_be_refused() -> None:
    folder = Path(access.__file__).parent / "page"
    text = (folder / "index.html").read_text()
    assert "style=" not in text
    assert "<style" not in text
    assert text.count("<script") == text.count('src="/page/') == 2
    for name in folder.glob("*.js"):
        assert "innerHTML" not in name.read_text(), name
        assert "eval(" not in name.read_text(), name


def test_what_is_no_action_is_wrong_usage(client: Browser) -> None:
    client.get(f"/?token={TOKEN}")
    for sent in (
        {"do": "rm"},
        {"do": "scale", "service": "--all", "number": 1},
        {"do": "set", "name": "A", "value": "1\n2"},
    ):
        answer = client.post("/api/do", sent, Origin=f"http://{HOST}")
        assert (answer.status_code, answer.json()["problems"][0]["code"]) == (400, "usage")
