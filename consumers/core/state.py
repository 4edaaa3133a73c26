"""The states of a consumer's loop.

    Joining ──assigned──▶ Paused ──taken──▶ Reading
                            ▲                  │
                            └──fault, change───┘

``Stopped`` follows any of them.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Joining:
    """The group has not assigned partitions yet. There is no session with the database either."""


@dataclass(frozen=True)
class Paused:
    """Nothing is read. The assigned partitions are taken (again) when the time has come."""

    until: float
    """Seconds of the loop's monotonic clock."""


@dataclass(frozen=True)
class Reading:
    """The assigned partitions were taken, and all that are not halted are read."""


@dataclass(frozen=True)
class Stopped:
    """The loop has ended."""


State = Joining | Paused | Reading | Stopped
