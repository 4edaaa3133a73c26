"""What waits until the whole export is read, and what was rejected: in the facts' SQLite file."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from below_the_line.contracts.times import to_datetime
from below_the_line.resources import sql
from btl.archives.events import Surroundings
from btl.archives.facts import Facts
from btl.archives.records import (
    Act,
    Article,
    Deletion,
    Edit,
    Moderation,
    Reaction,
    ReactionCount,
    Report,
    ReportCount,
    ReportDecision,
    Unpublication,
)
from btl.archives.temporary_database import insert

_KINDS: dict[str, Any] = {
    kind.__name__: msgspec.msgpack.Decoder(kind)
    for kind in (
        Article,
        Deletion,
        Edit,
        Moderation,
        Reaction,
        ReactionCount,
        Report,
        ReportCount,
        ReportDecision,
        Unpublication,
    )
}
_encode = msgspec.msgpack.Encoder().encode
_BUNDLE = 2_000


class Rejected(NamedTuple):
    """An item of the export that makes no valid event."""

    file: str
    within: str
    reason: str
    content: str


class WaitingArticle(NamedTuple):
    """An article, and when its first and last comments were posted."""

    article: Article
    first_comment_at: datetime | None
    last_comment_at: datetime | None


class WaitingAct(NamedTuple):
    """Something that happened to a comment, and what is known of the comment."""

    act: Act
    known: Surroundings | None


class SpoolRows:
    """Rows of the spool, in memory."""

    def __init__(self) -> None:
        self.rows: dict[str, list[Sequence[Any]]] = {
            table: [] for table in ("waiting", "known", "given", "rejected")
        }
        """By table."""

    def add_waiting_article(self, article: Article) -> None:
        """Keep an article that waits for its comments."""
        self._add("waiting", ("Article", article.article_id, None, _encode(article)))

    def add_act(self, act: Act) -> None:
        """Keep an act without a time that waits for what is known of its comment."""
        comment_id = None if isinstance(act, Unpublication) else act.comment_id
        self._add("waiting", (type(act).__name__, act.article_id, comment_id, _encode(act)))

    def add_known(self, article_id: str, comment_id: str, at: int) -> None:
        """Keep the last time that is known of a comment so far."""
        self._add("known", (article_id, comment_id, at))

    def add_given(self, article_id: str, comment_id: str, kind: str, number: int) -> None:
        """Keep how many reactions or reports of a kind (``counted_kind``) a comment was given."""
        self._add("given", (article_id, comment_id, kind, number))

    def add_rejected(self, rejected: Rejected) -> None:
        """Keep what makes no event."""
        self._add("rejected", rejected)

    def _add(self, table: str, row: Sequence[Any]) -> None:
        self.rows[table].append(row)


class Spool(SpoolRows):
    """Rows that wait. Everything is added first, then ``flush`` is called, then it is read."""

    def __init__(self, facts: Facts) -> None:
        """The tables of the spool are made beside those of the facts, whose comments are asked."""
        super().__init__()
        self._facts = facts
        self._has_index = False
        facts.connection.executescript(sql("archives/spool/tables.sql").decode())

    def add_rows(self, rows: Mapping[str, Sequence[Sequence[Any]]]) -> None:
        """Add rows that were collected elsewhere, by table."""
        for table, added in rows.items():
            for row in added:
                self._add(table, row)

    def flush(self) -> None:
        """Write what was added."""
        for table, rows in self.rows.items():
            insert(self._facts.connection, table, rows)
            rows.clear()

    def articles(self) -> Iterator[WaitingArticle]:
        """Yield the articles that wait for their comments."""
        for (content,) in self._query("waiting_articles"):
            article: Article = _KINDS["Article"].decode(content)
            span = self._facts.first_and_last_comment(article.article_id)
            first, last = (None, None) if span is None else map(to_datetime, span)
            yield WaitingArticle(article, first, last)

    def acts(self) -> Iterator[WaitingAct]:
        """Yield the acts that wait, those of a comment or an article in their order, with what is
        known of it.
        """
        self._facts.make_indexes()
        for kind, article_id, comment_id, content in self._query("waiting_acts"):
            if comment_id is None:
                (span,) = self._query("known_of_article", article_id=article_id)
            else:
                (span,) = self._query(
                    "known_of_comment", article_id=article_id, comment_id=comment_id
                )
            known = None if span[0] is None else Surroundings(*map(to_datetime, span))
            yield WaitingAct(_KINDS[kind].decode(content), known)

    def given(self, article_id: str, comment_id: str, kind: str) -> int:
        """Return how many reactions or reports of a kind a comment was given."""
        if not self._has_index:
            self._has_index = True
            self._query("index_given")
        [(number,)] = self._query("given", article_id=article_id, comment_id=comment_id, kind=kind)
        return int(number)

    def rejected(self) -> Iterator[Rejected]:
        """Yield what makes no event, in the order in which it was read."""
        for row in self._query("rejected"):
            yield Rejected(*row)

    def _query(self, name: str, **parameters: str) -> sqlite3.Cursor:
        statement = sql(f"archives/spool/{name}.sql").decode()
        return self._facts.connection.execute(statement, parameters)

    def _add(self, table: str, row: Sequence[Any]) -> None:
        super()._add(table, row)
        if len(self.rows[table]) >= _BUNDLE:
            self.flush()
