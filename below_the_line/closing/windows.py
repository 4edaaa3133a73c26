"""Applies windows: which discussions are open, closed or cannot close at a cut-off, which of their
figures are final, and which changes to announce.

A unit of work is one transaction. It takes the lock, then the marks. Then it writes windows,
intervals and history of their articles, marks for the metrics, and the events about what changed.
These are separate statements, so that they see everything that was committed with the marks.
``below_the_line.closing.outbox`` publishes the events.
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
    AnnouncedState,
    Announcement,
    Announcer,
    LatenessChange,
    StateChange,
)
from below_the_line.database.channels import MARKED_ARTICLES_CHANNEL
from below_the_line.database.connections import require_idle
from below_the_line.database.locks import CLOSING_LOCK, lock
from below_the_line.errors import BelowTheLineError
from below_the_line.resources import sql

BUCKET = 2_000
"""Articles per transaction."""
GRACE = timedelta(hours=1)
"""How long after the last change figures become final, unless BTL_GRACE is set."""
DEFAULT_REACTIONS_HOURS: Final = 168
"""Hours after the closing in which reactions count where no rule is in force."""
LATENESS_SETTINGS: Final = (
    # The planner's statistics lag behind an article that has just become popular. It would then
    # compare each late comment with each announced one. All tables are read by the given articles,
    # so a hash join is always good.
    "set local enable_nestloop = off",
    "set local enable_mergejoin = off",
)
"""Statements that a transaction runs before it searches for late comments."""

log = structlog.get_logger(__name__)
_Row = TypeVar("_Row")


@dataclass(slots=True)
class ClosingSummary:
    """What a closing run did."""

    cut_off: datetime
    examined: int = 0
    """Articles whose window was computed."""
    changed: int = 0
    """Articles whose window or intervals differed from what was stored."""
    now: dict[str, int] = field(default_factory=dict)
    """By new state, the number of changed articles that entered it."""
    announced: dict[str, int] = field(default_factory=dict)
    """Events written to the outbox, by type, suppressed ones included."""
    suppressed: int = 0
    """How many of these events are too old to be sent."""

    def as_dict(self) -> dict[str, Any]:
        """Return the summary for logs and for Airflow's XCom."""
        return {
            "cut_off": self.cut_off.isoformat(),
            "examined": self.examined,
            "changed": self.changed,
            **{f"now_{state}": count for state, count in sorted(self.now.items())},
            "announced": dict(sorted(self.announced.items())),
            "suppressed": self.suppressed,
        }


class _Examined(NamedTuple):
    """An article whose window, history or comments changed."""

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

    If a later barrier has passed, its cut-off is used, so that no run takes back what another did.
    Needs an idle connection and commits on it. Raises BelowTheLineError when the barrier has not
    passed.
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

    Everything produced before the cut-off must have been ingested; ``apply_barrier`` ensures that.
    A second run with the same cut-off changes nothing. While the quality gate fails, no figures
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
    """Run one transaction. Return how many rows ``source`` gave; fewer than ``bucket`` means that
    none are left.
    """
    with connection.transaction():
        # Separate statements at read committed: a single one would not see what is committed while
        # it waits for the lock, and would take the marks of that without using it.
        connection.execute("set transaction isolation level read committed")
        connection.execute("set local jit = off")
        lock(connection, CLOSING_LOCK)
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
                    "default_reactions_hours": DEFAULT_REACTIONS_HOURS,
                    "changed_articles": [article for article, _, _ in changes],
                    "changed_what": [what for _, what, _ in changes],
                    "changed_at": [at for _, _, at in changes],
                },
            ).fetchall()
        ]
        announced = _announce(connection, cut_off, examined)
    summary.examined += len(articles)
    for each in examined:
        summary.changed += each.window_changed
        if each.window_changed and each.state_now != each.state_before:
            summary.now[each.state_now] = summary.now.get(each.state_now, 0) + 1
    for announcement in announced:
        event_type = announcement.event_type
        summary.announced[event_type] = summary.announced.get(event_type, 0) + 1
        summary.suppressed += announcement.suppressed
    return len(taken)


def _announce(
    connection: psycopg.Connection, cut_off: datetime, examined: Sequence[_Examined]
) -> list[Announcement]:
    """Write the events about the changes into the outbox, and return them."""
    with_history = sorted(each.article_id for each in examined if each.history_changed)
    with_comments = sorted(each.article_id for each in examined if each.comments_concerned)
    history = _rows(connection, StateChange, "closing/state_changes.sql", with_history)
    announced = {
        article: list(rows)
        for article, rows in groupby(
            _rows(connection, AnnouncedState, "closing/announced_states.sql", with_history),
            attrgetter("article_id"),
        )
    }
    for setting in LATENESS_SETTINGS:
        connection.execute(setting)
    late_changes = _rows(connection, LatenessChange, "closing/lateness.sql", with_comments)
    if not history and not late_changes:
        return []
    articles = sorted({*with_history, *(each.article_id for each in late_changes)})
    announcer = Announcer(
        cut_off,
        dict(
            connection.execute(sql("closing/last_sequences.sql"), {"articles": articles}).fetchall()
        ),
    )
    announcements: list[Announcement] = []
    for article, changes in groupby(history, attrgetter("article_id")):
        announcements += announcer.states(list(changes), announced.get(article, ()))
    announcements += announcer.comments(late_changes)
    if announcements:
        connection.execute(
            sql("closing/announce.sql"),
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
