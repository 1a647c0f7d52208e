"""`inv ui` in a real browser, on a real engine: what runs, what happens, what is done from it."""

import contextlib
import http.client
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from axe_core_python.base import AXE_SCRIPT

from tests.engine.support import browser, stacks
from tests.engine.support.browser import Browser
from tests.engine.support.stacks import Stack

CHECK = {"test": ["CMD", "test", "-e", "/tmp/well"], "interval": "1s", "retries": 1}
TALK = """touch /tmp/well; seq -f "line %.0f" 12000; echo ERROR it broke; head -c 1000000 /dev/zero | tr "\\0" x; echo
exec sleep infinity"""
MANY = "/^9,9\\d\\d lines$/.test(document.querySelector('.log output')?.innerText)"
"""The engine counts a long line as many."""
SERIOUS = """
return axe.run().then((found) => found.violations.filter((one) => ["serious", "critical"].includes(one.impact))
  .map((one) => `${one.id}: ${one.nodes.map((node) => node.html).join(" ")}`));"""


@pytest.fixture(scope="module")
def driver() -> Iterator[str]:
    with browser.of_machine() as address:
        yield address


@pytest.fixture
def page(driver: str) -> Iterator[Browser]:
    with Browser(driver) as session:
        yield session


@pytest.fixture
def pair(new_stack: Callable[..., Stack]) -> Stack:
    """A service that talks, and one that waits for it."""
    stack = new_stack()
    stack.service("db", command=["sh", "-c", TALK], healthcheck=CHECK)
    stack.service("web", depends_on={"db": {"condition": "service_healthy"}}, deploy={"replicas": "${WEB_SCALE:-1}"})
    return stack


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
    return f"document.querySelector('.node[data-name={name}]')?.dataset.kind === '{wanted}'"


def test_it_shows_what_runs_and_what_is_done_at_the_same_time(pair: Stack, page: Browser) -> None:
    with served(pair) as url:
        page.enter(url, "document.querySelector('.node')")
        page.until(kind("web", "idle"))
        assert "token" not in page.address()
        [cookie] = page.cookies()
        assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
        # The terminal starts it, the page shows it come up.
        started = pair.start("up")
        page.until(kind("web", "wait"))
        page.until("document.querySelector('#notes').innerText.includes('./inv up')")
        page.until(kind("web", "ok"))
        assert started.end() == 0
        stacks.run("docker", "exec", f"{pair.project}-db-1", "rm", "/tmp/well")
        page.until(kind("db", "bad"))
        page.until("document.querySelector('.node[data-name=db]').innerText.includes('unhealthy')")
        page.run("location.hash = '#/timeline'")
        page.until("document.querySelector('.timeline').innerText.includes('db is unhealthy')")
        assert "./inv up" in page.run("return document.querySelector('.timeline').innerText")


def test_its_actions_are_shown_asked_and_done(pair: Stack, page: Browser) -> None:
    with served(pair) as url:
        page.enter(url, "document.querySelector('.node')")
        page.until(kind("web", "idle"))
        press(page, "Start …")
        page.until("document.querySelector('#ask').innerText.includes('./inv up')")
        assert pair.containers() == {}
        press(page, "Do it")
        page.until("document.querySelector('#job')?.dataset.state === 'done'")
        assert pair.containers().keys() == {"db-1", "web-1"}
        assert "healthy in" in page.run("return document.querySelector('#job pre').innerText")
        page.run("location.hash = '#/service/web'")
        page.until("document.querySelector('#panel').innerText.includes('How many run')")
        page.run("document.querySelector('#panel input[type=number]').value = '2'")
        press(page, "Change …")
        page.until("document.querySelector('#ask').innerText.includes('1 → 2')")
        press(page, "Do it")
        stacks.until(lambda: "web-2" in pair.containers(), "there are two of it")
        page.until("document.querySelector('#job .state').innerText === 'done'")
        assert pair.env()["WEB_SCALE"] == "2"


def test_a_log_of_many_lines_and_a_long_one(pair: Stack, page: Browser) -> None:
    pair.up()
    with served(pair, "--read-only") as url:
        page.enter(url, "document.querySelector('.node')")
        page.run("location.hash = '#/service/db/log'")
        page.until(MANY)
        page.until("document.querySelector('.log-rows').innerText.includes('xxx')")
        page.run("[...document.querySelectorAll('.log-row')].at(-1).click()")
        page.until("document.querySelector('.log-whole').innerText.includes('bytes more')")
        assert page.run("return document.querySelectorAll('.log-row').length") < 200
        page.run(
            "const s = document.querySelector('.log select'); s.value = 'error'; s.dispatchEvent(new Event('change'))"
        )
        page.until("document.querySelector('.log-rows').innerText.includes('it broke')")
        page.until("document.querySelector('.log output').innerText.startsWith('1 of 9,9')")


@pytest.mark.parametrize("width", [320, 1440])
def test_no_serious_fault_for_who_reads_it_otherwise(pair: Stack, page: Browser, width: int) -> None:
    pair.up()
    with served(pair, "--read-only") as url:
        page.resize(width, 900)
        page.enter(url, "document.querySelector('.node')")
        ready = {
            "": kind("web", "ok"),
            "service/db": "document.querySelector('#panel').innerText.includes('Health checks')",
            "service/db/log": MANY,
            "service/db/settings": "document.querySelector('#panel').innerText.includes('Secrets')",
            "doctor": "document.querySelector('.findings')",
            "timeline": "document.querySelector('.timeline')",
        }
        for view, there in ready.items():
            page.run(f"location.hash = '#/{view}'")
            page.until(there)
            assert page.run(AXE_SCRIPT + SERIOUS) == [], view
            assert page.run("return document.documentElement.scrollWidth <= innerWidth"), view


def test_nobody_else_is_let_in(pair: Stack) -> None:
    with served(pair) as url:
        at = urlsplit(url)
        right = {"Cookie": f"inv-ui-{at.port}={at.query.removeprefix('token=')}"}
        for status, headers in (
            (200, right),
            (403, {}),
            (403, {"Cookie": f"inv-ui-{at.port}=wrong"}),
            (421, {**right, "Host": "evil.example"}),
            (403, {**right, "Origin": "http://localhost:1"}),
        ):
            asked = http.client.HTTPConnection(at.hostname or "", at.port, timeout=60)
            asked.request("GET", "/page/main.js", headers=headers)
            assert asked.getresponse().status == status, headers
            asked.close()


def press(page: Browser, word: str) -> None:
    """Press the button of this name that is in sight."""
    button = (
        f"[...document.querySelectorAll('button')].find((one) => one.innerText === '{word}' && one.checkVisibility())"
    )
    page.until(f"{button} && !{button}.disabled")
    page.run(f"{button}.click()")
