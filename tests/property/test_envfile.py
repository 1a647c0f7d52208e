"""What we write to `.env`, and what we accept in it, reads the same in Compose and in python-dotenv."""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import dotenv
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from stack import compose
from stack.env.envfile import edit, parse, quote
from stack.errors import StackError

# Each example starts Compose once, so each holds many lines.
BATCHED = settings(max_examples=20, deadline=None)
OWN = re.compile(rb"^(?:COMPOSE_PROJECT_NAME|DOCKER_CLI_PLUGIN_\w+|GOGC|HOME|PATH|PWD)=.*\n", re.MULTILINE)
FRAGMENT = "services: {one: {image: one}}\n"

PIECES = [
    *(
        "a",
        "B1",
        "é",
        "😀",
        "=",
        ":",
        "#",
        "-",
        "'",
        '"',
        "`",
        "$",
        "$$",
        "$B1",
        "${a}",
        "${B1:-x}",
        "$(a)",
        "{",
        "}",
    ),
    *(
        " ",
        "  ",
        " #",
        "# ",
        "\t",
        "\t#",
        "\n",
        "\r",
        "\r\n",
        "\0",
        "\x01",
        "\v",
        "\f",
        "\x1c",
        "\x85",
        "\xa0",
    ),
    *(
        "\u2003",
        "\u2028",
        "\u3000",
        "\u200b",
        "\ufeff",
        "\\",
        "\\\\",
        "\\'",
        '\\"',
        "\\n",
        "\\r",
        "\\t",
        "\\$",
        "\\0",
    ),
    *("\\0101", "\\x41", "\\u0041", "\\c", "\\a", "export", "export ", "KEY", "0", "."),
]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=7).map("".join)
VALUES = TEXTS | st.text(max_size=12)
FORMS = st.sampled_from(["{}", "'{}'", '"{}"'])
HEADS = st.sampled_from(["{}=", "{}=", "{}= ", "{} =\t", " {}=", "export {}=", "export\t{} = ", "{}: ", "{}"])
TAILS = st.sampled_from(["", "", " ", "\t", " # note", "# it's", "\t# note", " #", " B=1", "\f", "\xa0"])
ENDS = st.sampled_from(["\n", "\n", "\n", "\r\n", "\r", ""])
LINES = st.tuples(HEADS, FORMS, TEXTS, TAILS, ENDS) | st.tuples(st.just(""), st.just("{}"), TEXTS, TAILS, ENDS)


def in_dotenv(data: bytes, folder: Path) -> Mapping[str, str | None]:
    (folder / ".env").write_bytes(data)
    return dotenv.dotenv_values(folder / ".env")


def in_compose(data: bytes, folder: Path) -> bytes:
    """The whole environment that Compose interpolates with, less its own part of it."""
    (folder / ".env").write_bytes(data)
    (folder / "compose.yaml").write_text(FRAGMENT)
    result = subprocess.run(
        [*compose.words(), "config", "--environment"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **compose.RARELY_COLLECTED},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return OWN.sub(b"", result.stdout)


def as_environment(values: Mapping[str, str]) -> bytes:
    """`values` as `docker compose config --environment` prints them."""
    return b"".join(sorted(f"{name}={value}\n".encode() for name, value in values.items()))


def accepted(line: str) -> dict[str, str]:
    """What `line` sets anywhere but at the start of a file, where a byte order mark may stand."""
    try:
        return parse(b"\n" + line.encode())
    except StackError:
        return {}


def written(values: list[str]) -> tuple[bytes, dict[str, str]]:
    """A file of `values`, each under a name of its own, without those that `quote` refuses."""
    data, kept = b"", {}
    for number, value in enumerate(values):
        try:
            data = edit(data, {f"K{number}": value})
        except StackError:
            assert set(value) & set("$\0")
        else:
            kept[f"K{number}"] = value
    return data, kept


@pytest.mark.model
@BATCHED
@given(st.lists(VALUES, min_size=30, max_size=60))
def test_what_is_written_reads_the_same_everywhere(tmp_path_factory: pytest.TempPathFactory, values: list[str]) -> None:
    folder = tmp_path_factory.mktemp("written")
    data, expected = written(values)
    assert parse(data) == expected
    assert in_dotenv(data, folder) == expected
    assert in_compose(data, folder) == as_environment(expected)


@pytest.mark.model
@BATCHED
@given(st.lists(LINES, min_size=60, max_size=120), st.sampled_from([b"", b"\xef\xbb\xbf"]))
def test_what_is_accepted_reads_the_same_everywhere(
    tmp_path_factory: pytest.TempPathFactory, lines: list[tuple[str, str, str, str, str]], mark: bytes
) -> None:
    folder = tmp_path_factory.mktemp("accepted")
    data, expected = "", dict[str, str]()
    for number, (head, form, text, tail, end) in enumerate(lines):
        line = head.format(f"K{number}") + form.format(text) + tail + end
        found = accepted(line)
        if found and not found.keys() & expected.keys():
            data += line if end else line + "\n"
            expected |= found
    assert parse(mark + data.encode()) == expected
    assert in_dotenv(mark + data.encode(), folder) == expected
    assert in_compose(mark + data.encode(), folder) == as_environment(expected)


@settings(deadline=None)
@given(st.lists(LINES, max_size=12), VALUES)
@example([], "")
@example([("", "{}", "# NEW=1", "", "")], "x")
@example([("", "{}", "A=1", "", "")], "x")
def test_a_new_setting_leaves_no_trace_once_it_is_removed(
    lines: list[tuple[str, str, str, str, str]], value: str
) -> None:
    text = ""
    for number, (head, form, content, tail, end) in enumerate(lines):
        line = head.format(f"K{number}") + form.format(content) + tail + end
        text += line if accepted(line) else "# NEW=" + end
    data = text.encode()
    try:
        before = parse(data)
        changed = edit(data, {"NEW": value})
    except StackError:
        assume(False)
    assert parse(changed) == {**before, "NEW": value}
    assert edit(changed, {"NEW": None}) == data


@given(
    TEXTS,
    VALUES,
    st.sampled_from(["A={}", "A={} # note", " export A = {}", "A='{}'# note", 'A="{}"\t# note']),
)
def test_a_changed_value_leaves_the_other_lines_and_its_comment_alone(old: str, value: str, form: str) -> None:
    line = form.format(old)
    assume(accepted(line).keys() == {"A"} and quoted(value))
    around = "# first\r\nB=1\n{}\n\n  # last\nC='x\ny'"
    changed = edit(around.format(line).encode(), {"A": value}).decode()
    assert parse(changed.encode()) == {"A": value, "B": "1", "C": "x\ny"}
    assert changed.startswith("# first\r\nB=1\n")
    assert changed.endswith("\n\n  # last\nC='x\ny'")
    assert ("# note\n\n  # last" in changed) == line.endswith("# note")


def quoted(value: str) -> bool:
    try:
        return bool(quote(value)) or not value
    except StackError:
        return False
