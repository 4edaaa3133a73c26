"""metrics.article_abuse: rounds of reports and their outcomes, computed by hand."""

from typing import Any

import pytest

from tests.sql.newsroom import Newsroom, t

pytestmark = pytest.mark.stack
OUTCOMES = ("upheld", "dismissed", "ignored", "duplicates", "void", "open_reports")


@pytest.fixture
def room(newsroom: Newsroom) -> Newsroom:
    """An article with one comment."""
    newsroom.publish("05-01 10:00")
    newsroom.comment("c1", "05-01 12:00")
    newsroom.close("06-01 00:00")
    return newsroom


def abuse(room: Newsroom) -> dict[str, Any]:
    room.compute()
    return room.abuse()


def outcomes(row: dict[str, Any]) -> dict[str, int]:
    return {name: row[name] for name in OUTCOMES if row[name]}


def test_nothing_reported_gives_zeros_and_nulls(newsroom: Newsroom) -> None:
    newsroom.publish("05-01 10:00")
    row = abuse(newsroom)
    zeros = (
        "reports",
        "unique_reporters",
        "anonymous_reports",
        "reported_comments",
        *OUTCOMES,
        "rejected",
    )
    nulls = (
        "reported_comment_rate",
        "reports_per_1000",
        "oldest_open_at",
        "uphold_rate",
        "time_to_decision_p50_seconds",
        "time_to_decision_p90_seconds",
        "rejection_rate",
        "exposure_p50_seconds",
    )
    assert {name: row[name] for name in zeros} == dict.fromkeys(zeros, 0)
    assert {name: row[name] for name in nulls} == dict.fromkeys(nulls)


def test_two_reports_of_one_reporter_are_one_round(room: Newsroom) -> None:
    room.report("first", "05-02 10:00")
    room.report("second", "05-02 11:00")
    room.report("of somebody else", "05-02 12:00", user="r2")
    row = abuse(room)
    assert (row["reports"], row["unique_reporters"], row["open_reports"]) == (2, 2, 2)
    assert row["oldest_open_at"] == t("05-02 10:00")


def test_a_user_and_an_anonymous_id_of_the_same_name_are_two_reporters(room: Newsroom) -> None:
    room.report("p1", "05-02 10:00", user="same")
    room.report("p2", "05-02 10:00", anonymous="same")
    row = abuse(room)
    assert (row["reports"], row["unique_reporters"], row["anonymous_reports"]) == (2, 2, 1)


def test_an_edit_starts_a_new_round(room: Newsroom) -> None:
    room.report("before", "05-02 10:00")
    room.edit("c1", "05-02 11:00")
    room.report("after", "05-02 11:00")
    assert abuse(room)["reports"] == 2


def test_a_human_decision_starts_a_new_round_an_automated_one_does_not(room: Newsroom) -> None:
    room.report("p1", "05-02 10:00")
    room.moderate("c1", "approved", "05-02 11:00", automated=True)
    room.report("p2", "05-02 12:00")
    assert abuse(room)["reports"] == 1
    room.moderate("c1", "approved", "05-02 13:00")
    room.report("p3", "05-02 14:00")
    row = abuse(room)
    assert row["reports"] == 2
    assert outcomes(row) == {"dismissed": 1, "open_reports": 1}
    assert row["oldest_open_at"] == t("05-02 14:00")


def test_a_decision_starts_a_new_round_for_its_reporter_only(room: Newsroom) -> None:
    room.report("p1", "05-02 10:00")
    room.report("q1", "05-02 10:00", user="r2")
    room.decide("p1", "dismissed", "05-02 11:00")
    room.report("p2", "05-02 12:00")
    room.report("q2", "05-02 12:00", user="r2")
    row = abuse(room)
    assert row["reports"] == 3
    assert outcomes(row) == {"dismissed": 1, "open_reports": 2}


