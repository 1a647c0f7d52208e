"""Secrets: their shape, when they are made, and how they are kept out of sight."""

import base64
import json
from collections.abc import Callable
from urllib.parse import quote

import jwt
import pytest

from stack.env import secrets
from stack.errors import StackError

NOW = 1_800_000_000
FIVE_YEARS = 5 * 365 * 86400
SUPABASE = {
    "SUPABASE_JWT_SECRET": "hex:64",
    "SUPABASE_ANON_KEY": "jwt:anon",
    "SUPABASE_SERVICE_ROLE_KEY": "jwt:service_role",
}


@pytest.fixture
def random() -> Callable[[int], str]:
    """Another digit at each call."""
    digits = iter("123456789abcdef")
    return lambda length: next(digits) * length


@pytest.fixture
def minted(random: Callable[[int], str]) -> dict[str, str]:
    return secrets.mint(SUPABASE, {}, random, NOW)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("hex", "1" * 32),
        ("hex:16", "1" * 16),
        ("hex:64", "1" * 64),
        ("sk", "sk-" + "1" * 32),
        ("sb_secret", "sb_secret_" + "1" * 32),
        ("password", "A1" + "1" * 32),
    ],
)
def test_each_kind_has_its_length_and_shape(kind: str, value: str, random: Callable[[int], str]) -> None:
    assert secrets.generate(kind, random) == value
    assert secrets.check("ANY", kind, value) is None


def test_what_is_there_is_kept_and_what_only_the_user_knows_is_never_made(random: Callable[[int], str]) -> None:
    declared = {"A": "hex", "B": "hex", "C": "asked", "D": "optional"}
    assert secrets.mint(declared, {"A": "mine", "B": ""}, random, NOW) == {"B": "1" * 32}


def test_supabase_keys_are_signed_for_their_role_and_five_years(minted: dict[str, str]) -> None:
    for name, role in (("SUPABASE_ANON_KEY", "anon"), ("SUPABASE_SERVICE_ROLE_KEY", "service_role")):
        payload = jwt.decode(minted[name], minted["SUPABASE_JWT_SECRET"], ["HS256"], {"verify_iat": False})
        assert payload == {"role": role, "iss": "supabase", "iat": NOW, "exp": NOW + FIVE_YEARS}
        assert jwt.get_unverified_header(minted[name]) == {"alg": "HS256", "typ": "JWT"}


def test_supabase_keys_are_made_once(minted: dict[str, str], random: Callable[[int], str]) -> None:
    assert secrets.mint(SUPABASE, minted, random, NOW + FIVE_YEARS - 1) == {}


@pytest.mark.parametrize("name", ["SUPABASE_ANON_KEY", "SUPABASE_SERVICE_ROLE_KEY"])
@pytest.mark.parametrize("value", ["", "no.real.token", "a"])
def test_a_key_that_is_none_is_made_again(minted: dict[str, str], name: str, value: str) -> None:
    assert secrets.missing(SUPABASE, {**minted, name: value}, NOW) == [name]


def test_keys_are_made_again_when_their_secret_changed(minted: dict[str, str], random: Callable[[int], str]) -> None:
    changed = {**minted, "SUPABASE_JWT_SECRET": "f" * 40}
    again = secrets.mint(SUPABASE, changed, random, NOW)
    assert sorted(again) == ["SUPABASE_ANON_KEY", "SUPABASE_SERVICE_ROLE_KEY"]
    assert secrets.missing(SUPABASE, {**changed, **again}, NOW) == []


def test_keys_are_made_again_when_they_are_expired_or_another_roles(minted: dict[str, str]) -> None:
    keys = ["SUPABASE_ANON_KEY", "SUPABASE_SERVICE_ROLE_KEY"]
    assert secrets.missing(SUPABASE, minted, NOW + FIVE_YEARS) == keys
    swapped = {**minted, keys[0]: minted[keys[1]], keys[1]: minted[keys[0]]}
    assert secrets.missing(SUPABASE, swapped, NOW) == keys


