"""The one transaction: rows, dead letters, ledger and positions, behind the fence."""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from uuid import UUID

import psycopg
import pytest

from below_the_line.contracts.events import Event, Record, Rejection
from below_the_line.partitions import PartitionLog
from consumers.adapters.postgres import Store, StoreError
from consumers.bisection import isolate
from consumers.core.batch import Batch, DecodedRecord, Partition
from consumers.core.failures import Failure
from consumers.core.observer import Observer, Step
from tests.builders import deleted, edited, posted
from tests.pipeline import wait_until

pytestmark = pytest.mark.stack
ZERO, ONE = Partition("comment-events", 0), Partition("comment-events", 1)
BROKER = PartitionLog(UUID(int=1), 0, 1_000_000)


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    with closing(Store(database_url, "group")) as opened:
        yield opened


@pytest.fixture
def successor(database_url: str) -> Iterator[Store]:
    """Another process of the same group."""
    with closing(Store(database_url, "group")) as opened:
        yield opened


def batch_of(
    results: Sequence[Event | Rejection], first_offset: int = 0, partition: Partition = ZERO
) -> Batch:
    batch = Batch()
    decoded = [
        DecodedRecord(
            Record(
                partition.topic,
                partition.number,
                first_offset + place,
                1_700_000_000_000,
                b"k",
                b"v",
            ),
            result,
        )
        for place, result in enumerate(results)
    ]
    batch.add(partition, decoded, first_offset, first_offset + len(decoded), now=0.0)
    return batch


def write(store: Store, batch: Batch) -> list[tuple[int, int, int, int]]:
    store.begin(batch)
    return [
        (entry.records, entry.applied, entry.unchanged, entry.dead_lettered)
        for entry in store.finish()
    ]


def one(connection: psycopg.Connection, query: str) -> tuple[object, ...]:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return tuple(row)


def test_a_dead_letter_is_stored_with_the_names_of_its_event(
    store: Store, connection: psycopg.Connection
) -> None:
    store.take({ZERO: BROKER})
    value = b'{"specversion": "1.0", "source": "/cms", "type": "comment.liked.v1", "id": "e-1"}'
    rejection = Rejection("envelope", "unknown_type", "/type", "The type is not known.")
    batch = Batch()
    record = Record("comment-events", 0, 0, 0, b"k", value)
    batch.add(ZERO, [DecodedRecord(record, rejection)], 0, 1, now=0.0)
    write(store, batch)
    assert one(connection, "select source, event_type, event_id from ingest.dead_letters") == (
        "/cms",
        "comment.liked.v1",
        "e-1",
    )


def test_a_batch_writes_rows_dead_letters_ledger_and_position_together(
    store: Store, connection: psycopg.Connection
) -> None:
    store.take({ZERO: BROKER})
    rejection = Rejection(
        "contract", "schema_violation", "/data/body", "body is missing", "comment.posted.v1"
    )
    accounts = write(
        store, batch_of([posted(), rejection, edited("second", at="2026-05-01T10:05:00Z")])
    )
    assert accounts == [(3, 2, 0, 1)]
    assert one(connection, "select first_body, edited_body from discussion.comments") == (
        "first",
        "second",
    )
    assert one(
        connection, "select code, pointer, record_offset, record_value from ingest.dead_letters"
    ) == (
        "schema_violation",
        "/data/body",
        1,
        b"v",
    )
    assert one(connection, "select next_offset, epoch from ingest.partition_offsets") == (3, 1)
    assert one(
        connection, "select kind, first_offset, next_offset, records, applied from ingest.batches"
    ) == (
        "batch",
        0,
        3,
        3,
        2,
    )
    assert one(connection, "select count(distinct article_id) from ingest.dirty_articles") == (1,)


def test_what_is_there_already_counts_as_unchanged_and_changes_nothing(
    store: Store, connection: psycopg.Connection
) -> None:
    store.take({ZERO: BROKER})
    events = [
        posted(),
        edited("second", at="2026-05-01T10:05:00Z"),
        deleted(at="2026-05-01T10:09:00Z"),
    ]
    assert write(store, batch_of(events)) == [(3, 3, 0, 0)]
    before = one(connection, "select xmin::text, comments::text from discussion.comments")
    assert write(store, batch_of(events, first_offset=3)) == [(3, 0, 3, 0)]
    assert one(connection, "select xmin::text, comments::text from discussion.comments") == before


def test_a_duplicate_inside_a_batch_is_applied_with_the_row_it_went_into(store: Store) -> None:
    store.take({ZERO: BROKER})
    assert write(store, batch_of([posted(), posted()])) == [(2, 2, 0, 0)]


