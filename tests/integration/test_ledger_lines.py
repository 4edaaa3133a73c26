"""Lines of the ledger are extended for some seconds: fewer rows, the same account."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import psycopg
import pytest

from below_the_line.contracts.events import Event, Rejection
from below_the_line.partitions import PartitionLog
from below_the_line.resources import sql
from consumers.adapters import postgres
from consumers.adapters.postgres import Store, StoreError
from consumers.core.batch import Batch
from consumers.core.failures import Failure
from tests.builders import posted
from tests.integration.test_store import BROKER, ONE, ZERO, batch_of, write
from tests.pipeline import assert_accounted, wait_until

pytestmark = pytest.mark.stack
BAD = Rejection("contract", "schema_violation", "/data/body", "It is missing.")


class Time:
    """The clock of the stores, which stands still until it is moved."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    clock = Time()
    monkeypatch.setattr(postgres, "perf_counter", clock)
    return clock


@pytest.fixture
def store(database_url: str, time: Time) -> Iterator[Store]:  # noqa: ARG001
    with closing(Store(database_url, "group", ledger_seconds=10)) as opened:
        opened.take({ZERO: BROKER, ONE: BROKER})
        yield opened


def lines(connection: psycopg.Connection, partition: int = 0) -> list[tuple[object, ...]]:
    """The lines of a partition, and whether each has two different times if it has two batches."""
    found = connection.execute(
        "select kind, first_offset, next_offset, records, applied, unchanged, dead_lettered,"
        " batches from ingest.batches where partition = %s order by batch_id",
        [partition],
    ).fetchall()
    times = connection.execute(
        "select bool_and((first_committed_at < committed_at) is not distinct from"
        " case when batches > 1 then true end) from ingest.batches"
    ).fetchone()
    assert times == (True,)
    return found


def read(store: Store, first_offset: int, *results: Event | Rejection) -> None:
    """Write a batch of these results; of one offset without a record if there are none."""
    batch = batch_of(results, first_offset)
    if not results:
        batch = Batch()
        batch.add(ZERO, [], first_offset, first_offset + 1, now=0.0)
    write(store, batch)


def test_steady_progress_is_one_line(
    store: Store, connection: psycopg.Connection, time: Time
) -> None:
    read(store, 0, posted("c0"), BAD)
    time.now += 9.9
    read(store, 2, posted("c0"), posted("c1"))
    read(store, 4)
    assert lines(connection) == [("batch", 0, 5, 4, 2, 1, 1, 3)]
    # It is as old as its beginning: it does not grow for ever.
    time.now += 0.1
    read(store, 5, posted("c2"))
    assert lines(connection) == [("batch", 0, 5, 4, 2, 1, 1, 3), ("batch", 5, 6, 1, 1, 0, 0, 1)]
    assert_accounted(connection)


def test_partitions_have_lines_of_their_own(
    store: Store, connection: psycopg.Connection, time: Time
) -> None:
    read(store, 0, posted("c0"))
    time.now += 5
    write(store, batch_of([posted("c1")], partition=ONE))
    time.now += 5
    both = batch_of([posted("c2")], 1)
    both.add(ONE, batch_of([posted("c3")], 1, ONE).decoded, 1, 2, now=0.0)
    write(store, both)
    assert lines(connection) == [("batch", 0, 1, 1, 1, 0, 0, 1), ("batch", 1, 2, 1, 1, 0, 0, 1)]
    assert lines(connection, 1) == [("batch", 0, 2, 2, 2, 0, 0, 2)]
    assert_accounted(connection)


def test_a_line_without_records_covers_nothing_else(
    store: Store, connection: psycopg.Connection
) -> None:
    for first_offset in (0, 1):
        read(store, first_offset)
    read(store, 2, posted("c0"))
    assert lines(connection) == [("empty", 0, 2, 0, 0, 0, 0, 2), ("batch", 2, 3, 1, 1, 0, 0, 1)]
    assert_accounted(connection)


def test_an_owner_does_not_extend_the_line_of_another(
    store: Store, connection: psycopg.Connection, database_url: str
) -> None:
    read(store, 0, posted("c0"))
    with closing(Store(database_url, "group", ledger_seconds=10)) as successor:
        successor.take({ZERO: BROKER})
        read(successor, 1, posted("c1"))
        # The former owner is fenced before it comes to the ledger.
        with pytest.raises(StoreError) as fenced:
            read(store, 1, posted("c9"))
        assert fenced.value.failure is Failure.FENCED
        # Nor its own, of before it took the partition again.
        successor.take({ZERO: BROKER})
        read(successor, 2, posted("c2"))
    assert [line[1:4] for line in lines(connection)] == [(0, 1, 1), (1, 2, 1), (2, 3, 1)]
    assert_accounted(connection)


