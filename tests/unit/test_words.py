"""The words of a command line, before anything is run."""

import shlex

import pytest

import tasks
from stack.cli import table, usage
from stack.cli.command import GROUPS, WORDS
from stack.cli.words import Line, WrongWordsError, natural, read, unknown
from stack.errors import Problem

NAMES = list(tasks.namespace.task_names)


def line(typed: str) -> Line:
    """What a command line says."""
    command, *words = shlex.split(typed)
    options = usage.options(tasks.namespace[command].get_arguments(ignore_unknown_help=True))
    return read(command, words, options, NAMES)


def refused(typed: str) -> Problem:
    """What is wrong with a command line."""
    with pytest.raises(WrongWordsError) as caught:
        line(typed)
    return caught.value.problem


@pytest.mark.parametrize(
    ("typed", "fix"),
    [
        ("plan --base-port 47000 --base-port doctor", "./inv plan --base-port 47000"),
        ("plan --base-port 47000 --base-port down", "./inv plan --base-port 47000"),
        ("plan --base-port=47000 --base-port=48000", "./inv plan --base-port 47000"),
        ("up --yes --yes", "./inv up --yes"),
        ("env.get REDIS_PORT --name BASE_PORT", "./inv env.get REDIS_PORT"),
    ],
)
def test_an_option_that_is_given_twice_is_refused(typed: str, fix: str) -> None:
    problem = refused(typed)
    assert "is given twice" in problem.message
    assert problem.fix == fix


def test_an_option_that_is_a_list_is_given_as_often_as_one_likes() -> None:
    found = line("add-service x --image a --depends-on redis --depends-on 'minio?' --env A=1 --env B=2")
    assert [value for option, value in found.given if option.flag == "--depends-on"] == ["redis", "minio?"]
    assert line("up --profile ai --profile app").loose == []


@pytest.mark.parametrize(
    ("typed", "read_as"),
    [
        ("up my-service", "up --service my-service"),
        ("up redis backend --once", "up --once --service redis --service backend"),
        ("status redis", "status --service redis"),
        ("doctor redis", "doctor --service redis"),
        ("source redis localhost", "source --service redis --to localhost"),
        ("models.pull qwen3:0.6b", "models.pull --name qwen3:0.6b"),
        ("env.set A -Xmx1g", "env.set --name A --value -Xmx1g"),
        ("env.set A -", "env.set --name A --value -"),
        ("env.set A -- -5", "env.set --name A --value -5"),
        ("env.set --value 1 A", "env.set --value 1 --name A"),
        ("test -kredis", "test -k redis"),
        ("plan --json", "plan --json"),
    ],
)
def test_a_word_without_a_flag_means_what_is_natural(typed: str, read_as: str) -> None:
    assert line(typed).words() == read_as.split()


@pytest.mark.parametrize(
    ("typed", "message", "fix"),
    [
        ("up -p ai", "up has no flag -p", "./inv up --profile ai, or ./inv up --place ai"),
        ("up -p", "up has no flag -p", "./inv up --profile PROFILE, or ./inv up --place SERVICE=NODE"),
        ("down -v", "down has no flag -v", "./inv down --volumes"),
        ("up -d", "up needs no -d: it starts everything in the background", "./inv up"),
        ("up --timout 3", "up has no flag --timout", 'did you mean "--timeout"?'),
        ("up --qqq=1", "up has no flag --qqq", "./inv up --help"),
        ("up --timeout", "--timeout needs a value", "./inv up --help"),
        ("plan --profile --exact", "--profile needs a value", "./inv plan --help"),
        ("up --yes=1", "--yes takes no value", "./inv up --yes"),
        ("up exact", "'exact' is a flag of up", "./inv up --exact"),
        ("plan doctor", "plan and doctor are two commands: one at a time", "./inv plan && ./inv doctor"),
        ("down redis", "down takes no 'redis'", "docker compose stop redis"),
        ("version 3", "version takes no '3'", "./inv version --help"),
        ("env.get", "env.get needs SETTING", "./inv env.get REDIS_PORT"),
        ("route.test", "route.test needs METHOD and URL", "./inv route.test GET http://n8n.localhost/"),
        ("source a b c", "source takes no 'c'", "./inv source --help"),
    ],
)
def test_what_can_not_be_run_says_the_line_to_type(typed: str, message: str, fix: str) -> None:
    problem = refused(typed)
    assert (problem.message, problem.fix) == (message, fix)


