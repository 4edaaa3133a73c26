"""Is a consumer alive, is it ready: judged from what it told about itself, and the time."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from consumers.core.batch import Partition
from consumers.core.observer import Cause, Halt

LONGEST_TURN_SECONDS = 30.0
"""A loop that has not turned for so long hangs: it waits for brokers for less than half of it at a
time, and while it waits for the database, which may be much longer, it says so
(``Observer.silent``).
"""
LONGEST_STANDSTILL_SECONDS = 60.0
"""A partition that has something to read and has not moved for so long does not progress."""


@dataclass(frozen=True)
class Waiting:
    """What is waited for."""

    cause: Cause
    detail: str
    since: float


@dataclass(frozen=True)
class Condition:
    """What is known of a consumer. Times are seconds of one monotonic clock."""

    turned_at: float
    """When its loop last began a turn, or said that it waits for the database."""
    waiting: Waiting | None = None
    next_offsets: Mapping[Partition, int] = field(default_factory=lambda: MappingProxyType({}))
    """Of the partitions that it reads: what is committed reaches up to here."""
    moved_at: Mapping[Partition, float] = field(default_factory=lambda: MappingProxyType({}))
    """When each of them last moved, or had nothing left to read."""
    halted: Mapping[Partition, Halt] = field(default_factory=lambda: MappingProxyType({}))
    """Its partitions that wait for a decision."""


@dataclass(frozen=True)
class Verdict:
    """The answer to a question about health."""

    holds: bool
    because: tuple[str, ...] = ()
    """Why not, one sentence each, for the person who is woken."""


def alive(condition: Condition, now: float) -> Verdict:
    """Whether its loop turns. A process for which this does not hold helps nobody: start it
    anew.
    """
    still = now - condition.turned_at
    if still <= LONGEST_TURN_SECONDS:
        return Verdict(True)
    return Verdict(False, (f"The consumer's loop has not turned for {still:.0f} s.",))


def ready(condition: Condition, now: float) -> Verdict:
    """Whether it does its part: it knows its partitions, all of them are read, and those with
    something to read move.

    One that stands by, because the group has more members than partitions, is ready.
    """
    because = list(alive(condition, now).because)
    waiting = condition.waiting
    if waiting is not None:
        because.append(
            f"Waiting for the {waiting.cause.value} for {now - waiting.since:.0f} s:"
            f" {waiting.detail}"
        )
    because += [
        f"Partition {partition} is {halt.status}: {halt.detail}"
        for partition, halt in sorted(condition.halted.items())
    ]
    because += [
        f"Partition {partition} has records to read and has not moved for {now - moved_at:.0f} s."
        for partition, moved_at in sorted(condition.moved_at.items())
        if now - moved_at > LONGEST_STANDSTILL_SECONDS
    ]
    return Verdict(not because, tuple(because))


def moved(condition: Condition, next_offsets: Mapping[Partition, int], now: float) -> Condition:
    """A batch was committed up to these offsets."""
    return replace(
        condition,
        next_offsets=MappingProxyType({**condition.next_offsets, **next_offsets}),
        moved_at=MappingProxyType({**condition.moved_at, **dict.fromkeys(next_offsets, now)}),
    )


def compared(condition: Condition, ends: Mapping[Partition, int], now: float) -> Condition:
    """The broker's logs end at these offsets: a partition with nothing left to read has not stood
    still until now.
    """
    at_end = [
        partition
        for partition, next_offset in condition.next_offsets.items()
        if ends.get(partition, 0) <= next_offset
    ]
    return replace(
        condition, moved_at=MappingProxyType({**condition.moved_at, **dict.fromkeys(at_end, now)})
    )
