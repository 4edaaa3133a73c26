"""Reading topics with kafka-python: records, positions and assignments.

The group's protocol runs on kafka-python's own thread. The rebalance listener only notes what
happened and pauses what was assigned; everything that touches Postgres or seeks is done by the
caller after ``poll()`` returned.
"""

import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any
from uuid import UUID

import kafka.errors
from kafka import ConsumerRebalanceListener, KafkaConsumer, OffsetAndMetadata, TopicPartition

from below_the_line.errors import BelowTheLineError
from below_the_line.kafka.admin import logs_by_consumer, topic_ids
from below_the_line.kafka.diagnosis import connection_problem
from below_the_line.kafka.options import connected
from below_the_line.partitions import PartitionLog
from consumers.adapters import record_batches
from consumers.core.batch import Partition
from consumers.core.ports import Polled

_REJECTIONS = (
    kafka.errors.GroupAuthorizationFailedError,
    kafka.errors.InvalidSessionTimeoutError,
    kafka.errors.SaslAuthenticationFailedError,
    kafka.errors.TopicAuthorizationFailedError,
    kafka.errors.UnsupportedVersionError,
)


_LOGS_MILLISECONDS = 1_000
_ANSWER_MILLISECONDS = 2_000
"""A broker that does not answer within this time is away."""
_TAKEN_AWAY = (KeyError, ValueError, kafka.errors.IllegalStateError)
"""Raised for a partition that the group has just taken away, on kafka-python's thread. The next
poll reports that.
"""


