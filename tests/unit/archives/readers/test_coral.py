"""All records of the hand-made exports of Coral and of Talk 4, cell by cell."""

import json
import shutil
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from below_the_line.errors import BelowTheLineError
from btl.archives.formats import ReadingOptions
from btl.archives.records import (
    Article,
    Comment,
    Deletion,
    Edit,
    LeftOut,
    Moderation,
    Place,
    Reaction,
    ReactionCount,
    Report,
    ReportCount,
    ReportDecision,
    Unreadable,
)
from btl.archives.sources import files_of
from tests.unit.archives.readers.exports import (
    EXPORTS,
    files_of_export,
    format_called,
    records_of,
)

CORAL = format_called("coral")
UNSAID = "no event says it"


def read(*paths: Path) -> list[Any]:
    assert all(CORAL.recognises(file) for file in files_of(paths))
    return records_of("coral", *paths)


def at(text: str) -> datetime:
    """A time in March 2024: ``01T10:00`` or ``01T10:00:00.123``."""
    return datetime.fromisoformat(f"2024-03-{text}").replace(tzinfo=UTC)


def about(records: Iterable[Any], *comment_ids: str) -> list[Any]:
    """The records of these comments, without those that are left out."""
    return [found for found in records if getattr(found, "comment_id", None) in comment_ids]


def comment_at(line: int) -> Place:
    return Place("comments.json", f"line {line}")


def action_at(item: int) -> Place:
    return Place("commentActions.json", f"item {item}")


def decided_at(line: int) -> Place:
    return Place("commentModerationActions.json", f"line {line}")


def report_at(item: int) -> Place:
    return Place("dsaReports.json", f"item {item}")


@pytest.fixture(scope="module")
def records() -> list[Any]:
    return read(*files_of_export("coral"))


def test_stories(records: list[Any]) -> None:
    place = [Place("stories.json", f"line {line}") for line in range(1, 5)]
    assert [found for found in records if isinstance(found, Article)] == [
        Article(
            place[0],
            "s-harbour",
            "https://isle.example/harbour",
            "The harbour opens again",
            published_at=at("01T08:00"),
            updated_at=at("01T09:30"),
            site="Isle North",
            section="Harbour",
            bylines=("Harbour desk",),
            closes_at=at("15T08:00"),
        ),
        # Nobody closed it: the site closes stories 14 days after they came to Coral.
        Article(
            place[1],
            "s-meadow",
            "https://isle.example/meadow?from=map",
            None,
            site="Isle North",
            closes_at=at("16T06:00:00.250"),
        ),
        # It was opened again.
        Article(
            place[2],
            "s-moor",
            "https://south.isle.example/moor",
            "Fog on the moor",
            published_at=at("03T05:30"),
            site="Isle South",
            accepts_comments=True,
        ),
        Article(
            place[3],
            "s-lake",
            "https://south.isle.example/lake",
            "The lake in winter",
            published_at=at("01T00:00"),
            site="Isle South",
            accepts_comments=False,
            closes_at=at("15T00:00"),
        ),
    ]


def test_a_comment_with_reactions_and_a_second_one_of_its_id(records: list[Any]) -> None:
    ids = ("s-harbour", "c-01")
    assert about(records, "c-01") == [
        Comment(
            comment_at(1),
            *ids,
            user_id="u-otter",
            display_name="otter",
            body="Boats & gulls\nare back.\nAt last!",
            posted_at=at("01T10:00"),
        ),
        Reaction(action_at(1), *ids, "u-heron", "respect", at("01T10:01")),
        Reaction(action_at(2), *ids, "u-owl", "respect", at("01T10:02")),
        Report(
            report_at(4),
            *ids,
            report_id="r-04",
            reporter_user_id="u-fox",
            reason="illegal_content",
            note="Gulls.",
            law="Section 3",
            reported_at=at("05T12:00"),
        ),
        Comment(
            comment_at(20),
            *ids,
            user_id="u-heron",
            display_name="heron",
            body="The same id again.",
            posted_at=at("05T10:00"),
        ),
    ]


def test_a_comment_that_waited_and_was_approved_which_answers_its_flag(records: list[Any]) -> None:
    ids = ("s-harbour", "c-02")
    assert about(records, "c-02") == [
        Comment(
            comment_at(2),
            *ids,
            user_id="u-heron",
            display_name="heron",
            body="I waited for this.",
            posted_at=at("01T10:05:00.123"),
            held=True,
        ),
        Report(
            action_at(14),
            *ids,
            report_id="a-14",
            reporter_user_id="u-fox",
            reason="harassment",
            reported_at=at("01T10:30"),
        ),
        Moderation(
            decided_at(1),
            *ids,
            decision="approved",
            decided_by="u-owl",
            automated=False,
            decided_at=at("01T11:30"),
        ),
        ReportDecision(
            action_at(14),
            *ids,
            report_id="a-14",
            decision="dismissed",
            decided_by="u-owl",
            decided_at=at("01T11:30"),
        ),
    ]


