"""What each type's data must be, beyond and within its schema."""

import dataclasses
import json
import time
from datetime import UTC, datetime, timedelta

import pytest

from below_the_line.catalogue import load_contracts
from below_the_line.contracts.events import Record, Rejection
from tests.contracts.records import (
    TIME,
    TIMESTAMP,
    TIMESTAMP_MILLISECONDS,
    TYPE,
    accept,
    article,
    binary,
    cloud_event,
    code,
    data,
    decode,
    of_type,
    override,
    refuse,
    report,
    structured,
)


def iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def test_data_is_a_json_object() -> None:
    for event, pointer in (
        (cloud_event(data=None), "/data"),
        ({**cloud_event(), "data": None}, "/data"),
        (cloud_event(data=[]), "/data"),
        (cloud_event(data="{}"), "/data"),
        (cloud_event(data_base64="e30="), "/data_base64"),
        (cloud_event(data=None, data_base64="e30="), "/data/article_id"),
        (cloud_event(data={}), "/data/article_id"),
    ):
        result = refuse(structured(event))
        assert (result.code, result.pointer, result.schema_version) == (
            "schema_violation",
            pointer,
            TYPE,
        )
    for value in ("[]", "1", "null", '"x"'):
        assert refuse(binary(cloud_event(), value=value.encode())).pointer == "/data"
    accept(structured({**cloud_event(), "data_base64": None}))


def test_of_several_faults_the_first_in_the_order_of_the_schema_is_named() -> None:
    several = data(body="", author={"display_name": 5}, comment_id="ö" * 101, posted_at="x")
    pointers = []
    for mended in ({}, {"comment_id": "c"}, {"author": {"user_id": "u", "display_name": 5}},
                   {"author": {"user_id": "u", "display_name": "n"}}, {"body": "b"}):  # fmt: skip
        several |= mended
        pointers.append(
            refuse(structured(cloud_event(data=dict(reversed(several.items()))))).pointer
        )
    assert pointers == [
        "/data/comment_id",
        "/data/author/user_id",
        "/data/author/display_name",
        "/data/body",
        "/data/posted_at",
    ]


def test_a_pointer_names_what_is_most_useful() -> None:
    for record, pointer in (
        (report(reporter={}), "/data/reporter"),
        (report(reporter={"user_id": "a", "anonymous_id": "b"}), "/data/reporter"),
        (report(reporter={"user_id": 5}), "/data/reporter/user_id"),
        (report(reporter={"user_id": "ö" * 101}), "/data/reporter/user_id"),
        (report(reporter=None), "/data/reporter"),
        (report(reason="other"), "/data/note"),
        (report(reason="other", note=""), "/data/note"),
        (report(reason="illegal_content", law=None), "/data/law"),
        (article(bylines=["a", None]), "/data/bylines/1"),
        (article(discussion={"closes_at": TIME, "window_hours": 1}), "/data/discussion"),
        (article(discussion={"closes_at": 5, "window_hours": 1}), "/data/discussion/closes_at"),
        (article(discussion={"closes_at": "soon"}), "/data/discussion/closes_at"),
    ):
        result = refuse(record)
        assert (result.code, result.pointer) == ("schema_violation", pointer)


def test_a_hundred_thousand_faults_take_hardly_longer_than_one() -> None:
    many = article(topics=[*["t"] * 100, *[1] * 40_000], bylines=[2] * 40_000, headline="")
    started = time.process_time()
    assert refuse(many).pointer == "/data/headline"
    assert refuse(article(topics=[*["t"] * 100, *[1] * 80_000])).pointer == "/data/topics/100"
    assert time.process_time() - started < 0.5  # it was more than a second each


def test_texts_have_at_least_one_character_and_a_blank_is_one() -> None:
    accept(structured(cloud_event(data=data(body=" "))))
    accept(report(reason="other", note=" "))
    accept(report(reason="spam", note="", law=""))
    accept(article(topics=[], bylines=[""]))
    assert code(article(headline="")) == "schema_violation"
    assert code(article(section="")) == "schema_violation"


