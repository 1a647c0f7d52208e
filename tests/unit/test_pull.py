"""Failed pulls told as what they are, and progress as the share of bytes."""

import json
import re
from pathlib import Path

import pytest

from stack.running import pull
from stack.running.pull import FIXES, KINDS, Outcome

WORDS = [
    tuple(line.split("\t"))
    for line in (Path(__file__).parent / "pull-words.tsv").read_text().splitlines()
    if not line.startswith("#")
]


@pytest.mark.parametrize(("kind", "words"), WORDS)
def test_the_engines_words_are_told_as_what_they_are(kind: str, words: str) -> None:
    assert pull.classify(words) == kind


@pytest.mark.parametrize(
    "words",
    [
        "dial tcp 10.0.0.1:443: read tcp 10.0.0.2:40132->10.0.0.1:443: i/o timeout",
        'Get "https://registry.example:4031/v2/": dial tcp 10.0.0.9:4031: connect: connection refused',
        'Get "https://registry.example:14290/v2/": dial tcp 10.0.0.9:14290: connect: no route to host',
    ],
)
def test_a_port_is_not_taken_for_a_status(words: str) -> None:
    assert pull.classify(words) == "unreachable"


@pytest.mark.parametrize(
    "words",
    [
        "something odd happened at 10.0.0.2:50212",
        "open /var/lib/docker/tmp/GetImageBlob1: permission denied",
    ],
)
def test_what_is_none_of_them_is_not_taken_for_one(words: str) -> None:
    assert pull.classify(words) == "other"


@pytest.mark.parametrize("kind", [kind for kind, _, _ in KINDS] + ["other"])
def test_each_kind_says_what_it_means_and_what_to_type(kind: str) -> None:
    problem = pull.problem(Outcome("redis:7", kind, "the engine's words"))
    assert problem.code == f"pull-{kind}"
    assert problem.message == f"redis:7: {pull.meaning(kind)} (the engine's words)"
    assert problem.where == "redis:7"
    assert problem.fix


def test_no_fix_is_of_an_unknown_kind() -> None:
    assert set(FIXES) == {kind for kind, _, _ in KINDS}


def followed(*events: object) -> tuple[str, list[str]]:
    """The words of the error, and what is told, while Compose prints some lines (values as JSON)."""
    told: list[str] = []
    lines = [event if isinstance(event, str) else json.dumps(event) for event in events]
    words = pull._follow("redis:7", lines, lambda _, text: told.append(text))
    return words, told


def downloading(layer: str, current: int, total: int) -> dict[str, object]:
    """A line of Compose's progress."""
    return {"id": layer, "parent_id": "image", "text": "Downloading", "current": current, "total": total,
            "percent": 100 * current // total, "status": "[>  ]"}  # fmt: skip


def test_progress_is_the_share_of_the_bytes_of_all_layers() -> None:
    _, told = followed(
        downloading("a", 0, 100),
        downloading("a", 50, 100),
        downloading("b", 0, 300),
        downloading("b", 300, 300),
    )
    assert told == ["0 %", "50 %", "12 %", "87 %"]


def test_a_share_is_told_once() -> None:
    _, told = followed(downloading("a", 500, 1000), downloading("a", 501, 1000), downloading("a", 509, 1000))
    assert told == ["50 %"]


def test_a_refused_pull_gives_the_engines_words() -> None:
    told = "manifest for 127.0.0.1:5997/thing:nope not found: manifest unknown: manifest unknown"
    words, _ = followed(
        {"id": "image", "text": "Pulling"},
        {"id": "image", "text": "Error", "status": told},
        {"error": True, "message": f"Error response from daemon: {told}"},
    )
    assert words == told


def test_an_error_without_an_event_of_its_own_counts() -> None:
    words, _ = followed({"id": "image", "text": "Pulling"}, {"error": True, "message": "unexpected EOF"})
    assert words == "unexpected EOF"


def test_lines_that_are_no_json_are_words_too() -> None:
    words, _ = followed("Cannot connect to the Docker daemon at unix:///nowhere. Is the docker daemon running?\n", "\n")
    assert words.startswith("Cannot connect")


def test_patterns_are_sound() -> None:
    assert all(re.compile(pattern) and meaning for _, pattern, meaning in KINDS)
