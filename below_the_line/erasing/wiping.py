"""Carrying erasures out: wiping what the tables hold of a person, or of a comment.

The erasure is recorded before (``recording.record``), so that no transaction can bring back what is
wiped here. The work is done in chunks, each one short transaction over at most ``MAX_ROWS`` rows of
one table, locked in the order of their keys: consumers go on beside it. Every chunk looks for what
is still to be wiped, so that a run that was killed is repeated, and ends the same.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

import psycopg

from below_the_line.database.connections import require_idle
from below_the_line.erasing.completion import wipe_due
from below_the_line.erasing.keys import ErasureKey
from below_the_line.erasing.letters import Cause, Sought
from below_the_line.erasing.places import (
    COMMENT_EDITS,
    COMMENTS,
    METRICS,
    REACTIONS,
    REPORT_DECISIONS,
    REPORTS,
    Place,
    Row,
    columns,
    until,
)
from below_the_line.erasing.recording import Pending, pending
from below_the_line.erasing.statistics import renew as renew_statistics
from below_the_line.errors import BelowTheLineError
from below_the_line.metrics.units import METRICS_LOCK
from below_the_line.plurals import counted
from below_the_line.resources import sql

MAX_ROWS: Final = 1_000
"""Rows, or keys, of one transaction."""
MAX_LETTERS: Final = 200
"""Dead letters of one transaction, each up to 1 MiB."""
_LOCK_TIMEOUT: Final = "set local lock_timeout = '500ms'"
"""Half of the time after which the server looks for deadlocks: wiping gives way to consumers, never
the other way round.
"""
_ATTEMPTS: Final = 120
_PAUSE_SECONDS: Final = 0.1
_IN_THE_WAY: Final = (
    psycopg.errors.LockNotAvailable,
    psycopg.errors.DeadlockDetected,
    # A consumer brought the same wiped event meanwhile: the next attempt sees it.
    psycopg.errors.UniqueViolation,
)

Found = Mapping[str, int]
"""Numbers of rows, by place."""
Progress = Callable[[str, int], None]
"""Called after each chunk, with the place and the number of rows that were wiped in it."""


class Done(NamedTuple):
    """An erasure that was carried out."""

    erasure: Pending
    found: Found
    """What was wiped, by all runs that it took."""


def carry_out(
    connection: psycopg.Connection,
    key: ErasureKey,
    erasure: Pending,
    progress: Progress | None = None,
) -> Found:
    """Wipe what the database holds of the subject of one erasure; see ``carry_out_all``."""
    (done,) = carry_out_all(connection, key, [erasure], progress)
    return done.found


def carry_out_all(
    connection: psycopg.Connection,
    key: ErasureKey,
    erasures: Sequence[Pending],
    progress: Progress | None = None,
) -> list[Done]:
    """Wipe what the database holds of the subjects of these erasures, and complete them.

    Whole tables are read once for all of them, where ids are found by pseudonyms only. An erasure
    that becomes later meanwhile is carried out again. Needs an idle connection, and commits on it.
    Safe to repeat, to kill, and to run twice at once. Raises BelowTheLineError if rows stay locked
    by another session.
    """
    require_idle(connection)
    done = {}
    todo = list(erasures)
    while todo:
        resolved = _resolved(connection, key, todo)
        wipings = [_Wiping(connection, key, erasure, progress) for erasure in resolved]
        for wiping in wipings:
            wiping.tables()
        _wipe_dead_letters(connection, key, wipings)
        renew_statistics(connection, {each.subject for each in resolved if each.subject})
        for erasure in resolved:
            with connection.transaction():
                parameters = {"erasure_id": erasure.erasure_id, "version": erasure.version}
                row = connection.execute(sql("erasing/complete.sql"), parameters).fetchone()
            if row is not None:
                done[erasure.erasure_id] = Done(erasure, row[0])
        open_ids = [each.erasure_id for each in resolved if each.erasure_id not in done]
        with connection.transaction():
            todo = pending(connection, open_ids) if open_ids else []
            for erasure in resolved:
                if erasure.erasure_id in set(open_ids) - {each.erasure_id for each in todo}:
                    # Another run completed it.
                    done[erasure.erasure_id] = Done(erasure, _found(connection, erasure))
    return [done[erasure.erasure_id] for erasure in erasures]


def _found(connection: psycopg.Connection, erasure: Pending) -> Found:
    parameters = {"erasure_id": erasure.erasure_id}
    row = connection.execute(sql("erasing/found.sql"), parameters).fetchone()
    return {} if row is None else row[0]


def _resolved(
    connection: psycopg.Connection, key: ErasureKey, erasures: Sequence[Pending]
) -> list[Pending]:
    """Return the erasures with the ids of people whom only their pseudonyms name, if the tables
    have them; keeps these ids until the erasure is completed.
    """
    ids = {}
    for kind in ("user", "reporter"):
        wanted = {
            each.pseudonym: each.erasure_id
            for each in erasures
            if each.kind == kind and each.subject is None
        }
        if not wanted:
            continue
        with connection.transaction(), connection.cursor("people") as cursor:
            cursor.itersize = 10_000
            for (person_id,) in cursor.execute(sql("erasing/people.sql"), {"kind": kind}):
                erasure_id = wanted.get(key.pseudonym(kind, person_id))
                if erasure_id is not None:
                    ids[erasure_id] = person_id
    if ids:
        with connection.transaction():
            connection.execute(
                sql("erasing/resolve.sql"),
                {"erasure_ids": list(ids), "subjects": list(ids.values())},
            )
    return [replace(each, subject=ids.get(each.erasure_id, each.subject)) for each in erasures]


class _Wiping:
    """One erasure on its way through all places."""

    def __init__(
        self,
        connection: psycopg.Connection,
        key: ErasureKey,
        erasure: Pending,
        progress: Progress | None,
    ) -> None:
        self._connection = connection
        self._key = key
        self.erasure = erasure
        self.comments: Sequence[Row] = ()
        """Article and comment of all that is erased."""
        self.reports: Sequence[Row] = ()
        """Article, comment and id of all reports that are erased."""
        self._progress = progress or (lambda _place, _rows: None)
        self._of: dict[str, Any] = {
            "kind": erasure.kind,
            "person": erasure.subject,
            "pseudonym": erasure.pseudonym,
            "people": [each for each in (erasure.subject, erasure.pseudonym) if each is not None],
            "erased_at": erasure.erased_at,
            "until": until(erasure.erased_at),
        }

    def tables(self) -> None:
        """Wipe all places but dead letters."""
        erasure = self.erasure
        match erasure.kind:
            case "user":
                self.comments = self._keys(COMMENTS)
            case "comment":
                self.comments = [(erasure.article_id, erasure.comment_id)]
        comments = self.comments
        self._wipe(COMMENTS, comments)
        self._wipe(COMMENT_EDITS, comments)
        self._wipe(REPORT_DECISIONS, [(*comment, None) for comment in comments])
        if erasure.kind == "comment":
            return
        reports = self.reports = self._keys(REPORTS)
        self._wipe(REPORTS, reports)
        self._wipe(REPORT_DECISIONS, reports)
        if erasure.kind == "user" and erasure.subject is not None:
            self._wipe(REACTIONS, self._keys(REACTIONS))
            self._metrics(sorted({article_id for article_id, _ in comments}))

    def _keys(self, place: Place) -> list[Row]:
        """The keys of a person's rows, wiped ones among them where further places need them."""
        with self._connection.transaction():
            return self._connection.execute(sql(place.statement("of_person")), self._of).fetchall()

    def _wipe(self, place: Place, keys: Sequence[Row]) -> None:
        for part in _parts(keys):
            chosen = self._of | columns(place.keys, part)
            # A comment may have many edits.
            while self._patiently(place, chosen) == MAX_ROWS:
                pass

    def _chunk(self, place: Place, chosen: dict[str, Any]) -> int:
        """Wipe what is due of some keys; return the number of rows, at most ``MAX_ROWS``."""
        pseudonym = self.erasure.pseudonym
        with self._connection.transaction():
            self._connection.execute(_LOCK_TIMEOUT)
            rows = wipe_due(self._connection, self._key, place, chosen | {"limit": MAX_ROWS})
            self._count(place.name, sum(place.is_wiped(row, pseudonym) for row in rows))
        return len(rows)

    def _metrics(self, articles: Sequence[str]) -> None:
        """Take a user out of the tables that metrics runs write.

        Behind the lock of all their writers: a run that began before has ended, and a later one
        reads what is wiped already.
        """
        for table in METRICS:
            while self._metrics_chunk(table, self._of) == MAX_ROWS:
                pass
        for part in _parts(articles):
            self._metrics_chunk("article_commenters", self._of | {"article_ids": part})

    def _metrics_chunk(self, table: str, parameters: Mapping[str, Any]) -> int:
        with self._connection.transaction():
            self._connection.execute(METRICS_LOCK)
            wiped = self._connection.execute(
                sql(f"erasing/metrics/{table}.sql"), {**parameters, "limit": MAX_ROWS}
            ).fetchall()
            if wiped:
                self._count(f"metrics.{table}", len(wiped))
        if wiped:
            self._progress(f"metrics.{table}", len(wiped))
        return len(wiped)

    def _count(self, place: str, rows: int) -> None:
        """Add to what the erasure has wiped, in the transaction that wipes it."""
        if rows == 0:
            return
        _count(self._connection, self.erasure.erasure_id, place, rows)

    def _patiently(self, place: Place, chosen: dict[str, Any]) -> int:
        """Wipe a chunk; again if a consumer is in the way."""
        for _ in range(_ATTEMPTS):
            try:
                rows = self._chunk(place, chosen)
            except _IN_THE_WAY:
                time.sleep(_PAUSE_SECONDS)
                continue
            if rows:
                self._progress(place.name, rows)
            return rows
        raise BelowTheLineError(
            f"Rows of {place.name} stay locked by another session: {counted(_ATTEMPTS, 'attempt')}"
            " failed.",
            "Look for the session in pg_stat_activity. Then run this again: it goes on where it"
            " stopped.",
        )


