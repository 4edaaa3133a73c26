"""Reads single rows of an archive, and checks them as the contracts check the events that they come
from.

The rules of a column are those of the member of an event that fills it: both are found by the
description of the tables and by the contracts' schemas.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import Meta

from below_the_line.contracts.contract import ends_before_it_begins
from below_the_line.contracts.events import order_key, read_order_key
from below_the_line.contracts.time_bounds import BOUNDS, EARLIEST, PAST, latest_times
from below_the_line.contracts.times import from_datetime, instant, to_datetime
from below_the_line.erasing.keys import time_of
from below_the_line.event_tables.description import (
    COMMENT_EDITS,
    COMMENTS,
    DISCUSSION_OVERRIDES,
    Column,
    Constant,
    Register,
    Table,
)
from btl.archives.conditions import Condition, conditions, member_rules
from btl.archives.layout import RULES, ArchivedTable
from btl.archives.records import MAX_ID_BYTES, UnreadableRowError

_DIGEST_BYTES = 32
_SHORTEST_VERSION = 8 + 2 + 2 + _DIGEST_BYTES
_EARLIEST = to_datetime(EARLIEST)
_IDENTIFIER = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAX_ID_BYTES,
    "x-max-bytes": MAX_ID_BYTES,
}
_OF_ENVELOPE: Mapping[str, dict[str, Any]] = {
    "article_id": _IDENTIFIER,
    "source": _IDENTIFIER,
    "event_id": _IDENTIFIER,
    "occurred_at": {"type": "string", "x-time-bound": "past"},
}
_ERASABLE: Mapping[str, frozenset[str]] = {
    COMMENTS.name: frozenset(("display_name", "first_body", "edited_body")),
    COMMENT_EDITS.name: frozenset(("body",)),
}
"""Texts that an erasure empties, by table. No event has an empty one."""
_PLAIN_TYPES: Mapping[str, Any] = {
    "text[]": list[str],
    "timestamptz": datetime,
    "boolean": bool,
    "integer": int,
    "bytea": str,
}

Row = tuple[Any, ...]
"""Values in the order of the table's columns: times as ``datetime``, bytes as ``bytes``."""


class ArchivedRowReader:
    """Reads rows of one table, and checks all that can be checked in a single row."""

    def __init__(self, table: ArchivedTable, now: datetime) -> None:
        """``now`` stands for the time at which the events came: none may lie after it."""
        described = table.described
        rules = (
            {name: _rule_of_rules(name) for name, _ in table.columns}
            if described is None
            else dict(_rules_of(described))
        )
        self._struct: Any = msgspec.defstruct(
            table.name,
            # A column that is absent is null: tables get columns that older archives do not have.
            [(name, _type(kind, rules[name]) | None, None) for name, kind in table.columns],
            forbid_unknown_fields=True,
            gc=False,
        )
        self._decode = msgspec.json.Decoder(self._struct).decode
        names = [name for name, _ in table.columns]
        latest = latest_times(int(now.timestamp() * 1000))
        self._texts = [
            (at, name) for at, (name, kind) in enumerate(table.columns) if kind == "text"
        ]
        self._lists = [at for at, (_, kind) in enumerate(table.columns) if kind == "text[]"]
        self._limits = [
            (at, name, rules[name]["x-max-bytes"])
            for at, name in enumerate(names)
            if "x-max-bytes" in rules[name]
        ]
        self._times = [
            (at, name, to_datetime(latest[BOUNDS.index(rules[name]["x-time-bound"])]))
            for at, name in enumerate(names)
            if "x-time-bound" in rules[name]
        ]
        self._check_more: Callable[[list[Any]], None] = (
            _check_rule
            if table is RULES or described is None
            else _TableChecks(described, latest[PAST])
        )

    def from_json(self, line: bytes) -> Row:
        """Return the row of a line of JSON. Raises UnreadableRowError."""
        try:
            return self._checked(self._decode(line))
        except msgspec.MsgspecError as error:
            raise UnreadableRowError(_plain(error)) from None
        except UnicodeDecodeError:
            raise UnreadableRowError("it is not UTF-8") from None

    def from_values(self, values: Mapping[str, Any]) -> Row:
        """Return the row of values by column. Raises UnreadableRowError."""
        try:
            return self._checked(msgspec.convert(values, self._struct))
        except msgspec.MsgspecError as error:
            raise UnreadableRowError(_plain(error)) from None

    def _checked(self, read: Any) -> Row:
        row = list(msgspec.structs.astuple(read))
        for at, name in self._texts:
            text = row[at]
            if text is not None and "\0" in text:
                raise UnreadableRowError(f"{name} has the character U+0000")
        for at in self._lists:
            if row[at] is not None and any("\0" in each for each in row[at]):
                raise UnreadableRowError("a text of a list has the character U+0000")
        for at, name, limit in self._limits:
            text = row[at]
            if text is not None and not text.isascii() and len(text.encode()) > limit:
                raise UnreadableRowError(f"{name} has more than {limit} bytes")
        for at, name, latest in self._times:
            time = row[at]
            if time is not None:
                if time.tzinfo is None:
                    raise UnreadableRowError(f"{name} has no offset from UTC")
                if not _EARLIEST <= time <= latest:
                    raise UnreadableRowError(f"{name} is out of bounds: {time.isoformat()}")
        self._check_more(row)
        return tuple(row)


