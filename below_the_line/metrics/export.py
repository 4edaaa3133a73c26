"""Metric tables and views as files: CSV, JSON lines, Parquet."""

import csv
import io
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any, Final, LiteralString

import orjson
import psycopg
from psycopg import sql as composed

from below_the_line.errors import BelowTheLineError
from below_the_line.files import open_private, writing
from below_the_line.metrics.definitions import TABLES, VIEWS, definitions
from below_the_line.spreadsheet_cells import protected
from below_the_line.unknown import unknown

_REVISIONS = "article_engagement_revisions"
EXPORTED: Final = (*TABLES, _REVISIONS, *VIEWS)
"""Tables and views that can be exported."""
_ORDERS: Final[dict[str, LiteralString]] = {
    "moderation_queue": "visible desc, urgency_key desc, article_id, comment_id",
    "trending_articles": "comments desc, article_id",
    "closing_soon": "closes_at, article_id",
    "discussion_thread": "article_id, path",
    "discussion_history": "article_id, effective_at, recorded_at",
}
"""Orders of those whose first three columns are not their key."""
FORMATS: Final = ("csv", "json", "parquet")
_ENDINGS: Final = {"csv": "csv", "json": "json", "jsonl": "json", "parquet": "parquet"}
"""Formats by the endings of files."""
_BATCH = 10_000


def export(
    connection: psycopg.Connection,
    table: str,
    form: str,
    target: Path | None,
    escape: Callable[[str], str] | None = None,
) -> int:
    """Write a whole table or view, in the order of its key, to a file, or to standard output.
    Returns the number of rows.

    ``table`` may be written with its schema. CSV has a header and empty fields for null, JSON is
    one object a line; times are in RFC 3339, UTC, lengths of time in seconds. In CSV, texts that a
    spreadsheet would compute are ``protected``. Only the owner may read the file. ``escape`` is
    applied to what people wrote, for a terminal. Raises
    BelowTheLineError for a table or format that does not exist, for parquet on a terminal, and
    where its extra is not installed.
    """
    schema, name = source(table)
    if form not in FORMATS:
        raise unknown("format", form, FORMATS)
    query = composed.SQL("select * from {} order by {}").format(
        composed.Identifier(schema, name), composed.SQL(_ORDERS.get(name, "1, 2, 3"))
    )
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        with connection.cursor("export") as cursor:
            cursor.itersize = _BATCH
            cursor.execute(query)
            # A named cursor says what its columns are only when something was fetched.
            rows = cursor.fetchmany(_BATCH)
            names = [column.name for column in cursor.description or ()]
            types = [column.type_code for column in cursor.description or ()]

            def batches() -> Iterator[list[tuple[Any, ...]]]:
                batch = rows
                while batch:
                    yield batch
                    batch = cursor.fetchmany(_BATCH)

            if form == "parquet":
                return _write_parquet(names, types, batches(), target)
            with _open(target) as file:
                write = _write_csv if form == "csv" else _write_json
                return write(names, batches(), file, escape or str)


def format_of(target: Path | None, form: str | None) -> str:
    """Return the format that is asked for: by name, or by the ending of the file; else CSV.

    A name counts before an ending. Raises BelowTheLineError for what is not a format's.
    """
    ending = "" if target is None else target.suffix.removeprefix(".").lower()
    implied = _ENDINGS.get(ending)
    if form is not None and form not in FORMATS:
        raise unknown("format", form, FORMATS)
    if form is None and ending and implied is None:
        raise BelowTheLineError(
            f"The ending of {target} is not that of a format.",
            f"Use one of {', '.join(f'.{each}' for each in _ENDINGS)}, or give --format.",
        )
    return form or implied or "csv"


def source(table: str) -> tuple[str, str]:
    """Return schema and name of a table or view, which may be named with or without its schema.
    Raises BelowTheLineError if it cannot be exported.
    """
    name = table.rpartition(".")[2]
    if name in EXPORTED:
        schema = "metrics" if name == _REVISIONS else definitions(name).schema
        if table in (name, f"{schema}.{name}"):
            return schema, name
    raise unknown("metric table or view", table, EXPORTED, max_listed=len(EXPORTED))


@contextmanager
def _open(target: Path | None) -> Iterator[IO[str]]:
    if target is None:
        yield sys.stdout
        sys.stdout.flush()
        return
    with (
        writing(target),
        io.TextIOWrapper(open_private(target), encoding="utf-8", newline="") as file,
    ):
        yield file


def _write_csv(
    names: Sequence[str],
    batches: Iterator[list[tuple[Any, ...]]],
    file: IO[str],
    escape: Callable[[str], str],
) -> int:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(names)
    count = 0
    for batch in batches:
        writer.writerows([_text(value, escape) for value in row] for row in batch)
        count += len(batch)
    return count


def _text(value: Any, escape: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return escape(protected(value))
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return escape(orjson.dumps(value).decode())
    return _plain(value)


def _plain(value: Any) -> Any:
    """Return a length of time in seconds, and any other value as it is."""
    return value.total_seconds() if isinstance(value, timedelta) else value


def _write_json(
    names: Sequence[str],
    batches: Iterator[list[tuple[Any, ...]]],
    file: IO[str],
    escape: Callable[[str], str],
) -> int:
    count = 0
    for batch in batches:
        for row in batch:
            document = dict(zip(names, map(_plain, row), strict=True))
            file.write(f"{escape(orjson.dumps(document, option=orjson.OPT_UTC_Z).decode())}\n")
        count += len(batch)
    return count


def _write_parquet(
    names: Sequence[str],
    types: Sequence[int],
    batches: Iterator[list[tuple[Any, ...]]],
    target: Path | None,
) -> int:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise BelowTheLineError(
            "Parquet needs pyarrow, which is not installed.",
            "Install the extra: pip install 'below-the-line[export]'.",
        ) from None
    if target is None and sys.stdout.isatty():
        raise BelowTheLineError("Parquet is not for a terminal.", "Name a file: --output FILE.")
    registry = psycopg.adapters.types
    arrow = {
        "text": pyarrow.string(),
        "int4": pyarrow.int32(),
        "int8": pyarrow.int64(),
        "float8": pyarrow.float64(),
        "timestamptz": pyarrow.timestamp("us", tz="UTC"),
        "date": pyarrow.date32(),
        "bool": pyarrow.bool_(),
        "interval": pyarrow.duration("us"),
    }

    def field(name: str, type_code: int) -> Any:
        kind = registry[type_code]
        of_one = arrow[kind.name]
        return pyarrow.field(name, pyarrow.list_(of_one) if type_code == kind.array_oid else of_one)

    schema = pyarrow.schema(
        [field(name, type_code) for name, type_code in zip(names, types, strict=True)]
    )
    count = 0
    with (
        nullcontext() if target is None else writing(target),
        nullcontext(sys.stdout.buffer) if target is None else open_private(target) as sink,
        parquet.ParquetWriter(sink, schema) as writer,
    ):
        for batch in batches:
            columns = list(zip(*batch, strict=True))
            arrays = [
                pyarrow.array(column, of.type) for column, of in zip(columns, schema, strict=True)
            ]
            writer.write_table(pyarrow.Table.from_arrays(arrays, schema=schema))
            count += len(batch)
    return count
