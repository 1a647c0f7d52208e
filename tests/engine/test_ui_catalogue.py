"""`inv ui` with the whole catalogue on stand-ins: each action from the page, in a browser, in the order of its life. It
takes some minutes: ./inv test --only soak -k test_ui_catalogue"""

import os
from collections.abc import Iterator

import pytest

from tests.engine.support import stacks, standins
from tests.engine.support.browser import Browser
from tests.engine.support.pages import FITS, agreed, kind, patiently, press, says, served, sized, switched, typed
from tests.engine.support.stacks import Stack

pytestmark = pytest.mark.soak
DRAWN = "document.querySelectorAll('.node').length > 40"
WELL = "[...document.querySelectorAll('.node')].every((one) => ['ok', 'done'].includes(one.dataset.kind))"


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory, base_image: str) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("catalogue")
    standins.build(folder)
    stack = standins.make(folder / "checkout", f"u{os.getpid()}")
    yield stack
    stacks.remove(stack.project)


@pytest.fixture(scope="module")
def page(catalogue: Stack, driver: str) -> Iterator[Browser]:
    with Browser(driver) as session, served(catalogue) as address:
        session.enter(address, "document.querySelector('.node')")
        yield session


def closed(page: Browser) -> None:
    """Back to the picture."""
    press(page, "Close")
    page.run("location.hash = '#/'")
    page.until("document.querySelector('#panel').hidden")


def test_a_profile_that_is_added_starts_all_that_it_has(catalogue: Stack, page: Browser) -> None:
    press(page, "Start …")
    agreed(page, "New (5)")
    closed(page)
    press(page, "Profiles …")
    page.until(says("#ask", "every service"))
    page.run("document.querySelector('#ask input[name=all]').click()")
    press(page, "See what that starts")
    agreed(page, "./inv up --profile all")
    patiently(page, f"{DRAWN} && {WELL}")
    sized(page, 320)
    page.until(f"{says('#job', 'Where it is reached')} && {FITS}")
    page.devtools("Emulation.clearDeviceMetricsOverride")
    assert set(catalogue.env()["STACK_PROFILES"].split(",")) == {"core", "all"}
    closed(page)


@pytest.mark.parametrize("width", [1440, 1024, 320])
def test_every_name_is_in_sight_and_nothing_goes_over_the_edge(page: Browser, width: int) -> None:
    sized(page, width)
    page.until(DRAWN)
    page.until(f"document.querySelector('main').scrollWidth <= innerWidth && {FITS}")
    boxes = page.run("""
        return [...document.querySelectorAll('.node')].map((one) => one.getBoundingClientRect())
          .map(({ left, top, right, bottom }) => [left, top, right, bottom]);""")
    over = [(one, other) for at, one in enumerate(boxes) for other in boxes[:at]
            if one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]]  # fmt: skip
    assert over == []
    page.devtools("Emulation.clearDeviceMetricsOverride")


def test_a_restart_tells_who_is_without_it(catalogue: Stack, page: Browser) -> None:
    before = catalogue.identities()
    page.run("location.hash = '#/service/n8n'")
    press(page, "Restart …")
    page.until(says("#ask", "away meanwhile for n8n-init, n8n-worker"))
    agreed(page, "docker compose restart n8n")
    after = catalogue.identities()
    assert {name for name in after if after[name] != before[name]} == {"n8n-1"}
    page.until(kind("n8n", "ok"))
    closed(page)


def test_two_of_one(catalogue: Stack, page: Browser) -> None:
    page.run("location.hash = '#/service/n8n-worker'")
    page.until(says("#panel", "How many run"))
    page.run("document.querySelector('#panel input[type=number]').value = '2'")
    press(page, "Change …")
    agreed(page, "1 → 2")
    assert "n8n-worker-2" in catalogue.containers()
    closed(page)


def test_a_service_that_is_switched_off_is_found_and_comes_back(catalogue: Stack, page: Browser) -> None:
    page.run("location.hash = '#/service/searxng'")
    switched(page, "disabled", "Switch …")
    agreed(page, "./inv source --service searxng --to disabled")
    assert "searxng-1" not in catalogue.containers()
    closed(page)
    page.run(
        "const find = document.querySelector('#find'); find.value = 'searx'; find.dispatchEvent(new Event('input'))"
    )
    page.until(says(".others", "searxng"))
    page.click(".other")
    switched(page, "container", "Switch …")
    agreed(page, "./inv source --service searxng --to container")
    page.until(kind("searxng", "ok"))
    page.run("const find = document.querySelector('#find'); find.value = ''; find.dispatchEvent(new Event('input'))")
    closed(page)


def test_a_setting_makes_its_service_anew_and_no_other(catalogue: Stack, page: Browser) -> None:
    before = catalogue.identities()
    page.run("location.hash = '#/service/jupyter/settings'")
    typed(page, "JUPYTER_MEMORY", "512m")
    agreed(page, "Made anew")
    after = catalogue.identities()
    assert {name for name in after if after[name] != before[name]} == {"jupyter-1"}
    closed(page)


def test_a_service_is_added_and_started(catalogue: Stack, page: Browser) -> None:
    page.run("location.hash = '#/add'")
    page.until("document.querySelector('form.add')")
    page.run("const form = document.querySelector('form.add').elements; form.name.value = 'letters';"
             f"form.image.value = '{stacks.BASE}'; form.command.value = 'sleep infinity';")  # fmt: skip
    press(page, "See what that writes …")
    agreed(page, "+++ compose/letters.yml")
    press(page, "Start it …")
    agreed(page, "letters")
    assert "letters-1" in catalogue.containers()
    closed(page)


def test_doctor_mends_what_it_can(catalogue: Stack, page: Browser) -> None:
    assembled = catalogue.root / "compose.yaml"
    assembled.unlink()
    page.run("location.hash = '#/doctor'")
    # Stand-ins have faults of their own: this one's button.
    one = "[...document.querySelectorAll('.findings li')].find((one) => one.innerText.includes('compose.yaml is gone'))"
    page.until(one)
    page.run(f"{one}.querySelector('button').click()")
    agreed(page, "./inv doctor --check assembly --fix --yes")
    assert assembled.exists()
    closed(page)


def test_everything_is_stopped_and_the_data_stays(catalogue: Stack, page: Browser) -> None:
    press(page, "Stop …")
    page.until(says("#ask", "the data stays"))
    agreed(page, "./inv down")
    assert catalogue.containers() == {}
    assert catalogue.listed("volume")
    page.until("[...document.querySelectorAll('.node')].every((one) => one.dataset.kind === 'idle')")