def test_a_rejected_comment_with_an_answered_and_a_reviewed_flag(records: list[Any]) -> None:
    ids = ("s-harbour", "c-03")
    assert about(records, "c-03") == [
        Comment(
            comment_at(3),
            *ids,
            user_id="u-fox",
            display_name="fox",
            body="Only a goose would fish here.",
            posted_at=at("01T11:00"),
        ),
        Report(
            action_at(3),
            *ids,
            report_id="a-03",
            reporter_user_id="u-otter",
            reason="personal_abuse",
            note="He means me.",
            reported_at=at("01T11:05"),
        ),
        Report(
            action_at(4),
            *ids,
            report_id="a-04",
            reporter_user_id="u-heron",
            reason="spam",
            reported_at=at("02T10:00"),
        ),
        Moderation(
            decided_at(2),
            *ids,
            decision="approved",
            decided_by="u-owl",
            automated=False,
            decided_at=at("01T11:02"),
        ),
        Moderation(
            decided_at(3),
            *ids,
            decision="rejected",
            reason="harassment",
            decided_by="u-owl",
            automated=False,
            decided_at=at("01T16:00"),
        ),
        ReportDecision(
            action_at(3),
            *ids,
            report_id="a-03",
            decision="upheld",
            decided_by="u-owl",
            decided_at=at("01T16:00"),
        ),
        ReportDecision(
            action_at(4),
            *ids,
            report_id="a-04",
            decision="ignored",
            decided_by="u-owl",
            decided_at=at("02T11:00"),
        ),
    ]


def test_edits_without_those_that_changed_no_text(records: list[Any]) -> None:
    ids = ("s-harbour", "c-04")
    assert about(records, "c-04") == [
        Comment(
            comment_at(4),
            *ids,
            user_id="u-otter",
            display_name="otter",
            body="Geese do not fich.",
            posted_at=at("01T11:10"),
            parent_comment_id="c-03",
        ),
        Edit(comment_at(4), *ids, body="Geese do not fish.", edited_at=at("01T11:11")),
        Edit(comment_at(4), *ids, body="Geese do not fish. Herons do.", edited_at=at("01T11:13")),
    ]


def test_comments_that_wait(records: list[Any]) -> None:
    assert about(records, "c-05", "c-06") == [
        Comment(
            comment_at(5),
            "s-harbour",
            "c-05",
            user_id="u-crab",
            display_name=None,
            body="Is the crane still there?",
            posted_at=at("01T12:00"),
            held=True,
        ),
        Comment(
            comment_at(6),
            "s-harbour",
            "c-06",
            user_id="u-fox",
            display_name="fox",
            body="Sink them all.",
            posted_at=at("01T12:05"),
            held=True,
        ),
    ]


def test_a_comment_that_coral_rejected_at_once(records: list[Any]) -> None:
    ids = ("s-harbour", "c-07")
    assert about(records, "c-07") == [
        Comment(
            comment_at(7),
            *ids,
            user_id="u-fox",
            display_name="fox",
            body="A very rude word.",
            posted_at=at("01T12:10"),
            held=True,
        ),
        Moderation(
            decided_at(4),
            *ids,
            decision="rejected",
            reason="other",
            decided_by="coral",
            automated=True,
            decided_at=at("01T12:10"),
        ),
    ]


def test_comments_of_a_deleted_account_are_deleted_and_not_rejected(records: list[Any]) -> None:
    nobody: dict[str, Any] = {"user_id": None, "display_name": None, "body": None}
    with_replies, without = ("s-harbour", "c-08"), ("s-harbour", "c-09")
    assert about(records, "c-08", "c-09") == [
        Comment(comment_at(8), *with_replies, **nobody, posted_at=at("01T13:00")),
        Deletion(comment_at(8), *with_replies, deleted_at=at("07T00:00")),
        Comment(comment_at(9), *without, **nobody, posted_at=at("01T13:05")),
        Report(
            report_at(2),
            *without,
            report_id="r-02",
            reporter_user_id=None,
            reason="illegal_content",
            reported_at=at("01T19:00"),
        ),
        ReportDecision(
            report_at(2),
            *without,
            report_id="r-02",
            decision="void",
            decided_by="coral",
            decided_at=at("07T00:00"),
        ),
        Deletion(comment_at(9), *without, deleted_at=at("07T00:00")),
    ]


