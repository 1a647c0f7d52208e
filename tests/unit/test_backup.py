"""Backups by values: what is to be saved, which stay, and what is refused of one that somebody else made."""

import contextlib
import datetime as dt
import io
import os
import tarfile
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from stack import tree
from stack.backup import (
    folder,
    jobs,
    keys,
    manifest,
    pipes,
    project,
    proving,
    repository,
    saving,
    scratch,
    sources,
    volumes,
)
from stack.backup.manifest import Manifest, Part
from stack.backup.repository import Repository
from stack.commands import backup, restore, rollback
from stack.docker import Container
from stack.doctor.checks import backup as check
from stack.errors import StackError, fail
from stack.output.progress import Progress
from stack.planning import remote
from stack.planning.catalog import Catalog, File, Fragment
from stack.planning.plan import Facts

if TYPE_CHECKING:
    from collections.abc import Callable

DUMP = {"name": "keys", "save": ["save", "$$ITEM"], "restore": ["load"]}


def facts(entries: dict[str, Any], volumes: dict[str, list[str]], **sources: str) -> Facts:
    fragments = {name: Fragment(name, (f"{name}.yml",), {}, ()) for name in volumes}
    files = {f"{name}.yml": File({name: entries.get(name, {})}, {name: True}, {}) for name in volumes}
    services = {
        name: {"image": "x", "volumes": [{"type": "volume", "source": v, "target": f"/{v}"} for v in own]}
        for name, own in volumes.items()
    }
    model = {"services": services, "volumes": {v: {"name": f"p_{v}"} for own in volumes.values() for v in own}}
    chosen = dict.fromkeys(volumes, "container") | sources
    return Facts(Catalog(fragments, files, Fragment("base", (), {}, ())), model, [], chosen, {}, "p", 63000)


def container(service: str, state: str = "running") -> Container:
    return Container(f"{service}-id", f"p-{service}-1", service, state, "", 0, "", "", "")


def wanted(found: Facts, *running: Container) -> list[tuple[str, str, str, list[str]]]:
    there = {about["name"] for about in found.model["volumes"].values()}
    return [(job.service, job.name, "dump" if job.dump else "files", sorted(job.paused))
            for job in jobs.jobs(found, found.catalog.services(), running, there)]  # fmt: skip


def test_a_program_that_runs_dumps_its_data_and_one_that_does_not_is_copied() -> None:
    found = facts({"db": {"backup": {"dumps": [DUMP]}}}, {"db": ["data"]})
    assert wanted(found, container("db")) == [("db", "keys", "dump", [])]
    assert wanted(found, container("db", "exited")) == [("db", "data", "files", [])]
    assert jobs.rules(found, "db").dumps[0].save == ["save", "$ITEM"]


def test_one_that_does_not_answer_is_saved_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(_: str, question: list[str], service: str) -> str:
        if question == ["false"]:
            raise fail("backup-question", f"{service} does not answer: no", service, f"./inv doctor {service}")
        return "3 keys"

    entries = {"db": {"backup": {"question": ["false"]}}, "app": {"backup": {"question": ["count"]}}}
    found = facts(entries, {"db": ["data", "more"], "app": ["state"]})
    running = [container("db"), container("app")]
    checkout = SimpleNamespace(settings=SimpleNamespace(value=lambda _: "core"))
    planned: Any = SimpleNamespace(facts=found, plan=SimpleNamespace(project="p"), checkout=checkout)
    monkeypatch.setattr(saving, "loose", lambda _: [])
    monkeypatch.setattr(saving, "ask", ask)
    monkeypatch.setattr(saving, "_saved", lambda job, *_: [Part(job.service, "files", job.name, snapshot="a" * 8)])
    monkeypatch.setattr(saving, "_project", lambda *_: Part("project", "project", "settings", snapshot="b" * 8))
    monkeypatch.setattr(repository, "save_bytes", lambda *_: ("c" * 8, 1))
    wanted = jobs.jobs(found, ["app", "db"], running, {"p_data", "p_more", "p_state"})

    one, problems = saving.make(planned, wanted, running, Repository(tmp_path, "x"), True, "0.1.0", Progress())

    assert (one.answers, one.silent, len(one.parts)) == ({"app": "3 keys"}, ["db"], 4)
    assert [problem.message for problem in problems] == ["db does not answer: no; its data is saved as it is"]
    assert folder.listed(tmp_path) == [one]
    # Once it is restored, it may go on not answering, and any other may not.
    answers, problems = proving.answered(["db"], lambda s: ask("", ["false"], s), one)
    assert (answers, [problem.code for problem in problems]) == ({}, ["backup-question"])
    with pytest.raises(StackError):
        proving.answered(["app"], lambda s: ask("", ["false"], s), one)


