"""The quality gate over a real database: what is well passes, what is not is named, with what to
do.
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from below_the_line.accounting.hourly_audit import (
    AuditFailedError,
    Line,
    Recorded,
    audit_and_record,
)
from below_the_line.closing.windows import apply_windows
from below_the_line.metrics.dirty_run import recompute_dirty
from below_the_line.quality.checks import SEVERITIES, SUITES, checks
from below_the_line.quality.gate import GateFailedError, Outcome, run_gate
from below_the_line.settings import Settings
from btl.stack.stack import Stack
from tests.databases import with_database
from tests.sql.newsroom import Newsroom, t, two_discussions

pytestmark = [
    pytest.mark.stack,
    # What Great Expectations and the libraries below it still do.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::PendingDeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def room(connection: psycopg.Connection) -> Newsroom:
    return two_discussions(connection)


@pytest.fixture
def scheduler_url(room: Newsroom, database_url: str) -> str:  # noqa: ARG001 - it must be there
    """This test's database as the role of the DAGs."""
    as_role = Stack(Path(os.environ["BTL_TEST_HOME"])).database_url("btl_scheduler")
    return with_database(as_role, str(conninfo_to_dict(database_url)["dbname"]))


@pytest.fixture
def check(scheduler_url: str, tmp_path: Path) -> Callable[[str], Outcome]:
    return lambda run_id: run_gate(scheduler_url, tmp_path / "quality", run_id)


def test_every_expectation_says_what_is_wrong_how_bad_that_is_and_what_to_do() -> None:
    assert {each.suite for each in checks()} == {*SUITES}
    for each in checks():
        assert each.severity in SEVERITIES
        assert each.problem
        assert not each.problem.endswith(".")
        assert each.hint
        assert (each.query is None) != (each.expectation is None)
    assert len({(each.suite, each.name) for each in checks()}) == len(checks())


def test_what_is_well_passes_and_is_written_down_with_the_pages_of_the_last_runs(
    check: Callable[[str], Outcome], scheduler_url: str, connection: psycopg.Connection
) -> None:
    outcome = check("first")
    assert [str(result) for result in (*outcome.failed, *outcome.warned)] == []
    assert len(outcome.results) == len(checks())
    rows = connection.execute(
        "select suite, expectation from metrics.quality_results where success"
    ).fetchall()
    assert {*rows} == {(each.suite, each.name) for each in checks()}
    page = outcome.data_docs.read_text(encoding="utf-8")
    assert "engagement" in page
    check("second")
    assert _runs(outcome) == {"first", "second"}
    run_gate(scheduler_url, outcome.data_docs.parent.parent, "third", kept_runs=2)
    assert _runs(outcome) == {"second", "third"}
    index = outcome.data_docs.read_text(encoding="utf-8")
    assert "third" in index
    assert "first" not in index, "what is gone is not linked to"


def _runs(outcome: Outcome) -> set[str]:
    """The runs that files are kept of."""
    results, pages = (
        {folder.name for folder in kept.glob("*/*/")}
        for kept in (
            outcome.data_docs.parent.parent / "validations",
            outcome.data_docs.parent / "validations",
        )
    )
    assert results == pages
    return results


def test_a_lost_mark_is_found_and_says_what_to_do(
    check: Callable[[str], Outcome], room: Newsroom, connection: psycopg.Connection
) -> None:
    for article in ("a", "b"):
        room.comment("c3", "05-01 15:00", article=article)
    connection.execute("insert into ingest.dirty_articles (article_id) values ('b')")
    (lost,) = check("lost").failed
    assert lost.check.name == "comments_are_counted"
    (example,) = lost.examples
    assert (example["article_id"], example["counted"], example["posted"]) == (
        "a",
        2,
        3,
    ), "what is marked waits"
    assert "btl metrics rebuild --articles" in str(lost)


