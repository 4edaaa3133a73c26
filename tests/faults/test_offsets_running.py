"""Decisions about offsets, also while a consumer reads them: each gap is accounted for, and what
needs a decision gets one.
"""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType

from below_the_line.kafka.admin import admin_client, create_topics, partition_logs
from tests.commands import Btl
from tests.faults.outages import CLOUD_EVENTS, comment, send, watched
from tests.integration.test_record_batches import CODECS
from tests.pipeline import Pipeline, assert_accounted, wait_until

pytestmark = pytest.mark.stack

TOPIC = "comment-events"
PARTITION = TopicPartition(TOPIC, 0)


@pytest.fixture
def btl(clustered: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Btl:
    return Btl(clustered.settings(), monkeypatch)


@contextmanager
def producer(pipeline: Pipeline, **options: Any) -> Iterator[KafkaProducer]:
    opened = KafkaProducer(bootstrap_servers=pipeline.bootstrap.split(","), **options)
    try:
        yield opened
    finally:
        opened.close()


def configure(pipeline: Pipeline, **config: str) -> None:
    with admin_client(pipeline.settings()) as admin:
        named = {name.replace("_", "."): value for name, value in config.items()}
        # A broker that does not know the new topic yet knows none of its settings.
        admin.wait_for_topics([TOPIC])
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, TOPIC, named)])


def assert_read_to_the_end(pipeline: Pipeline, connection: psycopg.Connection, btl: Btl) -> None:
    """Every partition's position is the end of its log, and the account adds up."""
    ends = {place: log.end for place, log in partition_logs(pipeline.settings(), [TOPIC]).items()}

    def positions() -> dict[tuple[str, int], int]:
        rows = connection.execute(
            "select topic, partition, next_offset from ingest.partition_offsets where topic = %s",
            [TOPIC],
        ).fetchall()
        return {(topic, number): offset for topic, number, offset in rows}

    wait_until(
        lambda: positions() == ends,
        60,
        lambda: f"{positions()} {ends}\n{pipeline.consumer_logs()[-4000:]}",
    )
    report = json.loads(btl("audit", "--json"))
    # Some tests give the topic other settings.
    assert [each for each in report["findings"] if each["kind"] != "topic"] == []


def test_markers_and_records_of_transactions_that_were_aborted_are_passed_and_accounted_for(
    clustered: Pipeline, connection: psycopg.Connection, btl: Btl
) -> None:
    kept = 0
    with (
        clustered.consumer(),
        producer(clustered, transactional_id=f"test-{uuid.uuid4().hex}") as opened,
    ):
        opened.init_transactions()
        for number in range(12):
            opened.begin_transaction()
            for each in range(5):
                key, value = comment(number * 5 + each)
                opened.send(
                    TOPIC, key=key, value=value, headers=list(CLOUD_EVENTS), partition=number % 2
                )
            opened.flush()
            if number % 3:
                opened.commit_transaction()
                kept += 5
            else:
                opened.abort_transaction()
        account = clustered.wait_for_records(connection, kept)
        # The markers behind the last records move the positions, too.
        assert_read_to_the_end(clustered, connection, btl)
    assert account == {"records": kept, "applied": kept, "unchanged": 0, "dead_lettered": 0}
    assert_accounted(connection)
    assert connection.execute(
        "select sum(next_offset - first_offset) > sum(records) from ingest.batches"
    ).fetchone() == (True,)


def test_what_compaction_took_away_is_passed_and_accounted_for(
    clustered: Pipeline, connection: psycopg.Connection, btl: Btl
) -> None:
    configure(
        clustered, cleanup_policy="compact", segment_ms="100", min_cleanable_dirty_ratio="0.01"
    )
    start = clustered.starts[PARTITION]
    offsets: list[int] = []

    def compacted() -> bool:
        """Whether records are gone in between; only closed segments are compacted, so another
        record closes one.
        """
        with producer(clustered) as opened:
            key, value = comment(len(offsets) % 3)
            opened.send(TOPIC, key=key, value=value, headers=list(CLOUD_EVENTS), partition=0)
            opened.flush()
        offsets.append(len(offsets))
        consumer = KafkaConsumer(bootstrap_servers=clustered.bootstrap.split(","))
        consumer.assign([PARTITION])
        consumer.seek(PARTITION, start)
        end, seen = consumer.end_offsets([PARTITION])[PARTITION], 0
        # Polled, not iterated: iterating fails once this process reads records with its own reader.
        while consumer.position(PARTITION) < end:
            seen += sum(map(len, consumer.poll(timeout_ms=200).values()))
        consumer.close()
        return seen < len(offsets)

    wait_until(compacted, 60)
    with clustered.consumer():
        assert_read_to_the_end(clustered, connection, btl)
    totals = clustered.totals(connection)
    assert 0 < totals["records"] < len(offsets)
    assert_accounted(connection)


