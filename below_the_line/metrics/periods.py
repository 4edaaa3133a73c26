"""Days, weeks and months of a site, for reports about them."""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from below_the_line.errors import BelowTheLineError


class Kind(StrEnum):
    """The length of a period."""

    DAY = "day"
    WEEK = "week"
    """From Monday to Sunday (ISO 8601)."""
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Period:
    """A day, a week or a month, in the time zone of the site."""

    kind: Kind
    first_day: date
    last_day: date
    """Included."""

    @classmethod
    def of(cls, kind: Kind, day: date) -> "Period":
        """Return the period of this kind that the day lies in."""
        if kind is Kind.DAY:
            return cls(kind, day, day)
        if kind is Kind.WEEK:
            monday = day - timedelta(days=day.weekday())
            return cls(kind, monday, monday + timedelta(days=6))
        first = day.replace(day=1)
        return cls(kind, first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1))

    @property
    def previous(self) -> "Period":
        """The period of the same kind before this one."""
        return Period.of(self.kind, self.first_day - timedelta(days=1))

    @property
    def name(self) -> str:
        """Its name, such as ``2026-11-25``, ``2026-W48`` or ``2026-11``."""
        if self.kind is Kind.DAY:
            return self.first_day.isoformat()
        if self.kind is Kind.WEEK:
            year, week, _ = self.first_day.isocalendar()
            return f"{year}-W{week:02}"
        return f"{self.first_day:%Y-%m}"

    def is_over(self, today: date) -> bool:
        """Return whether the whole period lies before ``today``."""
        return self.last_day < today

    def days_begun(self, today: date) -> int:
        """Return how many of its days had begun by ``today``, itself included."""
        return max(0, (min(self.last_day, today) - self.first_day).days + 1)


_WEEK: Final = re.compile(r"(\d{4})-W(\d{2})", re.ASCII).fullmatch
_MONTH: Final = re.compile(r"(\d{4})-(\d{2})", re.ASCII).fullmatch
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII).fullmatch


def parse_period(text: str | None, kind: Kind | None, today: date) -> Period:
    """Return the period that a text names: a day, a week such as ``2026-W48`` or a month such as
    ``2026-11``.

    With a ``kind``, a day names the period that it lies in. Without a text it is the last period
    that was over before ``today``; without a kind either, the last week. Raises BelowTheLineError
    if the text does not name a period, names another kind, or names a period that has not begun.
    """
    if text is None:
        return Period.of(kind or Kind.WEEK, today).previous
    found = _parsed(text, kind)
    if found is None:
        raise BelowTheLineError(
            f"{text!r} is not a day, a week or a month.",
            "Write a day such as 2026-11-25, a week such as 2026-W48 or a month such as 2026-11.",
        )
    if kind is not None and found.kind is not kind:
        raise BelowTheLineError(
            f"{text} is a {found.kind}, but --{kind} asks for a {kind}.", "Leave one of them out."
        )
    if found.first_day > today:
        raise BelowTheLineError(
            f"{found.name} has not begun: today is {today}.", "Choose an earlier one."
        )
    return found


def _parsed(text: str, kind: Kind | None) -> Period | None:
    try:
        if match := _WEEK(text):
            monday = date.fromisocalendar(int(match[1]), int(match[2]), 1)
            return Period.of(Kind.WEEK, monday)
        if match := _MONTH(text):
            return Period.of(Kind.MONTH, date(int(match[1]), int(match[2]), 1))
        if _DAY(text):
            return Period.of(kind or Kind.DAY, date.fromisoformat(text))
    except (ValueError, OverflowError):
        pass
    return None
