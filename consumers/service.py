"""The consumer: poll, validate, fold, write; and what to do when one of these fails."""

import math
import random
import threading
import time
from collections.abc import Mapping, Sequence

import kafka.errors
import psycopg
import structlog

from below_the_line.contracts.decoder import Contracts
from below_the_line.contracts.events import Rejection
from below_the_line.database.channels import MARKED_ARTICLES_CHANNEL
from below_the_line.database.connections import forbidden
from below_the_line.errors import BelowTheLineError
from below_the_line.partitions import Position
from consumers.adapters.postgres import StoreError
from consumers.batch_writer import BatchWriter
from consumers.bisection import isolate
from consumers.core.batch import Batch, BatchPolicy, DecodedRecord, Entry, Partition
from consumers.core.breaker import BreakerPolicy
from consumers.core.failures import Failure, backoff_seconds
from consumers.core.observer import Cause, Observer, Step
from consumers.core.ownership import Ownership
from consumers.core.ports import Clock, Polled, Source, Store
from consumers.core.state import Joining, Paused, Reading, State, Stopped

log = structlog.get_logger(__name__)

_IDLE_POLL_SECONDS = 0.25
_MERGING_POLL_SECONDS = 0.005
_HOUSEKEEPING_SECONDS = 1.0
_SILENCE_SECONDS = 2.0
"""After this time without a record the brokers are asked whether they are there."""


class _TrippedError(Exception):
    """The breaker of a partition tripped while a batch was bisected."""

    def __init__(self, partition: Partition) -> None:
        super().__init__(str(partition))
        self.partition = partition


