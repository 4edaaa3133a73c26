"""The watermark of each metric table: what a row says that a run wrote, that a run found unchanged,
and that nothing touched; and what metrics.freshness says of them all.
"""

from typing import Any

import psycopg
import pytest

from below_the_line.metrics.definitions import TABLES, definitions
from below_the_line.metrics.dirty_run import recompute_dirty
from below_the_line.metrics.rebuild import rebuild_all
from tests.sql.newsroom import Newsroom, t

pytestmark = pytest.mark.stack

WRITTEN_BY_EACH_RUN = {table for table in TABLES if definitions(table).key == ("article_id",)}
FIRST, SECOND = "05-10 00:00", "05-11 00:00"

Stamps = set[tuple[Any, Any]]


@pytest.fixture
def room(newsroom: Newsroom) -> Newsroom:
    """Two articles of which every table has rows, computed before any barrier passed."""
    for article in ("a", "b"):
        newsroom.article_as_published_at("05-01 10:00", article=article)
        newsroom.comment("c1", "05-01 23:00", article=article)
        newsroom.report("p1", "05-02 10:00", article=article)
    newsroom.compute()
    return newsroom


def pass_barrier(room: Newsroom, at: str, *, applied: bool = False) -> None:
    room.connection.execute(
        "insert into ingest.barriers (attempt_id, run_id, consumer_group, taken_at, cut_off,"
        " passed_at, applied_at) values (%(at)s, 'r', 'g', %(taken)s, %(taken)s, now(),"
        " case when %(applied)s then now() end)",
        {"at": at, "taken": t(at), "applied": applied},
    )


def stamps(connection: psycopg.Connection, table: str) -> Stamps:
    return set(
        connection.execute(
            f"select computed_at, watermark from metrics.{table}".encode()
        ).fetchall()
    )


def watermarks(connection: psycopg.Connection, table: str) -> set[Any]:
    return {watermark for _, watermark in stamps(connection, table)}


@pytest.mark.parametrize("table", TABLES)
def test_a_watermark_belongs_to_the_computation_that_wrote_the_row(
    room: Newsroom, table: str
) -> None:
    connection = room.connection
    before = stamps(connection, table)
    assert {watermark for _, watermark in before} == {None}
    pass_barrier(room, FIRST)
    assert stamps(connection, table) == before, "a barrier rewrites nothing"
    room.compute()
    rebuild_all(connection)
    if table in WRITTEN_BY_EACH_RUN:
        assert watermarks(connection, table) == {t(FIRST)}
    else:
        assert stamps(connection, table) == before, "unchanged rows stay as they are"
    pass_barrier(room, SECOND)
    connection.execute(f"update metrics.{table} set metric_version = 0".encode())
    rebuild_all(connection)
    assert watermarks(connection, table) == {t(SECOND)}


def test_freshness_says_up_to_when_rows_are_right_that_nothing_touched(room: Newsroom) -> None:
    def freshness() -> tuple[Any, ...]:
        row = room.connection.execute(
            "select watermark, articles_wait_since is not null, days_wait, reporters_wait"
            " from metrics.freshness"
        ).fetchone()
        assert row is not None
        return row

    assert freshness() == (None, False, False, False)
    pass_barrier(room, FIRST, applied=True)
    room.connection.execute(
        "insert into ingest.barriers (attempt_id, run_id, consumer_group, taken_at, cut_off)"
        " values ('not passed', 'r', 'g', now(), now())"
    )
    assert freshness() == (t(FIRST), False, False, False)
    room.connection.execute(
        "insert into ingest.dirty_articles (article_id, marked_at)"
        " values ('a', '2026-05-12'), ('b', '2026-05-13')"
    )
    assert room.connection.execute(
        "select articles_wait_since from metrics.freshness"
    ).fetchone() == (t("05-12 00:00"),)
    room.connection.execute(
        "insert into ingest.dirty_days (site, day) values ('daily', '2026-05-01');"
        " insert into ingest.dirty_reporters (user_id) values ('r1')"
    )
    assert freshness() == (t(FIRST), True, True, True)
    recompute_dirty(room.connection)
    assert freshness() == (t(FIRST), False, False, False)


def test_a_barrier_counts_as_fresh_once_windows_were_applied_behind_it(room: Newsroom) -> None:
    def freshness() -> tuple[Any, Any] | None:
        return room.connection.execute(
            "select watermark, windows_wait_since from metrics.freshness"
        ).fetchone()

    pass_barrier(room, FIRST, applied=True)
    room.connection.execute(
        "insert into ingest.dirty_windows (article_id, marked_at)"
        " values ('a', '2026-05-10 12:00Z'), ('b', '2026-05-10 13:00Z')"
    )
    pass_barrier(room, SECOND)
    room.compute()
    assert watermarks(room.connection, "article_engagement") == {t(SECOND)}, "events alone"
    assert freshness() == (t(FIRST), t("05-10 12:00"))
    room.connection.execute(
        "delete from ingest.dirty_windows; update ingest.barriers set applied_at = now()"
    )
    assert freshness() == (t(SECOND), None)
