"""Writing records to Kafka: a producer that loses nothing in silence."""

import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType

import kafka
from kafka import errors as kafka_errors
from kafka.cluster import ClusterMetadata
from kafka.partitioner import DefaultPartitioner
from kafka.partitioner.default import murmur2
from kafka.producer.future import FutureRecordMetadata

from below_the_line.errors import BelowTheLineError
from below_the_line.kafka.admin import existing_topics
from below_the_line.kafka.envelopes import Outgoing
from below_the_line.kafka.errors import translate, translated_errors
from below_the_line.kafka.options import connected, kafka_options
from below_the_line.settings import Settings

DELIVERY_SECONDS = 10.0
"""A record that the broker has not accepted after this time is an error."""

# Measured on two cores shared with the broker, 730-byte events: 17,000 records/s with
# kafka-python's defaults, 28,000 with these batches, 40,000 with the cached partition as well. gzip
# makes that 12,000; lz4 gains nothing and is one more dependency: no compression.
_BATCH_BYTES = 262_144
_LINGER_MILLISECONDS = 10

# Futures are checked in bundles, and the number of bundles under way is limited: kafka-python 3
# itself holds nobody back and would take a whole archive into memory.
_BUNDLE_RECORDS = 1_000
_BUNDLE_BYTES = 1_048_576
_BUNDLE_SECONDS = 1.0
_MAX_BUNDLES = 16

_MAX_CACHED_KEYS = 200_000


class Publisher:
    """An idempotent producer: acks from all replicas, no duplicates by retries, order kept per key.

    Use it as a context manager; leaving it without an error flushes. Not for several threads.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._options = kafka_options(settings)
        self._topics: set[str] = set()
        self._bundle: list[FutureRecordMetadata] = []
        self._bundle_bytes = 0
        self._bundle_since = 0.0
        self._under_way: deque[tuple[float, list[FutureRecordMetadata]]] = deque()
        self._producer: kafka.KafkaProducer
        """Set when the block is entered."""
        self.delivered = 0
        """Records that the broker has confirmed."""

    def __enter__(self) -> "Publisher":
        self._topics = existing_topics(self._settings)
        with translated_errors(self._settings):
            self._producer = connected(
                kafka.KafkaProducer,
                **self._options,
                acks="all",
                enable_idempotence=True,
                batch_size=_BATCH_BYTES,
                linger_ms=_LINGER_MILLISECONDS,
                max_block_ms=int(DELIVERY_SECONDS * 1000),
                partitioner=_CachedPartitioner(),
                metrics_enabled=False,
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self.flush()
        finally:
            self._close()

    def send(self, outgoing: Outgoing) -> None:
        """Send one record. Returns at once, unless too many records are under way.

        Raises BelowTheLineError if the topic does not exist, if an earlier record was rejected, or
        if the broker has accepted nothing for ten seconds.
        """
        topic, key, value, headers = outgoing
        if topic not in self._topics:
            self._require(topic)
        try:
            future = self._producer.send(topic, value=value, key=key, headers=list(headers))
        except kafka_errors.KafkaError as error:
            raise translate(error, self._settings) from error
        now = time.monotonic()
        if not self._bundle:
            self._bundle_since = now
        self._bundle.append(future)
        self._bundle_bytes += len(value) if value is not None else 0
        if (
            len(self._bundle) >= _BUNDLE_RECORDS
            or self._bundle_bytes >= _BUNDLE_BYTES
            or now - self._bundle_since >= _BUNDLE_SECONDS
        ):
            self._close_bundle(now)
            self._check(lambda: len(self._under_way) > _MAX_BUNDLES)

    def flush(self) -> None:
        """Wait until the broker has accepted every record. Raises BelowTheLineError as ``send``
        does.
        """
        if self._bundle:
            self._close_bundle(time.monotonic())
        self._check(lambda: bool(self._under_way))

    def _close(self) -> None:
        # Do not wait: flush has waited, or waiting does not help. kafka-python's close raises if
        # records are under way, stays open, and warns again when it is collected. So its sender
        # drops them first.
        if self._under_way or self._bundle:
            self._producer._sender.force_close()
        with suppress(kafka_errors.KafkaError):
            self._producer.close(timeout=1)

    def _close_bundle(self, now: float) -> None:
        self._under_way.append((now, self._bundle))
        self._bundle, self._bundle_bytes = [], 0

    def _check(self, must_wait: Callable[[], bool]) -> None:
        """Remove finished bundles. Wait for the oldest one while ``must_wait()``, and if it is
        overdue.
        """
        while self._under_way:
            closed_at, bundle = self._under_way[0]
            overdue = time.monotonic() - closed_at >= DELIVERY_SECONDS
            if not overdue and not must_wait() and not bundle[-1].is_done:
                return
            # Confirmations come per partition: the last record's may come before that of others.
            deadline = max(closed_at + DELIVERY_SECONDS, time.monotonic() + 0.1)
            for future in bundle:
                try:
                    future.get(timeout=max(deadline - time.monotonic(), 0.001))
                except kafka_errors.KafkaError as error:
                    raise translate(error, self._settings) from error
            self.delivered += len(bundle)
            self._under_way.popleft()

    def _require(self, topic: str) -> None:
        self._topics = existing_topics(self._settings)
        if topic not in self._topics:
            raise BelowTheLineError(
                f"The topic {topic!r} is not at {self._settings.kafka_bootstrap}, or hidden from"
                " this user.",
                "Create the topics with `btl up` or `btl topics create`.",
            )


class _CachedPartitioner(DefaultPartitioner):
    """The default, murmur2 of the key, with a cache: the hash is a tenth of a record's cost."""

    def __init__(self) -> None:
        self._hashes: dict[bytes, int] = {}

    def partition(
        self,
        topic: str,
        key: object,
        serialized_key: bytes | None,
        value: object,
        serialized_value: bytes | None,
        cluster: ClusterMetadata,
    ) -> int:
        if serialized_key is None:
            return super().partition(topic, key, serialized_key, value, serialized_value, cluster)
        partitions = cluster.partitions_for_topic(topic)
        if not partitions:
            raise ValueError(f"Topic {topic} not found in ClusterMetadata")
        known = self._hashes.get(serialized_key)
        if known is None:
            if len(self._hashes) >= _MAX_CACHED_KEYS:
                self._hashes.clear()
            known = self._hashes[serialized_key] = murmur2(serialized_key) & 0x7FFFFFFF
        # Kafka numbers the partitions of a topic from 0 without a gap.
        return known % len(partitions)
