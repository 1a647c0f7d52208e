"""For any routes: what takes a request does not hang on their order, and nothing takes what is outside all of them."""

import itertools
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from stack.gateway import kongfile, routing, uri
from stack.gateway.routing import Match, Miss

BOUNDED = settings(max_examples=200, deadline=None)

SEGMENTS = ["a", "ab", "b"]
PATHS = ["/" + "/".join(parts) for count in (1, 2) for parts in itertools.product(SEGMENTS, repeat=count)]
PREFIXES = [path + end for path in PATHS for end in ("", "/")]
PATTERNS = [f"~{path}{end}" for path in PATHS for end in ("", "$", "(/|$)", "/?$")]
HOSTS = ["a.localhost", "b.localhost", "*.localhost", "a.*", "a.localhost:63002"]
ASKED = ["localhost", "localhost:63002", "a.localhost", "a.localhost:63002", "b.localhost", "a.example"]
METHODS = ["GET", "POST"]
PLUGINS = [{"name": name} for name in ("key-auth", "basic-auth", "request-termination")]


def some(items: list[Any], most: int = 2) -> st.SearchStrategy[list[Any]]:
    """One to `most` of the items in any order: one choice among all that there are takes a fraction of one for each."""
    return st.sampled_from([list(some) for count in range(most) for some in itertools.permutations(items, count + 1)])


route_shapes = st.fixed_dictionaries(
    # As many prefixes as patterns.
    {"paths": st.lists(st.sampled_from([*PREFIXES, *PREFIXES, *PATTERNS]), min_size=1, max_size=3, unique=True)},
    optional={
        "hosts": some(HOSTS),
        "methods": some(METHODS),
        "regex_priority": st.integers(0, 2),
        "strip_path": st.booleans(),
        "preserve_host": st.booleans(),
        "plugins": some(PLUGINS, 3),
    },
)
routes = st.lists(route_shapes, max_size=5).map(
    lambda shapes: [{"name": f"r{position}", **shape} for position, shape in enumerate(shapes)]
)
requests = st.tuples(st.sampled_from(METHODS), st.sampled_from(ASKED), st.sampled_from(["/", *PREFIXES]))


def table(listed: list[dict[str, Any]]) -> routing.Router:
    """The router of one service with these routes."""
    service = {"name": "s", "url": "http://s:8000/base", "routes": listed}
    return routing.router(kongfile.entities({"services": [service]}))


@BOUNDED
@given(routes, requests, st.randoms(use_true_random=False))
def test_the_order_of_the_routes_makes_no_difference(
    listed: list[dict[str, Any]], request: tuple[str, str, str], random: Any
) -> None:
    found = routing.match(table(listed), *request)
    assume(not isinstance(found, Match) or not found.also)
    mixed = list(listed)
    random.shuffle(mixed)
    assert routing.match(table(mixed), *request) == found


@BOUNDED
@given(routes, requests)
def test_without_a_prefix_that_fits_nothing_is_taken(
    listed: list[dict[str, Any]], request: tuple[str, str, str]
) -> None:
    method, host, path = request
    assert isinstance(routing.match(table(listed), method, host, f"/outside{path}"), Miss)


@BOUNDED
@given(routes, requests)
def test_the_taker_would_take_the_request_alone_as_well_and_of_a_miss_none_would(
    listed: list[dict[str, Any]], request: tuple[str, str, str]
) -> None:
    found = routing.match(table(listed), *request)
    if isinstance(found, Miss):
        assert all(isinstance(routing.match(table([route]), *request), Miss) for route in listed)
        return
    route = next(one for one in listed if one["name"] == found.route)
    assert request[0] in route.get("methods", METHODS)
    alone = routing.match(table([route]), *request)
    assert isinstance(alone, Match)
    assert (alone.path, alone.host, alone.auth) == (found.path, found.host, found.auth)


@BOUNDED
@given(st.text("/ab.%2fFe?", max_size=20).map(lambda text: f"/{text}"))
def test_a_path_made_plain_stays_as_it_is(path: str) -> None:
    plain = uri.normalized(path)
    assert plain.startswith("/")
    assert "//" not in plain
    assert not {".", ".."} & set(plain.split("/"))
