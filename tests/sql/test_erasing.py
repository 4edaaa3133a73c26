"""What wiping changes in each table, row by row, and what it leaves alone."""

import json
import uuid
from collections.abc import Mapping
from datetime import datetime
from operator import itemgetter
from typing import Any

import pytest

from below_the_line.contracts.events import order_key
from below_the_line.erasing.erasures import Comment, Person, Subject
from below_the_line.erasing.keys import ErasureKey, keyed_version
from below_the_line.erasing.recording import Recorded, pending, record
from below_the_line.erasing.survey import survey
from below_the_line.erasing.transfer import exported, imported
from below_the_line.erasing.wiping import carry_out, carry_out_all
from below_the_line.errors import BelowTheLineError
from below_the_line.metrics.dirty_run import recompute_dirty
from below_the_line.metrics.drift import drift
from below_the_line.resources import sql
from tests.sql.newsroom import Newsroom, t

pytestmark = pytest.mark.stack

KEY = ErasureKey("a key of tests, long enough")
ERASED_AT = "06-01 00:00"
U1 = KEY.pseudonym("user", "u1")
EXAMPLES = 3

Rows = list[dict[str, Any]]


def rows(newsroom: Newsroom, table: str) -> Rows:
    """All rows of a table, as JSON, without what says when they were made."""
    ignored = ["mark_id", "marked_at", "computed_at", "requested_at", "completed_at"]
    return [
        row
        for (row,) in newsroom.connection.execute(
            f"select to_jsonb(each) - %s::text[] from {table} as each order by 1".encode(),
            [ignored],
        )
    ]


def row(newsroom: Newsroom, table: str, **key: str) -> dict[str, Any]:
    (found,) = [
        each
        for each in rows(newsroom, f"discussion.{table}")
        if all(each[name] == value for name, value in key.items())
    ]
    return found


def erase(newsroom: Newsroom, *subjects: Person | Comment, at: str = ERASED_AT) -> Recorded:
    recorded = record(newsroom.connection, KEY, subjects, t(at), "command", "somebody")
    carry_out_all(newsroom.connection, KEY, recorded.pending)
    return recorded


def erase_user(newsroom: Newsroom, user: str = "u1", at: str = ERASED_AT) -> Mapping[str, int]:
    recorded = record(newsroom.connection, KEY, [Person("user", user)], t(at), "command", None)
    return carry_out(newsroom.connection, KEY, recorded.pending[0])


def keyed(stored: str) -> str:
    """A version of before, as JSON has it, with its keyed digest."""
    return "\\x" + keyed_version(KEY, bytes.fromhex(stored[2:])).hex()


def marked(newsroom: Newsroom) -> set[str]:
    return {mark["article_id"] for mark in rows(newsroom, "ingest.dirty_articles")}


def test_a_comment_loses_its_author_name_and_text(newsroom: Newsroom) -> None:
    newsroom.comment("c1", "05-01 10:00", parent="c0", held=True)
    newsroom.connection.execute("update discussion.comments set display_name = 'Ann'")
    before = row(newsroom, "comments", comment_id="c1")
    erase_user(newsroom)
    assert row(newsroom, "comments", comment_id="c1") == before | {
        "user_id": U1,
        "display_name": "",
        "first_body": "",
        "posted_version": keyed(before["posted_version"]),
        "erased_at": "2026-06-01T00:00:00+00:00",
    }
    assert marked(newsroom) == {"a"}
    assert not rows(newsroom, "ingest.dirty_discussions")
    assert not rows(newsroom, "ingest.dirty_windows")


def test_a_comment_at_the_time_of_the_erasure_goes_and_a_later_one_stays(
    newsroom: Newsroom,
) -> None:
    newsroom.comment("at", ERASED_AT)
    newsroom.comment("after", "06-01 00:00:00.000001")
    newsroom.comment("of another", "05-01 10:00", user="u2")
    stay = [row(newsroom, "comments", comment_id=each) for each in ("after", "of another")]
    erase_user(newsroom)
    assert row(newsroom, "comments", comment_id="at")["user_id"] == U1
    assert [row(newsroom, "comments", comment_id=each) for each in ("after", "of another")] == stay


