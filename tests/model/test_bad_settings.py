"""Settings that can't be: in `.env`, in the shell, against each other."""

import pytest

from tests.model.refusals import Refusal, Tree, refuses
from tests.support import PAIR, Checkout, fragment

WEB_PORT = "compose/web.yml: x-stack.web.ports.WEB_PORT"
DATABASE = 'ports: ["127.0.0.1:${DB_PORT}:5432"]'


def test_two_services_with_one_offset(tree: Tree) -> None:
    checkout = tree({**PAIR, "compose/db.yml": fragment("db", "ports: {DB_PORT: 21}", DATABASE)})
    said = "DB_PORT and WEB_PORT have the same offset 21"
    refuses(checkout, "plan", Refusal("offset-twice", said, WEB_PORT, "give WEB_PORT a free one, such as 22"))


def test_two_services_with_one_port_variable(tree: Tree) -> None:
    checkout = tree({**PAIR, "compose/db.yml": fragment("db", "ports: {WEB_PORT: 22}")})
    said = "db and web both have the port variable WEB_PORT"
    refuses(checkout, "plan", Refusal("port-variable-twice", said, WEB_PORT, "rename one of the two"))


@pytest.mark.parametrize("command", ["plan", "up"])
def test_two_services_with_one_port_by_pin(tree: Tree, command: str) -> None:
    checkout = tree({**PAIR, ".env": "DB_PORT=63021\n"})
    said = "db (DB_PORT) and web (WEB_PORT) both want port 63021"
    refuses(checkout, command, Refusal("port-twice", said, "WEB_PORT", "./inv env.set WEB_PORT 63022"))


def test_two_services_with_one_port_fixed_and_pinned(tree: Tree) -> None:
    checkout = tree({**PAIR, "compose/db.yml": fragment("db", body='ports: ["127.0.0.1:63021:5432"]')})
    said = "db and web (WEB_PORT) both want port 63021"
    refuses(checkout, "plan", Refusal("port-twice", said, "WEB_PORT", "./inv env.set WEB_PORT 63022"))


def test_two_services_with_one_fixed_port(tree: Tree) -> None:
    fixed = {f"compose/{name}.yml": fragment(name, body='ports: ["8080:80"]') for name in ("db", "web")}
    said = "db and web both want port 8080"
    refuses(tree({**PAIR, **fixed}), "plan", Refusal("port-twice", said, "", "edit the ports of web"))


def test_a_pin_that_is_no_port(tree: Tree) -> None:
    checkout = tree({**PAIR, ".env": "DB_PORT=70000\n"})
    refusal = Refusal("port", "DB_PORT is no port", "DB_PORT", "./inv env.set DB_PORT NUMBER")
    refuses(checkout, "plan", refusal)


@pytest.mark.parametrize("value", ["http", "-1", "0", "1023", "65337", "63000.5"])
def test_a_base_port_that_is_none(tree: Tree, value: str) -> None:
    checkout = tree({**PAIR, ".env": f"BASE_PORT={value}\n"})
    refusal = Refusal("setting", f"got '{value}'", ".env: BASE_PORT", "./inv env.unset BASE_PORT")
    refuses(checkout, "plan", refusal)


def test_a_base_port_of_the_shell_that_is_none(pair: Checkout) -> None:
    refusal = Refusal("setting", "got 'http'", "shell: BASE_PORT", "unset BASE_PORT")
    refuses(pair, "plan", refusal, env={"BASE_PORT": "http"})


@pytest.mark.parametrize(
    ("line", "said", "fix"),
    [
        ("DB_SCALE=3", "db can't be scaled: DB_SCALE is 3", "./inv env.unset DB_SCALE"),
        ("WEB_SCALE=many", "WEB_SCALE must be a whole number from 1", "./inv env.set WEB_SCALE 1"),
        ("WEB_SCALE=0", "WEB_SCALE must be a whole number", "./inv source --service web --to disabled"),
    ],
)
def test_a_wrong_scale(tree: Tree, line: str, said: str, fix: str) -> None:
    single = PAIR["compose/db.yml"].replace("{db: {", "{db: {scalable: false, ")
    checkout = tree({**PAIR, "compose/db.yml": single, ".env": f"{line}\n"})
    refuses(checkout, "plan", Refusal("scale", said, line.partition("=")[0], fix))


def test_a_source_that_the_service_does_not_have(tree: Tree) -> None:
    checkout = tree({**PAIR, ".env": "WEB_SOURCE=dissabled\n"})
    said = "web has no source 'dissabled': it has container, disabled"
    refuses(checkout, "plan", Refusal("source", said, "WEB_SOURCE", 'did you mean "disabled"?'))


def test_a_line_that_two_programs_read_differently(tree: Tree) -> None:
    checkout = tree({**PAIR, ".env": "# mine\nDB_PORT: 5\n"})
    refuses(checkout, "up", Refusal("env-line", "is written with : for =", ".env:2", "write NAME=value"))


@pytest.mark.parametrize("command", ["plan", "up", "env.list", "source"])
def test_a_secret_of_the_shell_beside_another_in_env(tree: Tree, command: str) -> None:
    checkout = tree({**PAIR, ".env": "DB_PASSWORD=correcthorsebattery\n"})
    env = {"DB_PASSWORD": "anothersecret"}
    refusal = Refusal("secret-shadowed", "DB_PASSWORD in the shell differs", "shell: DB_PASSWORD", "unset DB_PASSWORD")
    refuses(checkout, command, refusal, env=env, in_words=True)
    told = checkout.inv_json(command, env=env).out
    assert "correcthorse" not in told
    assert "anothersecret" not in told


def test_a_setting_of_the_shell_before_the_one_in_env_is_a_warning(tree: Tree) -> None:
    checkout = tree({**PAIR, ".env": "WEB_BIND_ADDRESS=127.0.0.2\n"})
    env = {"WEB_BIND_ADDRESS": "127.0.0.3"}
    told = checkout.inv_json("plan", env=env)
    [problem] = [problem for problem in told.problems if problem["code"] == "env-shadowed"]
    assert (problem["where"], problem["fix"]) == ("shell: WEB_BIND_ADDRESS", "unset WEB_BIND_ADDRESS")
    assert told.data["services"][1]["ports"][0]["host_ip"] == "127.0.0.3"
    assert "note: WEB_BIND_ADDRESS in the shell is used instead" in checkout.inv("plan", env=env).err
