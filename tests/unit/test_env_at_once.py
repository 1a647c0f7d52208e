"""Settings that are written at the same time."""

import multiprocessing
from pathlib import Path

import pytest

from stack import tree
from stack.commands import env
from stack.env import envfile
from tests import support

VALUES = {
    "PROJECT_NAME": "mine", "BASE_PORT": "50000", "BIND_ADDRESS": "127.0.0.2", "PUBLIC_HOST": "here.example",
    "WEB_PORT": "50100", "DB_PORT": "50101", "WEB_SCALE": "1", "DB_SOURCE": "container",
}  # fmt: skip


def test_eight_that_are_written_at_once_are_all_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = support.make(tmp_path / "checkout", (), support.PAIR).root
    monkeypatch.setattr(tree, "root", lambda: root)
    for name in VALUES:
        monkeypatch.delenv(name, raising=False)
    fork = multiprocessing.get_context("fork")
    writers = [fork.Process(target=env.set_, args=pair) for pair in VALUES.items()]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0] * len(writers)
    assert envfile.parse(tree.read(root / ".env")) == VALUES


def test_a_file_that_is_a_link_stays_one_and_what_it_leads_to_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, real = support.make(tmp_path / "checkout", (), support.PAIR).root, tmp_path / "kept" / "env"
    monkeypatch.setattr(tree, "root", lambda: root)
    monkeypatch.delenv("PUBLIC_HOST", raising=False)
    tree.write(real, b"# mine\n", 0o600)
    (root / ".env").symlink_to("../kept/env")
    env.set_("PUBLIC_HOST", "here.example")
    assert (root / ".env").is_symlink()
    assert real.read_text() == "# mine\nPUBLIC_HOST=here.example\n"