def test_a_moderators_comment_with_a_link(records: list[Any]) -> None:
    assert about(records, "c-10") == [
        Comment(
            comment_at(10),
            "s-harbour",
            "c-10",
            user_id="u-owl",
            display_name="owl",
            body="The tide table is here [https://isle.example/tides].",
            posted_at=at("01T14:00"),
            parent_comment_id="c-08",
            is_staff=True,
        )
    ]


def test_a_report_of_illegal_content_comes_once_although_coral_has_it_twice(
    records: list[Any],
) -> None:
    ids = ("s-harbour", "c-11")
    assert about(records, "c-11") == [
        Comment(
            comment_at(11),
            *ids,
            user_id="u-fox",
            display_name="fox",
            body="Something that the law forbids.",
            posted_at=at("01T15:00"),
        ),
        Reaction(action_at(7), *ids, "u-otter", "disagree", at("01T15:10")),
        Report(
            action_at(9),
            *ids,
            report_id="a-09",
            reporter_user_id="u-crab",
            reason="illegal_content",
            reported_at=at("01T15:30"),
        ),
        Report(
            report_at(1),
            *ids,
            report_id="r-01",
            reporter_user_id="u-heron",
            reason="illegal_content",
            note="It names the keeper's house.",
            law="Section 12",
            reported_at=at("01T15:20"),
        ),
        Moderation(
            decided_at(7),
            *ids,
            decision="rejected",
            reason="illegal_content",
            decided_by="u-owl",
            automated=False,
            decided_at=at("02T08:00"),
        ),
        ReportDecision(
            action_at(9),
            *ids,
            report_id="a-09",
            decision="upheld",
            decided_by="u-owl",
            decided_at=at("02T08:00"),
        ),
        ReportDecision(
            report_at(1),
            *ids,
            report_id="r-01",
            decision="upheld",
            decided_by="u-owl",
            decided_at=at("02T08:00"),
            explanation="Section 12\nAn address is private.",
        ),
    ]


def test_a_review_with_a_flag_of_unknown_reason_and_a_legal_report(records: list[Any]) -> None:
    ids = ("s-meadow", "c-12")
    assert about(records, "c-12") == [
        Comment(
            comment_at(12),
            *ids,
            user_id="u-heron",
            display_name="heron",
            body="Five boats of five.",
            posted_at=at("04T09:00"),
        ),
        Report(
            action_at(13),
            *ids,
            report_id="a-13",
            reporter_user_id="u-fox",
            reason="other",
            note="COMMENT_REPORTED_NEWLY",
            reported_at=at("04T10:05"),
        ),
        Report(
            report_at(3),
            *ids,
            report_id="r-03",
            reporter_user_id="u-fox",
            reason="illegal_content",
            note="Too many boats.",
            law="Section 3",
            reported_at=at("04T12:00"),
        ),
        ReportDecision(
            report_at(3),
            *ids,
            report_id="r-03",
            decision="dismissed",
            decided_by="u-owl",
            decided_at=at("04T13:00"),
        ),
    ]


def test_a_comment_that_is_a_picture_has_its_address_as_text(records: list[Any]) -> None:
    assert about(records, "c-13", "c-14") == [
        Comment(
            comment_at(14),
            "s-meadow",
            "c-14",
            user_id="u-crab",
            display_name=None,
            body="https://pictures.example/crab.gif",
            posted_at=at("04T09:10"),
        )
    ]


def test_comments_of_a_premoderated_story_waited_except_those_of_staff(records: list[Any]) -> None:
    assert about(records, "c-15", "c-16") == [
        Comment(
            comment_at(15),
            "s-moor",
            "c-15",
            user_id="u-otter",
            display_name="otter",
            body="Can you see the tower?",
            posted_at=at("03T07:00"),
            held=True,
        ),
        Moderation(
            decided_at(8),
            "s-moor",
            "c-15",
            decision="approved",
            decided_by="u-owl",
            automated=False,
            decided_at=at("03T07:10"),
        ),
        Comment(
            comment_at(16),
            "s-moor",
            "c-16",
            user_id="u-owl",
            display_name="owl",
            body="Not today.",
            posted_at=at("03T07:30"),
            parent_comment_id="c-15",
            is_staff=True,
        ),
    ]


