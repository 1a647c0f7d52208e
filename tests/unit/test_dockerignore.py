"""Which files of a build context count: what .dockerignore leaves out is no reason to build again."""

from pathlib import Path

import pytest

from stack import tree

RULES = tree.ignore_rules("# only these\n*\n!Dockerfile\n!image\n!migrations/0001_roles.sql\n")


@pytest.mark.parametrize(
    ("path", "out"),
    [
        ("Dockerfile", False),
        ("image/entrypoint.sh", False),
        ("migrations/0001_roles.sql", False),
        ("migrations/0003_more.sql", True),
        ("migrate.sh", True),
    ],
)
def test_the_last_rule_that_matches_decides(path: str, out: bool) -> None:
    assert tree.ignored(path, RULES) is out


def test_a_pattern_for_any_depth_matches_below_folders() -> None:
    rules = tree.ignore_rules("**/*.pyc\n")
    assert [tree.ignored(p, rules) for p in ("a.pyc", "b/c.pyc", "b/c.py")] == [True, True, False]


def test_a_file_that_is_left_out_does_not_change_the_digest(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch")
    (tmp_path / ".dockerignore").write_text("notes\n")
    before = tree.digest_path(tmp_path)
    (tmp_path / "notes").write_text("changed")
    assert tree.digest_path(tmp_path) == before
    (tmp_path / "Dockerfile").write_text("FROM other")
    assert tree.digest_path(tmp_path) != before
