"""An SQLite database that comes from outside: read, and nothing in it is run."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Set
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from below_the_line.errors import BelowTheLineError

MAGIC = b"SQLite format 3\0"
"""The first bytes of a database."""
MAX_VALUE_BYTES = 4 * 1024 * 1024
"""The longest value that is read."""

_GENERATED = (2, 3)
"""What ``pragma table_xinfo`` has in ``hidden`` for generated columns."""


@dataclass(frozen=True)
class Expected:
    """What a database of one system has."""

    maker: str
    """The system, such as ``Isso``."""
    columns: Mapping[str, Set[str]]
    """The tables that are read, and those of their columns that must be there."""
    triggers: Set[str]
    """The triggers that the system makes. Reading starts none."""


@contextmanager
def untrusted_database(path: Path, name: str, expected: Expected) -> Iterator[sqlite3.Connection]:
    """Yield a connection that can only read the expected tables; texts that are not UTF-8 have
    U+FFFD where they are not.

    ``name`` is what people call the file. Raises BelowTheLineError, also for the database's errors
    in the block: a file that is not a database, damaged, or in use; a table or a column that is
    missing or computed; a view, a virtual table, or a trigger that the system does not make.
    """
    _check_file(path, name)
    uri = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection:
            for guard in ("trusted_schema = off", "query_only = on", "cell_size_check = on"):
                connection.execute(f"pragma {guard}")
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)
            connection.text_factory = _storable
            _check_schema(connection, name, expected)
            _check_tables(connection, name, expected)
            connection.set_authorizer(_only_reading(expected.columns))
            yield connection
    except sqlite3.DataError:
        raise BelowTheLineError(
            f"{name} has a value of more than {MAX_VALUE_BYTES:,} bytes, as no comment has.",
            "Look for it in a copy, and delete it there.",
        ) from None
    except sqlite3.DatabaseError as error:
        raise _damaged(name, str(error)) from None


def _check_file(path: Path, name: str) -> None:
    with path.open("rb") as raw:
        if raw.read(len(MAGIC)) != MAGIC:
            raise BelowTheLineError(
                f"{name} is not an SQLite database.", "Name the file that the system writes."
            )
    for suffix in ("-wal", "-journal"):
        beside = path.with_name(path.name + suffix)
        if beside.exists() and beside.stat().st_size:
            raise BelowTheLineError(
                f"{name} is in use: changes to it are still in {beside.name}.",
                f'Import a copy: sqlite3 {path.name} ".backup copy.db"',
            )


def _check_schema(connection: sqlite3.Connection, name: str, expected: Expected) -> None:
    for kind, called, sql in connection.execute("select type, name, sql from sqlite_master"):
        if kind == "trigger" and called in expected.triggers:
            continue
        if kind == "table" and str(sql).lower().startswith("create virtual"):
            kind = "virtual table"
        if kind in ("view", "virtual table", "trigger"):
            raise BelowTheLineError(
                f"{name} has the {kind} {called!r}, which {expected.maker} does not make.",
                f"If you know it: make a copy, and there drop {kind.split()[-1]} {called}.",
            )


def _check_tables(connection: sqlite3.Connection, name: str, expected: Expected) -> None:
    for table, needed in expected.columns.items():
        columns = connection.execute(f"pragma table_xinfo({table})").fetchall()
        missing = needed - {column[1] for column in columns}
        if missing:
            what = f"column {min(missing)!r} in its table" if columns else "table"
            raise BelowTheLineError(
                f"{name} has no {what} {table!r}, so {expected.maker} did not make it.",
                f"Name a database of {expected.maker}.",
            )
        for column in columns:
            if column[6] in _GENERATED:
                raise BelowTheLineError(
                    f"{name} computes the column {column[1]!r} of its table {table!r}, as"
                    f" {expected.maker} does not.",
                    f"Name a database of {expected.maker}.",
                )
        (found,) = connection.execute(f"pragma quick_check({table})").fetchone()
        if found != "ok":
            # The first line is only a heading.
            raise _damaged(name, found.splitlines()[-1])


def _damaged(name: str, how: str) -> BelowTheLineError:
    return BelowTheLineError(
        f"{name} is damaged: {how}.",
        "Copy it again, or restore what is left of it: sqlite3 FILE .recover",
    )


def _only_reading(
    tables: Mapping[str, Set[str]],
) -> Callable[[int, str | None, str | None, str | None, str | None], int]:
    def allowed(action: int, table: str | None, *_: str | None) -> int:
        if action == sqlite3.SQLITE_SELECT or (action == sqlite3.SQLITE_READ and table in tables):
            return sqlite3.SQLITE_OK
        return sqlite3.SQLITE_DENY

    return allowed


def _storable(stored: bytes) -> str:
    return stored.decode(errors="replace").replace("\0", "\ufffd")