class Consumer:
    """One process of the consumer group, on the calling thread.

    Promises: what is committed is committed once (rows, dead letters, ledger and positions
    together); each record that is read is applied, unchanged or dead-lettered; a fault of database
    or brokers is waited out. ``run`` returns after ``stop`` was called and what was read is
    written. It raises BelowTheLineError for a defect that waiting does not help.
    """

    def __init__(
        self,
        source: Source,
        store: Store,
        contracts: Contracts,
        policy: BatchPolicy,
        observer: Observer | None = None,
        breaker_policy: BreakerPolicy | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        self._source = source
        self._store = store
        self._decode = contracts.decode
        self._observer = observer or Observer()
        self._breaker_policy = breaker_policy or BreakerPolicy()
        self._now = clock
        self._stopping = threading.Event()
        self._state: State = Joining()
        self._ownership = Ownership()
        self._writer = BatchWriter(store, policy, self._observer, clock, self._committed)
        self._attempt = 0
        """The number of failures in a row, without a batch that was written in between."""
        self._broker_attempt = 0
        """The number of polls in a row that failed."""
        self._heard_at = 0.0
        """When the brokers last answered."""
        self._housekeeping_at = math.inf
        """Not before partitions were taken: until then there is no session with the database."""

    def stop(self) -> None:
        """Ask ``run`` to finish what was read and return. May be called from a signal handler."""
        self._stopping.set()
        self._store.shorten_timeouts()

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
            self._state = Stopped()

    # One turn of the loop

    def _turn(self) -> None:
        self._observer.turn()
        started = self._now()
        try:
            polled = self._source.poll(self._poll_seconds(), self._writer.room)
            self._require_brokers(polled)
        except (kafka.errors.OffsetOutOfRangeError, kafka.errors.LogTruncationError) as error:
            log.warning("position out of range", error=str(error))
            self._retry_later(Cause.POSITION, str(error))
            return
        except kafka.errors.KafkaError as error:
            self._wait_for_brokers(error)
            return
        if self._broker_attempt:
            self._broker_attempt = 0
            log.info("broker back")
            self._report_rebalancing()
            self._report_reading()
        assigned = self._source.changed_assignment()
        if assigned is not None:
            self._prepare_to_take(assigned)
        if isinstance(self._state, Paused):
            if self._now() >= self._state.until:
                self._take()
            return
        if polled:
            self._observer.step(Step.POLLED, self._now() - started)
        for each in polled:
            if self._decode_polled(each):
                self._trip(each.partition)
                return
        self._write_if_due()

    def _require_brokers(self, polled: Sequence[Polled]) -> None:
        """Make sure that the brokers are there when nothing comes from them.

        Raises kafka.errors.KafkaError if they are not.
        """
        if isinstance(self._state, Paused):
            # Taking partitions asks the brokers.
            return
        if not polled:
            if not self._broker_attempt and self._now() - self._heard_at < _SILENCE_SECONDS:
                return
            self._source.require_answer(self._ownership.next_offsets)
        self._heard_at = self._now()

    def _wait_for_brokers(self, error: kafka.errors.KafkaError) -> None:
        self._broker_attempt += 1
        log.warning(
            "broker away",
            error=type(error).__name__,
            detail=str(error),
            attempt=self._broker_attempt,
        )
        self._observer.waiting(Cause.BROKER, str(error))
        if not isinstance(self._state, Paused):
            # What was read can be written all the same.
            self._write_if_due()
        self._stopping.wait(backoff_seconds(self._broker_attempt, random.random()))  # noqa: S311

    def _prepare_to_take(self, assigned: frozenset[Partition]) -> None:
        """The group changed the assignment: settle what was read, and take partitions again.

        What this turn polled may belong to partitions that another process has now: all of it is
        read again.
        """
        self._settle()
        log.info("assigned", partitions=sorted(map(str, assigned)))
        self._observer.assigned(assigned)
        self._report_rebalancing()
        self._attempt = 0
        self._writer.is_failing = self._ownership.is_doubtful = False
        self._take_at(self._now())

    def _poll_seconds(self) -> float:
        if self._writer.is_writing:
            return _MERGING_POLL_SECONDS
        until = self._writer.due_at
        if until is None and isinstance(self._state, Paused):
            until = self._state.until
        if until is None:
            return _IDLE_POLL_SECONDS
        return max(0.0, min(_IDLE_POLL_SECONDS, until - self._now()))

    def _decode_polled(self, polled: Polled) -> bool:
        """Add records to the batch. Returns whether the breaker of their partition trips."""
        first_offset = self._ownership.next_offsets.get(polled.partition)
        if first_offset is None:
            return False
        started = self._now()
        decode = self._decode
        new = tuple.__new__  # makes a named tuple three times as fast as its name does
        decoded = [new(DecodedRecord, (record, decode(record))) for record in polled.records]
        now = self._now()
        self._observer.step(Step.DECODED, now - started)
        dead = self._writer.add(polled.partition, decoded, first_offset, polled.position, now)
        self._ownership.next_offsets[polled.partition] = polled.position
        return self._ownership.breakers[polled.partition].trips(decoded, dead)

    def _write_if_due(self) -> None:
        try:
            is_due = self._writer.is_due
            self._writer.finish_if_ready(wait=is_due)
            self._keep_house()
            if is_due and not isinstance(self._state, Paused):
                self._writer.begin()
        except StoreError as error:
            self._handle(error)

    def _committed(self, entries: Sequence[Entry]) -> None:
        # Only a batch that was written ends a series of failures: taking partitions works also
        # where writing does not.
        self._attempt = 0
        self._ownership.advance(entries)
        if self._writer.is_failing:
            self._writer.is_failing = False
            self._report_reading()

    def _keep_house(self) -> None:
        """About once a second, between two batches: log what was done, wake the metrics, pass
        gaps, look for decisions and new topics. Raises StoreError.
        """
        now = self._now()
        if now < self._housekeeping_at or self._writer.is_writing:
            return
        self._housekeeping_at = now + _HOUSEKEEPING_SECONDS
        totals = self._writer.take_totals()
        if totals is not None:
            log.info("committed", **vars(totals))
            self._source.mirror(self._ownership.committed)
            self._observer.step(Step.MIRRORED, self._now() - now)
        if self._writer.has_changes:
            started = self._now()
            self._store.notify(MARKED_ARTICLES_CHANNEL)
            self._writer.has_changes = False
            self._observer.step(Step.NOTIFIED, self._now() - started)
        self._pass_gaps()
        self._look_for_decisions()
        self._look_for_new_topics()

    def _pass_gaps(self) -> None:
        """Move positions over offsets without records at the end of a partition. No batch covers
        them otherwise.
        """
        for partition, next_offset in self._ownership.next_offsets.items():
            position = self._source.position(partition)
            if position is not None and position > next_offset:
                self._writer.add(partition, [], next_offset, position, self._now())
                self._ownership.next_offsets[partition] = position

    def _look_for_decisions(self) -> None:
        """Take the partitions again where an operator decided something, or another process took
        some.
        """
        held, known = self._store.held(), self._ownership.statuses
        if held == known:
            return
        log.info(
            "partitions changed hands", partitions=sorted(map(str, held.items() ^ known.items()))
        )
        self._drop()
        self._source.pause()
        self._ownership.is_doubtful = held.keys() != known.keys()
        self._take_at(self._now())

    def _look_for_new_topics(self) -> None:
        """Take the partitions again where a topic was deleted and created again: its offsets start
        again, and may look like the old ones.
        """
        replaced = self._ownership.replaced_topics(self._source.topic_ids)
        if replaced and not isinstance(self._state, Paused):
            self._retry_later(Cause.POSITION, f"topic {', '.join(replaced)} was created again")

    # Failures

    def _handle(self, error: StoreError) -> None:
        batch = self._writer.take_failed()
        match error.failure:
            case Failure.DATA if batch is not None:
                self._bisect(batch, error)
            case Failure.CANCELED if batch is not None and self._writer.canceled:
                self._bisect(batch, error)
            case Failure.CANCELED | Failure.FAULT:
                self._writer.canceled += error.failure is Failure.CANCELED
                self._writer.is_failing |= batch is not None
                # A cut connection may be the end of a long sleep, in which the group gave the
                # partitions to another process.
                self._ownership.is_doubtful = True
                log.warning("database away", reason=error.reason, attempt=self._attempt + 1)
                self._retry_later(Cause.DATABASE, error.reason)
            case Failure.FENCED:
                self._report_fenced(error)
                self._ownership.is_doubtful = True
                self._retry_later(Cause.FENCE, error.reason)
            case Failure.DATA | Failure.DEFECT:
                if isinstance(error.cause, psycopg.errors.InsufficientPrivilege):
                    raise forbidden(error.cause) from error
                raise BelowTheLineError(
                    f"The database rejected a statement of this software: {error.reason}.",
                    "Nothing was dead-lettered and no position moved. Run `btl migrate`, and report"
                    " this if it stays.",
                ) from error

    def _bisect(self, batch: Batch, error: StoreError) -> None:
        log.warning("data rejected, bisecting", reason=error.reason, records=len(batch))
        self._writer.canceled = 0
        try:
            isolate(batch, error, self._write_part)
        except StoreError as other:
            self._handle(other)
        except _TrippedError as tripped:
            self._trip(tripped.partition)

    def _write_part(self, part: Batch) -> None:
        """Write a part of a batch that is bisected. Raises StoreError and _TrippedError."""
        # There may be hundreds.
        self._observer.turn()
        record, result = part.decoded[0]
        if isinstance(result, Rejection) and result.stage == "database":
            partition = Partition(record.topic, record.partition)
            breaker = self._ownership.breakers[partition]
            if breaker.trips_afterwards(DecodedRecord(record, result)):
                raise _TrippedError(partition)
        self._writer.write(part)

    def _trip(self, partition: Partition) -> None:
        """Roll the batch back and stop this partition until a person decides; the others go on."""
        detail = self._ownership.breakers[partition].detail
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
        self._take_at(self._now())

    def _retry_later(self, cause: Cause, detail: str) -> None:
        """Drop what was read, stay in the group, and take the partitions again after a pause."""
        self._observer.waiting(cause, detail)
        self._drop()
        self._source.pause()
        self._attempt += 1
        self._take_at(self._now() + backoff_seconds(self._attempt, random.random()))  # noqa: S311

    def _take_at(self, moment: float) -> None:
        self._state = Paused(moment)

    def _drop(self) -> None:
        self._writer.drop()
        self._ownership.drop()

    def _settle(self) -> None:
        """Finish the batch in flight, if the fence still allows it, and drop the rest."""
        if self._writer.is_writing:
            try:
                self._writer.finish()
            except StoreError as error:
                self._report_dropped(error)
        self._drop()

    # Ownership

    def _take(self) -> None:
        """Take what the group assigned, and read on from where Postgres says."""
        assigned, before = self._source.assigned, self._ownership
        if before.is_doubtful and not self._source.is_member(before.committed):
            # The group gave the partitions to another process: taking them back would fence the
            # rightful owner.
            log.info("waiting for the group", partitions=len(assigned))
            self._retry_later(
                Cause.GROUP,
                "the group does not count this process in: it is about to assign the partitions",
            )
            return
        before.is_doubtful = False
        try:
            positions = self._store.take(self._source.describe(assigned))
            # Described again: an owner before this one may have read on, beyond the end seen
            # above, until the fence fell.
            taken = Ownership.taken(
                positions, self._source.describe(assigned), self._breaker_policy
            )
            self._store_halts(taken, positions)
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
        if taken.committed != before.committed:
            # An operator moved them, or the batch was written after all: there may be nothing left
            # to write.
            self._writer.is_failing = False
        self._ownership = taken
        self._source.start(taken.next_offsets)
        self._heard_at = self._now()
        self._housekeeping_at = self._now() + _HOUSEKEEPING_SECONDS
        self._state = Reading()
        self._report_reading()
        log.info(
            "consuming",
            partitions={str(partition): offset for partition, offset in taken.committed.items()},
        )

    def _store_halts(self, taken: Ownership, positions: Mapping[Partition, Position]) -> None:
        for partition, halt in taken.halted.items():
            log.error("partition stopped", partition=str(partition), detail=halt.detail)
            if positions[partition].stopped_by is None:
                self._store.stop_partition(partition, halt.status, halt.detail)

    # Reports

    def _report_rebalancing(self) -> None:
        if self._source.is_rebalancing:
            self._observer.waiting(Cause.GROUP, "the group is assigning the partitions again")

    def _report_reading(self) -> None:
        if (
            isinstance(self._state, Reading)
            and not self._writer.is_failing
            and not self._source.is_rebalancing
        ):
            # What was read is not committed yet: a batch may be under way.
            self._observer.reading(self._ownership.positions(), self._ownership.halted)

    def _report_fenced(self, error: StoreError) -> None:
        log.warning("fenced", reason=error.reason, owner=str(self._store.owner))
        self._observer.fenced(error.reason)

    def _report_dropped(self, error: StoreError) -> None:
        """A batch is not written, and need not be: the next owner of its partitions reads it
        again.
        """
        if error.failure is Failure.FENCED:
            self._report_fenced(error)
        else:
            log.warning("batch dropped", reason=error.reason)

    def _drain(self) -> None:
        """Write what was read, as the last act. If that fails, the next owner reads it again."""
        try:
            if self._writer.is_writing:
                self._writer.finish()
            if not isinstance(self._state, Paused):
                self._writer.write_rest()
            if self._writer.has_changes:
                self._store.notify(MARKED_ARTICLES_CHANNEL)
        except StoreError as error:
            self._report_dropped(error)
        totals = self._writer.take_totals()
        if totals is not None:
            log.info("committed", **vars(totals))
        if self._ownership.committed:
            self._source.mirror(self._ownership.committed)
        log.info("stopped")