def test_what_writes_to_a_volume_is_paused_and_what_says_otherwise_is_not() -> None:
    entry = {"backup": {"files": ["key"], "leave": {"models": "pulled again"}}}
    found = facts({"app": entry}, {"app": ["key", "models", "state"], "job": ["state"]})
    assert wanted(found, container("app"), container("job")) == [
        ("app", "key", "files", []), ("app", "state", "files", ["app", "job"])
    ]  # fmt: skip
    assert jobs.left(found, ["app"], {"p_models"}) == {"p_models": "pulled again"}


def test_what_runs_elsewhere_is_not_ours_to_save() -> None:
    found = facts({"db": {"backup": {"dumps": [DUMP]}}}, {"db": ["socket"]}, db="localhost")
    assert wanted(found, container("db")) == []


def test_a_service_that_its_source_does_without_has_nothing_to_save() -> None:
    found = facts({}, {"app": ["state"], "host": ["socket"]})
    del found.model["services"]["host"]
    assert wanted(found, container("app")) == [("app", "state", "files", ["app"])]


def test_the_plan_says_how_long_a_pause_was_last_time() -> None:
    found = facts({}, {"app": ["state"]})
    before = made([Part("app", "files", "state", seconds=1.25, snapshot="a" * 8)])
    line = jobs.lines(jobs.jobs(found, ["app"], [container("app")], {"p_state"}), before)[0]
    assert line == "app: the files of p_state, with app paused for as long as that takes (1.2 s last time)"


def made(parts: list[Part], **fields: object) -> Manifest:
    return msgspec.structs.replace(Manifest("2026-11-29-145205", "genai", "0.1.0", parts), **fields)


def test_a_manifest_is_read_as_it_was_written() -> None:
    one = made([Part("redis", "dump", "keys", snapshot="0a1b2c3d", bytes=3)], answers={"redis": "3 keys"})
    assert manifest.decode(manifest.encode(one), "here") == one


@pytest.mark.parametrize(("change", "code"), [
    ({"format": manifest.FORMAT + 1}, "backup-newer"),
    ({"project": "../elsewhere"}, "backup-broken"),
    ({"name": "latest"}, "backup-broken"),
    ({"parts": [{"service": "a/../b", "kind": "files", "name": "x", "snapshot": "0a1b2c3d"}]}, "backup-broken"),
    ({"parts": [{"service": "a", "kind": "files", "name": "x", "snapshot": "--help"}]}, "backup-broken"),
    ({"parts": [{"service": "a", "kind": "other", "name": "x"}]}, "backup-broken"),
    ({"parts": 3}, "backup-broken"),
])  # fmt: skip
def test_a_manifest_of_others_is_refused(change: dict[str, object], code: str) -> None:
    data = msgspec.json.encode({**msgspec.json.decode(manifest.encode(made([]))), **change})
    with pytest.raises(StackError) as refused:
        manifest.decode(data, "here")
    assert refused.value.problems[0].code == code


