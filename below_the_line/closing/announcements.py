"""What closing runs tell the world: which events follow from what is true now and what was told
before. Pure.

The history of an article up to the cut-off is a function of events and rules; what was told is not,
because a late event can change what was believed. So the changes of state that were not told are
told in order of effect, and if the last one told is not the state that holds, it is taken back by
one event more. The same for the lateness of a comment.

An event's id is the uuid5 of its type, article, comment, effective time and cause. What takes back
an earlier event names that event's number in its cause, so that the same state can be told again
under another id, and a run that is repeated makes the same ids.
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
"""Of the ids of all events of this project."""
TOLD_FOR: Final = timedelta(days=7)
"""A change that took effect longer than this before the cut-off is written down, but not sent."""

OPENED: Final = "discussion.opened.v1"
CLOSED: Final = "discussion.closed.v1"
REOPENED: Final = "discussion.reopened.v1"
LATE: Final = "comment.late.v1"
LATE_WITHDRAWN: Final = "comment.late_withdrawn.v1"

_TYPE_OF = {"opened": OPENED, "closed": CLOSED, "reopened": REOPENED}


@dataclass(frozen=True, slots=True)
class StateChange:
    """A change of a discussion's state, or (``stays_open``, ``stays_closed``) only of what decides
    it.
    """

    article_id: str
    effective_at: datetime
    change: str
    reason: str
    changed_at: datetime | None
    """When what decides was made known: the event's time; of a rule, the later of the last version
    of the article, and its creation if it took another one's place. None: unknown.
    """
    closes_at: datetime | None
    """End of what was opened; None: without end, or closed."""

    @property
    def accepted(self) -> bool:
        """Whether comments are accepted from then on."""
        return self.change in ("opened", "reopened", "stays_open")


@dataclass(frozen=True, slots=True)
class ToldState:
    """An event that was told about a discussion's state."""

    article_id: str
    sequence: int
    event_id: UUID
    event_type: str
    effective_at: datetime


@dataclass(frozen=True, slots=True)
class Doubt:
    """A comment whose lateness is not what was told last."""

    article_id: str
    comment_id: str
    posted_at: datetime
    is_late: bool
    reason: str | None
    """What decides at posted_at; None: it was posted before the discussion opened."""
    changed_at: datetime | None
    """When that was made known."""
    by_rule: bool
    told_sequence: int | None
    """Number of what was told last about this comment; None: nothing."""
    told_effective_at: datetime | None
    told_suppressed: bool | None


@dataclass(frozen=True, slots=True)
class Announcement:
    """An event to be told."""

    article_id: str
    sequence: int
    event_id: UUID
    event_type: str
    comment_id: str | None
    effective_at: datetime
    cause: str
    """Of the outbox: the token of ``data``, and which event it takes back, if it does."""
    data: Mapping[str, Any]
    suppressed: bool


class Announcer:
    """Numbers and makes the events of one transaction. ``last_sequences``: of what was told before,
    by article.
    """

    def __init__(self, cut_off: datetime, last_sequences: Mapping[str, int]) -> None:
        self._oldest_sent = cut_off - TOLD_FOR
        self._sequences = dict(last_sequences)

    def states(
        self, history: Sequence[StateChange], told: Sequence[ToldState]
    ) -> Iterator[Announcement]:
        """What is to be told of one article's states: its history as it holds, in order, and what
        was told, in order.
        """
        if not history:
            return
        article = history[0].article_id
        told_ids = {each.event_id for each in told}
        last = told[-1] if told else None
        last_flip = history[0]
        for before, change in zip((None, *history), history, strict=False):
            if change.change not in _TYPE_OF:
                continue
            last_flip = change
            event_type, cause = _TYPE_OF[change.change], state_cause(change, before)
            if event_id(event_type, article, None, change.effective_at, cause) in told_ids:
                continue
            made = self._make(
                event_type, article, None, change.effective_at, cause, _closing_time(change)
            )
            last = ToldState(article, made.sequence, made.event_id, event_type, change.effective_at)
            yield made
        now = history[-1]
        if last is None:
            return
        if now.accepted:
            if last.event_type != CLOSED:
                return
            # Its own opening may lie long before what is taken back: it opened again when that was
            # decided.
            effective_at = max(
                at for at in (last.effective_at, now.effective_at, now.changed_at) if at is not None
            )
            yield self._make(
                *(REOPENED, article, None, effective_at, reopening_cause(now.reason, None)),
                _closing_time(now),
                takes_back=last.sequence,
            )
        elif (last.event_type, last.effective_at) != (CLOSED, last_flip.effective_at):
            place = history.index(last_flip)
            cause = state_cause(last_flip, history[place - 1] if place else None)
            yield self._make(
                CLOSED, article, None, last_flip.effective_at, cause, {}, takes_back=last.sequence
            )

    def comments(self, doubts: Iterable[Doubt]) -> Iterator[Announcement]:
        """What is to be told of comments."""
        for doubt in doubts:
            moments = [doubt.posted_at] if doubt.is_late else []
            if doubt.told_effective_at is not None:
                moments.append(doubt.told_effective_at)
            # A rule may be younger than what it is for, as with an archive: it takes nothing away
            # that was told before.
            if doubt.changed_at is not None and (
                doubt.told_sequence is not None or not doubt.by_rule
            ):
                moments.append(doubt.changed_at)
            yield self._make(
                LATE if doubt.is_late else LATE_WITHDRAWN,
                doubt.article_id,
                doubt.comment_id,
                max(moments),
                closing_cause(doubt.reason)
                if doubt.is_late
                else reopening_cause(doubt.reason, None),
                {"comment_id": doubt.comment_id, "posted_at": rfc3339(doubt.posted_at)},
                takes_back=doubt.told_sequence,
                # Nobody heard that it was late.
                suppressed=not doubt.is_late and bool(doubt.told_suppressed),
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
        takes_back: int | None = None,
        suppressed: bool = False,
    ) -> Announcement:
        sequence = self._sequences[article] = self._sequences.get(article, 0) + 1
        full_cause = cause if takes_back is None else f"{cause}; after {takes_back}"
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
    """The id of an event: the same whenever and by whomever it is made."""
    # No part contains a zero character, so that no two events are written alike.
    return uuid5(
        NAMESPACE, "\0".join((event_type, article, comment or "", rfc3339(effective_at), cause))
    )


def state_cause(change: StateChange, before: StateChange | None) -> str:
    """Why a discussion opened, closed or opened again, as one of the tokens of
    docs/discussion-events.md.
    """
    if change.change == "closed":
        return closing_cause(change.reason)
    if before is None:
        return "published"
    return reopening_cause(change.reason, before.reason)


def closing_cause(reason: str | None) -> str:
    """Why comments are not accepted, by what decides."""
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
    """Why comments are accepted (again), by what decides and what decided before."""
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
