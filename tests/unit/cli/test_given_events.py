"""Files of events as people have them: lines, documents, arrays, examples; and what `btl validate`
says about each event in them.
"""

import base64
import gzip
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Self

import pytest

from below_the_line.catalogue import example_documents, load_contracts
from below_the_line.contracts.events import Event, Record
from below_the_line.errors import BelowTheLineError
from below_the_line.kafka.envelopes import Outgoing
from below_the_line.resources import SCHEMAS
from btl.cli import given_events, main, produce
from tests.contracts.records import TIME, TIMESTAMP_MILLISECONDS, cloud_event, data, report

PRETTY = """{
  "specversion": "1.0",

  "id": "a" "b"
}"""
Run = Callable[..., tuple[int, list[str], list[str]]]


def read(path: Path, raw: bytes) -> list[tuple[given_events.Place, Record]]:
    path.write_bytes(raw)
    return list(given_events.given_events(str(path), load_contracts()))


@pytest.fixture
def validate(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Run:
    """Runs `btl validate` on one event or a list of them; returns its exit status, and the lines on
    standard output and standard error.
    """

    def run(events: Any, *options: str) -> tuple[int, list[str], list[str]]:
        file = tmp_path / "events.json"
        file.write_text(json.dumps(events, indent=1), encoding="utf-8")
        monkeypatch.setattr(sys, "argv", ["btl", "validate", str(file), *options])
        with pytest.raises(SystemExit) as ended:
            main.main()
        captured = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, captured.out.splitlines(), captured.err.splitlines()

    return run


ONE, OTHER = cloud_event(), cloud_event(id="event-2", data=data(body='[{\n"]'))


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        (f"{json.dumps(ONE)}\n\n{json.dumps(OTHER)}", [1, 3]),
        (f"\n{json.dumps(ONE, indent=2)}\n{json.dumps(OTHER, indent=2)}\n", None),
        (json.dumps([ONE, OTHER]), [1, 1]),
        (f"[\n{json.dumps(ONE)},\n\n{json.dumps(OTHER)}\n]\n", [2, 4]),
        (f"[{json.dumps(ONE)}]\n[{json.dumps(OTHER)}]", [1, 2]),
        (json.dumps([ONE, OTHER], indent=4, ensure_ascii=False), None),
    ],
)
def test_lines_documents_and_arrays_hold_the_same_events(
    tmp_path: Path, text: str, numbers: list[int] | None
) -> None:
    found = read(tmp_path / "file", text.encode())
    assert [json.loads(record.value or b"") for _, record in found] == [ONE, OTHER]
    if numbers is not None:
        assert [place.line for place, _ in found] == numbers
    lines = text.split("\n")
    for place, record in found:
        assert lines[place.line - 1].strip() in (record.value or b"").decode() or "[" in lines[0]
        assert (record.topic, record.key) == ("comment-events", b"article-1")
    gz = tmp_path / "file.gz"
    gz.write_bytes(gzip.compress(text.encode()))
    assert list(given_events.given_events(str(gz), load_contracts())) == found


def test_an_event_is_read_as_it_was_written(tmp_path: Path) -> None:
    odd = '{"a": 1,\n "a": 1.50, "b": 99999999999999999999, "c": "\\ud800"}'
    ((place, record),) = read(tmp_path / "file", f"[ {odd} ]".encode())
    assert (str(place), record.value) == ("line 1, [0]", odd.encode())


@pytest.mark.parametrize(
    ("raw", "values"),
    [
        (b"", []),
        (b"[]", []),
        (b"{}\n{", [b"{}", b"{"]),
        (b"{]\n{}", [b"{]", b"{}"]),
        (b"[{},\n", [b"[{},"]),
        (b"{\n}}", [b"{\n}}"]),
        (b"[\n{} {}]", [b"[\n{} {}]"]),
        (b"1\n\xff", [b"1", b"\xff"]),
        (b"[" * 100_000, [b"[" * 100_000]),
        (b'"a"\nnull', [b'"a"', b"null"]),
    ],
)
def test_what_is_not_json_comes_line_by_line_but_a_broken_document_once(
    tmp_path: Path, raw: bytes, values: list[bytes]
) -> None:
    assert [record.value for _, record in read(tmp_path / "file", raw)] == values


def test_a_file_that_is_too_large_for_documents_is_read_line_by_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(given_events, "_MAX_DOCUMENT_BYTES", 20)
    raw = b"[\n" + b",\n".join([b"{}"] * 10) + b"\n]"
    assert [record.value for _, record in read(tmp_path / "file", raw)] == raw.split(b"\n")


