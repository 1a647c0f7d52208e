"""The assembled project: what is cut away, what is added, and its text."""

import io
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from stack import client
from stack.planning import assembly, model, outside, plan
from stack.planning.model import Model
from stack.planning.plan import Facts, Selection
from tests.synthetic import facts, needs


def cut(found: Facts, *, digests: dict[str, str] | None = None, far: set[str] | None = None,
        outside: dict[str, str] | None = None, everywhere: dict[str, str] | None = None) -> Model:  # fmt: skip
    """The assembled project of profile core."""
    made = plan.compute(found, Selection(("core",)))
    return assembly.cut(found.model, made, digests or {}, far or set(), outside, everywhere)


def read(text: str) -> Any:
    """A YAML text as a reader of YAML 1.2 takes it."""
    return YAML(typ="safe", pure=True).load(io.StringIO(text))


def service(**keys: Any) -> dict[str, Any]:
    """The assembled form of one service."""
    services: dict[str, Any] = cut(facts({"web": keys}))["services"]
    web: dict[str, Any] = services["web"]
    return web


def test_only_planned_services_are_left_under_a_literal_name() -> None:
    made = cut(facts({"web": {}, "idle": {"profiles": ["ai"]}}))
    assert made["name"] == "test"
    assert set(made["services"]) == {"web"}


def test_profiles_are_cut_away() -> None:
    assert "profiles" not in service(profiles=["core", "ai"])


def test_edges_to_absent_services_vanish_and_others_stay() -> None:
    services = {
        "web": {"depends_on": needs("db", optional=["cache"])},
        "db": {"depends_on": needs(optional=["cache"])},
        "cache": {"profiles": ["ai"]},
    }
    made = cut(facts(services))["services"]
    assert made["web"]["depends_on"] == needs("db")
    assert "depends_on" not in made["db"]


def test_keys_without_a_value_vanish() -> None:
    assert "command" not in service(command=None)


def test_an_empty_placement_vanishes_and_another_stays() -> None:
    limits = {"resources": {"limits": {"memory": "1"}}}
    assert service(deploy={**limits, "placement": {}})["deploy"] == limits
    placed = {**limits, "placement": {"constraints": ["node.role==manager"]}}
    assert service(deploy=placed)["deploy"] == placed


def test_a_service_keeps_all_that_compose_said_of_it() -> None:
    kept = {"command": ["a", "$$HOME"], "environment": {"A": None, "B": "1"}, "deploy": {"replicas": 2}}
    assert {key: value for key, value in service(**kept).items() if key in kept} == kept


def test_volumes_networks_secrets_and_configs_that_nobody_uses_are_left_out() -> None:
    found = facts({
        "web": {
            "volumes": [{"type": "volume", "source": "data", "target": "/d"}],
            "build": {"context": "./x", "secrets": [{"source": "ca"}]},
            "configs": [{"source": "conf"}],
        },
        "idle": {"profiles": ["ai"], "volumes": [{"type": "volume", "source": "models", "target": "/m"}]},
    })  # fmt: skip
    named = {"data": {"name": "test_data"}, "models": {}}
    found.model.update(volumes=named, secrets={"ca": {}, "npm": {}}, configs={"conf": {}, "other": {}})
    made = cut(found)
    assert made["volumes"] == {"data": {"name": "test_data"}}
    assert made["secrets"] == {"ca": {}}
    assert made["configs"] == {"conf": {}}
    assert set(made["networks"]) == {"net"}
    assert "x-stack" not in made


def test_a_token_becomes_a_variable_that_must_be_set() -> None:
    url = f"redis://:{model.token('REDIS_PASSWORD')}@redis/{model.token('DB')}"
    made = service(environment={"URL": url}, command=[model.token("DB")])
    assert made["environment"]["URL"] == (
        "redis://:${REDIS_PASSWORD:?not in .env, run ./inv up}@redis/${DB:?not in .env, run ./inv up}"
    )
    assert made["command"] == ["${DB:?not in .env, run ./inv up}"]


def test_a_secret_that_may_be_empty_becomes_a_variable_that_may_be_empty() -> None:
    found = facts({"web": {"environment": {"KEY": model.token("KEY")}}})
    assert cut(found, far={"KEY"})["services"]["web"]["environment"] == {"KEY": "${KEY:-}"}