def test_canonical_numbers_and_a_person_and_a_reaction_of_nobody(records: list[Any]) -> None:
    ids = ("s-meadow", "c-17")
    assert about(records, "c-17") == [
        Comment(
            comment_at(17),
            *ids,
            user_id="u-swan",
            display_name=None,
            body="Swans were here.",
            posted_at=at("04T10:00"),
        ),
        Reaction(action_at(10), *ids, "u-otter", "respect", at("04T10:30")),
        ReactionCount(action_at(11), *ids, "respect", 1),
    ]


def test_missing_stories_parents_and_times_are_left_to_the_survey(records: list[Any]) -> None:
    assert about(records, "c-18", "c-19", "c-20") == [
        Comment(
            comment_at(18),
            "s-gone",
            "c-18",
            user_id="u-heron",
            display_name="heron",
            body="Where did the article go?",
            posted_at=at("05T09:00"),
        ),
        Comment(
            comment_at(19),
            "s-harbour",
            "c-19",
            user_id="u-heron",
            display_name="heron",
            body="And the comment above?",
            posted_at=at("05T09:05"),
            parent_comment_id="c-99",
        ),
        Comment(
            comment_at(21),
            "s-harbour",
            "c-20",
            user_id="u-otter",
            display_name="otter",
            body="No time.",
            posted_at=None,
        ),
    ]


def test_a_comment_that_an_edit_set_free_and_one_that_an_edit_holds_again(
    records: list[Any],
) -> None:
    free, held = ("s-harbour", "c-22"), ("s-harbour", "c-23")
    assert about(records, "c-22", "c-23") == [
        Comment(
            comment_at(23),
            *free,
            user_id="u-crab",
            display_name=None,
            body="See www.crab.example now",
            posted_at=at("05T12:00"),
            held=True,
        ),
        Report(
            action_at(17),
            *free,
            report_id="a-17",
            reporter_user_id="u-owl",
            reason="other",
            reported_at=at("05T12:30"),
        ),
        Edit(comment_at(23), *free, body="See me now", edited_at=at("05T12:04")),
        Moderation(
            comment_at(23),
            *free,
            decision="approved",
            decided_by="coral",
            automated=True,
            decided_at=at("05T12:04"),
        ),
        Comment(
            comment_at(24),
            *held,
            user_id="u-fox",
            display_name="fox",
            body="I like foxes.",
            posted_at=at("05T13:00"),
            held=True,
        ),
        Edit(comment_at(24), *held, body="I like foxes: www.fox.example", edited_at=at("05T13:20")),
    ]


def test_spam_that_was_rejected_nobody_knows_when(records: list[Any]) -> None:
    ids = ("s-harbour", "c-24")
    assert about(records, "c-24") == [
        Comment(
            comment_at(25),
            *ids,
            user_id="u-crab",
            display_name=None,
            body="Cheap shells, cheap shells.",
            posted_at=at("05T14:00"),
            held=True,
        ),
        Moderation(comment_at(25), *ids, decision="rejected", reason="spam"),
    ]


def test_what_is_left_out(records: list[Any]) -> None:
    missing = "there are no such comments"
    of_itself, drift = "nobody reported the comment", "the reactions and flags count"
    of_people = "they are about no comment"
    assert [found for found in records if isinstance(found, LeftOut)] == [
        LeftOut(Place("queries.json", "the whole file"), "files of other collections", "not read"),
        LeftOut(
            Place("users.json", "line 3"),
            "bans, suspensions, warnings and messages of people",
            UNSAID,
            2,
        ),
        LeftOut(Place("users.json", "line 3"), "moderators' notes about people", UNSAID),
        LeftOut(decided_at(3), "moderators' explanations to authors", UNSAID),
        LeftOut(action_at(5), "flags of Coral itself", of_itself),
        LeftOut(action_at(6), "flags of Coral itself", of_itself),
        LeftOut(
            decided_at(5),
            "decisions by which Coral hid a deleted person's comments",
            "the deletion says it",
        ),
        LeftOut(
            decided_at(6),
            "decisions by which Coral hid a deleted person's comments",
            "the deletion says it",
        ),
        LeftOut(comment_at(10), "featured comments", UNSAID),
        LeftOut(action_at(8), "flags of illegal content", "they stand in dsaReports, too"),
        LeftOut(report_at(1), "moderators' notes about reports", UNSAID),
        LeftOut(decided_at(7), "moderators' explanations to authors", UNSAID),
        LeftOut(action_at(12), "flags of people", of_people),
        LeftOut(decided_at(11), "decisions that made a comment wait", UNSAID),
        LeftOut(comment_at(12), "ratings of comments", UNSAID),
        LeftOut(
            comment_at(13), "ratings without a text", "a rating without a text is not a comment"
        ),
        LeftOut(
            comment_at(17), "counts that differ from the reactions and flags themselves", drift
        ),
        LeftOut(
            decided_at(9),
            "decisions about earlier texts",
            "the comment waits again since it was edited",
        ),
        LeftOut(action_at(15), "flags of Coral itself", of_itself),
        LeftOut(
            action_at(16),
            "reactions and flags of comments that are not in the export",
            missing,
        ),
        LeftOut(
            decided_at(10),
            "decisions about comments that are not in the export",
            missing,
        ),
        LeftOut(report_at(5), "reports of comments that are not in the export", missing),
    ]


