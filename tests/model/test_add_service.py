"""`inv add-service` and its inverse: what is written, what Compose makes of it, and what is refused."""

import shutil
import signal
import subprocess
import sys

import pytest

from stack import yamlfile
from stack.errors import FAILED, USAGE
from tests.compose_files import API, SEARCH, WATCH
from tests.model.refusals import Refusal, Tree, refuses
from tests.support import ROOT, Checkout, environment, fragment

FILE = "kong/kong.yml"
GATE = """ports: ["127.0.0.1:${KONG_HTTP_PORT}:8000"]
environment: {ANON_KEY: "k"}"""
KONG = """_format_version: "3.0"
services:   # those that there are
  - {name: "web", url: "http://web:80", routes: [{name: "web", paths: ["/web/"]}]}
"""


@pytest.fixture
def small(tree: Tree) -> Checkout:
    """A gateway, a page, and a database that says how it is reached."""
    made = tree({
        "compose/base.yml": (ROOT / "compose/base.yml").read_text(),
        "compose/web.yml": fragment("web", "url: 'http://web:80'", 'expose: ["80"]'),
        "compose/db.yml": fragment("db", "connect: {DB_URL: 'db://${DB_USER:-app}@db'}, url: 'db://db:5432'"),
        "compose/kong-api-gateway.yml": fragment("kong-api-gateway", "ports: {KONG_HTTP_PORT: 2}", GATE),
        FILE: KONG,
    })  # fmt: skip
    assert made.inv("docs").code == 0
    return made


APP = ("--image", "example/app:1", "--port", "8000")


def test_one_command_writes_all_of_it_and_one_takes_it_back(small: Checkout) -> None:
    before = small.digest()
    words = [*APP, "--port", "9090", "--depends-on", "db", "--env", "PRICE=5$", "--secret", "MY_KEY:hex:64"]
    words += ["--volume", "data:/data", "--route", "/mine", "--source", "container-gpu", "--health", "tcp"]
    words += ["--memory", "64m"]
    shown = small.inv("add-service", "mine", *words, "--dry-run")
    assert "+      DB_URL: " in shown.out
    assert small.digest() == before

    added = small.inv("add-service", "mine", *words)
    assert added.code == 0, added
    assert "./inv up --profile app" in added.out
    assert "localhost:63021" in added.out
    assert "at the gateway: /mine " in added.out
    [mine] = [s for s in small.inv_json("plan", "--profile", "app").data["services"] if s["name"] == "mine"]
    assert {p["variable"]: p["host"] for p in mine["ports"]} == {"MINE_PORT": 63021, "MINE_9090_PORT": 63022}
    assert mine["depends_on"] == {"db": {"condition": "service_healthy", "required": True}}
    assert mine["memory_bytes"] == 64 * 2**20
    written = (small.root / "compose/mine.yml").read_text()
    assert 'DB_URL: "db://${DB_USER:-app}@db"' in written
    assert "MINE_9090_PORT" in (small.root / ".env.example").read_text()

    told = small.inv_json("service", "mine").data
    assert (told["secrets"], told["ports"]["MINE_PORT"], told["needs"].keys()) == (["MY_KEY"], 63021, {"db"})
    assert [row["path"] for row in told["routes"]] == ["/mine/"]

    assert small.inv("remove-service", "mine").code == 0
    assert small.digest() == before


def test_a_route_is_open_as_it_is_said_or_asks_for_the_password(checkout: Checkout) -> None:
    told = checkout.inv("add-service", "my-service")
    assert "note: my-service, /my-service at the gateway, asks nobody who it is" in told.err, told
    assert "route.add --service my-service --path /my-service --auth basic" in told.err
    redis = yamlfile.load("", (checkout.root / "compose/my-service.yml").read_text())["services"]["my-service"]
    assert redis["environment"]["REDIS_HOST"] == "redis"
    assert redis["environment"]["REDIS_PASSWORD"] == "${REDIS_PASSWORD}"
    said = checkout.inv("add-service", "said", *APP, "--route", "/said", "--auth", "none")
    assert "asks nobody" not in said.err
    others = {"BIND_ADDRESS": "0.0.0.0"}
    guarded = checkout.inv("add-service", "guarded", env=others)
    assert "asks nobody" not in guarded.err
    met = checkout.inv_json("route.test", "GET", "/guarded/health", env={**others, "STACK_PROFILES": "core app"})
    assert met.data["auth"] == ["basic-auth"]