def test_an_unsigned_key_does_not_pass(minted: dict[str, str]) -> None:
    unsigned = jwt.encode({"role": "anon", "exp": NOW + 9}, "", algorithm="none")
    assert secrets.missing(SUPABASE, {**minted, "SUPABASE_ANON_KEY": unsigned}, NOW) == ["SUPABASE_ANON_KEY"]


def test_a_key_issued_elsewhere_is_kept_where_no_secret_is_declared() -> None:
    assert secrets.missing({"SUPABASE_ANON_KEY": "jwt:anon"}, {"SUPABASE_ANON_KEY": "far.away.key"}, NOW) == []


@pytest.mark.parametrize(("secret", "code"), [("", "secret-needed"), ("short", "secret-shape")])
def test_a_key_that_cannot_be_signed_says_why(secret: str, code: str, random: Callable[[int], str]) -> None:
    with pytest.raises(StackError) as caught:
        secrets.mint({"SUPABASE_ANON_KEY": "jwt:anon"}, {"SUPABASE_JWT_SECRET": secret}, random, NOW)
    assert [problem.code for problem in caught.value.problems] == [code]
    assert "SUPABASE_JWT_SECRET" in caught.value.problems[0].message


@pytest.mark.parametrize(
    ("name", "kind", "value"),
    [
        ("REDIS_PASSWORD", "hex", "x"),
        ("REDIS_PASSWORD", "hex:64", "My.own_pass~word-1"),
        ("SUPABASE_JWT_SECRET", "hex:64", "x" * 32),
        ("KEY", "jwt:anon", "aA0-.b_.c"),
        ("KEY", "sk", "sk-1"),
        ("KEY", "asked", "any thing $%&"),
    ],
)
def test_a_secret_of_the_users_own_may_have_any_length(name: str, kind: str, value: str) -> None:
    assert secrets.check(name, kind, value) is None


@pytest.mark.parametrize(
    ("name", "kind", "value"),
    [
        *(("REDIS_PASSWORD", "hex", f"hunter2{char}") for char in "@/?#:&% '\"$\\\n+é"),
        ("REDIS_PASSWORD", "hex", "-hunter2"),
        ("SUPABASE_JWT_SECRET", "hex:64", "hunter2"),
        ("SUPABASE_JWT_SECRET", "hex:64", "hunter2:" + "x" * 32),
        ("KEY", "jwt:anon", "hunter2"),
        ("KEY", "sk", "hunter2"),
        ("KEY", "sb_publishable", "sb_secret_1"),
        ("KEY", "password", "hunter2x"),
    ],
)
def test_a_secret_that_its_consumers_cannot_take_is_refused_without_being_shown(
    name: str, kind: str, value: str
) -> None:
    problem = secrets.check(name, kind, value)
    assert problem is not None
    assert (problem.code, problem.where) == ("secret-shape", name)
    assert "hunter2" not in f"{problem.message} {problem.fix}"


def test_a_fingerprint_tells_values_and_checkouts_apart_and_shows_nothing() -> None:
    marks = [secrets.fingerprint(value, salt) for value in ("hunter2", "hunter3") for salt in ("one", "two")]
    assert len(set(marks)) == 4
    assert secrets.fingerprint("hunter2", "one") == marks[0]
    assert "hunter2" not in marks[0]


SECRET = 'pa/ss "wörd"+\\1'


@pytest.mark.parametrize(
    "written",
    [
        SECRET,
        quote(SECRET),
        quote(SECRET, safe=""),
        json.dumps(SECRET)[1:-1],
        json.dumps(SECRET, ensure_ascii=False)[1:-1],
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("="),
    ],
)
def test_a_secret_is_hidden_however_it_is_written(written: str) -> None:
    text = f"redis://default:{written}@redis:6379 and {written}"
    assert secrets.hide(text, [SECRET]) == "redis://default:[hidden]@redis:6379 and [hidden]"


def test_a_secret_that_is_part_of_another_leaves_nothing_of_it() -> None:
    assert secrets.hide("x=secret-longer", ["secret", "secret-longer"]) == "x=[hidden]"


@pytest.mark.parametrize("known", [[], [""], ["admin"]])
def test_short_values_hide_no_ordinary_words(known: list[str]) -> None:
    assert secrets.hide("the admin says", known) == "the admin says"
