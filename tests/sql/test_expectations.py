"""What the statements of the quality gate find, case by case; that the gate runs them is tested in tests/integration."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from below_the_line.resources import sql
from tests.sql.newsroom import Newsroom

pytestmark = pytest.mark.stack


def found(connection: psycopg.Connection, expectation: str) -> list[dict[str, Any]]:
    """The rows that are wrong."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(sql(f"quality/{expectation}.sql").encode()).fetchall()


# Lost marks: what happened after the figures were computed, and what is found of it.


@pytest.fixture
def counted(newsroom: Newsroom) -> Newsroom:
    """A closed discussion of a comment that stands, one that was deleted, one that was rejected, and one that came late."""
    newsroom.publish("05-01 10:00", window_hours=24)
    for comment in ("stands", "deleted", "rejected"):
        newsroom.comment(comment, "05-01 12:00")
    newsroom.comment("late", "05-03 12:00")
    newsroom.delete("deleted", "05-01 13:00")
    newsroom.moderate("rejected", "rejected", "05-01 13:00")
    newsroom.edit("never posted", "05-01 12:00")
    newsroom.close("06-01 00:00")
    newsroom.compute()
    assert found(newsroom.connection, "metrics/comments_are_counted") == []
    return newsroom


LOST: dict[str, tuple[Callable[[Newsroom], object], dict[str, Any]]] = {
    "a posting": (lambda room: room.comment("new", "05-01 14:00"), {"counted": 4, "posted": 5}),
    "a posting that came late": (lambda room: room.comment("new", "05-09 14:00"), {"counted": 4, "posted": 5}),
    "a deletion": (lambda room: room.delete("stands", "05-01 14:00"), {"counted_as_deleted": 1, "deleted": 2}),
    "a rejection": (
        lambda room: room.moderate("stands", "rejected", "05-01 14:00"),
        {"counted_as_rejected": 1, "rejected": 2},
    ),
    "an approval of what had been rejected": (
        lambda room: room.moderate("rejected", "approved", "05-01 14:00"),
        {"counted_as_rejected": 1, "rejected": 0},
    ),
    "a deletion of what had been rejected": (
        lambda room: room.delete("rejected", "05-01 14:00"),
        {"counted_as_deleted": 1, "deleted": 2, "counted_as_rejected": 1, "rejected": 0},
    ),
    "a posting below an article without figures": (
        lambda room: room.comment("first", "05-01 14:00", article="nobody knows"),
        {"article_id": "nobody knows", "counted": None, "posted": 1},
    ),
    "figures that were only half written": (
        lambda room: room.connection.execute("delete from metrics.article_abuse"),
        {"counted_as_rejected": None, "rejected": 1},
    ),
}


@pytest.mark.parametrize("lost", LOST)
def test_what_happened_to_comments_without_a_mark_is_found_until_it_is_marked(counted: Newsroom, lost: str) -> None:
    happened, expected = LOST[lost]
    happened(counted)
    (row,) = found(counted.connection, "metrics/comments_are_counted")
    assert row.items() >= {"article_id": "a", **expected}.items()
    counted.connection.execute("insert into ingest.dirty_articles (article_id) values (%s)", [row["article_id"]])
    assert found(counted.connection, "metrics/comments_are_counted") == []


def test_what_changes_no_figure_is_no_lost_mark(counted: Newsroom) -> None:
    counted.moderate("late", "rejected", "05-04 14:00")
    assert found(counted.connection, "metrics/comments_are_counted") == []
    counted.delete("late", "05-04 15:00")
    counted.delete("never posted", "05-01 14:00")
    counted.edit("of no article", "05-01 14:00", article="nobody knows")
    assert found(counted.connection, "metrics/comments_are_counted") == []
