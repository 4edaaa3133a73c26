"""Read tables of an export row by row: CSV, TSV, JSON lines and Parquet, in bounded memory."""

import csv
import io
import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, getincrementaldecoder
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from operator import itemgetter
from typing import IO, Any, NamedTuple

import orjson

from below_the_line.errors import BelowTheLineError
from btl.archives.columns import Columns
from btl.archives.parquet import require_pyarrow
from btl.archives.sources import Content, ExportFile

MAX_ROW_CHARACTERS = 4_194_304
"""A longer row is a fault of the whole file: no event may have a sixteenth of that."""

_PARQUET_MAGIC = b"PAR1"
_JSON_ARRAY = re.compile(rb"\[\s*[{\[\]]")
_MAX_DEPTH = 32
"""How deep members of JSON lines are looked for; an event is not deeper either."""
_SAMPLED_LINES = 1_000
_BATCH_ROWS = 4_096
_DECODED_BYTES = 65_536
_DELIMITERS = (",", "\t", ";", "|")
_NOT_CLOSED = "perhaps a quotation mark is not closed"


class Row(NamedTuple):
    """One row of a file."""

    number: int
    """Where it begins: the line (the header is line 1), or the row of a Parquet file."""
    cells: Sequence[str | None]
    """The cells of the columns that are used; None for null."""
    whole: Any
    """The row as it is in the file, for people."""
    fault: str | None = None
    """Why the row has no cells."""


class ListCell(str):
    """The cell of a list: its JSON, and its items."""

    items: list[str]

    def __new__(cls, items: Sequence[Any]) -> "ListCell":
        """``items`` are what JSON can hold."""
        cell = super().__new__(cls, orjson.dumps(items, default=str).decode())
        cell.items = [text for item in items if (text := _text(item)) is not None]
        return cell


@dataclass(frozen=True)
class Layout:
    """What has to be known of text files beforehand."""

    encoding: str = "utf-8"
    delimiter: str | None = None
    """None: what stands between the names of the header."""
    columns: Sequence[str] = ()
    """The names of the columns of CSV files without a header line."""


@dataclass(frozen=True)
class Table:
    """An open file whose columns are known."""

    columns: Columns
    rows: Callable[[], Iterator[Row]]
    """Yields the rows, with the columns that are used by then."""
    bytes_read: Callable[[], int]
    """The number of bytes that are read of the file as it is on disk."""
    unit: str = "line"
    """What ``Row.number`` counts."""
    sample: Sequence[str] = ()
    """Of JSON lines, the members that the first lines have."""


def looks_like_table(file: ExportFile) -> bool:
    """Return whether the file is Parquet, JSON lines, or text whose first line names columns."""
    head = file.head
    if head.startswith(_PARQUET_MAGIC):
        return True
    if marked_encoding(head) == "utf-16":
        head = head.decode("utf-16", "replace").encode()
    line = head.removeprefix(BOM_UTF8).lstrip().partition(b"\n")[0].strip()
    if line.startswith((b"{", b"[")):
        return line.startswith(b"{") and line.endswith(b"}")
    is_text = b"\0" not in line and not line.startswith((b"<", b"%", b"#"))
    return is_text and any(mark.encode() in line for mark in _DELIMITERS)


@contextmanager
def open_table(file: ExportFile, layout: Layout) -> Iterator[Table]:
    """Open a file of any of the kinds. Raises BelowTheLineError for a fault of the whole file."""
    head = file.head
    if head.startswith(_PARQUET_MAGIC):
        with _parquet(file) as table:
            yield table
        return
    with file.open() as content:
        first = head.removeprefix(BOM_UTF8).lstrip()
        if _JSON_ARRAY.match(first):
            raise BelowTheLineError(
                f"{file.name} is one JSON array, not JSON lines.",
                f"Write one object per line: jq -c '.[]' {file.path.name} > lines.jsonl",
            )
        if first.startswith(b"{"):
            yield _json_lines(file, content)
        else:
            yield _csv(file, content, layout)


