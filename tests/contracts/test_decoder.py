"""What an event holds, and the order in which a record's faults count."""

import hashlib
import json
from datetime import UTC, datetime

import pytest

from below_the_line.contracts.events import order_key
from tests.builders import members
from tests.contracts.records import (
    TYPE,
    accept,
    article,
    cloud_event,
    code,
    data,
    report,
    structured,
)

MICROSECONDS = int(datetime(2026, 10, 1, 10, tzinfo=UTC).timestamp()) * 1_000_000


def test_an_event_carries_its_attributes_and_its_data() -> None:
    event = accept(
        structured(cloud_event(data=data(held=None, extra={"a": None}, parent_comment_id="c0")))
    )
    assert event.type == TYPE
    assert (event.id, event.source, event.article_id) == ("event-1", "/comments", "article-1")
    assert event.occurred_at == MICROSECONDS
    assert members(event.data) == {
        "article_id": "article-1",
        "comment_id": "comment-1",
        "author": {"user_id": "reader-1", "display_name": "Reader One", "role": "reader"},
        "body": "A comment: made up.",
        "posted_at": datetime(2026, 10, 1, 10, tzinfo=UTC),
        "held": False,
        "parent_comment_id": "c0",
    }


def test_null_is_absent_and_defaults_are_filled_in_where_they_are_nested_too() -> None:
    assert members(accept(article()).data) == {
        "article_id": "article-1",
        "url": "https://a.example/1",
        "headline": "h",
        "site": "default",
    }
    nested = accept(
        article(
            site=None,
            section=None,
            discussion={"enabled": None, "closes_at": None, "window_hours": 24.0},
        )
    )
    assert nested.data.site == "default"
    assert nested.data.section is None
    assert members(nested.data.discussion) == {"enabled": True, "window_hours": 24}
    assert type(nested.data.discussion.window_hours) is int
    assert accept(article(discussion=None)).data.discussion is None
    assert accept(article(discussion={"enabled": False})).data.discussion.enabled is False
    reporter = accept(report(reporter={"user_id": None, "anonymous_id": "x"})).data.reporter
    assert members(reporter) == {"anonymous_id": "x"}


def test_times_become_utc_truncated_to_microseconds() -> None:
    event = accept(
        structured(
            cloud_event(
                time="2026-10-01t12:00:00.1234569+02:00",
                data=data(posted_at="2016-12-31T23:59:60.5Z"),
            )
        )
    )
    assert event.occurred_at == MICROSECONDS + 123_456
    assert event.data.posted_at == datetime(2016, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    assert event.data.posted_at.tzinfo is UTC


def test_the_digest_is_that_of_the_documented_text() -> None:
    sent = (
        '{"specversion":"1.0","id":"e","source":"s","type":"comment.deleted.v1",'
        '"time":"2026-10-01T10:00:00.0000009Z",'
        '"data":{"z":1.50,"é":"\\u00e9\\n","comment_id":"c","article_id":"article-1",'
        '"deleted_at":"2026-10-01T10:00:00Z","n":null,"e":1E2}}'
    )
    canonical = (
        '{"article_id":"article-1","comment_id":"c","deleted_at":"2026-10-01T10:00:00Z","e":1E2,'
        '"n":null,"z":1.50,"é":"é\\n"}'
    )
    event = accept(structured(sent))
    expected = hashlib.sha256(f"comment.deleted.v1\n{MICROSECONDS}\n{canonical}".encode()).digest()
    assert event.digest == expected
    assert event.version == order_key(MICROSECONDS, "e", "s", expected)


@pytest.mark.parametrize(
    ("one", "other"), [("1.0", "1"), ("-0", "0"), ("1e2", "1E2"), ("100", "1e2"), ("0.10", "0.1")]
)
def test_numbers_count_as_they_were_written(one: str, other: str) -> None:
    text = json.dumps(cloud_event(data=data(extra="N")))
    first, second = (accept(structured(text.replace('"N"', number))) for number in (one, other))
    assert first.digest != second.digest


def test_faults_count_in_their_order() -> None:
    worse: list[tuple[str, bytes]] = [
        ("too_large", b"\xff" * 262_145),
        ("not_utf8", b"[" * 33 + b"\xff"),
        ("too_deep", b"[" * 33 + b"nope"),
        ("not_json", b'{"a":1,"a":99999999999999999999'),
        ("duplicate_key", b'{"a":1,"a":99999999999999999999}'),
        ("number_out_of_range", b'["\\u0000",99999999999999999999]'),
        ("nul_character", b'["\\ud800","\\u0000"]'),
        ("lone_surrogate", b'["\\ud800"]'),
        ("not_cloudevent", b"[]"),
    ]
    for expected, raw in worse:
        assert code(structured(raw)) == expected
    assert code(structured(b"[", key=b"\xff")) == "not_utf8"
    assert code(structured(b"[", key=b"\0")) == "not_json"
    assert code(structured(b'["\\ud800"]', key=b"\0")) == "nul_character"
    assert code(structured(b"", key=b"\xff")) == "no_value"
    both = cloud_event(id="", type="nope")
    assert code(structured(both)) == "not_cloudevent"
    late = "2099-01-01T00:00:00Z"
    assert code(structured(cloud_event(time=late, type="nope"))) == "unknown_type"
    assert (
        code(structured(cloud_event(time=late, data=data(body="")), key=b"x")) == "schema_violation"
    )
    assert code(structured(cloud_event(time=late), key=b"x")) == "time_out_of_range"
    assert code(structured(cloud_event(), key=b"x")) == "key_mismatch"
