"""Windows: rules, settings, overrides and the cut-off, as rows in and rows out. Articles are
published on 05-01 10:00.
"""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from below_the_line.closing.windows import apply_windows
from tests.sql.newsroom import Newsroom, t

pytestmark = pytest.mark.stack
ANCHOR = t("05-01 10:00")
DEFAULT_END = t("05-15 10:00")


def test_the_default_rule_closes_after_two_weeks_and_reactions_a_week_later(
    newsroom: Newsroom,
) -> None:
    newsroom.publish("05-01 10:00")
    newsroom.close("05-10 00:00")
    window = newsroom.window()
    assert (window["opens_at"], window["closes_at"], window["reactions_close_at"]) == (
        ANCHOR,
        DEFAULT_END,
        t("05-22 10:00"),
    )
    assert (window["state"], window["closed_at"], window["reason"]) == ("open", None, "rule")
    assert window["next_change_at"] == DEFAULT_END
    assert newsroom.intervals() == [(ANCHOR, DEFAULT_END)]


def test_where_no_rule_is_in_force_reactions_count_for_a_week_after_the_closing(
    newsroom: Newsroom,
) -> None:
    newsroom.publish("05-01 10:00", published_at=None)
    newsroom.close("05-10 00:00")
    assert newsroom.window()["reactions_close_at"] is None
    newsroom.override("close", "05-12 10:00")
    newsroom.close("05-13 00:00")
    window = newsroom.window()
    assert (window["opens_at"], window["rule_id"]) == (None, None)
    assert (window["closes_at"], window["reactions_close_at"]) == (
        t("05-12 10:00"),
        t("05-19 10:00"),
    )


@pytest.mark.parametrize(
    ("cut_off", "state", "closed_at"),
    [
        ("05-15 09:59:59.999999", "open", None),
        ("05-15 10:00", "closed", "05-15 10:00"),
        ("07-01 00:00", "closed", "05-15 10:00"),
    ],
)
def test_a_discussion_is_closed_from_the_windows_end_on_whenever_the_run_comes(
    newsroom: Newsroom, cut_off: str, state: str, closed_at: str | None
) -> None:
    newsroom.publish("05-01 10:00")
    newsroom.close(cut_off)
    window = newsroom.window()
    assert (window["state"], window["closed_at"]) == (state, closed_at and t(closed_at))
    assert window["next_change_at"] == (DEFAULT_END if state == "open" else None)


def late(newsroom: Newsroom) -> list[str]:
    rows = newsroom.connection.execute("select comment_id from discussion.late_comments")
    return [comment for (comment,) in rows]


def test_a_wrong_publication_time_is_corrected_and_nobody_is_late(newsroom: Newsroom) -> None:
    """Published with the year 2016 by a typing error, and corrected a minute later."""
    newsroom.publish("05-01 10:00", published_at="2016-05-01 10:00", section="sports")
    newsroom.comment("at once", "05-01 10:00:30")
    newsroom.update("05-01 10:01", published_at="05-01 10:00", corrected=True)
    newsroom.comment("later", "05-10 10:00")
    newsroom.close("05-12 00:00")
    window = newsroom.window()
    assert (window["state"], window["opens_at"], window["closes_at"]) == (
        "open",
        ANCHOR,
        DEFAULT_END,
    )
    # The version that set it says which rule applies.
    assert window["section"] == "politics"
    assert late(newsroom) == []


def test_a_discussion_that_closed_by_a_typing_error_opens_again_with_the_correction(
    newsroom: Newsroom,
) -> None:
    newsroom.publish("05-01 10:00", published_at="2016-05-01 10:00")
    newsroom.comment("c", "05-01 10:00:30")
    newsroom.close("05-01 10:00:45")
    assert newsroom.window()["state"] == "closed"
    assert late(newsroom) == ["c"]
    newsroom.update("05-01 10:01", published_at="05-01 10:00", corrected=True)
    newsroom.close("05-02 00:00")
    assert newsroom.window()["state"] == "open"
    assert late(newsroom) == []


def test_an_embargo_is_moved_until_it_is_reached(newsroom: Newsroom) -> None:
    newsroom.publish("05-01 09:00", published_at="05-01 12:00")
    newsroom.update("05-01 11:59:59.999999", published_at="05-02 12:00")
    newsroom.update("05-02 12:00", published_at="05-09 12:00")
    newsroom.close("05-10 00:00")
    assert newsroom.window()["opens_at"] == t("05-02 12:00")


