"""What each service keeps and shares, as docs/scale.md tells it."""

from typing import Any

from stack.planning import scaling
from tests.synthetic import facts


def volume(name: str, read_only: bool = False) -> dict[str, Any]:
    return {"type": "volume", "source": name, "target": f"/{name}", "read_only": read_only}


FOUND = facts(
    {
        "db": {"volumes": [volume("data")]},
        "cache": {"volumes": [volume("models")]},
        "files": {"volumes": [volume("store")]},
        "web": {"environment": {"URL": "postgres://me:x@db:5432/web", "CACHE_HOST": "cache"},
                "deploy": {"replicas": 1}},
        "thumbs": {"volumes": [volume("store", read_only=True)]},
        "named": {"environment": {"DATABASE": "db", "NAME": "my-db:1"}},
        "uses": {"deploy": {"replicas": 2}},
        "job": {"restart": "no"},
        "extra": {},
    },
    companions={"extra": "web"},
    entries={"cache": {"backup": {"leave": {"models": "pulled again"}}},
             "uses": {"connections": ["db", "cache"], "scalable": False}},
    options={"web": ["external", "localhost", "build"]},
)  # fmt: skip
PAGE = "before\n<!-- by ./inv docs -->\nold\n<!-- end -->\nafter\n"


def rows() -> dict[str, list[str]]:
    """The cells of each row of the table."""
    page = scaling.with_table(PAGE, FOUND)
    lines = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| `")]
    return {cells[0].strip("`"): cells[1:] for cells in lines}


def test_a_volume_that_is_written_to_is_kept_unless_it_can_be_made_again() -> None:
    assert scaling.keeps(FOUND, "db") == ["data"]
    assert scaling.keeps(FOUND, "cache") == []
    assert rows()["cache"][0] == "nothing (`models` can be made again)"


def test_what_it_is_told_the_address_of_or_mounts_or_uses_is_shared() -> None:
    assert scaling.shares(FOUND, "web") == ["db"]
    assert scaling.shares(FOUND, "thumbs") == ["files"]
    assert scaling.shares(FOUND, "uses") == ["db"]


def test_a_database_of_a_service_s_name_is_not_the_service() -> None:
    assert scaling.shares(FOUND, "named") == []


def test_how_many_there_can_be_and_where() -> None:
    found = rows()
    assert found["web"][2:] == ["WEB_SCALE", "external, localhost"]
    assert found["uses"][2:] == ["one", "–"]
    assert found["extra"][2:] == ["one", "with it"]
    assert "job" not in found


def test_only_the_table_changes() -> None:
    page = scaling.with_table(PAGE, FOUND)
    assert page.startswith("before\n<!-- by ./inv docs -->\n| service |")
    assert page.endswith("|\n<!-- end -->\nafter\n")
    assert "old" not in page
