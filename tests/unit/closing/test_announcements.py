"""What follows from a history and from what was announced, without a database."""

import re
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from below_the_line.closing.announcements import (
    CLOSED,
    OPENED,
    REOPENED,
    AnnouncedState,
    Announcer,
    StateChange,
    closing_cause,
    event_id,
    reopening_cause,
)
from below_the_line.resources import ROOT

DAY = datetime(2026, 5, 1, tzinfo=UTC)
REASONS = (
    "rule",
    "article",
    "extend",
    "disabled",
    "close",
    "reopen",
    "unpublished",
    "hold",
    "no_publication_time",
)


def change(day: int, what: str, reason: str = "rule", *, changed: int | None = None) -> StateChange:
    """A change of state on a day."""
    at = DAY + timedelta(days=day)
    return StateChange(
        "a", at, what, reason, None if changed is None else DAY + timedelta(days=changed), None
    )


def announce(
    history: list[StateChange], announced: list[AnnouncedState] | None = None, *, cut_off: int = 30
) -> tuple[list[tuple[str, int, str]], list[AnnouncedState]]:
    """What is announced of it: type, day and cause; and everything announced so far."""
    announced = announced or []
    announcer = Announcer(DAY + timedelta(days=cut_off), {"a": len(announced)})
    made = list(announcer.states(history, announced))
    remembered = [
        AnnouncedState("a", each.sequence, each.event_id, each.event_type, each.effective_at)
        for each in made
    ]
    return [
        (each.event_type, (each.effective_at - DAY).days, each.cause) for each in made
    ], announced + remembered


def test_turns_are_announced_and_what_only_decides_otherwise_is_not() -> None:
    history = [
        change(0, "opened"),
        change(1, "stays_open", "article"),
        change(2, "closed", "close"),
    ]
    made, announced = announce(history)
    assert made == [(OPENED, 0, "published"), (CLOSED, 2, "override")]
    assert announce(history, announced) == ([], announced)


def test_the_last_word_is_true_after_each_change_of_mind() -> None:
    opened, closed = change(0, "opened"), change(14, "closed")
    _, announced = announce([opened, closed])
    extended = change(0, "opened", "extend", changed=16)
    made, announced = announce([extended], announced)
    assert made == [(REOPENED, 16, "override; after 2")]
    made, announced = announce([opened, closed], announced)
    assert made == [(CLOSED, 14, "schedule; after 3")]
    made, announced = announce([extended], announced)
    assert made == [(REOPENED, 16, "override; after 4")]
    assert len({each.event_id for each in announced}) == len(announced) == 5


def test_a_closing_whose_time_is_another_after_all_is_announced_again() -> None:
    late, early = change(14, "closed"), change(3, "closed", "close")
    _, announced = announce([change(0, "opened"), late])
    made, announced = announce([change(0, "opened"), early], announced)
    assert made == [(CLOSED, 3, "override")]
    made, announced = announce([change(0, "opened"), late], announced)
    assert made == [(CLOSED, 14, "schedule; after 3")]
    assert announce([change(0, "opened"), late], announced)[0] == []


def test_without_a_history_nothing_is_announced() -> None:
    assert announce([])[0] == []


@pytest.mark.parametrize(
    ("age", "suppressed"), [(timedelta(days=7), False), (timedelta(days=7, microseconds=1), True)]
)
def test_only_what_is_older_than_seven_days_is_suppressed(age: timedelta, suppressed: bool) -> None:
    (made,) = Announcer(DAY + age, {}).states([change(0, "opened")], [])
    assert made.suppressed is suppressed


def test_an_id_depends_on_everything_that_it_names() -> None:
    ids = {
        event_id(*parts)
        for parts in product(
            (OPENED, CLOSED),
            ("a", "b"),
            (None, "a", "b"),
            (DAY, DAY + timedelta.resolution),
            ("x", "y"),
        )
    }
    assert len(ids) == 48


def test_the_page_names_every_cause_and_no_other() -> None:
    page = (ROOT / "docs" / "discussion-events.md").read_text(encoding="utf-8")
    rows = page[page.index("| cause |") : page.index("Moving the end")].strip().splitlines()[2:]
    named = {name for row in rows for name in re.findall("`(.+?)`", row.split("|")[1])}
    made = {closing_cause(reason) for reason in REASONS}
    made |= {
        reopening_cause(reason, before) for reason, before in product(REASONS, (None, *REASONS))
    }
    assert named == made | {"published"}