@pytest.mark.parametrize(
    ("versions", "anchor", "section"),
    [
        ([("05-01", "05-01"), ("05-03", "05-03")], "05-01", "s0"),
        ([("05-01", "05-01"), ("05-03", "05-03", False)], "05-01", "s0"),
        ([("05-01", "05-01"), ("05-03", None, True)], "05-01", "s0"),
        ([("05-01", None, True), ("05-03", "05-03"), ("05-04", "05-02")], "05-02", "s2"),
        ([("05-01", "05-01"), ("05-03", "05-01", True)], "05-01", "s0"),
        ([("05-01", "05-01"), ("05-03", "05-02", True), ("05-04", "05-01", True)], "05-01", "s2"),
        ([("05-01", "05-01"), ("05-03", "05-03", True), ("05-04", "05-04")], "05-03", "s1"),
        ([("05-01", "05-01"), ("05-03", "05-09", True), ("05-04", "05-11")], "05-11", "s2"),
        ([("05-01", "05-05"), ("05-02", "05-09"), ("05-03", "05-06")], "05-06", "s2"),
        ([("05-01", "05-01"), ("05-03", "05-07"), ("05-04", "05-09")], "05-01", "s0"),
        ([("05-01", "05-01"), ("05-02", "04-01"), ("05-04", "05-01")], "04-01", "s1"),
    ],
    ids=[
        "a later one is ignored",
        "that says it corrects nothing",
        "the flag without a time means nothing",
        "the first one has nothing to correct; an earlier one lowers it",
        "one that repeats it does not set it",
        "one that returns to it sets it again",
        "after a correction a later one is ignored, too",
        "a correction can be an embargo, which is moved",
        "an embargo may be moved forth and back",
        "a time that was ignored is no embargo",
        "a time that was lowered does not come back",
    ],
)
def test_which_version_sets_the_anchor(
    newsroom: Newsroom,
    versions: list[tuple[str, str | None] | tuple[str, str | None, bool]],
    anchor: str,
    section: str,
) -> None:
    for number, (at, published_at, *corrected) in enumerate(versions):
        newsroom.update(
            f"{at} 00:00",
            published_at=published_at and f"{published_at} 00:00",
            corrected=corrected[0] if corrected else None,
            section=f"s{number}",
        )
    newsroom.close("05-12 00:00")
    window = newsroom.window()
    assert (window["opens_at"], window["section"]) == (t(f"{anchor} 00:00"), section)


def test_before_it_opens_a_discussion_is_open(newsroom: Newsroom) -> None:
    newsroom.publish("05-01 10:00", published_at="06-01 00:00")
    newsroom.close("05-02 00:00")
    assert (newsroom.window()["state"], newsroom.window()["opens_at"]) == ("open", t("06-01 00:00"))


def test_the_articles_own_closing_time_beats_the_rule(newsroom: Newsroom) -> None:
    newsroom.publish("05-01 10:00", closes_at="05-03 00:00")
    newsroom.close("05-10 00:00")
    assert newsroom.intervals() == [(ANCHOR, t("05-03 00:00"))]
    assert newsroom.window()["reason"] == "article"
    assert newsroom.window()["reactions_close_at"] == t("05-10 00:00")


def test_the_articles_own_window_counts_from_the_anchor(newsroom: Newsroom) -> None:
    newsroom.publish("05-01 10:00")
    newsroom.update("05-02 00:00", published_at="05-01 10:00", window_hours=48)
    newsroom.close("05-10 00:00")
    assert newsroom.intervals() == [(ANCHOR, t("05-03 10:00"))]


def test_a_version_without_settings_is_back_to_the_rule(newsroom: Newsroom) -> None:
    newsroom.publish("05-01 10:00", window_hours=24)
    newsroom.update("05-05 10:00", published_at="05-01 10:00")
    newsroom.close("05-10 00:00")
    assert newsroom.intervals() == [(ANCHOR, t("05-02 10:00")), (t("05-05 10:00"), DEFAULT_END)]
    assert newsroom.window()["has_gaps"]


def test_disabling_closes_from_the_time_of_the_version_that_says_so(newsroom: Newsroom) -> None:
    newsroom.publish("05-01 10:00")
    newsroom.update("05-02 00:00", published_at="05-01 10:00", enabled=False)
    newsroom.close("05-10 00:00")
    assert newsroom.intervals() == [(ANCHOR, t("05-02 00:00"))]
    assert (newsroom.window()["state"], newsroom.window()["reason"]) == ("closed", "disabled")


