"""The scripts in the gateway's container, run by the shell and awk here, with a Kong that takes notes."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

SCRIPTS = Path(__file__).parents[2] / "compose" / "kong-api-gateway"

# Refuses a file that says `broken`, as `kong config parse` would, and writes down what it was asked.
KONG = """#!/bin/sh
echo "$*" >> "$NOTES"
case "$1 $2" in "config parse") if grep -q broken "$3"; then echo "bad file" >&2; exit 1; fi ;; esac
"""


def substitute(text: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["awk", "-f", str(SCRIPTS / "substitute.awk")],
        input=text,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_each_name_is_replaced_and_nothing_else() -> None:
    text = 'key: "${KEY}-${USER_2}${KEY}"\npath: "~/backend$"\nodd: "$KEY ${ KEY} $${} {KEY} & \\\\"\n'
    done = substitute(text, {"KEY": "abc", "USER_2": "x&y"})
    assert done.stdout == text.replace("${KEY}", "abc").replace("${USER_2}", "x&y")


def test_a_value_with_quotes_and_backslashes_stays_one_yaml_string() -> None:
    from stack import yamlfile

    value = 'a"b\\c&d\\&$1: #' + "".join(map(chr, range(32, 127)))
    done = substitute('key: "${KEY}"\n', {"KEY": value})
    assert yamlfile.load("kong.yml", done.stdout) == {"key": value}


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({}, "KEY is not set"),
        ({"KEY": ""}, "KEY is not set"),
        ({"KEY": "a\nb"}, "KEY has more than one line"),
    ],
)
def test_a_name_without_a_usable_value_ends_the_start_and_is_named(environment: dict[str, str], message: str) -> None:
    done = substitute('a: "1"\nkey: "${KEY}"\n', environment)
    assert done.returncode == 3
    assert message in done.stderr


@pytest.fixture
def container(tmp_path: Path) -> dict[str, str]:
    """The environment of a gateway's container that runs with `key: "old"`."""
    kong = tmp_path / "bin" / "kong"
    kong.parent.mkdir()
    kong.write_text(KONG)
    kong.chmod(0o755)
    (tmp_path / "kong.yml").write_text('key: "old"\n')
    (tmp_path / "notes").touch()
    return {
        "PATH": f"{kong.parent}:{os.environ['PATH']}",
        "NOTES": str(tmp_path / "notes"),
        "KONG_DECLARATIVE_CONFIG": str(tmp_path / "kong.yml"),
        "KEY": "secret",
    }


def reload(container: dict[str, str], text: str) -> subprocess.CompletedProcess[str]:
    source = Path(container["NOTES"]).with_name("source.yml.new")
    source.write_text(text)
    script = ["sh", str(SCRIPTS / "reload.sh"), str(source)]
    return subprocess.run(script, env=container, capture_output=True, text=True, check=False)


def test_a_new_file_is_parsed_then_put_in_place_readable_to_kong_alone_then_loaded(
    container: dict[str, str],
) -> None:
    config = Path(container["KONG_DECLARATIVE_CONFIG"])
    assert reload(container, 'key: "${KEY}"\n').returncode == 0
    assert config.read_text() == 'key: "secret"\n'
    assert config.stat().st_mode & 0o777 == 0o600
    notes = Path(container["NOTES"]).read_text().splitlines()
    assert notes == [f"config parse {config.with_name('kong.new.yml')}", "reload"]


@pytest.mark.parametrize("text", ['key: "broken"\n', 'key: "${MISSING}"\n'])
def test_a_file_that_kong_refuses_changes_nothing(container: dict[str, str], text: str) -> None:
    config = Path(container["KONG_DECLARATIVE_CONFIG"])
    assert reload(container, text).returncode != 0
    assert config.read_text() == 'key: "old"\n'
    assert "reload" not in Path(container["NOTES"]).read_text()
    assert not config.with_name("kong.new.yml").exists()


def test_a_certificate_of_the_settings_is_what_kong_is_told_to_serve(container: dict[str, str]) -> None:
    """A file that a killed reload left counts as well, and an empty one stands for none."""
    root = Path(container["NOTES"]).parent
    folder = root / "scripts"
    folder.mkdir()
    for script in SCRIPTS.glob("*.*[hk]"):
        text = script.read_text().replace("/tls/", f"{root}/tls/").replace("/tmp/tls.pem", f"{root}/served.pem")
        (folder / script.name).write_text(text)
    kong = root / "bin" / "kong"
    kong.write_text(KONG + 'echo "${KONG_SSL_CERT-none} ${KONG_SSL_CERT_KEY-none}" >> "$NOTES"\n')
    (root / "tls").mkdir()
    (root / "source.yml").write_text('key: "${KEY}"\n')

    def told() -> str:
        script = ["sh", str(folder / "reload.sh"), str(root / "source.yml")]
        subprocess.run(script, env=container, check=True)
        return Path(container["NOTES"]).read_text().splitlines()[-1]

    assert told() == "none none"
    (root / "tls/gateway.pem").write_text("one")
    assert told() == f"{root}/served.pem {root}/served.pem"
    assert (root / "served.pem").read_text() == "one"
    assert (root / "served.pem").stat().st_mode & 0o777 == 0o600
    (root / "tls/gateway.new").write_text("two")
    assert told() == f"{root}/served.pem {root}/served.pem"
    assert (root / "served.pem").read_text() == "two"
    (root / "tls/gateway.new").write_text("")
    assert told() == "none none"


def test_kong_asks_docker_for_a_services_addresses_again_after_five_seconds() -> None:
    """Docker's own 600 would keep a replica that went, and miss one that came."""
    from stack import yamlfile

    fragment: Any = yamlfile.load("", (SCRIPTS.parent / f"{SCRIPTS.name}.yml").read_text())
    found = fragment["services"][SCRIPTS.name]["environment"]
    assert {name: value for name, value in found.items() if name.startswith("KONG_DNS_")} == {
        "KONG_DNS_VALID_TTL": "5", "KONG_DNS_NOT_FOUND_TTL": "1", "KONG_DNS_ORDER": "LAST,A,CNAME",
    }  # fmt: skip


def test_the_workers_of_five_reloads_in_a_minute_fit_and_end_after_it() -> None:
    """As measured on a running Kong 3.9.3: 163 MiB for the two of the start, 140 for the two of each reload that a
    websocket keeps."""
    from stack import yamlfile

    fragment: Any = yamlfile.load("", (SCRIPTS.parent / f"{SCRIPTS.name}.yml").read_text())
    service = fragment["services"][SCRIPTS.name]
    assert service["environment"]["KONG_NGINX_MAIN_WORKER_SHUTDOWN_TIMEOUT"] == "60s"
    limit = service["deploy"]["resources"]["limits"]["memory"]
    assert limit == "${KONG_API_GATEWAY_MEMORY:-1g}"
    assert 163 + 5 * 140 < 1024
