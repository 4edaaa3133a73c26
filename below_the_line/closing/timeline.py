"""Why a discussion is open or closed: rule, events and timeline of one article, as they are now."""

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
    """An event that the timeline is made of: of the article (published, updated, unpublished), or
    an override.
    """

    version: bytes
    """Its order key."""
    kind: str
    event_id: str
    source: str
    occurred_at: datetime
    effective_at: datetime
    """When it takes effect; of a close that was announced, when it was decided."""
    closes_at: datetime | None
    window_hours: int | None
    enabled: bool | None
    published_at: datetime | None
    site: str | None
    section: str | None
    decided_by: str | None
    reason: str | None

    @property
    def is_override(self) -> bool:
        """Whether an editor decided it."""
        return self.kind not in ("published", "updated", "unpublished")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of time in which the same thing decides. None as a bound: from the beginning,
    without end.
    """

    starts_at: datetime | None
    ends_at: datetime | None
    accepted: bool
    cause: str
    event: ClosingEvent | None
    """Which event decides; None: a rule, or nothing at all."""

    def covers(self, at: datetime) -> bool:
        """Whether the instant lies in it."""
        return (self.starts_at is None or self.starts_at <= at) and (
            self.ends_at is None or at < self.ends_at
        )


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that decides when an article's discussion is open."""

    article_id: str
    headline: str | None
    url: str | None
    anchor: datetime | None
    """Its least time of publication."""
    site: str | None
    section: str | None
    rule: Rule | None
    """In force at the anchor, also where the article or an editor overrides it."""
    pieces: Sequence[Piece]
    events: Sequence[ClosingEvent]
    """In order of their versions."""
    cut_off: datetime
    """Up to where everything is ingested: that of the last barrier passed, else the present."""
    cut_off_is_known: bool
    """Whether a barrier was ever passed."""
    stored_state: str | None
    """As the last closing run left it; None: no run has seen the article."""
    stored_closes_at: datetime | None
    stored_closed_at: datetime | None
    marked_at: datetime | None
    """Since when the window waits for a closing run."""

    @property
    def now(self) -> Piece:
        """The piece of the cut-off."""
        return next(piece for piece in self.pieces if piece.covers(self.cut_off))

    @property
    def intervals(self) -> list[tuple[datetime | None, datetime | None]]:
        """When comments are in time, from the anchor on."""
        found: list[tuple[datetime | None, datetime | None]] = []
        for piece in self.pieces:
            start, end = piece.starts_at, piece.ends_at
            if not piece.accepted or (
                self.anchor is not None and end is not None and end <= self.anchor
            ):
                continue
            if self.anchor is not None and (start is None or start < self.anchor):
                start = self.anchor
            if found and start is not None and found[-1][1] == start:
                found[-1] = (found[-1][0], end)
            else:
                found.append((start, end))
        return found

    @property
    def closes_at(self) -> datetime | None:
        """End of the last interval; the anchor if there is none; None: without end."""
        return self.intervals[-1][1] if self.intervals else self.anchor

    @property
    def closed_at(self) -> datetime | None:
        """When it closed last, up to the cut-off; None: it has not closed yet."""
        ended = [end for _, end in self.intervals if end is not None and end <= self.cut_off]
        if ended:
            return ended[-1]
        return None if self.now.accepted else self.anchor

    @property
    def state(self) -> str:
        """Open, closed or cannot_close, at the cut-off."""
        if not self.now.accepted:
            return "closed"
        return "cannot_close" if self.closes_at is None and self.intervals else "open"

    @property
    def is_applied(self) -> bool:
        """Whether the tables say what is said here."""
        stored = (self.stored_state, self.stored_closes_at, self.stored_closed_at)
        return self.marked_at is None and stored == (self.state, self.closes_at, self.closed_at)

    def why(self, piece: Piece) -> str:
        """What decides in a piece, without times."""
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


def explain(connection: psycopg.Connection, article: str) -> Explanation:
    """The explanation of an article's discussion, from events and rules as they are, in one
    snapshot.

    Needs an idle connection. Raises BelowTheLineError if no article or override event named it.
    """
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        found = _row(connection, article)
        with connection.cursor(row_factory=class_row(ClosingEvent)) as cursor:
            events = cursor.execute(sql("rules/events.sql"), {"article": article}).fetchall()
        by_version = {event.version: event for event in events}
        pieces = [
            Piece(starts_at, ends_at, accepted, cause, by_version.get(version))
            for starts_at, ends_at, accepted, cause, version in connection.execute(
                sql("rules/pieces.sql"), {"article": article}
            )
        ]
        barrier = last_barrier(connection)
        rule_id = found.pop("rule_id")
        rule = next((rule for rule in all_rules(connection) if rule.rule_id == rule_id), None)
        return Explanation(
            rule=rule,
            pieces=pieces,
            events=events,
            cut_off=barrier.cut_off if barrier else database_clock(connection),
            cut_off_is_known=barrier is not None,
            **found,
        )


def _row(connection: psycopg.Connection, article: str) -> dict[str, Any]:
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(sql("rules/article.sql"), {"article": article}).fetchone()
    if row is None:
        raise _unknown_article(connection, article)
    return row


def _unknown_article(connection: psycopg.Connection, article: str) -> BelowTheLineError:
    """What is known of an article of which no article event and no override has told: what lies
    below it, or nothing.
    """
    below = connection.execute(sql("provenance/mentions.sql"), {"article_id": article}).fetchone()
    comments, reports = below or (0, 0)
    hint = f"`btl dead-letters list --article {article}` shows whether its events were refused."
    if not comments and not reports:
        return BelowTheLineError(
            f"No event has named the article {article!r}.", f"Check its id; {hint}"
        )
    counts = " and ".join(
        counted(count, what)
        for count, what in ((comments, "comment"), (reports, "report"))
        if count
    )
    return BelowTheLineError(
        f"No article event has come for {article!r}, only {counts} below it: when it was published"
        " is not known.",
        f"Does the site send article.published? {hint}",
    )


def _named(event: ClosingEvent) -> str:
    return f"{event.kind} event {event.event_id} of {event.source}"