def test_a_discussion_that_never_opened_closes_when_it_would_have_opened(
    newsroom: Newsroom,
) -> None:
    newsroom.publish("05-01 10:00", enabled=False)
    newsroom.close("05-10 00:00")
    window = newsroom.window()
    assert (window["state"], window["closes_at"], window["closed_at"]) == ("closed", ANCHOR, ANCHOR)
    assert newsroom.intervals() == []
    assert not window["has_gaps"]


def test_section_beats_site_beats_all_and_a_rule_that_names_the_site_comes_first(
    newsroom: Newsroom,
) -> None:
    newsroom.rule(10, site="daily")
    any_site = newsroom.rule(20, section="sports")
    this_site = newsroom.rule(30, site="daily", section="sports")
    newsroom.publish("05-01 10:00", article="politics")
    newsroom.publish("05-01 10:00", article="sports", section="sports")
    newsroom.publish("05-01 10:00", article="elsewhere", site="weekly", section="sports")
    newsroom.publish("05-01 10:00", article="other", site="weekly")
    newsroom.close("06-01 00:00")
    ends = {
        name: newsroom.window(name)["closes_at"] - ANCHOR
        for name in ("politics", "sports", "elsewhere", "other")
    }
    assert ends == {
        "politics": timedelta(hours=10),
        "sports": timedelta(hours=30),
        "elsewhere": timedelta(hours=20),
        "other": timedelta(days=14),
    }
    assert (newsroom.window("sports")["rule_id"], newsroom.window("elsewhere")["rule_id"]) == (
        this_site,
        any_site,
    )


def test_the_latest_rule_in_force_at_the_anchor_counts(newsroom: Newsroom) -> None:
    newsroom.rule(10, valid_from="04-01 00:00")
    newsroom.rule(20, valid_from="05-01 10:00")
    newsroom.rule(30, valid_from="05-01 10:00:00.000001")
    newsroom.publish("05-01 10:00")
    newsroom.close("06-01 00:00")
    assert newsroom.window()["closes_at"] == ANCHOR + timedelta(hours=20)


def test_a_new_rule_marks_the_articles_that_it_may_concern(newsroom: Newsroom) -> None:
    newsroom.publish("05-01 10:00", article="politics")
    newsroom.publish("05-01 10:00", article="sports", section="sports")
    newsroom.close("05-02 00:00")
    newsroom.rule(48, section="sports", valid_from="04-01 00:00")
    summary = apply_windows(newsroom.connection, t("05-02 00:00"))
    assert (summary.examined, summary.changed) == (1, 1)
    assert newsroom.window("sports")["closes_at"] == ANCHOR + timedelta(hours=48)


def test_an_earlier_publication_that_arrives_late_moves_the_window_and_chooses_the_rule(
    newsroom: Newsroom,
) -> None:
    newsroom.rule(24, section="sports")
    newsroom.publish("05-03 10:00")
    newsroom.close("05-04 00:00")
    assert newsroom.window()["closes_at"] == t("05-17 10:00")
    newsroom.publish("05-01 10:00", section="sports")
    newsroom.close("05-04 00:00")
    window = newsroom.window()
    assert (window["opens_at"], window["closes_at"], window["state"]) == (
        ANCHOR,
        t("05-02 10:00"),
        "closed",
    )


def test_without_a_publication_time_a_discussion_cannot_close(
    newsroom: Newsroom, connection: psycopg.Connection
) -> None:
    newsroom.publish("05-01 10:00", published_at=None)
    newsroom.close("09-01 00:00")
    window = newsroom.window()
    assert (window["state"], window["opens_at"], window["closes_at"], window["rule_id"]) == (
        "cannot_close",
        None,
        None,
        None,
    )
    assert newsroom.intervals() == [(None, None)]
    assert connection.execute(
        "select article_id, reason from discussion.cannot_close"
    ).fetchall() == [("a", "no_publication_time")]


def test_unpublishing_closes_and_only_publishing_opens_again(newsroom: Newsroom) -> None:
    newsroom.publish("05-01 10:00")
    newsroom.unpublish("05-02 01:00", effective="05-02 00:00")
    newsroom.update("05-02 12:00", published_at="05-01 10:00")
    newsroom.publish("05-04 00:00", published_at="05-01 10:00")
    newsroom.close("05-10 00:00")
    assert newsroom.intervals() == [(ANCHOR, t("05-02 00:00")), (t("05-04 00:00"), DEFAULT_END)]


