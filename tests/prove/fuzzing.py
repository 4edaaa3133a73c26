"""Records that nobody meant to send: valid examples in both modes, mutilated, and bytes out of
nowhere.
"""

import base64
import json
from typing import Any

from hypothesis import strategies as st

from below_the_line.catalogue import example_documents, load_contracts, topics
from below_the_line.contracts.events import Record

TIMESTAMP = 1_800_000_000_000
_HEADERS = (("content-type", b"application/cloudevents+json"),)


def examples() -> list[dict[str, Any]]:
    """The valid examples of all types that come in, as they are in the repository."""
    found = []
    for topic in topics():
        for event_type in topic.event_types if topic.direction == "in" else ():
            for _, document in sorted(example_documents(event_type)["valid"].items()):
                event = document["record"]["value"]
                # Those of binary mode hold their data alone.
                if isinstance(event, dict) and event.get("type") == event_type and "data" in event:
                    found.append(event)
    return found


_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(min_value=-(2**70), max_value=2**70),
    st.floats(allow_nan=True, allow_infinity=True),
    st.text(max_size=30),
    st.sampled_from(
        [
            "\0",
            "\ud800",
            "é" * 101,
            "2026-12-31T23:59:60Z",
            "0000-01-01T00:00:00Z",
            "9999-12-31t23:59:59z",
        ]
    ),
)
_values = st.recursive(
    _scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


@st.composite
def _mutilated(draw: st.DrawFn, events: list[dict[str, Any]]) -> dict[str, Any]:
    """A valid event in which some members were replaced, added or taken away, at any depth."""
    event: dict[str, Any] = json.loads(json.dumps(draw(st.sampled_from(events))))
    for _ in range(draw(st.integers(0, 3))):
        place = event
        while draw(st.booleans()):
            inner = [member for member in place.values() if isinstance(member, dict) and member]
            if not inner:
                break
            place = draw(st.sampled_from(inner))
        name = draw(st.sampled_from(sorted(place)) | st.text(max_size=10))
        if draw(st.booleans()):
            place.pop(name, None)
        else:
            place[name] = draw(_values)
    return event


def _damaged(draw: st.DrawFn, value: bytes) -> bytes:
    """The same bytes, or, three times in ten, with a few of them replaced."""
    if draw(st.integers(0, 9)) >= 3:
        return value
    start = draw(st.integers(0, len(value)))
    end = draw(st.integers(start, min(len(value), start + 8)))
    return value[:start] + draw(st.binary(max_size=8)) + value[end:]


@st.composite
def records(draw: st.DrawFn, events: list[dict[str, Any]]) -> Record:
    """A record: nearly valid in one of three writings, damaged, or noise."""
    contracts = load_contracts()
    event = draw(_mutilated(events))
    data = event.get("data")
    key = contracts.key_of(str(event.get("type")), data)
    key_bytes = (
        draw(st.none() | st.binary(max_size=9))
        if key is None
        else key.encode("utf-8", "surrogatepass")
    )
    # One in ten is on either topic, so that types also come on the topic that is not theirs.
    own_topic = contracts.topic_of(str(event.get("type"))) if draw(st.integers(0, 9)) else None
    topic = own_topic or draw(st.sampled_from(["articles", "comment-events"]))
    headers: tuple[tuple[str, bytes | None], ...] = draw(st.sampled_from([_HEADERS, ()]))
    writing = draw(st.sampled_from(["structured", "base64", "binary"]))
    if writing == "base64" and "data" in event:
        raw = _damaged(draw, json.dumps(event.pop("data")).encode("utf-8", "surrogatepass"))
        event["data_base64"] = base64.b64encode(raw).decode()
    if writing != "binary":
        value = json.dumps(event, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
    else:
        attributes = {name: member for name, member in event.items() if name != "data"}
        attached = [
            (f"ce_{name}", None if member is None else str(member).encode("utf-8", "surrogatepass"))
            for name, member in attributes.items()
        ]
        headers = (*attached, ("content-type", b"application/json"))
        value = json.dumps(data, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
    value = _damaged(draw, value)
    if draw(st.integers(0, 19)) == 0:
        value = draw(st.binary(max_size=60))
    if draw(st.integers(0, 19)) == 0:
        headers += ((draw(st.text(max_size=12)), draw(st.none() | st.binary(max_size=20))),)
    timestamp = draw(st.just(TIMESTAMP) | st.integers(0, 2**62))
    return Record(topic, 0, draw(st.integers(0, 2**40)), timestamp, key_bytes, value, headers)
