"""Events in the order of their times, in memory or not."""

import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile

import pytest

from below_the_line.kafka.envelopes import STRUCTURED_HEADERS, Outgoing
from btl.archives import external_sort
from btl.archives.external_sort import PARTS, Sorter, Timed


def made_up(count: int) -> list[Timed]:
    rng = random.Random(7)
    return [
        Timed(
            rng.randrange(-50, 50),
            Outgoing(
                rng.choice(("articles", "comment-events")),
                f"k\n{rng.randrange(9)}".encode(),
                f'{{"n":{number}}}'.encode(),
                STRUCTURED_HEADERS,
            ),
        )
        for number in range(count)
    ]


@contextmanager
def sorting(events: Iterable[Timed]) -> Iterator[Iterator[Timed]]:
    with Sorter(STRUCTURED_HEADERS) as sorter:
        for event in events:
            sorter.add(event)
        yield sorter.events()


def of_keys(events: Iterable[Timed]) -> dict[bytes | None, list[Timed]]:
    found: dict[bytes | None, list[Timed]] = {}
    for event in events:
        found.setdefault(event.outgoing.key, []).append(event)
    return found


@pytest.mark.parametrize("in_memory", [1, 3_500, 50_000, 1_000_000])
def test_sorting_is_the_same_whether_or_not_it_fits_into_memory(
    monkeypatch: pytest.MonkeyPatch, in_memory: int
) -> None:
    monkeypatch.setattr(external_sort, "IN_MEMORY_BYTES", in_memory)
    events = made_up(500)
    with sorting(events) as ordered:
        found = list(ordered)
    in_order = sorted(events, key=lambda event: event.occurred_at)
    assert [event.occurred_at for event in found] == [event.occurred_at for event in in_order]
    assert of_keys(found) == of_keys(in_order)


def test_parts_share_no_key_and_are_all_of_it() -> None:
    events = made_up(500)
    with Sorter(STRUCTURED_HEADERS) as sorter:
        for event in events:
            sorter.add(event)
        sorter.spill()
        parts = [list(sorter.events(part)) for part in range(PARTS)]
    keys = [set(of_keys(part)) for part in parts]
    assert all(keys)
    assert set.intersection(*keys) == set()
    assert sorted(map(repr, [*parts[0], *parts[1]])) == sorted(map(repr, events))


def test_what_another_process_sorted_is_merged() -> None:
    events = made_up(400)
    with TemporaryFile() as file, Sorter(STRUCTURED_HEADERS) as mine:
        with Sorter(STRUCTURED_HEADERS, file=file) as other:
            for number, event in enumerate(events):
                (mine if number % 2 else other).add(event)
            runs = other.spill()
        mine.adopt(file, runs)
        found = list(mine.events())
    assert [each.occurred_at for each in found] == sorted(each.occurred_at for each in events)
    assert sorted(map(repr, found)) == sorted(map(repr, events))


def test_nothing_sorts_to_nothing() -> None:
    with sorting(()) as ordered:
        assert list(ordered) == []


def test_what_is_held_is_bounded_by_bytes_whatever_the_number_of_events(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(external_sort, "IN_MEMORY_BYTES", 1_000_000)
    value = b"x" * 249_000
    with Sorter(STRUCTURED_HEADERS) as sorter:
        runs = []
        for number in range(10):
            sorter.add(Timed(number, Outgoing("articles", b"k", value, STRUCTURED_HEADERS)))
            runs.append(len(sorter._runs))
        assert [event.occurred_at for event in sorter.events()] == list(range(10))
    assert runs == [0, 0, 0, 0, 1, 1, 1, 1, 1, 2]
