import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from below_the_line.errors import BelowTheLineError
from btl.archives import extended_json
from btl.archives.extended_json import documents, first_document, number_of, text_of, time_of
from btl.archives.sources import ExportFile

DOCUMENTS = [
    {"id": "1", "body": 'braces } { and "quotes" \\'},
    {"id": "2", "in": {"n": {"$numberInt": "2"}, "list": [{}, {"x": "é"}]}},
    {"id": "3"},
]


def _read(tmp_path: Path, content: str) -> list[tuple[str, object]]:
    path = tmp_path / "comments.json"
    path.write_text(content, encoding="utf-8")
    file = ExportFile(path)

    def found() -> Iterator[tuple[str, object]]:
        with file.open() as opened:
            for within, raw in documents(opened, file):
                yield within, json.loads(raw)

    return list(found())


def test_documents_one_a_line(tmp_path: Path) -> None:
    content = "".join(json.dumps(each) + "\n" for each in DOCUMENTS)
    assert _read(tmp_path, content) == [
        (f"line {number}", each) for number, each in enumerate(DOCUMENTS, 1)
    ]


def test_blank_lines_and_a_byte_order_mark_are_no_documents(tmp_path: Path) -> None:
    content = '\ufeff{"id": "1"}\r\n\r\n{"id": "2"}'
    assert _read(tmp_path, content) == [("line 1", {"id": "1"}), ("line 3", {"id": "2"})]


@pytest.mark.parametrize("indent", [None, 1])
def test_documents_in_an_array(tmp_path: Path, indent: int | None) -> None:
    assert _read(tmp_path, json.dumps(DOCUMENTS, indent=indent) + "\n") == [
        (f"item {number}", each) for number, each in enumerate(DOCUMENTS, 1)
    ]


def test_documents_over_several_lines(tmp_path: Path) -> None:
    content = "\n".join(json.dumps(each, indent="\t") for each in DOCUMENTS)
    assert [each for _, each in _read(tmp_path, content)] == DOCUMENTS


@pytest.mark.parametrize("chunk", [1, 2, 7])
def test_documents_are_found_wherever_the_reading_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(extended_json, "_CHUNK", chunk)
    assert [each for _, each in _read(tmp_path, json.dumps(DOCUMENTS))] == DOCUMENTS


def test_an_empty_array_has_no_documents(tmp_path: Path) -> None:
    assert _read(tmp_path, "[]\n") == []


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ('[{"id": "1"}, {"id": ', "the file ends too early, after item 1"),
        ('[{"id": "1"},', "the file ends too early, after item 1"),
        ('[{"id": "1"}, null, {"id": "2"}]', "before item 2 stands something else"),
    ],
)
def test_an_array_that_is_damaged_is_reported_with_its_place(
    tmp_path: Path, content: str, what: str
) -> None:
    with pytest.raises(BelowTheLineError, match=f"comments.json is not .*: {what}"):
        _read(tmp_path, content)


@pytest.mark.parametrize("content", ['{"id": "%s"}\n', '[{"id": "%s"}]'])
def test_a_document_that_is_too_large_is_not_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    monkeypatch.setattr(extended_json, "MAX_DOCUMENT_BYTES", 1_000)
    monkeypatch.setattr(extended_json, "_CHUNK", 100)
    with pytest.raises(BelowTheLineError, match=r"comments.json, (line|item) 1, is larger than"):
        _read(tmp_path, content % ("x" * 1_000))


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (b'{"id": 1}\n{"id": 2}', {"id": 1}),
        (b'\xef\xbb\xbf [\n {"id": {"x": "}"}},', {"id": {"x": "}"}}),
        (b'{"id": "unfinished', None),
        (b'{"id": nothing}', None),
        (b'id,name\n1,"{}"', None),
        (b"", None),
    ],
)
def test_the_first_document_of_a_file(head: bytes, found: object) -> None:
    assert first_document(head) == found


@pytest.mark.parametrize(
    "value",
    [
        {"$date": "2019-03-04T05:06:07.089Z"},
        {"$date": "2019-03-04T06:06:07.089+0100"},
        {"$date": {"$numberLong": "1551675967089"}},
        {"$date": {"$numberLong": 1551675967089}},
        {"$date": 1551675967089},
        {"$numberLong": "1551675967089"},
        {"$numberDouble": "1551675967089.0"},
        "2019-03-04T05:06:07.089Z",
        "2019-03-04T05:06:07.089",
        1551675967089,
        1.551675967089e12,
    ],
)
def test_a_time_in_all_its_forms(value: object) -> None:
    assert time_of(value) == datetime(2019, 3, 4, 5, 6, 7, 89_000, UTC)


@pytest.mark.parametrize("value", [None, False, {"$undefined": True}])
def test_what_means_no_time(value: object) -> None:
    assert time_of(value) is None


def test_a_time_before_1970() -> None:
    value: object = {"$date": {"$numberLong": "-86400000"}}
    assert time_of(value) == datetime(1969, 12, 31, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    ["yesterday", {"$date": "x"}, True, [], {"$date": {"$numberLong": "99999999999999999"}}],
)
def test_what_is_not_a_time(value: object) -> None:
    with pytest.raises(ValueError, match="has a time that is not one"):
        time_of(value)


def test_numbers() -> None:
    values: list[object] = [3, {"$numberInt": "3"}, {"$numberLong": "3"}]
    assert [number_of(value) for value in values] == [3, 3, 3]
    assert number_of({"$numberDouble": "3.5"}) == number_of({"$numberDecimal": "3.5"}) == 3.5
    values = [None, "3", True, {"$numberInt": "x"}, {}]
    assert [number_of(value) for value in values] == [None] * 5


def test_texts() -> None:
    values: list[object] = [" a ", {"$oid": "5f"}, {"$numberInt": "7"}, 7]
    assert [text_of(value) for value in values] == ["a", "5f", "7", "7"]
    values = ["", "  ", None, {"x": 1}, []]
    assert [text_of(value) for value in values] == [None] * 5
