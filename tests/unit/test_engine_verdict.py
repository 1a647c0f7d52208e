"""What is said about each state of Docker that a machine can be in, and the one command that mends it."""

import pytest

from stack.engine.facts import DEFAULT_ENDPOINT, Facts
from stack.engine.probe import Probe, version
from stack.engine.setup import step_for
from stack.engine.verdict import judge

ENGINE = Probe(state="answers", version="20.10.24", min_api="1.12")
PODMAN = Probe(state="answers", product="podman", version="4.3.1")
ROOTLESS = Probe(state="answers", version="28.0.0", rootless=True)
REFUSED = Probe(state="refused")
DENIED = Probe(state="denied")
OF_USER = "unix:///run/user/1000/docker.sock"
OF_PODMAN = "unix:///run/podman/podman.sock"
OF_MAC = "unix:///Users/ada/.docker/run/docker.sock"
OF_COLIMA = "unix:///Users/ada/.colima/default/docker.sock"


def facts(**seen: object) -> Facts:
    """A Debian machine with an engine that runs, changed by what is given."""
    usual: dict[str, object] = {
        "manager": "apt",
        "root": True,
        "docker": "/usr/bin/docker",
        "dockerd": "/usr/sbin/dockerd",
        "packages": ("docker.io",),
        "probes": {DEFAULT_ENDPOINT: ENGINE},
        "compose": "2.40.3",
    }
    return Facts(**(usual | seen))  # type: ignore[arg-type]


def bare(**seen: object) -> Facts:
    """A Debian machine with nothing of Docker on it, changed by what is given."""
    nothing: dict[str, object] = {"docker": "", "dockerd": "", "packages": (), "probes": {}, "compose": ""}
    return facts(**(nothing | seen))


def test_an_engine_that_answers_with_a_new_enough_compose_is_ready() -> None:
    assert judge(facts()).kind == "ready"


def test_a_rootless_engine_that_was_chosen_is_ready() -> None:
    assert judge(facts(host_variable=OF_USER, probes={OF_USER: ROOTLESS, DEFAULT_ENDPOINT: ENGINE})).kind == "ready"
    assert judge(facts(compose="5.0.0-rc.1")).problem is None


@pytest.mark.parametrize(("version", "at", "kind"), [
    ("5.4.2", OF_PODMAN, "ready"), ("6.0.0", OF_PODMAN, "ready"), ("5.3.1", OF_PODMAN, "podman"),
    ("5.4.2", "tcp://127.0.0.1:2375", "podman"),
])  # fmt: skip
def test_a_podman_that_is_new_enough_is_taken_at_a_socket(version: str, at: str, kind: str) -> None:
    podman = Probe(state="answers", product="podman", version=version, min_api="1.24")
    assert judge(facts(host_variable=at, probes={at: podman})).kind == kind


