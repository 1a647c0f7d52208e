"""Somebody's Compose services as one of ours: values as Compose gives them, without Compose."""

from string import ascii_lowercase
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stack.authoring import carrying, credentials, fragment, losses, renaming
from stack.authoring.carrier import File, Here
from stack.authoring.definition import Definition, Edge, Mount
from stack.authoring.losses import Loss
from stack.errors import StackError

PASSWORD = "a-literal-of-theirs"


def volume(source: str, target: str, kind: str = "volume") -> dict[str, Any]:
    return {"type": kind, "source": source, "target": target}


SOCKET = volume("/var/run/docker.sock", "/x", "bind")
APP: dict[str, Any] = {
    "image": "example/app:2",
    "container_name": "app",
    "privileged": True,
    "ports": [{"target": 80, "published": "8080", "protocol": "tcp"}, {"target": 53, "protocol": "udp"}],
    "environment": {
        "DATABASE_URL": f"postgres://app:{PASSWORD}@db:5432/app", "DB_PASSWORD": PASSWORD, "CACHE": "redis:6379",
        "REDIS_HOST": "redis", "MODE": "db", "OPENAI_API_KEY": "${OPENAI_API_KEY}", "LEVEL": "${LEVEL:-info}",
        "PRICE": "$$5", "WHO": "${WHO}", "SIGNING_KEY": "0123456789abcdef0123456789abcdef", "USE_TOKEN": "true",
        "ESCAPED": "$${WHO}-${WHO}",
    },
    "depends_on": {"db": {"condition": "service_healthy", "required": True}, "redis": {"condition": "service_started"}},
    "volumes": [volume("data", "/data"), volume("./app.conf", "/app.conf", "bind"), SOCKET],
    "command": ["serve", "--db", "db:5432"],
}  # fmt: skip
DB: dict[str, Any] = {
    "image": "postgres:16", "environment": {"POSTGRES_PASSWORD": PASSWORD, "POSTGRES_DB": "app"},
    "healthcheck": {"test": ["CMD", "pg_isready"]}, "mem_limit": "512m", "volumes": [volume("", "/var/lib")],
}  # fmt: skip
REDIS: dict[str, Any] = {"image": "redis:7", "environment": {}}
FILE = {"app": APP, "db": DB, "redis": REDIS}


def carry(mapping: dict[str, str] | None = None, service: str = "") -> tuple[Definition, list[Loss]]:
    chosen, main = carrying.choose(FILE, service, mapping or {})
    return carrying.definition(File(FILE, kept={"app.conf": b"x"}), chosen, main, "mine", mapping or {})


def test_the_one_that_publishes_and_that_nobody_needs_is_the_service_and_the_rest_are_its_companions() -> None:
    found, _ = carry()
    assert (found.name, found.ports, found.udp, found.image) == ("mine", [80], [53], "example/app:2")
    assert fragment.port_variables(found) == ["MINE_PORT", "MINE_53_UDP_PORT"]
    assert [part.name for part in found.companions] == ["mine-db", "mine-redis"]
    assert found.depends_on == [Edge("mine-db", "healthy"), Edge("mine-redis", "started")]
    assert found.companions[0].memory == "512m"


def test_hosts_follow_where_they_are_hosts_and_nowhere_else() -> None:
    found, _ = carry()
    assert "@mine-db:5432/app" in found.env["DATABASE_URL"]
    assert (found.env["CACHE"], found.env["REDIS_HOST"], found.env["MODE"]) == ("mine-redis:6379", "mine-redis", "db")
    assert found.extra["command"] == ["serve", "--db", "mine-db:5432"]
    assert found.companions[0].env["POSTGRES_DB"] == "app"


def test_a_literal_secret_is_one_of_ours_wherever_it_stood() -> None:
    found, _ = carry()
    assert PASSWORD not in str(found)
    name = "${MINE_DB_PASSWORD}"
    assert found.env["DB_PASSWORD"] == name
    assert found.env["DATABASE_URL"].startswith(f"postgres://app:{name}@")
    assert found.companions[0].env["POSTGRES_PASSWORD"] == name
    assert found.secrets == {"MINE_DB_PASSWORD": "hex", "MINE_OPENAI_API_KEY": "optional", "MINE_SIGNING_KEY": "hex:32"}


