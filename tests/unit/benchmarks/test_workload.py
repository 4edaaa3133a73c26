from collections import Counter
from datetime import UTC, datetime

import pytest

from below_the_line.catalogue import load_contracts
from below_the_line.contracts.events import Event, Record, Rejection
from below_the_line.kafka.envelopes import Outgoing
from btl.simulation.day import simulate_day
from tests.benchmarks.flat import flattened
from tests.benchmarks.workload import (
    HOT_ARTICLE,
    Workload,
    with_bad_records,
    with_decisions,
    with_hot_article,
)

DAY = list(
    simulate_day(1, datetime(2026, 5, 20, tzinfo=UTC), records=1_000, bad_share=0, erasure=False)
)
TIMESTAMP = 1_793_491_200_000


def decode(outgoing: Outgoing) -> Event | Rejection:
    return load_contracts().decode(
        Record(outgoing.topic, 0, 0, TIMESTAMP, outgoing.key, outgoing.value, outgoing.headers)
    )


def event(outgoing: Outgoing) -> Event:
    found = decode(outgoing)
    assert isinstance(found, Event), found
    return found


def test_copies_are_valid_and_share_nothing() -> None:
    events = [event(each) for each in Workload("", DAY).copies(3)]

    first, second, third = (
        events[: len(DAY)],
        events[len(DAY) : 2 * len(DAY)],
        events[2 * len(DAY) :],
    )
    for one, other in ((first, second), (first, third), (second, third)):
        assert not {each.article_id for each in one} & {each.article_id for each in other}
        assert not {(each.source, each.id) for each in one} & {
            (each.source, each.id) for each in other
        }
    assert Counter(each.type for each in first) == Counter(each.type for each in third)
    assert [each.occurred_at for each in first] == [each.occurred_at for each in second]


def test_a_reply_stays_with_its_parent() -> None:
    events = list(map(event, Workload("", DAY).copies(2)))
    posted = {
        each.data.comment_id: each
        for each in events[len(DAY) :]
        if each.type == "comment.posted.v1"
    }
    parents = [
        each.data.parent_comment_id
        for each in posted.values()
        if each.data.parent_comment_id is not None
    ]

    assert any(parent in posted for parent in parents)
    assert all(parent.endswith("-1") for parent in parents)


@pytest.mark.parametrize("every", [10, 250])
def test_bad_records_come_in_addition_and_are_refused_in_turn(every: int) -> None:
    records = list(with_bad_records(DAY, every))
    refused = [found for found in map(decode, records) if isinstance(found, Rejection)]

    assert [each for each in records if isinstance(decode(each), Event)] == DAY
    assert len(refused) == len(DAY) // every
    assert {each.stage for each in refused[::2]} == {"decode"}
    assert {each.stage for each in refused[1::2]} == {"contract"}


def test_every_posted_comment_is_decided_once_soon_or_far_behind_it() -> None:
    posted: dict[tuple[str, str], int] = {}
    distances = {}
    for number, found in enumerate(map(event, with_decisions(Workload("", DAY).copies(30)))):
        if found.type == "comment.posted.v1":
            posted.setdefault((found.article_id, found.data.comment_id), number)
        elif found.source == "https://example.org/bench":
            key = (found.article_id, found.data.comment_id)
            assert key not in distances
            distances[key] = number - posted[key]

    soon = [each for each in distances.values() if each < 2_000]
    assert distances.keys() == posted.keys()
    assert 0.45 < len(soon) / len(distances) < 0.55
    assert min(soon) < 50
    assert max(distances.values()) > 5_000


def test_half_of_what_happens_to_comments_happens_at_the_hot_article() -> None:
    events = [event(each) for each in with_hot_article(DAY)]
    of_comments = [
        each
        for each, outgoing in zip(events, DAY, strict=True)
        if outgoing.topic == "comment-events"
    ]
    hot = [each for each in of_comments if each.article_id == HOT_ARTICLE]

    assert 0.4 < len(hot) / len(of_comments) < 0.6
    assert sum(each.article_id == HOT_ARTICLE for each in events) == len(hot)


def test_a_flattened_event_has_its_key_and_only_texts_and_times() -> None:
    rows = [flattened(event(each)) for each in DAY]

    assert all(row["article_id"] and row["event_type"] and "entity_id" in row for row in rows)
    assert {type(value) for row in rows for value in row.values()} == {str, int}
    posted = next(row for row in rows if row["event_type"] == "comment.posted.v1")
    assert {"user_id", "display_name", "body", "posted_at", "occurred_at"} <= posted.keys()
