"""The barrier: which positions pass, what it says when they don't, and what it stores."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import kafka.errors
import psycopg
import pytest

from below_the_line.accounting.positions import read_positions
from below_the_line.closing import barrier
from below_the_line.closing.barrier import PartitionStoppedError, input_logs
from below_the_line.closing.windows import apply_barrier
from below_the_line.errors import BelowTheLineError
from below_the_line.kafka import admin
from below_the_line.partitions import Logs, PartitionLog, PartitionStatus
from below_the_line.settings import Settings
from tests.builders import position
from tests.sql.newsroom import Newsroom

TOPIC, OTHER_TOPIC = UUID(int=1), UUID(int=2)
NOW = datetime(2026, 5, 1, tzinfo=UTC)
EVENTS = ("comment-events", 0)


def status(
    next_offset: int | None,
    end: int = 10,
    *,
    log_start: int = 0,
    held_topic_id: UUID = TOPIC,
    partition: int = 0,
    stored: str = "consuming",
    idle_seconds: int = 5,
    open_transaction: int | None = None,
) -> PartitionStatus:
    """A partition whose consumer is at ``next_offset``; None: no consumer ever took it."""
    held = None
    if next_offset is not None:
        held = position(
            next_offset,
            topic="comment-events",
            partition=partition,
            topic_id=held_topic_id,
            moved_at=NOW - timedelta(seconds=idle_seconds),
            status=stored,
            status_detail="the breaker tripped" if stored == "stopped" else None,
        )
    log = PartitionLog(TOPIC, log_start, end, open_transaction)
    return PartitionStatus("group", "comment-events", partition, held, log)


@pytest.mark.parametrize(
    ("one", "passed"),
    [
        (status(10), True),
        (status(11), True),
        (status(9), False),
        (status(None), False),
        (status(None, end=0), True),
        (status(None, end=10, log_start=10), True),
        (status(4, end=10, log_start=10), False),
        (status(10, end=10, log_start=10), True),
        (status(4, end=10, log_start=10, held_topic_id=OTHER_TOPIC), True),
        (status(None, end=10, log_start=9), False),
        (status(100, held_topic_id=OTHER_TOPIC), False),
        (status(10, stored="stopped"), True),
        (status(7, open_transaction=7), False),
    ],
    ids=[
        "at the end",
        "beyond",
        "behind",
        "nobody consumes",
        "empty",
        "expired",
        "expired unread",
        "expired after it was read",
        "empty, of a topic created again",
        "not empty",
        "another topic of that name",
        "stopped after the end",
        "all but what is behind an open transaction",
    ],
)
def test_a_partition_passes_when_everything_before_the_barrier_is_ingested(
    one: PartitionStatus, passed: bool
) -> None:
    assert one.is_read_to_end is passed
    assert (barrier.lagging([one]) == ()) is passed


def test_those_furthest_behind_are_named_first() -> None:
    behind = barrier.lagging(
        [status(8, partition=0), status(2, partition=1), status(10, partition=2)]
    )
    assert [each.partition for each in behind] == [1, 0]


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (
            status(7),
            "comment-events[0]: 3 behind (at 7 of 10, last moved 5 s ago); the consumer is working",
        ),
        (status(7, idle_seconds=90), "last moved 90 s ago); is its consumer alive"),
        (
            status(None),
            "no consumer has ever taken it (needs offset 10); is `btl consume` running?",
        ),
        (status(7, held_topic_id=OTHER_TOPIC), "the topic was deleted and created again"),
        (status(7, stored="stopped"), "stopped: the breaker tripped"),
    ],
)
def test_what_holds_it_back_is_said_with_the_likely_hint(one: PartitionStatus, text: str) -> None:
    message = str(barrier.timed_out([one], 240, NOW))
    assert text in message
    assert "after 240 s" in message
    assert message.endswith("the next run tries again.")


def test_an_open_transaction_is_named_with_the_command_that_ends_it() -> None:
    message = str(barrier.timed_out([status(7, open_transaction=7)], 240, NOW))
    assert "3 behind (at 7 of 10, last moved 5 s ago); open transaction since offset 7," in message
    assert "abort --topic comment-events --partition 0 --start-offset 7` ends it." in message
    # It is behind for another reason.
    assert "transaction" not in str(barrier.timed_out([status(6, open_transaction=7)], 240, NOW))


def test_the_brokers_are_asked_for_transactions_when_a_partition_does_not_move() -> None:
    asked = []

    def read_logs(_settings: Settings) -> Logs:
        asked.append(True)
        return {EVENTS: PartitionLog(TOPIC, 0, 12, open_transaction=7)}

    def find(*behind: PartitionStatus) -> list[int | None]:
        found = barrier.find_transactions(behind, settings(), NOW, read_logs=read_logs)
        # The end is that of the barrier.
        assert [each.log.end for each in found if each.log] == [10] * len(behind)
        return [each.open_transaction for each in found]

    assert find(status(7, idle_seconds=9)) == [None]
    assert not asked
    assert find(status(7, idle_seconds=10), status(7, partition=1)) == [7, None]

    def unreachable(_settings: Settings) -> Logs:
        raise BelowTheLineError("The Kafka broker at nowhere cannot be reached.")

    still = (status(7, idle_seconds=60),)
    assert barrier.find_transactions(still, settings(), NOW, read_logs=unreachable) == still


def test_a_long_list_is_cut() -> None:
    behind = [status(1, partition=number) for number in range(12)]
    assert barrier.explain(behind, NOW).endswith("; and 9 more partitions")
    assert "more partition" not in barrier.explain(behind[:3], NOW)


def settings(**changes: object) -> Settings:
    return Settings.model_validate({"consumer_group": "group", "BTL_CLOSE_DELAY": 120, **changes})


def logs(_settings: Settings) -> Logs:
    return {("articles", 0): PartitionLog(TOPIC, 0, 0), EVENTS: PartitionLog(TOPIC, 0, 10)}


def consume(connection: psycopg.Connection, next_offset: int, status: str = "consuming") -> None:
    connection.execute(
        "insert into ingest.partition_offsets as held"
        " (consumer_group, topic, partition, topic_id, next_offset, epoch, status, status_detail)"
        " values ('group', 'comment-events', 0, %s, %s, 1, %s, 'the breaker tripped')"
        " on conflict (consumer_group, topic, partition) do update"
        " set next_offset = excluded.next_offset, status = excluded.status",
        [TOPIC, next_offset, status],
    )


@pytest.mark.stack
def test_a_barrier_waits_and_then_passes_and_windows_are_applied_behind_it(
    connection: psycopg.Connection,
) -> None:
    clock = barrier.database_clock(connection)
    taken = barrier.take_barrier(connection, settings(), attempt_id="1", run_id="r", read_logs=logs)
    assert [each.log.end for each in barrier.poll_barrier(connection, taken) if each.log] == [10]
    consume(connection, 9)
    (behind,) = barrier.poll_barrier(connection, taken)
    assert behind.position == read_positions(connection)[0]
    assert behind.position.next_offset == 9
    with pytest.raises(BelowTheLineError, match="has not passed"):
        apply_barrier(connection, taken)
    consume(connection, 10)
    assert barrier.poll_barrier(connection, taken) == ()
    summary = apply_barrier(connection, taken)
    row = connection.execute(
        "select taken_at, cut_off, passed_at >= taken_at, applied_at >= passed_at from"
        " ingest.barriers"
    ).fetchone()
    assert row is not None
    assert row[0] >= clock
    assert (row[1], *row[2:]) == (row[0] - timedelta(minutes=2), True, True)
    assert summary.cut_off == row[1]


@pytest.mark.stack
def test_the_clock_is_read_before_the_brokers_are_asked(connection: psycopg.Connection) -> None:
    asked: list[datetime] = []

    def read_logs(given: Settings) -> Logs:
        asked.append(barrier.database_clock(connection))
        return logs(given)

    barrier.take_barrier(connection, settings(), attempt_id="1", run_id="r", read_logs=read_logs)
    row = connection.execute("select taken_at from ingest.barriers").fetchone()
    assert row is not None
    assert row[0] < asked[0]


@pytest.mark.stack
def test_later_looks_of_an_attempt_find_its_barrier_another_attempt_takes_a_new_one(
    connection: psycopg.Connection,
) -> None:
    def take(attempt: str) -> int:
        return barrier.take_barrier(
            connection, settings(), attempt_id=attempt, run_id="r", read_logs=logs
        )

    first = take("1")
    assert take("1") == first
    assert take("2") != first


@pytest.mark.stack
def test_a_stopped_partition_fails_the_barrier_by_name(connection: psycopg.Connection) -> None:
    taken = barrier.take_barrier(connection, settings(), attempt_id="1", run_id="r", read_logs=logs)
    consume(connection, 5, "stopped")
    with pytest.raises(
        PartitionStoppedError, match=r"comment-events\[0\]: 5 behind .*the breaker tripped"
    ):
        barrier.poll_barrier(connection, taken)


@pytest.mark.stack
def test_an_older_barrier_applied_late_takes_nothing_back(
    newsroom: Newsroom, connection: psycopg.Connection
) -> None:
    connection.execute(
        "insert into ingest.barriers (attempt_id, run_id, consumer_group, taken_at, cut_off,"
        " passed_at) values ('old', 'r', 'g', '2026-05-10', '2026-05-10', now()), ('new', 'r', 'g',"
        " '2026-05-20', '2026-05-20', now())"
    )
    old, new = (
        row[0]
        for row in connection.execute("select barrier_id from ingest.barriers order by cut_off")
    )
    newsroom.publish("05-01 10:00")
    connection.execute("insert into ingest.dirty_windows (article_id) values ('a')")
    apply_barrier(connection, new)
    assert newsroom.window()["state"] == "closed"
    connection.execute("insert into ingest.dirty_windows (article_id) values ('a')")
    assert apply_barrier(connection, old).changed == 0
    assert newsroom.window()["state"] == "closed"


def test_an_unreachable_broker_is_named_with_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(**_options: object) -> None:
        raise kafka.errors.KafkaTimeoutError("Unable to bootstrap")

    # A real attempt would take eight seconds.
    monkeypatch.setattr(admin, "KafkaAdminClient", unreachable)
    with pytest.raises(BelowTheLineError, match=r"broker:9092 cannot be reached.*btl status"):
        input_logs(settings(kafka_bootstrap="broker:9092"))


@pytest.mark.stack
def test_the_brokers_know_every_partition_of_the_input_topics(kafka_bootstrap: str) -> None:
    from below_the_line.catalogue import topics

    found = input_logs(settings(kafka_bootstrap=kafka_bootstrap))
    expected = {
        (topic.name, number)
        for topic in topics()
        if topic.direction == "in"
        for number in range(topic.partitions)
    }
    assert found.keys() == expected
    assert all(0 <= each.start <= each.end for each in found.values())
    assert len({each.topic_id for each in found.values()}) == 2
