"""Times as people write them, in options of commands and in parameters of DAGs."""

from datetime import datetime

from below_the_line.contracts.times import instant, to_datetime
from below_the_line.errors import BelowTheLineError

EXAMPLE = "2026-05-01T10:00:00Z"


def parse_time(text: str, name: str) -> datetime:
    """Return the time that an RFC 3339 text names, in UTC.

    ``name``: of the option or the parameter, for the error. Raises BelowTheLineError.
    """
    found = time_or_none(text)
    if found is None:
        raise BelowTheLineError(
            f"{name} is not a time: {text!r}.", f"Write it in RFC 3339, such as {EXAMPLE}."
        )
    return found


def time_or_none(text: str) -> datetime | None:
    """Return the time that an RFC 3339 text names, or None if the text is not one."""
    found = instant(text)
    try:
        return None if found is None else to_datetime(found.since_1970)
    except OverflowError:  # the year 0000, or 9999 with an offset
        return None