def _csv(file: ExportFile, content: Content, layout: Layout) -> Table:
    encoding = marked_encoding(file.head) or layout.encoding
    text = io.TextIOWrapper(content, encoding=encoding, newline="")
    delimiter = layout.delimiter or _delimiter(file, encoding)
    rows = _csv_rows(file, text, encoding, delimiter)
    names = list(layout.columns)
    if not names:
        names = next(rows, _CsvRow(1, 1, [], is_strict=True)).cells
        if not any(names):
            raise BelowTheLineError(
                f"{file.name} is empty.", "Its first line must name the columns."
            )
    twice = [name for name, number in Counter(names).items() if number > 1]
    if twice:
        raise BelowTheLineError(
            f"{file.name} has the column {twice[0]!r} twice.", "Rename one of them."
        )
    columns = Columns(file.name, names)
    return Table(columns, lambda: _picked(rows, columns), lambda: content.bytes_read)


def _delimiter(file: ExportFile, encoding: str) -> str:
    name = file.member or file.path.name
    if name.lower().removesuffix(".gz").endswith((".tsv", ".tab")):
        return "\t"
    header = file.head.decode(encoding, "replace").partition("\n")[0]
    most = max(_DELIMITERS, key=header.count)
    return "," if "," in header or most not in header else most


class _CsvRow(NamedTuple):
    """A row of a CSV file: the lines where it begins and ends, and its cells."""

    first: int
    last: int
    cells: list[str]
    is_strict: bool
    """Whether nothing but a separator follows a quotation mark that closes."""


def _picked(rows: Iterator[_CsvRow], columns: Columns) -> Iterator[Row]:
    names = columns.names or ()
    expected = len(names)
    places = [names.index(name) for name in columns.used]
    pick: Callable[[list[str]], Sequence[str]]
    if len(places) == 1:
        only = places[0]
        pick = lambda cells: (cells[only],)  # noqa: E731
    else:
        pick = itemgetter(*places) if places else lambda _: ()
    for first, last, cells, is_strict in rows:
        if len(cells) != expected:
            fault = f"has {len(cells)} cells, but the header names {expected} columns"
            if last > first:
                fault += f"; it ends in line {last}: {_NOT_CLOSED}"
            yield Row(first, (), cells, fault)
        elif not is_strict:
            what = f"ends in line {last}, and has text after a quotation mark that closes"
            yield Row(first, (), cells, f"{what}: {_NOT_CLOSED}")
        else:
            yield Row(first, pick(cells), cells)


def _csv_rows(file: ExportFile, text: IO[str], encoding: str, delimiter: str) -> Iterator[_CsvRow]:
    csv.field_size_limit(MAX_ROW_CHARACTERS)
    lines = _Lines(text)
    reader = csv.reader(lines, delimiter=delimiter)
    line = 1
    while True:
        lines.begin_row()
        try:
            cells = next(reader, None)
        except _RowTooLongError:
            raise _too_long(
                file, line, "Perhaps a quotation mark is not closed there, or the file is not CSV."
            ) from None
        except _NotClosedError:
            last = _cells(lines.of_row, delimiter)[-1]
            begins = line + len(lines.of_row) - max(1, len(list(io.StringIO(last, newline=""))))
            raise BelowTheLineError(
                f"{file.name} ends inside of quotation marks that are opened in line {begins}.",
                'Close them there. A mark that belongs to the text is written twice: "".',
            ) from None
        except UnicodeDecodeError as error:
            raise _not_encoded(file, encoding, error) from None
        except csv.Error as error:
            raise BelowTheLineError(
                f"{file.name} is not valid CSV at line {line}: {error}.",
                "Perhaps a quotation mark is not closed there.",
            ) from None
        if cells is None:
            return
        if cells:
            is_strict = len(lines.of_row) == 1 or _is_strict(lines.of_row, delimiter)
            yield _CsvRow(line, reader.line_num, cells, is_strict)
        line = reader.line_num + 1


def _cells(lines: Sequence[str], delimiter: str, *, strict: bool = False) -> list[str]:
    return next(csv.reader(lines, delimiter=delimiter, strict=strict))


def _is_strict(lines: Sequence[str], delimiter: str) -> bool:
    """Return whether lines are a row of which no text follows a quotation mark that closes.

    If text does, the mark may open a cell of a later row, and the rows between are in this one.
    """
    try:
        _cells(lines, delimiter, strict=True)
    except csv.Error:
        return False
    return True


