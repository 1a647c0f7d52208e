"""Doctor as a user meets it where little is there: it says just that, and checks what it can."""

from collections.abc import Callable, Mapping

from tests.support import Checkout, Done, fragment

Tree = Callable[[Mapping[str, str]], Checkout]


def _grades(done: Done) -> dict[str, str]:
    return {row["id"]: row["grade"] for row in done.json["data"]["checks"]}


def _wrong(done: Done) -> set[str]:
    return {name for name, grade in _grades(done).items() if grade == "error"}


def test_without_an_engine_and_without_env_it_says_just_that(pair: Checkout) -> None:
    before = pair.digest()
    done = pair.inv_json("doctor")
    assert done.code == 1, done
    assert _wrong(done) == {"engine"}
    assert {"files": "ok", "plan": "ok", "env-mode": "skipped", "unhealthy": "skipped"}.items() <= _grades(done).items()
    assert [problem["code"] for problem in done.problems] == ["doctor"]
    assert set(done.json["data"]["checks"][0]) == {"id", "section", "grade", "seen", "causes", "fix"}
    assert pair.digest() == before


def test_a_broken_fragment_is_one_finding_and_the_rest_is_skipped_for_it(pair: Checkout) -> None:
    pair.write("compose/broken.yml", "services: [")
    done = pair.inv("doctor", "--json")
    assert _wrong(done) == {"engine", "files"}
    rows = {row["id"]: row for row in done.json["data"]["checks"]}
    assert "compose/broken.yml" in rows["files"]["seen"]
    assert rows["plan"]["grade"] == "skipped"


def test_a_broken_line_of_env_is_one_finding_and_the_rest_is_skipped_for_it(pair: Checkout) -> None:
    pair.write(".env", "no assignment here\n").chmod(0o600)
    done = pair.inv("doctor", "--json")
    assert _wrong(done) == {"engine", "env-file"}
    rows = {row["id"]: row for row in done.json["data"]["checks"]}
    assert (rows["files"]["grade"], rows["files"]["seen"]) == ("skipped", "env-file tells the cause")
    assert rows["plan"]["seen"] == "this line has no = [.env:1]"


def test_a_setting_that_only_the_user_can_know_is_told_without_an_engine_as_well(pair: Checkout) -> None:
    pair.write("compose/mail.yml", fragment("mail", body='environment: {SENDER: "${MAIL_SENDER}"}'))
    assert "settings-missing" in _wrong(pair.inv("doctor", "--json"))
    pair.inv("env.set", "MAIL_SENDER", "me@example.org")
    assert _grades(pair.inv("doctor", "--json"))["settings-missing"] == "skipped"


def test_a_cycle_is_the_plan_s_finding(pair: Checkout) -> None:
    ring = "services: {{{0}: {{image: x:1, profiles: [core], depends_on: [{1}]}}}}\n"
    pair.write("compose/one.yml", ring.format("one", "two"))
    pair.write("compose/two.yml", ring.format("two", "one"))
    done = pair.inv("doctor", "--json", "--check", "plan", "--check", "files")
    assert _wrong(done) == {"plan"}


def test_env_that_others_can_read_is_found_and_mended_only_when_agreed(pair: Checkout) -> None:
    env = pair.write(".env", "PROJECT_NAME=p\n")
    env.chmod(0o644)
    asked = pair.inv("doctor", "--check", "env-mode", "--fix")
    assert asked.code == 1
    assert "✗ env-mode  .env has mode 0644" in asked.out
    assert "will do: chmod 600 .env" in asked.err
    assert "nothing was mended" in asked.err
    assert env.stat().st_mode & 0o777 == 0o644
    done = pair.inv("doctor", "--check", "env-mode", "--fix", "--yes")
    assert done.code == 0, done
    assert env.stat().st_mode & 0o777 == 0o600
    assert env.read_text() == "PROJECT_NAME=p\n"


def test_an_unknown_check_or_service_is_a_wrong_usage(pair: Checkout) -> None:
    for flag, name in (("--check", "env-mod"), ("--service", "web-")):
        done = pair.inv("doctor", flag, name, "--json")
        assert done.code == 2, done
        assert done.problems[0]["where"] == flag


def test_a_report_is_written_once_and_never_over_another_file(pair: Checkout) -> None:
    assert pair.inv("doctor", "--check", "files", "--bundle", "report.tar.gz").code == 0
    again = pair.inv("doctor", "--check", "files", "--bundle", "report.tar.gz", "--json")
    assert again.problems[0]["code"] == "exists"
