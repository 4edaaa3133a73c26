"""A database with rows of release 0.1.0 is migrated: what changed its definition is marked, and the
next runs make of it what a new database makes of the same rows.
"""

from collections.abc import Iterator, Mapping

import psycopg
import pytest

from below_the_line.closing.windows import apply_windows
from below_the_line.database.migrations import migrate, require_current
from below_the_line.database.schema_files import Schema, read
from below_the_line.metrics.dirty_run import recompute_dirty
from tests.sql.newsroom import Newsroom, t

pytestmark = pytest.mark.stack

TABLES_OF_0_1_0 = Schema(
    tuple(file for file in read().once if file.name.startswith("tables/")), repeatables=()
)
COMPUTED = (
    "discussion.windows",
    "discussion.window_intervals",
    "metrics.article_engagement",
    "metrics.article_abuse",
    "metrics.article_abuse_reasons",
    "metrics.article_hourly",
    "metrics.article_daily",
    "metrics.article_reporters",
    "metrics.open_reports",
    "metrics.section_daily",
    "metrics.site_daily",
    "metrics.reporter_accuracy",
)
NEW_TABLES = ("metrics.article_commenters", "metrics.daily_commenters")
CLOCKS = ["computed_at", "changed_at", "revision", "watermark"]
"""Columns that say when, or how often, a row was computed."""
DEFINED_OTHERWISE = """
update discussion.windows set reactions_close_at = null where article_id = 'endless';
update discussion.windows set opens_at = '2026-05-01 18:00Z', closes_at = '2026-05-03 18:00Z'
where article_id = 'postponed';
update metrics.article_engagement set metric_version = 1, engagement = engagement + 5;
update metrics.article_abuse set metric_version = 1, reports = reports + 5;
update metrics.article_daily set metric_version = 1, reactions = reactions + 5;
update metrics.section_daily set metric_version = 1, reactions = reactions + 5;
update metrics.site_daily set metric_version = 1, reactions = reactions + 5;
update metrics.reporter_accuracy set metric_version = 1, accuracy = 0.5;
"""


def write(connection: psycopg.Connection) -> Newsroom:
    """Rows as events left them: three articles, of which two have windows of older definitions."""
    room = Newsroom(connection)
    room.rule(48, site="daily", section="culture")
    room.publish("05-01 10:00", article="plain", section="culture")
    room.publish("05-01 10:00", article="endless", closes_at="05-10 10:00")
    room.publish("05-01 10:00", article="postponed", section="culture", published_at="05-01 18:00")
    room.update("05-01 11:00", article="postponed", section="culture", published_at="05-02 10:00")
    for article in ("plain", "endless", "postponed"):
        room.article_as_published(article)
        room.comment("c1", "05-02 12:00", article=article)
        room.comment("c2", "05-02 13:00", article=article, parent="c1", user="u2")
        room.comment("c3", "05-04 08:00", article=article, user="u3")
        room.react("c1", "05-02 14:00", article=article)
        room.report("p1", "05-02 14:00", article=article)
        room.report("p2", "05-02 15:00", article=article, user="r2")
        room.report("p3", "05-02 15:00", comment="c2", article=article)
        room.decide("p1", "upheld", "05-02 16:00", article=article)
        room.moderate("c1", "rejected", "05-02 16:00", article=article)
    return room


def computed(
    connection: psycopg.Connection, tables: tuple[str, ...], without: list[str]
) -> Mapping[str, list[str]]:
    """The rows of these tables as JSON, without these columns."""
    return {
        table: [
            row
            for (row,) in connection.execute(
                f"select (to_jsonb(line) - %s::text[])::text from {table} as line"
                " order by 1".encode(),
                [without],
            )
        ]
        for table in tables
    }


@pytest.fixture
def old(empty_database: str) -> Iterator[psycopg.Connection]:
    """A database with the tables of release 0.1.0."""
    migrate(empty_database, TABLES_OF_0_1_0)
    with psycopg.connect(empty_database, autocommit=True) as connection:
        yield connection


def test_rows_of_0_1_0_become_what_a_new_database_makes_of_them(
    empty_database: str, old: psycopg.Connection, newsroom: Newsroom
) -> None:
    new = newsroom.connection
    write(new).close("06-01 00:00")
    newsroom.compute()
    assert all(computed(new, COMPUTED, []).values())

    write(old)
    for table, rows in computed(new, COMPUTED, []).items():
        for row in rows:
            old.execute(
                f"insert into {table} select (jsonb_populate_record(null::{table},"
                """ %s::jsonb || '{"commenters_digest": 0}')).*""".encode(),
                [row],
            )
    old.execute(DEFINED_OTHERWISE.encode())
    old.execute(
        "insert into ingest.dead_letters (topic, topic_id, partition, record_offset, record_value,"
        " record_headers, record_timestamp, stage, code, message, software_version) values ('t',"
        """ gen_random_uuid(), 0, 0, '{"source": "/cms", "id": "e1"}', '{}', now(), 'contract',"""
        " 'x', '', '');"
        "insert into ingest.batches (consumer_group, topic, partition, incarnation, kind,"
        " first_offset, next_offset, records, applied, unchanged, dead_lettered)"
        " values ('g', 't', 0, 1, 'batch', 0, 1, 1, 1, 0, 0)"
    )
    migrate(empty_database)
    require_current(empty_database)

    marks = "select article_id, count(*) from ingest.{} group by 1 order by 1"
    assert old.execute(marks.format("dirty_windows").encode()).fetchall() == [
        ("endless", 1),
        ("postponed", 1),
    ]
    # By the definitions of rounds and reactions, and to fill the tables of commenters, twice.
    assert old.execute(marks.format("dirty_articles").encode()).fetchall() == [
        ("endless", 3),
        ("plain", 3),
        ("postponed", 3),
    ]
    assert old.execute(
        "select user_id from ingest.dirty_reporters order by user_id"
    ).fetchall() == [("r1",), ("r2",)]
    assert old.execute("select source, event_id from ingest.dead_letters").fetchall() == [
        ("/cms", "e1")
    ]
    assert old.execute("select batches, next_offset from ingest.batches").fetchall() == [(1, 1)]

    tables = (*COMPUTED, *NEW_TABLES)
    expected = computed(new, tables, CLOCKS)
    assert computed(old, tables, CLOCKS) != expected
    apply_windows(old, t("06-01 00:00"))
    recompute_dirty(old)
    assert computed(old, tables, CLOCKS) == expected
