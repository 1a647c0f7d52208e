"""What Compose makes of numbers, dates and short edges in a layer."""

from pathlib import Path

import pytest

from stack.planning import layering
from tests.synthetic import facts, planned

LONG = "services: {web: {depends_on: {db: {condition: service_healthy}, job: {condition: service_started}}}}\n"


@pytest.mark.parametrize(
    ("text", "made"),
    [("012", "10"), ("0x10", "16"), ("1_000", "1000"), ("0o14", "12"), ("0b11", "3"), ("-012", "-10"), ("1e6", "1e+06"),
     ("12345678.5", "1.23456785e+07"), ("1.10", "1.1"), ("3.0", "3"), ("12", "12"), ("1.5", "1.5"), ("true", ""),
     ("12:30", ""), ("1.2.3", ""), ("0", "0"), ("123456.5", "123456.5")],
)  # fmt: skip
def test_a_number_reaches_the_program_as_compose_prints_it(text: str, made: str) -> None:
    assert layering.read(text) == made


def test_both_are_told_with_their_line_and_what_is_quoted_or_meant_is_not(tmp_path: Path) -> None:
    own = planned(facts({"web": {}}), root=tmp_path)
    own.plan.files[:] = ["compose/web.yml"]
    (tmp_path / "compose").mkdir()
    (tmp_path / "compose/web.yml").write_text(LONG)
    override = tmp_path / "compose.override.yaml"
    override.write_text("services:\n  web:\n    environment:\n      DAY: 2026-01-02\n      CODE: '012'\n      N: 012\n"
                        "    cpus: 1.50\n    depends_on:\n      - job\n      - db\n")  # fmt: skip
    told = [(one.where, one.fix) for one in layering.problems(own)]
    assert told == [
        ("compose.override.yaml:4", 'write DAY: "2026-01-02"'),
        ("compose.override.yaml:6", 'write N: "012"'),
        ("compose.override.yaml:10", "write depends_on: {db: {condition: service_healthy}}"),
    ]
    override.write_text("services: {web: {depends_on: !override [db]}}\n")
    assert layering.problems(own) == []
