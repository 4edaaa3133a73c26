"""What each view says of an article that is unpublished and published again, and of comments that
are held, late, or without a posting. Of these, readers see nothing.

The article is published on 05-01 10:00 for two weeks, unpublished from 05-03 00:00 on, and, where a
test says so, published again on 05-04 00:00.
"""

from datetime import UTC, datetime
from typing import Any, LiteralString

import pytest
from psycopg.rows import dict_row

from below_the_line.closing.windows import apply_windows
from tests.sql.newsroom import Newsroom, t

pytestmark = pytest.mark.stack

COMMENTS = ("gap", "held", "late", "rejected", "stub", "visible")


@pytest.fixture
def room(newsroom: Newsroom) -> Newsroom:
    """An article with comments of every kind, each reported by one reader."""
    newsroom.article_as_published_at("05-01 10:00")
    newsroom.comment("visible", "05-01 12:00")
    newsroom.comment("held", "05-01 12:00", held=True)
    newsroom.comment("rejected", "05-01 12:00")
    newsroom.moderate("rejected", "rejected", "05-01 12:01", automated=True)
    newsroom.comment("gap", "05-03 12:00")
    newsroom.comment("late", "05-20 12:00")
    newsroom.delete("stub", "05-20 12:00", article="b")
    for comment in COMMENTS:
        newsroom.report(f"of {comment}", "05-20 13:00", comment=comment)
    newsroom.close("06-01 00:00")
    newsroom.compute()
    return newsroom


def take_down(room: Newsroom) -> None:
    room.unpublish("05-03 00:00")
    set_status(room, "unpublished", "05-03 00:00")


def put_back(room: Newsroom) -> None:
    take_down(room)
    room.publish("05-04 00:00", published_at="05-01 10:00")
    set_status(room, "published", "05-04 00:00")


def set_status(room: Newsroom, status: str, at: str) -> None:
    """As the merge of the event leaves the article's row; then the runs."""
    room.connection.execute(
        "update discussion.articles set status = %s, status_changed_at = %s where article_id = 'a'",
        [status, t(at)],
    )
    room.close("06-01 00:00")
    room.compute()


def rows(room: Newsroom, query: LiteralString) -> list[dict[str, Any]]:
    with room.connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query).fetchall()


def queue(room: Newsroom) -> dict[str, dict[str, Any]]:
    """The moderation queue by comment; age: hours since ``posted_at`` by the same clock."""
    return {
        row["comment_id"]: row
        for row in rows(
            room,
            "select *, extract(epoch from now() - posted_at)::double precision as age from"
            " discussion.moderation_queue",
        )
    }


def test_the_queue_has_all_comments_with_open_reports_and_says_which_ones_readers_see(
    room: Newsroom,
) -> None:
    found = queue(room)
    assert next(iter(found)) == "visible"
    assert {name: row["visible"] for name, row in found.items()} == {
        **dict.fromkeys(COMMENTS, False),
        "visible": True,
        "gap": True,
    }
    take_down(room)
    found = queue(room)
    assert sorted(found) == sorted(COMMENTS)
    assert not any(row["visible"] for row in found.values())
    assert {row["exposure_seconds"] for row in found.values()} == {None}
    # They do not grow with the clock any more.
    assert {row["urgency"] for row in found.values()} == {24.0}
    assert {row["urgency_key"] for row in found.values()} == {24.0}


def test_after_an_article_is_published_again_exposure_begins_anew(room: Newsroom) -> None:
    put_back(room)
    found = queue(room)
    assert found["visible"]["visible"]
    hours_hidden = 24.0 + 12 + 24  # Posted at noon two days before, unpublished for a day.
    assert found["visible"]["exposure_seconds"] == pytest.approx(
        found["visible"]["age"] - hours_hidden * 3600
    )
    assert found["visible"]["urgency"] == pytest.approx(
        24 + found["visible"]["exposure_seconds"] / 3600
    )
    assert not any(found[name]["visible"] for name in ("gap", "held", "late", "rejected", "stub"))
    # A comment that was posted after that was never hidden.
    room.comment("later", "05-05 12:00")
    room.report("of later", "05-20 13:00", comment="later")
    room.compute()
    later = queue(room)["later"]
    assert later["exposure_seconds"] == pytest.approx(later["age"])


@pytest.mark.parametrize(
    ("decisions", "since"),
    [
        pytest.param((), "05-01 12:00", id="never decided"),
        pytest.param((("approved", "05-01 13:00"),), "05-01 12:00", id="approved"),
        pytest.param(
            (("rejected", "05-01 13:00"), ("approved", "05-01 14:00")),
            "05-01 14:00",
            id="rejected and approved",
        ),
        pytest.param(
            (
                ("rejected", "05-01 13:00"),
                ("approved", "05-01 14:00"),
                ("rejected", "05-01 15:00"),
                ("approved", "05-01 16:00"),
                ("approved", "05-01 17:00"),
            ),
            "05-01 16:00",
            id="twice",
        ),
    ],
)
def test_exposure_begins_anew_when_a_machine_brings_a_comment_back(
    room: Newsroom, decisions: tuple[tuple[str, str], ...], since: str
) -> None:
    for decision, at in decisions:
        room.moderate("visible", decision, at, automated=True)
    room.compute()
    assert rows(
        room, "select visible_since from metrics.open_reports where comment_id = 'visible'"
    ) == [{"visible_since": t(since)}]


