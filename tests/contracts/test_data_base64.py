"""``data_base64``, which SDKs write when they are given bytes: the same event as in binary mode."""

import base64
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from below_the_line.contracts.events import Event, Record, Rejection
from tests.contracts.records import (
    TYPE,
    accept,
    binary,
    cloud_event,
    data,
    decode,
    refuse,
    structured,
)
from tests.contracts.test_strict_json import all_ways, almost_json, events


def encoded(raw: bytes, **changes: Any) -> Record:
    """A posted comment in structured mode, its data as base64."""
    text = base64.b64encode(raw).decode()
    return structured(cloud_event(data=None, data_base64=text, **changes))


def of_bytes(raw: bytes, **changes: Any) -> Record:
    """The same in binary mode."""
    return binary(cloud_event(**changes))._replace(value=raw)


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "application/json",
        "Application/JSON; charset=latin1",
        "application/vnd.btl.comment+json",
        "text/x+JSON ;a=b",
    ],
)
def test_bytes_of_json_are_read_as_in_binary_mode(content_type: str | None) -> None:
    raw = json.dumps(data(extra=1.50), indent=2).encode()
    assert accept(encoded(raw, datacontenttype=content_type)) == accept(of_bytes(raw))


@given(events)
def test_all_three_writings_are_one_event(event: dict[str, Any]) -> None:
    event.pop("extension", None)
    of_binary = accept(binary(event))
    assert accept(structured(event)) == of_binary
    raw = json.dumps(event.pop("data")).encode()
    text = base64.b64encode(raw).decode()
    assert all_ways(structured({**event, "data_base64": text})) == of_binary


@given(st.one_of(st.binary(max_size=60), almost_json))
@example(b"")
@example(b"[" * 33)
@example(b'{"a":1,"a":1}')
@example(b'{"a":"\\u0000"}')
@example(b'{"a":"\\ud800"}')
@example(b'{"a":99999999999999999999}')
@example(b"\xff")
@example(b'"{}"')
@example(b'{"article_id":"article-1"}')
def test_whatever_the_bytes_are_the_verdict_is_that_of_binary_mode(raw: bytes) -> None:
    found, expected = all_ways(encoded(raw)), decode(of_bytes(raw))
    if isinstance(expected, Event):
        assert found == expected
        return
    assert isinstance(found, Rejection)
    assert (found.stage, found.code) == (expected.stage, expected.code)
    assert found.pointer == ("/data_base64" if found.stage == "decode" else expected.pointer)
    assert found.schema_version == expected.schema_version


@pytest.mark.parametrize(
    "changes",
    [
        {"data_base64": "e30=", "data": {}},
        {"data_base64": "", "data": {}},
        {"data_base64": "e30=", "datacontenttype": "text/plain"},
        {"data_base64": "e30=", "datacontenttype": "text/json"},
        {"data_base64": "e30=", "datacontenttype": "application/octet-stream"},
        {"data_base64": "e30=", "datacontenttype": " "},
        {"data_base64": "e30"},
        {"data_base64": "e30=\n"},
        {"data_base64": "e30=="},
        {"data_base64": "e3 0="},
        {"data_base64": "====", "datacontenttype": "application/json"},
        {"data_base64": "e3-_"},
        {"data_base64": "ä30="},
        {"data_base64": 1},
        {"data_base64": {}},
    ],
)
def test_what_cannot_be_data_is_a_violation_at_data_base64(changes: dict[str, Any]) -> None:
    result = refuse(structured(cloud_event(**{"data": None, **changes})))
    assert (result.code, result.pointer, result.schema_version) == (
        "schema_violation",
        "/data_base64",
        TYPE,
    )


def test_data_that_is_null_is_data_and_data_base64_that_is_null_is_none() -> None:
    both = {**cloud_event(), "data": None, "data_base64": "e30="}
    assert refuse(structured(both)).pointer == "/data_base64"
    accept(structured({**cloud_event(), "data_base64": None}))
    neither = {**cloud_event(data=None), "data_base64": None}
    assert refuse(structured(neither)).pointer == "/data"


def test_binary_mode_has_no_data_base64() -> None:
    headers = list(binary(cloud_event()).headers)
    for value in (b"e30=", b""):
        result = refuse(binary(cloud_event(), headers=[*headers, ("ce_data_base64", value)]))
        assert (result.code, result.pointer) == ("schema_violation", "/data_base64")
    accept(binary(cloud_event(), headers=[*headers, ("ce_data_base64", None)]))


def test_faults_of_the_envelope_come_before_those_of_the_bytes() -> None:
    assert refuse(encoded(b"\xff", time="soon")).pointer == "/time"
    assert refuse(encoded(b"\xff", type="nope")).code == "unknown_type"
    assert refuse(encoded(b"\xff", time="1980-01-01T00:00:00Z")).code == "not_utf8"


def test_the_limits_are_those_of_the_bytes() -> None:
    text = json.dumps(data(extra="N"))
    accept(encoded(text.replace('"N"', "[" * 31 + "]" * 31).encode()))
    assert refuse(encoded(text.replace('"N"', "[" * 32 + "]" * 32).encode())).code == "too_deep"
    body = "x" * 196_000
    assert accept(encoded(json.dumps(data(body=body)).encode())).data.body == body
    assert refuse(encoded(json.dumps(data(body="x" * 197_000)).encode())).code == "too_large"
