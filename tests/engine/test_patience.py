"""What a start does not give up for: a program that takes longer than its checks allow, and containers that the engine
can't start as they are."""

import subprocess

from tests.engine.support import stacks
from tests.engine.support.stacks import Stack, docker

HASTY = {"test": ["CMD", "test", "-e", "/tmp/go"], "interval": "1s", "retries": 1}
FINE = {"test": ["CMD", "true"], "interval": "1s"}


def test_what_is_unhealthy_at_first_and_well_later_comes_up_with_all_that_waits_for_it(stack: Stack) -> None:
    stack.service("web", healthcheck=HASTY)
    stack.service("after", depends_on={"web": {"condition": "service_healthy"}}, healthcheck=FINE)
    stack.service("last", depends_on={"after": {"condition": "service_healthy"}})
    running = stack.start("up")
    running.wait_for("web: unhealthy so far; it has 300 s")
    # Compose gives up by now, or soon: either way the rest is started once the page is there.
    stack.exec("web", "touch", "/tmp/go")
    assert running.end() == 0, running.text
    assert all(one["State"]["Running"] for one in stack.containers().values())
    assert set(stack.containers()) == {"web-1", "after-1", "last-1"}
    assert running.wait_for(r"^\d+:\d\d web: healthy in \d+\.\d s$")


def test_what_runs_already_is_told_as_that(stack: Stack) -> None:
    stack.service("web", healthcheck=FINE)
    stack.up()
    stack.service("more", depends_on={"web": {"condition": "service_healthy"}})
    told = stack.up().err
    assert "web: running already" in told
    assert "web: healthy in" not in told
    assert "more: running in" in told


def test_a_stopped_project_whose_network_was_pruned_comes_up_again(stack: Stack) -> None:
    seed = {"command": ["sh", "-c", "echo once >> /data/runs"], "restart": "no", "init": None,
            "volumes": ["web-data:/data"]}  # fmt: skip
    stack.service("web", more={"seed": seed}, volumes=["web-data:/data"], healthcheck=FINE,
                  depends_on={"seed": {"condition": "service_completed_successfully"}})  # fmt: skip
    stack.volume("web", "web-data")
    stack.service("beside", depends_on={"web": {"condition": "service_healthy"}})
    stack.up()
    before = stack.identities()
    assert stack.compose("stop").code == 0
    docker("network", "rm", *stack.listed("network"))
    told = stack.up()
    assert "web: made anew, as the engine can't start it any more" in told.err
    assert stack.identities()["seed-1"] == before["seed-1"]
    assert stack.exec("web", "cat", "/data/runs") == "once\n"
    assert stack.one("beside")["State"]["Running"]
    assert "nothing was changed" in stack.up().out
    assert stacks.run("docker", "exec", f"{stack.project}-beside-1", "getent", "hosts", "web").code == 0


def test_what_was_being_stopped_as_up_began_is_started_again(stack: Stack) -> None:
    deaf = 'trap "" TERM; touch /tmp/deaf; while :; do sleep 1; done'
    stack.service("web", command=["sh", "-c", deaf], init=False,
                  healthcheck={"test": ["CMD", "test", "-e", "/tmp/deaf"], "interval": "1s"})  # fmt: skip
    stack.up()
    stack.service("late", command=["sh", "-c", "sleep 8; touch /tmp/ready; exec sleep infinity"],
                  healthcheck={"test": ["CMD", "test", "-e", "/tmp/ready"], "interval": "1s"})  # fmt: skip
    stopping = subprocess.Popen(["docker", "stop", "-t", "5", f"{stack.project}-web-1"], stdout=subprocess.DEVNULL)
    done = stack.up()
    assert stopping.wait() == 0
    assert "web: was being stopped, and is started again" in done.err, done
    assert done.err.count("web: running already") == 1
    assert stack.one("web")["State"]["Running"]


def test_a_container_that_somebody_takes_away_while_it_is_replaced_is_no_error(stack: Stack) -> None:
    def web(**environment: str) -> None:
        stack.service("web", command=["sh", "-c", 'trap "" TERM; while :; do sleep 1; done'], init=False,
                      stop_grace_period="300s", environment=environment)  # fmt: skip

    web()
    stack.up()
    old = stack.one("web")["Id"]
    web(SINCE="changed")
    words = ["docker", "events", "--filter", f"container={old}", "--filter", "event=kill", "--since", "1m"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as events:
        running = stack.start("up")
        assert events.stdout is not None
        assert "kill" in events.stdout.readline()
        events.terminate()
    docker("rm", "-f", old)
    assert running.end() == 0, running.text
    # Its name may be the one that Compose gave it for as long as the old one was there.
    [new] = stacks.inspect(stack.project)
    assert new["State"]["Running"]
    assert "SINCE=changed" in new["Config"]["Env"]
    assert "nothing was changed" in stack.up().out
