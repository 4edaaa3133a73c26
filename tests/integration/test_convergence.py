"""G3: rows are a function of the set of events. Any order, duplication and batching gives the same tables."""

import random
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from uuid import UUID

import psycopg
import pytest

from below_the_line.catalogue import load_contracts
from below_the_line.contracts.events import Event, Record
from below_the_line.simulation.day import simulate_day
from consumers.adapters.postgres import Store
from consumers.core.batch import Batch, Judged, Partition
from consumers.core.positions import BrokerPartition
from consumers.core.tables import TABLES
from tests.building import NOW_MILLISECONDS, event

pytestmark = pytest.mark.stack
PARTITION = Partition("comment-events", 0)
BROKER = {PARTITION: BrokerPartition(UUID(int=1), 0, 1_000_000)}


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    with closing(Store(database_url, "group")) as opened:
        opened.take(BROKER)
        yield opened


def simulated_events() -> list[Event]:
    """The good events of a made-up day, all thirteen types, plus ties and second versions of the same ids."""
    decode = load_contracts().decode
    found = []
    for outgoing in simulate_day(7, datetime(2026, 5, 20, tzinfo=UTC), records=2_000):
        record = Record(outgoing.topic, 0, 0, NOW_MILLISECONDS, outgoing.key, outgoing.value, outgoing.headers)
        verdict = decode(record)
        if isinstance(verdict, Event):
            found.append(verdict)
    for body in ("one", "two", "three"):
        # Equal times and ids, other content: the digest alone orders them.
        found.append(
            event(
                "comment.edited.v1",
                {"article_id": "tie", "comment_id": "c", "body": body, "edited_at": "2026-05-20T10:00:00Z"},
                at="2026-05-20T10:00:00Z",
                event_id="the-same",
            )
        )
    return found


def load(store: Store, events: Sequence[Event], sizes: random.Random, first_offset: int) -> int:
    """Write events in batches of random sizes; returns the next offset."""
    rest = list(events)
    while rest:
        size = sizes.choice((1, 3, 50, 400))
        part, rest = rest[:size], rest[size:]
        batch = Batch()
        judged = [
            Judged(Record(PARTITION.topic, 0, first_offset + place, 0, b"", b""), each)
            for place, each in enumerate(part)
        ]
        batch.add(PARTITION, judged, first_offset, first_offset + len(part), now=0.0)
        store.begin(batch)
        store.finish()
        first_offset += len(part)
    return first_offset


def content(connection: psycopg.Connection) -> dict[str, list[str]]:
    return {
        table.name: sorted(
            str(row[0]) for row in connection.execute(f"select t::text from discussion.{table.name} as t".encode())
        )
        for table in TABLES
    }


def test_any_order_duplication_and_batching_gives_the_same_rows(store: Store, connection: psycopg.Connection) -> None:
    events = simulated_events()
    assert {each.type for each in events} >= {f"{name}.v1" for name in ("comment.posted", "report.decided")}
    position = load(store, events, random.Random(0), 0)
    expected = content(connection)
    assert all(expected.values())
    for seed in (1, 2):
        connection.execute(f"truncate {', '.join(f'discussion.{table.name}' for table in TABLES)}".encode())
        chance = random.Random(seed)
        shuffled = events + chance.sample(events, len(events) // 3)
        chance.shuffle(shuffled)
        position = load(store, shuffled, chance, position)
        assert content(connection) == expected


def test_folding_a_batch_gives_what_merging_its_events_one_by_one_gives(
    store: Store, connection: psycopg.Connection
) -> None:
    events = [each for each in simulated_events() if each.article_id == "tie"] + simulated_events()[:250]
    random.Random(3).shuffle(events)
    position = load(store, events, _Always(len(events)), 0)
    whole = content(connection)
    connection.execute(f"truncate {', '.join(f'discussion.{table.name}' for table in TABLES)}".encode())
    load(store, events, _Always(1), position)
    assert content(connection) == whole


class _Always(random.Random):
    """A chance that always gives the same size."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size

    def choice(self, _: object) -> int:  # type: ignore[override]
        return self._size
