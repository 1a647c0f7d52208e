"""Words on the command line that nothing is called."""

from pathlib import Path

import pytest

from tests.model.refusals import USAGE, Refusal, Tree, refuses
from tests.support import PAIR, Checkout

WEB, CORE, CONTAINER, PORT = (f'did you mean "{name}"?' for name in ("web", "core", "container", "DB_PORT"))
NO_SERVICE, NO_PROFILE = "unknown service 'wbe'", "unknown profile 'cor'"


ALSO_IN_WORDS = [
    "plan --service wbe", "up --service wbe", "eject", "source --service web", "pla", "env.get DB_PORTT",
    "env.set DB_PORTT 1", "plan --profil core", "test --only units",
]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        ("plan --service wbe", Refusal("unknown-service", NO_SERVICE, "--service", WEB)),
        ("up --service wbe", Refusal("unknown-service", NO_SERVICE, "--service", WEB)),
        ("eject --output x --service wbe", Refusal("unknown-service", NO_SERVICE, "--service", WEB)),
        ("plan --profile cor", Refusal("unknown-profile", NO_PROFILE, "--profile", CORE)),
        ("up --profile cor", Refusal("unknown-profile", NO_PROFILE, "--profile", CORE)),
        ("plan --source web=contaner", Refusal("source", "no source 'contaner'", "--source", CONTAINER)),
        ("plan --source wbe=container", Refusal("service", NO_SERVICE, "--source", WEB)),
        ("plan --source contaner", Refusal("source", "unknown source 'contaner'", "--source", CONTAINER)),
        ("source --service wbe --to disabled", Refusal("unknown-service", NO_SERVICE, "--service", WEB)),
        ("source --service web --to contaner", Refusal("source", "'contaner'", "--to", CONTAINER)),
        ("source --service web", Refusal("usage", "go together", "source", "./inv source")),
        ("plan --profil core", Refusal("unknown-flag", "no flag --profil", "--profil", "--profile")),
        ("plan --base-port", Refusal("usage", "--base-port needs a value", "plan", "inv plan --help")),
        ("plan --base-port 47000 --base-port doctor", Refusal("usage", "given twice", "--base-port", "./inv plan")),
        ("plan core", Refusal("unknown-service", "unknown service 'core'", "--service", "--profile core")),
        ("doctor files", Refusal("unknown-service", "unknown service 'files'", "--service", "--check files")),
        ("logs web", Refusal("unknown-command", "no command 'logs'", "logs", "docker compose logs -f web")),
        ("pla", Refusal("unknown-command", "no command 'pla'", "pla", 'did you mean "plan"?')),
        ("env.gt DB_PORT", Refusal("unknown-command", "no command 'env.gt'", "env.gt", '"env.get"?')),
        ("env.get DB_PORTT", Refusal("no-setting", "no setting 'DB_PORTT'", "DB_PORTT", PORT)),
        ("env.set DB_PORTT 1", Refusal("no-setting", "no setting 'DB_PORTT'", "DB_PORTT", PORT)),
        ("env.get", Refusal("usage", "env.get needs SETTING", "env.get", "./inv env.get REDIS_PORT")),
        ("up --timeout soon", Refusal("usage", "expected seconds, got 'soon'", "--timeout", "300")),
        ("plan --base-port http", Refusal("setting", "got 'http'", "BASE_PORT", "63000")),
        ("plan --base-port 99999", Refusal("setting", "got '99999'", "BASE_PORT", "63000")),
        ("up --base-port 80", Refusal("setting", "got '80'", "BASE_PORT", "63000")),
        ("eject", Refusal("usage", "eject needs --output DIR", "--output", "./inv eject --output DIR")),
        (
            "eject --output x --for podman",
            Refusal("usage", "compose or kubernetes, not 'podman'", "--for", "kubernetes"),
        ),
        ("eject --output x --mesh istio", Refusal("usage", "with --for kubernetes", "--mesh", "--for kubernetes")),
        ("bundle", Refusal("usage", "bundle needs --output FILE", "--output", "./inv bundle --output FILE")),
        ("bundle --output tasks.py", Refusal("not-empty", "tasks.py is there already", "tasks.py", "rm tasks.py")),
        ("bundle --output no/x", Refusal("no-folder", "no is no folder", "no/x", "mkdir -p")),
        ("test --only units", Refusal("usage", "no 'units' tests", "--only", 'did you mean "unit"?')),
    ],
)
def test_a_mistyped_word_suggests_the_right_one(pair: Checkout, words: str, refusal: Refusal) -> None:
    refuses(pair, words, refusal, exit_code=USAGE, in_words=words in ALSO_IN_WORDS)


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        ("up --bundle no", Refusal("bundle", "no can't be read: No such file", "no", "ls -l no")),
        ("up --bundle tasks.py", Refusal("bundle-damaged", "tasks.py is no whole bundle", "tasks.py", "make it anew")),
    ],
)
def test_a_file_that_is_no_bundle_is_refused(pair: Checkout, words: str, refusal: Refusal) -> None:
    refuses(pair, words, refusal)


def test_a_source_that_no_planned_service_has_names_those_that_have_it(tree: Tree) -> None:
    checkout = tree({**PAIR, "compose/web.yml": PAIR["compose/web.yml"].replace("[core]", "[ai]"),
                     "overrides/web/build.yml": "services: {web: {image: a}}\n"})  # fmt: skip
    refusal = Refusal("source", "these have it: web", "--source", "--service web --source build")
    refuses(checkout, "plan --source build", refusal, exit_code=USAGE)


def test_every_problem_of_the_words_is_told_at_once(pair: Checkout) -> None:
    told = pair.inv_json("plan", "--profile", "a", "--profile", "b", "--service", "c")
    assert [problem["code"] for problem in told.problems] == ["unknown-profile"] * 2 + ["unknown-service"]


def test_a_checkout_is_found_from_anywhere(pair: Checkout, tmp_path: Path) -> None:
    assert [service["name"] for service in pair.inv_json("plan", cwd=tmp_path).data["services"]] == [
        "db",
        "web",
    ]
