"""Rows that were made before, as an archive has them: merged on the path of the consumers."""

from collections.abc import Callable, Sequence

import psycopg

from below_the_line.contracts.events import Event
from below_the_line.erasing.keys import ErasureKey
from below_the_line.event_tables.description import TABLES, Table
from consumers.adapters.erasures import NewerErasuresError
from consumers.adapters.postgres import Store
from consumers.core.batch import Batch
from consumers.core.fold import Fold, Row


class StoredRows(Batch):
    """Rows of one table in place of events: a batch without records."""

    def __init__(self, table: Table, rows: Sequence[Row]) -> None:
        """Rows have all columns of the table. Raises ValueError if two have the same key."""
        super().__init__()
        self._table = table
        self._rows = rows
        if len({row[: len(table.key)] for row in rows}) < len(rows):
            raise ValueError(f"two rows of {table.name} have the same key")

    def has_event_until(self, time: int) -> bool:  # noqa: ARG002
        """Return True: an archive is of any time."""
        return True

    def folded(self, change: Callable[[Event], Event] | None = None) -> Fold:  # noqa: ARG002
        """Return the rows; each is numbered by its place. There are no events to change."""
        fold = Fold()
        folded, width = fold.tables[self._table], len(self._table.key)
        for number, row in enumerate(self._rows):
            folded.add(number, row[:width], row[width:])
        return fold


class RestoreStore(Store):
    """The database as a restoration uses it: it stages and merges like a consumer, but owns no
    partitions.
    """

    application_name = "btl archive import"

    def __init__(self, url: str, erasure_key: ErasureKey | None = None) -> None:
        super().__init__(url, consumer_group="", erasure_key=erasure_key)

    def connect(self) -> None:
        """Open the connection, unless it is open and idle. Raises StoreError."""
        before = self._connection
        super().connect()
        if self._connection is before:
            return
        try:
            # What is reported as restored must survive a crash of the server.
            self._open.execute("set synchronous_commit = on")
            self._open.commit()
        except psycopg.Error as error:
            raise self._failed(error) from error

    def merge(self, table: Table, rows: Sequence[Row]) -> int:
        """Merge rows of one table, in one transaction; return how many changed something.

        New ones are copied straight into the table, as consumers do. Keys must differ. Raises
        StoreError; then nothing of these rows is kept. Raises BelowTheLineError if erasures are
        recorded, and their key is missing.
        """
        self.connect()
        batch = StoredRows(table, rows)
        while True:
            self.begin(batch)
            applied = self._merged()
            try:
                if self._straight_tables:
                    self._open.execute("set local lock_timeout to default")
                self._erasures.complete(self._open)
                self._commit()
                break
            except (psycopg.Error, NewerErasuresError) as error:
                self._read_newer_erasures(error)
        self._straight_way.passed(self._straight_tables)
        self._keep_staging()
        self._forget_batch()
        return len(rows) if applied is None else len(applied)


ORDER = (
    *(table for table in TABLES if not table.marks_windows and table.name != "articles"),
    *(table for table in TABLES if table.name == "articles"),
    *(table for table in reversed(TABLES) if table.marks_windows),
)
"""The order in which whole tables are restored. What opens and closes discussions is last: a
closing run in between must not find a discussion whose comments are still to come.
"""
