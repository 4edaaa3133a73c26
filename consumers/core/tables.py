"""The tables that events merge into, as data: keys, registers and the join of each register.

A row is a product of independent registers. A register holds a value together with the version of
the event that set it, and joins by keeping the least or the greatest version. An append-only set is
a table whose key names the event itself. The same joins stand in SQL under
sql/ingest/<table>/merge.sql; tests hold the two together.
"""

from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Register:
    """Columns that change together. The last one is what registers are compared by; null means
    never set.
    """

    columns: tuple[str, ...]
    keep_least: bool


@dataclass(frozen=True, eq=False)
class Table:
    """One table of schema ``discussion``: its key, what never changes once the key is there, and
    its registers.
    """

    name: str
    key: tuple[str, ...]
    facts: tuple[str, ...] = ()
    registers: tuple[Register, ...] = ()

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """All columns, in the order of a staged row: key, facts, registers."""
        return (
            self.key
            + self.facts
            + tuple(column for register in self.registers for column in register.columns)
        )

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """Where each register begins in a staged row."""
        position = len(self.key) + len(self.facts)
        found = []
        for register in self.registers:
            found.append(position)
            position += len(register.columns)
        return tuple(found)


_EVENT_KEY = ("article_id", "source", "event_id", "digest")
_EVENT_FACTS = ("occurred_at", "version")

CONTENT = Register(
    (
        "url",
        "headline",
        "site",
        "section",
        "topics",
        "bylines",
        "language",
        "updated_at",
        "discussion_enabled",
        "discussion_closes_at",
        "discussion_window_hours",
        "content_version",
    ),
    keep_least=False,
)
STATUS = Register(("status", "status_changed_at", "status_version"), keep_least=False)
ARTICLES = Table("articles", ("article_id",), registers=(CONTENT, STATUS))

ARTICLE_VERSIONS = Table(
    "article_versions",
    _EVENT_KEY,
    facts=(
        *_EVENT_FACTS,
        "event_type",
        *CONTENT.columns[:-1],
        "published_at",
        "unpublished_at",
        "unpublished_reason",
    ),
)

DISCUSSION_OVERRIDES = Table(
    "discussion_overrides",
    _EVENT_KEY,
    facts=(*_EVENT_FACTS, "action", "closes_at", "reason", "decided_by", "decided_at"),
)

POSTING = Register(
    (
        "user_id",
        "display_name",
        "role",
        "parent_comment_id",
        "posted_at",
        "held",
        "first_body",
        "posted_version",
    ),
    keep_least=True,
)
EDIT = Register(("edited_body", "edited_at", "edited_version"), keep_least=False)
DELETION = Register(("deleted_at", "deleted_version"), keep_least=True)
DECISION = Register(
    (
        "decision",
        "decision_reason",
        "decision_automated",
        "decided_by",
        "decided_at",
        "decision_version",
    ),
    keep_least=False,
)
COMMENTS = Table(
    "comments", ("article_id", "comment_id"), registers=(POSTING, EDIT, DELETION, DECISION)
)

COMMENT_EDITS = Table(
    "comment_edits", _EVENT_KEY, facts=(*_EVENT_FACTS, "comment_id", "body", "edited_at")
)

MODERATION_DECISIONS = Table(
    "moderation_decisions",
    _EVENT_KEY,
    facts=(
        *_EVENT_FACTS,
        "comment_id",
        "decision",
        "reason",
        "decided_by",
        "automated",
        "decided_at",
    ),
)

REPORT = Register(
    (
        "reporter_user_id",
        "reporter_anonymous_id",
        "reason",
        "note",
        "law",
        "reported_at",
        "reported_version",
    ),
    keep_least=True,
)
WITHDRAWAL = Register(("withdrawn_at", "withdrawn_version"), keep_least=True)
REPORTS = Table(
    "reports", ("article_id", "comment_id", "report_id"), registers=(REPORT, WITHDRAWAL)
)

REPORT_DECISIONS = Table(
    "report_decisions",
    _EVENT_KEY,
    facts=(
        *_EVENT_FACTS,
        "comment_id",
        "report_id",
        "decision",
        "decided_by",
        "decided_at",
        "explanation",
    ),
)

REACTION_STATE = Register(("is_on", "state_version"), keep_least=False)
FIRST_ADDED = Register(("first_added_at",), keep_least=True)
REACTIONS = Table(
    "reactions",
    ("article_id", "comment_id", "user_id", "reaction"),
    registers=(REACTION_STATE, FIRST_ADDED),
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
"""In the one order in which every batch of every process merges them, so that no two can
deadlock.
"""