@pytest.mark.parametrize("event_type", load_contracts().event_types)
def test_valid_examples_are_read_with_their_headers_and_keys(event_type: str) -> None:
    path = SCHEMAS / "examples" / f"{event_type}.json"
    found = list(given_events.given_events(str(path), load_contracts()))
    assert len(found) == len(example_documents(event_type)["valid"])
    for _, record in found:
        result = load_contracts().decode(record._replace(timestamp=1_793_491_200_000))
        assert isinstance(result, Event), result


def test_the_key_of_data_in_base64_is_found(tmp_path: Path) -> None:
    text = base64.b64encode(json.dumps(data()).encode()).decode()
    raw = json.dumps(cloud_event(data=None, data_base64=text)).encode()
    ((_, record),) = read(tmp_path / "file", raw)
    assert record.key == b"article-1"


def test_the_key_of_an_event_without_an_article_is_the_person(tmp_path: Path) -> None:
    events = [
        cloud_event(type="commenter.erased.v1", data={**person, "erased_at": TIME})
        for person in ({"user_id": "reader-1"}, {"user_id": None, "anonymous_id": "cookie-1"})
    ]
    found = read(tmp_path / "file", json.dumps(events).encode())
    assert [(record.topic, record.key) for _, record in found] == [
        ("comment-events", b"reader-1"),
        ("comment-events", b"cookie-1"),
    ]
    for _, record in found:
        assert isinstance(
            load_contracts().decode(record._replace(timestamp=TIMESTAMP_MILLISECONDS)), Event
        )


def test_misspelt_members_are_warnings_with_the_name_that_was_meant(validate: Run) -> None:
    noted = json.loads(report(text="It is spam.").value or b"")
    for event, warning in (
        (cloud_event(data=data(parentCommentId="c0")),
         "/data/parentCommentId is read by nothing; did you mean parent_comment_id?"),
        (cloud_event(data=data(author={**data()["author"], "Role": "staff"})),
         "/data/author/Role is read by nothing; did you mean role?"),
        (cloud_event(Subject="comment-1"), "/Subject is read by nothing; did you mean subject?"),
        (noted, "/data/text is read by nothing; not given here: note, law."),
    ):  # fmt: skip
        status, out, err = validate([event, event], "--at", "2026-11-01T00:00:00Z")
        assert (status, out) == (0, [])
        assert err == [
            f"line 2, [0]: warning: {warning}",
            "2 events: 2 valid, 0 bad.",
            "Events with members that nothing reads: 2. --strict rejects them.",
        ]
        status, out, err = validate([event, event], "--strict", "--at", "2026-11-01T00:00:00Z")
        assert status == 1
        assert out[0] == f"line 2, [0]: unknown_member {warning}"
        assert len(out) == 2
        assert err == ["2 events: 0 valid, 2 bad."]


def test_extensions_and_members_that_are_known_are_no_warnings(validate: Run) -> None:
    event = cloud_event(traceparent="x", partitionkey="article-1", data=data(held=True))
    assert validate(event, "--strict", "--at", "2026-11-01T00:00:00Z")[0] == 0


def test_many_unknown_names_are_cut_short(validate: Run) -> None:
    event = cloud_event(data={**data(), **{f"x{n}": 1 for n in range(150)}, "\x1b" * 99: 1})
    status, _, err = validate(event)
    assert status == 0
    assert len(err) == 100 + 3
    assert err[100] == "Further names are not listed."
    assert all("\x1b" not in line for line in err)


def test_all_faults_are_printed_on_request(validate: Run) -> None:
    event = cloud_event(data=data(body="", comment_id=5, coment="x"))
    first = "schema_violation /data/comment_id comment_id must be of type string, but is a number."
    status, out, _ = validate(event)
    assert (status, out) == (1, [f"line 1: {first}"])
    status, out, err = validate([event], "--all-faults", "--strict", "--json")
    assert status == 1
    assert [(each["code"], each["pointer"]) for each in map(json.loads, out)] == [
        ("schema_violation", "/data/comment_id"),
        ("schema_violation", "/data/body"),
        ("unknown_member", "/data/coment"),
    ]
    assert err == ["1 event: 0 valid, 1 bad."]


