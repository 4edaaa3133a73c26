"""Records out of real batches: every codec, transactions that were aborted, and damage."""

import uuid

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.consumer.fetcher import Fetcher
from kafka.errors import CorruptRecordError
from kafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder

from consumers.adapters import record_batches

CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
"""All that Kafka knows: a producer may use any."""


def batch(
    records: list[tuple[bytes | None, bytes | None, list[tuple[str, bytes | None]]]], codec: int
) -> bytes:
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=codec,
        is_transactional=False,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=1_000_000,
    )
    for offset, (key, value, headers) in enumerate(records):
        assert builder.append(offset, 1_700_000_000_000 + offset, key, value, headers)
    return bytes(builder.build())


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
def test_keys_values_headers_and_nulls_come_out_as_they_went_in(codec: int) -> None:
    records: list[tuple[bytes | None, bytes | None, list[tuple[str, bytes | None]]]] = [
        (b"key", b"value " * 50, [("content-type", b"application/json"), ("content-type", None)]),
        (None, b"", []),
        (b"", None, [("\N{SNOWMAN}", b"")]),
    ]
    read = list(record_batches.read_batch(DefaultRecordBatch(batch(records, codec)), "articles", 4))
    assert [(record.key, record.value, list(record.headers)) for record in read] == records
    assert [(record.topic, record.partition, record.offset) for record in read] == [
        ("articles", 4, n) for n in range(3)
    ]
    assert [record.timestamp for record in read] == [1_700_000_000_000 + n for n in range(3)]


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_batch_that_ends_too_early_is_damage(cut: int) -> None:
    raw = batch([(b"key", b"value " * 20, [])], 0)
    with pytest.raises(CorruptRecordError):
        list(record_batches.read_batch(DefaultRecordBatch(raw[:-cut]), "articles", 0))


def test_bytes_left_over_are_damage() -> None:
    with pytest.raises(CorruptRecordError, match="does not end"):
        list(
            record_batches.read_batch(
                DefaultRecordBatch(batch([(b"key", b"value", [])], 0) + b"\0"), "articles", 0
            )
        )


@pytest.mark.stack
def test_aborted_transactions_are_not_read_and_positions_pass_their_markers(
    kafka_bootstrap: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    producer = KafkaProducer(
        bootstrap_servers=kafka_bootstrap, transactional_id=f"test-{uuid.uuid4().hex}"
    )
    producer.init_transactions()
    target = TopicPartition("discussion-events", 0)
    consumer = KafkaConsumer(
        bootstrap_servers=kafka_bootstrap,
        isolation_level="read_committed",
        enable_auto_commit=False,
        check_crcs=True,
    )
    consumer.assign([target])
    start = consumer.end_offsets([target])[target]
    for value, is_kept in ((b"kept 1", True), (b"aborted", False), (b"kept 2", True)):
        producer.begin_transaction()
        producer.send(target.topic, key=b"k", value=value, partition=target.partition)
        producer.flush()
        if is_kept:
            producer.commit_transaction()
        else:
            producer.abort_transaction()
    producer.close()
    monkeypatch.setattr(Fetcher, "PartitionRecords", Fetcher.PartitionRecords)
    record_batches.install()
    try:
        consumer.seek(target, start)
        found = []
        for _ in range(50):
            found += [
                record for records in consumer.poll(timeout_ms=200).values() for record in records
            ]
            if consumer.position(target) >= start + 6:
                break
        # Three records and a marker after each: six offsets.
        assert [(record.value, record.offset - start) for record in found] == [
            (b"kept 1", 0),
            (b"kept 2", 4),
        ]
        assert consumer.position(target) == start + 6
    finally:
        consumer.close()
