"""Records of an export as events, with what stands in for what the export does not say.

Pure: what is known of an article's or a comment's surroundings is given. The rules are in
docs/archives.md. An event that has stand-ins names their members in its attribute ``standin``.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import blake2b, sha1
from typing import Any, NamedTuple

import orjson

from below_the_line.kafka import envelopes
from below_the_line.kafka.envelopes import STRUCTURED_HEADERS, Outgoing
from btl.archives.closing import Policy, discussion_of
from btl.archives.records import (
    MAX_ID_BYTES,
    Act,
    Article,
    Comment,
    Deletion,
    Edit,
    Moderation,
    Reaction,
    ReactionCount,
    Report,
    ReportCount,
    ReportDecision,
    Unpublication,
    UnreadableRowError,
)

# Part of the promise that importing twice changes nothing: never change it.
_NAMESPACE = uuid.UUID("5f0c1a52-3c49-5c8e-9d0c-6a1f4b1f7a11")

MAX_COUNTED = 10_000
"""The most events that numbers of reactions, or of reports, without people become: per comment,
and of one reaction or reason.
"""

ARTICLES, COMMENTS = "articles", "comment-events"
PUBLISHED, POSTED = "article.published.v1", "comment.posted.v1"

rfc3339 = lru_cache(maxsize=8)(envelopes.rfc3339)
"""An event has the same time several times."""

_MOMENT = timedelta(microseconds=1)

_NO_HEADLINE = "(no headline)"
_NO_NOTE = "(none given)"
_NO_LAW = "(not said)"
_NO_NAME = "anonymous"
_NO_TEXT = " "


class Draft(NamedTuple):
    """An event that is complete, except for a ``time`` that only the whole export says."""

    topic: str
    event_type: str
    natural_key: str
    """What tells it from others of its type and source: the same in every import."""
    occurred_at: datetime | None
    """None: the export says this as of its end, after its newest time."""
    subject: str
    data: dict[str, Any]
    stand_ins: tuple[str, ...] = ()
    """The members that stand in for what the export does not say."""


class Surroundings(NamedTuple):
    """What is known of a comment when something that happened to it is read."""

    posted_at: datetime
    last_at: datetime
    """The time of the last thing known of it."""


class NoTimeError(Exception):
    """The act has no time, and nothing is known of its comment that could stand in."""


@dataclass(frozen=True)
class EventRules:
    """How the records of one import become events."""

    format: str
    """The name of the format, for the attribute ``importof``."""
    source: str
    """The events' CloudEvents source."""
    policy: Policy
    """When a discussion closes if the export does not say."""
    site: str | None = None
    """The site of all articles. None: as each article says."""

    def comment(self, record: Comment) -> tuple[Draft, str | None]:
        """Return the posting of a comment, and the name by which its author is known, if it is
        known by nothing else.

        Raises UnreadableRowError.
        """
        article_id, comment_id = _ids(record)
        posted_at = record.posted_at
        if posted_at is None:
            raise UnreadableRowError("has no time: no posted_at")
        stand_ins = []
        name = (record.display_name or "").strip() and record.display_name
        user_id, named_by = record.user_id, None
        if not user_id:
            user_id, named_by = self._person(record, name)
            stand_ins.append("author.user_id")
        if not name:
            stand_ins.append("author.display_name")
        if not record.body:
            stand_ins.append("body")
        data: dict[str, Any] = {
            "article_id": article_id,
            "comment_id": comment_id,
            "author": {"user_id": user_id, "display_name": name or _NO_NAME},
            "body": record.body or _NO_TEXT,
            "posted_at": rfc3339(posted_at),
        }
        if record.is_staff is not None:
            data["author"]["role"] = "staff" if record.is_staff else "reader"
        if record.parent_comment_id:
            data["parent_comment_id"] = record.parent_comment_id
        if record.held is not None:
            data["held"] = record.held
        key = f"{article_id}\n{comment_id}"
        draft = Draft(COMMENTS, POSTED, key, posted_at, comment_id, data, tuple(stand_ins))
        return draft, named_by

    def waits_for_comments(self, record: Article, now: datetime) -> bool:
        """Whether the event of an article needs what the whole export says."""
        return (
            (record.accepts_comments is False)
            and record.closes_at is None
            and record.window_hours is None
        ) or _time_of(record, now) is None

    def article(
        self,
        record: Article,
        now: datetime,
        first_comment_at: datetime | None = None,
        last_comment_at: datetime | None = None,
    ) -> Draft:
        """Return the publication of an article, of whose comments the first and the last are given
        if ``waits_for_comments``.

        Raises UnreadableRowError, and NoTimeError if there is not even a comment's time.
        """
        (article_id,) = _ids(record)
        stand_ins = []
        data: dict[str, Any] = {"article_id": article_id}
        if record.url:
            data["url"] = record.url
        headline = record.headline
        if not (headline and headline.strip()):
            headline = _NO_HEADLINE
            stand_ins.append("headline")
        data["headline"] = headline
        published_at, occurred_at = record.published_at, _time_of(record, now)
        if published_at is None and occurred_at is None:
            if first_comment_at is None:
                raise NoTimeError
            published_at = occurred_at = first_comment_at
            stand_ins.append("published_at")
        if published_at is not None:
            data["published_at"] = rfc3339(published_at)
        if record.updated_at is not None:
            data["updated_at"] = rfc3339(record.updated_at)
        site = self.site or record.site
        if site:
            data["site"] = site
        for member in ("section", "language"):
            if found := getattr(record, member):
                data[member] = found
        for member in ("topics", "bylines"):
            if (found := getattr(record, member)) is not None:
                data[member] = list(found)
        discussion = discussion_of(record, last_comment_at, self.policy)
        if discussion.settings:
            data["discussion"] = discussion.settings
            if discussion.stands_in:
                stand_ins += (f"discussion.{member}" for member in discussion.settings)
        if occurred_at is None:
            stand_ins.append("time")
        return Draft(
            ARTICLES, PUBLISHED, article_id, occurred_at, article_id, data, tuple(stand_ins)
        )

    def act(self, act: Act, known: Surroundings | None, given: int = 0) -> Iterator[Draft]:
        """Yield what happened: one event, or, of a mere number, as many as MAX_COUNTED allows.

        ``known`` is what is known of the comment; ``given``: how many of a number's kind
        (``counted_kind``) the comment has already. Raises UnreadableRowError, and NoTimeError if
        the act has no time and nothing is known.
        """
        if isinstance(act, ReactionCount | ReportCount):
            yield from self._counted(act, known, given)
        else:
            yield self._one(act, known)

    def encoded(self, draft: Draft, as_of: datetime) -> Outgoing:
        """Return the event as a record for Kafka. Raises UnreadableRowError.

        ``as_of`` is the ``time`` of an event that has none of its own.
        """
        event: dict[str, Any] = {
            "specversion": "1.0",
            "id": self._id(draft.event_type, draft.natural_key),
            "source": self.source,
            "type": draft.event_type,
            "time": rfc3339(draft.occurred_at or as_of),
            "subject": draft.subject,
            "datacontenttype": "application/json",
            "importof": self.format,
            "data": draft.data,
        }
        if draft.stand_ins:
            event["standin"] = " ".join(draft.stand_ins)
        try:
            value = orjson.dumps(event)
        except orjson.JSONEncodeError as error:
            raise UnreadableRowError(f"cannot be written as JSON: {error}") from None
        return Outgoing(draft.topic, draft.data["article_id"].encode(), value, STRUCTURED_HEADERS)

    def _one(self, act: Act, known: Surroundings | None) -> Draft:
        if isinstance(act, Edit):
            body = act.body or _NO_TEXT
            return self._later(
                act,
                known,
                "comment.edited.v1",
                "edited_at",
                {"body": body},
                f"\n{_stamp(act.edited_at)}\n{_digest(body)}",
                () if act.body else ("body",),
            )
        if isinstance(act, Deletion):
            return self._later(act, known, "comment.deleted.v1", "deleted_at", {}, "")
        if isinstance(act, Moderation):
            return self._moderated(act, known)
        if isinstance(act, ReportDecision):
            return self._report_decided(act, known)
        if isinstance(act, Reaction):
            return self._reacted(act, known, act.user_id, act.reaction)
        if isinstance(act, Report):
            return self._reported(act, known)
        if isinstance(act, Unpublication):
            return self._unpublished(act, known)
        raise TypeError(f"not an act: {type(act).__name__}")

    def _moderated(self, act: Moderation, known: Surroundings | None) -> Draft:
        stand_ins = []
        data: dict[str, Any] = {
            "decision": act.decision,
            "decided_by": act.decided_by or f"import:{self.format}",
            "automated": bool(act.automated),
        }
        if not act.decided_by:
            stand_ins.append("decided_by")
        if act.automated is None:
            stand_ins.append("automated")
        if act.reason:
            data["reason"] = act.reason
        key = f"\n{_stamp(act.decided_at)}\n{act.decision}\n{act.decided_by or ''}"
        return self._later(
            act, known, "comment.moderated.v1", "decided_at", data, key, tuple(stand_ins)
        )

    def _report_decided(self, act: ReportDecision, known: Surroundings | None) -> Draft:
        data: dict[str, Any] = {
            "report_id": act.report_id,
            "decision": act.decision,
            "decided_by": act.decided_by or f"import:{self.format}",
        }
        if act.explanation:
            data["explanation"] = act.explanation
        key = f"\n{act.report_id}\n{_stamp(act.decided_at)}\n{act.decision}"
        stand_ins = () if act.decided_by else ("decided_by",)
        return self._later(act, known, "report.decided.v1", "decided_at", data, key, stand_ins)

    def _unpublished(self, act: Unpublication, known: Surroundings | None) -> Draft:
        (article_id,) = _ids(act)
        at = act.unpublished_at
        stand_ins: tuple[str, ...] = ()
        if at is None:
            if known is None:
                raise NoTimeError
            at, stand_ins = known.last_at + _MOMENT, ("unpublished_at", "time")
        data = {"article_id": article_id, "unpublished_at": rfc3339(at)}
        if act.reason:
            data["reason"] = act.reason
        return Draft(
            ARTICLES,
            "article.unpublished.v1",
            article_id,
            act.unpublished_at,
            article_id,
            data,
            stand_ins,
        )

    def _later(
        self,
        act: Edit | Deletion | Moderation | ReportDecision,
        known: Surroundings | None,
        event_type: str,
        time_member: str,
        data: dict[str, Any],
        key: str,
        stand_ins: tuple[str, ...] = (),
    ) -> Draft:
        """An act that, without a time of its own, is later than all that is known of its comment,
        and is said as of the end of the export.
        """
        own = time_of_act(act)
        if own is None:
            if known is None:
                raise NoTimeError
            stand_ins = (*stand_ins, time_member, "time")
        at = own if own is not None or known is None else known.last_at + _MOMENT
        return self._about(act, event_type, time_member, at, own, data, key, stand_ins)

    def _reacted(
        self,
        act: Reaction | ReactionCount,
        known: Surroundings | None,
        user_id: str,
        reaction: str,
        stand_ins: tuple[str, ...] = (),
    ) -> Draft:
        at = act.reacted_at if isinstance(act, Reaction) else None
        if at is None:
            at, stand_ins = _posted_at(known), (*stand_ins, "reacted_at", "time")
        data = {"user_id": user_id, "reaction": reaction}
        key = f"\n{user_id}\n{reaction}"
        return self._about(act, "reaction.added.v1", "reacted_at", at, at, data, key, stand_ins)

    def _reported(self, act: Report, known: Surroundings | None) -> Draft:
        reporter: dict[str, str | None] = {"user_id": act.reporter_user_id}
        stand_ins: tuple[str, ...] = ()
        if not act.reporter_user_id:
            nobody = self._nobody(act, f"report\n{act.report_id}")
            reporter, stand_ins = {"anonymous_id": nobody}, ("reporter.anonymous_id",)
        return self._report(
            act,
            known,
            act.report_id,
            reporter,
            (act.reason, act.note, act.law),
            act.reported_at,
            stand_ins,
        )

    def _report(
        self,
        act: Report | ReportCount,
        known: Surroundings | None,
        report_id: str,
        reporter: dict[str, str | None],
        said: tuple[str, str | None, str | None],
        at: datetime | None,
        stand_ins: tuple[str, ...],
    ) -> Draft:
        reason, note, law = said
        if at is None:
            at, stand_ins = _posted_at(known), (*stand_ins, "reported_at", "time")
        if reason == "other" and not note:
            note, stand_ins = _NO_NOTE, (*stand_ins, "note")
        if reason == "illegal_content" and not law:
            law, stand_ins = _NO_LAW, (*stand_ins, "law")
        data: dict[str, Any] = {"report_id": report_id, "reporter": reporter, "reason": reason}
        if note:
            data["note"] = note
        if law:
            data["law"] = law
        return self._about(
            act, "comment.reported.v1", "reported_at", at, at, data, f"\n{report_id}", stand_ins
        )

    def _counted(
        self, act: ReactionCount | ReportCount, known: Surroundings | None, given: int
    ) -> Iterator[Draft]:
        for number in range(given + 1, min(given + act.number, MAX_COUNTED) + 1):
            if isinstance(act, ReactionCount):
                nobody = self._nobody(act, f"{act.reaction}\n{number}")
                yield self._reacted(act, known, nobody, act.reaction, ("user_id",))
            else:
                nobody = self._nobody(act, f"report\n{act.reason}\n{number}")
                yield self._report(
                    act,
                    known,
                    f"count:{act.reason}:{number}",
                    {"anonymous_id": nobody},
                    (act.reason, None, None),
                    None,
                    ("report_id", "reporter.anonymous_id"),
                )

    def _about(
        self,
        act: Act,
        event_type: str,
        time_member: str,
        at: datetime | None,
        occurred_at: datetime | None,
        data: dict[str, Any],
        key: str,
        stand_ins: tuple[str, ...],
    ) -> Draft:
        """An event about a comment: ``key`` is what follows the two ids in its natural key."""
        article_id, comment_id = _ids(act)
        if at is not None:
            data[time_member] = rfc3339(at)
        return Draft(
            COMMENTS,
            event_type,
            f"{article_id}\n{comment_id}{key}",
            occurred_at,
            comment_id,
            {"article_id": article_id, "comment_id": comment_id, **data},
            stand_ins,
        )

    def _person(self, record: Comment, name: str | None) -> tuple[str, str | None]:
        """The id of an author without an account, and the name if that is all that is known."""
        if record.email and (email := record.email.strip().lower()):
            return f"guest:{self._id('guest', email)}", None
        if not name:
            return self._nobody(record, "author"), None
        by_name = f"name:{name}"
        if len(by_name.encode(errors="replace")) > MAX_ID_BYTES:
            by_name = f"name:{self._id('name', name)}"
        return by_name, name

    def _nobody(self, record: Comment | Act, of: str) -> str:
        """The id of a person who is known by nothing but one act."""
        article_id, comment_id = _ids(record)
        return f"unknown:{self._id('unknown', f'{article_id}{chr(10)}{comment_id}{chr(10)}{of}')}"

    def _id(self, kind: str, natural_key: str) -> str:
        try:
            return _uuid5(f"{kind}\n{self.source}\n{natural_key}".encode())
        except UnicodeEncodeError as error:
            raise UnreadableRowError(f"cannot be written as UTF-8: {error.reason}") from None