def test_an_article_known_only_from_comments_has_no_window(
    newsroom: Newsroom, connection: psycopg.Connection
) -> None:
    newsroom.comment("c1", "05-01 10:00")
    connection.execute("insert into ingest.dirty_windows (article_id) values ('a')")
    apply_windows(connection, t("05-10 00:00"))
    assert connection.execute("select count(*) from discussion.windows").fetchone() == (0,)


# Overrides: (action, decided at, closes at), then the intervals that they leave of 05-01 10:00 to
# 05-15 10:00.
OVERRIDES: dict[str, tuple[list[tuple[str, str, str | None]], list[tuple[str, str | None]]]] = {
    "close": ([("close", "05-02 00:00", None)], [("05-01 10:00", "05-02 00:00")]),
    "close at an announced time": (
        [("close", "05-02 00:00", "05-03 00:00")],
        [("05-01 10:00", "05-03 00:00")],
    ),
    "close with a needless earlier time": (
        [("close", "05-02 00:00", "05-01 11:00")],
        [("05-01 10:00", "05-02 00:00")],
    ),
    "announced close, called off by clear": (
        [("close", "05-02 00:00", "05-03 00:00"), ("clear", "05-02 12:00", None)],
        [("05-01 10:00", "05-15 10:00")],
    ),
    "reopen without end": (
        [("reopen", "05-20 00:00", None)],
        [("05-01 10:00", "05-15 10:00"), ("05-20 00:00", None)],
    ),
    "reopen for a time, closed after it": (
        [("close", "05-02 00:00", None), ("reopen", "05-03 00:00", "05-04 00:00")],
        [("05-01 10:00", "05-02 00:00"), ("05-03 00:00", "05-04 00:00")],
    ),
    "extend in time": (
        [("extend", "05-10 00:00", "05-20 00:00")],
        [("05-01 10:00", "05-20 00:00")],
    ),
    "extend covers the gap after closing by age": (
        [("extend", "05-18 00:00", "05-20 00:00")],
        [("05-01 10:00", "05-20 00:00")],
    ),
    "extend may shorten": (
        [("extend", "05-03 00:00", "05-04 00:00")],
        [("05-01 10:00", "05-04 00:00")],
    ),
    "extend acts as reopen while a close is in force": (
        [("close", "05-02 00:00", None), ("extend", "05-03 00:00", "05-04 00:00")],
        [("05-01 10:00", "05-02 00:00"), ("05-03 00:00", "05-04 00:00")],
    ),
    "extend acts as reopen while a reopen is in force": (
        [
            ("close", "05-02 00:00", None),
            ("reopen", "05-03 00:00", "05-04 00:00"),
            ("extend", "05-05 00:00", "05-06 00:00"),
        ],
        [
            ("05-01 10:00", "05-02 00:00"),
            ("05-03 00:00", "05-04 00:00"),
            ("05-05 00:00", "05-06 00:00"),
        ],
    ),
    "extend after clear moves the base close again": (
        [
            ("close", "05-02 00:00", None),
            ("clear", "05-03 00:00", None),
            ("extend", "05-18 00:00", "05-20 00:00"),
        ],
        [("05-01 10:00", "05-02 00:00"), ("05-03 00:00", "05-20 00:00")],
    ),
    "extend of an extend that acted as reopen does, too": (
        [
            ("close", "05-02 00:00", None),
            ("extend", "05-03 00:00", "05-04 00:00"),
            ("extend", "05-06 00:00", "05-07 00:00"),
        ],
        [
            ("05-01 10:00", "05-02 00:00"),
            ("05-03 00:00", "05-04 00:00"),
            ("05-06 00:00", "05-07 00:00"),
        ],
    ),
    "clear ends a close from then on": (
        [("close", "05-02 00:00", None), ("clear", "05-03 00:00", None)],
        [("05-01 10:00", "05-02 00:00"), ("05-03 00:00", "05-15 10:00")],
    ),
    "clear ends an extend from then on, not before": (
        [("extend", "05-14 00:00", "05-20 00:00"), ("clear", "05-17 00:00", None)],
        [("05-01 10:00", "05-17 00:00")],
    ),
    "hold and release, whatever else says": (
        [
            ("hold", "05-02 00:00", None),
            ("reopen", "05-03 00:00", None),
            ("release", "05-04 00:00", None),
        ],
        [("05-01 10:00", "05-02 00:00"), ("05-04 00:00", None)],
    ),
    "extend after an announced close that it outlives": (
        [("close", "05-02 00:00", "05-10 00:00"), ("extend", "05-05 00:00", "05-20 00:00")],
        [("05-01 10:00", "05-20 00:00")],
    ),
}


