"""Records of made-up events in both modes, for the tests of the contracts."""

import json
from datetime import UTC, datetime
from typing import Any

from below_the_line.catalogue import load_contracts
from below_the_line.contracts.events import Event, Record, Rejection

TIMESTAMP = datetime(2026, 11, 1, tzinfo=UTC)
TIMESTAMP_MILLISECONDS = int(TIMESTAMP.timestamp() * 1000)
TYPE = "comment.posted.v1"
TIME = "2026-10-01T10:00:00Z"
STRUCTURED: list[tuple[str, bytes | None]] = [("content-type", b"application/cloudevents+json")]


def data(**changes: Any) -> dict[str, Any]:
    """The data of a posted comment."""
    return {
        "article_id": "article-1",
        "comment_id": "comment-1",
        "author": {"user_id": "reader-1", "display_name": "Reader One"},
        "body": "A comment: made up.",
        "posted_at": "2026-10-01T10:00:00Z",
        **changes,
    }


def cloud_event(**changes: Any) -> dict[str, Any]:
    """A posted comment in structured form; a change to None removes the attribute."""
    event = {
        "specversion": "1.0",
        "id": "event-1",
        "source": "/comments",
        "type": TYPE,
        "time": "2026-10-01T10:00:00Z",
        "data": data(),
        **changes,
    }
    return {name: member for name, member in event.items() if member is not None}


def structured(event: Any, **changes: Any) -> Record:
    """A record in structured mode; ``event`` may be bytes or text, to be sent as they are."""
    raw = (
        event
        if isinstance(event, bytes)
        else event
        if isinstance(event, str)
        else json.dumps(event)
    )
    value = raw if isinstance(raw, bytes) else raw.encode()
    record = Record("comment-events", 0, 0, TIMESTAMP_MILLISECONDS, b"article-1", value, STRUCTURED)
    return record._replace(**changes)


def binary(event: dict[str, Any], **changes: Any) -> Record:
    """The same event in binary mode."""
    headers: list[tuple[str, bytes | None]] = [("content-type", b"application/json")]
    headers += [
        (f"ce_{name}", str(value).encode()) for name, value in event.items() if name != "data"
    ]
    return structured(event["data"], headers=headers)._replace(**changes)


def decode(record: Record) -> Event | Rejection:
    return load_contracts().decode(record)


def accept(record: Record) -> Event:
    """The record's event; fails if there is none."""
    result = decode(record)
    assert isinstance(result, Event), result
    return result


def refuse(record: Record) -> Rejection:
    """Why the record is refused; fails if it is not."""
    result = decode(record)
    assert isinstance(result, Rejection), result
    return result


def code(record: Record) -> str:
    return refuse(record).code


def of_type(event_type: str, content: dict[str, Any], topic: str = "comment-events") -> Record:
    return structured(
        cloud_event(type=event_type, data={"article_id": "article-1", **content}), topic=topic
    )


def override(**content: Any) -> Record:
    decision = {"reason": "manual", "decided_by": "editor-1", "decided_at": TIME}
    return of_type("discussion.overridden.v1", {**decision, **content}, "articles")


def article(**content: Any) -> Record:
    return of_type(
        "article.published.v1",
        {"url": "https://a.example/1", "headline": "h", **content},
        "articles",
    )


def report(**content: Any) -> Record:
    told = {
        "comment_id": "c",
        "report_id": "r",
        "reporter": {"user_id": "reader-1"},
        "reason": "spam",
        "reported_at": TIME,
    }
    return of_type("comment.reported.v1", {**told, **content})