class _Assignment(ConsumerRebalanceListener):
    """The last assignment, noted on kafka-python's thread and read on the caller's."""

    consumer: KafkaConsumer
    """Set before the consumer subscribes: neither can be made without the other."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._partitions: frozenset[Partition] = frozenset()
        self._changed = False
        self._is_rebalancing = True

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        # kafka-python 3.0.12 forgets, from one poll to the next, that it rejoins because a topic's
        # partitions changed; what the group then answers is never looked at, and the process stays
        # without partitions for ever (docs/adr/0007).
        self.consumer._coordinator.request_rejoin()
        with self._lock:
            self._partitions -= {Partition(*partition) for partition in revoked}
            self._changed = self._is_rebalancing = True

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        assigned = list(assigned)
        for partition in assigned:
            # Any position keeps kafka-python from looking for one of its own. While paused, nothing
            # is read from it.
            self.consumer.seek(partition, 0)
        self.consumer.pause(*assigned)
        with self._lock:
            self._partitions |= {Partition(*partition) for partition in assigned}
            self._changed, self._is_rebalancing = True, False

    def take_change(self) -> frozenset[Partition] | None:
        """Return the assigned partitions if they changed since the last call, else None."""
        with self._lock:
            if not self._changed:
                return None
            self._changed = False
            return self._partitions

    @property
    def partitions(self) -> frozenset[Partition]:
        with self._lock:
            return self._partitions

    @property
    def is_rebalancing(self) -> bool:
        with self._lock:
            return self._is_rebalancing


class Source:
    """A member of a consumer group. Not safe for use by several threads."""

    def __init__(
        self,
        topics: Iterable[str],
        consumer_group: str,
        options: Mapping[str, Any],
        max_records: int,
        session_seconds: float,
    ) -> None:
        """Connect to the brokers and join the group.

        Raises kafka.errors.KafkaError when no broker can be reached, or when they reject the
        connection, and BelowTheLineError when a topic does not exist.
        """
        record_batches.install()
        self._topics = list(topics)
        self._assignment = _Assignment()
        self._options = options
        self._consumer = connected(
            KafkaConsumer,
            **options,
            group_id=consumer_group,
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            max_poll_records=max_records,
            fetch_max_bytes=8 * 1024 * 1024,
            max_partition_fetch_bytes=1024 * 1024,
            session_timeout_ms=int(session_seconds * 1000),
            heartbeat_interval_ms=int(session_seconds * 1000 / 4),
            # New partitions of a topic are read after this time at the latest.
            metadata_max_age_ms=10_000,
            reconnect_backoff_max_ms=2_000,
            metrics_enabled=False,
        )
        missing = [
            topic for topic in self._topics if not self._consumer.partitions_for_topic(topic)
        ]
        if missing:
            self._consumer.close()
            raise BelowTheLineError(
                f"Kafka has no topic {', '.join(missing)}.",
                "Create the topics: `btl topics create` (or `btl up`).",
            )
        self._assignment.consumer = self._consumer
        self._consumer.subscribe(self._topics, listener=self._assignment)

    def poll(self, timeout_seconds: float, max_records: int) -> list[Polled]:
        """Return up to ``max_records`` records, waiting at most ``timeout_seconds`` for the first.

        Keeps the membership in the group alive. Raises BelowTheLineError for errors that waiting
        does not help, kafka.errors.KafkaError for the others.
        """
        try:
            found = record_batches.poll(self._consumer, int(timeout_seconds * 1000), max_records)
        except _REJECTIONS as error:
            raise BelowTheLineError(
                f"Kafka rejects this consumer: {type(error).__name__} {error}".rstrip() + ".",
                "Check its rights on topics and group, BTL_KAFKA_* and BTL_SESSION_SECONDS against"
                " the broker's settings.",
            ) from None
        return [
            Polled(Partition(*topic_partition), records, records[-1].offset + 1)
            for topic_partition, records in found.items()
        ]

    def changed_assignment(self) -> frozenset[Partition] | None:
        """Return the assigned partitions if they changed since the last call, else None."""
        return self._assignment.take_change()

    @property
    def assigned(self) -> frozenset[Partition]:
        """The partitions that the group assigned to this process, as far as it knows."""
        return self._assignment.partitions

    @property
    def is_rebalancing(self) -> bool:
        """Whether the group is about to assign partitions: "none" means "none yet"."""
        return self._assignment.is_rebalancing

    def describe(self, partitions: Iterable[Partition]) -> dict[Partition, PartitionLog]:
        """Return the logs of these partitions. Raises kafka.errors.KafkaError."""
        found = logs_by_consumer(self._consumer, partitions, _LOGS_MILLISECONDS)
        return {Partition(*each): log for each, log in found.items()}

    @property
    def topic_ids(self) -> dict[str, UUID]:
        """The id of each topic, some seconds old. A topic that is gone is not in it."""
        return topic_ids(self._consumer, self._topics)

    def require_answer(self, partitions: Iterable[Partition]) -> None:
        """Ask the brokers for the ends of these partitions; if none, of the first of each topic.

        kafka-python waits in silence for brokers that are away and for partitions without a leader:
        ``poll()`` then returns nothing, as if there were no records. Raises
        kafka.errors.KafkaError.
        """
        asked = [TopicPartition(*partition) for partition in partitions]
        try:
            self._consumer.end_offsets(
                asked or [TopicPartition(topic, 0) for topic in self.topic_ids or self._topics],
                timeout_ms=_ANSWER_MILLISECONDS,
            )
        except kafka.errors.KafkaTimeoutError:
            problem = connection_problem(self._options)
            raise kafka.errors.KafkaTimeoutError(
                "no answer from the brokers about"
                f" {', '.join(sorted({each.topic for each in asked})) or 'any topic'}"
                + (f". {problem.message}" if problem else "")
            ) from None

    def start(self, positions: Mapping[Partition, int]) -> None:
        """Read these partitions from these offsets on; all other assigned ones stay paused."""
        for partition, offset in positions.items():
            with suppress(*_TAKEN_AWAY):
                self._consumer.seek(TopicPartition(*partition), offset)
                self._consumer.resume(TopicPartition(*partition))

    def pause(self) -> None:
        """Stop reading, without leaving the group."""
        with suppress(*_TAKEN_AWAY):
            self._consumer.pause(*self._consumer.assignment())

    def position(self, partition: Partition) -> int | None:
        """Return the offset that reading goes on at, or None if the partition is not assigned.

        It lies beyond the last record where a transaction marker or a gap follows.
        """
        position: int | None = None
        with suppress(
            *_TAKEN_AWAY, kafka.errors.KafkaTimeoutError, kafka.errors.LogTruncationError
        ):
            position = self._consumer.position(TopicPartition(*partition), timeout_ms=0)
        return position

    def is_member(self, next_offsets: Mapping[Partition, int]) -> bool:
        """Return whether the group still counts this process in.

        Asks by committing these offsets, which the group rejects from an outsider.
        """
        offsets = {
            TopicPartition(*each): OffsetAndMetadata(offset, "", -1)
            for each, offset in next_offsets.items()
        }
        try:
            self._consumer.commit(offsets, timeout_ms=2_000)
        except (kafka.errors.KafkaError, AssertionError):
            return False
        return True

    def mirror(self, next_offsets: Mapping[Partition, int]) -> None:
        """Copy the positions to Kafka, for its lag tools. Best effort: Postgres has the truth."""
        with suppress(kafka.errors.KafkaError):
            self._consumer.commit_async(
                {
                    TopicPartition(*each): OffsetAndMetadata(offset, "", -1)
                    for each, offset in next_offsets.items()
                },
                callback=_ignore,
            )

    def close(self) -> None:
        """Leave the group, so that the others need not wait until the session times out."""
        self._consumer.close(autocommit=False, timeout_ms=2_000)


def _ignore(_offsets: object, _response: object) -> None:
    """The outcome of mirroring offsets does not matter."""
