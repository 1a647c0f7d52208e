"""A bundle's file: written part by part, taken up again, and refused where it is not as it was made."""

import errno
import hashlib
import io
import json
import shutil
import signal
import subprocess
import sys
import tarfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from stack import bootstrap, docker
from stack.bundle import archive, images, load, manifest, models
from stack.bundle.manifest import Image, Manifest, Model, Part, Platform
from stack.commands.bundle import goes_on
from stack.errors import INTERRUPTED, StackError
from stack.output import meter
from stack.output.progress import Progress
from stack.planning.planner import Request

HERE = Platform("Linux", "x86_64", "debian 12 amd64")
PARTS = {"wheels/one-1.0.whl": b"w" * 700, "images/a/layer.tar": b"l" * 1500, "images/c.json": b"{}"}
IMAGE = Image(["redis:7"], "images/c.json", ["images/a/layer.tar"] * 2, "2026-01-01T00:00:00Z", ["sha256:aa"] * 2)


def described(parts: list[Part], **changed: object) -> bytes:
    whole = Manifest(manifest.FORMAT, "0.1.0", HERE, ["core"], [], ["redis=build"], {}, [IMAGE], [], parts)
    return msgspec.json.encode(msgspec.structs.replace(whole, **changed))


def write(target: Path, key: str = "k", **changed: object) -> Path:
    with archive.drafted(target, key) as draft:
        for name, data in PARTS.items():
            draft.add(name, [data])
        draft.close(described(list(draft.parts.values()), **changed))
    return target


@pytest.fixture
def made(tmp_path: Path) -> Path:
    return write(tmp_path / "x.bundle")


def content(path: Path) -> dict[str, bytes]:
    """All parts, once the whole is verified."""
    with archive.opened(path) as bundle:
        archive.verify(bundle, lambda _: None)
        return {name: b"".join(bundle.read(name)) for name in bundle.manifest.sizes()}


def code(path: Path) -> str:
    with pytest.raises(StackError) as told:
        content(path)
    return told.value.problems[0].code


def test_what_is_written_is_read_and_any_tar_lists_it(made: Path) -> None:
    assert content(made) == PARTS
    with tarfile.open(made) as tar:
        assert tar.getnames() == [*PARTS, "bundle.json", "bundle.json.sha256"]
    assert [path.name for path in made.parent.iterdir()] == ["x.bundle"]


def test_no_byte_can_change_what_is_read(made: Path) -> None:
    whole = made.read_bytes()
    refused = 0
    for place in range(0, len(whole), 211):
        made.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        try:
            found = content(made)
        except StackError as error:
            refused += [problem.code for problem in error.problems] == ["bundle-damaged"]
        else:
            # What fills a block behind a part is no part of it.
            assert found == PARTS, place
            refused += 1
    assert refused == len(range(0, len(whole), 211))


def test_a_truncated_file_is_refused_wherever_it_ends(made: Path) -> None:
    whole = made.read_bytes()
    for end in range(0, len(whole) - len(archive.END), 200):
        made.write_bytes(whole[:end])
        assert code(made) == "bundle-damaged", end


def test_a_file_that_is_no_bundle_or_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    assert code(tmp_path / "text") == "bundle-damaged"
    assert code(tmp_path / "nowhere") == "bundle"
    assert code(tmp_path) == "bundle"


def test_a_newer_format_is_told_as_that_whatever_else_it_says(tmp_path: Path) -> None:
    with archive.drafted(tmp_path / "new", "k") as draft:
        draft.add("images/a", [b"a"])
        draft.close(b'{"format": 2, "parts": "elsewhere"}')
    assert code(tmp_path / "new") == "bundle-newer"


@pytest.mark.parametrize("name", ["images/../../etc/passwd", "/images/a", "images/.", "images", "else/a", "images//a"])
def test_a_part_whose_name_climbs_out_is_refused(tmp_path: Path, name: str) -> None:
    with archive.drafted(tmp_path / "x", "k") as draft:
        for one, data in {**PARTS, name: b"x"}.items():
            draft.add(one, [data])
        draft.close(described(list(draft.parts.values())))
    assert code(tmp_path / "x") == "bundle-damaged"


@pytest.mark.parametrize("path", ["../x", "/x", "a/../../x", "a//b"])
def test_a_model_whose_file_climbs_out_is_refused(tmp_path: Path, path: str) -> None:
    model = Model("m", {path: "images/c.json"})
    assert code(write(tmp_path / "x", models=[model])) == "bundle-damaged"


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE])
def test_anything_but_plain_files_is_refused(made: Path, kind: bytes) -> None:
    odd = tarfile.TarInfo("images/odd")
    odd.type, odd.linkname = kind, "/etc/passwd"
    made.write_bytes(odd.tobuf() + made.read_bytes())
    assert code(made) == "bundle-damaged"


