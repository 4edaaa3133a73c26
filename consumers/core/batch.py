"""A batch: the records between one commit and the next, and what happens to each of them."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from below_the_line.contracts.events import Event, Record, Rejection
from consumers.core.fold import Fold


class Partition(NamedTuple):
    """A partition of a topic."""

    topic: str
    number: int

    def __str__(self) -> str:
        return f"{self.topic}-{self.number}"


class DecodedRecord(NamedTuple):
    """A record and what the contracts made of it."""

    record: Record
    result: Event | Rejection


@dataclass(frozen=True)
class BatchPolicy:
    """When a batch is written: when it has ``records`` records, or when its first record has waited
    for ``seconds``.
    """

    records: int
    seconds: float

    def is_due(self, records: int, first_at: float | None, now: float) -> bool:
        """Return whether to write a batch with this number of records.

        ``first_at`` is when its first record was read, ``now`` the present time, both in seconds of
        a monotonic clock.
        """
        return first_at is not None and (records >= self.records or now - first_at >= self.seconds)


@dataclass(frozen=True)
class Entry:
    """A line of the ledger, for one partition.

    Raises ValueError unless records = applied + unchanged + dead_lettered.
    """

    partition: Partition
    first_offset: int
    next_offset: int
    records: int
    applied: int
    unchanged: int
    dead_lettered: int

    def __post_init__(self) -> None:
        if self.records != self.applied + self.unchanged + self.dead_lettered:
            raise ValueError(f"the account of {self.partition} does not add up: {self}")

    @property
    def kind(self) -> str:
        """``batch``, or ``empty`` when only the position moved."""
        return "batch" if self.records else "empty"


@dataclass
class Batch:
    """Records in the order read, at most one span of offsets per partition.

    ``first_offsets`` and ``next_offsets`` say, per partition, where the batch begins and where
    reading goes on after it; offsets in between that have no record (transaction markers,
    compaction) belong to it.
    """

    first_at: float | None = None
    """When its first record was read, on a monotonic clock."""
    decoded: list[DecodedRecord] = field(default_factory=list, init=False)
    """Only ``_append`` adds to it, and counts what it adds."""
    first_offsets: dict[Partition, int] = field(default_factory=dict, init=False)
    next_offsets: dict[Partition, int] = field(default_factory=dict, init=False)
    _records: Counter[Partition] = field(default_factory=Counter, init=False)
    _dead_letters: list[tuple[Record, Rejection]] = field(default_factory=list, init=False)

    @classmethod
    def scattered(cls, decoded: Iterable[DecodedRecord]) -> "Batch":
        """Return a batch of records that were not read one after the other, in offset order.

        The span of each partition is from its first record to its last.
        """
        batch = cls()
        batch._append_mixed(decoded)
        for record, _ in batch.decoded:
            partition = Partition(record.topic, record.partition)
            batch.first_offsets.setdefault(partition, record.offset)
            batch.next_offsets[partition] = record.offset + 1
        return batch

    def __len__(self) -> int:
        return len(self.decoded)

    def add(
        self,
        partition: Partition,
        decoded: Sequence[DecodedRecord],
        first_offset: int,
        next_offset: int,
        now: float,
    ) -> list[tuple[Record, Rejection]]:
        """Add records of one partition that were read at ``now``, continuing at ``first_offset``.
        Return those that are not valid events, with the reason.
        """
        if self.next_offsets.setdefault(partition, first_offset) != first_offset:
            raise ValueError(
                f"{partition}: records from {first_offset} do not follow"
                f" {self.next_offsets[partition]}"
            )
        self.first_offsets.setdefault(partition, first_offset)
        self.next_offsets[partition] = next_offset
        if self.first_at is None:
            self.first_at = now
        return self._append(partition, decoded)

    def _append(
        self, partition: Partition, decoded: Sequence[DecodedRecord]
    ) -> list[tuple[Record, Rejection]]:
        """Append records of one partition; return the dead letters among them."""
        dead = [(record, result) for record, result in decoded if type(result) is Rejection]
        self.decoded += decoded
        self._records[partition] += len(decoded)
        self._dead_letters += dead
        return dead

    def _append_mixed(self, decoded: Iterable[DecodedRecord]) -> None:
        for each in decoded:
            self._append(Partition(each.record.topic, each.record.partition), [each])

    @property
    def has_events(self) -> bool:
        """Whether any of its records is a valid event."""
        return len(self.decoded) > len(self._dead_letters)

    def has_event_until(self, time: int) -> bool:
        """Return whether any of its events occurred at or before a time (microseconds since
        1970).
        """
        return any(
            type(result) is Event and result.occurred_at <= time for _, result in self.decoded
        )

    def folded(self, change: Callable[[Event], Event] | None = None) -> Fold:
        """Return the rows that the valid events come to, by key. Records are numbered by their
        place in ``decoded``. ``change``: each event is folded as this returns it.
        """
        fold = Fold()
        add = fold.add
        for number, (_, result) in enumerate(self.decoded):
            if type(result) is Event:
                add(number, result if change is None else change(result))
        return fold

    def dead_letters(self) -> Sequence[tuple[Record, Rejection]]:
        """Return the records that are not valid events, with the reason."""
        return self._dead_letters

    def entries(self, applied: set[int] | None) -> list[Entry]:
        """Return the ledger's lines of this batch, one per partition.

        ``applied`` has the numbers of the records that changed a row; None: all valid ones did.
        """
        records = self._records
        dead = Counter(Partition(*record[:2]) for record, _ in self._dead_letters)
        changed = (
            records - dead
            if applied is None
            else Counter(Partition(*self.decoded[number].record[:2]) for number in applied)
        )
        return [
            Entry(
                partition,
                self.first_offsets[partition],
                self.next_offsets[partition],
                records[partition],
                changed[partition],
                records[partition] - changed[partition] - dead[partition],
                dead[partition],
            )
            for partition in sorted(self.first_offsets)
        ]

    def halves(self) -> tuple["Batch", "Batch"]:
        """The batch in two parts that are written one after the other; each has at least one
        record.

        Raises ValueError for a batch of fewer than two records.
        """
        if len(self.decoded) < 2:
            raise ValueError("a batch of fewer than two records has no halves")
        middle = len(self.decoded) // 2
        left, right = Batch(self.first_at), Batch(self.first_at)
        left._append_mixed(self.decoded[:middle])
        right._append_mixed(self.decoded[middle:])
        split = dict(self.first_offsets)
        for record, _ in left.decoded:
            split[Partition(record.topic, record.partition)] = record.offset + 1
        in_right = {Partition(record.topic, record.partition) for record, _ in right.decoded}
        for partition, first_offset in self.first_offsets.items():
            # What has no record in the right half belongs to the left one, up to its end.
            middle_offset = (
                split[partition] if partition in in_right else self.next_offsets[partition]
            )
            if middle_offset > first_offset or partition not in in_right:
                left.first_offsets[partition] = first_offset
                left.next_offsets[partition] = middle_offset
            if partition in in_right:
                right.first_offsets[partition] = middle_offset
                right.next_offsets[partition] = self.next_offsets[partition]
        return left, right

    def reject_only_record(self, rejection: Rejection) -> "Batch":
        """Return this batch of one record with the record as a dead letter."""
        (only,) = self.decoded
        batch = Batch(self.first_at)
        batch.first_offsets, batch.next_offsets = self.first_offsets, self.next_offsets
        batch._append_mixed([DecodedRecord(only.record, rejection)])
        return batch


def applied_records(
    unchanged_rows: Mapping[str, set[int]], members: Mapping[str, list[list[int]]]
) -> set[int] | None:
    """Return the numbers of the records that inserted or changed a row; None if all did.

    ``members[table][row_number]`` lists the records of each staged row; ``unchanged_rows[table]``
    the rows left as they were. All records that went into a changed row count as applied.
    """
    if not any(unchanged_rows.values()):
        return None
    applied: set[int] = set()
    for table, rows in members.items():
        unchanged = unchanged_rows[table]
        for row_number, records in enumerate(rows):
            if row_number not in unchanged:
                applied.update(records)
    return applied
