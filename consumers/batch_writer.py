"""Writing batches in turn: one is filled while the one before it is merged by the server."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from below_the_line.contracts.events import Record, Rejection
from consumers.core.batch import Batch, BatchPolicy, DecodedRecord, Entry, Partition
from consumers.core.observer import Observer
from consumers.core.ports import Clock, Store


@dataclass
class Totals:
    """What was committed since the last line in the log."""

    records: int = 0
    applied: int = 0
    unchanged: int = 0
    dead_lettered: int = 0
    batches: int = 0


class BatchWriter:
    """The batch that is being filled, and the one that is in flight. Its methods raise StoreError
    where they say that they write or wait.
    """

    def __init__(
        self,
        store: Store,
        policy: BatchPolicy,
        observer: Observer,
        clock: Clock,
        committed: Callable[[Sequence[Entry]], None],
    ) -> None:
        """``committed`` is called with the ledger's lines of each batch that was committed."""
        self._store = store
        self._policy = policy
        self._observer = observer
        self._now = clock
        self._committed = committed
        self._batch = Batch()
        self._in_flight: Batch | None = None
        self._totals = Totals()
        self.has_changes = False
        """Whether rows changed since the metrics were last notified."""
        self.canceled = 0
        """The number of times in a row that a batch was cancelled."""
        self.is_failing = False
        """Whether a fault kept a batch from being written, and none was written since."""

    # The batch that is being filled

    def add(
        self,
        partition: Partition,
        decoded: Sequence[DecodedRecord],
        first_offset: int,
        next_offset: int,
        now: float,
    ) -> list[tuple[Record, Rejection]]:
        """Add records of one partition that were read at ``now``. Return the dead letters among
        them.
        """
        return self._batch.add(partition, decoded, first_offset, next_offset, now)

    @property
    def room(self) -> int:
        """The number of records until the batch is full; at least one."""
        return max(1, self._policy.records - len(self._batch))

    @property
    def is_due(self) -> bool:
        """Whether the batch is full, or its first record has waited long enough."""
        return self._policy.is_due(len(self._batch), self._batch.first_at, self._now())

    @property
    def due_at(self) -> float | None:
        """When the batch is due though it is not full; None without a record."""
        first_at = self._batch.first_at
        return None if first_at is None else first_at + self._policy.seconds

    # The batch in flight

    @property
    def is_writing(self) -> bool:
        """Whether a batch is in flight."""
        return self._in_flight is not None

    def begin(self) -> None:
        """Send the batch, unless one is in flight; the next one is filled meanwhile."""
        if self._in_flight is None:
            self._in_flight, self._batch = self._batch, Batch()
            self._store.begin(self._in_flight)

    def finish_if_ready(self, *, wait: bool) -> None:
        """Commit the batch in flight if the server has merged it; with ``wait``, wait for that."""
        if self._in_flight is not None and (wait or self._store.is_ready()):
            self.finish()

    def finish(self) -> None:
        """Wait for the batch in flight, and commit it."""
        entries = self._store.finish()
        batch, self._in_flight = self._in_flight, None
        self.canceled = 0
        if batch is not None:
            self._account(batch, entries)

    def write(self, batch: Batch) -> None:
        """Send a batch, wait for it and commit it."""
        self._store.begin(batch)
        self._account(batch, self._store.finish())

    def write_rest(self) -> None:
        """Write what was read. As the last act: nothing is read afterwards."""
        if len(self._batch):
            self.write(self._batch)

    def take_failed(self) -> Batch | None:
        """Return the batch that was in flight when the store failed; it is in flight no more."""
        batch, self._in_flight = self._in_flight, None
        return batch

    def drop(self) -> None:
        """Forget both batches: their records are read again."""
        self._store.abandon()
        self._in_flight, self._batch = None, Batch()

    # What was written

    def _account(self, batch: Batch, entries: Sequence[Entry]) -> None:
        self._observer.committed(batch, entries)
        totals = self._totals
        totals.batches += 1
        for entry in entries:
            totals.records += entry.records
            totals.applied += entry.applied
            totals.unchanged += entry.unchanged
            totals.dead_lettered += entry.dead_lettered
            self.has_changes = self.has_changes or entry.applied > 0
        self._committed(entries)

    def take_totals(self) -> Totals | None:
        """Return what was committed since the last call; None if nothing was."""
        if not self._totals.batches:
            return None
        totals, self._totals = self._totals, Totals()
        return totals
