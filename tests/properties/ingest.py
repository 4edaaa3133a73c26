"""Real batches through the real store, and what is then in the tables."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from below_the_line.catalogue import load_contracts
from below_the_line.contracts.events import Event, Record, Rejection
from below_the_line.erasing.keys import ErasureKey
from below_the_line.partitions import PartitionLog
from consumers.adapters.postgres import Store
from consumers.core.batch import Batch, DecodedRecord, Entry, Partition
from consumers.core.straight import StraightWay
from tests.builders import WRITINGS
from tests.pipeline import wait_until
from tests.properties.histories import record_of
from tests.properties.model import KEYS, CloudEvent, Tables

TOPICS = {"articles": UUID(int=1), "comment-events": UUID(int=2)}

MARKS = {"dirty_articles": "''", "dirty_windows": "''", "dirty_discussions": "what"}
"""The tables of marks, and the column that says which kind a mark is."""

_REFUSAL = Rejection("contract", "schema_violation", "/data", "Refused by a test.", None)

Delivery = tuple[CloudEvent, int]
"""An event, and on which of the process's partitions it comes: any number."""


class Process:
    """One process of the consumer group, with partitions of both topics."""

    def __init__(
        self,
        database_url: str,
        numbers: Collection[int],
        longest_pause: int = 0,
        erasure_key: ErasureKey | None = None,
    ) -> None:
        # By default every batch tries the straight way, and so often meets rows.
        self.store = Store(
            database_url,
            "group",
            straight_way=StraightWay(longest_pause),
            erasure_key=erasure_key,
        )
        self._numbers = sorted(numbers)
        self._next_offsets: dict[Partition, int] = {}
        self.take()

    def take(self) -> None:
        """Take the partitions, as after a restart."""
        held = self.store.take(
            {
                Partition(topic, number): PartitionLog(topic_id, 0, 1_000_000)
                for topic, topic_id in TOPICS.items()
                for number in self._numbers
            }
        )
        self._next_offsets = {
            partition: position.next_offset for partition, position in held.items()
        }

    def restart(self) -> None:
        """End like a process that was killed, and start again."""
        self.store.close()
        self.take()

    def begin(self, deliveries: Iterable[Delivery]) -> None:
        """Send a batch."""
        self.store.begin(self._batch(deliveries))

    def finish(self) -> tuple[int, int, int]:
        """Commit it; how many records were there, applied, unchanged."""
        entries = self.store.finish()
        for entry in entries:
            self._next_offsets[entry.partition] = entry.next_offset
        return _sum(entries)

    def wait(self) -> None:
        """Wait until the batch's merges are done and hold their locks."""
        wait_until(self.store.is_ready, 10, every=0.001)

    def write(
        self, deliveries: Iterable[Delivery], refused: Collection[int] = ()
    ) -> tuple[int, int, int]:
        """Send and commit; those at the places ``refused`` become dead letters, as if the contracts
        were wrong.
        """
        self.store.begin(self._batch(deliveries, refused))
        return self.finish()

    def write_records(
        self, records: Iterable[Record], refused: Collection[int] = ()
    ) -> tuple[int, int, int]:
        """Send records of any origin on the first partition, and commit them. Those at the places
        ``refused`` become dead letters.
        """
        self.store.begin(self._batch_of(((record, 0) for record in records), refused))
        return self.finish()

    def _batch(self, deliveries: Iterable[Delivery], refused: Collection[int] = ()) -> Batch:
        # By turns in each writing: an event that comes again comes in another one.
        records = (
            (record_of(sent, writing=WRITINGS[place % len(WRITINGS)]), choice)
            for place, (sent, choice) in enumerate(deliveries)
        )
        return self._batch_of(records, refused)

    def _batch_of(
        self, records: Iterable[tuple[Record, int]], refused: Collection[int] = ()
    ) -> Batch:
        decode = load_contracts().decode
        decoded: dict[Partition, list[DecodedRecord]] = {}
        for place, (record, choice) in enumerate(records):
            number = self._numbers[choice % len(self._numbers)]
            on_partition = decoded.setdefault(Partition(record.topic, number), [])
            offset = self._next_offsets[Partition(record.topic, number)] + len(on_partition)
            record = record._replace(partition=number, offset=offset)
            result = decode(record)
            assert isinstance(result, Event), result
            on_partition.append(DecodedRecord(record, _REFUSAL if place in refused else result))
        batch = Batch()
        for partition, of_partition in decoded.items():
            first_offset = self._next_offsets[partition]
            batch.add(
                partition, of_partition, first_offset, first_offset + len(of_partition), now=0.0
            )
        return batch


def _sum(entries: Sequence[Entry]) -> tuple[int, int, int]:
    return (
        sum(entry.records for entry in entries),
        sum(entry.applied for entry in entries),
        sum(entry.unchanged for entry in entries),
    )


class Database:
    """The tables that events fill."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def empty(self) -> None:
        """Forget all rows; positions stay where they are."""
        # Of tables as small as these, deleting is far quicker than truncating.
        for name in (
            *(f"ingest.{marks}" for marks in MARKS),
            "ingest.dead_letters",
            "ingest.erasures",
            *(f"discussion.{table}" for table in KEYS),
        ):
            self._connection.execute(f"delete from {name}".encode())

    def tables(self) -> Tables:
        """All columns of all rows."""
        with self._connection.cursor(row_factory=dict_row) as cursor:
            return {
                name: {
                    tuple(row[column] for column in key): row
                    for row in cursor.execute(f"select * from discussion.{name}".encode())
                }
                for name, key in KEYS.items()
            }

    def take_marks(self) -> set[tuple[str, str]]:
        """What was marked since the last call: a table of ``MARKS``, with the kind of mark if it
        has kinds, and an article.
        """
        return {
            (f"{table} {what}".strip(), article)
            for table, kind in MARKS.items()
            for article, what in self._connection.execute(
                f"delete from ingest.{table} returning article_id, {kind}".encode()
            )
        }
