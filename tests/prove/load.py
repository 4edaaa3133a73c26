"""A newsroom that keeps sending, and what must have come of it."""

import json
import random
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import psycopg
from kafka import KafkaConsumer, TopicPartition

from below_the_line.catalogue import load_contracts
from below_the_line.contracts.events import Record, Rejection
from below_the_line.errors import BelowTheLineError
from below_the_line.kafka.envelopes import Outgoing, structured
from below_the_line.kafka.producer import Publisher
from btl.simulation.day import simulate_day
from tests.pipeline import Pipeline, assert_accounted
from tests.properties.ingest import Database
from tests.properties.model import CloudEvent, tables

_DAY = datetime(2026, 5, 20, tzinfo=UTC)
_RECORDS_A_DAY = 2_000
_REPEATED = 0.05
_REPEATED_WITHIN = 1_000


def newsroom(seed: int) -> Iterator[Outgoing]:
    """Records without end: all event types that have tables, bad ones of every code, and some of
    those before a second time.
    """
    chance = random.Random(seed)
    recent: deque[Outgoing] = deque(maxlen=_REPEATED_WITHIN)
    while True:
        for outgoing in simulate_day(
            chance.randrange(1 << 30), _DAY, records=_RECORDS_A_DAY, bad_share=0.02, erasure=False
        ):
            recent.append(outgoing)
            yield outgoing
            if chance.random() < _REPEATED:
                yield chance.choice(recent)


class Feed:
    """Sends a newsroom's records all the time, at a rate, while the block lasts; a broker
    that is away is waited for.
    """

    def __init__(self, pipeline: Pipeline, seed: int, per_second: float) -> None:
        self._settings = pipeline.settings()
        self._records = newsroom(seed)
        self._per_second = per_second
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feed")
        self._sent_twice: deque[Outgoing] = deque()
        self.sent = 0
        """Records that the broker confirmed."""

    def __enter__(self) -> "Feed":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            with suppress(BelowTheLineError):
                self._send()

    def _send(self) -> None:
        under_way: list[Outgoing] = []
        with Publisher(self._settings) as publisher:
            try:
                while not self._stop.is_set():
                    outgoing = (
                        self._sent_twice.popleft() if self._sent_twice else next(self._records)
                    )
                    under_way.append(outgoing)
                    publisher.send(outgoing)
                    self._stop.wait(1 / self._per_second)
                publisher.flush()
            except BelowTheLineError:
                # Whether the broker has them is not known: they are sent again, and may be there
                # twice.
                self._sent_twice.extend(under_way[publisher.delivered :])
                raise
            finally:
                self.sent += publisher.delivered


def burst(name: str, comments: int) -> Iterator[Outgoing]:
    """New comments at once, on sixty articles; ``name`` begins their ids."""
    for number in range(comments):
        comment_id = f"{name}-{number}"
        yield structured(
            topic="comment-events",
            event_type="comment.posted.v1",
            event_id=comment_id,
            source="/burst",
            time="2026-05-20T12:00:00Z",
            subject=comment_id,
            data={
                "article_id": f"burst-{number % 60}",
                "comment_id": comment_id,
                "author": {"user_id": "u1", "display_name": "Reader One"},
                "body": "All at once. " * 20,
                "posted_at": "2026-05-20T12:00:00Z",
            },
        )


def send(pipeline: Pipeline, records: Iterable[Outgoing]) -> None:
    """Send these and wait until the broker has them."""
    with Publisher(pipeline.settings()) as publisher:
        for outgoing in records:
            publisher.send(outgoing)


def read_topics(pipeline: Pipeline) -> list[Record]:
    """All records since the pipeline began, read by a plain consumer of kafka-python."""
    consumer = KafkaConsumer(
        bootstrap_servers=pipeline.bootstrap, enable_auto_commit=False, max_poll_records=10_000
    )
    try:
        partitions = [TopicPartition(*each) for each in pipeline.starts]
        consumer.assign(partitions)
        ends = {
            each: end
            for each, end in consumer.end_offsets(partitions).items()
            if end > pipeline.starts[each]
        }
        for partition in partitions:
            consumer.seek(partition, pipeline.starts[partition])
        found = []
        deadline = time.monotonic() + 120
        while any(consumer.position(partition) < end for partition, end in ends.items()):
            assert time.monotonic() < deadline, "the topics can't be read"
            for partition, records in consumer.poll(timeout_ms=200).items():
                topic, number = partition
                found += [
                    Record(
                        topic,
                        number,
                        each.offset,
                        each.timestamp,
                        each.key,
                        each.value,
                        each.headers,
                    )
                    for each in records
                    if each.offset < ends[partition]
                ]
    finally:
        consumer.close()
    return found


