"""Erasing the rows of a batch: what follows from the batch, and what from stored rows."""

from typing import Any

from below_the_line.contracts.events import Event
from below_the_line.contracts.times import from_datetime, to_datetime
from below_the_line.erasing.erasures import ErasedComment, ErasedPerson, Erasures
from below_the_line.erasing.keys import ErasureKey, keyed_version
from below_the_line.event_tables.description import (
    COMMENT_EDITS,
    COMMENTS,
    REACTIONS,
    REPORT_DECISIONS,
    REPORTS,
    Table,
)
from below_the_line.times import parse_time
from consumers.core.erasing import (
    ErasedRows,
    Stored,
    StoredComment,
    StoredReport,
    asked_erasures,
    erased_reaction,
)
from consumers.core.fold import Fold
from tests import builders

KEY = ErasureKey("a key of the tests, long enough")
BEFORE, AT, AFTER = "2026-05-01T10:00:00Z", "2026-05-01T11:00:00Z", "2026-05-01T12:00:00Z"
UNTIL = from_datetime(parse_time(AT, "at"))
PSEUDONYM = KEY.pseudonym("user", "u1")
NOTHING = Stored({}, {})


def of_u1() -> Erasures:
    known = Erasures(KEY)
    known.add([ErasedPerson(PSEUDONYM, UNTIL)])
    return known


def sent(event_type: str, at: str = BEFORE, event_id: str = "1", **data: Any) -> Event:
    return builders.event(
        event_type, {"article_id": "a1", "comment_id": "c1", **data}, at=at, event_id=event_id
    )


def posting(user_id: str = "u1", at: str = BEFORE) -> Event:
    author = {"user_id": user_id, "display_name": "A name"}
    return sent("comment.posted.v1", at, author=author, body="A text", posted_at=at)


def edit(at: str = BEFORE) -> Event:
    return sent("comment.edited.v1", at, body="Another text", edited_at=at)


def reported(user_id: str = "u1", at: str = BEFORE) -> Event:
    return sent(
        *("comment.reported.v1", at),
        report_id="r1",
        reporter={"user_id": user_id},
        reason="other",
        note="A note",
        reported_at=at,
    )


def decided(at: str = BEFORE) -> Event:
    return sent(
        *("report.decided.v1", at),
        report_id="r1",
        decision="upheld",
        decided_by="m1",
        decided_at=at,
        explanation="A reason",
    )


def reaction(added: bool, at: str) -> Event:
    event_type = "reaction.added.v1" if added else "reaction.removed.v1"
    return sent(event_type, at, at, user_id="u1", reaction="like", reacted_at=at)


def erased(erasures: Erasures, *events: Event) -> ErasedRows:
    fold = Fold()
    for number, event in enumerate(events):
        fold.add(number, erased_reaction(erasures, event))
    return ErasedRows(erasures, fold)


def rows(found: ErasedRows, table: Table, stored: Stored = NOTHING) -> list[dict[str, Any]]:
    return [
        dict(zip(table.column_names, row, strict=True))
        for row in found.rows(stored).tables[table].staged().rows
    ]


def test_a_posting_until_the_erasure_loses_name_and_text_and_keeps_its_order() -> None:
    event = posting()
    (row,) = rows(erased(of_u1(), event), COMMENTS)
    assert (row["user_id"], row["display_name"], row["first_body"]) == (PSEUDONYM, "", "")
    assert row["posted_version"] == keyed_version(KEY, event.version)
    assert row["erased_at"] == to_datetime(UNTIL)


def test_what_a_person_does_after_the_erasure_is_that_of_a_new_person() -> None:
    for event in (posting(at=AFTER), posting("u2")):
        (row,) = rows(erased(of_u1(), event), COMMENTS)
        assert (row["display_name"], row["first_body"]) == ("A name", "A text")
        assert row["posted_version"] == event.version
        assert row["erased_at"] is None


def test_edits_are_erased_with_their_comment_in_the_batch_or_in_the_table() -> None:
    stored = Stored({("a1", "c1"): StoredComment("u1", posting().version, None)}, {})
    for found, known in (
        (erased(of_u1(), posting(), edit(), edit(AFTER)), NOTHING),
        (erased(of_u1(), edit(), edit(AFTER)), stored),
    ):
        assert [row["body"] for row in rows(found, COMMENT_EDITS, known)] in (
            ["", "Another text"],
            ["Another text", ""],
        )
        (row,) = rows(found, COMMENTS, known)
        assert row["edited_body"] == "Another text"


