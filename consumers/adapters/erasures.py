"""Erasures as a session with Postgres knows them, and as its transactions apply them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from zlib import crc32

import psycopg

from below_the_line.contracts.envelope import MAX_NAME_BYTES
from below_the_line.contracts.events import Record, Rejection
from below_the_line.contracts.times import to_datetime
from below_the_line.erasing.completion import complete
from below_the_line.erasing.erasures import ErasedComment, ErasedPerson, Erasures
from below_the_line.erasing.keys import ErasureKey, key_problem, required_key
from below_the_line.erasing.letters import Cause, Sought, texts_in
from below_the_line.erasing.recording import Wish, raised_version, stored
from below_the_line.errors import BelowTheLineError
from below_the_line.resources import sql
from consumers.core.batch import Batch
from consumers.core.dead_letters import stored_headers, stored_timestamp
from consumers.core.erasing import (
    AskedErasure,
    Completions,
    ErasedRows,
    Stored,
    StoredComment,
    StoredReport,
    asked_erasures,
    erased_reaction,
)
from consumers.core.fold import Fold

NEWER_ERASURES: Final = "BTL02"
"""SQLSTATE raised by ingest.share_erasures: erasures were recorded that the transaction did not
apply.
"""
_BUCKETS: Final = 256
"""Rows of ingest.erasure_locks."""


class SessionErasures:
    """The erasures that a session knows, and what the present batch has to do with them."""

    def __init__(self, key: ErasureKey | None) -> None:
        """``key`` None: none may be recorded; else ``read`` raises."""
        self._key = key
        self._known = Erasures(key)
        self._version = -1
        self._completions: Completions | None = None
        self._asked: list[AskedErasure] = []
        self._with_asked: Erasures | None = None
        self._sought: tuple[Erasures, Sought] | None = None
        """What dead letters are searched for, made when the first one is looked at."""

    def forget(self) -> None:
        """Forget what is known: the next ``read`` reads all."""
        self._known, self._version = Erasures(self._key), -1
        self.forget_batch()

    def forget_batch(self) -> None:
        """Forget what the present batch has to do."""
        self._completions, self._asked, self._with_asked = None, [], None

    def read(self, connection: psycopg.Connection[Any]) -> None:
        """Read the erasures that are not known yet, in a transaction of the caller.

        Raises BelowTheLineError without the key that they were recorded with, and psycopg.Error.
        """
        rows = connection.execute(
            sql("ingest/erasures/newer.sql"), {"version": self._version}
        ).fetchall()
        if not rows:
            raise BelowTheLineError(
                "Table ingest.erasures_version is empty.",
                "`btl migrate` filled it, somebody deleted its row: insert it again, as btl_owner,"
                " with the greatest version of ingest.erasures.",
            )
        version, key_check = rows[0][:2]
        found: list[ErasedPerson | ErasedComment] = [
            ErasedComment(article_id, comment_id, erased_at)
            if kind == "comment"
            else ErasedPerson(pseudonym, erased_at)
            for _, _, kind, pseudonym, article_id, comment_id, erased_at in rows
            if kind is not None
        ]
        if found:
            require_key(self._key, key_check)
        self._known.add(found)
        self._version, self._sought = version, None

    def erased(self, connection: psycopg.Connection[Any], batch: Batch) -> Fold:
        """Return the rows of a batch, erased; begins its transaction if it has to lock or look.

        Erasures that the batch itself asks for apply to its other events. A batch without an event
        of the time of an erasure costs one comparison per event, and only if there are erasures.
        Raises psycopg.Error, and BelowTheLineError if the batch asks for an erasure without a key.
        """
        known, fold = self._known, batch.folded()
        if fold.erasures:
            if self._key is None:
                required_key(None, "An event asks to forget a person, and")
            self._asked = asked_erasures(known, fold.erasures)
            known = self._with_asked = known.with_also(each.erased for each in self._asked)
        if not known or not batch.has_event_until(known.latest):
            return fold
        rows = ErasedRows(known, batch.folded(lambda event: erased_reaction(known, event)))
        _lock(connection, rows)
        stored = _stored(connection, rows)
        self._completions = rows.completions(stored)
        return rows.rows(stored)

    def erased_letters(
        self,
        connection: psycopg.Connection[Any],
        dead_letters: Sequence[tuple[Record, Rejection]],
    ) -> set[int]:
        """Return the places of those dead letters of which nothing may be kept, because they are of
        an erased person, or about an erased comment or report.

        Call it after ``erased``. Only records of the time of an erasure are looked at. Raises
        psycopg.Error.
        """
        known = self._known if self._with_asked is None else self._with_asked
        latest = known.latest
        old = [
            number
            for number, (record, _) in enumerate(dead_letters)
            if record.timestamp * 1_000 <= latest
        ]
        if not known or not old:
            return set()
        if self._sought is None or self._sought[0] is not known:
            self._sought = known, _sought(known)
        sought = self._sought[1]
        found: set[int] = set()
        texts: dict[int, set[str]] = {}
        for number in old:
            record = dead_letters[number][0]
            parts = record.key, record.value, stored_headers(record)
            if sought.cause(stored_timestamp(record), *parts) is not None:
                found.add(number)
            elif record.key is not None:
                texts[number] = texts_in(*parts)
        about = connection.execute(
            sql("ingest/erasures/about_erased.sql"), _possible_ids(dead_letters, texts)
        ).fetchall()
        return found | {
            number
            for number, erased_at in about
            if stored_timestamp(dead_letters[number][0]) <= erased_at
        }

    @property
    def asked(self) -> Sequence[AskedErasure]:
        """The erasures that the present batch asks for."""
        return self._asked

    @property
    def records(self) -> bool:
        """Whether the present batch records erasures."""
        return any(each.is_news for each in self._asked)

    def complete(self, connection: psycopg.Connection[Any]) -> None:
        """Wipe what the tables have of the comments and reports that the batch made erased, after
        its merges. Raises psycopg.Error.
        """
        if self._completions is None:
            return
        comments, reports = self._completions
        for reason in comments.keys() | reports.keys():
            person, erased_at = reason
            complete(
                connection,
                self._known.key,
                None if person is None else person.pseudonym,
                to_datetime(erased_at),
                sorted(comments.get(reason, ())),
                sorted(reports.get(reason, ())),
            )

    def share(self, connection: psycopg.Connection[Any]) -> None:
        """Send the fence of erasures, as the last statement before the commit of a batch that
        records none.

        It fails with NEWER_ERASURES if others are recorded than are known.
        """
        connection.execute(sql("ingest/erasures/share.sql"), {"version": self._version})

    def record(self, connection: psycopg.Connection[Any]) -> None:
        """Record the erasures that the batch asks for, as its last act before the commit.

        Raises psycopg.Error, and NewerErasuresError if others are recorded than are known.
        """
        version, _ = raised_version(connection, self._known.key)
        if version != self._version + 1:
            raise NewerErasuresError
        news = [each for each in self._asked if each.is_news]
        for source in sorted({each.source for each in news}):
            wishes = [
                Wish(
                    each.kind,
                    each.erased.pseudonym,
                    None,
                    None,
                    to_datetime(each.erased.erased_at),
                    each.person_id,
                )
                for each in news
                if each.source == source
            ]
            stored(connection, wishes, version, "event", source)

    def committed(self) -> None:
        """The batch was committed: what it recorded is known."""
        if self.records and self._with_asked is not None:
            self._known, self._version = self._with_asked, self._version + 1
        self.forget_batch()


class NewerErasuresError(Exception):
    """Erasures were recorded that the transaction did not apply."""


def require_key(key: ErasureKey | None, key_check: str | None) -> None:
    """Raise BelowTheLineError unless this is the key that the recorded erasures were made with.

    ``key_check``: ``ingest.erasures_version.key_check``.
    """
    if key is None:
        required_key(None, "People or comments are erased in this database, and")
        return
    problem = key_problem(key, key_check)
    if problem is not None:
        raise BelowTheLineError(
            problem, "Set BTL_ERASURE_KEY to the key of this installation: it never changes."
        )


def require_key_of_recorded(connection: psycopg.Connection[Any], key: ErasureKey | None) -> None:
    """Raise BelowTheLineError if erasures are recorded that this key was not used for, and
    psycopg.Error, also where the role may not see them.

    The connection is in autocommit, or in a transaction of the caller.
    """
    row = connection.execute(sql("ingest/erasures/recorded.sql")).fetchone()
    if row is not None:
        require_key(key, row[0])


def _sought(known: Erasures) -> Sought:
    comments: dict[str, dict[str, Cause]] = {}
    for article_id, comment_id, erased_at in known.comments:
        comments.setdefault(comment_id, {})[article_id] = Cause(0, to_datetime(erased_at))
    people = {pseudonym: Cause(0, to_datetime(erased_at)) for pseudonym, erased_at in known.people}
    return Sought(known.key, {}, people, comments)


def _possible_ids(
    dead_letters: Sequence[tuple[Record, Rejection]], texts: Mapping[int, set[str]]
) -> dict[str, list[Any]]:
    """Return the parameters that say which records have which texts, as far as they can be ids."""
    numbers, articles, ids = [], [], []
    for number, of_record in texts.items():
        article_id = (dead_letters[number][0].key or b"").decode("utf-8", "replace")
        for text in of_record | {article_id}:
            if len(text.encode("utf-8", "replace")) <= MAX_NAME_BYTES and "\0" not in text:
                numbers.append(number)
                articles.append(article_id.replace("\0", ""))
                ids.append(text.encode("utf-8", "replace").decode())
    return {"numbers": numbers, "article_ids": articles, "texts": ids}


def _lock(connection: psycopg.Connection[Any], rows: ErasedRows) -> None:
    """Lock the articles of a batch until its transaction ends.

    A decision on a report and the posting of its comment share no row. So whether the decision's
    text must go could change between reading and the commit. Here the two wait for each other.
    """
    alone = {_bucket(article) for article in rows.makes_erased}
    buckets = sorted(alone | {_bucket(article) for article in rows.depends_on_stored})
    if buckets:
        connection.execute(
            sql("ingest/erasures/lock_articles.sql"),
            {"buckets": buckets, "alone": [bucket in alone for bucket in buckets]},
        )


def _bucket(article_id: str) -> int:
    return crc32(article_id.encode()) % _BUCKETS


def _stored(connection: psycopg.Connection[Any], rows: ErasedRows) -> Stored:
    comments, reports = rows.comments, rows.reports
    found_comments = _rows_of(
        connection, "ingest/erasures/stored_comments.sql", ("article_ids", "comment_ids"), comments
    )
    found_reports = _rows_of(
        connection,
        "ingest/erasures/stored_reports.sql",
        ("article_ids", "comment_ids", "report_ids"),
        reports,
    )
    return Stored(
        {(row[0], row[1]): StoredComment(*row[2:]) for row in found_comments},
        {(row[0], row[1], row[2]): StoredReport(*row[3:]) for row in found_reports},
    )


def _rows_of(
    connection: psycopg.Connection[Any],
    statement: str,
    names: Sequence[str],
    keys: Sequence[tuple[str, ...]],
) -> list[tuple[Any, ...]]:
    if not keys:
        return []
    columns = {
        name: list(column) for name, column in zip(names, zip(*keys, strict=True), strict=True)
    }
    return connection.execute(sql(statement), columns, binary=True).fetchall()
