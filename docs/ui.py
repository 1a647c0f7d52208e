"""Makes the pictures of the page of ./inv ui from a real run: python docs/ui.py, in a checkout whose core does not run,
on a machine with Debian's chromium-driver. Starts it and leaves it running."""

import base64
import subprocess
import sys
from pathlib import Path

from stack import tree
from tests.engine.support import browser
from tests.engine.support.browser import Browser
from tests.engine.support.pages import patiently, press
from tests.engine.support.stacks import Running

HERE = Path(__file__).parent
SIZE = {"width": 1440, "height": 900, "deviceScaleFactor": 1, "mobile": False}


def taken(page: Browser, name: str) -> None:
    """Keep what the page shows as a picture beside this file."""
    (HERE / name).write_bytes(base64.b64decode(page.devtools("Page.captureScreenshot")["data"]))


def shown(page: Browser, scheme: str) -> None:
    """The page in a window of one size, light or dark."""
    page.devtools("Emulation.setDeviceMetricsOverride", **SIZE)
    page.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])


def main() -> None:
    """Start the core from the page, in the dark; then look at it by day."""
    command = [sys.executable, "-m", "stack", "ui", "--no-open"]
    served = Running(subprocess.Popen(command, cwd=tree.root(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, text=True, start_new_session=True))  # fmt: skip
    url = served.wait_for("http://").rpartition(" ")[2]
    with browser.of_machine() as driver, Browser(driver) as page:
        shown(page, "dark")
        page.enter(url, "document.querySelector('.node')")
        press(page, "Start …")
        press(page, "Do it")
        page.until("document.querySelector('[data-name=redis][data-kind=busy]') && document.querySelector('.waiting')")
        taken(page, "ui-dark.png")
        patiently(page, "document.querySelector('#job').dataset.state !== 'running'")
        press(page, "Close")
        shown(page, "light")
        page.run("location.hash = '#/service/backend'")
        page.until("document.querySelector('.answers li') && document.querySelector('.chart path')")
        # Some minutes of the line, and answers of the check from after the start; by then nothing is to be started.
        page.until("document.querySelector('#commands button').innerText === 'Start …'")
        patiently(page, "document.querySelector('.node[data-name=backend] .spark path')?.getTotalLength() > 15")
        taken(page, "ui-light.png")
    served.interrupt()
    served.end()


if __name__ == "__main__":
    main()
