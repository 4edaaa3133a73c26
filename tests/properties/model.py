"""What the tables that events fill must hold, as plainly as it can be said: sort the events, look
at the first or the last.

A function of a *set* of events, written from the design's words and not from the code: it knows
nothing of batches, registers, staging or SQL. Slow, for tests.
"""

import hmac
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple

from below_the_line.contracts.events import order_key

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Row = dict[str, Any]
Tables = dict[str, dict[tuple[Any, ...], Row]]
"""Of each table, its rows by key."""


class CloudEvent(NamedTuple):
    """An event as its producer sent it: times are texts, optional members may be null or absent."""

    type: str
    id: str
    source: str
    time: str
    data: dict[str, Any]
    erased_digest: bytes | None = None
    """What stands in place of the digest of an erased event; None: it is not erased."""


class Version(NamedTuple):
    """The version of an event. Its own order, member by member, is the order of events."""

    occurred_at: int
    """Microseconds since 1970."""
    event_id: bytes
    source: bytes
    digest: bytes


def moment(text: str) -> datetime:
    """An RFC 3339 time, truncated to microseconds; a leap second is the last microsecond before
    it.
    """
    return datetime.fromisoformat(re.sub(r":60(\.\d+)?", ":59.999999", text.upper())).astimezone(
        UTC
    )