@pytest.mark.parametrize("member", ["article_id", "comment_id", "parent_comment_id"])
def test_ids_have_1_to_200_bytes(member: str) -> None:
    for fits, too_long in (("x" * 200, "x" * 201), ("ö" * 100, "ö" * 101), ("🙂" * 50, "🙂" * 51)):
        content = data(**{member: fits})
        accept(structured(cloud_event(data=content), key=content["article_id"].encode()))
        result = refuse(structured(cloud_event(data=data(**{member: too_long}))))
        assert (result.code, result.pointer) == ("schema_violation", f"/data/{member}")
    assert code(structured(cloud_event(data=data(**{member: ""})))) == "schema_violation"


def test_a_reaction_has_at_most_64_bytes_and_no_white_space() -> None:
    def reaction(token: str) -> Record:
        return of_type(
            "reaction.added.v1",
            {"comment_id": "c", "user_id": "u", "reaction": token, "reacted_at": TIME},
        )

    for good in ("x" * 64, "👍" * 16, "+1", "ö"):
        accept(reaction(good))
    for bad in (
        "x" * 65,
        "👍" * 16 + "x",
        "a b",
        "a\n",
        "\t",
        "a\u00a0",
        "a\u2028",
        "a\u3000",
        "a\u0085",
        "",
    ):
        assert refuse(reaction(bad)).pointer == "/data/reaction"


def test_a_url_is_absolute_and_has_no_blanks() -> None:
    for good in ("http://a", "HTTPS://a.example/b?c=d#e", "https://münchen.example/ö"):
        accept(article(url=good))
    for bad in (
        "",
        "a",
        "/a",
        "//a/b",
        "ftp://a",
        "http:a",
        "http://",
        "https:///a",
        "http://a b",
        " http://a",
        "http://a\n",
    ):
        assert refuse(article(url=bad)).pointer == "/data/url"


def test_a_language_is_a_tag() -> None:
    for good in ("en", "pt-BR", "zh-Hant-TW", "de-1996", "i-klingon"[2:]):
        accept(article(language=good))
    for bad in ("", "e", "en_GB", "en-", "-en", "en-abcdefghi", "abcdefghi", "en\n", "ën"):
        assert refuse(article(language=bad)).pointer == "/data/language"


def test_window_hours_is_a_whole_number_from_1_to_87_600() -> None:
    for good in (1, 87_600, 24.0, 1e3):
        accept(article(discussion={"window_hours": good}))
    for bad in (0, -1, 87_601, 1.5, "24", True, [24]):
        assert (
            refuse(article(discussion={"window_hours": bad})).pointer
            == "/data/discussion/window_hours"
        )


def test_extend_and_reopen_need_a_later_closing_time() -> None:
    before, after = "2026-10-01T09:59:59Z", "2026-10-01T10:00:00.000001Z"
    for action, closes_at, good in (
        ("extend", after, True),
        ("extend", TIME, False),
        ("extend", before, False),
        ("extend", None, False),
        ("reopen", after, True),
        ("reopen", None, True),
        ("reopen", TIME, False),
        ("reopen", "2026-10-01T12:00:00+02:00", False),
        ("close", before, True),
        ("clear", before, True),
        ("hold", TIME, True),
        ("release", None, True),
    ):
        result = decode(override(action=action, closes_at=closes_at))
        assert isinstance(result, Rejection) != good, (action, closes_at)
        if isinstance(result, Rejection):
            assert (result.code, result.pointer) == ("schema_violation", "/data/closes_at")


LATEST = TIMESTAMP + timedelta(minutes=5)
STEP = timedelta(microseconds=1)
BEGINNING = datetime(1990, 1, 1, tzinfo=UTC)
END_OF_2100 = datetime(2100, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)


