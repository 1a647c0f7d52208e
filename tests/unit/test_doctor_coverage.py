"""Every failure that such stacks met has its fate, and every check that is named is there."""

import pytest

from stack.doctor import coverage, document
from stack.doctor.coverage import MODES, Mode
from stack.doctor.registry import CHECKS

ROWS = 41
"""Failures in the list that the project began with."""


def test_every_row_of_the_list_is_there() -> None:
    assert len(MODES) == ROWS
    assert len({mode.failure for mode in MODES}) == ROWS


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.failure[:30])
def test_what_is_found_names_its_checks_and_what_is_not_says_why(mode: Mode) -> None:
    assert set(mode.checks) <= {check.id for check in CHECKS}
    assert mode.checks if mode.how == coverage.FOUND else mode.why


def test_the_document_has_a_row_for_each_check_and_each_failure() -> None:
    text = document.text()
    assert all(f"| `{check.id}` | {check.holds} |" in text for check in CHECKS)
    assert all(f"| {number} | {mode.failure} |" in text for number, mode in enumerate(MODES, 1))