def test_withdrawn_reports_and_decisions_on_them_do_not_count(room: Newsroom) -> None:
    room.report("p1", "05-02 10:00")
    room.report("p2", "05-02 10:30")
    room.decide("p2", "upheld", "05-02 11:00")
    room.withdraw("p2", "05-02 12:00")
    room.report("p3", "05-02 13:00")
    row = abuse(room)
    assert row["reports"] == 1
    assert outcomes(row) == {"open_reports": 1}


@pytest.mark.parametrize(
    ("decision", "column"),
    [
        ("upheld", "upheld"),
        ("dismissed", "dismissed"),
        ("ignored", "ignored"),
        ("duplicate", "duplicates"),
        ("void", "void"),
    ],
)
def test_a_decision_settles_its_round(room: Newsroom, decision: str, column: str) -> None:
    room.report("p1", "05-02 10:00")
    room.decide("p1", decision, "05-02 11:00")
    assert outcomes(abuse(room)) == {column: 1}


def test_the_last_decision_is_the_outcome_the_first_ends_the_waiting(room: Newsroom) -> None:
    room.report("p1", "05-02 10:00")
    room.report("p2", "05-02 10:30")
    room.decide("p2", "ignored", "05-02 11:00")
    room.decide("p1", "upheld", "05-02 12:00")
    row = abuse(room)
    assert outcomes(row) == {"upheld": 1}
    assert row["time_to_decision_p50_seconds"] == 3600.0


def test_a_decision_beats_moderation_and_deletion(room: Newsroom) -> None:
    room.report("p1", "05-02 10:00")
    room.moderate("c1", "rejected", "05-02 10:30")
    room.delete("c1", "05-02 10:40")
    room.decide("p1", "dismissed", "05-02 11:00")
    row = abuse(room)
    assert outcomes(row) == {"dismissed": 1}
    assert row["time_to_decision_p50_seconds"] == 3600.0


@pytest.mark.parametrize(
    ("decision", "outcome"), [("rejected", "upheld"), ("approved", "dismissed")]
)
def test_the_next_human_decision_on_the_comment_settles_open_rounds(
    room: Newsroom, decision: str, outcome: str
) -> None:
    room.moderate("c1", "approved", "05-02 09:00")
    room.report("p1", "05-02 10:00")
    room.moderate(
        "c1", "rejected" if decision == "approved" else "approved", "05-02 10:10", automated=True
    )
    room.moderate("c1", decision, "05-02 10:30")
    room.moderate("c1", "rejected" if decision == "approved" else "approved", "05-02 11:30")
    row = abuse(room)
    assert outcomes(row) == {outcome: 1}
    assert row["time_to_decision_p50_seconds"] == 1800.0


@pytest.mark.parametrize(
    ("deleted_at", "outcome"),
    [("05-02 10:29", "void"), ("05-02 10:30", "upheld"), ("05-02 10:31", "upheld")],
)
def test_deletion_before_the_next_human_decision_makes_a_round_void(
    room: Newsroom, deleted_at: str, outcome: str
) -> None:
    room.report("p1", "05-02 10:00")
    room.moderate("c1", "rejected", "05-02 10:30")
    room.delete("c1", deleted_at)
    assert outcomes(abuse(room)) == {outcome: 1}


def test_deletion_alone_makes_a_round_void(room: Newsroom) -> None:
    room.report("p1", "05-02 10:00")
    room.delete("c1", "05-02 11:00")
    row = abuse(room)
    assert outcomes(row) == {"void": 1}
    assert row["time_to_decision_p50_seconds"] is None


def test_a_report_after_a_persons_rejection_is_void_and_not_open_for_ever(room: Newsroom) -> None:
    room.moderate("c1", "rejected", "05-02 10:00")
    room.report("five minutes later", "05-02 10:05")
    row = abuse(room)
    assert outcomes(row) == {"void": 1}
    assert (row["oldest_open_at"], row["time_to_decision_p50_seconds"]) == (None, None)
    # Also if a person looks again later: the report found nothing to decide.
    room.moderate("c1", "approved", "05-02 11:00")
    assert outcomes(abuse(room)) == {"void": 1}
    room.report("of what is back", "05-02 11:00")
    assert outcomes(abuse(room)) == {"void": 1, "open_reports": 1}


