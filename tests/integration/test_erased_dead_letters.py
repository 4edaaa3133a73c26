"""Records that are rejected after their person was erased: nothing of them is kept."""

from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from below_the_line.contracts.events import Record
from below_the_line.contracts.times import from_datetime
from below_the_line.erasing.erasures import Comment, Person, Subject
from below_the_line.erasing.keys import ErasureKey
from below_the_line.erasing.recording import record
from below_the_line.erasing.wiping import carry_out_all
from below_the_line.times import parse_time
from tests import builders
from tests.properties.ingest import Process

pytestmark = pytest.mark.stack

KEY = ErasureKey("a key of the tests, long enough")
ERASED_AT = parse_time("2026-05-05T00:00:00Z", "erased_at")
AT = "2026-05-04T10:00:00Z"


def sent(event_type: str, event_id: str, late: bool = False, **data: Any) -> Record:
    made = builders.record(event_type, {"article_id": "a1", **data}, at=AT, event_id=event_id)
    at = ERASED_AT + timedelta(seconds=1) if late else parse_time(AT, "at")
    return made._replace(timestamp=from_datetime(at) // 1_000)


def posting(comment_id: str, user_id: str, event_id: str, late: bool = False) -> Record:
    author = {"user_id": user_id, "display_name": "A name"}
    return sent(
        *("comment.posted.v1", event_id, late),
        comment_id=comment_id,
        author=author,
        body="A text",
        posted_at=AT,
    )


def edit(comment_id: str, event_id: str) -> Record:
    return sent(
        "comment.edited.v1", event_id, comment_id=comment_id, body="Another text", edited_at=AT
    )


def decision(report_id: str, comment_id: str, event_id: str) -> Record:
    return sent(
        "report.decided.v1",
        event_id,
        report_id=report_id,
        comment_id=comment_id,
        decision="upheld",
        decided_by="m1",
        decided_at=AT,
        explanation="You were right",
    )


def test_what_is_rejected_of_erased_people_and_comments_is_kept_without_the_record(
    database_url: str, connection: psycopg.Connection
) -> None:
    process = Process(database_url, [0], erasure_key=KEY)
    report = sent(
        "comment.reported.v1",
        "3",
        report_id="r1",
        comment_id="c2",
        reporter={"user_id": "gone"},
        reason="spam",
        reported_at=AT,
    )
    process.write_records([posting("c1", "gone", "1"), posting("c2", "stays", "2"), report])
    subjects: list[Subject] = [Person("user", "gone"), Comment("a1", "c9")]
    asked = record(connection, KEY, subjects, ERASED_AT, "command", None)
    carry_out_all(connection, KEY, asked.pending)
    rejected = {
        "of the person": posting("c3", "gone", "4"),
        "of the person, but later": posting("c4", "gone", "5", late=True),
        "of another person": posting("c5", "stays", "6"),
        "about the person's comment": edit("c1", "7"),
        "about another comment": edit("c2", "8"),
        "about the person's report": decision("r1", "c2", "9"),
        "about another report": decision("r2", "c2", "10"),
        "about a comment erased by itself": edit("c9", "11"),
    }
    process.write_records(rejected.values(), refused=range(len(rejected)))

    with connection.cursor(row_factory=dict_row) as cursor:
        letters = cursor.execute(
            "select * from ingest.dead_letters order by record_offset"
        ).fetchall()
    found = dict(zip(rejected, letters, strict=True))
    assert [letter["event_id"] for letter in letters] == [str(number) for number in range(4, 12)]
    kept = {"of the person, but later", "of another person"} | {
        "about another comment",
        "about another report",
    }
    for name, letter in found.items():
        is_kept = name in kept
        assert (letter["record_value"] is not None) == is_kept, name
        assert (letter["record_key"] is not None) == is_kept, name
        assert letter["status"] == ("open" if is_kept else "discarded"), name
        assert (letter["erased_at"] is None) == is_kept, name
        assert (letter["message"] == "The record is erased.") != is_kept, name
    process.store.close()
