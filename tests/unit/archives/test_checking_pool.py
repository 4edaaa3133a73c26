"""Large exports are checked by several processes, with the same result as by one."""

import multiprocessing
import os
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest

from below_the_line.catalogue import load_contracts
from below_the_line.errors import BelowTheLineError
from btl.archives import checking_pool
from btl.archives.checking import Tally
from btl.archives.external_sort import Timed
from btl.archives.formats import Format, Progress, ReadingOptions
from btl.archives.importer import Import, bundles, preparing
from btl.archives.records import (
    ArchiveRecord,
    Article,
    Comment,
    Deletion,
    Edit,
    LeftOut,
    Moderation,
    Place,
    Reaction,
    ReactionCount,
    Report,
    ReportCount,
    ReportDecision,
    Unpublication,
    Unreadable,
)
from btl.archives.sources import ExportFile
from btl.archives.spool import Rejected
from tests.unit.archives.test_events import NOW, at, stamp

ITEMS = 3_000


def made_up() -> Iterator[ArchiveRecord | Unreadable]:
    """Records of every kind, many of them with stand-ins, some of them wrong."""
    for number in range(ITEMS):
        place = Place("export.json", f"item {number}")
        article_id = f"a-{number % 40}"
        posted_at = None if number % 50 == 7 else at(number % 900)
        yield Comment(
            place, article_id, f"c-{number}", None, f"reader {number % 9}", "x", posted_at
        )
        about = (place, article_id, f"c-{number}")
        yield Edit(*about, f"text {number}", None if number % 2 else at(1_000))
        yield Moderation(*about, "rejected", "spam")
        yield Reaction(*about, "u1", "like")
        yield ReactionCount(*about, "dislike", 2)
        yield Report(*about, "r", None, "other")
        yield ReportCount(*about, "spam", 2)
        yield ReportDecision(*about, "r", "upheld")
        elsewhere = (place, article_id, f"c-{(number + 720) % ITEMS}")
        yield Deletion(*elsewhere)
        yield ReactionCount(*elsewhere, "dislike", 1)
        if number % 100 == 0:
            yield LeftOut(place, "pingbacks", "they are not comments")
            yield Unreadable(place, "has no id", "{}")
            yield Comment(place, article_id, f"s-{number}", "u", "n", "lone \ud800", at(1))
    for number in range(40):
        place = Place("export.json", f"article {number}")
        published_at = None if number % 2 else at(0)
        yield Article(place, f"a-{number}", "https://example.org", "x", published_at)
        yield Unpublication(place, f"a-{number}", "Wrong")


class Outcome(NamedTuple):
    events: Sequence[Timed]
    tally: Tally
    rejected: Sequence[Rejected]
    facts: Sequence[tuple[Any, ...]]


def format_of(records: Iterator[ArchiveRecord | Unreadable]) -> Format:
    def read(_: Sequence[ExportFile], __: ReadingOptions, ___: Progress) -> Any:
        return records

    return Format("isso", "", "", lambda _: True, read)


def outcome(processes: int) -> Outcome:
    wanted = Import(format_of(made_up()), [], ReadingOptions(), "archive:isso", "never")
    rejected: list[Rejected] = []
    with preparing(wanted, load_contracts(), NOW, processes) as preparation:
        found = preparation.check(rejected.append)
        events = list(found.events.events())
        facts = [
            row
            for table in ("articles", "versions", "comments")
            for row in found.facts.connection.execute(f"select * from {table}")
        ]
    return Outcome(events, found.tally, rejected, facts)


@pytest.fixture(scope="module")
def alone() -> Outcome:
    return outcome(1)


def test_several_processes_find_what_one_finds(
    alone: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking_pool, "_IN_MEMORY_BYTES", 200_000)
    shared = outcome(3)
    assert [each.occurred_at for each in shared.events] == sorted(
        each.occurred_at for each in alone.events
    )
    assert Counter(each.outgoing for each in shared.events) == Counter(
        each.outgoing for each in alone.events
    )
    assert shared.rejected == alone.rejected
    assert Counter(shared.facts) == Counter(alone.facts)
    assert shared.tally.events == alone.tally.events
    assert shared.tally.stand_ins == alone.tally.stand_ins
    assert shared.tally.left_out.keys() == alone.tally.left_out.keys()
    for key, found in shared.tally.left_out.items():
        assert (found.number, found.examples) == (
            alone.tally.left_out[key].number,
            alone.tally.left_out[key].examples,
        )
    assert not multiprocessing.active_children()


def test_there_is_something_to_compare(alone: Outcome) -> None:
    assert len(alone.rejected) == 120
    assert len(alone.tally.events) == 9
    assert len(alone.tally.left_out) > 5
    assert stamp(0) in str(alone.events[0])


def test_what_happened_to_a_comment_stays_with_it() -> None:
    for bundle in bundles(iter(made_up()), 100):
        assert isinstance(bundle[0], Comment | Article)
        assert len(bundle) < 120
    many: list[Any] = [
        Comment(Place("f", "w"), "a", "c", "u", "n", "x", at(1)),
        *(Reaction(Place("f", "w"), "a", "c", f"u{n}", "like") for n in range(5_000)),
    ]
    sizes = [len(bundle) for bundle in bundles(many, 100)]
    assert sizes == [2_000, 2_000, 1_001]


def test_a_fault_of_the_file_ends_all_processes() -> None:
    def damaged() -> Iterator[ArchiveRecord | Unreadable]:
        for number, record in enumerate(made_up()):
            if number == 4_000:
                raise BelowTheLineError("export.json is damaged.")
            yield record

    wanted = Import(format_of(damaged()), [], ReadingOptions(), "archive:isso", "never")
    with (
        pytest.raises(BelowTheLineError, match="is damaged"),
        preparing(wanted, load_contracts(), datetime.now(UTC), 2) as preparation,
    ):
        preparation.check(lambda _: None)
    assert not multiprocessing.active_children()


def test_what_a_worker_cannot_write_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("btl.archives.external_sort._written", full)
    with pytest.raises(BelowTheLineError, match="cannot be written: No space left"):
        outcome(2)
    assert not multiprocessing.active_children()


def end_at_once(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("when", ["_work", "_unpacked", "_encode"])
def test_a_process_that_is_killed_is_said_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    if when == "_encode":
        # What the reading process packs with the same name is left alone.
        reading, encode = os.getpid(), checking_pool._encode
        monkeypatch.setattr(
            checking_pool,
            when,
            lambda item: encode(item) if os.getpid() == reading else end_at_once(),
        )
    else:
        monkeypatch.setattr(checking_pool, when, end_at_once)
    with pytest.raises(BelowTheLineError, match=r"checks records was ended by signal 9") as caught:
        outcome(2)
    assert "memory" in caught.value.hint
    assert "run the same command again" in caught.value.hint
    assert not multiprocessing.active_children()
