"""The files and variables that decide what Compose makes of a project, besides the files that it is given."""

from pathlib import Path

import pytest

from stack.planning import reads


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("services: {web: {extends: {file: ext.yml, service: x}}}", ["ext.yml"]),
        ("services: {web: {env_file: a.env}}", ["a.env"]),
        ("services: {web: {env_file: [a.env, {path: sub/b.env, required: false}]}}", ["a.env", "sub/b.env"]),
        ("services: {web: {label_file: [l.env]}}", ["l.env"]),
        ("include: [sub/more.yml]", ["sub/.env", "sub/more.yml"]),
        ("include: [{path: [m.yml], env_file: e.env, project_directory: sub}]", [".env", "e.env", "m.yml", "sub/.env"]),
        ("services: {web: {env_file: '${WHERE}/a.env'}}", ["here/a.env"]),
        ("services: {web: {env_file: '${NOWHERE:-sub}/a.env'}}", ["sub/a.env"]),
        ("services: {web: {image: include, extends: {service: x}, command: ['env_file: a']}}", []),
        ("include: ['https://example.org/x.git', oci://example.org/x]", []),
        ("services: {web: {environment: {A: '1'}}}", []),
        ("services: [", []),
        ("env_file: [", []),
    ],
)
def test_what_compose_reads_on_account_of_a_file_is_found(tmp_path: Path, text: str, expected: list[str]) -> None:
    found = reads.followed(tmp_path, {"override.yaml": text.encode()}, {"WHERE": "here"})
    assert sorted(str(Path(path).relative_to(tmp_path)) for path in found) == expected


def test_it_is_followed_from_file_to_file_and_an_endless_chain_ends(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "ext.yml").write_text("services: {x: {env_file: own.env, extends: {file: ext.yml}}}")
    (tmp_path / "sub" / "own.env").write_text("A=1\n")
    text = b"services: {web: {extends: {file: sub/ext.yml, service: x}}}"
    found = reads.followed(tmp_path, {"override.yaml": text}, {})
    assert found[str(tmp_path / "sub" / "own.env")] == b"A=1\n"


def test_of_the_environment_what_is_mentioned_counts_and_what_docker_reads_itself() -> None:
    env = {
        "A_WORD": "1",
        "TERM": "x",
        "_": "./inv",
        "WORD": "2",
        "DOCKER_DEFAULT_PLATFORM": "linux/arm64",
        "HOME": "/h",
    }
    assert reads.mentioned(env, [b"services: {web: {environment: [A_WORD]}}"]) == {
        "A_WORD": "1", "DOCKER_DEFAULT_PLATFORM": "linux/arm64", "HOME": "/h",
    }  # fmt: skip
