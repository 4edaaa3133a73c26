"""The search for what is left of a person: in a database, in files, in the records of topics.

It knows no list of places. Tables and columns come from the catalogue, files from the folder, so
that what is added later is searched, too. What could not be searched is named: that nothing was
found says something only about what was read.
"""

import bz2
import gzip
import lzma
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import IO, Any, NamedTuple

import psycopg
from psycopg import sql as composed

from below_the_line.contracts.events import Record
from below_the_line.erasing.search_terms import Term, matching
from below_the_line.plurals import counted
from below_the_line.resources import sql

Progress = Callable[[str], None]
"""Called with what is searched next."""

_CHUNK_BYTES = 4 * 1024 * 1024
_MAX_PLACES = 3
"""Lines of a file, and records of a partition, that are named; the others are counted."""
_COMPRESSED: Mapping[str, Any] = {".gz": gzip, ".bz2": bz2, ".xz": lzma}
"""The modules that open compressed files, by the ends of their names."""
_NOT_READABLE = {".parquet", ".zst", ".7z", ".rar", ".lz4", ".dump"}
"""Ends of the names of files that hold their texts compressed, in a form that is not read here."""


class Remains(NamedTuple):
    """A place in which something is left."""

    where: str
    """``schema.table.column``, ``file:line``, or ``topic-partition@offset``."""
    what: str
    """The names of the terms that were found, separated by commas."""
    rows: int
    """How many rows, lines or records."""
    until: datetime | None = None
    """Of a topic: when Kafka may delete the last of them at the earliest; None: not known, or for
    ever.
    """
    note: str = ""


class NotSearched(NamedTuple):
    """A place that was not searched."""

    where: str
    why: str


@dataclass(slots=True)
class Verification:
    """What a search found, and what it read."""

    remains: list[Remains] = field(default_factory=list)
    not_searched: list[NotSearched] = field(default_factory=list)
    searched: dict[str, int] = field(default_factory=dict)
    """How many of each were read: tables, columns, files, bytes, records."""

    @property
    def found_nothing(self) -> bool:
        """Whether nothing is left in any place, and every place was searched."""
        return not self.remains and not self.not_searched

    def count(self, what: str, number: int = 1) -> None:
        """Add to the number of what was read."""
        self.searched[what] = self.searched.get(what, 0) + number


class _Values:
    """The values of a statement, apart from it: the log of Postgres has statements that take
    long, and must not have what is looked for.
    """

    def __init__(self) -> None:
        self._names: dict[str | bytes, str] = {}

    def __call__(self, value: str | bytes) -> composed.Composable:
        """Return what stands for a value in the statement."""
        return composed.Placeholder(self._names.setdefault(value, f"v{len(self._names)}"))

    @property
    def by_name(self) -> dict[str, str | bytes]:
        """The values to execute the statement with."""
        return {name: value for value, name in self._names.items()}


class _Column(NamedTuple):
    schema: str
    table: str
    name: str
    kind: str
    is_array: bool
    may_be_read: bool
    is_foreign: bool


def search_database(
    connection: psycopg.Connection,
    terms: Sequence[Term],
    found: Verification,
    *,
    database: str = "",
    progress: Progress = lambda _: None,
) -> None:
    """Search every table of a database, and what its statistics keep of them.

    ``database``: a name to put before each place. Needs an idle connection in autocommit. One
    statement reads one table, so that no snapshot lives long.
    """
    before = f"{database}: " if database else ""
    columns = [_Column(*row) for row in connection.execute(sql("erasing/searched_columns.sql"))]
    for (schema, table), group in groupby(columns, lambda each: each[:2]):
        of_table = list(group)
        progress(f"{before}{schema}.{table}")
        if of_table[0].is_foreign:
            found.not_searched.append(
                NotSearched(f"{before}{schema}.{table}", "its rows are in another system")
            )
            continue
        for each in of_table:
            if not each.may_be_read:
                found.not_searched.append(
                    NotSearched(
                        f"{before}{schema}.{table}.{each.name}",
                        f"{connection.info.user} may not read all of it",
                    )
                )
        readable = [each for each in of_table if each.may_be_read]
        try:
            rows = _rows_with_texts(connection, terms, readable)
            rows += _rows_with_bytes(connection, terms, readable)
        except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn):
            continue  # it was dropped meanwhile
        except psycopg.Error as error:
            found.not_searched.append(
                NotSearched(
                    f"{before}{schema}.{table}",
                    " ".join((error.diag.message_primary or str(error)).split()),
                )
            )
            continue
        found.count("tables")
        found.count("columns", len(readable))
        found.remains += [
            Remains(f"{before}{schema}.{table}.{name}", what, count) for name, what, count in rows
        ]
    _search_statistics(connection, terms, found, before)


