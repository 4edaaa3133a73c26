"""Applying windows: what is open, closed or can't close at a cut-off, what of its figures is final,
and what to tell of it.

A unit of work is one transaction: the lock, then the marks, then (in statements of their own, which
therefore see everything that was committed with those marks) windows, intervals and history of
their articles, marks for the metrics, and the events about what changed. Publishing these is
another matter: ``below_the_line.closing.outbox``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Any, Final, NamedTuple, TypeVar

import orjson
import psycopg
import structlog
from psycopg.rows import class_row

from below_the_line.closing.announcements import (
    Announcement,
    Announcer,
    Doubt,
    StateChange,
    ToldState,
)
from below_the_line.database.channels import MARKED_ARTICLES_CHANNEL
from below_the_line.database.connections import require_idle
from below_the_line.errors import BelowTheLineError
from below_the_line.resources import sql

CLOSING_LOCK = 7_170_102
"""Advisory lock of every writer of windows; the trigger of discussion.closing_rules takes it,
too.
"""
BUCKET = 2_000
"""Articles per transaction."""
GRACE = timedelta(hours=1)
"""So long after the last change figures become final, unless BTL_GRACE says otherwise."""
LATENESS_SETTINGS: Final = (
    # Of an article that has just become hot the planner's statistics know nothing: it would compare
    # all late comments with all that were told. Every table is looked up by the given articles, so
    # that hashing is never far from best.
    "set local enable_nestloop = off",
    "set local enable_mergejoin = off",
)
"""What a transaction sets before it looks for late comments."""

log = structlog.get_logger(__name__)
_Row = TypeVar("_Row")


@dataclass(slots=True)
class ClosingSummary:
    """What a run did."""

    cut_off: datetime
    examined: int = 0
    """Articles whose window was computed."""
    changed: int = 0
    """Articles whose window or intervals differed from what was stored."""
    now: dict[str, int] = field(default_factory=dict)
    """Of the changed ones, how many went into which state (articles whose state stayed are not
    counted).
    """
    told: dict[str, int] = field(default_factory=dict)
    """Events written to the outbox, by type, suppressed ones included."""
    suppressed: int = 0
    """Of these, how many are too old to be sent."""

    def as_dict(self) -> dict[str, Any]:
        """For logs and for Airflow's XCom."""
        return {
            "cut_off": self.cut_off.isoformat(),
            "examined": self.examined,
            "changed": self.changed,
            **{f"now_{state}": count for state, count in sorted(self.now.items())},
            "told": dict(sorted(self.told.items())),
            "suppressed": self.suppressed,
        }


class _Examined(NamedTuple):
    """An article that there is more to do about."""

    article_id: str
    state_before: str | None
    state_now: str
    window_changed: bool
    history_changed: bool
    comments_concerned: bool


def apply_barrier(
    connection: psycopg.Connection, barrier_id: int, *, bucket: int = BUCKET
) -> ClosingSummary:
    """Apply windows behind a barrier that has passed. Safe to run again, and by two at once.

    If a later barrier has passed, its cut-off counts: no run takes back what another did. Needs an
    idle connection and commits on it. Raises BelowTheLineError when the barrier has not passed.
    """
    require_idle(connection)
    with connection.transaction():
        row = connection.execute(
            sql("closing/effective_cut_off.sql"), {"barrier_id": barrier_id}
        ).fetchone()
    if row is None or not row[0]:
        raise BelowTheLineError(
            f"Barrier {barrier_id} has not passed: windows can't be applied.",
            "Wait for the barrier first.",
        )
    _, cut_off, grace_seconds = row
    summary = apply_windows(
        connection, cut_off, grace=timedelta(seconds=grace_seconds), bucket=bucket
    )
    with connection.transaction():
        connection.execute(sql("closing/finish_barrier.sql"), {"barrier_id": barrier_id})
    return summary


def apply_windows(
    connection: psycopg.Connection,
    cut_off: datetime,
    *,
    grace: timedelta = GRACE,
    bucket: int = BUCKET,
) -> ClosingSummary:
    """Bring the discussions of marked articles, and of those that are due by the clock, to the
    given cut-off.

    Everything produced before the cut-off must have been ingested (``apply_barrier`` sees to that).
    Running it again with the same cut-off changes nothing. While the quality gate fails, no figures
    become final. Needs an idle connection and commits on it, once per bucket.
    """
    require_idle(connection)
    summary = ClosingSummary(cut_off)
    for source in (
        "closing/take_marks.sql",
        "closing/changed_discussions.sql",
        "closing/due_windows.sql",
    ):
        while _apply_bucket(connection, source, cut_off, grace, bucket, summary) >= bucket:
            log.info("windows applied", **summary.as_dict())
    if summary.changed:
        with connection.transaction():
            connection.execute("notify " + MARKED_ARTICLES_CHANNEL)
    log.info("closing run finished", **summary.as_dict())
    return summary


