"""Read CSV files of an export, plain or gzipped, row by row with line numbers."""

import csv
import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple

from below_the_line.errors import BelowTheLineError

_GZIP_MAGIC = b"\x1f\x8b"
MAX_ROW_CHARACTERS = 4_194_304
"""A longer row is a fault of the whole file: no event may have a sixteenth of that."""


class Row(NamedTuple):
    """One row of the file."""

    line: int
    """Line of the file at which the row begins; the header is line 1."""
    cells: list[str]


@dataclass
class Table:
    """An open file whose header has been read."""

    path: Path
    columns: list[str]
    rows: Iterator[Row]
    bytes_read: Callable[[], int]
    """Number of bytes read of the file as it is on disk."""


@contextmanager
def open_table(path: Path, encoding: str = "utf-8", delimiter: str = ",") -> Iterator[Table]:
    """Open a CSV file, gzipped or not. Raises BelowTheLineError for a fault of the whole file."""
    raw: IO[bytes]
    try:
        raw = path.open("rb")
    except OSError as error:
        raise BelowTheLineError(
            f"{path} cannot be read: {error.strerror}.", "Name a CSV file, gzipped or not."
        ) from None
    with raw:
        magic = raw.read(2)
        raw.seek(0)
        if path.suffix == ".gz" and magic != _GZIP_MAGIC:
            raise BelowTheLineError(
                f"{path} is not gzipped, although its name ends in .gz.",
                "Gzip it, or remove .gz from its name.",
            )
        unpacked = gzip.GzipFile(fileobj=raw) if magic == _GZIP_MAGIC else raw
        # A byte order mark at the beginning is not part of the first column's name.
        codec = "utf-8-sig" if encoding.lower().replace("_", "-") in ("utf-8", "utf8") else encoding
        with io.TextIOWrapper(
            io.BufferedReader(unpacked, 262_144), encoding=codec, newline=""
        ) as text:
            rows = _rows(path, text, encoding, delimiter)
            header = next(rows, None)
            if header is None or not any(header.cells):
                raise BelowTheLineError(
                    f"{path} is empty.", "Its first line must name the columns."
                )
            _check_columns(path, header.cells)
            yield Table(path, header.cells, rows, raw.tell)


def _rows(path: Path, text: IO[str], encoding: str, delimiter: str) -> Iterator[Row]:
    csv.field_size_limit(MAX_ROW_CHARACTERS)
    lines = _Lines(text)
    reader = csv.reader(lines, delimiter=delimiter)
    line = 1
    while True:
        lines.begin_row()
        try:
            cells = next(reader, None)
        except _RowTooLongError:
            raise BelowTheLineError(
                f"{path} has a row of more than {MAX_ROW_CHARACTERS:,} characters, which begins at"
                f" line {line}.",
                "Perhaps a quotation mark is not closed there, or the file is not CSV.",
            ) from None
        except UnicodeDecodeError as error:
            raise BelowTheLineError(
                f"{path} is not {encoding}: {error.reason}, after line {reader.line_num}.",
                'Say in the mapping what it is, for example encoding = "cp1252".',
            ) from None
        except (EOFError, zlib.error, gzip.BadGzipFile):
            raise BelowTheLineError(
                f"{path} ends too early or is damaged, after line {reader.line_num}.",
                "Download the file again.",
            ) from None
        except csv.Error as error:
            raise BelowTheLineError(
                f"{path} is not valid CSV at line {line}: {error}.",
                "Perhaps a quotation mark is not closed there.",
            ) from None
        if cells is None:
            return
        if cells:
            yield Row(line, cells)
        line = reader.line_num + 1


class _RowTooLongError(Exception):
    """A row that is longer than it may be; no more of it was read."""


class _Lines:
    """The lines of a file for the reader of CSV, which itself reads a line of any length."""

    def __init__(self, text: IO[str]) -> None:
        self._text = text
        self._left = 0

    def begin_row(self) -> None:
        """Allow another row its characters."""
        self._left = MAX_ROW_CHARACTERS

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._text.readline(self._left + 1)
        self._left -= len(line)
        if self._left < 0:
            raise _RowTooLongError
        if not line:
            raise StopIteration
        return line


def _check_columns(path: Path, columns: list[str]) -> None:
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise BelowTheLineError(f"{path} has the column {twice[0]!r} twice.", "Rename one of them.")