BINDS = {
    "volumes": [
        {"type": "bind", "source": "./compose/web/conf", "target": "/c"},
        {"type": "bind", "source": "./.stack/gateway", "target": "/g"},
        {"type": "bind", "source": "/etc/localtime", "target": "/l"},
    ]
}


def test_mounted_config_becomes_a_label_and_live_data_does_not() -> None:
    found = facts({"web": {**BINDS, "labels": {"mine": "1"}}})
    first = cut(found, digests={"./compose/web/conf": "a"})["services"]["web"]["labels"]
    second = cut(found, digests={"./compose/web/conf": "b"})["services"]["web"]["labels"]
    live = cut(found, digests={"./compose/web/conf": "a", "./.stack/gateway": "b"})["services"]["web"]["labels"]
    assert first["mine"] == "1"
    assert first[assembly.CONFIG_LABEL] != second[assembly.CONFIG_LABEL]
    assert live == first


def test_a_service_that_mounts_nothing_of_ours_has_no_label() -> None:
    assert "labels" not in service(volumes=BINDS["volumes"][1:])


BUILD = {"context": "./compose/web", "args": {"BASE_IMAGE": "a:1"}, "labels": {"mine": "1"}}


def test_an_image_carries_the_digest_of_what_it_was_built_from() -> None:
    labels = [
        cut(facts({"web": {"build": {**BUILD, **change}}}), digests={"./compose/web": digest})
        ["services"]["web"]["build"]["labels"]
        for change, digest in (({}, "a"), ({}, "a"), ({}, "b"), ({"args": {"BASE_IMAGE": "b:1"}}, "a"),
                               ({"target": "dev"}, "a"), ({"dockerfile": "Other"}, "a"))
    ]  # fmt: skip
    digests = [label[assembly.BUILD_LABEL] for label in labels]
    assert all(label["mine"] == "1" for label in labels)
    assert digests[0] == digests[1]
    assert len(set(digests)) == 5


def test_the_model_itself_is_left_alone() -> None:
    found = facts({"web": {**BINDS, "build": dict(BUILD), "environment": {"KEY": model.token("KEY")}}})
    before = repr(found.model)
    cut(found, digests={"./compose/web": "a", "./compose/web/conf": "b"})
    assert repr(found.model) == before


PROXY = {"HTTPS_PROXY": "http://proxy:1", "NO_PROXY": "web"}


def test_only_services_that_go_outside_get_the_machines_proxy() -> None:
    found = facts({"web": {}, "db": {}}, entries={"web": {"outside": True}})
    made = cut(found, outside=PROXY)["services"]
    assert made["web"]["environment"] == PROXY
    assert "environment" not in made["db"]


def test_what_a_service_sets_itself_wins_over_the_proxy() -> None:
    found = facts({"web": {"environment": {"NO_PROXY": "mine"}}}, entries={"web": {"outside": True}})
    assert cut(found, outside=PROXY)["services"]["web"]["environment"]["NO_PROXY"] == "mine"


BLOCK = {"httpProxy": "http://proxy:1", "noProxy": "intra.example, 10.0.0.0/8"}


def test_where_docker_itself_gives_out_a_proxy_every_service_reaches_the_others_past_it() -> None:
    names = ["db", "web"]
    every = outside.everywhere(names, BLOCK)
    assert every["NO_PROXY"] == "intra.example,10.0.0.0/8,localhost,127.0.0.1,::1,db,web" == every["no_proxy"]
    found = facts({"web": {}, "db": {"environment": {"NO_PROXY": "mine"}}}, entries={"web": {"outside": True}})
    shell = outside.environment({"https_proxy": "http://other:1", "no_proxy": "shell.example"}, names, BLOCK)
    made = cut(found, outside=shell, everywhere=every)["services"]
    assert made["web"]["environment"]["NO_PROXY"] == f"shell.example,{every['NO_PROXY']}"
    assert made["web"]["environment"]["HTTPS_PROXY"] == "http://other:1"
    assert made["db"]["environment"] == {**every, "NO_PROXY": "mine"}
    assert outside.everywhere(names, {}) == outside.everywhere(names, {"noProxy": "x"}) == {}