def test_settings_keep_their_defaults_under_our_name() -> None:
    found, _ = carry()
    assert (found.env["LEVEL"], found.env["WHO"], found.env["PRICE"]) == ("${MINE_LEVEL:-info}", "${MINE_WHO:-}", "$$5")
    assert found.env["USE_TOKEN"] == "true"
    assert found.env["ESCAPED"] == "$${WHO}-${MINE_WHO:-}"


def test_data_is_the_services_own_and_what_belongs_to_that_machine_is_told() -> None:
    found, lost = carry()
    assert found.volumes == [Mount("mine-data", "/data"), Mount("./compose/mine/app.conf", "/app.conf")]
    assert found.companions[0].volumes == [Mount("mine-db-data", "/var/lib")]
    assert found.files == {"compose/mine/app.conf": b"x"}
    told = {one.path for one in lost if one.code != "made"}
    assert told == {"app.container_name", "app.privileged", "app.volumes", "MINE_OPENAI_API_KEY"}


def test_what_is_built_is_built_from_its_copied_folder() -> None:
    build = {"context": "src", "args": {"LEVEL": "${LEVEL:-info}", "PRICE": "$$5"}, "ssh": ["default"]}
    services: dict[str, Any] = {"app": {"build": build, "environment": {}}}
    file = File(services, kept={"src/Dockerfile": b"FROM x"})
    found, lost = carrying.definition(file, ["app"], "app", "mine", {})
    assert found.build == {"context": "./compose/mine/src", "args": {"LEVEL": "${MINE_LEVEL:-info}", "PRICE": "$$5"}}
    assert lost == [Loss("app.build.ssh", "not carried", fix="where you need it: local/compose/mine.yml")]
    _, lost = carrying.definition(File(services), ["app"], "app", "mine", {})
    assert Loss("app.build", "its folder", fix="copy it to compose/mine/src") in lost


def test_one_of_ours_stands_in() -> None:
    found, _ = carry({"redis": "redis"})
    assert [part.name for part in found.companions] == ["mine-db"]
    assert found.depends_on[1] == Edge("redis", "healthy")
    assert found.env["REDIS_HOST"] == "redis"


def test_one_service_brings_what_it_requires_and_no_more() -> None:
    found, _ = carry(service="app")
    assert [part.name for part in found.companions] == ["mine-db", "mine-redis"]
    found, _ = carry(service="db")
    assert found.companions == []


def test_of_two_fronts_one_is_the_service_and_the_other_comes_along() -> None:
    assert carrying.choose({"a": {"ports": [1]}, "b": {"ports": [2]}}, "", {}) == (["a", "b"], "a")
    with pytest.raises(StackError) as refused:
        carrying.choose({"a": {}}, "b", {})
    assert refused.value.problems[0].message == "the file has no service 'b'"


@pytest.mark.parametrize(
    ("key", "asks"),
    [(key, True) for key in ("DB_PASSWORD", "dbPassword", "API_TOKEN", "TLS_KEY", "SECRET_KEY_BASE", "APIKEY")]
    + [("DBPASS", True), ("DB_PW", True), ("BYPASS", False)]
    + [(key, False) for key in ("TOKENIZER_MODEL", "MAX_TOKENS", "API_KEY_RATE_LIMIT", "PUBLIC_KEY", "MONKEY")],
)  # fmt: skip
def test_a_credential_is_a_word_of_the_name_and_not_letters_in_it(key: str, asks: bool) -> None:
    assert credentials.asks(key) is asks


def test_what_is_told_stands_by_kind_and_what_is_usual_in_one_line() -> None:
    every = [
        Loss("app.x", "usual", "usual"),
        Loss("A", "", "set", "./inv env.set A VALUE"),
        Loss("app.y", "not carried"),
        Loss("web.y", "not carried"),
        Loss("app.volumes", "./a: a volume", "changed"),
        Loss("app.volumes", "./b: a volume", "changed"),
    ]
    assert losses.told([*every, *every]) == [
        "not carried: app.y, web.y", "other than there: app.volumes (./a, ./b): a volume",
        "set before up: ./inv env.set A VALUE", "needs nothing here: x (app)",
    ]  # fmt: skip


