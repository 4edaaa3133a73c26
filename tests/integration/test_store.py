"""The one transaction: rows, dead letters, ledger and positions, behind the fence."""

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from uuid import UUID

import psycopg
import pytest

from below_the_line.contracts.events import Event, Record, Rejection
from below_the_line.partitions import PartitionLog
from consumers.adapters import postgres
from consumers.adapters.postgres import Store, StoreError
from consumers.bisection import isolate
from consumers.core.batch import Batch, DecodedRecord, Partition
from consumers.core.failures import Failure
from consumers.core.observer import Observer, Step
from consumers.core.straight import StraightWay
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


class Noted(StraightWay):
    """Always open; notes which tables were copied straight into, or not, batch by batch."""

    def __init__(self) -> None:
        super().__init__(longest_pause=0)
        self.outcomes: list[tuple[str, list[str]]] = []

    def passed(self, tables: Iterable[str]) -> None:
        self.outcomes.append(("passed", sorted(tables)))

    def failed(self, tables: Iterable[str]) -> None:
        self.outcomes.append(("failed", sorted(tables)))


@pytest.fixture
def way() -> Noted:
    return Noted()


@pytest.fixture
def straight(database_url: str, way: Noted) -> Iterator[Store]:
    """A process that copies straight into the tables whatever may be new."""
    with closing(Store(database_url, "group", straight_way=way)) as opened:
        opened.take({ZERO: BROKER})
        yield opened


AT = "2026-05-01T10:05:00Z"


def test_each_row_takes_its_own_way(
    straight: Store, way: Noted, connection: psycopg.Connection
) -> None:
    write(straight, batch_of([posted("known")]))
    mixed = [
        posted("new"),
        posted("edited"),
        edited("second", "edited", at=AT),
        edited("other", "known", at=AT),
    ]
    assert write(straight, batch_of(mixed, first_offset=1)) == [(4, 4, 0, 0)]
    assert way.outcomes == [("passed", ["comments"]), ("passed", ["comment_edits", "comments"])]
    assert connection.execute(
        "select comment_id, first_body, edited_body from discussion.comments order by 1"
    ).fetchall() == [
        ("edited", "first", "second"),
        ("known", "first", "other"),
        ("new", "first", None),
    ]


def test_a_batch_that_meets_a_row_is_merged_whole_and_counts_what_was_there(
    straight: Store, way: Noted, connection: psycopg.Connection
) -> None:
    write(straight, batch_of([posted("c2")]))
    again = [posted("c1"), posted("c2"), edited("second", "c3", at=AT)]
    assert write(straight, batch_of(again, first_offset=1)) == [(3, 2, 1, 0)]
    assert way.outcomes == [("passed", ["comments"]), ("failed", ["comments"]), ("passed", [])]
    assert connection.execute(
        "select comment_id, first_body, edited_body from discussion.comments order by 1"
    ).fetchall() == [("c1", "first", None), ("c2", "first", None), ("c3", None, "second")]
    assert one(connection, "select count(*) from discussion.comment_edits") == (1,)


def test_staging_tables_of_a_batch_that_is_lost_are_made_again(straight: Store) -> None:
    straight.begin(batch_of([edited("second", at=AT)]))
    wait_until(straight.is_ready, 10)
    straight.abandon()
    for number in range(2):
        batch = batch_of([edited("second", at=AT)], first_offset=number)
        assert write(straight, batch) == [(1, 1 - number, number, 0)]


def test_after_a_batch_that_met_a_row_the_next_ones_are_merged(
    database_url: str, connection: psycopg.Connection
) -> None:
    class Tried(StraightWay):
        tries = 0

        def is_open(self, table: str) -> bool:
            is_open = super().is_open(table)
            self.tries += table == "comments" and is_open
            return is_open

    way = Tried()
    with closing(Store(database_url, "group", straight_way=way)) as store:
        store.take({ZERO: BROKER})
        for number in range(16):
            write(store, batch_of([posted("c1")], first_offset=number))
    # The first is new, the second meets it; then 2 and 4 are merged, and 8 of which 7 are left.
    assert way.tries == 4
    assert one(connection, "select sum(applied)::int, sum(unchanged)::int from ingest.batches") == (
        1,
        15,
    )


def _first_ready(one_store: Store, other_store: Store) -> bool:
    """Wait until one of two is ready; whether it is the first of them."""
    found: list[bool] = []

    def is_one_ready() -> bool:
        found[:] = one_store.is_ready(), other_store.is_ready()
        return any(found)

    wait_until(is_one_ready, 10, every=0.01)
    return found[0]


