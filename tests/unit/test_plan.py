"""The plan of a selection, from values made by hand."""

import pytest

from stack.errors import USAGE, StackError
from stack.planning import plan
from stack.planning.catalog import Catalog, Fragment
from stack.planning.plan import Facts, LeftOut, Plan, Port, Selection
from tests.synthetic import facts, needs, port

CORE = Selection(("core",))


def compute(found: Facts, *profiles: str, services: tuple[str, ...] = (), **missing: str) -> Plan:
    """The plan of some profiles and services; `missing` are those whose image can't be had."""
    return plan.compute(found, Selection(profiles, services, missing))


def refused(found: Facts, selection: Selection = CORE) -> StackError:
    """Why there is no plan."""
    with pytest.raises(StackError) as caught:
        plan.compute(found, selection)
    return caught.value


WEB = facts({"web": {"depends_on": needs("db")}, "db": {"profiles": ["data"]}, "idle": {"profiles": ["ai"]}})


def test_a_profile_brings_its_services_and_all_that_they_require() -> None:
    found = compute(WEB, "core")
    assert found.order == [["db"], ["web"]]
    assert found.names() == ["db", "web"]
    assert [service.tier for service in found.services] == [0, 1]


def test_single_services_bring_what_they_require_and_no_profile() -> None:
    assert compute(WEB, services=("idle",)).names() == ["idle"]
    assert compute(WEB, services=("web",)).names() == ["db", "web"]


def test_profile_all_is_everything_but_what_is_opt_in() -> None:
    found = facts(
        {"web": {}, "idle": {"profiles": ["ai"]}, "tool": {"profiles": ["tools"]}, "bare": {"profiles": []}},
        entries={"tool": {"opt_in": True}},
    )
    assert compute(found, "all").names() == ["idle", "web"]
    assert compute(found, "all", "tools").names() == ["idle", "tool", "web"]


def test_an_optional_edge_waits_for_what_is_planned_and_brings_nothing() -> None:
    found = facts({"web": {"depends_on": needs(optional=["cache"])}, "cache": {"profiles": ["data"]}})
    assert compute(found, "core").order == [["web"]]
    assert compute(found, "core", "data").order == [["cache"], ["web"]]


def test_disabled_means_absent() -> None:
    found = facts({"web": {"depends_on": needs(optional=["cache"])}, "cache": {}}, off=["cache"])
    made = compute(found, "core")
    assert made.names() == ["web"]
    assert made.services[0].depends_on == {}
    assert made.left_out == [LeftOut("cache", "disabled by CACHE_SOURCE")]


def test_a_required_service_that_is_disabled_names_both_ends_and_the_flag() -> None:
    error = refused(facts({"web": {"depends_on": needs("db")}, "db": {}}, off=["db"]))
    [problem] = error.problems
    assert problem.message == "web requires db, but db is disabled"
    assert (problem.where, problem.fix) == ("DB_SOURCE", "--source db=container")
    assert error.exit_code == 1


def test_a_disabled_companion_is_mended_by_its_fragments_flag() -> None:
    services = {"web": {"depends_on": needs("db-init")}, "db": {}, "db-init": {"restart": "no"}}
    [problem] = refused(facts(services, companions={"db-init": "db"}, off=["db"])).problems
    assert problem.message == "web requires db-init, but db-init is disabled"
    assert (problem.where, problem.fix) == ("DB_SOURCE", "--source db=container")


def test_a_disabled_service_that_is_asked_for_says_so() -> None:
    [problem] = refused(facts({"db": {}}, off=["db"]), Selection((), ("db",))).problems
    assert problem.message == "db is asked for by --service, but db is disabled"


def test_a_disabled_service_that_is_asked_for_is_the_only_problem() -> None:
    found = facts({"web": {"depends_on": needs("db")}, "db": {}}, off=["web", "db"])
    assert len(refused(found, Selection((), ("web",))).problems) == 1


def test_what_a_disabled_service_requires_is_not_brought_in() -> None:
    found = facts({"web": {"depends_on": needs("db")}, "db": {"profiles": ["data"]}}, off=["web"])
    assert compute(found, "core").names() == []


def test_every_required_service_that_is_disabled_is_told() -> None:
    services = {"web": {"depends_on": needs("db", "cache")}, "db": {}, "cache": {}}
    assert len(refused(facts(services, off=["db", "cache"])).problems) == 2


def test_a_companion_that_its_source_drops_takes_the_edges_to_it_along() -> None:
    services = {"web": {"depends_on": needs("db", "db-init")}, "db": {}, "db-init": {}}
    found = facts(services, companions={"db-init": "db"})
    found.model["services"]["db-init"] = None
    assert compute(found, "core").order == [["db"], ["web"]]


