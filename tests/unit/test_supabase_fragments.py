"""Who may do what in Supabase's fragments."""

import re
from pathlib import Path
from typing import Any

from stack import yamlfile

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "compose").glob("supabase-*.yml"))
SERVICES: dict[str, Any] = {
    name: service for path in FILES for name, service in yamlfile.load(path.name, path.read_text())["services"].items()
}


def holders(secret: str) -> set[str]:
    """The services whose environment has a secret."""
    return {name for name, service in SERVICES.items() if f"${{{secret}}}" in str(service.get("environment"))}


def test_only_the_jobs_and_realtime_work_as_the_superuser() -> None:
    lasting = {name for name in holders("SUPABASE_ADMIN_PASSWORD") if SERVICES[name]["restart"] != "no"}
    assert lasting == {"supabase-db", "supabase-realtime"}


def test_each_database_role_has_a_password_that_only_its_service_and_its_job_know() -> None:
    for name in ("auth", "api", "storage"):
        service = f"supabase-{name}"
        assert holders(f"SUPABASE_{name.upper()}_DB_PASSWORD") == {service, f"{service}-db"}
    # Studio hands its own to supabase-meta with each question.
    meta = {"supabase-meta", "supabase-meta-db", "supabase-studio"}
    assert holders("SUPABASE_META_DB_PASSWORD") == meta


def test_what_asks_nobody_who_they_are_publishes_no_port() -> None:
    unasking = {name for name, service in SERVICES.items() if service["restart"] != "no" and not service.get("ports")}
    assert unasking == {"supabase-meta", "supabase-studio", "supabase-imgproxy"}


def test_sign_up_is_closed_and_the_password_hashes_are_no_part_of_the_api() -> None:
    assert SERVICES["supabase-auth"]["environment"]["GOTRUE_DISABLE_SIGNUP"].endswith(":-true}")
    assert SERVICES["supabase-auth"]["environment"]["GOTRUE_MAILER_AUTOCONFIRM"].endswith(":-false}")
    schemas = SERVICES["supabase-api"]["environment"]["PGRST_DB_SCHEMAS"]
    assert "auth" not in re.split(r"[-:,{}]", schemas)