def test_edits_lose_their_text_up_to_the_erasure_and_later_ones_stay(newsroom: Newsroom) -> None:
    newsroom.comment("c1", "05-01 10:00")
    newsroom.edit("c1", "05-02 10:00", body="first")
    newsroom.edit("c1", "07-01 10:00", body="second")
    newsroom.comment("c2", "05-01 10:00")
    newsroom.edit("c2", "05-03 10:00", body="third")
    early, late, other = sorted(
        rows(newsroom, "discussion.comment_edits"), key=lambda each: each["body"]
    )
    kept = row(newsroom, "comments", comment_id="c1")
    found = erase_user(newsroom)
    wiped = [
        each
        | {
            "body": "",
            "digest": "\\x" + KEY.keyed(bytes.fromhex(each["digest"][2:])).hex(),
            "version": keyed(each["version"]),
        }
        for each in (early, other)
    ]
    assert sorted(rows(newsroom, "discussion.comment_edits"), key=itemgetter("occurred_at")) == [
        *wiped,
        late,
    ]
    # The last edit is later than the erasure: readers see it.
    now = row(newsroom, "comments", comment_id="c1")
    assert (now["edited_body"], now["edited_version"]) == ("second", kept["edited_version"])
    assert row(newsroom, "comments", comment_id="c2")["edited_body"] == ""
    assert found["discussion.comment_edits"] == 2


def test_of_an_edit_that_a_replay_brought_wiped_the_one_with_the_text_goes(
    newsroom: Newsroom,
) -> None:
    newsroom.comment("c1", "05-01 10:00")
    newsroom.edit("c1", "05-02 10:00", body="text")
    (edit,) = rows(newsroom, "discussion.comment_edits")
    digest = KEY.keyed(bytes.fromhex(edit["digest"][2:]))
    newsroom.connection.execute(
        "insert into discussion.comment_edits (article_id, comment_id, source, event_id, digest,"
        " occurred_at, version, body, edited_at) select article_id, comment_id, source, event_id,"
        " %s, occurred_at, %s, '', edited_at from discussion.comment_edits",
        [digest, bytes.fromhex(keyed(edit["version"])[2:])],
    )
    erase_user(newsroom)
    assert rows(newsroom, "discussion.comment_edits") == [
        edit | {"body": "", "digest": "\\x" + digest.hex(), "version": keyed(edit["version"])}
    ]


def test_a_comment_erased_by_itself_keeps_its_author(newsroom: Newsroom) -> None:
    newsroom.comment("c1", "05-01 10:00")
    newsroom.edit("c1", "05-02 10:00", body="text")
    newsroom.comment("c2", "05-01 10:00")
    other = row(newsroom, "comments", comment_id="c2")
    erase(newsroom, Comment("a", "c1"))
    now = row(newsroom, "comments", comment_id="c1")
    assert (now["user_id"], now["first_body"], now["edited_body"]) == ("u1", "", "")
    assert [each["body"] for each in rows(newsroom, "discussion.comment_edits")] == [""]
    assert row(newsroom, "comments", comment_id="c2") == other


def test_a_comment_of_which_nothing_is_earlier_is_not_marked_as_erased(newsroom: Newsroom) -> None:
    newsroom.comment("c1", "06-02 10:00")
    newsroom.moderate("c1", "approved", "05-02 10:00")
    before = row(newsroom, "comments", comment_id="c1")
    erase(newsroom, Comment("a", "c1"))
    assert row(newsroom, "comments", comment_id="c1") == before
    assert not marked(newsroom)


