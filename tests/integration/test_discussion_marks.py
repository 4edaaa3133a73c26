"""Merges mark discussions for closing runs: by what changed comments or reactions, and by nothing
else.
"""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest

from tests.properties.ingest import Process
from tests.properties.model import CloudEvent

pytestmark = pytest.mark.stack
AT = "2026-05-01T10:00:00Z"
COMMENT = {"article_id": "a", "comment_id": "c"}
AUTHOR = {"user_id": "u", "display_name": "U"}
REPORT = {"report_id": "r", "reporter": {"user_id": "u"}, "reason": "spam", "reported_at": AT}
DECISION = {"decision": "approved", "decided_by": "m", "automated": False, "decided_at": AT}
EVENTS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "comment.posted.v1": ({"author": AUTHOR, "body": "text", "posted_at": AT}, ["comments"]),
    "comment.deleted.v1": ({"deleted_at": AT}, ["comments"]),
    # Of the comment, and of the set of edits or decisions.
    "comment.edited.v1": ({"body": "text", "edited_at": AT}, ["comments", "comments"]),
    "comment.moderated.v1": (DECISION, ["comments", "comments"]),
    "reaction.added.v1": ({"user_id": "u", "reaction": "like", "reacted_at": AT}, ["reactions"]),
    "reaction.removed.v1": ({"user_id": "u", "reaction": "like", "reacted_at": AT}, ["reactions"]),
    "comment.reported.v1": (REPORT, []),
    "report.withdrawn.v1": ({"report_id": "r", "withdrawn_at": AT}, []),
}


@pytest.fixture
def process(database_url: str) -> Iterator[Process]:
    started = Process(database_url, [0])
    with closing(started.store):
        yield started


@pytest.mark.parametrize("event_type", EVENTS)
def test_a_change_marks_its_discussion_and_a_repetition_does_not(
    process: Process, connection: psycopg.Connection, event_type: str
) -> None:
    data, marks = EVENTS[event_type]
    event = CloudEvent(event_type, "1", "/test", AT, COMMENT | data)
    process.write([(event, 0)])
    query = (
        "select article_id, what from ingest.dirty_discussions where marked_at <= clock_timestamp()"
    )
    assert connection.execute(query).fetchall() == [("a", what) for what in marks]
    process.write([(event, 0)])
    assert len(connection.execute(query).fetchall()) == len(marks)