@pytest.mark.parametrize("name", OVERRIDES)
def test_an_override_does_what_it_says_in_any_order_of_arrival(
    newsroom: Newsroom, name: str
) -> None:
    decisions, expected = OVERRIDES[name]
    newsroom.publish("05-01 10:00")
    for action, decided_at, closes_at in reversed(decisions):
        newsroom.override(action, decided_at, closes_at)
    newsroom.close("06-01 00:00")
    assert newsroom.intervals() == [(t(start), end and t(end)) for start, end in expected]


@pytest.mark.parametrize(
    ("posted", "is_in_time"),
    [
        ("05-01 23:59:59.999999", True),
        ("05-02 00:00", False),
        ("05-02 23:59:59.999999", False),
        ("05-03 00:00", True),
        ("05-03 23:59:59.999999", True),
        ("05-04 00:00", False),
    ],
)
def test_of_a_window_with_a_gap_each_piece_ends_before_its_end(
    newsroom: Newsroom, connection: psycopg.Connection, posted: str, is_in_time: bool
) -> None:
    newsroom.publish("05-01 10:00")
    newsroom.override("close", "05-02 00:00")
    newsroom.override("reopen", "05-03 00:00", "05-04 00:00")
    newsroom.close("06-01 00:00")
    assert newsroom.window()["has_gaps"]
    assert connection.execute(
        "select discussion.in_time(article_id, opens_at, closes_at, has_gaps, %s)"
        " from discussion.windows",
        [datetime.fromisoformat(f"2026-{posted}+00:00")],
    ).fetchone() == (is_in_time,)


def test_of_two_decisions_the_later_event_wins_also_when_it_takes_effect_earlier(
    newsroom: Newsroom,
) -> None:
    newsroom.publish("05-01 10:00")
    newsroom.override("reopen", "05-03 00:00", occurred="05-03 01:00")
    newsroom.override("close", "05-02 00:00", occurred="05-03 02:00")
    newsroom.close("06-01 00:00")
    assert newsroom.intervals() == [(ANCHOR, t("05-02 00:00"))]


def test_a_window_that_is_due_is_applied_without_a_mark_and_marks_its_article(
    newsroom: Newsroom, connection: psycopg.Connection
) -> None:
    newsroom.publish("05-01 10:00")
    newsroom.publish("05-03 10:00", article="later")
    newsroom.close("05-10 00:00")
    connection.execute("truncate ingest.dirty_articles")
    summary = apply_windows(connection, DEFAULT_END)
    assert (summary.examined, summary.changed, summary.now) == (1, 1, {"closed": 1})
    assert connection.execute("select article_id from ingest.dirty_articles").fetchall() == [("a",)]


def test_running_again_changes_nothing(newsroom: Newsroom, connection: psycopg.Connection) -> None:
    newsroom.publish("05-01 10:00")
    newsroom.override("hold", "05-02 00:00")
    newsroom.close("05-10 00:00")
    before = (newsroom.window(), newsroom.intervals())
    connection.execute("truncate ingest.dirty_articles")
    summary = newsroom.close("05-10 00:00")
    assert (summary.examined, summary.changed) == (1, 0)
    assert (newsroom.window(), newsroom.intervals()) == before
    assert connection.execute("select count(*) from ingest.dirty_articles").fetchone() == (0,)


def test_intervals_that_are_gone_are_removed(newsroom: Newsroom) -> None:
    newsroom.publish("05-01 10:00")
    newsroom.override("close", "05-02 00:00")
    newsroom.override("clear", "05-03 00:00")
    newsroom.close("05-10 00:00")
    assert len(newsroom.intervals()) == 2
    newsroom.unpublish("05-01 12:00")
    newsroom.close("05-10 00:00")
    assert newsroom.intervals() == [(ANCHOR, t("05-01 12:00"))]


def test_marks_are_taken_in_buckets_until_none_is_left(
    newsroom: Newsroom, connection: psycopg.Connection
) -> None:
    for number in range(7):
        newsroom.publish("05-01 10:00", article=f"a{number}")
    connection.execute(
        "insert into ingest.dirty_windows (article_id) select article_id from"
        " discussion.article_versions"
    )
    connection.execute(
        "insert into ingest.dirty_windows (article_id) values ('a0'), ('a0'), ('a6')"
    )
    summary = apply_windows(connection, t("05-10 00:00"), bucket=2)
    assert (summary.examined, summary.changed) == (7, 7)
    assert connection.execute("select count(*) from ingest.dirty_windows").fetchone() == (0,)


