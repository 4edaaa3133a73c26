"""The units of work of a metrics run: what one transaction locks and computes.

A metric row is a function of the base rows of its article. A unit is one transaction of separate
statements at READ COMMITTED: first the lock of every metrics writer, then the marks, then the work.
A single statement for all three would see the rows of before it waited for the lock, and would
delete marks whose rows it had not seen.

Two runs never compute the same row at once: the later one to write might have read earlier. A run
over marked articles works alone. A rebuild locks the shard of its bucket (articles by the week of
their publication, days by blocks of a month) and shares the lock of all writers with other
rebuilds.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any, Final, Literal

import psycopg

from below_the_line.database.locks import lock
from below_the_line.metrics import statements
from below_the_line.metrics.definitions import ARTICLE_TABLES
from below_the_line.resources import sql

METRICS_LOCK: Final = "lock table ingest.metrics_lock in share row exclusive mode"
"""Statement that keeps all other writers of metric tables out, until the transaction ends.

The lock is a table, because those who wait for a shared lock on a row do not queue.
"""
SHARED_METRICS_LOCK: Final = "lock table ingest.metrics_lock in row exclusive mode"
"""Statement that keeps out those who take ``METRICS_LOCK``."""
SHARDS: Final = 16
"""Number of shards; at most this many connections rebuild at the same time."""
MAX_ARTICLES_PER_UNIT: Final = 1_000
"""Articles, or marks of articles, in one transaction."""
MAX_DAYS_PER_UNIT: Final = 500
"""Days of sections in one transaction."""
MAX_REPORTERS_PER_UNIT: Final = 5_000
"""Reporters in one transaction."""
MAX_NAMED_ARTICLES: Final = 5
"""Articles that an error names."""


@dataclass(slots=True)
class MetricsSummary:
    """What a run did."""

    marks: int = 0
    """Marks taken."""
    articles: int = 0
    """Articles computed; an article that is marked again during the run counts again."""
    buckets: int = 0
    """Buckets of marks (or articles) computed."""
    section_days: int = 0
    """Days of sections computed, because the days of an article changed."""
    reporters: int = 0
    """Reporters computed, because their reports on an article changed."""
    failed: dict[str, str] = field(default_factory=dict)
    """Articles that could not be computed, each with the reason; their marks stay."""
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return the summary for logs and for Airflow's XCom; ``failed`` is a number there."""
        return asdict(self) | {"failed": len(self.failed), "seconds": round(self.seconds, 3)}


def site_time_zone(connection: psycopg.Connection, otherwise: str) -> str:
    """Return the time zone of the site's days that the database has; ``otherwise`` if none."""
    row = connection.execute(sql("settings/site_timezone.sql")).fetchone()
    return otherwise if row is None else str(row[0])


def shard_lock(kind: Literal["articles", "days"], shard: int) -> str:
    """Return the name of the lock of a shard of articles or of days."""
    return f"{kind} {shard}"


def begin_unit(connection: psycopg.Connection, shards: Sequence[str] | None = None) -> None:
    """Take locks for the rest of the transaction: those of these shards (see ``shard_lock``);
    None: of all.
    """
    connection.execute("set transaction isolation level read committed")
    if shards is None:
        connection.execute(METRICS_LOCK)
        return
    # The lock that runs wait for comes last: a rebuild that waits for a shard does not block them.
    lock(connection, *shards)
    connection.execute(SHARED_METRICS_LOCK)


def take(connection: psycopg.Connection, statement: str, **parameters: object) -> list[str]:
    """Take marks with this statement; return the first column (article or reporter) of each."""
    return [row[0] for row in connection.execute(sql(statement), parameters).fetchall()]


def compute_articles(
    connection: psycopg.Connection, articles: Sequence[str], time_zone: str
) -> None:
    """Compute and write all rows that belong to one of these articles.

    Cuts days by the time zone that the database has; by ``time_zone`` if it has none.
    """
    if not articles:
        return
    # Read under the lock of all writers, which a change of the time zone takes: no row is written
    # by the old one after it.
    time_zone = site_time_zone(connection, time_zone)
    statements.tune(connection)
    statements.stage_bucket(connection, articles, time_zone)
    parameters = {"articles": list(articles), "time_zone": time_zone}
    for table in ARTICLE_TABLES:
        statements.compute(connection, table, parameters)
        if table == "article_engagement":
            statements.revise(connection, parameters)
        statements.write(connection, table, parameters)
    statements.weigh(connection, articles, [])


def compute_marked_days(connection: psycopg.Connection, shard: int | None = None) -> int:
    """Compute all marked days of sections, of one shard of months or of all; return how many."""
    done = 0
    while True:
        with connection.transaction():
            begin_unit(connection, None if shard is None else [shard_lock("days", shard)])
            marks = connection.execute(
                sql("metrics/take_dirty_days.sql"),
                {"limit": MAX_DAYS_PER_UNIT, "shard": shard, "shards": SHARDS},
            ).fetchall()
            _compute_days(connection, marks)
        done += len(marks)
        if len(marks) < MAX_DAYS_PER_UNIT:
            return done


def compute_across(connection: psycopg.Connection, summary: MetricsSummary) -> None:
    """Compute the rows that belong to many articles: all marked days of sections and reporters."""
    summary.section_days += compute_marked_days(connection)
    while True:
        with connection.transaction():
            begin_unit(connection)
            marks = take(
                connection, "metrics/take_dirty_reporters.sql", limit=MAX_REPORTERS_PER_UNIT
            )
            reporters = sorted({*marks})
            _compute_reporters(connection, reporters)
        summary.reporters += len(reporters)
        if len(reporters) < MAX_REPORTERS_PER_UNIT:
            break


def _compute_days(
    connection: psycopg.Connection, marks: Sequence[tuple[str, str | None, date, str]]
) -> None:
    """Compute these days; each mark ends with the parts of the people to count."""
    if not marks:
        return
    statements.tune(connection)
    parameters = statements.day_parameters(
        [(site, section, day) for site, section, day, _ in marks], [mark[3] for mark in marks]
    )
    statements.stage_days(connection, parameters)
    for table in statements.DAY_TABLES:
        statements.compute(connection, table, parameters)
        statements.write(connection, table, parameters)


def _compute_reporters(connection: psycopg.Connection, reporters: Sequence[str]) -> None:
    if not reporters:
        return
    statements.tune(connection)
    parameters = {"user_ids": list(reporters)}
    statements.compute(connection, "reporter_accuracy", parameters)
    changed = connection.execute(
        sql("metrics/reporter_accuracy/changed.sql"), parameters
    ).fetchall()
    statements.write(connection, "reporter_accuracy", parameters)
    if changed:
        statements.weigh(connection, [], [user_id for (user_id,) in changed])
