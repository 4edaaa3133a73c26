"""Writes batches to Postgres: rows, dead letters, ledger and positions in one transaction, behind
the fence.

A batch is written in two steps so that the server merges while the caller reads on: ``begin``
copies the rows and sends the merges without waiting; ``finish`` waits for them, writes ledger and
positions and commits.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from time import perf_counter
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import psycopg
from psycopg import pq
from psycopg.errors import error_from_result
from psycopg.pq.abc import PGresult
from psycopg.rows import class_row

from below_the_line import __version__
from below_the_line.contracts.events import Record, Rejection
from below_the_line.contracts.names import event_names
from below_the_line.database.errors import reason
from below_the_line.event_tables.description import TABLES
from below_the_line.partitions import PartitionLog, Position
from below_the_line.resources import sql
from consumers.adapters.sessions import Session
from consumers.core.batch import Batch, Entry, Partition, applied_records
from consumers.core.dead_letters import stored_headers, stored_timestamp
from consumers.core.failures import Failure, classify
from consumers.core.observer import Observer, Step


class StoreError(Exception):
    """A database error with its kind. The transaction is rolled back, or the connection gone."""

    def __init__(self, failure: Failure, cause: psycopg.Error) -> None:
        self.failure = failure
        self.cause = cause
        self.reason = reason(cause)
        """The server's message, without the statement, and without rejected values."""
        super().__init__(f"{failure.value}: {self.reason}")


class _Line(NamedTuple):
    """A line of the ledger that may be extended."""

    batch_id: int
    begun_at: float
    """By ``perf_counter``."""


