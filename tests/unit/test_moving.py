"""What images move to, and what is said of it."""

from datetime import date

from stack.commands import outdated
from stack.planning import pins
from stack.planning.changes import Change
from stack.planning.locks import Locked
from stack.planning.pins import Pin
from stack.planning.plan import Service
from stack.running import moving
from stack.running.history import Image
from stack.running.moving import Move
from stack.running.registries import Answer, Manifest

OLD, NEW = "sha256:" + "1" * 64, "sha256:" + "2" * 64
NOW = Answer("r.example", manifest=Manifest(NEW, ["linux/amd64"], 5 * 2**20, "", "sha256:c"))
SILENT = Answer("r.example", why="no answer", silent=True)
TODAY = date(2026, 11, 29)
REDIS = Pin(["redis:7.4.1"], "then", "7.4.2", "a page", TODAY, next="8 is another one", moving="back up first")


def service(name: str, image: str) -> Service:
    return Service(name, name, "", "container", image, False, 1, False, [], {}, 0, None, None)


def test_what_is_locked_moves_to_what_the_registry_has_and_the_rest_stays() -> None:
    table = {"redis:7": Locked(OLD), "app:1": Locked(NEW), "quiet:1": Locked(OLD)}
    made = moving.relocked(table, {"redis:7": NOW, "app:1": NOW, "quiet:1": SILENT, "new:1": NOW})
    assert {name: one.digest for name, one in made.items()} == {
        "redis:7": NEW, "app:1": NEW, "quiet:1": OLD, "new:1": NEW,
    }  # fmt: skip
    assert made["app:1"] is table["app:1"]
    assert moving.relocked({}, {"redis:7": NOW}) == {}


def test_a_tag_is_stale_where_this_machine_has_it_by_another_digest_alone() -> None:
    answers = {"redis:7": NOW, "app:1": NOW, "gone:1": NOW, "quiet:1": SILENT, "loaded:1": NOW}
    digests = {"redis:7": [OLD], "app:1": [OLD, NEW], "quiet:1": [OLD], "loaded:1": []}
    assert moving.stale(answers, digests) == ["loaded:1", "redis:7"]


def test_steps_have_their_services_order_and_what_the_table_says() -> None:
    services = [service("store", "mirror/library/redis:7.4.2"), service("app", "app:1"), service("still", "still:1")]
    changed = [Change("app", "recreate", ["environment.MODE"]), Change("store", "recreate", ["image"])]
    ran = {"store": Image("redis:7.4.1", "redis:7.4.1", "sha256:a")}
    found = moving.moves(
        services, changed, {"store": "redis:7.4.2", "app": "app:1"}, ran, {"redis:7.4.2": NOW}, [REDIS]
    )
    assert found == [
        Move("store", "redis:7.4.1", "mirror/library/redis:7.4.2", ["image"], 5 * 2**20, "back up first"),
        Move("app", "", "app:1", ["environment.MODE"]),
    ]
    assert moving.preview(found) == [
        "store: redis:7.4.1 → mirror/library/redis:7.4.2 (image, 5 MiB at most)", "  back up first",
        "app: app:1 (environment.MODE)",
    ]  # fmt: skip


def test_a_pins_row_is_found_by_any_mirror_and_no_longer_name() -> None:
    for image in ("redis:1", f"redis@{OLD}", "mirror:5000/hub/library/redis:9"):
        assert pins.row_of(image, [REDIS]) is REDIS
    assert pins.row_of("my-redis:1", [REDIS]) is None


def test_what_is_behind_has_the_words_of_the_table() -> None:
    [row] = outdated.compared(REDIS, {"redis:7.4.1": Answer("r", ["7.4.1", "7.4.9", "8.0.0"])}, TODAY)
    assert (row.newest, row.beyond, row.moving, row.breaks) == ("7.4.9", "8.0.0", "back up first", "8 is another one")
    [row] = outdated.compared(REDIS, {"redis:7.4.1": Answer("r", ["7.4.1"])}, TODAY)
    assert (row.moving, row.breaks) == ("", "")
