"""What is written from the fragments is current and complete."""

import re
from pathlib import Path

import pytest

from stack.authoring import generated
from stack.commands import docs
from stack.env import public
from stack.planning import checkouts, reference

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    return docs.texts(ROOT)


@pytest.mark.parametrize("path", docs.PATHS)
def test_the_file_is_what_the_fragments_say(path: str, texts: dict[str, str]) -> None:
    assert (ROOT / path).read_text() == texts[path], "run ./inv docs"


def test_every_setting_is_explained() -> None:
    checkout = checkouts.read(ROOT, dotenv={}, shell={}, roots=[""])
    silent = [name for name, (_, _, meaning) in reference.meanings(checkout.catalog).items() if not meaning]
    assert silent == []


def test_every_setting_that_a_file_reads_stands_in_the_example_once(texts: dict[str, str]) -> None:
    checkout = checkouts.read(ROOT, dotenv={}, shell={}, roots=[""])
    read = {name for file in checkout.catalog.files.values() for name in file.variables}
    listed = re.findall(r"^# ([A-Z][A-Z0-9_]*)=", texts[generated.EXAMPLE], re.MULTILINE)
    assert sorted(read - set(listed) - public.DERIVED.keys()) == []
    assert sorted(set(listed) & public.DERIVED.keys()) == []
    assert len(listed) == len(set(listed))


def test_what_follows_from_settings_is_told_to_authors() -> None:
    told = re.findall(r"^\| `([A-Z_]+)` \| (.*) \|$", (ROOT / "docs/reference.md").read_text(), re.MULTILINE)
    assert dict(told).items() >= public.DERIVED.items()


def test_a_copy_of_the_example_sets_nothing(texts: dict[str, str]) -> None:
    lines = [line for line in texts[generated.EXAMPLE].splitlines() if line and not line.startswith("#")]
    assert lines == []