def test_the_newest_backup_is_the_last_whole_one_of_the_project(tmp_path: Path) -> None:
    assert folder.newest(tmp_path, "genai") == ""
    for name, owner in (("2026-11-28-145205", "genai"), ("2026-11-29-145205", "genai"), ("2026-11-30-145205", "other")):
        (tmp_path / f"{name}.json").write_bytes(manifest.encode(made([], name=name, project=owner)))
    (tmp_path / "2026-12-01-145205.json").write_text("{")
    assert folder.newest(tmp_path, "genai") == "2026-11-29-145205"


def test_of_each_day_week_and_month_the_newest_backup_stays() -> None:
    names = ["2026-09-30-030000", "2026-10-31-030000", "2026-11-22-030000", "2026-11-27-030000", "2026-11-28-030000",
             "2026-11-28-120000"]  # fmt: skip
    assert manifest.kept(names, "2d") == {"2026-11-28-120000", "2026-11-27-030000"}
    assert manifest.kept(names, "1d,2w") == {"2026-11-28-120000", "2026-11-22-030000"}
    assert manifest.kept(names, "3m") == {"2026-11-28-120000", "2026-10-31-030000", "2026-09-30-030000"}


@pytest.mark.parametrize("keep", ["7", "d", "0d", "7x", "7d,", "-1d"])
def test_another_form_of_what_to_keep_is_refused(keep: str) -> None:
    with pytest.raises(StackError):
        manifest.kept([], keep)


def test_the_own_files_of_a_checkout_come_back_as_they_were(tmp_path: Path) -> None:
    files = {".env": b"A=1\nKEY=secret\n", "local/compose/notes.yml": b"x", ".stack/private/ca/ca.key": b"y"}
    for name, data in {**files, "README.md": b"not ours", ".stack/private/backend/told.json": b"made anew"}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    assert project.unpack(project.collect(tmp_path, ["local"], None), "here") == files
    without = project.unpack(project.collect(tmp_path, ["local"], {"KEY"}), "here")
    assert without == {".env": b"A=1\n", "local/compose/notes.yml": b"x"}


