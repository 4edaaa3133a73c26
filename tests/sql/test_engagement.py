"""metrics.article_engagement: hand-computed cases, one meaning each."""

import psycopg
import pytest

from below_the_line.closing.windows import apply_windows
from below_the_line.metrics.dirty_run import recompute_dirty
from tests.sql.newsroom import Newsroom, t

pytestmark = pytest.mark.stack

NOTHING = {
    "comments_submitted": 0,
    "comments_published": 0,
    "comments_visible": 0,
    "top_level": 0,
    "replies": 0,
    "max_depth": None,
    "reply_share": None,
    "unique_commenters": 0,
    "top5_share": None,
    "first_comment_at": None,
    "last_comment_at": None,
    "time_to_first_comment_seconds": None,
    "reactions_net": 0,
    "reactions_added": 0,
    "engagement": 0,
    "first_24h_share": None,
    "peak_hour": None,
    "peak_hour_comments": None,
    "edited": 0,
    "deleted_by_author": 0,
    "held_comments": 0,
    "held_waiting": 0,
    "time_to_approval_p50_seconds": None,
    "staff_comments": 0,
    "late_comments": 0,
}


def part(row: dict[str, object], *names: str) -> dict[str, object]:
    return {name: row[name] for name in names}


def test_an_article_without_comments_has_a_row_of_zeros_and_nulls(newsroom: Newsroom) -> None:
    newsroom.publish("05-01 10:00")
    newsroom.close("05-02 00:00")
    newsroom.compute()
    row = newsroom.engagement()
    assert part(row, *NOTHING) == NOTHING
    assert part(
        row,
        "state",
        "closes_at",
        "closed_at",
        "final",
        "reactions_final",
        "revision",
        "metric_version",
    ) == {
        "state": "open",
        "closes_at": t("05-15 10:00"),
        "closed_at": None,
        "final": False,
        "reactions_final": False,
        "revision": 0,
        "metric_version": 2,
    }


def test_two_comments_of_a_closed_discussion(newsroom: Newsroom) -> None:
    newsroom.publish("05-01 10:00")
    newsroom.comment("c1", "05-01 12:30", user="u1")
    newsroom.comment("c2", "05-03 09:00", user="u2", parent="c1")
    newsroom.close("06-01 00:00")
    newsroom.compute()
    row = newsroom.engagement()
    expected = NOTHING | {
        "comments_submitted": 2,
        "comments_published": 2,
        "comments_visible": 2,
        "top_level": 1,
        "replies": 1,
        "max_depth": 2,
        "reply_share": 0.5,
        "unique_commenters": 2,
        "top5_share": 1.0,
        "first_comment_at": t("05-01 12:30"),
        "last_comment_at": t("05-03 09:00"),
        "time_to_first_comment_seconds": 9000.0,
        "engagement": 2,
        "first_24h_share": 0.5,
        "peak_hour": t("05-01 12:00"),
        "peak_hour_comments": 1,
        "state": "closed",
        "closed_at": t("05-15 10:00"),
    }
    assert part(row, *expected) == expected


def test_a_comment_at_the_windows_end_is_late_and_in_no_other_figure(newsroom: Newsroom) -> None:
    newsroom.publish("05-01 10:00")
    newsroom.comment("before it opens", "04-30 10:00")
    newsroom.comment("in time", "05-15 09:59:59.999999")
    newsroom.comment("late", "05-15 10:00", role="staff", held=True, user="u2")
    newsroom.delete("late", "05-16 00:00")
    newsroom.close("05-02 00:00")
    newsroom.compute()
    row = newsroom.engagement()
    expected = {
        "comments_submitted": 3,
        "comments_published": 2,
        "late_comments": 1,
        "unique_commenters": 1,
        "staff_comments": 0,
        "held_comments": 0,
        "deleted_by_author": 0,
        "time_to_first_comment_seconds": 0.0,
    }
    assert part(row, *expected) == expected


