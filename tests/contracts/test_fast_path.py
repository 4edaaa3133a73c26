"""The fast path reads valid events of every type in either mode, and gives the same event as the
exact path.
"""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from below_the_line.catalogue import Example, examples, load_contracts, topics
from below_the_line.contracts.decoder import Contracts
from below_the_line.contracts.events import Event, Record, Rejection
from tests.contracts import mutations
from tests.contracts.mutations import EXTENSIONS
from tests.contracts.records import STRUCTURED, binary, cloud_event, data, structured
from tests.contracts.test_examples import label
from tests.contracts.test_strict_json import almost_json
from tests.hypothesis_profiles import examples as tried

CONTRACTS = load_contracts()
EXACT = Contracts(
    CONTRACTS._contracts, CONTRACTS._topic_of, has_fast_path=False, quick_parser=lambda _: None
)
read_fast = CONTRACTS._read_fast


def read_alike(record: Record) -> bool:
    """Whether the fast path reads a record. If it does, the exact path says the same."""
    found, exact = read_fast(record), EXACT.decode(record)
    assert CONTRACTS.decode(record) == exact
    if found is None:
        return False
    assert found == exact
    assert repr(found) == repr(exact), "of one kind, also where values are equal"
    return True


def sent(**changes: Any) -> bytes:
    return orjson.dumps(cloud_event(**changes))


VALID = list(examples(valid=True))


@pytest.mark.parametrize("valid", VALID, ids=label)
def test_an_example_is_read_in_both_ways_alike(valid: Example) -> None:
    document = json.loads(valid.record.value or b"")
    for written in (
        orjson.dumps(document),
        json.dumps(document).encode(),
        json.dumps(document, indent=2).encode(),
    ):
        read_alike(valid.record._replace(value=written))


def test_events_of_every_type_that_names_an_article_are_read_in_both_modes() -> None:
    read = {
        (each.event_type, any(name.startswith("ce_") for name, _ in record.headers))
        for each in VALID
        for record in (each.record, as_binary(each.record))
        if read_alike(record)
    }
    assert read == {
        (event_type, is_binary)
        for topic in topics()
        for event_type in topic.event_types
        if topic.key_of(event_type) == ("article_id",)
        for is_binary in (True, False)
    }


def as_binary(record: Record) -> Record:
    """The same event in binary mode, if it is in structured mode with data."""
    document = json.loads(record.value or b"")
    if "data" not in document:
        return record
    value = orjson.dumps(document.pop("data"))
    headers = [(f"ce_{name}", str(member).encode()) for name, member in document.items()]
    return record._replace(value=value, headers=headers)


UNKNOWN = {"mood": "😀: fine", "seen": 3, "more": {"deep": [True, None, {"name": "a:b"}]}, "z": ""}


@pytest.mark.parametrize(
    "record",
    [
        structured(sent()),
        structured(sent(), headers=[]),
        structured(sent(), headers=[*STRUCTURED, ("traceparent", b"00-1")]),
        structured(sent(), headers=[("other", b"\xff\0")]),
        structured(
            sent(
                subject="comment-1",
                datacontenttype="application/json",
                dataschema="https://a.example/s",
            )
        ),
        structured(sent(source="https://a.example:8080/x", time="2026-10-01T10:00:00+02:00")),
        structured(sent(data=data(body='Quotes " and \\ and \n, ä, 😀: all', held=None))),
        structured(json.dumps(cloud_event(data=data(body="ä\n: 😀"), subject=":"))),
        structured(json.dumps(cloud_event(), indent=1)),
        structured(json.dumps(cloud_event(**EXTENSIONS), indent=1)),
        structured(sent(id="é" * 100)),
        structured(sent(**EXTENSIONS)),
        structured({**EXTENSIONS, "z:z": ":", **cloud_event(data=data(**UNKNOWN)), "a": None}),
        structured(sent(data=data(**UNKNOWN))),
        structured(sent(data=data(mood="😀: fine", seen=3, tags=["a", ":"], more={"x": None}))),
        structured(sent(data=data(mood="fine"), origin="a:b")),
        binary(cloud_event(data=data(mood="😀: fine", seen=3))),
        structured({"data": {**UNKNOWN, **data()}, **cloud_event(data=None)}),
        structured(sent(data=data(author={**UNKNOWN, "user_id": "u", "display_name": "R"}))),
        binary(cloud_event()),
        binary(cloud_event(**EXTENSIONS)),
        binary(cloud_event(data=data(**UNKNOWN))),
        binary(cloud_event(), value=json.dumps(data(body="é"), indent=2).encode()),
    ],
)
def test_what_producers_send_is_read(record: Record) -> None:
    assert read_alike(record)