def test_a_connection_inside_a_transaction_is_refused(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("select 1")
        with pytest.raises(ValueError, match="inside a transaction"):
            apply_windows(connection, datetime(2026, 5, 1, tzinfo=UTC))


def test_what_cannot_close_says_why_and_since_when_and_which_event_would_end_it(
    newsroom: Newsroom, connection: psycopg.Connection
) -> None:
    newsroom.publish("05-01 10:00", article="dateless", published_at=None)
    newsroom.update("05-03 10:00", article="dateless", published_at=None)
    newsroom.publish("05-01 10:00", article="reopened")
    newsroom.override("reopen", "05-20 00:00", "05-21 00:00", article="reopened")
    newsroom.override("reopen", "05-20 12:00", article="reopened")
    newsroom.publish("05-01 10:00", article="released", published_at=None)
    newsroom.override("hold", "05-02 00:00", article="released")
    newsroom.override("release", "05-04 00:00", article="released")
    newsroom.publish("05-01 10:00", article="closes")
    # In force only after the cut-off: the discussion still runs by its rule, but has lost its end.
    newsroom.publish("05-31 10:00", article="announced")
    newsroom.override("reopen", "06-02 00:00", article="announced")
    newsroom.close("06-01 00:00")
    assert connection.execute(
        "select article_id, reason, since, decided_by, decision_reason from discussion.cannot_close"
        " order by 1"
    ).fetchall() == [
        ("announced", "reopen", t("06-02 00:00"), "editor", "other"),
        ("dateless", "no_publication_time", t("05-01 10:00"), None, None),
        ("released", "no_publication_time", t("05-04 00:00"), None, None),
        ("reopened", "reopen", t("05-20 12:00"), "editor", "other"),
    ]
    assert connection.execute(
        "select explanation from discussion.cannot_close order by article_id"
    ).fetchall()[:2] == [
        ("reopened without an end: needs a close, an extend or a clear",),
        ("no event tells when it was published: needs one with published_at, or a close",),
    ]
    newsroom.override("close", "06-03 00:00", article="announced")
    assert ("announced",) not in connection.execute(
        "select article_id from discussion.cannot_close"
    ).fetchall()


def hours(*bounds: tuple[int | None, int | None]) -> str:
    """A multirange, its bounds as hours of 1 May."""

    def at(hour: int | None) -> str:
        return "" if hour is None else f"2026-05-01 {hour:02}:00+00"

    return "{" + ",".join(f"[{at(start)},{at(end)})" for start, end in bounds) + "}"


@pytest.mark.parametrize(
    ("accepted", "anchor", "is_accepted", "expected"),
    [
        # The cut-off is 12:00. Expected: intervals, closes_at, closed_at, state, has_gaps.
        (hours((None, 20)), 10, True, (hours((10, 20)), 20, None, "open", False)),
        (hours((None, 12)), 10, False, (hours((10, 12)), 12, 12, "closed", False)),
        (hours((None, None)), 10, True, (hours((10, None)), None, None, "cannot_close", False)),
        (hours((11, 20)), 10, True, (hours((11, 20)), 20, None, "open", True)),
        (
            hours((None, 11), (13, 20), (22, None)),
            10,
            False,
            (hours((10, 11), (13, 20), (22, None)), None, 11, "closed", True),
        ),
        # What ended before it was published does not count.
        (hours((None, 9)), 10, False, (hours(), 10, 10, "closed", False)),
        (None, 10, False, (hours(), 10, 10, "closed", False)),
        (hours((None, None)), None, True, (hours((None, None)), None, None, "cannot_close", False)),
        (None, None, False, (hours(), None, None, "closed", True)),
    ],
)
def test_a_window_follows_from_intervals_anchor_and_cut_off(
    connection: psycopg.Connection,
    accepted: str | None,
    anchor: int | None,
    is_accepted: bool,
    expected: tuple[str, int | None, int | None, str, bool],
) -> None:
    row = connection.execute(
        "select open_during = %s::tstzmultirange, extract(hour from closes_at)::integer,"
        " extract(hour from closed_at)::integer, state, has_gaps"
        " from discussion.window_at(%s::tstzmultirange, %s, %s, '2026-05-01 12:00+00')",
        [
            expected[0],
            accepted,
            None if anchor is None else f"2026-05-01 {anchor:02}:00+00",
            is_accepted,
        ],
    ).fetchone()
    assert row == (True, *expected[1:])
