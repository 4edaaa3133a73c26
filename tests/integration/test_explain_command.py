"""``btl explain`` against a real log and real tables."""

import json
import uuid
from typing import NamedTuple

import psycopg
import pytest

from below_the_line.errors import BelowTheLineError
from below_the_line.kafka.envelopes import Outgoing
from below_the_line.kafka.producer import Publisher
from tests.builders import envelope
from tests.commands import Btl
from tests.pipeline import Pipeline

pytestmark = pytest.mark.stack
POSTED_AT = "2026-05-01T10:00:00Z"


def comment(article: str, event_id: str, at: str, kind: str = "posted", **more: object) -> Outgoing:
    data = {"article_id": article, "comment_id": "c1", **more}
    if kind == "posted":
        data |= {"author": {"user_id": "u1", "display_name": "Reader"}, "posted_at": at}
    return Outgoing(
        "comment-events",
        article.encode(),
        envelope(f"comment.{kind}.v1", data, at=at, event_id=event_id),
    )


class Told(NamedTuple):
    """The ids of two articles with a comment each."""

    one: str
    other: str


@pytest.fixture
def told(pipeline: Pipeline, connection: psycopg.Connection) -> Told:
    """A comment with a stub before its posting, a stale posting, a duplicate and a refused
    record.
    """
    # The topics are shared with other tests.
    one, other = (f"{name}-{uuid.uuid4().hex[:8]}" for name in ("a1", "a2"))
    records = [
        comment(
            one,
            "edit",
            "2026-05-01T11:00:00Z",
            "edited",
            body="better",
            edited_at="2026-05-01T11:00:00Z",
        ),
        comment(one, "first", POSTED_AT, body="good"),
        comment(one, "again", "2026-05-01T12:00:00Z", body="too late"),
        comment(one, "first", POSTED_AT, body="good"),
        comment(one, "bad", POSTED_AT, body=7),
        Outgoing(
            "comment-events",
            one.encode(),
            envelope(
                "comment.reported.v1",
                {
                    "article_id": one,
                    "comment_id": "only-reported",
                    "report_id": "r1",
                    "reporter": {"user_id": "u2"},
                    "reason": "spam",
                    "reported_at": POSTED_AT,
                },
                at=POSTED_AT,
                event_id="report",
            ),
        ),
        comment(other, "elsewhere", POSTED_AT, body="another article"),
        Outgoing(
            "articles",
            one.encode(),
            envelope(
                "article.published.v1",
                {
                    "article_id": one,
                    "url": "https://news.example/a1",
                    "headline": "Made up",
                    "published_at": POSTED_AT,
                    "topics": ["one", "two"],
                    "bylines": [],
                    "discussion": {"enabled": True, "closes_at": "2026-05-03T10:00:00.123456789Z"},
                },
                at=POSTED_AT,
                event_id="publication",
            ),
        ),
    ]
    with Publisher(pipeline.settings()) as publisher:
        for record in records:
            publisher.send(record)
    with pipeline.consumer():
        pipeline.wait_for_records(connection, len(records))
    return Told(one, other)


def test_a_comment_is_explained_register_by_register_and_record_by_record(
    told: Told, btl: Btl
) -> None:
    document = json.loads(btl("explain", "comment", "c1", "--article", told.one, "--json"))
    assert document["agrees"]
    setters = {each["register"]: each["by"]["event_id"] for each in document["settings"]}
    assert setters == {"posted": "first", "edited": "edit"}
    offsets = [each["place"]["offset"] for each in document["records"]]
    assert offsets == sorted(offsets)
    outcomes = [
        (each["event_id"], each["outcomes"][0].split(":")[0]) for each in document["records"]
    ]
    assert [(event_id, outcome.split(" of ")[0]) for event_id, outcome in outcomes] == [
        ("edit", "set comments, edited"),
        ("first", "set comments, posted"),
        ("again", "stale for comments, posted"),
        ("first", "duplicate"),
        ("bad", "rejected"),
    ]
    assert document["records"][-1]["event_type"] == "comment.posted.v1"


def test_it_reads_well(told: Told, btl: Btl) -> None:
    text = btl("explain", "comment", "c1", "--article", told.one)
    assert f"Comment c1 below article {told.one}" in text
    assert "the first one counts, later ones change nothing" in text
    assert "any edit beats any posting" in text
    assert "The tables agree with the log." in text


def test_a_comment_id_that_several_articles_use_must_be_told_apart(told: Told, btl: Btl) -> None:
    with pytest.raises(BelowTheLineError, match="known below 2 articles") as raised:
        btl("explain", "comment", "c1")
    assert raised.value.hint == f"Choose one: --article {told.one} or --article {told.other}"
    with pytest.raises(BelowTheLineError, match="No comment c9 is known"):
        btl("explain", "comment", "c9")


def test_an_article_is_explained_and_what_nobody_knows_is_an_error(told: Told, btl: Btl) -> None:
    document = json.loads(btl("explain", "article", told.one, "--json"))
    assert document["agrees"]
    assert {each["register"]: each["by"]["event_id"] for each in document["settings"]} == {
        "content": "publication",
        "status": "publication",
    }
    with pytest.raises(
        BelowTheLineError,
        match="Nothing is known of article a9: no row, no record in the log, no dead",
    ):
        btl("explain", "article", "a9")
    with pytest.raises(
        BelowTheLineError, match="Nothing is known of article a9: no row, no dead letter"
    ):
        btl("explain", "article", "a9", "--no-log")