def test_a_part_that_no_manifest_names_is_refused(made: Path) -> None:
    made.write_bytes(archive.header("images/more", 0) + made.read_bytes())
    assert code(made) == "bundle-damaged"


def test_an_image_without_its_layer_is_refused(tmp_path: Path) -> None:
    lacking = msgspec.structs.replace(IMAGE, layers=["images/b/layer.tar"])
    assert code(write(tmp_path / "x", images=[lacking])) == "bundle-damaged"


def test_another_platform_is_refused_and_another_release_is_not(made: Path) -> None:
    with archive.opened(made) as bundle:
        told = bundle.manifest
    assert manifest.unfit(told, Platform("Linux", "x86_64", "ubuntu 24.04 amd64"), "x") == []
    for other in (Platform("Linux", "aarch64"), Platform("Darwin", "x86_64")):
        assert [problem.code for problem in manifest.unfit(told, other, "x")] == ["bundle-platform"]


def failing(error: BaseException) -> Iterator[bytes]:
    yield b"half"
    raise error


def interrupted(target: Path, error: BaseException) -> None:
    with archive.drafted(target, "k") as draft:
        draft.add("wheels/one-1.0.whl", [PARTS["wheels/one-1.0.whl"]])
        draft.end("wheels")
        draft.add("images/a/layer.tar", failing(error))


def test_an_interrupted_one_leaves_no_file_and_goes_on_with_what_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "x"
    with pytest.raises(KeyboardInterrupt):
        interrupted(target, KeyboardInterrupt())
    assert not target.exists()
    with archive.drafted(target, "k") as draft:
        assert list(draft.parts) == ["wheels/one-1.0.whl"]
        assert draft.ended == {"wheels"}
        draft.add("wheels/one-1.0.whl", failing(AssertionError("made anew")))
    assert content(write(target)) == PARTS


def test_one_that_ends_before_its_first_part_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(StackError), archive.drafted(tmp_path / "x", "k"):
        raise StackError([])
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_and_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(StackError) as told:
        interrupted(tmp_path / "x", OSError(errno.ENOSPC, "No space left on device"))
    assert "No space left on device" in told.value.problems[0].message
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("how", ["another key", "flipped", "cut", "no notes"])
def test_of_a_draft_that_is_not_as_it_was_only_what_holds_is_kept(tmp_path: Path, how: str) -> None:
    target, part = tmp_path / "x", tmp_path / "x.part"
    with pytest.raises(KeyboardInterrupt):
        interrupted(target, KeyboardInterrupt())
    whole = part.read_bytes()
    if how == "flipped":
        part.write_bytes(whole[:600] + b"?" + whole[601:])
    if how == "cut":
        part.write_bytes(whole[:600])
    if how == "no notes":
        (tmp_path / "x.part.json").write_bytes(b"{")
    with archive.drafted(target, "other" if how == "another key" else "k") as draft:
        assert (draft.parts, draft.ended) == ({}, frozenset())


def test_two_at_once_do_not_write_one_file(tmp_path: Path) -> None:
    with archive.drafted(tmp_path / "x", "k") as draft:
        draft.add("images/a", [b"a"])
        with pytest.raises(StackError) as told, archive.drafted(tmp_path / "x", "k"):
            pass
        draft.close(b"")
    assert told.value.problems[0].code == "locked"


def test_an_interruption_is_told_with_the_command_that_goes_on() -> None:
    with pytest.raises(StackError) as told, goes_on("./inv up --bundle x"):
        raise KeyboardInterrupt
    assert (told.value.exit_code, told.value.problems[0].fix) == (INTERRUPTED, "./inv up --bundle x")


def test_what_has_no_room_on_the_engines_disk_is_not_loaded(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker, "info", lambda: {"DockerRootDir": "/"})
    monkeypatch.setattr(docker, "inspected", lambda *_: [])
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=3000))
    with archive.opened(made) as bundle, pytest.raises(StackError) as told:
        load.load(bundle, Progress())
    assert told.value.problems[0].message == "/ has 3.0 kB free; what is to be loaded takes 3.0 kB"


def test_a_layer_is_packed_and_one_that_is_stays_as_it_came() -> None:
    plain = b"some text " * 1000
    gzip = b"".join(images.packed(iter([plain[:100], plain[100:]])))
    assert len(gzip) < len(plain) / 10
    assert zlib.decompress(gzip, images.GZIP) == plain
    assert list(images.packed(iter([gzip[:9], gzip[9:]]))) == [gzip[:9], gzip[9:]]
    assert zlib.decompress(b"".join(images.packed(iter([]))), images.GZIP) == b""


