"""The certificate of the gateway's port for HTTPS: for whom it is, when it is made anew, and what can't be served."""

import datetime as dt
import ssl
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization

from stack.authoring import trial
from stack.doctor.checks import certificate as check
from stack.doctor.checks import certificate_fits
from stack.doctor.run import Skipped, look
from stack.doctor.scene import Scene
from stack.errors import StackError
from stack.gateway import certificate
from stack.planning.planner import Planned
from stack.running import tls
from tests.synthetic import facts, planned

NOW = dt.datetime.now(dt.UTC)
KONG = """_format_version: "3.0"
services:
  - name: "page"
    url: "http://page:8080"
    routes: [{name: "page", hosts: ["page.localhost", "*.w.localhost", "a.example:8443", "x.*"]}]
"""
AUTHORITY = certificate.authority("a test", NOW)


def shaken(pem: bytes, trusted: bytes, host: str) -> str:
    """What a client says of a server with this certificate: nothing, or why it goes."""
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context(cadata=trusted.decode())
    file = Path("server.pem")
    file.write_bytes(pem)
    server.load_cert_chain(file)
    one, other = ssl.MemoryBIO(), ssl.MemoryBIO()
    asks = client.wrap_bio(one, other, server_hostname=host)
    answers = server.wrap_bio(other, one, server_side=True)
    for _ in range(4):
        for side in (asks, answers):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLCertVerificationError as error:
                return error.verify_message
    return ""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with a route."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kong").mkdir()
    (tmp_path / "kong/kong.yml").write_text(KONG)
    return tmp_path


def made(root: Path, **settings: str) -> Planned:
    """The plan of that checkout."""
    return planned(facts({"kong-api-gateway": {}, "page": {"expose": ["8080"]}}), root=root, settings=settings)


@pytest.mark.parametrize("host", ["localhost", "page.box.example", "box.example", "any.box.example", "q.w.box.example",
                                  "a.example", "127.0.0.1", "::1"])  # fmt: skip
def test_a_client_that_trusts_the_authority_takes_every_name_of_the_gateway(here: Path, host: str) -> None:
    plan = made(here, TLS="internal", PUBLIC_HOST="Box.example")
    assert shaken(tls.wanted(plan), tls_authority(here), host) == ""


def tls_authority(root: Path) -> bytes:
    return (root / tls.AUTHORITY).read_bytes()


def test_another_name_or_another_authority_is_refused(here: Path) -> None:
    pem = tls.wanted(made(here, TLS="internal"))
    assert "mismatch" in shaken(pem, tls_authority(here), "other.example")
    assert "issuer" in shaken(pem, certificate.public(AUTHORITY), "localhost")


def test_an_address_as_public_host_has_no_names_below_it(here: Path) -> None:
    plan = made(here, TLS="internal", PUBLIC_HOST="10.0.0.7")
    assert shaken(tls.wanted(plan), tls_authority(here), "10.0.0.7") == ""
    assert "*.10.0.0.7" not in tls.names_of(plan)


def test_keys_are_read_by_their_owner_alone_and_what_the_gateway_serves_lies_in_a_closed_folder(here: Path) -> None:
    tls.serve(here, tls.wanted(made(here, TLS="internal")))
    modes = {path: (here / path).stat().st_mode & 0o777 for path in (tls.SIGNING, tls.SERVED, ".stack/private")}
    assert modes == {tls.SIGNING: 0o600, tls.SERVED: 0o644, ".stack/private": 0o700}
    assert b"PRIVATE" not in tls_authority(here)
    assert (here / tls.SERVED).parent != (here / tls.SIGNING).parent


def test_a_certificate_stays_until_its_names_change_or_its_end_is_near_and_the_authority_longer(here: Path) -> None:
    plan = made(here, TLS="internal")
    first = tls.wanted(plan)
    tls.serve(here, first)
    authority = tls_authority(here)
    assert tls.wanted(plan) == first
    renamed = made(here, TLS="internal", PUBLIC_HOST="box.example")
    assert tls.wanted(renamed) != first
    old = certificate.made((here / tls.SIGNING).read_bytes(), tls.names_of(plan), NOW - certificate.LIFE)
    tls.serve(here, old)
    assert tls.wanted(plan) not in (first, old)
    assert tls_authority(here) == authority