def test_a_comment_known_by_an_edit_alone_is_erased(newsroom: Newsroom) -> None:
    newsroom.edit("c1", "05-02 10:00", body="text")
    erase(newsroom, Comment("a", "c1"))
    now = row(newsroom, "comments", comment_id="c1")
    assert (now["edited_body"], now["erased_at"]) == ("", "2026-06-01T00:00:00+00:00")


def test_a_digest_is_keyed_once_when_comment_and_author_are_erased(newsroom: Newsroom) -> None:
    newsroom.comment("c1", "05-01 10:00")
    version = row(newsroom, "comments", comment_id="c1")["posted_version"]
    erase(newsroom, Comment("a", "c1"))
    erase_user(newsroom)
    now = row(newsroom, "comments", comment_id="c1")
    assert (now["user_id"], now["posted_version"]) == (U1, keyed(version))


def test_a_later_erasure_of_the_same_person_reaches_later_edits_of_old_comments(
    newsroom: Newsroom,
) -> None:
    newsroom.comment("c1", "05-01 10:00")
    newsroom.edit("c1", "07-01 10:00", body="text")
    newsroom.comment("c2", "07-01 10:00")
    erase_user(newsroom)
    erase_user(newsroom, at="08-01 00:00")
    assert row(newsroom, "comments", comment_id="c1")["edited_body"] == ""
    assert row(newsroom, "comments", comment_id="c2")["user_id"] == U1
    assert [each["body"] for each in rows(newsroom, "discussion.comment_edits")] == [""]


def test_a_report_loses_who_reported_and_what_they_wrote(newsroom: Newsroom) -> None:
    newsroom.report("p1", "05-01 10:00", user="u1", note="because")
    newsroom.report("p2", "07-01 10:00", user="u1", note="later")
    newsroom.report("p3", "05-01 10:00", anonymous="u1", note="another kind of person")
    newsroom.connection.execute("update discussion.reports set law = '§ 1'")
    before = row(newsroom, "reports", report_id="p1")
    stay = [row(newsroom, "reports", report_id=each) for each in ("p2", "p3")]
    found = erase_user(newsroom)
    assert row(newsroom, "reports", report_id="p1") == before | {
        "reporter_user_id": U1,
        "note": None,
        "law": None,
        "reported_version": keyed(before["reported_version"]),
        "erased_at": "2026-06-01T00:00:00+00:00",
    }
    assert [row(newsroom, "reports", report_id=each) for each in ("p2", "p3")] == stay
    assert found == {"discussion.reports": 1}


def test_a_reporter_without_an_account_is_erased_by_the_anonymous_id(newsroom: Newsroom) -> None:
    newsroom.report("p1", "05-01 10:00", anonymous="x", note="because")
    newsroom.report("p2", "05-01 10:00", user="x")
    stay = row(newsroom, "reports", report_id="p2")
    erase(newsroom, Person("reporter", "x"))
    now = row(newsroom, "reports", report_id="p1")
    assert (now["reporter_user_id"], now["reporter_anonymous_id"], now["note"]) == (
        None,
        KEY.pseudonym("reporter", "x"),
        None,
    )
    assert row(newsroom, "reports", report_id="p2") == stay


def test_explanations_go_where_the_report_or_its_comment_is_erased(newsroom: Newsroom) -> None:
    newsroom.comment("c1", "05-01 10:00", user="u2")
    newsroom.comment("c2", "05-01 10:00", user="u1")
    newsroom.report("by u1", "05-01 11:00", user="u1")
    newsroom.report("of u1", "05-01 11:00", comment="c2", user="u3")
    newsroom.report("neither", "05-01 11:00", user="u3")
    newsroom.decide("by u1", "upheld", "05-01 12:00")
    newsroom.decide("by u1", "dismissed", "07-01 12:00")
    newsroom.decide("of u1", "upheld", "05-01 12:00", comment="c2")
    newsroom.decide("neither", "upheld", "05-01 12:00")
    newsroom.connection.execute("update discussion.report_decisions set explanation = 'Rude.'")
    erase_user(newsroom)
    assert {
        (each["report_id"], each["decision"], each["explanation"])
        for each in rows(newsroom, "discussion.report_decisions")
    } == {
        ("by u1", "upheld", None),
        ("by u1", "dismissed", "Rude."),
        ("of u1", "upheld", None),
        ("neither", "upheld", "Rude."),
    }


