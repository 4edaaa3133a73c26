"""Which event set each field, and what became of the others: the fold told, instead of done.

Everything here comes from what the log holds and what the tables hold; of events that the log no
longer has only the winners are known, by the versions that the rows keep.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from below_the_line.contracts.events import Event, Rejection, read_order_key
from below_the_line.contracts.times import to_datetime
from below_the_line.event_tables.description import TABLES, Register, Table
from consumers.core.batch import Partition
from consumers.core.fold import Fold

Row = Mapping[str, Any]
"""A row of schema ``discussion`` by column; versions as bytes."""


@dataclass(frozen=True, order=True)
class Place:
    """Where a record lies."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}-{self.partition} @ {self.offset}"


@dataclass(frozen=True)
class EventName:
    """An event as its version names it."""

    occurred_at: datetime
    event_id: str
    source: str

    @classmethod
    def of(cls, version: bytes) -> "EventName":
        """The event that an order key is of."""
        occurred_at, event_id, source, _ = read_order_key(version)
        return cls(to_datetime(occurred_at), event_id, source)

    def __str__(self) -> str:
        return f"{self.event_id} of {self.source}"


@dataclass(frozen=True)
class Setting:
    """A register of a row, and the event that set it."""

    row: str
    """Table and key, shortened to what distinguishes it."""
    register: str
    values: Row
    rule: str
    """Why this event and no other."""
    by: EventName | None
    """None where only a time is kept, and the log no longer has the event."""
    event_type: str | None
    """None when the log no longer has the event."""
    place: Place | None
    agrees: bool
    """Whether what the log says and what the table says are the same, as far as both say
    anything.
    """


@dataclass(frozen=True)
class Told:
    """One record of the log, and what became of it."""

    place: Place
    event_type: str | None
    event_id: str | None
    occurred_at: datetime | None
    outcomes: tuple[str, ...]


@dataclass(frozen=True)
class Explanation:
    """All that is known of one article or comment."""

    settings: tuple[Setting, ...]
    told: tuple[Told, ...]
    conflicts: tuple[str, ...]
    """Ids that were used for more than one content."""
    missing: tuple[str, ...]
    """Events that the log has and a history of events has not, or not as they were."""

    @property
    def agrees(self) -> bool:
        """Whether nothing that is stored contradicts the log."""
        return not self.missing and all(setting.agrees for setting in self.settings)


Ingested = Mapping[Partition, range]
"""The offsets that were ingested, by partition: those before the range were passed over when
offsets were reset, those behind it are still to come.
"""


class _Claim(NamedTuple):
    """An event's bid for a register."""

    values: tuple[Any, ...]
    """What it would set: the register's columns, the version last."""
    event: Event
    place: Place

    @property
    def version(self) -> Any:
        return self.values[-1]


_Slot = tuple[str, tuple[Any, ...], int]
"""Table, key, number of the register."""
_BY_NAME = {table.name: table for table in TABLES}


def explain(
    events: Iterable[tuple[Place, Event]],
    rejections: Iterable[tuple[Place, Rejection]],
    rows: Mapping[str, Sequence[Row]],
    ingested: Ingested,
) -> Explanation:
    """What the events of one article or comment came to.

    ``rows`` are the stored rows by table; what the log has beside what was ``ingested`` is not
    compared. Events may come in any order, and more than once.
    """
    in_order = sorted(events, key=lambda each: each[0])
    bids, first_places = _bids(in_order, ingested)
    winners = {slot: _winner(slot, claims) for slot, claims in bids.items()}
    settings = tuple(_settings(rows, winners))
    told = [
        *(_told(place, event, first_places, winners, ingested) for place, event in in_order),
        *(
            Told(
                place,
                rejection.schema_version,
                None,
                None,
                (f"refused: {rejection.code}. {rejection.message}",),
            )
            for place, rejection in rejections
        ),
    ]
    return Explanation(
        settings,
        tuple(sorted(told, key=lambda each: each.place)),
        tuple(_conflicts(in_order)),
        tuple(
            _missing(
                (event for place, event in in_order if first_places.get(event.version) == place),
                rows,
            )
        ),
    )


