"""`inv ui` in a real browser, on a real engine: what runs, what happens, what is done from it. One stack, one server
and one browser for all of it."""

import contextlib
import http.client
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import pytest
from axe_core_python.base import AXE_SCRIPT

from stack import tree
from tests.engine.support import stacks
from tests.engine.support.browser import ENTER, ESCAPE, TAB, Browser
from tests.engine.support.pages import (
    FITS,
    SERIOUS,
    agreed,
    ended,
    kind,
    press,
    says,
    served,
    sized,
    switched,
    typed,
)
from tests.engine.support.relay import Relay
from tests.engine.support.stacks import Stack

CHECK = {"test": ["CMD", "test", "-e", "/tmp/well"], "interval": "1s", "retries": 1}
TALK = """touch /tmp/well; seq -f "line %.0f" 12000; echo ERROR it broke; head -c 1000000 /dev/zero | tr "\\0" x; echo
exec sleep infinity"""
MANY = "/^9,9\\d\\d lines$/.test(document.querySelector('.log output')?.innerText)"
"""The engine counts a long line as many."""
THERE = "document.querySelector('.node[data-name=web]')"
DROP = """
const data = new DataTransfer();
data.items.add(new File([arguments[0]], "docker-compose.yml"));
dispatchEvent(new DragEvent("drop", { dataTransfer: data }));"""
THEIRS = f"""services:
  notes:
    image: {stacks.BASE}
    command: sleep infinity
    privileged: true
"""


@pytest.fixture(scope="module")
def pair(new_lasting_stack: Callable[..., Stack]) -> Stack:
    """A service that talks, one that waits for it and is quiet from another source, and one that is not selected."""
    stack = new_lasting_stack()
    stack.service("db", command=["sh", "-c", TALK], healthcheck=CHECK)
    stack.service(
        "web",
        image=f"${{WEB_IMAGE:-{stacks.BASE}}}",
        depends_on={"db": {"condition": "service_healthy"}},
        deploy={"replicas": "${WEB_SCALE:-1}", "resources": {"limits": {"memory": "${WEB_MEMORY:-64m}"}}},
        environment={"GREETING": "${WEB_GREETING:-hello}"},
    )
    stack.service("spare", profiles=["more"])
    folder = stack.root / "overrides/web"
    folder.mkdir()
    (folder / "build.yml").write_text(json.dumps({"services": {"web": {"environment": {"QUIET": "yes"}}}}))
    return stack


@pytest.fixture(scope="module")
def url(pair: Stack) -> Iterator[str]:
    with served(pair) as address:
        yield address


@pytest.fixture(scope="module")
def opened(driver: str, url: str) -> Iterator[Browser]:
    with Browser(driver) as session:
        session.enter(url, THERE)
        yield session


@pytest.fixture
def page(opened: Browser) -> Browser:
    """The page as it is when it is opened."""
    opened.run("document.querySelector('#ask').close(); location.hash = '#/'")
    opened.until(f"{THERE} && document.querySelector('#panel').hidden")
    return opened


@pytest.fixture
def well(pair: Stack, page: Browser) -> Browser:
    """The page, with both services up."""
    if not page.run(f"return {kind('web', 'ok')} && {kind('db', 'ok')}"):
        pair.up()
    page.until(kind("web", "ok"))
    return page


def named(stack: Stack, service: str) -> str:
    """The name of its container; their numbers go on where some were replaced."""
    return next(f"{stack.project}-{name}" for name in stack.containers() if name.startswith(f"{service}-"))


def environment(stack: Stack, service: str) -> list[str]:
    """What its container has in its environment."""
    found: list[str] = json.loads(stacks.docker("inspect", named(stack, service)))[0]["Config"]["Env"]
    return found


def test_it_shows_what_runs_and_what_is_done_at_the_same_time(pair: Stack, page: Browser) -> None:
    page.until(kind("web", "idle"))
    assert "token" not in page.address()
    [cookie] = page.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    # The terminal starts it, the page shows it come up.
    started = pair.start("up")
    page.until(kind("web", "wait"))
    page.until(says("#notes", "./inv up"))
    page.until(kind("web", "ok"))
    assert started.end() == 0
    stacks.docker("exec", f"{pair.project}-db-1", "rm", "/tmp/well")
    page.until(kind("db", "bad"))
    page.until(says(".node[data-name=db]", "unhealthy"))
    page.run("location.hash = '#/timeline'")
    page.until(says(".timeline", "db is unhealthy"))
    assert "./inv up" in page.run("return document.querySelector('.timeline').innerText")
    stacks.docker("exec", f"{pair.project}-db-1", "touch", "/tmp/well")
    page.until(says(".timeline", "db is healthy"))


