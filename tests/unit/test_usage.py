"""Memory and processors: from cgroup files, and from the words of `docker stats`."""

from pathlib import Path

import pytest

from stack.running import usage

ID = "a" * 64


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0B", 0), ("512B", 512), ("12.5KiB", 12800), ("11.45MiB", 12006195), ("1.5GiB", 1610612736),
        ("2TiB", 2199023255552),
    ],
)  # fmt: skip
def test_the_engines_words_are_bytes(text: str, number: int) -> None:
    assert usage._bytes(text) == number


@pytest.mark.parametrize("place", usage.PLACES)
def test_a_cgroup_of_version_2_counts_without_what_can_be_dropped(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / place.format(controller="memory", id=ID)
    folder.mkdir(parents=True)
    (folder / "memory.current").write_text("5000\n")
    (folder / "memory.stat").write_text("anon 3000\ninactive_file 1500\ntotal_inactive_file 9\n")
    monkeypatch.setattr(usage, "CGROUPS", tmp_path)
    assert usage.memory([ID]) == {ID: 3500}


def test_a_cgroup_of_version_1_counts_its_whole_subtree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "memory" / "docker" / ID
    folder.mkdir(parents=True)
    (folder / "memory.usage_in_bytes").write_text("5000\n")
    (folder / "memory.stat").write_text("inactive_file 1\ntotal_inactive_file 2000\n")
    monkeypatch.setattr(usage, "CGROUPS", tmp_path)
    assert usage.memory([ID]) == {ID: 3000}


def test_a_container_without_readable_cgroup_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "docker" / ID
    folder.mkdir(parents=True)
    (folder / "memory.current").write_text("not a number")
    monkeypatch.setattr(usage, "CGROUPS", tmp_path)
    assert usage.memory([ID, "b" * 64]) == {}


@pytest.mark.parametrize("place", usage.PLACES)
@pytest.mark.parametrize(
    ("file", "text"),
    [("cpuacct.usage", "2500000000\n"), ("cpu.stat", "usage_usec 2500000\nuser_usec 1\nsystem_usec 2\n")],
)
def test_the_processors_time_is_in_seconds_whatever_the_version(
    place: str, file: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / place.format(controller="cpuacct", id=ID)
    folder.mkdir(parents=True)
    (folder / file).write_text(text)
    monkeypatch.setattr(usage, "CGROUPS", tmp_path)
    assert usage.processor([ID, "b" * 64]) == {ID: 2.5}


def test_no_container_needs_no_engine() -> None:
    assert usage.from_engine([]) == {}


@pytest.mark.parametrize(("text", "share"), [("0.00%", 0), ("12.34%", 0.1234), ("250.10%", 2.501), ("--", 0)])
def test_the_engines_percents_are_processors(text: str, share: float) -> None:
    assert usage._processors(text) == share
