"""Restoration: puts an archive back into Postgres, with the versions that its rows had there.

Versions have digests of whole events, of which tables keep only parts. So they cannot be made from
events again, and an archive does not go through the topics (docs/adr). Its rows are staged and
merged as those of consumers are (``RestoreStore``): what is there already, or is newer, stays.

First everything is checked: the sums of all files, then all rows. Nothing is written before.
"""

import gzip
import hashlib
import io
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import IO, Any, Final, NamedTuple

import psycopg

from below_the_line.closing.rules import duration, in_words
from below_the_line.contracts.times import instant
from below_the_line.database.channels import MARKED_ARTICLES_CHANNEL
from below_the_line.errors import BelowTheLineError
from below_the_line.plurals import counted
from below_the_line.resources import sql
from btl.archives.archived_rows import Row, RowReader
from btl.archives.exporter import site_timezone
from btl.archives.layout import ARCHIVED, RULES, ArchivedTable
from btl.archives.manifest import (
    ListedFile,
    Manifest,
    base_name,
    find_manifest,
    read_manifest,
)
from btl.archives.records import UnreadableRowError
from btl.archives.sources import ExportFile
from consumers.adapters.postgres import StoreError
from consumers.adapters.restore import ORDER, RestoreStore
from consumers.core.failures import Failure, backoff_seconds, is_contention

MAX_LINE_BYTES: Final = 8 * 1024 * 1024
"""No row is longer: a comment has two texts, and each fits into one record."""
BATCH_ROWS: Final = 5_000
BATCH_BYTES: Final = 8 * 1024 * 1024
"""What one transaction writes: up to this many rows, and about this many bytes of them."""
_TRIES_AGAINST_OTHERS = 8
_BLOCK_BYTES = 1024 * 1024
_GZIP_MAGIC = b"\x1f\x8b"
_ALL_TIMES = datetime(2100, 1, 1, tzinfo=UTC)
_CHANGED_HINT = "Use the archive as it was exported, or export it again."

Progress = Callable[[str, int, int], None]
"""Called with what is done (``check`` or ``restore``), the number of rows done, and their total."""


@dataclass
class Restored:
    """What a restoration did."""

    manifest: Manifest
    rows: dict[str, int] = field(default_factory=dict)
    """By table, the rows of the archive."""
    changed: dict[str, int] = field(default_factory=dict)
    """By table, how many of them changed something; the others, or newer ones, were there."""
    rules_added: int = 0
    notes: list[str] = field(default_factory=list)
    """In sentences, what is different here from where the archive comes from."""

    def as_dict(self) -> dict[str, Any]:
        """Return it for ``--json``."""
        return {
            "site": self.manifest.site,
            "as_of": self.manifest.as_of,
            "rows": self.rows,
            "changed": self.changed,
            "rules_added": self.rules_added,
            "notes": self.notes,
        }


class _PlacedRow(NamedTuple):
    place: str
    """In words, such as ``comments.jsonl.gz, line 7``."""
    row: Row
    size: int
    """About its bytes."""


def restore(
    files: Sequence[ExportFile],
    connection: psycopg.Connection | None,
    url: str | None,
    *,
    progress: Progress = lambda *_: None,
    now: datetime | None = None,
) -> Restored:
    """Check the archive that these files are, then write it into the database.

    ``connection``, idle and in autocommit, and ``url`` are of the same database; both None: only
    check. Each transaction has at most BATCH_ROWS rows of one table. May be repeated, interrupted
    and repeated, and run beside consumers. Raises BelowTheLineError: before anything is written for
    a file that is missing, changed or damaged, and for a row that is wrong; later for a failure of
    the database.
    """
    archive = Archive(files, now or datetime.now(UTC))
    archive.check(progress)
    restored = Restored(archive.manifest)
    restored.rows = {each.table: each.rows for each in archive.manifest.files}
    if connection is None or url is None:
        return restored
    _restore_rules(connection, archive, restored)
    _compare_time_zones(connection, archive.manifest, restored)
    with closing(RestoreStore(url)) as store:
        total, done = sum(restored.rows.values()), 0
        for described in ORDER:
            (table,) = (each for each in ARCHIVED if each.described is described)
            restored.changed[table.name] = 0
            for batch in _batches(archive.rows(table)):
                restored.changed[table.name] += _merged(store, table, batch)
                done += len(batch)
                progress("restore", done, total)
    if any(restored.changed.values()):
        connection.execute(f"notify {MARKED_ARTICLES_CHANNEL}".encode())
    return restored