def test_batches_that_the_brokers_compressed_are_read_whatever_their_codec(
    clustered: Pipeline, connection: psycopg.Connection
) -> None:
    """Kafka's own compression: its framing of lz4 and snappy is not that of Python's libraries."""
    with watched(clustered, connection) as outage:
        for codec in CODECS:
            configure(clustered, compression_type="uncompressed" if codec == "none" else codec)
            outage.consume(200)


def test_records_that_expired_before_they_were_read_stop_their_partition_until_the_gap_is_accepted(
    clustered: Pipeline, connection: psycopg.Connection, btl: Btl
) -> None:
    send(clustered, 0, 600)
    logs = partition_logs(clustered.settings(), [TOPIC])
    expired = max(logs, key=lambda place: logs[place].end)
    gone = logs[expired].end - 5
    with admin_client(clustered.settings()) as admin:
        admin.delete_records({TopicPartition(*expired): gone})
    with clustered.consumer():
        clustered.wait_for_records(connection, 600 - logs[expired].end)
        wait_until(
            lambda: "expired before they were read" in clustered.consumer_logs(),
            30,
            clustered.consumer_logs,
        )
        assert clustered.totals(connection)["records"] == 600 - logs[expired].end
        btl("offsets", "accept-gap", TOPIC, str(expired[1]))
        clustered.wait_for_records(connection, 600 - gone)
        assert_read_to_the_end(clustered, connection, btl)
    assert clustered.totals(connection)["dead_lettered"] == 0
    assert connection.execute(
        "select partition, next_offset from ingest.batches where kind = 'gap'"
    ).fetchall() == [(expired[1], gone)]


def test_partitions_that_a_topic_grew_are_read_from_their_beginning_by_the_consumers_that_run(
    clustered: Pipeline, connection: psycopg.Connection, btl: Btl
) -> None:
    # With two the group takes longer to agree than one poll lasts.
    with watched(clustered, connection) as outage, clustered.consumer():
        wait_until(
            lambda: (
                connection.execute(
                    "select count(distinct owner) from ingest.partition_offsets"
                ).fetchone()
                == (2,)
            ),
            30,
            clustered.consumer_logs,
        )
        with admin_client(clustered.settings()) as admin:
            admin.create_partitions({TOPIC: 8})
            admin.wait_for_topics([TOPIC])
        # New clients hash the keys over eight partitions, and an article's events now come by two.
        outage.consume(500)
        assert_read_to_the_end(clustered, connection, btl)
        read = connection.execute(
            "select count(distinct partition) from ingest.batches where topic = %s and partition >="
            " 6 and records > 0",
            [TOPIC],
        ).fetchone()
        assert read == (2,)


def test_a_topic_deleted_and_made_anew_stops_and_is_read_from_its_beginning_once_that_is_decided(
    clustered: Pipeline, connection: psycopg.Connection, btl: Btl
) -> None:
    with clustered.consumer():
        send(clustered, 0, 500)
        clustered.wait_for_records(connection, 500)
        with admin_client(clustered.settings()) as admin:
            admin.delete_topics([TOPIC])
            wait_until(lambda: TOPIC not in admin.list_topics(), 30)
        create_topics(clustered.settings())
        # The same again, and more: the offsets of the old topic are there in the new one, too.
        send(clustered, 0, 1_000)
        wait_until(
            lambda: (
                connection.execute(
                    "select count(*) from ingest.partition_offsets where topic = %s and status ="
                    " 'stopped'",
                    [TOPIC],
                ).fetchone()
                == (6,)
            ),
            60,
            clustered.consumer_logs,
        )
        assert "deleted and created again" in clustered.consumer_logs()
        btl("offsets", "reset", TOPIC, "--all-partitions", "--to", "start", "--yes")
        assert_read_to_the_end(clustered, connection, btl)
    assert clustered.totals(connection)["dead_lettered"] == 0
    assert connection.execute("select count(*) from discussion.comments").fetchone() == (1_000,)