@pytest.mark.parametrize(
    ("text", "block"),
    [
        ('{"auths": {}, "proxies": {"default": {"httpProxy": "http://p:1"}}}', {"httpProxy": "http://p:1"}),
        ('{"proxies": {"default": {}, "tcp://far:2376": {"httpProxy": "http://p:2"}}}', {"httpProxy": "http://p:2"}),
        ('{"proxies": {}}', {}),
        ('{"auths": {}}', {}),
        ("{", {}),
        ('{"proxies": 1}', {}),
    ],
)
def test_dockers_own_proxy_is_read_where_the_client_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, block: dict[str, str]
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("DOCKER_HOST", "tcp://far:2376")
    assert client.proxy_block() == {}
    (tmp_path / "config.json").write_text(text)
    assert client.proxy_block() == block


def test_the_machines_ca_is_mounted_where_the_environment_names_it() -> None:
    found = facts({"web": {}}, entries={"web": {"outside": True}})
    made = cut(found, outside={"SSL_CERT_FILE": assembly.CA})["services"]["web"]
    assert [volume["target"] for volume in made["volumes"]] == ["/etc/stack"]
    assert made["volumes"][0]["read_only"]


def test_the_text_has_the_mark_the_digest_and_the_project() -> None:
    made = cut(facts({"web": {}}))
    text = assembly.text(made, "abc123")
    assert text.startswith(assembly.MARK + "\n# inputs: abc123\n")
    assert read(text) == made


@pytest.mark.parametrize(
    "value",
    [
        "", " ", "yes", "no", "on", "null", "~", "1", "0x1f", "1e3", "0o17", "1:30", "2020-01-01", ".inf",
        "=", "<<", "a: b", "a #b", "- a", "? a", "'", '"', "\\", "\\n", "a\nb", "a\n", "\n", "\t", "a\r\nb",
        "@a", "%a", "`a`", "!a", "&a", "*a", "{a}", "[a]", "é", "中", "😀", "\x00", "\x01", "\x1b", "\x7f",
        "\x80", "\x85", "\xa0", "\u2028", "\u2029", "\ufeff", "\ufffe", "\uffff", "$$HOME", "${A:?b}", "/",
    ],
)  # fmt: skip
def test_every_text_is_read_as_it_was(value: str) -> None:
    assert read(assembly.to_yaml({"a": value, "b": [value]})) == {"a": value, "b": [value]}
    assert read(assembly.to_yaml({"top": {value: 1}})) == {"top": {value: 1}}


@pytest.mark.parametrize(
    "value",
    [
        1, -1, 1.5, 1e16, True, False, None, [], {}, [[]], [{}], [[1, [2, []]], [3]],
        {"a": {"b": {"c": [1, {"d": [{"e": None}], "f": 2}]}}}, [{"a": 1, "b": [1, 2]}, {"c": {}}],
    ],
)  # fmt: skip
def test_every_value_is_read_as_it_was(value: Any) -> None:
    assert read(assembly.to_yaml({"a": value})) == {"a": value}


def test_the_text_is_plain_to_read() -> None:
    value = {"services": {"web": {"image": "a:1", "ports": [{"target": 80, "host_ip": "127.0.0.1"}], "tty": True}}}
    assert assembly.to_yaml(value) == (
        'services:\n  web:\n    image: "a:1"\n    ports:\n      - target: 80\n        host_ip: "127.0.0.1"\n'
        "    tty: true\n"
    )


def test_an_edit_of_the_assembled_file_is_seen() -> None:
    written = assembly.text({"name": "p", "services": {"web": {"image": "web:1"}}}, "abc123")
    assert not assembly.edited(written)
    assert assembly.edited(written.replace("web:1", "web:2"))
    assert assembly.edited(written + "# mine\n")


def test_a_secret_in_the_text_of_a_config_becomes_a_variable_too() -> None:
    found = facts({"web": {"configs": [{"source": "conf"}]}})
    found.model["configs"] = {"conf": {"content": "key: __S_WEB_KEY__"}}
    assert cut(found)["configs"]["conf"]["content"].startswith("key: ${WEB_KEY:?")
