"""Recording erasures: from the commit on no event of their subjects is merged as it was."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import psycopg
from psycopg.rows import class_row

from below_the_line.database.connections import require_idle
from below_the_line.erasing.erasures import Comment, Origin, Person, Subject, SubjectKind
from below_the_line.erasing.keys import ErasureKey, key_problem
from below_the_line.errors import BelowTheLineError
from below_the_line.resources import sql
from below_the_line.times import said


@dataclass(frozen=True, slots=True)
class Pending:
    """An erasure that is recorded, and still to be carried out."""

    erasure_id: int
    kind: SubjectKind
    pseudonym: str | None
    """None: a comment."""
    article_id: str | None
    comment_id: str | None
    erased_at: datetime
    version: int
    """Value of ``ingest.erasures_version`` when it was recorded, or became later."""
    subject: str | None
    """The person's id; None: a comment, or not known because the erasure was imported."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What ``record`` did."""

    erased_at: datetime
    """Up to when events are forgotten."""
    pending: Sequence[Pending]
    """The erasures that are new, or became later: to be carried out."""
    unchanged: int
    """Subjects that were erased up to this time, or a later one, before."""


class Wish(NamedTuple):
    """One erasure to record."""

    kind: SubjectKind
    pseudonym: str | None
    article_id: str | None
    comment_id: str | None
    erased_at: datetime
    subject: str | None


def record(
    connection: psycopg.Connection,
    key: ErasureKey,
    subjects: Iterable[Subject],
    erased_at: datetime | None,
    origin: Origin,
    requested_by: str | None,
) -> Recorded:
    """Record that these people and comments are to be forgotten up to ``erased_at``; None: up to
    now, by the clock of the database.

    One short transaction, durable when this returns. Of one subject the latest time counts, so
    that a second call with the same time changes nothing. Needs an idle connection, and commits on
    it. Raises BelowTheLineError for a time in the future, and for a key that is not the one of the
    pseudonyms in the database.
    """
    require_idle(connection)
    with connection.transaction():
        version, now = raised_version(connection, key)
        if erased_at is not None and erased_at > now:
            raise BelowTheLineError(
                f"The time of an erasure is in the future: {said(erased_at)}.",
                "Events of the time to come cannot be erased. Leave the time out: it is now.",
            )
        time = erased_at or now
        wishes = [_wish(key, subject, time) for subject in dict.fromkeys(subjects)]
        return Recorded(time, *stored(connection, wishes, version, origin, requested_by))


def pending(
    connection: psycopg.Connection, erasure_ids: Sequence[int] | None = None
) -> list[Pending]:
    """Return the erasures that are still to be carried out, the oldest first.

    ``erasure_ids``: only those of these numbers. Runs in the transaction of the caller.
    """
    with connection.cursor(row_factory=class_row(Pending)) as cursor:
        parameters = {"erasure_ids": None if erasure_ids is None else list(erasure_ids)}
        return cursor.execute(sql("erasing/pending.sql"), parameters).fetchall()


def raised_version(connection: psycopg.Connection, key: ErasureKey) -> tuple[int, datetime]:
    """Raise the version of the erasures, which keeps those who merge out until the transaction
    ends; return it, and the time of the database.

    Raises BelowTheLineError for a key that is not the one of the pseudonyms in the database.
    """
    connection.execute("set local synchronous_commit = on")
    row = connection.execute(
        sql("erasing/record/raise_version.sql"), {"key_check": key.check}
    ).fetchone()
    if row is None:
        raise BelowTheLineError(
            "Table ingest.erasures_version is empty.",
            "`btl migrate` filled it, somebody deleted its row: insert it again, as btl_owner, with"
            " the greatest version of ingest.erasures.",
        )
    version, key_check, now = row
    problem = key_problem(key, key_check)
    if problem is not None:
        raise BelowTheLineError(
            problem, "Set BTL_ERASURE_KEY to the key of this installation: it never changes."
        )
    return version, now


def stored(
    connection: psycopg.Connection,
    wishes: Sequence[Wish],
    version: int,
    origin: Origin,
    requested_by: str | None,
) -> tuple[list[Pending], int]:
    """Store erasures, each subject once, in the transaction that raised the version.

    Returns those that are new, or changed, and the number of the others.
    """
    names = ("kinds", "pseudonyms", "article_ids", "comment_ids", "erased_at", "subjects")
    columns = zip(*wishes, strict=True) if wishes else ((),) * len(names)
    rows = connection.execute(
        sql("erasing/record/store.sql"),
        {
            "version": version,
            "origin": origin,
            "requested_by": requested_by,
            **{name: list(column) for name, column in zip(names, columns, strict=True)},
        },
    ).fetchall()
    changed = [erasure_id for (erasure_id,) in rows]
    return pending(connection, changed), len(wishes) - len(changed)


def _wish(key: ErasureKey, subject: Subject, erased_at: datetime) -> Wish:
    match subject:
        case Person(kind, person_id):
            pseudonym = key.pseudonym(kind, person_id)
            return Wish(kind, pseudonym, None, None, erased_at, person_id)
        case Comment(article_id, comment_id):
            return Wish("comment", None, article_id, comment_id, erased_at, None)
