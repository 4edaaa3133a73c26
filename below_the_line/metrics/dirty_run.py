"""A run over marked articles: computes their metrics, bucket by bucket, until no mark is left."""

import time
from collections.abc import Collection
from typing import Final

import psycopg
import structlog

from below_the_line.database.connections import require_idle
from below_the_line.database.errors import reason
from below_the_line.errors import BelowTheLineError
from below_the_line.metrics import statements
from below_the_line.metrics.units import (
    MAX_ARTICLES_PER_UNIT,
    MAX_NAMED_ARTICLES,
    MetricsSummary,
    begin_unit,
    compute_across,
    compute_articles,
    take,
)
from below_the_line.plurals import counted

MAX_STATEMENT_SECONDS: Final = 300.0
"""Seconds after which a statement of a bucket is cancelled. It normally takes seconds; one that
takes minutes would use up the whole run.
"""

log = structlog.get_logger(__name__)


class ArticlesFailedError(BelowTheLineError):
    """Some articles could not be computed; all others were computed."""

    def __init__(self, summary: MetricsSummary) -> None:
        """``summary`` says which articles failed and why, and what the run did besides."""
        self.summary = summary
        failed = summary.failed
        named = [
            f"{article!r} ({why})" for article, why in list(failed.items())[:MAX_NAMED_ARTICLES]
        ]
        more = len(failed) - len(named)
        super().__init__(
            f"The metrics of {counted(len(failed), 'article')} could not be computed: "
            + "; ".join(named + ([f"and {more} more"] if more else []))
            + ".",
            "All other marked articles are done. The marks of these stay, and every run tries them"
            " again.",
        )


def recompute_dirty(
    connection: psycopg.Connection,
    *,
    bucket: int = MAX_ARTICLES_PER_UNIT,
    max_buckets: int | None = None,
    max_statement_seconds: float = MAX_STATEMENT_SECONDS,
    time_zone: str = "UTC",
    without: Collection[str] = (),
) -> MetricsSummary:
    """Compute the metrics of all marked articles, except ``without``, and take their marks.

    Each transaction takes the marks of ``bucket`` marks' articles. Marks that are set during the
    run are taken too, unless ``max_buckets`` ends the run. Days are cut by ``time_zone``. Then the
    run computes the days of sections and the reporters whose figures changed, in transactions of
    their own: marks that were written with the articles' rows say which. If the run is interrupted,
    the next run finds these marks.

    Safe to repeat, to run twice at once, and to run beside ``rebuild_all``. Needs an idle
    connection and commits on it.

    If a bucket fails, or one of its statements takes longer than ``max_statement_seconds``, its
    articles are computed one by one. An article that fails alone keeps its marks and rows; all
    others are computed, and at the end ArticlesFailedError names those that failed. An error that
    no article causes (a lost connection, a missing right or table, a full disk) is raised at once;
    the marks of work that was not committed stay then, too.
    """
    require_idle(connection)
    started = time.monotonic()
    summary = MetricsSummary()
    statements.prepare(connection)
    while max_buckets is None or summary.buckets < max_buckets:
        marks: list[str] = []
        try:
            with connection.transaction():
                begin_unit(connection)
                marks = take(
                    connection,
                    "metrics/take_marks.sql",
                    limit=bucket,
                    without=[*summary.failed, *without],
                )
                _set_statement_timeout(connection, max_statement_seconds)
                compute_articles(connection, sorted(set(marks)), time_zone)
        except psycopg.Error as error:
            if not marks or not _may_be_caused_by_an_article(connection, error):
                raise
            log.warning(
                "bucket failed, trying its articles one by one",
                articles=len(set(marks)),
                error=reason(error),
            )
            for article in sorted(set(marks)):
                _compute_alone(connection, article, max_statement_seconds, time_zone, summary)
        else:
            summary.marks += len(marks)
            summary.articles += len(set(marks))
        summary.buckets += bool(marks)
        if len(marks) < bucket:
            break
    compute_across(connection, summary)
    summary.seconds = time.monotonic() - started
    log.info("metrics recomputed", **summary.as_dict())
    if summary.failed:
        raise ArticlesFailedError(summary)
    return summary


def _compute_alone(
    connection: psycopg.Connection,
    article: str,
    max_statement_seconds: float,
    time_zone: str,
    summary: MetricsSummary,
) -> None:
    try:
        with connection.transaction():
            begin_unit(connection)
            marks = take(connection, "metrics/take_marks_of_article.sql", article=article)
            _set_statement_timeout(connection, max_statement_seconds)
            # Empty if another run has taken the marks since.
            compute_articles(connection, sorted(set(marks)), time_zone)
    except psycopg.Error as error:
        if not _may_be_caused_by_an_article(connection, error):
            raise
        why = reason(error)
        log.error("article failed", article=article, error=why, sqlstate=error.sqlstate)
        summary.failed[article] = why
        return
    summary.marks += len(marks)
    summary.articles += len(set(marks))


def _set_statement_timeout(connection: psycopg.Connection, seconds: float) -> None:
    """Limit each statement for the rest of the transaction.

    Called after the lock and the marks are taken: the transaction may wait long for those.
    """
    connection.execute(
        "select set_config('statement_timeout', %s, true)", [f"{round(seconds * 1000)}ms"]
    )


def _may_be_caused_by_an_article(connection: psycopg.Connection, error: psycopg.Error) -> bool:
    """Return whether the rows of one article may cause the error, so that others can go on."""
    # Class 42: no right, no such table, bad syntax. Class 53: the server lacks disk, memory or
    # connections.
    return not connection.closed and (error.sqlstate or "")[:2] not in ("42", "53")
