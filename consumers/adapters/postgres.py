"""Writes batches to Postgres: rows, dead letters, ledger and positions in one transaction, behind
the fence.

A batch is written in two steps so that the server works while the caller reads on: ``begin`` copies
the rows, some of them straight into their tables (``consumers.core.straight``), and sends the
merges of the others without waiting; ``finish`` waits for them, writes ledger and positions and
commits.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from time import perf_counter
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import psycopg
from psycopg import pq
from psycopg.copy import LibpqWriter
from psycopg.errors import error_from_result
from psycopg.pq.abc import PGresult
from psycopg.rows import class_row

from below_the_line import __version__
from below_the_line.contracts.events import Record, Rejection
from below_the_line.contracts.names import event_names
from below_the_line.database.errors import reason, withhold_values
from below_the_line.erasing.keys import ErasureKey
from below_the_line.errors import BelowTheLineError
from below_the_line.event_tables.description import TABLES, Table
from below_the_line.partitions import PartitionLog, Position
from below_the_line.resources import sql
from consumers.adapters.erasures import NEWER_ERASURES, NewerErasuresError, SessionErasures
from consumers.adapters.sessions import Session
from consumers.core.batch import Batch, Entry, Partition, applied_records
from consumers.core.dead_letters import ERASED_MESSAGE, stored_headers, stored_timestamp
from consumers.core.failures import Failure, classify, is_contention
from consumers.core.fold import Row, Rows
from consumers.core.observer import Observer, Step
from consumers.core.straight import StraightWay

_IMPATIENCE = b"set local lock_timeout = '100ms';"
"""Of a transaction that copies straight. A tenth of the time after which the server looks for
deadlocks.
"""


_ERASURES = "erasures"
"""Stands beside the tables in the account of a batch."""


class StoreError(Exception):
    """A database error with its kind. The transaction is rolled back, or the connection gone."""

    def __init__(self, failure: Failure, cause: psycopg.Error) -> None:
        self.failure = failure
        self.cause = cause
        """It prints no rejected values either."""
        self.reason = reason(cause)
        """The server's message, without the statement, and without rejected values."""
        withhold_values(cause)
        super().__init__(f"{failure.value}: {self.reason}")


_STAGING = {
    f"staged_{table.name}": sql(f"generated/staging/{table.name}.sql") for table in TABLES
} | {"staged_dead_letters": sql("ingest/dead_letters/staging.sql")}
"""By staging table: the statement that makes it."""


class _Line(NamedTuple):
    """A line of the ledger that may be extended."""

    batch_id: int
    begun_at: float
    """By ``perf_counter``."""


class _Sender(LibpqWriter):
    """Sends rows; does not wait until the server has copied them."""

    def __init__(self, session: Session, cursor: psycopg.Cursor[Any]) -> None:
        super().__init__(cursor)
        self._session = session

    def finish(self, exc: BaseException | None = None) -> None:
        """Tell the server that these are all, or that a row could not be sent."""
        if exc is not None:
            super().finish(exc)
            return
        while self._session.pgconn.put_copy_end() == 0:
            self._session.flush()
        self._session.flush()


def _copy_straight(table: Table) -> bytes:
    names = ", ".join(table.column_names)
    return f"copy discussion.{table.name} ({names}) from stdin (format binary);".encode()