@pytest.mark.parametrize(
    ("pointer", "latest"),
    [("/time", LATEST), ("/data/posted_at", LATEST),
     ("/data/published_at", TIMESTAMP + timedelta(days=400)),
     ("/data/updated_at", LATEST), ("/data/discussion/closes_at", END_OF_2100)],
)  # fmt: skip
def test_the_bounds_of_times_are_inclusive(pointer: str, latest: datetime) -> None:
    def at(moment: str) -> Record:
        name = pointer.rpartition("/")[2]
        if name == "time":
            return structured(cloud_event(time=moment))
        if name == "posted_at":
            return structured(cloud_event(data=data(posted_at=moment)))
        return (
            article(discussion={name: moment})
            if "discussion" in pointer
            else article(**{name: moment})
        )

    accept(at(iso(BEGINNING)))
    accept(at(iso(latest)))
    accept(
        at(
            iso(latest).replace("Z", "999Z")
            if latest.microsecond
            else iso(latest).replace("Z", ".0000009Z")
        )
    )
    for moment in (
        iso(BEGINNING - STEP),
        iso(latest + STEP),
        "0000-01-01T00:00:00Z",
        "9999-12-31T23:59:59-23:59",
    ):
        result = refuse(at(moment))
        assert (result.stage, result.code, result.pointer) == (
            "contract",
            "time_out_of_range",
            pointer,
        )
        assert result.schema_version is not None


def test_bounds_are_compared_in_utc_and_leap_seconds_stay_in_their_year() -> None:
    accept(article(discussion={"closes_at": "2101-01-01T01:59:59+02:00"}))
    assert (
        code(article(discussion={"closes_at": "2100-12-31T23:59:59-00:01"})) == "time_out_of_range"
    )
    accept(article(discussion={"closes_at": "2100-12-31T23:59:60.9Z"}))
    accept(structured(cloud_event(time="1989-12-31T23:00:00-01:00")))
    assert code(structured(cloud_event(time="1990-01-01T00:59:59+01:00"))) == "time_out_of_range"


@pytest.mark.parametrize("timestamp", [-1, -(2**63), 0, 2**63 - 1, 253_402_300_800_000])
def test_odd_record_timestamps_do_no_harm(timestamp: int) -> None:
    for moment in (TIME, "9999-12-31T23:59:59-23:59", "0000-01-01T00:00:00Z"):
        decode(
            structured(cloud_event(time=moment, data=data(posted_at=moment)), timestamp=timestamp)
        )
        decode(article(published_at=moment)._replace(timestamp=timestamp))
    assert code(structured(cloud_event(), timestamp=0)) == "time_out_of_range"


def test_the_key_is_the_article_id_byte_for_byte() -> None:
    composed, decomposed = "é", "e\u0301"
    accept(structured(cloud_event(data=data(article_id=composed)), key=composed.encode()))
    for key in (decomposed.encode(), b"", None, b"E", "é ".encode()):
        result = refuse(structured(cloud_event(data=data(article_id=composed)), key=key))
        assert (result.code, result.pointer, result.schema_version) == (
            "key_mismatch",
            "/data/article_id",
            TYPE,
        )


def test_messages_are_short_and_can_be_stored_whatever_was_sent() -> None:
    long = "🙂\u202e\x1b" * 20_000
    for record in (
        structured(cloud_event(id=long)),
        structured(cloud_event(type=long)),
        structured(cloud_event(time=long)),
        structured(cloud_event(subject={long: long})),
        structured(cloud_event(data=data(comment_id=long))),
        structured(cloud_event(data=data(author=long))),
        structured(cloud_event(data=data(posted_at=long))),
        structured(json.dumps(cloud_event())[:-1] + f',"{long}":1,"{long}":2}}'),
        structured("9" * 200_000),
        structured(cloud_event(), key=long.encode()),
        structured(cloud_event(), topic=long),
        structured(cloud_event(), headers=[(f"ce_{long}", b""), (f"ce_{long}", b"")]),
        structured(
            cloud_event(), headers=[("content-type", b"application/cloudevents" + long.encode())]
        ),
        structured(cloud_event(data=data(body=f"{long}\0"))),
        structured(cloud_event(data=data(body=f"{long}\ud800"))),
    ):
        result = refuse(record)
        assert len(result.message.encode()) < 500, result
        assert result.message.isprintable()
        assert len(result.pointer or "") < 200


def test_contracts_hold_nothing_that_changes() -> None:
    before = json.dumps([repr(contract._root) for contract in load_contracts()._contracts.values()])
    for record in (structured(cloud_event()), report(reason="other"), article()):
        assert decode(record) == decode(record)
    assert (
        json.dumps([repr(contract._root) for contract in load_contracts()._contracts.values()])
        == before
    )
    assert dataclasses.is_dataclass(load_contracts()._contracts[TYPE]._root)
    assert structured(cloud_event()).timestamp == TIMESTAMP_MILLISECONDS
