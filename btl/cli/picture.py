"""A discussion as a picture: counts in equal steps of time, and when it was open.

Drawing is pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import psycopg

from below_the_line.closing.timeline import TimelineReport
from below_the_line.resources import sql

BLOCKS = "▁▂▃▄▅▆▇█"
OPEN, PARTLY, CLOSED, PLANNED, BEFORE = "█", "▌", "░", "─", " "
FAR = timedelta(days=90)
"""An end that is further ahead is written, not drawn."""
_STEPS = (
    *(timedelta(minutes=count) for count in (1, 2, 5, 10, 15, 30)),
    *(timedelta(hours=count) for count in (1, 2, 3, 6, 12)),
    *(timedelta(days=count) for count in (1, 2, 7, 14, 28, 91, 182, 364)),
)


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a discussion, past or planned."""

    at: datetime | None
    """None: from the beginning, because the time of publication is unknown."""
    what: str
    """Opened, closed, reopened; or still open or still closed, with another reason."""
    why: str
    planned: bool
    """Whether it is after the cut-off: it happens if no other event changes it."""


@dataclass(frozen=True, slots=True)
class Picture:
    """Counts per step: the first step begins at ``starts_at``, and each is ``step`` long."""

    starts_at: datetime
    step: timedelta
    comments: Sequence[int]
    """Including late comments."""
    late: Sequence[int]
    reports: Sequence[int]
    """Without withdrawn reports."""

    @property
    def ends_at(self) -> datetime:
        """Return the end of the last step."""
        return self.starts_at + len(self.comments) * self.step


def look(
    connection: psycopg.Connection, explanation: TimelineReport, zone: ZoneInfo, columns: int
) -> Picture:
    """Return a picture of at most ``columns`` steps, which begin at round times of the zone."""
    article = explanation.article_id
    row = connection.execute(sql("discussion/extent.sql"), {"article": article}).fetchone()
    first_at, last_at = span(explanation, *(row or (None, None)))
    starts_at, step, steps = steps_of(first_at, last_at, zone, columns)
    counts = [[0] * steps for _ in range(3)]
    for place, *numbers in connection.execute(
        sql("discussion/activity.sql"),
        {"article": article, "first_at": starts_at, "step": step, "steps": steps},
    ):
        for kind, number in zip(counts, numbers, strict=True):
            kind[place] = number
    return Picture(starts_at, step, *counts)


def span(
    explanation: TimelineReport, first_activity: datetime | None, last_activity: datetime | None
) -> tuple[datetime, datetime]:
    """Return the first and the last instant to draw, both included."""
    cut_off = explanation.cut_off
    turns = [
        change.at
        for change in changes(explanation)
        if change.at is not None and change.at <= cut_off + FAR
    ]
    known = [
        at for at in (explanation.anchor, first_activity, last_activity, *turns) if at is not None
    ]
    if explanation.anchor is None:
        known += [event.occurred_at for event in explanation.events]
    if explanation.state == "cannot_close":
        known.append(cut_off)
    return min(known), max(known)


def steps_of(
    first_at: datetime, last_at: datetime, zone: ZoneInfo, columns: int
) -> tuple[datetime, timedelta, int]:
    """Return the beginning of the first step, the length of a step, and the number of steps that
    cover both instants.
    """
    step = _STEPS[0]
    for step in _STEPS:
        starts_at = _floor(first_at, step, zone)
        steps = (last_at - starts_at) // step + 1
        if steps <= columns:
            return starts_at, step, steps
    while True:
        step *= 2
        steps = (last_at - starts_at) // step + 1
        if steps <= columns:
            return starts_at, step, steps


def sparkline(counts: Sequence[int]) -> str:
    """Return one block per count, as high as its share of the greatest count; zero is blank."""
    most = max(counts, default=0)
    return "".join(
        " " if count == 0 else BLOCKS[-(-count * len(BLOCKS) // most) - 1] for count in counts
    )


def bar(explanation: TimelineReport, picture: Picture) -> str:
    """Return a character for each step: comments accepted throughout, in a part of it, or not;
    after the cut-off as planned.
    """
    drawn = []
    for number in range(len(picture.comments)):
        start, end = (
            picture.starts_at + number * picture.step,
            picture.starts_at + (number + 1) * picture.step,
        )
        if explanation.anchor is not None and end <= explanation.anchor:
            drawn.append(BEFORE)
            continue
        if explanation.anchor is not None:
            start = max(start, explanation.anchor)
        accepted = sum(
            (
                min(end, each.ends_at or end) - max(start, each.starts_at or start)
                for each in explanation.intervals
                if (each.starts_at is None or each.starts_at < end)
                and (each.ends_at is None or each.ends_at > start)
            ),
            timedelta(),
        )
        if start > explanation.cut_off:
            drawn.append(PLANNED if accepted else CLOSED)
        else:
            drawn.append(OPEN if accepted == end - start else PARTLY if accepted else CLOSED)
    return "".join(drawn)


def changes(explanation: TimelineReport) -> list[Change]:
    """Return the changes of the discussion from its anchor on, past and planned, by time."""
    anchor = explanation.anchor
    pieces = [
        piece
        for piece in explanation.pieces
        if anchor is None or piece.ends_at is None or piece.ends_at > anchor
    ]
    found = [
        Change(
            anchor,
            "opened" if pieces[0].accepted else "closed",
            explanation.why(pieces[0])
            if anchor is None
            else f"published; {explanation.why(pieces[0])}",
            anchor is not None and anchor > explanation.cut_off,
        )
    ]
    has_opened = pieces[0].accepted
    for before, piece in pairwise(pieces):
        if piece.accepted == before.accepted:
            what = "still open" if piece.accepted else "still closed"
        elif piece.accepted:
            what = "reopened" if has_opened else "opened"
        else:
            what = "closed"
        has_opened = has_opened or piece.accepted
        planned = piece.starts_at is not None and piece.starts_at > explanation.cut_off
        found.append(Change(piece.starts_at, what, explanation.why(piece), planned))
    return found


def _floor(at: datetime, step: timedelta, zone: ZoneInfo) -> datetime:
    """Return the last round time of the zone at or before an instant, for steps of this length."""
    local = at.astimezone(zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0).astimezone(UTC)
    return midnight if step >= timedelta(days=1) else midnight + (at - midnight) // step * step