def test_a_certificate_of_an_authority_that_is_gone_is_made_anew(here: Path) -> None:
    plan = made(here, TLS="internal")
    tls.serve(here, tls.wanted(plan))
    (here / tls.SIGNING).unlink()
    assert shaken(tls.wanted(plan), tls_authority(here), "localhost") == ""


def test_without_a_setting_there_is_none_and_one_that_was_there_goes(here: Path) -> None:
    tls.serve(here, tls.wanted(made(here, TLS="internal")))
    assert tls.wanted(made(here)) == b""
    tls.serve(here, b"")
    assert tls.served(here) == b""
    assert (here / tls.SERVED).parent.is_dir()


def test_what_a_reload_refuses_or_is_cut_off_in_does_not_count_as_served(here: Path) -> None:
    tls.serve(here, b"old")
    seen = []

    def reload() -> None:
        with tls.offered(here, b"new"):
            seen.append(tls.served(here))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reload()
    assert seen == [b"old"]
    assert tls.served(here) == b"old"
    assert [path.name for path in (here / tls.SERVED).parent.iterdir()] == ["gateway.pem"]


def own(root: Path, *hosts: str, ended: dt.timedelta = dt.timedelta(0)) -> tuple[bytes, bytes]:
    """A user's certificate and key in files of their own."""
    whole = certificate.made(AUTHORITY, hosts or ["localhost"], NOW - ended)
    at = whole.find(b"-----BEGIN PRIVATE")
    (root / "my.crt").write_bytes(whole[:at])
    (root / "my.key").write_bytes(whole[at:])
    return whole[:at], whole[at:]


def test_a_users_certificate_and_key_are_served_together_of_two_files_or_one(here: Path) -> None:
    cert, key = own(here)
    two = tls.wanted(made(here, TLS_CERT="my.crt", TLS_KEY="my.key"))
    assert shaken(two, certificate.public(AUTHORITY), "localhost") == ""
    (here / "both.pem").write_bytes(key + cert)
    for path in ("both.pem", str(here / "both.pem")):
        assert tls.wanted(made(here, TLS="internal", TLS_CERT=path)) == key + cert


def files(root: Path) -> None:
    cert, key = own(root)
    locked = serialization.BestAvailableEncryption(b"x")
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    (root / "locked.key").write_bytes(certificate.key(key).private_bytes(*form, locked))
    (root / "other.key").write_bytes(certificate.made(AUTHORITY, ["x"], NOW))
    (root / "broken.key").write_bytes(key.replace(b"M", b"!", 1))
    (root / "broken.crt").write_bytes(cert[:90])
    (root / "empty.crt").touch()


@pytest.mark.parametrize(
    ("cert", "key", "words"),
    [
        ("none.crt", "my.key", "none.crt is not there"),
        ("kong", "my.key", "it is a folder"),
        ("empty.crt", "my.key", "empty.crt is empty"),
        ("broken.crt", "my.key", "broken.crt has no certificate"),
        ("my.key", "my.key", "my.key has no certificate"),
        ("my.crt", "", "my.crt has no key in it, and TLS_KEY names no file"),
        ("my.crt", "my.crt", "my.crt has no key that can be read"),
        ("my.crt", "broken.key", "broken.key has no key that can be read"),
        ("my.crt", "locked.key", "asks for a password"),
        ("my.crt", "other.key", "the key in other.key does not belong to the certificate in my.crt"),
        ("", "my.key", "TLS_CERT no certificate"),
    ],
)
def test_what_can_not_be_served_is_one_error_before_anything_starts(
    here: Path, cert: str, key: str, words: str
) -> None:
    files(here)
    plan = made(here, TLS_CERT=cert, TLS_KEY=key)
    found = tls.problems(plan.checkout)
    assert len(found) == 1
    assert words in found[0].message
    assert found[0].fix
    told = look(check.CHECK, scene(plan))
    assert isinstance(told, list)
    assert [(one.grade, one.seen) for one in told] == [("error", found[0].message)]
    if cert:
        with pytest.raises(StackError):
            tls.wanted(plan)


