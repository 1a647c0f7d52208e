"""A real browser (Debian's Chromium) beside the services of a checkout, told what to do by the WebDriver protocol; and
between it and the gateway a real Caddy with HTTPS, as docs/https.md has it."""

import contextlib
import json
import re
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from tests.engine.support import ports, stacks
from tests.engine.support.stacks import SOURCE_TREE, Stack

NAME, OFFSET = "browser", 21
CONTEXT = Path(__file__).parents[1] / "browser"
GATEWAY = "127.0.0.1:63002"
"""As a proxy on the machine reaches the gateway."""
PATIENCE_MS = 60_000
"""For an element to come: a busy machine's page took 40 s."""
ARGUMENTS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1400,1000",
    "--host-resolver-rules=MAP example.org 127.0.0.1, MAP *.example.org 127.0.0.1",
]  # fmt: skip
PUBLIC = {"PUBLIC_URL": "https://example.org", "TRUSTED_PROXIES": "private"}
"""The settings of a stack behind the proxy."""
UNTIL = """
const holds = () => %s, until = Date.now() + arguments[0];
return new Promise((done) => {
  const look = () => (holds() ? done(true) : Date.now() > until ? done(false) : requestAnimationFrame(look));
  look();
});"""
CONTROL, ENTER, TAB, ESCAPE = "\ue009", "\ue007", "\ue004", "\ue00c"
"""Keys (W3C WebDriver, 17.4.2)."""
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
"""The key of an element's id (W3C WebDriver, 12.1)."""


def add(root: Path, profile: str) -> None:
    """Write the browser into the user's own layer of a checkout, as a service of a profile."""
    shutil.copytree(CONTEXT, root / "local" / NAME)
    (root / "local" / NAME / "Caddyfile").write_text(caddyfile((SOURCE_TREE / "docs/https.md").read_text()))
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
    }
    entry = {NAME: {"about": "A browser", "ports": {"BROWSER_PORT": OFFSET}, "scalable": False}}
    path = root / "local/compose" / f"{NAME}.yml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"x-stack": entry, "services": {NAME: service}}, indent=1))


def caddyfile(page: str) -> str:
    """What the page shows of Caddy, with the gateway beside it on the network, and an authority of its own."""
    [shown] = re.findall(r"```caddyfile\n(.*?)```", page, re.DOTALL)
    assert GATEWAY in shown
    return (
        f"{{\n\tadmin off\n\tlocal_certs\n\tskip_install_trust\n}}\n{shown.replace(GATEWAY, 'kong-api-gateway:8000')}"
    )


class Browser:
    """One session of the browser of a stack, or behind the driver at an address."""

    def __init__(self, where: Stack | str) -> None:
        self._driver = where if isinstance(where, str) else f"http://127.0.0.1:{where.port(OFFSET)}"
        self._session = ""

    def __enter__(self) -> Self:
        wanted = {"goog:chromeOptions": {"args": ARGUMENTS},
                  "timeouts": {"implicit": PATIENCE_MS, "script": 2 * PATIENCE_MS},
                  "goog:loggingPrefs": {"performance": "ALL"}}  # fmt: skip
        self._session = f"/session/{self._ask('/session', {'capabilities': {'alwaysMatch': wanted}})['sessionId']}"
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ask(self._session, method="DELETE")

    def open(self, url: str) -> None:
        """Go there, and wait for the page."""
        self._ask(f"{self._session}/url", {"url": url})

    def enter(self, url: str, there: str) -> None:
        """The same until an expression holds, again and again: in this machine's own network a browser drops its
        connections whenever that of a container comes or goes."""
        for _ in range(5):
            with contextlib.suppress(AssertionError):
                self.open(url)
                if self.run(UNTIL % there, PATIENCE_MS / 5):
                    return
        self.until(there)

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

    def keys(self, *pressed: str) -> None:
        """Press keys one after another, wherever the focus is."""
        events = [{"type": kind, "value": key} for key in pressed for kind in ("keyDown", "keyUp")]
        self._ask(f"{self._session}/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": events}]})

    def run(self, script: str, *values: Any) -> Any:
        """What a script of the page gives back; a promise is waited for."""
        return self._ask(f"{self._session}/execute/sync", {"script": script, "args": values})

    def until(self, script: str) -> None:
        """Wait until an expression holds on the page. Raises AssertionError if it does not come to."""
        held = self.run(UNTIL % script, PATIENCE_MS)
        assert held, f"not so in time: {script}\n{self.run('return document.body.innerText')}"

    def devtools(self, command: str, **values: Any) -> Any:
        """What a command of Chrome's own protocol gives back."""
        return self._ask(f"{self._session}/goog/cdp/execute", {"cmd": command, "params": values})

    def resize(self, width: int, height: int) -> None:
        """Have the window of another size."""
        self._ask(f"{self._session}/window/rect", {"width": width, "height": height})

    def cookies(self) -> list[dict[str, Any]]:
        """The cookies of the page's site."""
        found: list[dict[str, Any]] = self._ask(f"{self._session}/cookie")
        return found

    def told(self) -> list[tuple[str, dict[str, Any]]]:
        """What the network did since the last time, as Chrome's protocol tells it: event and its parameters."""
        lines = self._ask(f"{self._session}/se/log", {"type": "performance"})
        found = [json.loads(line["message"])["message"] for line in lines]
        return [(one["method"], one["params"]) for one in found]

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


IMAGE = f"genai-stack/{NAME}:test"


def is_here() -> bool:
    """Whether this machine has a browser for pages on its 127.0.0.1: Debian's, or that of the image."""
    return bool(shutil.which("chromedriver")) or not stacks.run("docker", "image", "inspect", IMAGE).code


@contextlib.contextmanager
def of_machine() -> Iterator[str]:
    """The address of a driver whose browser is in this machine's own network, as a page on 127.0.0.1 needs it: Debian's
    where it is installed, else that of the image. Skips where there is neither."""
    port = ports.free_port()
    here = shutil.which("chromedriver")
    if not is_here():
        pytest.skip(f"neither chromedriver nor {IMAGE} is on this machine")
    if not here and stacks.run("docker", "run", "--rm", "--entrypoint", "which", IMAGE, "chromedriver").code == 1:
        pytest.skip("this release has no Chromium")
    image = ["docker", "run", "--rm", "--init", "--network", "host", "--entrypoint", "chromedriver", IMAGE]
    words = [*([here] if here else image), f"--port={port}"]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        stacks.until(lambda: not ports.is_free(port) or process.poll() is not None, "the driver listens")
        assert process.poll() is None, f"{' '.join(words)} ended with {process.returncode}"
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()
