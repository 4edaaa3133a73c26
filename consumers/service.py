"""The consumer: poll, decode, fold, write; and what to do when something of that fails."""

import math
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import kafka.errors
import psycopg
import structlog

from below_the_line.contracts.decoder import Contracts
from below_the_line.contracts.events import Rejection
from below_the_line.database.connections import forbidden
from below_the_line.errors import BelowTheLineError
from below_the_line.partitions import describe_blocker, log_blocker
from consumers.adapters.kafka import Polled, Source
from consumers.adapters.postgres import NOTIFY_CHANNEL, Store, StoreError
from consumers.bisection import isolate
from consumers.core.batch import Batch, BatchPolicy, DecodedRecord, Entry, Partition
from consumers.core.breaker import Breaker, BreakerPolicy
from consumers.core.failures import Failure, backoff_seconds
from consumers.core.observer import Cause, Halt, Observer, Step

log = structlog.get_logger(__name__)

_IDLE_POLL_SECONDS = 0.25
_MERGING_POLL_SECONDS = 0.005
_HOUSEKEEPING_SECONDS = 1.0
_SILENCE_SECONDS = 2.0
"""After so long without a record the brokers are asked whether they are there."""


@dataclass
class _Totals:
    """What was committed since the last line in the log."""

    records: int = 0
    applied: int = 0
    unchanged: int = 0
    dead_lettered: int = 0
    batches: int = 0


class _TrippedError(Exception):
    """The breaker of a partition tripped while a batch was taken apart."""

    def __init__(self, partition: Partition) -> None:
        super().__init__(str(partition))
        self.partition = partition


