import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from below_the_line.errors import BelowTheLineError
from btl.archives import json_stream
from btl.archives.json_stream import JsonStream, storable

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


def stream_of(text: str | bytes) -> JsonStream:
    return JsonStream(io.BytesIO(text.encode() if isinstance(text, str) else text), "export.json")


def whole(stream: JsonStream) -> Any:
    found = stream.value()
    stream.end()
    return found


def failure(text: str | bytes) -> str:
    with pytest.raises(BelowTheLineError) as raised:
        whole(stream_of(text))
    return raised.value.message


@pytest.fixture(params=[1, 2, 7, 1024 * 1024])
def chunks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(json_stream, "_CHUNK_BYTES", request.param)
    return int(request.param)


@pytest.mark.usefixtures("chunks")
def test_lists_and_objects_are_read_item_by_item() -> None:
    stream = stream_of(
        ' {"version": 12, "skipped": [1, {"a": [2]}, "]"], "more": {"b": {"c": 3}}, "nothing": null'
        ',\n "items": [ {"n": 1.5} , -20, "é😀", [ ] , true], "empty": [], "none": {} }\n'
    )
    found: list[Any] = []
    for name in stream.members():
        if name == "version":
            found.append(stream.value())
        if name in ("items", "empty", "nothing"):
            found.append((name, [(index, stream.value(), stream.raw) for index in stream.items()]))
        if name == "none":
            found.append(list(stream.members()))
    stream.end()
    assert found == [
        12,
        ("nothing", []),
        (
            "items",
            [
                (0, {"n": 1.5}, '{"n": 1.5}'),
                (1, -20, "-20"),
                (2, "é😀", '"é😀"'),
                (3, [], "[ ]"),
                (4, True, "true"),
            ],
        ),
        ("empty", []),
        [],
    ]


@given(st.lists(VALUES), st.sampled_from([None, 1]), st.booleans())
def test_items_are_those_of_the_json_module(
    values: list[Any], indent: int | None, ascii_only: bool
) -> None:
    text = json.dumps(values, indent=indent, ensure_ascii=ascii_only)
    stream = stream_of(text)
    read = [stream.value() for _ in stream.items()]
    stream.end()
    assert read == storable(json.loads(text))


@pytest.mark.usefixtures("chunks")
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1,\n 2,,]", "export.json is not JSON (Expecting value): line 2, column 4."),
        ('{"a": tru }', "export.json is not JSON (Expecting value): line 1, column 7."),
        ("[1] 2", "export.json goes on after its end: line 1, column 5."),
        ("[NaN]", "export.json is not JSON (NaN is not a number): line 1, column 1."),
        ('[1, "a', "export.json ends in the middle of an item."),
        ('{"a": 1', "export.json ends in the middle of an item."),
        ("", "export.json ends in the middle of an item."),
        (b'\n["\xe9"]', "export.json is not UTF-8 at byte 4."),
        (b'\n["\xc3\xa9\xe9"]', "export.json is not UTF-8 at byte 6."),
        ("[" * 100_000, "export.json is nested too deep: line 1, column 1."),
    ],
)
def test_faults_are_said_with_their_place(text: str | bytes, message: str) -> None:
    assert failure(text) == message


@pytest.mark.usefixtures("chunks")
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1 2]", "export.json is not JSON (expected , or ]): line 1, column 4."),
        ('{"a" 1}', "export.json is not JSON (expected :): line 1, column 6."),
        ("{1: 2}", "export.json has a name that is not a text: line 1, column 2."),
        ("[1", "export.json ends in the middle of an item."),
        ("5", "export.json is not JSON (expected [): line 1, column 1."),
        ('["\\u0000' + "[" * 10, "export.json ends in the middle of an item."),
    ],
)
def test_faults_between_items_too(text: str, message: str) -> None:
    def read(stream: JsonStream) -> Iterator[object]:
        for _ in stream.members() if text.startswith("{") else stream.items():
            yield stream.value()

    with pytest.raises(BelowTheLineError) as raised:
        list(read(stream_of(text)))
    assert raised.value.message == message


def test_an_item_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "_CHUNK_BYTES", 100)
    monkeypatch.setattr(json_stream, "MAX_ITEM_CHARACTERS", 1_000)
    stream = stream_of(json.dumps(["x" * 990] * 5))
    assert [len(stream.value()) for _ in stream.items()] == [990] * 5

    endless = io.BytesIO(b'["ok", "' + b"x" * 1_000_000)
    stream = JsonStream(endless, "export.json")
    with pytest.raises(BelowTheLineError, match="has an item of more than 1,000 characters"):
        [stream.value() for _ in stream.items()]
    assert endless.tell() < 5_000


def test_what_cannot_be_stored_is_replaced() -> None:
    text = r'{"a\u0000": ["\ud83d\ude00", "\ud83d-", "\udE00", "\u0041\\u0000", 1]}'
    assert whole(stream_of(text)) == {"a\ufffd": ["😀", "\ufffd-", "\ufffd", "A\\u0000", 1]}


def test_a_byte_order_mark_is_no_content() -> None:
    assert whole(stream_of(b"\xef\xbb\xbf[1]")) == [1]


def test_progress_is_reported_per_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "_CHUNK_BYTES", 10)
    content = io.BytesIO(json.dumps(list(range(100))).encode())
    seen: list[int] = []
    stream = JsonStream(content, "export.json", lambda: seen.append(content.tell()))
    assert [stream.value() for _ in stream.items()] == list(range(100))
    assert seen == sorted(seen)
    assert seen[-1] == len(content.getvalue())
    assert len(seen) > 30
