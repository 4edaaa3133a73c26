"""When an event may have happened: the bounds of its times (``x-time-bound``)."""

from below_the_line.contracts.times import DAY, MINUTE

EARLIEST = 631_152_000_000_000
"""1990-01-01T00:00:00Z in microseconds since 1970. All times must be at or after it."""
LATEST_CLOSING = 4_133_980_799_999_999
"""The last microsecond of the year 2100."""
ALLOWED_SKEW = 5 * MINUTE
"""How far a producer's clock may be ahead of the broker's, in microseconds."""
MAX_EMBARGO = 400 * DAY
BOUNDS = ("past", "publication", "closing")
"""The values of ``x-time-bound``, in the order of ``latest_times``."""
PAST, _, CLOSING = range(len(BOUNDS))

_LATEST_TIMESTAMP = 253_000_000_000_000
"""In milliseconds, in the year 9987. An embargo from before it ends within ``datetime``'s range."""


def latest_times(timestamp: int) -> tuple[int, int, int]:
    """Return the latest time of each of BOUNDS, in microseconds since 1970.

    ``timestamp`` is the record's, in milliseconds since 1970.
    """
    now = timestamp * 1000 if timestamp <= _LATEST_TIMESTAMP else _LATEST_TIMESTAMP * 1000
    return now + ALLOWED_SKEW, now + MAX_EMBARGO, LATEST_CLOSING