def test_a_service_whose_image_cannot_be_had_is_left_out_with_the_reason() -> None:
    made = compute(facts({"web": {}, "kong": {}}), "core", kong="no registry can be reached")
    assert made.names() == ["web"]
    assert made.left_out == [LeftOut("kong", "no registry can be reached")]


@pytest.mark.parametrize("waits", ["init waits for it", "it waits for init"])
def test_its_jobs_are_left_out_with_it(waits: str) -> None:
    """A database role, and its password, were made for a program that was not to be had."""
    web, init = ({}, {"depends_on": needs("web")}) if waits == "init waits for it" else ({"depends_on": needs("i")}, {})
    made = compute(facts({"web": web, "i": init, "db": {}}, companions={"i": "web"}), "core", web="it is gone")
    assert made.names() == ["db"]
    assert made.left_out == [LeftOut("i", "web is left out"), LeftOut("web", "it is gone")]


def test_but_not_a_companion_that_others_need() -> None:
    found = facts({"web": {}, "i": {}, "app": {"depends_on": needs("i")}}, companions={"i": "web"})
    made = compute(found, "core", web="it is gone")
    assert made.names() == ["i", "app"]
    assert made.left_out == [LeftOut("web", "it is gone")]


def test_unless_it_is_required() -> None:
    found = facts({"web": {"depends_on": needs("db")}, "db": {}}, options={"db": ["build"]})
    [problem] = refused(found, Selection(("core",), (), {"db": "it is gone"})).problems
    assert problem.message == "web requires db, but it is gone"
    assert problem.fix == "--source db=build"


def test_or_asked_for_by_name() -> None:
    [problem] = refused(facts({"db": {}}), Selection((), ("db",), {"db": "it is gone"})).problems
    assert problem.message == "db is asked for by --service, but it is gone"
    assert "REGISTRY_PREFIX" in problem.fix


def test_all_that_cannot_be_had_is_told_at_once() -> None:
    found = facts({"web": {"depends_on": needs("db", "cache")}, "db": {}, "cache": {}})
    missing = {"db": "it is gone", "cache": "it is gone"}
    assert len(refused(found, Selection(("core",), (), missing)).problems) == 2


@pytest.mark.parametrize(
    ("selection", "code", "fix"),
    [
        (Selection(("cor",)), "unknown-profile", 'did you mean "core"?'),
        (Selection(("zzz",)), "unknown-profile", "known are ai, all, core, data"),
        (Selection((), ("wbe",)), "unknown-service", 'did you mean "web"?'),
        (Selection((), ("zzz",)), "unknown-service", "known are db, idle, web"),
    ],
)
def test_an_unknown_word_suggests_the_nearest(selection: Selection, code: str, fix: str) -> None:
    error = refused(WEB, selection)
    assert [(p.code, p.fix) for p in error.problems] == [(code, fix)]
    assert error.exit_code == USAGE


@pytest.mark.parametrize(
    ("saved", "origin", "said", "fix"),
    [
        ("cor,data", ".env", "unknown profile 'cor' in STACK_PROFILES: did you mean \"core\"?",
         "./inv env.set STACK_PROFILES core,data"),
        ("core,zzz", ".env", "'zzz' in STACK_PROFILES: known are ai, all, core, data",
         "./inv env.set STACK_PROFILES core"),
        ("zzz", ".env", "known are ai", "./inv env.unset STACK_PROFILES"),
        ("zzz", "shell", "known are ai", "unset STACK_PROFILES"),
    ],
)  # fmt: skip
def test_an_unknown_profile_of_the_setting_names_the_setting(saved: str, origin: str, said: str, fix: str) -> None:
    names = tuple(saved.split(","))
    [problem] = refused(WEB, Selection(names, saved=names, origin=origin)).problems
    assert said in problem.message
    assert (problem.code, problem.where, problem.fix) == ("unknown-profile", f"{origin}: STACK_PROFILES", fix)


def test_every_unknown_word_is_told() -> None:
    assert len(refused(WEB, Selection(("a", "b"), ("c",))).problems) == 3


def test_an_edge_to_nothing_names_the_file_and_its_place() -> None:
    [problem] = refused(facts({"web": {"depends_on": needs("dbb")}, "db": {}})).problems
    assert problem.message == "web depends on dbb, which no fragment declares"
    assert problem.where == "compose/web.yml: services.web.depends_on.dbb"
    assert problem.fix == 'did you mean "db"?'