def archive(*members: tuple[str, bytes | None]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            if data is None:
                info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
            else:
                info.size = len(data)
            tar.addfile(info, io.BytesIO(data) if data else None)
    return out.getvalue()


@pytest.mark.parametrize(("name", "data"), [
    ("/etc/passwd", b"x"), ("../.env", b"x"), ("local/../../x", b"x"), ("local/x", None), (".git/hooks/x", b"x"),
    ("stack/tree.py", b"x"), ("local//x", b"x"), ("inv", b"x"), ("tasks.py", b"x"), (".stack/private/backup.key", b"x"),
])  # fmt: skip
def test_a_path_or_link_that_no_checkout_has_is_refused(name: str, data: bytes | None) -> None:
    with pytest.raises(StackError) as refused:
        project.unpack(archive((".env", b"A=1\n"), (name, data)), "here")
    assert refused.value.problems[0].code == "backup-broken"


@pytest.mark.parametrize("members", [
    [("config", b"x")],
    [("config", b"x"), ("../../x.json", b"x")],
    [("config", b"x"), ("/x.json", b"x")],
    [("config", b"x"), ("data/../../x", b"x")],
    [("config", b"x"), ("data/aa/bb", None)],
    [("config", b"x"), ("bin/sh", b"x")],
])  # fmt: skip
def test_a_file_with_other_paths_than_a_repository_is_refused(
    tmp_path: Path, members: list[tuple[str, bytes | None]]
) -> None:
    (tmp_path / "one.backup").write_bytes(archive(*members))
    beside = tmp_path / ".stack" / "tmp"
    with pytest.raises(StackError) as refused, folder.unpacked(tmp_path / "one.backup", tmp_path):
        pass
    assert refused.value.problems[0].code == "backup-broken"
    assert list(beside.iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == [".stack", "one.backup"]


def test_a_file_that_is_cut_off_is_refused_wherever_that_is(tmp_path: Path) -> None:
    place = tmp_path / "repository"
    (place / "data" / "aa").mkdir(parents=True)
    (place / "config").write_bytes(b"x")
    (place / "data" / "aa" / "bb").write_bytes(b"y" * 3000)
    (place / "2026-11-29-145205.json").write_bytes(manifest.encode(made([])))
    size = folder.packed(place, tmp_path / "one.backup")
    whole = (tmp_path / "one.backup").read_bytes()
    assert len(whole) == size
    with folder.unpacked(tmp_path / "one.backup", tmp_path) as found:
        assert (found / "data" / "aa" / "bb").read_bytes() == b"y" * 3000
    for at in (0, 100, 600, 1500, 2500, 4000):
        (tmp_path / "one.backup").write_bytes(whole[:at])
        with pytest.raises(StackError), folder.unpacked(tmp_path / "one.backup", tmp_path):
            pass


def test_a_new_volume_has_a_name_that_none_has() -> None:
    usual = {"data": "p_data", "other": "p_other"}
    assert volumes.numbers(usual, {"p_data", "p_data-2"}) == {"data": 3, "other": 0}
    assert volumes.setting({"data": "2", "cache": "4"}, {"data": 3, "other": 0}) == "cache=4,data=3"
    assert volumes.setting({"data": "2"}, {"data": 0}) is None


def test_what_no_backup_has_is_not_taken_from_those_who_use_it() -> None:
    own = [{"type": kind, "source": source, "target": f"/{kind}"}
           for kind, source in (("volume", "state"), ("volume", "models"), ("bind", "models"))]  # fmt: skip
    found = scratch.mounts(own, {"models": "pulled again"})
    assert found == [own[0], {"type": "volume", "target": "/volume"}, own[2]]


def test_only_a_recipient_opens_the_password(tmp_path: Path) -> None:
    from pyrage import x25519

    mine, other = x25519.Identity.generate(), x25519.Identity.generate()
    (tmp_path / keys.SEALED).write_bytes(keys.sealed("word", str(mine.to_public())))
    for name, identity in (("mine", mine), ("other", other)):
        (tmp_path / name).write_text(f"# made for a test\n{identity}\n")
    assert list(keys.known(tmp_path, tmp_path, "", str(tmp_path / "mine"))) == ["word"]
    with pytest.raises(StackError):
        list(keys.known(tmp_path, tmp_path, "", str(tmp_path / "other")))
    with pytest.raises(StackError):
        keys.sealed("word", "age1notakey")


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with a repository of two keys, of which `settle` was told."""
    monkeypatch.setattr(keys, "COST", 2)
    place = tmp_path / "backups"
    for name in ("config", "keys/own", "keys/passphrase", "snapshots/one", "snapshots/two"):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(b"x")
    (place / "locks").mkdir()
    keys.settle(tmp_path, place, keys.own(tmp_path), "words")
    return place


def test_what_opened_a_repository_last_time_is_asked_for_again_where_anything_changed(kept: Path) -> None:
    root = kept.parent
    assert keys.settled(root, kept, "words") == keys.own(root)
    assert "words" not in (root / keys.SETTLED).read_text()
    assert (root / keys.SETTLED).stat().st_mode & 0o777 == 0o600
    assert keys.settled(root, kept, "others") == keys.settled(root, kept, "") == ""
    for name in ("keys/another", "locks/killed"):
        (kept / name).write_bytes(b"")
        assert keys.settled(root, kept, "words") == ""
        (kept / name).unlink()
    (root / keys.OWN).write_text("changed")
    assert keys.settled(root, kept, "words") == ""
    (root / keys.SETTLED).write_text("no JSON")
    assert keys.settled(root, kept, "words") == ""


def test_a_changed_passphrase_takes_the_place_of_the_old_one(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[tuple[list[str], str]] = []
    rows = '[{"id": "a1", "userName": "root", "current": true}, {"id": "b2", "userName": "passphrase"}]'

    def restic(_: Repository, words: list[str], text: str = "") -> str:
        said.append((words, text))
        return rows

    monkeypatch.setattr(repository, "restic", restic)
    keys.replace(Repository(Path("/nowhere"), "container", "own"), "words")
    assert [words[:2] for words, _ in said] == [["key", "list"], ["key", "add"], ["key", "remove"]]
    assert said[1][1] == "words\n"
    assert said[2][0][2:] == ["b2"]


def test_restic_is_asked_what_is_loose_only_where_there_is_more_than_the_backups_have(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = Repository(kept, "container")
    found = [{"id": "one", "tags": ["2026-11-29-145205"]}, {"id": "three", "tags": ["2026-11-29-150000"]}]
    monkeypatch.setattr(repository, "restic", lambda *_: pytest.fail("restic was asked"))
    path = kept / "2026-11-29-145205.json"
    path.write_bytes(manifest.encode(made([Part("app", "files", "state", snapshot="0a1b2c3d")])))
    assert saving.loose(repo) == []
    (kept / "snapshots" / "three").write_bytes(b"")
    assert saving.loose(msgspec.structs.replace(repo, found=found)) == ["three"]
    # One of a newer version can't be read, and is none the less.
    path.write_bytes(path.read_bytes().replace(b'"format": 1', b'"format": 9'))
    assert saving.loose(msgspec.structs.replace(repo, found=found)) == ["three"]


def test_a_problem_names_what_was_typed_and_no_folder_that_is_gone(tmp_path: Path) -> None:
    place = tmp_path / ".inv-1-x"
    with pytest.raises(StackError) as refused, folder.called(place, "one.backup"):
        raise fail("backup-space", f"{place}/config can't be written", str(place), f"ls -ld {place}")
    [problem] = refused.value.problems
    assert (problem.where, problem.message, problem.fix) == (
        "one.backup", "one.backup/config can't be written", "ls -ld one.backup"
    )  # fmt: skip


def test_restic_tries_the_key_first_that_a_password_opens(tmp_path: Path) -> None:
    assert repository.hint(tmp_path, "a" * 64) == ""
    (tmp_path / "keys").mkdir()
    for name, user in (("one", "passphrase"), ("two", "root")):
        (tmp_path / "keys" / name).write_text(f'{{"username": "{user}"}}')
    assert repository.hint(tmp_path, "a" * 64) == "two"
    assert repository.hint(tmp_path, "correct horse") == "one"
    (tmp_path / "keys" / "one").write_text("[]")
    assert repository.hint(tmp_path, "a" * 64) == ""


DOCKER = """#!/bin/sh
shift
while [ "$1" = -e ]; do export "$2"; shift 2; done
container=$1
shift
[ "$container" != gone ] || { echo "No such container" >&2; exit 1; }
exec "$@"
"""
RESTIC = """#!/bin/sh
case $* in
*--stdin*)
    bytes=$(wc -c)
    [ "$bytes" -gt 0 ] || { echo "snapshot is empty" >&2; exit 1; }
    echo '{"message_type": "summary", "snapshot_id": "one", "total_bytes_processed": '"$bytes"'}' ;;
*) yes ;;
esac
"""


@pytest.fixture
def piped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A repository with a pipe, where every container but the one called `gone` is this machine itself."""
    for name, text in (("docker", DOCKER), ("restic", RESTIC)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(pipes, "PIPE", str(tmp_path / "pipe"))
    os.mkfifo(tmp_path / "pipe")
    return Repository(tmp_path, "restic", pipe="volume")


def test_what_a_program_prints_is_saved_by_the_pipe(piped: Repository) -> None:
    saved = repository.save_pipe(piped, "db", ["printenv", "ITEM"], "one", "db.all", "tag", lambda *_: None)
    assert saved == ("one", 4)


@pytest.mark.parametrize(("container", "words", "why"), [
    ("gone", ["true"], "No such container"),
    ("db", ["sh", "-c", "echo no database >&2; exit 1"], "no database"),
])  # fmt: skip
def test_a_pipe_whose_one_end_fails_does_not_hang(
    piped: Repository, container: str, words: list[str], why: str
) -> None:
    ends: list[Callable[[], object]] = [
        lambda: repository.save_pipe(piped, container, words, "", "db.all", "tag", lambda *_: None),
        lambda: repository.load_pipe(piped, "one", "db.all", container, words, ""),
    ]
    for end in ends:
        with pytest.raises(StackError) as refused:
            end()
        assert [why in problem.message for problem in refused.value.problems] == [True]


def test_with_an_engine_of_another_machine_nothing_is_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "ssh://me@far")
    monkeypatch.setattr("stack.tree.root", lambda: tmp_path)
    begun: list[Callable[[], object]] = [
        lambda: backup.run((), (), "", False, False),
        lambda: restore.run("", (), "", "", True, False),
        lambda: restore.verify("", ""),
        lambda: contextlib.ExitStack().enter_context(repository.opened(tmp_path, "image")),
    ]
    for begin in begun:
        with pytest.raises(StackError) as refused:
            begin()
        [problem] = refused.value.problems
        assert problem.code == "remote-engine"
        assert "have the checkout on far" in problem.fix
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(StackError) as refused:
        remote.without_folders("./inv upgrade --without-backup")
    assert refused.value.problems[0].fix.startswith("./inv upgrade --without-backup, or have the checkout on far")


