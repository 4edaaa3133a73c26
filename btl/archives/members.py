"""What a field of a mapping becomes: a function from a row's cells to its value."""

from collections.abc import Callable, Sequence
from typing import Any

from pydantic import BaseModel

from btl.archives.mapping import AnyTable, Items, ParentPath, Split
from btl.archives.mapping import Mapping as TablesMapping
from btl.archives.records import UnreadableRowError
from btl.archives.tables import ListCell
from btl.archives.templates import Cells, Expression, Find, columns_of, compile_template
from btl.archives.times import WholeDay

Member = Callable[[Cells], Any]
"""Returns None for null. Raises UnreadableRowError for what the field cannot be."""

_BOOLEANS = ("enabled", "held", "automated", "accepts_comments")
_NUMBERS = ("window_hours", "number", "likes", "dislikes", "reactions", "flags", "reports")
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
_WHOLE_DAYS: dict[str, WholeDay] = {
    "published_at": "begin",
    "updated_at": "begin",
    "closes_at": "end",
}


class Members:
    """Makes the members of one table."""

    def __init__(self, name: str, mapping: TablesMapping, find: Find) -> None:
        """``name`` is the table's name in the mapping."""
        self._name = name
        self._mapping = mapping
        self._table: AnyTable = mapping.tables()[name]
        self._find = find

    def of(self, fields: BaseModel, *names: str, group: str = "") -> list[Member]:
        """Return members of fields. ``group`` is what these stand in, for errors: ``author.``

        Raises BelowTheLineError for a column that is not in the file, and for what is not a
        template.
        """
        return [self.one(getattr(fields, name), name, group) for name in names]

    def required(self, fields: BaseModel, name: str) -> Member:
        """Return a member that null makes unreadable; else as ``of``."""
        member = self.one(getattr(fields, name), name)

        def required(cells: Cells) -> Any:
            found = member(cells)
            if found is None:
                raise UnreadableRowError(f"has no {name}")
            return found

        return required

    def one(self, declared: Any, name: str, group: str = "") -> Member:
        """Return the member of what is declared for a field of this name; else as ``of``."""
        where = f"{self._name}.fields.{group}{name}"
        if declared is None:
            return nothing
        if isinstance(declared, bool | int):
            return lambda _: declared
        if name in ("topics", "bylines"):
            return self._items(declared, where)
        if isinstance(declared, ParentPath):
            return self._parent(declared, where)
        templates = [declared] if isinstance(declared, str) else declared
        if name.endswith("_at"):
            return _first([self._time(template, name, where) for template in templates])
        text = self._mapped(
            name, _first([compile_template(template, self._find, where) for template in templates])
        )
        if name in _BOOLEANS:
            return _converted(text, name, _boolean)
        if name == "likes":
            return _converted(text, name, _balance)
        if name in _NUMBERS:
            return _converted(text, name, _whole_number)
        return text

    def _mapped(self, name: str, text: Expression) -> Expression:
        declared = self._table.values.get(name)
        if not declared:
            return text
        # An empty text means nothing; * is any value that is not named.
        values = {value: meaning or None for value, meaning in declared.items()}

        def mapped(cells: Cells) -> str | None:
            found = text(cells)
            return None if found is None else values.get(found, values.get("*", found))

        return mapped

    def _time(self, template: str, name: str, where: str) -> Member:
        formats = [
            self._table.time_formats[column]
            for column in columns_of(template, where)
            if column in self._table.time_formats
        ]
        times = self._mapping.times(formats[0] if formats else None)
        whole_day: WholeDay = _WHOLE_DAYS.get(name, "reject")
        text = self._mapped(name, compile_template(template, self._find, where, _dated))
        return _converted(text, name, lambda found: times.read(found, whole_day))

    def _items(self, items: Items, where: str) -> Member:
        if isinstance(items, Split):
            whole = compile_template(items.split, self._find, where)
            separator, strip = items.by, items.strip

            def split(cells: Cells) -> list[str] | None:
                found = whole(cells)
                if found is None:
                    return None
                parts = (part.strip().strip(strip or "").strip() for part in found.split(separator))
                return [part for part in parts if part]

            return split
        each = [compile_template(item, self._find, where) for item in items]

        def listed(cells: Cells) -> list[str]:
            found = [text for text in (item(cells) for item in each) if text is not None]
            return [
                item
                for text in found
                for item in (text.items if isinstance(text, ListCell) else (text,))
            ]

        return listed

    def _parent(self, declared: ParentPath, where: str) -> Member:
        path = compile_template(declared.path, self._find, where)
        by, top = declared.by, declared.top

        def parent(cells: Cells) -> str | None:
            found = path(cells)
            if found is None or found.count(by) < top:
                return None
            return found.rpartition(by)[0]

        return parent


def nothing(_: Cells) -> None:
    """The member of a field that the mapping does not have."""
    return


def among(known: Sequence[str], name: str, member: Member) -> Member:
    """Return a member that only these texts do not make unreadable."""
    if member is nothing:
        return member
    allowed = frozenset(known)

    def checked(cells: Cells) -> str | None:
        found: str | None = member(cells)
        if found is None or found in allowed:
            return found
        raise UnreadableRowError(
            f"{name}: {found[:80]!r} is not one of {', '.join(known)}: say in the mapping's values"
            " what it means"
        )

    return checked


def _first(alternatives: Sequence[Member]) -> Member:
    if len(alternatives) == 1:
        return alternatives[0]

    def first(cells: Cells) -> Any:
        for alternative in alternatives:
            found = alternative(cells)
            if found is not None:
                return found
        return None

    return first


def _converted(expression: Expression, name: str, convert: Callable[[str], Any]) -> Member:
    def read(cells: Cells) -> Any:
        found = expression(cells)
        if found is None:
            return None
        try:
            return convert(found)
        except ValueError as error:
            raise UnreadableRowError(f"{name}: {found[:80]!r} {error}") from None

    return read


def _dated(cell: str) -> str | None:
    """Return the cell, or None for the zero of MySQL's times."""
    return None if cell.startswith("0000-00-00") else cell


def _boolean(text: str) -> bool:
    try:
        return _TRUTHS[text.strip().lower()]
    except KeyError:
        raise ValueError("is neither true nor false") from None


def _whole_number(text: str) -> int:
    whole, _, fraction = text.strip().partition(".")
    if not whole.isdecimal() or fraction.strip("0"):
        raise ValueError("is not a whole number")
    return int(whole)


def _balance(text: str) -> int:
    """Return a whole number that may be below zero."""
    digits = text.strip().removeprefix("-")
    number = _whole_number(digits)
    return number if digits == text.strip() else -number