def cloud_event(record: Record) -> CloudEvent:
    """A valid event as its producer wrote it, in either mode."""
    value = json.loads(record.value or b"")
    attributes = {
        name[3:]: (text or b"").decode() for name, text in record.headers if name.startswith("ce_")
    }
    if attributes:
        return CloudEvent(
            attributes["type"], attributes["id"], attributes["source"], attributes["time"], value
        )
    return CloudEvent(value["type"], value["id"], value["source"], value["time"], value["data"])


def assert_exactly_once(pipeline: Pipeline, connection: psycopg.Connection) -> dict[str, int]:
    """What the topics hold is in the database, wholly and once, and nothing else; returns the
    account.

    All columns of all tables equal the model's, the dead letters are the bad records byte for byte,
    and the ledger leads from the beginning to the end of every partition without gap or overlap.
    """
    decode = load_contracts().decode
    events, dead_letters = [], []
    records = read_topics(pipeline)
    for record in records:
        result = decode(record)
        if isinstance(result, Rejection):
            dead_letters.append(dead_letter(record, result))
        else:
            events.append(cloud_event(record))
    expected, found = tables(events), Database(connection).tables()
    for name, rows in expected.items():
        assert found[name] == rows, f"discussion.{name}: {difference(rows, found[name])}"
    assert sorted(kept_dead_letters(connection)) == sorted(dead_letters)
    account = dict(pipeline.totals(connection))
    assert account["records"] == len(records)
    assert account["dead_lettered"] == len(dead_letters)
    assert account["applied"] + account["unchanged"] == len(events)
    assert_accounted(connection)
    assert_from_start_to_end(pipeline, connection, records)
    return account


def difference(expected: dict[Any, Any], found: dict[Any, Any]) -> str:
    """Which keys, in short."""
    missing, foreign = expected.keys() - found.keys(), found.keys() - expected.keys()
    other = [key for key in expected.keys() & found.keys() if expected[key] != found[key]]
    return (
        f"missing {sorted(missing)[:5]}, not expected {sorted(foreign)[:5]}, other"
        f" {sorted(other)[:5]}"
    )


_DeadLetter = tuple[
    str, int, int, bytes, bytes, tuple[tuple[bytes, bytes], ...], str, str, str, str
]


def dead_letter(record: Record, rejection: Rejection) -> _DeadLetter:
    """A dead letter in a form that can be sorted: an absent value is not an empty one."""
    headers = tuple((name.encode(), _told(content)) for name, content in record.headers)
    return (
        *(
            record.topic,
            record.partition,
            record.offset,
            _told(record.key),
            _told(record.value),
            headers,
        ),
        *(rejection.stage, rejection.code, rejection.pointer or "", rejection.message),
    )


def kept_dead_letters(connection: psycopg.Connection) -> Iterator[_DeadLetter]:
    """The dead letters that the database has."""
    for topic, partition, offset, key, value, headers, *reason in connection.execute(
        "select topic, partition, record_offset, record_key, record_value, record_headers, stage,"
        " code, coalesce(pointer, ''), message from ingest.dead_letters"
    ):
        pairs = tuple(zip(headers[::2], map(_told, headers[1::2]), strict=True))
        yield (topic, partition, offset, _told(key), _told(value), pairs, *reason)


def _told(content: bytes | None) -> bytes:
    return b"null" if content is None else b"=" + content


def assert_from_start_to_end(
    pipeline: Pipeline, connection: psycopg.Connection, records: Iterable[Record]
) -> None:
    """The ledger begins where the pipeline did and ends after the last record of each partition."""
    ends: dict[tuple[str, int], int] = {}
    for record in records:
        ends[record.topic, record.partition] = max(
            ends.get((record.topic, record.partition), 0), record.offset + 1
        )
    spans = connection.execute(
        "select topic, partition, min(first_offset), max(next_offset) from ingest.batches group by"
        " 1, 2"
    ).fetchall()
    assert {(topic, number): (start, end) for topic, number, start, end in spans} == {
        (topic, number): (pipeline.starts[TopicPartition(topic, number)], end)
        for (topic, number), end in ends.items()
    }


def records_in_topics(pipeline: Pipeline) -> int:
    """How many records there are since the pipeline began (none is missing: nobody uses
    transactions here).
    """
    consumer = KafkaConsumer(bootstrap_servers=pipeline.bootstrap)
    try:
        ends = consumer.end_offsets([TopicPartition(*each) for each in pipeline.starts])
    finally:
        consumer.close()
    return sum(ends[each] - start for each, start in pipeline.starts.items())