def test_by_the_keyboard_alone_and_another_page_sees_it(pair: Stack, sought: Browser, driver: str, url: str) -> None:
    well = sought

    def reach(words: str) -> None:
        """Tab to what says this."""
        for _ in range(40):
            well.keys(TAB)
            if words in well.run("return document.activeElement.innerText ?? ''"):
                return
        raise AssertionError(f"{words} is not reached")

    with Browser(driver) as other:
        other.enter(url, kind("web", "ok"))
        well.run("document.activeElement.blur()")
        well.keys("/", "w", "e", "b", ENTER)
        well.until(says("#panel h2", "web") + " && " + says("#panel .actions", "Restart …"))
        reach("Restart …")
        well.keys(ENTER)
        well.until(says("#ask", "docker compose restart web"))
        well.keys(ESCAPE)
        well.until("!document.querySelector('#ask').open")
        well.keys(ENTER)
        well.until("document.activeElement.innerText === 'Do it'")
        started = pair.one("web")["State"]["StartedAt"]
        well.keys(ENTER)
        other.until(says("#job .job-head", "Restart web") + " && " + says("#job .state", "done"))
        assert pair.one("web")["State"]["StartedAt"] != started
        well.until(says("#job .state", "done"))
        well.keys(ESCAPE)
        well.until("document.activeElement.dataset.name === 'web'")
        # Who comes later sees it as it is.
        other.run("location.hash = '#/timeline'")
        other.until(says(".timeline", "web was restarted"))


@pytest.fixture
def sought(well: Browser) -> Iterator[Browser]:
    """The page, with nothing looked for afterwards."""
    yield well
    well.run("const find = document.querySelector('#find'); find.value = ''; find.dispatchEvent(new Event('input'))")


def test_a_service_gets_a_number_a_setting_and_another_source(pair: Stack, well: Browser) -> None:
    well.run("location.hash = '#/service/web'")
    well.until(says("#panel", "How many run"))
    well.run("document.querySelector('#panel input[type=number]').value = '2'")
    press(well, "Change …")
    agreed(well, "1 → 2")
    assert {"web-1", "web-2"} <= pair.containers().keys()
    assert pair.env()["WEB_SCALE"] == "2"
    well.run("location.hash = '#/service/web/settings'")
    typed(well, "WEB_GREETING", "so be it")
    agreed(well, "./inv env.set WEB_GREETING 'so be it'")
    assert "GREETING=so be it" in environment(pair, "web")
    well.run("location.hash = '#/service/web'")
    well.until(says("#panel", "Where it comes from"))
    switched(well, "build", "What would change?")
    well.until(says(".differs", "QUIET"))
    switched(well, "build", "Switch …")
    agreed(well, "./inv source --service web --to build")
    assert "QUIET=yes" in environment(pair, "web")
    well.until(says(".node[data-name=web]", "build"))
    pair.unset("WEB_SCALE", "WEB_GREETING", "WEB_SOURCE")


def test_a_service_is_added_by_the_form_and_out_of_a_dropped_file(pair: Stack, well: Browser) -> None:
    well.run("location.hash = '#/add'")
    well.until("document.querySelector('form.add')")
    well.run("const form = document.querySelector('form.add').elements; form.name.value = 'letters';"
             f"form.image.value = '{stacks.BASE}'; form.command.value = 'sleep infinity'; form.profile.value = 'small';"
             "form.env.value = 'A=1\\nB=-2'")  # fmt: skip
    press(well, "See what that writes …")
    well.until(says("#ask .diff", "+++ compose/letters.yml"))
    assert not (pair.root / "compose/letters.yml").exists()
    agreed(well, "--env A=1 --env B=-2")
    assert (pair.root / "compose/letters.yml").exists()
    press(well, "Start it …")
    agreed(well, "letters")
    assert "letters-1" in pair.containers()
    # What is dropped on any view leads to the form.
    well.run("location.hash = '#/timeline'")
    well.until("document.querySelector('.timeline')")
    well.run(DROP, THEIRS)
    well.until("document.querySelector('form.add')?.elements.name.value === 'notes'")
    press(well, "See what that writes …")
    agreed(well, "privileged")
    assert '- "infinity"' in (pair.root / "compose/notes.yml").read_text()


