"""Whether a consumer is alive and ready, by its reports about itself and the time."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from below_the_line.partitions import PartitionLog
from consumers.core.batch import Partition
from consumers.core.observer import Cause, Halt

MAX_TURN_SECONDS = 30.0
"""A loop that has not turned for longer hangs. It waits for brokers for less than half of that at a
time. While it waits for the database, which may take much longer, it reports so
(``Observer.silent``).
"""
MAX_STANDSTILL_SECONDS = 60.0
"""A partition that has records to read and has not moved for longer does not progress."""


@dataclass(frozen=True)
class Waiting:
    """What a consumer waits for, and since when."""

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
    """The offset after what is committed, of each partition that it reads."""
    moved_at: Mapping[Partition, float] = field(default_factory=lambda: MappingProxyType({}))
    """When each of them last moved, or had nothing left to read."""
    halted: Mapping[Partition, Halt] = field(default_factory=lambda: MappingProxyType({}))
    """Its partitions that wait for a decision."""
    open_transactions: Mapping[Partition, int] = field(default_factory=lambda: MappingProxyType({}))
    """Where the first open transaction begins, of each partition that has one."""


@dataclass(frozen=True)
class Answer:
    """The answer to a question about health."""

    holds: bool
    because: tuple[str, ...] = ()
    """Why not, one sentence each, for the person who is woken."""


def alive(condition: Condition, now: float) -> Answer:
    """Return whether the loop turns. If it does not, the process must be restarted."""
    still = now - condition.turned_at
    if still <= MAX_TURN_SECONDS:
        return Answer(True)
    return Answer(False, (f"The consumer's loop has not turned for {still:.0f} s.",))


def ready(condition: Condition, now: float) -> Answer:
    """Return whether the consumer does its part.

    It knows its partitions, reads all of them, and those with records to read move. A consumer that
    stands by, because the group has more members than partitions, is ready.
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
        f"Partition {partition} has records to read and has not moved for {now - moved_at:.0f} s"
        + _behind_transaction(condition, partition)
        + "."
        for partition, moved_at in sorted(condition.moved_at.items())
        if now - moved_at > MAX_STANDSTILL_SECONDS
    ]
    return Answer(not because, tuple(because))


def _behind_transaction(condition: Condition, partition: Partition) -> str:
    offset = condition.open_transactions.get(partition)
    if offset is None or condition.next_offsets.get(partition, 0) < offset:
        return ""
    return f": open transaction since offset {offset} (`btl offsets show` says how to end it)"


def moved(condition: Condition, next_offsets: Mapping[Partition, int], now: float) -> Condition:
    """Return the condition after a batch was committed up to these offsets."""
    return replace(
        condition,
        next_offsets=MappingProxyType({**condition.next_offsets, **next_offsets}),
        moved_at=MappingProxyType({**condition.moved_at, **dict.fromkeys(next_offsets, now)}),
    )


def compared(condition: Condition, logs: Mapping[Partition, PartitionLog], now: float) -> Condition:
    """Return the condition when the logs are these.

    A partition with nothing left to read counts as moving until now.
    """
    at_end = [
        partition
        for partition, next_offset in condition.next_offsets.items()
        if partition not in logs or logs[partition].end <= next_offset
    ]
    return replace(
        condition,
        moved_at=MappingProxyType({**condition.moved_at, **dict.fromkeys(at_end, now)}),
        open_transactions=MappingProxyType(
            {
                partition: log.open_transaction
                for partition, log in logs.items()
                if log.open_transaction is not None
            }
        ),
    )
