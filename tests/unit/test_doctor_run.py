"""How checks are run: side by side, each for itself, whatever one of them does."""

import threading
from collections.abc import Iterable
from pathlib import Path

from stack.doctor import check, run
from stack.doctor.check import Check, Finding
from stack.doctor.registry import CHECKS
from stack.doctor.scene import Scene
from stack.errors import fail


def _scene(tmp_path: Path, **given: object) -> Scene:
    return Scene(tmp_path, {"secrets": {"REDIS_PASSWORD": "s3cr3t-word"}, **given})


def _check(name: str, found: Iterable[Finding] = (), section: str = "machine", needs: tuple[str, ...] = ()) -> Check:
    return Check(id=name, section=section, holds=f"{name} holds", run=lambda _: found, needs=needs)


def test_a_check_that_finds_nothing_is_one_line_that_says_what_holds(tmp_path: Path) -> None:
    rows = run.run([_check("a")], _scene(tmp_path))
    assert [(row.id, row.grade, row.seen) for row in rows] == [("a", "ok", "a holds")]


def test_every_finding_is_a_line_in_the_order_of_the_sections(tmp_path: Path) -> None:
    two = [Finding("seen 1", "so 1", "fix 1"), Finding("seen 2", "so 2", "fix 2", check.WARNING)]
    rows = run.run([_check("late", two, "gateway"), _check("early")], _scene(tmp_path))
    assert [(row.id, row.grade) for row in rows] == [("early", "ok"), ("late", "error"), ("late", "warning")]
    assert run.errors(rows) == ["late"]


def test_a_check_that_raises_is_told_as_itself_and_hides_no_other(tmp_path: Path) -> None:
    def broken(_: Scene) -> Iterable[Finding]:
        raise ZeroDivisionError("of ours")

    bad = Check(id="bad", section="machine", holds="", run=broken)
    rows = run.run([bad, _check("good")], _scene(tmp_path))
    assert [(row.id, row.grade) for row in rows] == [("bad", "warning"), ("good", "ok")]
    assert "ZeroDivisionError" in rows[0].seen
    assert "--bundle" in rows[0].fix


def test_a_check_that_hangs_is_told_as_itself_and_holds_nobody_up(tmp_path: Path) -> None:
    let_go = threading.Event()

    def hanging(_: Scene) -> Iterable[Finding]:
        let_go.wait()
        return []

    bad = Check(id="bad", section="machine", holds="", run=hanging)
    try:
        rows = run.run([bad, _check("good")], _scene(tmp_path), limit=0.05)
    finally:
        let_go.set()
    assert [(row.id, row.grade) for row in rows] == [("bad", "warning"), ("good", "ok")]
    assert rows[0].fix == "./inv doctor --check bad"


def test_what_a_check_needs_and_can_t_be_had_is_why_it_is_skipped(tmp_path: Path) -> None:
    scene = _scene(tmp_path, engine=fail("stopped", "the engine is stopped"))
    rows = run.run([_check("a", needs=("engine",)), _check("b")], scene)
    assert [(row.id, row.grade, row.seen) for row in rows] == [
        ("a", "skipped", "the engine is stopped"),
        ("b", "ok", "b holds"),
    ]


def test_of_a_service_only_what_is_found_of_it_is_told(tmp_path: Path) -> None:
    both = [Finding("of a", "", "", service="a"), Finding("of b", "", "", service="b")]
    rows = run.run([_check("c", both)], _scene(tmp_path), services=["b"])
    assert [row.seen for row in rows] == ["of b"]


def test_a_secret_is_shown_in_no_part_of_a_finding(tmp_path: Path) -> None:
    leaky = [Finding("it said s3cr3t-word", "so s3cr3t-word", "type s3cr3t-word")]
    row = run.run([_check("a", leaky)], _scene(tmp_path))[0]
    assert "s3cr3t-word" not in row.seen + row.causes + row.fix


def test_a_secret_is_hidden_where_the_settings_can_t_be_read_either(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("REDIS_PASSWORD=s3cr3t-word\nbroken\n")
    scene = Scene(tmp_path, {"checkout": fail("env-line", "a line is broken")})
    row = run.run([_check("a", [Finding("it said s3cr3t-word", "", "")])], scene)[0]
    assert "s3cr3t-word" not in row.seen


def test_an_engine_that_goes_away_while_doctor_looks_is_the_engine_s_finding(tmp_path: Path) -> None:
    looks: list[str] = []

    def engine(_: Scene) -> Iterable[Finding]:
        looks.append("look")
        return [Finding("the engine is stopped", "so", "fix")] if len(looks) > 1 else []

    def lost(_: Scene) -> Iterable[Finding]:
        raise fail("docker", "no answer")

    checks = [
        Check(id="engine", section="engine", holds="", run=engine),
        Check(id="data", section="data", holds="", run=lost, needs=("engine",)),
        _check("silence", [Finding("nothing there", "", "")], "services", needs=("engine",)),
    ]
    rows = run.run(checks, _scene(tmp_path, engine=""))
    assert [(row.id, row.grade) for row in rows] == [
        ("engine", "error"),
        ("data", "skipped"),
        ("silence", "skipped"),
    ]
    assert rows[0].seen == "while doctor looked: the engine is stopped"


def test_every_check_has_an_id_of_its_own_a_section_and_needs_that_there_are() -> None:
    ids = [one.id for one in CHECKS]
    assert len(set(ids)) == len(ids)
    assert all(one.section in check.SECTIONS for one in CHECKS)
    assert all(need in vars(Scene) for one in CHECKS for need in one.needs)


def test_the_registry_is_in_the_order_of_the_sections() -> None:
    order = [check.SECTIONS.index(one.section) for one in CHECKS]
    assert order == sorted(order)
