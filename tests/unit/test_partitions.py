"""Which partitions may be read, which are read to the end, and which decision one waits for."""

from uuid import UUID

import pytest

from below_the_line.partitions import (
    Blocker,
    Logs,
    PartitionLog,
    PartitionStatus,
    Position,
    RequiredDecision,
    describe_blocker,
    log_blocker,
    log_of,
    partition_statuses,
    required_decision,
)
from tests.builders import position

TOPIC, OTHER = UUID(int=1), UUID(int=2)


@pytest.mark.parametrize("next_offset", [10, 15, 20])
def test_a_position_inside_of_its_log_needs_nothing(next_offset: int) -> None:
    assert required_decision(position(next_offset), PartitionLog(TOPIC, 10, 20)) is None


@pytest.mark.parametrize(
    ("stored", "log", "decision"),
    [
        (
            position(15),
            None,
            RequiredDecision(Blocker.GONE, "the topic is not at the brokers", "btl topics create"),
        ),
        (
            position(15, topic_id=OTHER),
            PartitionLog(TOPIC, 10, 20),
            RequiredDecision(
                Blocker.RECREATED,
                "the topic was deleted and created again: offset 15 belongs to the old topic"
                f" {OTHER}, not to {TOPIC}",
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
            position(15, status="tripped", status_detail="all bad"),
            PartitionLog(TOPIC, 10, 20),
            RequiredDecision(Blocker.TRIPPED, "all bad", "btl breaker accept events 3"),
        ),
        (
            position(15, status="stopped", status_detail="the log ended at 9"),
            PartitionLog(TOPIC, 10, 20),
            RequiredDecision(
                Blocker.STOPPED, "the log ended at 9", "btl offsets reset events 3 --to start"
            ),
        ),
    ],
    ids=lambda each: each.blocker if isinstance(each, RequiredDecision) else "",
)
def test_a_partition_that_can_not_be_read_on_says_what_happened_and_how_to_decide(
    stored: Position, log: PartitionLog | None, decision: RequiredDecision
) -> None:
    assert required_decision(stored, log) == decision


def test_what_the_log_says_comes_before_the_breaker() -> None:
    decision = required_decision(position(7, status="tripped"), PartitionLog(TOPIC, 10, 20))
    assert decision is not None
    assert decision.blocker is Blocker.EXPIRED


def test_a_topic_created_again_with_fewer_partitions_has_empty_logs_in_place_of_the_others() -> (
    None
):
    logs = {("events", 0): PartitionLog(OTHER, 5, 20)}
    assert log_of(position(15, partition=3), logs) == PartitionLog(OTHER, 0, 0)
    assert log_of(position(15, partition=3), {}) is None
    assert (
        required_decision(position(0, topic_id=OTHER), log_of(position(0, topic_id=OTHER), logs))
        is None
    )


LOGS: Logs = {("events", 3): PartitionLog(TOPIC, 10, 20), ("events", 4): PartitionLog(TOPIC, 1, 9)}


def test_partitions_that_nobody_took_stand_beside_those_that_have_a_position() -> None:
    other_group = position(12, consumer_group="another")
    found = partition_statuses([position(15), other_group], LOGS, "group")
    assert [(each.consumer_group, each.partition, each.position, each.lag) for each in found] == [
        ("another", 3, other_group, 8),
        ("group", 3, position(15), 5),
        ("group", 4, None, 8),
    ]


def test_without_the_brokers_positions_are_shown_and_nothing_is_said_about_lag_and_needs() -> None:
    assert partition_statuses([position(99, status="stopped")], None, "group") == [
        PartitionStatus("group", "events", 3, position(99, status="stopped"), None, None)
    ]
    assert partition_statuses([position(15)], None, "group")[0].lag is None


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


def test_what_is_behind_an_open_transaction_is_still_to_be_read_and_holds_no_decision() -> None:
    logs: Logs = {("events", 3): PartitionLog(TOPIC, 10, 20, open_transaction=15)}
    reached, before = (
        partition_statuses([position(offset)], logs, "group")[0] for offset in (15, 14)
    )
    assert (reached.lag, reached.is_read_to_end, reached.open_transaction) == (5, False, 15)
    assert (before.lag, before.is_read_to_end, before.open_transaction) == (6, False, None)
    assert reached.required_decision is None
    # A reset to the end goes beyond what can be read yet: the brokers have lost nothing.
    assert log_blocker(position(20), logs["events", 3]) is None


def test_nobody_can_take_what_begins_with_an_open_transaction() -> None:
    logs: Logs = {("events", 3): PartitionLog(TOPIC, 10, 20, open_transaction=10)}
    (nobody,) = partition_statuses([], logs, "group")
    (of_another_topic,) = partition_statuses([position(25, topic_id=OTHER)], logs, "group")
    assert (nobody.lag, nobody.open_transaction) == (10, 10)
    assert (of_another_topic.lag, of_another_topic.open_transaction) == (10, 10)


@pytest.mark.parametrize(
    ("stored", "log", "blocker", "words"),
    [
        (position(9), PartitionLog(TOPIC, 10, 20), Blocker.EXPIRED, "offsets 9 to 9"),
        (position(21), PartitionLog(TOPIC, 10, 20), Blocker.TRUNCATED, "the log ends at 20"),
        (position(10), PartitionLog(OTHER, 0, 20), Blocker.RECREATED, "created again"),
        (position(10), None, Blocker.GONE, "not at the brokers"),
    ],
)
def test_a_log_in_which_reading_on_would_lose_or_repeat_records_is_a_blocker(
    stored: Position, log: PartitionLog | None, blocker: Blocker, words: str
) -> None:
    assert log_blocker(stored, log) is blocker
    assert words in describe_blocker(blocker, stored, log)


@pytest.mark.parametrize("next_offset", [10, 15, 20])
def test_a_position_inside_of_its_log_is_no_blocker(next_offset: int) -> None:
    assert log_blocker(position(next_offset), PartitionLog(TOPIC, 10, 20)) is None


def test_the_reason_that_is_stored_is_the_one_that_people_read() -> None:
    stored = position(10, status="stopped", status_detail="by hand")
    assert stored.stopped_by is Blocker.STOPPED
    assert describe_blocker(Blocker.STOPPED, stored, PartitionLog(TOPIC, 0, 20)) == "by hand"
