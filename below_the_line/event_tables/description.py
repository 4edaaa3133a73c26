"""The tables that events are merged into, described once, as data.

A row is a product of independent registers. A register holds the values that one event set,
together with that event's version. Two values of a register join: the one with the least, or with
the greatest, version stays. An append-only set is a table whose key names the event itself.

Everything else is made from this description: the fold of a batch (``consumers.core.fold``), the
SQL below sql/generated/ (``below_the_line.event_tables.statements``) and the lists in the tests.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, NamedTuple

PUBLISHED = "article.published.v1"
UPDATED = "article.updated.v1"
UNPUBLISHED = "article.unpublished.v1"
OVERRIDDEN = "discussion.overridden.v1"
POSTED = "comment.posted.v1"
EDITED = "comment.edited.v1"
DELETED = "comment.deleted.v1"
MODERATED = "comment.moderated.v1"
REPORTED = "comment.reported.v1"
REPORT_WITHDRAWN = "report.withdrawn.v1"
REPORT_DECIDED = "report.decided.v1"
REACTION_ADDED = "reaction.added.v1"
REACTION_REMOVED = "reaction.removed.v1"
COMMENTER_ERASED = "commenter.erased.v1"
"""It is about a person and not about an article: none of the tables here is written by it."""


class Constant(NamedTuple):
    """A value that follows from the event's type."""

    value: str | bool


Source = str | Constant
"""Where a value comes from: a path into the event, or a constant.

A path is ``article_id``, ``event_id``, ``source``, ``digest``, ``occurred_at``, ``version``, or
begins with ``data.``. A member that may be absent ends in ``?`` and is null then:
``data.discussion?.closes_at?``.
"""


@dataclass(frozen=True)
class Column:
    """One column of a table."""

    name: str
    type: str
    """The Postgres type."""
    source: Source | Mapping[str, Source]
    """One source for all events that set the column, or one for each event type. For a type that
    is not named the column is null.
    """

    def source_in(self, event_type: str) -> Source | None:
        """Return where events of this type have the value; None if they don't have it."""
        if isinstance(self.source, Mapping):
            return self.source.get(event_type)
        return self.source


@dataclass(frozen=True)
class Register:
    """Columns that are set together by one event.

    The last column is what values are compared by: the version of the event, or a time. Null means
    that the register was never set.
    """

    keeps: Literal["least", "greatest"]
    """Which of two values stays: the one with the least or the greatest last column."""
    set_by: tuple[str, ...]
    """The event types that set it. None: only erasures do."""
    columns: tuple[Column, ...]
    begins: bool = False
    """Whether the event that sets it is, as a rule, the first of its row."""

    @property
    def compared(self) -> Column:
        """The column that values are compared by."""
        return self.columns[-1]

    @property
    def is_versioned(self) -> bool:
        """Whether values are compared by the event's version, and not by a time."""
        return self.compared.source == "version"


@dataclass(frozen=True, eq=False)
class Table:
    """A table of schema ``discussion``: either registers, or an append-only set of events."""

    name: str
    grain: str
    """What one row is about, for the header of its staging table."""
    key: tuple[Column, ...]
    registers: tuple[Register, ...] = ()
    added_by: tuple[str, ...] = ()
    """For a set: the event types that are kept in it."""
    facts: tuple[Column, ...] = ()
    """For a set: the columns beside the key. They never change."""
    marks_windows: bool = False
    """Whether a change marks the article in ``ingest.dirty_windows``. Every change of every table
    marks it in ``ingest.dirty_articles``.
    """
    marks_discussion: Literal["comments", "reactions"] | None = None
    """As what a change marks the article in ``ingest.dirty_discussions``, if it does."""

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """All columns in the order of a staged row: key, facts, registers."""
        return (
            self.key
            + self.facts
            + tuple(column for register in self.registers for column in register.columns)
        )

    @cached_property
    def column_names(self) -> tuple[str, ...]:
        """The names of ``columns``."""
        return tuple(column.name for column in self.columns)

    @cached_property
    def key_names(self) -> tuple[str, ...]:
        """The names of the key's columns."""
        return tuple(column.name for column in self.key)

    @cached_property
    def new_by(self) -> int | None:
        """Where in a staged row stands the value that, if it is not null, makes the row most likely
        a new one. In a set every row is. None: no value tells.
        """
        if not self.registers:
            return 0
        begun = (
            span.stop - 1
            for span, register in zip(self.spans, self.registers, strict=True)
            if register.begins
        )
        return next(begun, None)

    @cached_property
    def spans(self) -> tuple[slice, ...]:
        """Where each register stands in a staged row."""
        found, start = [], len(self.key) + len(self.facts)
        for register in self.registers:
            found.append(slice(start, start + len(register.columns)))
            start += len(register.columns)
        return tuple(found)


class Write(NamedTuple):
    """What an event writes to one table."""

    table: Table
    register: int | None
    """Number of the register that it sets; None: the event is added to the set."""


