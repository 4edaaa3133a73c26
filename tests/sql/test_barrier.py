"""The barrier: which positions pass, what it says when they don't, and what it stores."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import kafka
import kafka.errors
import psycopg
import pytest

from below_the_line.closing import barrier
from below_the_line.closing.barrier import (
    PartitionStoppedError,
    Progress,
    Target,
    broker_end_offsets,
)
from below_the_line.closing.windows import apply_barrier
from below_the_line.errors import BelowTheLineError
from below_the_line.settings import Settings
from tests.sql.newsroom import Newsroom

TOPIC, OTHER_TOPIC = UUID(int=1), UUID(int=2)
NOW = datetime(2026, 5, 1, tzinfo=UTC)


def progress(
    next_offset: int | None,
    end_offset: int = 10,
    *,
    log_start_offset: int = 0,
    held_topic_id: UUID | None = TOPIC,
    partition: int = 0,
    status: str = "consuming",
    idle_seconds: int = 5,
) -> Progress:
    """A partition whose consumer is at ``next_offset``; None: no consumer ever took it."""
    return Progress(
        topic="comment-events",
        partition=partition,
        topic_id=TOPIC,
        log_start_offset=log_start_offset,
        end_offset=end_offset,
        held_topic_id=None if next_offset is None else held_topic_id,
        next_offset=next_offset,
        moved_at=None if next_offset is None else NOW - timedelta(seconds=idle_seconds),
        status=None if next_offset is None else status,
        status_detail="the breaker tripped" if status == "stopped" else None,
    )


@pytest.mark.parametrize(
    ("one", "passed"),
    [
        (progress(10), True),
        (progress(11), True),
        (progress(9), False),
        (progress(None), False),
        (progress(None, end_offset=0), True),
        (progress(None, end_offset=10, log_start_offset=10), True),
        (progress(4, end_offset=10, log_start_offset=10), False),
        (progress(10, end_offset=10, log_start_offset=10), True),
        (progress(4, end_offset=10, log_start_offset=10, held_topic_id=OTHER_TOPIC), True),
        (progress(None, end_offset=10, log_start_offset=9), False),
        (progress(100, held_topic_id=OTHER_TOPIC), False),
        (progress(10, status="stopped"), True),
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
        "empty, of a topic made anew",
        "not empty",
        "another topic of that name",
        "stopped after the end",
    ],
)
def test_a_partition_passes_when_everything_before_the_barrier_is_ingested(
    one: Progress, passed: bool
) -> None:
    assert one.passed is passed
    assert (barrier.lagging([one]) == ()) is passed


def test_those_furthest_behind_are_named_first() -> None:
    behind = barrier.lagging(
        [progress(8, partition=0), progress(2, partition=1), progress(10, partition=2)]
    )
    assert [each.partition for each in behind] == [1, 0]


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (
            progress(7),
            "comment-events[0]: 3 behind (at 7 of 10, last moved 5 s ago); the consumer is working",
        ),
        (progress(7, idle_seconds=90), "last moved 90 s ago); is its consumer alive"),
        (
            progress(None),
            "no consumer has ever taken it (needs offset 10); is `btl consume` running?",
        ),
        (progress(7, held_topic_id=OTHER_TOPIC), "the topic was deleted and made anew"),
        (progress(7, status="stopped"), "stopped: the breaker tripped"),
    ],
)
def test_what_holds_it_back_is_said_with_the_likely_cure(one: Progress, text: str) -> None:
    message = str(barrier.timed_out([one], 240, NOW))
    assert text in message
    assert "after 240 s" in message
    assert message.endswith("the next run tries again.")


def test_a_long_list_is_cut() -> None:
    behind = [progress(1, partition=number) for number in range(12)]
    assert barrier.explain(behind, NOW).endswith("; and 9 more partitions")
    assert "more partition" not in barrier.explain(behind[:3], NOW)


def settings(**changes: object) -> Settings:
    return Settings.model_validate({"consumer_group": "group", "BTL_CLOSE_DELAY": 120, **changes})


def targets(_settings: Settings) -> Sequence[Target]:
    return [Target("articles", 0, TOPIC, 0, 0), Target("comment-events", 0, TOPIC, 0, 10)]


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
    taken = barrier.take_barrier(
        connection, settings(), attempt_id="1", run_id="r", end_offsets=targets
    )
    assert [each.end_offset for each in barrier.poll_barrier(connection, taken)] == [10]
    consume(connection, 9)
    assert [each.next_offset for each in barrier.poll_barrier(connection, taken)] == [9]
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

    def end_offsets(given: Settings) -> Sequence[Target]:
        asked.append(barrier.database_clock(connection))
        return targets(given)

    barrier.take_barrier(
        connection, settings(), attempt_id="1", run_id="r", end_offsets=end_offsets
    )
    row = connection.execute("select taken_at from ingest.barriers").fetchone()
    assert row is not None
    assert row[0] < asked[0]


@pytest.mark.stack
def test_later_looks_of_an_attempt_find_its_barrier_another_attempt_takes_a_new_one(
    connection: psycopg.Connection,
) -> None:
    def take(attempt: str) -> int:
        return barrier.take_barrier(
            connection, settings(), attempt_id=attempt, run_id="r", end_offsets=targets
        )

    first = take("1")
    assert take("1") == first
    assert take("2") != first


@pytest.mark.stack
def test_a_stopped_partition_fails_the_barrier_by_name(connection: psycopg.Connection) -> None:
    taken = barrier.take_barrier(
        connection, settings(), attempt_id="1", run_id="r", end_offsets=targets
    )
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


def test_an_unreachable_broker_is_named_with_a_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(**_options: object) -> None:
        raise kafka.errors.KafkaTimeoutError("Unable to bootstrap")

    # Not a real attempt: kafka-python leaves its sockets open when it fails, and warns later, in
    # somebody else's test.
    monkeypatch.setattr(kafka, "KafkaConsumer", unreachable)
    with pytest.raises(
        BelowTheLineError, match=r"broker:9092 could not be asked .*Unable to bootstrap.*btl status"
    ):
        broker_end_offsets(settings(kafka_bootstrap="broker:9092"))


@pytest.mark.stack
def test_the_brokers_tell_every_partition_of_the_input_topics(kafka_bootstrap: str) -> None:
    from below_the_line.catalogue import topics

    found = broker_end_offsets(settings(kafka_bootstrap=kafka_bootstrap))
    expected = {
        (topic.name, number)
        for topic in topics()
        if topic.direction == "in"
        for number in range(topic.partitions)
    }
    assert {(each.topic, each.partition) for each in found} == expected
    assert all(0 <= each.log_start_offset <= each.end_offset for each in found)
    assert len({each.topic_id for each in found}) == 2
