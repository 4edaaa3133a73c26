"""An erasure that is killed at any statement: it is never half done, and ends the same when it is
repeated.
"""

import json
from collections.abc import Sequence
from typing import Any

import psycopg
import pytest

from below_the_line.erasing.erasures import Comment, Person, Subject
from below_the_line.erasing.recording import pending, record
from below_the_line.erasing.wiping import carry_out_all
from tests.sql.newsroom import TABLES, Newsroom, t
from tests.sql.test_erasing import ERASED_AT, KEY, U1, dead_letter, discussed, rows

pytestmark = pytest.mark.stack

SUBJECTS: Sequence[Subject] = (Person("user", "u1"), Person("reporter", "x"), Comment("b", "c2"))
COMPARED = (
    *(table for table in TABLES if not table.startswith("ingest.dirty_")),
    "ingest.dead_letters",
)


class KilledError(Exception):
    """The process ends here."""


class Mortal(psycopg.Connection[Any]):
    """A connection whose session ends before the statement of this number."""

    left: int | None = None
    done = 0

    def execute(self, *arguments: Any, **options: Any) -> Any:
        if self.left == self.done:
            self.close()
            raise KilledError
        self.done += 1
        return super().execute(*arguments, **options)


def begin(newsroom: Newsroom) -> None:
    """The same history each time, with erasures that are recorded."""
    newsroom.forget()
    newsroom.connection.execute("delete from ingest.erasures; delete from ingest.dead_letters")
    newsroom.__init__(newsroom.connection)  # type: ignore[misc]
    discussed(newsroom)
    newsroom.report("anonymous", "05-02 12:00", comment="c2", anonymous="x", note="Look.")
    dead_letter(newsroom, 1, b'{"data": {"user_id": "u1"}}')
    dead_letter(newsroom, 2, b'{"data": {"article_id": "b", "comment_id": "c2"}}')
    newsroom.compute()
    record(newsroom.connection, KEY, SUBJECTS, t(ERASED_AT), "command", None)


def mortal(newsroom: Newsroom, left: int | None) -> Mortal:
    information = newsroom.connection.info
    connection = Mortal.connect(information.dsn, password=information.password, autocommit=True)
    connection.left = left
    return connection


def outcome(newsroom: Newsroom) -> str:
    kept = {table: rows(newsroom, table) for table in COMPARED}
    for letter in kept["ingest.dead_letters"]:
        for name in ("erased_at", "status_changed_at", "dead_lettered_at", "judged_at"):
            letter.pop(name)
    erasures = [
        (each["kind"], each["found"], each["subject"]) for each in rows(newsroom, "ingest.erasures")
    ]
    return json.dumps([kept, erasures], sort_keys=True)


def require_nothing_half(newsroom: Newsroom) -> None:
    """Each row has the person and the texts, or neither; and none is complete that has any left."""
    for comment in rows(newsroom, "discussion.comments"):
        if comment["user_id"] in ("u1", U1):
            is_wiped = comment["user_id"] == U1
            assert (comment["first_body"] == "") is is_wiped
            assert (comment["erased_at"] is not None) is is_wiped
    ((is_complete,),) = newsroom.connection.execute(
        "select completed_at is not null from ingest.erasures where kind = 'user'"
    ).fetchall()
    if is_complete:
        assert '"u1"' not in outcome(newsroom)


def test_an_erasure_killed_before_any_statement_ends_the_same_when_repeated(
    newsroom: Newsroom,
) -> None:
    newsroom.connection.execute("set synchronous_commit = off")
    begin(newsroom)
    with mortal(newsroom, None) as connection:
        carry_out_all(connection, KEY, pending(connection))
        statements = connection.done
    expected = outcome(newsroom)
    assert statements > 30
    for left in range(statements):
        begin(newsroom)
        with pytest.raises(KilledError), mortal(newsroom, left) as connection:
            carry_out_all(connection, KEY, pending(newsroom.connection))
        require_nothing_half(newsroom)
        again = pending(newsroom.connection)
        carry_out_all(newsroom.connection, KEY, again)
        assert outcome(newsroom) == expected, f"killed before statement {left}"