def react(newsroom: Newsroom, user: str, at: str, on: bool, first: str | None) -> None:
    version = order_key(
        (t(at) - t("1970-01-01 00:00")) // datetime.resolution, "e", "/s", b"1" * 32
    )
    newsroom.connection.execute(
        "insert into discussion.reactions values ('a', 'c1', %s, 'like', %s, %s, %s)",
        [user, on, version, first and t(first)],
    )


@pytest.mark.parametrize(
    ("plain", "replayed", "joined"),
    [
        (("05-01 10:00", True, "05-01 10:00"), None, (True, "05-01 10:00")),
        (
            ("05-02 10:00", False, "05-01 10:00"),
            ("05-01 10:00", True, "05-01 10:00"),
            (False, "05-01 10:00"),
        ),
        (
            ("05-01 10:00", True, "05-01 10:00"),
            ("05-02 10:00", False, None),
            (False, "05-01 10:00"),
        ),
        (
            ("05-02 10:00", True, "05-02 10:00"),
            ("05-01 10:00", True, "05-01 10:00"),
            (True, "05-01 10:00"),
        ),
    ],
)
def test_a_reaction_is_joined_with_the_one_that_a_replay_brought(
    newsroom: Newsroom,
    plain: tuple[str, bool, str | None],
    replayed: tuple[str, bool, str | None] | None,
    joined: tuple[bool, str],
) -> None:
    react(newsroom, "u1", *plain)
    if replayed is not None:
        react(newsroom, U1, *replayed)
    erase_user(newsroom)
    (now,) = newsroom.connection.execute(
        "select user_id, is_on, first_added_at from discussion.reactions"
    ).fetchall()
    assert now == (U1, joined[0], t(joined[1]))
    assert marked(newsroom) == {"a"}


def test_a_reaction_that_changed_after_the_erasure_stays(newsroom: Newsroom) -> None:
    react(newsroom, "u1", "07-01 10:00", True, "05-01 10:00")
    before = rows(newsroom, "discussion.reactions")
    erase_user(newsroom)
    assert rows(newsroom, "discussion.reactions") == before


def discussed(newsroom: Newsroom) -> None:
    """Two discussions in which u1 wrote, reported and reacted; computed."""
    for article in ("a", "b"):
        newsroom.publish("05-01 00:00", article=article)
        newsroom.article_as_published(article)
        newsroom.comment("c1", "05-01 12:00", article=article)
        newsroom.edit("c1", "05-01 12:30", article=article, body="better")
        newsroom.comment("c2", "05-01 13:00", article=article, parent="c1", user="u2")
        newsroom.comment("c3", "05-02 13:00", article=article, user="u1")
        newsroom.react("c2", "05-01 14:00", article=article, user="u1")
        newsroom.report(f"p-{article}", "05-02 10:00", article=article, comment="c2", user="u1")
    newsroom.report("decided", "05-02 11:00", comment="c2", user="u1", note="Look.")
    newsroom.decide("decided", "upheld", "05-03 10:00", comment="c2")
    newsroom.connection.execute("update discussion.report_decisions set explanation = 'Rude.'")
    newsroom.connection.execute("update discussion.comments set display_name = 'Name'")
    newsroom.compute()


METRICS = (
    "metrics.article_reporters",
    "metrics.reporter_accuracy",
    "metrics.open_reports",
    "metrics.article_commenters",
)


