"""The files of an archive: their sums, and their rows, each one checked."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from below_the_line.errors import BelowTheLineError
from below_the_line.plurals import counted
from btl.archives.archived_rows import ArchivedRowReader, Row
from btl.archives.layout import ARCHIVED, ArchivedTable
from btl.archives.manifest import (
    ListedFile,
    base_name,
    read_manifest,
    require_manifest,
)
from btl.archives.parquet import require_pyarrow
from btl.archives.records import UnreadableRowError
from btl.archives.sources import ExportFile

MAX_LINE_BYTES: Final = 8 * 1024 * 1024
"""No row is longer: a comment has two texts, and each fits into one record."""
_BLOCK_BYTES = 1024 * 1024
_CHANGED_HINT = "Use the archive as it was exported, or export it again."
_NOT_OF_PYTHON = (ValueError, OverflowError, KeyError)
"""Of pyarrow: times outside of Python's years, texts that are not UTF-8, unknown time zones."""

Progress = Callable[[str, int, int], None]
"""Called with what is done (``check`` or ``restore``), the number of rows done, and their total."""


class PlacedRow(NamedTuple):
    """A row of an archive, and where it is."""

    place: str
    """In words, such as ``comments.jsonl.gz, line 7``."""
    row: Row
    size: int
    """About its bytes."""


class Archive:
    """The files of an archive, as its manifest lists them."""

    def __init__(self, files: Sequence[ExportFile], now: datetime) -> None:
        """``now`` stands for the time at which the events came. Raises BelowTheLineError for files
        that are not those of one archive.
        """
        manifest = require_manifest(files)
        self.manifest = read_manifest(manifest)
        self._now = now
        by_name: dict[str, ExportFile] = {}
        for file in files:
            if base_name(file) in by_name:
                raise BelowTheLineError(
                    f"There are two files {base_name(file)}.", "Name one archive at a time."
                )
            by_name[base_name(file)] = file
        self._files: dict[str, ExportFile] = {}
        for listed in self.manifest.files:
            if listed.name not in by_name:
                raise BelowTheLineError(
                    f"The archive has no file {listed.name}, which its manifest lists.",
                    _CHANGED_HINT,
                )
            self._files[listed.table] = by_name.pop(listed.name)
        del by_name[base_name(manifest)]
        if by_name:
            raise BelowTheLineError(
                f"{sorted(by_name)[0]} does not belong to the archive: its manifest does not list"
                " it.",
                "Move it away.",
            )

    def check(self, progress: Progress) -> None:
        """Check the sums of all files, then all rows. Raises BelowTheLineError."""
        try:
            self._check(progress)
        except BelowTheLineError as error:
            raise BelowTheLineError(
                error.message, f"Nothing was written. {error.hint}"
            ) from error.__cause__

    def _check(self, progress: Progress) -> None:
        for listed in self.manifest.files:
            _check_sum(self._files[listed.table], listed)
        total, done = sum(each.rows for each in self.manifest.files), 0
        for table in ARCHIVED:
            last: tuple[Any, ...] | None = None
            count = 0
            for count, (place, row, _) in enumerate(self.rows(table), 1):
                key = row[: table.key_width]
                if last is not None and key <= last:
                    raise _refused(place, "its key does not come after that of the row before it")
                last = key
                if count % 1_000 == 0:
                    progress("check", done + count, total)
            expected = self.manifest.rows_of(table.name)
            if count != expected:
                raise BelowTheLineError(
                    f"{self._files[table.name].name} has {counted(count, 'row')} instead of the"
                    f" {expected:,} of the manifest.",
                    _CHANGED_HINT,
                )
            done += count
            progress("check", done, total)

    def rows(self, table: ArchivedTable) -> Iterator[PlacedRow]:
        """Yield the rows of a table, each one checked. Raises BelowTheLineError."""
        file = self._files.get(table.name)
        if file is None:  # The table came after this archive.
            return
        read = _parquet if self.manifest.form == "parquet" else _lines
        yield from read(file, ArchivedRowReader(table, self._now))


def _check_sum(file: ExportFile, listed: ListedFile) -> None:
    found, size = hashlib.sha256(), 0
    with file.packed() as content:
        while block := content.read(_BLOCK_BYTES):
            found.update(block)
            size += len(block)
    if (size, found.hexdigest()) != (listed.bytes, listed.sha256):
        raise BelowTheLineError(
            f"{file.name} is not the file that was exported: its size or its SHA-256 is not that"
            " of the manifest.",
            _CHANGED_HINT,
        )


def _lines(file: ExportFile, reader: ArchivedRowReader) -> Iterator[PlacedRow]:
    with file.open() as content:
        number = 0
        while line := content.readline(MAX_LINE_BYTES + 1):
            number += 1
            place = f"{file.name}, line {number:,}"
            if len(line) > MAX_LINE_BYTES:
                raise _refused(place, "it is longer than a row can be")
            try:
                row = reader.from_json(line)
            except UnreadableRowError as error:
                raise _refused(place, str(error)) from None
            yield PlacedRow(place, row, len(line))


def _parquet(file: ExportFile, reader: ArchivedRowReader) -> Iterator[PlacedRow]:
    require_pyarrow(file.name)
    from pyarrow import ArrowException, parquet

    with file.on_disk() as path:
        number = 0
        try:
            with parquet.ParquetFile(path, pre_buffer=False) as opened:
                for batch in opened.iter_batches(batch_size=500, use_threads=False):
                    size = batch.nbytes // max(len(batch), 1)
                    for values in _values(batch, file.name, number):
                        number += 1
                        place = f"{file.name}, row {number:,}"
                        try:
                            row = reader.from_values(values)
                        except UnreadableRowError as error:
                            raise _refused(place, str(error)) from None
                        yield PlacedRow(place, row, size)
        except (ArrowException, OSError) as error:
            raise BelowTheLineError(
                f"{file.name} is not readable as Parquet: {error}.", _CHANGED_HINT
            ) from None


def _values(batch: Any, name: str, before: int) -> Iterator[dict[str, Any]]:
    """Yield the values of each row. ``before``: how many rows of the file came before them.

    Raises BelowTheLineError for a value that Python does not have.
    """
    try:
        yield from batch.to_pylist()
    except _NOT_OF_PYTHON:
        # pyarrow does not say which row it is.
        for at in range(len(batch)):
            try:
                yield from batch.slice(at, 1).to_pylist()
            except _NOT_OF_PYTHON as error:
                place = f"{name}, row {before + at + 1:,}"
                raise _refused(place, f"a value is not readable ({error})") from None


def _refused(place: str, reason: str) -> BelowTheLineError:
    return BelowTheLineError(f"{place}: {reason}.", _CHANGED_HINT)
