"""The poller: what it asks, and that it goes on asking."""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any
from uuid import UUID

import kafka
import pytest
from kafka import IsolationLevel

from consumers.core.batch import Partition
from consumers.core.observer import Halt
from consumers.monitoring.consumer_metrics import ConsumerMetrics
from consumers.monitoring.lag_poller import LagPoller
from tests.pipeline import wait_until

ZERO, ONE = Partition("comment-events", 0), Partition("comment-events", 1)
NO_DATABASE = "postgresql://127.0.0.1:1/none?connect_timeout=1"


class Brokers:
    """As much of a client as the poller asks."""

    failures: Iterator[Exception]

    def __init__(self, *, isolation_level: str = "read_uncommitted", **_: object) -> None:
        self.closed = False
        self._isolation_level = IsolationLevel[isolation_level.upper()]
        self._fetcher = self._cluster = self

    def beginning_offsets(self, partitions: list[Any], timeout_ms: int) -> dict[Any, int]:
        assert timeout_ms
        return dict.fromkeys(partitions, 0)

    def end_offsets(self, partitions: list[Any], timeout_ms: int) -> dict[Any, int]:
        assert timeout_ms
        if failure := next(self.failures, None):
            raise failure
        # A transaction is open since offset 8.
        is_committed = self._isolation_level is IsolationLevel.READ_COMMITTED
        return dict.fromkeys(partitions, 8 if is_committed else 10)

    def topic_id(self, _topic: str) -> UUID:
        return UUID(int=1)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def poll(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[ConsumerMetrics, LagPoller]]:
    def begin(*failures: Exception) -> tuple[ConsumerMetrics, LagPoller]:
        monkeypatch.setattr(Brokers, "failures", iter(failures), raising=False)
        monkeypatch.setattr(kafka, "KafkaConsumer", Brokers)
        metrics = ConsumerMetrics()
        poller = LagPoller(metrics, {}, NO_DATABASE, ends_seconds=0.01)
        return metrics, poller

    return begin


def test_it_goes_on_after_whatever_a_client_raises(
    poll: Callable[..., tuple[ConsumerMetrics, LagPoller]],
) -> None:
    metrics, poller = poll(
        kafka.errors.KafkaTimeoutError("away"), KeyError("a defect"), OSError("cut")
    )
    metrics.reading({ZERO: 4}, {ONE: Halt("tripped", "decide", 7)})
    with closing(poller):
        poller.start()
        wait_until(lambda: metrics.ends_now()[0] == {ZERO: 10, ONE: 10}, 10)
    assert metrics.condition().open_transactions == {ZERO: 8, ONE: 8}


def test_what_stands_by_has_nothing_to_ask_and_no_old_answer(
    poll: Callable[..., tuple[ConsumerMetrics, LagPoller]], monkeypatch: pytest.MonkeyPatch
) -> None:
    metrics, poller = poll(AssertionError("asked"))
    ends_seen: list[object] = []
    monkeypatch.setattr(metrics, "ends", ends_seen.append)
    with closing(poller):
        poller.start()
        wait_until(lambda: len(ends_seen) > 2, 10)
    assert all(ends == {} for ends in ends_seen)
