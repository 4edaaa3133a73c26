"""Drift: what differs from a fresh computation is found and named; what is only waiting for a run
is not.
"""

import random
from collections.abc import Sequence
from typing import Any, LiteralString

import psycopg
import pytest

from below_the_line.closing.windows import apply_windows
from below_the_line.metrics import statements
from below_the_line.metrics.definitions import ARTICLE_TABLES, TABLES
from below_the_line.metrics.dirty_run import recompute_dirty
from below_the_line.metrics.drift import (
    Difference,
    Tally,
    compared,
    compared_articles,
    drift,
    drift_of,
)
from below_the_line.metrics.rebuild import rebuild_all
from below_the_line.metrics.units import METRICS_LOCK
from tests.sql.newsroom import Newsroom, t
from tests.sql.test_recompute import something_happens

pytestmark = pytest.mark.stack
ZONE = "Europe/Vienna"


@pytest.fixture
def room(newsroom: Newsroom) -> Newsroom:
    """Two articles of which every metric table has a row, and nothing is marked."""
    for article in ("a", "b"):
        newsroom.publish("05-01 10:00", article=article)
        newsroom.connection.execute(
            "insert into discussion.articles (article_id, site, section) values (%s, 'daily',"
            " 'politics')",
            [article],
        )
        newsroom.comment("c1", "05-01 23:00", article=article)
        newsroom.report("p1", "05-02 10:00", article=article)
    newsroom.close("06-01 00:00")
    newsroom.compute(ZONE)
    return newsroom


def found(room: Newsroom) -> list[Difference]:
    return drift(room.connection, None, time_zone=ZONE)


def test_after_a_run_nothing_differs(room: Newsroom) -> None:
    assert found(room) == []
    assert all(
        room.connection.execute(f"select from metrics.{table}".encode()).fetchall()
        for table in TABLES
    )


@pytest.mark.parametrize(
    ("table", "column", "value", "others"),
    [
        ("article_engagement", "comments_visible", 7, set()),
        ("article_engagement", "first_comment_at", "2026-05-03T00:00:00+00:00", set()),
        ("article_abuse", "uphold_rate", 0.25, set()),
        ("article_abuse_reasons", "unique_reporters", 7, set()),
        ("article_hourly", "late", 7, set()),
        # What is counted or summed over it then differs, too.
        (
            "article_commenters",
            "people",
            ["u7"],
            {"daily_commenters", "section_daily", "site_daily"},
        ),
        ("article_daily", "comments", 7, {"section_daily", "site_daily"}),
        ("article_daily", "time_zone", "UTC", {"section_daily", "site_daily"}),
        ("article_reporters", "metric_version", 7, set()),
        ("open_reports", "severity", 3, {"open_reports"}),
        ("open_reports", "weight", 7.5, set()),
        ("daily_commenters", "people", [7], set()),
        ("section_daily", "unique_commenters", 7, set()),
        ("site_daily", "articles", 7, set()),
        ("reporter_accuracy", "accuracy", 0.125, {"open_reports"}),
    ],
)
def test_a_figure_changed_by_hand_is_named(
    room: Newsroom, table: str, column: str, value: Any, others: set[str]
) -> None:
    condition = "where article_id = 'a'" if table in ARTICLE_TABLES else ""
    room.connection.execute(
        f"update metrics.{table} set {column} = %s {condition}".encode(), [value]
    )
    differences = found(room)
    named = [each for each in differences if (each.table, each.column) == (table, column)]
    assert named
    assert all(each.stored == value for each in named)
    if table in ARTICLE_TABLES:
        assert named[0].key["article_id"] == "a"
    assert {each.table for each in differences if each not in named} <= others


@pytest.mark.parametrize("table", TABLES)
def test_a_row_that_is_missing_and_one_too_many_are_named(room: Newsroom, table: str) -> None:
    connection = room.connection
    connection.execute(f"create table aside as select * from metrics.{table} limit 1".encode())
    connection.execute(f"delete from metrics.{table}".encode())
    assert [
        each.computed is not None
        for each in found(room)
        if each.table == table and each.column is None
    ]
    rebuild_all(connection, time_zone=ZONE)
    assert found(room) == []
    name = {
        "reporter_accuracy": "user_id",
        "daily_commenters": "site",
        "section_daily": "section",
        "site_daily": "site",
    }.get(table, "article_id")
    connection.execute(f"update aside set {name} = 'nobody'".encode())
    connection.execute(f"insert into metrics.{table} select * from aside".encode())
    [surplus] = [each for each in found(room) if each.table == table]
    assert (surplus.key[name], surplus.column, surplus.computed) == ("nobody", None, None)
    assert str(surplus).startswith(f"metrics.{table} (")
    assert str(surplus).endswith("): should not be there")


def test_a_lost_mark_is_found_and_a_marked_article_is_left_to_the_next_run(room: Newsroom) -> None:
    room.comment("c2", "05-02 12:00", user="u2")
    differences = found(room)
    assert (
        str(next(each for each in differences if each.column == "comments_submitted"))
        == "metrics.article_engagement (article_id 'a'): comments_submitted is 1, computed 2"
    )
    assert {each.table for each in differences} == {
        *("article_engagement", "article_abuse", "article_hourly", "article_daily"),
        "article_commenters",
    }
    room.connection.execute("insert into ingest.dirty_articles (article_id) values ('a')")
    assert found(room) == []
    recompute_dirty(room.connection, time_zone=ZONE)
    assert found(room) == []


