"""One comment of Coral, with all that belongs to it, as records. Pure.

What is meant by what is seen in Coral's source: server/src/core/server/stacks for what happens when
a comment is posted, edited and moderated, services/users/delete.ts for deleted accounts, and
models/action/comment.ts for reactions and flags.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from btl.archives.extended_json import number_of, text_of, time_of
from btl.archives.html_text import plain_text
from btl.archives.readers.coral_documents import Document
from btl.archives.records import (
    ArchiveRecord,
    Comment,
    Decision,
    Deletion,
    Edit,
    LeftOut,
    Moderation,
    Place,
    Reaction,
    ReactionCount,
    Report,
    ReportCount,
    ReportDecision,
)
from btl.archives.times import microseconds, moment

REPORT_REASONS: Mapping[str, str] = {
    "COMMENT_REPORTED_OFFENSIVE": "personal_abuse",
    "COMMENT_REPORTED_ABUSIVE": "harassment",
    "COMMENT_REPORTED_SPAM": "spam",
    "COMMENT_REPORTED_OTHER": "other",
}
"""Coral's reasons of readers' flags, as reasons of the contract."""

REJECTION_REASONS: Mapping[str, str] = {
    "OFFENSIVE": "personal_abuse",
    "ABUSIVE": "harassment",
    "HARASSMENT_BULLYING": "harassment",
    "HATE_SPEECH": "hate_speech",
    "SPAM": "spam",
    "AD": "spam",
    "MISINFORMATION": "misinformation",
    "IRRELEVANT_CONTENT": "off_topic",
    "ILLEGAL_CONTENT": "illegal_content",
    "BANNED_WORD": "other",
    "OTHER": "other",
}
"""Coral's reasons of rejections, as reasons of the contract."""

LIKE, DISLIKE = "respect", "disagree"
"""Coral's one reaction, by the name that it has unless a site changes it; and DONT_AGREE."""

CORAL = "coral"
"""Who decides if ``moderatorID`` is null: Coral itself."""

_WAITING = ("PREMOD", "SYSTEM_WITHHELD")
_STATUSES = ("NONE", "APPROVED", "REJECTED", *_WAITING)
_UNSEEN_AT_FIRST = (*_WAITING, "REJECTED")
_DETECTED = "COMMENT_DETECTED_"
_WITHHELD_FOR = frozenset(
    _DETECTED + reason
    for reason in (
        *("BANNED_WORD", "LINKS", "NEW_COMMENTER", "PREMOD_USER", "RECENT_HISTORY"),
        *("REPEAT_POST", "SPAM", "TOXIC"),
    )
)
"""For these Coral holds a comment back when it is posted. A suspect word alone only flags it."""
_STAFF_TAGS = frozenset(("STAFF", "MODERATOR", "ADMIN"))
_DECISIONS: Mapping[str, Decision] = {"APPROVED": "approved", "REJECTED": "rejected"}
_BY_DECISION: Mapping[Decision, str] = {"rejected": "upheld", "approved": "dismissed"}


class Story(NamedTuple):
    """What a comment needs of its story."""

    is_premoderated: bool = False


class User(NamedTuple):
    """What a comment needs of its author."""

    name: str | None
    is_staff: bool


class Action(NamedTuple):
    """A document of commentActions. Times are microseconds since 1970."""

    file: str
    within: str
    action_id: str
    kind: str
    reason: str | None
    details: str | None
    user_id: str | None
    created_at: int | None
    reaction: str
    report_id: str | None
    """The report of dsaReports that says the same."""
    reviewed_by: str | None
    reviewed_at: int | None
    is_reviewed: bool


class Decided(NamedTuple):
    """A document of commentModerationActions."""

    file: str
    within: str
    status: str
    reason: str | None
    moderator_id: str | None
    created_at: int | None
    is_explained: bool


class DsaReport(NamedTuple):
    """A document of dsaReports, with its last decision."""

    file: str
    within: str
    report_id: str
    user_id: str | None
    created_at: int | None
    law: str | None
    note: str | None
    decision: str | None
    decided_by: str | None
    decided_at: int | None
    explanation: str | None
    notes: int
    """The number of moderators' notes in its history."""