def test_a_file_that_names_an_old_host_is_told_or_finds_it_or_is_rewritten() -> None:
    services: dict[str, Any] = {name: {"image": "x", "environment": {}} for name in ("app", "api")}
    conf = b"# api\r\nproxy_pass http://api:80/api;\xff\n"
    file = File(services, kept={"nginx.conf": conf})

    def carried(here: Here) -> tuple[Definition, list[Loss]]:
        return carrying.definition(file, ["app", "api"], "app", "mine", {}, here)

    found, lost = carried(Here())
    assert found.companions[0].aliases == ["api"]
    assert lost == [Loss("nginx.conf:2", "names api, which is a further name of mine-api here", "changed")]
    found, lost = carried(Here(services=["api"]))
    assert found.companions[0].aliases == []
    assert lost[0].fix.startswith("--rewrite-files: proxy_pass http://mine-api:80/api;")
    found, lost = carried(Here(services=["api"], rewrite=True))
    assert found.files == {"compose/mine/nginx.conf": conf.replace(b"://api:", b"://mine-api:")}
    assert lost == []


def test_folders_of_one_name_are_two_volumes_and_what_has_files_starts_with_them() -> None:
    bound = [{**volume(source, f"/{n}", "bind"), "there": "folder"} for n, source in enumerate(["a/data", "b/data"])]
    services: dict[str, Any] = {"app": {"image": "example/app:2", "environment": {}, "volumes": bound}}
    found, lost = carrying.definition(File(services, kept={"b/data/x": b"x"}), ["app"], "app", "mine", {})
    assert found.volumes == [Mount("mine-data", "/0"), Mount("mine-b-data", "/1")]
    mounts = [Mount("./compose/mine/b/data", "/seed", True), Mount("mine-b-data", "/data")]
    assert [(seed.name, seed.image, seed.volumes) for seed in found.companions] == [
        ("mine-b-data-seed", "example/app:2", mounts)
    ]
    assert found.depends_on == [Edge("mine-b-data-seed", "completed")]
    assert [one.code for one in lost] == ["changed", "changed"]


def test_a_service_of_ours_that_a_file_names_is_reached_with_our_settings() -> None:
    url = "postgresql://${OUR_USER:-app}:${OUR_PASSWORD:-x}@our-db:5432/${DATABASE:-mine}"
    services: dict[str, Any] = {
        "app": {"image": "x", "environment": {"DATABASE_URL": url, "MQ_HOST": "our-mq", "A": "b"}}
    }
    here = Here(services=["our-db", "our-mq"], settings=["OUR_USER", "OUR_PASSWORD"])
    found, lost = carrying.definition(File(services), ["app"], "app", "mine", {}, here)
    assert found.env["DATABASE_URL"] == (
        "postgresql://${OUR_USER:-app}:${OUR_PASSWORD}@our-db:5432/${MINE_DATABASE:-mine}"
    )
    assert found.env["MQ_HOST"] == "our-mq"
    assert (found.depends_on, found.secrets) == ([Edge("our-db"), Edge("our-mq")], {})
    assert {(one.path, one.code) for one in lost} == {
        ("app.environment.DATABASE_URL", "changed"), ("app.environment.MQ_HOST", "changed")
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "renamed"),
    [("host: db", "host: NEW"), ('{"host": "db", "port": 1}', '{"host": "NEW", "port": 1}'),
     ("DB_HOST=db", "DB_HOST=NEW"), ("user: db", "user: db"),
     ("pg_isready -h db -U db", "pg_isready -h NEW -U db"), ("mysql --host db db", "mysql --host NEW db"),
     ("hostname db", "hostname db"), ("the server db", "the server db"), ("host: dbs", "host: dbs")],
)  # fmt: skip
def test_a_host_stands_behind_a_key_that_says_so(text: str, renamed: str) -> None:
    assert renaming.renamed(text, {"db": "NEW"}) == renamed


def test_long_names_are_cut_and_stay_apart() -> None:
    long = ["post-process-forwarder-errors-of-a", "post-process-forwarder-errors-of-b"]
    found = renaming.companions("my-imported-app", long)
    assert set(map(len, found.values())) == {40}
    assert len(set(found.values())) == 2


