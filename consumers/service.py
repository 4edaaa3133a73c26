"""The consumer: poll, judge, fold, write; and what to do when something of that fails."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import kafka.errors
import structlog

from below_the_line.contracts.decoding import Contracts
from below_the_line.contracts.events import Rejection
from below_the_line.errors import BelowTheLineError
from consumers.adapters.kafka import Polled, Source
from consumers.adapters.postgres import Store, StoreError
from consumers.core.batch import Batch, BatchPolicy, Entry, Judged, Partition
from consumers.core.failures import Failure, backoff_seconds
from consumers.core.positions import Stopped, start_position

log = structlog.get_logger(__name__)

NOTIFY_CHANNEL = "btl_dirty"
_IDLE_POLL_SECONDS = 0.25
_MERGING_POLL_SECONDS = 0.005
_HOUSEKEEPING_SECONDS = 1.0


@dataclass
class _Totals:
    """What was committed since the last line in the log."""

    records: int = 0
    applied: int = 0
    unchanged: int = 0
    dead_lettered: int = 0
    batches: int = 0


class Consumer:
    """One process of the consumer group, on the calling thread.

    Promises: what is committed is committed once (rows, dead letters, ledger and positions together); a record read is
    applied, unchanged or dead-lettered; a fault of database or broker is waited out. ``run`` returns after ``stop`` was
    called and what was read is written, or raises BelowTheLineError for a defect that no waiting cures.
    """

    def __init__(
        self,
        source: Source,
        store: Store,
        contracts: Contracts,
        policy: BatchPolicy,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._store = store
        self._decode = contracts.decode
        self._policy = policy
        self._now = monotonic
        self._stopping = threading.Event()
        self._batch = Batch()
        self._in_flight: Batch | None = None
        self._next_offsets: dict[Partition, int] = {}
        """Of the partitions that are read: the offset after what was read, whether written or not."""
        self._committed: dict[Partition, int] = {}
        self._attempt = 0
        self._broker_attempt = 0
        self._retry_at: float | None = None
        self._confirm_membership = False
        self._canceled = 0
        self._housekeeping_at = 0.0
        self._dirty = False
        self._totals = _Totals()

    def stop(self) -> None:
        """Ask ``run`` to finish what was read and return. May be called from a signal handler."""
        self._stopping.set()

    def run(self) -> None:
        """Consume until stopped."""
        try:
            while not self._stopping.is_set():
                self._turn()
            self._drain()
        finally:
            self._source.close()
            self._store.close()

    # One turn of the loop

    def _turn(self) -> None:
        try:
            polled = self._source.poll(self._poll_seconds(), max(1, self._policy.records - len(self._batch)))
        except (kafka.errors.OffsetOutOfRangeError, kafka.errors.LogTruncationError) as error:
            log.warning("position out of range", error=str(error))
            self._retry_later()
            return
        except kafka.errors.KafkaError as error:
            self._broker_attempt += 1
            log.warning("broker away", error=type(error).__name__, detail=str(error), attempt=self._broker_attempt)
            self._stopping.wait(backoff_seconds(self._broker_attempt, random.random()))  # noqa: S311
            return
        self._broker_attempt = 0
        assigned = self._source.changed_assignment()
        if assigned is not None:
            # Whatever this poll returned may belong to partitions that are ours no more: all is read again.
            self._settle()
            log.info("assigned", partitions=sorted(map(str, assigned)))
            self._retry_at, self._attempt = self._now(), 0
            self._confirm_membership = False
        if self._retry_at is not None:
            if self._now() >= self._retry_at:
                self._take()
            return
        for each in polled:
            self._judge(each)
        self._write_if_due()

    def _poll_seconds(self) -> float:
        now = self._now()
        if self._in_flight is not None:
            return _MERGING_POLL_SECONDS
        if self._batch.first_at is not None:
            return max(0.0, min(_IDLE_POLL_SECONDS, self._batch.first_at + self._policy.seconds - now))
        if self._retry_at is not None:
            return max(0.0, min(_IDLE_POLL_SECONDS, self._retry_at - now))
        return _IDLE_POLL_SECONDS

    def _judge(self, polled: Polled) -> None:
        first_offset = self._next_offsets.get(polled.partition)
        if first_offset is None:
            return
        decode = self._decode
        self._batch.add(
            polled.partition,
            [Judged(record, decode(record)) for record in polled.records],
            first_offset,
            polled.position,
            self._now(),
        )
        self._next_offsets[polled.partition] = polled.position

    def _write_if_due(self) -> None:
        try:
            is_due = self._policy.is_due(len(self._batch), self._batch.first_at, self._now())
            if self._in_flight is not None and (is_due or self._store.is_ready()):
                self._finish()
            self._keep_house()
            if self._in_flight is None and is_due:
                self._in_flight, self._batch = self._batch, Batch()
                self._store.begin(self._in_flight)
        except StoreError as error:
            self._handle(error)

    def _finish(self) -> None:
        entries = self._store.finish()
        self._in_flight = None
        self._canceled = 0
        self._account(entries)

    def _account(self, entries: list[Entry]) -> None:
        totals = self._totals
        totals.batches += 1
        # Only a batch that was written ends a row of failures: taking partitions works also where writing does not.
        self._attempt = 0
        for entry in entries:
            self._committed[entry.partition] = entry.next_offset
            totals.records += entry.records
            totals.applied += entry.applied
            totals.unchanged += entry.unchanged
            totals.dead_lettered += entry.dead_lettered
            self._dirty = self._dirty or entry.applied > 0

    def _keep_house(self) -> None:
        """About once a second, between two batches: tell what was done, wake the metrics, pass gaps. Raises StoreError."""
        now = self._now()
        if now < self._housekeeping_at or self._in_flight is not None:
            return
        self._housekeeping_at = now + _HOUSEKEEPING_SECONDS
        if self._totals.batches:
            log.info("committed", **vars(self._totals))
            self._totals = _Totals()
            self._source.mirror(self._committed)
        if self._dirty:
            self._store.notify(NOTIFY_CHANNEL)
            self._dirty = False
        self._pass_gaps()

    def _pass_gaps(self) -> None:
        """Move positions over offsets without records at a partition's end, which no batch will ever cover."""
        for partition, next_offset in self._next_offsets.items():
            position = self._source.position(partition)
            if position is not None and position > next_offset:
                self._batch.add(partition, [], next_offset, position, self._now())
                self._next_offsets[partition] = position

    # Failures

    def _handle(self, error: StoreError) -> None:
        batch, self._in_flight = self._in_flight, None
        match error.failure:
            case Failure.DATA if batch is not None:
                self._isolate_later(batch, error)
            case Failure.CANCELED if batch is not None and self._canceled:
                self._isolate_later(batch, error)
            case Failure.CANCELED | Failure.FAULT:
                self._canceled += error.failure is Failure.CANCELED
                # A cut connection may be the end of a long sleep, in which the group gave our partitions away.
                self._confirm_membership = True
                log.warning("database away", reason=error.reason, attempt=self._attempt + 1)
                self._retry_later()
            case Failure.FENCED:
                log.warning("fenced", reason=error.reason, owner=str(self._store.owner))
                self._confirm_membership = True
                self._retry_later()
            case Failure.DATA | Failure.DEFECT:
                raise BelowTheLineError(
                    f"The database refused a statement of ours: {error.reason}.",
                    "Nothing was dead-lettered and no position moved. Run `btl migrate`, check the role's rights, and "
                    "report this if it stays.",
                ) from error

    def _isolate_later(self, batch: Batch, error: StoreError) -> None:
        log.warning("data refused, bisecting", reason=error.reason, records=len(batch))
        self._canceled = 0
        try:
            self._isolate(batch, error, others_passed=False)
        except StoreError as other:
            self._handle(other)

    def _isolate(self, batch: Batch, error: StoreError, *, others_passed: bool) -> bool:
        """Write a batch that the database refused, in ever smaller parts, and dead-letter what it refuses alone.

        Returns whether a part with events was written. Where statements were cancelled, a record is to blame only if
        others pass (``others_passed``): else the server is too slow for any, which is a fault. Raises StoreError.
        """
        if len(batch) == 1:
            (only,) = batch.judged
            if isinstance(only.verdict, Rejection):
                raise StoreError(Failure.DEFECT, error.cause)
            if error.failure is Failure.CANCELED and not others_passed:
                raise StoreError(Failure.FAULT, error.cause)
            rejection = Rejection("database", "rejected_by_database", None, error.reason, only.verdict.type)
            self._write(batch.reject_only_record(rejection))
            return False
        for half in batch.halves():
            try:
                self._write(half)
                others_passed = others_passed or half.has_events
            except StoreError as refusal:
                if refusal.failure not in (Failure.DATA, Failure.CANCELED):
                    raise
                # A half that is refused is written in parts at once: positions move in order.
                others_passed = self._isolate(half, refusal, others_passed=others_passed) or others_passed
        return others_passed

    def _write(self, batch: Batch) -> None:
        self._store.begin(batch)
        self._account(self._store.finish())

    def _retry_later(self) -> None:
        """Drop what was read, stay in the group, and take the partitions anew after a pause."""
        self._drop()
        self._source.pause()
        self._attempt += 1
        self._retry_at = self._now() + backoff_seconds(self._attempt, random.random())  # noqa: S311

    def _drop(self) -> None:
        self._store.abandon()
        self._in_flight, self._batch, self._next_offsets = None, Batch(), {}

    def _settle(self) -> None:
        """Finish what is under way, if we still may, and drop the rest."""
        if self._in_flight is not None:
            try:
                self._finish()
            except StoreError as error:
                log.info("batch dropped in a rebalance", reason=error.reason)
        self._drop()

    # Ownership

    def _take(self) -> None:
        """Take what the group assigned to us, and read on from where Postgres says."""
        assigned = self._source.assigned
        if self._confirm_membership and not self._source.is_member(self._committed):
            # The group gave our partitions to somebody else: taking them back would fence the rightful owner.
            log.info("waiting for the group", partitions=len(assigned))
            self._retry_later()
            return
        self._confirm_membership = False
        try:
            stored = self._store.take(self._source.describe(assigned))
            # Looked at anew: an owner before us may have read on, beyond the end seen above, until the fence fell.
            broker = self._source.describe(assigned)
            positions = {}
            for partition, position in stored.items():
                start = start_position(position, broker[partition])
                if isinstance(start, Stopped):
                    log.error("partition stopped", partition=str(partition), detail=start.detail)
                    if position.status != "stopped":
                        self._store.stop_partition(partition, start.detail)
                else:
                    positions[partition] = start
            ended = self._store.end_superseded_backends() if self._attempt else 0
        except kafka.errors.KafkaError as error:
            log.warning("broker away", error=type(error).__name__, detail=str(error))
            self._retry_later()
            return
        except StoreError as error:
            self._handle(error)
            return
        if ended:
            log.warning("ended sessions of superseded owners", sessions=ended)
        self._committed = dict(positions)
        self._next_offsets = dict(positions)
        self._source.start(positions)
        self._retry_at = None
        log.info("consuming", partitions={str(partition): offset for partition, offset in positions.items()})

    def _drain(self) -> None:
        """Write what was read, as a last act; if that fails it is read again by whoever comes next."""
        try:
            if self._in_flight is not None:
                self._finish()
            if len(self._batch) and self._retry_at is None:
                self._write(self._batch)
            if self._dirty:
                self._store.notify(NOTIFY_CHANNEL)
        except StoreError as error:
            log.warning("stopped without the last batch", reason=error.reason)
        if self._totals.batches:
            log.info("committed", **vars(self._totals))
        if self._committed:
            self._source.mirror(self._committed)
        log.info("stopped")
