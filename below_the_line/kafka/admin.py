"""What is asked of the brokers outside of reading and writing: topics, logs, offsets at a time.

A log has two ends. Every acknowledged record lies before the high watermark, which is what "the
end" means here. The last stable offset is where the first open transaction begins; readers of
committed records get no further, also where other producers wrote what is behind it.
"""

import copy
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

import tenacity
from kafka import (
    IsolationLevel,
    KafkaAdminClient,
    KafkaConsumer,
    OffsetSpec,
    TopicPartition,
)
from kafka import errors as kafka_errors

from below_the_line import catalogue
from below_the_line.contracts.times import EPOCH
from below_the_line.kafka.errors import translated_errors
from below_the_line.kafka.options import connected, kafka_options
from below_the_line.partitions import Logs, PartitionLog
from below_the_line.settings import Settings

RETRY_SECONDS = 5.0
"""A request whose broker is gone is sent again, to any other broker, for this time."""
_CREATE_SECONDS = 10.0
"""A broker that has not created a topic after this time counts as away."""
_LEADER_SECONDS = 30.0
"""Every partition of the topics has a leader after this time, or something is wrong."""


@contextmanager
def admin_client(settings: Settings) -> Iterator[KafkaAdminClient]:
    """Open an admin client for the length of the block.

    What Kafka raises in the block becomes a BelowTheLineError. The loss of one broker of several is
    not an error: its requests go to another one.
    """
    with translated_errors(settings):
        client = connected(KafkaAdminClient, **kafka_options(settings))
        try:
            yield cast("KafkaAdminClient", _RetryingAdmin(client))
        finally:
            client.close()


def _found_no_broker(error: BaseException) -> bool:
    return isinstance(error, kafka_errors.KafkaConnectionError | kafka_errors.NodeNotReadyError)


class _RetryingAdmin:
    """An admin client that sends a request again if the broker could not be reached.

    kafka-python picks any broker for a request, also one that it has not connected to yet, and
    fails if that one is away. From then on it avoids it.
    """

    def __init__(self, client: KafkaAdminClient) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return tenacity.retry(
            retry=tenacity.retry_if_exception(_found_no_broker),
            stop=tenacity.stop_after_delay(RETRY_SECONDS),
            wait=tenacity.wait_fixed(0.1),
            reraise=True,
        )(getattr(self._client, name))


def existing_topics(settings: Settings) -> set[str]:
    """Return the names of the topics that this user can see. Raises BelowTheLineError."""
    with admin_client(settings) as admin:
        return set(admin.list_topics())


def create_topics(settings: Settings) -> list[str]:
    """Create the topics of the catalogue that do not exist; return their names.

    Waits until every partition of all topics has a leader. Never changes a topic that exists. Safe
    to run twice, and by two processes at once. Raises BelowTheLineError.
    """
    wanted = {topic.name: topic for topic in catalogue.topics()}
    created = []
    with admin_client(settings) as admin:
        existing = set(admin.list_topics())
        for name, topic in wanted.items():
            if name in existing:
                continue
            definition = {
                "num_partitions": topic.partitions,
                "replication_factor": topic.replication_factor,
                "configs": dict(topic.config),
            }
            try:
                admin.create_topics({name: definition}, timeout_ms=int(_CREATE_SECONDS * 1000))
                created.append(name)
            except kafka_errors.TopicAlreadyExistsError:
                # Another process was faster.
                continue
        admin.wait_for_topics(list(wanted), timeout_ms=int(_LEADER_SECONDS * 1000))
    return created