class Store:
    """The database as one consumer process uses it. Not safe for use by several threads."""

    application_name = "btl consume"

    def __init__(
        self,
        url: str,
        consumer_group: str,
        observer: Observer | None = None,
        ledger_seconds: float = 0.0,
        straight_way: StraightWay | None = None,
        erasure_key: ErasureKey | None = None,
    ) -> None:
        """A line of the ledger is extended by further batches until it is this old; 0: each batch
        has lines of its own. Without ``erasure_key``, methods raise BelowTheLineError once an
        erasure is recorded.
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
        self._staging: set[str] = set()
        """The staging tables that the session has."""
        self._new_staging: set[str] = set()
        """Those that the present transaction has made."""
        self._straight_way = straight_way or StraightWay()
        self._erasures = SessionErasures(erasure_key)
        self._held: dict[Partition, Position] = {}
        self._lines: dict[Partition, _Line] = {}
        """The last line of the ledger of each partition that this owner has written."""
        self._topic_ids: dict[str, UUID] = {}
        self._batch: Batch | None = None
        self._members: dict[str, list[list[int]]] = {}
        """By table: for each row, those that are merged first, the numbers of its records."""
        self._merged_tables: list[str] = []
        self._straight_tables: list[str] = []
        self._results: list[PGresult] = []
        """What the merges returned, by turns."""
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
            for statement in _STAGING.values():
                self._connection.execute(statement)
            columns = self._connection.execute(sql("ingest/staged_columns.sql")).fetchall()
            # Every commit empties all that there are, which takes time: so only those that are
            # used are made.
            self._connection.rollback()
            self._staging = set()
            self._erasures.forget()
            self._erasures.read(self._connection)
            self._connection.rollback()
        except BelowTheLineError:
            self.close()
            raise
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
        self._forget_batch()
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
                        {
                            "consumer_group": self._consumer_group,
                            "owner": self.owner,
                            "application_name": self.application_name,
                        },
                    ).fetchall()
                )
        except psycopg.Error as error:
            raise self._failed(error) from error

    # Batches

    def begin(self, batch: Batch) -> None:
        """Copy the batch's rows and send its merges; the server works while the caller goes on.

        Raises StoreError.
        """
        try:
            self._begin(batch, batch.dead_letters(), self._straight_way)
        except psycopg.Error as error:
            self._merge_after_all(error)

    def _begin(
        self,
        batch: Batch,
        dead_letters: Sequence[tuple[Record, Rejection]],
        straight_way: StraightWay | None,
    ) -> None:
        """Send a batch; ``straight_way`` None: merge all of it."""
        self._forget_batch()
        self._batch = batch
        started = perf_counter()
        straight: list[tuple[Table, list[Row]]] = []
        merges = []
        with self._open.cursor() as cursor:
            # All staging before the first row is locked: a copy that stalls here holds nobody up.
            # (Only a batch of the time of an erasure locks its articles before.)
            for folded in self._erasures.erased(self._open, batch):
                table = folded.table
                if straight_way is not None and straight_way.is_open(table.name):
                    new, others = folded.parted()
                else:
                    new, others = Rows([], []), folded.staged()
                self._members[table.name] = others.records + new.records
                if new.rows:
                    straight.append((table, new.rows))
                if others.rows:
                    statement, types = self._staged(f"staged_{table.name}")
                    with cursor.copy(statement) as copy:
                        copy.set_types(types)
                        for number, row in enumerate(others.rows):
                            copy.write_row((number, *row))
                    merges.append(sql(f"generated/merge/{table.name}.sql"))
                    self._merged_tables.append(table.name)
            if self._erasures.asked:
                self._members[_ERASURES] = [each.records for each in self._erasures.asked]
            if dead_letters:
                erased = self._erasures.erased_letters(self._open, dead_letters)
                statement, types = self._staged("staged_dead_letters")
                with cursor.copy(statement) as copy:
                    copy.set_types(types)
                    for number, (record, rejection) in enumerate(dead_letters):
                        kept = self._dead_letter(record, rejection, is_erased=number in erased)
                        copy.write_row(kept)
                merges.append(sql("ingest/dead_letters/merge.sql"))
        self._sent_at = perf_counter()
        self._observer.step(Step.STAGED, self._sent_at - started)
        if straight or merges:
            self._send(straight, merges)
        self._observer.step(Step.MERGING, perf_counter() - self._sent_at)

    def _staged(self, name: str) -> tuple[str, list[str]]:
        """Return how to copy to a staging table; make it if need be. Raises psycopg.Error."""
        if name not in self._staging | self._new_staging:
            self._open.execute(_STAGING[name])
            self._new_staging.add(name)
        return self._copies[name]

    def _send(self, straight: list[tuple[Table, list[Row]]], merges: Sequence[bytes]) -> None:
        """Send all statements at once, and the rows that are copied straight as soon as the server
        asks for them.
        """
        # The most rows last: the server works on them while the caller goes on.
        straight.sort(key=lambda each: len(each[1]))
        self._straight_tables = [table.name for table, _ in straight]
        statements = list(merges)
        if straight:
            copies = (_copy_straight(table) for table, _ in straight)
            statements = [_IMPATIENCE, *copies, self._marks(straight), *merges]
        pgconn = self._open.pgconn
        if pgconn.transaction_status == pq.TransactionStatus.IDLE:
            statements.insert(0, b"begin;")
        pgconn.send_query(b"".join(statements))
        self._merging = True
        self._open.flush()
        for table, rows in straight:
            self._wait_for_copy()
            with self._open.cursor() as cursor:
                writer = _Sender(self._open, cursor)
                with psycopg.Copy(cursor, binary=True, writer=writer) as copy:
                    # A staged row has its number before the columns of the table.
                    copy.set_types(self._copies[f"staged_{table.name}"][1][1:])
                    for row in rows:
                        copy.write_row(row)

    def _marks(self, straight: Iterable[tuple[Table, Iterable[Row]]]) -> bytes:
        """Return the statement that marks the articles of these rows, each article once."""
        articles: set[str] = set()
        windows: set[str] = set()
        discussions: set[tuple[str, str]] = set()
        for table, rows in straight:
            place = table.column_names.index("article_id")
            changed = {row[place] for row in rows}
            articles |= changed
            if table.marks_windows:
                windows |= changed
            if (what := table.marks_discussion) is not None:
                discussions |= {(article, what) for article in changed}
        in_order = sorted(discussions)
        marks = psycopg.ClientCursor(self._open).mogrify(
            sql("ingest/mark_copied_articles.sql"),
            {
                "articles": sorted(articles),
                "windows": sorted(windows),
                "discussions": [article for article, _ in in_order],
                "whats": [what for _, what in in_order],
            },
        )
        return marks.encode()

    def _wait_for_copy(self) -> None:
        """Wait until the server asks for rows. Raises psycopg.Error."""
        while True:
            while self._open.pgconn.is_busy():
                self._open.wait_for_input()
                self._open.pgconn.consume_input()
            result = self._next_result()
            if result is None:
                raise RuntimeError("the server asked for no rows")
            if result.status == pq.ExecStatus.COPY_IN:
                return

    def _next_result(self) -> PGresult | None:
        """Return the next result of the statements that were sent; None after the last one. Raises
        psycopg.Error.
        """
        result = self._open.pgconn.get_result()
        if result is None:
            self._merging = False
        elif result.status == pq.ExecStatus.FATAL_ERROR:
            while self._open.pgconn.get_result() is not None:
                pass
            self._merging = False
            raise error_from_result(result)
        return result

    def _merge_after_all(self, error: psycopg.Error) -> None:
        """Begin the batch again and merge all of it, if the error is one of copying straight; else
        raise StoreError.
        """
        batch, failed = self._batch, self._straight_tables
        if isinstance(error, psycopg.errors.UniqueViolation):
            failed = [each for each in failed if each == error.diag.table_name]
        elif not is_contention(error.diag.sqlstate):
            failed = []
        if batch is None or not failed:
            raise self._failed(error) from error
        self._straight_way.failed(failed)
        try:
            self._open.rollback()
            self._begin(batch, batch.dead_letters(), straight_way=None)
        except psycopg.Error as other:
            raise self._failed(other) from other

    def _dead_letter(
        self, record: Record, rejection: Rejection, *, is_erased: bool
    ) -> tuple[Any, ...]:
        return (
            record.topic,
            self._topic_ids[record.topic],
            record.partition,
            record.offset,
            None if is_erased else record.key,
            None if is_erased else record.value,
            [] if is_erased else stored_headers(record),
            stored_timestamp(record),
            rejection.stage,
            rejection.code,
            None if is_erased else rejection.pointer,
            ERASED_MESSAGE if is_erased else rejection.message,
            rejection.schema_version,
            __version__,
            *event_names(record),
            is_erased,
        )

    def is_ready(self) -> bool:
        """Return whether ``finish`` would not wait for the server. Raises StoreError."""
        if not self._merging:
            return True
        connection = self._open.pgconn
        try:
            connection.consume_input()
            while not connection.is_busy():
                result = self._next_result()
                if result is None:
                    return True
                if result.status == pq.ExecStatus.TUPLES_OK:
                    self._results.append(result)
        except psycopg.Error as error:
            self._merge_after_all(error)
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
        meanwhile. Then, as after any other failure, nothing of the batch is kept. A batch that did
        not apply erasures recorded meanwhile is written again, here. Raises BelowTheLineError if
        their key is missing.
        """
        while True:
            batch, applied = self._batch, self._merged()
            if batch is None:
                raise RuntimeError("finish() without begin()")
            try:
                return self._finish(batch, applied)
            except (psycopg.Error, NewerErasuresError) as error:
                self._read_newer_erasures(error)
            self.begin(batch)

    def _read_newer_erasures(self, error: psycopg.Error | NewerErasuresError) -> None:
        """Roll back and read the erasures that the transaction did not apply, if this is what the
        error says; else raise StoreError.
        """
        if isinstance(error, psycopg.Error) and error.diag.sqlstate != NEWER_ERASURES:
            raise self._failed(error) from error
        try:
            self._open.rollback()
            self._erasures.read(self._open)
            self._open.rollback()
        except psycopg.Error as other:
            raise self._failed(other) from other

    def _finish(self, batch: Batch, applied: set[int] | None) -> list[Entry]:
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
        self._erasures.complete(self._open)
        # One round trip. The fences raise, and a pipeline skips what follows an error: no COMMIT
        # without them.
        with self._open.pipeline():
            if self._straight_tables:
                self._open.execute("set local lock_timeout to default")
            # The fence before the ledger: a zombie must get the error that it is fenced, not that
            # its entry exists already.
            self._open.execute(sql("ingest/advance_offsets.sql"), spans | epochs)
            written = self._open.execute(sql("ingest/record_batches.sql"), spans | ledger)
            if not self._erasures.records:
                self._erasures.share(self._open)
                self._observer.step(Step.FENCED, perf_counter() - merged_at)
                self._open.commit()
                self._observer.step(Step.COMMITTING, perf_counter() - merged_at)
        if self._erasures.records:
            self._commit()
        self._erasures.committed()
        lines = written.fetchall()
        for topic, number, batch_id in lines:
            partition = Partition(topic, number)
            if extended.get(partition) != batch_id:
                self._lines[partition] = _Line(batch_id, merged_at)
        self._straight_way.passed(self._straight_tables)
        self._keep_staging()
        self._forget_batch()
        self._observer.step(Step.COMMITTED, perf_counter() - merged_at)
        return entries

    def _merged(self) -> set[int] | None:
        """Wait for the merges; return the numbers of the records that changed a row.

        None if all valid records did.
        """
        while not self.is_ready():
            self._wait_for_input()
        unchanged: dict[str, set[int]] = {table: set() for table in self._members}
        if self._erasures.asked:
            unchanged[_ERASURES] = {
                number for number, each in enumerate(self._erasures.asked) if not each.is_news
            }
        for table, result in zip(self._merged_tables, self._results, strict=True):
            unchanged[table].update(
                int(result.get_value(row, 0) or b"") for row in range(result.ntuples)
            )
        return applied_records(unchanged, self._members)

    def _commit(self) -> None:
        """Pass the fence of erasures, or record those that the batch asks for, and commit.

        Raises psycopg.Error and NewerErasuresError.
        """
        if self._erasures.records:
            self._erasures.record(self._open)
        else:
            self._erasures.share(self._open)
        self._open.commit()
        self._erasures.committed()

    def _keep_staging(self) -> None:
        """The transaction was committed: what it made is there to stay."""
        self._staging |= self._new_staging

    def _forget_batch(self) -> None:
        self._new_staging = set()
        self._batch, self._members, self._merging = None, {}, False
        self._merged_tables, self._straight_tables, self._results = [], [], []
        self._erasures.forget_batch()

    def notify(self, channel: str) -> None:
        """Wake the processes that listen on a channel. Raises StoreError.

        Outside of any batch: it would serialise their commits.
        """
        try:
            self._open.execute(f"notify {channel}")
            self._open.commit()
        except psycopg.Error as error:
            raise self._failed(error) from error
