"""Times of an export: naive ones belong to a time zone, with its summer time."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from below_the_line.contracts.times import EPOCH, from_datetime, to_datetime

TimeFormat = str | list[str]
"""``iso``, ``unix`` (seconds), ``unix_milliseconds``, or a format of strptime; or several of them,
which are tried in this order.
"""
WholeDay = Literal["begin", "end", "reject"]
"""What a date without a time of day means: the day's first instant, the one after its last, or
nothing.
"""

_UNITS = {"unix": timedelta(seconds=1), "unix_milliseconds": timedelta(milliseconds=1)}
_OFFSET = re.compile(r"([+-])(\d\d):(\d\d)")
_LONGEST_ISO_DATE = len("2015-10-16")
_TIME_OF_DAY = re.compile(r"%-?[HIcXTRs]")
_MAX_DIGITS = 20
_KNOWN_ZONES = {"UTC": "+00:00", "GMT": "+00:00"}


class _Parsed(NamedTuple):
    moment: datetime
    is_date: bool


def microseconds(moment: datetime | None) -> int | None:
    """Return a time as microseconds since 1970, for what keeps no times; None stays None."""
    return None if moment is None else from_datetime(moment)


def moment(since_1970: int | None) -> datetime | None:
    """Return the time of a number of microseconds since 1970; None stays None."""
    return None if since_1970 is None else to_datetime(since_1970)


def is_date(text: str) -> bool:
    """Whether a text of ISO 8601 is a date without a time of day."""
    return len(text.strip()) <= _LONGEST_ISO_DATE


class TimeReader:
    """Reads times by the rules of a mapping."""

    def __init__(
        self,
        time_zone: str,
        time_format: TimeFormat = "iso",
        ambiguous: Literal["earlier", "later", "reject"] = "earlier",
        nonexistent: Literal["shift", "reject"] = "shift",
        time_zones: Mapping[str, str] | None = None,
    ) -> None:
        """``time_zones``: what names of zones in texts mean, as ``zone_of`` reads it. UTC and GMT
        need no declaration.
        """
        self._zone: tzinfo = ZoneInfo(time_zone)
        formats = [time_format] if isinstance(time_format, str) else time_format
        self._formats = list(formats)
        self._plain_iso = self._formats[0] == "iso"
        self._ambiguous = ambiguous
        self._nonexistent = nonexistent
        declared = {**_KNOWN_ZONES, **(time_zones or {})}
        self._zones = {name: zone_of(zone) for name, zone in declared.items()}

    def read(self, text: str, whole_day: WholeDay = "begin") -> datetime:
        """Return the time in UTC. Raises ValueError with a message that completes a sentence after
        the text.

        A time with an offset, or with the name of a declared zone, is used as it is. A naive one is
        local. Of an hour that comes twice (clocks set back), the earlier one is used, unless the
        mapping says otherwise. A time in a skipped hour (clocks set forward) is moved forward by
        the gap, as a clock shows it that nobody has set.
        """
        try:
            return self._read(text, whole_day)
        except OverflowError:
            raise ValueError("is not within the years 1 to 9999 in UTC") from None

    def _read(self, text: str, whole_day: WholeDay) -> datetime:
        if self._plain_iso:
            try:
                moment = datetime.fromisoformat(text)
            except ValueError:
                pass
            else:
                if len(text) > _LONGEST_ISO_DATE:
                    return self._utc(moment, self._zone)
        parsed, zone = self._parse(text.strip())
        moment = parsed.moment
        if parsed.is_date:
            if whole_day == "reject":
                raise ValueError(
                    "is a date without a time of day: say in the mapping which time stands in, such"
                    ' as "{column} 12:00"'
                )
            if whole_day == "end":
                moment += timedelta(days=1)
        return self._utc(moment, zone)

    def _utc(self, local: datetime, zone: tzinfo) -> datetime:
        if local.tzinfo is not None:
            return local.astimezone(UTC)
        first = local.replace(tzinfo=zone)
        before, after = first.utcoffset(), first.replace(fold=1).utcoffset()
        if before == after:
            return first.astimezone(UTC)
        if before < after:  # type: ignore[operator]
            if self._nonexistent == "reject":
                raise ValueError(f"does not exist in {zone} (clocks were set forward)")
            return first.astimezone(UTC)
        if self._ambiguous == "reject":
            raise ValueError(f"is ambiguous in {zone} (clocks were set back)")
        return (first if self._ambiguous == "earlier" else first.replace(fold=1)).astimezone(UTC)

    def _parse(self, text: str) -> tuple[_Parsed, tzinfo]:
        for each in self._formats:
            if "%Z" not in each and (parsed := _parsed(text, each)):
                return parsed, self._zone
        words = text.split()
        named = [word for word in words if word in self._zones]
        if len(named) == 1:
            rest = " ".join(word for word in words if word != named[0])
            for each in self._formats:
                if parsed := _parsed(rest, " ".join(each.replace("%Z", "").split())):
                    return parsed, self._zones[named[0]]
        raise ValueError(self._why_not(text, words, named))

    def _why_not(self, text: str, words: Sequence[str], named: Sequence[str]) -> str:
        reason = (
            f"is not a time of the format {self._formats[0]}"
            if len(self._formats) == 1
            else f"is not a time of any of the formats {', '.join(self._formats)}"
        )
        if not named and len(words) > 1 and words[-1].isalpha() and words[-1].isupper():
            return f"{reason}; time_zones in the mapping does not say what {words[-1]} is"
        if text.isdecimal() and not set(self._formats) & set(_UNITS):
            unit = "unix" if len(text) < len("100000000000") else "unix_milliseconds"
            return f"{reason}; perhaps it is of the format {unit}"
        return reason


def zone_of(text: str) -> tzinfo:
    """Return the zone of an offset such as ``-04:00``, or of an IANA name.

    Raises ValueError with a message that completes a sentence after the text.
    """
    if match := _OFFSET.fullmatch(text):
        sign, hours, minutes = match.groups()
        offset = timedelta(hours=int(hours), minutes=int(minutes))
        if offset < timedelta(days=1):
            return timezone(-offset if sign == "-" else offset)
    if text in available_timezones():
        return ZoneInfo(text)
    raise ValueError("is neither an offset, such as -04:00, nor an IANA time zone")


def _parsed(text: str, time_format: str) -> _Parsed | None:
    try:
        if time_format == "iso":
            return _Parsed(datetime.fromisoformat(text), is_date(text))
        if unit := _UNITS.get(time_format):
            return _Parsed(_since_1970(text, unit), is_date=False)
        # The caller handles naive times.
        moment = datetime.strptime(text, time_format)  # noqa: DTZ007
    except (ValueError, OverflowError, InvalidOperation):
        return None
    return _Parsed(moment, not _TIME_OF_DAY.search(time_format))


def _since_1970(text: str, unit: timedelta) -> datetime:
    if text.isdecimal():
        return EPOCH + int(text) * unit
    # Not fromtimestamp: a double would lose microseconds. Digits below them are cut off.
    number = Decimal(text)
    # A cell can name more digits than memory has room for.
    if not number.is_finite() or number.adjusted() > _MAX_DIGITS:
        raise ValueError
    return EPOCH + timedelta(microseconds=int(number * (unit // timedelta(microseconds=1))))
