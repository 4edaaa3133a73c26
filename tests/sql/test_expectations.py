"""What the statements of the quality gate find, case by case; that the gate runs them is tested in
tests/integration.
"""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from below_the_line.resources import sql
from tests.sql.newsroom import Newsroom, t

pytestmark = pytest.mark.stack


def found(connection: psycopg.Connection, expectation: str) -> list[dict[str, Any]]:
    """The rows that are wrong."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(sql(f"quality/{expectation}.sql")).fetchall()


# Lost marks: what happened after the figures were computed, and what is found of it.


@pytest.fixture
def counted(newsroom: Newsroom) -> Newsroom:
    """A closed discussion of a comment that stands, one that was deleted, one that was rejected,
    and one that came late.
    """
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
    "a posting that came late": (
        lambda room: room.comment("new", "05-09 14:00"),
        {"counted": 4, "posted": 5},
    ),
    "a deletion": (
        lambda room: room.delete("stands", "05-01 14:00"),
        {"counted_as_deleted": 1, "deleted": 2},
    ),
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
def test_what_happened_to_comments_without_a_mark_is_found_until_it_is_marked(
    counted: Newsroom, lost: str
) -> None:
    happened, expected = LOST[lost]
    happened(counted)
    (row,) = found(counted.connection, "metrics/comments_are_counted")
    assert row.items() >= {"article_id": "a", **expected}.items()
    counted.connection.execute(
        "insert into ingest.dirty_articles (article_id) values (%s)", [row["article_id"]]
    )
    assert found(counted.connection, "metrics/comments_are_counted") == []


def test_what_changes_no_figure_is_no_lost_mark(counted: Newsroom) -> None:
    counted.moderate("late", "rejected", "05-04 14:00")
    assert found(counted.connection, "metrics/comments_are_counted") == []
    counted.delete("late", "05-04 15:00")
    counted.delete("never posted", "05-01 14:00")
    counted.edit("of no article", "05-01 14:00", article="nobody knows")
    assert found(counted.connection, "metrics/comments_are_counted") == []


# Windows that contradict themselves.

FINE = {
    "state": "closed",
    "final": True,
    "reactions_final": True,
    "closes_at": "05-15",
    "closed_at": "05-15",
}
CONTRADICTIONS: dict[str, tuple[dict[str, Any], bool]] = {
    "closed on time and final": ({}, False),
    "closed, not final yet": ({"final": False, "reactions_final": False}, False),
    "final but for reactions": ({"reactions_final": False}, False),
    "open": ({"state": "open", "closed_at": None, "final": False, "reactions_final": False}, False),
    "closed by an editor before its time": ({"closed_at": "05-10"}, False),
    "open again after it had closed for a while": (
        {"state": "open", "closed_at": "05-20", "final": False, "reactions_final": False},
        False,
    ),
    "final while it is open": ({"state": "open", "reactions_final": False}, True),
    "final though it cannot close": (
        {"state": "cannot_close", "closes_at": None, "reactions_final": False},
        True,
    ),
    "reactions final before comments": ({"final": False}, True),
    "closed after it closes": (
        {"closed_at": "05-16", "final": False, "reactions_final": False},
        True,
    ),
}


@pytest.mark.parametrize("case", CONTRADICTIONS)
def test_a_window_that_contradicts_itself_is_found_and_no_other(
    connection: psycopg.Connection, case: str
) -> None:
    changes, wrong = CONTRADICTIONS[case]
    window = FINE | changes
    connection.execute(
        "insert into discussion.windows (article_id, reason, has_gaps, opens_at, state, final,"
        " reactions_final, closes_at, closed_at) values ('a', 'rule', false, '2026-05-01', %s, %s,"
        " %s, %s, %s)",
        [
            *(window[name] for name in ("state", "final", "reactions_final")),
            *(window[name] and t(f"{window[name]} 00:00") for name in ("closes_at", "closed_at")),
        ],
    )
    rows = found(connection, "base/window_contradicts_itself")
    assert [row["article_id"] for row in rows] == (["a"] if wrong else [])


# Loud days. Shares are powers of two, so that a threshold can be met exactly.

Day = tuple[int, int, int] | None
"""Comments, reports and rejections of a site on a day; None: no row."""
USUAL: list[Day] = [(128, 16, 8)] * 4
"""One report for eight comments, one rejection for sixteen: of 256 comments, three times as many
are 96 and 48.
"""
LOUD: dict[str, tuple[Day, list[Day], bool]] = {
    "as on other days": ((256, 32, 16), USUAL, False),
    "reports at three times the usual share": ((256, 96, 16), USUAL, False),
    "one report above it": ((256, 97, 16), USUAL, True),
    "rejections at three times the usual share": ((256, 32, 48), USUAL, False),
    "one rejection above it": ((256, 32, 49), USUAL, True),
    "much louder, but of fewer than a hundred comments": ((99, 99, 99), USUAL, False),
    "a hundred comments": ((100, 99, 0), USUAL, True),
    "nineteen where there never were any": ((128, 19, 19), [(128, 0, 0)] * 4, False),
    "twenty reports where there never were any": ((128, 20, 0), [(128, 0, 0)] * 4, True),
    "twenty rejections where there never were any": ((128, 0, 20), [(128, 0, 0)] * 4, True),
    "three weeks to compare with": ((256, 97, 0), [*USUAL[:3], None], True),
    "only two weeks": ((256, 97, 0), [*USUAL[:2], None, None], False),
    "two weeks and two without a comment": (
        (256, 97, 0),
        [*USUAL[:2], (0, 0, 0), (0, 0, 0)],
        False,
    ),
    "four weeks without a comment": ((256, 97, 0), [(0, 16, 8)] * 4, False),
    "three weeks and one without a comment": ((256, 97, 0), [*USUAL[:3], (0, 0, 0)], True),
    "no history": ((256, 256, 256), [], False),
    "no comments yesterday": ((0, 256, 256), USUAL, False),
    "nothing yesterday": (None, USUAL, False),
    # Two hundred reports of 1,600 comments: the day with few comments weighs little, though all of
    # them were reported.
    "a small day that was loud": (
        (256, 97, 0),
        [(512, 48, 0), (512, 48, 0), (512, 40, 0), (64, 64, 0)],
        True,
    ),
}


@pytest.mark.parametrize("case", LOUD)
def test_a_day_is_loud_above_three_times_the_share_of_the_same_weekday(
    connection: psycopg.Connection, case: str
) -> None:
    yesterday, weeks_before, loud = LOUD[case]
    with connection.transaction():  # one now() for all of it: midnight may come
        for week, day in enumerate([yesterday, *weeks_before]):
            if day is not None:
                _day(connection, "daily", 1 + 7 * week, day)
        # Not a yardstick: the day before yesterday, five weeks ago, other sites.
        for days_ago, site in (
            (2, "daily"),
            (36, "daily"),
            (8, "weekly"),
            (15, "weekly"),
            (22, "weekly"),
        ):
            _day(connection, site, days_ago, (1024, 1024, 1024))
        rows = found(connection, "freshness/shares_of_yesterday")
    assert [row["site"] for row in rows] == (["daily"] if loud else [])


def _day(
    connection: psycopg.Connection, site: str, days_ago: int, day: tuple[int, int, int]
) -> None:
    comments, reports, rejected = day
    connection.execute(
        "insert into metrics.site_daily (site, day, time_zone, articles, comments, replies,"
        " unique_commenters, reactions, reports, rejected, late, computed_at, metric_version)"
        " values (%s, (now() at time zone 'UTC')::date - %s::integer, 'UTC', 1, %s, 0, 1, 0, %s,"
        " %s, 0, now(), 1)",
        [site, days_ago, comments, reports, rejected],
    )


# Rows that are not as their events say.


@pytest.fixture
def decided(newsroom: Newsroom) -> Newsroom:
    """A comment that was rejected, then approved, and edited twice; another that nobody touched."""
    newsroom.publish("05-01 10:00")
    newsroom.comment("c1", "05-01 12:00")
    newsroom.comment("c2", "05-01 12:00")
    newsroom.moderate("c1", "rejected", "05-01 13:00")
    newsroom.moderate("c1", "approved", "05-01 14:00")
    newsroom.edit("c1", "05-01 15:00")
    newsroom.edit("c1", "05-01 16:00")
    for expectation in ("decision", "edit"):
        assert found(newsroom.connection, f"base/{expectation}_without_event") == []
    return newsroom


BY_HAND = {
    "a decision that was taken away": (
        "decision",
        (
            "update discussion.comments set decision = null, decided_at = null, decision_version ="
            " null"
        ),
    ),
    "an older decision put back": (
        "decision",
        (
            "update discussion.comments as c set decision = e.decision, decided_at = e.decided_at,"
            " decision_version = e.version from discussion.moderation_decisions as e where"
            " c.comment_id = 'c1' and e.decision = 'rejected'"
        ),
    ),
    "a decision that was made up": (
        "decision",
        (
            "update discussion.comments set decision = 'rejected', decided_at = now(),"
            " decision_version = 'x' where comment_id = 'c1'"
        ),
    ),
    "a decision whose event is gone": ("decision", "delete from discussion.moderation_decisions"),
    "a time that was moved": (
        "decision",
        "update discussion.comments set decided_at = now() where comment_id = 'c1'",
    ),
    "an edit that was taken away": (
        "edit",
        (
            "update discussion.comments set edited_body = null, edited_at = null, edited_version ="
            " null"
        ),
    ),
    "a text that was changed": (
        "edit",
        "update discussion.comments set edited_body = 'x' where comment_id = 'c1'",
    ),
}


@pytest.mark.parametrize("fault", BY_HAND)
def test_a_decision_or_a_text_that_is_not_its_last_events_is_found(
    decided: Newsroom, fault: str
) -> None:
    expectation, change = BY_HAND[fault]
    decided.connection.execute(change.encode())
    (row,) = found(decided.connection, f"base/{expectation}_without_event")
    assert (row["article_id"], row["comment_id"]) == ("a", "c1")
    assert not {"body", "edited_body"} & row.keys(), "what readers wrote is in no log"


ARTICLES_BY_HAND = {
    "a headline that was changed": "update discussion.articles set headline = 'x'",
    "a section that was taken away": "update discussion.articles set section = null",
    "a status that was changed": "update discussion.articles set status = 'unpublished'",
    "bylines that were made up": "update discussion.articles set bylines = '{x}'",
    "a time that was moved": "update discussion.articles set status_changed_at = now()",
    "a window that was made up": "update discussion.articles set discussion_window_hours = 5",
    "an article whose row is gone": "delete from discussion.articles",
    "an article whose events are gone": "delete from discussion.article_versions",
    "an update whose event is gone": "update discussion.articles set content_version = 'x'",
}


@pytest.mark.parametrize("fault", ARTICLES_BY_HAND)
def test_an_article_that_is_not_as_its_last_event_says_is_found(
    newsroom: Newsroom, fault: str
) -> None:
    newsroom.publish("05-01 10:00", window_hours=48)
    newsroom.article_as_published()
    assert found(newsroom.connection, "base/article_without_event") == []
    newsroom.connection.execute(ARTICLES_BY_HAND[fault].encode())
    (row,) = found(newsroom.connection, "base/article_without_event")
    assert row["article_id"] == "a"


def test_an_unpublished_or_updated_article_is_compared_register_by_register(
    newsroom: Newsroom,
) -> None:
    newsroom.publish("05-01 10:00")
    newsroom.article_as_published()
    newsroom.update("05-01 11:00", section="sports")
    newsroom.unpublish("05-01 12:00")
    (row,) = found(newsroom.connection, "base/article_without_event")
    assert (row["section_of_event"], row["status_of_event"]) == ("sports", "unpublished")
    newsroom.connection.execute(
        "update discussion.articles set section = 'sports', status = 'unpublished', content_version"
        " = (select version from discussion.article_versions where event_type = 'updated'),"
        " (status_version, status_changed_at) = (select version, unpublished_at from"
        " discussion.article_versions where event_type = 'unpublished')"
    )
    assert found(newsroom.connection, "base/article_without_event") == []


def test_an_article_that_only_a_report_names_must_have_figures(newsroom: Newsroom) -> None:
    newsroom.report("p1", "05-02 10:00", article="reported")
    newsroom.connection.execute("delete from ingest.dirty_articles")
    assert found(newsroom.connection, "metrics/article_without_figures") == [
        {"article_id": "reported"}
    ]
    newsroom.connection.execute(
        "insert into ingest.dirty_articles (article_id) values ('reported')"
    )
    assert found(newsroom.connection, "metrics/article_without_figures") == []
