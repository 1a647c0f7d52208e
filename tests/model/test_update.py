"""`inv update`: a checkout with a service of its own takes a second commit of upstream's."""

import io
import os
import shutil
import signal
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from stack import bootstrap
from stack.authoring import unpacking
from tests.model.refusals import Tree
from tests.support import BASE, Checkout, environment, fragment

GATE = """ports: ["127.0.0.1:${KONG_HTTP_PORT}:8000"]
environment: {ANON_KEY: "k"}"""
KONG = """_format_version: "3.0"
services:
  - {name: "web", url: "http://web:80", routes: [{name: "web", paths: ["/web/"]}]}
"""


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.org", "-c", "init.defaultBranch=main"]
    done = subprocess.run(
        ["git", *who, *words], cwd=folder, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done
    return done.stdout


@pytest.fixture
def cloned(tree: Tree, tmp_path: Path) -> tuple[Checkout, Path]:
    """A checkout whose files come from a repository, which is beside it."""
    checkout = tree({
        "compose/base.yml": BASE,
        "compose/web.yml": fragment("web", "url: 'http://web:80'", 'expose: ["80"]'),
        "compose/kong-api-gateway.yml": fragment("kong-api-gateway", "ports: {KONG_HTTP_PORT: 2}", GATE),
        "kong/kong.yml": KONG, ".gitignore": "/.stack/\n/stack/\n/tasks.py\n/.env\n__pycache__/\n",
    })  # fmt: skip
    assert checkout.inv("docs").code == 0
    upstream = tmp_path / "upstream"
    git(checkout.root, "init", "-q")
    git(checkout.root, "add", "-A")
    git(checkout.root, "commit", "-qm", "first")
    git(tmp_path, "clone", "-q", str(checkout.root), str(upstream))
    git(checkout.root, "remote", "add", "origin", str(upstream))
    git(checkout.root, "fetch", "-q", "origin")
    git(checkout.root, "branch", "-q", "--set-upstream-to=origin/main")
    return checkout, upstream


def publish(upstream: Path, **files: str) -> None:
    for path, text in files.items():
        (upstream / path.replace("__", "/")).with_suffix(".yml").write_text(text)
    git(upstream, "add", "-A")
    git(upstream, "commit", "-qm", "a second one")


def test_what_was_added_stands_on_top_of_what_is_new(cloned: tuple[Checkout, Path]) -> None:
    checkout, upstream = cloned
    assert checkout.inv("add-service", "mine", "--image", "a/b:1", "--port", "80", "--route", "/mine").code == 0
    changed = git(checkout.root, "status", "--short")
    assert " M .env.example" in changed
    more = fragment("more", "url: 'http://more:80'", 'expose: ["80"]')
    new_kong = (
        KONG.replace("services:", "# Ours.\nservices:") + '  - {name: "more", url: "http://more:80", routes: []}\n'
    )
    publish(upstream, compose__more=more, kong__kong=new_kong)

    done = checkout.inv("update")
    assert done.code == 0, done
    assert "new: a second one" in done.out
    assert "as you changed it: kong/kong.yml" in done.out
    kong = (checkout.root / "kong/kong.yml").read_text()
    assert "# Ours." in kong
    assert '"/mine/"' in kong
    example = (checkout.root / ".env.example").read_text()
    assert "MORE_SOURCE" in example
    assert "MINE_PORT" in example
    planned = checkout.inv_json("plan", "--profile", "app").data["services"]
    assert {"mine", "more"} <= {service["name"] for service in planned}
    assert checkout.inv("update").out == "nothing is new\n"

    # Back, with what was added on top, and forth again.
    back = checkout.inv("update", "--back")
    assert back.code == 0, back
    assert "goes: a second one" in back.out
    assert not (checkout.root / "compose/more.yml").exists()
    assert (checkout.root / "compose/mine.yml").exists()
    assert "# Ours." not in (checkout.root / "kong/kong.yml").read_text()
    assert "/mine/" in (checkout.root / "kong/kong.yml").read_text()
    assert checkout.inv("update", "--back").code == 2
    assert checkout.inv("update").code == 0
    assert (checkout.root / "kong/kong.yml").read_text() == kong

    assert checkout.inv("remove-service", "mine").code == 0
    assert checkout.inv("docs").code == 0
    assert (checkout.root / "kong/kong.yml").read_text() == new_kong


def test_where_git_can_not_go_on_all_is_as_it_was(cloned: tuple[Checkout, Path]) -> None:
    checkout, _ = cloned
    assert checkout.inv("add-service", "mine", "--image", "a/b:1", "--port", "80").code == 0
    git(checkout.root, "remote", "set-url", "origin", "nowhere")
    before = (checkout.root / ".env.example").read_text()
    done = checkout.inv_json("update")
    assert done.code == 1
    assert done.problems[0]["code"] == "git"
    assert (checkout.root / ".env.example").read_text() == before


def test_both_changed_the_same_route_or_it_was_killed(cloned: tuple[Checkout, Path], tmp_path: Path) -> None:
    checkout, upstream = cloned
    kong = checkout.root / "kong/kong.yml"
    publish(upstream, kong__kong=KONG.replace("/web/", "/site/"))
    kong.write_text(KONG.replace("/web/", "/mine/"))
    before = git(checkout.root, "status", "-z") + git(checkout.root, "diff", "HEAD")
    done = checkout.inv_json("update")
    assert done.code == 1
    assert [(told["code"], told["where"]) for told in done.problems] == [("update-conflict", "kong/kong.yml:3")]
    assert git(checkout.root, "status", "-z") + git(checkout.root, "diff", "HEAD") == before

    kong.write_text(f"# Mine.\n{KONG}")
    real = shutil.which("git")
    killing = tmp_path / "bin/git"
    killing.parent.mkdir()
    killing.write_text(f'#!/bin/sh\n[ "$1" != checkout-index ] || kill -9 $PPID\nexec {real} "$@"\n')
    killing.chmod(0o755)
    assert checkout.inv("update", env={"PATH": f"{killing.parent}:{os.environ['PATH']}"}).code == -signal.SIGKILL
    done = checkout.inv("version")
    assert done.code == 1
    assert "an update was cut off, and is done now" in done.err
    assert kong.read_text() == "# Mine.\n" + KONG.replace("/web/", "/site/")
    assert checkout.inv("update").out == "nothing is new\n"


def test_what_would_be_made_anew_is_told_first_and_settings_get_their_new_names(cloned: tuple[Checkout, Path]) -> None:
    checkout, upstream = cloned
    checkout.write(".env", "# Mine.\nOLLAMA_MODELS=llama3\nPUBLIC_HOST=here\n")
    web = fragment("web", "url: 'http://web:80'", 'expose: ["80"]\nenvironment: {MODE: "new"}')
    more = fragment("more", "url: 'http://more:80'", 'expose: ["80"]')
    publish(upstream, compose__web=web, compose__more=more)
    told = checkout.inv_json("update", "--dry-run")
    assert told.data["changes"] == {"more": ["new"], "web": ["environment"]}
    assert git(checkout.root, "rev-parse", "HEAD").strip() == told.data["before"]
    assert not (checkout.root / "compose/more.yml").exists()
    assert (checkout.root / ".env").read_text().startswith("# Mine.\nOLLAMA_MODELS")
    done = checkout.inv("update")
    assert done.code == 0, done
    assert "the next up would change more (new); web (environment)" in done.err
    assert (checkout.root / ".env").read_text() == "# Mine.\nPUBLIC_HOST=here\nOLLAMA_PULL=llama3\n"
    assert (checkout.root / ".env").stat().st_mode & 0o777 == 0o600


def test_a_folder_that_is_no_clone_is_told_what_to_do(tree: Tree) -> None:
    done = tree({"compose/base.yml": BASE}).inv_json("update")
    assert (done.code, done.problems[0]["code"]) == (1, "update-no-clone")
    assert "--from" in done.problems[0]["fix"]


@pytest.fixture
def unpacked(tree: Tree, tmp_path: Path) -> tuple[Checkout, Callable[..., Path]]:
    """A folder that is no clone, as its first run found it, and what makes an archive of another release."""
    files = {
        "compose/base.yml": BASE, "compose/web.yml": fragment("web", "url: 'http://web:80'", 'expose: ["80"]'),
        "compose/kong-api-gateway.yml": fragment("kong-api-gateway", "ports: {KONG_HTTP_PORT: 2}", GATE),
        "kong/kong.yml": KONG, ".gitignore": "/.stack/\n/stack/*\n!/stack/__init__.py\n/tests/\n/.env\n__pycache__/\n",
    }  # fmt: skip
    checkout = tree(files)

    def archive(name: str, version: str, **changed: str) -> Path:
        target = tmp_path / name
        new = {**files, "tasks.py": (checkout.root / "tasks.py").read_text(), "inv": f"#!/bin/sh\n# {version}\n",
               "stack/__init__.py": VERSION.format(version),
               **{path.replace("__", "/") + ".yml": text for path, text in changed.items()}}  # fmt: skip
        with tarfile.open(target, "w:gz") as tar:
            for path, text in new.items():
                info = tarfile.TarInfo(f"release-{version}/{path}")
                info.size, info.mode = len(text.encode()), 0o755 if path == "inv" else 0o644
                tar.addfile(info, io.BytesIO(text.encode()))
        return target

    checkout.write("inv", "#!/bin/sh\n# 0.1.0\n")
    checkout.write("stack/__init__.py", VERSION.format("0.1.0"))
    (checkout.root / ".stack").mkdir(exist_ok=True)
    archive("first", "0.1.0").rename(checkout.root / bootstrap.SHIPPED)
    return checkout, archive


def standing(checkout: Checkout) -> dict[str, bytes]:
    """The files of a checkout, without those of the program that are links, and what is made."""
    there = (path for path in sorted(checkout.root.rglob("*")) if path.is_file())
    named = {str(path.relative_to(checkout.root)): path for path in there}
    aside = (".stack/", "stack/", "tests/")
    return {name: path.read_bytes() for name, path in named.items()
            if name == "stack/__init__.py" or not (name.startswith(aside) or "__pycache__" in name)}  # fmt: skip


VERSION = '"""A release."""\n\n__version__ = "{}"\n'
MORE = fragment("more", "url: 'http://more:80'", 'expose: ["80"]')


def test_an_unpacked_release_takes_a_newer_one_and_goes_back(unpacked: tuple[Checkout, Callable[..., Path]]) -> None:
    checkout, archive = unpacked
    checkout.write(".env", "OLLAMA_MODELS=llama3\n")
    assert checkout.inv("add-service", "mine", "--image", "a/b:1", "--port", "80", "--route", "/mine").code == 0
    before = standing(checkout)
    new_kong = (
        KONG.replace("services:", "# Ours.\nservices:") + '  - {name: "more", url: "http://more:80", routes: []}\n'
    )
    new = archive("new.tar.gz", "0.2.0", compose__more=MORE, kong__kong=new_kong)

    told = checkout.inv_json("update", "--from", str(new), "--dry-run")
    assert told.code == 0, told
    assert told.data["changes"] == {"more": ["new"]}
    assert standing(checkout) == before

    done = checkout.inv("update", "--from", str(new))
    assert done.code == 0, done
    assert "new: release 0.2.0" in done.out
    assert "the next up would change more (new)" in done.err
    kong = (checkout.root / "kong/kong.yml").read_text()
    assert ("# Ours." in kong, '"/mine/"' in kong, (checkout.root / "compose/mine.yml").exists()) == (True, True, True)
    assert (checkout.root / ".env").read_text() == "OLLAMA_PULL=llama3\n"
    assert os.access(checkout.root / "inv", os.X_OK)
    assert checkout.inv("update", "--from", str(new)).out == "nothing is new\n"
    old = checkout.inv_json("update", "--from", str(archive("old.tar.gz", "0.1.0")))
    assert (old.code, old.problems[0]["code"]) == (1, "update-older")

    assert checkout.inv("update", "--back").code == 0
    after = standing(checkout)
    assert {name: after.get(name) for name in before} == {**before, ".env": b"OLLAMA_PULL=llama3\n"}
    assert "compose/more.yml" not in after
    assert checkout.inv("update", "--back").code == 2


def test_what_is_no_release_or_of_unknown_origin_changes_nothing(
    unpacked: tuple[Checkout, Callable[..., Path]], tmp_path: Path
) -> None:
    checkout, archive = unpacked
    new, first = archive("new.tar.gz", "0.2.0", kong__kong=KONG.replace("/web/", "/site/")), archive("f", "0.1.0")
    (tmp_path / "cut.tar.gz").write_bytes(new.read_bytes()[:300])
    (tmp_path / "other.txt").write_text("something else\n")
    checkout.write("kong/kong.yml", KONG.replace("/web/", "/mine/"))
    before = standing(checkout)
    for name, code in {"cut.tar.gz": "update-archive", "other.txt": "update-archive", "none": "update-archive",
                       ".": "update-archive", "new.tar.gz": "update-conflict"}.items():  # fmt: skip
        done = checkout.inv_json("update", "--from", str(tmp_path / name))
        assert (done.code, [one["code"] for one in done.problems]) == (1, [code]), (name, done)
        assert standing(checkout) == before
    assert "./inv update --from" in done.problems[0]["fix"]

    # The record of another release is none: somebody unpacked this one over it.
    checkout.write("stack/__init__.py", VERSION.format("0.1.5"))
    checkout.write("inv", "#!/bin/sh\n# 0.1.5\n")
    shutil.rmtree(checkout.root / ".stack/release.git")
    archive("first", "0.1.0").rename(checkout.root / bootstrap.SHIPPED)
    assert checkout.inv_json("update", "--from", str(new)).problems[0]["code"] == "update-base"
    wrong = checkout.inv_json("update", "--from", str(new), "--base", str(first))
    assert (wrong.code, wrong.problems[0]["code"]) == (2, "update-base")
    checkout.write("kong/kong.yml", KONG)
    done = checkout.inv("update", "--from", str(new), "--base", str(archive("fifth", "0.1.5")))
    assert done.code == 0, done
    assert "/site/" in (checkout.root / "kong/kong.yml").read_text()


def test_a_release_is_taken_by_any_path_and_brings_nothing_that_is_a_users_own(
    unpacked: tuple[Checkout, Callable[..., Path]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout, archive = unpacked
    with tarfile.open(archive("new.tar.gz", "0.2.0")) as tar:
        unpacking.unpack(tar, tmp_path)
    folder = tmp_path / "release-0.2.0"
    (folder / ".gitignore").write_text("/stack/*\n!/stack/__init__.py\n/tests/\n__pycache__/\n")
    own = (".env", "images.lock", "compose.override.yaml", "local/compose/x.yml", ".stack/x", "backups/password")
    for name in own:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("somebody else's\n")
    before = standing(checkout)

    (folder / "compose/link.yml").symlink_to("web.yml")
    link = checkout.inv_json("update", "--from", str(folder))
    assert (link.code, link.problems[0]["code"]) == (1, "update-archive")
    assert "compose/link.yml" in link.problems[0]["message"]
    (folder / "compose/link.yml").unlink()
    same = checkout.inv_json("update", "--from", f"{checkout.root}/")
    assert (same.code, "itself" in same.problems[0]["message"]) == (2, True)
    assert standing(checkout) == before

    with monkeypatch.context() as patch:
        patch.setenv("HOME", str(tmp_path))
        told = checkout.inv("update", "--from=~/new.tar.gz", "--dry-run")
    assert told.code == 0, told
    done = checkout.inv("update", "--from", f"{os.path.relpath(folder, checkout.root)}/")
    assert done.code == 0, done
    assert [name for name in own if (checkout.root / name).exists()] == []


def test_a_clone_takes_no_archive(cloned: tuple[Checkout, Path]) -> None:
    done = cloned[0].inv_json("update", "--from", "anything")
    assert (done.code, done.problems[0]["code"]) == (2, "update-clone")