class _Part(NamedTuple):
    """Columns that one event sets together: a register, or the facts of a set."""

    at: range
    compared: int
    """Place of the column by which values are compared."""
    is_versioned: bool
    is_always_set: bool
    needed: Mapping[Any, Sequence[int]]
    """By the constant of the event's type, the columns that the event must have."""
    excluded: Mapping[Any, Sequence[int]]
    """The same for columns that the event cannot have."""
    conditions: Mapping[Any, Sequence[Condition]]
    """The same for what the contract says of several members together."""
    kind_at: int | None
    """Place of the column that has the constant; None: one kind of event."""
    erasable: Sequence[int]
    """The columns whose text is empty once it is erased."""


class _TableChecks:
    """Checks registers and versions of a row, and replaces hexadecimal digits by bytes."""

    def __init__(self, table: Table, latest: int) -> None:
        self._names = table.column_names
        self._latest = latest
        self._key = range(len(table.key))
        self._parts = [
            _register_part(table, span, register)
            for span, register in zip(table.spans, table.registers, strict=True)
        ]
        if table.added_by:
            facts = range(len(table.key), len(table.columns))
            self._parts.append(
                _part(table, table.facts, table.added_by, facts)._replace(
                    compared=table.column_names.index("version")
                )
            )
            self._identity = tuple(
                map(table.column_names.index, ("occurred_at", "event_id", "source", "digest"))
            )
        names = table.column_names
        self._erased_at = names.index("erased_at") if "erased_at" in names else None
        self._is_set = bool(table.added_by)
        self._is_override = table is DISCUSSION_OVERRIDES

    def __call__(self, row: list[Any]) -> None:
        for at in self._key:
            if row[at] is None:
                raise UnreadableRowError(f"{self._names[at]} is null")
        is_empty = True
        for part in self._parts:
            if row[part.compared] is None:
                self._check_unset(row, part)
                continue
            is_empty = False
            kind = None if part.kind_at is None else row[part.kind_at]
            if kind is None and part.kind_at is not None:
                raise UnreadableRowError(f"{self._names[part.kind_at]} is null")
            for at in part.needed.get(kind, ()):
                if row[at] is None:
                    raise UnreadableRowError(f"{self._names[at]} is null")
            for at in part.excluded.get(kind, ()):
                if row[at] is not None:
                    raise UnreadableRowError(f"{self._names[at]} is set, although it is {kind}")
            if part.is_versioned:
                row[part.compared] = self._version(row, part.compared)
            if not self._may_be_erased(row, part):
                for at in part.erasable:
                    if not row[at]:
                        raise UnreadableRowError(f"{self._names[at]} is empty, but not erased")
                for condition in part.conditions.get(kind, ()):
                    condition.check(row)
        if is_empty:
            raise UnreadableRowError("it has no version: no event can have made it")
        if self._is_set:
            self._check_identity(row)
        if self._is_override:
            self._check_override(row)

    def _may_be_erased(self, row: list[Any], part: _Part) -> bool:
        """Return whether an erasure may have emptied what an event set. That of an edit is known
        only from its comment, which is another row.
        """
        if self._erased_at is None:
            return self._is_set and bool(part.erasable)
        erased_at = row[self._erased_at]
        return (
            erased_at is not None
            and part.is_versioned
            and time_of(row[part.compared]) <= from_datetime(erased_at)
        )

    def _check_unset(self, row: list[Any], part: _Part) -> None:
        if part.is_always_set:
            raise UnreadableRowError(f"{self._names[part.compared]} is null")
        for at in part.at:
            if row[at] is not None:
                raise UnreadableRowError(
                    f"{self._names[at]} is set, but {self._names[part.compared]} is null"
                )

    def _version(self, row: list[Any], at: int) -> bytes:
        name = self._names[at]
        version = _bytes(row[at], name)
        try:
            if len(version) < _SHORTEST_VERSION:
                raise ValueError
            occurred_at, event_id, source, digest = read_order_key(version)
            if order_key(occurred_at, event_id, source, digest) != version:
                raise ValueError
        except ValueError:
            raise UnreadableRowError(f"{name} is not the version of an event") from None
        for text in (event_id, source):
            if not 1 <= len(text.encode()) <= MAX_ID_BYTES:
                raise UnreadableRowError(f"{name} has an id or source of the wrong length")
        if not EARLIEST <= occurred_at <= self._latest:
            raise UnreadableRowError(f"{name} has a time that is out of bounds")
        return version

    def _check_identity(self, row: list[Any]) -> None:
        occurred_at, event_id, source, digest = self._identity
        row[digest] = _bytes(row[digest], "digest")
        if len(row[digest]) != _DIGEST_BYTES:
            raise UnreadableRowError("digest is not a SHA-256")
        parts = (from_datetime(row[occurred_at]), row[event_id], row[source], row[digest])
        if order_key(*parts) != row[self._names.index("version")]:
            raise UnreadableRowError(
                "version is not made of the row's occurred_at, event_id, source and digest"
            )

    def _check_override(self, row: list[Any]) -> None:
        names = ("action", "closes_at", "decided_at")
        action, closes_at, decided_at = (row[self._names.index(name)] for name in names)
        if closes_at is not None and ends_before_it_begins(action, closes_at, decided_at):
            raise UnreadableRowError(f"to {action}, closes_at must lie after decided_at")


