"""The table of pins, and which of a registry's tags is newer."""

from datetime import date

import msgspec
import pytest

from stack.commands import outdated
from stack.doctor.checks import image_pins
from stack.errors import StackError
from stack.planning import pins
from stack.planning.pins import Pin
from stack.running import distribution, registries
from stack.running.registries import Answer

DAY, TODAY = date(2026, 1, 1), date(2026, 1, 31)


def pin(*names: str, newest: str = "1.0.0", fixes: dict[str, str] | None = None, lock: str = "", line: str = "") -> Pin:
    return Pin(list(names), "2026-01-01", newest, "a page", DAY, lock, line, fixes or {})


@pytest.mark.parametrize(
    ("tag", "tags", "newest", "beyond"),
    [
        ("7.4.11-alpine", "7.4.12-alpine 7.4.12 7.5-alpine 7.4.12-alpine3.23 latest", "7.4.12-alpine", ""),
        ("7.4.11-alpine", "7.10.0-alpine 7.9.9-alpine 8.2.1-alpine 7.4.2-alpine", "7.10.0-alpine", "8.2.1-alpine"),
        ("v3.14.0", "v3.15.0-rc.1 v3.14.1 3.16.0 v3.15.0-distroless main", "v3.14.1", ""),
        ("v3.14.0", "v3.14.0 v3.13.9", "", ""),
        ("0.9.0-rc.3-cpu", "0.9.0-rc.10-cpu 0.9.0-rc.4-cpu 0.9.0-cuda", "0.9.0-rc.10-cpu", ""),
        ("0.9.0-rc.3-cpu", "0.9.0-rc.10-cpu 0.9.0-cpu 1.0.0-rc.1-cpu", "0.9.0-cpu", "1.0.0-rc.1-cpu"),
        ("2026.6.28-357662d86", "2026.10.4-d48c4b555 2026.9.30-a9d990033 2027.1.1 latest", "2026.10.4-d48c4b555", ""),
        ("2026.09.07-sha-7996410", "2026.10.05-sha-94b8b06 2027.01.04-sha-0000000", "2027.01.04-sha-0000000", ""),
        ("2026-07-28", "2026-10-05 python-3.13.9 x86_64-2026-11-01 2026-08-03", "2026-10-05", ""),
        ("cu130-slim-v2-20260814", "cu130-slim-v2-20260901 cu140-slim-v2-20270101", "cu130-slim-v2-20260901", ""),
        ("clip-ViT-B-32-1.5.1", "clip-ViT-B-32-1.6.0 clip-ViT-L-14-1.9.0", "clip-ViT-B-32-1.6.0", ""),
        ("17.6.1.136", "17.11.0.018 17.11.0.018-orioledb 18.1.0.001 15.19.0.018", "17.11.0.018", "18.1.0.001"),
        ("5.26.29", "5.26.31 2026.09.0 4.4.48", "5.26.31", "2026.09.0"),
        ("cpu", "cpu-20260814 cpu", "", ""),
    ],
)
def test_the_newest_tag_is_of_the_same_kind_as_the_pin(tag: str, tags: str, newest: str, beyond: str) -> None:
    assert pins.newest(tag, tags.split()) == (newest, beyond)


def test_a_line_of_its_own_holds_more_than_the_major() -> None:
    assert pins.newest("3.11.16-slim", ["3.11.17-slim", "3.14.0-slim"], "3.11") == ("3.11.17-slim", "3.14.0-slim")


def test_what_a_version_lacks_is_what_was_mended_later() -> None:
    row = pin("a/b:v1.86.2", fixes={"CVE-1": "1.86.2", "CVE-2": "1.80"})
    assert pins.lacking(row, "v1.83.14") == ["CVE-1"]
    assert pins.lacking(row, "v1.86.2") == pins.lacking(row, "latest") == []