def counted_kind(act: ReactionCount | ReportCount) -> str:
    """Return what is counted: numbers of one kind add up."""
    if isinstance(act, ReactionCount):
        return f"reaction {act.reaction}"
    return f"report {act.reason}"


def time_of_act(act: Act) -> datetime | None:
    """Return when it happened, if the export says so."""
    match act:
        case Edit():
            return act.edited_at
        case Deletion():
            return act.deleted_at
        case Moderation() | ReportDecision():
            return act.decided_at
        case Reaction():
            return act.reacted_at
        case Report():
            return act.reported_at
        case Unpublication():
            return act.unpublished_at
        case _:
            return None


def _time_of(record: Article, now: datetime) -> datetime | None:
    """When the article's event occurred: an announced publication has not occurred yet."""
    published_at = record.published_at
    if published_at is not None and published_at > now:
        return record.updated_at
    return published_at or record.updated_at


def _ids(record: Article | Comment | Act) -> tuple[str, ...]:
    if not record.article_id:
        raise UnreadableRowError("has no article_id")
    if isinstance(record, Article | Unpublication):
        return (record.article_id,)
    if not record.comment_id:
        raise UnreadableRowError("has no comment_id")
    return record.article_id, record.comment_id


def _uuid5(name: bytes) -> str:
    """As ``str(uuid.uuid5(_NAMESPACE, name))``, in a third of its time."""
    digest = bytearray(sha1(_NAMESPACE.bytes + name, usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _posted_at(known: Surroundings | None) -> datetime:
    if known is None:
        raise NoTimeError
    return known.posted_at


def _stamp(moment: datetime | None) -> str:
    return "" if moment is None else rfc3339(moment)


def _digest(text: str) -> str:
    return blake2b(text.encode(errors="replace"), digest_size=16).hexdigest()
