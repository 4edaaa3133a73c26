"""Reasons, reporters and the moderation queue, hand-computed."""

from typing import Any, LiteralString

import psycopg
import pytest
from psycopg.rows import dict_row

from below_the_line.metrics.dirty_run import recompute_dirty
from tests.sql.newsroom import Newsroom, t

pytestmark = pytest.mark.stack


def rows(room: Newsroom, query: LiteralString) -> list[dict[str, Any]]:
    with room.connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query).fetchall()


@pytest.fixture
def room(newsroom: Newsroom) -> Newsroom:
    """An article with nine comments, an hour apart from noon on."""
    newsroom.publish("05-01 10:00")
    for number in range(9):
        newsroom.comment(f"c{number}", f"05-01 {12 + number}:00", user=f"author{number}")
    newsroom.close("05-02 00:00")
    return newsroom


def test_a_round_has_the_reason_of_the_report_that_counts(room: Newsroom) -> None:
    room.report("p1", "05-02 10:00", user="r1", reason="spam")
    room.report("p2", "05-02 11:00", user="r1", reason="off_topic")
    room.report("p3", "05-02 12:00", user="r2", reason="spam")
    room.report("p4", "05-02 12:00", user="r2", reason="off_topic", comment="c2")
    room.decide("p3", "upheld", "05-02 13:00")
    room.compute()
    found = rows(room, "select * from metrics.article_abuse_reasons order by reason")
    assert [
        (row["reason"], row["reports"], row["unique_reporters"], row["upheld"], row["open_reports"])
        for row in found
    ] == [
        ("off_topic", 1, 1, 0, 1),
        ("spam", 2, 2, 1, 1),
    ]
    assert sum(row["reports"] for row in found) == room.abuse()["reports"]


def accuracy(room: Newsroom) -> list[tuple[int, int, float | None]]:
    return [
        (row["upheld"], row["dismissed"], row["accuracy"])
        for row in rows(room, "select * from metrics.reporter_accuracy where user_id = 'r1'")
    ]


def test_accuracy_is_shown_from_five_settled_reports_on_over_all_articles(room: Newsroom) -> None:
    room.comment("x", "05-01 12:00", article="b")
    room.report("px", "05-02 09:00", article="b", comment="x")
    room.decide("px", "upheld", "05-02 10:00", article="b", comment="x")
    for number in range(3):
        room.report(f"p{number}", "05-02 10:00", comment=f"c{number}")
        room.decide(
            f"p{number}", "upheld" if number else "dismissed", "05-02 11:00", comment=f"c{number}"
        )
    room.compute()
    assert accuracy(room) == [(3, 1, None)]
    room.report("p3", "05-02 10:00", comment="c3")
    room.decide("p3", "dismissed", "05-02 11:00", comment="c3")
    room.compute()
    assert accuracy(room) == [(3, 2, 0.6)]
    room.withdraw("px", "05-03 10:00", article="b", comment="x")
    room.compute()
    assert accuracy(room) == [(2, 2, None)]


def test_reporters_whose_accuracy_is_not_known_have_a_band_of_their_own(room: Newsroom) -> None:
    for number in range(5):
        room.report(f"p{number}", "05-02 10:00", comment=f"c{number}", user="always right")
        room.decide(f"p{number}", "upheld", "05-02 11:00", comment=f"c{number}")
        room.report(f"q{number}", "05-02 10:00", comment=f"c{number}", user="half right")
        decision = "upheld" if number < 2 else "dismissed"
        room.decide(f"q{number}", decision, "05-02 11:00", comment=f"c{number}")
    for number in range(4):
        room.report(f"s{number}", "05-02 10:00", comment=f"c{number}", user="four decisions")
        room.decide(f"s{number}", "dismissed", "05-02 11:00", comment=f"c{number}")
    room.report("open", "05-02 10:00", comment="c5", user="no decision")
    room.compute()
    found = rows(room, "select * from metrics.reporter_distribution")
    assert [tuple(row.values()) for row in found] == [
        (0.4, 1, 5, 2, 3),
        (0.9, 1, 5, 5, 0),
        (None, 2, 5, 0, 4),
    ]


def queue(room: Newsroom) -> list[str]:
    return [
        row["comment_id"]
        for row in rows(room, "select comment_id from discussion.moderation_queue")
    ]


def weights(room: Newsroom) -> dict[str, float]:
    return {
        row["comment_id"]: row["weight"]
        for row in rows(room, "select comment_id, weight from metrics.open_reports")
    }


def test_the_queue_is_ordered_by_reporters_severity_and_exposure(room: Newsroom) -> None:
    room.report("p0", "05-02 10:00", comment="c0")
    room.report("p1", "05-02 10:00", comment="c1")
    room.report("p2", "05-02 10:00", comment="c2", user="r1")
    room.report("p3", "05-02 10:00", comment="c2", user="r2")
    room.report("p4", "05-02 10:00", comment="c3", reason="threat_violence")
    room.report("p5", "05-02 10:00", comment="c4", anonymous="x")
    room.compute()
    # Severity 3 with one reporter; two reporters; one, seen for longer first; an anonymous one.
    assert queue(room) == ["c3", "c2", "c0", "c1", "c4"]
    assert weights(room) == {"c0": 1, "c1": 1, "c2": 2, "c3": 1, "c4": 0.5}