def test_a_batch_that_fails_leaves_its_line_as_it_was(
    store: Store, connection: psycopg.Connection
) -> None:
    read(store, 0, posted("c0"))
    connection.execute(
        "create function pg_temp.fail() returns trigger language plpgsql as"
        " $$ begin raise 'no' using errcode = '57014'; end $$;"
        " create constraint trigger fail after update on ingest.batches deferrable initially"
        " deferred for each row execute function pg_temp.fail()"
    )
    with pytest.raises(StoreError):
        read(store, 1, posted("c1"))
    connection.execute("drop trigger fail on ingest.batches")
    assert [line[1:4] for line in lines(connection)] == [(0, 1, 1)]
    read(store, 1, posted("c1"))
    assert [line[1:4] for line in lines(connection)] == [(0, 2, 2)]
    assert_accounted(connection)


def test_a_line_that_is_gone_is_begun_again(store: Store, connection: psycopg.Connection) -> None:
    read(store, 0, posted("c0"))
    connection.execute("delete from ingest.batches")
    read(store, 1, posted("c1"))
    read(store, 2, posted("c2"))
    assert [line[1:4] for line in lines(connection)] == [(1, 3, 2)]


def test_a_consumer_does_not_wait_for_lines_that_are_folded(
    store: Store, connection: psycopg.Connection, database_url: str, time: Time
) -> None:
    for number in range(4):
        read(store, number, posted(f"c{number}"))
        time.now += 10
    read(store, 4, BAD)
    connection.execute("update ingest.batches set committed_at = '2026-05-01'")
    # Even the last line looks old here: a consumer that was frozen for weeks goes on.
    before = datetime(2026, 6, 1, tzinfo=UTC)
    with psycopg.connect(database_url) as folding:
        found = folding.execute(
            sql("retention/ledger/fold.sql"),
            {
                "consumer_group": "group",
                "topic": ZERO.topic,
                "partition": ZERO.number,
                "incarnation": 1,
                "before": before,
                "from_offset": 0,
                "chunk_rows": 100,
            },
        ).fetchone()
        assert found is not None
        assert found[0] == 3
        # Not committed yet: each of these would wait for a line that is locked.
        connection.execute("set lock_timeout = '1s'")
        read(store, 5, posted("c5"))
        time.now += 10
        read(store, 6, posted("c6"))
        with closing(Store(database_url, "group", ledger_seconds=10)) as successor:
            successor.take({ZERO: BROKER})
            read(successor, 7, posted("c7"))
    assert [line[1:3] for line in lines_by_offset(connection)] == [(0, 4), (4, 6), (6, 7), (7, 8)]
    assert_accounted(connection)


def lines_by_offset(connection: psycopg.Connection) -> list[tuple[object, ...]]:
    return connection.execute(
        "select kind, first_offset, next_offset from ingest.batches where partition = %s order by"
        " first_offset",
        [ZERO.number],
    ).fetchall()


def test_without_seconds_each_batch_has_a_line(
    database_url: str, connection: psycopg.Connection
) -> None:
    with closing(Store(database_url, "group")) as store:
        store.take({ZERO: PartitionLog(BROKER.topic_id, 0, 9)})
        for number in range(3):
            read(store, number, posted(f"c{number}"))
    assert [line[1:] for line in lines(connection)] == [
        (number, number + 1, 1, 1, 0, 0, 1) for number in range(3)
    ]


def test_extending_writes_no_index(store: Store, connection: psycopg.Connection) -> None:
    counted = (
        "select n_tup_upd, n_tup_hot_upd from pg_stat_user_tables"
        " where relid = 'ingest.batches'::regclass"
    )
    (before,) = connection.execute(counted.encode()).fetchall()
    for number in range(40):
        read(store, number, posted("c"))
    store.close()

    def updates() -> tuple[int, int]:
        (now,) = connection.execute(counted.encode()).fetchall()
        return now[0] - before[0], now[1] - before[1]

    # The server counts them when the session is gone.
    wait_until(lambda: updates()[0] >= 39, 10)
    rows, without_index = updates()
    assert rows == without_index
