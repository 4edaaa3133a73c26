"""Where a partition stands: its stored position beside its log at the brokers.

All decisions about that are here, without I/O: whether a partition may be read, whether it has been
read to the end, and which decision of a person it waits for. Consumers, the barrier, the audit and
`btl offsets` share them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID


@dataclass(frozen=True, slots=True)
class PartitionLog:
    """One partition as the brokers have it now."""

    topic_id: UUID
    start: int
    """The offset of the oldest record that is kept."""
    end: int
    """The high watermark: every record that the brokers acknowledged lies before it."""
    open_transaction: int | None = None
    """The offset at which the first open transaction begins (the last stable offset), if one is
    open. Nothing from there on can be read before it ends, records of other producers included.
    """


Logs = Mapping[tuple[str, int], PartitionLog]
"""By topic and partition. A topic that the brokers do not have is not in it."""


class Blocker(StrEnum):
    """Why a partition cannot be read on without a decision."""

    GONE = "gone"
    """Its topic is not at the brokers."""
    RECREATED = "recreated"
    """Its topic was deleted and created again."""
    EXPIRED = "expired"
    """Records were deleted before they were read."""
    TRUNCATED = "truncated"
    """The log ends before the position."""
    TRIPPED = "tripped"
    """Its breaker tripped."""
    STOPPED = "stopped"
    """It was stopped for a reason that the log does not show any more."""


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
    owner_connected: bool | None = field(default=None, compare=False)
    """Whether its owner has a session with the database now; None: not asked."""

    def __str__(self) -> str:
        return f"{self.topic}-{self.partition}"

    @property
    def stored_state(self) -> str:
        """What happens with it, as far as the database knows: stopped, tripped, no consumer
        (nobody reads it) or consuming.

        The stored status stays ``consuming`` after its consumer has gone.
        """
        if self.status == "consuming" and self.owner_connected is False:
            return "no consumer"
        return self.status

    @property
    def stopped_by(self) -> Blocker | None:
        """TRIPPED or STOPPED by the stored status; None while it is consuming."""
        return {"tripped": Blocker.TRIPPED, "stopped": Blocker.STOPPED}.get(self.status)


@dataclass(frozen=True, slots=True)
class RequiredDecision:
    """A decision that a partition waits for: what happened, and a command that decides it."""

    blocker: Blocker
    sentence: str
    command: str


@dataclass(frozen=True, slots=True)
class PartitionStatus:
    """A partition as its consumer group and the brokers have it.

    There is no position if no consumer took the partition yet. There is no log if the topic is not
    at the brokers, or if the brokers were not asked.
    """

    consumer_group: str
    topic: str
    partition: int
    position: Position | None
    log: PartitionLog | None
    required_decision: RequiredDecision | None = None

    def __str__(self) -> str:
        return f"{self.topic}-{self.partition}"

    @property
    def state(self) -> str:
        """What happens with it now: the stored state, not taken (nobody ever read it), or the
        `Blocker` for which it does not move.
        """
        if self.position is None:
            return "not taken"
        if self.position.stopped_by is None and self.required_decision is not None:
            return self.required_decision.blocker.value
        return self.position.stored_state

    @property
    def lag(self) -> int | None:
        """The number of offsets in the log that were not read yet; None without a log."""
        if self.log is None:
            return None
        if self.position is None or self.position.topic_id != self.log.topic_id:
            return self.log.end - self.log.start
        return max(0, self.log.end - max(self.log.start, self.position.next_offset))

    @property
    def is_read_to_end(self) -> bool:
        """Whether everything in the log was read. False without a log.

        An empty log (nothing there, or everything expired) needs no consumer, unless one has a
        position before its start: what expired unread counts as lost only after somebody has
        accepted the gap. A position in an earlier topic of the same name says nothing about this
        one.
        """
        if self.log is None:
            return False
        if self.position is not None and self.position.topic_id == self.log.topic_id:
            return self.position.next_offset >= self.log.end
        return self.log.start >= self.log.end

    @property
    def open_transaction(self) -> int | None:
        """The offset of an open transaction that keeps the consumer from reading on; None: none.

        A consumer that has not reached it is behind for another reason.
        """
        if self.log is None or self.log.open_transaction is None:
            return None
        has_reached_it = (
            self.log.start >= self.log.open_transaction
            if self.position is None or self.position.topic_id != self.log.topic_id
            else self.position.next_offset >= self.log.open_transaction
        )
        return self.log.open_transaction if has_reached_it and not self.is_read_to_end else None

    @property
    def is_stopped(self) -> bool:
        """Whether waiting is in vain: it is not read to the end, and waits for a decision."""
        return (
            self.position is not None
            and self.position.stopped_by is not None
            and not self.is_read_to_end
        )


def describe_transaction(partition: object, offset: int) -> str:
    """Return one sentence for people: an open transaction begins at this offset of a partition."""
    return (
        f"{partition}: open transaction since offset {offset}. Nothing from there on can be read"
        " before it ends."
    )


def end_transaction_hint(topic: str, partition: int, offset: int) -> str:
    """Return how a transaction that begins at this offset ends, and how to end one that hangs."""
    return (
        "A transaction ends with its producer's transaction.timeout.ms at the latest, a hanging one"
        " never: Kafka's `kafka-transactions.sh --bootstrap-server HOST:PORT find-hanging"
        f" --topic {topic} --partition {partition}` finds it, and `kafka-transactions.sh"
        f" --bootstrap-server HOST:PORT abort --topic {topic} --partition {partition}"
        f" --start-offset {offset}` ends it."
    )


def log_of(position: Position, logs: Logs) -> PartitionLog | None:
    """Return the log of the position's partition; None if its topic is not at the brokers.

    A topic that was created again with fewer partitions has empty logs in place of the others.
    """
    log = logs.get((position.topic, position.partition))
    if log is not None:
        return log
    topic_id = next(
        (log.topic_id for (topic, _), log in logs.items() if topic == position.topic), None
    )
    return None if topic_id is None else PartitionLog(topic_id, 0, 0)


def log_blocker(position: Position, log: PartitionLog | None) -> Blocker | None:
    """Return why reading on would lose or repeat records unnoticed, by the log; None if not."""
    if log is None:
        return Blocker.GONE
    if position.topic_id != log.topic_id:
        return Blocker.RECREATED
    if position.next_offset < log.start:
        return Blocker.EXPIRED
    if position.next_offset > log.end:
        return Blocker.TRUNCATED
    return None


def blocker_of(position: Position, log: PartitionLog | None) -> Blocker | None:
    """Return why the partition cannot be read on; None if it can.

    What the log shows comes first: it must be decided before what the stored status says.
    """
    return log_blocker(position, log) or position.stopped_by


def describe_blocker(blocker: Blocker, position: Position, log: PartitionLog | None) -> str:
    """Return one clause for people: what happened, and what is at stake."""
    if log is None:
        return "the topic is not at the brokers"
    match blocker:
        case Blocker.RECREATED:
            return (
                f"the topic was deleted and created again: offset {position.next_offset} belongs to"
                f" the old topic {position.topic_id}, not to {log.topic_id}"
            )
        case Blocker.EXPIRED:
            return (
                f"records expired before they were read: offsets {position.next_offset} to"
                f" {log.start - 1}"
            )
        case Blocker.TRUNCATED:
            return (
                f"the brokers lost records: the next offset is {position.next_offset}, but the log"
                f" ends at {log.end}"
            )
        case Blocker.TRIPPED:
            return position.status_detail or "its breaker tripped"
        case _:
            return position.status_detail or "stopped by an operator"


def required_decision(position: Position, log: PartitionLog | None) -> RequiredDecision | None:
    """Return the decision that the partition waits for, if any."""
    blocker = blocker_of(position, log)
    if blocker is None:
        return None
    where = f"{position.topic} {position.partition}"
    commands = {
        Blocker.GONE: "btl topics create",
        Blocker.EXPIRED: f"btl offsets accept-gap {where}",
        Blocker.TRIPPED: f"btl breaker accept {where}",
    }
    return RequiredDecision(
        blocker,
        describe_blocker(blocker, position, log),
        commands.get(blocker, f"btl offsets reset {where} --to start"),
    )


def partition_statuses(
    positions: Iterable[Position], logs: Logs | None, consumer_group: str
) -> list[PartitionStatus]:
    """Return each position beside its log, and the partitions that ``consumer_group`` never took.

    Pass None for ``logs`` while the brokers are away. Then nothing says what a position waits for.
    """
    found = []
    for position in positions:
        log = None if logs is None else log_of(position, logs)
        found.append(
            PartitionStatus(
                position.consumer_group,
                position.topic,
                position.partition,
                position,
                log,
                None if logs is None else required_decision(position, log),
            ),
        )
    taken = {
        (each.topic, each.partition) for each in found if each.consumer_group == consumer_group
    }
    found += [
        PartitionStatus(consumer_group, topic, partition, None, log)
        for (topic, partition), log in (logs or {}).items()
        if (topic, partition) not in taken
    ]
    return sorted(found, key=lambda each: (each.consumer_group, each.topic, each.partition))
