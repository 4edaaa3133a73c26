"""Records for Kafka: events as CloudEvents in structured or in binary mode."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson


class Outgoing(NamedTuple):
    """A record to be produced. Kafka's client sends none that has neither key nor value."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


STRUCTURED_HEADERS = (("content-type", b"application/cloudevents+json; charset=UTF-8"),)


def structured(
    *,
    topic: str,
    event_type: str,
    event_id: str,
    source: str,
    time: str,
    subject: str,
    data: Mapping[str, Any],
    key: str | None = None,
) -> Outgoing:
    """Return the event in structured mode: all of it in the value. ``time`` is RFC 3339.

    ``key`` is needed by event types whose key is not ``data["article_id"]``.
    """
    value = orjson.dumps(
        {
            "specversion": "1.0",
            "id": event_id,
            "source": source,
            "type": event_type,
            "time": time,
            "subject": subject,
            "datacontenttype": "application/json",
            "data": data,
        }
    )
    return Outgoing(topic, _key(key, data), value, STRUCTURED_HEADERS)


def binary(
    *,
    topic: str,
    event_type: str,
    event_id: str,
    source: str,
    time: str,
    subject: str,
    data: Mapping[str, Any],
    key: str | None = None,
) -> Outgoing:
    """Return the event in binary mode: attributes in ``ce_*`` headers, only ``data`` in the value.
    Parameters as of ``structured``.
    """
    headers = (
        ("content-type", b"application/json"),
        ("ce_specversion", b"1.0"),
        ("ce_id", event_id.encode()),
        ("ce_source", source.encode()),
        ("ce_type", event_type.encode()),
        ("ce_time", time.encode()),
        ("ce_subject", subject.encode()),
    )
    return Outgoing(topic, _key(key, data), orjson.dumps(data), headers)


def _key(key: str | None, data: Mapping[str, Any]) -> bytes:
    return str(data["article_id"] if key is None else key).encode()


def rfc3339(moment: datetime) -> str:
    """Return an aware time in UTC as RFC 3339, such as ``2026-11-23T10:00:00.250000Z``.

    Without a fraction if the time has full seconds.
    """
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def as_structured_line(outgoing: Outgoing) -> bytes:
    """Return a valid event of either mode as one line of JSON in structured form, as `btl validate`
    reads it.
    """
    attributes = {
        name[3:]: value.decode() for name, value in outgoing.headers if name.startswith("ce_")
    }
    if not attributes:
        return (outgoing.value or b"") + b"\n"
    attributes["datacontenttype"] = "application/json"
    return orjson.dumps({**attributes, "data": orjson.Fragment(outgoing.value or b"null")}) + b"\n"