@pytest.mark.parametrize(
    "raw",
    [
        sent(data_base64="e30="),
        sent(traceparent={"a": "b"}),
        sent(traceparent=1.5),
        sent(traceparent="\0"),
        sent().replace(b'"id":', b'"traceparent":"\xff","id":'),
        sent().replace(b'"id":', b'"traceparent":"\\ud800","id":'),
        sent().replace(b'"id":', b'"traceparent":"\\x","id":'),
        sent().replace(b'"id":', b'"traceparent":01,"id":'),
        sent().replace(b'"id":', b'"trace\xffparent":"","id":'),
        sent().replace(b'"id":', b'"traceparent":"1","traceparent":"2","id":'),
        sent().replace(b'"id":', b'"traceparent":"1","tr\\u0061ceparent":"2","id":'),
        sent().replace(b'"id":"event-1"', b'"id":"event-1","id":"event-1"'),
        sent().replace(b'"id":"event-1"', b'"id":"other","id":"event-1"'),
        sent(**EXTENSIONS).replace(b'"id":"event-1"', b'"id":"other","id":"event-1"'),
        sent().replace(b'"type":', b'"type":"comment.posted.v1","type":'),
        sent().replace(b'"data":', b'"data":{},"data":'),
        sent().replace(b'"data":', b'"data":{"article_id":""},"data":'),
        sent().replace(b'"body":', b'"body":"","body":'),
        sent().replace(b'"body":', b'"b\\u006fdy":"","body":'),
        sent().replace(b'"body":', b'"other":1,"other":1,"body":'),
        sent().replace(b'"body":', b'"other":{"a":1,"a":1},"body":'),
        sent().replace(b'"user_id":', b'"user_id":"","user_id":'),
        sent(data=data(body=":")).replace(
            b'"body":":"', b'"body":"\\u003a","held":true,"held":true'
        ),
        sent(data=data(body="a\0")),
        sent(data=data(**{"a\0": ""})),
        sent(data=data(number=1.0)),
        sent(data=data(number=[0.5])),
        sent(data=data(number=2**63)),
        sent(data=data(number=0)).replace(b":0", b":-0"),
        sent(data=data(held=1)),
        sent(data=data(body="")),
        sent(data=data(comment_id="é" * 101)),
        sent(data=data(posted_at="")),
        sent(data=data(posted_at="2099-01-01T00:00:00Z")),
        sent(data=None),
        sent(data=[]),
        sent().replace(b'"data":{', b'"data":null,"x":{'),
        sent(specversion="1.1"),
        sent(id=""),
        sent(id="é" * 101),
        sent(source="a" * 201),
        sent(source=1),
        sent(type=""),
        sent(type="comment.posted.v9"),
        sent(time="yesterday"),
        sent(time=0),
        sent(time="2099-01-01T00:00:00Z"),
        sent(subject=""),
        sent(dataschema=1),
        b"[" + sent() + b"]",
        sent() + b"{}",
        b"\xef\xbb\xbf" + sent(),
        sent(data=data(body="\u00ff")).replace("\u00ff".encode(), b"\xff"),
        sent().replace(b"made up", b"\\ud800"),
        b'{"a":' * 5_000,
        b"null",
        b"",
    ],
)
def test_anything_else_is_left_to_the_exact_path(raw: bytes) -> None:
    assert not read_alike(structured(raw))


@pytest.mark.parametrize("depth", range(27, 33))
@pytest.mark.parametrize("write", [structured, binary])
def test_members_may_be_nested_as_deep_as_the_exact_path_allows(write: Any, depth: int) -> None:
    inner: Any = "text"
    for _ in range(depth):
        inner = [inner]
    record = write(cloud_event(data=data(other=inner)))
    assert read_alike(record) == isinstance(EXACT.decode(record), Event)


@pytest.mark.parametrize(
    "record",
    [
        structured(sent(), topic="articles"),
        structured(sent(), key=None),
        structured(sent(), key=b"article-2"),
        structured(sent(), timestamp=0),
        structured(sent(), headers=[("content-type", b"application/cloudevents")]),
        structured(sent(), headers=[("content-type", b"text/plain; charset=latin1")]),
        structured(sent(), headers=[*STRUCTURED, *STRUCTURED]),
        structured(sent(), headers=[("\udcff", b"")]),
        binary(cloud_event(), headers=[("ce_id", b"e")]),
        binary(cloud_event(specversion="1.1")),
        binary(cloud_event(type="comment.posted.v9")),
        binary(cloud_event(data_base64="e30=")),
        binary(cloud_event(), value=b'{"article_id":"article-1"}'),
        binary(cloud_event(), value=orjson.dumps(data(body="\0"))),
        binary(cloud_event(), value=orjson.dumps(data()).replace(b"{", b'{"body":"b",', 1)),
        binary(cloud_event(), value=orjson.dumps(data(number=0.5))),
        binary(cloud_event(), value=b"[]"),
    ],
)
def test_a_record_of_another_kind_is_left_to_the_exact_path(record: Record) -> None:
    assert not read_alike(record)
    assert isinstance(EXACT.decode(record), Rejection) != (b"0.5" in (record.value or b""))


@tried(300)
@given(mutations.records())
def test_nothing_is_read_in_another_way(record: Record) -> None:
    read_alike(record)


@given(almost_json, st.sampled_from([[], STRUCTURED, binary(cloud_event()).headers]))
def test_no_bytes_are_read_in_another_way(
    raw: bytes, headers: list[tuple[str, bytes | None]]
) -> None:
    read_alike(structured(raw, headers=headers))


@tried(200)
@given(mutations.records(), st.integers(0, 700), st.integers(0, 3), st.binary(max_size=4))
def test_nothing_mutilated_is_read_in_another_way(
    record: Record, place: int, length: int, noise: bytes
) -> None:
    raw = record.value or b""
    read_alike(record._replace(value=raw[:place] + noise + raw[place + length :]))


def test_every_character_is_written_as_read() -> None:
    # The comparison of lengths and of colons relies on this: no character is encoded longer than it
    # was sent. The digest relies on it, too: it is the exact path's.
    characters = [chr(each) for each in range(1, 0x110000) if not 0xD800 <= each <= 0xDFFF]
    for first in range(0, len(characters), 0x800):
        body = "".join(characters[first : first + 0x800])
        assert read_alike(structured(sent(subject=body, data=data(body=body))))