@pytest.mark.parametrize("typed", ["env.set A my word", "env.set A word --value word", "add-service a word"])
def test_what_may_be_a_secret_is_not_repeated(typed: str) -> None:
    problem = refused(typed)
    assert "word" not in f"{problem.message} {problem.where} {problem.fix}".replace("a word too many", "")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("help", "--help"),
        ("help up", "--help up"),
        ("help env set", "--help env.set"),
        ("list", "--list"),
        ("ps redis", "status redis"),
        ("env get A", "env.get A"),
        ("env", "env.list"),
        ("plan ps", "plan ps"),
        ("pla", "pla"),
    ],
)
def test_what_people_type_for_a_command_is_run(typed: str, meant: str) -> None:
    assert natural(typed.split(), NAMES) == meant.split()


@pytest.mark.parametrize(
    ("typed", "fix"),
    [
        ("logs redis", "docker compose logs -f redis"),
        ("logs -f redis", "docker compose logs -f redis"),
        ("stop", "docker compose stop"),
        ("restart redis", "docker compose restart redis"),
        ("shell redis", "docker compose exec redis sh"),
        ("shell", "docker compose exec SERVICE sh"),
        ("start redis", "./inv up redis"),
        ("pla", 'did you mean "plan"?'),
        ("xyz", "./inv --list"),
    ],
)
def test_a_command_that_there_is_not_names_the_line_to_type(typed: str, fix: str) -> None:
    problem = unknown(typed.split(), NAMES)
    assert (problem.code, problem.fix) == ("unknown-command", fix)


def test_a_line_of_compose_leads_to_the_checkout() -> None:
    assert unknown(["logs"], NAMES, "cd /there && ").fix == "cd /there && docker compose logs -f"
    assert unknown(["start"], NAMES, "cd /there && ").fix == "./inv up"


def test_nothing_that_is_run_in_place_of_another_word_changes_anything() -> None:
    assert set(table.MEANT.values()) <= {"--help", "--list", *GROUPS["Look"], "env.list", "route.list",
                                         "models.list", "source"}  # fmt: skip
    assert not set(table.MEANT) & set(NAMES)
    assert not set(table.ELSEWHERE) & {*NAMES, *table.MEANT}


@pytest.mark.parametrize("command", NAMES)
def test_every_example_parses(command: str) -> None:
    first, second = table.COMMANDS[command].examples
    assert first != second
    for one in (first, second):
        assert line(one.line(command).removeprefix("./inv ")).loose == []


@pytest.mark.parametrize("command", NAMES)
def test_every_option_has_words_and_a_word_for_its_value(command: str) -> None:
    arguments = tasks.namespace[command].get_arguments(ignore_unknown_help=True)
    page = usage.text(command, "Does it.", arguments, WORDS[command], 80)
    assert max(map(len, page.splitlines())) <= 80
    for option in usage.options(arguments):
        said = WORDS[command][option.flag.lstrip("-").replace("-", "_")]
        assert said.split()[0] in page
        assert (not option.valued) or table.value(command, option.flag.lstrip("-")) in page
    assert page.count(f"./inv {command}") >= 3


def test_a_page_of_help() -> None:
    arguments = tasks.namespace["env.get"].get_arguments(ignore_unknown_help=True)
    assert usage.text("env.get", "Print one setting.", arguments, WORDS["env.get"], 80).splitlines() == [
        "Print one setting.",
        "",
        "usage: ./inv env.get SETTING [OPTIONS]",
        "",
        "  SETTING   the setting",
        "  --reveal  print a secret",
        "  --json    print one JSON document",
        "",
        "examples:",
        "  ./inv env.get REDIS_PORT               one setting",
        "  ./inv env.get REDIS_PASSWORD --reveal  one secret",
    ]


def test_a_default_stands_behind_the_words() -> None:
    arguments = tasks.namespace["up"].get_arguments(ignore_unknown_help=True)
    assert "(default 300)" in usage.text("up", "", arguments, WORDS["up"], 80)
