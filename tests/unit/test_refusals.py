"""The words of a failed start, told as what they mean. They were caused on a real engine (20.10.24, Compose 2.40.3)."""

import re
from subprocess import CompletedProcess

import pytest

from stack import docker
from stack.running import failures, refusals
from stack.running.watching import Failure
from tests.synthetic import facts, planned

RUNC = "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: "
ENDPOINT = "driver failed programming external connectivity on endpoint demo-web-1 (348a): "
SAID = [
    (
        (
            "image with reference genai-stack/base:0.1.0 was found but does not match the specified platform: "
            "wanted linux/arm64, actual: linux/amd64"
        ),
        "genai-stack/base:0.1.0 is here for linux/amd64, and linux/arm64 is asked for",
        "unset DOCKER_DEFAULT_PLATFORM && ./inv up",
    ),
    (
        (
            "image with reference genai-stack/base:0.1.0 was found but its platform (linux/amd64) does not match the "
            "specified platform (linux/s390x)"
        ),
        "genai-stack/base:0.1.0 is here for linux/amd64, and linux/s390x is asked for",
        "docker rmi -f genai-stack/base:0.1.0 && ./inv up",
    ),
    ("exec /usr/local/bin/web: exec format error", "another processor", "./inv doctor --check architecture"),
    (
        'error getting credentials - err: exec: "docker-credential-desktop.exe": executable file not found in $PATH',
        "names docker-credential-desktop.exe, which is not on this machine",
        'take "credsStore"',
    ),
    (
        'network demo_n was found but has incorrect label com.docker.compose.network set to "" (expected: "n")',
        "a network named demo_n is there already",
        "docker network rm demo_n && ./inv up",
    ),
    (
        "failed to create network demo_n: Error: Pool overlaps with other one on this address space",
        "are those of another network",
        "-f '{{.Name}} {{json .IPAM.Config}}'",
    ),
    (
        "could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network",
        "no addresses left",
        "docker network ls",
    ),
    (
        "container f970b5b09df4 has dependent containers which must be removed before it: f1e37f289946",
        "while others stand in its network",
        "./inv down && ./inv up",
    ),
    ("network df479ef36d66ab8df380 not found", "not there any more", "./inv down && ./inv up"),
    (
        f"{ENDPOINT}Error starting userland proxy: listen tcp4 127.0.0.1:39211: bind: address already in use",
        "has taken 127.0.0.1:39211",
        "./inv doctor --check port-taken",
    ),
    (
        f"{ENDPOINT}Bind for 127.0.0.1:39212 failed: port is already allocated",
        "has taken 127.0.0.1:39212",
        "./inv doctor --check port-taken",
    ),
    (
        "the classic builder doesn't support secrets; building with BuildKit requires the buildx Docker CLI plugin",
        "Compose 5 builds by buildx 0.17",
        "apt-get install docker-buildx-plugin",
    ),
    ('could not select device driver "" with capabilities: [[gpu]]', "no runtime for the GPU", "--check gpu"),
    ("assigned node no longer meets constraints", "its node has changed", "./inv cluster"),
    (
        f'{RUNC}exec: "no-such-program": executable file not found in $PATH: unknown',
        "its command no-such-program is not in its image",
        "`entrypoint` of web",
    ),
    (f'{RUNC}exec: "/etc/passwd": permission denied: unknown', "/etc/passwd may not be run", "of web"),
    (
        (
            f'{RUNC}error during container init: error mounting "/w/dir" to rootfs at "/etc/passwd": mount '
            "/w/dir:/etc/passwd (via /proc/self/fd/6), flags: 0x5001: not a directory: unknown: Are you trying"
        ),
        "of /w/dir and /etc/passwd",
        "rmdir /w/dir",
    ),
    ("write /blob: no space left on device", "the disk is full", "docker system df"),
    ("8:M # Can't handle RDB format version 9999", "of a version that it does not read", "./inv doctor --service web"),
    (
        "8:M # Bad file format reading the append only file appendonly.aof.1.incr.aof: make a backup of your AOF file",
        "can't read the end of its append-only file",
        "docker compose stop web && docker compose run --rm -T --no-deps -u redis web ",
    ),
]


@pytest.mark.parametrize(("words", "cause", "fix"), SAID)
def test_words_are_told_as_what_they_mean_with_the_next_step(words: str, cause: str, fix: str) -> None:
    told, step = refusals.meaning(["some line before", words, "some line behind"], "web")
    assert cause in told
    assert fix in step


def test_each_row_of_the_table_is_met_by_its_own_words_first() -> None:
    first = [next(row.pattern for row in refusals.TABLE if re.search(row.pattern, words)) for words, _, _ in SAID]
    assert set(first) == {row.pattern for row in refusals.TABLE}


def test_other_words_mean_nothing() -> None:
    assert refusals.meaning(["Error response from daemon: something new", "exited 1"], "web") == ("", "")


@pytest.mark.parametrize(("source", "fix"), [("localhost", "./inv doctor --service llm"),
                                             ("container", "docker compose logs llm")])  # fmt: skip
def test_a_far_end_that_does_not_answer_is_doctors_to_tell(
    monkeypatch: pytest.MonkeyPatch, source: str, fix: str
) -> None:
    made = planned(facts({"llm": {}}, options={"llm": ["localhost"]}, sources={"llm": source}))
    monkeypatch.setattr(docker, "ask", lambda *_, **__: '{"Health": {"Log": [{"ExitCode": 1, "Output": "no answer"}]}}')
    monkeypatch.setattr(docker, "run", lambda *_, **__: CompletedProcess([], 0, "2026 connection refused\n", ""))
    told = failures.explain(made, Failure("llm", "not healthy within 300 s", "id"))
    assert told.fix == fix
    assert told.message.startswith("llm: not healthy within 300 s\n  its healthcheck (exit 1): no answer")
    assert ("connection refused" in told.message) == (source == "container")