def test_a_host_that_is_a_word_of_a_command_is_a_further_name() -> None:
    services: dict[str, Any] = {
        "app": {"image": "x", "environment": {}, "command": ["wait", "db", "5432"], "volumes": []},
        "db": {"image": "y", "environment": {}},
    }
    found, lost = carrying.definition(File(services), ["app", "db"], "app", "mine", {})
    assert (found.companions[0].aliases, lost) == (["db"], [])
    found, lost = carrying.definition(File(services), ["app", "db"], "app", "mine", {}, Here(services=["db"]))
    assert (found.companions[0].aliases, [one.path for one in lost]) == ([], ["db.networks"])


@pytest.mark.parametrize(
    ("text", "password"),
    [
        ("sqlcmd -U sa -P <example_1> -Q 'SELECT 1'", "example_1"), ("mysqladmin -u root -p<root> ping", "root"),
        ("pg_isready -U postgres", "postgres"), ("redis-cli -a <secret> ping", "secret"),
        ("root:<example>@tcp(db:3306)/x", "example"), ("Host=db;Password=<app>;Database=app", "app"),
        ("curl -u elastic:<changeme> http://x", "changeme"), ("--db.password=<root> --user=root", "root"),
        ("app:latest", "latest"), ("postgres://app:<app>@app/app", "app"), ("x hunter2-x <hunter22> y", "hunter22"),
    ],
)  # fmt: skip
def test_a_password_is_replaced_where_it_stands_as_one(text: str, password: str) -> None:
    plain = text.replace("<", "").replace(">", "")
    assert credentials.replaced(plain, password, f"<{password}>") == text


def test_a_check_and_a_command_have_the_password_that_is_made() -> None:
    check = {"test": ["CMD", "ping", "-uroot", "-p", "pass"]}
    raw = {
        "image": "x",
        "environment": {"DB_PASSWORD": "pass"},
        "command": ["db", "--auth", "pass"],
        "healthcheck": check,
    }
    found, _ = carrying.definition(File({"db": raw}), ["db"], "db", "mine", {})
    assert found.extra["command"] == ["db", "--auth", "${MINE_DB_PASSWORD}"]
    assert found.extra["healthcheck"]["test"][-1] == "${MINE_DB_PASSWORD}"


@pytest.mark.parametrize(
    ("key", "value", "kind"),
    [
        ("APP_KEY", "base64:xyz=", "asked"), ("ANON_KEY", "eyJhbGci.eyJyb2xl.c2ln", "asked"), ("PSK", "<PSK>", "asked"),
        ("SECRET_KEY", "PP_G4Gwm1lOkyG8r8N0LrdlpWXZ7Tyq5CVyfBquuj6g=", "asked"), ("SA_PASSWORD", "x", "password"),
        ("ADMIN_PASSWORD", "Example1x", "password"), ("DB_PASSWORD", "example", "hex"), ("IV", "0f" * 8, "hex:16"),
    ],
)  # fmt: skip
def test_what_takes_the_place_of_a_credential_has_the_form_that_it_needs(key: str, value: str, kind: str) -> None:
    assert credentials.kind(key, value) == kind


def test_a_credential_that_a_program_does_without_may_stay_empty() -> None:
    raw = {"image": "x", "environment": {"MAIL_PASSWORD": "${MAIL_PASSWORD}", "APP_KEY": "base64:YQ=="}}
    found, lost = carrying.definition(File({"app": raw}), ["app"], "app", "mine", {})
    assert found.secrets == {"MINE_MAIL_PASSWORD": "optional", "MINE_APP_KEY": "asked"}
    assert losses.told(lost) == [
        "set before up: ./inv env.set MINE_APP_KEY VALUE (your file has its value)",
        "may stay empty, as there: MINE_MAIL_PASSWORD",
    ]


