"""Which event set each register of a row, and what happened to the other events.

Everything here follows from the records in the log and the rows in the tables. The log may have
lost events. Of those only the winners are known, by the versions that rows keep.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple

from below_the_line.contracts.events import Event, Rejection, read_order_key
from below_the_line.contracts.times import to_datetime
from below_the_line.erasing.keys import PSEUDONYM_PREFIX
from below_the_line.event_tables.description import (
    EDITED,
    POSTED,
    REACTION_ADDED,
    REACTION_REMOVED,
    REPORT_DECIDED,
    REPORTED,
    TABLES,
    Register,
    Table,
)
from consumers.core.batch import Partition
from consumers.core.fold import Fold

Row = Mapping[str, Any]
"""A row of schema ``discussion`` by column. Versions are bytes."""


@dataclass(frozen=True, order=True)
class Place:
    """The position of a record in the log."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}-{self.partition} @ {self.offset}"


@dataclass(frozen=True)
class EventName:
    """The name of an event, as its version has it."""

    occurred_at: datetime
    event_id: str
    source: str

    @classmethod
    def of(cls, version: bytes) -> "EventName":
        """Return the name of the event that an order key belongs to."""
        occurred_at, event_id, source, _ = read_order_key(version)
        return cls(to_datetime(occurred_at), event_id, source)

    def __str__(self) -> str:
        return f"{self.event_id} of {self.source}"


@dataclass(frozen=True)
class Setting:
    """A register of a row, and the event that set it."""

    row: str
    """The table, and the key without the article."""
    register: str
    values: Row
    rule: str
    """Why this event won."""
    by: EventName | None
    """None if the row keeps only a time and the log no longer has the event."""
    event_type: str | None
    """None if the log no longer has the event."""
    place: Place | None
    agrees: bool
    """False if the log contradicts the row."""


@dataclass(frozen=True)
class RecordOutcome:
    """One record of the log, and what happened to it."""

    place: Place
    event_type: str | None
    event_id: str | None
    occurred_at: datetime | None
    outcomes: tuple[str, ...]


@dataclass(frozen=True)
class Explanation:
    """All that is known about one article or comment."""

    settings: tuple[Setting, ...]
    records: tuple[RecordOutcome, ...]
    """In the order of the log."""
    conflicts: tuple[str, ...]
    """Event ids that were used for more than one content."""
    missing: tuple[str, ...]
    """Events of the log that an append-only table lacks, or has with other values."""

    @property
    def agrees(self) -> bool:
        """Whether the log contradicts no row."""
        return not self.missing and all(setting.agrees for setting in self.settings)


Ingested = Mapping[Partition, range]
"""The ingested offsets by partition. Offsets before the range were skipped by a reset of offsets;
offsets after it are not ingested yet.
"""


class _Claim(NamedTuple):
    """The values that an event offers to a register."""

    values: tuple[Any, ...]
    """The register's columns, the version last."""
    event: Event
    place: Place

    @property
    def version(self) -> Any:
        return self.values[-1]


_Slot = tuple[str, tuple[Any, ...], int]
"""Table, key and number of a register."""
_BY_NAME = {table.name: table for table in TABLES}


def explain(
    events: Iterable[tuple[Place, Event]],
    rejections: Iterable[tuple[Place, Rejection]],
    rows: Mapping[str, Sequence[Row]],
    ingested: Ingested,
    cut: Collection[str] = (),
    names: Mapping[tuple[Place, Rejection], tuple[str | None, str | None]] = MappingProxyType({}),
) -> Explanation:
    """Return which events of one article or comment set which registers, and why.

    Of the tables in ``cut`` not all rows are given: events that came to other rows are not compared
    with them.

    ``rows`` are the stored rows by table. Events outside of ``ingested`` are listed but not
    compared. Events may be in any order, and repeated. ``names`` has the event types and ids of
    rejected records, as far as they can be read.
    """
    in_order = sorted(events, key=lambda each: each[0])
    first_places = _first_places(in_order, ingested)
    forgotten = _Forgotten(
        (each for each in in_order if first_places.get(each[1].version) == each[0]), rows
    )
    claims = _claims_by_slot(in_order, first_places, forgotten)
    winners = {slot: _winner(slot, of_slot) for slot, of_slot in claims.items()}
    settings = tuple(_settings(rows, winners, cut, forgotten))
    records = [
        *(
            _outcome(place, event, first_places, winners, ingested, forgotten)
            for place, event in in_order
        ),
        *(
            RecordOutcome(
                place,
                names.get((place, rejection), (None, None))[0] or rejection.schema_version,
                names.get((place, rejection), (None, None))[1],
                None,
                (f"rejected: {rejection.code}. {rejection.message}",),
            )
            for place, rejection in rejections
        ),
    ]
    return Explanation(
        settings,
        tuple(sorted(records, key=lambda each: each.place)),
        tuple(_conflicts(in_order)),
        tuple(
            _missing(
                (
                    event
                    for place, event in in_order
                    if first_places.get(event.version) == place and event not in forgotten
                ),
                rows,
                cut,
            )
        ),
    )


