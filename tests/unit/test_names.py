"""What settings are called, and which name a mistyped one means."""

import pytest

from stack.names import LONGEST, cut, echoed, suggest, variable


@pytest.mark.parametrize(
    ("service", "suffix", "name"),
    [
        ("redis", "SOURCE", "REDIS_SOURCE"),
        ("my-service", "PORT", "MY_SERVICE_PORT"),
        ("kong-api-gateway", "EXTERNAL_URL", "KONG_API_GATEWAY_EXTERNAL_URL"),
    ],
)
def test_a_hyphen_never_reaches_a_variable(service: str, suffix: str, name: str) -> None:
    assert variable(service, suffix) == name


@pytest.mark.parametrize("word", ["redsi", "REDIS", "rediss", "reds"])
def test_the_nearest_name_is_suggested(word: str) -> None:
    assert suggest(word, ["supabase-db", "redis", "backend"]) == 'did you mean "redis"?'


def test_a_suggestion_keeps_its_case() -> None:
    assert suggest("redis_prot", ["REDIS_PORT", "BASE_PORT"]) == 'did you mean "REDIS_PORT"?'


def test_nothing_near_suggests_nothing() -> None:
    assert suggest("zzz", ["redis", "backend"]) == ""
    assert suggest("redis", []) == ""


def test_a_message_repeats_no_more_of_a_word_than_tells_it() -> None:
    assert echoed("nope") == "'nope'"
    assert cut("a" * LONGEST) == "a" * LONGEST
    assert echoed("a" * 300) == f"'{'a' * (LONGEST - 1)}…'"
