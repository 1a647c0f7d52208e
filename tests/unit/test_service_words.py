"""What the words of `add-service` and `route.add` may be, and what is said of those that can't."""

from typing import Any

import pytest

from stack import yamlfile
from stack.authoring import addition, doors, typed
from stack.authoring.definition import Definition, Edge, Mount
from stack.env.variables import variables
from stack.errors import USAGE, StackError
from stack.planning import catalog
from stack.planning.catalog import Catalog

TEXT = "x-stack: {db: {about: data}}\nservices: {db: {image: 'example/db:1'}}\n"
FRAGMENTS, BASE = catalog.arrange(["compose/db.yml"], [""])
READ = catalog.read_file("compose/db.yml", yamlfile.load("", TEXT), variables(TEXT))
FOUND = Catalog(FRAGMENTS, {"compose/db.yml": READ}, BASE)
IMAGE: dict[str, Any] = {"image": "example/app:1"}
NO_CHECKOUT: Any = None


def definition(name: str = "mine", **words: Any) -> Definition:
    made = typed.definition(name, typed.Words(**words), NO_CHECKOUT)
    addition.check(FOUND, made)
    return made


def test_words_become_a_definition() -> None:
    made = definition(
        **IMAGE, port=("80", "90"), depends_on=("db:started?",), env=("A=b=c",), secret=("MY_KEY", "MY_OTHER:sk"),
        volume=("data:/data", "./conf:/conf:ro"), source=("localhost",), memory="1.5g", replicas="2",
    )  # fmt: skip
    assert (made.ports, made.profiles, made.env, made.replicas) == ([80, 90], ["app"], {"A": "b=c"}, 2)
    assert made.depends_on == [Edge("db", "started", optional=True)]
    assert made.secrets == {"MY_KEY": "hex", "MY_OTHER": "sk"}
    assert made.volumes == [Mount("data", "/data"), Mount("./conf", "/conf", read_only=True)]


@pytest.mark.parametrize(
    ("words", "said", "where", "fix"),
    [
        ({"port": ("1",)}, "an --image or a --build", "--image", "--image REF"),
        ({"build": "nowhere"}, "no folder nowhere", "--build", "folder"),
        ({"image": "A:1"}, "'A:1' is no image", "--image", "redis:7.4"),
        ({**IMAGE, "port": ("70000",)}, "from 1 to 65535", "--port", "--port 8000"),
        ({**IMAGE, "route": ("/x",)}, "needs the container's port", "--port", "8000"),
        ({**IMAGE, "depends_on": ("dbb",)}, "no service 'dbb'", "--depends-on", '"db"?'),
        ({**IMAGE, "depends_on": ("db:heathy",)}, "no condition 'heathy'", "--depends-on", '"healthy"?'),
        ({**IMAGE, "alias": ("db",)}, "db is a service's own name", "--alias", "another"),
        ({**IMAGE, "env": ("A",)}, "expected KEY=VALUE", "--env", "LOG_LEVEL"),
        ({**IMAGE, "secret": ("A:md5",)}, "is no NAME:KIND", "--secret", "hex"),
        ({**IMAGE, "volume": ("/etc:/x",)}, "expected NAME:/path", "--volume", "data:/data"),
        ({**IMAGE, "source": ("lokalhost",)}, "no 'lokalhost'", "--source", '"localhost"?'),
        ({**IMAGE, "memory": "much"}, "'much' is no size", "--memory", "512m"),
        ({**IMAGE, "replicas": "0"}, "expected a whole number", "--replicas", "--replicas 1"),
    ],
)
def test_a_word_that_says_nothing_is_told_with_what_to_type(
    words: dict[str, Any], said: str, where: str, fix: str
) -> None:
    with pytest.raises(StackError) as refused:
        definition(**words)
    [problem] = refused.value.problems
    assert refused.value.exit_code == USAGE
    assert said in problem.message
    assert where in problem.where
    assert fix in problem.fix


@pytest.mark.parametrize("name", ["my_app", "a" * 41, "a--b", "a-", "1a", "", "all", "any", "db"])
def test_a_name_that_can_not_be_is_refused(name: str) -> None:
    with pytest.raises(StackError) as refused:
        definition(name, **IMAGE)
    assert [problem.code for problem in refused.value.problems] == ["name"]


@pytest.mark.parametrize(
    ("path", "host", "said"),
    [("", "", "a path or a host"), ("/x", "x", "a path or a host"), ("x", "", "is no path"), ("/", "", "not / alone"),
     ("/a//b", "", "is no path"), ("/a b", "", "is no path"), ("", "X!", "is no name"), ("", "a..b", "is no name")],
)  # fmt: skip
def test_a_way_in_that_can_not_be_is_refused(path: str, host: str, said: str) -> None:
    with pytest.raises(StackError) as refused:
        doors.door(path, host, 80, "none", health_checks=False)
    assert said in refused.value.problems[0].message


def test_a_way_in_has_the_services_name_or_its_own_behind_it() -> None:
    assert doors.name("mine", doors.door("/mine/", "", 80, "none", False)) == "mine"
    assert doors.name("mine", doors.door("/v1/other.json", "", 80, "none", False)) == "mine-v1-other-json"
    assert doors.door("", "pages", 80, "none", False).host == "pages.localhost"
    assert doors.door("", "pages.example.org", 80, "none", False).host == "pages.example.org"
