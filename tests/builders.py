"""Small builders of events and records for tests, through the real contracts."""

import base64
import uuid
from datetime import UTC, datetime
from typing import Any

import msgspec
import orjson

from below_the_line.catalogue import load_contracts, topics
from below_the_line.contracts.events import Event, Record
from below_the_line.partitions import Position

NOW_MILLISECONDS = int(datetime.fromisoformat("2026-06-01T00:00:00Z").timestamp() * 1000)
_TOPIC_OF = {event_type: topic for topic in topics() for event_type in topic.event_types}


def position(next_offset: int = 0, **changes: Any) -> Position:
    """A stored position of ``events-3``, in its first incarnation and consuming; see Position."""
    given: dict[str, Any] = {
        "consumer_group": "group",
        "topic": "events",
        "partition": 3,
        "topic_id": uuid.UUID(int=1),
        "incarnation": 1,
        "next_offset": next_offset,
        "epoch": 7,
        "owner": None,
        "moved_at": datetime(2026, 5, 1, tzinfo=UTC),
        "status": "consuming",
        "status_detail": None,
        "accepted_offset": None,
        "owner_connected": True,
    }
    return Position(**{**given, **changes})


def envelope(
    event_type: str,
    data: dict[str, Any],
    *,
    at: str,
    event_id: str | None = None,
    source: str = "/test",
) -> bytes:
    """A structured CloudEvent; ``at`` is its time."""
    return orjson.dumps(
        {
            "specversion": "1.0",
            "id": event_id or str(uuid.uuid5(uuid.NAMESPACE_URL, f"{event_type}{at}{data}")),
            "source": source,
            "type": event_type,
            "time": at,
            "data": data,
        }
    )


WRITINGS = ("structured", "binary", "data_base64")
"""How one event may come: all are the same event."""


def record(
    event_type: str,
    data: dict[str, Any],
    *,
    at: str,
    offset: int = 0,
    partition: int = 0,
    writing: str = "structured",
    **more: Any,
) -> Record:
    """The record of an event, as Kafka would hand it over, in one of WRITINGS."""
    value = envelope(event_type, data, at=at, **more)
    headers: list[tuple[str, bytes | None]] = [("content-type", b"application/cloudevents+json")]
    if writing != "structured":
        attributes = orjson.loads(value)
        value = orjson.dumps(attributes.pop("data"))
        if writing == "binary":
            headers = [(f"ce_{name}", text.encode()) for name, text in attributes.items()]
        else:
            text = base64.b64encode(value).decode()
            value = orjson.dumps({**attributes, "data_base64": text})
    topic = _TOPIC_OF[event_type]
    key = next(data[name] for name in topic.key_of(event_type) if data.get(name) is not None)
    return Record(
        topic.name,
        partition,
        offset,
        NOW_MILLISECONDS,
        str(key).encode(),
        value,
        headers,
    )


def event(event_type: str, data: dict[str, Any], *, at: str, **more: Any) -> Event:
    """A valid event; fails if the contracts refuse it."""
    result = load_contracts().decode(record(event_type, data, at=at, **more))
    assert isinstance(result, Event), result
    return result


def members(data: msgspec.Struct) -> dict[str, Any]:
    """The members of an event's data that it has, also of objects in it."""
    return {
        name: members(value) if isinstance(value, msgspec.Struct) else value
        for name, value in msgspec.structs.asdict(data).items()
        if value is not None
    }


def posted(
    comment_id: str = "c1", *, at: str = "2026-05-01T10:00:00Z", article_id: str = "a1", **data: Any
) -> Event:
    """A comment."""
    event_id = data.pop("event_id", None)
    return event(
        "comment.posted.v1",
        {
            "article_id": article_id,
            "comment_id": comment_id,
            "author": {"user_id": "u1", "display_name": "Reader One"},
            "body": "first",
            "posted_at": at,
            **data,
        },
        at=at,
        event_id=event_id,
    )


def edited(body: str, comment_id: str = "c1", *, at: str, article_id: str = "a1") -> Event:
    """An edit of a comment."""
    return event(
        "comment.edited.v1",
        {"article_id": article_id, "comment_id": comment_id, "body": body, "edited_at": at},
        at=at,
    )


def deleted(comment_id: str = "c1", *, at: str, article_id: str = "a1") -> Event:
    """A deletion by the author."""
    return event(
        "comment.deleted.v1",
        {"article_id": article_id, "comment_id": comment_id, "deleted_at": at},
        at=at,
    )


def erased(
    *, at: str, user_id: str | None = None, anonymous_id: str | None = None, **more: Any
) -> Event:
    """A person's wish to be forgotten, up to ``at``: a user or an anonymous reader."""
    data = {"user_id": user_id, "anonymous_id": anonymous_id, "erased_at": at}
    return event("commenter.erased.v1", data, at=at, **more)
