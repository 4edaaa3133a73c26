"""Folding a batch: events of one key become one staged row, by the same join as the merge in
SQL.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from below_the_line.contracts.events import Event
from below_the_line.contracts.times import EPOCH
from consumers.core import tables
from consumers.core.tables import Table

Key = tuple[Any, ...]
Row = tuple[Any, ...]


class FoldedTable:
    """The staged rows of one table: at most one per key, with the numbers of the records that went
    into it.
    """

    def __init__(self, table: Table) -> None:
        self.table = table
        self._rows: dict[Key, Row] = {}
        self._records: dict[Key, list[int]] = {}
        width = len(table.columns)
        self._registers = [
            (
                start,
                start + len(register.columns),
                register.keep_least,
                (None,) * (start - len(table.key)),
                (None,) * (width - start - len(register.columns)),
            )
            for start, register in zip(table.starts, table.registers, strict=True)
        ]
        """Of each register: where it begins and ends in a row, its join, and what lies between key
        and it, and behind it.
        """

    def __len__(self) -> int:
        return len(self._rows)

    def join(self, record: int, key: Key, register: int, values: tuple[Any, ...]) -> None:
        """Join one register's values, the version last, into the row of this key."""
        start, end, keep_least, before, behind = self._registers[register]
        row = self._rows.get(key)
        if row is None:
            self._rows[key] = key + before + values + behind
            self._records[key] = [record]
            return
        held, offered = row[end - 1], values[-1]
        if held is None or (offered < held if keep_least else offered > held):
            self._rows[key] = row[:start] + values + row[end:]
        records = self._records[key]
        if records[-1] != record:
            records.append(record)

    def add(self, record: int, key: Key, facts: tuple[Any, ...]) -> None:
        """Add one element to an append-only set."""
        if key in self._rows:
            self._records[key].append(record)
        else:
            self._rows[key] = key + facts
            self._records[key] = [record]

    def staged(self) -> tuple[list[Row], list[list[int]]]:
        """The rows in key order, and for each the numbers of the records that went into it.

        Key order is the order in which every process locks rows, so that two of them can't
        deadlock.
        """
        keys = sorted(self._rows)
        return [self._rows[key] for key in keys], [self._records[key] for key in keys]


class _FoldedTables(dict[Table, FoldedTable]):
    """A dictionary and no method of ours: it is asked once or more for each event."""

    def __missing__(self, table: Table) -> FoldedTable:
        folded = self[table] = FoldedTable(table)
        return folded


class Fold:
    """What a batch will write to schema ``discussion``."""

    def __init__(self) -> None:
        self.tables = _FoldedTables()
        """By table; one that was not there begins empty."""

    def __iter__(self) -> Iterator[FoldedTable]:
        """The tables that have rows, in merge order."""
        return (self.tables[table] for table in tables.TABLES if table in self.tables)

    def add(self, record: int, event: Event) -> None:
        """Fold one event in; ``record`` is the number of its record in the batch. The order of
        calls does not matter.
        """
        _RULES[event.type](self, record, event)


def _occurred_at(event: Event) -> datetime:
    return EPOCH + timedelta(microseconds=event.occurred_at)


def _event_key(event: Event) -> Key:
    return (event.article_id, event.source, event.id, event.digest)


def _article_content(event: Event) -> tuple[Any, ...]:
    data = event.data
    discussion = data.get("discussion") or {}
    return (
        data["url"],
        data["headline"],
        data["site"],
        data.get("section"),
        data.get("topics"),
        data.get("bylines"),
        data.get("language"),
        data.get("updated_at"),
        discussion.get("enabled"),
        discussion.get("closes_at"),
        discussion.get("window_hours"),
    )


def _article_version(fold: Fold, record: int, event: Event, kind: str) -> None:
    content = _article_content(event)
    fold.tables[tables.ARTICLES].join(record, (event.article_id,), 0, (*content, event.version))
    facts = (
        _occurred_at(event),
        event.version,
        kind,
        *content,
        event.data.get("published_at"),
        None,
        None,
    )
    fold.tables[tables.ARTICLE_VERSIONS].add(record, _event_key(event), facts)


def _article_published(fold: Fold, record: int, event: Event) -> None:
    _article_version(fold, record, event, "published")
    fold.tables[tables.ARTICLES].join(
        record, (event.article_id,), 1, ("published", _occurred_at(event), event.version)
    )


def _article_updated(fold: Fold, record: int, event: Event) -> None:
    # An update never republishes: it leaves the status register alone.
    _article_version(fold, record, event, "updated")


def _article_unpublished(fold: Fold, record: int, event: Event) -> None:
    unpublished_at = event.data["unpublished_at"]
    fold.tables[tables.ARTICLES].join(
        record, (event.article_id,), 1, ("unpublished", unpublished_at, event.version)
    )
    facts = (
        _occurred_at(event),
        event.version,
        "unpublished",
        *(None,) * (len(tables.CONTENT.columns) - 1),
        None,
        unpublished_at,
        event.data.get("reason"),
    )
    fold.tables[tables.ARTICLE_VERSIONS].add(record, _event_key(event), facts)


