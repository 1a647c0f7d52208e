"""The layers of settings, and what the project's own must be."""

import pytest

from stack.env import settings
from stack.env.settings import Settings


def resolved(**layers: dict[str, str]) -> Settings:
    """Settings A, B and the secret S in the layers given."""
    defaults, dotenv, shell, flags = (layers.get(name, {}) for name in ("defaults", "dotenv", "shell", "flags"))
    return settings.resolve(defaults, dotenv, shell, flags, known={"A", "B", "S"}, secrets={"S"})


@pytest.mark.parametrize(
    ("layers", "value", "origin"),
    [
        ({}, "", ""),
        ({"defaults": {"A": "1"}}, "1", "default"),
        ({"defaults": {"A": "1"}, "dotenv": {"A": "2"}}, "2", ".env"),
        ({"dotenv": {"A": "2"}, "shell": {"A": "3"}}, "3", "shell"),
        ({"shell": {"A": "3"}, "flags": {"A": "4"}}, "4", "flag"),
        ({"defaults": {"A": "1"}, "dotenv": {"A": ""}, "shell": {"A": ""}, "flags": {"A": ""}}, "1", "default"),
        ({"dotenv": {"A": "2"}, "shell": {"A": ""}}, "2", ".env"),
    ],
)
def test_the_later_layer_wins_and_an_empty_value_is_none(
    layers: dict[str, dict[str, str]], value: str, origin: str
) -> None:
    found = resolved(**layers)
    assert (found.value("A"), found.origin("A")) == (value, origin)
    assert found.values() == ({"A": value} if value else {})


def test_a_variable_without_a_default_is_unset() -> None:
    assert settings.resolve({"A": None}, {}, {}, {}, {"A"}).values() == {}


def test_only_known_names_are_taken_from_the_shell_but_all_of_env() -> None:
    found = resolved(dotenv={"MINE": "1"}, shell={"HOME": "/root", "B": "2"})
    assert found.values() == {"MINE": "1", "B": "2"}


@pytest.mark.parametrize(
    ("dotenv", "shell", "codes"),
    [
        ({"A": "1"}, {"A": "1"}, []),
        ({"A": "1"}, {"A": ""}, []),
        ({}, {"A": "2", "S": "x"}, ["env-shadowed"]),
        ({"A": ""}, {"A": "2"}, ["env-shadowed"]),
        ({}, {"A": "default"}, []),
        ({}, {"B": "2"}, []),
        ({"HOME": "1"}, {"HOME": "2"}, []),
        ({"A": "hunter1"}, {"A": "hunter2"}, ["env-shadowed"]),
        ({"S": "hunter1"}, {"S": "hunter2"}, ["secret-shadowed"]),
        ({"S": "hunter1"}, {"S": ""}, ["secret-shadowed"]),
        ({"S": "hunter1"}, {"S": "hunter1"}, []),
        ({"S": "hunter1", "A": "1"}, {"S": "hunter2", "A": "2"}, ["env-shadowed", "secret-shadowed"]),
    ],
)  # fmt: skip
def test_what_the_shell_shadows_is_told_without_values(
    dotenv: dict[str, str], shell: dict[str, str], codes: list[str]
) -> None:
    found = resolved(defaults={"A": "default"}, dotenv=dotenv, shell=shell).problems
    assert [problem.code for problem in found] == codes
    assert all(problem.fix == f"unset {problem.message.split()[0]}" for problem in found)
    assert "hunter" not in str(found)


def test_the_old_name_of_a_setting_is_told_with_the_way_to_the_new_one() -> None:
    [found] = resolved(dotenv={"OLLAMA_MODELS": "hunter1", "A": "1"}).problems
    assert found.code == "renamed-setting"
    assert found.fix == "./inv env.migrate"


def test_a_shadowed_secret_is_an_error_and_a_shadowed_setting_is_not() -> None:
    found = resolved(dotenv={"A": "1", "S": "1"}, shell={"A": "2", "S": "2"})
    assert [problem.code for problem in settings.check(found)] == ["secret-shadowed"]


def test_the_defaults_are_good() -> None:
    defaults = settings.resolve(settings.CORE_DEFAULTS, {}, {}, {}, settings.CORE_DEFAULTS)
    assert settings.check(defaults) == []


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("PROJECT_NAME", ["genai", "0", "my_stack-2"]),
        ("BASE_PORT", ["1024", "63000", "65336"]),
        ("BIND_ADDRESS", ["0.0.0.0", "192.168.1.2", "::1"]),
        ("PUBLIC_HOST", ["localhost", "my-box.lan", "10.0.0.1"]),
        ("STACK_PROFILES", ["core", "core,ai", "core, ai  media"]),
        ("STACK_PATH", ["local", "/srv/ours local"]),
        ("REGISTRY_PREFIX", ["mirror.lan", "mirror.lan:5000/hub", "127.0.0.1:5000"]),
    ],
)
def test_good_values_pass(name: str, values: list[str]) -> None:
    found = [settings.check(settings.resolve({}, {name: value}, {}, {}, [])) for value in values]
    assert found == [[]] * len(values)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("PROJECT_NAME", "GenAI", "lower-case"),
        ("PROJECT_NAME", "-a", "letter or digit first"),
        ("BASE_PORT", "1023", "from 1024 to 65336"),
        ("BASE_PORT", "65337", "BASE_PORT + 199"),
        ("BASE_PORT", "6e4", "a number"),
        ("BASE_PORT", "٦٣٠٠٠", "a number"),
        ("BIND_ADDRESS", "localhost", "an IP address"),
        ("BIND_ADDRESS", "127.0.0.1:80", "an IP address"),
        ("BIND_ADDRESS", "fe80::1%eth0", "an IP address"),
        ("PUBLIC_HOST", "http://box", "without scheme"),
        ("PUBLIC_HOST", "box:80", "without scheme"),
        ("STACK_PROFILES", "core;ai", "names of profiles"),
        ("STACK_PROFILES", ",", "names of profiles"),
        ("REGISTRY_PREFIX", "https://mirror", "without https://"),
    ],
)
def test_a_wrong_value_is_told_with_its_layer_and_what_was_expected(name: str, value: str, expected: str) -> None:
    [problem] = settings.check(settings.resolve({}, {name: value}, {}, {}, []))
    assert (problem.code, problem.where, problem.fix) == ("setting", f".env: {name}", f"./inv env.unset {name}")
    assert expected in problem.message
    [problem] = settings.check(settings.resolve({}, {}, {name: value}, {}, [name]))
    assert (problem.where, problem.fix) == (f"shell: {name}", f"unset {name}")


def test_a_wrong_passphrase_is_not_repeated() -> None:
    name = "BACKUP_PASSPHRASE"
    found = settings.resolve({}, {name: "words"}, {}, {}, settings.CORE_DEFAULTS)
    [problem] = settings.check(found)
    assert "at least 8 characters" in problem.message
    assert "words" not in str(problem)