@pytest.mark.parametrize(
    ("decisions", "outcome"),
    [
        pytest.param([("rejected", "human", "10:00")], "void", id="at the same instant"),
        pytest.param([("rejected", "human", "10:01")], "upheld", id="rejected after the report"),
        pytest.param([("rejected", "machine", "09:00")], "open_reports", id="by a machine"),
        pytest.param(
            [("approved", "machine", "08:00"), ("rejected", "human", "09:00")],
            "void",
            id="a person rejects what a machine approved",
        ),
        pytest.param(
            [("rejected", "human", "08:00"), ("approved", "machine", "09:00")],
            "open_reports",
            id="a machine brings it back",
        ),
        pytest.param(
            [("rejected", "human", "08:00"), ("approved", "machine", "11:00")],
            "void",
            id="a machine brings it back later",
        ),
        pytest.param(
            [
                ("rejected", "human", "07:00"),
                ("approved", "machine", "08:00"),
                ("rejected", "machine", "09:00"),
            ],
            "void",
            id="a machine brings it back and takes it away",
        ),
        pytest.param(
            [("approved", "human", "08:00"), ("rejected", "machine", "09:00")],
            "open_reports",
            id="a machine rejects what a person approved",
        ),
        pytest.param(
            [("rejected", "human", "08:00"), ("approved", "human", "09:00")],
            "open_reports",
            id="a person brings it back",
        ),
    ],
)
def test_a_standing_rejection_by_a_person_leaves_nothing_to_decide(
    room: Newsroom, decisions: list[tuple[str, str, str]], outcome: str
) -> None:
    for decision, who, at in decisions:
        room.moderate("c1", decision, f"05-02 {at}", automated=who == "machine")
    room.report("p1", "05-02 10:00")
    assert outcomes(abuse(room)) == {outcome: 1}


def test_what_stood_when_a_comment_was_reported_is_told_by_versions_not_by_times(
    room: Newsroom,
) -> None:
    room.moderate("c1", "rejected", "05-02 09:00", occurred="05-02 09:30")
    room.moderate("c1", "approved", "05-02 09:10", last=False)
    room.report("p1", "05-02 10:00")
    assert outcomes(abuse(room)) == {"void": 1}


def test_a_decision_on_a_report_beats_the_rejection_before_it(room: Newsroom) -> None:
    room.moderate("c1", "rejected", "05-02 09:00")
    room.report("p1", "05-02 10:00")
    room.decide("p1", "upheld", "05-02 11:00")
    row = abuse(room)
    assert outcomes(row) == {"upheld": 1}
    assert row["time_to_decision_p50_seconds"] == 3600.0


@pytest.mark.parametrize(("counts", "outcome"), [("08:00", "void"), ("08:20", "open_reports")])
def test_a_round_stands_by_the_report_that_counts(
    room: Newsroom, counts: str, outcome: str
) -> None:
    room.moderate("c1", "rejected", "05-02 07:00")
    room.moderate("c1", "approved", "05-02 08:10", automated=True)
    for at in ("08:00", "08:20"):
        occurred = "09:00" if at == counts else "10:00"
        room.report(f"at {at}", f"05-02 {at}", occurred=f"05-02 {occurred}")
    assert outcomes(abuse(room)) == {outcome: 1}


def test_uphold_rate_and_deciles_of_waiting(room: Newsroom) -> None:
    for number, (decision, minutes) in enumerate(
        [("upheld", 10), ("dismissed", 20), ("ignored", 30), ("duplicate", 50), ("void", 55)]
    ):
        room.report(f"p{number}", "05-02 10:00", user=f"r{number}")
        room.decide(f"p{number}", decision, f"05-02 10:{minutes}")
    row = abuse(room)
    assert row["uphold_rate"] == 0.5
    assert row["time_to_decision_p50_seconds"] == 1200.0
    assert row["time_to_decision_p90_seconds"] == pytest.approx(1200 + 0.8 * 600)


