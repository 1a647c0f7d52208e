"""Why a service is in the plan, or why it is not."""

from stack.planning import plan, reasons
from stack.planning.plan import Selection
from stack.planning.reasons import Need
from tests.synthetic import facts, needs

FACTS = facts(
    {
        "web": {"depends_on": needs("job", optional=["cache"])},
        "job": {"depends_on": needs("db"), "profiles": []},
        "db": {"profiles": ["data"]},
        "cache": {},
        "idle": {"profiles": ["ai", "extra"]},
        "off": {"profiles": ["ai"]},
    },
    off=["off"],
)
CORE = Selection(("core",))
MADE = plan.compute(FACTS, CORE)


def why(name: str) -> list[str]:
    return reasons.planned(FACTS, MADE, CORE, name)


def test_what_a_profile_has_is_there_for_itself() -> None:
    assert why("web") == ["web is in the plan: profile core has it"]


def test_what_is_required_is_there_by_the_way_down_to_it() -> None:
    assert why("db") == [
        "db is in the plan: web, of profile core, requires it (web → job → db)",
        "job requires it: it starts once db is started",
    ]


def test_who_lives_without_is_told_as_that() -> None:
    assert why("cache")[1] == "web uses it, and lives without: it starts once cache is started"
    assert reasons.needs(MADE, "cache") == [Need("web", "service_started", False)]


def test_a_service_that_is_asked_for_says_so() -> None:
    selection = Selection((), ("idle",))
    made = plan.compute(FACTS, selection)
    assert reasons.planned(FACTS, made, selection, "idle") == ["idle is in the plan: --service has it"]


def test_what_is_not_selected_names_its_profiles_and_how_to_have_it() -> None:
    said, fix = reasons.absent(FACTS, MADE, "idle")
    assert said.endswith("it is of profiles ai, extra, all")
    assert fix == "./inv up --profile ai"


def test_what_is_disabled_says_by_which_setting() -> None:
    said, fix = reasons.absent(FACTS, MADE, "off")
    assert said == "off is not in the plan: OFF_SOURCE is disabled"
    assert fix == "./inv source --service off --to container"


def test_what_has_no_profile_is_started_by_its_name() -> None:
    lone = facts({"web": {}, "lone": {"profiles": []}})
    said, fix = reasons.absent(lone, plan.compute(lone, CORE), "lone")
    assert "it has no profile" in said
    assert fix == "./inv up --service lone"