@pytest.mark.parametrize("options", [(), ("--strict",), ("--all-faults",)])
def test_what_was_meant_stands_with_the_member_that_is_missing(
    validate: Run, options: tuple[str, ...]
) -> None:
    given = data(boddy="Hello")
    del given["body"]
    status, out, _ = validate(cloud_event(data=given), *options)
    assert status == 1
    assert out[0] == (
        "line 1: schema_violation /data/body body is missing. /data/boddy is read by nothing; did"
        " you mean body?"
    )
    del given["boddy"]
    status, out, _ = validate(cloud_event(data={**given, "x": 1}), *options)
    assert out[0].endswith(
        "/data/x is read by nothing; not given here: body, parent_comment_id, held."
    )
    status, out, _ = validate(cloud_event(data=given), *options)
    assert out == ["line 1: schema_violation /data/body body is missing."]


@pytest.mark.parametrize(
    ("raw", "places"),
    [
        (json.dumps([ONE, {}]).encode(), ["line 1, [1]"]),
        (b"[\n{},\n" + json.dumps(ONE).encode() + b"]\n[{}]", ["line 2, [0]", "line 4, [0]"]),
        (PRETTY.encode(), ["line 4, column 13"]),
        (f"[\n\n{PRETTY}\n]".encode(), ["line 6, column 13"]),
        (f"{json.dumps(ONE, indent=1)}\n{PRETTY[:-1]}".encode(), ["line 21, column 13"]),
        (f"\ufeff{json.dumps(ONE, indent=1)}".encode(), ["line 1, column 1"]),
        (f"\ufeff[{json.dumps(ONE)},\n{json.dumps(OTHER)}]".encode(), ["line 1, column 1"]),
        (f"\ufeff{json.dumps(ONE)}\n{json.dumps(ONE)}".encode(), ["line 1"]),
    ],
)
def test_a_fault_is_found_in_its_file(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    raw: bytes,
    places: list[str],
) -> None:
    (tmp_path / "file").write_bytes(raw)
    monkeypatch.setattr(sys, "argv", ["btl", "validate", str(tmp_path / "file")])
    with pytest.raises(SystemExit):
        main.main()
    found = [line.partition(": ")[0] for line in capsys.readouterr().out.splitlines()]
    assert found == places


def test_an_example_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text(
        json.dumps({"valid": {"fine": {"record": {"value": "{"}}}, "invalid": {}}, indent=1)
    )
    for options in ((), ("--json",)):
        monkeypatch.setattr(sys, "argv", ["btl", "validate", str(tmp_path / "file"), *options])
        with pytest.raises(SystemExit):
            main.main()
    text, document = capsys.readouterr().out.splitlines()
    assert text.startswith("line 1, example fine: ")
    assert json.loads(document)["example"] == "fine"


def test_a_file_without_events_is_a_fault(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("\n[]\n")
    monkeypatch.setattr(sys, "argv", ["btl", "validate", str(tmp_path / "file")])
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert ended.value.code == 1
    assert "has no events. Give one" in capsys.readouterr().err


class FakePublisher:
    """Keeps what is sent."""

    sent: ClassVar[list[Outgoing]] = []

    def __init__(self, _: object) -> None:
        self.sent.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def send(self, message: Outgoing) -> None:
        self.sent.append(message)

    def flush(self) -> None:
        pass


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Outgoing]:
    """What `btl produce` sends."""
    monkeypatch.setattr(produce, "Publisher", FakePublisher)
    return FakePublisher.sent


def test_events_of_the_output_topic_are_not_produced(
    sent: list[Outgoing], capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(SCHEMAS / "examples" / "discussion.closed.v1.json")
    with pytest.raises(BelowTheLineError, match="only the closing DAG writes to discussion-events"):
        produce.produce(file)
    assert sent == []
    produce.produce(file, unchecked=True)
    assert {each.topic for each in sent} == {"discussion-events"}
    assert "No contract accepts 0 of them" in capsys.readouterr().err


def test_an_event_that_is_not_sent_says_what_was_meant(
    sent: list[Outgoing], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    bad = data(boddy="Hello")
    del bad["body"]
    file = tmp_path / "file"
    file.write_text(json.dumps([cloud_event(), cloud_event(data=bad)]))
    with pytest.raises(BelowTheLineError, match="did you mean body") as error:
        produce.produce(str(file))
    assert str(error.value).startswith("Line 1, [1] is not sent: schema_violation /data/body")
    assert len(sent) == 1
    produce.produce(str(file), unchecked=True)
    assert len(sent) == 2
    assert "2 events sent. No contract accepts 1 of them: dead letters." in capsys.readouterr().err