def _rows_with_texts(
    connection: psycopg.Connection, terms: Sequence[Term], columns: Sequence[_Column]
) -> list[tuple[str, str, int]]:
    """Return the columns of texts with a term, the term, and the number of rows."""
    asked = [(each, term) for each in columns if each.kind != "bytes" for term in terms]
    if not asked:
        return []
    values = _Values()
    statement = composed.SQL("select {} from only {}").format(
        composed.SQL(", ").join(
            composed.SQL("count(*) filter (where {})").format(_has(each, term, values))
            for each, term in asked
        ),
        composed.Identifier(columns[0].schema, columns[0].table),
    )
    counts = connection.execute(statement, values.by_name).fetchone() or ()
    return [
        (each.name, term.name, count)
        for (each, term), count in zip(asked, counts, strict=True)
        if count
    ]


def _has(column: _Column, term: Term, values: _Values) -> composed.Composable:
    """Return a condition: whether the term is the text of a column, or stands in it."""
    name = composed.Identifier(column.name)
    if column.is_array:
        return composed.SQL("exists (select from unnest({}) as part (value) where {})").format(
            name, _is_in(composed.SQL("part.value::text"), term, values)
        )
    if column.kind == "json":
        return composed.SQL(
            "exists (select from (select value #>> '{{}}' from"
            " jsonb_path_query({}::jsonb, 'lax $.**') as value"
            " where jsonb_typeof(value) in ('string', 'number') union all"
            " select value #>> '{{}}' from jsonb_path_query({}::jsonb,"
            " 'lax $.** ? (@.type() == \"object\").keyvalue().key') as value)"
            " as part (value) where {})"
        ).format(name, name, _is_in(composed.SQL("part.value"), term, values))
    return _is_in(composed.SQL("{}::text").format(name), term, values)


def _is_in(text: composed.Composable, term: Term, values: _Values) -> composed.Composable:
    whole = composed.SQL("{} = {}").format(text, values(term.text))
    if not term.within:
        return whole
    stands = composed.SQL(" or ").join(
        composed.SQL("strpos({}, {}) > 0").format(text, values(form)) for form in term.forms
    )
    if not term.is_id:
        return composed.SQL("({})").format(stands)
    # The comparison of texts is quick: the regular expression is asked of few rows.
    return composed.SQL("({} or (({}) and {} ~ {}))").format(
        whole, stands, text, values(term.pattern)
    )


def _rows_with_bytes(
    connection: psycopg.Connection, terms: Sequence[Term], columns: Sequence[_Column]
) -> list[tuple[str, str, int]]:
    """Return the columns of bytes with a term, the term, and the number of rows."""
    rows: list[tuple[str, str, int]] = []
    for each in (each for each in columns if each.kind == "bytes"):
        counts: dict[str, int] = {}
        for value in _candidates(connection, terms, each):
            values = value if each.is_array else [value]
            names = {name for part in values if part for name in matching(terms, part)}
            for name in names:
                counts[name] = counts.get(name, 0) + 1
        rows += [(each.name, name, count) for name, count in sorted(counts.items())]
    return rows