def test_what_cannot_be_read(records: list[Any]) -> None:
    found = [found for found in records if isinstance(found, Unreadable)]
    assert [(str(each.place), each.reason) for each in found] == [
        ("stories.json, line 5", "has no id"),
        (
            "comments.json, line 26",
            "is not JSON: unexpected end of data: line 1 column 67 (char 66)",
        ),
        ("comments.json, line 22", "has a time that is not one: yesterday"),
    ]
    assert json.loads(found[0].content)["url"] == "https://isle.example/nowhere"
    assert found[1].content == '{"_id":{"$oid":"65e1ffffffffffffffffffff"},"id":"c-25","tenantID":'


def test_no_record_is_of_another_comment(records: list[Any]) -> None:
    kinds = Counter(type(found).__name__ for found in records)
    assert kinds == {
        "Article": 4,
        "Comment": 23,
        "Reaction": 4,
        "ReactionCount": 1,
        "Report": 10,
        "Edit": 4,
        "Moderation": 8,
        "ReportDecision": 7,
        "Deletion": 2,
        "LeftOut": 22,
        "Unreadable": 3,
    }


# Without some of the collections.


def _part(tmp_path: Path, *names: str) -> list[Path]:
    return [Path(shutil.copy(EXPORTS / "coral" / f"{name}.json", tmp_path)) for name in names]


def test_without_actions_their_numbers_count(tmp_path: Path) -> None:
    records = read(*_part(tmp_path, "stories", "users", "comments", "commentModerationActions"))
    found = [
        each
        for each in records
        if isinstance(each, ReactionCount | ReportCount | Report | Reaction)
    ]
    assert found == [
        ReactionCount(comment_at(1), "s-harbour", "c-01", "respect", 2),
        ReportCount(comment_at(3), "s-harbour", "c-03", "personal_abuse", 1),
        ReportCount(comment_at(3), "s-harbour", "c-03", "spam", 1),
        ReportCount(comment_at(11), "s-harbour", "c-11", "illegal_content", 2),
        ReactionCount(comment_at(11), "s-harbour", "c-11", "disagree", 1),
        ReactionCount(comment_at(17), "s-meadow", "c-17", "respect", 3),
    ]
    assert [each.place for each in records if getattr(each, "what", "") == "flags of Coral itself"]


def test_without_actions_reports_of_illegal_content_are_those_of_dsa_reports(
    tmp_path: Path,
) -> None:
    records = read(*_part(tmp_path, "stories", "users", "comments", "dsaReports"))
    assert [each.report_id for each in about(records, "c-11") if isinstance(each, Report)] == [
        "r-01"
    ]
    assert not [each for each in about(records, "c-11") if isinstance(each, ReportCount)]


def test_counts_that_make_no_sense_count_nothing(tmp_path: Path) -> None:
    paths = _part(tmp_path, "stories", "users")
    counts = {
        "REACTION": -1,
        "FLAG": {"$numberInt": "5"},
        "FLAG__COMMENT_REPORTED_SPAM": 3,
        "FLAG__COMMENT_REPORTED_BIO": 1,
        "DONT_AGREE": "many",
    }
    document: dict[str, Any] = {
        "id": "c-1",
        "tenantID": "t",
        "storyID": "s-harbour",
        "authorID": "u-otter",
        "revisions": [{"body": "x"}],
        "status": "NONE",
        "actionCounts": counts,
    }
    (tmp_path / "comments.json").write_text(json.dumps(document))
    found = about(read(*paths, tmp_path / "comments.json"), "c-1")[1:]
    assert found == [
        ReportCount(comment_at(1), "s-harbour", "c-1", "other", 1),
        ReportCount(comment_at(1), "s-harbour", "c-1", "spam", 3),
    ]