def _bytes(digits: str, name: str) -> bytes:
    try:
        found = bytes.fromhex(digits)
    except ValueError:
        found = b""
    if found.hex() != digits or not found:
        raise UnreadableRowError(f"{name} is not written in lower-case hexadecimal digits")
    return found


def _register_part(table: Table, span: slice, register: Register) -> _Part:
    part = _part(table, register.columns, register.set_by, range(span.start, span.stop))
    every_type = {each for other in table.registers for each in other.set_by}
    return part._replace(
        is_versioned=register.is_versioned, is_always_set=every_type == set(register.set_by)
    )


def _part(table: Table, columns: Sequence[Column], types: Sequence[str], at: range) -> _Part:
    with_kinds = [
        (place, column)
        for place, column in zip(at, columns, strict=True)
        if any(isinstance(column.source_in(each), Constant) for each in types)
    ]
    kind_at = None
    constants: dict[str, Any] = dict.fromkeys(types)
    if with_kinds:
        kind_at, column = with_kinds[0]
        constants = {
            each: source.value
            for each in types
            if isinstance(source := column.source_in(each), Constant)
        }
    needed: dict[Any, list[int]] = {}
    excluded: dict[Any, list[int]] = {}
    together: dict[Any, list[Condition]] = {}
    for event_type in types:
        kind = constants[event_type]
        sources = [
            (place, column.source_in(event_type)) for place, column in zip(at, columns, strict=True)
        ]
        needed[kind] = [
            place
            for place, source in sources
            if source is not None and (isinstance(source, Constant) or "?" not in source)
        ]
        excluded[kind] = [place for place, source in sources if source is None]
        together[kind] = list(conditions(event_type, at, columns))
    erasable = [
        place
        for place, column in zip(at, columns, strict=True)
        if column.name in _ERASABLE.get(table.name, ())
    ]
    return _Part(at, at[-1], True, True, needed, excluded, together, kind_at, erasable)


