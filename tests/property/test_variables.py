"""The variables we read off a Compose file are those that Compose itself finds in it."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stack import compose
from stack.env.variables import variables

# NAME becomes a name of its own at each place, so that no two defaults compete.
REFERENCES = st.sampled_from(
    [
        *("$NAME", "${NAME}", "${NAME:-}", "${NAME:-8080}", "${NAME-a/b:c.d}", "${NAME:-x y}", "${NAME:-(x)}"),
        *("${NAME:-${NAME:-x}}", "${NAME-${NAME}y}", "${NAME:+x${NAME}}", "${NAME+x}", "${NAME:-a$NAME.b}"),
        *("$$NAME", "$${NAME}", "$$$NAME", "${NAME:?told}", "${NAME:-#x}", "${NAME:-a}${NAME:-b}/$NAME-$NAME"),
    ]
)
WORDS = st.sampled_from(["word", "it's", "a#b", "x:y", "http://a:1/b", "-q", "/", "100%", "a,b", "{x}", "[y]", "é"])
TEXTS = st.lists(REFERENCES | WORDS, min_size=1, max_size=4)
COMMENTS = st.sampled_from(["", "", " # plain", " # ${NAME:-no}", "\t# 'it''s $NAME", ' # "${NAME', " #$NAME"])


def plain(texts: list[str], comment: str) -> str:
    return " x " + " ".join(texts) + comment


def single(texts: list[str], comment: str) -> str:
    return " '" + " # ".join(texts).replace("'", "''") + "'" + comment


def double(texts: list[str], comment: str) -> str:
    return " " + json.dumps(' # "'.join(texts), ensure_ascii=False) + comment


def folded_double(texts: list[str], comment: str) -> str:
    return ' "a\n  # ' + "\n    # ".join(texts) + '"' + comment


def literal(texts: list[str], comment: str) -> str:
    return " |" + comment + "\n\n    - '\n    # " + "\n\n      # ".join(texts)


def folded(texts: list[str], comment: str) -> str:
    return " >-" + comment + "\n  # " + "\n  ".join(texts)


def flow(texts: list[str], comment: str) -> str:
    return " [x, " + ", ".join(json.dumps(text, ensure_ascii=False) for text in texts) + ", it's]" + comment


def flow_map(texts: list[str], comment: str) -> str:
    items = [f"k{n}: '" + text.replace("'", "''") + "'" for n, text in enumerate(texts)]
    return " {a: [], " + ", ".join(items) + "}" + comment


def listed(texts: list[str], comment: str) -> str:
    return comment + "\n" + "".join(f"  - k: x {text}{comment}\n    l: |\n      # {text}\n" for text in texts)


STYLES = st.sampled_from([plain, single, double, folded_double, literal, folded, flow, flow_map, listed])
ENTRIES = st.tuples(STYLES, TEXTS, COMMENTS)


def document(entries: list[tuple]) -> str:  # type: ignore[type-arg]
    """A Compose file with one extension field for each entry, and a name of its own at each NAME."""
    fields = [f"x-{number}:{style(texts, comment)}\n" for number, (style, texts, comment) in enumerate(entries)]
    head, *rest = ("# $NAME\nservices: {one: {image: one}}\n" + "\n# it's ${NAME}\n".join(fields)).split("NAME")
    return head + "".join(f"V{number}{part}" for number, part in enumerate(rest))


def in_compose(text: str, folder: Path) -> dict[str, str]:
    """What Compose says: each variable with its default."""
    (folder / "compose.yaml").write_text(text)
    result = subprocess.run(
        [*compose.words(), "config", "--variables", "--format", "json"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **compose.RARELY_COLLECTED},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return {name: found["DefaultValue"] for name, found in json.loads(result.stdout).items()}


@pytest.mark.model
@settings(max_examples=20, deadline=None)
@given(st.lists(ENTRIES, min_size=10, max_size=25))
def test_the_variables_of_a_file_are_those_that_compose_finds(
    tmp_path_factory: pytest.TempPathFactory,
    entries: list[tuple],  # type: ignore[type-arg]
) -> None:
    text = document(entries)
    found = {name: default or "" for name, default in variables(text).items()}
    assert found == in_compose(text, tmp_path_factory.mktemp("variables"))