def test_the_urgency_is_the_documented_formula(room: Newsroom) -> None:
    room.report("p0", "05-02 10:00", comment="c0", reason="harassment")
    room.compute()
    (row,) = rows(
        room,
        "select *, extract(epoch from now() - posted_at)::double precision as seconds from"
        " discussion.moderation_queue",
    )
    assert row["exposure_seconds"] == pytest.approx(row["seconds"])
    assert row["urgency"] == pytest.approx(24 * 2 * 1 + row["seconds"] / 3600)
    assert (row["body"], row["user_id"], row["reasons"], row["visible"]) == (
        "text",
        "author0",
        ["harassment"],
        True,
    )


def test_a_reporters_accuracy_weighs_and_comes_to_weigh_on_what_is_open_elsewhere(
    room: Newsroom,
) -> None:
    for number in range(5):
        room.report(f"p{number}", "05-02 10:00", comment=f"c{number}")
    room.comment("x", "05-01 12:00", article="b")
    room.report("px", "05-02 10:00", article="b", comment="x")
    room.compute()
    assert weights(room)["x"] == 1
    for number in range(5):
        room.decide(f"p{number}", "upheld", "05-02 11:00", comment=f"c{number}")
    room.connection.execute("insert into ingest.dirty_articles (article_id) values ('a')")
    assert recompute_dirty(room.connection).reporters == 1
    assert weights(room) == {"x": 1.5}


def test_what_was_approved_is_gone_from_the_queue_and_back_when_it_is_reported_anew(
    room: Newsroom,
) -> None:
    room.report("p1", "05-02 10:00")
    room.moderate("c1", "approved", "05-02 11:00")
    room.compute()
    assert queue(room) == []
    room.report("p2", "05-02 12:00")
    room.compute()
    (row,) = rows(room, "select open_reports, oldest_open_at from discussion.moderation_queue")
    assert row == {"open_reports": 1, "oldest_open_at": t("05-02 12:00")}


def test_what_readers_do_not_see_comes_last_and_has_no_exposure(room: Newsroom) -> None:
    room.report("p1", "05-02 10:00", comment="c8")
    room.report("p2", "05-02 10:00", comment="c0", reason="threat_violence")
    room.moderate("c0", "rejected", "05-02 11:00", automated=True)
    room.report("p3", "05-02 10:00", comment="stub")
    room.compute()
    found = rows(
        room,
        "select comment_id, visible, exposure_seconds, urgency from discussion.moderation_queue",
    )
    assert [(row["comment_id"], row["visible"]) for row in found] == [
        ("c8", True),
        ("c0", False),
        ("stub", False),
    ]
    assert [row["exposure_seconds"] for row in found[1:]] == [None, None]
    assert found[1]["urgency"] == 72


def test_a_thread_is_read_from_the_top_and_says_what_readers_do_not_see(newsroom: Newsroom) -> None:
    newsroom.publish("05-01 10:00", window_hours=24)
    newsroom.comment("first", "05-01 11:00")
    newsroom.comment("second", "05-01 12:00")
    newsroom.comment("reply", "05-01 13:00", parent="first")
    newsroom.comment("deeper", "05-01 14:00", parent="reply", held=True)
    newsroom.comment("orphan", "05-01 15:00", parent="never seen")
    newsroom.comment("late", "05-02 11:00")
    newsroom.edit("first", "05-01 11:05")
    newsroom.moderate("second", "rejected", "05-01 16:00")
    newsroom.delete("reply", "05-01 16:00")
    newsroom.comment("around", "05-01 17:00", parent="and around")
    newsroom.comment("and around", "05-01 17:00", parent="around")
    newsroom.close("06-01 00:00")
    found = rows(
        newsroom, "select * from discussion.discussion_thread where article_id = 'a' order by path"
    )
    assert [(row["comment_id"], row["depth"], row["status"]) for row in found] == [
        ("first", 1, "visible"),
        ("reply", 2, "deleted"),
        ("deeper", 3, "held"),
        ("second", 1, "rejected"),
        ("orphan", 2, "visible"),
        ("and around", 2, "visible"),
        ("around", 2, "visible"),
        ("late", 1, "late"),
    ]
    assert found[0]["edited_at"] == t("05-01 11:05")
    assert str(found[-1]["late_by"]) == "1:00:00"


def test_views_of_the_present_show_what_is_happening_now(
    newsroom: Newsroom, connection: psycopg.Connection
) -> None:
    connection.execute("""
        insert into metrics.article_hourly (
            article_id, hour, comments, replies, unique_commenters, reactions, reports, rejected,
            late, computed_at, metric_version
        )
        select
            'a', date_trunc('hour', now(), 'UTC') - ago * interval '1 hour', comments, 0, 1, 2, 0,
            0, 0, now(), 1
        from (values (0, 5), (2, 7), (3, 8), (26, 8), (27, 100)) as happened (ago, comments)
        """)
    assert rows(
        newsroom,
        "select article_id, comments, reactions, comments_before, growth from"
        " metrics.trending_articles",
    ) == [
        {"article_id": "a", "comments": 12, "reactions": 4, "comments_before": 2.0, "growth": 6.0}
    ]
    connection.execute("""
        insert into discussion.windows (
            article_id, opens_at, closes_at, state, reason, has_gaps, due_at
        )
        select
            'a' || hours, now() - interval '3 days', now() + hours * interval '1 hour', 'open',
            'rule', false, now()
        from (values (-1), (1), (20), (25)) as away (hours)
        """)
    soon = rows(newsroom, "select article_id, comments_published from metrics.closing_soon")
    assert [row["article_id"] for row in soon] == ["a1", "a20"]
