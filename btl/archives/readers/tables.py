"""A site's own tables, as a mapping explains them: docs/archives.md."""

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager

from below_the_line.contracts.spelling import nearest
from below_the_line.errors import BelowTheLineError
from btl.archives.assignment import Assigned, assign
from btl.archives.formats import Format, Progress, ReadingOptions
from btl.archives.identifiers import read_id
from btl.archives.joins import Table as Stored
from btl.archives.joins import temporary_tables
from btl.archives.mapping import Mapping as TablesMapping
from btl.archives.mapping import load_mapping
from btl.archives.proposal import ready_for
from btl.archives.records import ArchiveRecord, Article, Comment, LeftOut, Place, Unreadable
from btl.archives.row_cells import JoinedRows
from btl.archives.rows import RowReader, content_of
from btl.archives.sources import ExportFile
from btl.archives.tables import Row, Table, looks_like_table, open_table

_PROGRESS_ROWS = 500


def read(
    files: Sequence[ExportFile], options: ReadingOptions, progress: Progress
) -> Iterator[ArchiveRecord | Unreadable]:
    """Yield the records of tables; ``options.mapping`` says what their columns mean."""
    if options.mapping is None:
        raise _no_mapping(files)
    mapping = load_mapping(options.mapping)
    assigned = assign(files, mapping, options.mapping.parent, options.tables)
    for name, of_table in assigned.tables.items():
        if not of_table:
            yield LeftOut(
                Place(options.mapping.name, f"[{name}]"),
                "tables of the mapping",
                "none of the files is of them",
            )
    yield from read_tables(assigned, mapping, progress)


def _no_mapping(files: Sequence[ExportFile]) -> BelowTheLineError:
    message = "No mapping says what the columns of these tables mean."
    if name := ready_for(files):
        return BelowTheLineError(
            message, f"One that comes with the software does: --mapping {name}"
        )
    names = " ".join(dict.fromkeys(shlex.quote(str(file.path)) for file in files))
    return BelowTheLineError(
        message,
        f"Have one written, look it through, and name it with --mapping: btl archive mapping"
        f" {names} > site.toml",
    )


def read_tables(
    assigned: Assigned, mapping: TablesMapping, progress: Progress
) -> Iterator[ArchiveRecord | Unreadable]:
    """Yield the records of files of which it is known what they hold.

    All columns are checked before the first row is read. Raises BelowTheLineError for a fault of a
    whole file.
    """
    names = [(name, join) for name, table in mapping.tables().items() for join in table.joins]
    with temporary_tables("comments", *(f"join_{number}" for number in range(len(names)))) as (
        comments,
        *joins,
    ):
        stored = dict(zip(names, joins, strict=True))
        yield from _Reading(assigned, mapping, progress, comments, stored).records()


