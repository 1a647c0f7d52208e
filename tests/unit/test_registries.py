"""Asking a registry for tags: pages, tokens, and the logins that docker keeps."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import pytest

from stack.running import distribution, logins, registries
from tests.standins.web import Handler, serving

ONE = "sha256:" + "1" * 64
READER = base64.b64encode(b"reader:pass:word").decode()


@pytest.fixture(autouse=True)
def docker_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of docker's settings; no engine."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    return tmp_path


def write(folder: Path, **config: Any) -> None:
    (folder / "config.json").write_text(json.dumps(config))


def helper(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """A program that keeps logins, found on the way."""
    program = folder / "docker-credential-kept"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


class Registry(Handler):
    """Two pages of tags for who has the token of its server of tokens, which gives it to the reader."""

    seen: list[str]

    def known(self, login: str) -> bool:
        return login == f"Basic {READER}"

    def post(self) -> None:
        form = dict(parse_qsl(self.body().decode()))
        good = form["grant_type"] == "refresh_token" and form["refresh_token"] == "kept"
        self.answer_json(200 if good else 401, {"access_token": "good"})

    def get(self) -> None:
        type(self).seen.append(self.path)
        login, here = self.headers.get("Authorization", ""), f"http://{self.headers['Host']}"
        if self.path.startswith("/token"):
            self.answer_json(200, {"token": "good"}) if self.known(login) else self.answer_json(401, {})
        elif login != "Bearer good":
            self.send_response(401)
            self.send_header(
                "WWW-Authenticate", f'Bearer realm="{here}/token",service="here",scope="repository:a/b:pull"'
            )
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif "last=" in self.path:
            self.answer_json(200, {"name": "a/b", "tags": ["2"]})
        else:
            body = b'{"name": "a/b", "tags": ["1"]}'
            self.send_response(200)
            self.send_header("Link", '</v2/a/b/tags/list?last=1&n=1>; rel="next"')
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)


def test_all_pages_are_read_with_the_token_that_the_login_gets(docker_config: Path) -> None:
    Registry.seen = []
    with serving(Registry) as port:
        write(docker_config, auths={f"127.0.0.1:{port}": {"auth": READER}})
        found = registries.ask([f"127.0.0.1:{port}/a/b"])
    assert found[f"127.0.0.1:{port}/a/b"].tags == ["1", "2"]
    assert "scope=repository%3Aa%2Fb%3Apull" in next(path for path in Registry.seen if path.startswith("/token"))


def test_without_a_login_one_is_asked_for() -> None:
    Registry.seen = []
    with serving(Registry) as port:
        [found] = registries.ask([f"127.0.0.1:{port}/a/b"]).values()
    assert (found.why, found.silent) == (distribution.LOGIN, False)


def test_a_token_that_docker_has_in_place_of_a_password_gets_one(docker_config: Path) -> None:
    Registry.seen = []
    with serving(Registry) as port:
        write(docker_config, auths={f"127.0.0.1:{port}": {"identitytoken": "kept"}})
        [found] = registries.ask([f"127.0.0.1:{port}/a/b"]).values()
    assert found.tags == ["1", "2"]


class Open(Registry):
    """A registry that gives everybody a token, and notes the logins."""

    def known(self, login: str) -> bool:
        type(self).seen.append(login)
        return True


class Leading(Handler):
    """A registry that only leads to another one."""

    to: int

    def get(self) -> None:
        self.send_response(307)
        self.send_header("Location", f"http://localhost:{type(self).to}{self.path}")
        self.send_header("Content-Length", "0")
        self.end_headers()


def test_where_a_registry_leads_to_is_asked_without_the_login_of_the_first(docker_config: Path) -> None:
    Open.seen = []
    with serving(Open) as far, serving(Leading) as port:
        Leading.to = far
        write(docker_config, auths={f"127.0.0.1:{port}": {"auth": READER}, f"localhost:{far}": {"auth": READER}})
        [found] = registries.ask([f"127.0.0.1:{port}/a/b"]).values()
    assert found.tags == ["1", "2"]
    assert [one for one in Open.seen if not one.startswith("/")] == [""]


class Elsewhere(Handler):
    """A registry that leads to another one for the next page."""

    def get(self) -> None:
        body = b'{"tags": ["1"]}'
        self.send_response(200)
        self.send_header("Link", '<http://127.0.0.2:9/v2/a/b/tags/list?last=1>; rel="next"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def test_a_next_page_elsewhere_is_not_asked_for() -> None:
    with serving(Elsewhere) as port:
        [found] = registries.ask([f"127.0.0.1:{port}/a/b"]).values()
    assert found.tags == ["1"]


class Nonsense(Handler):
    def get(self) -> None:
        self.answer(200, b"<html>", "text/html")


def test_an_answer_that_is_no_list_is_told() -> None:
    with serving(Nonsense) as port:
        [found] = registries.ask([f"127.0.0.1:{port}/a"]).values()
    assert found.why == "its answer is no list of tags"


@pytest.mark.parametrize(
    ("registry", "config", "login"),
    [
        ("docker.io", {"auths": {"https://index.docker.io/v1/": {"auth": READER}}}, ("reader", "pass:word")),
        ("r.example", {"auths": {"r.example": {"auth": READER}}}, ("reader", "pass:word")),
        ("r.example", {"auths": {"https://r.example": {"auth": READER}}}, ("reader", "pass:word")),
        ("r.example", {"auths": {"r.example": {"identitytoken": "t", "auth": READER}}}, (logins.TOKEN, "t")),
        ("r.example", {"auths": {"other.example": {"auth": READER}}}, ("", "")),
        ("r.example", {"auths": {"r.example": {"auth": "no base64"}}}, ("", "")),
        ("r.example", {"auths": ["what"]}, ("", "")),
        ("r.example", {"credsStore": "kept", "auths": {"r.example": {}}}, ("someone", "r.example")),
        ("r.example", {"credsStore": "absent", "credHelpers": {"r.example": "kept"}}, ("someone", "r.example")),
        ("docker.io", {"credsStore": "kept"}, ("someone", "https://index.docker.io/v1/")),
        ("r.example", {"credsStore": "absent", "auths": {"r.example": {"auth": READER}}}, ("reader", "pass:word")),
    ],
)
def test_a_login_is_where_docker_has_it(
    registry: str, config: dict[str, Any], login: tuple[str, str], docker_config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    helper(docker_config, monkeypatch, 'read -r key; printf \'{"Username":"someone","Secret":"%s"}\' "$key"')
    write(docker_config, **config)
    assert logins.login(registry) == login


def test_a_program_that_has_no_login_is_no_error(docker_config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    helper(docker_config, monkeypatch, "echo credentials not found; exit 1")
    write(docker_config, credsStore="kept")
    assert logins.login("r.example") == ("", "")


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


CONFIG = json.dumps({"os": "linux", "architecture": "arm64", "created": "2026-10-01T00:00:00Z"}).encode()
ARM = json.dumps({"config": {"digest": digest(CONFIG), "size": 10}, "layers": [{"size": 100}, {"size": 1000}]}).encode()
INDEX = json.dumps({"manifests": [
    {"digest": "sha256:proof", "platform": {"os": "unknown", "architecture": "unknown"}},
    {"digest": digest(ARM), "platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}},
    {"digest": "sha256:other", "platform": {"os": "linux", "architecture": "amd64"}},
]}).encode()  # fmt: skip


KEPT = {
    "/v2/a/manifests/1": INDEX, f"/v2/a/manifests/{digest(ARM)}": ARM, f"/v2/a/blobs/{digest(CONFIG)}": CONFIG,
    "/v2/a/manifests/arm": ARM, f"/v2/a/manifests/{ONE}": ARM, "/v2/a/manifests/odd": b'{"manifests": 1}',
}  # fmt: skip


class Kept(Handler):
    """A registry with one image for two processors, one for one, and one whose content is not what it says."""

    def get(self) -> None:
        found = KEPT.get(self.path)
        self.answer(200, found, "application/json") if found else self.answer(404, b"", "text/plain")


def test_what_is_behind_a_tag_is_told_for_this_machine_without_a_pull() -> None:
    with serving(Kept) as port:
        image = f"127.0.0.1:{port}/a"
        asked = [f"{image}:1", f"{image}:arm", f"{image}:none", f"{image}@{ONE}", f"{image}:odd"]
        found = [registries.manifests(asked, "linux/arm64")[one] for one in asked]
        other = registries.manifests(asked[:1], "linux/riscv64")[asked[0]]
    whole = registries.Manifest(
        digest(INDEX), ["linux/amd64", "linux/arm64/v8"], 1110, "2026-10-01T00:00:00Z", digest(CONFIG)
    )
    assert found[0].manifest == whole
    assert found[1].manifest == msgspec.structs.replace(whole, digest=digest(ARM), platforms=["linux/arm64"])
    assert [one.why for one in found[2:]] == [
        "it has no such tag or digest", f"what it gives for {ONE} is {digest(ARM)}", "its answer is no manifest",
    ]  # fmt: skip
    assert other.why == "it has nothing for linux/riscv64, only for linux/amd64, linux/arm64/v8"