def test_no_table_of_metrics_has_the_person_before_the_next_run(newsroom: Newsroom) -> None:
    discussed(newsroom)
    before = {table: json.dumps(rows(newsroom, table)) for table in METRICS}
    assert all('"u1"' in text for text in before.values())
    found = erase_user(newsroom)
    for table in (*METRICS, "ingest.dirty_reporters", "ingest.erasures"):
        assert '"u1"' not in json.dumps(rows(newsroom, table)), table
    assert {place for place in found if place.startswith("metrics.")} == set(METRICS)


def test_figures_are_those_of_the_erased_history_after_the_next_run(newsroom: Newsroom) -> None:
    discussed(newsroom)
    erase_user(newsroom)
    assert drift(newsroom.connection, None) == []
    recompute_dirty(newsroom.connection)
    assert drift(newsroom.connection, None) == []
    incremental = {table: rows(newsroom, table) for table in METRICS}
    newsroom.connection.execute("; ".join(f"delete from {table}" for table in METRICS).encode())
    newsroom.compute()
    assert {table: rows(newsroom, table) for table in METRICS} == incremental
    assert [each["user_id"] for each in rows(newsroom, "metrics.reporter_accuracy")] == [U1]


def test_figures_of_a_new_person_with_the_same_id_stay(newsroom: Newsroom) -> None:
    discussed(newsroom)
    newsroom.comment("c9", "07-01 10:00", user="u1")
    newsroom.report("p9", "07-01 10:00", comment="c2", user="u1")
    newsroom.compute()
    erase_user(newsroom)
    assert drift(newsroom.connection, None) == []
    recompute_dirty(newsroom.connection)
    assert drift(newsroom.connection, None) == []
    assert {each["user_id"] for each in rows(newsroom, "metrics.reporter_accuracy")} == {U1, "u1"}


def test_a_second_run_changes_nothing(newsroom: Newsroom) -> None:
    discussed(newsroom)
    found = erase_user(newsroom)
    tables = ("comments", "comment_edits", "reports", "report_decisions", "reactions")
    before = {table: rows(newsroom, f"discussion.{table}") for table in tables}
    newsroom.connection.execute(
        "update ingest.erasures set completed_at = null, subject = 'u1'; delete from"
        " ingest.dirty_articles"
    )
    (again,) = pending(newsroom.connection)
    assert carry_out(newsroom.connection, KEY, again) == found
    assert {table: rows(newsroom, f"discussion.{table}") for table in tables} == before
    assert not marked(newsroom)


def test_an_erasure_is_complete_only_when_all_is_wiped(newsroom: Newsroom) -> None:
    discussed(newsroom)
    recorded = record(
        newsroom.connection, KEY, [Person("user", "u1")], t(ERASED_AT), "command", "me"
    )
    (erasure,) = recorded.pending
    assert (erasure.subject, erasure.pseudonym) == ("u1", U1)
    found = carry_out(newsroom.connection, KEY, erasure)
    assert pending(newsroom.connection) == []
    (now,) = rows(newsroom, "ingest.erasures")
    assert (now["subject"], now["found"], now["requested_by"]) == (None, found, "me")
    assert found["discussion.comments"] == 4
    assert found["discussion.comment_edits"] == 2
    assert found["discussion.reports"] == 3
    assert found["discussion.report_decisions"] == 1
    assert found["discussion.reactions"] == 2


def test_of_one_subject_the_latest_erasure_counts(newsroom: Newsroom) -> None:
    subjects: list[Subject] = [Person("user", "u1"), Comment("a", "c1")]

    def recorded_at(at: str) -> Recorded:
        return record(newsroom.connection, KEY, subjects, t(at), "command", None)

    assert recorded_at("06-01 00:00").unchanged == 0
    assert recorded_at("05-01 00:00").unchanged == 2
    assert recorded_at("06-01 00:00").unchanged == 2
    assert len(recorded_at("06-02 00:00").pending) == 2
    assert {each.erased_at for each in pending(newsroom.connection)} == {t("06-02 00:00")}