def _candidates(
    connection: psycopg.Connection, terms: Sequence[Term], column: _Column
) -> Iterator[Any]:
    """Yield the values in which a term may stand: as it is, or written in another way."""
    name = composed.Identifier(column.name)
    pieces = [form.encode() for term in terms for form in term.forms]
    pieces += [b"\\u", b"\\/", b"data_base64"]
    part = composed.SQL("part.value") if column.is_array else name
    values = _Values()
    condition = composed.SQL(" or ").join(
        composed.SQL("position({} in {}) > 0").format(values(piece), part)
        for piece in dict.fromkeys(pieces)
    )
    if column.is_array:
        condition = composed.SQL("exists (select from unnest({}) as part (value) where {})").format(
            name, condition
        )
    statement = composed.SQL("select {} from only {} where {}").format(
        name, composed.Identifier(column.schema, column.table), condition
    )
    with connection.transaction(), connection.cursor(name="remains") as cursor:
        cursor.itersize = 100
        cursor.execute(statement, values.by_name)
        for (value,) in cursor:
            yield value


def _search_statistics(
    connection: psycopg.Connection, terms: Sequence[Term], found: Verification, before: str
) -> None:
    """Search what the planner keeps of the values of columns, until the next ANALYZE."""
    rows = connection.execute(sql("erasing/kept_statistics.sql"))
    for schema, table, column, values in rows:
        what = [term.name for term in terms if any(map(term.is_in, values))]
        if what:
            found.remains.append(
                Remains(
                    f"{before}pg_stats of {schema}.{table}.{column}",
                    ", ".join(what),
                    1,
                    note=f"ANALYZE {schema}.{table} replaces it",
                )
            )


def search_files(
    folder: Path,
    terms: Sequence[Term],
    found: Verification,
    *,
    left_out: Mapping[Path, str],
    progress: Progress = lambda _: None,
) -> None:
    """Search every file below a folder. Symbolic links are not followed.

    Files that are compressed are read as what they hold. ``left_out``: folders that are skipped,
    each with where their contents are searched instead.
    """
    for path in _files(folder, left_out, found):
        name = str(path.relative_to(folder))
        progress(name)
        try:
            for part, size, lines in _searched(path, terms, name, found):
                found.count("bytes", size)
                for what, numbers in lines.items():
                    found.remains += _lines(part, what, numbers)
        except FileNotFoundError:
            continue
        except (OSError, EOFError, zipfile.BadZipFile, lzma.LZMAError) as error:
            found.not_searched.append(
                NotSearched(name, getattr(error, "strerror", None) or str(error))
            )
            continue
        found.count("files")


def _files(folder: Path, left_out: Mapping[Path, str], found: Verification) -> Iterator[Path]:
    waiting = [folder]
    while waiting:
        try:
            entries = sorted(waiting.pop().iterdir())
        except FileNotFoundError:
            continue
        except OSError as error:
            where = Path(error.filename).relative_to(folder)
            found.not_searched.append(NotSearched(f"{where}/", str(error.strerror)))
            continue
        for each in entries:
            if each in left_out or each.is_symlink():
                continue
            if each.is_dir():
                waiting.append(each)
            elif each.is_file():
                yield each


def _searched(
    path: Path, terms: Sequence[Term], name: str, found: Verification
) -> Iterator[tuple[str, int, dict[str, list[int]]]]:
    """Yield a file, or the members of an archive: name, bytes, and lines by term."""
    ending = path.suffix.lower()
    if ending in _NOT_READABLE:
        found.not_searched.append(NotSearched(name, f"files in {ending} are not read"))
    elif ending == ".zip":
        with zipfile.ZipFile(path) as archive:
            for member in archive.namelist():
                with archive.open(member) as opened:
                    yield f"{name}!{member}", *_search_stream(opened, terms)
    else:
        module = _COMPRESSED.get(ending)
        with path.open("rb") if module is None else module.open(path) as opened:
            yield name, *_search_stream(opened, terms)


