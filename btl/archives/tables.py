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
_LONGEST_CELL = 4_194_304


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
    csv.field_size_limit(_LONGEST_CELL)
    reader = csv.reader(text, delimiter=delimiter)
    line = 1
    while True:
        try:
            cells = next(reader, None)
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


def _check_columns(path: Path, columns: list[str]) -> None:
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise BelowTheLineError(f"{path} has the column {twice[0]!r} twice.", "Rename one of them.")