def _rules_of(table: Table) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each column's name and the rules of its values, in the words of the schemas."""
    every_type = {each for register in table.registers for each in register.set_by}
    for column in table.key + table.facts:
        rules = _rules(column, table.added_by or sorted(every_type))
        yield column.name, _but_erasable(table, column, rules)
    for register in table.registers:
        for column in register.columns:
            rules = _rules(column, register.set_by)
            if not register.set_by:  # but erasures
                rules = {"x-time-bound": "past"}
            yield column.name, _but_erasable(table, column, rules)


def _but_erasable(table: Table, column: Column, rules: dict[str, Any]) -> dict[str, Any]:
    """Return the rules of a column, without a least length if its text can be erased."""
    if column.name in _ERASABLE.get(table.name, ()):
        return {name: rule for name, rule in rules.items() if name != "minLength"}
    return rules


def _rules(column: Column, event_types: Sequence[str]) -> dict[str, Any]:
    sources = {each: column.source_in(each) for each in event_types}
    constants = [each.value for each in sources.values() if isinstance(each, Constant)]
    if constants and isinstance(constants[0], str):
        return {"enum": constants}
    for event_type, source in sources.items():
        if isinstance(source, str):
            return (
                member_rules(event_type, source)
                if source.startswith("data.")
                else dict(_OF_ENVELOPE.get(source, {}))
            )
    return {}


def _type(kind: str, rules: Mapping[str, Any]) -> Any:
    if "enum" in rules:
        return Literal[tuple(each for each in rules["enum"] if each is not None)]
    if kind in ("integer", "bigint"):
        return Annotated[int, Meta(ge=rules.get("minimum"), le=rules.get("maximum"))]
    if kind == "text":
        pattern = rules.get("pattern")
        return Annotated[
            str,
            Meta(
                min_length=rules.get("minLength"),
                max_length=rules.get("maxLength"),
                pattern=None if pattern is None else f"{pattern[:-1]}\\Z",
            ),
        ]
    return _PLAIN_TYPES[kind]


def _rule_of_rules(name: str) -> dict[str, Any]:
    rules: dict[str, dict[str, Any]] = {
        "rule_id": {"minimum": 1, "maximum": 2**62},
        "scope": {"enum": ["all", "site", "section"]},
        "site": _IDENTIFIER,
        "section": _IDENTIFIER,
        "window_hours": {"minimum": 1, "maximum": 87_600},
        "reactions_window_hours": {"minimum": 0, "maximum": 87_600},
        "created_at": {"x-time-bound": "past"},
        "created_by": {"minLength": 1},
    }
    return rules.get(name, {})


def _check_rule(row: list[Any]) -> None:
    values = dict(zip((name for name, _ in RULES.columns), row, strict=True))
    for name, value in values.items():
        if value is None and name not in ("site", "section", "note"):
            raise UnreadableRowError(f"{name} is null")
    scope, site, section = values["scope"], values["site"], values["section"]
    if scope != ("section" if section is not None else "site" if site is not None else "all"):
        raise UnreadableRowError(f"scope is {scope}, which does not fit its site and section")
    if values["valid_from"] == "infinity":
        return
    if values["valid_from"] != "-infinity":
        valid_from = instant(values["valid_from"])
        if valid_from is None:
            raise UnreadableRowError("valid_from is neither a time nor -infinity or infinity")
        if not values["retroactive"] and valid_from.since_1970 < from_datetime(
            values["created_at"]
        ):
            raise UnreadableRowError("valid_from is before created_at, and it is not retroactive")
    elif not values["retroactive"]:
        raise UnreadableRowError("valid_from is -infinity, and it is not retroactive")


def _plain(error: msgspec.MsgspecError) -> str:
    """Return what is wrong with a row, as a clause."""
    text = str(error).replace("`", "")
    what, _, place = text.partition(" - at $.")
    if not what[1:2].isupper():  # such as JSON
        what = what[0].lower() + what[1:]
    return f"{place}: {what}" if place else what
