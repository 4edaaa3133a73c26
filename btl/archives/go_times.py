"""Times as programs in Go write them: RFC 3339 with up to nine digits of a second."""

from datetime import datetime

from below_the_line.contracts.times import instant, to_datetime

_MICROSECONDS = len("2026-11-30T12:00:00.000000")
_NEVER = "0001-01-01T00:00:00"
"""Go's time that was never set; a fraction of zeros and an offset may follow."""


def go_time(text: str) -> datetime | None:
    """Return the time in UTC, in whole microseconds; None for one that was never set.

    Raises ValueError.
    """
    text = text.strip()
    if not text or text.startswith(_NEVER):
        return None
    if text.isascii() and text[_MICROSECONDS:-1].isdecimal() and text[19] + text[-1] == ".Z":
        # Quicker, and the digits that follow would be cut anyway.
        text = f"{text[:_MICROSECONDS]}Z"
    found = instant(text)
    if found is None:
        raise ValueError("not a time of RFC 3339")
    if found.moment is not None:
        return found.moment
    try:
        return to_datetime(found.since_1970)
    except OverflowError:
        raise ValueError("outside of the years 1 to 9999") from None
