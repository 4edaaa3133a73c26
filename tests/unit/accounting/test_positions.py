"""Which decision a partition waits for, and how far behind it is."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from below_the_line.accounting.positions import (
    Blocker,
    PartitionStatus,
    Position,
    RequiredDecision,
    log_of,
    need_of,
    partition_statuses,
)
from below_the_line.partitions import Logs, PartitionLog

TOPIC, OTHER = UUID(int=1), UUID(int=2)


def position(
    next_offset: int = 15,
    *,
    partition: int = 3,
    status: str = "consuming",
    detail: str | None = None,
    topic_id: UUID = TOPIC,
    group: str = "group",
    incarnation: int = 1,
) -> Position:
    moved_at = datetime(2026, 5, 1, tzinfo=UTC)
    return Position(
        group,
        "events",
        partition,
        topic_id,
        incarnation,
        next_offset,
        7,
        None,
        moved_at,
        status,
        detail,
        None,
    )


@pytest.mark.parametrize("next_offset", [10, 15, 20])
def test_a_position_inside_of_its_log_needs_nothing(next_offset: int) -> None:
    assert need_of(position(next_offset), PartitionLog(TOPIC, 10, 20)) is None


@pytest.mark.parametrize(
    ("stored", "log", "need"),
    [
        (
            position(),
            None,
            RequiredDecision(Blocker.GONE, "the topic is not at the brokers", "btl topics create"),
        ),
        (
            position(topic_id=OTHER),
            PartitionLog(TOPIC, 10, 20),
            RequiredDecision(
                Blocker.RECREATED,
                "the topic was deleted and made anew: the offset 15 is one of the old topic",
                "btl offsets reset events 3 --to start",
            ),
        ),
        (
            position(7),
            PartitionLog(TOPIC, 10, 20),
            RequiredDecision(
                Blocker.EXPIRED,
                "records expired before they were read: offsets 7 to 9",
                "btl offsets accept-gap events 3",
            ),
        ),
        (
            position(21),
            PartitionLog(TOPIC, 10, 20),
            RequiredDecision(
                Blocker.TRUNCATED,
                "the brokers lost records: the next offset is 21, but the log ends at 20",
                "btl offsets reset events 3 --to start",
            ),
        ),
        (
            position(status="tripped", detail="all bad"),
            PartitionLog(TOPIC, 10, 20),
            RequiredDecision(Blocker.TRIPPED, "all bad", "btl breaker accept events 3"),
        ),
        (
            position(status="stopped", detail="the log ended at 9"),
            PartitionLog(TOPIC, 10, 20),
            RequiredDecision(
                Blocker.STOPPED, "the log ended at 9", "btl offsets reset events 3 --to start"
            ),
        ),
    ],
    ids=lambda each: each.situation if isinstance(each, RequiredDecision) else "",
)
def test_a_partition_that_can_not_be_read_on_says_what_happened_and_how_to_decide(
    stored: Position, log: PartitionLog | None, need: RequiredDecision
) -> None:
    assert need_of(stored, log) == need


def test_what_the_log_says_comes_before_the_breaker() -> None:
    need = need_of(position(7, status="tripped"), PartitionLog(TOPIC, 10, 20))
    assert need is not None
    assert need.situation is Blocker.EXPIRED


def test_a_topic_made_anew_with_fewer_partitions_has_empty_logs_in_place_of_the_others() -> None:
    logs = {("events", 0): PartitionLog(OTHER, 5, 20)}
    assert log_of(position(partition=3), logs) == PartitionLog(OTHER, 0, 0)
    assert log_of(position(partition=3), {}) is None
    assert need_of(position(0, topic_id=OTHER), log_of(position(0, topic_id=OTHER), logs)) is None


LOGS: Logs = {("events", 3): PartitionLog(TOPIC, 10, 20), ("events", 4): PartitionLog(TOPIC, 1, 9)}


def test_partitions_that_nobody_took_stand_beside_those_that_have_a_position() -> None:
    other_group = position(12, group="another")
    found = partition_statuses([position(), other_group], LOGS, "group")
    assert [(each.consumer_group, each.partition, each.position, each.lag) for each in found] == [
        ("another", 3, other_group, 8),
        ("group", 3, position(), 5),
        ("group", 4, None, 8),
    ]


def test_without_the_brokers_positions_are_shown_and_nothing_is_said_about_lag_and_needs() -> None:
    assert partition_statuses([position(99, status="stopped")], None, "group") == [
        PartitionStatus("group", "events", 3, position(99, status="stopped"), None, None)
    ]
    assert partition_statuses([position()], None, "group")[0].lag is None


@pytest.mark.parametrize(
    ("stored", "lag"),
    [(position(20), 0), (position(25), 0), (position(3), 10), (position(20, topic_id=OTHER), 10)],
    ids=["at the end", "beyond", "expired ones are no lag", "of another topic"],
)
def test_the_lag_is_what_the_log_still_holds(stored: Position, lag: int) -> None:
    assert (
        partition_statuses([stored], {("events", 3): PartitionLog(TOPIC, 10, 20)}, "group")[0].lag
        == lag
    )