def _search_stream(stream: IO[bytes], terms: Sequence[Term]) -> tuple[int, dict[str, list[int]]]:
    """Return the number of bytes, and the numbers of the lines with each term."""
    within = [term for term in terms if term.within]
    longest = max((len(form.encode()) for term in within for form in term.forms), default=0) + 1
    lines: dict[str, list[int]] = {}
    size, line = 0, 1
    kept = b""
    while chunk := stream.read(_CHUNK_BYTES):
        size += len(chunk)
        text = kept + chunk
        # A match that may continue in the next piece is left to it.
        border = len(text) if len(chunk) < _CHUNK_BYTES else len(text) - longest
        for term in within:
            number, at = line, 0
            # The first byte was searched with the piece before; it says what a match comes after.
            for match in term.bytes_pattern.finditer(text, 1 if kept else 0):
                if match.start() >= border:
                    break
                number += text.count(b"\n", at, match.start())
                at = match.start()
                numbers = lines.setdefault(term.name, [])
                if not numbers or numbers[-1] != number:
                    numbers.append(number)
        line += text.count(b"\n", 0, border - 1)
        kept = text[border - 1 :]
    return size, lines


def _lines(name: str, what: str, numbers: Sequence[int]) -> Iterator[Remains]:
    for number in numbers[:_MAX_PLACES]:
        yield Remains(f"{name}:{number}", what, 1)
    if len(numbers) > _MAX_PLACES:
        yield Remains(name, what, len(numbers) - _MAX_PLACES, note="in further lines")


def search_records(
    records: Iterable[Record],
    terms: Sequence[Term],
    found: Verification,
    *,
    retention: Callable[[str], timedelta | None],
) -> None:
    """Search the keys, values and headers of records.

    ``retention``: how long a topic keeps its records; None: for ever.
    """
    named: dict[tuple[str, int, str], list[Record]] = {}
    totals: dict[tuple[str, int, str], int] = {}
    latest: dict[tuple[str, int, str], int] = {}
    for record in records:
        found.count("records")
        parts = [record.key or b"", record.value or b""]
        for name, value in record.headers:
            parts += [name.encode("utf-8", "surrogateescape"), value or b""]
        what = ", ".join(dict.fromkeys(name for part in parts for name in matching(terms, part)))
        if not what:
            continue
        place = (record.topic, record.partition, what)
        totals[place] = totals.get(place, 0) + 1
        latest[place] = max(record.timestamp, latest.get(place, record.timestamp))
        kept = named.setdefault(place, [])
        if len(kept) < _MAX_PLACES:
            kept.append(record._replace(value=None, headers=()))
    for place in sorted(named):
        topic, partition, what = place
        keeps = retention(topic)
        note = "Kafka keeps it for ever" if keeps is None else ""
        for record in named[place]:
            found.remains.append(
                Remains(
                    f"{topic}-{partition}@{record.offset}",
                    what,
                    1,
                    _until(record.timestamp, keeps),
                    note,
                )
            )
        rest = totals[place] - len(named[place])
        if rest:
            until = _until(latest[place], keeps)
            found.remains.append(Remains(f"{topic}-{partition}", what, rest, until, note))


def _until(timestamp: int, keeps: timedelta | None) -> datetime | None:
    """Return when a record may be deleted at the earliest, by its timestamp in milliseconds."""
    return None if keeps is None else datetime.fromtimestamp(timestamp / 1_000, UTC) + keeps


def limits(terms: Sequence[Term]) -> list[NotSearched]:
    """Return what cannot be searched for these terms, wherever it is."""
    with suppress(StopIteration):
        short = next(term for term in terms if not term.within)
        return [
            NotSearched(
                "within texts and files",
                f"{short.name} has only {counted(len(short.text), 'character')}: it was looked for"
                " where it is the whole of a value",
            )
        ]
    return []
