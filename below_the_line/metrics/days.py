"""Which days of the site a person, a schedule or a backfill asks for."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from below_the_line.errors import BelowTheLineError


class Days(NamedTuple):
    """Days of the site, from the first to the last."""

    first: date
    last: date

    def each(self) -> Iterator[date]:
        """Return each of the days, in order."""
        for number in range((self.last - self.first).days + 1):
            yield self.first + timedelta(days=number)


def days_asked(first: str | None, last: str | None, *, time_zone: str, now: datetime) -> Days:
    """Read two days as people write them; both empty: yesterday.

    Days are those of the site's time zone, whatever zone the clock ``now`` is in: a day that is
    asked for is the day that is returned. The last may be today. Raises BelowTheLineError for
    anything that is not two such days, the first not after the last.
    """
    today = now.astimezone(ZoneInfo(time_zone)).date()
    if not first and not last:
        yesterday = today - timedelta(days=1)
        return Days(yesterday, yesterday)
    if not first or not last:
        raise BelowTheLineError(
            f"Only the {'first' if first else 'last'} day was given: {first or last}.",
            "Give both, the same twice for one day.",
        )
    days = Days(_day(first), _day(last))
    if days.first > days.last:
        raise BelowTheLineError(
            f"The first day, {days.first}, is after the last day, {days.last}.",
            "Give the earlier day first.",
        )
    if days.last > today:
        raise BelowTheLineError(
            f"The day {days.last} has not begun: at the site it is {today} ({time_zone}).",
            "Give days up to today.",
        )
    return days


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    # fromisoformat also reads 20261024 and 2026-W43-6.
    if day is None or day.isoformat() != text:
        raise BelowTheLineError(f"{text!r} is not a day.", "Write it as 2026-10-24.")
    return day