def _count(connection: psycopg.Connection, erasure_id: int, place: str, rows: int) -> None:
    connection.execute(
        sql("erasing/count.sql"), {"erasure_id": erasure_id, "place": place, "rows": rows}
    )


def _wipe_dead_letters(
    connection: psycopg.Connection, key: ErasureKey, wipings: Sequence[_Wiping]
) -> None:
    """Wipe the dead letters of all these erasures: the table is read once."""
    wanted = _sought(key, wipings)
    if wanted.latest is None:
        return
    after: Row = (None, None, None)
    while True:
        with connection.transaction():
            page = connection.execute(
                sql("erasing/dead_letters/page.sql"),
                {
                    "erased_at": wanted.latest,
                    **dict(zip(("topic_id", "partition", "record_offset"), after, strict=True)),
                    "limit": MAX_LETTERS,
                },
            ).fetchall()
            found: dict[int, list[Row]] = {}
            for letter in page:
                cause = wanted.cause(*letter[3:])
                if cause is not None:
                    found.setdefault(cause.erasure_id, []).append(letter[:3])
            for erasure_id, letters in found.items():
                names = ("topic_ids", "partitions", "record_offsets")
                wiped = connection.execute(
                    sql("erasing/dead_letters/wipe.sql"), columns(names, letters)
                ).fetchall()
                _count(connection, erasure_id, "ingest.dead_letters", len(wiped))
        if len(page) < MAX_LETTERS:
            return
        after = page[-1][:3]


def _sought(key: ErasureKey, wipings: Sequence[_Wiping]) -> Sought:
    people: dict[str, Cause] = {}
    pseudonyms: dict[str, Cause] = {}
    comments: dict[str, dict[str, Cause]] = {}
    for wiping in wipings:
        erasure = wiping.erasure
        cause = Cause(erasure.erasure_id, erasure.erased_at)
        if erasure.subject is not None:
            people[erasure.subject] = cause
        elif erasure.pseudonym is not None:
            pseudonyms[erasure.pseudonym] = cause
        for article_id, comment_id in wiping.comments:
            comments.setdefault(comment_id, {})[article_id] = cause
        for article_id, _, report_id in wiping.reports:
            # A decision on a report does not say who reported.
            comments.setdefault(report_id, {})[article_id] = cause
    return Sought(key, people, pseudonyms, comments)


def _parts(keys: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(keys), MAX_ROWS):
        yield keys[start : start + MAX_ROWS]
