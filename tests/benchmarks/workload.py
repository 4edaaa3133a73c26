"""The events that everything is measured with: a real export's, or else a simulated day's, in as
many copies as wanted.
"""

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from heapq import heappop, heappush
from typing import Any

import orjson

from below_the_line.kafka.envelopes import Outgoing, structured
from btl.simulation.day import simulate_day
from tests.example_export import MAPPING, events_of, real_export

_DAY = datetime(2026, 5, 20, tzinfo=UTC)
_SIMULATED_RECORDS = 80_000
_IDS = ("article_id", "comment_id", "parent_comment_id", "report_id")
HOT_ARTICLE = "hot"


@dataclass(frozen=True)
class Workload:
    """Valid events in the order in which they are produced."""

    name: str
    events: Sequence[Outgoing]

    def copies(self, number: int) -> Iterator[Outgoing]:
        """Yield all events several times, each time under other ids."""
        for copy in range(number):
            if copy == 0:
                yield from self.events
            else:
                yield from (_with_suffix(event, f"-{copy}") for event in self.events)


def load_workload() -> Workload:
    """The real export's events where it is at hand (tests/example_export.py), else those of a
    simulated day.
    """
    if (export := real_export()) is None:
        events = list(simulate_day(1, _DAY, records=_SIMULATED_RECORDS, bad_share=0, erasure=False))
        return Workload(f"a simulated day ({len(events):,} events)", events)
    timed = events_of(export.articles, export.comments, MAPPING)
    return Workload(
        f"a real site's export ({len(timed):,} events)", [each.outgoing for each in timed]
    )


def with_bad_records(events: Iterable[Outgoing], every: int) -> Iterator[Outgoing]:
    """The same events, and after each ``every`` of them a bad one: by turns not JSON, and refused
    by its contract.
    """
    bad = 0
    for number, event in enumerate(events, 1):
        yield event
        if number % every == 0:
            bad += 1
            yield _not_json(event) if bad % 2 else _refused(event, bad)


def _not_json(event: Outgoing) -> Outgoing:
    return event._replace(value=(event.value or b"")[:-10])


def _refused(event: Outgoing, number: int) -> Outgoing:
    return structured(
        topic="comment-events",
        event_type="comment.posted.v1",
        event_id=f"bad-{number}",
        source="https://example.org/bench",
        time="2026-05-20T00:00:00Z",
        subject=f"bad-{number}",
        data={"article_id": (event.key or b"").decode(), "comment_id": f"bad-{number}"},
    )


def with_decisions(events: Iterable[Outgoing], seed: int = 1) -> Iterator[Outgoing]:
    """The same events, and one decision on every posted comment: by chance a program's, at most 500
    of these events later, or a moderator's, 5,000 to 50,000 of them later.

    A batch of a consumer has up to 5,000 records: so it holds the comments of most decisions of
    programs, and hardly any of the moderators'. What is due later than the last event follows it.
    """
    chance = random.Random(seed)
    decided = set()
    waiting: list[tuple[int, int, Outgoing]] = []
    for number, event in enumerate(events):
        yield event
        while waiting and waiting[0][0] <= number:
            yield heappop(waiting)[2]
        posted = _posted(event)
        if posted is None or (posted["article_id"], posted["comment_id"]) in decided:
            continue
        decided.add((posted["article_id"], posted["comment_id"]))
        automated = chance.random() < 0.5
        later = chance.randint(1, 500) if automated else chance.randint(5_000, 50_000)
        decision = _decision(posted, automated, approved=chance.random() < 0.9)
        heappush(waiting, (number + later, number, decision))
    while waiting:
        yield heappop(waiting)[2]


def _posted(event: Outgoing) -> dict[str, Any] | None:
    """The data of a posted comment; None of another event."""
    if event.topic != "comment-events":
        return None
    document = orjson.loads(event.value or b"")
    headers = dict(event.headers)
    if (in_headers := headers.get("ce_type")) is not None:
        return document if in_headers == b"comment.posted.v1" else None
    return document["data"] if document["type"] == "comment.posted.v1" else None


def _decision(posted: Mapping[str, Any], automated: bool, approved: bool) -> Outgoing:
    article, comment = posted["article_id"], posted["comment_id"]
    return structured(
        topic="comment-events",
        event_type="comment.moderated.v1",
        event_id=f"{article}:{comment}:decided",
        source="https://example.org/bench",
        time=posted["posted_at"],
        subject=comment,
        data={
            "article_id": article,
            "comment_id": comment,
            "decision": "approved" if approved else "rejected",
            "decided_by": "filter" if automated else "moderator",
            "automated": automated,
            "decided_at": posted["posted_at"],
        },
    )


def with_hot_article(events: Iterable[Outgoing], seed: int = 1) -> Iterator[Outgoing]:
    """The same events with half of those of comments, by chance, moved to one article."""
    chance = random.Random(seed)

    def move(data: dict[str, Any]) -> None:
        # The article that it was stays part of the comment's id: two articles may have used the
        # same one.
        for name in _IDS[1:]:
            if data.get(name) is not None:
                data[name] = f"{data['article_id']}:{data[name]}"
        data["article_id"] = HOT_ARTICLE

    for event in events:
        if event.topic == "comment-events" and chance.random() < 0.5:
            yield _changed(event, lambda text: text, move)._replace(key=HOT_ARTICLE.encode())
        else:
            yield event


def _with_suffix(event: Outgoing, suffix: str) -> Outgoing:
    def rename(data: dict[str, Any]) -> None:
        for name in _IDS:
            if data.get(name) is not None:
                data[name] += suffix

    changed = _changed(event, lambda text: text + suffix, rename)
    return changed._replace(key=(event.key or b"") + suffix.encode())


def _changed(
    event: Outgoing, attribute: Callable[[str], str], data: Callable[[dict[str, Any]], None]
) -> Outgoing:
    """The event, in the mode it has, with id and subject put through ``attribute`` and its data
    changed.
    """
    document = orjson.loads(event.value or b"")
    if not any(name == "ce_id" for name, _ in event.headers):
        data(document["data"])
        for name in ("id", "subject"):
            document[name] = attribute(document[name])
        return event._replace(value=orjson.dumps(document))
    data(document)
    headers = tuple(
        (name, attribute(value.decode()).encode() if name in ("ce_id", "ce_subject") else value)
        for name, value in event.headers
    )
    return event._replace(value=orjson.dumps(document), headers=headers)
