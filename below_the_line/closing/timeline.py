"""Explains why the discussion of an article is open or closed, from the rule, the events and the
timeline as they are now.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row, dict_row

from below_the_line.closing.barrier import database_clock
from below_the_line.closing.rules import Rule, all_rules, duration, last_barrier
from below_the_line.errors import BelowTheLineError
from below_the_line.plurals import counted
from below_the_line.resources import sql


@dataclass(frozen=True, slots=True)
class ClosingEvent:
    """An event that the timeline depends on: an article event (published, updated, unpublished) or
    an override.
    """

    version: bytes
    """The order key."""
    kind: str
    event_id: str
    source: str
    occurred_at: datetime
    effective_at: datetime
    """When it takes effect; for a close with a later ``closes_at``, when it was decided."""
    closes_at: datetime | None
    window_hours: int | None
    enabled: bool | None
    published_at: datetime | None
    published_at_corrected: bool | None
    """Whether it says that the publication time before was wrong; None: it does not say."""
    site: str | None
    section: str | None
    decided_by: str | None
    reason: str | None

    @property
    def is_override(self) -> bool:
        """Whether an editor decided it, with a discussion.overridden event."""
        return self.kind not in ("published", "updated", "unpublished")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of time in which the same event or rule decides. None as a bound: from the
    beginning, or without end.
    """

    starts_at: datetime | None
    ends_at: datetime | None
    accepted: bool
    cause: str
    event: ClosingEvent | None
    """The event that decides; None: a rule decides, or no publication time is known."""

    def covers(self, at: datetime) -> bool:
        """Whether the instant lies in it."""
        return (self.starts_at is None or self.starts_at <= at) and (
            self.ends_at is None or at < self.ends_at
        )


@dataclass(frozen=True, slots=True)
class AnchorChange:
    """A version that set the anchor."""

    anchor: datetime
    cause: str
    """``first``; ``corrected``: the version says that the time before was wrong; ``moved``: an
    embargo, before it was reached; ``earlier``.
    """
    event: ClosingEvent

    @property
    def words(self) -> str:
        """What happened, and by which event."""
        how = {
            "first": "first given",
            "corrected": "corrected",
            "moved": "moved before it was reached",
            "earlier": "made earlier",
        }[self.cause]
        return f"{how} by {_named(self.event)}"


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of time in which comments are in time. None as a bound: from the beginning, or
    without end.
    """

    starts_at: datetime | None
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class TimelineReport:
    """Everything that decides when an article's discussion is open, and what follows from it."""

    article_id: str
    headline: str | None
    url: str | None
    anchor: datetime | None
    """The publication time that counts; None: none is known."""
    anchor_changes: Sequence[AnchorChange]
    """The versions that set it, in order; the last one gave the anchor."""
    site: str | None
    section: str | None
    rule: Rule | None
    """The rule in force at the anchor, also where the article or an editor overrides it."""
    pieces: Sequence[Piece]
    events: Sequence[ClosingEvent]
    """In order of their versions."""
    cut_off: datetime
    """Up to when everything is ingested: the cut-off of the last barrier passed, else the
    present.
    """
    cut_off_is_known: bool
    """Whether a barrier was ever passed."""
    intervals: Sequence[Interval]
    """When comments are in time, in order, from the anchor on."""
    closes_at: datetime | None
    """End of the last interval; the anchor if there is no interval; None: without end."""
    closed_at: datetime | None
    """When it closed last, up to the cut-off; None: it has not closed yet."""
    state: str
    """``open``, ``closed`` or ``cannot_close``, at the cut-off."""
    stored_state: str | None
    """As the last closing run left it; None: no run has seen the article."""
    stored_closes_at: datetime | None
    stored_closed_at: datetime | None
    marked_at: datetime | None
    """Since when the window waits for a closing run; None: it does not wait."""

    @property
    def now(self) -> Piece:
        """Return the piece that contains the cut-off."""
        return next(piece for piece in self.pieces if piece.covers(self.cut_off))

    @property
    def is_applied(self) -> bool:
        """Return whether the last closing run stored the window that this report shows."""
        stored = (self.stored_state, self.stored_closes_at, self.stored_closed_at)
        return self.marked_at is None and stored == (self.state, self.closes_at, self.closed_at)

    def why(self, piece: Piece) -> str:
        """Return in words what decides in a piece, without times."""
        event = piece.event
        if piece.cause == "rule" and self.rule is not None:
            said = (
                f"rule {self.rule.rule_id} ({self.rule.whom}: {duration(self.rule.window_hours)}"
                " from publication)"
            )
        elif piece.cause == "article" and event is not None:
            own = (
                "closes_at"
                if event.closes_at is not None
                else f"window of {duration(event.window_hours or 0)}"
            )
            said = f"the article's own {own}, {_named(event)}"
        elif piece.cause == "disabled" and event is not None:
            said = f"comments disabled, {_named(event)}"
        elif piece.cause == "unpublished" and event is not None:
            said = f"{_named(event)}{f': {event.reason}' if event.reason else ''}"
        elif event is not None:
            said = f"{event.kind} by {event.decided_by} ({event.reason})"
        else:
            said = "no publication time is known"
        if not piece.accepted and piece.cause in ("rule", "article", "extend", "reopen"):
            said = f"end of {said}"
        for ended in self.events:
            if ended.kind in ("clear", "release") and ended.effective_at == piece.starts_at:
                said += f", after {ended.kind} by {ended.decided_by} ({ended.reason})"
        return said


