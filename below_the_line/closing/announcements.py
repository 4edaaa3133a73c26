"""Decides which events a closing run announces, from the present history and from the events
announced before. Pure.

The history of an article up to the cut-off depends on events and rules only. What was announced
does not, because a late event can change the history afterwards. So a run announces the changes of
state that were not announced, in order of effect. If the last one announced is then not the present
state, one more event corrects it. The same holds for the lateness of a comment.

An event's id is the uuid5 of its type, article, comment, effective time and cause. An event that
corrects an earlier one names the earlier one's number in its cause. So the same state can be
announced again under another id, and a repeated run makes the same ids.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import NAMESPACE_URL, UUID, uuid5

from below_the_line.kafka.envelopes import rfc3339

TOPIC: Final = "discussion-events"
SOURCE: Final = "/below-the-line"
NAMESPACE: Final = uuid5(NAMESPACE_URL, "https://below-the-line.example/discussion-events")
"""The namespace of the ids of all events of this project."""
MAX_AGE_SENT: Final = timedelta(days=7)
"""A change that took effect longer than this before the cut-off is recorded, but not sent."""

OPENED: Final = "discussion.opened.v1"
CLOSED: Final = "discussion.closed.v1"
REOPENED: Final = "discussion.reopened.v1"
LATE: Final = "comment.late.v1"
LATE_WITHDRAWN: Final = "comment.late_withdrawn.v1"

_TYPE_OF = {"opened": OPENED, "closed": CLOSED, "reopened": REOPENED}


@dataclass(frozen=True, slots=True)
class StateChange:
    """A change of a discussion's state, or, for ``stays_open`` and ``stays_closed``, only of what
    decides the state.
    """

    article_id: str
    effective_at: datetime
    change: str
    reason: str
    changed_at: datetime | None
    """When it became known what decides. That is the time of the deciding event. For a rule it is
    the later of two times: the last version of the article, and the creation of the rule if it
    replaced another one. None: unknown.
    """
    closes_at: datetime | None
    """End of the interval that was opened; None: without end, or closed."""

    @property
    def accepted(self) -> bool:
        """Return whether comments are accepted from then on."""
        return self.change in ("opened", "reopened", "stays_open")


@dataclass(frozen=True, slots=True)
class AnnouncedState:
    """An event that was announced about a discussion's state."""

    article_id: str
    sequence: int
    event_id: UUID
    event_type: str
    effective_at: datetime


@dataclass(frozen=True, slots=True)
class LatenessChange:
    """A comment whose lateness is not what was announced last."""

    article_id: str
    comment_id: str
    posted_at: datetime
    is_late: bool
    reason: str | None
    """What decides at posted_at; None: it was posted before the discussion opened."""
    changed_at: datetime | None
    """When that became known."""
    by_rule: bool
    announced_sequence: int | None
    """Number of the last event announced about this comment; None: there is no such event."""
    announced_effective_at: datetime | None
    announced_suppressed: bool | None


@dataclass(frozen=True, slots=True)
class Announcement:
    """An event to announce."""

    article_id: str
    sequence: int
    event_id: UUID
    event_type: str
    comment_id: str | None
    effective_at: datetime
    cause: str
    """As in the outbox: the cause in ``data``, and the number of the event that it corrects, if
    any.
    """
    data: Mapping[str, Any]
    suppressed: bool


