"""Days, weeks and months as people name them."""

from datetime import date

import pytest

from below_the_line.errors import BelowTheLineError
from below_the_line.metrics.periods import Kind, Period, parse_period

MONDAY = date(2026, 11, 30)


@pytest.mark.parametrize(
    ("text", "kind", "name", "first_day", "last_day"),
    [
        (None, None, "2026-W48", "2026-11-23", "2026-11-29"),
        (None, Kind.DAY, "2026-11-29", "2026-11-29", "2026-11-29"),
        (None, Kind.MONTH, "2026-10", "2026-10-01", "2026-10-31"),
        ("2026-11-25", None, "2026-11-25", "2026-11-25", "2026-11-25"),
        ("2026-11-25", Kind.WEEK, "2026-W48", "2026-11-23", "2026-11-29"),
        ("2026-02-25", Kind.MONTH, "2026-02", "2026-02-01", "2026-02-28"),
        # The first of January 2027 lies in the last week of 2026, which has 53.
        ("2026-W53", None, "2026-W53", "2026-12-28", "2027-01-03"),
        ("2024-12", None, "2024-12", "2024-12-01", "2024-12-31"),
        ("2020-W53", Kind.WEEK, "2020-W53", "2020-12-28", "2021-01-03"),
    ],
)
def test_a_text_names_a_period(
    text: str | None, kind: Kind | None, name: str, first_day: str, last_day: str
) -> None:
    today = date(2027, 1, 4) if text == "2026-W53" else MONDAY
    found = parse_period(text, kind, today)
    assert (found.name, str(found.first_day), str(found.last_day)) == (name, first_day, last_day)


@pytest.mark.parametrize(
    ("period", "before"),
    [
        (Period.of(Kind.DAY, date(2026, 3, 1)), "2026-02-28"),
        (Period.of(Kind.WEEK, date(2026, 1, 1)), "2025-W52"),
        (Period.of(Kind.MONTH, date(2026, 1, 31)), "2025-12"),
    ],
)
def test_the_period_before_has_the_same_kind(period: Period, before: str) -> None:
    assert period.previous.name == before


def test_a_period_is_over_the_day_after_its_last() -> None:
    week = Period.of(Kind.WEEK, date(2026, 11, 29))
    assert not week.is_over(date(2026, 11, 29))
    assert week.is_over(MONDAY)


@pytest.mark.parametrize(
    "text", ["yesterday", "2026-13", "2026-W54", "2025-W53", "2026-02-30", "2026", "2026-11-25x"]
)
def test_anything_else_is_rejected(text: str) -> None:
    with pytest.raises(BelowTheLineError, match="is not a day, a week or a month") as refused:
        parse_period(text, None, MONDAY)
    assert "2026-W48" in refused.value.hint


def test_what_names_another_kind_or_the_future_is_rejected() -> None:
    with pytest.raises(BelowTheLineError, match="2026-W48 is a week, but --month asks for a month"):
        parse_period("2026-W48", Kind.MONTH, MONDAY)
    with pytest.raises(BelowTheLineError, match="2026-W50 has not begun: today is 2026-11-30"):
        parse_period("2026-W50", None, MONDAY)
    assert parse_period("2026-W49", None, MONDAY).last_day == date(2026, 12, 6)