def writes(event_type: str) -> tuple[Write, ...]:
    """Return all that an event of this type writes, in the order of ``TABLES``."""
    found = []
    for table in TABLES:
        if event_type in table.added_by:
            found.append(Write(table, None))
        found += [
            Write(table, number)
            for number, register in enumerate(table.registers)
            if event_type in register.set_by
        ]
    return tuple(found)


def event_types() -> tuple[str, ...]:
    """Return the event types that write to any table."""
    return tuple(
        dict.fromkeys(
            event_type
            for table in TABLES
            for types in (table.added_by, *(register.set_by for register in table.registers))
            for event_type in types
        )
    )


_ID = 'text collate "C"'
_ARTICLE_ID = Column("article_id", _ID, "article_id")
_COMMENT_ID = Column("comment_id", _ID, "data.comment_id")
_EVENT_KEY = (
    _ARTICLE_ID,
    Column("source", _ID, "source"),
    Column("event_id", _ID, "event_id"),
    Column("digest", "bytea", "digest"),
)
_EVENT_FACTS = (
    Column("occurred_at", "timestamptz", "occurred_at"),
    Column("version", "bytea", "version"),
)

_CONTENT = (
    Column("url", "text", "data.url"),
    Column("headline", "text", "data.headline"),
    Column("site", "text", "data.site"),
    Column("section", "text", "data.section?"),
    Column("topics", "text[]", "data.topics?"),
    Column("bylines", "text[]", "data.bylines?"),
    Column("language", "text", "data.language?"),
    Column("updated_at", "timestamptz", "data.updated_at?"),
    Column("discussion_enabled", "boolean", "data.discussion?.enabled"),
    Column("discussion_closes_at", "timestamptz", "data.discussion?.closes_at?"),
    Column("discussion_window_hours", "integer", "data.discussion?.window_hours?"),
)

_ERASED = Register(
    keeps="greatest", set_by=(), columns=(Column("erased_at", "timestamptz", source={}),)
)
"""Set by no event: an erasure sets it on the rows of events that it applies to."""


def _only_in(types: tuple[str, ...], column: Column) -> Column:
    sources = {each: column.source_in(each) for each in types}
    return replace(column, source={each: source for each, source in sources.items() if source})


ARTICLES = Table(
    "articles",
    grain="article",
    key=(_ARTICLE_ID,),
    registers=(
        Register(
            keeps="greatest",
            set_by=(PUBLISHED, UPDATED),
            columns=(*_CONTENT, Column("content_version", "bytea", "version")),
        ),
        # An update never republishes: it leaves the status alone.
        Register(
            keeps="greatest",
            set_by=(PUBLISHED, UNPUBLISHED),
            columns=(
                Column(
                    "status",
                    "text",
                    {PUBLISHED: Constant("published"), UNPUBLISHED: Constant("unpublished")},
                ),
                Column(
                    "status_changed_at",
                    "timestamptz",
                    {PUBLISHED: "occurred_at", UNPUBLISHED: "data.unpublished_at"},
                ),
                Column("status_version", "bytea", "version"),
            ),
        ),
    ),
)

ARTICLE_VERSIONS = Table(
    "article_versions",
    grain="article event",
    key=_EVENT_KEY,
    added_by=(PUBLISHED, UPDATED, UNPUBLISHED),
    facts=(
        *_EVENT_FACTS,
        Column(
            "event_type",
            "text",
            {
                PUBLISHED: Constant("published"),
                UPDATED: Constant("updated"),
                UNPUBLISHED: Constant("unpublished"),
            },
        ),
        *(_only_in((PUBLISHED, UPDATED), column) for column in _CONTENT),
        _only_in((PUBLISHED, UPDATED), Column("published_at", "timestamptz", "data.published_at?")),
        _only_in(
            (PUBLISHED, UPDATED),
            Column("published_at_corrected", "boolean", "data.published_at_corrected?"),
        ),
        _only_in((UNPUBLISHED,), Column("unpublished_at", "timestamptz", "data.unpublished_at")),
        _only_in((UNPUBLISHED,), Column("unpublished_reason", "text", "data.reason?")),
    ),
    marks_windows=True,
)

DISCUSSION_OVERRIDES = Table(
    "discussion_overrides",
    grain="override",
    key=_EVENT_KEY,
    added_by=(OVERRIDDEN,),
    facts=(
        *_EVENT_FACTS,
        Column("action", "text", "data.action"),
        Column("closes_at", "timestamptz", "data.closes_at?"),
        Column("reason", "text", "data.reason"),
        Column("decided_by", "text", "data.decided_by"),
        Column("decided_at", "timestamptz", "data.decided_at"),
    ),
    marks_windows=True,
)