def test_recording_raises_the_version_and_writes_it_into_the_rows(newsroom: Newsroom) -> None:
    first = record(newsroom.connection, KEY, [Person("user", "u1")], None, "command", None)
    second = record(newsroom.connection, KEY, [Person("user", "u2")], None, "command", None)
    assert first.pending[0].version < second.pending[0].version
    assert newsroom.connection.execute(
        "select version, key_check from ingest.erasures_version"
    ).fetchall() == [(second.pending[0].version, KEY.check)]


def test_an_erasure_that_became_later_while_it_was_carried_out_is_carried_out_again(
    newsroom: Newsroom,
) -> None:
    newsroom.comment("c1", "05-01 10:00")
    newsroom.comment("c2", "06-15 10:00")
    person = [Person("user", "u1")]
    recorded = record(newsroom.connection, KEY, person, t(ERASED_AT), "command", None)
    (erasure,) = recorded.pending

    def ask_again(_place: str, _rows: int) -> None:
        record(newsroom.connection, KEY, person, t("07-01 00:00"), "command", None)

    found = carry_out(newsroom.connection, KEY, erasure, ask_again)
    assert found == {"discussion.comments": 2}
    assert pending(newsroom.connection) == []
    assert row(newsroom, "comments", comment_id="c2")["user_id"] == U1


def test_another_key_is_rejected(newsroom: Newsroom) -> None:
    record(newsroom.connection, KEY, [Person("user", "u1")], None, "command", None)
    before = rows(newsroom, "ingest.erasures")
    with pytest.raises(BelowTheLineError, match="not the key that made the pseudonyms"):
        record(
            newsroom.connection,
            ErasureKey("another key, long enough"),
            [Person("user", "u2")],
            None,
            "command",
            None,
        )
    assert rows(newsroom, "ingest.erasures") == before


def test_a_time_in_the_future_is_rejected(newsroom: Newsroom) -> None:
    with pytest.raises(BelowTheLineError, match="in the future: 2226-01-01T00:00:00Z"):
        record(
            newsroom.connection,
            KEY,
            [Person("user", "u1")],
            t("2226-01-01 00:00"),
            "command",
            None,
        )
    assert not rows(newsroom, "ingest.erasures")


def test_the_survey_says_what_wiping_then_does_and_changes_nothing(newsroom: Newsroom) -> None:
    discussed(newsroom)
    subject = Person("user", "u1")
    before = [rows(newsroom, table) for table in ("discussion.comments", "ingest.erasures")]
    surveyed = survey(newsroom.connection, KEY, subject, t(ERASED_AT))
    assert [rows(newsroom, table) for table in ("discussion.comments", "ingest.erasures")] == before
    text = json.dumps([each.examples for each in surveyed])
    for word in ("u1", "better", "Look."):
        assert word not in text
    assert all(0 < len(each.examples) <= EXAMPLES for each in surveyed)
    assert {each.place: each.rows for each in surveyed} == erase_user(newsroom)


def test_the_survey_of_a_comment_is_of_it_alone(newsroom: Newsroom) -> None:
    discussed(newsroom)
    surveyed = survey(newsroom.connection, KEY, Comment("a", "c1"), t(ERASED_AT))
    assert {each.place: each.rows for each in surveyed} == {
        "discussion.comments": 1,
        "discussion.comment_edits": 1,
    }
    assert surveyed[0].examples == [{"article_id": "a", "comment_id": "c1"}]