def test_an_edit_before_its_posting_makes_a_stub_that_the_posting_completes(
    store: Store, connection: psycopg.Connection
) -> None:
    store.take({ZERO: BROKER})
    write(store, batch_of([edited("second", at="2026-05-01T10:05:00Z")]))
    assert one(connection, "select posted_at, edited_body from discussion.comments") == (
        None,
        "second",
    )
    write(store, batch_of([posted()], first_offset=1))
    assert one(connection, "select first_body, edited_body from discussion.comments") == (
        "first",
        "second",
    )


def test_a_repeated_posting_never_moves_posted_at_whatever_comes_first(
    store: Store, connection: psycopg.Connection
) -> None:
    store.take({ZERO: BROKER})
    early, late = posted(at="2026-05-01T10:00:00Z"), posted(at="2026-05-01T11:00:00Z", body="again")
    assert write(store, batch_of([late])) == [(1, 1, 0, 0)]
    assert write(store, batch_of([early], first_offset=1)) == [(1, 1, 0, 0)]
    assert write(store, batch_of([late], first_offset=2)) == [(1, 0, 1, 0)]
    assert one(connection, "select posted_at::text, first_body from discussion.comments") == (
        "2026-05-01 10:00:00+00",
        "first",
    )


def test_whoever_lost_a_partition_can_not_write_and_leaves_no_trace(
    store: Store, successor: Store, connection: psycopg.Connection
) -> None:
    store.take({ZERO: BROKER, ONE: BROKER})
    both = batch_of([posted("c1")])
    both.add(ONE, batch_of([posted("c2")], partition=ONE).decoded, 0, 1, now=0.0)
    store.begin(both)
    taken = successor.take({ONE: BROKER})[ONE]
    assert (taken.topic_id, taken.incarnation, taken.next_offset) == (BROKER.topic_id, 1, 0)
    assert (taken.epoch, taken.owner, taken.status) == (2, successor.owner, "consuming")
    with pytest.raises(StoreError) as refused:
        store.finish()
    assert refused.value.failure is Failure.FENCED
    assert one(connection, "select count(*) from discussion.comments") == (0,)
    assert one(connection, "select count(*) from ingest.batches") == (0,)
    assert one(connection, "select count(*) from ingest.dirty_articles") == (0,)
    # The partition that nobody took is still writable by the first owner, and the other by its new
    # one.
    assert write(store, batch_of([posted("c1")])) == [(1, 1, 0, 0)]
    assert write(successor, batch_of([posted("c2")], partition=ONE)) == [(1, 1, 0, 0)]


@pytest.mark.parametrize("change", ["epoch = epoch + 1", "owner = null", "status = 'stopped'"])
def test_a_batch_begun_before_its_partition_changed_hands_is_refused(
    store: Store, connection: psycopg.Connection, change: str
) -> None:
    store.take({ZERO: BROKER})
    store.begin(batch_of([posted()]))
    connection.execute(f"update ingest.partition_offsets set {change}".encode())
    with pytest.raises(StoreError) as refused:
        store.finish()
    assert refused.value.failure is Failure.FENCED
    assert one(connection, "select count(*) from discussion.comments") == (0,)


def test_a_batch_is_written_once_even_if_sent_twice(store: Store) -> None:
    store.take({ZERO: BROKER})
    write(store, batch_of([posted()]))
    store.begin(batch_of([posted()]))
    with pytest.raises(StoreError) as refused:
        store.finish()
    assert refused.value.failure is Failure.FENCED


def test_a_value_that_only_the_database_refuses_is_told_apart_from_a_fault(
    store: Store, connection: psycopg.Connection
) -> None:
    connection.execute(
        "alter table discussion.comments add constraint no_spam check (first_body <> 'spam')"
    )
    store.take({ZERO: BROKER})
    with pytest.raises(StoreError) as refused:
        write(store, batch_of([posted("c1"), posted("c2", body="spam")]))
    assert refused.value.failure is Failure.DATA
    assert write(store, batch_of([posted("c1")])) == [(1, 1, 0, 0)]


@pytest.mark.parametrize("bad", [0, 300, 511])
def test_a_record_that_only_the_database_refuses_is_found_in_logarithmically_many_transactions(
    store: Store, connection: psycopg.Connection, bad: int
) -> None:
    connection.execute(
        "alter table discussion.comments add constraint no_spam check (first_body <> 'spam')"
    )
    store.take({ZERO: BROKER})
    batch = batch_of(
        [posted(f"c{place}", body="spam" if place == bad else "fine") for place in range(512)]
    )
    written = []

    def write_part(part: Batch) -> None:
        written.append(len(part))
        write(store, part)

    with pytest.raises(StoreError) as refused:
        write(store, batch)
    isolate(batch, refused.value, write_part)
    # Two halves at each of nine levels, and the record once more as a dead letter.
    assert len(written) <= 2 * 9 + 1
    assert one(connection, "select count(*) from discussion.comments") == (511,)
    assert one(
        connection, "select sum(records)::int, sum(dead_lettered)::int from ingest.batches"
    ) == (512, 1)
    assert connection.execute("select record_offset, code from ingest.dead_letters").fetchall() == [
        (bad, "rejected_by_database")
    ]