def test_an_image_goes_to_the_engine_as_docker_load_takes_it(made: Path) -> None:
    with archive.opened(made) as bundle:
        sent = b"".join(images.stream(bundle, IMAGE))
    with tarfile.open(fileobj=io.BytesIO(sent)) as tar:
        files = {member.name: tar.extractfile(member) for member in tar}
        (listed,) = json.loads(files["manifest.json"].read())  # type: ignore[union-attr]
        assert listed["RepoTags"] == ["redis:7"]
        assert listed["Config"] == f"{hashlib.sha256(b'{}').hexdigest()}.json"
        assert [files[name].read() for name in dict.fromkeys(listed["Layers"])] == [b"l" * 1500]  # type: ignore[union-attr]
        assert len(listed["Layers"]) == 2


@pytest.mark.parametrize(
    ("asked", "profiles", "services", "sources"),
    [
        (Request(), ("core",), (), ("redis=build",)),
        (Request(profiles=("ai",)), ("ai",), (), ("redis=build",)),
        (Request(services=("redis",)), (), ("redis",), ("redis=build",)),
        (Request(sources=("redis=localhost",)), ("core",), (), ("redis=localhost",)),
    ],
)
def test_the_selection_is_the_bundles_where_none_is_asked_for(
    made: Path, asked: Request, profiles: tuple[str, ...], services: tuple[str, ...], sources: tuple[str, ...]
) -> None:
    with archive.opened(made) as bundle:
        found = load.request(bundle, asked, {"redis"})
        assert load.request(bundle, Request(), set()).sources == ()
    assert (found.profiles, found.services, found.sources, found.offline) == (profiles, services, sources, True)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("llama3.2:3b", "manifests/registry.ollama.ai/library/llama3.2/3b"),
        ("nomic-embed-text", "manifests/registry.ollama.ai/library/nomic-embed-text/latest"),
        ("me/mine:1", "manifests/registry.ollama.ai/me/mine/1"),
        ("hf.co/them/model:Q4", "manifests/hf.co/them/model/Q4"),
    ],
)
def test_a_model_is_noted_where_ollama_notes_it(name: str, path: str) -> None:
    assert models.path(name) == path


def test_a_models_files_are_those_that_its_note_names() -> None:
    note = {"config": {"digest": "sha256:aa", "size": 3}, "layers": [{"digest": "sha256:bb", "size": 9}]}
    assert models.blobs(json.dumps(note).encode()) == {"blobs/sha256-aa": 3, "blobs/sha256-bb": 9}


def test_bytes_rate_and_time_left_are_told_four_times_a_second() -> None:
    now, told = [0.0], list[str]()
    clock: Callable[[], float] = lambda: now[0]  # noqa: E731
    add = meter.metered(4_000_000_000, told.append, clock)
    for _ in range(10):
        now[0] += 0.1
        add(10_000_000)
    assert told == [
        "30.0 MB of 4.0 GB, 100 MB/s, 0:39 left, 0 %",
        "60.0 MB of 4.0 GB, 100 MB/s, 0:39 left, 1 %",
        "90.0 MB of 4.0 GB, 100 MB/s, 0:39 left, 2 %",
    ]


@pytest.mark.parametrize(
    ("words", "file"),
    [
        (["up", "--bundle", "x"], "x"),
        (["--json", "up", "--bundle=x y"], "x y"),
        (["doctor", "--bundle", "x"], ""),
        (["up", "--bundle"], ""),
        (["up"], ""),
    ],
)
def test_the_launcher_finds_the_bundle_of_up_alone(words: list[str], file: str) -> None:
    assert bootstrap.given_bundle(words) == file


def test_the_launcher_unpacks_nothing_beside_its_folder(tmp_path: Path) -> None:
    names = ["wheels/../../climbs.whl", "wheels/one.whl", "images/c.json"]
    with tarfile.open(tmp_path / "x", "w") as tar:
        for name in names:
            tar.addfile(tarfile.TarInfo(name))
        link = tarfile.TarInfo("wheels/link.whl")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    (tmp_path / "in").mkdir()
    bootstrap.unpack(tmp_path / "x", tmp_path / "in")
    assert sorted(path.name for path in (tmp_path / "in").iterdir()) == ["climbs.whl", "one.whl"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "x"]


def test_a_killed_one_goes_on_with_the_parts_that_are_whole(tmp_path: Path) -> None:
    target = tmp_path / "x.bundle"
    names = list(PARTS)
    code = f"""if True:
        import os, signal
        from pathlib import Path
        from stack.bundle import archive
        def cut():
            yield b"half"
            os.kill(os.getpid(), signal.SIGKILL)
        with archive.drafted(Path({str(target)!r}), "k") as draft:
            draft.add({names[0]!r}, [{PARTS[names[0]]!r}])
            draft.end("wheels")
            draft.add({names[1]!r}, cut())
    """
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGKILL
    with archive.drafted(target, "k") as draft:
        assert (list(draft.parts), draft.ended) == (names[:1], frozenset({"wheels"}))
        draft.add(names[0], iter(lambda: pytest.fail("it is made again"), b""))
        for name in names[1:]:
            draft.add(name, [PARTS[name]])
        draft.close(described(list(draft.parts.values())))
    assert content(target) == PARTS
