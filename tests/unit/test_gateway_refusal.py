"""What a person reads of Kong's reason, and what stays of a route that the gateway refuses."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from stack.commands import route
from stack.errors import StackError, fail
from stack.gateway import entrance
from stack.gateway.refusal import told

WORDS = """\
Error: Failed parsing:
in 'services':
  - in entry 2 of 'services':
    in 'routes':
      - in entry 1 of 'routes':
        in 'paths':
          - in entry 1 of 'paths': must not have empty segments
"""
CONFIG = """\
services:
  - name: "a"
  - name: "b"
    routes: [{name: "r", paths: ["//"]}]
"""


def test_every_line_that_tells_the_place_stays_and_entries_have_their_names() -> None:
    assert told(WORDS, CONFIG) == (
        "in 'services': / - in entry 2 (b) of 'services': / in 'routes': / - in entry 1 (r) of 'routes': / "
        "in 'paths': / - in entry 1 of 'paths': must not have empty segments"
    )


def test_words_without_a_place_keep_their_end() -> None:
    assert told("one\ntwo\nthree\nfour\n", "") == "two / three / four"


@pytest.mark.parametrize("before", [b"", b"# ours\n"])
def test_what_the_gateway_refuses_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: bytes
) -> None:
    file = tmp_path / "kong.yml"
    if before:
        file.write_bytes(before)

    def refused(_: Any) -> bool:
        assert file.read_bytes() == b"after"
        raise fail("gateway-config", "refused")

    monkeypatch.setattr(route, "_handed_over", refused)
    monkeypatch.setattr(entrance, "check", lambda *_: [])
    planned: Any = SimpleNamespace(checkout=SimpleNamespace(root=tmp_path))
    with pytest.raises(StackError):
        route._edit(planned, "kong.yml", lambda _: "after", False, [])
    assert (file.read_bytes() if file.exists() else b"") == before
    assert file.exists() == bool(before)