class Belongings(NamedTuple):
    """What the other collections say of a comment."""

    story: Story
    author: User | None
    actions: Sequence[Action] | None
    """None: the export does not have the collection."""
    decisions: Sequence[Decided]
    has_decisions: bool
    """Whether the export has the collection of decisions."""
    dsa_reports: Sequence[DsaReport] | None
    """None: the export does not have the collection."""


def action_of(document: Document, file: str, within: str) -> Action:
    """Return a document of commentActions. Raises ValueError."""
    return Action(
        file=file,
        within=within,
        action_id=needed(document, "id"),
        kind=needed(document, "actionType"),
        reason=text_of(document.get("reason")),
        details=_said(document.get("additionalDetails")),
        user_id=text_of(document.get("userID")),
        created_at=microseconds(time_of(document.get("createdAt"))),
        reaction=document.get("reaction") or LIKE,
        report_id=text_of(document.get("reportID")),
        reviewed_by=text_of(document.get("reviewedBy")),
        reviewed_at=microseconds(time_of(document.get("reviewedAt"))),
        is_reviewed=document.get("reviewed") is True,
    )


def decision_of(document: Document, file: str, within: str) -> Decided:
    """Return a document of commentModerationActions. Raises ValueError."""
    reason = document.get("rejectionReason") or {}
    return Decided(
        file,
        within,
        needed(document, "status"),
        text_of(reason.get("code") or reason.get("reason")),
        text_of(document.get("moderatorID")),
        microseconds(time_of(document.get("createdAt"))),
        bool(reason.get("legalGrounds") or reason.get("detailedExplanation"))
        and document.get("moderatorID") is not None,
    )


def dsa_report_of(document: Document, file: str, within: str) -> DsaReport:
    """Return a document of dsaReports. Raises ValueError."""
    history = [event for event in document.get("history") or () if isinstance(event, dict)]
    decision, event = None, None
    if document.get("status") == "VOID":
        decision = "void"
        event = next((each for each in reversed(history) if each.get("status") == "VOID"), None)
    elif made := document.get("decision"):
        decision = "upheld" if made.get("legality") == "ILLEGAL" else "dismissed"
        kind = "DECISION_MADE"
        event = next((each for each in reversed(history) if each.get("type") == kind), None)
    said = document.get("decision") or {}
    explanations = (_said(said.get("legalGrounds")), _said(said.get("detailedExplanation")))
    event = event or {}
    return DsaReport(
        file,
        within,
        needed(document, "id"),
        text_of(document.get("userID")),
        microseconds(time_of(document.get("createdAt"))),
        _said(document.get("lawBrokenDescription")),
        _said(document.get("additionalInformation")),
        decision,
        text_of(event.get("createdBy")) or (CORAL if decision == "void" else None),
        microseconds(time_of(event.get("createdAt"))),
        "\n".join(filter(None, explanations)) or None,
        sum(each.get("type") == "NOTE" for each in history),
    )


def needed(document: Document, name: str) -> str:
    """Return an id or another text that a document must have. Raises ValueError."""
    found = text_of(document.get(name))
    if found is None:
        raise ValueError(f"has no {name}")
    return found


def records_of(document: Document, place: Place, belongings: Belongings) -> list[ArchiveRecord]:
    """Return a comment and all that happened to it. Raises ValueError."""
    return list(_Comment(document, place, belongings).records())