def test_a_comment_in_a_gap_is_late_and_an_extend_brings_it_back(newsroom: Newsroom) -> None:
    newsroom.publish("05-01 10:00")
    newsroom.override("close", "05-02 00:00")
    newsroom.override("clear", "05-04 00:00")
    newsroom.comment("in the gap", "05-03 00:00")
    newsroom.comment("after the end", "05-16 00:00")
    newsroom.comment("in time", "05-05 00:00")
    newsroom.close("06-01 00:00")
    newsroom.compute()
    assert part(newsroom.engagement(), "comments_published", "late_comments") == {
        "comments_published": 1,
        "late_comments": 2,
    }
    newsroom.override("extend", "05-17 00:00", "05-20 00:00")
    newsroom.close("06-01 00:00")
    recompute_dirty(newsroom.connection)
    assert part(newsroom.engagement(), "comments_published", "late_comments") == {
        "comments_published": 2,
        "late_comments": 1,
    }


def test_a_comment_before_the_article_opens_is_in_time_also_when_there_are_gaps(
    newsroom: Newsroom,
) -> None:
    newsroom.publish("05-01 10:00")
    newsroom.override("close", "05-02 00:00")
    newsroom.override("clear", "05-04 00:00")
    newsroom.comment("c1", "04-30 10:00")
    newsroom.close("06-01 00:00")
    newsroom.compute()
    assert part(newsroom.engagement(), "comments_published", "late_comments") == {
        "comments_published": 1,
        "late_comments": 0,
    }


def test_late_comments_are_listed_with_how_late(
    newsroom: Newsroom, connection: psycopg.Connection
) -> None:
    newsroom.publish("05-01 10:00")
    newsroom.comment("c1", "05-15 12:00")
    newsroom.close("06-01 00:00")
    rows = connection.execute(
        "select comment_id, closed_at, extract(hour from late_by) from discussion.late_comments"
    ).fetchall()
    assert rows == [("c1", t("05-15 10:00"), 2)]


def test_stubs_are_not_listed_as_late_where_a_window_has_gaps(
    newsroom: Newsroom, connection: psycopg.Connection
) -> None:
    newsroom.publish("05-01 10:00")
    newsroom.override("hold", "05-02 00:00")
    newsroom.override("release", "05-04 00:00")
    newsroom.comment("in the gap", "05-03 00:00")
    newsroom.comment("in time", "05-05 00:00")
    newsroom.delete("stub", "05-03 00:00")
    newsroom.edit("stub, edited", "05-03 00:00")
    newsroom.moderate("stub, moderated", "rejected", "05-03 00:00")
    newsroom.close("06-01 00:00")
    assert connection.execute(
        "select comment_id, closed_at, extract(day from late_by) from discussion.late_comments"
    ).fetchall() == [("in the gap", t("05-02 00:00"), 1)]
    assert connection.execute(
        "select discussion.in_time('a', opens_at, closes_at, has_gaps, null), has_gaps"
        " from discussion.windows"
    ).fetchall() == [(None, True)]


def test_held_comments_count_once_approved_judged_by_their_posting(newsroom: Newsroom) -> None:
    newsroom.publish("05-01 10:00")
    newsroom.comment("approved late", "05-15 09:00", held=True)
    newsroom.moderate("approved late", "approved", "05-16 09:00")
    newsroom.comment("approved, then rejected", "05-02 00:00", held=True)
    newsroom.moderate("approved, then rejected", "approved", "05-02 00:10", automated=True)
    newsroom.moderate("approved, then rejected", "rejected", "05-02 00:20")
    newsroom.comment("rejected", "05-02 00:00", held=True)
    newsroom.moderate("rejected", "rejected", "05-02 00:05")
    newsroom.comment("waiting", "05-02 00:00", held=True)
    newsroom.comment("deleted while waiting", "05-02 00:00", held=True)
    newsroom.delete("deleted while waiting", "05-02 01:00")
    newsroom.close("06-01 00:00")
    newsroom.compute()
    expected = {
        "comments_submitted": 5,
        "comments_published": 2,
        "comments_visible": 1,
        "held_comments": 5,
        "held_waiting": 1,
        "deleted_by_author": 1,
        "time_to_approval_p50_seconds": (24 * 3600 + 600) / 2,
    }
    assert part(newsroom.engagement(), *expected) == expected