def test_doctor_says_what_an_older_image_is_open_to() -> None:
    table = [pin("a/b:v1.86.2", fixes={"CVE-1": "1.86.2"})]
    assert image_pins.causes("a/b:v1.83.14", table).startswith("it is open to CVE-1, and its healthcheck")
    assert image_pins.causes("a/c:v1.83.14", table).startswith("it misses what the newer one mends")


def test_a_row_that_says_something_else_is_an_error_that_names_the_file() -> None:
    with pytest.raises(StackError) as raised:
        pins.table("- {pins: [redis:7], released: x, newest: x, seen: x, looked_up: 2026-01-01, why: x}")
    assert "`why`" in raised.value.problems[0].message
    assert raised.value.problems[0].where == pins.FILE


def test_the_table_names_an_image_of_a_registry_as_it_is_written() -> None:
    assert pins.split("localhost:5000/a/b:1.0@sha256:0") == ("localhost:5000/a/b", "1.0")
    assert pins.split("localhost:5000/a") == ("localhost:5000/a", "")


@pytest.mark.parametrize(
    ("image", "registry", "name"),
    [
        ("redis", "docker.io", "library/redis"),
        ("docker.io/redis", "docker.io", "library/redis"),
        ("a/b", "docker.io", "a/b"),
        ("docker.io/a/b", "docker.io", "a/b"),
        ("ghcr.io/a/b", "ghcr.io", "a/b"),
        ("localhost/a", "localhost", "a"),
        ("mirror:5000/hub/library/redis", "mirror:5000", "hub/library/redis"),
    ],
)
def test_an_image_has_its_registry_and_its_name_there(image: str, registry: str, name: str) -> None:
    assert registries.place(image) == (registry, name)


def test_a_registry_tells_more_than_the_table_and_without_one_the_table_tells_its_day() -> None:
    row = pin("a:1.0.0", "b:1.0.0-gpu", newest="1.1.0")
    found = outdated.compared(row, {"a:1.0.0": Answer("docker.io", ["1.2.0", "2.0.0"]),
                                    "b:1.0.0-gpu": Answer("docker.io", why="gone", silent=True)}, TODAY)  # fmt: skip
    assert [(one.newest, one.beyond, one.outdated, one.told_by, one.on) for one in found] == [
        ("1.2.0", "2.0.0", True, "docker.io", TODAY),
        ("1.1.0", "", True, "table", DAY),
    ]


def test_the_data_of_a_pin_is_frozen() -> None:
    [found] = outdated.compared(pin("a:1.0.0"), {"a:1.0.0": Answer("docker.io", ["1.2.0"])}, TODAY)
    assert msgspec.to_builtins(found) == {
        "name": "a", "pin": "1.0.0", "newest": "1.2.0", "beyond": "", "outdated": True, "told_by": "docker.io",
        "on": "2026-01-31", "file": "", "why": "", "download_bytes": None, "moving": "", "breaks": "",
    }  # fmt: skip


def test_a_package_is_told_by_the_table() -> None:
    [found] = outdated.compared(pin("n8n==1.0.0", newest="1.0.0", lock="a.lock"), {}, TODAY)
    assert (found.name, found.pin, found.outdated, found.told_by, found.file) == (
        "n8n",
        "1.0.0",
        False,
        "table",
        "a.lock",
    )


def test_a_registry_that_is_silent_is_one_note_and_what_it_refuses_one_for_each_reason() -> None:
    answers = {"x/a": Answer("x", why="no route", silent=True), "x/b": Answer("x", why="no route", silent=True),
               "y/a": Answer("y", why=distribution.LOGIN), "y/b": Answer("y", ["1.0"])}  # fmt: skip
    told = outdated.problems(answers)
    assert [(one.code, one.message) for one in told] == [
        ("registry-silent", "x does not answer: no route"),
        ("registry-refuses", "y gives no tags of y/a: a login is needed"),
    ]
    assert told[1].fix == "docker login y"
