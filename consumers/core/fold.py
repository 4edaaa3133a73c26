"""Folding a batch: events of one key become one staged row, by the same join as the merge in
SQL.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import compress
from typing import Any, NamedTuple

from below_the_line.contracts.events import Event
from below_the_line.contracts.times import to_datetime
from below_the_line.event_tables.description import (
    COMMENTER_ERASED,
    TABLES,
    Column,
    Constant,
    Source,
    Table,
    event_types,
    writes,
)

Key = tuple[Any, ...]
Row = tuple[Any, ...]


class Rows(NamedTuple):
    """Rows of one table in key order."""

    rows: list[Row]
    records: list[list[int]]
    """For each row the numbers of the records that it was made from."""

    def where(self, chosen: list[bool]) -> "Rows":
        """Return the chosen ones; ``chosen`` says it of each row."""
        return Rows(list(compress(self.rows, chosen)), list(compress(self.records, chosen)))


class FoldedTable:
    """The staged rows of one table: at most one for each key, and the numbers of the records that
    each was made from.
    """

    def __init__(self, table: Table) -> None:
        self.table = table
        self._rows: dict[Key, Row] = {}
        self._records: dict[Key, list[int]] = {}
        width = len(table.columns)
        self._registers = [
            (
                span.start,
                span.stop,
                register.keeps == "least",
                (None,) * (span.start - len(table.key)),
                (None,) * (width - span.stop),
            )
            for span, register in zip(table.spans, table.registers, strict=True)
        ]
        """For each register: its start and stop in a row, whether it keeps the least, and the nulls
        before it (after the key) and behind it.
        """

    def __len__(self) -> int:
        return len(self._rows)

    def join(self, record: int, key: Key, register: int, values: tuple[Any, ...]) -> None:
        """Join the values of one register into the row of this key. The version is the last."""
        start, end, keep_least, before, behind = self._registers[register]
        row = self._rows.get(key)
        if row is None:
            self._rows[key] = key + before + values + behind
            self._records[key] = [record]
            return
        held, offered = row[end - 1], values[-1]
        if held is None or (offered < held if keep_least else offered > held):
            self._rows[key] = row[:start] + values + row[end:]
        records = self._records[key]
        if records[-1] != record:
            records.append(record)

    def add(self, record: int, key: Key, facts: tuple[Any, ...]) -> None:
        """Add one event to an append-only set."""
        if key in self._rows:
            self._records[key].append(record)
        else:
            self._rows[key] = key + facts
            self._records[key] = [record]

    def put(self, records: list[int], row: Row) -> None:
        """Join a whole row, which these records were made into, with the one of its key."""
        key = row[: len(self.table.key)]
        held = self._rows.get(key)
        if held is None:
            self._rows[key], self._records[key] = row, list(records)
            return
        for start, end, keep_least, *_ in self._registers:
            last, offered = held[end - 1], row[end - 1]
            if offered is not None and (
                last is None or (offered < last if keep_least else offered > last)
            ):
                held = held[:start] + row[start:end] + held[end:]
        self._rows[key] = held
        self._records[key] = sorted({*self._records[key], *records})

    def staged(self) -> Rows:
        """Return all rows.

        Every process locks rows in key order, so that two of them can't deadlock.
        """
        keys = sorted(self._rows)
        return Rows([self._rows[key] for key in keys], [self._records[key] for key in keys])

    def parted(self) -> tuple[Rows, Rows]:
        """Return the rows that are most likely not in the table yet, and the others."""
        place, staged = self.table.new_by, self.staged()
        if place is None:
            return Rows([], []), staged
        is_new = [row[place] is not None for row in staged.rows]
        if all(is_new):
            return staged, Rows([], [])
        return staged.where(is_new), staged.where([not each for each in is_new])


class _FoldedTables(dict[Table, FoldedTable]):
    """A dictionary, because it is read for every event and a method call would be slower."""

    def __init__(self) -> None:
        super().__init__()
        self.erasures: list[tuple[int, Event]] = []

    def __missing__(self, table: Table) -> FoldedTable:
        folded = self[table] = FoldedTable(table)
        return folded


class Fold:
    """What a batch will write to schema ``discussion``."""

    def __init__(self) -> None:
        self.tables = _FoldedTables()
        """The rows by table. A table that is not there yet is added, empty, when it is read."""

    @property
    def erasures(self) -> Sequence[tuple[int, Event]]:
        """The events that ask to forget a person, each with the number of its record."""
        return self.tables.erasures

    def __iter__(self) -> Iterator[FoldedTable]:
        """Iterate over the tables that have rows, in merge order."""
        return (self.tables[table] for table in TABLES if table in self.tables)

    def add(self, record: int, event: Event) -> None:
        """Add one event; ``record`` is the number of its record in the batch. The order of the
        calls does not matter. An erasure is only noted. Raises KeyError for a type of no
        input topic.
        """
        _FOLDS[event.type](self.tables, record, event)


_FoldEvent = Callable[[_FoldedTables, int, Event], None]


def fold_source(event_type: str) -> str:
    """Return the Python code of the function that folds events of this type."""
    values = _Values(event_type)
    calls = []
    for table, number in writes(event_type):
        key = values.row(table.key)
        if number is None:
            calls.append(f"tables[{table.name}].add(record, {key}, {values.row(table.facts)})")
        else:
            row = values.row(table.registers[number].columns)
            calls.append(f"tables[{table.name}].join(record, {key}, {number}, {row})")
    body = (
        "_, event_id, source, since_1970, article_id, data, digest, version = event",
        *values.assignments.values(),
        *calls,
    )
    return "\n    ".join(("def fold(tables, record, event):", *body))


class _Values:
    """The code of the values that one event type has. Each is read from the event once."""

    def __init__(self, event_type: str) -> None:
        self._event_type = event_type
        self.assignments: dict[str, str] = {}
        """Lines that give the values their names, by name."""

    def row(self, columns: Iterable[Column]) -> str:
        """Return the code of a tuple of these columns."""
        return f"({', '.join(self._value(each.source_in(self._event_type)) for each in columns)},)"

    def _value(self, source: Source | None) -> str:
        if source is None:
            return "None"
        if isinstance(source, Constant):
            return repr(source.value)
        if source.startswith("data."):
            return self._member(source)
        if source == "occurred_at":
            self.assignments[source] = "occurred_at = to_datetime(since_1970)"
        return source

    def _member(self, path: str) -> str:
        holder_path, _, member = path.rpartition(".")
        if not holder_path:
            return path
        # Absent members are None; what they would hold is None, too.
        holder = self._member(holder_path)
        name, member = path.replace(".", "_").replace("?", ""), member.removesuffix("?")
        read = f"{holder}.{member}"
        if "?" in holder_path:
            read += f" if {holder} is not None else None"
        self.assignments[name] = f"{name} = {read}"
        return name


def _compiled(event_type: str) -> _FoldEvent:
    """Compile the function that folds events of this type.

    Compiled once, since it runs for every event. The code comes from the description alone.
    """
    names: dict[str, Any] = {table.name: table for table in TABLES} | {"to_datetime": to_datetime}
    exec(fold_source(event_type), names)  # noqa: S102
    fold: _FoldEvent = names["fold"]
    return fold


def _note_erasure(tables: _FoldedTables, record: int, event: Event) -> None:
    tables.erasures.append((record, event))


_FOLDS = {event_type: _compiled(event_type) for event_type in event_types()} | {
    COMMENTER_ERASED: _note_erasure
}
