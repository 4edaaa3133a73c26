"""The quick parser and the exact one agree, and nothing makes either of them fail."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from below_the_line.catalogue import load_contracts
from below_the_line.contracts.contract import Contract
from below_the_line.contracts.decoder import Contracts
from below_the_line.contracts.events import Event, Record, Rejection
from below_the_line.contracts.rejection import Rejected
from below_the_line.contracts.strict_json import (
    MAX_DEPTH,
    is_too_deep,
    parse_exactly,
    parse_quickly,
)
from tests.contracts.records import (
    STRUCTURED,
    TIMESTAMP_MILLISECONDS,
    TYPE,
    accept,
    binary,
    cloud_event,
    data,
    structured,
)

QUICK = load_contracts()
PARSED = Contracts(QUICK._contracts, QUICK._topic_of, has_fast_path=False)
EXACT = Contracts(
    QUICK._contracts, QUICK._topic_of, has_fast_path=False, quick_parser=lambda _: None
)

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
numbers = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0, -0.0, 1e22, 1.5]),
)
values: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=8,
)
extras = st.dictionaries(
    texts.filter(lambda name: name not in data() and name not in ("held", "parent_comment_id")),
    values,
)
events = st.builds(
    lambda extra, body, event_id, parent, attribute: cloud_event(
        id=event_id,
        data={**extra, **data(body=body, parent_comment_id=parent)},
        extension=attribute,
    ),
    extras,
    texts.filter(bool),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=50),
    st.one_of(st.none(), st.just("comment-0")),
    values,
)
# JSON-like bytes: pieces that parsers stumble over, in any order.
pieces = st.sampled_from(
    [*(bytes([byte]) for byte in b'{}[]:,"\\ \t\n01-.eE'), b"\\u0000", b"\\u003a", b"\\ud800",
     b"\\udc00", b"true", b"null", b"NaN", b"-0", b"1e999", b"9223372036854775808", b'"a":',
     b'"a":1', b"\xff", b"\xef\xbb\xbf", "é".encode(), b"\x00"]
)  # fmt: skip
almost_json = st.lists(pieces, max_size=25).map(b"".join)
header_names = st.one_of(
    st.sampled_from(
        [
            "content-type",
            "ce_id",
            "ce_type",
            "ce_specversion",
            "ce_source",
            "ce_time",
            "ce_",
            "x",
            "a\udcff",
        ]
    ),
    st.text(max_size=5),
)
headers = st.lists(
    st.tuples(
        header_names,
        st.one_of(
            st.none(), st.binary(max_size=10), st.sampled_from([b"1.0", TYPE.encode(), b"\xff"])
        ),
    ),
    max_size=6,
)


def all_ways(record: Record) -> Event | Rejection:
    quick, parsed, exact = QUICK.decode(record), PARSED.decode(record), EXACT.decode(record)
    assert quick == parsed == exact
    return quick


@given(events)
def test_all_paths_read_the_same_event(event: dict[str, Any]) -> None:
    for raw in (
        json.dumps(event),
        json.dumps(event, ensure_ascii=False, indent=1),
        orjson.dumps(event),
    ):
        assert isinstance(all_ways(structured(raw)), Event)


@given(events)
def test_the_digest_does_not_depend_on_white_space_escapes_or_the_order_of_members(
    event: dict[str, Any],
) -> None:
    reversed_event = {name: event[name] for name in reversed(event)}
    reversed_event["data"] = dict(reversed(event["data"].items()))
    first = accept(structured(json.dumps(event)))
    for raw in (
        json.dumps(event, indent=3),
        json.dumps(event, ensure_ascii=False, separators=(",", ":")),
        json.dumps(reversed_event),
    ):
        assert accept(structured(raw)).version == first.version


@given(events)
def test_binary_and_structured_mode_give_the_same_event(event: dict[str, Any]) -> None:
    event.pop("extension", None)
    assert accept(structured(event)) == accept(binary(event))


@given(texts.filter(bool), texts.filter(bool))
def test_another_content_has_another_digest(one: str, other: str) -> None:
    first, second = (accept(structured(cloud_event(data=data(body=body)))) for body in (one, other))
    assert (first.digest == second.digest) == (one == other)


@given(st.one_of(st.binary(max_size=60), almost_json))
@example(b'{"a":{"b":1,"b":2}}')
@example(b'{"a":"\\u003a","a":1}')
@example(b'{"a":-0}')
@example(b'{"a":18446744073709551616}')
def test_what_the_quick_parser_reads_the_exact_one_reads_alike(raw: bytes) -> None:
    quick = parse_quickly(raw)
    if quick is None:
        return
    exact = parse_exactly(raw)
    assert exact.value == quick.value
    option = orjson.OPT_SORT_KEYS
    assert orjson.dumps(exact.verbatim, option=option) == orjson.dumps(
        quick.verbatim, option=option
    )


@given(st.one_of(st.binary(max_size=60), almost_json))
def test_the_exact_parser_refuses_just_what_the_library_refuses(raw: bytes) -> None:
    try:
        parse_exactly(raw)
    except Rejected as rejected:
        if rejected.rejection.code in ("not_utf8", "not_json", "lone_surrogate"):
            with pytest.raises(orjson.JSONDecodeError):
                orjson.loads(raw)
    else:
        orjson.loads(raw)


@given(
    st.one_of(st.none(), st.binary(max_size=60), almost_json, events.map(orjson.dumps)),
    st.one_of(st.none(), st.binary(max_size=10), st.just(b"article-1")),
    st.one_of(st.just(STRUCTURED), headers),
    st.sampled_from(["comment-events", "articles", "", "other"]),
    st.one_of(st.just(TIMESTAMP_MILLISECONDS), st.integers(-(2**63), 2**63 - 1)),
)
def test_no_record_makes_decoding_fail(
    value: bytes | None,
    key: bytes | None,
    given_headers: list[tuple[str, bytes | None]],
    topic: str,
    timestamp: int,
) -> None:
    result = all_ways(Record(topic, 0, 0, timestamp, key, value, given_headers))
    if isinstance(result, Rejection):
        result.message.encode()
        assert "\0" not in result.message + (result.pointer or "")


MEMBERS = ["article_id", "comment_id", "author", "reporter", "reason", "discussion", "published_at",
           "posted_at", "closes_at", "decided_at", "action", "topics"]  # fmt: skip


@given(st.sampled_from(QUICK.event_types), st.dictionaries(st.sampled_from(MEMBERS), values))
def test_no_data_makes_any_contract_fail(event_type: str, content: dict[str, Any]) -> None:
    all_ways(
        structured(cloud_event(type=event_type, data=content), topic=QUICK.topic_of(event_type))
    )


@given(values, st.integers(25, 34))
def test_depth_counts_as_the_parsed_value_is_nested(value: Any, further: int) -> None:
    def nested(inner: Any) -> int:
        members = (
            inner.values()
            if isinstance(inner, dict)
            else inner
            if isinstance(inner, list)
            else None
        )
        return 0 if members is None else 1 + max((nested(member) for member in members), default=0)

    wide = [value, *([[]] * 33)]  # enough brackets that they are counted at all
    for _ in range(further):
        wide = [wide]
    assert is_too_deep(json.dumps(wide).encode()) == (nested(wide) > MAX_DEPTH)


def test_a_contract_can_be_compiled_alone() -> None:
    from below_the_line.catalogue import schema_document

    assert Contract(TYPE, schema_document(TYPE), schema_document("definitions")).event_type == TYPE
