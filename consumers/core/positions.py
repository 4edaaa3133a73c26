"""Where to read a partition from: what Postgres says, checked against what the broker has."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True)
class BrokerPartition:
    """A partition as the broker has it now."""

    topic_id: UUID
    log_start: int
    log_end: int


@dataclass(frozen=True)
class StoredPosition:
    """A partition as ``ingest.partition_offsets`` has it now."""

    topic_id: UUID
    incarnation: int
    next_offset: int
    epoch: int
    status: str
    status_detail: str | None
    accepted_offset: int | None = None


@dataclass(frozen=True)
class Stopped:
    """The partition must not be read until somebody decides; ``detail`` says what happened and what
    is at stake.
    """

    detail: str


def start_position(stored: StoredPosition, broker: BrokerPartition) -> int | Stopped:
    """The offset to read from, or why reading would lose or repeat records unnoticed."""
    if stored.status != "consuming":
        return Stopped(stored.status_detail or f"{stored.status} by an operator")
    if stored.topic_id != broker.topic_id:
        return Stopped(
            f"the topic was deleted and made anew: its id was {stored.topic_id}, now it is"
            f" {broker.topic_id}; offsets of the old topic say nothing about the new one"
        )
    if stored.next_offset < broker.log_start:
        return Stopped(
            f"records {stored.next_offset} to {broker.log_start - 1} expired before they were read;"
            f" the log starts at {broker.log_start}"
        )
    if stored.next_offset > broker.log_end:
        return Stopped(
            f"the next offset is {stored.next_offset}, but the log ends at {broker.log_end}: the"
            " broker lost records"
        )
    return stored.next_offset