COMMENTS = Table(
    "comments",
    grain="comment",
    key=(_ARTICLE_ID, _COMMENT_ID),
    registers=(
        Register(
            keeps="least",
            set_by=(POSTED,),
            begins=True,
            columns=(
                Column("user_id", "text", "data.author.user_id"),
                Column("display_name", "text", "data.author.display_name"),
                Column("role", "text", "data.author.role"),
                Column("parent_comment_id", "text", "data.parent_comment_id?"),
                Column("posted_at", "timestamptz", "data.posted_at"),
                Column("held", "boolean", "data.held"),
                Column("first_body", "text", "data.body"),
                Column("posted_version", "bytea", "version"),
            ),
        ),
        Register(
            keeps="greatest",
            set_by=(EDITED,),
            columns=(
                Column("edited_body", "text", "data.body"),
                Column("edited_at", "timestamptz", "data.edited_at"),
                Column("edited_version", "bytea", "version"),
            ),
        ),
        Register(
            keeps="least",
            set_by=(DELETED,),
            columns=(
                Column("deleted_at", "timestamptz", "data.deleted_at"),
                Column("deleted_version", "bytea", "version"),
            ),
        ),
        Register(
            keeps="greatest",
            set_by=(MODERATED,),
            columns=(
                Column("decision", "text", "data.decision"),
                Column("decision_reason", "text", "data.reason?"),
                Column("decision_automated", "boolean", "data.automated"),
                Column("decided_by", "text", "data.decided_by"),
                Column("decided_at", "timestamptz", "data.decided_at"),
                Column("decision_version", "bytea", "version"),
            ),
        ),
        _ERASED,
    ),
    marks_discussion="comments",
)

COMMENT_EDITS = Table(
    "comment_edits",
    grain="edit",
    key=_EVENT_KEY,
    added_by=(EDITED,),
    facts=(
        *_EVENT_FACTS,
        _COMMENT_ID,
        Column("body", "text", "data.body"),
        Column("edited_at", "timestamptz", "data.edited_at"),
    ),
    marks_discussion="comments",
)

MODERATION_DECISIONS = Table(
    "moderation_decisions",
    grain="decision",
    key=_EVENT_KEY,
    added_by=(MODERATED,),
    facts=(
        *_EVENT_FACTS,
        _COMMENT_ID,
        Column("decision", "text", "data.decision"),
        Column("reason", "text", "data.reason?"),
        Column("decided_by", "text", "data.decided_by"),
        Column("automated", "boolean", "data.automated"),
        Column("decided_at", "timestamptz", "data.decided_at"),
    ),
    marks_discussion="comments",
)

REPORTS = Table(
    "reports",
    grain="report",
    key=(_ARTICLE_ID, _COMMENT_ID, Column("report_id", _ID, "data.report_id")),
    registers=(
        Register(
            keeps="least",
            set_by=(REPORTED,),
            begins=True,
            columns=(
                Column("reporter_user_id", "text", "data.reporter.user_id?"),
                Column("reporter_anonymous_id", "text", "data.reporter.anonymous_id?"),
                Column("reason", "text", "data.reason"),
                Column("note", "text", "data.note?"),
                Column("law", "text", "data.law?"),
                Column("reported_at", "timestamptz", "data.reported_at"),
                Column("reported_version", "bytea", "version"),
            ),
        ),
        Register(
            keeps="least",
            set_by=(REPORT_WITHDRAWN,),
            columns=(
                Column("withdrawn_at", "timestamptz", "data.withdrawn_at"),
                Column("withdrawn_version", "bytea", "version"),
            ),
        ),
        _ERASED,
    ),
)

REPORT_DECISIONS = Table(
    "report_decisions",
    grain="report decision",
    key=_EVENT_KEY,
    added_by=(REPORT_DECIDED,),
    facts=(
        *_EVENT_FACTS,
        _COMMENT_ID,
        Column("report_id", _ID, "data.report_id"),
        Column("decision", "text", "data.decision"),
        Column("decided_by", "text", "data.decided_by"),
        Column("decided_at", "timestamptz", "data.decided_at"),
        Column("explanation", "text", "data.explanation?"),
    ),
)

REACTIONS = Table(
    "reactions",
    grain="reaction of a user to a comment",
    key=(
        _ARTICLE_ID,
        _COMMENT_ID,
        Column("user_id", _ID, "data.user_id"),
        Column("reaction", _ID, "data.reaction"),
    ),
    registers=(
        Register(
            keeps="greatest",
            set_by=(REACTION_ADDED, REACTION_REMOVED),
            columns=(
                Column(
                    "is_on",
                    "boolean",
                    {REACTION_ADDED: Constant(True), REACTION_REMOVED: Constant(False)},
                ),
                Column("state_version", "bytea", "version"),
            ),
        ),
        Register(
            keeps="least",
            set_by=(REACTION_ADDED,),
            columns=(Column("first_added_at", "timestamptz", "data.reacted_at"),),
        ),
    ),
    marks_discussion="reactions",
)

TABLES = (
    ARTICLES,
    ARTICLE_VERSIONS,
    DISCUSSION_OVERRIDES,
    COMMENTS,
    COMMENT_EDITS,
    MODERATION_DECISIONS,
    REPORTS,
    REPORT_DECISIONS,
    REACTIONS,
)
"""The order in which every batch of every process merges the tables. One order for all, so that two
processes can't deadlock. What is copied straight comes before: see ``consumers.core.straight``.
"""
