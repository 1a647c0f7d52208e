"""The page of `inv ui` as a user has it: served by a checkout, and looked at and acted from in a browser."""

import contextlib
import json
from collections.abc import Iterator

from tests.engine.support.browser import Browser
from tests.engine.support.stacks import Stack

SERIOUS = """
return axe.run().then((found) => found.violations.filter((one) => ["serious", "critical"].includes(one.impact))
  .map((one) => `${one.id}: ${one.nodes.map((node) => node.html).join(" ")}`));"""
"""What axe finds, once its script is there: the faults that keep somebody from using the page."""
FITS = "document.documentElement.scrollWidth <= innerWidth"


@contextlib.contextmanager
def served(stack: Stack, *words: str, env: dict[str, str] | None = None) -> Iterator[str]:
    """The address that the command says; it ends well by Ctrl-C, with the page open."""
    running = stack.start("ui", "--no-open", *words, env=env)
    try:
        yield running.wait_for("http://").rpartition(" ")[2]
        running.interrupt()
        assert running.end() == 0, running.text
    finally:
        running.kill()


def kind(name: str, wanted: str) -> str:
    """That a service is shown in a kind of state."""
    return f"document.querySelector('.node[data-name={name}]')?.dataset.kind === '{wanted}'"


def says(selector: str, words: str) -> str:
    """That an element has these words."""
    return f"document.querySelector('{selector}')?.innerText.includes({json.dumps(words)})"


def press(page: Browser, word: str) -> None:
    """Press the button of this name that is in sight, in the dialog where that is open."""
    button = (
        "[...(document.querySelector('#ask[open]') ?? document).querySelectorAll('button')]"
        f".find((one) => one.innerText === '{word}' && one.checkVisibility())"
    )
    page.until(f"{button} && !{button}.disabled")
    page.run(f"{button}.click()")


def patiently(page: Browser, script: str) -> None:
    """Wait until an expression holds that takes minutes to, as a start of many services on a busy machine."""
    for _ in range(9):
        with contextlib.suppress(AssertionError):
            page.until(script)
            return
    page.until(script)


def ended(page: Browser, shown: str) -> str:
    """Agree to what the page is about to do, once it shows that; how it came out."""
    page.until(says("#ask", shown))
    before = page.run("return Number(document.querySelector('#job').dataset.number ?? 0)")
    press(page, "Do it")
    page.until(f"Number(document.querySelector('#job').dataset.number) > {before}")
    patiently(page, "document.querySelector('#job').dataset.state !== 'running'")
    return str(page.run("return document.querySelector('#job').dataset.state"))


def agreed(page: Browser, shown: str) -> None:
    """The same, and it has to come out well."""
    state = ended(page, shown)
    assert state == "done", page.run("return document.querySelector('#job').innerText")


def sized(page: Browser, width: int) -> None:
    """The page in a window of this width."""
    page.devtools("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)


def typed(page: Browser, setting: str, value: str) -> None:
    """Give a setting of the service that is open a value, up to the question."""
    page.until(f"document.querySelector('#set-{setting}')")
    page.run(
        f"const s = document.querySelector('#set-{setting}'); s.value = arguments[0]; s.form.requestSubmit()", value
    )


def switched(page: Browser, source: str, button: str) -> None:
    """Press a button beside a source of the service that is open."""
    row = (
        f"[...document.querySelectorAll('.source-row')].find((one) => one.querySelector('b').innerText === '{source}')"
    )
    found = f"[...({row})?.querySelectorAll('button') ?? []].find((one) => one.innerText === '{button}')"
    page.until(found)
    page.run(f"{found}.click()")
