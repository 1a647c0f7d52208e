"""The record of the last start: which parts changed, secrets as fingerprints alone."""

from pathlib import Path

from stack.planning import lastup
from stack.planning.changes import Change

SERVICES = {"web": {"image": "web:1", "environment": {"KEY": "${KEY:?}", "MODE": "a"}}}


def test_the_parts_that_differ_are_named(tmp_path: Path) -> None:
    lastup.write(tmp_path, SERVICES, {})
    after = {"web": {"image": "web:1", "environment": {"KEY": "${KEY:?}", "MODE": "b"}}}
    assert lastup.parts(lastup.read(tmp_path), after) == {"web": ["environment.MODE"]}


def test_a_changed_secret_is_named_and_never_written(tmp_path: Path) -> None:
    lastup.write(tmp_path, SERVICES, {"KEY": "first-value", "OTHER": "the-same"})
    assert b"first-value" not in lastup.path(tmp_path).read_bytes()
    record = lastup.read(tmp_path)
    told = lastup.with_secrets(Change("web", "recreate", ["configuration"]), record, {"KEY", "OTHER"},
                               {"KEY": "second-value", "OTHER": "the-same"})  # fmt: skip
    assert told.keys == ["KEY"]


def test_without_a_record_a_change_stays_untold(tmp_path: Path) -> None:
    told = lastup.with_secrets(
        Change("web", "recreate", ["configuration"]), lastup.read(tmp_path), {"KEY"}, {"KEY": "x"}
    )
    assert told.keys == ["configuration"]


def test_the_salt_stays_so_that_equal_secrets_look_equal(tmp_path: Path) -> None:
    lastup.write(tmp_path, SERVICES, {"KEY": "value"})
    first = lastup.read(tmp_path)
    lastup.write(tmp_path, SERVICES, {"KEY": "value"})
    assert lastup.read(tmp_path) == first