def _apply_bucket(
    connection: psycopg.Connection,
    source: str,
    cut_off: datetime,
    grace: timedelta,
    bucket: int,
    summary: ClosingSummary,
) -> int:
    """One transaction. Returns how many rows ``source`` gave: fewer than ``bucket`` means that none
    are left.
    """
    with connection.transaction():
        # One statement for the lock, the marks and the work would not see what is committed while
        # it waits for the lock, and lose the marks of it.
        connection.execute("set transaction isolation level read committed")
        connection.execute("set local jit = off")
        connection.execute("select pg_advisory_xact_lock(%s)", [CLOSING_LOCK])
        taken = connection.execute(sql(source), {"cut_off": cut_off, "bucket": bucket}).fetchall()
        articles = sorted({row[0] for row in taken})
        if not articles:
            return 0
        (is_blocked,) = connection.execute(
            "select metrics.blocked_since() is not null"
        ).fetchone() or (False,)
        changes = connection.execute(
            sql("closing/take_changes.sql"), {"articles": articles}
        ).fetchall()
        examined = [
            _Examined(*row)
            for row in connection.execute(
                sql("closing/apply_windows.sql"),
                {
                    "articles": articles,
                    "cut_off": cut_off,
                    "grace_seconds": grace.total_seconds(),
                    "is_blocked": is_blocked,
                    "changed_articles": [article for article, _, _ in changes],
                    "changed_what": [what for _, what, _ in changes],
                    "changed_at": [at for _, _, at in changes],
                },
            ).fetchall()
        ]
        told = _tell(connection, cut_off, examined)
    summary.examined += len(articles)
    for each in examined:
        summary.changed += each.window_changed
        if each.window_changed and each.state_now != each.state_before:
            summary.now[each.state_now] = summary.now.get(each.state_now, 0) + 1
    for announcement in told:
        summary.told[announcement.event_type] = summary.told.get(announcement.event_type, 0) + 1
        summary.suppressed += announcement.suppressed
    return len(taken)


def _tell(
    connection: psycopg.Connection, cut_off: datetime, examined: Sequence[_Examined]
) -> list[Announcement]:
    """Write the events that follow from what has changed into the outbox."""
    with_history = sorted(each.article_id for each in examined if each.history_changed)
    with_comments = sorted(each.article_id for each in examined if each.comments_concerned)
    history = _rows(connection, StateChange, "closing/state_changes.sql", with_history)
    told = {
        article: list(rows)
        for article, rows in groupby(
            _rows(connection, ToldState, "closing/told_states.sql", with_history),
            attrgetter("article_id"),
        )
    }
    for setting in LATENESS_SETTINGS:
        connection.execute(setting)
    doubts = _rows(connection, Doubt, "closing/lateness.sql", with_comments)
    if not history and not doubts:
        return []
    articles = sorted({*with_history, *(doubt.article_id for doubt in doubts)})
    announcer = Announcer(
        cut_off,
        dict(
            connection.execute(sql("closing/last_sequences.sql"), {"articles": articles}).fetchall()
        ),
    )
    announcements: list[Announcement] = []
    for article, changes in groupby(history, attrgetter("article_id")):
        announcements += announcer.states(list(changes), told.get(article, ()))
    announcements += announcer.comments(doubts)
    if announcements:
        connection.execute(
            sql("closing/tell.sql"),
            {
                "articles": [each.article_id for each in announcements],
                "sequences": [each.sequence for each in announcements],
                "event_ids": [each.event_id for each in announcements],
                "event_types": [each.event_type for each in announcements],
                "comment_ids": [each.comment_id for each in announcements],
                "effective_ats": [each.effective_at for each in announcements],
                "causes": [each.cause for each in announcements],
                "data": [orjson.dumps(each.data).decode() for each in announcements],
                "suppressed": [each.suppressed for each in announcements],
            },
        )
    return announcements


def _rows(
    connection: psycopg.Connection, kind: type[_Row], statement: str, articles: Sequence[str]
) -> list[_Row]:
    if not articles:
        return []
    with connection.cursor(row_factory=class_row(kind)) as cursor:
        return cursor.execute(sql(statement), {"articles": articles}).fetchall()
