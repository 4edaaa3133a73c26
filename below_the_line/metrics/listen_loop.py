"""A metrics run that goes on while marks arrive, instead of a new run every second."""

import time
from collections.abc import Callable
from dataclasses import fields

import psycopg
from psycopg import sql

from below_the_line.database.channels import MARKED_ARTICLES_CHANNEL
from below_the_line.metrics.dirty_run import ArticlesFailedError, recompute_dirty
from below_the_line.metrics.units import MetricsSummary

MIN_GAP_SECONDS = 1.0
"""Seconds between the starts of two computations: several consumers notify more often."""
MAX_BUCKETS_AT_ONCE = 5
"""Buckets of articles before the run computes their days and reporters, and checks its time."""


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
    """Compute marked articles, again after each notification of a consumer; return the sum of all.

    Ends when no notification has arrived for ``idle_seconds``, or after ``max_seconds``, as soon as
    the buckets under way are done. If articles are marked faster than this computes, the remaining
    marks wait for the next run. Days and reporters are computed after every few buckets.

    An article that fails is left out for the rest of the run, and its marks stay; at the end
    ArticlesFailedError names all such articles. A missed notification loses nothing, because marks
    stay until a run takes them. Needs an idle connection and commits on it. Raises what
    ``recompute_dirty`` raises.
    """
    # Listen before looking for marks, so that none is missed between the two.
    with connection.transaction():
        connection.execute(sql.SQL("listen {}").format(sql.Identifier(MARKED_ARTICLES_CHANNEL)))
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
            # More marks are there, with or without a notification.
            continue
        if not _notified(connection, min(idle_seconds, left)):
            break
        sleep(max(0.0, next_at - monotonic()))
    with connection.transaction():
        connection.execute(sql.SQL("unlisten {}").format(sql.Identifier(MARKED_ARTICLES_CHANNEL)))
    total.seconds = monotonic() - began
    if total.failed:
        raise ArticlesFailedError(total)
    return total


def _notified(connection: psycopg.Connection, seconds: float) -> bool:
    """Wait at most ``seconds`` for a notification; take all that are there. Return whether any."""
    return bool(list(connection.notifies(timeout=seconds, stop_after=1)))


def _add(total: MetricsSummary, one: MetricsSummary) -> None:
    for field in fields(MetricsSummary):
        if field.name == "failed":
            total.failed.update(one.failed)
        else:
            setattr(total, field.name, getattr(total, field.name) + getattr(one, field.name))
