"""One post of Discourse, with all that belongs to it, as records. Pure.

What is meant by what is seen in Discourse's source: app/models/post.rb, post_action.rb and
reviewable_queued_post.rb, lib/post_destroyer.rb and lib/post_revisor.rb.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple

from btl.archives.html_text import plain_text
from btl.archives.records import (
    ArchiveRecord,
    Comment,
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
from btl.archives.times import is_date, moment

LIKE = "like"
FLAG_REASONS: Mapping[str, str] = {
    "3": "off_topic",
    "4": "personal_abuse",
    "7": "other",
    "8": "spam",
    "10": "illegal_content",
}
"""Discourse's types of flags, as reasons of the contract: off topic, inappropriate (offensive,
abusive or hateful), something else for the moderators, spam, illegal.
"""
COUNTED_FLAGS: Mapping[str, str] = {
    "off_topic_count": "off_topic",
    "inappropriate_count": "personal_abuse",
    "notify_moderators_count": "other",
    "spam_count": "spam",
    "illegal_count": "illegal_content",
}
"""Columns of ``posts`` with numbers of flags."""
SYSTEM = "-1"
"""The account of Discourse itself."""

_NOT_FLAGS: Mapping[str, tuple[str, str]] = {
    "1": ("bookmarks", "no event says it"),
    "5": ("votes", "Discourse itself no longer has them"),
    "6": ("messages to the authors of posts", "nobody but the author reads them"),
}
_KINDS: Mapping[str, str] = {
    "2": "posts about what moderators did",
    "3": "small actions",
    "4": "whispers among staff",
}
_SPAM_REASONS = frozenset(("3", "4", "5", "6", "7"))
"""Why Discourse hides a post (``Post.hidden_reasons``), as far as it is spam."""
_RAW_HTML = "2"
_SAME_ACT = timedelta(minutes=1)
"""What one click does is at most this far apart."""
_NEVER = datetime.max.replace(tzinfo=UTC)


class Topic(NamedTuple):
    """What a post needs of its topic."""

    kind: Literal["discussion", "message", "category", "restricted"] = "discussion"


class User(NamedTuple):
    """What a post needs of its author."""

    name: str | None
    is_staff: bool


class Action(NamedTuple):
    """A row of post_actions. Times are microseconds since 1970."""

    file: str
    within: str
    action_id: str
    kind: str
    user_id: str | None
    created_at: int | None
    deleted_at: int | None
    deleted_by: str | None
    decision: Literal["upheld", "dismissed", "ignored"] | None
    decided_at: int | None
    decided_by: str | None


class Revision(NamedTuple):
    """A row of post_revisions that changed the text."""

    file: str
    within: str
    number: int
    created_at: int | None
    is_hidden: bool
    before: str
    after: str


class Belongings(NamedTuple):
    """What the other tables say of a post."""

    topic: Topic
    author: User | None
    parent_id: str | None
    actions: Sequence[Action] | None
    """None: the export has neither post_actions nor user_actions."""
    has_flags: bool
    """Whether the export has post_actions."""
    revisions: Sequence[Revision] | None
    """None: the export does not have post_revisions."""
    written_at: int | None
    """When it was written, if it waited for approval."""


Cells = Mapping[str, str | None]
"""A row of posts, with the columns that the file has; None for null."""


def records_of(cells: Cells, place: Place, belongings: Belongings) -> list[ArchiveRecord]:
    """Return a post and all that happened to it. Raises ValueError."""
    unsaid = _not_a_comment(cells, belongings.topic)
    if unsaid is None:
        return list(_Post(cells, place, belongings).records())
    found: list[ArchiveRecord] = [LeftOut(place, *unsaid)]
    if belongings.actions:
        what = "likes and flags of posts that are left out"
        found.append(LeftOut(place, what, "their posts are left out", len(belongings.actions)))
    return found


def not_public(topic: Topic) -> tuple[str, str] | None:
    """What the posts of a topic are, and why they are left out, if not everybody may read them."""
    if topic.kind == "message":
        return "posts in private messages", "they are private"
    if topic.kind == "restricted":
        return "posts in topics of restricted categories", "not everybody may read them"
    return None


def _not_a_comment(cells: Cells, topic: Topic) -> tuple[str, str] | None:
    """What a post is, if it is not a comment, and why it is left out; None: it is a comment."""
    if unsaid := not_public(topic):
        return unsaid
    if topic.kind == "category":
        return "posts in topics that describe a category", "such a topic is not an article"
    kind = cells.get("post_type") or "1"
    if kind != "1":
        return _KINDS.get(kind, f"posts of type {kind}"), "they are not comments"
    if cells["post_number"] == "1":
        return "first posts of topics", "they stand for the articles themselves"
    return None


class _Post:
    def __init__(self, cells: Cells, place: Place, belongings: Belongings) -> None:
        self._cells = cells
        self._place = place
        self._belongings = belongings
        self._ids = (needed(cells, "topic_id"), needed(cells, "id"))
        self._created_at = time_of(cells.get("created_at"))
        self._deleted_at = time_of(cells.get("deleted_at"))
        self._hidden_at = time_of(cells.get("hidden_at"))
        self._user_id = cells.get("user_id")
        self._is_hidden = is_true(cells.get("hidden"))
        self._is_deleted_by_author = is_true(cells.get("user_deleted"))
        revisions = sorted(belongings.revisions or (), key=lambda each: each.number)
        self._has_hidden_revisions = any(each.is_hidden for each in revisions)
        self._revisions = [] if self._has_hidden_revisions else revisions
        self._farewell = (
            self._revisions.pop() if self._is_deleted_by_author and self._revisions else None
        )
        """The revision that put a note in place of the text, because the author deleted it."""

    def records(self) -> Iterator[ArchiveRecord]:
        cells, belongings = self._cells, self._belongings
        written_at = moment(belongings.written_at)
        yield Comment(
            self._place,
            *self._ids,
            user_id=self._user_id,
            display_name=belongings.author.name if belongings.author else None,
            body=self._first_text(),
            posted_at=written_at or self._created_at,
            parent_comment_id=belongings.parent_id,
            is_staff=bool(belongings.author and belongings.author.is_staff),
            held=written_at is not None,
        )
        yield from self._reactions_and_reports()
        yield from self._edits()
        if written_at is not None:
            yield Moderation(
                self._place, *self._ids, decision="approved", decided_at=self._created_at
            )
        yield from self._hiding()
        yield from self._removal()
        for action in belongings.actions or ():
            if action.decision and not self._unsaid(action):
                yield ReportDecision(
                    Place(action.file, action.within),
                    *self._ids,
                    report_id=action.action_id,
                    decision=action.decision,
                    decided_by=action.decided_by,
                    decided_at=moment(action.decided_at),
                )
        if self._is_deleted_by_author:
            yield Deletion(self._place, *self._ids, deleted_at=self._left_at())
        elif self._deleted_at and cells.get("deleted_by_id") in (None, self._user_id):
            yield Deletion(self._place, *self._ids, deleted_at=self._deleted_at)

    # The text.

    def _text(self, raw: str) -> str:
        is_html = self._cells.get("cook_method") == _RAW_HTML
        return plain_text(raw) if is_html else raw.replace("\r\n", "\n").strip()

    def _first_text(self) -> str | None:
        if self._revisions:
            return self._text(self._revisions[0].before)
        if self._farewell:
            return self._text(self._farewell.before)
        return None if self._is_deleted_by_author else self._text(self._cells.get("raw") or "")

    def _edits(self) -> Iterator[Edit | LeftOut]:
        last = self._first_text()
        for revision in self._revisions:
            text = self._text(revision.after)
            if text != last:
                place = Place(revision.file, revision.within)
                yield Edit(place, *self._ids, text, moment(revision.created_at))
            last = text
        why = "the export has only the last text"
        if self._has_hidden_revisions:
            number = len(self._belongings.revisions or ())
            yield LeftOut(self._place, "edits whose texts staff hid", "staff hid them", number)
        elif self._belongings.revisions is None:
            versions = int(self._cells.get("version") or 1)
            if versions > 1 and not self._is_deleted_by_author:
                yield LeftOut(self._place, "edits", why, versions - 1)
        elif self._revisions and not self._farewell:
            final = self._text(self._cells.get("raw") or "")
            if final != last:
                yield Edit(self._place, *self._ids, final, None)

    # Whether readers see it.

    def _hiding(self) -> Iterator[Moderation]:
        """Discourse hides a post for its flags, and shows it again if they are wrong or if its
        author changes it.
        """
        if not (self._is_hidden or self._hidden_at):
            return
        flags = self._flags()
        agreed = self._decided(flags, "upheld", self._hidden_at)
        by_person = agreed.decided_by if agreed and agreed.decided_by != SYSTEM else None
        is_spam = self._cells.get("hidden_reason_id") in _SPAM_REASONS
        reason = FLAG_REASONS.get(flags[0].kind) if flags else None
        yield Moderation(
            self._place,
            *self._ids,
            decision="rejected",
            reason="spam" if is_spam else reason,
            decided_by=by_person or SYSTEM,
            automated=by_person is None,
            decided_at=self._hidden_at,
        )
        if not self._is_hidden and self._hidden_at:
            yield from self._showing(flags, self._hidden_at)

    def _showing(self, flags: Sequence[Action], hidden_at: datetime) -> Iterator[Moderation]:
        """It was shown again: when somebody found its flags wrong, or else when its author changed
        it. That was before its removal, which is in force.
        """
        until = self._deleted_at or _NEVER
        wrong = [
            (at, each.decided_by)
            for each in flags
            if each.decision == "dismissed"
            and (at := moment(each.decided_at))
            and hidden_at < at < until
        ]
        edited = [at for at in self._edited_at() if hidden_at < at < until]
        shown_at, shown_by = max(
            wrong,
            key=lambda each: each[0],
            default=(min(edited, default=hidden_at + datetime.resolution), SYSTEM),
        )
        if shown_at < until:
            yield Moderation(
                self._place,
                *self._ids,
                decision="approved",
                decided_by=shown_by,
                automated=shown_by == SYSTEM,
                decided_at=shown_at,
            )

    def _edited_at(self) -> list[datetime]:
        """When it was changed, as far as that is known."""
        if self._belongings.revisions is None:
            changed_at = time_of(self._cells.get("last_version_at"))
            return [changed_at] if changed_at else []
        edits = (each for each in self._belongings.revisions if each is not self._farewell)
        return [at for each in edits if (at := moment(each.created_at))]

    def _removal(self) -> Iterator[Moderation]:
        """A deletion by somebody else is a decision."""
        deleted_by = self._cells.get("deleted_by_id")
        if (
            self._deleted_at is None
            or self._is_deleted_by_author
            or deleted_by in (None, self._user_id)
            # Discourse deletes what is hidden for thirty days.
            or (deleted_by == SYSTEM and self._is_hidden)
        ):
            return
        agreed = self._decided(self._flags(), "upheld", self._deleted_at)
        yield Moderation(
            self._place,
            *self._ids,
            decision="rejected",
            reason=FLAG_REASONS.get(agreed.kind) if agreed else None,
            decided_by=deleted_by,
            automated=deleted_by == SYSTEM,
            decided_at=self._deleted_at,
        )

    def _flags(self) -> list[Action]:
        actions = self._belongings.actions or ()
        return [each for each in actions if each.kind in FLAG_REASONS and not self._unsaid(each)]

    def _decided(
        self, flags: Sequence[Action], decision: str, at: datetime | None
    ) -> Action | None:
        """The first flag about which this was decided together with what happened at this time."""
        return next(
            (
                each
                for each in flags
                if each.decision == decision
                and at is not None
                and (decided_at := moment(each.decided_at)) is not None
                and abs(decided_at - at) <= _SAME_ACT
            ),
            None,
        )

    def _left_at(self) -> datetime | None:
        """When the author deleted it."""
        if self._farewell:
            return moment(self._farewell.created_at)
        changed_at = time_of(self._cells.get("last_version_at"))
        return changed_at if changed_at != self._created_at else self._deleted_at

    # Likes and flags.

    def _reactions_and_reports(self) -> Iterator[ArchiveRecord]:
        belongings = self._belongings
        if belongings.actions is None:
            yield from self._counted({"like_count": LIKE}, ReactionCount)
        if not belongings.has_flags:
            yield from self._counted(COUNTED_FLAGS, ReportCount)
        for action in belongings.actions or ():
            place = Place(action.file, action.within)
            at = moment(action.created_at)
            if unsaid := self._unsaid(action):
                yield LeftOut(place, *unsaid)
            elif action.kind == "2":
                if action.user_id is None:
                    yield ReactionCount(place, *self._ids, LIKE, 1)
                else:
                    yield Reaction(place, *self._ids, action.user_id, LIKE, at)
            else:
                reason = FLAG_REASONS.get(action.kind, "other")
                yield Report(
                    place,
                    *self._ids,
                    report_id=action.action_id,
                    reporter_user_id=action.user_id,
                    reason=reason,
                    note=None if action.kind in FLAG_REASONS else f"flag of type {action.kind}",
                    reported_at=at,
                )

    def _counted(
        self, columns: Mapping[str, str], record: type[ReactionCount] | type[ReportCount]
    ) -> Iterator[ReactionCount | ReportCount]:
        for column, name in columns.items():
            count = self._cells.get(column) or "0"
            if count.isdigit() and int(count):
                yield record(self._place, *self._ids, name, int(count))

    def _unsaid(self, action: Action) -> tuple[str, str] | None:
        """What an action is that is left out, and why; None: it is a like or a report."""
        if action.kind in _NOT_FLAGS:
            return _NOT_FLAGS[action.kind]
        if action.kind != "2" and action.user_id == SYSTEM:
            return "flags of Discourse itself", "nobody reported the comment"
        if action.deleted_at is not None and not self._went_with_the_post(action):
            return "likes and flags that were taken back", "they count no longer"
        return None

    def _went_with_the_post(self, action: Action) -> bool:
        """Whether it was deleted only because the post was."""
        deleted_at = moment(action.deleted_at)
        return (
            self._deleted_at is not None
            and deleted_at is not None
            and action.deleted_by == self._cells.get("deleted_by_id")
            and abs(deleted_at - self._deleted_at) <= _SAME_ACT
        )


def needed(cells: Cells, name: str) -> str:
    """Return a cell that must not be null. Raises ValueError."""
    found = cells.get(name)
    if not found:
        raise ValueError(f"has no {name}")
    return found


def is_true(cell: str | None) -> bool:
    """Whether a cell is true, as psql or Data Explorer writes it."""
    return cell in ("t", "true", "TRUE", "1")


def time_of(cell: str | None, *, date_will_do: bool = False) -> datetime | None:
    """Return a time; without an offset it is in UTC, as Discourse keeps all times. Raises
    ValueError, also for a date alone, unless that will do: it is its first instant then.
    """
    if not cell:
        return None
    try:
        found = datetime.fromisoformat(cell.removesuffix(" UTC"))
    except ValueError:
        raise ValueError(f"has a time that is not one: {cell[:80]}") from None
    if is_date(cell) and not date_will_do:
        raise ValueError(f"has a time that is a date without a time of day: {cell[:80]}")
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
