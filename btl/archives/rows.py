"""Turn one row of an export into the data of one event."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from below_the_line.kafka.envelopes import rfc3339
from btl.archives.mapping import ArticlesTable, CommentsTable, Items, Split, Text
from btl.archives.templates import Cells, column_index, compile_text, decode_entities
from btl.archives.times import TimeReader

_TIMES = ("published_at", "updated_at", "posted_at", "closes_at")
_BOOLEANS = ("enabled", "held")
_INTEGERS = ("window_hours",)
_TRUTHS = {
    "true": True,
    "t": True,
    "yes": True,
    "1": True,
    "false": False,
    "f": False,
    "no": False,
    "0": False,
}

Member = Callable[[Cells], Any]


class UnmappableRowError(ValueError):
    """A row that makes no event; the message says why."""


class RowReader:
    """Turns rows of one table into ``data``, by its mapping."""

    def __init__(
        self,
        table: ArticlesTable | CommentsTable,
        columns: Sequence[str],
        *,
        name: str,
        file: str,
        null: Sequence[str],
        times: TimeReader,
    ) -> None:
        """``name`` is the table's name in the mapping.

        Raises BelowTheLineError for a column that is not in the file.
        """
        self._columns = columns
        self._name = name
        self._file = file
        self._times = times
        self._null = frozenset(null)
        self._nulls = [
            (self._index(column, f"{name}.null"), frozenset(texts))
            for column, texts in table.null.items()
        ]
        self._html = [self._index(column, f"{name}.html_columns") for column in table.html_columns]
        self._members = self._compile(table.fields, f"{name}.fields")

    def read(self, row: Sequence[str]) -> dict[str, Any]:
        """Return the event's data, without the members whose columns are null. Raises
        UnmappableRowError.
        """
        if len(row) != len(self._columns):
            raise UnmappableRowError(
                f"has {len(row)} cells, but the header names {len(self._columns)} columns"
            )
        null = self._null
        cells: list[str | None] = [None if cell in null else cell for cell in row]
        for index, texts in self._nulls:
            if cells[index] in texts:
                cells[index] = None
        for index in self._html:
            cell = cells[index]
            if cell is not None:
                cells[index] = decode_entities(cell)
        return _filled(self._members, cells)

    def _index(self, column: str, where: str) -> int:
        return column_index(column, self._columns, where, self._file)

    def _compile(self, fields: BaseModel, where: str) -> dict[str, Any]:
        members: dict[str, Any] = {}
        for name in type(fields).model_fields:
            declared = getattr(fields, name)
            place = f"{where}.{name}"
            if declared is None:
                continue
            if isinstance(declared, BaseModel) and not isinstance(declared, Split):
                members[name] = self._compile(declared, place)
            elif name in ("topics", "bylines"):
                members[name] = self._items(declared, place)
            elif isinstance(declared, bool | int):
                members[name] = _constant(declared)
            else:
                members[name] = self._converted(name, declared, place)
        return members

    def _converted(self, name: str, text: Text, place: str) -> Member:
        expression = compile_text(text, self._columns, place, self._file)
        convert: Callable[[str], Any] | None = None
        if name in _TIMES:
            convert = self._time
        elif name in _BOOLEANS:
            convert = _boolean
        elif name in _INTEGERS:
            convert = int
        if convert is None:
            return expression

        def read(cells: Cells) -> Any:
            found = expression(cells)
            if found is None:
                return None
            try:
                return convert(found)
            except ValueError as error:
                raise UnmappableRowError(f"{name}: {found[:80]!r} {error}") from None

        return read

    def _time(self, text: str) -> str:
        return rfc3339(self._times.read(text))

    def _items(self, items: Items, place: str) -> Member:
        if isinstance(items, Split):
            whole = compile_text(items.split, self._columns, place, self._file)
            separator = items.by

            def split(cells: Cells) -> list[str] | None:
                found = whole(cells)
                return (
                    None
                    if found is None
                    else [item.strip() for item in found.split(separator) if item.strip()]
                )

            return split
        each = [compile_text(item, self._columns, place, self._file) for item in items]
        return lambda cells: [text for text in (item(cells) for item in each) if text is not None]


def event_time(data: Mapping[str, Any], *names: str) -> datetime:
    """Return the first of these times that the data have.

    Raises UnmappableRowError if they have none of them.
    """
    for name in names:
        if name in data:
            return datetime.fromisoformat(data[name])
    raise UnmappableRowError(f"has no time: no {' and no '.join(names)}")


def _filled(members: Mapping[str, Any], cells: Cells) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for name, member in members.items():
        found = _filled(member, cells) if isinstance(member, dict) else member(cells)
        if found is not None:
            data[name] = found
    return data


def _constant(value: bool | int) -> Member:
    return lambda _: value


def _boolean(text: str) -> bool:
    try:
        return _TRUTHS[text.strip().lower()]
    except KeyError:
        raise ValueError("is neither true nor false") from None
