"""Computing metrics as marks come in: one run goes on while there is something new, instead of one
run for every second.
"""

import time
from collections.abc import Callable
from dataclasses import fields

import psycopg
from psycopg import sql

from below_the_line.database.channels import MARKED_ARTICLES_CHANNEL
from below_the_line.metrics.dirty_run import ArticlesFailedError, recompute_dirty
from below_the_line.metrics.units import MetricsSummary

CHANNEL = MARKED_ARTICLES_CHANNEL
"""Consumers notify it about once a second when they have marked articles."""
MIN_GAP_SECONDS = 1.0
"""From one computation to the next: several consumers notify more often than anybody looks."""
MAX_BUCKETS_AT_ONCE = 5
"""Before the days and the reporters that draw on them are computed, and the time is looked at."""


def follow_marks(
    connection: psycopg.Connection,
    *,
    max_seconds: float,
    idle_seconds: float,
    time_zone: str = "UTC",
    recompute: Callable[..., MetricsSummary] = recompute_dirty,
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> MetricsSummary:
    """Compute marked articles, and again whenever a consumer says that there are more; returns what
    all of it came to.

    Ends when nobody has said so for ``idle_seconds``, or after ``max_seconds`` and the buckets
    that are under way then: under a load that marks faster than this computes, the marks that are
    left wait for the next run. Days and reporters are computed after a few buckets each time. An
    article that fails is passed over for the rest of the run, and at the end ArticlesFailedError
    names all of them; their marks stay. A notification that is missed is no loss: marks stay until
    a run takes them. Needs an idle connection and commits on it. Raises what ``recompute_dirty``
    raises.
    """
    # Listen first, look second: nothing falls between.
    with connection.transaction():
        connection.execute(sql.SQL("listen {}").format(sql.Identifier(CHANNEL)))
    began, total = monotonic(), MetricsSummary()
    while True:
        next_at = monotonic() + MIN_GAP_SECONDS
        try:
            done = recompute(
                connection,
                max_buckets=MAX_BUCKETS_AT_ONCE,
                time_zone=time_zone,
                without=tuple(total.failed),
            )
        except ArticlesFailedError as error:
            done = error.summary
        _add(total, done)
        left = began + max_seconds - monotonic()
        if left <= 0:
            break
        if done.buckets >= MAX_BUCKETS_AT_ONCE:
            # There is more, whether somebody says so or not.
            continue
        if not _notified(connection, min(idle_seconds, left)):
            break
        sleep(max(0.0, next_at - monotonic()))
    with connection.transaction():
        connection.execute(sql.SQL("unlisten {}").format(sql.Identifier(CHANNEL)))
    total.seconds = monotonic() - began
    if total.failed:
        raise ArticlesFailedError(total)
    return total


def _notified(connection: psycopg.Connection, seconds: float) -> bool:
    """Whether there is a notification, waiting so long for one; all that are there are taken."""
    return bool(list(connection.notifies(timeout=seconds, stop_after=1)))


def _add(total: MetricsSummary, one: MetricsSummary) -> None:
    for field in fields(MetricsSummary):
        if field.name == "failed":
            total.failed.update(one.failed)
        else:
            setattr(total, field.name, getattr(total, field.name) + getattr(one, field.name))
