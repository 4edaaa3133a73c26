"""The ledger as the audit reads it: added up per incarnation of a partition, in one snapshot."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from below_the_line.accounting.positions import read_positions
from below_the_line.database.connections import require_idle
from below_the_line.partitions import Position
from below_the_line.resources import sql


@dataclass(frozen=True, slots=True)
class Account:
    """What the ledger says of one incarnation: see ``sql/ingest/audit/accounts.sql``."""

    topic: str
    partition: int
    incarnation: int
    first_offset: int | None
    next_offset: int | None
    reset_offset: int | None
    batches: int
    empties: int
    gaps: int
    resets: int
    redrives: int
    gap_offsets: int
    records: int
    applied: int
    unchanged: int
    dead_lettered: int
    deleted_dead_letters: int
    """Of these, how many retention has deleted."""
    unbalanced: int
    first_at: datetime
    last_at: datetime

    @property
    def end(self) -> int | None:
        """Where the incarnation stands by the ledger; None if it has redrives only."""
        return self.next_offset if self.next_offset is not None else self.reset_offset


@dataclass(frozen=True, slots=True)
class Break:
    """The first place of an incarnation where a line does not begin where the line before ended."""

    topic: str
    partition: int
    incarnation: int
    expected: int
    found: int
    batch_id: int
    committed_at: datetime
    breaks: int


@dataclass(frozen=True, slots=True)
class Marks:
    """Articles that wait for a run of the metrics, and of the closing windows."""

    articles: int
    articles_since: datetime | None
    windows: int
    windows_since: datetime | None


@dataclass(frozen=True, slots=True)
class Ledger:
    """What the database knew about the records of a consumer group at one moment."""

    positions: tuple[Position, ...]
    """The positions of the group."""
    accounts: tuple[Account, ...]
    breaks: tuple[Break, ...]
    kept: Mapping[tuple[str, int, int], int]
    """The number of dead letters that are kept, by topic, partition and incarnation."""
    marks: Marks
    shared_topics: frozenset[str]
    """Topics that other groups read, too: the groups share the dead letters."""


def read_ledger(
    connection: psycopg.Connection, consumer_group: str, since: datetime | None = None
) -> Ledger:
    """Read the account of a consumer group: all, or what was written at ``since`` or later.

    Everything is seen at one moment, whatever consumers write meanwhile. Raises ValueError on a
    connection in a transaction.
    """
    require_idle(connection)
    window = {"consumer_group": consumer_group, "since": since}
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read read only")
        positions = read_positions(connection)
        ours = tuple(each for each in positions if each.consumer_group == consumer_group)
        accounts = _rows(connection, Account, "ingest/audit/accounts.sql", window)
        breaks = _rows(connection, Break, "ingest/audit/breaks.sql", window)
        kept = connection.execute(
            sql("ingest/audit/dead_letters.sql"), _spans(accounts, ours)
        ).fetchall()
        (marks,) = _rows(connection, Marks, "ingest/audit/marks.sql", {})
    return Ledger(
        ours,
        tuple(accounts),
        tuple(breaks),
        {(topic, partition, incarnation): count for topic, partition, incarnation, count in kept},
        marks,
        frozenset(each.topic for each in positions if each.consumer_group != consumer_group),
    )


def _rows(
    connection: psycopg.Connection, kind: type[Any], statement: str, parameters: dict[str, Any]
) -> list[Any]:
    with connection.cursor(row_factory=class_row(kind)) as cursor:
        return cursor.execute(sql(statement), parameters).fetchall()


def _spans(accounts: list[Account], positions: tuple[Position, ...]) -> dict[str, list[Any]]:
    """Return the spans of offsets that were read, each with its topic's id.

    Only the id of the present incarnation is known.
    """
    topic_ids: dict[tuple[str, int, int], UUID] = {
        (each.topic, each.partition, each.incarnation): each.topic_id for each in positions
    }
    read = [each for each in accounts if each.first_offset is not None]
    return {
        "topics": [each.topic for each in read],
        "partitions": [each.partition for each in read],
        "incarnations": [each.incarnation for each in read],
        "topic_ids": [
            topic_ids.get((each.topic, each.partition, each.incarnation)) for each in read
        ],
        "first_offsets": [each.first_offset for each in read],
        "next_offsets": [each.next_offset for each in read],
    }