def test_an_article_that_only_its_comments_name_is_told_apart_from_one_that_nobody_names(
    btl: Btl, connection: psycopg.Connection
) -> None:
    connection.execute(
        "insert into discussion.comments (article_id, comment_id) values ('bare', '1')"
    )
    with pytest.raises(
        BelowTheLineError,
        match=r"No article event has arrived for bare .* events of 1 comment below",
    ):
        btl("explain", "article", "bare")


def test_without_the_log_the_tables_alone_explain(told: Told, btl: Btl) -> None:
    document = json.loads(
        btl("explain", "comment", "c1", "--article", told.one, "--no-log", "--json")
    )
    assert {each["register"]: each["by"]["event_id"] for each in document["settings"]} == {
        "posted": "first",
        "edited": "edit",
    }
    assert [each["outcomes"][0].split(".")[0] for each in document["records"]] == [
        "rejected: schema_violation"
    ]


def test_a_row_that_was_changed_by_hand_contradicts_the_log(
    told: Told, btl: Btl, connection: psycopg.Connection
) -> None:
    connection.execute(
        "update discussion.comments set edited_body = null, edited_at = null, edited_version = null"
        " where article_id = %s",
        [told.one],
    )
    assert "The tables contradict the log: comments c1, edited." in btl(
        "explain", "comment", "c1", "--article", told.one
    )


@pytest.mark.usefixtures("told")
def test_a_comment_that_is_known_from_a_report_alone_is_found(btl: Btl) -> None:
    document = json.loads(btl("explain", "comment", "only-reported", "--json", "--no-log"))
    assert [(each["row"], each["by"]["event_id"]) for each in document["settings"]] == [
        ("reports only-reported r1", "report")
    ]


def test_a_record_that_will_be_refused_is_told_before_it_is_ingested(
    told: Told, btl: Btl, pipeline: Pipeline
) -> None:
    with Publisher(pipeline.settings()) as publisher:
        publisher.send(comment(told.one, "coming", POSTED_AT, body=8))
    document = json.loads(btl("explain", "comment", "c1", "--article", told.one, "--json"))
    (last,) = document["records"][-1]["outcomes"]
    assert last.startswith("rejected: schema_violation.")
    assert last.endswith("It is not ingested yet.")


def test_nothing_is_said_of_a_log_that_is_another_than_the_one_that_was_ingested(
    told: Told, btl: Btl, connection: psycopg.Connection
) -> None:
    """A topic that was deleted and created again: its offsets look like ours, and its records are
    others.
    """
    for table in ("ingest.partition_offsets", "ingest.dead_letters"):
        connection.execute(f"update {table} set topic_id = gen_random_uuid()")
    connection.execute(
        "update discussion.comments set posted_version = null, posted_at = null, user_id = null"
    )
    document = json.loads(btl("explain", "comment", "c1", "--article", told.one, "--json"))
    assert document["agrees"]
    outcomes = [each["outcomes"][0] for each in document["records"]]
    refused = [outcome for outcome in outcomes if outcome.startswith("rejected")]
    assert {*outcomes} - {*refused} == {"not ingested yet"}
    assert [outcome.endswith("not ingested yet.") for outcome in refused] == [True, False]
    assert refused[1].endswith("Its topic was deleted and created again since.")


def test_of_many_rows_and_records_the_latest_are_explained_and_the_rest_counted(
    pipeline: Pipeline, connection: psycopg.Connection, btl: Btl
) -> None:
    article = f"a-{uuid.uuid4().hex[:8]}"
    records = [comment(article, "first", POSTED_AT, body="good")]
    records += [
        comment(
            article,
            f"edit-{number:02}",
            f"2026-05-01T11:00:{number:02}Z",
            "edited",
            body=f"better {number}",
            edited_at=f"2026-05-01T11:00:{number:02}Z",
        )
        for number in range(20)
    ]
    with Publisher(pipeline.settings()) as publisher:
        for record in records:
            publisher.send(record)
    with pipeline.consumer():
        pipeline.wait_for_records(connection, len(records))
    arguments = ("explain", "comment", "c1", "--article", article)
    document = json.loads(btl(*arguments, "--limit", "3", "--json"))
    assert document["agrees"]
    assert document["more"] == {"comment_edits": 17, "records": 17}
    assert [each["event_id"] for each in document["records"]] == [
        "first",
        "edit-17",
        "edit-18",
        "edit-19",
    ]
    text = btl(*arguments, "--limit", "3")
    assert "… and 17 more of comment edits: --limit" in text
    assert "The tables agree with the log." in text
    assert json.loads(btl(*arguments, "--json"))["more"] == {}
    # What is cut is not compared; what is read is.
    connection.execute("update discussion.comment_edits set body = 'x' where event_id = 'edit-18'")
    assert not json.loads(btl(*arguments, "--limit", "3", "--json"))["agrees"]
    connection.execute("delete from discussion.comment_edits where event_id = 'edit-01'")
    connection.execute(
        "update discussion.comment_edits set body = 'better 18' where event_id = 'edit-18'"
    )
    assert json.loads(btl(*arguments, "--limit", "3", "--json"))["agrees"]
    assert not json.loads(btl(*arguments, "--json"))["agrees"]
