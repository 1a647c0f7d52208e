"""Whatever a user gets wrong is refused: what, where, what to type. Nothing changes, nothing crashes."""

import contextlib
import io
from collections.abc import Callable, Mapping
from typing import NamedTuple

from stack.errors import Problem
from stack.output import render
from stack.output.result import Result
from tests import fixes
from tests.support import Checkout, Done

FAILED, USAGE = 1, 2
KEYS = ["version", "command", "status", "data", "problems"]
Tree = Callable[[Mapping[str, str]], Checkout]


class Refusal(NamedTuple):
    """What a command must say: the code of its problem, and parts of message, place and remedy."""

    code: str
    said: str
    where: str
    fix: str


def refuses(
    checkout: Checkout,
    words: str,
    refusal: Refusal,
    *,
    exit_code: int = FAILED,
    env: Mapping[str, str] | None = None,
    before: Callable[[], None] | None = None,
    in_words: bool = False,
) -> None:
    """A command is refused, as one JSON document and in words, with this exit code, without a traceback and
    without a change on disk. `in_words` runs it a second time for its words: each command has one such test,
    the many ways in which it fails are only rendered."""
    untouched = checkout.digest()
    document = checkout.inv_json(*words.split(), env=env, before=before)
    fixes.check(document.problems)
    assert document.code == exit_code, document
    assert document.err == "", document
    assert list(document.json) == KEYS, document
    assert document.json["command"] == document.words[0]
    assert (document.json["status"], document.json["data"]) == ("error", {})
    [problem] = [p for p in document.problems if p["code"] == refusal.code]
    assert refusal.said in problem["message"]
    assert refusal.where in problem["where"]
    assert refusal.fix in problem["fix"]

    told = _in_words(checkout, document, env, before) if in_words else rendered(document)
    assert "Traceback" not in told
    assert all(part in told for part in ("error: ", *refusal[1:])), told
    assert checkout.digest() == untouched


def _in_words(
    checkout: Checkout,
    document: Done,
    env: Mapping[str, str] | None,
    before: Callable[[], None] | None,
) -> str:
    """What the same command says without `--json`."""
    text = checkout.inv(*document.words[:-1], env=env, before=before)
    assert (text.code, text.out) == (document.code, ""), text
    return text.err


def rendered(document: Done) -> str:
    """What the renderer makes of a document."""
    printed = io.StringIO()
    problems = [Problem(**problem) for problem in document.problems]
    with contextlib.redirect_stderr(printed):
        render.show("plan", Result(problems=problems, exit_code=document.code), as_json=False)
    return printed.getvalue()