def test_doctor_tells_an_old_backup_and_a_volume_that_none_has() -> None:
    now = dt.datetime(2026, 12, 20, tzinfo=dt.UTC)
    one = made([Part("db", "dump", "keys", snapshot="a" * 8), Part("app", "files", "state", bytes=5)])
    assert [found.grade for found in check.findings([], {"p_state"}, now, None)] == ["ok"]
    assert list(check.findings([], set(), now, None)) == []
    assert [found.seen for found in check.findings([one], {"p_state"}, now, 4)] == [
        "the last backup is 20 days old", "beside the backups 4 B are free, and the last one holds 5 B"
    ]  # fmt: skip
    assert list(check.findings([one], {"p_state"}, dt.datetime(2026, 12, 1, tzinfo=dt.UTC), 6)) == []
    wanted = [("db", "data"), ("app", "state"), ("app", "new")]
    assert [found.seen for found in check.unsaved([one], wanted)] == ["no backup has the volume new of app"]


def test_while_a_backup_is_read_nobody_removes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "PATIENCE", 0.0)
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "2026-11-29-145205.json").write_bytes(manifest.encode(made([])))
    for name in ("", str(shared)):
        (tmp_path / ".env").write_text(f"BACKUP_DIR={shared}\n")
        with (
            sources.found(tmp_path, name) as source,
            pytest.raises(StackError) as refused,
            folder.held(source.place),
        ):
            pass
        assert refused.value.problems[0].code == "backup-locked"
    start: Any = SimpleNamespace(number=2, backup="2026-11-29-145205")
    monkeypatch.setattr(sources, "read", lambda _root, source, _progress: (None, source))
    monkeypatch.setattr(rollback, "_fitting", lambda *found: rollback.Saved(found[-1], []))
    nothing: Any = None
    with (
        rollback._saved(tmp_path, start, nothing) as saved,
        pytest.raises(StackError) as refused,
        folder.held(saved.source.place),
    ):
        pass
    assert refused.value.problems[0].code == "backup-locked"
    with folder.held(shared):
        pass


def test_a_program_that_ends_early_is_told_in_place_of_restic_that_it_ends_with_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    docker = tmp_path / "docker"
    docker.write_text("#!/bin/sh\nyes 2>/dev/null\nexit 141\n")
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    repo = Repository(tmp_path, "scratch", "secret")
    with pytest.raises(StackError, match="a program in a container failed: no such table"):
        repository.load_stream(repo, "id", "database", ["sh", "-c", "echo no such table >&2; exit 1"], dict(os.environ))
    with pytest.raises(StackError, match="restic failed: it ended with code 141"):
        repository.load_stream(repo, "id", "database", ["head", "-c", "1"], dict(os.environ))
