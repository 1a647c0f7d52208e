"""What the page's actions type, and what comes of the engine's words."""

from pathlib import Path

import msgspec
import pytest

from stack.authoring.typed import Words
from stack.errors import StackError
from stack.ui import actions, hub, levels, streams, watch


def typed(**action: object) -> list[str]:
    return [step.shown for step in actions.read(msgspec.json.encode(action)).steps()]


def test_each_action_is_what_a_user_would_type() -> None:
    assert typed(do="up") == ["./inv up"]
    assert typed(do="up", profiles=["ai"]) == ["./inv up --profile ai"]
    assert typed(do="up", services=["redis"]) == ["./inv up --service redis"]
    assert typed(do="down") == ["./inv down"]
    assert typed(do="restart", service="redis") == ["docker compose restart redis"]
    assert typed(do="source", service="redis", to="build") == ["./inv source --service redis --to build", "./inv up"]
    assert typed(do="scale", service="my-api", number=3) == ["./inv env.set MY_API_SCALE 3", "./inv up"]
    assert typed(do="set", name="REDIS_PORT", value="6 3") == ["./inv env.set REDIS_PORT '6 3'", "./inv up"]
    assert typed(do="set", name="REDIS_PORT") == ["./inv env.unset REDIS_PORT", "./inv up"]
    assert typed(do="mend", checks=["ports"]) == ["./inv doctor --check ports --fix --yes"]


def test_a_service_is_added_by_the_flags_that_are_filled_in() -> None:
    words = {"image": "notes:1", "port": ["80", "81"], "env": ["A=-1"], "command": "--serve it", "rewrite_files": True}
    [line] = typed(do="add", name="notes", words={**words, "replicas": "1"})
    flags = "--image notes:1 --port 80 --port 81 --env A=-1 '--command=--serve it' --rewrite-files"
    assert line == f"./inv add-service notes {flags}"
    assert typed(do="add", name="notes") == ["./inv add-service notes"]
    added = actions.read(msgspec.json.encode({"do": "add", "name": "notes", "words": {"profile": ["own", "app"]}}))
    assert actions.after(added) == actions.Up(profiles=["own"])


def test_the_form_has_every_flag() -> None:
    text = (Path(actions.__file__).parent / "page/add.js").read_text()
    assert [name for name in Words.__struct_fields__ if f'["{name}", ' not in text] == []


def test_a_value_goes_by_standard_input_whatever_it_begins_with() -> None:
    first = actions.read(b'{"do": "set", "name": "A", "value": "--changed"}').steps()[0]
    assert (first.words, first.text) == (["env.set", "A", "-"], "--changed\n")


@pytest.mark.parametrize("sent", [b"", b"[]", b'{"do": "up", "services": ["--bundle"]}', b'{"do": "set", "name": "a"}',
                                  b'{"do": "scale", "service": "a", "number": 0}', b'{"do": "add", "name": "--yes"}',
                                  b'{"do": "add", "name": "a", "words": {"image": "a\\u0000b"}}'])  # fmt: skip
def test_other_words_are_no_action(sent: bytes) -> None:
    with pytest.raises(StackError, match="no action"):
        actions.read(sent)


def test_the_frames_of_a_log_may_come_in_any_pieces() -> None:
    def frame(stream: int, text: bytes) -> bytes:
        return bytes([stream, 0, 0, 0]) + len(text).to_bytes(4) + text

    whole = frame(1, b"one\n") + frame(2, b"two\n") + frame(1, b"")
    for at in range(len(whole)):
        frames = streams.Frames()
        assert frames.text(whole[:at]) + frames.text(whole[at:]) == b"one\ntwo\n"


def test_the_level_of_a_line() -> None:
    lines = [
        "ERROR it broke",
        "level=warn msg=slow",
        "DEBUG: asked",
        "served a page",
        "0 errors",
        "x" * 1000 + " error",
    ]
    assert [levels.of(line) for line in lines] == ["error", "warning", "debug", "info", "info", "info"]


def test_processor_and_memory_are_of_all_containers_of_a_service() -> None:
    rates = watch.shares({"a": 1.0, "b": 5.0}, {"a": 2.0, "b": 4.0, "new": 9.0}, 2.0)
    assert rates == {"a": 0.5, "b": 0.0}
    told = watch.summed({"web": ["a", "b"], "gone": ["x"]}, {"a": 10, "b": 5}, rates)
    assert told == {"web": [15, 0.5], "gone": [None, None]}


def test_an_event_is_told_in_words_and_a_throwaway_container_is_nobodys() -> None:
    labels = {"com.docker.compose.service": "redis", "com.docker.compose.container-number": "1", "name": "p-redis-1"}
    event = {"Action": "health_status: healthy", "Actor": {"Attributes": labels}, "timeNano": 2_500_000_000}
    assert watch.of_event(event) == {
        "at": 2.5, "service": "redis", "action": "health_status", "more": "healthy", "container": "p-redis-1"
    }  # fmt: skip
    assert watch.of_compose(event)
    run = {"Actor": {"Attributes": {**labels, "com.docker.compose.oneoff": "True"}}}
    assert not watch.of_compose(run)
    assert not watch.of_compose({"Actor": {"Attributes": {"com.docker.compose.service": "redis"}}})


def test_one_event_of_the_stream_is_one_line_whatever_it_holds() -> None:
    assert hub.sent("line", {"text": "a\nb"}) == b'event: line\ndata: {"text":"a\\nb"}\n\n'