class _Comment:
    def __init__(self, document: Document, place: Place, belongings: Belongings) -> None:
        self._document = document
        self._place = place
        self._actions = belongings.actions
        self._belongings = belongings
        self._article_id = needed(document, "storyID")
        self._comment_id = needed(document, "id")
        self._ids = (self._article_id, self._comment_id)
        self._status = document.get("status") or "NONE"
        if self._status not in _STATUSES:
            # A comment that nobody should see must not come back.
            raise ValueError(f"has the status {self._status!r}, which is not one of Coral's")
        self._created_at = time_of(document.get("createdAt"))
        self._deleted_at = time_of(document.get("deletedAt"))
        self._revisions = [
            (self._text(each), time_of(each.get("createdAt")))
            for each in document.get("revisions") or ()
        ]
        self._detected = frozenset(
            action.reason
            for action in belongings.actions or ()
            if action.reason in _WITHHELD_FOR and moment(action.created_at) == self._created_at
        )
        """Why Coral held the comment back when it was posted."""

    def records(self) -> Iterator[ArchiveRecord]:
        document, author = self._document, self._belongings.author
        tags = {tag.get("type") for tag in document.get("tags") or ()}
        decisions = list(self._decisions())
        rating = number_of(document.get("rating"))
        if rating is not None and not self._deleted_at and not self._has_text():
            why = "a rating without a text is not a comment"
            yield LeftOut(self._place, "ratings without a text", why)
            yield from self._left_behind()
            return
        yield Comment(
            place=self._place,
            article_id=self._article_id,
            comment_id=self._comment_id,
            user_id=text_of(document.get("authorID")),
            display_name=author.name if author else None,
            body=self._revisions[0][0] if self._revisions else None,
            posted_at=self._created_at,
            parent_comment_id=text_of(document.get("parentID")),
            is_staff=bool(tags & _STAFF_TAGS) or bool(author and author.is_staff),
            held=self._was_held(author),
        )
        yield from self._reactions_and_reports()
        yield from self._edits()
        moderations = [found for found in decisions if isinstance(found, Moderation)]
        yield from decisions
        yield from self._report_decisions(moderations)
        if self._deleted_at:
            yield Deletion(self._place, *self._ids, deleted_at=self._deleted_at)
        why = "no event says it"
        if "FEATURED" in tags:
            yield LeftOut(self._place, "featured comments", why)
        if rating is not None:
            yield LeftOut(self._place, "ratings of comments", why)

    # The text.

    def _text(self, revision: Document) -> str:
        body = revision.get("body")
        text = body if isinstance(body, str) else ""
        if not self._document.get("isPlain"):
            text = plain_text(text)
        # A comment may be nothing but a picture or a film.
        return text or text_of((revision.get("media") or {}).get("url")) or ""

    def _has_text(self) -> bool:
        return any(text for text, _ in self._revisions)

    def _edits(self) -> Iterator[Edit]:
        previous = self._revisions[0][0] if self._revisions else ""
        for text, created_at in self._revisions[1:]:
            if text != previous:
                yield Edit(self._place, *self._ids, body=text, edited_at=created_at)
            previous = text

    # Whether readers saw it, and who decided so.

    def _was_held(self, author: User | None) -> bool:
        initial = self._document.get("initialStatus")
        if self._status in _WAITING:
            return True
        if isinstance(initial, str):
            return initial in _UNSEEN_AT_FIRST
        # Older versions do not say it.
        if self._status == "NONE" and len(self._revisions) < 2:
            return False
        if self._detected:
            return True
        is_staff = author is not None and author.is_staff
        return (
            self._belongings.story.is_premoderated and not is_staff and self._status in _DECISIONS
        )

    def _decisions(self) -> Iterator[Moderation | LeftOut]:
        """Yield the decisions, the last of which says the same as the comment's status."""
        found = sorted(self._belongings.decisions, key=lambda each: each.created_at or 0)
        last: Decision | None = None
        of_deletion = 0
        for each in found:
            place = Place(each.file, each.within)
            decision = _DECISIONS.get(each.status)
            decided_at = moment(each.created_at)
            if decision is None:
                yield LeftOut(place, "decisions that made a comment wait", "no event says it")
            elif not each.moderator_id and decided_at and decided_at == self._deleted_at:
                of_deletion += 1
                why = "the deletion says it"
                yield LeftOut(
                    place, "decisions by which Coral hid a deleted person's comments", why
                )
            elif self._status in _WAITING:
                why = "the comment waits again since it was edited"
                yield LeftOut(place, "decisions about earlier texts", why)
            else:
                last = decision
                yield Moderation(
                    place,
                    *self._ids,
                    decision=decision,
                    reason=REJECTION_REASONS.get(each.reason or "", "other")
                    if each.reason
                    else None,
                    decided_by=each.moderator_id or CORAL,
                    automated=not each.moderator_id,
                    decided_at=decided_at,
                )
            if each.is_explained:
                why = "no event says it"
                yield LeftOut(place, "moderators' explanations to authors", why)
        if not of_deletion and (missing := self._missing_decision(last)):
            yield missing

    def _missing_decision(self, last: Decision | None) -> Moderation | None:
        """The decision that the comment's status is about, if ``last`` is another one."""
        status = self._status
        if status == "REJECTED" and last != "rejected":
            return self._missing_rejection()
        if status not in ("APPROVED", "NONE") or last == "approved":
            return None
        if last != "rejected" and not self._was_held(self._belongings.author):
            return None
        edited_at = self._revisions[-1][1] if len(self._revisions) > 1 else None
        is_coral = status == "NONE"
        return Moderation(
            self._place,
            *self._ids,
            decision="approved",
            decided_by=CORAL if is_coral else None,
            automated=True if is_coral else None,
            decided_at=edited_at if is_coral else None,
        )

    def _missing_rejection(self) -> Moderation | None:
        is_deleted_without_replies = self._deleted_at and not number_of(
            self._document.get("childCount")
        )
        if is_deleted_without_replies and not self._belongings.has_decisions:
            # Coral rejects such comments of deleted people, to hide them.
            return None
        at_once = (
            self._document.get("initialStatus") == "REJECTED"
            or f"{_DETECTED}BANNED_WORD" in self._detected
        )
        return Moderation(
            self._place,
            *self._ids,
            decision="rejected",
            reason="spam" if f"{_DETECTED}SPAM" in self._detected else None,
            decided_by=CORAL if at_once else None,
            automated=True if at_once else None,
            decided_at=self._created_at if at_once else None,
        )

    # Reactions and reports.

    def _reactions_and_reports(self) -> Iterator[ArchiveRecord]:
        if self._actions is None:
            yield from self._counted()
        else:
            for action in self._actions:
                yield self._action(action)
            yield from self._drift()
        for report in self._belongings.dsa_reports or ():
            place = Place(report.file, report.within)
            yield Report(
                place,
                *self._ids,
                report_id=report.report_id,
                reporter_user_id=report.user_id,
                reason="illegal_content",
                note=report.note,
                law=report.law,
                reported_at=moment(report.created_at),
            )
            if report.notes:
                what = "moderators' notes about reports"
                yield LeftOut(place, what, "no event says it", report.notes)

    def _action(self, action: Action) -> ArchiveRecord:
        place = Place(action.file, action.within)
        if action.kind in ("REACTION", "DONT_AGREE"):
            reaction = action.reaction if action.kind == "REACTION" else DISLIKE
            if action.user_id is None:
                return ReactionCount(place, *self._ids, reaction, 1)
            at = moment(action.created_at)
            return Reaction(place, *self._ids, action.user_id, reaction, at)
        if unsaid := self._not_a_report(action):
            return LeftOut(place, *unsaid)
        reason, note = "illegal_content", action.details
        if action.kind != "ILLEGAL":
            reason = REPORT_REASONS.get(action.reason or "", "other")
            if action.reason and action.reason not in REPORT_REASONS:
                note = f"{action.reason}: {note}" if note else action.reason
        return Report(
            place,
            *self._ids,
            report_id=action.action_id,
            reporter_user_id=action.user_id,
            reason=reason,
            note=note,
            reported_at=moment(action.created_at),
        )

    def _not_a_report(self, action: Action) -> tuple[str, str] | None:
        """What a flag is and why it is left out; None: it is a report."""
        if action.kind == "ILLEGAL":
            if any(
                report.report_id == action.report_id
                or (action.report_id is None and report.user_id == action.user_id)
                for report in self._belongings.dsa_reports or ()
            ):
                return "flags of illegal content", "they stand in dsaReports, too"
            return None
        if action.kind != "FLAG":
            return f"actions {action.kind}", "not known"
        if (action.reason or "").startswith(_DETECTED):
            return "flags of Coral itself", "nobody reported the comment"
        if action.reason == "COMMENT_REPORTED_BIO":
            return "flags of people", "they are about no comment"
        return None

    def _counted(self) -> Iterator[ArchiveRecord]:
        """What the counts say, if there is nothing better."""
        counts = {
            name: count
            for name, value in (self._document.get("actionCounts") or {}).items()
            if isinstance(count := number_of(value), int) and count > 0
        }
        with_reason = sum(count for name, count in counts.items() if name.startswith("FLAG__"))
        for name, count in counts.items():
            kind, _, reason = name.partition("__")
            if kind == "DONT_AGREE":
                yield ReactionCount(self._place, *self._ids, DISLIKE, count)
            elif kind.startswith("REACTION"):
                reaction = kind.partition(":")[2] or LIKE
                yield ReactionCount(self._place, *self._ids, reaction, count)
            elif kind == "ILLEGAL":
                if self._belongings.dsa_reports is None:
                    yield ReportCount(self._place, *self._ids, "illegal_content", count)
            elif reason.startswith(_DETECTED):
                why = "nobody reported the comment"
                yield LeftOut(self._place, "flags of Coral itself", why, count)
            elif reason == "COMMENT_REPORTED_BIO":
                yield LeftOut(self._place, "flags of people", "they are about no comment", count)
            elif reason:
                mapped = REPORT_REASONS.get(reason, "other")
                yield ReportCount(self._place, *self._ids, mapped, count)
            elif kind == "FLAG" and count > with_reason:
                yield ReportCount(self._place, *self._ids, "other", count - with_reason)

    def _drift(self) -> Iterator[LeftOut]:
        counts = self._document.get("actionCounts") or {}
        actions = self._actions or ()
        for kind in ("REACTION", "FLAG"):
            count = number_of(counts.get(kind)) or 0
            if kind in counts and count != sum(action.kind == kind for action in actions):
                what = "counts that differ from the reactions and flags themselves"
                yield LeftOut(self._place, what, "the reactions and flags count")
                return

    def _report_decisions(self, moderations: Sequence[Moderation]) -> Iterator[ReportDecision]:
        by_people = [each for each in moderations if not each.automated and each.decided_at]
        for action in self._actions or ():
            if action.kind in ("FLAG", "ILLEGAL") and not self._not_a_report(action):
                yield from self._flag_decision(action, by_people)
        for report in self._belongings.dsa_reports or ():
            if report.decision:
                yield ReportDecision(
                    Place(report.file, report.within),
                    *self._ids,
                    report_id=report.report_id,
                    decision=report.decision,  # type: ignore[arg-type]
                    decided_by=report.decided_by,
                    decided_at=moment(report.decided_at),
                    explanation=report.explanation,
                )

    def _flag_decision(
        self, action: Action, by_people: Sequence[Moderation]
    ) -> Iterator[ReportDecision]:
        """Moderators answer a flag by what they decide about the comment: it leaves the queue of
        reported comments.
        """
        place = Place(action.file, action.within)
        created_at = moment(action.created_at)
        answer = next(
            (
                each
                for each in by_people
                if created_at and each.decided_at and each.decided_at >= created_at
            ),
            None,
        )
        if answer is not None:
            yield ReportDecision(
                place,
                *self._ids,
                report_id=action.action_id,
                decision=_BY_DECISION[answer.decision],  # type: ignore[arg-type]
                decided_by=answer.decided_by,
                decided_at=answer.decided_at,
            )
        elif action.is_reviewed:
            yield ReportDecision(
                place,
                *self._ids,
                report_id=action.action_id,
                decision="ignored",
                decided_by=action.reviewed_by,
                decided_at=moment(action.reviewed_at),
            )

    def _left_behind(self) -> Iterator[LeftOut]:
        """What belongs to a comment that is left out."""
        belongings = self._belongings
        if number := (
            len(belongings.actions or ())
            + len(belongings.decisions)
            + len(belongings.dsa_reports or ())
        ):
            what = "reactions, flags and decisions about comments that are left out"
            yield LeftOut(self._place, what, "their comments are left out", number)


def _said(value: Any) -> str | None:
    return value.strip() or None if isinstance(value, str) else None
