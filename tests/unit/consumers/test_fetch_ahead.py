"""When the brokers are asked for more before all that they sent is decoded."""

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

import pytest
from kafka import TopicPartition
from kafka.consumer.fetcher import CompletedFetch, Fetcher
from kafka.errors import KafkaConnectionError, KafkaError

from consumers.adapters.record_batches import fetch_ahead

MEBIBYTE = 1024 * 1024


class PartitionData(NamedTuple):
    records: bytes | None


class FakeFetcher(Fetcher):
    """One that has received parts with these numbers of bytes, or without any."""

    def __init__(
        self, received: Sequence[int | None], in_flight: bool, error: KafkaError | None = None
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
        self.in_flight = in_flight
        self.error = error
        self.asked = 0

    def in_flight_fetches(self) -> bool:
        return self.in_flight

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


def test_an_error_of_the_brokers_is_left_to_the_next_poll() -> None:
    fetcher = FakeFetcher([MEBIBYTE], in_flight=False, error=KafkaConnectionError("away"))
    fetch_ahead(fetcher)
    assert fetcher.asked == 1
