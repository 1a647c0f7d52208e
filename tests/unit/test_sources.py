"""Which source each service comes from."""

import pytest

from stack.errors import USAGE, StackError
from stack.planning import sources
from tests import synthetic

CATALOG = synthetic.facts(
    {"db": {}, "web": {}, "llm": {}}, options={"llm": ["container-gpu", "localhost"], "db": ["localhost"]}
).catalog


def refused(call: object) -> StackError:
    """What a call raises."""
    assert callable(call)
    with pytest.raises(StackError) as caught:
        call()
    return caught.value


def test_without_a_word_the_fragment_alone_counts() -> None:
    assert sources.choose(CATALOG, {}, {}) == {"db": "container", "llm": "container", "web": "container"}


def test_a_setting_chooses_and_a_flag_wins() -> None:
    settings = {"LLM_SOURCE": "localhost", "DB_SOURCE": "localhost"}
    chosen = sources.choose(CATALOG, settings, {"llm": "container-gpu"})
    assert chosen == {"db": "localhost", "llm": "container-gpu", "web": "container"}


def test_every_service_can_be_disabled() -> None:
    assert sources.choose(CATALOG, {"WEB_SOURCE": "disabled"}, {})["web"] == "disabled"
    assert sources.absent({"web": "disabled", "db": "container"}) == {"web"}


def test_a_source_that_the_service_lacks_is_refused_with_those_it_has() -> None:
    error = refused(lambda: sources.choose(CATALOG, {"DB_SOURCE": "container-gpu"}, {}))
    [problem] = error.problems
    assert problem.message == "db has no source 'container-gpu': it has container, localhost, disabled"
    assert problem.where == "DB_SOURCE"
    assert error.exit_code == 1


def test_a_mistyped_flag_is_a_usage_error_with_the_nearest() -> None:
    error = refused(lambda: sources.choose(CATALOG, {}, {"llm": "localhots"}))
    assert error.exit_code == USAGE
    assert error.problems[0].fix == 'did you mean "localhost"?'
    assert error.problems[0].where == "--source"


def test_words_are_for_one_service_or_for_all_that_have_it() -> None:
    assert sources.parse_flags(["llm=localhost", "container-gpu"], CATALOG) == (
        {"llm": "localhost"}, ["container-gpu"],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("word", "code", "fix"),
    [("lml=localhost", "service", '"llm"'), ("localhots", "source", '"localhost"'), ("=x", "service", "llm")],
)
def test_a_word_of_nobody_is_refused(word: str, code: str, fix: str) -> None:
    error = refused(lambda: sources.parse_flags([word], CATALOG))
    assert (error.problems[0].code, error.exit_code) == (code, USAGE)
    assert fix in error.problems[0].fix


def test_a_word_for_all_reaches_the_planned_that_have_it() -> None:
    assert sources.spread(CATALOG, ["localhost"], ["db", "web"]) == {"db": "localhost"}


def test_a_word_that_no_planned_service_has_names_those_that_have_it() -> None:
    error = refused(lambda: sources.spread(CATALOG, ["container-gpu"], ["db", "web"]))
    assert "llm" in error.problems[0].message
    assert error.exit_code == USAGE


def test_an_empty_catalogue_has_no_sources() -> None:
    assert sources.choose(synthetic.facts({}).catalog, {}, {}) == {}