class _Reading:
    """One reading of all files."""

    def __init__(
        self,
        assigned: Assigned,
        mapping: TablesMapping,
        progress: Progress,
        comments: Stored,
        stored: Mapping[tuple[str, str], Stored],
    ) -> None:
        self._assigned = assigned
        self._mapping = mapping
        self._progress = progress
        self._done: dict[ExportFile, int] = {}
        # Only where rows name the comment alone.
        self._comments = (
            comments
            if any(table.fields.article_id is None for table in mapping.tables().values())
            else None
        )
        self._stored = stored
        self._joins: dict[str, dict[str, JoinedRows]] = {}

    def records(self) -> Iterator[ArchiveRecord | Unreadable]:
        """Yield the records, those of articles first."""
        self._check()
        yield from self._store_joined()
        for name in self._mapping.tables():
            unseen: set[str] = set()
            for number, file in enumerate(self._assigned.tables[name]):
                with self._open(file, name) as table:
                    yield from self._table(name, file, table)
                    columns = table.columns
                    unseen = unseen & columns.unseen if number else columns.unseen
            for column in sorted(unseen):
                near = nearest(column, table.sample)
                yield LeftOut(
                    Place(file.name, "all lines"),
                    "columns that the mapping uses and no line has",
                    f"{name} uses {column!r}" + (f"; do you mean {near!r}?" if near else ""),
                )

    def _table(
        self, name: str, file: ExportFile, table: Table
    ) -> Iterator[ArchiveRecord | Unreadable]:
        records = self._reader(name, table).read_all(self._rows(file, table))
        if name == "articles" and file in self._assigned.tables["comments"]:
            yield from _first_of_each_article(records)
            return
        if self._comments is None or name != "comments":
            yield from records
            return
        for record in records:
            if isinstance(record, Comment):
                self._comments.add(record.comment_id, [record.article_id])
            yield record

    def _open(self, file: ExportFile, name: str) -> AbstractContextManager[Table]:
        return open_table(file, self._mapping.layout(name))

    def _reader(self, name: str, table: Table) -> RowReader:
        return RowReader(
            name,
            self._mapping,
            table.columns,
            unit=table.unit,
            joins=self._joins[name],
            articles=self._comments,
        )

    def _check(self) -> None:
        """Raise BelowTheLineError for a column of any file that is not there."""
        for name, declared in self._mapping.tables().items():
            self._joins[name] = {}
            joins = declared.joins if self._assigned.tables[name] else {}
            for join, details in joins.items():
                with open_table(
                    self._assigned.joins[name, join][0], self._mapping.layout(name, join)
                ) as table:
                    self._joins[name][join] = JoinedRows(
                        table.columns,
                        details.key,
                        f"{name}.joins.{join}.key",
                        self._stored[name, join],
                    )
            for file in self._assigned.tables[name]:
                with self._open(file, name) as table:
                    self._reader(name, table)

    def _store_joined(self) -> Iterator[Unreadable]:
        for name, joins in self._joins.items():
            for join, joined in joins.items():
                for file in self._assigned.joins[name, join]:
                    with open_table(file, self._mapping.layout(name, join)) as table:
                        for column in joined.columns.used:
                            table.columns.index(column, f"{name}.joins.{join}")
                        yield from self._store(joined.stored, file, table)

    def _store(self, stored: Stored, file: ExportFile, table: Table) -> Iterator[Unreadable]:
        """Store the rows of a file by their keys; yield those that have none."""
        key_name = table.columns.used[0]
        for row in self._rows(file, table):
            reason = row.fault
            if reason is None:
                try:
                    key = read_id(row.cells[0] or "", self._mapping.ids)
                except ValueError as error:
                    reason = f"{key_name}: {row.cells[0]!r} {error}"
                else:
                    if key is not None:
                        stored.add(key, row.cells)
                        continue
                    reason = f"has no {key_name}"
            place = Place(file.name, f"{table.unit} {row.number}")
            yield Unreadable(place, reason, content_of(row.whole))

    def _rows(self, file: ExportFile, table: Table) -> Iterator[Row]:
        """Yield the rows, and report how far the reading is."""
        before = sum(self._done.values())
        is_first = file not in self._done
        for number, row in enumerate(table.rows()):
            yield row
            if is_first and number % _PROGRESS_ROWS == 0:
                self._progress(before + table.bytes_read())
        if is_first:
            self._done[file] = file.size
            self._progress(before + file.size)


def _first_of_each_article(
    records: Iterable[ArchiveRecord | Unreadable],
) -> Iterator[ArchiveRecord | Unreadable]:
    """Yield what the first row of each article says, where every comment's row repeats it."""
    seen: set[str] = set()
    for record in records:
        if isinstance(record, Article):
            if record.article_id in seen:
                continue
            seen.add(record.article_id)
        yield record


FORMATS = (
    Format(
        name="tables",
        title="Tables of your own (CSV, TSV, JSON lines, Parquet)",
        how_to_export=(
            "Write articles and comments, each as a table, with any tool; a mapping says what the"
            " columns mean."
        ),
        recognises=looks_like_table,
        read=read,
        closing="rules",
    ),
)