def partition_logs(settings: Settings, topics: Iterable[str]) -> Logs:
    """Return the log of every partition of these topics, by the brokers' fresh metadata.

    Raises BelowTheLineError if the brokers cannot be asked.
    """
    with admin_client(settings) as admin:
        topic_ids = {
            TopicPartition(found["name"], partition["partition_index"]): UUID(
                str(found["topic_id"])
            )
            for found in admin.describe_topics(sorted(set(topics)))
            if not found["error_code"]
            for partition in found["partitions"]
        }
        starts, ends, stable_ends = (
            admin.list_partition_offsets(dict.fromkeys(topic_ids, spec), isolation_level)
            for spec, isolation_level in (
                (OffsetSpec.EARLIEST, IsolationLevel.READ_UNCOMMITTED),
                (OffsetSpec.LATEST, IsolationLevel.READ_UNCOMMITTED),
                (OffsetSpec.LATEST, IsolationLevel.READ_COMMITTED),
            )
        )
    return {
        (each.topic, each.partition): PartitionLog(
            topic_id,
            starts[each].offset,
            ends[each].offset,
            _open_transaction(ends[each].offset, stable_ends[each].offset),
        )
        for each, topic_id in topic_ids.items()
    }


def _open_transaction(end: int, stable_end: int) -> int | None:
    """Return where the first open transaction begins, if one is open.

    The stable end must be asked after the end: in the other order, records that come in between
    look like an open transaction.
    """
    return stable_end if stable_end < end else None


def topic_ids(consumer: KafkaConsumer, topics: Iterable[str]) -> dict[str, UUID]:
    """Return the id of each topic by the metadata of a KafkaConsumer, which is some seconds old.

    Topics that are gone are left out.
    """
    # The public interface has no topic ids. The cluster's metadata has, and is refreshed all the
    # time.
    found = {topic: consumer._cluster.topic_id(topic) for topic in topics}
    return {
        topic: topic_id
        for topic, topic_id in found.items()
        if topic_id is not None and topic_id.int
    }


def logs_by_consumer(
    consumer: KafkaConsumer, partitions: Iterable[tuple[str, int]], timeout_milliseconds: int
) -> dict[tuple[str, int], PartitionLog]:
    """Return the logs of these partitions, asked on the connections of a KafkaConsumer that reads
    committed records.

    Raises kafka.errors.KafkaError, also for a partition that is not there.
    """
    wanted = [TopicPartition(*each) for each in partitions]
    if not wanted:
        return {}
    starts = consumer.beginning_offsets(wanted, timeout_ms=timeout_milliseconds)
    # A consumer can only be asked about the end that its isolation level knows. The copy asks for
    # the other one on the same connections.
    uncommitted = copy.copy(consumer._fetcher)
    uncommitted._isolation_level = IsolationLevel.READ_UNCOMMITTED
    ends = uncommitted.end_offsets(wanted, timeout_milliseconds)
    stable_ends = consumer.end_offsets(wanted, timeout_ms=timeout_milliseconds)
    ids = topic_ids(consumer, {each.topic for each in wanted})
    if missing := {each.topic for each in wanted} - ids.keys():
        raise kafka_errors.UnknownTopicOrPartitionError(f"no id of topic {', '.join(missing)}")
    return {
        (each.topic, each.partition): PartitionLog(
            ids[each.topic],
            starts[each],
            ends[each],
            _open_transaction(ends[each], stable_ends[each]),
        )
        for each in wanted
    }


def offsets_at(
    settings: Settings, partitions: Iterable[tuple[str, int]], at: datetime
) -> dict[tuple[str, int], int]:
    """Return, by topic and partition, the offset of the first record with time ``at`` or later.

    Such a record may lie behind an open transaction. Partitions without one are left out. Raises
    BelowTheLineError if the brokers cannot be asked, or do not have one of the partitions.
    """
    milliseconds = -((EPOCH - at) // timedelta(milliseconds=1))
    wanted = {TopicPartition(*each): milliseconds for each in partitions}
    with admin_client(settings) as admin:
        found = admin.list_partition_offsets(wanted, IsolationLevel.READ_UNCOMMITTED)
    return {
        (each.topic, each.partition): position.offset
        for each, position in found.items()
        if position.offset >= 0
    }
