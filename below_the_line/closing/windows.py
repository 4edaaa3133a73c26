"""Applying windows: what is open, closed or can't close at a cut-off.

A unit of work is one transaction: the lock, then the marks, then (in a statement of its own, which therefore sees
everything that was committed with those marks) windows and intervals of their articles, and marks for the metrics.

True in this first form: anchors, rules of all scopes, the articles' own settings, unpublishing, all six overrides, any
order of arrival, idempotence, catch-up. Not yet: ``final`` and revisions (columns are there, false and 0), the outbox and
the history of states.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg
import structlog

from below_the_line.database.connections import require_idle
from below_the_line.errors import BelowTheLineError
from below_the_line.resources import sql

CLOSING_LOCK = 7_170_102
"""Advisory lock of every writer of windows; the trigger of discussion.closing_rules takes it, too."""
BUCKET = 2_000
"""Articles per transaction."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class ClosingSummary:
    """What a run did."""

    cut_off: datetime
    examined: int = 0
    """Articles whose window was computed."""
    changed: int = 0
    """Articles whose window or intervals differed from what was stored."""
    now: dict[str, int] = field(default_factory=dict)
    """Of the changed ones, how many went into which state (articles whose state stayed are not counted)."""

    def as_dict(self) -> dict[str, Any]:
        """For logs and for Airflow's XCom."""
        return {
            "cut_off": self.cut_off.isoformat(),
            "examined": self.examined,
            "changed": self.changed,
            **{f"now_{state}": count for state, count in sorted(self.now.items())},
        }


def apply_barrier(connection: psycopg.Connection, barrier_id: int, *, bucket: int = BUCKET) -> ClosingSummary:
    """Apply windows behind a barrier that has passed. Safe to run again, and by two at once.

    If a later barrier was applied before, its cut-off counts: no run takes back what another did. Needs an idle connection
    and commits on it. Raises BelowTheLineError when the barrier has not passed.
    """
    require_idle(connection)
    with connection.transaction():
        row = connection.execute(sql("closing/effective_cut_off.sql").encode(), {"barrier_id": barrier_id}).fetchone()
    if row is None or not row[0]:
        raise BelowTheLineError(
            f"Barrier {barrier_id} has not passed: windows can't be applied.", "Wait for the barrier first."
        )
    summary = apply_windows(connection, row[1], bucket=bucket)
    with connection.transaction():
        connection.execute(sql("closing/finish_barrier.sql").encode(), {"barrier_id": barrier_id})
    return summary


def apply_windows(connection: psycopg.Connection, cut_off: datetime, *, bucket: int = BUCKET) -> ClosingSummary:
    """Bring the windows of marked articles, and of those that are due by the clock, to the given cut-off.

    Everything produced before the cut-off must have been ingested (``apply_barrier`` sees to that). Running it again with
    the same cut-off changes nothing. Needs an idle connection and commits on it, once per bucket.
    """
    require_idle(connection)
    summary = ClosingSummary(cut_off)
    for source in ("closing/take_marks.sql", "closing/due_windows.sql"):
        while _apply_bucket(connection, source, cut_off, bucket, summary) >= bucket:
            log.info("windows applied", **summary.as_dict())
    if summary.changed:
        with connection.transaction():
            connection.execute("notify btl_dirty")
    log.info("closing run finished", **summary.as_dict())
    return summary


def _apply_bucket(
    connection: psycopg.Connection, source: str, cut_off: datetime, bucket: int, summary: ClosingSummary
) -> int:
    """One transaction. Returns how many rows ``source`` gave: fewer than ``bucket`` means that none are left."""
    with connection.transaction():
        # One statement for the lock, the marks and the work would not see what is committed while it waits for the lock,
        # and lose the marks of it.
        connection.execute("set transaction isolation level read committed")
        connection.execute("set local jit = off")
        connection.execute("select pg_advisory_xact_lock(%s)", [CLOSING_LOCK])
        taken = connection.execute(sql(source).encode(), {"cut_off": cut_off, "bucket": bucket}).fetchall()
        articles = sorted({row[0] for row in taken})
        if not articles:
            return 0
        changed = connection.execute(
            sql("closing/apply_windows.sql").encode(), {"articles": articles, "cut_off": cut_off}
        ).fetchall()
    summary.examined += len(articles)
    summary.changed += len(changed)
    for _, before, now in changed:
        if now is not None and now != before:
            summary.now[now] = summary.now.get(now, 0) + 1
    return len(taken)
