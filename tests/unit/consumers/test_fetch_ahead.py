"""When the brokers are asked for more before all that they sent is decoded."""

from collections import deque
from collections.abc import Sequence
from types import SimpleNamespace
from typing import NamedTuple

import pytest
from kafka import TopicPartition
from kafka.consumer.fetcher import CompletedFetch, Fetcher
from kafka.errors import KafkaConnectionError, KafkaError

from consumers.adapters import record_batches
from consumers.adapters.record_batches import fetch_ahead

MEBIBYTE = 1024 * 1024


class PartitionData(NamedTuple):
    records: bytes | None


class Taken(NamedTuple):
    """A partition whose part was taken."""

    broker: int
    position: int
    end: int | None


WITH_RECORDS, WITHOUT, NOT_ANSWERED = Taken(1, 5, 6), Taken(1, 6, 6), Taken(1, 0, None)


class FakeFetcher(Fetcher):
    """One that has received parts with these numbers of bytes, or without any, and would ask for
    those that were taken.
    """

    def __init__(
        self,
        received: Sequence[int | None],
        in_flight: bool = False,
        taken: Sequence[Taken] = (WITH_RECORDS,),
        error: KafkaError | None = None,
    ) -> None:
        self._completed_fetches = deque(
            CompletedFetch(
                TopicPartition("articles", number),
                0,
                12,
                PartitionData(None if size is None else bytes(size)),
                None,
            )
            for number, size in enumerate(received)
        )
        taken_by = {TopicPartition("comments", number): each for number, each in enumerate(taken)}
        self._next_partition_records = False
        self._taken = list(taken_by)
        self._subscriptions = SimpleNamespace(
            assignment={
                partition: SimpleNamespace(
                    position=SimpleNamespace(offset=each.position), highwater=each.end
                )
                for partition, each in taken_by.items()
            }
        )
        self._manager = SimpleNamespace(
            cluster=SimpleNamespace(
                leader_for_partition=lambda partition: taken_by[partition].broker
            )
        )
        self.in_flight = in_flight
        self.error = error
        self.asked = 0

    def in_flight_fetches(self) -> bool:
        return self.in_flight

    def _fetchable_partitions(self) -> list[TopicPartition]:
        return self._taken

    def send_fetches(self) -> None:
        self.asked += 1
        if self.error is not None:
            raise self.error


@pytest.mark.parametrize(
    ("received", "in_flight", "asked"),
    [
        # poll() has asked already.
        ([], False, 0),
        ([MEBIBYTE], False, 1),
        ([MEBIBYTE, None], False, 1),
        ([MEBIBYTE] * 3, False, 1),
        # Memory is bounded.
        ([MEBIBYTE] * 4, False, 0),
        ([MEBIBYTE], True, 0),
    ],
)
def test_more_is_asked_for_while_little_is_left_and_no_answer_is_awaited(
    received: list[int | None], in_flight: bool, asked: int
) -> None:
    fetcher = FakeFetcher(received, in_flight)
    fetch_ahead(fetcher)
    assert fetcher.asked == asked


@pytest.mark.parametrize(
    ("taken", "asked"),
    [
        ([WITH_RECORDS, WITHOUT], 1),
        ([WITHOUT], 0),
        ([NOT_ANSWERED], 0),
        ([], 0),
        ([WITH_RECORDS, Taken(2, 6, 6)], 0),
        ([WITH_RECORDS, WITHOUT, Taken(2, 8, 9)], 1),
    ],
)
def test_no_broker_is_asked_that_would_wait_for_records(taken: list[Taken], asked: int) -> None:
    fetcher = FakeFetcher([MEBIBYTE], taken=taken)
    fetch_ahead(fetcher)
    assert fetcher.asked == asked


@pytest.mark.parametrize(
    ("is_part_left", "taken", "asked"),
    [
        (True, [WITHOUT], 0),
        (True, [], 0),
        (True, [WITH_RECORDS, WITHOUT], 1),
        (False, [WITHOUT], 1),
        (False, [NOT_ANSWERED], 1),
    ],
)
def test_while_a_part_is_taken_in_part_no_broker_waits_for_other_partitions(
    is_part_left: bool, taken: list[Taken], asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetcher = FakeFetcher([], taken=taken)
    fetcher._next_partition_records = is_part_left
    monkeypatch.setattr(record_batches, "_send_fetches", FakeFetcher.send_fetches)
    record_batches.send_fetches(fetcher)
    assert fetcher.asked == asked


def test_a_partition_that_was_taken_away_meanwhile_has_no_records() -> None:
    fetcher = FakeFetcher([MEBIBYTE])
    fetcher._subscriptions.assignment.clear()
    fetch_ahead(fetcher)
    assert fetcher.asked == 0


def test_an_error_of_the_brokers_is_left_to_the_next_poll() -> None:
    fetcher = FakeFetcher([MEBIBYTE], in_flight=False, error=KafkaConnectionError("away"))
    fetch_ahead(fetcher)
    assert fetcher.asked == 1