def test_what_the_shell_sets_is_mended_there(here: Path) -> None:
    checkout = made(here, TLS_CERT="none.crt").checkout
    found = {**checkout.settings.found, "TLS_CERT": ("none.crt", "shell")}
    from_shell = msgspec.structs.replace(checkout, settings=checkout.settings._replace(found=found))
    assert [one.fix for one in tls.problems(checkout)] == ["./inv env.set TLS_CERT VALUE"]
    assert [one.fix for one in tls.problems(from_shell)] == ["unset TLS_CERT"]


def scene(plan: Planned, **given: object) -> Scene:
    return Scene(plan.checkout.root, {"checkout": plan.checkout, "planned": plan, "written": [], **given})


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("TLS_CERT", "none.crt", "is not there"),
        ("TLS_CERT", "broken.crt", "no certificate"),
        ("TLS_CERT", "my.crt", ""),
        ("TLS_KEY", "locked.key", "password"),
        ("TLS_KEY", "other.key", ""),
    ],
)
def test_env_set_refuses_a_file_that_no_further_setting_can_mend(here: Path, name: str, value: str, words: str) -> None:
    files(here)
    found = trial.problems(here, name, {}, {name: value})
    assert [words in one.message for one in found] == ([True] if words else [])
    assert all("give another value" in one.fix for one in found)


@pytest.mark.parametrize(
    ("settings", "ended", "seen"),
    [
        ({}, 0, []),
        ({}, 780, [("warning", "ends on")]),
        ({}, 801, [("error", "ended on")]),
        ({"PUBLIC_HOST": "box.example"}, 0, [("warning", "is not for box.example, page.box.example")]),
    ],
)
def test_doctor_tells_the_end_of_a_certificate_and_names_that_it_is_not_for(
    here: Path, settings: dict[str, str], ended: int, seen: list[tuple[str, str]]
) -> None:
    own(here, "localhost", "page.localhost", "a.example", ended=dt.timedelta(days=ended))
    plan = made(here, TLS_CERT="my.crt", TLS_KEY="my.key", **settings)
    tls.serve(here, tls.wanted(plan))
    told = look(certificate_fits.CHECK, scene(plan, standing=plan))
    assert isinstance(told, list)
    assert [one.grade for one in told] == [grade for grade, _ in seen]
    assert all(words in one.seen for one, (_, words) in zip(told, seen, strict=True))


def test_doctor_tells_a_renewed_file_that_the_gateway_does_not_serve_yet(here: Path) -> None:
    own(here, "localhost", "page.localhost", "a.example")
    plan = made(here, TLS_CERT="my.crt", TLS_KEY="my.key")
    tls.serve(here, tls.wanted(plan))
    own(here, "localhost", "page.localhost", "a.example")
    told = look(certificate_fits.CHECK, scene(plan, standing=plan))
    assert not isinstance(told, Skipped)
    assert [(one.grade, one.fix) for one in told] == [("warning", "./inv up")]


@pytest.mark.parametrize(
    ("names", "host", "fits"),
    [
        (["a.example"], "A.example", True),
        (["*.example.org"], "a.example.org", True),
        (["*.example.org"], "a.b.example.org", False),
        (["*.example.org"], "example.org", False),
        (["10.0.0.7"], "10.0.0.7", True),
        (["*.0.0.7"], "10.0.0.7", False),
    ],
)
def test_a_wildcard_stands_for_one_label(names: list[str], host: str, fits: bool) -> None:
    one = certificate.first(certificate.made(AUTHORITY, names, NOW))
    assert one is not None
    assert certificate.fits(one, host) is fits