def rule(table: Table, number: int) -> str:
    """Return the join of a register in words."""
    register = table.registers[number]
    if not register.set_by:
        return "everything up to it is forgotten"
    if not register.is_versioned:
        which = "earliest" if register.keeps == "least" else "latest"
        return f"the {which} addition counts"
    return (
        "the first one counts, later ones change nothing"
        if register.keeps == "least"
        else "the last one counts"
    )


def _folded(event: Event) -> Iterator[tuple[Table, tuple[Any, ...]]]:
    """Yield the rows that an event alone makes."""
    fold = Fold()
    fold.add(0, event)
    for folded in fold:
        (row,), _ = folded.staged()
        yield folded.table, row


def _claims(event: Event) -> Iterator[tuple[_Slot, tuple[Any, ...]]]:
    """Yield the registers that an event sets if it wins, each with its values."""
    for table, row in _folded(event):
        key = tuple(row[: len(table.key)])
        for number, span in enumerate(table.spans):
            values = row[span]
            if values[-1] is not None:
                yield (table.name, key, number), values


def _missing(
    events: Iterable[Event], rows: Mapping[str, Sequence[Row]], cut: Collection[str]
) -> Iterator[str]:
    """Yield the events that append-only tables lack, or have with other values."""
    stored = {
        (table.name, row["version"]): row
        for table in TABLES
        if not table.registers
        for row in rows.get(table.name, ())
    }
    for event in events:
        for table, row in _folded(event):
            if table.registers:
                continue
            expected = dict(zip(table.column_names, row, strict=True))
            kept = stored.get((table.name, event.version))
            if kept is None and table.name in cut:
                continue
            if kept is None or not _has(kept, expected):
                yield f"{table.name}, {EventName.of(event.version)}"


def _has(row: Row, expected: Row) -> bool:
    return all(row.get(column) == value for column, value in expected.items())


def _offset_range(place: Place, ingested: Ingested) -> range:
    return ingested.get(Partition(place.topic, place.partition), range(0))


def _first_places(events: Iterable[tuple[Place, Event]], ingested: Ingested) -> dict[bytes, Place]:
    """Return where each ingested event comes first, by its version."""
    found: dict[bytes, Place] = {}
    for place, event in events:
        if place.offset in _offset_range(place, ingested):
            found.setdefault(event.version, place)
    return found


def _claims_by_slot(
    events: Iterable[tuple[Place, Event]],
    first_places: Mapping[bytes, Place],
    forgotten: "_Forgotten",
) -> dict[_Slot, list[_Claim]]:
    claims: dict[_Slot, list[_Claim]] = {}
    for place, event in events:
        if first_places.get(event.version) == place and event not in forgotten:
            for slot, values in _claims(event):
                claims.setdefault(slot, []).append(_Claim(values, event, place))
    return claims


class _Forgotten:
    """The events of the log that an erasure applies to, as far as the rows say it.

    Their rows keep time, id and source of the event, and neither its texts nor its digest. So they
    are not compared. That needs no key: a moderator has none.
    """

    def __init__(
        self, events: Iterable[tuple[Place, Event]], rows: Mapping[str, Sequence[Row]]
    ) -> None:
        self._until = {
            (*(row[name] for name in _BY_NAME[table].key_names[1:]),): row["erased_at"]
            for table in ("comments", "reports")
            for row in rows.get(table, ())
            if row.get("erased_at") is not None
        }
        """Up to when texts of a comment, or of a report, are forgotten: by key without article."""
        self._reactions = {
            (row["comment_id"], row["user_id"], row["reaction"]): row["first_added_at"]
            for row in rows.get("reactions", ())
        }
        self._erased_reactions = {
            (comment_id, reaction)
            for comment_id, user_id, reaction in self._reactions
            if user_id.startswith(PSEUDONYM_PREFIX)
        }
        self._events = {
            event.version[:-32]: (place, event) for place, event in events if event in self
        }

    def __contains__(self, event: Event) -> bool:
        """Whether an erasure applies to this event."""
        return bool(self._until or self._erased_reactions) and self._applies(event)

    def _applies(self, event: Event) -> bool:
        data, at = event.data, to_datetime(event.occurred_at)
        if event.type in (REACTION_ADDED, REACTION_REMOVED):
            # Whose the rows of pseudonyms are is not known. But a row with the plain id begins
            # after the erasure.
            begun_at = self._reactions.get((data.comment_id, data.user_id, data.reaction))
            return (data.comment_id, data.reaction) in self._erased_reactions and (
                begun_at is None or data.reacted_at < begun_at
            )
        comment = (getattr(data, "comment_id", None),)
        report = (*comment, getattr(data, "report_id", None))
        keys: Mapping[str, Sequence[tuple[str | None, ...]]] = {
            POSTED: [comment],
            EDITED: [comment],
            REPORTED: [report],
            REPORT_DECIDED: [comment, report],
        }
        return any(at <= self._until[key] for key in keys.get(event.type, ()) if key in self._until)

    def named(self, version: bytes) -> tuple[Place, Event] | None:
        """Return the event whose time, id and source a row keeps; None: the log has none, or no
        erasure applies to it.
        """
        return self._events.get(version[:-32])