def test_rejected_and_deleted_comments_are_published_but_not_visible(newsroom: Newsroom) -> None:
    newsroom.publish("05-01 10:00")
    for comment in ("visible", "rejected", "deleted", "rejected, then approved"):
        newsroom.comment(comment, "05-02 00:00")
    newsroom.moderate("rejected", "rejected", "05-02 01:00")
    newsroom.delete("deleted", "05-02 01:00")
    newsroom.moderate("rejected, then approved", "rejected", "05-02 01:00")
    newsroom.moderate("rejected, then approved", "approved", "05-02 02:00")
    newsroom.compute()
    expected = {"comments_published": 4, "comments_visible": 2, "deleted_by_author": 1}
    assert part(newsroom.engagement(), *expected) == expected


def test_a_stub_counts_nowhere(newsroom: Newsroom) -> None:
    newsroom.delete("stub", "05-02 01:00")
    newsroom.edit("stub", "05-02 00:30")
    newsroom.compute()
    assert part(newsroom.engagement(), *NOTHING) == NOTHING


def test_staff_are_counted_but_do_not_make_the_first_comment_of_a_reader(
    newsroom: Newsroom,
) -> None:
    newsroom.publish("05-01 10:00")
    newsroom.comment("c1", "05-01 10:01", role="staff", user="s1")
    newsroom.comment("c2", "05-01 10:02", user="u1")
    newsroom.close("05-02 00:00")
    newsroom.compute()
    expected = {
        "staff_comments": 1,
        "unique_commenters": 2,
        "first_comment_at": t("05-01 10:01"),
        "time_to_first_comment_seconds": 120.0,
    }
    assert part(newsroom.engagement(), *expected) == expected


def test_an_article_known_only_from_comments_has_figures_without_anchor_and_state(
    newsroom: Newsroom,
) -> None:
    newsroom.comment("c1", "05-01 10:01")
    newsroom.compute()
    expected = {
        "comments_published": 1,
        "time_to_first_comment_seconds": None,
        "first_24h_share": None,
        "state": None,
        "closes_at": None,
        "final": False,
        "revision": 0,
    }
    assert part(newsroom.engagement(), *expected) == expected


def test_top5_share_is_of_the_five_most_active(newsroom: Newsroom) -> None:
    number = 0
    for user, comments in {"u1": 4, "u2": 3, "u3": 2, "u4": 1, "u5": 1, "u6": 1}.items():
        for _ in range(comments):
            number += 1
            newsroom.comment(f"c{number}", "05-01 10:00", user=user)
    newsroom.compute()
    assert part(newsroom.engagement(), "unique_commenters", "top5_share") == {
        "unique_commenters": 6,
        "top5_share": 11 / 12,
    }


def test_the_peak_hour_is_the_earliest_on_a_tie_in_utc(
    newsroom: Newsroom, connection: psycopg.Connection
) -> None:
    for number, at in enumerate(
        ("05-01 12:00", "05-01 10:00", "05-01 10:59:59.9", "05-01 12:01", "05-01 11:00")
    ):
        newsroom.comment(f"c{number}", at)
    # Half an hour off: hours of the session's zone would be others.
    connection.execute("set timezone = 'Asia/Kolkata'")
    newsroom.compute()
    assert part(newsroom.engagement(), "peak_hour", "peak_hour_comments") == {
        "peak_hour": t("05-01 10:00"),
        "peak_hour_comments": 2,
    }


def test_an_edit_in_time_counts_its_comment_once_a_late_edit_does_not(newsroom: Newsroom) -> None:
    newsroom.publish("05-01 10:00")
    for comment in ("edited twice", "edited late", "held", "untouched"):
        newsroom.comment(comment, "05-02 00:00", held=comment == "held")
    newsroom.edit("edited twice", "05-02 00:01")
    newsroom.edit("edited twice", "05-02 00:02")
    newsroom.edit("edited late", "05-15 10:00")
    newsroom.edit("held", "05-02 00:01")
    newsroom.close("06-01 00:00")
    newsroom.compute()
    assert newsroom.engagement()["edited"] == 1


