"""The fast path reads events of the common form, and gives the same result as the exact path."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from below_the_line.catalogue import Example, examples, topics
from below_the_line.contracts.envelope import Envelope, read_envelope
from below_the_line.contracts.fast_path import read_fast
from below_the_line.contracts.rejection import Rejected
from below_the_line.contracts.strict_json import parse_exactly
from tests.contracts.records import STRUCTURED, cloud_event, data
from tests.contracts.test_examples import label
from tests.contracts.test_strict_json import almost_json, events, texts


def read_exactly(raw: bytes) -> Envelope | None:
    try:
        return read_envelope(parse_exactly(raw), STRUCTURED)
    except Rejected:
        return None


def sent(**changes: Any) -> bytes:
    return orjson.dumps(cloud_event(**changes))


COMMON_FORM = [
    example for example in examples(True) if b'"specversion"' in (example.record.value or b"")
]


@pytest.mark.parametrize("valid", COMMON_FORM, ids=label)
def test_an_example_is_read_in_both_ways_alike(valid: Example) -> None:
    raw = valid.record.value or b""
    for written in (
        raw,
        orjson.dumps(orjson.loads(raw)),
        json.dumps(json.loads(raw), indent=2).encode(),
    ):
        found = read_fast(written)
        assert found is None or found == read_exactly(written)


def test_events_of_every_type_have_the_common_form() -> None:
    read = {
        each.event_type for each in COMMON_FORM if read_fast(each.record.value or b"") is not None
    }
    assert read >= {
        event_type
        for topic in topics()
        if topic.direction == "in"
        for event_type in topic.event_types
    }


@pytest.mark.parametrize(
    "raw",
    [
        sent(),
        sent(
            subject="comment-1",
            datacontenttype="application/json",
            dataschema="https://a.example/s",
        ),
        sent(source="https://a.example:8080/x", time="2026-10-01T10:00:00+02:00"),
        sent(data=data(body='Quotes " and \\ and \n, ä, 😀: all of them', parent_comment_id=None)),
        json.dumps(cloud_event(data=data(body="ä\n: 😀"), subject=":")).encode(),
        json.dumps(cloud_event(), indent=1).encode(),
        sent(id="é" * 100),
    ],
)
def test_the_common_form_is_read(raw: bytes) -> None:
    assert read_fast(raw) == read_exactly(raw) is not None


@pytest.mark.parametrize(
    "raw",
    [
        sent(traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        sent(data_base64="e30="),
        sent().replace(b'"id":"event-1"', b'"id":"event-1","id":"event-1"'),
        sent().replace(b'"id":"event-1"', b'"id":"other","id":"event-1"'),
        sent().replace(b'"type":', b'"type":"comment.posted.v1","type":'),
        sent().replace(b'"data":', b'"data":{},"data":'),
        sent().replace(b'"body":', b'"body":"","body":'),
        sent().replace(b'"body":', b'"b\\u006fdy":"","body":'),
        sent().replace(b'"user_id":', b'"user_id":"","user_id":'),
        sent(data=data(body=":")).replace(
            b'"body":":"', b'"body":"\\u003a","held":true,"held":true'
        ),
        sent(data=data(body="a\0")),
        sent(data=data(**{"a\0": ""})),
        sent(data=data(number=1)),
        sent(data=data(number=1.0)),
        sent(data=data(deep={"a": {"b": "c"}})),
        sent(data=data(many=[1])),
        sent(data=None),
        sent(data=[]),
        sent().replace(b'"data":{', b'"data":null,"x":{'),
        sent(specversion="1.1"),
        sent(id=""),
        sent(id="é" * 101),
        sent(source="a" * 201),
        sent(source=1),
        sent(type=""),
        sent(time="yesterday"),
        sent(time=0),
        sent(subject=""),
        sent(dataschema=1),
        b"[" + sent() + b"]",
        sent() + b"{}",
        b"\xef\xbb\xbf" + sent(),
        sent(data=data(body="\u00ff")).replace("\u00ff".encode(), b"\xff"),
        sent().replace(b"made up", b"\\ud800"),
        b'{"a":' * 5_000,
        b"",
    ],
)
def test_any_other_form_is_left_alone(raw: bytes) -> None:
    assert read_fast(raw) is None


@given(
    st.one_of(
        events.map(orjson.dumps), events.map(lambda event: json.dumps(event).encode()), almost_json
    )
)
@example(b'{"specversion":"1.0"}')
def test_nothing_is_read_in_another_way(raw: bytes) -> None:
    found = read_fast(raw)
    assert found is None or found == read_exactly(raw)


@given(
    st.dictionaries(
        st.sampled_from(
            ["id", "source", "type", "time", "subject", "data", "specversion", "dataschema", "x"]
        ),
        st.one_of(
            st.none(),
            texts,
            st.just({}),
            st.integers(),
            st.sampled_from(["1.0", "2026-10-01T10:00:00Z"]),
        ),
        max_size=3,
    ),
    st.text(max_size=5),
    st.integers(0, 400),
    st.binary(max_size=4),
)
def test_nothing_mutilated_is_read_in_another_way(
    changes: dict[str, Any], body: str, place: int, noise: bytes
) -> None:
    whole = json.dumps(
        {**cloud_event(data=data(body=body)), **changes}, ensure_ascii=len(body) % 2 == 0
    )
    raw = whole.encode("utf-8", "surrogatepass")
    for written in (
        raw,
        raw[:place] + noise + raw[place:],
        raw[:place] + noise + raw[place + len(noise) :],
    ):
        found = read_fast(written)
        assert found is None or found == read_exactly(written)


def test_every_character_is_written_as_read() -> None:
    # The comparison of lengths and of colons relies on this: no character is encoded longer than it
    # was sent.
    characters = [chr(each) for each in range(1, 0x110000) if not 0xD800 <= each <= 0xDFFF]
    for first in range(0, len(characters), 0x800):
        body = "".join(characters[first : first + 0x800])
        raw = sent(subject=body, data=data(body=body))
        assert read_fast(raw) == read_exactly(raw) is not None
