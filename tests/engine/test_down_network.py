"""`down` where something else is still in the project's network, and the volumes that it takes along."""

from tests.engine.support.stacks import BASE, Stack, docker


def test_a_network_that_is_let_go_of_a_little_later_is_waited_for_and_another_reason_is_told(stack: Stack) -> None:
    stack.service("web", volumes=["/nameless", "named:/named"])
    stack.volume("web", "named")
    stack.up()
    nameless = next(m["Name"] for m in stack.one("web")["Mounts"] if m["Destination"] == "/nameless")
    [network] = stack.listed("network")
    guest = docker("run", "-d", "--network", network, BASE, "sleep", "infinity").strip()
    try:
        refused = stack.inv("down")
        assert refused.code == 1
        assert "has active endpoints" in refused.err
        assert "exit status" not in refused.err
    finally:
        docker("rm", "-f", guest)
    docker("run", "-d", "--rm", "--network", network, BASE, "sleep", "3")
    done = stack.inv("down")
    assert done.code == 0, done
    assert stack.listed("network") == []
    assert stack.listed("volume") == [f"{stack.project}_named"]
    assert nameless not in docker("volume", "ls", "-q").split()