def test_two_transactions_that_hold_what_the_other_wants_let_go_before_that_is_a_deadlock(
    database_url: str, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One copies c1 and wants to merge into c2, the other the other way round."""
    # Longer than what the test needs to bring them there, shorter than a second.
    monkeypatch.setattr(postgres, "_IMPATIENCE", b"set local lock_timeout = '700ms';")
    ways = Noted(), Noted()
    with (
        closing(Store(database_url, "group", straight_way=ways[0])) as one_store,
        closing(Store(database_url, "group", straight_way=ways[1])) as other_store,
    ):
        one_store.take({ZERO: BROKER})
        other_store.take({ONE: BROKER})
        with connection.transaction():
            # Both copy, and are about to mark what they copied.
            connection.execute("lock table ingest.dirty_articles in share mode")
            one_store.begin(batch_of([posted("c1"), edited("x", "c2", at=AT)]))
            other_store.begin(batch_of([posted("c2"), edited("y", "c1", at=AT)], partition=ONE))
        first = one_store if _first_ready(one_store, other_store) else other_store
        second = other_store if first is one_store else one_store
        assert [entry.applied for entry in first.finish()] == [2]
        assert [entry.applied for entry in second.finish()] == [2]
    # One at least let go of all that it had, and merged.
    given_up = [("failed", ["comment_edits", "comments"]), ("passed", [])]
    assert given_up in [way.outcomes for way in ways]
    assert connection.execute(
        "select comment_id, first_body, edited_body from discussion.comments order by 1"
    ).fetchall() == [("c1", "first", "y"), ("c2", "first", "x")]


@contextmanager
def frozen_in_copy(
    store: Store, batch: Batch, connection: psycopg.Connection, patch: pytest.MonkeyPatch
) -> Iterator[list[StoreError]]:
    """A process that does nothing more while the server waits for the rest of what it copies.

    A thousand rows are in the table then. Yields what it gets to hear after the block.
    """
    goes_on, heard = threading.Event(), list[StoreError]()

    class Freezing(postgres._Sender):
        def finish(self, exc: BaseException | None = None) -> None:
            if threading.current_thread() is zombie:
                assert goes_on.wait(60)
            super().finish(exc)

    def begin() -> None:
        try:
            write(store, batch)
        except StoreError as error:
            heard.append(error)

    patch.setattr(postgres, "_Sender", Freezing)
    zombie = threading.Thread(target=begin)
    zombie.start()
    in_table = "select coalesce(max(tuples_processed), 0) >= 1000 from pg_stat_progress_copy"
    try:
        wait_until(lambda: one(connection, in_table) == (True,), 10)
        yield heard
    finally:
        goes_on.set()
        zombie.join()


@pytest.mark.parametrize("other_partition", ["taken too", "left to it"])
def test_a_zombie_that_is_frozen_while_it_copies_is_ended_by_its_successor(
    store: Store,
    successor: Store,
    connection: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
    other_partition: str,
) -> None:
    store.take({ZERO: BROKER, ONE: BROKER})
    comments = [posted(f"c{number:04}") for number in range(1_200)]
    with frozen_in_copy(store, batch_of(comments), connection, monkeypatch) as heard:
        taken = {ZERO: BROKER} | ({ONE: BROKER} if other_partition == "taken too" else {})
        successor.take(taken)
        with pytest.raises(StoreError) as blocked:
            write(successor, batch_of(comments))
        assert blocked.value.cause.sqlstate == "55P03"
        successor.take(taken)
        if other_partition == "left to it":
            wait_until(successor.end_superseded_backends, 10)
        else:
            assert successor.end_superseded_backends() == 1
        assert write(successor, batch_of(comments)) == [(1_200, 1_200, 0, 0)]
    assert [error.failure for error in heard] == [Failure.FAULT]
    assert one(connection, "select count(*) from discussion.comments") == (1_200,)


def test_a_zombie_that_is_frozen_while_it_copies_is_ended_also_by_the_successor_of_its_successor(
    database_url: str,
    store: Store,
    successor: Store,
    connection: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store.take({ZERO: BROKER})
    comments = [posted(f"c{number:04}") for number in range(1_200)]
    with frozen_in_copy(store, batch_of(comments), connection, monkeypatch) as heard:
        successor.take({ZERO: BROKER})
        successor.close()
        with closing(Store(database_url, "group")) as third:
            third.take({ZERO: BROKER})
            wait_until(third.end_superseded_backends, 10)
            assert write(third, batch_of(comments)) == [(1_200, 1_200, 0, 0)]
    assert [error.failure for error in heard] == [Failure.FAULT]


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