def version(event: CloudEvent) -> Version:
    """Time, id, source, digest."""
    occurred_at = (moment(event.time) - EPOCH) // timedelta(microseconds=1)
    content = json.dumps(event.data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    digest = sha256(f"{event.type}\n{occurred_at}\n{content}".encode()).digest()
    return Version(
        occurred_at, event.id.encode(), event.source.encode(), event.erased_digest or digest
    )


def as_bytes(v: Version) -> bytes:
    """A version as its column holds it. That bytes sort as versions do has a test of its own."""
    return order_key(v.occurred_at, v.event_id.decode(), v.source.decode(), v.digest)


class Told:
    """What an event says, or what is known where there is no event: nothing."""

    def __init__(self, event: CloudEvent | None) -> None:
        self.type = None if event is None else event.type
        self._data = None if event is None else event.data
        self.occurred_at = None if event is None else moment(event.time)
        self.version = None if event is None else as_bytes(version(event))

    def __call__(self, *path: str, default: Any = None) -> Any:
        """A member of ``data``; null and absent are the same, and mean the default."""
        if self._data is None:
            return None
        found: Any = self._data
        for name in path:
            found = None if found is None else found.get(name)
        return default if found is None else found

    def at(self, *path: str) -> datetime | None:
        """A time."""
        text = self(*path)
        return None if text is None else moment(text)


def first(events: Sequence[CloudEvent], *types: str) -> Told:
    """The event of least version among those of these types."""
    return Told(next((event for event in events if event.type in types), None))


def last(events: Sequence[CloudEvent], *types: str) -> Told:
    """The event of greatest version among those of these types."""
    return first(events[::-1], *types)


PUBLISHED, UPDATED, UNPUBLISHED = (
    "article.published.v1",
    "article.updated.v1",
    "article.unpublished.v1",
)
OVERRIDDEN = "discussion.overridden.v1"
POSTED, EDITED, DELETED, MODERATED = (
    "comment.posted.v1",
    "comment.edited.v1",
    "comment.deleted.v1",
    "comment.moderated.v1",
)
REPORTED, WITHDRAWN, DECIDED = "comment.reported.v1", "report.withdrawn.v1", "report.decided.v1"
ADDED, REMOVED = "reaction.added.v1", "reaction.removed.v1"


EVENT = ("article_id", "source", "event_id", "digest")
KEYS = {
    "articles": ("article_id",),
    "article_versions": EVENT,
    "discussion_overrides": EVENT,
    "comments": ("article_id", "comment_id"),
    "comment_edits": EVENT,
    "moderation_decisions": EVENT,
    "reports": ("article_id", "comment_id", "report_id"),
    "report_decisions": EVENT,
    "reactions": ("article_id", "comment_id", "user_id", "reaction"),
}


class Erasures(NamedTuple):
    """What is to be forgotten, each up to a time."""

    key: bytes
    users: dict[str, datetime]
    reporters: dict[str, datetime]
    comments: dict[tuple[str, str], datetime]

    def pseudonym(self, kind: str, person_id: str) -> str:
        message = f"{kind}\n{person_id}".encode()
        return f"erased:{self._hmac(message)[:32]}"

    def keyed(self, event: CloudEvent) -> bytes:
        """What confirms no guessed text."""
        return bytes.fromhex(self._hmac(b"digest\n" + version(event).digest))

    def _hmac(self, message: bytes) -> str:
        return hmac.new(self.key, message, sha256).hexdigest()


NOTHING_ERASED = Erasures(b"", {}, {}, {})


def erased(event: CloudEvent, **changes: Any) -> CloudEvent:
    return event._replace(data={**event.data, **changes})


class ErasedHistory:
    """The events of a history as if they had been sent erased, and up to when comments and reports
    are erased.
    """

    def __init__(self, events: Sequence[CloudEvent], erasures: Erasures) -> None:
        self._erasures = erasures
        self.comments: dict[tuple[str, ...], datetime] = {}
        self.reports: dict[tuple[str, ...], datetime] = {}
        for event in events:
            self._note(event)
        self.events = [self._erased(event) for event in events]

    def _note(self, event: CloudEvent) -> None:
        if event.type == POSTED:
            self._forget(self.comments, "comments", event, self._author_until(event))
        if event.type in (POSTED, EDITED):
            self._forget(self.comments, "comments", event, self._own_until(event))
        if event.type == REPORTED:
            self._forget(self.reports, "reports", event, self._reporter(event)[1])

    def _forget(
        self,
        until: dict[tuple[str, ...], datetime],
        table: str,
        event: CloudEvent,
        erased_at: datetime | None,
    ) -> None:
        if erased_at is not None and moment(event.time) <= erased_at:
            key = tuple(event.data[name] for name in KEYS[table])
            until[key] = max(erased_at, until.get(key, erased_at))

    def _author_until(self, event: CloudEvent) -> datetime | None:
        return self._erasures.users.get(event.data["author"]["user_id"])

    def _own_until(self, event: CloudEvent) -> datetime | None:
        return self._erasures.comments.get((event.data["article_id"], event.data["comment_id"]))

    def _reporter(self, event: CloudEvent) -> tuple[str, datetime | None]:
        reporter = event.data["reporter"]
        if reporter.get("user_id") is not None:
            return "user", self._erasures.users.get(reporter["user_id"])
        return "reporter", self._erasures.reporters.get(reporter["anonymous_id"])

    def _erased(self, event: CloudEvent) -> CloudEvent:
        def is_until(*times: datetime | None) -> bool:
            return any(time is not None and moment(event.time) <= time for time in times)

        data, keyed = event.data, self._erasures.keyed
        comment = data.get("article_id", ""), data.get("comment_id", "")
        comment_until = self.comments.get(comment), self._erasures.comments.get(comment)
        if event.type == POSTED and is_until(*comment_until):
            author = {**data["author"], "display_name": ""}
            if is_until(self._author_until(event)):
                author["user_id"] = self._erasures.pseudonym("user", author["user_id"])
            wiped = erased(event, author=author, body="")
        elif event.type == EDITED and is_until(*comment_until):
            wiped = erased(event, body="")
        elif event.type == REPORTED and is_until(self._reporter(event)[1]):
            kind, _ = self._reporter(event)
            name = "user_id" if kind == "user" else "anonymous_id"
            pseudonym = self._erasures.pseudonym(kind, data["reporter"][name])
            wiped = erased(event, reporter={name: pseudonym}, note=None, law=None)
        elif (
            event.type == DECIDED
            and data.get("explanation") is not None
            and is_until(*comment_until, self.reports.get((*comment, data["report_id"])))
        ):
            wiped = erased(event, explanation=None)
        elif event.type in (ADDED, REMOVED) and is_until(self._erasures.users.get(data["user_id"])):
            wiped = erased(event, user_id=self._erasures.pseudonym("user", data["user_id"]))
        else:
            return event
        return wiped._replace(erased_digest=keyed(event))


def tables(events: Iterable[CloudEvent], erasures: Erasures = NOTHING_ERASED) -> Tables:
    """The rows of every table after these events, in whatever order and however often they are
    given, with whatever is to be forgotten.
    """
    history = ErasedHistory(list(events), erasures)
    events = history.events
    unique = {version(event): event for event in events}
    in_order = [unique[each] for each in sorted(unique)]

    def about(table: str, *types: str) -> Iterator[tuple[Row, list[CloudEvent]]]:
        """The events about each thing that the table has a row for, in order."""
        by_key: dict[tuple[str, ...], list[CloudEvent]] = {}
        for event in in_order:
            if event.type in types:
                by_key.setdefault(tuple(event.data[name] for name in KEYS[table]), []).append(event)
        return ((dict(zip(KEYS[table], key, strict=True)), own) for key, own in by_key.items())

    def every(*types: str) -> Iterator[tuple[Row, Told]]:
        return ((identity(event), Told(event)) for event in in_order if event.type in types)

    rows: dict[str, list[Row]] = {
        "articles": [
            row | content(last(own, PUBLISHED, UPDATED)) | status(last(own, PUBLISHED, UNPUBLISHED))
            for row, own in about("articles", PUBLISHED, UPDATED, UNPUBLISHED)
        ],
        "article_versions": [
            row | article_version(told) for row, told in every(PUBLISHED, UPDATED, UNPUBLISHED)
        ],
        "discussion_overrides": [row | override(told) for row, told in every(OVERRIDDEN)],
        "comments": [
            row
            | posting(first(own, POSTED))
            | edit(last(own, EDITED))
            | deletion(first(own, DELETED))
            | decision(last(own, MODERATED))
            | {"erased_at": history.comments.get((row["article_id"], row["comment_id"]))}
            for row, own in about("comments", POSTED, EDITED, DELETED, MODERATED)
        ],
        "comment_edits": [row | comment_edit(told) for row, told in every(EDITED)],
        "moderation_decisions": [row | moderation_decision(told) for row, told in every(MODERATED)],
        "reports": [
            row
            | report(first(own, REPORTED))
            | withdrawal(first(own, WITHDRAWN))
            | {"erased_at": history.reports.get(tuple(row[name] for name in KEYS["reports"]))}
            for row, own in about("reports", REPORTED, WITHDRAWN)
        ],
        "report_decisions": [row | report_decision(told) for row, told in every(DECIDED)],
        "reactions": [
            row | reaction(last(own, ADDED, REMOVED)) | first_added(own)
            for row, own in about("reactions", ADDED, REMOVED)
        ],
    }
    return {
        table: {tuple(row[name] for name in key): row for row in rows[table]}
        for table, key in KEYS.items()
    }


# Registers: the columns that one event sets together. Without an event all are null.


def content(told: Told) -> Row:
    return {**article_content(told), "content_version": told.version}


def article_content(told: Told) -> Row:
    has_settings = told("discussion") is not None
    return {
        "url": told("url"),
        "headline": told("headline"),
        "site": told("site", default="default"),
        "section": told("section"),
        "topics": told("topics"),
        "bylines": told("bylines"),
        "language": told("language"),
        "updated_at": told.at("updated_at"),
        "discussion_enabled": told("discussion", "enabled", default=True) if has_settings else None,
        "discussion_closes_at": told.at("discussion", "closes_at"),
        "discussion_window_hours": told("discussion", "window_hours"),
    }


def status(told: Told) -> Row:
    return {
        "status": {PUBLISHED: "published", UNPUBLISHED: "unpublished", None: None}[told.type],
        "status_changed_at": told.at("unpublished_at")
        if told.type == UNPUBLISHED
        else told.occurred_at,
        "status_version": told.version,
    }


def posting(told: Told) -> Row:
    return {
        "user_id": told("author", "user_id"),
        "display_name": told("author", "display_name"),
        "role": told("author", "role", default="reader"),
        "parent_comment_id": told("parent_comment_id"),
        "posted_at": told.at("posted_at"),
        "held": told("held", default=False),
        "first_body": told("body"),
        "posted_version": told.version,
    }


def edit(told: Told) -> Row:
    return {
        "edited_body": told("body"),
        "edited_at": told.at("edited_at"),
        "edited_version": told.version,
    }


def deletion(told: Told) -> Row:
    return {"deleted_at": told.at("deleted_at"), "deleted_version": told.version}


def decision(told: Told) -> Row:
    return {
        "decision": told("decision"),
        "decision_reason": told("reason"),
        "decision_automated": told("automated"),
        "decided_by": told("decided_by"),
        "decided_at": told.at("decided_at"),
        "decision_version": told.version,
    }


def report(told: Told) -> Row:
    return {
        "reporter_user_id": told("reporter", "user_id"),
        "reporter_anonymous_id": told("reporter", "anonymous_id"),
        "reason": told("reason"),
        "note": told("note"),
        "law": told("law"),
        "reported_at": told.at("reported_at"),
        "reported_version": told.version,
    }


def withdrawal(told: Told) -> Row:
    return {"withdrawn_at": told.at("withdrawn_at"), "withdrawn_version": told.version}


def reaction(told: Told) -> Row:
    return {"is_on": told.type == ADDED, "state_version": told.version}


def first_added(events: Iterable[CloudEvent]) -> Row:
    times = [moment(event.data["reacted_at"]) for event in events if event.type == ADDED]
    return {"first_added_at": min(times, default=None)}


# Append-only sets: the event itself.


def identity(event: CloudEvent) -> Row:
    told = Told(event)
    return {
        "article_id": event.data["article_id"],
        "source": event.source,
        "event_id": event.id,
        "digest": version(event).digest,
        "occurred_at": told.occurred_at,
        "version": told.version,
    }


def article_version(told: Told) -> Row:
    is_content = told.type != UNPUBLISHED
    return {
        "event_type": {PUBLISHED: "published", UPDATED: "updated", UNPUBLISHED: "unpublished"}[
            str(told.type)
        ],
        **article_content(told if is_content else Told(None)),
        "published_at": told.at("published_at") if is_content else None,
        "published_at_corrected": told("published_at_corrected") if is_content else None,
        "unpublished_at": None if is_content else told.at("unpublished_at"),
        "unpublished_reason": None if is_content else told("reason"),
    }


def override(told: Told) -> Row:
    return {
        "action": told("action"),
        "closes_at": told.at("closes_at"),
        "reason": told("reason"),
        "decided_by": told("decided_by"),
        "decided_at": told.at("decided_at"),
    }


def comment_edit(told: Told) -> Row:
    return {
        "comment_id": told("comment_id"),
        "body": told("body"),
        "edited_at": told.at("edited_at"),
    }


def moderation_decision(told: Told) -> Row:
    return {
        "comment_id": told("comment_id"),
        "decision": told("decision"),
        "reason": told("reason"),
        "decided_by": told("decided_by"),
        "automated": told("automated"),
        "decided_at": told.at("decided_at"),
    }


def report_decision(told: Told) -> Row:
    return {
        "comment_id": told("comment_id"),
        "report_id": told("report_id"),
        "decision": told("decision"),
        "decided_by": told("decided_by"),
        "decided_at": told.at("decided_at"),
        "explanation": told("explanation"),
    }