def test_what_a_broken_off_rebuild_has_marked_is_left_to_the_next_run(room: Newsroom) -> None:
    room.connection.execute("update metrics.site_daily set comments = 7")
    room.connection.execute("update metrics.reporter_accuracy set reports = 7")
    assert {each.table for each in found(room)} == {"site_daily", "reporter_accuracy"}
    room.connection.execute(
        "insert into ingest.dirty_days (site, section, day) select site, 'sport', day from"
        " metrics.site_daily"
    )
    room.connection.execute("insert into ingest.dirty_reporters (user_id) values ('r1')")
    assert found(room) == []


def test_what_is_compared_and_what_is_left_to_the_next_run_are_counted(room: Newsroom) -> None:
    def tally() -> Tally:
        return compared(room.connection, None, time_zone=ZONE).tally

    whole = tally()
    assert (whole.articles, whole.reporters, whole.marked_articles) == (2, 1, [])
    assert (whole.days, whole.marked_days, whole.marked_reporters) == (2, 0, 0)
    room.connection.execute(
        "insert into ingest.dirty_articles (article_id) values ('a'), ('a');"
        " insert into ingest.dirty_reporters (user_id) values ('r1'), ('r1')"
    )
    assert tally() == Tally(1, 0, 0, ["a"], 2, 1)
    of_one = compared_articles(room.connection, ["a", "a"], time_zone=ZONE).tally
    assert (of_one.articles, of_one.marked_articles, of_one.vouches) == (0, ["a"], False)
    assert compared(room.connection, 4, time_zone=ZONE).tally.vouches
    recompute_dirty(room.connection, time_zone=ZONE)
    assert tally() == whole


def test_a_sample_of_days_is_bounded_and_each_part_counts_what_it_compares(
    room: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("below_the_line.metrics.drift.MAX_PER_SNAPSHOT", 1)
    assert compared(room.connection, None, time_zone=ZONE).tally == Tally(2, 2, 1)
    monkeypatch.setattr("below_the_line.metrics.drift.MAX_SAMPLED_DAYS", 1)
    sample = compared(room.connection, 4, time_zone=ZONE)
    assert (sample.tally, sample.differences) == (Tally(2, 1, 1), [])


def test_a_sample_meets_wrong_rows_of_its_articles_and_of_what_they_are_part_of(
    room: Newsroom,
) -> None:
    connection = room.connection
    for table in ("article_hourly", "section_daily", "site_daily", "reporter_accuracy"):
        connection.execute(f"update metrics.{table} set reports = 7".encode())
    for differences in (
        drift(connection, 4, time_zone=ZONE),
        drift_of(connection, ["a"], time_zone=ZONE),
    ):
        assert {each.table for each in differences} == {
            "article_hourly",
            "section_daily",
            "site_daily",
            "reporter_accuracy",
        }
    assert drift_of(connection, ["nobody"], time_zone=ZONE) == []


def test_comparing_needs_no_more_than_the_schedulers_rights_and_writes_nothing(
    room: Newsroom, database_url: str
) -> None:
    room.connection.execute("update metrics.article_abuse set reports = 7")
    rows: LiteralString = (
        "select article_id, xmin::text, ctid::text from metrics.article_abuse order by article_id"
    )
    before = room.connection.execute(rows).fetchall()
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("set role btl_scheduler")
        assert len(drift(connection, None, time_zone=ZONE)) == 2
    assert room.connection.execute(rows).fetchall() == before


def test_comparing_waits_for_nobody(room: Newsroom, database_url: str) -> None:
    with psycopg.connect(database_url) as writer:
        writer.execute(METRICS_LOCK)
        writer.execute("update metrics.article_abuse set reports = 7")
        assert found(room) == []


@pytest.mark.parametrize("seed", range(3))
def test_between_runs_nothing_ever_differs(newsroom: Newsroom, seed: int) -> None:
    """Whatever is committed when: a row is right, or what it is made of is marked."""
    chance = random.Random(seed)
    connection = newsroom.connection
    connection.execute("set synchronous_commit = off")
    for number in range(60):
        with connection.transaction():
            article = something_happens(newsroom, chance, number)
            connection.execute(
                "insert into ingest.dirty_articles (article_id) values (%s)", [article]
            )
            connection.execute(
                "insert into ingest.dirty_windows (article_id) values (%s)", [article]
            )
        if chance.random() < 0.2:
            apply_windows(connection, t(f"05-{1 + number // 4:02} 00:00"))
        if chance.random() < 0.2:
            recompute_dirty(
                connection,
                bucket=chance.choice([1, 1000]),
                max_buckets=chance.choice([1, 2]),
                time_zone=ZONE,
            )
        if chance.random() < 0.3:
            assert drift(connection, None, time_zone=ZONE) == []


def test_what_is_committed_while_it_compares_is_not_seen_by_halves(
    room: Newsroom, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    staged = statements.stage_bucket

    def meanwhile(connection: psycopg.Connection, articles: Sequence[str], time_zone: str) -> None:
        staged(connection, articles, time_zone)
        if articles:
            monkeypatch.setattr(statements, "stage_bucket", staged)
            room.comment("c2", "05-02 12:00", user="u2")
            room.compute(ZONE)

    with psycopg.connect(database_url, autocommit=True) as other:
        monkeypatch.setattr(statements, "stage_bucket", meanwhile)
        assert drift(other, None, time_zone=ZONE) == []
    assert room.engagement()["comments_submitted"] == 2