class _RowTooLongError(Exception):
    """A row that is longer than it may be; no more of it was read."""


class _NotClosedError(Exception):
    """A row that ends with the file, inside of quotation marks."""


class _Lines:
    """The lines of a file for the reader of CSV, which itself reads a line of any length."""

    def __init__(self, text: IO[str]) -> None:
        self._text = text
        self._left = 0
        self.of_row: list[str] = []
        """The lines of the row that is read."""

    def begin_row(self) -> None:
        """Allow another row its characters."""
        self._left = MAX_ROW_CHARACTERS
        self.of_row = []

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._text.readline(self._left + 1)
        self._left -= len(line)
        if self._left < 0:
            raise _RowTooLongError
        if line:
            self.of_row.append(line)
            return line
        # Only inside of quotation marks does a row need another line.
        raise _NotClosedError if self.of_row else StopIteration


def _json_lines(file: ExportFile, content: Content) -> Table:
    columns = Columns(file.name, None)
    return Table(
        columns,
        lambda: _json_rows(file, content, columns),
        lambda: content.bytes_read,
        sample=_members_of_first_lines(file),
    )


def _members_of_first_lines(file: ExportFile) -> list[str]:
    members: dict[str, None] = {}
    lines = file.head.removeprefix(BOM_UTF8).split(b"\n")
    for line in lines[:_SAMPLED_LINES]:
        try:
            document = orjson.loads(line)
        except orjson.JSONDecodeError:
            # The last one may be cut off; others are reported when they are read.
            continue
        if isinstance(document, dict):
            members.update(dict.fromkeys(_dotted_names(document)))
    return list(members)


def _dotted_names(document: dict[str, Any], before: str = "", depth: int = 1) -> Iterator[str]:
    for name, value in document.items():
        if isinstance(value, dict) and depth < _MAX_DEPTH:
            yield from _dotted_names(value, f"{before}{name}.", depth + 1)
        else:
            yield before + name


def _json_rows(file: ExportFile, content: Content, columns: Columns) -> Iterator[Row]:
    paths = [(name, name.split(".")) for name in columns.used]
    unseen = columns.unseen = set(columns.used)
    number = 0
    while line := content.readline(MAX_ROW_CHARACTERS + 1):
        number += 1
        if len(line) > MAX_ROW_CHARACTERS:
            raise _too_long(file, number, "Perhaps the file is not JSON lines.")
        if number == 1:
            line = line.removeprefix(BOM_UTF8)
        if line.isspace():
            continue
        try:
            document = orjson.loads(line)
            if not isinstance(document, dict):
                yield Row(number, (), line, "is not a JSON object")
                continue
            cells = [_text(_member(document, *path)) for path in paths]
        except orjson.JSONDecodeError as error:
            yield Row(number, (), line, f"is not JSON: {error.msg}, at character {error.pos}")
            continue
        except orjson.JSONEncodeError:
            yield Row(number, (), line, "has a member that is nested too deeply")
            continue
        if unseen:
            unseen -= {name for name, cell in zip(columns.used, cells, strict=True) if cell}
        yield Row(number, cells, line)


def _member(document: dict[str, Any], name: str, path: Sequence[str]) -> Any:
    if name in document or len(path) == 1:
        return document.get(name)
    value: Any = document
    for step in path:
        if not isinstance(value, dict):
            return None
        value = value.get(step)
    return value


def _text(value: Any) -> str | None:
    """Return a value as the text that a CSV file would have of it."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return None if value != value else repr(value)
    if isinstance(value, list):
        return ListCell(value)
    if isinstance(value, dict):
        return orjson.dumps(value, default=str).decode()
    return str(value)


@contextmanager
def _parquet(file: ExportFile) -> Iterator[Table]:
    require_pyarrow(file.name)
    import pyarrow as pa
    import pyarrow.parquet as pq

    with file.on_disk() as path:
        try:
            opened = pq.ParquetFile(path, buffer_size=1_048_576)
        except (pa.ArrowException, OSError) as error:
            raise _damaged_parquet(file, error) from None
        with opened:
            read = [0]
            columns = Columns(file.name, _leaves(opened.schema_arrow))

            def rows() -> Iterator[Row]:
                try:
                    yield from _parquet_rows(opened, columns, file.size, read)
                except (pa.ArrowException, OSError) as error:
                    raise _damaged_parquet(file, error) from None

            yield Table(columns, rows, lambda: read[0], unit="row")


def _leaves(fields: Any, before: str = "") -> list[str]:
    """Return the names of a schema's columns, those inside of structs with dots."""
    import pyarrow as pa

    names: list[str] = []
    for field in fields:
        name = f"{before}{field.name}"
        names += _leaves(field.type, f"{name}.") if pa.types.is_struct(field.type) else [name]
    return names


