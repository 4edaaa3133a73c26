"""Bad input through a real broker: every published example in batches of every codec, and records
as large as it takes.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import psycopg
import pytest
from kafka import KafkaProducer
from kafka.errors import MessageSizeTooLargeError

from below_the_line.catalogue import examples, topics
from below_the_line.contracts.codes import STAGES
from below_the_line.contracts.events import Record
from consumers.core.dead_letters import stored_headers
from tests.integration.test_record_batches import CODECS, batch
from tests.pipeline import Pipeline, assert_accounted

pytestmark = pytest.mark.stack

LIMIT = {topic.name: int(topic.config["max.message.bytes"]) for topic in topics()}["comment-events"]
PARTITIONS = 6


class RawName(str):
    """A header's name that is sent as its bytes, be they UTF-8 or not."""

    __slots__ = ()

    def encode(self, *_: Any) -> bytes:
        return str.encode(self, "utf-8", "surrogateescape")


@contextmanager
def producer(bootstrap: str, codec: str) -> Iterator[KafkaProducer]:
    opened = KafkaProducer(
        bootstrap_servers=bootstrap,
        compression_type=None if codec == "none" else codec,
        linger_ms=50,
        batch_size=LIMIT,
        max_request_size=64 * 1024 * 1024,
    )
    try:
        yield opened
    finally:
        opened.close()


def send(opened: KafkaProducer, records: Iterable[Record]) -> None:
    """Send records to partitions by turns, so that no partition's breaker trips."""
    turns = count()
    futures = [
        opened.send(
            record.topic,
            key=record.key,
            value=record.value,
            headers=[(RawName(name), value) for name, value in record.headers],
            partition=next(turns) % PARTITIONS,
        )
        for record in records
    ]
    opened.flush()
    for future in futures:
        future.get(10)


def test_every_example_comes_out_as_it_says_whatever_codec_its_batch_had(
    pipeline: Pipeline, connection: psycopg.Connection
) -> None:
    inputs = {topic.name for topic in topics() if topic.direction == "in"}
    valid, invalid = (
        [example for example in examples(kind) if example.record.topic in inputs]
        for kind in (True, False)
    )
    assert {example.code for example in invalid} == set(STAGES) - {"rejected_by_database"}
    # A header without a value is nothing that kafka-python's producer would send.
    valid = [
        example
        for example in valid
        if all(value is not None for _, value in example.record.headers)
    ]
    sent = [example.record for example in (*valid, *invalid)]
    for codec in CODECS:
        with producer(pipeline.bootstrap, codec) as opened:
            send(opened, sent)
    with pipeline.consumer():
        account = pipeline.wait_for_records(connection, len(CODECS) * len(sent))
    assert (account["dead_lettered"], account["applied"] + account["unchanged"]) == (
        len(CODECS) * len(invalid),
        len(CODECS) * len(valid),
    )
    kept = connection.execute(
        "select topic, record_key, record_value, record_headers, stage, code, pointer from"
        " ingest.dead_letters"
    ).fetchall()
    expected = [
        (
            example.record.topic,
            example.record.key,
            example.record.value,
            stored_headers(example.record),
            STAGES[str(example.code)],
            example.code,
            example.pointer,
        )
        for example in invalid
    ]
    assert Counter(map(repr, kept)) == Counter(map(repr, expected * len(CODECS)))
    assert_accounted(connection)


def largest(key: bytes) -> bytes:
    """A value with which a batch of one record is just as large as the broker takes."""
    million = b"x" * 1_000_000
    return b"x" * (len(million) + LIMIT - len(batch([(key, million, [])], 0)))


def test_records_at_the_brokers_limit_and_above_it_before_compression_are_kept_whole(
    pipeline: Pipeline, connection: psycopg.Connection
) -> None:
    key = b"article-1"
    value = largest(key)
    with producer(pipeline.bootstrap, "none") as opened, pytest.raises(MessageSizeTooLargeError):
        send(opened, [Record("comment-events", 0, 0, 0, key, value + b"x", [])])
    with producer(pipeline.bootstrap, "none") as opened:
        # Of several partitions at once: only the first batch of an answer comes whole whatever its
        # size.
        large = [Record("comment-events", 0, 0, 0, key, value, [])] * (2 * PARTITIONS)
        send(opened, large)
    with producer(pipeline.bootstrap, "zstd") as opened:
        larger = Record("comment-events", 0, 0, 0, key, b"y" * (8 * LIMIT), [])
        send(opened, [larger])
    with pipeline.consumer():
        account = pipeline.wait_for_records(connection, len(large) + 1)
    assert account["dead_lettered"] == len(large) + 1
    found = connection.execute("select code, record_value from ingest.dead_letters").fetchall()
    assert Counter(found) == {("too_large", value): len(large), ("too_large", larger.value): 1}
    assert "broker away" not in pipeline.consumer_logs()
    assert_accounted(connection)