def test_without_decisions_the_status_says_them(tmp_path: Path) -> None:
    records = read(*_part(tmp_path, "stories", "users", "comments", "commentActions"))
    found = [each for each in records if isinstance(each, Moderation)]
    assert [
        (each.comment_id, each.decision, each.decided_by, each.automated, each.decided_at)
        for each in found
    ] == [
        ("c-02", "approved", None, None, None),
        ("c-03", "rejected", None, None, None),
        ("c-07", "rejected", "coral", True, at("01T12:10")),
        # c-09 is deleted and has no replies: Coral rejected it to hide it.
        ("c-11", "rejected", None, None, None),
        ("c-15", "approved", None, None, None),
        ("c-22", "approved", "coral", True, at("05T12:04")),
        ("c-24", "rejected", None, None, None),
    ]
    # Without decisions nothing answers the flags but a review.
    answers = [each.report_id for each in records if isinstance(each, ReportDecision)]
    assert answers == ["a-04"]


def test_a_rejected_comment_of_a_deleted_account_with_replies_was_rejected_before(
    tmp_path: Path,
) -> None:
    paths = _part(tmp_path, "stories", "users")
    document: dict[str, Any] = {
        "id": "c-1",
        "tenantID": "t",
        "storyID": "s-harbour",
        "authorID": None,
        "childCount": 2,
        "revisions": [],
        "status": "REJECTED",
        "deletedAt": {"$date": "2024-03-07T00:00:00Z"},
        "createdAt": {"$date": "2024-03-01T00:00:00Z"},
    }
    (tmp_path / "comments.json").write_text(json.dumps(document))
    _, rejected, deleted = about(read(*paths, tmp_path / "comments.json"), "c-1")
    assert rejected == Moderation(comment_at(1), "s-harbour", "c-1", "rejected")
    assert deleted == Deletion(comment_at(1), "s-harbour", "c-1", at("07T00:00"))


@pytest.mark.parametrize("missing", ["stories", "comments", "users"])
def test_a_missing_collection_is_named(tmp_path: Path, missing: str) -> None:
    names = [name for name in ("users", "comments", "stories") if name != missing]
    with pytest.raises(BelowTheLineError, match=f"The collection {missing} is missing"):
        read(*_part(tmp_path, *names))


def test_one_site_alone_has_no_name(tmp_path: Path) -> None:
    (path,) = _part(tmp_path, "stories")
    path.write_text("\n".join(path.read_text().splitlines()[:2]))
    articles = read(path, *_part(tmp_path, "users", "comments"))[:2]
    assert [each.site for each in articles] == [None, None]


def test_an_empty_collection_is_known_by_the_name_of_its_file(tmp_path: Path) -> None:
    paths = _part(tmp_path, "stories", "users")
    for content in ("", "[]\n"):
        (tmp_path / "comments.json").write_text(content)
        kinds = {type(each).__name__ for each in read(*paths, tmp_path / "comments.json")}
        assert kinds == {"Article", "LeftOut", "Unreadable"}


def test_archived_collections_are_read_with_the_others(tmp_path: Path) -> None:
    paths = _part(tmp_path, "stories", "users", "comments")
    lines = paths[2].read_text().splitlines(keepends=True)
    paths[2].write_text("".join(lines[:3]))
    archived = tmp_path / "archivedComments.json"
    archived.write_text("".join(lines[3:5]))
    comments = [each for each in read(*paths, archived) if isinstance(each, Comment)]
    assert [(each.place.file, each.comment_id) for each in comments] == [
        *(("comments.json", f"c-0{number}") for number in (1, 2, 3)),
        *(("archivedComments.json", f"c-0{number}") for number in (4, 5)),
    ]


def test_the_bytes_that_are_done_grow_to_those_of_all_files() -> None:
    files = files_of(files_of_export("coral"))
    done: list[int] = []
    for _ in CORAL.read(files, ReadingOptions(), done.append):
        pass
    assert done == sorted(done)
    others = next(file.size for file in files if file.name == "queries.json")
    assert timedelta(done[-1]) - timedelta(sum(file.size for file in files) - others) <= timedelta(
        1
    )


# Talk 4.


@pytest.fixture(scope="module")
def talk() -> list[Any]:
    return read(*files_of_export("coral-talk"))


def then(text: str) -> datetime:
    return datetime.fromisoformat(f"2019-03-{text}").replace(tzinfo=UTC)


def line(number: int) -> Place:
    return Place("comments.json", f"line {number}")


def act(number: int) -> Place:
    return Place("actions.json", f"line {number}")


def test_assets_of_talk(talk: list[Any]) -> None:
    assert [found for found in talk if isinstance(found, Article)] == [
        Article(
            Place("assets.json", "line 1"),
            "a-quarry",
            "https://vale.example/quarry",
            "The quarry is for sale",
            published_at=then("04T06:00"),
            updated_at=then("04T07:00"),
            section="Vale",
            bylines=("Vale desk",),
            closes_at=then("11T06:00"),
        ),
        Article(Place("assets.json", "line 2"), "a-ford", "https://vale.example/ford", None),
    ]


