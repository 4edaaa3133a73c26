"""Computing metrics: marked articles, or all of them, bucket by bucket.

A metric row is a function of the base rows of its article; there is nothing to add up and nothing to drift. A bucket is one
transaction of separate statements at READ COMMITTED: the lock that every writer of metrics takes, then the marks, then the
work. One statement for all of it would see the rows as they were before it waited for the lock, and delete marks whose rows
it had not seen.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import psycopg
import structlog
from psycopg.pq import TransactionStatus

from below_the_line.metrics.definitions import TABLES, definitions
from below_the_line.resources import sql

METRICS_LOCK = 7_170_103
"""Advisory lock of every writer of metric tables."""
BUCKET = 1_000
"""Articles (or marks) per transaction."""

PLANNER_SETTINGS: Final = (
    # Compiling these statements takes longer than running them.
    "set local jit = off",
    # Of an article that has just become hot the planner's statistics know nothing: expecting a handful of comments it would
    # compare all with all (50,000 comments: 15 s instead of 2). Every table is looked up by the given articles, so that
    # hashing is never far from best.
    "set local enable_nestloop = off",
    # For the same reason: what is sorted by article already would be merged by article alone, all with all again.
    "set local enable_mergejoin = off",
    # Hash and sort a bucket's comments in memory.
    "set local work_mem = '64MB'",
)
"""What a transaction sets before it computes (after it has taken marks)."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class MetricsSummary:
    """What a run did."""

    marks: int = 0
    """Marks taken."""
    articles: int = 0
    """Articles computed; an article marked again meanwhile counts again."""
    buckets: int = 0
    """Transactions that did work."""
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """For logs and for Airflow's XCom."""
        return asdict(self) | {"seconds": round(self.seconds, 3)}


def recompute_dirty(
    connection: psycopg.Connection, *, bucket: int = BUCKET, max_buckets: int | None = None
) -> MetricsSummary:
    """Compute the metrics of all marked articles again and take their marks, until no mark is left.

    ``bucket`` marks are looked at per transaction; marks that are set meanwhile are taken, too, unless ``max_buckets``
    ends the run. If a transaction fails its marks stay for the next run. Safe to run again, by two at once, and beside
    ``rebuild_all``. Needs an idle connection and commits on it.
    """
    _require_idle(connection)
    started = time.monotonic()
    summary = MetricsSummary()
    while max_buckets is None or summary.buckets < max_buckets:
        with connection.transaction():
            _begin_unit(connection)
            marks = connection.execute(sql("metrics/take_marks.sql").encode(), {"bucket": bucket}).fetchall()
            articles = sorted({row[0] for row in marks})
            _recompute(connection, articles)
        summary.marks += len(marks)
        summary.articles += len(articles)
        summary.buckets += bool(marks)
        if len(marks) < bucket:
            break
    summary.seconds = time.monotonic() - started
    log.info("metrics recomputed", **summary.as_dict())
    return summary


def rebuild_all(connection: psycopg.Connection, *, bucket: int = BUCKET) -> MetricsSummary:
    """Compute the metrics of every article again; marks are left alone, runs that take them may go on beside it.

    Safe to run again; if it is broken off, what is done is right and the rest is as before. Needs an idle connection and
    commits on it, once per bucket.
    """
    _require_idle(connection)
    started = time.monotonic()
    summary = MetricsSummary()
    with connection.transaction():
        articles = [row[0] for row in connection.execute(sql("metrics/all_articles.sql").encode()).fetchall()]
    for part in _parts(articles, bucket):
        with connection.transaction():
            _begin_unit(connection)
            _recompute(connection, part)
        summary.articles += len(part)
        summary.buckets += 1
    with connection.transaction():
        _begin_unit(connection)
        for table in TABLES:
            connection.execute(sql(f"metrics/{table}/remove_unknown.sql").encode())
    summary.seconds = time.monotonic() - started
    log.info("metrics rebuilt", **summary.as_dict())
    return summary


def _begin_unit(connection: psycopg.Connection) -> None:
    connection.execute("set transaction isolation level read committed")
    connection.execute("select pg_advisory_xact_lock(%s)", [METRICS_LOCK])


def _recompute(connection: psycopg.Connection, articles: Sequence[str]) -> None:
    if not articles:
        return
    for setting in PLANNER_SETTINGS:
        connection.execute(setting)
    for table in TABLES:
        connection.execute(
            sql(f"metrics/{table}/recompute.sql").encode(),
            {"articles": list(articles), "metric_version": definitions(table).metric_version},
        )


def _parts(articles: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(articles), size):
        yield articles[start : start + size]


def _require_idle(connection: psycopg.Connection) -> None:
    if connection.info.transaction_status != TransactionStatus.IDLE:
        raise ValueError("the connection is inside a transaction: the unit of work could not commit")
