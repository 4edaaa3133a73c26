"""Erased comments and reports in figures, views and the quality gate, hand-computed."""

from typing import Any, LiteralString

import psycopg
import pytest
from psycopg.rows import dict_row

from below_the_line.metrics.drift import drift
from below_the_line.metrics.rebuild import rebuild_all
from below_the_line.resources import sql
from tests import erased_rows
from tests.sql.newsroom import Newsroom, t

pytestmark = pytest.mark.stack

ERASED_AT = t("05-03 00:00")
ALICE = erased_rows.pseudonym("user", "alice")


def rows(room: Newsroom, query: LiteralString) -> list[dict[str, Any]]:
    with room.connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query).fetchall()


def found(connection: psycopg.Connection, expectation: str) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(sql(f"quality/{expectation}.sql")).fetchall()


@pytest.fixture
def room(newsroom: Newsroom) -> Newsroom:
    """A discussion in which alice wrote a comment of every status, and bob one that is visible."""
    newsroom.publish("05-01 10:00", window_hours=24)
    newsroom.article_as_published()
    for comment in ("seen", "rejected", "deleted", "reported"):
        newsroom.comment(comment, "05-01 12:00", user="alice")
    newsroom.comment("held", "05-01 12:00", user="alice", held=True)
    newsroom.comment("late", "05-02 12:00", user="alice")
    newsroom.comment("of bob", "05-01 13:00", user="bob", parent="seen")
    newsroom.edit("seen", "05-01 12:30")
    newsroom.moderate("rejected", "rejected", "05-01 14:00")
    newsroom.delete("deleted", "05-01 14:00")
    newsroom.report("p1", "05-01 15:00", comment="reported", user="carol", note="a note")
    newsroom.report("p2", "05-01 15:00", comment="of bob", user="alice", note="a note")
    newsroom.decide("p2", "upheld", "05-01 16:00", comment="of bob")
    newsroom.react("of bob", "05-01 14:00", user="alice")
    newsroom.close("06-01 00:00")
    newsroom.compute()
    return newsroom


def test_an_erased_comment_is_counted_everywhere_but_among_the_visible(room: Newsroom) -> None:
    engagement, abuse = room.engagement(), room.abuse()
    assert (engagement["comments_visible"], abuse["rejected"], abuse["rejection_rate"]) == (
        3,
        1,
        1 / 4,
    )
    erased_rows.erase_user(room.connection, "alice", ERASED_AT)
    room.compute()
    runs = ("computed_at", "watermark")
    expected = engagement | {"comments_visible": 1, "revision": 1}
    assert {name: room.engagement()[name] for name in expected if name not in runs} == {
        name: expected[name] for name in expected if name not in runs
    }
    assert {name: room.abuse()[name] for name in abuse if name not in runs} == {
        name: abuse[name] for name in abuse if name not in runs
    }


def test_people_are_counted_by_their_pseudonyms_as_before(room: Newsroom) -> None:
    erased_rows.erase_user(room.connection, "alice", ERASED_AT)
    room.compute()
    assert rows(room, "select people from metrics.article_commenters") == [
        {"people": sorted(["bob", ALICE])}
    ]
    assert rows(room, "select unique_commenters from metrics.site_daily") == [
        {"unique_commenters": 2},
        {"unique_commenters": 0},
    ]
    assert rows(room, "select user_id, upheld from metrics.reporter_accuracy order by user_id") == [
        {"user_id": "carol", "upheld": 0},
        {"user_id": ALICE, "upheld": 1},
    ]
    assert drift(room.connection, None, time_zone="UTC") == []
    incremental = rows(room, "select * from metrics.daily_commenters order by day, section")
    rebuild_all(room.connection, time_zone="UTC")
    assert rows(room, "select * from metrics.daily_commenters order by day, section") == incremental


def test_who_comes_back_after_the_erasure_is_a_new_person(room: Newsroom) -> None:
    erased_rows.erase_user(room.connection, "alice", t("05-01 12:00"))
    room.comment("of the new one", "05-01 12:00:01", user="alice")
    room.compute()
    assert (room.engagement()["unique_commenters"], room.engagement()["comments_visible"]) == (3, 2)


def test_what_was_posted_after_the_erasure_of_a_comment_is_not_erased(room: Newsroom) -> None:
    erased_rows.erase_comment(room.connection, "a", "of bob", t("05-01 12:59:59"))
    room.compute()
    assert room.engagement()["comments_visible"] == 3
    erased_rows.erase_comment(room.connection, "a", "of bob", t("05-01 13:00"))
    room.compute()
    assert room.engagement()["comments_visible"] == 2
    assert rows(room, "select user_id from discussion.comments where comment_id = 'of bob'") == [
        {"user_id": "bob"}
    ]


def test_a_final_discussion_stays_final_and_its_former_figures_are_kept(room: Newsroom) -> None:
    room.connection.execute(
        "update discussion.windows set final = true, reactions_final = true,"
        " comments_changed_at = '2026-05-02'"
    )
    room.compute()
    erased_rows.erase_user(room.connection, "alice", ERASED_AT)
    room.compute()
    room.close("06-02 00:00")
    room.compute()
    engagement = room.engagement()
    assert (engagement["final"], engagement["reactions_final"], engagement["revision"]) == (
        True,
        True,
        1,
    )
    assert rows(
        room, "select comments_visible, revision from metrics.article_engagement_revisions"
    ) == [{"comments_visible": 3, "revision": 0}]
    assert rows(room, "select comments_changed_at from discussion.windows") == [
        {"comments_changed_at": t("05-02 00:00")}
    ]