class Store:
    """The database as one consumer process uses it. Not safe for use by several threads."""

    application_name = "btl consume"

    def __init__(
        self,
        url: str,
        consumer_group: str,
        observer: Observer | None = None,
        ledger_seconds: float = 0.0,
    ) -> None:
        """A line of the ledger is extended by further batches until it is this old; 0: each batch
        has lines of its own.
        """
        self._url = url
        self._ledger_seconds = ledger_seconds
        self._observer = observer or Observer()
        self._consumer_group = consumer_group
        self.owner: UUID = uuid4()
        """The name of this process for the fence; another one after each ``take``."""
        self._connection: Session | None = None
        self._shortened = False
        self._copies: dict[str, tuple[str, list[str]]] = {}
        """By staging table: the COPY statement, which names the columns, and their types."""
        self._held: dict[Partition, Position] = {}
        self._lines: dict[Partition, _Line] = {}
        """The last line of the ledger of each partition that this owner has written."""
        self._topic_ids: dict[str, UUID] = {}
        self._batch: Batch | None = None
        self._members: dict[str, list[list[int]]] = {}
        self._results: list[PGresult] = []
        self._merging = False
        self._sent_at = 0.0

    # Connection

    def connect(self) -> None:
        """Open the connection, unless it is open and idle. Raises StoreError."""
        if (
            self._connection is not None
            and not self._connection.broken
            and not self._connection.closed
        ):
            return
        try:
            self._connection = Session.open(self._url, self.application_name)
            self._connection.while_silent = self._observer.silent
            if self._shortened:
                self._connection.shorten_timeouts()
            for table in TABLES:
                self._connection.execute(sql(f"generated/staging/{table.name}.sql"))
            self._connection.execute(sql("ingest/dead_letters/staging.sql"))
            columns = self._connection.execute(sql("ingest/staged_columns.sql")).fetchall()
            self._connection.commit()
        except psycopg.Error as error:
            failed = self._failed(error)
            # A session without its staging tables is of no use. It can be opened where they cannot
            # be made (a full disk, a read-only server), and would stay without them.
            self.close()
            raise failed from error
        self._copies = {}
        for name, of_table in groupby(columns, key=itemgetter(0)):
            _, names, types = zip(*of_table, strict=True)
            self._copies[name] = (
                f"copy {name} ({', '.join(names)}) from stdin (format binary)",
                list(types),
            )

    def close(self) -> None:
        """Close the connection; what was not committed is lost."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def shorten_timeouts(self) -> None:
        """Wait at most two seconds for a silent server from now on. May be called from a signal
        handler.
        """
        self._shortened = True
        if self._connection is not None:
            self._connection.shorten_timeouts()

    @property
    def _open(self) -> Session:
        if self._connection is None:
            raise StoreError(Failure.FAULT, psycopg.OperationalError("not connected"))
        return self._connection

    def _failed(self, error: psycopg.Error) -> StoreError:
        failure = classify(error.diag.sqlstate, error.diag.schema_name)
        if error.diag.sqlstate is None and not isinstance(error, psycopg.OperationalError):
            # Raised before anything was sent: psycopg cannot represent a value, or a bug.
            failure = Failure.DATA if isinstance(error, psycopg.DataError) else Failure.DEFECT
        self.abandon()
        return StoreError(failure, error)

    def abandon(self) -> None:
        """Forget the batch that was begun and roll back. Never raises: a broken connection is
        closed.
        """
        self._batch, self._members, self._results, self._merging = None, {}, [], False
        connection = self._connection
        if connection is None:
            return
        try:
            if connection.pgconn.transaction_status == pq.TransactionStatus.ACTIVE:
                # A statement is still running: the connection can't be used for anything else.
                connection.close()
            else:
                connection.rollback()
        except psycopg.Error:
            connection.close()
        if connection.closed:
            self._connection = None

    # Ownership

    def take(self, partitions: Mapping[Partition, PartitionLog]) -> dict[Partition, Position]:
        """Become the owner of these partitions, and of no others, durably: from now on nobody else
        can write to them.

        Returns their positions. A batch of a former owner is now either committed, or can never be.
        Raises StoreError.
        """
        self.connect()
        connection = self._open
        # A new name each time: the last session of this process, cut off but not yet gone, counts
        # as superseded, too.
        self.owner = uuid4()
        order = sorted(partitions)
        try:
            with connection.transaction():
                connection.execute("set local synchronous_commit = on")
                cursor = connection.cursor(row_factory=class_row(Position))
                positions = cursor.execute(
                    sql("ingest/take_partitions.sql"),
                    {
                        "consumer_group": self._consumer_group,
                        "owner": self.owner,
                        "topics": [partition.topic for partition in order],
                        "partitions": [partition.number for partition in order],
                        "topic_ids": [partitions[partition].topic_id for partition in order],
                        "log_starts": [partitions[partition].start for partition in order],
                    },
                ).fetchall()
        except psycopg.errors.LockNotAvailable as error:
            failed = self._failed(error)
            self._end_stalled_owners(order)
            raise failed from error
        except psycopg.Error as error:
            raise self._failed(error) from error
        self._held = {
            Partition(position.topic, position.partition): position for position in positions
        }
        self._lines = {}
        self._topic_ids = {partition.topic: partitions[partition].topic_id for partition in order}
        return dict(self._held)

    def _end_stalled_owners(self, partitions: Sequence[Partition]) -> None:
        """End the sessions of owners that stalled between their fence and their commit: they keep
        this process from taking.
        """
        try:
            with self._open.transaction():
                self._open.execute(
                    sql("ingest/end_stalled_owners.sql"),
                    {
                        "consumer_group": self._consumer_group,
                        "topics": [partition.topic for partition in partitions],
                        "partitions": [partition.number for partition in partitions],
                    },
                )
        except psycopg.Error as error:
            raise self._failed(error) from error

    def held(self) -> dict[Partition, str]:
        """Return the partitions that this process still owns, with their status. Raises
        StoreError.
        """
        try:
            with self._open.transaction():
                rows = self._open.execute(
                    sql("ingest/held_partitions.sql"),
                    {"consumer_group": self._consumer_group, "owner": self.owner},
                ).fetchall()
        except psycopg.Error as error:
            raise self._failed(error) from error
        return {Partition(topic, number): status for topic, number, status in rows}

    def stop_partition(self, partition: Partition, status: str, detail: str) -> None:
        """Store that a partition must not be read until a person decides: ``stopped`` or
        ``tripped``. Raises StoreError.
        """
        try:
            with self._open.transaction():
                self._open.execute(
                    sql("ingest/stop_partition.sql"),
                    {
                        "consumer_group": self._consumer_group,
                        "topic": partition.topic,
                        "partition": partition.number,
                        "owner": self.owner,
                        "status": status,
                        "detail": detail,
                    },
                )
        except psycopg.Error as error:
            raise self._failed(error) from error

    def end_superseded_backends(self) -> int:
        """End the sessions of superseded owners that hold a transaction open; return their number.
        Raises StoreError.
        """
        try:
            with self._open.transaction():
                return len(
                    self._open.execute(
                        sql("ingest/end_superseded_backends.sql"),
                        {"consumer_group": self._consumer_group, "owner": self.owner},
                    ).fetchall()
                )
        except psycopg.Error as error:
            raise self._failed(error) from error

    # Batches

    def begin(self, batch: Batch) -> None:
        """Copy the batch's rows and send its merges; the server merges while the caller goes on.

        Raises StoreError.
        """
        try:
            self._begin(batch, batch.dead_letters())
        except psycopg.Error as error:
            raise self._failed(error) from error

    def _begin(self, batch: Batch, dead_letters: Sequence[tuple[Record, Rejection]]) -> None:
        self._batch, self._members, self._results = batch, {}, []
        started = perf_counter()
        merges = []
        with self._open.cursor() as cursor:
            # All copies before the first merge: a copy that stalls must not hold row locks.
            for folded in batch.folded():
                table = folded.table
                rows, self._members[table.name] = folded.staged()
                statement, types = self._copies[f"staged_{table.name}"]
                with cursor.copy(statement) as copy:
                    copy.set_types(types)
                    for number, row in enumerate(rows):
                        copy.write_row((number, *row))
                merges.append(sql(f"generated/merge/{table.name}.sql"))
            if dead_letters:
                statement, types = self._copies["staged_dead_letters"]
                with cursor.copy(statement) as copy:
                    copy.set_types(types)
                    for record, rejection in dead_letters:
                        copy.write_row(self._dead_letter(record, rejection))
                merges.append(sql("ingest/dead_letters/merge.sql"))
        self._sent_at = perf_counter()
        self._observer.step(Step.STAGED, self._sent_at - started)
        self._merging = bool(merges)
        if merges:
            self._open.pgconn.send_query(b"".join(merges))
            self._open.flush()
        self._observer.step(Step.MERGING, perf_counter() - self._sent_at)

    def _dead_letter(self, record: Record, rejection: Rejection) -> tuple[Any, ...]:
        return (
            record.topic,
            self._topic_ids[record.topic],
            record.partition,
            record.offset,
            record.key,
            record.value,
            stored_headers(record),
            stored_timestamp(record),
            rejection.stage,
            rejection.code,
            rejection.pointer,
            rejection.message,
            rejection.schema_version,
            __version__,
            *event_names(record),
        )

    def is_ready(self) -> bool:
        """Return whether ``finish`` would not wait for the server. Raises StoreError."""
        if not self._merging:
            return True
        connection = self._open.pgconn
        try:
            connection.consume_input()
            while not connection.is_busy():
                result = connection.get_result()
                if result is None:
                    self._merging = False
                    return True
                if result.status == pq.ExecStatus.FATAL_ERROR:
                    while connection.get_result() is not None:
                        pass
                    self._merging = False
                    raise error_from_result(result)
                self._results.append(result)
        except psycopg.Error as error:
            raise self._failed(error) from error
        return False

    def _wait_for_input(self) -> None:
        try:
            self._open.wait_for_input()
        except psycopg.Error as error:
            raise self._failed(error) from error

    def finish(self) -> list[Entry]:
        """Wait for the merges, write ledger and positions, pass the fence and commit. Returns the
        ledger's lines.

        Raises StoreError; with Failure.FENCED when another owner took a partition of the batch
        meanwhile. Then, as after any other failure, nothing of the batch is kept.
        """
        applied = self._merged()
        batch = self._batch
        if batch is None:
            raise RuntimeError("finish() without begin()")
        merged_at = perf_counter()
        self._observer.step(Step.MERGED, merged_at - self._sent_at)
        entries = batch.entries(applied)
        partitions = [entry.partition for entry in entries]
        spans = {
            "consumer_group": self._consumer_group,
            "owner": self.owner,
            "topics": [partition.topic for partition in partitions],
            "partitions": [partition.number for partition in partitions],
            "first_offsets": [entry.first_offset for entry in entries],
            "next_offsets": [entry.next_offset for entry in entries],
        }
        extended = {
            partition: line.batch_id
            for partition, line in self._lines.items()
            if merged_at - line.begun_at < self._ledger_seconds
        }
        ledger = {
            "batch_ids": [extended.get(partition) for partition in partitions],
            "incarnations": [self._held[partition].incarnation for partition in partitions],
            "kinds": [entry.kind for entry in entries],
            "records": [entry.records for entry in entries],
            "applied": [entry.applied for entry in entries],
            "unchanged": [entry.unchanged for entry in entries],
            "dead_lettered": [entry.dead_lettered for entry in entries],
        }
        epochs = {"epochs": [self._held[partition].epoch for partition in partitions]}
        try:
            # One round trip. The fence raises, and a pipeline skips what follows an error: no
            # COMMIT without it.
            with self._open.pipeline():
                # The fence before the ledger: a zombie must get the error that it is fenced, not
                # that its entry exists already.
                self._open.execute(sql("ingest/advance_offsets.sql"), spans | epochs)
                written = self._open.execute(sql("ingest/record_batches.sql"), spans | ledger)
                self._observer.step(Step.FENCED, perf_counter() - merged_at)
                self._open.commit()
                self._observer.step(Step.COMMITTING, perf_counter() - merged_at)
            lines = written.fetchall()
        except psycopg.Error as error:
            raise self._failed(error) from error
        for topic, number, batch_id in lines:
            partition = Partition(topic, number)
            if extended.get(partition) != batch_id:
                self._lines[partition] = _Line(batch_id, merged_at)
        self._batch, self._members, self._results = None, {}, []
        self._observer.step(Step.COMMITTED, perf_counter() - merged_at)
        return entries

    def _merged(self) -> set[int] | None:
        """Wait for the merges; return the numbers of the records that changed a row.

        None if all valid records did.
        """
        while not self.is_ready():
            self._wait_for_input()
        unchanged = {
            table: {int(result.get_value(row, 0) or b"") for row in range(result.ntuples)}
            for table, result in zip(
                self._members, self._results[: len(self._members)], strict=True
            )
        }
        return applied_records(unchanged, self._members)

    def notify(self, channel: str) -> None:
        """Wake the processes that listen on a channel. Raises StoreError.

        Outside of any batch: it would serialise their commits.
        """
        try:
            self._open.execute(f"notify {channel}")
            self._open.commit()
        except psycopg.Error as error:
            raise self._failed(error) from error
