"""`env.set`: what is saved gives a plan, and what would not is refused with everything on disk as it was."""

import msgspec
import pytest

from stack import docker
from stack import tree as files
from stack.authoring import trial
from stack.commands import env
from stack.env import secrets
from stack.errors import StackError
from stack.planning import kept
from tests.model.refusals import Refusal, Tree, refuses
from tests.support import BASE, PAIR, Checkout, fragment

KEPT = "kept: {DB_PASSWORD: it is taken once}, change: {DB_PASSWORD: type this}, secrets: {DB_PASSWORD: hex}"
KEEPS = fragment("db", KEPT, 'volumes: ["data:/data"]')


@pytest.mark.parametrize(
    ("words", "code", "where", "said", "fix"),
    [
        ("DB_SOURCE nope", "source", "DB_SOURCE", "db has no source 'nope'", "give another value"),
        ("DB_PORT 99999", "port", "DB_PORT", "DB_PORT is no port", "give another value"),
        ("DB_PORT 63021", "port-twice", "WEB_PORT", "both want port 63021", "./inv env.set WEB_PORT 63022"),
        ("WEB_SCALE -1", "scale", "WEB_SCALE", "WEB_SCALE must be a whole number", "./inv env.set WEB_SCALE 1"),
        ("NETWORK foo", "network", "NETWORK", "no network layout 'foo'", "give another value"),
        (
            "STACK_PROFILES nope",
            "unknown-profile",
            ".env: STACK_PROFILES",
            "'nope' in STACK_PROFILES: known are",
            "give another value",
        ),
        ("STACK_PATH /etc", "setting", "STACK_PATH", "'/etc' is no folder with", "another value"),
        (f"PROJECT_NAME {'a' * 300}", "setting", ".env: PROJECT_NAME", "first, got 'aaaa", "give another value"),
        (
            f"WEB_BIND_ADDRESS {'a' * 131_060}",
            "env-value",
            "WEB_BIND_ADDRESS",
            "WEB_BIND_ADDRESS is longer than",
            "in a file",
        ),
        (
            "BASE_PORT 65535",
            "setting",
            ".env: BASE_PORT",
            "BASE_PORT: expected a number",
            "the value that stands is kept",
        ),
        (
            "WEB_BIND_ADDRESS host",
            "compose",
            ".env: WEB_BIND_ADDRESS",
            "invalid IP address: host",
            "give another value",
        ),
        ("PUBLIC_HOST http://x", "setting", ".env: PUBLIC_HOST", "without scheme", "give another value"),
        ("BIND_ADDRESS x", "setting", ".env: BIND_ADDRESS", "an IP address", "give another value"),
        ("REGISTRY_PREFIX https://x", "setting", ".env: REGISTRY_PREFIX", "without https://", "give another value"),
    ],
)
def test_what_gives_no_plan_is_not_saved(tree: Tree, words: str, code: str, where: str, said: str, fix: str) -> None:
    checkout = tree({**PAIR, ".env": "BASE_PORT=63000\n"})
    refuses(checkout, f"env.set {words}", Refusal(code, said, where, fix))


def test_what_was_wrong_before_is_no_reason_to_refuse_another_setting(tree: Tree) -> None:
    checkout = tree({**PAIR, ".env": "DB_SOURCE=nope\nWEB_SCALE=0\n"})
    assert checkout.inv("env.set", "WEB_PORT", "63040").code == 0
    assert checkout.inv("env.set", "DB_SOURCE", "container").code == 0


