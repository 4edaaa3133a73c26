"""Drawing a discussion: steps that fit, blocks that show, bars that say when it was open."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from below_the_line.closing.timeline import Interval, Piece, TimelineReport
from btl.cli.picture import BLOCKS, Picture, bar, changes, span, sparkline, steps_of

VIENNA = ZoneInfo("Europe/Vienna")
HOUR = timedelta(hours=1)
DAY = datetime(2026, 5, 1, tzinfo=UTC)


def explanation(
    *pieces: tuple[int | None, int | None, bool, str], anchor: int | None = 10, cut_off: int = 100
) -> TimelineReport:
    """A discussion whose pieces are given in hours of the day."""

    def at(hour: int | None) -> datetime | None:
        return None if hour is None else DAY + hour * HOUR

    return TimelineReport(
        article_id="a",
        headline=None,
        url=None,
        anchor=at(anchor),
        anchor_changes=[],
        site=None,
        section=None,
        rule=None,
        pieces=[
            Piece(at(start), at(end), accepted, cause, None)
            for start, end, accepted, cause in pieces
        ],
        events=[],
        cut_off=DAY + cut_off * HOUR,
        cut_off_is_known=True,
        intervals=[
            Interval(at(start), at(end))
            for start, end, accepted, _ in pieces
            if accepted and (anchor is None or end is None or end > anchor)
        ],
        closes_at=None,
        closed_at=None,
        state="cannot_close" if pieces[-1][2] else "closed",
        stored_state=None,
        stored_closes_at=None,
        stored_closed_at=None,
        marked_at=None,
    )


def picture(hours: int) -> Picture:
    return Picture(DAY, HOUR, [0] * hours, [0] * hours, [0] * hours)


RULE = ((None, 20, True, "rule"), (20, None, False, "rule"))


@pytest.mark.parametrize(
    ("counts", "drawn"),
    [
        ([], ""),
        ([0, 0], "  "),
        ([1], "█"),
        ([0, 1, 1_000], " ▁█"),
        ([1, 2, 3, 4, 5, 6, 7, 8], BLOCKS),
        ([8, 9, 16], "▄▅█"),
    ],
)
def test_the_greatest_count_is_a_full_block_and_the_least_can_be_seen(
    counts: list[int], drawn: str
) -> None:
    assert sparkline(counts) == drawn


@given(
    first=st.datetimes(
        datetime(2000, 1, 1),  # noqa: DTZ001
        datetime(2030, 1, 1),  # noqa: DTZ001
        timezones=st.just(UTC),
    ),
    length=st.timedeltas(timedelta(), timedelta(days=36_500)),
    columns=st.integers(10, 300),
)
def test_steps_fit_and_cover_everything_and_are_no_longer_than_they_must_be(
    first: datetime, length: timedelta, columns: int
) -> None:
    starts_at, step, steps = steps_of(first, first + length, VIENNA, columns)
    assert starts_at <= first < starts_at + step or step >= timedelta(days=1)
    assert starts_at <= first
    assert starts_at + (steps - 1) * step <= first + length < starts_at + steps * step
    assert 1 <= steps <= columns
    local = starts_at.astimezone(VIENNA)
    assert (local.second, local.microsecond) == (0, 0)
    assert step < timedelta(days=1) or local.hour == 0


def test_steps_begin_at_round_times_of_the_site() -> None:
    first = datetime(2026, 5, 1, 7, 20, tzinfo=UTC)  # 09:20 in Vienna
    assert steps_of(first, first + 90 * HOUR, VIENNA, 20) == (
        datetime(2026, 5, 1, 4, tzinfo=UTC),
        6 * HOUR,
        16,
    )


def test_the_bar_shows_before_open_partly_closed_and_planned() -> None:
    held = (
        (None, 12, True, "rule"),
        (12, 14, False, "hold"),
        (14, 20, True, "rule"),
        (20, None, False, "rule"),
    )
    assert bar(explanation(*held, cut_off=16), picture(22)) == " " * 10 + "██░░███───░░"
    late = Picture(DAY - HOUR / 2, HOUR, [0] * 22, [0] * 22, [0] * 22)
    assert bar(explanation(*held), late) == " " * 10 + "██▌░▌█████▌░"


def test_changes_are_told_from_the_anchor_on_and_those_ahead_are_planned() -> None:
    found = changes(
        explanation(
            (None, 5, False, "disabled"),
            (5, 15, True, "rule"),
            (15, 17, False, "close"),
            (17, 18, False, "hold"),
            (18, 30, True, "reopen"),
            (30, None, False, "reopen"),
            cut_off=20,
        )
    )
    assert [(change.at, change.what, change.planned) for change in found] == [
        (DAY + 10 * HOUR, "opened", False),
        (DAY + 15 * HOUR, "closed", False),
        (DAY + 17 * HOUR, "still closed", False),
        (DAY + 18 * HOUR, "reopened", False),
        (DAY + 30 * HOUR, "closed", True),
    ]


def test_what_was_closed_at_first_opens_later_and_does_not_reopen() -> None:
    found = changes(
        explanation((None, 15, False, "disabled"), (15, None, True, "no_publication_time"))
    )
    assert [change.what for change in found] == ["closed", "opened"]


def test_everything_is_drawn_but_an_end_that_is_far_away() -> None:
    assert span(explanation(*RULE), DAY, DAY + 50 * HOUR) == (DAY, DAY + 50 * HOUR)
    assert span(explanation(*RULE), None, None) == (DAY + 10 * HOUR, DAY + 20 * HOUR)
    far = ((None, 90_000, True, "rule"), (90_000, None, False, "rule"))
    assert span(explanation(*far), None, DAY + 12 * HOUR) == (DAY + 10 * HOUR, DAY + 12 * HOUR)
    endless = explanation((None, None, True, "reopen"), cut_off=60)
    assert span(endless, None, None) == (DAY + 10 * HOUR, DAY + 60 * HOUR)