def test_reactions_count_on_published_comments_inside_their_longer_window(
    newsroom: Newsroom,
) -> None:
    newsroom.publish("05-01 10:00")
    newsroom.comment("c1", "05-02 00:00")
    newsroom.comment("held", "05-02 00:00", held=True)
    newsroom.comment("late", "05-16 00:00")
    newsroom.react("c1", "05-02 00:01", user="u1")
    newsroom.react("c1", "05-22 09:59:59", user="u2", is_on=False)
    newsroom.react("c1", "05-22 10:00", user="u3")
    newsroom.react("held", "05-02 00:01")
    newsroom.react("late", "05-16 00:01")
    newsroom.react("stub", "05-02 00:01")
    newsroom.close("06-01 00:00")
    newsroom.compute()
    expected = {"reactions_added": 2, "reactions_net": 1, "engagement": 3, "comments_published": 1}
    assert part(newsroom.engagement(), *expected) == expected


def test_reactions_below_an_article_without_a_publication_time_count_for_a_week(
    newsroom: Newsroom,
) -> None:
    newsroom.publish("05-01 10:00", published_at=None)
    newsroom.comment("c1", "05-02 00:00")
    newsroom.override("close", "05-03 00:00")
    newsroom.react("c1", "05-09 23:59:59.999999", user="in time")
    newsroom.react("c1", "05-10 00:00", user="too late")
    newsroom.close("06-01 00:00")
    newsroom.compute()
    row = newsroom.engagement()
    assert (row["reactions_added"], row["engagement"], row["reactions_final"]) == (1, 2, True)
    hours = newsroom.connection.execute("select sum(reactions) from metrics.article_hourly")
    assert hours.fetchone() == (1,)


def test_depth_walks_over_a_stub_late_and_held_parents(newsroom: Newsroom) -> None:
    newsroom.publish("05-01 10:00")
    newsroom.delete("stub", "05-01 10:00")
    newsroom.comment("held", "05-02 00:00", held=True, parent="stub")
    newsroom.comment("late", "05-16 00:00", parent="held")
    newsroom.comment("in time", "05-02 00:00", parent="late")
    newsroom.comment("late and deeper", "05-16 00:00", parent="in time")
    newsroom.close("06-01 00:00")
    newsroom.compute()
    assert part(newsroom.engagement(), "max_depth", "comments_published") == {
        "max_depth": 4,
        "comments_published": 1,
    }


def test_articles_are_computed_apart(newsroom: Newsroom) -> None:
    newsroom.comment("c1", "05-01 10:00", article="a")
    newsroom.comment("c1", "05-01 10:00", article="b")
    newsroom.comment("c2", "05-01 10:00", article="b", parent="c1")
    newsroom.compute()
    assert (newsroom.engagement("a")["max_depth"], newsroom.engagement("b")["max_depth"]) == (1, 2)
    assert (
        newsroom.engagement("a")["comments_published"],
        newsroom.engagement("b")["comments_published"],
    ) == (1, 2)


def test_the_watermark_is_that_of_the_last_passed_barrier(
    newsroom: Newsroom, connection: psycopg.Connection
) -> None:
    newsroom.publish("05-01 10:00")
    newsroom.compute()
    assert newsroom.engagement()["watermark"] is None
    connection.execute(
        "insert into ingest.barriers (attempt_id, run_id, consumer_group, taken_at, cut_off,"
        " passed_at) values ('1', 'r', 'g', %(one)s, %(one)s, %(one)s), ('2', 'r', 'g', %(two)s,"
        " %(two)s, null)",
        {"one": t("05-02 00:00"), "two": t("05-03 00:00")},
    )
    newsroom.compute()
    assert newsroom.engagement()["watermark"] == t("05-02 00:00")


def test_closing_marks_the_article_so_that_its_state_follows(newsroom: Newsroom) -> None:
    newsroom.publish("05-01 10:00")
    newsroom.close("05-02 00:00")
    recompute_dirty(newsroom.connection)
    assert newsroom.engagement()["state"] == "open"
    apply_windows(newsroom.connection, t("05-15 10:00"))
    recompute_dirty(newsroom.connection)
    assert newsroom.engagement()["state"] == "closed"
