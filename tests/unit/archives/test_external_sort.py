"""Events in the order of their times, in memory or not."""

import random
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import IO

import pytest

from below_the_line.kafka.envelopes import STRUCTURED_HEADERS, Outgoing
from btl.archives import external_sort
from btl.archives.external_sort import Sorter, Timed


def made_up(count: int) -> list[Timed]:
    rng = random.Random(7)
    return [
        Timed(
            rng.randrange(-50, 50),
            Outgoing("articles", f"k\n{number}".encode(), b'{"n":1}', STRUCTURED_HEADERS),
        )
        for number in range(count)
    ]


@contextmanager
def sorting(events: Iterable[Timed]) -> Iterator[Iterator[Timed]]:
    with Sorter(STRUCTURED_HEADERS) as sorter:
        for event in events:
            sorter.add(event)
        yield sorter.events()


@pytest.mark.parametrize("in_memory", [1, 3_500, 50_000, 1_000_000])
def test_sorting_is_the_same_whether_or_not_it_fits_into_memory(
    monkeypatch: pytest.MonkeyPatch, in_memory: int
) -> None:
    monkeypatch.setattr(external_sort, "IN_MEMORY_BYTES", in_memory)
    events = made_up(500)
    with sorting(events) as ordered:
        assert list(ordered) == sorted(events, key=lambda event: event.occurred_at)


def test_nothing_sorts_to_nothing() -> None:
    with sorting(()) as ordered:
        assert list(ordered) == []


def test_what_is_held_is_bounded_by_bytes_whatever_the_number_of_events(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(external_sort, "IN_MEMORY_BYTES", 1_000_000)
    spilled: list[int] = []
    spill = external_sort._spilled

    def counting(events: list[Timed], files: ExitStack) -> IO[bytes]:
        spilled.append(sum(len(event.outgoing.value or b"") for event in events))
        return spill(events, files)

    monkeypatch.setattr(external_sort, "_spilled", counting)
    long = (
        Timed(number, Outgoing("articles", b"k", b"x" * 250_000, STRUCTURED_HEADERS))
        for number in range(9)
    )
    with sorting(long) as ordered:
        assert [event.occurred_at for event in ordered] == list(range(9))
    assert spilled == [1_000_000, 1_000_000]
