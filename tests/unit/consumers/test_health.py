"""Alive and ready: decisions from what is known and the time."""

from dataclasses import replace
from uuid import UUID

import pytest

from below_the_line.partitions import PartitionLog
from consumers.core.batch import Partition
from consumers.core.health import (
    MAX_STANDSTILL_SECONDS,
    MAX_TURN_SECONDS,
    Condition,
    Waiting,
    alive,
    compared,
    moved,
    ready,
)
from consumers.core.observer import Cause, Halt

ZERO, ONE = Partition("articles", 0), Partition("articles", 1)
TOPIC = UUID(int=1)
READING = Condition(turned_at=100, next_offsets={ZERO: 5, ONE: 7}, moved_at={ZERO: 100, ONE: 100})


def test_a_loop_that_turns_is_alive_and_one_that_does_not_is_neither_alive_nor_ready() -> None:
    assert alive(READING, 100 + MAX_TURN_SECONDS).holds
    hanging = 101 + MAX_TURN_SECONDS
    assert not alive(READING, hanging).holds
    assert ready(READING, hanging).because == ("The consumer's loop has not turned for 31 s.",)


def test_reading_and_standing_by_are_ready() -> None:
    assert ready(READING, 101).holds
    assert ready(Condition(turned_at=100), 101).holds


@pytest.mark.parametrize("cause", Cause)
def test_waiting_is_alive_but_not_ready_and_says_for_what(cause: Cause) -> None:
    waiting = replace(READING, turned_at=112, waiting=Waiting(cause, "so it said", 100))
    assert alive(waiting, 112).holds
    assert ready(waiting, 112).because == (f"Waiting for the {cause.value} for 12 s: so it said",)


def test_a_partition_that_waits_for_a_decision_is_not_ready() -> None:
    halted = replace(READING, halted={ONE: Halt("tripped", "see `btl breaker show`", 4)})
    assert ready(halted, 101).because == (
        "Partition articles-1 is tripped: see `btl breaker show`",
    )


def test_a_partition_that_stands_still_with_something_to_read_is_not_ready_until_it_moves() -> None:
    now = 101 + MAX_STANDSTILL_SECONDS
    at_end_of_one = compared(
        replace(READING, turned_at=now),
        {ZERO: PartitionLog(TOPIC, 0, 9), ONE: PartitionLog(TOPIC, 0, 7)},
        now,
    )
    answer = ready(at_end_of_one, now)
    assert answer.because == (
        "Partition articles-0 has records to read and has not moved for 61 s.",
    )
    assert ready(moved(at_end_of_one, {ZERO: 6}, now), now).holds


def test_a_partition_behind_an_open_transaction_is_not_ready_and_says_where_it_begins() -> None:
    now = 101 + MAX_STANDSTILL_SECONDS
    logs = {
        ZERO: PartitionLog(TOPIC, 0, 9, open_transaction=5),
        # Behind for another reason: it has not reached the transaction.
        ONE: PartitionLog(TOPIC, 0, 12, open_transaction=8),
    }
    stuck = compared(replace(READING, turned_at=now), logs, now)
    assert ready(stuck, now).because == (
        "Partition articles-0 has records to read and has not moved for 61 s: open transaction"
        " since offset 5 (`btl offsets show` says how to end it).",
        "Partition articles-1 has records to read and has not moved for 61 s.",
    )


def test_without_news_of_the_logs_ends_only_commits_count_as_progress() -> None:
    now = 101 + MAX_STANDSTILL_SECONDS
    assert not ready(replace(READING, turned_at=now), now).holds
