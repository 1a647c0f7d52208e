"""Which lines of a log look like errors."""

import pytest

from stack.running import loglines

REAL = [
    "2026-11-25 10:00:00 FATAL:  password authentication failed for user \"app\"",
    "Error: connect ECONNREFUSED 172.18.0.3:5432",
    "Traceback (most recent call last):",
    '{"level":"error","msg":"no such host"}',
    "java.lang.OutOfMemoryError: unable to create native thread",
    "mkdir: cannot create directory '/data/x': Permission denied",
    "panic: runtime error: index out of range",
]  # fmt: skip
BENIGN = [
    '{"time": "2026-11-25", "level": "info", "logger": "uvicorn.error", "message": "Application startup complete."}',
    "INFO:     Uvicorn running; error_log is stderr",
    "requests: 17, errors: 0",
    "2026-11-25 10:00:00 UTC LOG:  database system was interrupted; last known up at",
    "FATAL:  the database system is starting up",
    'GET /errors "GET /error HTTP/1.1" 200 12',
    "[info] failed over to the second resolver",
    "ready to accept connections",
]


@pytest.mark.parametrize("line", REAL)
def test_an_error_is_seen(line: str) -> None:
    assert loglines.errors(f"fine\n{line}\nfine\n") == [line]


@pytest.mark.parametrize("line", BENIGN)
def test_what_only_reads_like_one_is_left_out(line: str) -> None:
    assert loglines.errors(f"{line}\n") == []


def test_the_last_are_told_each_once_and_cut() -> None:
    text = "".join(f"ERROR {n}\n" for n in (1, 2, 3, 3, 4)) + "ERROR " + "x" * 999
    lines = loglines.errors(text)
    assert lines[:2] == ["ERROR 3", "ERROR 4"]
    assert len(lines[2]) == loglines.WIDTH


def test_without_errors_the_last_lines_are_told() -> None:
    assert loglines.last("a\nb\n\nc\nd\n") == ["b", "c", "d"]
