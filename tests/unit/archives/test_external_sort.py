"""Events in the order of their times, in memory or not."""

import random

import pytest

from below_the_line.kafka.envelopes import STRUCTURED_HEADERS, Outgoing
from btl.archives import external_sort
from btl.archives.external_sort import Timed, sorted_by_time


def made_up(count: int) -> list[Timed]:
    rng = random.Random(7)
    return [
        Timed(
            rng.randrange(-50, 50),
            Outgoing("articles", f"k\n{number}".encode(), b'{"n":1}', STRUCTURED_HEADERS),
        )
        for number in range(count)
    ]


@pytest.mark.parametrize("in_memory", [1, 7, 100, 1000])
def test_sorting_is_the_same_whether_or_not_it_fits_into_memory(
    monkeypatch: pytest.MonkeyPatch, in_memory: int
) -> None:
    monkeypatch.setattr(external_sort, "IN_MEMORY", in_memory)
    events = made_up(500)
    with sorted_by_time(iter(events), STRUCTURED_HEADERS) as ordered:
        assert list(ordered) == sorted(events, key=lambda event: event.occurred_at)


def test_nothing_sorts_to_nothing() -> None:
    with sorted_by_time(iter(()), STRUCTURED_HEADERS) as ordered:
        assert list(ordered) == []
