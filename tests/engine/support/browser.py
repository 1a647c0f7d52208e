"""A real browser (Debian's Chromium) beside the services of a checkout, told what to do by the WebDriver protocol."""

import json
import shutil
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.engine.support.stacks import Stack

NAME, OFFSET = "browser", 21
CONTEXT = Path(__file__).parents[1] / "browser"
PATIENCE_MS = 60_000
"""For an element to come: a busy machine's page took 40 s."""
ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1400,1000"]
CONTROL, ENTER = "\ue009", "\ue007"
"""Keys (W3C WebDriver, 17.4.2)."""
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
"""The key of an element's id (W3C WebDriver, 12.1)."""


def add(root: Path, profile: str) -> None:
    """Write the browser into the user's own layer of a checkout, as a service of a profile."""
    shutil.copytree(CONTEXT, root / "local" / NAME)
    build = {
        "context": f"./local/{NAME}", "network": "host", "secrets": ["ca", "apt"],
        "args": {"BASE_IMAGE": "${BASE_IMAGE:-genai-stack/base:0.1.0}"},
    }  # fmt: skip
    service = {
        "image": f"genai-stack/{NAME}:test",
        "build": build,
        "profiles": [profile],
        "networks": ["backend-bridge-network"],
        "ports": ["127.0.0.1:${BROWSER_PORT}:9515"],
        "environment": {"PORT": "${KONG_HTTP_PORT}"},
    }
    entry = {NAME: {"about": "A browser", "ports": {"BROWSER_PORT": OFFSET}, "scalable": False}}
    path = root / "local/compose" / f"{NAME}.yml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"x-stack": entry, "services": {NAME: service}}, indent=1))


class Browser:
    """One session of the browser of a stack."""

    def __init__(self, stack: Stack) -> None:
        self._driver = f"http://127.0.0.1:{stack.port(OFFSET)}"
        self._session = ""

    def __enter__(self) -> Self:
        wanted = {"goog:chromeOptions": {"args": ARGUMENTS}, "timeouts": {"implicit": PATIENCE_MS}}
        self._session = f"/session/{self._ask('/session', {'capabilities': {'alwaysMatch': wanted}})['sessionId']}"
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ask(self._session, method="DELETE")

    def open(self, url: str) -> None:
        """Go there, and wait for the page."""
        self._ask(f"{self._session}/url", {"url": url})

    def address(self) -> str:
        """Where it is."""
        return str(self._ask(f"{self._session}/url"))

    def find(self, selector: str) -> str:
        """The element of a CSS selector, waited for. Raises AssertionError if it does not come."""
        found = self._ask(f"{self._session}/element", {"using": "css selector", "value": selector})
        return str(found[_ELEMENT])

    def click(self, selector: str) -> None:
        """Click on an element."""
        self._ask(f"{self._session}/element/{self.find(selector)}/click", {})

    def type(self, selector: str, text: str) -> None:
        """Type into an element."""
        self._ask(f"{self._session}/element/{self.find(selector)}/value", {"text": text})

    def _ask(self, path: str, body: Any = None, method: str = "") -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._driver + path, data, {"Content-Type": "application/json"},
                                         method=method or None)  # fmt: skip
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_MS / 1000 + 60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            with error:
                told = json.load(error)["value"]
            raise AssertionError(f"{method or 'POST'} {path}: {told['error']}: {told['message']}") from None
