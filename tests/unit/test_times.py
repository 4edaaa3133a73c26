"""Times as people write them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from below_the_line.errors import BelowTheLineError
from below_the_line.times import EXAMPLE, parse_duration, parse_time, said


@pytest.mark.parametrize("text", [EXAMPLE, "2026-05-01t12:00:00+02:00", "2026-05-01T10:00:00.0Z"])
def test_an_rfc_3339_time_is_read_in_utc(text: str) -> None:
    assert parse_time(text, "--since") == datetime(2026, 5, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "2026-02-30", "2026-05-01T10:00:00", "0000-01-01T00:00:00Z", "7 d", "1d1h"],
)
def test_another_text_is_named_with_its_option_and_an_example(text: str) -> None:
    with pytest.raises(BelowTheLineError, match=r"--since is not a time: '.*such as 2026-05-01T10"):
        parse_time(text, "--since")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90m", datetime(2026, 5, 1, 8, 30, tzinfo=UTC)),
        ("12h", datetime(2026, 4, 30, 22, tzinfo=UTC)),
        ("7d", datetime(2026, 4, 24, 10, tzinfo=UTC)),
        ("2w", datetime(2026, 4, 17, 10, tzinfo=UTC)),
        ("2026-05-01", datetime(2026, 4, 30, 22, tzinfo=UTC)),
        ("2026-12-01", datetime(2026, 11, 30, 23, tzinfo=UTC)),
    ],
)
def test_a_duration_is_that_long_ago_and_a_date_its_midnight_in_the_zone(
    text: str, expected: datetime
) -> None:
    now = datetime(2026, 5, 1, 10, tzinfo=UTC)
    assert parse_time(text, "--since", now=now, zone=ZoneInfo("Europe/Vienna")) == expected


def test_durations_have_one_unit_and_fit_into_the_calendar() -> None:
    assert parse_duration("90m") == timedelta(minutes=90)
    assert parse_duration("999999999w") is None
    with pytest.raises(BelowTheLineError, match="--since is not a time"):
        parse_time("99999999d", "--since")


def test_a_time_is_said_in_utc_with_a_z() -> None:
    there = datetime(2026, 5, 1, 12, 0, 0, 250_000, tzinfo=ZoneInfo("Europe/Vienna"))
    assert said(there) == "2026-05-01T10:00:00.250000Z"
