"""An SQLite file for what does not fit into memory; it is gone however the run ends."""

import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from typing import Any

from below_the_line.errors import BelowTheLineError

_PRAGMAS = (
    # Nothing of it outlives the run: there is nothing to restore, and no need to wait for the disk.
    "journal_mode = off",
    "synchronous = off",
    # Nobody else opens it: it is locked once, not for each statement.
    "locking_mode = exclusive",
    # What is sorted does not fit into memory either.
    "temp_store = file",
    # In KiB. Keys come in any order: the more of an index is in memory, the less is read again.
    "cache_size = -16384",
)
_NO_ROOM = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}
"""The errors of the disk. Other ones are defects."""
_HINT = "Make room there, or name another folder in TMPDIR."


@contextmanager
def temporary_database() -> Iterator[sqlite3.Connection]:
    """Yield a connection to an empty database; the file has no name, so nobody else opens it.

    Raises BelowTheLineError if the file cannot be written, also in the block.
    """
    try:
        made = tempfile.TemporaryDirectory(prefix="btl-archive-")
    except OSError as error:
        raise BelowTheLineError(f"No temporary folder can be made: {error}.", _HINT) from None
    with ExitStack() as opened:
        try:
            with made as folder:
                connection = sqlite3.connect(f"{folder}/data.sqlite", isolation_level=None)
                opened.enter_context(closing(connection))
            # The file has no name any more: the system removes it, however this process ends.
            for pragma in _PRAGMAS:
                connection.execute(f"pragma {pragma}")
            yield connection
        except sqlite3.OperationalError as error:
            # The last byte tells the kind, the others the details.
            if error.sqlite_errorcode & 0xFF not in _NO_ROOM:
                raise
            raise BelowTheLineError(
                f"A temporary file in {tempfile.gettempdir()} cannot be written: {error}.", _HINT
            ) from None


def insert(connection: sqlite3.Connection, table: str, rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows in one transaction: one for each row takes several times as long. Rows whose key
    is there are left out.
    """
    if not rows:
        return
    marks = ", ".join("?" * len(rows[0]))
    connection.execute("begin")
    connection.executemany(f"insert or ignore into {table} values ({marks})", rows)  # noqa: S608
    connection.execute("commit")
