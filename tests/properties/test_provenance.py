"""What is explained is what happens: the winners that are named are those of the model."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from below_the_line.contracts.events import Event, Rejection, order_key, read_order_key
from below_the_line.event_tables.description import TABLES
from consumers.core.batch import Partition
from consumers.core.provenance import Explanation, Place, Row, explain
from tests.hypothesis_profiles import examples
from tests.properties import model
from tests.properties.histories import decoded, histories
from tests.properties.model import CloudEvent

EVERYTHING = {Partition("comment-events", 0): range(1_000_000)}


def places(events: Iterable[Event]) -> list[tuple[Place, Event]]:
    return [(Place("comment-events", 0, offset), event) for offset, event in enumerate(events)]


def rows(sent: list[CloudEvent]) -> dict[str, list[Row]]:
    return {name: list(of_table.values()) for name, of_table in model.tables(sent).items()}


def explained(sent: list[CloudEvent], stored: dict[str, list[Row]] | None = None) -> Explanation:
    return explain(places(decoded(sent)), [], rows(sent) if stored is None else stored, EVERYTHING)


@examples(60)
@given(histories())
def test_every_register_that_is_set_is_explained_by_the_event_that_the_model_says(
    sent: list[CloudEvent],
) -> None:
    explanation = explained(sent)
    assert explanation.agrees
    found = sorted(
        (setting.row, setting.register, setting.by and (setting.by.event_id, setting.by.source))
        for setting in explanation.settings
        if setting.register != "first added at"
    )
    expected = []
    for table in TABLES:
        for row in rows(sent).get(table.name, ()):
            name = " ".join((table.name, *(str(row[name]) for name in table.key_names[1:])))
            for register in table.registers:
                column = register.compared.name
                if column.endswith("version") and row[column] is not None:
                    _, event_id, source, _ = read_order_key(row[column])
                    expected.append(
                        (
                            name,
                            column.removesuffix("_version").replace("_", " "),
                            (event_id, source),
                        )
                    )
    assert found == sorted(expected)
    assert all(setting.place is not None for setting in explanation.settings), (
        "the log has every winner"
    )


@examples(60)
@given(histories())
def test_each_record_has_an_outcome_and_a_repetition_is_a_duplicate(sent: list[CloudEvent]) -> None:
    once, twice = explained(sent), explained(sent + sent)
    assert all(told.outcomes for told in once.records)
    assert len(twice.records) == 2 * len(sent)
    assert all(told.outcomes[0].startswith("duplicate of ") for told in twice.records[len(sent) :])
    assert [told.outcomes for told in twice.records[: len(sent)]] == [
        told.outcomes for told in once.records
    ]


@examples(60)
@given(histories(), st.data())
def test_a_row_that_lost_what_the_log_has_is_told(
    sent: list[CloudEvent], data: st.DataObject
) -> None:
    stored = rows(sent)
    comments = [row for row in stored.get("comments", ()) if row["posted_version"] is not None]
    if not comments:
        return
    broken = dict(data.draw(st.sampled_from(comments)))
    broken["posted_version"] = None
    stored["comments"] = [broken]
    assert not explained(sent, stored).agrees


def posted(event_id: str, at: str, body: str) -> CloudEvent:
    data = {
        "article_id": "a1",
        "comment_id": "c1",
        "author": {"user_id": "u1", "display_name": "Reader"},
        "body": body,
        "posted_at": at,
    }
    return CloudEvent("comment.posted.v1", event_id, "/a", at, data)


def test_stale_conflicting_refused_and_not_yet_ingested_records_are_told_with_the_reason() -> None:
    first = posted("e1", "2026-05-01T10:00:00Z", "one")
    later = posted("e2", "2026-05-01T11:00:00Z", "two")
    other = posted("e1", "2026-05-01T12:00:00Z", "three")
    refused = (
        Place("comment-events", 0, 9),
        Rejection("contract", "schema_violation", "/data/body", "body is missing."),
    )
    log = places(decoded([later, first, other, first]))
    explanation = explain(
        log, [refused], rows([first, later, other]), {Partition("comment-events", 0): range(3)}
    )
    assert [(told.place.offset, told.outcomes) for told in explanation.records] == [
        (
            0,
            (
                (
                    "stale for comments, posted: e1 of /a wins (the first one counts, later ones"
                    " change nothing)"
                ),
            ),
        ),
        (1, ("set comments, posted",)),
        (
            2,
            (
                (
                    "stale for comments, posted: e1 of /a wins (the first one counts, later ones"
                    " change nothing)"
                ),
            ),
        ),
        (3, ("not ingested yet",)),
        (9, ("rejected: schema_violation. body is missing.",)),
    ]
    (conflict,) = explanation.conflicts
    assert conflict.startswith(
        "e1 of /a names 2 different contents: comment-events-0 @ 1, comment-events-0 @ 2."
    )


def test_what_the_log_no_longer_has_is_explained_by_the_versions_that_the_rows_keep() -> None:
    event = posted("e1", "2026-05-01T10:00:00Z", "one")
    explanation = explain([], [], rows([event]), EVERYTHING)
    (setting,) = explanation.settings
    assert (str(setting.by), setting.event_type, setting.place) == ("e1 of /a", None, None)
    assert explanation.agrees


def edited(event_id: str, at: str, body: str) -> CloudEvent:
    data = {"article_id": "a1", "comment_id": "c1", "body": body, "edited_at": at}
    return CloudEvent("comment.edited.v1", event_id, "/a", at, data)


def test_a_value_that_is_not_the_event_s_contradicts_the_log_and_so_does_a_history_without_it() -> (
    None
):
    sent = [
        posted("e1", "2026-05-01T10:00:00Z", "one"),
        edited("e2", "2026-05-01T11:00:00Z", "two"),
    ]
    assert explained(sent).agrees

    stored = rows(sent)
    stored["comments"] = [{**stored["comments"][0], "first_body": "changed by hand"}]
    (wrong,) = [setting for setting in explained(sent, stored).settings if not setting.agrees]
    assert (wrong.row, wrong.register) == ("comments c1", "posted")

    explanation = explained(sent, {**rows(sent), "comment_edits": []})
    assert not explanation.agrees
    assert explanation.missing == ("comment_edits, e2 of /a",)


def test_what_a_reset_passed_over_is_not_compared() -> None:
    sent = [posted(f"e{number}", f"2026-05-01T1{number}:00:00Z", "text") for number in range(3)]
    explanation = explain(
        places(decoded(sent)), [], rows(sent[1:]), {Partition("comment-events", 0): range(1, 3)}
    )
    assert explanation.agrees
    assert [told.outcomes[0].split(":")[0] for told in explanation.records] == [
        "not compared",
        "set comments, posted",
        "stale for comments, posted",
    ]


def keyed(version: bytes) -> bytes:
    return version[:-32] + bytes(32)


def test_what_was_erased_is_named_and_not_compared_and_what_came_later_is() -> None:
    comment = {"article_id": "a1", "comment_id": "c1"}
    report = {
        **comment,
        "report_id": "r1",
        "reporter": {"user_id": "u9"},
        "reason": "other",
        "note": "mine",
        "reported_at": "2026-05-01T10:30:00Z",
    }
    decision = {
        **comment,
        "report_id": "r1",
        "decision": "upheld",
        "decided_by": "m1",
        "explanation": "about u9",
        "decided_at": "2026-05-01T10:40:00Z",
    }
    liked = {**comment, "user_id": "u9", "reaction": "like", "reacted_at": "2026-05-01T10:20:00Z"}
    sent = [
        posted("e1", "2026-05-01T10:00:00Z", "one"),
        edited("e2", "2026-05-01T10:10:00Z", "two"),
        CloudEvent("reaction.added.v1", "e3", "/a", "2026-05-01T10:20:00Z", liked),
        CloudEvent("comment.reported.v1", "e4", "/a", "2026-05-01T10:30:00Z", report),
        CloudEvent("report.decided.v1", "e5", "/a", "2026-05-01T10:40:00Z", decision),
        edited("e6", "2026-05-01T12:00:00Z", "by a new person"),
    ]
    erased_at = datetime(2026, 5, 1, 11, tzinfo=UTC)
    stored: dict[str, Any] = {
        name: [dict(row) for row in of_table] for name, of_table in rows(sent).items()
    }
    (row,) = stored["comments"]
    wiped = {"user_id": "erased:01", "display_name": "", "first_body": ""}
    row |= {**wiped, "erased_at": erased_at, "posted_version": keyed(row["posted_version"])}
    for edit in stored["comment_edits"]:
        if edit["event_id"] == "e2":
            edit |= {"body": "", "version": keyed(edit["version"]), "digest": bytes(32)}
    (row,) = stored["reactions"]
    row |= {"user_id": "erased:02", "state_version": keyed(row["state_version"])}
    (row,) = stored["reports"]
    row |= {"reporter_user_id": "erased:02", "note": None, "erased_at": erased_at}
    row |= {"reported_version": keyed(row["reported_version"])}
    (row,) = stored["report_decisions"]
    row |= {"explanation": None, "version": keyed(row["version"]), "digest": bytes(32)}

    explanation = explained(sent, stored)
    assert explanation.agrees
    assert [record.outcomes for record in explanation.records] == [
        *[("not compared: erased",)] * 5,
        ("set comments, edited",),
    ]
    set_by = {
        (setting.row, setting.register): setting.place and setting.place.offset
        for setting in explanation.settings
    }
    assert set_by == {
        ("comments c1", "posted"): 0,
        ("comments c1", "edited"): 5,
        ("comments c1", "erased at"): None,
        ("reactions c1 erased:02 like", "state"): 2,
        ("reactions c1 erased:02 like", "first added at"): None,
        ("reports c1 r1", "reported"): 3,
        ("reports c1 r1", "erased at"): None,
    }
    # What came after the erasure is compared as ever.
    stored["comments"][0]["edited_body"] = "changed by hand"
    (wrong,) = [each for each in explained(sent, stored).settings if not each.agrees]
    assert (wrong.row, wrong.register) == ("comments c1", "edited")
    # And so is a reaction of somebody who came back with the id: its row begins later.
    back = {**liked, "reacted_at": "2026-05-02T10:00:00Z"}
    again = CloudEvent("reaction.added.v1", "e7", "/a", "2026-05-02T10:00:00Z", back)
    assert not explained([*sent, again], stored | {"comments": []}).agrees
    stored["reactions"] += rows([again])["reactions"]
    stored["comments"][0]["edited_body"] = "by a new person"
    assert explained([*sent, again], stored).agrees


@given(
    st.integers(-(2**62), 2**62),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=9),
)
def test_an_order_key_can_be_read_back(occurred_at: int, text: str) -> None:
    assert read_order_key(order_key(occurred_at, text, text[::-1], bytes(32))) == (
        occurred_at,
        text,
        text[::-1],
        bytes(32),
    )
