"""why, ports, graph, open: what a user asks about the plan, where no engine answers."""

import socket

import pytest

from tests.engine.support import ports
from tests.support import Checkout, keep


@pytest.fixture
def core(checkout: Checkout) -> Checkout:
    """What the core needs, and some that are not planned."""
    keep(checkout.root, "n8n")
    return checkout


def test_why_says_who_requires_it_and_what_is_unknown_is_wrong_usage(core: Checkout) -> None:
    done = core.inv("why", "redis")
    assert done.code == 0, done
    assert "redis is in the plan: profile core has it" in done.out
    assert "backend requires it: it starts once redis is healthy" in done.out
    data = core.inv_json("why", "n8n").data
    assert (data["planned"], data["causes"]) == (False, [])
    assert "it is of profiles automation, all" in data["because"][0]
    assert core.inv_json("why", "n8n", "--profile", "automation").data["planned"]
    wrong = core.inv_json("why", "reddis")
    assert wrong.code == 2
    assert wrong.problems[0]["fix"] == 'did you mean "redis"?'


def test_ports_tells_who_holds_a_number_and_finds_a_free_block(core: Checkout) -> None:
    # None of those that the system hands out, which anybody's connection may have as its own end.
    set_to = ports.first_free(ports.own(ports.CHECKOUTS), 100)
    core.write(".env", f"BASE_PORT={set_to}\n")
    with socket.create_server(("127.0.0.1", set_to + 1)):
        data = core.inv_json("ports").data
        row = next(row for row in data["ports"] if row["variable"] == "REDIS_PORT")
        assert (row["offset"], row["port"], row["planned"]) == (1, set_to + 1, True)
        assert row["holder"].startswith("process ")
        assert [row["last"] for row in data["free"] if row["first"] <= 21 <= row["last"]] == [99]
        text = core.inv("ports", "--base-port", "auto")
    base = int(text.out.partition("to publish from ")[2].partition(" ")[0])
    assert f"to publish from {base} on: ./inv env.set BASE_PORT {base} && ./inv up" in text.out
    assert base > set_to
    rows = core.inv_json("ports", "--base-port", str(base)).data["ports"]
    assert {row["holder"] for row in rows if row["planned"]} == {""}
    free = core.inv("ports", "--base-port", "auto")
    assert f"from {set_to} on, as it is set, every planned port is free" in free.out


def test_graph_is_mermaid_and_goes_into_a_file(core: Checkout) -> None:
    text = core.inv("graph")
    assert text.out.startswith("flowchart TB\n")
    assert "redis --> backend" in text.out
    core.inv("graph", "--output", "plan.dot")
    assert (core.root / "plan.dot").read_text().startswith("digraph plan {")
    wrong = core.inv_json("graph", "--output", "plan.gif")
    assert (wrong.code, wrong.problems[0]["where"]) == (2, "--output")


def test_open_prints_the_address_and_says_where_there_is_none(checkout: Checkout) -> None:
    done = checkout.inv_json("open", "backend").data
    assert (done["url"], done["direct"]) == ("http://localhost:63002/backend/", "http://localhost:63016/")
    assert done["opened"] is False
    assert checkout.inv("open", "redis").out == "redis://localhost:63001\n"
    none = checkout.inv_json("open", "supabase-db-init")
    assert none.problems[0]["code"] == "no-address"
    absent = checkout.inv_json("open", "n8n")
    assert absent.problems[0]["fix"] == "./inv why n8n"