def test_a_server_that_ends_the_session_is_a_fault_and_the_next_session_goes_on(
    store: Store, connection: psycopg.Connection
) -> None:
    store.take({ZERO: BROKER})
    store.begin(batch_of([posted()]))
    connection.execute(
        "select pg_terminate_backend(backend_pid) from ingest.partition_offsets where backend_pid"
        " is not null"
    )
    with pytest.raises(StoreError) as refused:
        store.finish()
    assert refused.value.failure is Failure.FAULT
    assert store.take({ZERO: BROKER})[ZERO].next_offset == 0
    assert write(store, batch_of([posted()])) == [(1, 1, 0, 0)]


def test_a_zombie_that_holds_row_locks_is_ended_by_its_successor(
    store: Store, successor: Store, connection: psycopg.Connection
) -> None:
    store.take({ZERO: BROKER})
    store.begin(batch_of([posted()]))
    wait_until(store.is_ready, 10)
    successor.take({ZERO: BROKER})
    with pytest.raises(StoreError) as blocked:
        write(successor, batch_of([posted(body="other")]))
    assert blocked.value.failure is Failure.FAULT
    assert blocked.value.cause.sqlstate == "55P03"
    # As the consumer does after a fault: it takes the partitions again, and still knows the owner
    # before.
    successor.take({ZERO: BROKER})
    assert successor.end_superseded_backends() == 1
    assert write(successor, batch_of([posted()])) == [(1, 1, 0, 0)]
    with pytest.raises(StoreError):
        store.finish()
    assert one(connection, "select count(*) from discussion.comments") == (1,)


class _Stalled(Observer):
    """Lets something happen after the fence was sent and before the commit is."""

    def __init__(self, meanwhile: Callable[[], None]) -> None:
        self._meanwhile = meanwhile

    def step(self, step: Step, seconds: float) -> None:  # noqa: ARG002
        if step is Step.FENCED:
            self._meanwhile()


def test_a_zombie_that_stalls_between_its_fence_and_its_commit_is_ended_by_its_successor(
    database_url: str, successor: Store, connection: psycopg.Connection
) -> None:
    def take_over() -> None:
        # The zombie's fence holds the very row that is to be taken. No time-out of the server ends
        # it: it is not idle.
        with pytest.raises(StoreError) as blocked:
            successor.take({ZERO: BROKER})
        assert blocked.value.cause.sqlstate == "55P03"
        assert successor.take({ZERO: BROKER})[ZERO].next_offset == 0
        assert write(successor, batch_of([posted()])) == [(1, 1, 0, 0)]

    with closing(Store(database_url, "group", _Stalled(take_over))) as zombie:
        zombie.take({ZERO: BROKER})
        with pytest.raises(StoreError) as ended:
            write(zombie, batch_of([posted(body="other")]))
    assert ended.value.failure is Failure.FAULT
    assert one(connection, "select first_body from discussion.comments") == ("first",)


def test_a_server_that_says_nothing_is_given_up_at_once_when_the_process_is_to_stop(
    store: Store, connection: psycopg.Connection
) -> None:
    store.take({ZERO: BROKER})
    (backend,) = one(connection, "select backend_pid from ingest.partition_offsets")
    os.kill(int(str(backend)), signal.SIGSTOP)
    try:
        store.shorten_timeouts()
        with pytest.raises(StoreError) as silent:
            write(store, batch_of([posted()]))
    finally:
        os.kill(int(str(backend)), signal.SIGCONT)
    assert silent.value.failure is Failure.FAULT
    assert one(connection, "select count(*) from discussion.comments") == (0,)


def test_while_a_server_says_nothing_that_is_told(
    database_url: str, connection: psycopg.Connection
) -> None:
    class Patient(Observer):
        seconds = 0.0

        def silent(self, seconds: float) -> None:
            self.seconds = seconds
            if seconds > 1:
                os.kill(int(str(backend)), signal.SIGCONT)

    patient = Patient()
    with closing(Store(database_url, "group", patient)) as store:
        store.take({ZERO: BROKER})
        (backend,) = one(connection, "select backend_pid from ingest.partition_offsets")
        os.kill(int(str(backend)), signal.SIGSTOP)
        try:
            assert write(store, batch_of([posted()])) == [(1, 1, 0, 0)]
        finally:
            os.kill(int(str(backend)), signal.SIGCONT)
    assert patient.seconds > 1