FAULTS: Mapping[str, str] = {
    "base.report_twice": (
        "insert into discussion.reports select article_id, comment_id, 'p1 again',"
        " reporter_user_id, reporter_anonymous_id, reason, note, law, reported_at,"
        " reported_version, withdrawn_at, withdrawn_version from discussion.reports where"
        " article_id = 'a'"
    ),
    "base.decision_without_event": (
        "update discussion.comments set decision = 'rejected', decided_at = now(),"
        " decision_version = 'x' where article_id = 'a' and comment_id = 'c1'"
    ),
    "base.article_without_event": (
        "update discussion.articles set site = 'weekly' where article_id = 'b'"
    ),
    "base.edit_without_event": (
        "update discussion.comments set edited_body = 'x', edited_at = now(), edited_version = 'x'"
        " where article_id = 'a' and comment_id = 'c1'"
    ),
    "base.window_contradicts_itself": (
        "update discussion.windows set state = 'open' where article_id = 'a'"
    ),
    "metrics.engagement_adds_up": (
        "update metrics.article_engagement set comments_visible = 9 where article_id = 'a'"
    ),
    "metrics.abuse_adds_up": (
        "update metrics.article_abuse_reasons set reports = 2, void = 1 where article_id = 'a'"
    ),
    "metrics.hours_add_up": (
        "delete from metrics.article_hourly where article_id = 'a' and reports = 1"
    ),
    "metrics.days_add_up": "update metrics.site_daily set comments = 7",
    "metrics.article_without_figures": (
        "insert into discussion.articles (article_id) values ('lost')"
    ),
    "metrics.comments_are_counted": (
        "delete from discussion.comments where article_id = 'b' and comment_id = 'c2'"
    ),
    "metrics.reply_share_is_a_share": (
        "update metrics.article_engagement set reply_share = 1.5 where article_id = 'a'"
    ),
    "metrics.state_is_known": (
        "alter table metrics.article_engagement drop constraint article_engagement_state_check;"
        " update metrics.article_engagement set state = 'ajar' where article_id = 'a'"
    ),
    "base.article_unknown_for_a_day": (
        "delete from discussion.article_versions where article_id = 'a'"
    ),
    "base.comment_is_of_somebody": "update discussion.comments set role = 'robot'",
    "freshness.marks_wait": (
        "insert into ingest.dirty_articles (article_id, marked_at) values ('a', now() - interval"
        " '1 h')"
    ),
    "freshness.nothing_ingested": (
        "insert into ingest.batches (consumer_group, topic, partition, incarnation, kind,"
        " first_offset, next_offset, records, applied, unchanged, dead_lettered, committed_at)"
        " values ('g', 't', 0, 1, 'batch', 0, 1, 1, 1, 0, 0, now() - interval '2 days')"
    ),
    "freshness.barrier_old": (
        "insert into ingest.barriers (attempt_id, run_id, consumer_group, taken_at, cut_off,"
        " passed_at) values ('r', 'r', 'g', now() - interval '3 h', now() - interval '3 h', now())"
    ),
    "freshness.comments_of_yesterday": (
        "insert into metrics.site_daily select 'daily', (now() at time zone 'UTC')::date - 1 - 7 *"
        " week, 'UTC', 1, 100, 0, 1, 0, 0, 0, 0, now(), 1, null from generate_series(1, 4) as week"
    ),
    "freshness.shares_of_yesterday": (
        "insert into metrics.site_daily select 'loud', (now() at time zone 'UTC')::date - 1 - 7 *"
        " week, 'UTC', 1, 100, 0, 1, 0, case week when 0 then 25 else 2 end, 1, 0, now(), 1, null"
        " from generate_series(0, 4) as week"
    ),
}


def test_each_expectation_is_seen_to_fail(
    check: Callable[[str], Outcome], connection: psycopg.Connection
) -> None:
    """All faults at once: a run takes seconds."""
    for fault in FAULTS.values():
        connection.execute(fault.encode())
    outcome = check("faults")
    found = {
        f"{result.check.suite}.{result.check.name}": result
        for result in (*outcome.failed, *outcome.warned)
    }
    assert {*FAULTS} <= {*found}
    for name in FAULTS:
        assert found[name].error is None
        assert found[name].unexpected, name
        assert found[name].examples, name
    assert str(found["base.report_twice"]).startswith(
        "discussion.reports: one reader reported the same comment for the same reason at the same"
        ' time twice (1 row), e.g. [{"article_id": "a", "comment_id": "c1", "report_id": "p1 again"'
    )
    error = GateFailedError(outcome)
    assert "no figures become final until they are" in str(error)
    assert str(found["metrics.engagement_adds_up"]) in str(error)
    stored = connection.execute(
        "select unexpected, examples, message, cure from metrics.quality_results"
        " where run_id = 'faults' and expectation = 'engagement_adds_up'"
    ).fetchone()
    assert stored is not None
    assert stored[0] == 1
    assert stored[1][0]["article_id"] == "a"
    assert "bodies" not in json.dumps(stored[1])


def test_while_the_gate_fails_nothing_becomes_final_and_afterwards_it_does(
    room: Newsroom, connection: psycopg.Connection
) -> None:
    def ran(run_id: str, success: bool, ago: str) -> None:
        connection.execute(
            "insert into metrics.quality_results values (%s, now() - %s::interval, 'base', 'x',"
            " 'discussion.comments', null, 'fail', %s, 'wrong', 'mend it', null, '[]')",
            [run_id, ago, success],
        )

    def final(article: str) -> bool:
        apply_windows(connection, t("07-01 00:00"))
        recompute_dirty(connection)
        return bool(room.engagement(article)["final"])

    ran("good", True, "3 hours")
    ran("bad", False, "2 hours")
    ran("still bad", False, "1 hour")
    assert connection.execute(
        "select now() - metrics.blocked_since() between '119 min' and '121 min'"
    ).fetchone() == (True,)
    room.publish("05-10 10:00", article="c", window_hours=300)
    room.comment("c1", "05-10 12:00", article="c")
    connection.execute("insert into ingest.dirty_windows (article_id) values ('a'), ('c')")
    assert not final("c")
    assert not final("c"), "also when it is looked at again"
    assert final("a"), "what was final stays so"
    ran("mended", True, "1 second")
    apply_windows(connection, t("07-01 00:05"))
    recompute_dirty(connection)
    assert room.engagement("c")["final"], "without any mark: what was withheld is due"