def _parquet_rows(opened: Any, columns: Columns, size: int, read: list[int]) -> Iterator[Row]:
    used = list(columns.used)
    total = max(opened.metadata.num_rows, 1)
    number = 0
    for batch in opened.iter_batches(_BATCH_ROWS, columns=used):
        faults: dict[int, str] = {}
        cells = [_parquet_cells(batch, name, faults) for name in used]
        for place, row in enumerate(zip(*cells, strict=True) if cells else ()):
            number += 1
            yield Row(number, row, dict(zip(used, row, strict=True)), faults.get(place))
        read[0] = size * number // total


def _parquet_cells(batch: Any, name: str, faults: dict[int, str]) -> list[str | None]:
    """Return a column's cells, and add to ``faults`` the rows whose own cannot be read."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = batch
    path = [name] if name in batch.schema.names else name.split(".")
    for step in path:
        column = column.column(step) if column is batch else pc.struct_field(column, step)
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
        # Python's times end at microseconds.
        column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
    try:
        values = column.to_pylist()
    except OverflowError:
        values = [_python_value(value) for value in column]
        for place, value in enumerate(values):
            if isinstance(value, _OutOfYears):
                faults[place] = f"has a time in {name!r} that is not within the years 1 to 9999"
    return [_parquet_text(value) for value in values]


class _OutOfYears(str):
    """A time that Python's do not reach, as text for people."""


def _python_value(value: Any) -> Any:
    try:
        return value.as_py()
    except OverflowError:
        # A list has no number of its own.
        return _OutOfYears(f"{getattr(value, 'value', 'one')} ({value.type})")


def _parquet_text(value: Any) -> str | None:
    isoformat = getattr(value, "isoformat", None)
    if isoformat is not None:
        return str(isoformat())
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return _text(value)


def _damaged_parquet(file: ExportFile, error: Exception) -> BelowTheLineError:
    reason = str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
    return BelowTheLineError(
        f"{file.name} is not a Parquet file that can be read: {reason}.", "Download it again."
    )


def marked_encoding(head: bytes) -> str | None:
    """Return the encoding that a byte order mark at the beginning of a file says, if it has one.

    The mark is not part of the first column's name.
    """
    if head.startswith(BOM_UTF8):
        return "utf-8-sig"
    return "utf-16" if head.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else None


def _too_long(file: ExportFile, line: int, hint: str) -> BelowTheLineError:
    return BelowTheLineError(
        f"{file.name} has a row of more than {MAX_ROW_CHARACTERS:,} characters, which begins at"
        f" line {line}.",
        hint,
    )


def _not_encoded(file: ExportFile, encoding: str, error: UnicodeDecodeError) -> BelowTheLineError:
    return BelowTheLineError(
        f"{file.name} is not {encoding}: {error.reason}, in line {_broken_line(file, encoding)}.",
        f"Say in the mapping's table of the file what it is, for example encoding ="
        f' "{"utf-8" if encoding == "cp1252" else "cp1252"}".',
    )


def _broken_line(file: ExportFile, encoding: str) -> int:
    """Return the line of the first byte that is not of the encoding.

    What reads lines decodes many of them at once, and does not say which one it was.
    """
    decoder = getincrementaldecoder(encoding)()
    feeds = returns = 0
    is_whole = True
    with file.open() as content:
        while is_whole:
            chunk = content.read(_DECODED_BYTES)
            try:
                text = decoder.decode(chunk, final=not chunk)
                is_whole = bool(chunk)
            except UnicodeDecodeError as error:
                text = error.object[: error.start].decode(error.encoding, "replace")
                is_whole = False
            feeds += text.count("\n")
            returns += text.count("\r")
    return 1 + (feeds or returns)