DESKTOP_ON_WINDOWS = "powershell.exe -Command \"Start-Process 'C:\\Program Files\\Docker\\Docker\\Docker Desktop.exe'\""
CASES = {
    "nothing at all": (bare(), "absent", "./inv engine --yes"),
    "a client alone, without an engine anywhere": (
        bare(docker="/usr/local/bin/docker"),
        "absent",
        "./inv engine --yes",
    ),
    "nothing, on a Fedora": (
        bare(manager="dnf", root=False),
        "absent",
        "sudo dnf install -y moby-engine docker-cli docker-compose",
    ),
    "nothing, on a Mac": (
        bare(system="darwin", manager="brew"),
        "absent",
        "brew install --cask docker-desktop",
    ),
    "installed and stopped": (facts(probes={}), "stopped", "./inv engine --yes"),
    "installed and stopped, with its socket left over": (
        facts(probes={DEFAULT_ENDPOINT: REFUSED}),
        "stopped",
        "./inv engine --yes",
    ),
    "a socket without an engine": (
        bare(docker="/usr/bin/docker", probes={DEFAULT_ENDPOINT: REFUSED}),
        "stopped",
        "rm /var/run/docker.sock",
    ),
    "an engine that answers with an error": (
        facts(probes={DEFAULT_ENDPOINT: Probe(state="failing", detail="HTTP 500")}, systemd=True, root=False),
        "failing",
        "sudo systemctl restart docker",
    ),
    "no permission, not in the group": (
        facts(root=False, probes={DEFAULT_ENDPOINT: DENIED}),
        "no-permission",
        "sudo usermod -aG docker $USER && newgrp docker",
    ),
    "no permission, joined the group since login": (
        facts(root=False, in_group=True, probes={DEFAULT_ENDPOINT: DENIED}),
        "no-permission",
        "newgrp docker",
    ),
    "DOCKER_HOST leads nowhere, the system's engine answers": (
        facts(host_variable="unix:///nowhere"),
        "wrong-context",
        "unset DOCKER_HOST",
    ),
    "DOCKER_CONTEXT leads nowhere, the system's engine answers": (
        facts(context_variable="far", contexts={"far": "ssh://far"}),
        "wrong-context",
        "unset DOCKER_CONTEXT",
    ),
    "the chosen context leads nowhere, the system's engine answers": (
        facts(context_setting="far", contexts={"far": "ssh://far"}),
        "wrong-context",
        "docker context use default",
    ),
    "DOCKER_HOST and the chosen context lead nowhere": (
        facts(host_variable="tcp://gone:2375", context_setting="far", contexts={"far": "ssh://far"}),
        "wrong-context",
        "unset DOCKER_HOST; export DOCKER_CONTEXT=default",
    ),
    "the chosen context does not exist": (
        facts(context_setting="lost"),
        "wrong-context",
        "docker context use default",
    ),
    "another context's engine answers": (
        facts(contexts={"colima": OF_COLIMA}, probes={OF_COLIMA: ENGINE}, dockerd="", packages=()),
        "wrong-context",
        "docker context use colima",
    ),
    "DOCKER_HOST leads nowhere and no engine is there": (
        bare(docker="/usr/bin/docker", host_variable="tcp://gone:2375"),
        "wrong-context",
        "unset DOCKER_HOST",
    ),
    "a rootless engine that is stopped": (
        facts(context_setting="rootless", contexts={"rootless": OF_USER}, probes={}),
        "stopped",
        "systemctl --user start docker",
    ),
    "Podman alone": (
        bare(podman="/usr/bin/podman", packages=("podman",)),
        "podman",
        "apt-get install -y --no-install-recommends docker.io",
    ),
    "Podman behind a real client": (
        bare(docker="/usr/bin/docker", podman="/usr/bin/podman", packages=("podman",)),
        "podman",
        "apt-get install -y --no-install-recommends docker.io",
    ),
    "Podman in the place of the client": (
        bare(docker="/usr/bin/docker", podman_as_docker=True, podman="/usr/bin/podman", root=False),
        "podman",
        "sudo apt-get install -y --no-install-recommends docker.io podman-docker-",
    ),
    "Podman's socket in use, beside the system's engine": (
        facts(host_variable=OF_PODMAN, probes={OF_PODMAN: PODMAN, DEFAULT_ENDPOINT: ENGINE}),
        "podman",
        "unset DOCKER_HOST",
    ),
    "Docker Desktop stopped, on a Mac": (
        bare(
            system="darwin",
            manager="brew",
            desktop=True,
            docker="/usr/local/bin/docker",
            context_setting="desktop-linux",
            contexts={"desktop-linux": OF_MAC},
        ),
        "desktop-stopped",
        "open -a Docker",
    ),
    "Docker Desktop stopped, in WSL": (
        bare(docker="/usr/bin/docker", wsl=True, desktop=True),
        "desktop-stopped",
        DESKTOP_ON_WINDOWS,
    ),
    "Docker Desktop not connected, in WSL": (
        bare(wsl=True, desktop=True),
        "desktop-stopped",
        DESKTOP_ON_WINDOWS,
    ),
    "Docker Desktop stopped, on Linux": (
        bare(docker="/usr/bin/docker", desktop=True, packages=("docker-desktop",)),
        "desktop-stopped",
        "systemctl --user start docker-desktop",
    ),
    "Colima stopped": (
        bare(docker="/opt/docker", context_setting="colima", contexts={"colima": OF_COLIMA}, system="darwin"),
        "stopped",
        "colima start",
    ),
    "an engine without a client": (
        facts(docker="", compose=""),
        "client-missing",
        "./inv engine --yes",
    ),
    "a client that the engine no longer takes": (
        facts(
            client_api="1.41",
            probes={DEFAULT_ENDPOINT: Probe(state="answers", version="29.0.0", min_api="1.44")},
        ),
        "client-too-old",
        "apt-get install -y --no-install-recommends docker-cli",
    ),
    "no Compose": (facts(compose=""), "compose-missing", "./inv engine --yes"),
    "an old Compose": (facts(compose="2.26.1-4"), "compose-too-old", "./inv engine --yes"),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_wrong_is_named_with_one_command_that_mends_it(name: str) -> None:
    seen, kind, fix = CASES[name]
    verdict = judge(seen)
    assert verdict.problem is not None
    assert (verdict.kind, verdict.problem.fix) == (kind, fix)
    assert verdict.problem.code == f"engine-{kind}"
    assert "\n" not in verdict.problem.message + verdict.problem.fix


def test_a_message_names_what_was_seen() -> None:
    old = judge(
        facts(
            client_api="1.41",
            probes={DEFAULT_ENDPOINT: Probe(state="answers", version="29.0.0", min_api="1.44")},
        )
    )
    assert old.problem is not None
    assert {"1.41", "1.44", "29.0.0"} <= set(old.problem.message.replace(",", "").split())
    elsewhere = judge(facts(host_variable="unix:///nowhere"))
    assert elsewhere.problem is not None
    assert "unix:///nowhere" in elsewhere.problem.message


def acts(seen: Facts, explicit: bool = False) -> bool:
    """Whether the step would do something itself, after consent."""
    return step_for(judge(seen), seen, explicit) is not None


def test_up_installs_only_where_there_is_nothing() -> None:
    installable = [name for name, (seen, _, _) in CASES.items() if acts(seen)]
    assert installable == [
        "nothing at all",
        "a client alone, without an engine anywhere",
        "no Compose",
        "an old Compose",
    ]


def test_up_starts_only_an_engine_that_the_step_brought() -> None:
    assert not acts(facts(probes={}))
    assert acts(facts(probes={}, ours=True))


def test_the_step_by_name_starts_any_installed_engine() -> None:
    assert acts(facts(probes={}), explicit=True)
    assert acts(facts(docker="", compose=""), explicit=True)


def test_the_step_by_name_leaves_alone_what_is_not_its_own() -> None:
    for name in (
        "Colima stopped",
        "Podman alone",
        "a socket without an engine",
        "Docker Desktop stopped, in WSL",
    ):
        assert not acts(CASES[name][0], explicit=True), name


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("2.40.3", (2, 40, 3)), ("v5.0.0-rc.1", (5, 0, 0)), ("2.40.3-desktop.1", (2, 40, 3)), ("", ())],
)
def test_versions_compare_by_their_numbers(text: str, numbers: tuple[int, ...]) -> None:
    assert version(text) == numbers