class Archive:
    """The files of an archive, as its manifest lists them."""

    def __init__(self, files: Sequence[ExportFile], now: datetime) -> None:
        """``now`` stands for the time at which the events came. Raises BelowTheLineError for files
        that are not those of one archive.
        """
        manifest = find_manifest(files)
        if manifest is None:
            raise BelowTheLineError(
                "There is no manifest.json of an archive.",
                "Name the folder that `btl archive export` wrote, or a zip of it. A folder without"
                " a manifest is of an export that did not end: export again.",
            )
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
            expected = self.manifest.file_of(table.name).rows
            if count != expected:
                raise BelowTheLineError(
                    f"{self._files[table.name].name} has {counted(count, 'row')} instead of the"
                    f" {expected:,} of the manifest.",
                    _CHANGED_HINT,
                )
            done += count
            progress("check", done, total)

    def rows(self, table: ArchivedTable) -> Iterator[_PlacedRow]:
        """Yield the rows of a table, each one checked. Raises BelowTheLineError."""
        file = self._files[table.name]
        read = _parquet if self.manifest.form == "parquet" else _lines
        yield from read(file, RowReader(table, self._now))


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


def _lines(file: ExportFile, reader: RowReader) -> Iterator[_PlacedRow]:
    with _unpacked(file) as content:
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
            yield _PlacedRow(place, row, len(line))


@contextmanager
def _unpacked(file: ExportFile) -> Iterator[IO[bytes]]:
    with file.open() as content:
        if content.peek(2)[:2] != _GZIP_MAGIC:
            yield content
            return
        # A member of a zip file, which is gzipped itself.
        with io.BufferedReader(gzip.GzipFile(fileobj=content), _BLOCK_BYTES) as inner:
            try:
                yield inner
            except (EOFError, gzip.BadGzipFile):
                raise BelowTheLineError(f"{file.name} is damaged.", _CHANGED_HINT) from None


def _parquet(file: ExportFile, reader: RowReader) -> Iterator[_PlacedRow]:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        raise BelowTheLineError(
            "Parquet needs pyarrow, which is not installed.",
            "Install the extra: pip install 'below-the-line[export]'.",
        ) from None
    with file.on_disk() as path:
        number = 0
        try:
            with parquet.ParquetFile(path, pre_buffer=False) as opened:
                for batch in opened.iter_batches(batch_size=500, use_threads=False):
                    size = batch.nbytes // max(len(batch), 1)
                    for values in batch.to_pylist():
                        number += 1
                        place = f"{file.name}, row {number:,}"
                        try:
                            row = reader.from_values(values)
                        except UnreadableRowError as error:
                            raise _refused(place, str(error)) from None
                        yield _PlacedRow(place, row, size)
        except (ArrowException, OSError) as error:
            raise BelowTheLineError(
                f"{file.name} is not readable as Parquet: {error}.", _CHANGED_HINT
            ) from None


def _refused(place: str, reason: str) -> BelowTheLineError:
    return BelowTheLineError(f"{place}: {reason}.", _CHANGED_HINT)


def _batches(rows: Iterable[_PlacedRow]) -> Iterator[list[Row]]:
    batch: list[Row] = []
    size = 0
    for _, row, row_size in rows:
        batch.append(row)
        size += row_size
        if len(batch) >= BATCH_ROWS or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _merged(store: RestoreStore, table: ArchivedTable, batch: Sequence[Row]) -> int:
    """Merge a batch, again where other transactions were in the way. Raises BelowTheLineError."""
    assert table.described is not None  # noqa: S101 - for the type checker
    attempt = 1
    while True:
        try:
            return store.merge(table.described, batch)
        except StoreError as error:
            if attempt >= _TRIES_AGAINST_OTHERS or not is_contention(error.cause.diag.sqlstate):
                raise _translated(error, table) from error
        time.sleep(backoff_seconds(attempt, random.random()))  # noqa: S311
        attempt += 1


