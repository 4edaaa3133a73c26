"""What each role can do with closing and metrics, and what it cannot."""

import psycopg
import pytest
from psycopg import sql

from below_the_line.closing.windows import apply_windows
from below_the_line.metrics.definitions import TABLES
from below_the_line.metrics.dirty_run import recompute_dirty
from below_the_line.metrics.rebuild import rebuild_all
from tests.sql.newsroom import Newsroom, t

pytestmark = pytest.mark.stack


@pytest.fixture
def room(newsroom: Newsroom) -> Newsroom:
    newsroom.publish("05-01 10:00")
    newsroom.override("close", "05-02 00:00")
    newsroom.override("clear", "05-02 12:00")
    newsroom.comment("c1", "05-03 00:00", held=True)
    newsroom.moderate("c1", "approved", "05-03 00:00")
    newsroom.comment("late", "05-20 00:00")
    newsroom.report("p1", "05-03 01:00")
    newsroom.connection.execute("insert into ingest.dirty_windows (article_id) values ('a')")
    newsroom.connection.execute("insert into ingest.dirty_articles (article_id) values ('a')")
    return newsroom


def become(room: Newsroom, role: str) -> psycopg.Connection:
    room.connection.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
    return room.connection


def test_the_scheduler_can_run_both_jobs(room: Newsroom) -> None:
    room.changed("05-20 00:00")
    connection = become(room, "btl_scheduler")
    summary = apply_windows(connection, t("06-01 00:00"))
    assert (summary.changed, sum(summary.announced.values())) == (1, 5)
    assert connection.execute("select count(*) from discussion.discussion_history").fetchone() == (
        4,
    )
    assert recompute_dirty(connection).articles == 1
    assert rebuild_all(connection).articles == 1
    assert room.rule(48) > 0


@pytest.mark.parametrize(
    "statement",
    [
        "update discussion.closing_rules set window_hours = 1",
        "delete from discussion.closing_rules",
        "update discussion.comments set first_body = ''",
        "insert into discussion.articles (article_id) values ('x')",
        "delete from discussion.comments",
        "update ingest.partition_offsets set next_offset = 0",
        "insert into ingest.dead_letters default values",
        "delete from discussion.state_changes",
        "delete from discussion.told_events",
        "update discussion.told_events set sequence = 1",
        "delete from metrics.article_engagement_revisions",
    ],
)
def test_the_scheduler_cannot_change_what_was_said_or_read(room: Newsroom, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        become(room, "btl_scheduler").execute(statement.encode())


@pytest.mark.parametrize(
    "relation",
    [
        "discussion.closing_rules",
        "discussion.windows",
        "discussion.window_intervals",
        "discussion.state_changes",
        "discussion.discussion_history",
        "discussion.told_events",
        "ingest.outbox",
        "discussion.comment_standing(array['a'])",
        "ingest.barriers",
        "ingest.barrier_offsets",
        "metrics.article_engagement",
        "metrics.article_abuse",
        "metrics.article_engagement_revisions",
    ],
)
def test_the_consumers_have_no_part_in_closing_and_metrics(room: Newsroom, relation: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        become(room, "btl_ingest").execute(f"select from {relation}".encode())


@pytest.mark.parametrize("role", ["btl_reader", "btl_moderator"])
def test_readers_and_moderators_see_metrics_but_change_nothing(room: Newsroom, role: str) -> None:
    room.close("06-01 00:00")
    room.compute()
    connection = become(room, role)
    assert connection.execute(
        "select comments_published from metrics.article_engagement"
    ).fetchall() == [(1,)]
    assert connection.execute("select reports from metrics.article_abuse").fetchall() == [(1,)]
    assert connection.execute("select from metrics.article_engagement_revisions").fetchall() == []
    hidden = {"article_commenters", "daily_commenters"}
    if role == "btl_reader":
        hidden |= {"reporter_accuracy", "article_reporters", "open_reports"}
    for table in {*TABLES, "trending_articles", "closing_soon", "reporter_distribution"} - hidden:
        connection.execute(f"select from metrics.{table}".encode())
    for statement in (
        *(f"select from metrics.{table}" for table in sorted(hidden)),
        "delete from metrics.article_engagement",
        "update metrics.article_abuse set reports = 0",
        "update discussion.comments set first_body = ''",
        "select record_value from ingest.dead_letters",
        "insert into ingest.dirty_articles (article_id) values ('a')",
        *(
            ("select from discussion.comments", "select from discussion.windows")
            if role == "btl_reader"
            else ()
        ),
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement.encode())


def test_a_moderator_sees_the_lists_that_need_a_person_a_reader_does_not(room: Newsroom) -> None:
    room.publish("05-01 10:00", article="b", published_at=None)
    room.close("06-01 00:00")
    connection = become(room, "btl_moderator")
    assert connection.execute("select comment_id from discussion.late_comments").fetchall() == [
        ("late",)
    ]
    assert connection.execute("select article_id from discussion.cannot_close").fetchall() == [
        ("b",)
    ]
    assert connection.execute("select comment_id from discussion.moderation_queue").fetchall() == []
    assert connection.execute("select comment_id from discussion.discussion_thread").fetchall() == [
        ("c1",),
        ("late",),
    ]
    assert connection.execute(
        "select change, decided_by from discussion.discussion_history where article_id = 'a' order"
        " by effective_at"
    ).fetchall() == [("opened", None), ("closed", "editor"), ("reopened", None), ("closed", None)]
    connection.execute("reset role")
    connection = become(room, "btl_reader")
    for view in (
        *(f"discussion.{name}" for name in ("late_comments", "cannot_close", "discussion_history")),
        *("discussion.moderation_queue", "discussion.discussion_thread"),
        *("metrics.open_reports", "metrics.article_reporters"),
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(f"select from {view}".encode())
