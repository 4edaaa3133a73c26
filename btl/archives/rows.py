"""Turn the rows of a site's own tables into records, by their mapping."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from btl.archives.columns import Columns
from btl.archives.joins import Table as Stored
from btl.archives.joins import batches
from btl.archives.mapping import Mapping as TablesMapping
from btl.archives.members import Members
from btl.archives.records import (
    MAX_CONTENT,
    ArchiveRecord,
    LeftOut,
    Place,
    Unreadable,
    UnreadableRowError,
)
from btl.archives.row_builders import ArticlesOfComments, builder
from btl.archives.row_cells import JoinedRows, RowCells, each_of
from btl.archives.tables import Row
from btl.archives.templates import Cells

_BATCH_ROWS = 500


class RowReader:
    """Turns rows of one table into records."""

    def __init__(
        self,
        name: str,
        mapping: TablesMapping,
        columns: Columns,
        *,
        unit: str = "line",
        joins: Mapping[str, JoinedRows] | None = None,
        articles: Stored | None = None,
    ) -> None:
        """``name`` is the table's name in the mapping, ``unit`` what rows are counted in, and
        ``articles`` has the article of each comment, for rows that name only the comment.

        Raises BelowTheLineError for a column that is not in the file, and for what is not a
        template.
        """
        table = mapping.tables()[name]
        self._name = name
        self._file = columns.file
        self._unit = unit
        self._cells = RowCells(name, mapping, columns, joins or {})
        self._skip = [
            (self._cells.find(column, f"{name}.skip"), column, _texts(values))
            for column, values in table.skip.items()
        ]
        self._articles = ArticlesOfComments(articles)
        members = Members(name, mapping, self._cells.find)
        self._build = builder(table.fields, members, self._articles)

    def read_all(self, rows: Iterable[Row]) -> Iterator[ArchiveRecord | Unreadable]:
        """Yield the records of rows."""
        if not (self._cells.need_look_up or self._articles.are_needed):
            for row in rows:
                yield from self.read(row)
            return
        for batch in batches(rows, _BATCH_ROWS):
            self._look_up([row.cells for row in batch if row.fault is None])
            for row in batch:
                yield from self.read(row)

    def _look_up(self, rows: Sequence[Cells]) -> None:
        """Fetch what rows refer to."""
        self._cells.look_up(rows)
        if self._articles.are_needed:
            joined = each_of(self._cells.with_joined, rows)
            self._articles.look_up(each_of(self._cells.prepared, joined))

    def read(self, row: Row) -> Sequence[ArchiveRecord | Unreadable]:
        """Return the records of a row: first what it is, then what happened to it."""
        place = Place(self._file, f"{self._unit} {row.number}")
        try:
            if row.fault is not None:
                raise UnreadableRowError(row.fault)
            cells = self._cells.with_joined(row.cells)
            for index, column, texts in self._skip:
                if (cells[index] or "") in texts:
                    return (self._left_out(place, column, cells[index] or ""),)
            return self._build(self._cells.prepared(cells), place)
        except UnreadableRowError as error:
            return (Unreadable(place, str(error), content_of(row.whole)),)

    def _left_out(self, place: Place, column: str, value: str) -> LeftOut:
        what = self._name.replace("_", " ")
        return LeftOut(place, f"{what} whose {column} is {value!r}", "the mapping skips them")


def _texts(values: str | Sequence[str]) -> frozenset[str]:
    return frozenset([values] if isinstance(values, str) else values)


def content_of(whole: Any) -> str:
    """Return a row, as it is in its file, as text for people."""
    if isinstance(whole, bytes):
        return whole.decode("utf-8", "replace").rstrip("\r\n")[:MAX_CONTENT]
    return orjson.dumps(whole, default=str).decode()[:MAX_CONTENT]
