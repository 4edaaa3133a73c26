"""The decisions about a position that only a person can take: accept lost records, start again
elsewhere, let bad records pass.

Each decision is planned first, from what was seen. The plan is pure, and says what would be done.
Then it is carried out in one statement, which moves the position and writes the ledger, or does
nothing if the position has changed since.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from below_the_line.errors import BelowTheLineError
from below_the_line.partitions import Blocker, PartitionLog, Position, blocker_of
from below_the_line.resources import sql


@dataclass(frozen=True, slots=True)
class Gap:
    """Records that expired before they were read, from the position to the log start."""

    position: Position
    log_start: int

    def __str__(self) -> str:
        first, last = self.position.next_offset, self.log_start - 1
        return (
            f"{self.position}: up to {last - first + 1} records, offsets {first} to {last}, expired"
            f" before they were read; reading goes on at {self.log_start}"
        )


@dataclass(frozen=True, slots=True)
class Reset:
    """Another incarnation of a partition, from ``target`` on."""

    position: Position
    log: PartitionLog
    target: int

    @property
    def recreated(self) -> bool:
        """Whether the topic is another one of the same name."""
        return self.position.topic_id != self.log.topic_id

    @property
    def repeated(self) -> int:
        """How many offsets are read again."""
        return (
            0
            if self.recreated
            else max(0, min(self.position.next_offset, self.log.end) - self.target)
        )

    @property
    def skipped(self) -> int:
        """How many offsets are never read."""
        return max(
            0, self.target - (self.log.start if self.recreated else self.position.next_offset)
        )

    def __str__(self) -> str:
        topic = "the topic created again, " if self.recreated else ""
        effects = [f"up to {self.repeated} records are read again"] if self.repeated else []
        effects += [f"up to {self.skipped} records are never read"] if self.skipped else []
        further = self.log.end - self.target - self.repeated
        effects += [f"{further} are still to be read"] if further or not effects else []
        return (
            f"{self.position}: from offset {self.position.next_offset} to {self.target} ({topic}"
            f"log {self.log.start} to {self.log.end}): {', '.join(effects)}"
        )


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Bad records of a partition that may become dead letters: those before ``accepted_offset``."""

    position: Position
    accepted_offset: int

    def __str__(self) -> str:
        return (
            f"{self.position}: reading goes on at {self.position.next_offset}; the breaker does not"
            f" count the records before {self.accepted_offset}"
        )


def plan_gap(position: Position, log: PartitionLog | None) -> Gap:
    """Plan to accept the gap of a partition. Raises BelowTheLineError if it has no gap."""
    blocker = blocker_of(position, log)
    if log is None:
        raise _gone(position)
    if blocker is Blocker.RECREATED:
        raise BelowTheLineError(
            f"{position} has no gap: its topic was deleted and created again.",
            f"Start again: `btl offsets reset {position.topic} {position.partition} --to start`.",
        )
    if blocker is not Blocker.EXPIRED:
        raise BelowTheLineError(
            f"{position} has no gap: its next offset is {position.next_offset}, and the log holds "
            f"{log.start} to {log.end}.",
            "See what it waits for: `btl offsets show`.",
        )
    return Gap(position, log.start)


def plan_reset(position: Position, log: PartitionLog | None, target: int) -> Reset:
    """Plan the reset of a partition to an offset.

    Raises BelowTheLineError if the offset lies outside of the log.
    """
    if log is None:
        raise _gone(position)
    if not log.start <= target <= log.end:
        raise BelowTheLineError(
            f"{position} can't be reset to {target}: its log holds {log.start} to {log.end}.",
            "Choose an offset in between (the end is the next record to be written), `start` or"
            " `end`.",
        )
    return Reset(position, log, target)


def plan_acceptance(position: Position, log: PartitionLog | None, until: int | None) -> Acceptance:
    """Plan to let a tripped partition go on: accept all records in its log, or those before
    ``until``.

    Raises BelowTheLineError if its breaker has not tripped, or ``until`` is not between its
    position and the log's end.
    """
    if position.status != "tripped":
        besides = ": it is stopped" if position.status == "stopped" else ""
        raise BelowTheLineError(
            f"The breaker of {position} has not tripped{besides}.",
            "See what the partitions wait for: `btl offsets show`.",
        )
    blocker = blocker_of(position, log)
    if log is None:
        raise _gone(position)
    if blocker is not Blocker.TRIPPED:
        raise BelowTheLineError(
            f"{position} can't be read on yet: its log holds {log.start} to {log.end} of topic"
            f" {log.topic_id}, its next offset is {position.next_offset} of topic"
            f" {position.topic_id}.",
            "See which decision comes first: `btl offsets show`.",
        )
    if until is None:
        return Acceptance(position, log.end)
    if not position.next_offset < until <= log.end:
        raise BelowTheLineError(
            f"{position} can't accept the records before {until}: those to be read are"
            f" {position.next_offset} to {log.end - 1}.",
            f"Choose --until from {position.next_offset + 1} to {log.end}; without it all of them"
            " are accepted.",
        )
    return Acceptance(position, until)


def accept_gap(connection: psycopg.Connection, gap: Gap) -> None:
    """Move the position over the gap, and record that in the ledger.

    Raises BelowTheLineError if the position has changed since it was seen.
    """
    _decide(
        connection,
        "ingest/offsets/accept_gap.sql",
        gap.position,
        {
            "topic_id": gap.position.topic_id,
            "next_offset": gap.position.next_offset,
            "log_start": gap.log_start,
        },
    )


def reset(connection: psycopg.Connection, resets: Sequence[Reset]) -> None:
    """Start new incarnations and record them in the ledger: all of them or none.

    Raises BelowTheLineError if a position was reset since it was seen.
    """
    with connection.transaction():
        for each in sorted(resets, key=lambda each: (each.position.topic, each.position.partition)):
            _decide(
                connection,
                "ingest/offsets/reset.sql",
                each.position,
                {"topic_id": each.log.topic_id, "target": each.target, "log_end": each.log.end},
            )


def accept_bad_records(connection: psycopg.Connection, acceptance: Acceptance) -> None:
    """Let a tripped partition go on. Raises BelowTheLineError if it is not tripped any more."""
    _decide(
        connection,
        "ingest/offsets/accept_bad_records.sql",
        acceptance.position,
        {"accepted_offset": acceptance.accepted_offset},
    )


def _decide(
    connection: psycopg.Connection, statement: str, position: Position, more: dict[str, Any]
) -> None:
    identity = {
        "consumer_group": position.consumer_group,
        "topic": position.topic,
        "partition": position.partition,
        "incarnation": position.incarnation,
    }
    done = connection.execute(sql(statement), identity | more).fetchone()
    if done is None:
        raise BelowTheLineError(
            f"{position} has changed since it was read: nothing was done.",
            "See where it stands now: `btl offsets show`.",
        )


def _gone(position: Position) -> BelowTheLineError:
    return BelowTheLineError(
        f"The topic {position.topic} is not at the brokers.",
        "Create it (`btl topics create`), then decide.",
    )


def what_follows(positions: Iterable[Position]) -> str:
    """Return a clause that says when a decision about these positions takes effect."""
    if any(each.owner_connected for each in positions):
        return "consumers continue within seconds"
    return "no consumer runs, the next one continues there"
