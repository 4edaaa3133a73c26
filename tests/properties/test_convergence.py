"""G3 on the real database: the rows are a function of the set of events, that of the model,
whatever way they came.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from below_the_line.catalogue import load_contracts
from below_the_line.kafka.envelopes import as_structured_line
from btl.simulation.day import simulate_day
from consumers.core.dead_letters import Selection
from consumers.redrive import redrive
from tests.hypothesis_profiles import examples
from tests.properties import model
from tests.properties.histories import DATA, cloud_events, histories
from tests.properties.ingest import Database, Delivery, Process
from tests.properties.model import CloudEvent, Tables

pytestmark = pytest.mark.stack


@dataclass
class Group:
    """A consumer group of two processes, and its database."""

    url: str
    database: Database
    processes: tuple[Process, Process]

    def begin_empty(self) -> None:
        """Drop batches that a failed example left under way, and all rows."""
        for process in self.processes:
            process.store.abandon()
        self.database.empty()


@pytest.fixture(scope="module")
def group(shared_database_url: str) -> Iterator[Group]:
    with psycopg.connect(
        shared_database_url, options="-c timezone=UTC", autocommit=True
    ) as connection:
        left, right = Process(shared_database_url, [0, 1]), Process(shared_database_url, [2, 3])
        with closing(left.store), closing(right.store):
            yield Group(shared_database_url, Database(connection), (left, right))


def changed(before: Tables, after: Tables) -> set[tuple[Any, ...]]:
    """The keys, table first, of the rows that are not as they were."""
    return {
        (table, *key)
        for table, rows in after.items()
        for key, row in rows.items()
        if before[table].get(key) != row
    }


MARKED_BY = {
    "dirty_windows": {"article_versions", "discussion_overrides"},
    "dirty_discussions comments": {"comments", "comment_edits", "moderation_decisions"},
    "dirty_discussions reactions": {"reactions"},
}
"""The tables whose changes set a mark, besides that in dirty_articles."""


def marks(rows: Iterable[tuple[Any, ...]]) -> set[tuple[str, str]]:
    """The marks that changes of these rows must set."""
    return {
        (mark, article)
        for table, article, *_ in rows
        for mark in ("dirty_articles", *(each for each, by in MARKED_BY.items() if table in by))
    }


@examples(25)
@given(sent=histories(), cuts=st.lists(st.integers(1, 12), min_size=1, max_size=4))
def test_folding_in_a_batch_and_merging_in_sql_are_the_same_join(
    group: Group, sent: list[CloudEvent], cuts: list[int]
) -> None:
    expected = model.tables(sent)
    process = group.processes[0]
    for order, sizes in ((sent, [len(sent)]), (sent, [1]), (sent, cuts), (sent[::-1], cuts)):
        group.begin_empty()
        for part in in_batches(order, sizes):
            process.write((each, 0) for each in part)
        assert group.database.tables() == expected


def test_a_simulated_day_in_any_order_gives_the_rows_of_the_model(group: Group) -> None:
    sent = [
        CloudEvent(*map(json.loads(line).get, CloudEvent._fields))
        for line in map(
            as_structured_line,
            simulate_day(
                7,
                datetime(2026, 5, 20, tzinfo=UTC),
                records=2_000,
                bad_share=0,
                erasure=False,
            ),
        )
    ]
    assert {each.type for each in sent} == set(DATA)
    chance = Random(7)
    again = chance.sample(sent, len(sent) // 3)
    shuffled = chance.sample(sent + again, len(sent + again))
    group.begin_empty()
    for number, part in enumerate(in_batches(shuffled, [1, 400, 30])):
        group.processes[number % 2].write((each, chance.randrange(2)) for each in part)
    assert group.database.tables() == model.tables(sent)


def in_batches(sent: Sequence[CloudEvent], sizes: Sequence[int]) -> Iterator[Sequence[CloudEvent]]:
    """The events in batches of these sizes, over and over."""
    start, number = 0, 0
    while start < len(sent):
        size = sizes[number % len(sizes)]
        yield sent[start : start + size]
        start, number = start + size, number + 1


batches = st.lists(
    st.tuples(st.one_of(cloud_events(), st.integers(0, 99)), st.integers(0, 1)), max_size=8
)
"""New events, and numbers of such as were sent before, each with the partition that it comes on."""
processes = st.sampled_from([0, 1])


class Ingestion(RuleBasedStateMachine):
    """Two processes of one group, on partitions of their own; after each step the tables are those
    of the model.
    """

    group: Group

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[CloudEvent] = []
        self.committed: list[CloudEvent] = []
        self.dead: list[CloudEvent] = []
        """Of good events that were refused, and have not been redriven yet."""

    @initialize()
    def begin_empty(self) -> None:
        self.group.begin_empty()

    def deliveries(self, drawn: Iterable[tuple[CloudEvent | int, int]]) -> list[Delivery]:
        found = []
        for what, partition in drawn:
            if not isinstance(what, int):
                self.sent.append(what)
                found.append((what, partition))
            elif self.sent:
                found.append((self.sent[what % len(self.sent)], partition))
        return found

    def account_for(self, deliveries: Sequence[Delivery], account: tuple[int, int, int]) -> None:
        """Note a batch as committed; its ledger must tell the records that changed a row from those
        that did not.
        """
        before = model.tables(self.committed)
        self.committed += [sent for sent, _ in deliveries]
        rows = changed(before, model.tables(self.committed))
        nothing = model.tables([])
        applied = sum(bool(changed(nothing, model.tables([sent])) & rows) for sent, _ in deliveries)
        assert account == (len(deliveries), applied, len(deliveries) - applied)
        assert self.group.database.take_marks() == marks(rows)

    @rule(number=processes, drawn=batches)
    def a_batch(self, number: int, drawn: list[tuple[CloudEvent | int, int]]) -> None:
        deliveries = self.deliveries(drawn)
        self.account_for(deliveries, self.group.processes[number].write(deliveries))

    @rule(first=processes, drawn=batches, drawn_meanwhile=batches, commits=st.booleans())
    def two_batches_at_once(
        self, first: int, drawn: list[Any], drawn_meanwhile: list[Any], commits: bool
    ) -> None:
        """The second one's merges meet the locks of the first one, and go on when it commits or
        fails.
        """
        deliveries, meanwhile = self.deliveries(drawn), self.deliveries(drawn_meanwhile)
        one, other = self.group.processes[first], self.group.processes[1 - first]
        one.begin(deliveries)
        one.wait()
        other.begin(meanwhile)
        if commits:
            self.account_for(deliveries, one.finish())
        else:
            one.store.abandon()
        self.account_for(meanwhile, other.finish())

    @rule(number=processes, drawn=batches, refused=st.sets(st.integers(0, 7)))
    def a_batch_of_which_some_is_refused(
        self, number: int, drawn: list[Any], refused: set[int]
    ) -> None:
        """A fault in a contract: good events become dead letters between others that do not."""
        deliveries = self.deliveries(drawn)
        good = [each for place, each in enumerate(deliveries) if place not in refused]
        records, applied, unchanged = self.group.processes[number].write(deliveries, refused)
        assert records == len(deliveries)
        self.account_for(good, (len(good), applied, unchanged))
        self.dead += [sent for place, (sent, _) in enumerate(deliveries) if place in refused]

    @precondition(lambda self: self.dead)
    @rule(chunk=st.integers(1, 8))
    def the_dead_letters_are_redriven(self, chunk: int) -> None:
        """With the contract fixed: long after others that came later, and in an order of their
        own.
        """
        before = model.tables(self.committed)
        summary = redrive(self.group.url, "group", load_contracts(), Selection(), chunk=chunk)
        assert (summary.redriven, summary.still_bad) == (len(self.dead), 0)
        self.committed += self.dead
        self.dead = []
        rows = changed(before, model.tables(self.committed))
        assert self.group.database.take_marks() == marks(rows)

    @rule(number=processes, drawn=batches)
    def a_batch_cut_off_by_a_kill(self, number: int, drawn: list[Any]) -> None:
        """Nothing of it is kept; the same may come again later, in other batches."""
        process = self.group.processes[number]
        process.begin(self.deliveries(drawn))
        process.restart()

    @invariant()
    def the_tables_are_those_of_the_model(self) -> None:
        assert self.group.database.tables() == model.tables(self.committed)


def test_whatever_comes_when_and_wherever_the_tables_are_those_of_the_model(group: Group) -> None:
    Ingestion.group = group
    run_state_machine_as_test(Ingestion, settings=settings(examples(30), stateful_step_count=10))