def test_a_name_alone_is_a_small_service_and_what_was_changed_of_it_stays(small: Checkout) -> None:
    before = small.digest()
    assert small.inv("add-service", "my-service").code == 0
    app = small.root / "compose/my-service/app.py"
    compile(app.read_text(), str(app), "exec")
    added = small.digest()
    assert small.inv("remove-service", "my-service", "--dry-run").code == 0
    assert small.digest() == added
    assert small.inv_json("route.test", "GET", "/my-service/health").data["path"] == "/health"
    text = app.read_text()
    app.write_text(f"{text}# mine\n")
    gone = small.inv("remove-service", "my-service")
    assert "kept, as you changed it: compose/my-service/app.py" in gone.out
    app.unlink()
    app.parent.rmdir()
    assert small.digest() == before


KILLED = """
import os, sys
from stack import tree
from stack.program import main
last, replace = sys.argv.pop(), tree._replace
def killed(path, *rest, **more):
    if str(path) == last:
        os.kill(os.getpid(), 9)
    replace(path, *rest, **more)
tree._replace = killed
main()
"""
"""The program, killed as it is about to write its last word's file."""


def test_what_a_kill_cut_off_never_was_and_a_repeat_gives_the_same(small: Checkout) -> None:
    before, plan = small.digest(), small.inv_json("plan").data
    words = ["add-service", "mine", *APP, "--route", "/mine", "--source", "localhost"]
    assert small.inv(*words).code == 0
    whole = small.digest()
    assert small.inv("remove-service", "mine").code == 0
    last = small.root / "compose/mine.yml"
    child = [sys.executable, "-c", KILLED, *words, str(last)]
    env = {**environment(), "PYTHONPATH": str(small.root)}
    killed = subprocess.run(child, cwd=small.root, env=env, capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert (small.root / "overrides/mine/localhost.yml").exists()
    assert "/mine/" in (small.root / FILE).read_text()
    planned = small.inv_json("plan")
    assert planned.data == plan
    assert "is as before: overrides/mine/localhost.yml, kong/kong.yml" in planned.problems[0]["message"]
    assert small.digest() == before
    assert small.inv(*words).code == 0
    assert small.digest() == whole


def test_what_works_and_may_not_be_meant_is_told(small: Checkout) -> None:
    words = ["--image", "example/app", "--port", "7000", "--port", "7001", "--source", "external"]
    done = small.inv("add-service", "mine", *words)
    assert done.code == 0, done
    assert "note: example/app names no version" in done.err
    assert "note: from elsewhere, mine is reached at port 7000 alone, not at 7001" in done.err


def test_a_file_of_ones_own_is_not_written_over(small: Checkout) -> None:
    small.write("compose/mine/app.py", "mine\n")
    refuses(small, "add-service mine", Refusal("exists", "is there already", "compose/mine/app.py", "move it away"))


def test_services_of_other_files_are_carried_over_without_their_secrets(small: Checkout) -> None:
    before = small.digest()
    for path, text in {"search.yml": SEARCH, "watch.yml": WATCH, "api.yml": API, "api.env": "TOKEN=of-theirs-1\n",
                       "prometheus.yml": "scrape_configs: []\n"}.items():  # fmt: skip
        small.write(f"theirs/{path}", text)
    assert small.inv("add-service", "find", "--from-compose", "theirs/search.yml").code == 0
    assert small.inv("add-service", "watch", "--from-compose", "theirs/watch.yml", "--route", "/watch").code == 0
    told = small.inv("add-service", "api", "--from-compose", "theirs/api.yml", "--map", "db=db", "--profile", "mine")
    assert told.code == 0, told

    files = [path for folder in ("compose", "docs", "kong") for path in (small.root / folder).rglob("*.*")]
    text = "".join(path.read_text() for path in files)
    assert not [
        word for word in ("changeme", "admin-of-theirs", "of-theirs-1", "hunter2") if word in text + told.out + told.err
    ]
    planned = {s["name"]: s for s in small.inv_json("plan", "--profile", "app", "--profile", "mine").data["services"]}
    assert {"find", "watch", "watch-prometheus", "api"} <= planned.keys()
    hosts = [planned[name]["ports"][0]["host"] for name in ("find", "watch", "watch-prometheus", "api")]
    assert hosts == [63021, 63022, 63023, 63024]
    assert planned["watch"]["image"] == "grafana/grafana:12.1.0"
    assert planned["api"]["depends_on"]["db"]["condition"] == "service_healthy"
    assert planned["api"]["memory_bytes"] == 256 * 2**20
    assert 'DB_URL: "db://${DB_USER:-app}@db"' in (small.root / "compose/api.yml").read_text()
    assert 'PROMETHEUS_URL: "http://watch-prometheus:9090"' in (small.root / "compose/watch.yml").read_text()

    for name in ("watch", "find", "api"):
        gone = small.inv("remove-service", name)
        assert gone.code == 0, gone
    for file in (small.root / "theirs").iterdir():
        file.unlink()
    (small.root / "theirs").rmdir()
    assert small.digest() == before


BUILT = """services:
  app: {build: ./src, ports: ["80"], environment: {RAW: "$${X}"}, devices: ["/dev/null:/dev/x"], secrets: [s]}
secrets: {s: {file: ./s.txt}}
"""


def test_what_is_built_comes_with_its_folder(small: Checkout) -> None:
    before = small.digest()
    theirs = {"made.yml": BUILT, "src/Dockerfile": "FROM x\n", "src/bin/run": "#!/bin/sh\n", "src/.env": "A=1\n"}
    paths = [small.write(f"theirs/{path}", text) for path, text in theirs.items()]
    added = small.inv("add-service", "made", "--from-compose", "theirs/made.yml", "--into", "local")
    assert added.code == 0, added
    left = [line for line in added.out.splitlines() if line.startswith("not carried: ")]
    assert {line.split()[2].rstrip(":;") for line in left} == {"app.devices", "src/.env"}
    assert (small.root / "local/compose/made/src/bin/run").stat().st_mode & 0o111
    written = (small.root / "local/compose/made.yml").read_text()
    assert 'context: "./local/compose/made/src"' in written
    assert 'RAW: "$${X}"' in written
    assert 'secrets:\n  made-s:\n    environment: "MADE_S"' in written
    assert "made" in {s["name"] for s in small.inv_json("plan", "--service", "made").data["services"]}
    assert small.inv("remove-service", "made").code == 0
    for path in paths:
        path.unlink()
    assert small.digest() == before


def test_a_folder_of_ones_own_takes_all_of_it_and_no_shipped_file_changes(small: Checkout) -> None:
    before = small.digest()
    assert small.inv("add-service", "my-service", "--into", "local").code == 0
    written = {str(path.relative_to(small.root)) for path in (small.root / "local").rglob("*.*")}
    assert written == {"local/compose/my-service.yml", "local/compose/my-service/app.py", "local/kong/kong.yml"}
    assert (small.root / FILE).read_text() == KONG
    [mine] = [s for s in small.inv_json("plan", "--profile", "app").data["services"] if s["name"] == "my-service"]
    assert mine["ports"][0]["host"] == 63021
    assert small.inv_json("route.test", "GET", "/my-service/x").data["path"] == "/x"

    assert small.inv("route.add", "--service", "web", "--path", "/pages", "--into", "local").code == 0
    assert small.inv_json("route.test", "GET", "/pages/").data["compose_service"] == "web"
    small.write("local/overrides/web/any.yml", "services: {web: {environment: {MINE: '1'}}}\n")
    assert "local/overrides/web/any.yml" in small.inv_json("plan").data["files"]
    (small.root / "local/overrides/web/any.yml").unlink()
    assert small.inv("route.remove", "--name", "web-pages", "--into", "local").code == 0
    assert small.inv("remove-service", "my-service").code == 0
    assert not [path for path in (small.root / "local").rglob("*") if path.is_file()]
    shutil.rmtree(small.root / "local")
    assert small.digest() == before


def test_a_mistake_in_ones_own_layer_of_the_gateway_is_told_as_its_own(small: Checkout) -> None:
    small.write(f"local/{FILE}", KONG.replace("web:80", "web:81").replace('"web"', '"mine"').replace("/web/", "/mine/"))
    refusal = Refusal("gateway-upstream", "not on 81", f"local/{FILE}", f"edit local/{FILE}")
    refuses(small, "up --service web --service kong-api-gateway", refusal)


def test_a_folder_that_is_no_layer_is_refused(small: Checkout) -> None:
    refusal = Refusal("usage", "elsewhere is no layer", "--into", "--into local")
    refuses(small, "add-service mine --into elsewhere", refusal, exit_code=USAGE)


def test_what_others_need_is_not_removed(small: Checkout) -> None:
    small.write("compose/user.yml", fragment("user", "", "depends_on: {web: {condition: service_started}}"))
    refuses(small, "remove-service web", Refusal("needed", "user depends on web", "compose/user.yml", "take web out"))


@pytest.mark.parametrize(
    ("words", "refusal", "code"),
    [
        ("My", Refusal("name", "'My' is no service name", "add-service", "my-service"), USAGE),
        ("web", Refusal("name", "there is a service web already", "compose/web.yml", "another name"), USAGE),
        ("x --image a:1 --port 1 --route /web", Refusal("gateway-route", "route web", FILE, "another path"), FAILED),
        ("x --image a:1 --port 1 --health up", Refusal("usage", "'up' is no check", "--health", "http:/path"), USAGE),
    ],
)  # fmt: skip
def test_what_can_not_be_changes_nothing(small: Checkout, words: str, refusal: Refusal, code: int) -> None:
    refuses(small, f"add-service {words}", refusal, exit_code=code)
