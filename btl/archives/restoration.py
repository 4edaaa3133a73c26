"""Restoration: puts an archive back into Postgres, with the versions that its rows had there.

Versions have digests of whole events, of which tables keep only parts. So they cannot be made from
events again, and an archive does not go through the topics (docs/adr). Its rows are staged and
merged as those of consumers are (``RestoreStore``): what is there already, or is newer, stays.

First everything is checked: the sums of all files, then all rows. Nothing is written before.
"""

import random
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import psycopg

from below_the_line.database.channels import MARKED_ARTICLES_CHANNEL
from below_the_line.erasing.keys import ErasureKey
from below_the_line.errors import BelowTheLineError
from btl.archives.archive_files import Archive, PlacedRow, Progress
from btl.archives.archived_rows import Row
from btl.archives.exporter import site_timezone
from btl.archives.layout import ARCHIVED, RULES, ArchivedTable
from btl.archives.manifest import Manifest
from btl.archives.restored_rules import restore_rules
from btl.archives.sources import ExportFile
from consumers.adapters.erasures import require_key_of_recorded
from consumers.adapters.postgres import StoreError
from consumers.adapters.restore import ORDER, RestoreStore
from consumers.core.failures import Failure, backoff_seconds, is_contention

BATCH_ROWS: Final = 5_000
BATCH_BYTES: Final = 8 * 1024 * 1024
"""What one transaction writes: about this many rows, and about this many bytes of them."""
_TRIES_AGAINST_OTHERS = 8


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


def restore(
    files: Sequence[ExportFile],
    connection: psycopg.Connection | None,
    url: str | None,
    *,
    erasure_key: ErasureKey | None = None,
    progress: Progress = lambda *_: None,
    now: datetime | None = None,
) -> Restored:
    """Check the archive that these files are, then write it into the database.

    ``connection``, idle and in autocommit, and ``url`` are of the same database; both None: only
    check. Each transaction has about BATCH_ROWS rows of one table. May be repeated, interrupted
    and repeated, and run beside consumers. Raises BelowTheLineError: before anything is written for
    a file that is missing, changed or damaged, for a row that is wrong, and if people are erased in
    the database and ``erasure_key`` is not the key that they were erased with; later for a failure
    of the database.
    """
    if connection is not None:
        try:
            require_key_of_recorded(connection, erasure_key)
        except psycopg.errors.InsufficientPrivilege as error:
            raise _may_not_restore(str(error.diag.message_primary)) from error
    archive = Archive(files, now or datetime.now(UTC))
    archive.check(progress)
    restored = Restored(archive.manifest)
    restored.rows = {table.name: archive.manifest.rows_of(table.name) for table in ARCHIVED}
    if connection is None or url is None:
        return restored
    _restore_rules(connection, archive, restored)
    _compare_time_zones(connection, archive.manifest, restored)
    with closing(RestoreStore(url, erasure_key)) as store:
        total, done = sum(restored.rows.values()), 0
        for described in ORDER:
            (table,) = (each for each in ARCHIVED if each.described is described)
            restored.changed[table.name] = 0
            for batch in batches(table, archive.rows(table)):
                restored.changed[table.name] += _merged(store, table, batch)
                done += len(batch)
                progress("restore", done, total)
    if any(restored.changed.values()):
        connection.execute(f"notify {MARKED_ARTICLES_CHANNEL}".encode())
    return restored


def batches(table: ArchivedTable, rows: Iterable[PlacedRow]) -> Iterator[list[Row]]:
    """Yield the rows of a table by transactions.

    Those that open and close one discussion are in one transaction: a closing run in between must
    not find a part of them.
    """
    together = table.described is not None and table.described.marks_windows
    batch: list[Row] = []
    size = 0
    for _, row, row_size in rows:
        is_full = len(batch) >= BATCH_ROWS or size >= BATCH_BYTES
        if is_full and not (together and row[0] == batch[-1][0]):
            yield batch
            batch, size = [], 0
        batch.append(row)
        size += row_size
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


def _restore_rules(connection: psycopg.Connection, archive: Archive, restored: Restored) -> None:
    rules = (row for _, row, _ in archive.rows(RULES))
    try:
        added, notes = restore_rules(connection, rules, archive.manifest.site)
    except psycopg.errors.InsufficientPrivilege as error:
        raise _may_not_restore(str(error.diag.message_primary)) from error
    restored.rules_added = restored.changed[RULES.name] = added
    restored.notes += notes


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
