"""Where consumer groups stand against the brokers' logs, and which of their partitions wait for a
person's decision.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from below_the_line.partitions import Logs, PartitionLog
from below_the_line.resources import sql


@dataclass(frozen=True, slots=True)
class Position:
    """A row of ``ingest.partition_offsets``: see the comments on its columns."""

    consumer_group: str
    topic: str
    partition: int
    topic_id: UUID
    incarnation: int
    next_offset: int
    epoch: int
    owner: UUID | None
    moved_at: datetime
    status: str
    status_detail: str | None
    accepted_offset: int | None

    def __str__(self) -> str:
        return f"{self.topic}-{self.partition}"


class Blocker(StrEnum):
    """Why a partition can't be read on without a decision."""

    GONE = "gone"
    """Its topic is not at the brokers."""
    RECREATED = "recreated"
    """Its topic was deleted and made anew."""
    EXPIRED = "expired"
    """Records were deleted before they were read."""
    TRUNCATED = "truncated"
    """The log ends before our position."""
    TRIPPED = "tripped"
    """Its breaker tripped."""
    STOPPED = "stopped"
    """It was stopped for a reason that can't be seen any more."""


@dataclass(frozen=True, slots=True)
class RequiredDecision:
    """A decision that a partition waits for: what happened, and a command that decides it."""

    situation: Blocker
    sentence: str
    command: str


@dataclass(frozen=True, slots=True)
class PartitionStatus:
    """A partition as its group and the brokers have it. Either may be unknown: nobody took it yet,
    nobody can be asked.
    """

    consumer_group: str
    topic: str
    partition: int
    position: Position | None
    log: PartitionLog | None
    need: RequiredDecision | None

    def __str__(self) -> str:
        return f"{self.topic}-{self.partition}"

    @property
    def lag(self) -> int | None:
        """How many offsets the log holds that were not read yet; None if the brokers did not
        say.
        """
        if self.log is None:
            return None
        if self.position is None or self.position.topic_id != self.log.topic_id:
            return self.log.end - self.log.start
        return max(0, self.log.end - max(self.log.start, self.position.next_offset))


def read_positions(
    connection: psycopg.Connection, consumer_group: str | None = None
) -> list[Position]:
    """Where a group stands (None: all groups), by group, topic and partition."""
    with connection.cursor(row_factory=class_row(Position)) as cursor:
        return cursor.execute(
            sql("ingest/offsets/positions.sql"), {"consumer_group": consumer_group}
        ).fetchall()


def log_of(position: Position, logs: Logs) -> PartitionLog | None:
    """What the brokers have of its partition: empty where a topic made anew has fewer of them; None
    without the topic.
    """
    log = logs.get((position.topic, position.partition))
    if log is not None:
        return log
    topic_id = next(
        (log.topic_id for (topic, _), log in logs.items() if topic == position.topic), None
    )
    return None if topic_id is None else PartitionLog(topic_id, 0, 0)


def situation_of(position: Position, log: PartitionLog | None) -> Blocker | None:
    """Why it can't be read on, by what the brokers have of it now; None if it can."""
    if log is None:
        return Blocker.GONE
    if position.topic_id != log.topic_id:
        return Blocker.RECREATED
    if position.next_offset < log.start:
        return Blocker.EXPIRED
    if position.next_offset > log.end:
        return Blocker.TRUNCATED
    return {"tripped": Blocker.TRIPPED, "stopped": Blocker.STOPPED}.get(position.status)


def need_of(position: Position, log: PartitionLog | None) -> RequiredDecision | None:
    """The decision that the partition waits for, if any."""
    situation = situation_of(position, log)
    if situation is None:
        return None
    where = f"{position.topic} {position.partition}"
    reset = f"btl offsets reset {where} --to start"
    if log is None:
        return RequiredDecision(situation, "the topic is not at the brokers", "btl topics create")
    match situation:
        case Blocker.RECREATED:
            return RequiredDecision(
                situation,
                f"the topic was deleted and made anew: the offset {position.next_offset} is one of"
                " the old topic",
                reset,
            )
        case Blocker.EXPIRED:
            return RequiredDecision(
                situation,
                f"records expired before they were read: offsets {position.next_offset} to"
                f" {log.start - 1}",
                f"btl offsets accept-gap {where}",
            )
        case Blocker.TRUNCATED:
            return RequiredDecision(
                situation,
                f"the brokers lost records: the next offset is {position.next_offset}, but the log"
                f" ends at {log.end}",
                reset,
            )
        case Blocker.TRIPPED:
            return RequiredDecision(
                situation,
                position.status_detail or "its breaker tripped",
                f"btl breaker accept {where}",
            )
        case _:
            return RequiredDecision(
                situation, position.status_detail or "stopped by an operator", reset
            )


def partition_statuses(
    positions: Iterable[Position], logs: Logs | None, consumer_group: str
) -> list[PartitionStatus]:
    """Every position beside its log, and the partitions that ``consumer_group`` never took; None:
    brokers that are away.

    While they are away, what a position waits for can't be said.
    """
    found = []
    for position in positions:
        log = None if logs is None else log_of(position, logs)
        need = None if logs is None else need_of(position, log)
        found.append(
            PartitionStatus(
                position.consumer_group, position.topic, position.partition, position, log, need
            ),
        )
    taken = {
        (each.topic, each.partition) for each in found if each.consumer_group == consumer_group
    }
    found += [
        PartitionStatus(consumer_group, topic, partition, None, log, None)
        for (topic, partition), log in (logs or {}).items()
        if (topic, partition) not in taken
    ]
    return sorted(found, key=lambda each: (each.consumer_group, each.topic, each.partition))