def test_a_run_that_does_not_get_through_blocks_until_one_does(
    check: Callable[[str], Outcome], connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    class TimedOut(BaseException):
        """As Airflow's is: no Exception."""

    def crash(*_: object) -> None:
        raise TimedOut("no space left\non device")

    with monkeypatch.context() as broken:
        broken.setattr("below_the_line.quality.gate._check", crash)
        with pytest.raises(TimedOut):
            check("scheduled/1")
    stored = connection.execute(
        "select distinct success, message from metrics.quality_results"
    ).fetchall()
    assert stored == [(False, "could not be checked: TimedOut: no space left on device")]
    assert connection.execute("select metrics.blocked_since() is not null").fetchone() == (True,)
    # The same run, tried again; no path is made of its name.
    assert check("scheduled/1").failed == []
    assert connection.execute(
        "select bool_and(success) from metrics.quality_results"
    ).fetchone() == (True,)
    assert connection.execute("select metrics.blocked_since()").fetchone() == (None,)


def test_a_gate_that_nobody_runs_any_more_blocks_nothing(connection: psycopg.Connection) -> None:
    connection.execute(
        "insert into metrics.quality_results values ('old', now() - interval '25 hours', 'base',"
        " 'x', 'discussion.comments', null, 'fail', false, 'wrong', 'mend it', null, '[]')"
    )
    assert connection.execute("select metrics.blocked_since()").fetchone() == (None,)


@pytest.fixture
def audit(scheduler_url: str, kafka_bootstrap: str) -> Callable[[], Recorded]:
    settings = Settings.model_validate(
        {"kafka_bootstrap": kafka_bootstrap, "consumer_group": "audited"}
    )

    def run() -> Recorded:
        with psycopg.connect(scheduler_url, autocommit=True) as connection:
            return audit_and_record(connection, settings)

    return run


def test_an_audit_keeps_what_it_saw_and_what_does_not_add_up_is_an_error(
    audit: Callable[[], Recorded], connection: psycopg.Connection
) -> None:
    assert audit().wrong == []
    connection.execute(
        "insert into ingest.batches (consumer_group, topic, partition, incarnation, kind,"
        " first_offset, next_offset, records, applied, unchanged, dead_lettered) values ('audited',"
        " 'articles', 0, 1, 'batch', 0, 9, 9, 5, 2, 2), ('audited', 'articles', 0, 1, 'batch', 11,"
        " 12, 1, 1, 0, 0)"
    )
    connection.execute("update metrics.article_abuse set reports = 7 where article_id = 'b'")
    recorded = audit()
    rows = connection.execute(
        "select what, name, value, detail from ingest.audit_results where audited_at = %s order by"
        " what, name",
        [recorded.audited_at],
    ).fetchall()
    assert ("records", "articles-0", 10.0, None) in rows
    found = [detail for what, _, _, detail in rows if what == "finding"]
    assert any("articles-0" in detail and "9" in detail and "11" in detail for detail in found)
    (drifting,) = [detail for what, _, _, detail in rows if what == "drift"]
    assert drifting == "metrics.article_abuse (article_id 'b'): reports is 7, computed 1"
    error = AuditFailedError(recorded.wrong)
    assert drifting in str(error)
    assert recorded.as_dict()["drift"] == 1


def test_brokers_that_are_away_are_worth_another_try_and_what_is_wrong_is_not(
    scheduler_url: str,
) -> None:
    nowhere = Settings.model_validate(
        {"kafka_bootstrap": "127.0.0.1:9", "consumer_group": "audited"}
    )
    with psycopg.connect(scheduler_url, autocommit=True) as connection:
        away = audit_and_record(connection, nowhere)
    (finding,) = away.wrong
    assert str(finding.detail).startswith("Positions were not compared with the brokers' logs: ")
    assert away.may_pass
    drift = Line("drift", "1 metrics.article_abuse", None, "reports is 7, computed 1")
    assert not replace(away, lines=(*away.lines, drift)).may_pass
    assert not replace(away, away=None).may_pass


def test_a_lost_mark_is_drift(
    audit: Callable[[], Recorded], room: Newsroom, connection: psycopg.Connection
) -> None:
    room.comment("c3", "05-01 15:00")
    assert any("comments_submitted is 2, computed 3" in str(line.detail) for line in audit().wrong)
    connection.execute("insert into ingest.dirty_articles (article_id) values ('a')")
    assert audit().wrong == [], "what is marked is going to be computed"
