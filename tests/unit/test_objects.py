"""Networks that an engine does not let go of."""

from types import SimpleNamespace
from typing import Any

import pytest
from python_on_whales.exceptions import DockerException

from stack.errors import StackError
from stack.running import objects


class Networks:
    """An engine's networks: the one of the project is removed after so many refusals, and these are in it."""

    def __init__(self, refusals: int, inside: dict[str, Any]) -> None:
        self.refusals, self.inside, self.there = refusals, inside, True

    def list(self, **_: Any) -> list[Any]:
        return [SimpleNamespace(id="1")] if self.there else []

    def inspect(self, _: str) -> Any:
        return SimpleNamespace(name="p_net", containers=self.inside)

    def remove(self, _: Any) -> None:
        if self.refusals:
            self.refusals -= 1
            raise DockerException(["docker"], 1, stderr=b"error while removing network: p_net has active endpoints")
        self.there = False


@pytest.fixture
def removed(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What comes of the removal where the engine refuses so often, and these are in the network."""

    def run(refusals: int, inside: dict[str, Any]) -> tuple[int, list[str]]:
        networks = Networks(refusals, inside)
        monkeypatch.setattr(objects, "_client", lambda: SimpleNamespace(network=networks))
        monkeypatch.setattr(objects, "PAUSE_S", 0.0)
        return objects.remove_networks("p")

    return run


def test_one_that_is_let_go_of_a_little_later_is_removed(removed: Any) -> None:
    assert removed(3, {}) == (1, [])


def test_an_empty_one_that_is_never_let_go_of_is_told_and_no_failure(removed: Any) -> None:
    assert removed(objects.RELEASES, {}) == (1, ["p_net"])


def test_one_that_somebody_is_in_is_refused_with_the_engines_reason(removed: Any) -> None:
    with pytest.raises(StackError, match="p_net has active endpoints"):
        removed(objects.RELEASES, {"guest": {}})