def test_who_only_a_pseudonym_names_is_found_in_the_tables(newsroom: Newsroom) -> None:
    discussed(newsroom)
    newsroom.report("p8", "05-01 10:00", anonymous="x")
    erase(newsroom, Person("user", "u1"), Person("reporter", "x"))
    newsroom.forget()
    discussed(newsroom)
    newsroom.report("p8", "05-01 10:00", anonymous="x")
    newsroom.connection.execute("update ingest.erasures set completed_at = null")
    done = carry_out_all(newsroom.connection, KEY, pending(newsroom.connection))
    assert [each.erasure.subject for each in done] == ["u1", "x"]
    assert row(newsroom, "comments", article_id="a", comment_id="c1")["user_id"] == U1
    assert row(newsroom, "reports", report_id="p8")["reporter_anonymous_id"] == KEY.pseudonym(
        "reporter", "x"
    )
    assert {each["subject"] for each in rows(newsroom, "ingest.erasures")} == {None}


def test_the_role_of_erasures_may_do_all_of_it(newsroom: Newsroom) -> None:
    discussed(newsroom)
    newsroom.connection.execute("set role btl_erase")
    surveyed = survey(newsroom.connection, KEY, Person("user", "u1"), t(ERASED_AT))
    found = erase_user(newsroom)
    assert {each.place: each.rows for each in surveyed} == found


def dead_letter(
    newsroom: Newsroom,
    offset: int,
    value: bytes | None,
    *,
    at: str = "05-01 10:00",
    key: bytes | None = b"a",
    headers: tuple[bytes, ...] = (),
) -> None:
    newsroom.connection.execute(
        "insert into ingest.dead_letters (topic, topic_id, partition, record_offset, record_key,"
        " record_value, record_headers, record_timestamp, stage, code, pointer, message,"
        " software_version, event_id) values ('comment-events', %s, 0, %s, %s, %s, %s::bytea[], %s,"
        " 'contract', 'schema_violation', '/data', 'It was u1.', '1', 'e')",
        [uuid.UUID(int=1), offset, key, value, list(headers), t(at)],
    )


def test_dead_letters_of_the_person_and_about_their_comments_are_wiped(newsroom: Newsroom) -> None:
    newsroom.comment("c1", "05-01 10:00")
    dead_letter(newsroom, 1, rb'{"data": {"author": {"user_id": "\u00751"}}}')
    dead_letter(newsroom, 2, b'{"data": {"article_id": "a", "comment_id": "c1", "body": "text"}}')
    dead_letter(newsroom, 3, b'{"data": {"article_id": "a", "comment_id": "c2", "body": "text"}}')
    dead_letter(newsroom, 4, b'{"data": {"article_id": "b", "comment_id": "c1"}}', key=b"b")
    dead_letter(newsroom, 5, None, key=b"u1")
    dead_letter(newsroom, 6, b"{}", headers=(b"ce_subject", b"u1"))
    dead_letter(newsroom, 7, b'{"data": {"author": {"user_id": "u1"}}}', at="07-01 10:00")
    dead_letter(newsroom, 8, b'{"data": {"author": {"user_id": "u11"}}}')
    dead_letter(newsroom, 9, b'{"broken": "u1')
    found = erase_user(newsroom)
    wiped = {
        each["record_offset"]: each
        for each in rows(newsroom, "ingest.dead_letters")
        if each["erased_at"] is not None
    }
    assert sorted(wiped) == [1, 2, 5, 6]
    for each in wiped.values():
        names = ("record_key", "record_value", "record_headers", "pointer", "status", "event_id")
        assert [each[name] for name in names] == [None, None, [], None, "discarded", "e"]
        assert "u1" not in each["message"]
    assert found["ingest.dead_letters"] == 4


def test_dead_letters_of_who_only_a_pseudonym_names_are_wiped(newsroom: Newsroom) -> None:
    dead_letter(newsroom, 1, b'{"data": {"user_id": "u1"}}')
    dead_letter(newsroom, 2, b'{"data": {"user_id": "u2"}}')
    other = ErasureKey("a key of tests, long enough")
    record(newsroom.connection, other, [Person("user", "u1")], t(ERASED_AT), "command", None)
    newsroom.connection.execute("update ingest.erasures set subject = null")
    (done,) = carry_out_all(newsroom.connection, KEY, pending(newsroom.connection))
    assert done.found == {"ingest.dead_letters": 1}


