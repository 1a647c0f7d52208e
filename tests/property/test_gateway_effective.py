"""For any gateway file: what is made of it leads to planned services alone and loses nothing else."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from stack.gateway import kongfile
from stack.gateway.declared import address, compose_service, target_address, upstream_named
from stack.gateway.effective import effective

BOUNDED = settings(max_examples=100, deadline=None)

SERVICES = ["redis", "backend", "ollama", "supabase-realtime"]
HOSTS = [*SERVICES, "alias.ollama", "Backend", "balanced", "example.com", ""]

texts = st.one_of(
    st.sampled_from(["on", "no", "12:30:45", "0777", "1e5", "~", "${SUPABASE_ANON_KEY}", "a: b", "- x", "\\", '"']),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=10,
)
names = st.sampled_from(["a", "b", "c", "d"])


def some(item: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(item, max_size=3)


plugins = st.fixed_dictionaries(
    {"name": texts}, optional={"config": values, "service": names, "route": names, "enabled": st.booleans()}
)
nested_plugins = st.fixed_dictionaries({"name": texts}, optional={"config": values})
routes = st.fixed_dictionaries(
    {"paths": st.lists(texts, max_size=2)}, optional={"name": names, "plugins": some(nested_plugins)}
)
by_url = st.builds(lambda host: {"url": f"http://{host}:80/"}, st.sampled_from(HOSTS))
by_host = st.builds(lambda host: {"host": host}, st.sampled_from(HOSTS))
services = st.builds(
    lambda place, rest: place | rest,
    by_url | by_host,
    st.fixed_dictionaries({}, optional={"name": names, "routes": some(routes), "plugins": some(nested_plugins)}),
)
targets = st.builds(lambda host: {"target": f"{host}:80"}, st.sampled_from(HOSTS))
documents = st.fixed_dictionaries(
    {"_format_version": st.just("3.0")},
    optional={
        "services": some(services),
        "routes": some(
            st.builds(
                lambda route, service: route | service,
                routes,
                st.fixed_dictionaries({}, optional={"service": names}),
            )
        ),
        "plugins": some(plugins),
        "upstreams": some(st.fixed_dictionaries({"name": st.just("balanced"), "targets": some(targets)})),
        "consumers": some(st.fixed_dictionaries({"username": texts}, optional={"tags": values})),
    },
)
planned_sets = st.sets(st.sampled_from(SERVICES))


def read(text: str) -> kongfile.Entities:
    return kongfile.entities(kongfile.read(text))


@BOUNDED
@given(values)
def test_whatever_is_written_reads_back_the_same(value: Any) -> None:
    document = {"value": value}
    assert kongfile.read(kongfile.write(document)) == document


@BOUNDED
@given(documents, planned_sets)
def test_only_planned_services_are_led_to(document: dict[str, Any], planned: set[str]) -> None:
    found = read(effective(kongfile.write(document), planned))
    for target in found["targets"]:
        assert compose_service(target_address(target)[0]) in planned
    for service in found["services"]:
        host = address(service)[0]
        assert upstream_named(found, host) or compose_service(host) in planned


@BOUNDED
@given(documents, planned_sets)
def test_nothing_refers_to_what_is_gone(document: dict[str, Any], planned: set[str]) -> None:
    found = read(effective(kongfile.write(document), planned))
    assert [e.path for kind in found.values() for e in kind if None in e.parents.values()] == []


@BOUNDED
@given(documents, planned_sets)
def test_consumers_and_what_belongs_to_no_service_stay(document: dict[str, Any], planned: set[str]) -> None:
    before, after = read(kongfile.write(document)), read(effective(kongfile.write(document), planned))
    assert [c.value for c in after["consumers"]] == [c.value for c in before["consumers"]]
    for kind in ("plugins", "routes"):
        kept = [entity.value for entity in after[kind]]
        assert all(entity.value in kept for entity in before[kind] if not entity.parents)


@BOUNDED
@given(documents, planned_sets)
def test_made_again_of_the_result_it_is_the_same(document: dict[str, Any], planned: set[str]) -> None:
    once = effective(kongfile.write(document), planned)
    assert effective(once, planned) == once


@BOUNDED
@given(documents)
def test_with_every_service_planned_no_service_that_leads_to_one_is_lost(document: dict[str, Any]) -> None:
    before, after = read(kongfile.write(document)), read(effective(kongfile.write(document), set(SERVICES)))
    kept = [address(service) for service in after["services"]]
    wanted = [address(s) for s in before["services"] if compose_service(address(s)[0]) in SERVICES]
    assert all(place in kept for place in wanted)