def rule(table: Table, number: int) -> str:
    """The join of a register in words. Stated here once, from the same data as the fold."""
    register = table.registers[number]
    if not register.is_versioned:
        return "the earliest addition counts"
    return (
        "the first one counts, later ones change nothing"
        if register.keeps == "least"
        else "the last one counts"
    )


def _folded(event: Event) -> Iterator[tuple[Table, tuple[Any, ...]]]:
    """The rows that an event alone would make."""
    fold = Fold()
    fold.add(0, event)
    for folded in fold:
        (row,), _ = folded.staged()
        yield folded.table, row


def _claims(event: Event) -> Iterator[tuple[_Slot, tuple[Any, ...]]]:
    """The registers that an event bids for, each with what it would set: what the fold of this
    event alone holds.
    """
    for table, row in _folded(event):
        key = tuple(row[: len(table.key)])
        for number, span in enumerate(table.spans):
            values = row[span]
            if values[-1] is not None:
                yield (table.name, key, number), values


def _missing(events: Iterable[Event], rows: Mapping[str, Sequence[Row]]) -> Iterator[str]:
    """What the histories should have of these events, and have not: tables whose key names the
    event itself.
    """
    for event in events:
        for table, row in _folded(event):
            if table.registers:
                continue
            expected = dict(zip(table.column_names, row, strict=True))
            if not any(_has(kept, expected) for kept in rows.get(table.name, ())):
                yield f"{table.name}, {EventName.of(event.version)}"


def _has(row: Row, expected: Row) -> bool:
    return all(row.get(column) == value for column, value in expected.items())


def _offset_range(place: Place, ingested: Ingested) -> range:
    return ingested.get(Partition(place.topic, place.partition), range(0))


def _bids(
    events: Sequence[tuple[Place, Event]], ingested: Ingested
) -> tuple[dict[_Slot, list[_Claim]], dict[bytes, Place]]:
    bids: dict[_Slot, list[_Claim]] = {}
    first_places: dict[bytes, Place] = {}
    for place, event in events:
        if place.offset not in _offset_range(place, ingested) or event.version in first_places:
            continue
        first_places[event.version] = place
        for slot, values in _claims(event):
            bids.setdefault(slot, []).append(_Claim(values, event, place))
    return bids, first_places


def _register(slot: _Slot) -> Register:
    return _BY_NAME[slot[0]].registers[slot[2]]


def _winner(slot: _Slot, claims: Collection[_Claim]) -> _Claim:
    best = min if _register(slot).keeps == "least" else max
    # Of equal times of addition, the earlier version is named.
    return best(claims, key=lambda claim: (claim.version, claim.event.version))


def _settings(
    rows: Mapping[str, Sequence[Row]], winners: Mapping[_Slot, _Claim]
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
                yield _setting(table, slot, row, kept, winner)
    for slot, winner in winners.items():
        if slot not in seen:
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
    # The log may have lost the winner, but never holds one that should have won, and what it set is
    # there as it was.
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


def _told(
    place: Place,
    event: Event,
    first_places: Mapping[bytes, Place],
    winners: Mapping[_Slot, _Claim],
    ingested: Ingested,
) -> Told:
    first, offsets = first_places.get(event.version), _offset_range(place, ingested)
    if place.offset >= offsets.stop:
        outcomes = ["not ingested yet"]
    elif place.offset < offsets.start:
        outcomes = [f"not compared: offsets were reset, to {offsets.start}"]
    elif first is not None and first != place:
        outcomes = [f"duplicate of {first}"]
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
    return Told(place, event.type, event.id, to_datetime(event.occurred_at), tuple(outcomes))


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
