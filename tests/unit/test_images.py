"""What a plan needs beside the images that are here, and what its files are."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from stack import docker
from stack.errors import StackError
from stack.output.progress import Progress
from stack.planning import assembly, mounted
from stack.running import images, pull
from stack.running.pull import Outcome
from tests.synthetic import facts, planned

BUILT = {"build": {"context": "./compose/web", "args": {"BASE_IMAGE": "python:3"}}}
DIGESTS = {"./compose/web": "d"}


def built(base: str = "python:3") -> dict[str, Any]:
    """A service that is built on `base`."""
    return {"build": {"context": "./compose/web", "args": {"BASE_IMAGE": base}}}


def here(service: dict[str, Any], name: str = "example/web:1") -> dict[str, tuple[str, dict[str, str]]]:
    """The engine with an image of `service` as it would be built now."""
    return {name: ("sha256:1", {assembly.BUILD_LABEL: assembly.build_digest(service, DIGESTS)})}


def test_an_image_that_is_here_is_not_pulled() -> None:
    made = planned(facts({"web": {}, "db": {}}))
    need = images.look(made, {"example/web:1": ("sha256:1", {})}, {})
    assert need == images.Need({"example/db:1": ["db"]}, [], base=False)


def test_one_image_of_two_services_is_pulled_once() -> None:
    need = images.look(planned(facts({"a": {"image": "x:1"}, "b": {"image": "x:1"}})), {}, {})
    assert need.pull == {"x:1": ["a", "b"]}


def test_an_image_is_built_with_what_it_is_built_on() -> None:
    need = images.look(planned(facts({"web": built()})), {}, DIGESTS)
    assert need == images.Need({"python:3": ["web"]}, ["web"], base=False)


def test_the_projects_own_base_is_never_pulled() -> None:
    need = images.look(planned(facts({"web": built("genai-stack/base:0.1.0")})), {}, DIGESTS)
    assert need == images.Need({}, ["web"], base=True)


def test_an_image_that_is_up_to_date_is_not_built() -> None:
    need = images.look(planned(facts({"web": built()})), here(built()), DIGESTS)
    assert need == images.Need({}, [], base=False)


@pytest.mark.parametrize("digest", ["e", ""])
def test_an_image_of_an_older_context_is_built_again(digest: str) -> None:
    need = images.look(planned(facts({"web": built()})), here(built()), {"./compose/web": digest})
    assert need.build == ["web"]


def test_every_image_and_what_it_is_built_on_is_asked_for_once() -> None:
    made = planned(facts({"web": built(), "api": {"image": "x:1"}, "job": {"image": "x:1"}}))
    assert images.names(made) == ["x:1", "example/web:1", "python:3"]


@pytest.mark.parametrize(
    ("name", "listed"),
    [
        ("redis", "redis:latest"),
        ("redis:7", "redis:7"),
        ("docker.io/library/redis:7", "redis:7"),
        ("docker.io/kong/kong:3", "kong/kong:3"),
        ("index.docker.io/library/redis", "redis:latest"),
        ("ghcr.io/a/b", "ghcr.io/a/b:latest"),
        ("127.0.0.1:5000/a", "127.0.0.1:5000/a:latest"),
        ("127.0.0.1:5000/a:1", "127.0.0.1:5000/a:1"),
        ("redis@sha256:abc", "redis@sha256:abc"),
        ("redis:7@sha256:abc", "redis@sha256:abc"),
        ("127.0.0.1:5000/a@sha256:abc", "127.0.0.1:5000/a@sha256:abc"),
    ],
)
def test_images_are_known_as_the_engine_lists_them(name: str, listed: str) -> None:
    assert docker.familiar(name) == listed


MOUNTS = {"volumes": [{"type": "bind", "source": "./compose/web/conf", "target": "/c"}]}


def test_what_is_mounted_and_built_from_has_a_digest(tmp_path: Path) -> None:
    (tmp_path / "compose/web").mkdir(parents=True)
    (tmp_path / "compose/web/conf").write_text("a")
    made = planned(facts({"web": {**MOUNTS, **BUILT}}), root=tmp_path)
    first = mounted.digests(made)
    assert set(first) == {"./compose/web/conf", "./compose/web"}
    (tmp_path / "compose/web/conf").write_text("b")
    assert all(mounted.digests(made)[path] != first[path] for path in first)


def test_what_is_not_there_is_told_before_docker_makes_a_folder_of_it(tmp_path: Path) -> None:
    made = planned(facts({"web": {**MOUNTS, **BUILT}, "idle": {**MOUNTS, "profiles": []}}), root=tmp_path)
    with pytest.raises(StackError) as caught:
        mounted.digests(made)
    assert [problem.where for problem in caught.value.problems] == ["compose/web.yml: services.web"] * 2
    assert "./compose/web/conf" in caught.value.problems[0].message
    assert not (tmp_path / "compose").exists()


def test_what_is_made_before_the_start_need_not_be_there(tmp_path: Path) -> None:
    live = {"volumes": [{"type": "bind", "source": "./.stack/plan", "target": "/p"}]}
    assert mounted.digests(planned(facts({"web": live}), root=tmp_path)) == {}


def outcomes(monkeypatch: pytest.MonkeyPatch, **kinds: str) -> None:
    """No image is here, and the pull of `example/NAME:1` ends as one of these kinds, or well."""
    monkeypatch.setattr(docker, "images", lambda _names: {})

    def pulled(names: Iterable[str], _tell: object) -> list[Outcome]:
        short = [name.removeprefix("example/").removesuffix(":1") for name in names]
        return [Outcome(f"example/{name}:1", kinds.get(name, ""), "its words") for name in short]

    monkeypatch.setattr(pull, "pull", pulled)


def test_what_no_registry_gives_is_built_in_its_place_where_it_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    found = facts({"my-db": {"depends_on": {"far": {"condition": "service_started"}}}, "web": {}, "far": {}},
                  options={"my-db": ["build"]})  # fmt: skip
    # What it waits for is not asked for.
    outcomes(monkeypatch, **{"my-db": "unreachable", "far": "unreachable"})
    assert images.elsewhere(planned(found), ["my-db", "web"], Progress()) == {"MY_DB_SOURCE": "build"}


@pytest.mark.parametrize(("service", "kind"), [("web", "unreachable"), ("my-db", "denied")])
def test_another_failure_names_the_image_and_what_to_type(
    service: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcomes(monkeypatch, **{service: kind})
    made = planned(facts({"my-db": {}, "web": {}}, options={"my-db": ["build"]}))
    with pytest.raises(StackError) as caught:
        images.elsewhere(made, ["my-db", "web"], Progress())
    [problem] = caught.value.problems
    assert (problem.code, problem.where) == (f"pull-{kind}", f"example/{service}:1")
    assert problem.fix
