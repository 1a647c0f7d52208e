"""Published ports: offsets, pins, and what two services can't share."""

import pytest

from stack.errors import StackError
from stack.planning import ports
from stack.planning.ports import Published


def published(service: str, host: int, host_ip: str = "127.0.0.1") -> Published:
    return Published(service, f"{service.upper()}_PORT", host_ip, host)


def test_a_port_is_the_base_port_and_its_offset() -> None:
    assert ports.assign({"WEB_PORT": 21, "DB_PORT": 0}, 63000, {}) == {"WEB_PORT": 63021, "DB_PORT": 63000}


def test_a_pin_takes_the_place_of_base_and_offset() -> None:
    assert ports.assign({"WEB_PORT": 21}, 63000, {"WEB_PORT": "8080"}) == {"WEB_PORT": 8080}


@pytest.mark.parametrize("pin", ["", "0", "65536", "http", "80 ", "-80", "8.0", "²", "٨٠"])
def test_a_pin_that_is_no_port_is_refused(pin: str) -> None:
    with pytest.raises(StackError) as caught:
        ports.assign({"WEB_PORT": 21, "DB_PORT": 22}, 63000, {"WEB_PORT": pin})
    [problem] = caught.value.problems
    assert (problem.code, problem.where) == ("port", "WEB_PORT")
    assert "WEB_PORT" in problem.fix


def test_every_bad_pin_is_told_at_once() -> None:
    with pytest.raises(StackError) as caught:
        ports.assign({"WEB_PORT": 21, "DB_PORT": 22}, 63000, {"WEB_PORT": "x", "DB_PORT": "y"})
    assert [problem.where for problem in caught.value.problems] == ["WEB_PORT", "DB_PORT"]


def test_different_ports_get_along() -> None:
    assert ports.collisions([published("web", 63021), published("db", 63022)], 63000) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("", "10.0.0.1"), ("::", "::1"), ("", "::"),
    ],
)  # fmt: skip
def test_one_port_of_one_address_has_one_service(one: str, other: str) -> None:
    [problem] = ports.collisions([published("web", 8080, one), published("db", 8080, other)], 63000)
    assert "db (DB_PORT)" in problem.message
    assert "web (WEB_PORT)" in problem.message
    assert "8080" in problem.message
    assert problem.fix == "./inv env.set WEB_PORT 63021"


def test_one_port_of_two_addresses_may_have_two() -> None:
    assert ports.collisions([published("web", 80, "10.0.0.1"), published("db", 80, "10.0.0.2")], 63000) == []


def test_one_number_of_two_protocols_is_two_ports() -> None:
    both = [Published("dns", "DNS_PORT", "127.0.0.1", 53, protocol) for protocol in ("tcp", "udp")]
    assert ports.collisions(both, 63000) == []
    assert len(ports.collisions([*both, both[0]], 63000)) == 1


def test_the_port_to_type_is_free() -> None:
    taken = [published("a", 63021), published("b", 63021), published("c", 63022)]
    [problem] = ports.collisions(taken, 63000)
    assert problem.fix.endswith(" 63023")


def test_three_on_one_port_are_three_problems() -> None:
    assert len(ports.collisions([published(name, 80) for name in "abc"], 63000)) == 3


def test_without_a_variable_the_fragment_is_to_be_edited() -> None:
    fixed = [Published(name, "", "", 8080) for name in ("db", "web")]
    [problem] = ports.collisions(fixed, 63000)
    assert problem.message == "db and web both want port 8080"
    assert problem.fix == "edit the ports of web"


def test_the_one_with_a_variable_moves() -> None:
    [problem] = ports.collisions([published("db", 8080), Published("web", "", "", 8080)], 63000)
    assert problem.fix == "./inv env.set DB_PORT 63021"


@pytest.mark.parametrize("host", [0, 65536, 70000])
def test_a_port_out_of_range_is_told(host: int) -> None:
    [problem] = ports.collisions([published("web", host)], 63000)
    assert problem.code == "port-range"
    assert str(host) in problem.message


def test_a_full_range_of_ones_own_still_gives_an_answer() -> None:
    assert ports.free(63000, range(63000, 63200)) == 63021
