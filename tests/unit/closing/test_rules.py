"""What a rule may look like, before any database sees it."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from below_the_line.closing.rules import NewRule, duration, in_words, parse_valid_from, parse_window
from below_the_line.errors import BelowTheLineError

VIENNA = ZoneInfo("Europe/Vienna")


def new(**changes: Any) -> NewRule:
    return NewRule(
        **{
            **dict.fromkeys(("site", "section", "valid_from", "note")),
            "window_hours": 48,
            "reactions_window_hours": 24,
            "created_by": "editor",
            "retroactive": False,
            **changes,
        }
    )


@pytest.mark.parametrize(
    ("text", "hours"),
    [("48h", 48), ("14d", 336), ("2w", 336), ("1h", 1), ("3650d", 87_600), ("87600h", 87_600)],
)
def test_a_window_is_whole_hours_days_or_weeks(text: str, hours: int) -> None:
    assert parse_window(text) == hours


@pytest.mark.parametrize(
    "text", ["", "14", "d", "1.5d", "-1d", "0h", "3651d", "87601h", "14 d", "14D", "٣d", "1d1h"]
)
def test_anything_else_is_no_window(text: str) -> None:
    with pytest.raises(BelowTheLineError, match="is not a window"):
        parse_window(text)


def test_reactions_may_end_with_the_comments() -> None:
    assert parse_window("0h", min_hours=0) == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-05-01T10:00:00+02:00", datetime(2026, 5, 1, 8, tzinfo=UTC)),
        ("2026-05-01T10:00:00.0000009Z", datetime(2026, 5, 1, 10, tzinfo=UTC)),
        ("2026-05-01", datetime(2026, 4, 30, 22, tzinfo=UTC)),
        ("2026-12-01", datetime(2026, 11, 30, 23, tzinfo=UTC)),
        ("beginning", "-infinity"),
    ],
)
def test_a_rule_is_valid_from_a_time_a_sites_day_or_the_beginning(
    text: str, expected: object
) -> None:
    assert parse_valid_from(text, VIENNA) == expected


@pytest.mark.parametrize("text", ["", "now", "2026-02-30", "2026-05-01T10:00:00", "yesterday"])
def test_no_other_text_says_from_when(text: str) -> None:
    with pytest.raises(BelowTheLineError, match="is not a time"):
        parse_valid_from(text, VIENNA)


@pytest.mark.parametrize("note", [None, "", "  "])
def test_a_retroactive_rule_needs_a_reason(note: str | None) -> None:
    with pytest.raises(BelowTheLineError, match="needs a reason"):
        new(retroactive=True, valid_from="-infinity", note=note)


def test_a_retroactive_rule_needs_a_beginning() -> None:
    with pytest.raises(BelowTheLineError, match="--valid-from"):
        new(retroactive=True, note="why")


@pytest.mark.parametrize(
    ("site", "section", "scope", "words"),
    [
        (None, None, "all", "all articles"),
        ("daily", None, "site", "site daily"),
        (None, "sports", "section", "section sports of every site"),
        ("daily", "sports", "section", "section sports of daily"),
    ],
)
def test_site_and_section_make_the_scope(
    site: str | None, section: str | None, scope: str, words: str
) -> None:
    assert new(site=site, section=section).scope == scope
    assert in_words(site, section) == words


@pytest.mark.parametrize(
    ("hours", "words"),
    [(0, "0 hours"), (1, "1 hour"), (24, "1 day"), (36, "36 hours"), (336, "14 days")],
)
def test_durations_are_told_in_days_where_they_are_days(hours: int, words: str) -> None:
    assert duration(hours) == words
