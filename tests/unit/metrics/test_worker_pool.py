"""Work that several connections share: each unit once, and an end to it where one fails."""

import threading
from collections.abc import Sequence
from typing import Any

import pytest

from below_the_line.metrics.worker_pool import share


def connections(count: int) -> Sequence[Any]:
    """Nothing looks at them here."""
    return [f"connection {number}" for number in range(count)]


@pytest.mark.parametrize("count", [1, 2, 5])
def test_each_unit_is_done_once_and_each_connection_prepared_first(count: int) -> None:
    done: list[int] = []
    prepared: set[str] = set()
    lock = threading.Lock()

    def prepare(connection: Any) -> None:
        with lock:
            prepared.add(connection)

    def work(connection: Any, unit: int) -> None:
        with lock:
            assert connection in prepared
            done.append(unit)

    share(range(100), connections(count), prepare, work)
    assert sorted(done) == list(range(100))
    assert len(prepared) == count


def test_units_are_worked_on_at_the_same_time() -> None:
    both = threading.Barrier(2, timeout=30)
    met: list[int] = []

    def work(_connection: Any, _unit: int) -> None:
        met.append(both.wait())

    share(range(2), connections(2), lambda _: None, work)
    assert sorted(met) == [0, 1]


def test_after_an_error_nothing_is_begun_and_it_is_the_error_that_is_raised() -> None:
    begun: list[int] = []
    failed = threading.Event()

    def work(_connection: Any, unit: int) -> None:
        begun.append(unit)
        if unit == 0:
            failed.set()
            raise ValueError("unit 0")
        # The other connection is at its first unit when the error comes.
        assert failed.wait(30)

    with pytest.raises(ValueError, match="unit 0"):
        share(range(1_000), connections(2), lambda _: None, work)
    assert len(begun) < 1_000


def test_a_connection_that_can_not_be_prepared_ends_it() -> None:
    def prepare(connection: Any) -> None:
        raise ValueError(connection)

    with pytest.raises(ValueError, match="connection"):
        share(range(3), connections(2), prepare, lambda *_: pytest.fail("begun"))
