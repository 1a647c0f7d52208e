"""The look from inside a network: its script run here by a shell, and what is read off what it prints."""

import socket
import subprocess
from collections.abc import Iterator

import pytest

from stack import docker
from stack.running import inside, sockets
from stack.running.inside import Answer, Question
from stack.running.sockets import Listener


@pytest.fixture
def server() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock.getsockname()[1]


@pytest.fixture
def closed() -> int:
    """A port that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def look(*targets: str, also: str = "") -> inside.Look:
    done = subprocess.run(
        ["sh", "-c", inside.SCRIPT, "look", "2", also, *targets], capture_output=True, text=True, check=True
    )
    assert done.stdout.endswith("@end\n")
    return inside.parsed(done.stdout)


def test_the_look_tells_what_answers_what_refuses_and_what_is_not_found(server: int, closed: int) -> None:
    found = look(f"localhost:{server}", f"127.0.0.1:{closed}", "no-such-service.invalid:80")
    assert found.answers[("localhost", server)].reached
    assert found.answers[("127.0.0.1", closed)] == Answer(["127.0.0.1"], inside.REFUSED)
    assert found.answers[("no-such-service.invalid", 80)] == Answer([])


def test_one_more_line_is_run_and_what_it_says_told_apart(closed: int) -> None:
    found = look(f"127.0.0.1:{closed}", also="printf 'a|b\\nc\\n'; echo no >&2; false")
    assert found.also == "a|b\nc\n"
    assert found.answers[("127.0.0.1", closed)] == Answer(["127.0.0.1"], inside.REFUSED)
    assert look().also == ""


def test_the_look_lists_what_listens(server: int, closed: int) -> None:
    found = look()
    assert [one.address for one in sockets.at(found.listeners, server)] == ["127.0.0.1"]
    assert sockets.at(found.listeners, closed) == []
    assert found.answers == {}


@pytest.mark.parametrize(
    ("row", "answer"),
    [
        ("db:1|0|10.0.0.2 STREAM db 10.0.0.2 DGRAM 10.0.0.3 STREAM|", Answer(["10.0.0.2", "10.0.0.3"])),
        ("db:1|0|fd00::2 db|", Answer(["fd00::2"])),
        ("db:1|||", Answer([])),
        ("db:1|124|10.0.0.2 STREAM|", Answer(["10.0.0.2"], inside.SILENT)),
        ("db:1|143|10.0.0.2 STREAM|Terminated", Answer(["10.0.0.2"], inside.SILENT)),
        ("db:1|1|10.0.0.2 STREAM|nc: db (10.0.0.2:1): Operation timed out", Answer(["10.0.0.2"], inside.SILENT)),
        ("db:1|1|10.0.0.2 STREAM|nc: db (10.0.0.2:1): Connection refused", Answer(["10.0.0.2"], inside.REFUSED)),
        ("db:1|1|10.0.0.2 STREAM|bash: connect: No route to host", Answer(["10.0.0.2"], "finds no route")),
    ],
)
def test_an_answer_is_read_whatever_tool_gave_it(row: str, answer: Answer) -> None:
    assert inside.parsed(f"@answers\n{row}\n@end\n").answers == {("db", 1): answer}


def test_words_of_a_tool_that_can_t_do_it_say_nothing_of_the_target() -> None:
    assert inside.parsed("@answers\ndb:1|1|10.0.0.2|nc: invalid option -- 'z' Usage: nc\n@end\n").answers == {}


HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


def test_the_kernel_s_lists_are_read() -> None:
    tcp = HEAD + "   0: 00000000:1F90 00000000:0000 0A 0\n   1: 0100007F:18EB 00000000:0000 0A 0\n"
    tcp += "   2: 0200000A:1F90 0300000A:C350 01 0\n   3: 0B00007F:9C40 00000000:0000 0A 0\n"
    tcp6 = HEAD + "   0: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 0\n"
    tcp6 += "   1: 0000000000000000FFFF00000100007F:0051 00000000000000000000000000000000:0000 0A 0\n"
    udp = HEAD + "   0: 00000000:0202 00000000:0000 07 0\n"
    found = inside.parsed(f"@tcp\n{tcp}@tcp6\n{tcp6}@udp\n{udp}@udp6\n@answers\n@end\n").listeners
    assert found == [
        Listener("0.0.0.0", 8080), Listener("127.0.0.1", 6379), Listener("::", 80), Listener("127.0.0.1", 81),
        Listener("0.0.0.0", 514, "udp"),
    ]  # fmt: skip
    assert [one.port for one in found if one.open] == [8080, 80, 514]


def test_this_machine_s_own_listeners_are_seen_with_their_program(server: int) -> None:
    [one] = sockets.at(sockets.of_this_machine(), server)
    assert one.address == "127.0.0.1"
    assert one.process
    assert sockets.answers("127.0.0.1", server)


def test_nobody_answers_at_a_closed_port(closed: int) -> None:
    assert not sockets.answers("127.0.0.1", closed)


def test_images_of_ours_are_looked_with_first_then_those_known_to_have_a_shell() -> None:
    images = ["kong/kong:3.9.3", "redis:7.4.11-alpine", "genai-stack/backend:0.1.0", "postgres:17.11-alpine", "x/y:1"]
    assert inside.candidates(images)[0] == "genai-stack/backend:0.1.0"
    assert set(inside.candidates(images)[1:]) == {"redis:7.4.11-alpine", "postgres:17.11-alpine"}


def test_a_look_may_do_nothing_else_and_belongs_to_no_project() -> None:
    words = inside._command(Question("c1", (("db", 5432),)), "genai-stack/base:0.1.0")
    line = " ".join(words)
    for part in ("--cap-drop ALL", "--read-only", "--pull never", "--rm", "--network container:c1"):
        assert part in line
    assert "com.docker.compose.project=" in words
    assert words[-1] == "db:5432"


@pytest.mark.parametrize(
    ("image", "programs"),
    [("genai-stack/backend:0.1.0", ["exec"]), ("kong:3.9", ["run"]), ("", ["run"])],
)
def test_who_has_a_shell_looks_himself(monkeypatch: pytest.MonkeyPatch, image: str, programs: list[str]) -> None:
    ran: list[str] = []

    def run(words: list[str], timeout: float) -> subprocess.CompletedProcess[str]:
        ran.append(words[0])
        return subprocess.CompletedProcess(words, 0, "@answers\n@end\n", "")

    monkeypatch.setenv("DOCKER_HOST", "ssh://far")
    monkeypatch.setattr(docker, "run", run)
    assert inside.looks([inside.Question("c", (), image)], ["debian:12"]).keys() == {"c"}
    assert ran == programs


def test_who_could_not_look_himself_is_looked_from_beside(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(words: list[str], timeout: float) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(words, 0, "@answers\n@end\n" if words[0] == "run" else "", "no room")

    monkeypatch.setenv("DOCKER_HOST", "ssh://far")
    monkeypatch.setattr(docker, "run", run)
    assert inside.looks([inside.Question("c", (), "redis:7")], ["debian:12"]).keys() == {"c"}