def test_what_is_wrong_is_mended_beside_what_else_is(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {"PROJECT_NAME": "A B", "BASE_PORT": "x", "NETWORK": "no such", "WEB_BIND_ADDRESS": "b" * 140_000}
    lines = "".join(f"{name}='{value}'\n" for name, value in wrong.items())
    checkout = tree({**PAIR, ".env": f"{lines}WEB_PORT: 1\n"})
    monkeypatch.setattr(files, "root", lambda: checkout.root)
    for name in wrong:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(StackError, match="BASE_PORT: expected a number"):
        env.set_("BASE_PORT", "1")
    assert [one.where for one in env.set_("BASE_PORT", "50000").problems] == [".env:4", ".env:5"]
    for name in ("WEB_PORT", *wrong):
        env.unset(name)
    assert (checkout.root / ".env").read_bytes() == b""


def test_a_default_belongs_to_the_setting_and_not_to_the_place_where_it_is_read(tree: Tree) -> None:
    reads = fragment("mine", "", 'environment: {LEVEL: "${DB_LEVEL}"}')
    checkout = tree({**PAIR, "local/compose/mine.yml": reads})
    lacks = checkout.inv_json("plan")
    assert (lacks.code, lacks.problems[0]["fix"]) == (1, "./inv env.set DB_LEVEL VALUE")
    checkout.write("local/overrides/db/any.yml", 'services: {db: {environment: {LEVEL: "${DB_LEVEL:-quiet}"}}}\n')
    assert checkout.inv("plan").code == 0
    done = checkout.inv("eject", "--output", str(checkout.root.parent / "out"))
    assert done.code == 0, done
    assert (checkout.root.parent / "out/compose.yaml").read_text().count("quiet") == 2


def test_the_port_in_force_is_told_with_its_layer(pair: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "root", lambda: pair.root)
    rows = {row["name"]: (row["value"], row["origin"]) for row in env.listed().data["settings"]}
    assert (rows["WEB_PORT"], rows["DB_SOURCE"]) == (("63021", "default"), ("container", "default"))
    with pytest.raises(StackError, match="DB_PASSWORD is not made yet") as lacks:
        env.get("DB_PASSWORD", reveal=True)
    assert [(one.where, one.fix) for one in lacks.value.problems] == [("compose/db.yml", "./inv up")]
    assert pair.inv_json("env.get", "WEB_PORT").data["value"] == "63021"
    assert pair.inv_json("env.get", "WEB_PORT").data["origin"] == "default"
    assert pair.inv("env.set", "WEB_PORT", "63040").code == 0
    assert pair.inv("env.get", "WEB_PORT")[2:] == ("63040\n", "from: .env\n")


def test_a_report_never_takes_the_place_of_what_is_there(pair: Checkout) -> None:
    done = pair.inv_json("doctor", "--bundle", str(pair.root))
    assert done.problems[-1]["fix"] == f"./inv doctor --bundle {pair.root}/report.tar.gz"


def test_a_value_that_compose_refuses_is_no_fault_of_the_file(tree: Tree) -> None:
    limits = 'deploy: {resources: {limits: {memory: "${WEB_MEMORY:-1g}"}}}'
    checkout = tree({**PAIR, "compose/web.yml": fragment("web", "settings: {WEB_MEMORY: its limit}", limits)})
    refuses(
        checkout, "env.set WEB_MEMORY 2gigs", Refusal("compose", "invalid suffix: 'gigs'", "web.yml", "another value")
    )


def test_another_name_says_what_stays_with_the_old_one(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tree({**PAIR, ".env": "PROJECT_NAME=old\n"}).root
    monkeypatch.setattr(files, "root", lambda: root)
    monkeypatch.setattr(docker, "projects_in", lambda _: {"old"})
    [told] = env.set_("PROJECT_NAME", "new").problems
    assert told.message == "what runs as old runs on, and its data stays in volumes of that name"
    assert told.fix.endswith(
        "PROJECT_NAME old && ./inv backup && ./inv down && ./inv env.set PROJECT_NAME new && ./inv restore"
    )
    assert env.set_("PROJECT_NAME", "old").problems == []


def test_a_secret_beside_data_is_not_taken_away(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tree({**PAIR, "compose/db.yml": f"{KEEPS}volumes: {{data: }}\n"}).root
    monkeypatch.setattr(docker, "volumes", lambda: {"genai_data"})
    [refused] = trial.taken_away(root, "DB_PASSWORD", {"DB_PASSWORD": "the-old-one"})
    assert refused.message == "db has data (genai_data), and ./inv up makes no new DB_PASSWORD beside that"
    assert refused.fix == "another value: ./inv env.set DB_PASSWORD -"
    assert trial.taken_away(root, "DB_PASSWORD", {}) == []
    monkeypatch.setattr(docker, "volumes", set)
    assert trial.taken_away(root, "DB_PASSWORD", {"DB_PASSWORD": "the-old-one"}) == []


def test_a_secret_that_a_filled_volume_keeps_is_not_replaced(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    checkout = tree({**PAIR, "compose/db.yml": f"{KEEPS}volumes: {{data: }}\n"})
    mark = kept.Mark("salt", {"DB_PASSWORD": secrets.fingerprint("the-old-one", "salt")})
    files.write(kept.path(checkout.root), msgspec.json.encode({"genai_data": mark}), 0o600)
    before, other = {"DB_PASSWORD": "the-old-one"}, {"DB_PASSWORD": "another-one"}

    monkeypatch.setattr(docker, "volumes", lambda: {"genai_data"})
    [refused] = trial.problems(checkout.root, "DB_PASSWORD", before, other)
    assert (refused.code, refused.message) == ("secret-kept", "DB_PASSWORD would not open genai_data: it is taken once")
    assert "in db first: type this, then ./inv env.set DB_PASSWORD - --changed; or give" in refused.fix
    assert "docker volume rm genai_data" in refused.fix
    assert trial.problems(checkout.root, "DB_PASSWORD", before, other, changed=True) == []
    assert trial.problems(checkout.root, "DB_PASSWORD", {}, before) == []

    monkeypatch.setattr(docker, "volumes", set)
    assert trial.problems(checkout.root, "DB_PASSWORD", before, other) == []


def test_what_uses_a_setting_is_said(tree: Tree) -> None:
    checkout = tree({"compose/base.yml": BASE})
    assert checkout.inv("env.set", "BACKUP_DIR", "elsewhere").out.endswith("to have it used: ./inv backup\n")
    assert checkout.inv("env.set", "BASE_PORT", "64000").out.endswith("to have it used: ./inv up\n")
