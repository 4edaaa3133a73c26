"""The cells of a row, ready for the members of its table: those of joined rows beside its own,
nulls found, HTML turned into text, and ids cleaned.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from btl.archives.columns import Columns
from btl.archives.html_text import plain_text
from btl.archives.identifiers import read_id
from btl.archives.joins import Rows
from btl.archives.joins import Table as Stored
from btl.archives.mapping import AnyTable, AuthorFields, ParentPath
from btl.archives.mapping import Mapping as TablesMapping
from btl.archives.members import Member
from btl.archives.records import UnreadableRowError
from btl.archives.templates import Cells, Clean, columns_of, compile_template, decode_entities

_IDS = ("article_id", "comment_id", "parent_comment_id", "report_id")
_PEOPLE = ("user_id", "reporter_user_id")


class JoinedRows:
    """Rows of other files that a table's rows refer to."""

    def __init__(self, columns: Columns, key: str, where: str, stored: Stored) -> None:
        """``columns`` are those of the other files, ``key`` names the one that rows are found by.
        ``stored`` has their used columns when the first is looked up.

        Raises BelowTheLineError for a key that they do not have.
        """
        self.columns = columns
        columns.index(key, where)
        self.stored = stored
        self._found: Rows = {}

    def look_up(self, keys: Iterable[str | None]) -> None:
        """Fetch the rows of these keys."""
        self._found = self.stored.find(key for key in keys if key is not None)

    def cells(self, key: str | None) -> Sequence[str | None]:
        """Return the cells of the first row with this key, which was looked up; else nulls."""
        rows = self._found.get(key) if key is not None else None
        return rows[0] if rows else (None,) * len(self.columns.used)


class RowCells:
    """Makes the cells of the rows of one table."""

    def __init__(
        self,
        name: str,
        mapping: TablesMapping,
        columns: Columns,
        joins: Mapping[str, JoinedRows],
    ) -> None:
        """``name`` is the table's name in the mapping; ``columns`` are those of its file.

        Raises BelowTheLineError for a column that is not in the file, and for what is not a
        template.
        """
        self._name = name
        self._mapping = mapping
        self._table: AnyTable = mapping.tables()[name]
        self._columns = columns
        self._joins = joins
        self._joined: list[tuple[int, int]] = []
        self._keys = [
            (joined, self._key_of(join, self._table.joins[join].equals))
            for join, joined in joins.items()
        ]
        self._null = frozenset(mapping.null)
        self._nulls = {
            self.find(column, f"{name}.null"): frozenset(texts)
            for column, texts in self._table.null.items()
        }
        self._html = [
            (self.find(column, f"{name}.html_columns"), decode_entities)
            for column in self._table.html_columns
        ] + [(self.find(column, f"{name}.html"), plain_text) for column in self._table.html]
        self._ids = self._id_cells(self._table.fields)

    @property
    def need_look_up(self) -> bool:
        """Whether rows of other files belong to these."""
        return bool(self._keys)

    def look_up(self, rows: Sequence[Cells]) -> None:
        """Fetch what these rows are joined to: one question for all is many times quicker."""
        for joined, key in self._keys:
            joined.look_up(each_of(key, rows))

    def find(self, column: str, where: str) -> int:
        """Return the place of a column, or of one of a join, such as ``users.name``; ``where`` is
        the key of the mapping that uses it. Raises BelowTheLineError for one that is not there.
        """
        join, dot, inner = column.partition(".")
        if not dot or join not in self._joins:
            return self._columns.index(column, where)
        found = (list(self._joins).index(join), self._joins[join].columns.index(inner, where))
        if found not in self._joined:
            self._joined.append(found)
        return -1 - self._joined.index(found)

    def with_joined(self, row: Cells) -> Cells:
        """Return the cells of a row and those of the rows that it is joined to."""
        if not self._joined:
            return row
        found = [joined.cells(key(row)) for joined, key in self._keys]
        # From the end, because the number of a row's own cells is known only when all is compiled.
        return [*row, *(found[join][place] for join, place in reversed(self._joined))]

    def prepared(self, row: Cells) -> Cells:
        """Return the cells as members read them. Raises UnreadableRowError for an id that cannot be
        read.
        """
        null = self._null
        cells = [None if cell in null else cell for cell in row]
        for index, texts in self._nulls.items():
            if cells[index] in texts:
                cells[index] = None
        for index, convert in self._html:
            cell = cells[index]
            if cell is not None:
                cells[index] = convert(cell)
        for index, clean in self._ids:
            cell = cells[index]
            if cell is not None:
                cells[index] = clean(cell)
        return cells

    def _key_of(self, join: str, template: str) -> Member:
        where = f"{self._name}.joins.{join}.equals"
        clean = self._id(f"joins.{join}", frozenset())
        return compile_template(template, self._columns.index, where, clean)

    def _id_cells(self, fields: Any) -> list[tuple[int, Clean]]:
        """Return where ids stand in a row, and what cleans them: for every template they are in."""
        cleaned: dict[int, Clean] = {}
        author = getattr(fields, "author", AuthorFields())
        for name in (*_IDS, *_PEOPLE):
            declared = getattr(fields, name, None) or getattr(author, name, None)
            if isinstance(declared, ParentPath):
                declared = declared.path
            group = "author." if name == "user_id" else ""
            where = f"{self._name}.fields.{group}{name}"
            for template in [declared] if isinstance(declared, str) else declared or ():
                if name in _PEOPLE and not _is_one_column(template):
                    # A name that stands for an account is not an id.
                    continue
                for column in columns_of(template, where):
                    index = self.find(column, where)
                    nulls = self._null | self._nulls.get(index, frozenset())
                    cleaned.setdefault(index, self._id(name, nulls))
        return list(cleaned.items())

    def _id(self, name: str, nulls: frozenset[str]) -> Clean:
        rule = self._mapping.ids

        def clean(cell: str) -> str | None:
            if cell.isdecimal():
                # Most are: nothing to clean.
                return cell
            try:
                found = read_id(cell, rule)
            except ValueError as error:
                raise UnreadableRowError(f"{name}: {cell[:80]!r} {error}") from None
            # 0.0, which a spreadsheet made of 0.
            return None if found in nulls else found

        return clean


def each_of(member: Member, rows: Iterable[Cells]) -> Iterator[Any]:
    """Yield what rows have, without those of which it cannot be read: these are reported later."""
    for cells in rows:
        with suppress(UnreadableRowError):
            yield member(cells)


def _is_one_column(template: str) -> bool:
    return template.startswith("{") and template.find("}") == len(template) - 1