def _discussion_overridden(fold: Fold, record: int, event: Event) -> None:
    data = event.data
    facts = (
        _occurred_at(event),
        event.version,
        data["action"],
        data.get("closes_at"),
        data["reason"],
        data["decided_by"],
        data["decided_at"],
    )
    fold.tables[tables.DISCUSSION_OVERRIDES].add(record, _event_key(event), facts)


def _comment_posted(fold: Fold, record: int, event: Event) -> None:
    data = event.data
    author = data["author"]
    values = (
        author["user_id"],
        author["display_name"],
        author["role"],
        data.get("parent_comment_id"),
        data["posted_at"],
        data["held"],
        data["body"],
        event.version,
    )
    fold.tables[tables.COMMENTS].join(record, (event.article_id, data["comment_id"]), 0, values)


def _comment_edited(fold: Fold, record: int, event: Event) -> None:
    data = event.data
    key = (event.article_id, data["comment_id"])
    fold.tables[tables.COMMENTS].join(
        record, key, 1, (data["body"], data["edited_at"], event.version)
    )
    facts = (
        _occurred_at(event),
        event.version,
        data["comment_id"],
        data["body"],
        data["edited_at"],
    )
    fold.tables[tables.COMMENT_EDITS].add(record, _event_key(event), facts)


def _comment_deleted(fold: Fold, record: int, event: Event) -> None:
    data = event.data
    fold.tables[tables.COMMENTS].join(
        record, (event.article_id, data["comment_id"]), 2, (data["deleted_at"], event.version)
    )


def _comment_moderated(fold: Fold, record: int, event: Event) -> None:
    data = event.data
    decision, reason, automated = data["decision"], data.get("reason"), data["automated"]
    decided_by, decided_at = data["decided_by"], data["decided_at"]
    fold.tables[tables.COMMENTS].join(
        record,
        (event.article_id, data["comment_id"]),
        3,
        (decision, reason, automated, decided_by, decided_at, event.version),
    )
    facts = (
        _occurred_at(event),
        event.version,
        data["comment_id"],
        decision,
        reason,
        decided_by,
        automated,
        decided_at,
    )
    fold.tables[tables.MODERATION_DECISIONS].add(record, _event_key(event), facts)


def _report_key(event: Event) -> Key:
    return (event.article_id, event.data["comment_id"], event.data["report_id"])


def _comment_reported(fold: Fold, record: int, event: Event) -> None:
    data = event.data
    reporter = data["reporter"]
    values = (
        reporter.get("user_id"),
        reporter.get("anonymous_id"),
        data["reason"],
        data.get("note"),
        data.get("law"),
        data["reported_at"],
        event.version,
    )
    fold.tables[tables.REPORTS].join(record, _report_key(event), 0, values)


def _report_withdrawn(fold: Fold, record: int, event: Event) -> None:
    fold.tables[tables.REPORTS].join(
        record, _report_key(event), 1, (event.data["withdrawn_at"], event.version)
    )


def _report_decided(fold: Fold, record: int, event: Event) -> None:
    data = event.data
    facts = (
        _occurred_at(event),
        event.version,
        data["comment_id"],
        data["report_id"],
        data["decision"],
        data["decided_by"],
        data["decided_at"],
        data.get("explanation"),
    )
    fold.tables[tables.REPORT_DECISIONS].add(record, _event_key(event), facts)


def _reaction(fold: Fold, record: int, event: Event, is_on: bool) -> None:
    data = event.data
    key = (event.article_id, data["comment_id"], data["user_id"], data["reaction"])
    fold.tables[tables.REACTIONS].join(record, key, 0, (is_on, event.version))
    if is_on:
        fold.tables[tables.REACTIONS].join(record, key, 1, (data["reacted_at"],))


def _reaction_added(fold: Fold, record: int, event: Event) -> None:
    _reaction(fold, record, event, is_on=True)


def _reaction_removed(fold: Fold, record: int, event: Event) -> None:
    _reaction(fold, record, event, is_on=False)


_RULES: dict[str, Callable[[Fold, int, Event], None]] = {
    "article.published.v1": _article_published,
    "article.updated.v1": _article_updated,
    "article.unpublished.v1": _article_unpublished,
    "discussion.overridden.v1": _discussion_overridden,
    "comment.posted.v1": _comment_posted,
    "comment.edited.v1": _comment_edited,
    "comment.deleted.v1": _comment_deleted,
    "comment.moderated.v1": _comment_moderated,
    "comment.reported.v1": _comment_reported,
    "report.withdrawn.v1": _report_withdrawn,
    "report.decided.v1": _report_decided,
    "reaction.added.v1": _reaction_added,
    "reaction.removed.v1": _reaction_removed,
}