class Consumer:
    """One process of the consumer group, on the calling thread.

    Promises: what is committed is committed once (rows, dead letters, ledger and positions
    together); a record read is applied, unchanged or dead-lettered; a fault of database or broker
    is waited out. ``run`` returns after ``stop`` was called and what was read is written, or raises
    BelowTheLineError for a defect that no waiting cures.
    """

    def __init__(
        self,
        source: Source,
        store: Store,
        contracts: Contracts,
        policy: BatchPolicy,
        observer: Observer | None = None,
        breaker_policy: BreakerPolicy | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._store = store
        self._decode = contracts.decode
        self._policy = policy
        self._observer = observer or Observer()
        self._breaker_policy = breaker_policy or BreakerPolicy()
        self._now = monotonic
        self._stopping = threading.Event()
        self._batch = Batch()
        self._in_flight: Batch | None = None
        self._next_offsets: dict[Partition, int] = {}
        """Of the partitions that are read: the offset after what was read, whether written or
        not.
        """
        self._committed: dict[Partition, int] = {}
        self._breakers: dict[Partition, Breaker] = {}
        self._held: dict[Partition, str] = {}
        """Status of all partitions that we took, those that are not read among them."""
        self._halted: dict[Partition, Halt] = {}
        """Why partitions of ours are not read."""
        self._attempt = 0
        self._broker_attempt = 0
        self._heard_at = 0.0
        """When the brokers last gave a sign of life."""
        self._retry_at: float | None = None
        self._unwritten = False
        """A fault kept a batch from being written, and none has been written since: reading again
        is not going on yet.
        """
        self._topic_ids: dict[str, UUID] = {}
        """Of the topics that partitions were taken of."""
        self._confirm_membership = False
        self._canceled = 0
        self._housekeeping_at = math.inf
        """Not before partitions were taken: until then there is no session with the database
        either.
        """
        self._dirty = False
        self._totals = _Totals()

    def stop(self) -> None:
        """Ask ``run`` to finish what was read and return. May be called from a signal handler."""
        self._stopping.set()
        self._store.hurry()

    def run(self) -> None:
        """Consume until stopped."""
        self._observer.waiting(Cause.GROUP, "joining the group")
        self._heard_at = self._now()
        try:
            while not self._stopping.is_set():
                self._turn()
            self._drain()
        finally:
            self._source.close()
            self._store.close()

    # One turn of the loop

    def _turn(self) -> None:
        self._observer.turn()
        started = self._now()
        try:
            polled = self._source.poll(
                self._poll_seconds(), max(1, self._policy.records - len(self._batch))
            )
            self._listen(polled)
        except (kafka.errors.OffsetOutOfRangeError, kafka.errors.LogTruncationError) as error:
            log.warning("position out of range", error=str(error))
            self._retry_later(Cause.POSITION, str(error))
            return
        except kafka.errors.KafkaError as error:
            self._broker_attempt += 1
            log.warning(
                "broker away",
                error=type(error).__name__,
                detail=str(error),
                attempt=self._broker_attempt,
            )
            self._observer.waiting(Cause.BROKER, str(error))
            if self._retry_at is None:
                # What was read can be written all the same.
                self._write_if_due()
            self._stopping.wait(backoff_seconds(self._broker_attempt, random.random()))  # noqa: S311
            return
        if self._broker_attempt:
            self._broker_attempt = 0
            log.info("broker back")
            self._tell_rebalancing()
            self._tell_reading()
        assigned = self._source.changed_assignment()
        if assigned is not None:
            # Whatever this poll returned may belong to partitions that are ours no more: all is
            # read again.
            self._settle()
            log.info("assigned", partitions=sorted(map(str, assigned)))
            self._observer.assigned(assigned)
            self._tell_rebalancing()
            self._retry_at, self._attempt, self._unwritten = self._now(), 0, False
            self._confirm_membership = False
        if self._retry_at is not None:
            if self._now() >= self._retry_at:
                self._take()
            return
        if polled:
            self._observer.step(Step.POLLED, self._now() - started)
        for each in polled:
            if self._judge(each):
                self._trip(each.partition)
                return
        self._write_if_due()

    def _listen(self, polled: list[Polled]) -> None:
        """Make sure that the brokers are there when nothing comes from them. Raises
        kafka.errors.KafkaError.
        """
        if self._retry_at is not None:
            # Whoever waits to take partitions asks the brokers then.
            return
        if not polled:
            if not self._broker_attempt and self._now() - self._heard_at < _SILENCE_SECONDS:
                return
            self._source.require_answer(self._next_offsets)
        self._heard_at = self._now()

    def _poll_seconds(self) -> float:
        now = self._now()
        if self._in_flight is not None:
            return _MERGING_POLL_SECONDS
        if self._batch.first_at is not None:
            return max(
                0.0, min(_IDLE_POLL_SECONDS, self._batch.first_at + self._policy.seconds - now)
            )
        if self._retry_at is not None:
            return max(0.0, min(_IDLE_POLL_SECONDS, self._retry_at - now))
        return _IDLE_POLL_SECONDS

    def _judge(self, polled: Polled) -> bool:
        """Add records to the batch. Returns whether the breaker of their partition trips."""
        first_offset = self._next_offsets.get(polled.partition)
        if first_offset is None:
            return False
        started = self._now()
        decode = self._decode
        new = tuple.__new__  # makes a named tuple three times as fast as its name does
        decoded = [new(DecodedRecord, (record, decode(record))) for record in polled.records]
        now = self._now()
        self._observer.step(Step.DECODED, now - started)
        self._batch.add(polled.partition, decoded, first_offset, polled.position, now)
        self._next_offsets[polled.partition] = polled.position
        return self._breakers[polled.partition].trips(decoded)

    def _write_if_due(self) -> None:
        try:
            is_due = self._policy.is_due(len(self._batch), self._batch.first_at, self._now())
            if self._in_flight is not None and (is_due or self._store.is_ready()):
                self._finish()
            self._keep_house()
            if self._in_flight is None and is_due and self._retry_at is None:
                self._in_flight, self._batch = self._batch, Batch()
                self._store.begin(self._in_flight)
        except StoreError as error:
            self._handle(error)

    def _finish(self) -> None:
        entries = self._store.finish()
        batch, self._in_flight = self._in_flight, None
        self._canceled = 0
        if batch is not None:
            self._account(batch, entries)

    def _account(self, batch: Batch, entries: list[Entry]) -> None:
        self._observer.committed(batch, entries)
        totals = self._totals
        totals.batches += 1
        # Only a batch that was written ends a row of failures: taking partitions works also where
        # writing does not.
        self._attempt = 0
        for entry in entries:
            self._committed[entry.partition] = entry.next_offset
            totals.records += entry.records
            totals.applied += entry.applied
            totals.unchanged += entry.unchanged
            totals.dead_lettered += entry.dead_lettered
            self._dirty = self._dirty or entry.applied > 0
        if self._unwritten:
            self._unwritten = False
            self._tell_reading()

    def _keep_house(self) -> None:
        """About once a second, between two batches: tell what was done, wake the metrics, pass
        gaps. Raises StoreError.
        """
        now = self._now()
        if now < self._housekeeping_at or self._in_flight is not None:
            return
        self._housekeeping_at = now + _HOUSEKEEPING_SECONDS
        if self._totals.batches:
            log.info("committed", **vars(self._totals))
            self._totals = _Totals()
            self._source.mirror(self._committed)
            self._observer.step(Step.MIRRORED, self._now() - now)
        if self._dirty:
            told = self._now()
            self._store.notify(NOTIFY_CHANNEL)
            self._dirty = False
            self._observer.step(Step.NOTIFIED, self._now() - told)
        self._pass_gaps()
        self._see_decisions()
        self._see_topics()

    def _see_decisions(self) -> None:
        """Take the partitions anew where another hand changed what we hold: an operator who
        decided, or a new owner.
        """
        held = self._store.held()
        if held == self._held:
            return
        log.info(
            "partitions changed hands",
            partitions=sorted(map(str, held.items() ^ self._held.items())),
        )
        self._drop()
        self._source.pause()
        self._confirm_membership = held.keys() != self._held.keys()
        self._retry_at = self._now()

    def _see_topics(self) -> None:
        """Look at positions anew where a topic was deleted and made anew: its offsets begin again,
        and may look like ours.
        """
        topic_ids = self._source.topic_ids
        replaced = [
            topic
            for topic, known in self._topic_ids.items()
            if topic_ids.get(topic, known) != known
        ]
        if replaced and self._retry_at is None:
            self._retry_later(Cause.POSITION, f"topic {', '.join(replaced)} was made anew")

    def _pass_gaps(self) -> None:
        """Move positions over offsets without records at a partition's end, which no batch will
        ever cover.
        """
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
                self._unwritten |= batch is not None
                # A cut connection may be the end of a long sleep, in which the group gave our
                # partitions away.
                self._confirm_membership = True
                log.warning("database away", reason=error.reason, attempt=self._attempt + 1)
                self._retry_later(Cause.DATABASE, error.reason)
            case Failure.FENCED:
                self._tell_fenced(error)
                self._confirm_membership = True
                self._retry_later(Cause.FENCE, error.reason)
            case Failure.DATA | Failure.DEFECT:
                if isinstance(error.cause, psycopg.errors.InsufficientPrivilege):
                    raise forbidden(error.cause) from error
                raise BelowTheLineError(
                    f"The database refused a statement of ours: {error.reason}.",
                    "Nothing was dead-lettered and no position moved. Run `btl migrate`, and report"
                    " this if it stays.",
                ) from error

    def _tell_fenced(self, error: StoreError) -> None:
        log.warning("fenced", reason=error.reason, owner=str(self._store.owner))
        self._observer.fenced(error.reason)

    def _tell_dropped(self, error: StoreError) -> None:
        """A batch is not written that need not be any more: whoever has its partitions next reads
        it again.
        """
        if error.failure is Failure.FENCED:
            self._tell_fenced(error)
        else:
            log.warning("batch dropped", reason=error.reason)

    def _isolate_later(self, batch: Batch, error: StoreError) -> None:
        log.warning("data refused, bisecting", reason=error.reason, records=len(batch))
        self._canceled = 0
        try:
            isolate(batch, error, self._write_part)
        except StoreError as other:
            self._handle(other)
        except _TrippedError as tripped:
            self._trip(tripped.partition)

    def _write_part(self, part: Batch) -> None:
        """Write a part of a batch that is taken apart. Raises StoreError and _TrippedError."""
        # There may be hundreds.
        self._observer.turn()
        record, result = part.decoded[0]
        if isinstance(result, Rejection) and result.stage == "database":
            partition = Partition(record.topic, record.partition)
            if self._breakers[partition].trips_afterwards(DecodedRecord(record, result)):
                raise _TrippedError(partition)
        self._write(part)

    def _write(self, batch: Batch) -> None:
        self._store.begin(batch)
        self._account(batch, self._store.finish())

    def _trip(self, partition: Partition) -> None:
        """Roll the batch back and stop this partition until somebody decides; the others go on."""
        detail = self._breakers[partition].detail
        self._settle()
        self._source.pause()
        decide = f"btl breaker accept {partition.topic} {partition.number}"
        log.error("breaker tripped", partition=str(partition), detail=detail, decide=decide)
        try:
            self._store.stop_partition(partition, "tripped", detail)
        except StoreError as error:
            self._handle(error)
            return
        self._observer.tripped(partition, detail)
        self._retry_at = self._now()

    def _retry_later(self, cause: Cause, detail: str) -> None:
        """Drop what was read, stay in the group, and take the partitions anew after a pause."""
        self._observer.waiting(cause, detail)
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
                self._tell_dropped(error)
        self._drop()

    # Ownership

    def _take(self) -> None:
        """Take what the group assigned to us, and read on from where Postgres says."""
        assigned = self._source.assigned
        if self._confirm_membership and not self._source.is_member(self._committed):
            # The group gave our partitions to somebody else: taking them back would fence the
            # rightful owner.
            log.info("waiting for the group", partitions=len(assigned))
            self._retry_later(
                Cause.GROUP, "the group counts us out: it is about to say whose the partitions are"
            )
            return
        self._confirm_membership = False
        try:
            stored = self._store.take(self._source.describe(assigned))
            self._halted = {}
            # Looked at anew: an owner before us may have read on, beyond the end seen above, until
            # the fence fell.
            broker = self._source.describe(assigned)
            positions, held = {}, {}
            for partition, position in stored.items():
                # A partition that was stopped before keeps the reason that is stored.
                blocker = position.stopped_by or log_blocker(position, broker[partition])
                held[partition] = position.status
                if blocker is None:
                    positions[partition] = position.next_offset
                    continue
                detail = describe_blocker(blocker, position, broker[partition])
                log.error("partition stopped", partition=str(partition), detail=detail)
                if position.stopped_by is None:
                    self._store.stop_partition(partition, "stopped", detail)
                    held[partition] = "stopped"
                self._halted[partition] = Halt(held[partition], detail, position.next_offset)
            ended = self._store.end_superseded_backends() if self._attempt else 0
        except kafka.errors.KafkaError as error:
            log.warning("broker away", error=type(error).__name__, detail=str(error))
            self._retry_later(Cause.BROKER, str(error))
            return
        except StoreError as error:
            self._handle(error)
            return
        if ended:
            log.warning("ended sessions of superseded owners", sessions=ended)
        self._held = held
        if positions != self._committed:
            # Somebody moved them, or the batch was written after all: there may be nothing left to
            # write.
            self._unwritten = False
        self._committed = dict(positions)
        self._next_offsets = dict(positions)
        self._breakers = {
            partition: Breaker(self._breaker_policy, stored[partition].accepted_offset)
            for partition in positions
        }
        self._source.start(positions)
        self._topic_ids = {partition.topic: each.topic_id for partition, each in broker.items()}
        self._heard_at = self._now()
        self._housekeeping_at = self._now() + _HOUSEKEEPING_SECONDS
        self._retry_at = None
        self._tell_reading()
        log.info(
            "consuming",
            partitions={str(partition): offset for partition, offset in positions.items()},
        )

    def _tell_rebalancing(self) -> None:
        if self._source.is_rebalancing:
            self._observer.waiting(Cause.GROUP, "the group is giving the partitions out anew")

    def _tell_reading(self) -> None:
        if self._retry_at is None and not self._unwritten and not self._source.is_rebalancing:
            # What was read is not committed yet: a batch may be under way.
            self._observer.reading(
                {partition: self._committed[partition] for partition in self._next_offsets},
                self._halted,
            )

    def _drain(self) -> None:
        """Write what was read, as a last act; if that fails it is read again by whoever comes
        next.
        """
        try:
            if self._in_flight is not None:
                self._finish()
            if len(self._batch) and self._retry_at is None:
                self._write(self._batch)
            if self._dirty:
                self._store.notify(NOTIFY_CHANNEL)
        except StoreError as error:
            self._tell_dropped(error)
        if self._totals.batches:
            log.info("committed", **vars(self._totals))
        if self._committed:
            self._source.mirror(self._committed)
        log.info("stopped")
