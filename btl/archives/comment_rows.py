"""What a row of comments makes: the comment, and what happened to it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, get_args

from btl.archives.mapping import AuthorFields, CommentFields, ModerationFields, reasons
from btl.archives.members import Member, Members, among
from btl.archives.records import (
    Act,
    ArchiveRecord,
    Comment,
    Decision,
    Deletion,
    Edit,
    LeftOut,
    Moderation,
    Place,
    ReactionCount,
    ReportCount,
    UnreadableRowError,
)
from btl.archives.templates import Cells

STATUSES = ("approved", "pending", "rejected", "spam", "deleted")
DECISIONS = get_args(Decision)

Build = Callable[[Cells, Place], Sequence[ArchiveRecord]]
"""Returns the records of a row. Raises UnreadableRowError for one that makes none."""

_Status = str | None
_Acts = Callable[[Cells, Comment, _Status], Iterable[Act | LeftOut]]
"""Returns what happened to a comment."""


def comments(fields: CommentFields, members: Members) -> Build:
    """Return what makes the records of a row of comments."""
    status = among(STATUSES, "status", members.one(fields.status, "status"))
    deleted_at = members.one(fields.deleted_at, "deleted_at")
    comment_of = _comment(fields, members)
    declared = (_counts(fields, members), _edit(fields, members), _decision(fields, members))
    happenings = [acts for acts in declared if acts is not None]

    def build(cells: Cells, place: Place) -> Sequence[ArchiveRecord]:
        state = status(cells)
        gone_at = deleted_at(cells)
        is_deleted = gone_at is not None or state == "deleted"
        comment = comment_of(cells, place, state)
        if comment.posted_at is None:
            raise UnreadableRowError("has no time: no posted_at")
        if comment.body is None and not is_deleted:
            raise UnreadableRowError(
                'has no body: give the mapping another one, such as a blank: body = ["{text}", " "]'
            )
        records: list[ArchiveRecord] = [comment]
        for acts in happenings:
            records += acts(cells, comment, state)
        if is_deleted:
            records.append(Deletion(place, comment.article_id, comment.comment_id, gone_at))
        return records

    return build


def decision_members(fields: CommentFields | ModerationFields, members: Members) -> list[Member]:
    """Return the members of a decision about a comment, in the order in which ``Moderation`` has
    them.
    """
    decision, reason, decided_by, automated, decided_at = members.of(
        fields, "decision", "reason", "decided_by", "automated", "decided_at"
    )
    return [
        among(DECISIONS, "decision", decision),
        among(reasons(), "reason", reason),
        decided_by,
        automated,
        decided_at,
    ]


def _comment(fields: CommentFields, members: Members) -> Callable[[Cells, Place, _Status], Comment]:
    article_id = members.required(fields, "article_id")
    comment_id = members.required(fields, "comment_id")
    body, posted_at, parent_comment_id, held = members.of(
        fields, "body", "posted_at", "parent_comment_id", "held"
    )
    user_id, display_name, role, email = members.of(
        fields.author, *AuthorFields.model_fields, group="author."
    )

    def comment(cells: Cells, place: Place, state: _Status) -> Comment:
        is_held = held(cells)
        if is_held is None and state in ("pending", "spam"):
            is_held = True
        posted, text, author_role = posted_at(cells), body(cells), role(cells)
        return Comment(
            place,
            article_id(cells),
            comment_id(cells),
            user_id(cells),
            display_name(cells),
            text,
            posted,
            parent_comment_id(cells),
            None if author_role is None else _is_staff(author_role),
            is_held,
            email(cells),
        )

    return comment


def _counts(fields: CommentFields, members: Members) -> _Acts | None:
    declared: list[tuple[type[ReactionCount] | type[ReportCount], str, str, Any]] = [
        (ReactionCount, "like", "likes", fields.likes),
        (ReactionCount, "dislike", "dislikes", fields.dislikes),
        *((ReactionCount, what, "reactions", each) for what, each in fields.reactions.items()),
        (ReportCount, "other", "flags", fields.flags),
        *((ReportCount, what, "reports", each) for what, each in fields.reports.items()),
    ]
    counts = [
        (make, what, name, members.one(each, name))
        for make, what, name, each in declared
        if each is not None
    ]
    if not counts:
        return None

    def counted(cells: Cells, comment: Comment, _: _Status) -> Iterator[Act | LeftOut]:
        place, article_id, comment_id = comment[:3]
        for make, what, name, number in counts:
            try:
                count = number(cells) or 0
            except UnreadableRowError:
                # A comment is not lost for the number beside it.
                yield LeftOut(place, f"numbers of {name}", "the cell is not a whole number")
                continue
            if count > 0:
                yield make(place, article_id, comment_id, what, count)
            elif count < 0 and fields.dislikes is None:
                # The balance of both.
                yield ReactionCount(place, article_id, comment_id, "dislike", -count)
            elif count < 0:
                yield LeftOut(
                    place, f"numbers of {name}", "it is below zero, though dislikes are counted too"
                )

    return counted


def _edit(fields: CommentFields, members: Members) -> _Acts | None:
    if fields.edited_at is None and fields.edited_body is None:
        return None
    edited_at, edited_body = members.of(fields, "edited_at", "edited_body")

    def edit(cells: Cells, comment: Comment, _: _Status) -> Sequence[Act]:
        at, text = edited_at(cells), edited_body(cells)
        is_changed = text is not None and text != comment.body
        # Many systems write the time of posting where nothing was edited.
        if not is_changed and (at is None or at == comment.posted_at):
            return ()
        later = text or comment.body
        if later is None:
            return ()
        return (Edit(comment.place, comment.article_id, comment.comment_id, later, at),)

    return edit


def _decision(fields: CommentFields, members: Members) -> _Acts | None:
    if fields.status is None and fields.decision is None:
        return None
    decision, reason, decided_by, automated, decided_at = decision_members(fields, members)

    def decide(cells: Cells, comment: Comment, state: _Status) -> Sequence[Act]:
        made = decision(cells)
        by, at, why, program = (
            member(cells) for member in (decided_by, decided_at, reason, automated)
        )
        if made is None and state in ("rejected", "spam"):
            made = "rejected"
            if state == "spam":
                why = why or "spam"
                program = by is None if program is None else program
        if made is None and state == "approved":
            waited_or_decided = comment.held or by is not None or at is not None
            made = "approved" if waited_or_decided else None
        if made is None:
            return ()
        place, article_id, comment_id = comment[:3]
        return (Moderation(place, article_id, comment_id, made, why, by, program, at),)

    return decide


def _is_staff(role: str) -> bool:
    if role not in ("reader", "staff"):
        raise UnreadableRowError(f"role: {role[:80]!r} is neither reader nor staff")
    return role == "staff"
