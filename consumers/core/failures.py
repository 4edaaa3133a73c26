"""What a database error means for the batch: a fault to wait out, bad data to find, a lost
partition, or a defect of this software.
"""

from enum import Enum

FENCED_SQLSTATE = "BTL01"
"""Raised by ingest.advance_offsets when a partition of the batch belongs to another owner."""


class Failure(Enum):
    """The kinds of failure. Each has one answer."""

    FENCED = "fenced"
    """Another owner took a partition: drop everything, confirm the group membership, take the
    partitions again.
    """
    FAULT = "fault"
    """The server, the network or a lock: pause, back off, retry. Never dead-letters anything."""
    CANCELED = "canceled"
    """A statement was cancelled: a fault at first, data the second time."""
    DATA = "data"
    """A value that the database rejects: bisect until the record is alone, dead-letter it, load the
    rest.
    """
    DEFECT = "defect"
    """A defect of this software: stop with a clear message, dead-letter nothing."""


_FAULT_CLASSES = frozenset({"08", "40", "53", "55", "58"})
_FAULT_STATES = frozenset({"25P02", "25P03"})
_DATA_CLASSES = frozenset({"22", "23", "54"})


def classify(sqlstate: str | None, schema_name: str | None) -> Failure:
    """Return the kind of a database error, from its SQLSTATE and the schema that the server named.

    None as SQLSTATE means that the connection broke before the server could answer.
    """
    if sqlstate is None:
        return Failure.FAULT
    if sqlstate == FENCED_SQLSTATE:
        return Failure.FENCED
    if sqlstate == "57014":
        return Failure.CANCELED
    if sqlstate[:2] in _FAULT_CLASSES or sqlstate.startswith("57P") or sqlstate in _FAULT_STATES:
        return Failure.FAULT
    if sqlstate == "25006":
        # The server turned read-only (fail-over, full disk): the data are fine.
        return Failure.FAULT
    if sqlstate[:2] in _DATA_CLASSES and schema_name != "ingest":
        return Failure.DATA
    return Failure.DEFECT


def is_contention(sqlstate: str | None) -> bool:
    """Return whether only another transaction was in the way: it held what this one needed, or the
    server preferred it.
    """
    return sqlstate is not None and (sqlstate.startswith("40") or sqlstate == "55P03")


def backoff_seconds(attempt: int, jitter: float) -> float:
    """Return how long to wait before attempt number ``attempt``, which counts from 1.

    Doubles from 0.2 s to 5 s, times 0.5 to 1. ``jitter`` is a random number in [0, 1).
    """
    return min(5.0, 0.2 * 2.0 ** (attempt - 1)) * (0.5 + jitter / 2)
