"""The overrides of an added service that runs elsewhere."""

import pytest

from stack.authoring import elsewhere
from stack.authoring.definition import Definition

MINE = Definition(
    "my-app", image="example/app:1", ports=[9000, 9001], profiles=["app"], health="http:/health",
    extra={"user": "1000", "command": ["run"]}, companions=[Definition("my-app-db")],
)  # fmt: skip
QUIET = Definition("my-app", image="example/app:1", ports=[9000], profiles=["app"], health="tcp")


@pytest.mark.parametrize("source", ["localhost", "external"])
def test_the_ambassador_gets_nothing_of_the_programs_own(source: str) -> None:
    text = elsewhere.override(MINE, source)
    assert "    user: !reset null\n" in text
    assert "  my-app-db: !reset null\n" in text
    assert text.count("command: !override") == 1
    assert "\n\n" not in text
    assert "<" not in text


@pytest.mark.parametrize(
    ("definition", "source", "command"),
    [
        (MINE, "external", '[http, "9000", MY_APP_EXTERNAL_URL]'),
        (QUIET, "external", '[tcp, "9000", MY_APP_EXTERNAL_URL]'),
        (MINE, "localhost", '["http-bridge-half", "9000", "MY_APP_LOCALHOST_PORT"]'),
        (QUIET, "localhost", '["bridge-half", "9000"]'),
    ],
)
def test_what_speaks_http_is_led_there_as_http(definition: Definition, source: str, command: str) -> None:
    text = elsewhere.override(definition, source)
    assert f"command: !override {command}\n" in text
    assert f"test: far {'http' if definition is MINE else 'tcp'} 9000\n" in text