def test_a_log_of_many_lines_and_a_long_one(well: Browser) -> None:
    well.run("location.hash = '#/service/db/log'")
    well.until(MANY)
    well.until("document.querySelector('.log-rows').innerText.includes('xxx')")
    well.run("[...document.querySelectorAll('.log-row')].at(-1).click()")
    well.until("document.querySelector('.log-whole').innerText.includes('bytes more')")
    assert well.run("return document.querySelectorAll('.log-row').length") < 200
    well.run("const s = document.querySelector('.log select'); s.value = 'error'; s.dispatchEvent(new Event('change'))")
    well.until("document.querySelector('.log-rows').innerText.includes('it broke')")
    well.until("document.querySelector('.log output').innerText.startsWith('1 of 9,9')")


@pytest.mark.parametrize("width", [320, 1440])
def test_no_serious_fault_for_who_reads_it_otherwise(sought: Browser, width: int) -> None:
    def well() -> None:
        assert sought.run(AXE_SCRIPT + SERIOUS) == [], view
        assert sought.run(f"return {FITS}"), view

    sized(sought, width)
    ready = {
        "": kind("web", "ok"),
        "service/db": says("#panel", "Health checks"),
        "service/db/log": MANY,
        "service/db/settings": says("#panel", "Secrets"),
        "addresses": "document.querySelector('.addresses')",
        "doctor": "document.querySelector('.findings')",
        "timeline": "document.querySelector('.timeline')",
        "add": "document.querySelector('form.add')",
    }
    for view, there in ready.items():
        sought.run(f"location.hash = '#/{view}'")
        sought.until(there)
        well()
    view = "search"
    sought.run(
        "const find = document.querySelector('#find'); find.value = 'spa'; find.dispatchEvent(new Event('input'))"
    )
    sought.until(says(".others", "spare"))
    well()
    view = "profiles"
    press(sought, "Profiles …")
    sought.until(says("#ask", "spare"))
    well()
    view = "action"
    sought.run("document.querySelector('#ask').close()")
    press(sought, "Stop …")
    sought.until(says("#ask", "./inv down"))
    well()
    press(sought, "Not now")
    sought.devtools("Emulation.clearDeviceMetricsOverride")


def test_what_fails_is_told_with_what_to_type_and_mended_on_a_phone(pair: Stack, well: Browser) -> None:
    def readable() -> None:
        assert well.run(AXE_SCRIPT + SERIOUS) == []
        assert well.run(f"return {FITS}")

    sized(well, 320)
    well.run("location.hash = '#/service/web/settings'")
    typed(well, "WEB_MEMORY", "banana")
    well.until(says("#ask", "./inv env.unset WEB_MEMORY"))
    readable()
    press(well, "Close")
    typed(well, "WEB_IMAGE", "127.0.0.1:1/nosuch:1")
    agreed(well, "to be pulled first")
    well.until(says("#job .problems", "web was left out: its image"))
    readable()
    pair.unset("WEB_IMAGE")
    assembled = pair.root / "compose.yaml"
    assembled.unlink()
    well.run("location.hash = '#/service/web'")
    press(well, "Restart …")
    assert ended(well, "docker compose restart web") == "failed"
    well.until(says("#job .problems", "./inv doctor"))
    readable()
    press(well, "Close")
    well.run("location.hash = '#/doctor'")
    press(well, "Mend what can be …")
    agreed(well, "write compose.yaml anew")
    assert assembled.exists()
    well.until(f"!{says('.findings', 'compose.yaml')}")
    well.devtools("Emulation.clearDeviceMetricsOverride")


def test_an_action_waits_for_a_command_that_is_at_work(pair: Stack, well: Browser) -> None:
    def started() -> str:
        return stacks.docker("inspect", "-f", "{{.State.StartedAt}}", named(pair, "web"))

    well.run("location.hash = '#/service/web'")
    before = started()
    with tree.locked(pair.root):
        well.until(says("#notes", "is at work"))
        press(well, "Restart …")
        well.until(says("#ask", "It waits for"))
        press(well, "Do it")
        well.until(says("#job pre", "waiting for"))
        assert started() == before
    well.until(says("#job .state", "done"))
    assert started() != before