def _translated(error: StoreError, table: ArchivedTable) -> BelowTheLineError:
    done = "What was restored before stays"
    if error.failure in (Failure.FAULT, Failure.CANCELED):
        return BelowTheLineError(
            f"The database failed: {error.reason}.",
            f"{done}. Run the same command again when it is back: it changes what is missing.",
        )
    if isinstance(error.cause, psycopg.errors.InsufficientPrivilege):
        return _may_not_restore(error.reason)
    return BelowTheLineError(
        f"The database rejected rows of {table.name}: {error.reason}.",
        f"{done}. Run `btl migrate`, and report this if it stays.",
    )


def _may_not_restore(reason: str) -> BelowTheLineError:
    return BelowTheLineError(
        f"This login may not restore an archive: {reason}.",
        "It needs the role btl_ingest. BTL_DATABASE_URL says which login is used.",
    )


# Closing rules


def _restore_rules(connection: psycopg.Connection, archive: Archive, restored: Restored) -> None:
    """Add the archive's closing rules under their numbers, if all rules that are here are among
    them. Otherwise those that are here stay as they are, and the difference is noted.
    """
    wanted = {row[0]: row for _, row, _ in archive.rows(RULES)}
    restored.changed[RULES.name] = 0
    try:
        row = connection.execute(sql("archives/may_add_rules.sql")).fetchone()
    except psycopg.errors.InsufficientPrivilege as error:
        raise _may_not_restore(str(error.diag.message_primary)) from error
    (may_add,) = row or (False,)
    if not may_add:
        if len(wanted) > 1:
            restored.notes.append(
                f"This login may not add closing rules: the {len(wanted)} of the archive were not"
                " restored, and discussions close by the rules that are here. Run it again with a"
                " login that has btl_scheduler beside btl_ingest, such as the owner's."
            )
        return
    here = {row[0]: row for row in _rules_here(connection, archive.manifest.site)}
    taken = {row[0] for row in _rules_here(connection, None)}
    missing = [row for number, row in wanted.items() if not _is_same(row, here.get(number))]
    own = [row for number, row in here.items() if not _is_same(row, wanted.get(number))]
    if own or any(row[0] in taken for row in missing):
        restored.notes += _differences(own, missing)
        return
    if not missing:
        return
    names = [name for name, _ in RULES.columns]
    with connection.transaction():
        for row in missing:
            connection.execute(sql("archives/add_rule.sql"), dict(zip(names, row, strict=True)))
        connection.execute(sql("archives/number_rules.sql"))
    restored.rules_added = restored.changed[RULES.name] = len(missing)


def _rules_here(connection: psycopg.Connection, site: str | None) -> list[Row]:
    reader = RowReader(RULES, _ALL_TIMES)
    rows = connection.execute(RULES.query, {"site": site}).fetchall()
    return [reader.from_values(values) for (values,) in rows]


def _is_same(rule: Row, other: Row | None) -> bool:
    return other is not None and _comparable(rule) == _comparable(other)


def _comparable(rule: Row) -> Mapping[str, Any]:
    values = _named(rule)
    return values | {"valid_from": instant(values["valid_from"]) or values["valid_from"]}


def _named(rule: Row) -> dict[str, Any]:
    return dict(zip((name for name, _ in RULES.columns), rule, strict=True))


def _differences(own: Sequence[Row], missing: Sequence[Row]) -> Iterator[str]:
    if own:
        yield (
            "This installation has closing rules that the archive does not have; they stay in"
            f" force: {_listed(own)}."
        )
    if missing:
        yield (
            f"Closing rules of the archive were not restored, because others are here:"
            f" {_listed(missing)}. Discussions close by the rules that are here; `btl rules set`"
            " adds rules."
        )


def _listed(rules: Sequence[Row]) -> str:
    def said(values: Mapping[str, Any]) -> str:
        since = "" if values["valid_from"] == "-infinity" else f" from {values['valid_from']} on"
        window = (
            f"{in_words(values['site'], values['section'])}, {duration(values['window_hours'])}"
        )
        return f"{values['rule_id']} ({window}{since})"

    return "; ".join(said(_named(rule)) for rule in rules)


def _compare_time_zones(
    connection: psycopg.Connection, manifest: Manifest, restored: Restored
) -> None:
    here = site_timezone(connection)
    if here != manifest.site_timezone:
        restored.notes.append(
            f"Days are cut by {here} here, and by {manifest.site_timezone} where the archive comes"
            f" from: figures of days differ. `btl settings set site_timezone"
            f" {manifest.site_timezone}` makes them equal."
        )
