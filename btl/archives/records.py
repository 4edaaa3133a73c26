"""What an export says, in one form for all formats: articles, comments, what happened to comments,
and what can't be carried over.

A reader (``Format.read``) yields these records in any order; what an item says of a comment comes
right after the ``Comment`` of that item, where there is one: reports and reactions first, then
edits, decisions and deletions. Ids are as the source names them, times are in UTC, texts are plain.
A time that the export does not have is None, and ``btl.archives.events`` puts in its place what its
rules say.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NamedTuple

Decision = Literal["approved", "rejected"]

MAX_CONTENT = 4_000
"""The most characters of an item that are kept if it is rejected."""
MAX_ID_BYTES = 200
"""The contract's bound for ids, in UTF-8."""


class Place(NamedTuple):
    """Where in the export a record stands, for people: ``comments.csv``, ``line 7``."""

    file: str
    within: str

    def __str__(self) -> str:
        return f"{self.file}, {self.within}"


class Article(NamedTuple):
    """An article, page or thread that has a discussion."""

    place: Place
    article_id: str
    url: str | None
    headline: str | None
    published_at: datetime | None = None
    updated_at: datetime | None = None
    site: str | None = None
    section: str | None = None
    topics: Sequence[str] | None = None
    bylines: Sequence[str] | None = None
    language: str | None = None
    accepts_comments: bool | None = None
    """Whether readers may comment now, at the end of the export. None: the export does not say."""
    closes_at: datetime | None = None
    """When the discussion closed or will close, if the export says so."""
    window_hours: int | None = None
    enabled: bool | None = None
    """The article's own setting: whether readers may comment at all. None: it has none."""


class Comment(NamedTuple):
    """A comment as it was posted."""

    place: Place
    article_id: str
    comment_id: str
    user_id: str | None
    """The author's account. None: a guest, of whom the export has no account."""
    display_name: str | None
    body: str | None
    """None: the export has the comment, but not its text, because it was deleted."""
    posted_at: datetime | None
    parent_comment_id: str | None = None
    is_staff: bool | None = False
    """None: the export does not say."""
    held: bool | None = False
    """Whether it waited for a moderator before readers saw it. None: the export does not say."""
    email: str | None = None
    """A guest's address, only to tell guests apart: it goes into no event as it is."""


class Unpublication(NamedTuple):
    """An article that the site took down."""

    place: Place
    article_id: str
    reason: str
    unpublished_at: datetime | None = None


class Edit(NamedTuple):
    """A later text of a comment; the first one is that of ``Comment``."""

    place: Place
    article_id: str
    comment_id: str
    body: str
    edited_at: datetime | None


class Deletion(NamedTuple):
    """A comment that its author, or the site without a decision, took away."""

    place: Place
    article_id: str
    comment_id: str
    deleted_at: datetime | None = None


class Moderation(NamedTuple):
    """A decision about a comment."""

    place: Place
    article_id: str
    comment_id: str
    decision: Decision
    reason: str | None = None
    """A reason of the contract (``schemas/definitions.json``); None: the export has none."""
    decided_by: str | None = None
    """None: the export does not say who."""
    automated: bool | None = None
    """None: the export does not say whether a program decided."""
    decided_at: datetime | None = None


class Reaction(NamedTuple):
    """A like, a vote or another sign that one person gave to a comment."""

    place: Place
    article_id: str
    comment_id: str
    user_id: str
    reaction: str
    """A name that the contract allows, such as ``like`` or ``dislike``."""
    reacted_at: datetime | None = None


class ReactionCount(NamedTuple):
    """Reactions of which the export has only the number, not the people."""

    place: Place
    article_id: str
    comment_id: str
    reaction: str
    number: int


class Report(NamedTuple):
    """A flag: somebody reported a comment."""

    place: Place
    article_id: str
    comment_id: str
    report_id: str
    reporter_user_id: str | None
    """None: the export does not say who; each such report is of somebody else."""
    reason: str
    """A reason of the contract."""
    note: str | None = None
    law: str | None = None
    reported_at: datetime | None = None


class ReportCount(NamedTuple):
    """Reports of which the export has only the number."""

    place: Place
    article_id: str
    comment_id: str
    reason: str
    number: int


class ReportDecision(NamedTuple):
    """What was decided about a report."""

    place: Place
    article_id: str
    comment_id: str
    report_id: str
    decision: Literal["upheld", "dismissed", "ignored", "duplicate", "void"]
    decided_by: str | None = None
    decided_at: datetime | None = None
    explanation: str | None = None


class LeftOut(NamedTuple):
    """Something in the export that becomes no event, and why. Nothing is left out silently."""

    place: Place
    what: str
    """In the plural, as numbers are said of it: ``pingbacks``, ``likes without a person``."""
    why: str
    number: int = 1


Act = (
    Edit
    | Deletion
    | Moderation
    | Reaction
    | ReactionCount
    | Report
    | ReportCount
    | ReportDecision
    | Unpublication
)
ArchiveRecord = Article | Comment | Act | LeftOut


class UnreadableRowError(ValueError):
    """A single item that can't be read; the message says why. Readers yield ``Unreadable``."""


class Unreadable(NamedTuple):
    """An item of the export that makes no record: it is rejected, with its content, and the rest
    goes on.
    """

    place: Place
    reason: str
    content: str
    """The item as it is in the export, for the file of rejected items: at most MAX_CONTENT."""


def unreadable(place: Place, reason: str | Exception, content: str | bytes) -> Unreadable:
    """Return an item that makes no record; of its content, of any length, what is kept."""
    if isinstance(content, bytes):
        # No character has more than four bytes.
        content = content[: 4 * MAX_CONTENT].decode(errors="replace")
    return Unreadable(place, str(reason), content[:MAX_CONTENT])