def test_moderators_read_that_a_comment_is_erased_and_nothing_of_it(room: Newsroom) -> None:
    erased_rows.erase_user(room.connection, "alice", ERASED_AT)
    room.compute()
    thread = {
        row["comment_id"]: row for row in rows(room, "select * from discussion.discussion_thread")
    }
    assert {name: row["status"] for name, row in thread.items()} == {
        "seen": "erased",
        "reported": "erased",
        "rejected": "rejected",
        "deleted": "deleted",
        "held": "held",
        "late": "late",
        "of bob": "visible",
    }
    assert {
        (row["user_id"], row["display_name"], row["body"], row["erased_at"])
        for name, row in thread.items()
        if name != "of bob"
    } == {(ALICE, None, None, ERASED_AT)}
    (waiting,) = rows(room, "select * from discussion.moderation_queue")
    assert (
        waiting["comment_id"],
        waiting["user_id"],
        waiting["body"],
        waiting["display_name"],
        waiting["erased_at"],
        waiting["visible"],
        waiting["exposure_seconds"],
        waiting["urgency"],
    ) == ("reported", ALICE, None, None, ERASED_AT, False, None, 24)


def test_an_unpublished_article_s_erased_comment_is_erased(room: Newsroom) -> None:
    erased_rows.erase_comment(room.connection, "a", "seen", ERASED_AT)
    room.connection.execute("update discussion.articles set status = 'unpublished'")
    statuses = {
        row["comment_id"]: row["status"]
        for row in rows(room, "select comment_id, status from discussion.discussion_thread")
    }
    assert (statuses["seen"], statuses["of bob"]) == ("erased", "unpublished")


# The quality gate.


def test_what_is_erased_fails_no_expectation_about_rows(room: Newsroom) -> None:
    erased_rows.erase_user(room.connection, "alice", ERASED_AT)
    erased_rows.erase_comment(room.connection, "a", "of bob", ERASED_AT)
    room.compute()
    for expectation in (
        "base/erased_with_text",
        "base/edit_without_event",
        "base/decision_without_event",
        "base/report_twice",
        "metrics/comments_are_counted",
        "metrics/engagement_adds_up",
        "metrics/abuse_adds_up",
    ):
        assert found(room.connection, expectation) == [], expectation
    assert rows(room, "select * from ingest.event_id_conflicts") == []


LEFT = {
    "a name": ("comments", "update discussion.comments set display_name = 'x'"),
    "a first text": ("comments", "update discussion.comments set first_body = 'x'"),
    "a text": ("comments", "update discussion.comments set edited_body = 'x'"),
    "an edit": ("comment_edits", "update discussion.comment_edits set body = 'x'"),
    "a note": ("reports", "update discussion.reports set note = 'x'"),
    "a law": ("reports", "update discussion.reports set law = 'x'"),
    "an explanation": (
        "report_decisions",
        "update discussion.report_decisions set explanation = 'x'",
    ),
}


@pytest.mark.parametrize("left", LEFT)
def test_a_text_that_is_left_of_what_is_erased_is_found(room: Newsroom, left: str) -> None:
    place, change = LEFT[left]
    erased_rows.erase_user(room.connection, "alice", ERASED_AT)
    # Edits, too, are of a comment that is erased.
    where = {
        "comments": " where comment_id = 'seen'",
        "reports": " where report_id = 'p2'",
    }.get(place, "")
    room.connection.execute((change + where).encode())
    (row,) = found(room.connection, "base/erased_with_text")
    assert row["place"] == place
    assert not {"display_name", "body", "note", "law", "explanation"} & row.keys()


def test_a_later_text_under_the_same_ids_is_not_of_the_erased_person(room: Newsroom) -> None:
    erased_rows.erase_user(room.connection, "alice", ERASED_AT)
    room.edit("seen", "05-03 00:00:01", body="a text of somebody else")
    assert found(room.connection, "base/erased_with_text") == []
    assert found(room.connection, "base/edit_without_event") == []


def test_while_an_erasure_is_carried_out_nothing_is_said_to_be_left(room: Newsroom) -> None:
    erased_rows.erase_user(room.connection, "alice", ERASED_AT)
    room.connection.execute("update discussion.comment_edits set body = 'x'")
    room.connection.execute(
        "insert into ingest.erasures (kind, pseudonym, erased_at, version, subject, origin) values"
        " ('user', 'erased:1', now(), 1, 'alice', 'command')"
    )
    for expectation in ("base/erased_with_text", "base/edit_without_event"):
        assert found(room.connection, expectation) == []
    assert found(room.connection, "freshness/erasure_waits") == []
    room.connection.execute(
        "update ingest.erasures set requested_at = now() - interval '61 minutes'"
    )
    ((waiting),) = found(room.connection, "freshness/erasure_waits")
    assert waiting["erasures"] == 1
    room.connection.execute("update ingest.erasures set subject = null, completed_at = now()")
    assert found(room.connection, "freshness/erasure_waits") == []
    for expectation in ("base/erased_with_text", "base/edit_without_event"):
        assert len(found(room.connection, expectation)) == 1
