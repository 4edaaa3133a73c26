"""How much the ledger grows at 150 events a second, by a clock that runs ahead."""

import os
from collections.abc import Iterator
from contextlib import closing
from itertools import count

import psycopg
import pytest

from below_the_line.contracts.events import Record
from below_the_line.partitions import PartitionLog
from below_the_line.settings import Settings
from consumers.adapters import postgres
from consumers.adapters.postgres import Store
from consumers.core.batch import Batch, DecodedRecord, Partition
from tests.builders import posted
from tests.integration.test_store import BROKER
from tests.pipeline import assert_accounted

pytestmark = pytest.mark.stack

PROVING = os.environ.get("BTL_PROVE") == "1"
SECONDS = 1_200 if PROVING else 20
EVENTS_PER_SECOND = 150
PARTITIONS = [
    Partition(topic, number) for topic in ("articles", "comment-events") for number in range(6)
]
MAX_BYTES_A_DAY = 50e6
MAX_BYTES_A_ROW = 450
"""With indexes and with room for new versions; measured over enough rows when proving."""
VACUUM_SECONDS = 60
"""How often the server looks for dead rows by itself: `autovacuum_naptime`. Its own clock does not
run ahead, so it is done here.
"""


def batches(batch_seconds: float) -> Iterator[Batch]:
    """Batches of a steady stream that goes round the partitions, one of each in every batch."""
    offsets = {partition: count() for partition in PARTITIONS}
    event = posted("c")
    while True:
        batch = Batch()
        for number in range(round(EVENTS_PER_SECOND * batch_seconds)):
            partition = PARTITIONS[number % len(PARTITIONS)]
            offset = next(offsets[partition])
            record = Record(partition.topic, partition.number, offset, 0, b"k", b"v")
            batch.add(partition, [DecodedRecord(record, event)], offset, offset + 1, now=0.0)
        yield batch


@pytest.mark.timeout(600)
def test_the_ledger_of_a_steady_stream_stays_small(
    database_url: str, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings()
    now = 0.0
    monkeypatch.setattr(postgres, "perf_counter", lambda: now)
    with (
        closing(Store(database_url, "group", ledger_seconds=settings.ledger_seconds)) as store,
        psycopg.connect(database_url, autocommit=True) as autovacuum,
    ):
        store.take({each: PartitionLog(BROKER.topic_id, 0, 1 << 40) for each in PARTITIONS})
        stream = batches(settings.batch_seconds)
        for number in range(round(SECONDS / settings.batch_seconds)):
            now = number * settings.batch_seconds
            store.begin(next(stream))
            store.finish()
            if (number + 1) % round(VACUUM_SECONDS / settings.batch_seconds) == 0:
                autovacuum.execute("vacuum ingest.batches")
    assert_accounted(connection)
    rows, records, size = connection.execute(
        "select count(*), sum(records)::bigint, pg_total_relation_size('ingest.batches')"
        " from ingest.batches"
    ).fetchone() or (0, 0, 0)
    assert records == SECONDS * EVENTS_PER_SECOND
    per_day = 86_400 / SECONDS
    print(f"{rows} rows, {size} bytes in {SECONDS} s: {rows * per_day:,.0f} rows a day")
    assert rows * per_day * MAX_BYTES_A_ROW <= MAX_BYTES_A_DAY
    if PROVING:
        assert size <= rows * MAX_BYTES_A_ROW
