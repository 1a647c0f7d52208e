"""Which files of a build context count: what .dockerignore leaves out is no reason to build again, and does not come
along with a service."""

from pathlib import Path

import pytest

from stack import dockerignore, tree

FILES = ["Dockerfile", "a.md", "a1.txt", "a[1].txt", "docs/sub/y.md", "docs/x.md", "notes", "src/a.py", "src/b/a.py",
         "src/keep/k.txt", "src/keep/l.txt", "src/tmp2/f", "tmp1/f"]  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "out"),
    [
        ("*.md", ["a.md"]),
        ("*/*.md", ["docs/x.md"]),
        ("**/*.md", ["a.md", "docs/sub/y.md", "docs/x.md"]),
        ("docs/**", ["docs/sub/y.md", "docs/x.md"]),
        ("docs/**/y.md", ["docs/sub/y.md"]),
        ("/src/b/", ["src/b/a.py"]),
        ("src/*/a.py", ["src/b/a.py"]),
        ("**.py", ["src/a.py", "src/b/a.py"]),
        ("s**/a.py", ["src/a.py", "src/b/a.py"]),
        ("tmp?", ["tmp1/f"]),
        ("*/tmp?", ["src/tmp2/f"]),
        ("a[0-9].txt", ["a1.txt"]),
        ("a\\[1\\].txt", ["a[1].txt"]),
        ("note\\s", ["notes"]),
        (" ./notes ", ["notes"]),
        ("docs/../notes", ["notes"]),
        ("#notes", []),
        ("src\n!src/keep/k.txt", ["src/a.py", "src/b/a.py", "src/keep/l.txt", "src/tmp2/f"]),
        ("*\n!src\n!Dockerfile", ["a.md", "a1.txt", "a[1].txt", "docs/sub/y.md", "docs/x.md", "notes", "tmp1/f"]),
        ("!a.md\n*.md", ["a.md"]),
        ("*.md\n!a.md", []),
        ("**", FILES),
    ],
)
def test_what_is_left_out_is_what_docker_leaves_out(lines: str, out: list[str]) -> None:
    """As `docker build` (20.10) of these files had it in the image."""
    rules = dockerignore.rules(f"{lines}\n")
    assert [path for path in FILES if dockerignore.leaves_out(rules, path)] == out


def test_a_file_that_is_left_out_does_not_change_the_digest(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch")
    (tmp_path / ".dockerignore").write_text("notes\n*.md\n")
    (tmp_path / "docs").mkdir()
    before = tree.digest_path(tmp_path)
    (tmp_path / "notes").write_text("changed")
    assert tree.digest_path(tmp_path) == before
    (tmp_path / "docs" / "page.md").write_text("in the image")
    page = tree.digest_path(tmp_path)
    assert page != before
    (tmp_path / "Dockerfile").write_text("FROM other")
    assert tree.digest_path(tmp_path) != page