def test_a_decision_before_its_report_waited_no_time(room: Newsroom) -> None:
    room.report("p1", "05-02 10:00")
    room.decide("p1", "upheld", "05-02 09:59")
    assert abuse(room)["time_to_decision_p50_seconds"] == 0.0


def test_rates_are_over_published_comments_reports_over_all(room: Newsroom) -> None:
    room.comment("c2", "05-01 13:00")
    room.comment("c3", "05-01 13:00", held=True)
    room.comment("late", "05-20 00:00")
    room.report("p1", "05-02 10:00")
    room.report("p2", "05-02 10:00", user="r2")
    room.report("p3", "05-02 10:00", comment="c3")
    room.report("p4", "05-21 10:00", comment="late")
    room.report("p5", "05-02 10:00", comment="stub")
    row = abuse(room)
    assert (row["reports"], row["reported_comments"]) == (5, 1)
    assert (row["reported_comment_rate"], row["reports_per_1000"]) == (0.5, 1000.0)


def test_rejected_leaves_out_late_and_deleted_ones_and_counts_held_ones(room: Newsroom) -> None:
    for comment, at, held in (
        ("rejected", "05-02 00:00", False),
        ("held and rejected", "05-02 00:00", True),
        ("rejected and deleted", "05-02 00:00", False),
        ("late and rejected", "05-20 00:00", False),
        ("approved again", "05-02 00:00", False),
    ):
        room.comment(comment, at, held=held)
        room.moderate(comment, "rejected", "05-20 00:00")
    room.moderate("approved again", "approved", "05-21 00:00")
    room.delete("rejected and deleted", "05-21 00:00")
    row = abuse(room)
    assert row["rejected"] == 2
    assert row["rejection_rate"] == 0.5  # beside "c1" and "approved again"


def test_exposure_runs_from_first_visible_to_the_first_later_rejection_else_deletion(
    room: Newsroom,
) -> None:
    room.report("p1", "05-01 12:10")
    room.moderate("c1", "rejected", "05-01 12:30", automated=True)
    room.moderate("c1", "rejected", "05-01 13:00")
    room.comment("held", "05-01 12:00", held=True)
    room.moderate("held", "rejected", "05-01 12:01")
    room.moderate("held", "approved", "05-01 12:02")
    room.report("p2", "05-01 12:10", comment="held")
    room.decide("p2", "upheld", "05-01 12:20", comment="held")
    room.delete("held", "05-01 13:02")
    room.comment("not upheld", "05-01 12:00")
    room.report("p3", "05-01 12:10", comment="not upheld")
    room.decide("p3", "dismissed", "05-01 12:20", comment="not upheld")
    room.delete("not upheld", "05-01 12:30")
    room.comment("still there", "05-01 12:00")
    room.report("p4", "05-01 12:10", comment="still there")
    room.decide("p4", "upheld", "05-01 12:20", comment="still there")
    assert abuse(room)["exposure_p50_seconds"] == (1800 + 3600) / 2


def test_reports_of_another_comment_or_article_are_other_rounds(room: Newsroom) -> None:
    room.comment("c2", "05-01 12:00")
    room.comment("c1", "05-01 12:00", article="b")
    room.report("p1", "05-02 10:00")
    room.report("p1", "05-02 10:00", comment="c2")
    room.report("p1", "05-02 10:00", article="b")
    room.decide("p1", "upheld", "05-02 11:00")
    room.compute()
    assert outcomes(room.abuse("a")) == {"upheld": 1, "open_reports": 1}
    assert outcomes(room.abuse("b")) == {"open_reports": 1}
    assert room.abuse("a")["unique_reporters"] == 1
