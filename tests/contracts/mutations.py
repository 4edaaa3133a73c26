"""Events that are nearly as their contracts want them, in every way of writing them."""

import copy
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from below_the_line.catalogue import EXAMPLES_TIMESTAMP, examples, load_contracts
from below_the_line.contracts.events import Record

TIMES = (
    "2026-10-01T10:00:00Z",
    "2026-10-01t10:00:00.5z",
    "2026-10-01T12:00:00.1234569+02:00",
    "2016-12-31T23:59:60.5Z",
    "2026-10-01T24:00:00Z",
    "2026-10-01 10:00:00Z",
    "2026-W40-4T10:00:00Z",
    "0000-01-01T00:00:00Z",
    "1989-12-31T23:59:59.999999Z",
    "1990-01-01T00:00:00Z",
    "2027-05-01T00:00:00-00:00",
    "2100-12-31T23:59:59.999999Z",
    "2101-01-01T00:00:00Z",
)
TEXTS = (
    *("", "a", "like\n", "a\u001cb", "\u0085", "\ufeff", ":", "\0", "\ud800", "é" * 100),
    *("é" * 101, "x" * 200, "x" * 201, "😀" * 51, "other", "illegal_content", "extend", "close"),
    *("http://a.example/", "http://a.example/\n", "en-US", "en-"),
)
NUMBERS = (0, 1, -1, 24.0, -0.0, 1.5, 87_601, 2**63 - 1, 2**63, 2**64)
OTHERS: tuple[Any, ...] = (
    *(None, True, [], ["a"], ["a", 1], {}, {"a": {"b": [0.5]}}),
    {"user_id": "u", "anonymous_id": "a"},
    {"user_id": None, "anonymous_id": "a"},
    {"closes_at": "2026-12-01T00:00:00Z", "window_hours": 3},
    {"closes_at": "2026-12-01T00:00:00Z", "window_hours": None},
)
NAMES = ("traceparent", "partitionkey", "data_base64", "note", "closes_at", "a:b", "a\0b", "é")
EXTENSIONS = {
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "partitionkey": "article:1",
    "sampledrate": 30,
}


def _events() -> Iterator[dict[str, Any]]:
    for each in examples(valid=True):
        document = json.loads(each.record.value or b"")
        if "data" in document and "specversion" in document:
            yield document


EVENTS = list(_events())


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from _objects(inner)


@st.composite
def events(draw: st.DrawFn) -> dict[str, Any]:
    """A valid event of any type, with up to three members replaced, added or taken away."""
    event: dict[str, Any] = copy.deepcopy(draw(st.sampled_from(EVENTS)))
    values = st.one_of(*map(st.sampled_from, (TIMES, TEXTS, NUMBERS, OTHERS)))
    if draw(st.booleans()):
        event |= EXTENSIONS
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.sampled_from(list(_objects(event))))
        name = draw(st.sampled_from([*place, *NAMES]))
        if draw(st.integers(0, 3)):
            place[name] = copy.deepcopy(draw(values))
        else:
            place.pop(name, None)
    return event


def written(draw: st.DrawFn, value: Any) -> str:
    """JSON in one of its many forms; seldom with a name that comes twice."""

    def blank() -> str:
        return draw(st.sampled_from(["", "", "", " ", "\n\t"]))

    if isinstance(value, dict):
        items = list(value.items())
        if draw(st.integers(0, 3)) == 0:
            items = draw(st.permutations(items))
        if items and draw(st.integers(0, 40)) == 0:
            items.append((draw(st.sampled_from(items))[0], draw(st.sampled_from(TEXTS))))
        members = (f"{written(draw, name)}{blank()}:{written(draw, each)}" for name, each in items)
        return f"{{{blank()}{','.join(members)}{blank()}}}"
    if isinstance(value, list):
        return f"[{blank()}{','.join(written(draw, each) for each in value)}]"
    text = json.dumps(value, ensure_ascii=draw(st.booleans()))
    if isinstance(value, str) and value and draw(st.integers(0, 15)) == 0:
        text = f'"\\u{ord(value[0]):04x}{json.dumps(value[1:])[1:]}' if value[0] < "😀" else text
    return text


@st.composite
def records(draw: st.DrawFn) -> Record:
    """Such an event as a record, in either mode."""
    event = draw(events())
    data, event_type = event.get("data"), str(event.get("type"))
    key = load_contracts().key_of(event_type, data)
    headers: list[tuple[str, bytes | None]] = draw(
        st.sampled_from(
            [
                [],
                [("content-type", b"application/cloudevents+json")],
                [("content-type", b"application/cloudevents+json"), ("traceparent", b"00-1")],
            ]
        )
    )
    if draw(st.integers(0, 2)) == 0:
        data = event.pop("data", None)
        headers = [("content-type", b"application/json")]
        for name, member in event.items():
            text = member if isinstance(member, str) else json.dumps(member)
            headers.append((f"ce_{name}", text.encode("utf-8", "surrogatepass")))
        event = data
    return Record(
        load_contracts().topic_of(event_type) or "articles",
        0,
        0,
        EXAMPLES_TIMESTAMP,
        None if key is None else key.encode("utf-8", "surrogatepass"),
        written(draw, event).encode("utf-8", "surrogatepass"),
        headers,
    )
