"""What WordPress, and Akismet in it, say of the decisions about a comment."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from below_the_line.contracts.times import EPOCH
from btl.archives.records import Decision, UnreadableRowError
from btl.archives.xml_stream import Item

_APPROVED, _PENDING, _SPAM, _TRASH = "approved", "pending", "spam", "trash"
_STATES = {
    # Of a comment whose state is not said: files of other programs.
    "": _APPROVED,
    "1": _APPROVED,
    "approve": _APPROVED,
    "approved": _APPROVED,
    "0": _PENDING,
    "hold": _PENDING,
    "spam": _SPAM,
    "trash": _TRASH,
}
BEFORE_TRASH = "post-trashed"
"""The state of comments whose post is in the trash: their own is with the post."""

_AKISMET = "akismet"
_WORDPRESS = "wordpress"
_EVENTS: Mapping[str, tuple[Decision, str | None, str | None]] = {
    "status-approved": ("approved", None, None),
    "report-ham": ("approved", None, None),
    "status-spam": ("rejected", "spam", None),
    "report-spam": ("rejected", "spam", None),
    "status-trash": ("rejected", None, None),
    "check-spam": ("rejected", "spam", _AKISMET),
    "recheck-spam": ("rejected", "spam", _AKISMET),
    "cron-retry-spam": ("rejected", "spam", _AKISMET),
    "wp-blacklisted": ("rejected", None, _WORDPRESS),
    "wp-disallowed": ("rejected", None, _WORDPRESS),
}
"""Entries of Akismet's history: the decision, its reason, and the program that decided, unless a
person did.
"""
_SHOWS_THAT_IT_WAITED = {
    *("status-approved", "status-hold", "report-ham", "check-spam", "recheck-spam"),
    *("cron-retry-spam", "wp-blacklisted", "wp-disallowed"),
}
"""The first entries of histories of comments that readers did not see at once."""

# PHP's serialization of an array.
_TIME = re.compile(r's:4:"time";[id]:(\d+(?:\.\d+)?)')
_EVENT = re.compile(r's:5:"event";s:\d+:"([^"]*)"')
_USER = re.compile(r's:4:"user";s:\d+:"([^"]*)"')
_STATE_OF_COMMENT = re.compile(r'i:(\d+);s:\d+:"([^"]*)"')


class Decided(NamedTuple):
    """A decision, as the members of a ``Moderation`` after its ids."""

    decision: Decision
    reason: str | None
    decided_by: str | None
    automated: bool
    decided_at: datetime | None


class State(NamedTuple):
    """What a comment went through."""

    held: bool
    """It waited before readers saw it, or still waits."""
    decisions: tuple[Decided, ...]
    """In the order in which they were made; the last one is in force."""


class _Entry(NamedTuple):
    at: datetime
    event: str
    user: str


def state_of(item: Item, before_trash: str | None, ids: Mapping[str, str]) -> State:
    """Return what a comment went through.

    ``before_trash`` is its state before its post went into the trash, if it did, and ``ids`` has
    people's ids by their logins. Raises UnreadableRowError: WordPress has no such state.
    """
    stored = (item.text("wp:comment_approved") or "").lower()
    if stored == BEFORE_TRASH:
        # Without a note of its state: readers saw it with the post, as far as anybody knows.
        stored = before_trash or "1"
    state = _STATES.get(stored)
    if state is None:
        raise UnreadableRowError(f"has an unknown comment_approved: {stored[:80]!r}")
    metas = item.parts.get("wp:commentmeta")
    if metas is None:
        # Nearly all comments.
        return _PLAIN[state]
    meta = {part.text("wp:meta_key"): part.text("wp:meta_value") or "" for part in metas}
    history = sorted(
        entry
        for part in metas
        if part.text("wp:meta_key") == "akismet_history"
        and (entry := _entry(part.text("wp:meta_value") or ""))
    )
    was_pending = meta.get("_wp_trash_meta_status") in {"0", "hold", "unapproved", "spam"}
    held = state in (_PENDING, _SPAM) or was_pending
    if history and history[0].event in _SHOWS_THAT_IT_WAITED:
        held = True
    if state == _PENDING:
        # Whatever was decided before, it waits again.
        return State(held, ())
    decisions = list(_decisions(history, ids))
    if state == _APPROVED:
        if decisions and decisions[-1].decision != "approved":
            decisions.append(Decided("approved", None, None, False, None))
        return State(held, tuple(decisions))
    if not decisions or decisions[-1].decision != "rejected":
        decisions.append(_last(state, meta, ids))
    return State(held, tuple(decisions))


_PLAIN = {
    _APPROVED: State(False, ()),
    _PENDING: State(True, ()),
    _SPAM: State(True, (Decided("rejected", "spam", None, True, None),)),
    _TRASH: State(False, (Decided("rejected", None, None, False, None),)),
}


def states_before_trash(serialized: str) -> dict[str, str]:
    """Return the states of comments by their ids, as a post in the trash has noted them."""
    return dict(_STATE_OF_COMMENT.findall(serialized))


def epoch_seconds(text: str | None) -> datetime | None:
    """Return a time from seconds since 1970; None if it is not one."""
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 11:
        return None
    return EPOCH + timedelta(seconds=int(text))


def _entry(serialized: str) -> _Entry | None:
    time, event, user = (each.search(serialized) for each in (_TIME, _EVENT, _USER))
    if time is None or event is None or len(time[1]) > 40:
        return None
    try:
        # Akismet's clock has microseconds.
        at = EPOCH + timedelta(microseconds=int(float(time[1]) * 1_000_000))
    except OverflowError:
        return None
    return _Entry(at, event[1], "" if user is None else user[1])


def _decisions(history: list[_Entry], ids: Mapping[str, str]) -> Iterator[Decided]:
    last = None
    for at, event, user in history:
        if event not in _EVENTS:
            continue
        decision, reason, program = _EVENTS[event]
        decided_by = program or ids.get(user, user) or None
        if (decision, program) != last:
            yield Decided(decision, reason, decided_by, program is not None, at)
        last = decision, program


def _last(state: str, meta: Mapping[str | None, str], ids: Mapping[str, str]) -> Decided:
    """The decision that put it where it is."""
    reason = "spam" if state == _SPAM else None
    user = meta.get("akismet_user") if meta.get("akismet_user_result") == "true" else None
    return Decided(
        "rejected",
        reason,
        None if user is None else ids.get(user, user),
        automated=state == _SPAM and user is None,
        decided_at=epoch_seconds(meta.get("_wp_trash_meta_time")),
    )
