"""Fragments and overrides that are wrong, or do not fit together."""

import pytest

from tests.model.refusals import Refusal, Tree, refuses
from tests.support import BASE, PAIR, Checkout, fragment

FILE = "compose/web.yml"
EDIT = f"edit {FILE}"
MENDABLE = fragment("web").replace("{web: {}}", "{wbe: {}}")
WAITS = "depends_on: {%s: {condition: service_started}}"


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        # YAML
        ("services:\n  web: {image: [a\n", Refusal("yaml", "expected ',' or ']'", f"{FILE}:3", EDIT)),
        ("services:\n\tweb: {}\n", Refusal("yaml", "cannot start any token", f"{FILE}:2", f"{EDIT}:2")),
        ("services:\n  web:\n    image: a\n    image: b\n",
         Refusal("yaml", 'duplicate key: "image"', f"{FILE}:4", f"{EDIT}:4")),
        ("services: {web: {image: a}}\n---\nb: 1\n", Refusal("yaml", "another document", f"{FILE}:2", EDIT)),
        # x-stack
        (fragment("web", "port: {WEB_PORT: 1}"),
         Refusal("x-stack-key", "unknown key 'port'", f"{FILE}: x-stack.web.port", '"ports"?')),
        (fragment("web", 'ports: {WEB_PORT: "17"}'),
         Refusal("x-stack-type", 'an integer, got "17"', f"{FILE}: x-stack.web.ports.WEB_PORT", EDIT)),
        (fragment("web", "secrets: {WEB_KEY: md5}"),
         Refusal("x-stack-type", 'got "md5"', f"{FILE}: x-stack.web.secrets.WEB_KEY", EDIT)),
        (fragment("web", "backup: {dump: []}"),
         Refusal("x-stack-type", "unknown field `dump`", f"{FILE}: x-stack.web.backup", EDIT)),
        (fragment("web", "backup: {dumps: [{name: a, save: [b], restore: c}]}"),
         Refusal("x-stack-type", "expected `array`, got `str`", f"{FILE}: x-stack.web.backup.dumps", EDIT)),
        (MENDABLE, Refusal("x-stack-service", "web has no service 'wbe'", f"{FILE}: x-stack.wbe", '"web"?')),
        # services
        ("services: {www: {image: a}}\n", Refusal("fragment-service", "no service named", FILE, "rename")),
        ("services: [web]\n", Refusal("x-stack-type", "a mapping, got a list", f"{FILE}: services", EDIT)),
        ("services: {web: {profiles: [core]}}\n",
         Refusal("image", "web names no image", f"{FILE}: services.web.image", "name it")),
        (fragment("web", body=WAITS % "dbb"),
         Refusal("edge", "web depends on dbb, which no fragment declares",
                 f"{FILE}: services.web.depends_on.dbb", 'did you mean "db"?')),
        (fragment("web", body="volumes: [data:/d]"),
         Refusal("undeclared", "the volume data, which no file declares",
                 f"{FILE}: services.web.volumes", "volumes: {data: }")),
        # what Compose refuses
        (fragment("web", body="ports: 5"), Refusal("compose", "services.web.ports", FILE, EDIT)),
        (fragment("web", body="prots: [5]"), Refusal("compose", "prots", FILE, EDIT)),
        (fragment("web", body='ports: ["x:80"]'), Refusal("compose", "x", FILE, EDIT)),
        (fragment("web", body="environment: {A: '${B'}"),
         Refusal("compose", "services.web.environment.A", FILE, EDIT)),
        # what is not there
        (fragment("web", body="volumes: ['./compose/web/nope.conf:/c:ro']"),
         Refusal("bind-missing", "./compose/web/nope.conf, which is not there", f"{FILE}: services.web",
                 "git checkout -- ./compose/web/nope.conf")),
        (fragment("web", body="build: ./compose/nope"),
         Refusal("bind-missing", "./compose/nope, which is not there", f"{FILE}: services.web", "create it")),
        (fragment("web", body="environment: {A: '${WEB_TOKEN}'}"),
         Refusal("unset", "web from container needs WEB_TOKEN", FILE, "./inv env.set WEB_TOKEN VALUE")),
        (fragment("web", "secrets: {WEB_KEY: asked}"),
         Refusal("unset", "web needs WEB_KEY, which only you can know", "WEB_KEY", "./inv env.set WEB_KEY")),
    ],
)  # fmt: skip
def test_a_wrong_fragment_is_told_with_file_and_place(tree: Tree, text: str, refusal: Refusal) -> None:
    refuses(tree({**PAIR, FILE: text}), "plan", refusal)


