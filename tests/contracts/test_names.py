"""What a dead letter's record calls its event, as far as that can be read."""

import json
from typing import Any

import pytest

from below_the_line.catalogue import examples
from below_the_line.contracts.events import Record
from below_the_line.contracts.names import EventNames, event_names

STRUCTURED = {"source": "/cms", "type": "article.renamed.v1", "id": "e-1"}
NAMED = EventNames("/cms", "article.renamed.v1", "e-1")
NOTHING = EventNames(None, None, None)


def record(value: bytes | None, *headers: tuple[str, bytes | None]) -> Record:
    return Record("articles", 0, 0, 0, b"a", value, headers)


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (record(json.dumps(STRUCTURED).encode()), NAMED),
        (
            record(b"{}", ("ce_source", b"/cms"), ("ce_type", b"t"), ("ce_id", b"1")),
            EventNames("/cms", "t", "1"),
        ),
        # A content-type of structured mode counts more than stray headers.
        (
            record(
                json.dumps(STRUCTURED).encode(),
                ("ce_source", b"/stray"),
                ("content-type", b"application/cloudevents+json"),
            ),
            NAMED,
        ),
        # Headers can be read where the value cannot.
        (
            record(b"\x00\x00\x00\x00\x07{", ("ce_source", b"/cms"), ("ce_id", b"\xff")),
            EventNames("/cms", None, None),
        ),
        (
            record(json.dumps(STRUCTURED | {"id": 7, "type": ""}).encode()),
            EventNames("/cms", None, None),
        ),
        (
            record(json.dumps(STRUCTURED | {"id": "é" * 101, "type": "a\0b"}).encode()),
            EventNames("/cms", None, None),
        ),
        (
            record(json.dumps(STRUCTURED | {"id": "é" * 100}).encode()),
            NAMED._replace(event_id="é" * 100),
        ),
        # What is wrong elsewhere hides nothing.
        (
            record(b'{"source": "/cms", "id": "\\ud800", "type": "t", "data": [1e400, "\\udc00"]}'),
            EventNames("/cms", "t", None),
        ),
        (record(b"[" * 100_000), NOTHING),
        (record(None), NOTHING),
        (record(b"not JSON"), NOTHING),
        (record(b"[1]"), NOTHING),
        (record(json.dumps(STRUCTURED).encode() + b" " * 262_144), NOTHING),
    ],
)
def test_names_are_read_as_far_as_possible(given: Record, names: EventNames) -> None:
    assert event_names(given) == names


@pytest.mark.parametrize(
    "example", [*examples(valid=True)], ids=lambda each: f"{each.event_type}-{each.name}"
)
def test_valid_examples_have_all_names(example: Any) -> None:
    names = event_names(example.record)
    assert names.event_type == example.event_type
    assert None not in names


def test_no_invalid_example_is_too_bad_to_be_looked_at() -> None:
    for example in examples(valid=False):
        assert all(
            name is None or 0 < len(name.encode()) <= 200 for name in event_names(example.record)
        )
