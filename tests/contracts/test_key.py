"""The key of a record: the member that topics.yaml names for its type. An event about a person
names no article.
"""

from dataclasses import replace
from typing import Any

import pytest

from below_the_line.catalogue import load_contracts, topics
from below_the_line.contracts.events import Record, Rejection
from btl.evolution.comparison import breaking_changes
from btl.evolution.release import present
from tests.builders import WRITINGS
from tests.builders import record as written
from tests.contracts.records import accept, refuse, structured
from tests.contracts.records import cloud_event as envelope
from tests.contracts.test_fast_path import EXACT

TYPE = "commenter.erased.v1"
TIME = "2026-05-01T10:00:00Z"
USER = {"user_id": "reader-1", "erased_at": TIME}
ANONYMOUS = {"anonymous_id": "cookie-1", "erased_at": TIME}


def erasure(key: bytes | None, **content: Any) -> Record:
    return structured(envelope(type=TYPE, time=TIME, data={"erased_at": TIME, **content}), key=key)


def test_each_type_is_keyed_by_its_article_but_for_one_that_names_none() -> None:
    keys = {
        event_type: topic.key_of(event_type)
        for topic in topics()
        for event_type in topic.event_types
    }
    assert keys.pop(TYPE) == ("user_id", "anonymous_id")
    assert set(keys.values()) == {("article_id",)}


@pytest.mark.parametrize("writing", WRITINGS)
@pytest.mark.parametrize(("content", "key"), [(USER, b"reader-1"), (ANONYMOUS, b"cookie-1")])
def test_an_erasure_is_keyed_by_the_person_and_names_no_article(
    content: dict[str, Any], key: bytes, writing: str
) -> None:
    sent = written(TYPE, content, at=TIME, writing=writing)
    assert sent.key == key
    event = accept(sent)
    assert (event.type, event.article_id) == (TYPE, "")
    assert (event.data.user_id, event.data.anonymous_id) == (
        content.get("user_id"),
        content.get("anonymous_id"),
    )
    assert event == EXACT.decode(sent)


def test_an_article_that_an_erasure_names_all_the_same_is_a_member_that_nothing_reads() -> None:
    event = accept(erasure(b"reader-1", user_id="reader-1", article_id="article-1"))
    assert event.article_id == ""
    # It need not be a text.
    assert accept(erasure(b"reader-1", user_id="reader-1", article_id=7)).article_id == ""
    assert refuse(erasure(b"article-1", user_id="reader-1", article_id="article-1")).message == (
        "The record's key must be the user_id, byte for byte, but it is the event's article_id."
    )


@pytest.mark.parametrize(
    ("content", "key", "found"),
    [
        ({"user_id": "r"}, None, "/data/user_id: there is none"),
        ({"user_id": "r"}, b"", "/data/user_id: it is empty"),
        ({"user_id": "r"}, b"R ", "/data/user_id: it differs in case, blanks or Unicode normal"),
        ({"anonymous_id": "c"}, b'"c"', "/data/anonymous_id: it is the anonymous_id in JSON quo"),
        ({"anonymous_id": "c"}, b"event-1", "/data/anonymous_id: it is the event's id"),
        ({"anonymous_id": "c", "user_id": None}, b"r", "/data/anonymous_id: it is another text"),
    ],
)
def test_a_key_that_is_not_the_person_is_a_mismatch_at_the_id_that_is_given(
    content: dict[str, Any], key: bytes | None, found: str
) -> None:
    pointer, what = found.split(": ")
    sent = erasure(key, **content)
    result = refuse(sent)
    assert (result.code, result.pointer, result.schema_version) == ("key_mismatch", pointer, TYPE)
    name = pointer.removeprefix("/data/")
    assert result.message.startswith(
        f"The record's key must be the {name}, byte for byte, but {what}"
    )
    assert load_contracts().faults(sent) == [result]


@pytest.mark.parametrize(
    ("content", "key", "codes"),
    [
        ({}, b"r", ["schema_violation"]),
        ({"user_id": None, "anonymous_id": None}, b"r", ["schema_violation"]),
        ({"user_id": "r", "anonymous_id": "c"}, b"c", ["schema_violation"]),
        ({"user_id": "r", "anonymous_id": "c"}, b"x", ["schema_violation", "key_mismatch"]),
        ({"user_id": 7}, b"7", ["schema_violation"]),
        ({"user_id": "é" * 101}, ("é" * 101).encode(), ["schema_violation"]),
        ({"user_id": "r", "erased_at": None}, b"x", ["schema_violation", "key_mismatch"]),
        ({"user_id": "r", "erased_at": "2099-01-01T00:00:00Z"}, b"r", ["time_out_of_range"]),
    ],
)
def test_exactly_one_person_and_one_past_moment_are_named(
    content: dict[str, Any], key: bytes, codes: list[str]
) -> None:
    sent = erasure(key, **content)
    assert refuse(sent).code == codes[0]
    assert [fault.code for fault in load_contracts().faults(sent)] == codes


def test_a_message_says_that_exactly_one_id_is_wanted() -> None:
    both = refuse(erasure(b"r", user_id="r", anonymous_id="c"))
    assert both.pointer == "/data"
    assert "exactly one of user_id and anonymous_id" in both.message


def test_the_key_rule_follows_the_contract_that_it_is_given() -> None:
    contracts = load_contracts()
    assert contracts.key_of(TYPE, {"anonymous_id": "c", "article_id": "a"}) == "c"
    assert contracts.key_of("comment.posted.v1", {"article_id": "a", "user_id": "u"}) == "a"
    assert contracts.key_of("comment.posted.v1", {"article_id": 3}) is None
    assert contracts.key_of("comment.posted.v1", None) is None
    assert contracts.key_of("nothing.known.v1", {"article_id": "a"}) is None
    named = {name for name, each in contracts._contracts.items() if not each.names_article}
    assert named == {TYPE}


def test_another_key_breaks_a_release() -> None:
    now = present()
    promised = now.event_types[TYPE]
    assert promised.key == "user_id or anonymous_id"
    moved = {**now.event_types, TYPE: replace(promised, key="article_id")}
    (change,) = breaking_changes(now, replace(now, event_types=moved))
    assert str(change).startswith(
        f"{TYPE} has moved: its key was user_id or anonymous_id and is article_id"
    )


def test_no_erasure_is_read_by_the_fast_path_which_compares_the_article_alone() -> None:
    sent = written(TYPE, USER, at=TIME)
    assert load_contracts()._read_fast(sent) is None
    assert not isinstance(load_contracts().decode(sent), Rejection)
