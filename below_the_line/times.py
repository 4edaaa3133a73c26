"""Times and durations as people write them, in options of commands and in parameters of DAGs."""

import re
from datetime import UTC, datetime, timedelta, tzinfo

from below_the_line.contracts.times import instant, to_datetime
from below_the_line.errors import BelowTheLineError

EXAMPLE = "2026-05-01T10:00:00Z"
FORMS = f"{EXAMPLE}, a date such as 2026-05-01, or how long ago: 90m, 12h, 7d, 2w"
"""The forms of a time, for help texts and errors."""

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}").fullmatch
_DURATION = re.compile("([0-9]{1,9})([mhdw])").fullmatch
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_time(
    text: str | datetime, name: str, *, now: datetime | None = None, zone: tzinfo = UTC
) -> datetime:
    """Return the time, in UTC, that a text names: RFC 3339, a date, or a duration before ``now``.

    A date is its midnight in the zone. ``name``: of the option or the parameter, for the error.
    ``now`` None: the clock. A ``datetime`` is returned as it is. Raises BelowTheLineError.
    """
    if isinstance(text, datetime):
        return text
    found = time_or_none(text) or _midnight(text, zone) or _before(text, now)
    if found is None:
        raise BelowTheLineError(
            f"{name} is not a time: {text!r}.", f"Write it in RFC 3339, such as {FORMS}."
        )
    return found


def said(moment: datetime) -> str:
    """Return a time as texts for people have it: RFC 3339 in UTC, without needless digits."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parse_duration(text: str) -> timedelta | None:
    """Return a duration written as ``90m``, ``48h``, ``14d`` or ``2w``; None: it is not one."""
    match = _DURATION(text)
    try:
        return None if match is None else timedelta(**{_UNITS[match[2]]: int(match[1])})
    except OverflowError:
        return None


def time_or_none(text: str) -> datetime | None:
    """Return the time that an RFC 3339 text names, or None if the text is not one."""
    found = instant(text)
    try:
        return None if found is None else to_datetime(found.since_1970)
    except OverflowError:  # the year 0000, or 9999 with an offset
        return None


def _midnight(text: str, zone: tzinfo) -> datetime | None:
    try:
        day = datetime.fromisoformat(text) if _DATE(text) else None
        return None if day is None else day.replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):  # no day of the calendar, or its first or last
        return None


def _before(text: str, now: datetime | None) -> datetime | None:
    length = parse_duration(text)
    try:
        return None if length is None else (now or datetime.now(UTC)) - length
    except OverflowError:  # before the year 1
        return None