def test_erasures_go_to_another_installation_with_the_same_key(newsroom: Newsroom) -> None:
    discussed(newsroom)
    erase(newsroom, Person("user", "u1"), Comment("b", "c2"))
    lines = list(exported(newsroom.connection))
    assert "u1" not in "".join(lines).replace(U1, "")
    newsroom.forget()
    newsroom.connection.execute("delete from ingest.erasures")
    discussed(newsroom)
    recorded = imported(newsroom.connection, KEY, lines, "me")
    assert (len(recorded.pending), recorded.unchanged) == (2, 0)
    carry_out_all(newsroom.connection, KEY, recorded.pending)
    assert row(newsroom, "comments", article_id="a", comment_id="c1")["user_id"] == U1
    assert row(newsroom, "comments", article_id="b", comment_id="c2")["first_body"] == ""
    assert imported(newsroom.connection, KEY, lines, "me").unchanged == 2
    assert list(exported(newsroom.connection)) == lines


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"format": "another"}', "its first line differs"),
        ("[]", "Line 1 is not a JSON object"),
        (
            '{"format": "below-the-line erasures 1", "key_check": "0123456789abcdef"}',
            "made with another key",
        ),
    ],
)
def test_a_file_that_does_not_hold_erasures_of_this_key_is_rejected(
    newsroom: Newsroom, line: str, message: str
) -> None:
    with pytest.raises(BelowTheLineError, match=message):
        imported(newsroom.connection, KEY, [line], None)


@pytest.mark.parametrize(
    "line",
    [
        '{"kind": "user", "pseudonym": "u1", "erased_at": "2026-06-01T00:00:00Z"}',
        '{"kind": "comment", "article_id": "a", "erased_at": "2026-06-01T00:00:00Z"}',
        '{"kind": "user", "pseudonym": "erased:1", "erased_at": "2026-06-01T00:00:00"}',
        '{"kind": "user", "pseudonym": "erased:1"}',
    ],
)
def test_a_line_that_is_not_an_erasure_is_named_and_nothing_is_recorded(
    newsroom: Newsroom, line: str
) -> None:
    erase_user(newsroom)
    lines = [*exported(newsroom.connection), line]
    before = rows(newsroom, "ingest.erasures")
    with pytest.raises(BelowTheLineError, match="Line 3 is not an erasure"):
        imported(newsroom.connection, KEY, lines, None)
    assert rows(newsroom, "ingest.erasures") == before


def test_a_long_id_is_found_within_texts_and_in_what_is_not_json(newsroom: Newsroom) -> None:
    dead_letter(newsroom, 1, b'{"data": {"author": {"user_id": "reader-17')
    dead_letter(newsroom, 2, b'{"data": {"body": "As reader-17 wrote"}}')
    dead_letter(newsroom, 3, b'{"data": {"body": "As reader-178 wrote"}}')
    assert erase_user(newsroom, "reader-17") == {"ingest.dead_letters": 2}


def test_a_wiped_dead_letter_is_not_validated_again(newsroom: Newsroom) -> None:
    dead_letter(newsroom, 1, b'{"data": {"user_id": "u1"}}')
    dead_letter(newsroom, 2, b'{"data": {"user_id": "u2"}}')
    erase_user(newsroom)
    names = ("topic", "record_key", "since", "until", "source", "event_type", "event_id")
    after = ("after_topic_id", "after_partition", "after_offset")
    chunk = newsroom.connection.execute(
        sql("ingest/dead_letters/chunk.sql"),
        {
            **dict.fromkeys((*names, *after)),
            "statuses": ["open", "discarded"],
            "codes": [],
            "judged_before": t("2226-01-01 00:00"),
            "chunk_size": 10,
            "chunk_bytes": 1_000_000,
        },
    ).fetchall()
    assert [letter[3] for letter in chunk] == [2]
