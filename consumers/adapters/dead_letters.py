"""Dead letters in Postgres: reading them, discarding them, and writing the results of a redrive."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from below_the_line import __version__
from below_the_line.contracts.events import Rejection
from below_the_line.resources import sql
from consumers.adapters.erasures import NewerErasuresError
from consumers.adapters.postgres import Store
from consumers.core.batch import Batch
from consumers.core.dead_letters import Letter, Selection

_DISCARDED_AT_ONCE = 10_000
_CHUNK_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class DeadLetter:
    """A row of ``ingest.dead_letters``; see the comments on its columns.

    ``latest`` leaves out what has a default here.
    """

    topic: str
    topic_id: UUID
    partition: int
    record_offset: int
    record_key: bytes | None
    record_timestamp: datetime
    code: str
    pointer: str | None
    message: str
    attempts: int
    status: str
    dead_lettered_at: datetime
    stage: str = ""
    record_value: bytes | None = None
    record_headers: tuple[bytes | None, ...] | list[bytes | None] = ()
    schema_version: str | None = None
    software_version: str = ""
    status_changed_at: datetime | None = None
    judged_at: datetime | None = None
    source: str | None = None
    event_type: str | None = None
    event_id: str | None = None


def article_is_known(connection: psycopg.Connection, article: str) -> bool:
    """Return whether any event has named the article."""
    row = connection.execute(
        sql("ingest/dead_letters/article_is_known.sql"), {"article": article}
    ).fetchone()
    return row == (True,)


def count_by_code(connection: psycopg.Connection, selection: Selection) -> dict[str, int]:
    """Return the number of dead letters by code, the most frequent first."""
    return dict(
        connection.execute(
            sql("ingest/dead_letters/count_by_code.sql"), selection.parameters()
        ).fetchall()
    )


class SourceCount(NamedTuple):
    """How many dead letters have the same source, type and code. None: not readable."""

    source: str | None
    event_type: str | None
    code: str
    letters: int
    newest: datetime
    """When the latest of them was kept."""


def count_by_source(
    connection: psycopg.Connection, selection: Selection, max_rows: int
) -> list[SourceCount]:
    """Return up to ``max_rows`` counts by source, type and code, the most frequent first."""
    with connection.cursor(row_factory=class_row(SourceCount)) as cursor:
        return cursor.execute(
            sql("ingest/dead_letters/count_by_source.sql"),
            {**selection.parameters(), "max_rows": max_rows},
        ).fetchall()


def latest(connection: psycopg.Connection, selection: Selection, max_rows: int) -> list[DeadLetter]:
    """Return up to ``max_rows`` dead letters without their values, the newest first."""
    with connection.cursor(row_factory=class_row(DeadLetter)) as cursor:
        return cursor.execute(
            sql("ingest/dead_letters/list.sql"), {**selection.parameters(), "max_rows": max_rows}
        ).fetchall()


def at_offset(
    connection: psycopg.Connection, topic: str, partition: int, offset: int, topic_id: UUID | None
) -> list[DeadLetter]:
    """Return the dead letters of this offset, the latest first.

    There may be one per topic id: a topic that was created again has another. ``topic_id`` names
    one of them; None: all.
    """
    with connection.cursor(row_factory=class_row(DeadLetter)) as cursor:
        return cursor.execute(
            sql("ingest/dead_letters/show.sql"),
            {"topic": topic, "partition": partition, "record_offset": offset, "topic_id": topic_id},
        ).fetchall()


def discard(connection: psycopg.Connection, selection: Selection) -> dict[str, int]:
    """Discard dead letters; return how many, by code, the most frequent first. One that is redriven
    meanwhile stays redriven.

    Commits after each ten thousand: a flood is one command, and interrupted it is done in part.
    """
    discarded: Counter[str] = Counter()
    parameters = {**selection.parameters(), "chunk_size": _DISCARDED_AT_ONCE}
    while True:
        with connection.transaction():
            found: dict[str | None, int] = dict(
                connection.execute(sql("ingest/dead_letters/discard.sql"), parameters).fetchall()
            )
        if not found.pop(None):
            return dict(discarded.most_common())
        discarded.update({code: count for code, count in found.items() if code is not None})


class RedriveStore(Store):
    """The database as a redrive uses it: it stages and merges like a consumer, but owns no
    partitions.
    """

    application_name = "btl dead-letters redrive"

    def clock(self) -> datetime:
        """Connect, and return the database's clock. Raises StoreError."""
        self.connect()
        ((now,),) = self._fetch(b"select clock_timestamp()", {})
        return now  # type: ignore[no-any-return]

    def chunk(
        self, selection: Selection, judged_before: datetime, after: Letter | None, size: int
    ) -> list[Letter]:
        """Return the next dead letters of a selection, in key order. Raises StoreError."""
        rows = self._fetch(
            sql("ingest/dead_letters/chunk.sql"),
            {
                **selection.parameters(),
                "judged_before": judged_before,
                "after_topic_id": after and after.topic_id,
                "after_partition": after and after.record.partition,
                "after_offset": after and after.record.offset,
                "chunk_size": size,
                "chunk_bytes": _CHUNK_BYTES,
            },
        )
        return [Letter.kept(*row) for row in rows]

    def _fetch(self, statement: bytes, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        try:
            with self._open.transaction():
                return self._open.execute(statement, parameters, binary=True).fetchall()
        except psycopg.Error as error:
            raise self._failed(error) from error

    def settle(
        self, topic_id: UUID, batch: Batch, statuses: tuple[str, ...], judged_before: datetime
    ) -> tuple[Batch, set[int] | None]:
        """Write a batch in one transaction: rows, the dead letters' new state, the ledger.

        Dead letters that another redrive holds, or has settled since ``judged_before``, are left to
        it. Returns the batch that was written, and the numbers of its records that changed a row
        (None: all valid ones). Raises StoreError; then nothing of the batch is kept. A batch that
        did not apply erasures recorded meanwhile is written again, here.
        """
        while True:
            try:
                # What is reported as redriven must survive a crash of the server.
                self._open.execute("set local synchronous_commit = on")
                free = self._locked(topic_id, batch, statuses, judged_before)
                # Dead letters are locked first, rows after that, as in every redrive; a consumer
                # waits for no dead letter before its rows are merged.
                # All of it is merged: nobody knows which of it is there.
                self._begin(free, dead_letters=(), straight_way=None)
                applied = self._merged()
                self._settle(topic_id, free)
                self._record(topic_id, free, applied)
                self._erasures.complete(self._open)
                self._commit()
                break
            except (psycopg.Error, NewerErasuresError) as error:
                self._read_newer_erasures(error)
        self._keep_staging()
        self._forget_batch()
        return free, applied

    def _locked(
        self, topic_id: UUID, batch: Batch, statuses: tuple[str, ...], judged_before: datetime
    ) -> Batch:
        """Lock the dead letters of a batch until the transaction ends; return what was free."""
        records = [record for record, _ in batch.decoded]
        locked = set(
            self._open.execute(
                sql("ingest/dead_letters/lock.sql"),
                {
                    "topic_id": topic_id,
                    "partitions": [record.partition for record in records],
                    "record_offsets": [record.offset for record in records],
                    "statuses": list(statuses),
                    "judged_before": judged_before,
                },
            ).fetchall()
        )
        return Batch.scattered(each for each in batch.decoded if each.record[1:3] in locked)

    def _settle(self, topic_id: UUID, batch: Batch) -> None:
        reasons = [result if isinstance(result, Rejection) else None for _, result in batch.decoded]
        settled = self._open.execute(
            sql("ingest/dead_letters/settle.sql"),
            {
                "topic_id": topic_id,
                "software_version": __version__,
                "partitions": [record.partition for record, _ in batch.decoded],
                "record_offsets": [record.offset for record, _ in batch.decoded],
                "stages": [reason and reason.stage for reason in reasons],
                "codes": [reason and reason.code for reason in reasons],
                "pointers": [reason and reason.pointer for reason in reasons],
                "messages": [reason and reason.message for reason in reasons],
                "schema_versions": [reason and reason.schema_version for reason in reasons],
            },
        )
        if settled.rowcount != len(batch):
            raise RuntimeError(
                f"settled {settled.rowcount} of {len(batch)} dead letters that are locked"
            )

    def _record(self, topic_id: UUID, batch: Batch, applied: set[int] | None) -> None:
        entries = batch.entries(applied)
        self._open.execute(
            sql("ingest/dead_letters/record_redrive.sql"),
            {
                "consumer_group": self._consumer_group,
                "topic_id": topic_id,
                "topics": [entry.partition.topic for entry in entries],
                "partitions": [entry.partition.number for entry in entries],
                "first_offsets": [entry.first_offset for entry in entries],
                "next_offsets": [entry.next_offset for entry in entries],
                "records": [entry.records for entry in entries],
                "applied": [entry.applied for entry in entries],
                "unchanged": [entry.unchanged for entry in entries],
                "dead_lettered": [entry.dead_lettered for entry in entries],
            },
        )