class Announcer:
    """Makes and numbers the events of one transaction. ``last_sequences``: by article, the number
    of the last event that was announced before.
    """

    def __init__(self, cut_off: datetime, last_sequences: Mapping[str, int]) -> None:
        self._oldest_sent = cut_off - MAX_AGE_SENT
        self._sequences = dict(last_sequences)

    def states(
        self, history: Sequence[StateChange], announced: Sequence[AnnouncedState]
    ) -> Iterator[Announcement]:
        """Yield the events to announce about the states of one article, given its present history
        and the events announced before, both in order.
        """
        if not history:
            return
        article = history[0].article_id
        announced_ids = {each.event_id for each in announced}
        last = announced[-1] if announced else None
        last_flip = history[0]
        for before, change in zip((None, *history), history, strict=False):
            if change.change not in _TYPE_OF:
                continue
            last_flip = change
            event_type, cause = _TYPE_OF[change.change], state_cause(change, before)
            if event_id(event_type, article, None, change.effective_at, cause) in announced_ids:
                continue
            made = self._make(
                event_type, article, None, change.effective_at, cause, _closing_time(change)
            )
            last = AnnouncedState(
                article, made.sequence, made.event_id, event_type, change.effective_at
            )
            yield made
        now = history[-1]
        if last is None:
            return
        if now.accepted:
            if last.event_type != CLOSED:
                return
            # Its own opening may lie long before the event to correct: it opened again when the
            # correction was decided.
            effective_at = max(
                at for at in (last.effective_at, now.effective_at, now.changed_at) if at is not None
            )
            yield self._make(
                *(REOPENED, article, None, effective_at, reopening_cause(now.reason, None)),
                _closing_time(now),
                corrects=last.sequence,
            )
        elif (last.event_type, last.effective_at) != (CLOSED, last_flip.effective_at):
            place = history.index(last_flip)
            cause = state_cause(last_flip, history[place - 1] if place else None)
            yield self._make(
                CLOSED, article, None, last_flip.effective_at, cause, {}, corrects=last.sequence
            )

    def comments(self, changes: Iterable[LatenessChange]) -> Iterator[Announcement]:
        """Yield the events to announce about comments."""
        for change in changes:
            moments = [change.posted_at] if change.is_late else []
            if change.announced_effective_at is not None:
                moments.append(change.announced_effective_at)
            # A rule may be younger than its articles, as with an archive. It then corrects nothing
            # that was announced before.
            if change.changed_at is not None and (
                change.announced_sequence is not None or not change.by_rule
            ):
                moments.append(change.changed_at)
            yield self._make(
                LATE if change.is_late else LATE_WITHDRAWN,
                change.article_id,
                change.comment_id,
                max(moments),
                closing_cause(change.reason)
                if change.is_late
                else reopening_cause(change.reason, None),
                {"comment_id": change.comment_id, "posted_at": rfc3339(change.posted_at)},
                corrects=change.announced_sequence,
                # If nobody received that it was late, nobody needs the correction.
                suppressed=not change.is_late and bool(change.announced_suppressed),
            )

    def _make(
        self,
        event_type: str,
        article: str,
        comment: str | None,
        effective_at: datetime,
        cause: str,
        more: Mapping[str, Any],
        *,
        corrects: int | None = None,
        suppressed: bool = False,
    ) -> Announcement:
        sequence = self._sequences[article] = self._sequences.get(article, 0) + 1
        full_cause = cause if corrects is None else f"{cause}; after {corrects}"
        return Announcement(
            article,
            sequence,
            event_id(event_type, article, comment, effective_at, full_cause),
            event_type,
            comment,
            effective_at,
            full_cause,
            {
                "article_id": article,
                "sequence": sequence,
                "effective_at": rfc3339(effective_at),
                "cause": cause,
                **more,
            },
            suppressed or effective_at < self._oldest_sent,
        )


def event_id(
    event_type: str, article: str, comment: str | None, effective_at: datetime, cause: str
) -> UUID:
    """Return the id of an event, which depends on these values only."""
    # No part contains a zero character, so no two different events give the same text.
    return uuid5(
        NAMESPACE, "\0".join((event_type, article, comment or "", rfc3339(effective_at), cause))
    )


def state_cause(change: StateChange, before: StateChange | None) -> str:
    """Return why a discussion opened, closed or opened again: one of the causes of
    docs/discussion-events.md.
    """
    if change.change == "closed":
        return closing_cause(change.reason)
    if before is None:
        return "published"
    return reopening_cause(change.reason, before.reason)


def closing_cause(reason: str | None) -> str:
    """Return the cause that comments are not accepted, from what decides."""
    match reason:
        case "close":
            return "override"
        case "hold" | "unpublished":
            return reason
        case "disabled":
            return "settings"
        case _:
            return "schedule"


def reopening_cause(reason: str | None, reason_before: str | None) -> str:
    """Return the cause that comments are accepted (again), from what decides now and before."""
    if reason_before == "hold":
        return "release"
    if reason_before == "unpublished":
        return "republished"
    if reason in ("reopen", "extend") or reason_before == "close":
        return "override"
    if reason == "article" or reason_before in ("disabled", "article"):
        return "settings"
    return "rule"


def _closing_time(change: StateChange) -> Mapping[str, Any]:
    if not change.accepted:
        return {}
    return {"closes_at": None if change.closes_at is None else rfc3339(change.closes_at)}