def test_a_log_that_has_ended_goes_on_with_its_container(pair: Stack, well: Browser) -> None:
    well.run("location.hash = '#/service/web/log'")
    well.until(says(".log-said", "It has said nothing so far"))
    stacks.docker("stop", "-t", "0", named(pair, "web"))
    well.until(says(".log-said", "and has ended"))
    stacks.docker("start", named(pair, "web"))
    well.until(says(".log-said", "It has said nothing so far"))


def test_its_colours_are_the_systems_or_those_that_were_chosen(well: Browser, url: str) -> None:
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    found = {}
    for scheme in ("light", "dark"):
        well.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        found[scheme] = well.run(f"return {ground}")
        assert well.run(AXE_SCRIPT + SERIOUS) == []
    assert found["light"] != found["dark"]
    well.click("#theme")
    assert well.run(f"return {ground}") == found["light"]
    well.enter(url, THERE)
    assert well.run("return document.querySelector('#theme').ariaLabel") == "Colours: light"
    assert well.run(f"return {ground}") == found["light"]
    well.click("#theme")
    well.click("#theme")
    assert well.run(f"return {ground}") == found["dark"]
    well.devtools("Emulation.setEmulatedMedia", features=[])


def test_it_is_there_when_the_engine_is_back(pair: Stack, well: Browser, driver: str, tmp_path: Path) -> None:
    relay = Relay(tmp_path / "docker.sock")
    with Browser(driver) as page, served(pair, "--read-only", env={"DOCKER_HOST": relay.host}) as url:
        page.enter(url, kind("web", "ok"))
        relay.down()
        page.until(says("#notes", "engine does not answer"))
        relay.up()
        page.until(f"!{says('#notes', 'engine')}")
        stacks.docker("stop", "-t", "0", named(pair, "web"))
        page.until(kind("web", "bad"))
        stacks.docker("start", named(pair, "web"))
        page.until(kind("web", "ok"))
    relay.down()


def test_an_engine_elsewhere_tells_its_events_and_logs(pair: Stack, well: Browser) -> None:
    relay = Relay()
    with served(pair, "--read-only", env={"DOCKER_HOST": relay.host}) as url, asked(url, "/api/stream") as stream:
        told(stream, "status")
        stacks.docker("pause", named(pair, "web"))
        assert next(one for one in iter(lambda: told(stream, "event"), None) if one["action"] == "pause")
        stacks.docker("unpause", named(pair, "web"))
        with asked(url, "/api/log/db") as log:
            assert "line " in told(log, "lines")[0][3]
        relay.down()
        while told(stream, "engine")["answers"]:
            pass


def test_nobody_else_is_let_in(url: str) -> None:
    at, right = urlsplit(url), cookie(url)
    for status, headers in (
        (200, right),
        (403, {}),
        (403, {"Cookie": f"inv-ui-{at.port}=wrong"}),
        (421, {**right, "Host": "evil.example"}),
        (403, {**right, "Origin": "http://localhost:1"}),
    ):
        with asked(url, "/page/main.js", headers) as answer:
            assert answer.status == status, headers


def cookie(url: str) -> dict[str, str]:
    at = urlsplit(url)
    return {"Cookie": f"inv-ui-{at.port}={at.query.removeprefix('token=')}"}


@contextlib.contextmanager
def asked(url: str, path: str, headers: dict[str, str] | None = None) -> Iterator[http.client.HTTPResponse]:
    """The answer to a request without a browser."""
    at: SplitResult = urlsplit(url)
    with contextlib.closing(http.client.HTTPConnection(at.hostname or "", at.port, timeout=60)) as connection:
        connection.request("GET", path, headers=cookie(url) if headers is None else headers)
        with connection.getresponse() as response:
            yield response


def told(stream: http.client.HTTPResponse, wanted: str) -> Any:
    """The next event of a kind that a stream tells."""
    name = ""
    while line := stream.readline():
        key, _, value = line.decode().rstrip("\n").partition(": ")
        name = value if key == "event" else name
        if key == "data" and name == wanted:
            return json.loads(value)
    raise AssertionError(f"the stream ended without {wanted}")