def test_comments_of_talk_with_the_history_of_their_status(talk: list[Any]) -> None:
    badger: dict[str, Any] = {"user_id": "u-badger", "display_name": "badger"}
    hare: dict[str, Any] = {"user_id": "u-hare", "display_name": "Brown Hare"}
    wren: dict[str, Any] = {"decided_by": "u-wren", "automated": False}
    first, second, third, fourth, fifth, sixth, seventh = (
        ("a-ford" if number == 2 else "a-quarry", f"t-0{number}") for number in range(1, 8)
    )
    assert [found for found in talk if hasattr(found, "comment_id")] == [
        Comment(
            line(1),
            *first,
            **badger,
            body="Who wants\na quarry & a <pond>?",
            posted_at=then("04T08:00"),
        ),
        Reaction(act(1), *first, "u-hare", "respect", then("04T08:01")),
        Reaction(act(2), *first, "u-wren", "like", then("04T08:02")),
        Report(
            act(3),
            *first,
            report_id="x-03",
            reporter_user_id="u-hare",
            reason="spam",
            note="Sells a pond.",
            reported_at=then("04T08:03"),
        ),
        Comment(
            line(2),
            *second,
            **hare,
            body="Text of t-02.",
            posted_at=then("04T08:10"),
            parent_comment_id="t-01",
            held=True,
        ),
        Moderation(line(2), *second, "approved", decided_at=then("04T09:00"), **wren),
        Comment(line(3), *third, **badger, body="First.", posted_at=then("04T08:20")),
        Reaction(act(5), *third, "u-hare", "disagree", then("04T08:25")),
        Report(
            act(6),
            *third,
            report_id="x-06",
            reporter_user_id="u-hare",
            reason="personal_abuse",
            reported_at=then("04T08:26"),
        ),
        Edit(line(3), *third, "Second.", then("04T08:21")),
        Moderation(line(3), *third, "rejected", decided_at=then("04T09:10"), **wren),
        Moderation(line(3), *third, "approved", decided_at=then("04T09:20"), **wren),
        ReportDecision(act(6), *third, "x-06", "upheld", "u-wren", then("04T09:10")),
        Comment(
            line(4),
            *fourth,
            **badger,
            body="Text of t-04.",
            posted_at=then("04T08:30"),
            held=True,
        ),
        Moderation(
            line(4),
            *fourth,
            "rejected",
            decided_by="coral",
            automated=True,
            decided_at=then("04T08:30"),
        ),
        Comment(
            line(5), *fifth, **hare, body="Text of t-05.", posted_at=then("04T08:40"), held=True
        ),
        Comment(
            line(6),
            *sixth,
            user_id=None,
            display_name=None,
            body=None,
            posted_at=then("04T08:50"),
        ),
        Deletion(line(6), *sixth, then("08T00:00")),
        Comment(
            line(7),
            *seventh,
            user_id="u-wren",
            display_name="wren",
            body="Text of t-07.",
            posted_at=then("04T09:00"),
            is_staff=True,
        ),
    ]


def test_what_talk_has_and_no_event_says(talk: list[Any]) -> None:
    assert [(each.what, each.place.file) for each in talk if isinstance(each, LeftOut)] == [
        ("bans, suspensions, warnings and messages of people", "users.json"),
        ("flags of people", "actions.json"),
        ("flags of Coral itself", "actions.json"),
        ("featured comments", "comments.json"),
    ]


def test_counts_of_talk_have_the_names_of_the_reactions(tmp_path: Path) -> None:
    names = ("assets", "users", "comments")
    paths = [Path(shutil.copy(EXPORTS / "coral-talk" / f"{name}.json", tmp_path)) for name in names]
    first = ("a-quarry", "t-01")
    assert [each for each in read(*paths) if isinstance(each, ReactionCount | ReportCount)] == [
        ReactionCount(line(1), *first, "respect", 1),
        ReactionCount(line(1), *first, "like", 1),
        ReportCount(line(1), *first, "spam", 1),
    ]


# What is recognised.


