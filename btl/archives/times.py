"""Times of an export: naive ones belong to a time zone, with its summer time."""

from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo


class TimeReader:
    """Reads times by the rules of a mapping."""

    def __init__(
        self,
        time_zone: str,
        time_format: str = "iso",
        ambiguous: Literal["earlier", "later", "reject"] = "earlier",
        nonexistent: Literal["shift", "reject"] = "shift",
    ) -> None:
        """``time_format``: ``iso``, ``unix`` (seconds), ``unix_milliseconds``, or a format of
        strptime.
        """
        self._zone = ZoneInfo(time_zone)
        self._format = time_format
        self._ambiguous = ambiguous
        self._nonexistent = nonexistent

    def read(self, text: str) -> datetime:
        """Return the time in UTC. Raises ValueError with a message that completes a sentence after
        the text.

        A time with an offset is used as it is. A naive one is local. Of an hour that comes twice
        (clocks set back), the earlier one is used, unless the mapping says otherwise. A time in a
        skipped hour (clocks set forward) is moved forward by the gap, as a clock shows it that
        nobody has set.
        """
        local = self._parse(text)
        if local.tzinfo is not None:
            return local.astimezone(UTC)
        first, second = (local.replace(tzinfo=self._zone, fold=fold) for fold in (0, 1))
        if first.utcoffset() == second.utcoffset():
            return first.astimezone(UTC)
        is_gap = first.utcoffset() < second.utcoffset()  # type: ignore[operator]
        if is_gap:
            if self._nonexistent == "reject":
                raise ValueError(f"does not exist in {self._zone.key} (clocks were set forward)")
            return first.astimezone(UTC)
        if self._ambiguous == "reject":
            raise ValueError(f"is ambiguous in {self._zone.key} (clocks were set back)")
        return (first if self._ambiguous == "earlier" else second).astimezone(UTC)

    def _parse(self, text: str) -> datetime:
        try:
            if self._format == "iso":
                return datetime.fromisoformat(text)
            if self._format in ("unix", "unix_milliseconds"):
                # Not fromtimestamp: a double would lose microseconds.
                unit = timedelta(seconds=1) if self._format == "unix" else timedelta(milliseconds=1)
                whole, _, fraction = text.strip().partition(".")
                moment = datetime(1970, 1, 1, tzinfo=UTC) + int(whole) * unit
                return (
                    moment + int(fraction[:6].ljust(6, "0")) * unit / 1_000_000
                    if fraction
                    else moment
                )
            # The caller handles naive times.
            return datetime.strptime(text, self._format)  # noqa: DTZ007
        except (ValueError, OverflowError):
            raise ValueError(f"is not a time of the format {self._format}") from None