def test_a_clouds_name_for_a_key_of_the_file_itself_asks_for_nothing() -> None:
    def carried(env: dict[str, str]) -> dict[str, str]:
        services: dict[str, Any] = {"app": {"image": "x", "environment": env}}
        return carrying.definition(File(services), ["app"], "app", "mine", {})[0].secrets

    assert carried({"AWS_SECRET_KEY": "minio-1234", "MINIO_PASSWORD": "minio-1234"}) == {"MINE_MINIO_PASSWORD": "hex"}
    assert carried({"AWS_SECRET_KEY": "AbC123", "SMTP_PASSWORD": "hunter22"}) == {
        "MINE_AWS_SECRET_KEY": "asked", "MINE_SMTP_PASSWORD": "asked"
    }  # fmt: skip
    assert carried({"OPENAI_API_KEY": "ollama", "SMTP_PASSWORD": "your-password"}) == {}


def test_what_is_started_again_with_another_and_a_path_of_every_machine_stay() -> None:
    modules = volume("/lib/modules", "/lib/modules", "bind")
    edge = {"db": {"condition": "service_healthy", "restart": True}}
    deploy = {"mode": "replicated", "placement": {"constraints": ["node.role == manager"]}}
    app = {"image": "x", "environment": {}, "depends_on": edge, "volumes": [modules], "deploy": deploy}
    services: dict[str, Any] = {"app": app, "db": {"image": "x", "environment": {}}}
    found, lost = carrying.definition(File(services), ["app", "db"], "app", "mine", {})
    assert found.depends_on == [Edge("mine-db", "healthy", restarts=True)]
    assert found.volumes == [Mount("${MINE_MODULES_DIR:-/lib/modules}", "/lib/modules")]
    assert [(one.path, one.code) for one in lost] == [
        ("app.volumes", "changed"), ("app.deploy.mode", "usual"), ("app.deploy.placement", "usual")
    ]  # fmt: skip


def test_a_service_starts_after_the_one_whose_network_it_is_in() -> None:
    app = {"image": "x", "environment": {}, "network_mode": "service:vpn"}
    services: dict[str, Any] = {"vpn": {"image": "x", "environment": {}, "ports": [{"target": 80}]}, "app": app}
    assert carrying.choose(services, "app", {}) == (["app", "vpn"], "app")
    found, _ = carrying.definition(File(services), ["app", "vpn"], "app", "mine", {})
    assert found.depends_on == [Edge("mine-vpn", "started", restarts=True)]


def test_a_label_is_no_setting_and_ghost_is_no_host() -> None:
    env = {"GHOST_NAME": "db", "DB_HOST": "db"}
    app = {"image": "x", "environment": env, "labels": {"proxy.hosts.service": "db"}}
    services: dict[str, Any] = {"app": app, "db": {"image": "x", "environment": {}}}
    found, _ = carrying.definition(File(services), ["app", "db"], "app", "mine", {})
    assert found.env == {"GHOST_NAME": "db", "DB_HOST": "mine-db"}
    assert found.extra["labels"] == {"proxy.hosts.service": "db"}


def test_what_the_file_waits_for_and_lacks_is_one_of_ours_where_that_is_said() -> None:
    services: dict[str, Any] = {"app": {"image": "x", "environment": {}, "depends_on": {"db": {}}}}
    assert carrying.choose(services, "", {"db": "supabase-db"}) == (["app"], "app")


def test_one_number_of_both_protocols_has_one_setting() -> None:
    both = Definition("dns", image="x", ports=[53, 80], udp=[53, 67])
    text = fragment.text(both, {"DNS_PORT": 21, "DNS_80_PORT": 22, "DNS_67_UDP_PORT": 23}, {})
    for port in ('${DNS_PORT}:53"', "${DNS_PORT}:53/udp", "${DNS_80_PORT}:80", "${DNS_67_UDP_PORT}:67/udp"):
        assert port in text


WORDS = st.text(ascii_lowercase, min_size=1, max_size=5)


@given(WORDS, WORDS, WORDS, st.integers(1, 65535))
def test_of_an_address_the_host_alone_is_renamed(host: str, user: str, path: str, port: int) -> None:
    text = f"pg://{user}:{host}@{host}:{port}/{path}?{host}={host}"
    assert renaming.renamed(text, {host: "NEW"}) == f"pg://{user}:{host}@NEW:{port}/{path}?{host}={host}"
    assert renaming.renamed(f"x{host}:{port} {host}x:{port}", {host: "NEW"}) == f"x{host}:{port} {host}x:{port}"