def _register(slot: _Slot) -> Register:
    return _BY_NAME[slot[0]].registers[slot[2]]


def _winner(slot: _Slot, claims: Collection[_Claim]) -> _Claim:
    best = min if _register(slot).keeps == "least" else max
    # Two additions at the same time: the one with the lesser version is named.
    return best(claims, key=lambda claim: (claim.version, claim.event.version))


def _settings(
    rows: Mapping[str, Sequence[Row]],
    winners: Mapping[_Slot, _Claim],
    cut: Collection[str],
    forgotten: _Forgotten,
) -> Iterator[Setting]:
    seen = set()
    for table in TABLES:
        for row in rows.get(table.name, ()):
            key = tuple(row[name] for name in table.key_names)
            for number, register in enumerate(table.registers):
                slot = (table.name, key, number)
                seen.add(slot)
                kept, winner = row[register.compared.name], winners.get(slot)
                if kept is None and winner is None:
                    continue
                setting = _setting(table, slot, row, kept, winner)
                found = forgotten.named(kept) if isinstance(kept, bytes) else None
                if found is not None and setting.place is None:
                    setting = replace(setting, event_type=found[1].type, place=found[0])
                yield setting
    for slot, winner in winners.items():
        if slot not in seen and slot[0] not in cut:
            table = _BY_NAME[slot[0]]
            yield _setting(
                table, slot, dict(zip(table.key_names, slot[1], strict=True)), None, winner
            )


def _setting(table: Table, slot: _Slot, row: Row, kept: Any, winner: _Claim | None) -> Setting:
    register = table.registers[slot[2]]
    is_named = winner is not None and winner.version == kept
    by = None
    if isinstance(kept, bytes):
        by = EventName.of(kept)
    elif winner is not None:
        by = EventName.of(winner.event.version)
    # The log may have lost the winner. But it has no event that should have won, and the row has
    # the values of the event that it names.
    agrees = winner is None or (
        kept is not None
        and _is_as_good(kept, winner.version, register)
        and (
            not is_named or winner.values == tuple(row[column.name] for column in register.columns)
        )
    )
    return Setting(
        row=" ".join((table.name, *map(str, slot[1][1:]))),
        register=_register_name(register),
        values={name: row.get(name) for name in _shown(register)},
        rule=rule(table, slot[2]),
        by=by,
        event_type=winner.event.type if winner is not None and is_named else None,
        place=winner.place if winner is not None and is_named else None,
        agrees=agrees,
    )


def _is_as_good(kept: Any, offered: Any, register: Register) -> bool:
    return bool(kept <= offered if register.keeps == "least" else kept >= offered)


def _shown(register: Register) -> tuple[str, ...]:
    shown = register.columns[:-1] if register.is_versioned else register.columns
    return tuple(column.name for column in shown)


def _register_name(register: Register) -> str:
    return register.compared.name.removesuffix("_version").replace("_", " ")


def _outcome(
    place: Place,
    event: Event,
    first_places: Mapping[bytes, Place],
    winners: Mapping[_Slot, _Claim],
    ingested: Ingested,
    forgotten: _Forgotten,
) -> RecordOutcome:
    first, offsets = first_places.get(event.version), _offset_range(place, ingested)
    if place.offset >= offsets.stop:
        outcomes = ["not ingested yet"]
    elif place.offset < offsets.start:
        outcomes = [f"not compared: offsets were reset, to {offsets.start}"]
    elif first is not None and first != place:
        outcomes = [f"duplicate of {first}"]
    elif event in forgotten:
        outcomes = ["not compared: erased"]
    else:
        outcomes = []
        for slot, _ in _claims(event):
            winner = winners[slot]
            name = f"{slot[0]}, {_register_name(_register(slot))}"
            if winner.event.version == event.version:
                outcomes.append(f"set {name}")
            else:
                why = rule(_BY_NAME[slot[0]], slot[2])
                outcomes.append(
                    f"stale for {name}: {EventName.of(winner.event.version)} wins ({why})"
                )
        if not outcomes:
            outcomes = ["kept in the history"]
    return RecordOutcome(
        place, event.type, event.id, to_datetime(event.occurred_at), tuple(outcomes)
    )


def _conflicts(events: Iterable[tuple[Place, Event]]) -> Iterator[str]:
    contents: dict[tuple[str, str], dict[bytes, Place]] = {}
    for place, event in events:
        contents.setdefault((event.source, event.id), {}).setdefault(event.digest, place)
    for (source, event_id), places in contents.items():
        if len(places) > 1:
            yield (
                f"{event_id} of {source} names {len(places)} different contents:"
                f" {', '.join(map(str, places.values()))}. Each counts as an event of its own."
            )