def test_an_edit_asks_for_its_comment_and_shares_its_article() -> None:
    found = erased(of_u1(), edit())
    assert (found.comments, found.depends_on_stored) == ([("a1", "c1")], {"a1"})
    assert found.makes_erased == set()


def test_later_events_ask_for_nothing() -> None:
    found = erased(of_u1(), edit(AFTER), decided(AFTER), posting(at=AFTER), reported(at=AFTER))
    assert (found.comments, found.reports) == ([], [])
    assert (found.depends_on_stored, found.makes_erased) == (set(), set())


def test_a_report_loses_its_reporter_and_note_and_its_decision_the_explanation() -> None:
    found = erased(of_u1(), reported(), decided())
    (report,) = rows(found, REPORTS)
    assert (report["reporter_user_id"], report["note"]) == (PSEUDONYM, None)
    assert report["erased_at"] == to_datetime(UNTIL)
    (decision,) = rows(found, REPORT_DECISIONS)
    assert decision["explanation"] is None
    assert decision["digest"] == KEY.keyed(decided().digest)


def test_a_decision_about_an_erased_report_that_is_stored_loses_the_explanation() -> None:
    report = StoredReport("u1", None, reported().version, None)
    stored = Stored({}, {("a1", "c1", "r1"): report})
    (row,) = rows(erased(of_u1(), decided()), REPORT_DECISIONS, stored)
    assert row["explanation"] is None


def test_reactions_before_and_after_the_erasure_are_two_rows() -> None:
    found = erased(of_u1(), reaction(True, BEFORE), reaction(False, AFTER))
    assert {(row["user_id"], row["is_on"]) for row in rows(found, REACTIONS)} == {
        (PSEUDONYM, True),
        ("u1", False),
    }


def test_a_comment_erased_by_itself_keeps_its_author() -> None:
    known = Erasures(KEY)
    known.add([ErasedComment("a1", "c1", UNTIL)])
    (row,) = rows(erased(known, posting(), edit()), COMMENTS)
    assert (row["user_id"], row["display_name"]) == ("u1", "")
    assert (row["first_body"], row["edited_body"]) == ("", "")


def test_only_what_was_not_erased_before_is_completed() -> None:
    found = erased(of_u1(), posting(), reported())
    person = ErasedPerson(PSEUDONYM, UNTIL)
    assert found.completions(NOTHING) == (
        {(person, UNTIL): {("a1", "c1")}},
        {(person, UNTIL): {("a1", "c1", "r1")}},
    )
    stored = Stored(
        {("a1", "c1"): StoredComment(PSEUDONYM, posting().version, to_datetime(UNTIL))},
        {("a1", "c1", "r1"): StoredReport("u1", None, reported().version, None)},
    )
    assert found.completions(stored) == ({}, {})


def test_an_erased_row_is_not_erased_twice() -> None:
    known = of_u1()
    once = erased(known, posting(), edit(), reported(), decided(), reaction(True, BEFORE))
    first = once.rows(NOTHING)
    twice = ErasedRows(known, first).rows(NOTHING)
    for folded in first:
        assert twice.tables[folded.table].staged() == folded.staged()


def test_of_two_events_that_ask_to_forget_a_person_the_later_time_counts() -> None:
    events = [
        builders.erased(at=BEFORE, user_id="u1", event_id="1"),
        builders.erased(at=AT, user_id="u1", event_id="2"),
        builders.erased(at=BEFORE, anonymous_id="u1", event_id="3"),
    ]
    user, reporter = asked_erasures(Erasures(KEY), list(enumerate(events)))
    assert (user.kind, user.erased, user.records) == ("user", (PSEUDONYM, UNTIL), [0, 1])
    assert (reporter.kind, reporter.records) == ("reporter", [2])
    assert user.is_news
    assert reporter.is_news
    (again,) = asked_erasures(of_u1(), [(0, events[0])])
    assert not again.is_news