@pytest.mark.parametrize(
    ("name", "content", "is_coral"),
    [
        ("a.json", '{"id":"1","tenantID":"t","operation":"query"}', True),
        ("a.json", '[{"wordlist":{},"moderation":"POST"}]', True),
        ("a.json", '{"version":"1.0","comments":[]}', False),
        ("a.json", '{"id":"1","body":"x","created_at":"2019-01-01"}', False),
        ("comments.json", "", True),
        ("other.json", "", False),
        ("comments.csv", "id,body\n", False),
        ("a.json", '{"id":', False),
    ],
)
def test_what_is_recognised(tmp_path: Path, name: str, content: str, is_coral: bool) -> None:
    (tmp_path / name).write_text(content)
    (file,) = files_of([tmp_path / name])
    assert CORAL.recognises(file) is is_coral


def test_a_file_of_something_else_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.json").write_text('{"id":1}')
    files = files_of([*files_of_export("coral"), tmp_path / "notes.json"])
    with pytest.raises(BelowTheLineError, match=r"notes\.json is not a collection of Coral"):
        list(CORAL.read(files, ReadingOptions(), lambda _: None))


STRANGE: list[dict[str, Any]] = [
    {"revisions": ["x"]},
    {"revisions": 1},
    {"tags": ["FEATURED"]},
    {"actionCounts": [1]},
    {"revisions": [{"body": "", "media": "y"}]},
]


@pytest.mark.parametrize("strange", STRANGE)
def test_a_document_of_another_shape_is_rejected_alone(
    tmp_path: Path, strange: dict[str, Any]
) -> None:
    paths = _part(tmp_path, "stories", "users")
    right = {
        "id": "c-1",
        "tenantID": "t",
        "storyID": "s-harbour",
        "authorID": "u-otter",
        "revisions": [{"body": "x"}],
        "status": "NONE",
    }
    lines = [json.dumps(right), json.dumps({**right, "id": "c-2", **strange})]
    (tmp_path / "comments.json").write_text("\n".join(lines))
    found = read(*paths, tmp_path / "comments.json")
    assert [each.comment_id for each in found if isinstance(each, Comment)] == ["c-1"]
    assert [each.reason for each in found if each.place == comment_at(2)] == [
        "is not as Coral writes it"
    ]


def test_a_story_and_a_comment_of_talk_of_another_shape_are_rejected_alone(tmp_path: Path) -> None:
    paths = _part(tmp_path, "stories", "users", "comments")
    with paths[0].open("a") as stories:
        story = {"id": "s-1", "tenantID": "t", "siteID": "n", "url": "u", "metadata": "x"}
        stories.write(json.dumps({**story, "settings": "y"}) + "\n")
    with paths[2].open("a") as comments:
        comments.write(json.dumps({"id": "t", "asset_id": "a", "status_history": [1]}) + "\n")
    strange = [
        str(each.place)
        for each in read(*paths)
        if isinstance(each, Unreadable) and each.reason.startswith("is not as")
    ]
    assert strange == ["stories.json, line 6", "comments.json, line 27"]


def test_a_comment_of_an_unknown_status_is_rejected(tmp_path: Path) -> None:
    paths = _part(tmp_path, "stories", "users", "comments")
    paths[2].write_text(paths[2].read_text().replace('"status": "NONE"', '"status": "SPAM"', 1))
    (found,) = (each for each in read(*paths) if each.place == comment_at(1))
    assert isinstance(found, Unreadable)
    assert found.reason == "has the status 'SPAM', which is not one of Coral's"


def test_what_belongs_to_absent_comments_is_counted_and_not_listed(tmp_path: Path) -> None:
    paths = _part(tmp_path, "stories", "users", "comments", "commentActions")
    more = tmp_path / "more.json"
    with more.open("w") as actions:
        for number in range(3):
            action = {"id": f"a{number}", "actionType": "REACTION", "storyID": "s"}
            actions.write(json.dumps({**action, "commentID": f"gone-{number}"}) + "\n")
    assert [
        each for each in read(*paths, more) if getattr(each, "what", "").endswith("in the export")
    ] == [
        LeftOut(
            action_at(16),
            "reactions and flags of comments that are not in the export",
            "there are no such comments",
            4,
        )
    ]


def test_a_date_is_not_the_time_of_a_comment(tmp_path: Path) -> None:
    paths = _part(tmp_path, "stories", "users")
    comment = {"id": "c-1", "tenantID": "t", "storyID": "s-harbour", "status": "NONE"}
    written = {**comment, "revisions": [{"body": "x"}], "createdAt": {"$date": "2019-05-01"}}
    (tmp_path / "comments.json").write_text(json.dumps(written))
    (found,) = (
        each for each in read(*paths, tmp_path / "comments.json") if each.place == comment_at(1)
    )
    assert isinstance(found, Unreadable)
    assert found.reason == "has a time that is a date without a time of day: 2019-05-01"