def test_figures_of_the_article_go_by_the_comments_own_state(room: Newsroom) -> None:
    before = room.engagement()
    take_down(room)
    after = room.engagement()
    assert before["comments_visible"] == 2
    # Only what was posted while it was down is late now.
    assert (after["comments_published"], after["comments_visible"], after["late_comments"]) == (
        2,
        1,
        2,
    )
    assert room.abuse()["open_reports"] == len(COMMENTS)


def test_only_published_articles_trend(room: Newsroom) -> None:
    room.connection.execute(
        "update metrics.article_hourly set hour = date_trunc('hour', now(), 'UTC')"
        " where article_id = 'a' and hour = '2026-05-01 12:00+00'"
    )
    query: LiteralString = "select article_id, comments from metrics.trending_articles"
    assert rows(room, query) == [{"article_id": "a", "comments": 2}]
    room.connection.execute("update discussion.articles set status = 'unpublished'")
    assert rows(room, query) == []
    room.connection.execute("update discussion.articles set status = 'published'")
    assert rows(room, query) == [{"article_id": "a", "comments": 2}]


def statuses(room: Newsroom) -> dict[str, str]:
    return {
        row["comment_id"]: row["status"]
        for row in rows(room, "select comment_id, status from discussion.discussion_thread")
    }


def test_a_thread_has_all_posted_comments_and_says_what_readers_see(room: Newsroom) -> None:
    own = {"held": "held", "rejected": "rejected", "late": "late"}
    assert statuses(room) == {"visible": "visible", "gap": "visible", **own}
    take_down(room)
    assert statuses(room) == {"visible": "unpublished", "gap": "late", **own}
    put_back(room)
    assert statuses(room) == {"visible": "visible", "gap": "late", **own}


def late(room: Newsroom) -> list[tuple[str, Any, int]]:
    return [
        (row["comment_id"], row["closed_at"], row["late_by"] // 3600)
        for row in rows(
            room,
            "select comment_id, closed_at, extract(epoch from late_by)::integer as late_by"
            " from discussion.late_comments order by comment_id",
        )
    ]


def test_late_is_what_was_posted_while_the_article_was_down(room: Newsroom) -> None:
    at_the_end = ("late", t("05-15 10:00"), 122)
    assert late(room) == [at_the_end]
    take_down(room)
    assert late(room) == [
        ("gap", t("05-03 00:00"), 12),
        # It was down already when the two weeks ended.
        ("late", t("05-03 00:00"), 17 * 24 + 12),
    ]
    put_back(room)
    assert late(room) == [("gap", t("05-03 00:00"), 12), at_the_end]


def test_the_history_says_when_it_was_taken_down_and_put_back(room: Newsroom) -> None:
    put_back(room)
    assert room.history() == [
        (t("05-01 10:00"), "opened", "rule"),
        (t("05-03 00:00"), "closed", "unpublished"),
        (t("05-04 00:00"), "reopened", "rule"),
        (t("05-15 10:00"), "closed", "rule"),
    ]


def test_an_unpublished_article_neither_closes_soon_nor_lacks_an_end(newsroom: Newsroom) -> None:
    def listed() -> tuple[list[str], list[str]]:
        return (
            [row["article_id"] for row in rows(newsroom, "select * from metrics.closing_soon")],
            [row["article_id"] for row in rows(newsroom, "select * from discussion.cannot_close")],
        )

    def close() -> None:
        newsroom.connection.execute(
            "insert into ingest.dirty_windows (article_id) values ('soon'), ('endless')"
        )
        apply_windows(newsroom.connection, datetime.now(UTC))

    newsroom.publish("01-01 10:00", article="soon")
    newsroom.override("reopen", "01-02 10:00", article="soon")
    newsroom.connection.execute(
        "update discussion.discussion_overrides set closes_at = now() + interval '1 hour'"
    )
    newsroom.publish("01-01 10:00", article="endless", published_at=None)
    close()
    assert listed() == (["soon"], ["endless"])
    for article in ("soon", "endless"):
        newsroom.unpublish("01-03 10:00", article=article)
    close()
    assert listed() == ([], [])
    newsroom.publish("01-04 10:00", article="soon", published_at="01-01 10:00")
    newsroom.publish("01-04 10:00", article="endless", published_at=None)
    close()
    assert listed() == (["soon"], ["endless"])
