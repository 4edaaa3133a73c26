"""What the new event type of CONTRIBUTING.md does. Run in a copy of the repository that has it."""

from contextlib import closing
from datetime import UTC, datetime
from uuid import UUID

import psycopg

from below_the_line.catalogue import load_contracts
from below_the_line.contracts.events import Event, Record
from below_the_line.partitions import PartitionLog
from btl.simulation.day import simulate_day
from consumers.adapters.postgres import Store
from consumers.core.batch import Batch, DecodedRecord, Partition
from tests.builders import event, posted

PARTITION = Partition("comment-events", 0)


def pinned(is_pinned: bool, at: str) -> Event:
    data = {"article_id": "a1", "comment_id": "c1", "pinned": is_pinned, "pinned_at": at}
    return event("comment.pinned.v1", data, at=at)


def test_the_last_pinning_stands_in_whatever_order_the_batches_come(
    database_url: str, connection: psycopg.Connection
) -> None:
    last = pinned(False, "2026-05-01T12:00:00Z")
    batches = [[last], [posted(at="2026-05-01T09:00:00Z"), pinned(True, "2026-05-01T11:00:00Z")]]
    with closing(Store(database_url, "group")) as store:
        store.take({PARTITION: PartitionLog(UUID(int=1), 0, 3)})
        offset = 0
        for events in batches:
            records = [
                DecodedRecord(
                    Record(PARTITION.topic, PARTITION.number, offset + number, 0, b"a1", b""), each
                )
                for number, each in enumerate(events)
            ]
            batch = Batch()
            batch.add(PARTITION, records, offset, offset + len(events), now=0.0)
            store.begin(batch)
            store.finish()
            offset += len(events)

    assert connection.execute(
        "select pinned, pinned_at, pinned_version, first_body from discussion.comments"
    ).fetchall() == [(False, datetime(2026, 5, 1, 12, tzinfo=UTC), last.version, "first")]


def test_a_simulated_day_has_some() -> None:
    contracts = load_contracts()
    results = [
        contracts.decode(Record(topic, 0, 0, arrival.arrives_at // 1000, key, value, headers))
        for arrival in simulate_day(1, datetime(2026, 5, 1, tzinfo=UTC), records=3_000).arrivals()
        for topic, key, value, headers in [arrival.outgoing]
    ]
    assert any(isinstance(each, Event) and each.type == "comment.pinned.v1" for each in results)
