"""A day that is asked for is the day that is computed, in every time zone."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from below_the_line.errors import BelowTheLineError
from below_the_line.metrics.days import Days, days_asked
from btl_airflow.days import days_of_run

ZONES = [
    "UTC",
    "Europe/Vienna",
    "America/New_York",
    "Pacific/Auckland",
    "Pacific/Kiritimati",
    "Etc/GMT+12",
]
# At the site it is the 30th of November in the first zones and the 1st of December in the others.
NOW = datetime(2026, 11, 30, 11, 30, tzinfo=UTC)
TODAY = dict.fromkeys(ZONES, 30) | {
    "Pacific/Auckland": 1,
    "Pacific/Kiritimati": 1,
    "Etc/GMT+12": 29,
}


def days(month: int, first: int, last: int | None = None) -> Days:
    return Days(date(2026, month, first), date(2026, month, last or first))


@pytest.mark.parametrize("zone", ZONES)
def test_the_days_asked_for_are_the_days_computed_in_every_zone(zone: str) -> None:
    # The clocks of Vienna change on the 25th of October.
    asked = days_asked("2026-10-24", "2026-10-26", time_zone=zone, now=NOW)
    assert asked == days(10, 24, 26)
    assert [day.day for day in asked.each()] == [24, 25, 26]


@pytest.mark.parametrize("zone", ZONES)
def test_no_day_is_yesterday_of_the_site_and_today_may_be_asked_for_but_no_later_day(
    zone: str,
) -> None:
    today = NOW.astimezone(ZoneInfo(zone)).date()
    assert today.day == TODAY[zone]
    yesterday = today - timedelta(days=1)
    assert days_asked(None, "", time_zone=zone, now=NOW) == (yesterday, yesterday)
    assert days_asked(f"{today}", f"{today}", time_zone=zone, now=NOW) == (today, today)
    with pytest.raises(BelowTheLineError, match=f"has not begun: at the site it is {today}"):
        days_asked(f"{today}", f"{today + timedelta(days=1)}", time_zone=zone, now=NOW)


@pytest.mark.parametrize(
    ("first", "last", "says"),
    [
        ("2026-10-24", None, "Only the first day was given: 2026-10-24"),
        ("", "2026-10-24", "Only the last day was given: 2026-10-24"),
        ("2026-10-25", "2026-10-24", "is after the last day"),
        ("2026-02-29", "2026-03-01", "'2026-02-29' is not a day"),
        ("20261024", "20261024", "'20261024' is not a day"),
        ("2026-10-24T00:00:00Z", "2026-10-24", "is not a day"),
    ],
)
def test_what_is_not_two_days_is_rejected(first: str | None, last: str | None, says: str) -> None:
    with pytest.raises(BelowTheLineError, match=says):
        days_asked(first, last, time_zone="UTC", now=NOW)


def of_run(
    zone: str,
    params: dict[str, Any] | None = None,
    key: str | None = None,
    logical_date: datetime | None = None,
) -> Days:
    return days_of_run(params or {}, key, logical_date, time_zone=zone, now=NOW)


@pytest.mark.parametrize("zone", ZONES)
def test_a_run_computes_the_day_of_its_key_else_those_of_its_form_else_yesterday(zone: str) -> None:
    yesterday = days_asked(None, None, time_zone=zone, now=NOW)
    assert of_run(zone, key="2026-10-24") == days(10, 24)
    assert of_run(zone, {"from": "2026-10-24", "to": "2026-10-26"}) == days(10, 24, 26)
    assert of_run(zone, {"from": None, "to": None}) == yesterday
    # Airflow's form and `airflow dags test` fill in the present time.
    assert of_run(zone, logical_date=NOW) == yesterday


def test_a_run_that_asks_for_a_day_by_its_logical_date_or_twice_is_rejected() -> None:
    midnight = datetime(2026, 10, 24, tzinfo=UTC)
    with pytest.raises(BelowTheLineError, match="names no day of the site"):
        of_run("Europe/Vienna", logical_date=midnight)
    with pytest.raises(BelowTheLineError, match="Give either"):
        of_run("UTC", {"from": "2026-10-24", "to": "2026-10-24"}, key="2026-10-24")
    # The form says which days, whatever the logical date.
    form = {"from": "2026-10-20", "to": "2026-10-20"}
    assert of_run("UTC", form, logical_date=midnight) == days(10, 20)
