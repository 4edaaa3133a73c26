"""What the messages say, and that they never repeat what was sent."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import given

from below_the_line.catalogue import examples, load_contracts
from below_the_line.contracts.events import Record, Rejection
from below_the_line.contracts.spelling import nearest
from tests.contracts.records import (
    STRUCTURED,
    article,
    binary,
    cloud_event,
    data,
    decode,
    override,
    refuse,
    report,
    structured,
)
from tests.prove.fuzzing import examples as known_events
from tests.prove.fuzzing import records as fuzzed

SECRET = "Xq7wVz"
"""Nothing that the software itself says has this in it, in whatever case."""
TEXTS = (
    SECRET,
    f"{SECRET} " * 50,
    f'"{SECRET}"',
    f'{{"{SECRET}":"{SECRET}"}}',
    f"2026-10-01T10:00:00{SECRET}",
    f"{SECRET}\0{SECRET}",
    f"{SECRET}\ud800",
    f"comment.{SECRET}.v1",
)


def said(record: Record) -> str:
    """All that is said of a record, by ``decode`` and by ``faults``."""
    first = decode(record)
    everything = load_contracts().faults(record)
    assert everything[:1] == ([first] if isinstance(first, Rejection) else [])
    return "\n".join(f"{each.pointer} {each.message} {each.schema_version}" for each in everything)


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield path
    members = value.items() if isinstance(value, dict) else ()
    for name, member in [*members, *(enumerate(value) if isinstance(value, list) else ())]:
        yield from places(member, (*path, name))


def changed(value: Any, path: tuple[str | int, ...], text: str, *, name: bool) -> Any:
    """The value with a text at this place, or with its member under another name."""
    if not path:
        return text
    copy: Any = list(value) if isinstance(value, list) else dict(value)
    if name and len(path) == 1 and isinstance(copy, dict):
        copy[text] = copy.pop(path[0])
    else:
        copy[path[0]] = changed(value[path[0]], path[1:], text, name=name)
    return copy


def written(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=True).encode()


@pytest.mark.parametrize("event", known_events(), ids=lambda event: str(event["id"]))
def test_a_secret_in_any_member_or_name_is_in_no_message(event: dict[str, Any]) -> None:
    contracts = load_contracts()
    topic = contracts.topic_of(event["type"]) or ""
    key = (contracts.key_of(event["type"], event["data"]) or "").encode()
    rejected = 0
    for path in places(event):
        for text in TEXTS:
            for name in (False, True):
                bad = changed(event, path, text, name=name)
                raw = written(bad)
                records = [structured(raw, topic=topic, key=key)]
                if isinstance(bad, dict) and "data" in bad:
                    encoded = base64.b64encode(written(bad.pop("data"))).decode()
                    records.append(
                        records[0]._replace(value=written({**bad, "data_base64": encoded}))
                    )
                for record in records:
                    message = said(record)
                    assert SECRET.lower() not in message.lower()
                    rejected += bool(message)
    assert rejected


@pytest.mark.parametrize("text", TEXTS)
def test_a_secret_in_key_headers_or_broken_bytes_is_in_no_message(text: str) -> None:
    raw = text.encode("utf-8", "surrogatepass")
    whole = written(cloud_event())
    plain = list(binary(cloud_event()).headers)
    twice = '{"' + SECRET + '":1,"' + SECRET + '":2}'
    for record in (
        structured(cloud_event(), key=raw),
        structured(cloud_event(data=data(article_id=SECRET)), key=raw),
        structured(cloud_event(data=data(**{f"{SECRET}_id": "k"})), key=b"k"),
        structured(raw),
        structured(b"\0\0\0\0\1" + raw),
        structured(whole[:40] + raw + whole[40:]),
        structured(whole + raw),
        structured(written(text)),
        structured(twice),
        structured(twice.replace("1", "9" * 40)),
        *(
            structured(cloud_event(), headers=[(name, raw), *more])
            for name in ("content-type", "ce_id", f"ce_{SECRET}", SECRET, f"{SECRET}\udcff")
            for more in ([], STRUCTURED, plain, [(name, raw)])
        ),
        structured(cloud_event(), headers=[("content-type", b"application/cloudevents+" + raw)]),
        structured(cloud_event(), headers=[("content-type", b"text/plain; charset=" + raw)]),
        *(
            binary(cloud_event(), headers=[*plain[:n], (plain[n][0], raw), *plain[n + 1 :]])
            for n in range(len(plain))
        ),
        override(action="extend", closes_at=text.encode("utf-8", "replace").decode()),
    ):
        assert SECRET.lower() not in said(record).lower(), record


@given(fuzzed(known_events()))
def test_all_faults_begin_with_the_one_that_counts(record: Record) -> None:
    said(record)


def test_every_invalid_example_has_its_fault_first() -> None:
    for example in examples(False):
        assert load_contracts().faults(example.record)[0].code == example.code
    for example in examples(True):
        assert load_contracts().faults(example.record) == []


def test_all_faults_of_an_event_can_be_asked_for() -> None:
    record = structured(
        {
            **cloud_event(subject=""),
            "time": "1980-01-01T00:00:00Z",
            "data": data(body="", author={"display_name": 5}, posted_at="1989-01-01T00:00:00Z"),
        },
        key=b"event-1",
    )
    found = load_contracts().faults(record)
    assert [(each.code, each.pointer) for each in found] == [
        ("not_cloudevent", "/subject"),
        ("schema_violation", "/data/author/user_id"),
        ("schema_violation", "/data/author/display_name"),
        ("schema_violation", "/data/body"),
        ("time_out_of_range", "/time"),
        ("time_out_of_range", "/data/posted_at"),
        ("key_mismatch", "/data/article_id"),
    ]
    both = override(action="extend", closes_at="2026-01-01T00:00:00Z", decided_by="")
    assert [each.pointer for each in load_contracts().faults(both)] == [
        "/data/decided_by",
        "/data/closes_at",
    ]


def wrapped(content: Any) -> dict[str, Any]:
    return {"schema": {"type": "struct"}, "payload": content}


@pytest.mark.parametrize(
    ("record", "words"),
    [
        # Headers that are not those of Kafka.
        (structured(data(), headers=[("ce-specversion", b"1.0")]), "the prefix is ce_."),
        (structured(data(), headers=[("CE_SPECVERSION", b"1.0")]), "ce_ in lower case."),
        (structured(data(), headers=[("cloudEvents_id", b"1")]), "as of AMQP"),
        (
            binary(
                cloud_event(),
                headers=[("ce_specversion", b"1.0"), ("ce-id", b"event-1"), ("CE_TYPE", b"x")],
            ),
            "/id The attribute id must be a text that is not empty, but is missing. There are ce-…",
        ),
        # Spring writes headers of other types as JSON.
        (binary(cloud_event(time='"2026-10-01T10:00:00Z"')), "It stands in quotes"),
        (binary(cloud_event(specversion='"1.0"')), "It stands in quotes"),
        # Other forms of events and of values.
        (structured(data(), headers=[("content-type", b"application/cloudevents-batch+json")]),
         "It is a batch"),
        (structured(b"\0\0\0\0\x07" + written(cloud_event())), "a schema registry"),
        (structured(b"\0\0\0\1\xff" + written(cloud_event())), "a schema registry"),
        (structured(cloud_event(), key=b"\0\0\0\0\x07article-1"), "a schema registry"),
        (structured(b"\xef\xbb\xbf" + written(cloud_event())), "a byte order mark"),
        (structured(b"\x1f\x8b\x08\0"), "compressed (gzip)"),
        (structured(wrapped(cloud_event()), headers=()), "Kafka Connect's envelope"),
        (structured(cloud_event(data=wrapped(data()))), "/data/article_id article_id is missing. It"
         " looks like Kafka Connect's envelope"),
        (binary(cloud_event(data=wrapped(data()))), "set json.schemas.enable=false"),
        (structured(cloud_event(data=json.dumps(data()))), "serialized twice"),
        (binary(cloud_event(), value=written(json.dumps(data()))), "serialized twice"),
        (structured(written(json.dumps(cloud_event()))), "serialized twice"),
        (structured({**cloud_event(data=None), "data_base64": base64.b64encode(
            written(json.dumps(data()))).decode()}), "serialized twice"),
        # Names in other spellings.
        (structured({"specVersion": "1.0"}, headers=()), "another spelling"),
        (structured({**cloud_event(source=None), "Source": "x"}), "another spelling"),
        (structured(cloud_event(data={"articleId": "article-1"})), "another spelling"),
        # Times.
        (structured(cloud_event(time=None)), "optional in CloudEvents, and needed here"),
        (structured(cloud_event(time="2026-10-01T10:00:00")), "It has no offset"),
        (structured(cloud_event(time="2026-10-01 10:00:00Z")), "a blank where the T belongs"),
        (structured(cloud_event(time="1790848800000")), "since 1970"),
        (structured(cloud_event(time="2026-10-01T10:00:00+0100")), "such as +01:00"),
        (structured(cloud_event(time="2026-10-01T10:00:00+00:19:32")), "such as +01:00"),
        (structured(cloud_event(time="2026-10-01")), "a date without a time"),
        (structured(cloud_event(time="2026-10-01T10:00Z")), "It has no seconds"),
        (structured(cloud_event(time="2026-02-30T10:00:00Z")), "There is no such day"),
        (structured(cloud_event(data=data(posted_at="2026-10-01T10:00:60Z"))), "A second 60"),
        (structured(cloud_event(time="2026-12-01T11:00:00+01:00")), "but is 2026-12-01T10:00:00Z."
         " The record's own timestamp is 2026-11-01T00:00:00Z."),
        (structured(cloud_event(time="2026-12-01T10:00:00.25Z")), "is 2026-12-01T10:00:00.250Z."),
        (structured(cloud_event(), timestamp=-1), "The record's own timestamp is"
         " 1970-01-01T00:00:00Z: it has none that is right. It can't be redriven"),
        # Types, topics and values of closed lists.
        (structured(cloud_event(type="comment_posted.v1")), "The nearest one is comment.posted.v1"),
        (structured(cloud_event(type="comment.posted.v2")), "The nearest one is comment.posted.v1"),
        (structured(cloud_event(type="reaction.add.v1")), "The nearest one is reaction.added.v1"),
        (structured(cloud_event(type="sms")), "3 characters, is not known and resembles"),
        (structured(cloud_event(), topic="articles"), "belong to topic comment-events, not"),
        (report(reason="Spam"), "The nearest is spam."),
        (article(discussion={"window_hours": 0}), "must be at least 1, but is a number."),
        # Keys.
        (structured(cloud_event(), key=None), "byte for byte, but there is none."),
        (structured(cloud_event(), key=b""), "but it is empty."),
        (structured(cloud_event(), key=b'"article-1"'), "the article_id in JSON quotes"),
        (structured(cloud_event(), key=b'{"schema":1,"payload":"article-1"}'), "a JSON object"),
        (structured(cloud_event(), key=b"Article-1 "), "differs in case, blanks or Unicode"),
        (structured(cloud_event(), key=b"comment-1"), "but it is the event's comment_id."),
        (structured(cloud_event(), key=b"event-1"), "but it is the event's id."),
        (structured(cloud_event(), key=b"other"), "but it is another text of 5 characters."),
        # Where it is.
        (structured('{"a":"' + "ä" * 3 + '\\u0000"}'), "U+0000, as an escape at byte 12;"),
        (structured('{"a":"\\\\u0000 \\ud83d\\ude00 \\ud83d"}'), "U+D83D, at byte 27."),
        (structured(cloud_event(), key=b"ab\0"), "The key contains U+0000, at byte 2;"),
        (binary(cloud_event(id="a\0")), "The header ce_id contains U+0000, at byte 1;"),
        (structured('{"body":{"x":"body:"},"body" :1}'), "The name body comes twice in one object,"
         " the second time at byte 22 "),
        (structured('{"abc":1,"\\u0061bc":1}'), "A name of 3 characters comes twice in one"
         " object, the second time at byte 9 "),
        (structured('{"1":12,"a":[123456789012345678901]}'),
         "The number at byte 13 of the value, with 21 digits, is too large"),
        (structured(b"[1,\xff]"), "The value is not UTF-8: invalid start byte at byte 3."),
    ],
)  # fmt: skip
def test_a_message_says_what_it_looks_like_and_where(record: Record, words: str) -> None:
    result = refuse(record)
    assert words in f"{result.pointer} {result.message}", result.message
    assert len(result.message) < 400


def test_a_time_is_said_with_a_z_and_a_record_that_has_none_says_the_same_after_a_redrive() -> None:
    for timestamp in (-1, -(2**63)):
        kept = structured(cloud_event(), timestamp=0)
        assert decode(kept) == decode(kept._replace(timestamp=timestamp))
    result = refuse(article(published_at="0000-01-01T00:00:00Z"))
    assert "but is outside of the years 1 to 9999." in result.message


def test_a_name_is_near_if_case_separators_or_few_letters_differ() -> None:
    known = ("parent_comment_id", "comment_id", "held", "note")
    assert nearest("parentCommentId", known) == "parent_comment_id"
    assert nearest("Comment-ID", known) == "comment_id"
    assert nearest("coment_id", known) == "comment_id"
    assert nearest("text", known) is None
    assert nearest("x" * 65, ("x" * 66,)) is None


def test_a_flood_of_unknown_types_is_compared_once_a_type() -> None:
    contracts = load_contracts()
    raw = orjson.dumps(cloud_event(type="comment.pinned.v1"))
    contracts.decode(structured(raw))
    before = contracts._nearest_type.cache_info().misses
    for _ in range(100):
        contracts.decode(structured(raw))
    assert contracts._nearest_type.cache_info().misses == before