def test_a_cycle_is_refused_even_where_it_is_not_selected() -> None:
    services = {"web": {}, "a": {"profiles": [], "depends_on": needs("b")}, "b": {"depends_on": needs("a")}}
    [problem] = refused(facts(services)).problems
    assert problem.message == "services wait for each other: a → b → a"
    assert problem.where == "compose/a.yml: services.a.depends_on.b"


def test_a_service_without_an_image_is_refused() -> None:
    for service in ({"image": None}, {"image": "", "build": {"context": "."}}):
        [problem] = refused(facts({"web": service})).problems
        assert (problem.code, problem.where) == ("image", "compose/web.yml: services.web.image")


VOLUME = {"type": "volume", "source": "nope"}


@pytest.mark.parametrize(
    ("service", "message"),
    [
        ({"networks": {"nope": None}}, "web uses the network nope, which no file declares"),
        ({"volumes": [VOLUME]}, "web uses the volume nope, which no file declares"),
        ({"secrets": [{"source": "nope"}]}, "web uses the secret nope, which no file declares"),
        ({"configs": [{"source": "nope"}]}, "web uses the config nope, which no file declares"),
        ({"build": {"secrets": [{"source": "nope"}]}}, "web uses the secret nope, which no file declares"),
    ],
)  # fmt: skip
def test_what_no_file_declares_is_refused(service: dict[str, object], message: str) -> None:
    [problem] = refused(facts({"web": service})).problems
    assert (problem.code, problem.message) == ("undeclared", message)


def test_planned_services_do_not_share_a_port() -> None:
    services = {"web": {"ports": [port(8080, 80)]}, "db": {"ports": [port(8080, 5432)]}}
    [problem] = refused(facts(services)).problems
    assert problem.code == "port-twice"


def test_a_service_that_is_not_planned_takes_no_port() -> None:
    services = {"web": {"ports": [port(8080, 80)]}, "db": {"profiles": ["data"], "ports": [port(8080, 5432)]}}
    assert compute(facts(services), "core").names() == ["web"]


def test_a_port_knows_its_variable() -> None:
    found = facts(
        {"web": {"ports": [port(63021, 80), port(9000, 9000, "0.0.0.0")]}},
        entries={"web": {"ports": {"WEB_PORT": 21}}},
        ports={"WEB_PORT": 63021},
    )
    assert compute(found, "core").services[0].ports == [
        Port("WEB_PORT", "127.0.0.1", 63021, 80),
        Port("", "0.0.0.0", 9000, 9000),
    ]


@pytest.mark.parametrize("published", ["", "8080-8090"])
def test_a_port_that_the_engine_chooses_is_none(published: str) -> None:
    services = {name: {"ports": [port(published, 80)]} for name in ("one", "two")}
    made = compute(facts(services), "core")
    assert [service.ports[0].host for service in made.services] == [None, None]


LIMIT = {"resources": {"limits": {"memory": "1024"}}}


def test_a_service_carries_what_is_printed_of_it() -> None:
    found = facts(
        {"web": {"restart": "no", "build": {"context": "."}, "deploy": {"replicas": 2, **LIMIT}}},
        entries={"web": {"about": "A page", "url": "http://web:80"}},
        options={"web": ["build"]},
        sources={"web": "build"},
    )
    [web] = compute(found, "core").services
    assert (web.about, web.url, web.source) == ("A page", "http://web:80", "build")
    assert (web.one_shot, web.built, web.containers, web.memory_bytes) == (True, True, 2, 1024)


def test_the_files_are_those_of_the_whole_catalogue_in_order() -> None:
    found = facts({"b": {}, "a": {}}, options={"a": ["build"]}, sources={"a": "build"})
    assert compute(found, "core").files == ["compose/a.yml", "overrides/a/build.yml", "compose/b.yml"]


def test_nothing_selected_is_an_empty_plan() -> None:
    made = plan.compute(facts({"web": {}}), Selection(()))
    assert (made.services, made.order, made.left_out) == ([], [], [])


def test_a_network_layout_comes_last_and_only_where_it_is_chosen() -> None:
    base = Fragment("base", ("compose/base.yml",), {"split": ("overrides/base/split.yml",)}, ())
    catalog = Catalog(facts({"a": {}}).catalog.fragments, {}, base)
    chosen = {"a": "container"}
    assert plan.file_list(catalog, chosen) == ["compose/base.yml", "compose/a.yml"]
    assert plan.file_list(catalog, chosen, "split")[-1] == "overrides/base/split.yml"
