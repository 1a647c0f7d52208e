"""What `inv ui` says as it begins."""

import pytest

from stack.ui import serve

URL = "http://127.0.0.1:8080/?token=x"


def test_it_says_the_address_and_how_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    assert serve.told(URL, 8080, True, "unix:///run/docker.sock") == [
        f"the stack's page, to look only: {URL}",
        "it is there until Ctrl-C",
    ]


def test_behind_ssh_it_says_how_to_come_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "192.0.2.1 50000 192.0.2.2 22")
    monkeypatch.setenv("USER", "me")
    assert "ssh -L 8080:127.0.0.1:8080 me@192.0.2.2" in serve.told(URL, 8080, False, "")[1]


def test_an_engine_that_is_asked_by_ssh_is_told_with_what_makes_it_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    assert "docs/ui.md" in serve.told(URL, 8080, False, "ssh://me@example.org")[-1]
