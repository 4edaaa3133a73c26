"""Each register's join, by hand: what must be there in the end, in whatever order and batches the events come."""

from collections.abc import Iterator
from contextlib import closing
from itertools import permutations
from typing import Any
from uuid import UUID

import psycopg
import pytest

from below_the_line.contracts.events import Event, Record
from consumers.adapters.postgres import Store
from consumers.core.batch import Batch, Judged, Partition
from consumers.core.positions import BrokerPartition
from consumers.core.tables import TABLES
from tests.building import deleted, edited, event, posted

pytestmark = pytest.mark.stack
PARTITION = Partition("comment-events", 0)


def at(hour: int) -> str:
    return f"2026-05-01T{hour:02}:00:00Z"


def article(kind: str, hour: int, headline: str, **data: Any) -> Event:
    whole = {"article_id": "a1", "url": "https://example.org/a1", "headline": headline, **data}
    return event(f"article.{kind}.v1", whole, at=at(hour))


def unpublished(hour: int, takes_effect: int) -> Event:
    return event("article.unpublished.v1", {"article_id": "a1", "unpublished_at": at(takes_effect)}, at=at(hour))


def moderated(decision: str, hour: int, *, event_id: str | None = None, source: str = "/desk") -> Event:
    return event(
        "comment.moderated.v1",
        {
            "article_id": "a1",
            "comment_id": "c1",
            "decision": decision,
            "decided_by": "desk",
            "automated": False,
            "decided_at": at(hour),
        },
        at=at(hour),
        event_id=event_id,
        source=source,
    )


def reported(reason: str, hour: int) -> Event:
    return event(
        "comment.reported.v1",
        {
            "article_id": "a1",
            "comment_id": "c1",
            "report_id": "r1",
            "reporter": {"user_id": "u9"},
            "reason": reason,
            "reported_at": at(hour),
        },
        at=at(hour),
    )


def withdrawn(hour: int) -> Event:
    return event(
        "report.withdrawn.v1",
        {"article_id": "a1", "comment_id": "c1", "report_id": "r1", "withdrawn_at": at(hour)},
        at=at(hour),
    )


def reaction(kind: str, hour: int, reacted: int | None = None) -> Event:
    return event(
        f"reaction.{kind}.v1",
        {
            "article_id": "a1",
            "comment_id": "c1",
            "user_id": "u2",
            "reaction": "like",
            "reacted_at": at(hour if reacted is None else reacted),
        },
        at=at(hour),
    )


SCENARIOS: dict[str, tuple[list[Event], str, tuple[Any, ...]]] = {
    "a re-post does not move posted_at, nor does its text win": (
        [posted(at=at(10), body="first"), posted(at=at(12), body="again"), posted(at=at(11), body="between")],
        "select first_body, extract(hour from posted_at)::int from discussion.comments",
        ("first", 10),
    ),
    "the last edit wins, and any edit beats any posting": (
        [posted(at=at(12), body="posted later than its edits"), edited("one", at=at(9)), edited("two", at=at(11))],
        "select coalesce(edited_body, first_body), extract(hour from edited_at)::int from discussion.comments",
        ("two", 11),
    ),
    "an edit before a deletion is kept, and the first deletion stands": (
        [posted(at=at(8)), edited("edited", at=at(9)), deleted(at=at(10)), deleted(at=at(11))],
        "select edited_body, extract(hour from deleted_at)::int from discussion.comments",
        ("edited", 10),
    ),
    "the last decision wins": (
        [moderated("approved", 9), moderated("rejected", 11), moderated("approved", 10)],
        "select decision, extract(hour from decided_at)::int from discussion.comments",
        ("rejected", 11),
    ),
    "of equal times the greater id wins, whatever the sources": (
        [
            moderated("approved", 9, event_id="b", source="/a"),
            moderated("rejected", 9, event_id="a", source="/b"),
        ],
        "select decision from discussion.comments",
        ("approved",),
    ),
    "of equal times and ids the greater source wins": (
        [
            moderated("approved", 9, event_id="same", source="/a"),
            moderated("rejected", 9, event_id="same", source="/b"),
        ],
        "select decision from discussion.comments",
        ("rejected",),
    ),
    "the first report counts, and the first withdrawal": (
        [reported("spam", 10), reported("trolling", 9), withdrawn(12), withdrawn(11)],
        "select reason, extract(hour from reported_at)::int, extract(hour from withdrawn_at)::int from discussion.reports",
        ("trolling", 9, 11),
    ),
    "a reaction is as it was left, and remembers when it first came": (
        [reaction("added", 11), reaction("removed", 12), reaction("added", 9, reacted=8)],
        "select is_on, extract(hour from first_added_at)::int from discussion.reactions",
        (False, 8),
    ),
    "a reaction that was only removed was never added": (
        [reaction("removed", 9), reaction("removed", 10)],
        "select is_on, first_added_at from discussion.reactions",
        (False, None),
    ),
    "an update changes the content and never republishes": (
        [article("published", 9, "old"), unpublished(10, takes_effect=12), article("updated", 11, "new")],
        "select headline, status, extract(hour from status_changed_at)::int from discussion.articles",
        ("new", "unpublished", 12),
    ),
    "publishing anew does republish": (
        [article("published", 11, "again"), unpublished(10, takes_effect=10), article("updated", 9, "old")],
        "select headline, status, extract(hour from status_changed_at)::int from discussion.articles",
        ("again", "published", 11),
    ),
    "an article that was only updated has no status": (
        [article("updated", 9, "old", section="x"), article("updated", 10, "new")],
        "select headline, section, status from discussion.articles",
        ("new", None, None),
    ),
}


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    with closing(Store(database_url, "group")) as opened:
        opened.take({PARTITION: BrokerPartition(UUID(int=1), 0, 1_000_000)})
        yield opened


@pytest.mark.parametrize("name", SCENARIOS)
def test_registers_join_to_the_same_in_every_order_and_batching(
    name: str, store: Store, connection: psycopg.Connection
) -> None:
    events, query, expected = SCENARIOS[name]
    offset = 0
    for order in permutations(events):
        for size in {1, len(order)}:
            connection.execute(f"truncate {', '.join(f'discussion.{table.name}' for table in TABLES)}".encode())
            for start in range(0, len(order), size):
                part = order[start : start + size]
                batch = Batch()
                judged = [
                    Judged(Record(PARTITION.topic, 0, offset + place, 0, b"", b""), each)
                    for place, each in enumerate(part)
                ]
                batch.add(PARTITION, judged, offset, offset + len(part), now=0.0)
                store.begin(batch)
                store.finish()
                offset += len(part)
            assert connection.execute(query.encode()).fetchall() == [expected], (order, size)