def test_a_wrong_fragment_stops_up_as_well(tree: Tree) -> None:
    refusal = Refusal("x-stack-service", "web has no service 'wbe'", f"{FILE}: x-stack.wbe", '"web"?')
    refuses(tree({**PAIR, FILE: MENDABLE}), "up --yes", refusal, in_words=True)


def test_a_fragment_that_is_no_text(pair: Checkout) -> None:
    (pair.root / FILE).write_bytes(b"services:\n  web: {image: \xff}\n")
    refuses(pair, "plan", Refusal("yaml", "not UTF-8", f"{FILE}:2", f"save {FILE} as UTF-8"))


@pytest.mark.parametrize(
    ("path", "text", "refusal"),
    [
        ("overrides/wob/build.yml", "services: {wob: {image: a}}\n",
         Refusal("override-orphan", "has no fragment", "overrides/wob/build.yml", "add compose/wob.yml")),
        ("compose/My_Svc.yml", "services: {My_Svc: {image: a}}\n",
         Refusal("service-name", "is no service name", "compose/My_Svc.yml", "rename")),
        ("compose/other.yml", "services: {other: {image: a}, db: {image: b}}\n",
         Refusal("service-twice", "service db stands in two fragments", "compose/other.yml", "rename one")),
        ("compose/base.yml", f"{BASE}services: {{x: {{image: a}}}}\n",
         Refusal("shared-service", "declares no service", "compose/base.yml: services.x", "compose/x.yml")),
    ],
)  # fmt: skip
def test_a_file_that_does_not_belong(tree: Tree, path: str, text: str, refusal: Refusal) -> None:
    refuses(tree({**PAIR, path: text}), "plan", refusal)


def test_a_wrong_override_is_told_once_it_is_chosen(tree: Tree) -> None:
    path = "overrides/db/build.yml"
    checkout = tree({**PAIR, path: "services: {db: {ports: 5}}\n"})
    assert checkout.inv("plan").code == 0
    refuses(checkout, "plan --source build", Refusal("compose", "services.db.ports", path, f"edit {path}"))


@pytest.mark.parametrize("command", ["plan", "up"])
def test_services_that_wait_for_each_other(tree: Tree, command: str) -> None:
    checkout = tree({**PAIR, "compose/db.yml": fragment("db", body=WAITS % "web")})
    where = "compose/db.yml: services.db.depends_on.web"
    refusal = Refusal("cycle", "db → web → db", where, "remove one of these depends_on")
    refuses(checkout, command, refusal, in_words=True)


@pytest.mark.parametrize("words", ["plan --source db=disabled", "up --source db=disabled",
                                   "source --service db --to disabled"])  # fmt: skip
def test_a_required_service_is_not_disabled(pair: Checkout, words: str) -> None:
    said = "web requires db, but db is disabled"
    refuses(pair, words, Refusal("disabled", said, "DB_SOURCE", "--source db=container"))


def test_a_required_service_is_not_disabled_by_its_setting(tree: Tree) -> None:
    refusal = Refusal("disabled", "web requires db, but db is disabled", "DB_SOURCE", "--source db=container")
    refuses(tree({**PAIR, ".env": "DB_SOURCE=disabled\n"}), "plan", refusal)


@pytest.mark.parametrize("words", ["plan --source redis=external", "up --source redis=external"])
def test_a_source_elsewhere_without_its_address(checkout: Checkout, words: str) -> None:
    said = "redis from external needs REDIS_EXTERNAL_URL, which is not set"
    fix = "./inv env.set REDIS_EXTERNAL_URL VALUE"
    refuses(checkout, words, Refusal("unset", said, "overrides/redis/external.yml", fix))


def test_every_problem_of_the_files_is_told_at_once(tree: Tree) -> None:
    files = {FILE: "services: [web]\n", "compose/db.yml": "services:\n\tdb: {}\n"}
    told = tree({**PAIR, **files}).inv_json("plan")
    assert sorted(problem["where"] for problem in told.problems) == ["compose/db.yml:2", f"{FILE}: services"]