def report_timeline(connection: psycopg.Connection, article: str) -> TimelineReport:
    """Read the timeline of an article from events and rules as they are, in one snapshot.

    Needs an idle connection. Raises BelowTheLineError if no article or override event named the
    article.
    """
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        barrier = last_barrier(connection)
        cut_off = barrier.cut_off if barrier else database_clock(connection)
        found = _row(connection, article, cut_off)
        rule_id = found.pop("rule_id")
        with connection.cursor(row_factory=class_row(ClosingEvent)) as cursor:
            events = cursor.execute(sql("rules/events.sql"), {"article": article}).fetchall()
        by_version = {event.version: event for event in events}
        pieces = [
            Piece(starts_at, ends_at, accepted, cause, by_version.get(version))
            for starts_at, ends_at, accepted, cause, version in connection.execute(
                sql("rules/pieces.sql"), {"article": article}
            )
        ]
        changes = [
            AnchorChange(anchor, cause, by_version[version])
            for version, anchor, cause in connection.execute(
                sql("rules/anchor_changes.sql"), {"article": article}
            )
        ]
        return TimelineReport(
            anchor_changes=changes,
            rule=next((rule for rule in all_rules(connection) if rule.rule_id == rule_id), None),
            pieces=pieces,
            events=events,
            cut_off=cut_off,
            cut_off_is_known=barrier is not None,
            intervals=[Interval(each.lower, each.upper) for each in found.pop("intervals")],
            **found,
        )


def _row(connection: psycopg.Connection, article: str, cut_off: datetime) -> dict[str, Any]:
    parameters = {"article": article, "cut_off": cut_off}
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(sql("rules/article.sql"), parameters).fetchone()
        window = cursor.execute(sql("rules/window.sql"), parameters).fetchone()
    if row is None or window is None:
        raise _unknown_article(connection, article)
    return row | window


def _unknown_article(connection: psycopg.Connection, article: str) -> BelowTheLineError:
    """Return the error for an article that no article event and no override named. It says whether
    there are comments or reports below the article.
    """
    below = connection.execute(sql("provenance/mentions.sql"), {"article_id": article}).fetchone()
    comments, reports = below or (0, 0)
    # A role that may not read dead letters is not sent to them.
    ((may_read,),) = connection.execute(sql("provenance/may_read_dead_letters.sql"))
    rejected = (
        f"`btl dead-letters list --article {article}` shows whether its events were rejected."
    )
    hint = f" {rejected}" if may_read else ""
    if not comments and not reports:
        return BelowTheLineError(
            f"No event has named the article {article!r}.", f"Check its id.{hint}"
        )
    counts = " and ".join(
        counted(count, what)
        for count, what in ((comments, "comment"), (reports, "report"))
        if count
    )
    return BelowTheLineError(
        f"No article event has come for {article!r}, only {counts} below it: its"
        " publication time is not known.",
        f"Does the site send article.published?{hint}",
    )


def _named(event: ClosingEvent) -> str:
    return f"{event.kind} event {event.event_id} of {event.source}"
