"""When the next event is due."""

import pytest

from btl.pacing import Pacer


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def moments(pacer: Pacer, clock: Clock, times: list[float]) -> list[float]:
    passed = []
    for each in times:
        pacer.wait(each)
        passed.append(round(clock.now - 100, 3))
    return passed


def test_without_a_pace_nothing_waits() -> None:
    clock = Clock()
    assert moments(Pacer(clock=clock, sleep=clock.sleep), clock, [0, 1000, 5]) == [0, 0, 0]


def test_a_rate_spaces_events_evenly() -> None:
    clock = Clock()
    assert moments(Pacer(rate=2, clock=clock, sleep=clock.sleep), clock, [0, 0, 0, 0]) == [
        0,
        0.5,
        1.0,
        1.5,
    ]


def test_a_speed_lets_time_pass_between_events_and_never_goes_back() -> None:
    clock = Clock()
    pacer = Pacer(speed=60, clock=clock, sleep=clock.sleep)
    assert moments(pacer, clock, [0, 60, 30, 180]) == [0, 1.0, 1.0, 3.0]


def test_the_later_of_both_paces_counts() -> None:
    clock = Clock()
    pacer = Pacer(rate=1, speed=10, clock=clock, sleep=clock.sleep)
    assert moments(pacer, clock, [0, 1, 50]) == [0, 1.0, 5.0]


def test_what_lies_before_the_given_beginning_is_due_at_once() -> None:
    clock = Clock()
    pacer = Pacer(speed=1, first=1000, clock=clock, sleep=clock.sleep)
    assert moments(pacer, clock, [10, 999, 1000, 1004]) == [0, 0, 0, 4.0]


@pytest.mark.parametrize(("pause", "expected"), [(0.1, 0), (3.0, 1)])
def test_a_long_pause_is_used_to_settle_what_is_under_way(pause: float, expected: int) -> None:
    clock, calls = Clock(), []
    pacer = Pacer(speed=1, clock=clock, sleep=clock.sleep)
    for moment in (0, pause):
        pacer.wait(moment, lambda: calls.append(clock.now))
    assert (len(calls) > 0) == bool(expected)
