"""Computing metrics: marked articles, or all of them, bucket by bucket.

A metric row is a function of the base rows of its article; there is nothing to add up and nothing
to drift. A bucket is one transaction of separate statements at READ COMMITTED: the lock that every
writer of metrics takes, then the marks, then the work. One statement for all of it would see the
rows as they were before it waited for the lock, and delete marks whose rows it had not seen.

No row may be computed by two at once: the later to write might be the earlier to have read. Runs
that take what is marked work alone. A rebuild locks the shard that its bucket is of (of articles by
hash, of days by blocks of a month), and shares that lock with other rebuilds.
"""

import random
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from itertools import zip_longest
from typing import Any

import psycopg
import structlog

from below_the_line.contracts.times import instant, to_datetime
from below_the_line.database.connections import require_idle
from below_the_line.errors import BelowTheLineError
from below_the_line.metrics import statements
from below_the_line.metrics.definitions import ARTICLE_TABLES
from below_the_line.metrics.worker_pool import share
from below_the_line.resources import sql

METRICS_LOCK = 7_170_103
"""Advisory lock of every writer of metric tables: exclusive, or shared and one of its shards."""
SHARDS = 16
"""So many connections, at most, rebuild at the same time. Locks of articles are numbered from 0,
those of days from here on.
"""
BUCKET = 1_000
"""Articles (or marks) per transaction."""
DAYS_BUCKET = 500
"""Days of sections per transaction."""
REPORTERS_BUCKET = 5_000
"""Reporters per transaction."""
_MOST_NAMED = 5
"""Of articles in an error."""
STATEMENT_SECONDS = 300.0
"""A statement of a bucket takes seconds. One that takes minutes is given up, before it uses up the
whole run.
"""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class MetricsSummary:
    """What a run did."""

    marks: int = 0
    """Marks taken."""
    articles: int = 0
    """Articles computed; an article marked again meanwhile counts again."""
    buckets: int = 0
    """Buckets of marks (or articles) that were worked on."""
    section_days: int = 0
    """Days of sections computed, because those of an article had changed."""
    reporters: int = 0
    """Reporters computed, for the same reason."""
    failed: dict[str, str] = field(default_factory=dict)
    """Articles that could not be computed, and why; their marks stay."""
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """For logs and for Airflow's XCom."""
        return asdict(self) | {"failed": len(self.failed), "seconds": round(self.seconds, 3)}


@dataclass(frozen=True, slots=True)
class Selection:
    """Which articles a rebuild is about: those for which all conditions hold; without any, all."""

    ids: tuple[str, ...] = ()
    published_since: datetime | None = None
    """By the anchor, the least publication time; an article without one is in no range."""
    published_until: datetime | None = None
    """The first time that is not in the range."""

    @classmethod
    def parse(
        cls,
        ids: Sequence[str] = (),
        published_since: str | None = None,
        published_until: str | None = None,
    ) -> "Selection":
        """From texts as people write them; times are RFC 3339. Raises BelowTheLineError."""
        since, until = _time(published_since), _time(published_until)
        if since is not None and until is not None and since >= until:
            raise BelowTheLineError(
                f"No article is published since {published_since} and before {published_until}.",
                "Turn them round.",
            )
        return cls(tuple(ids), since, until)

    @property
    def is_everything(self) -> bool:
        """Whether there is no condition."""
        return self == Selection()


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    found = instant(text)
    if found is None:
        raise BelowTheLineError(f"{text!r} is no time.", "Write it as 2026-05-01T10:00:00Z.")
    return to_datetime(found.since_1970)


Range = tuple[str, str]
"""The first and the last id of a range of articles."""


class ArticlesFailedError(BelowTheLineError):
    """Some articles could not be computed; all others were."""

    def __init__(self, summary: MetricsSummary, *, most: int = _MOST_NAMED) -> None:
        """``summary``: which ones and why, and what came of all others."""
        self.summary = summary
        failed = summary.failed
        named = [f"{article!r} ({why})" for article, why in list(failed.items())[:most]]
        more = len(failed) - len(named)
        super().__init__(
            f"The metrics of {len(failed)} article{'s' if len(failed) > 1 else ''} could not be"
            " computed: " + "; ".join(named + ([f"and {more} more"] if more else [])) + ".",
            "All other marked articles are done; the marks of these stay, and every run tries them"
            " again.",
        )


def recompute_dirty(
    connection: psycopg.Connection,
    *,
    bucket: int = BUCKET,
    max_buckets: int | None = None,
    statement_seconds: float = STATEMENT_SECONDS,
    time_zone: str = "UTC",
    without: Collection[str] = (),
) -> MetricsSummary:
    """Compute the metrics of all marked articles again, but for those ``without``, and take their
    marks, until none is left.

    ``bucket`` marks are looked at per transaction; marks that are set meanwhile are taken, too,
    unless ``max_buckets`` ends the run. Days are cut by ``time_zone``. Then the days of sections
    and the reporters whose figures that changed are computed, in transactions of their own: marks
    that were set with the articles' rows say which, also to the next run if this one is broken off.

    Safe to run again, by two at once, and beside ``rebuild_all``. Needs an idle connection and
    commits on it.

    A bucket that fails, or has a statement that takes longer than ``statement_seconds``, is
    computed again article by article. Articles that fail alone keep their marks and rows, all
    others are done, and at the end ArticlesFailedError names the failed ones. What is no article's
    fault (a lost connection, a missing right or table, a full disk) is raised at once; marks of
    work that was not committed stay then, too.
    """
    require_idle(connection)
    started = time.monotonic()
    summary = MetricsSummary()
    statements.prepare(connection)
    while max_buckets is None or summary.buckets < max_buckets:
        marks: list[str] = []
        try:
            with connection.transaction():
                _begin_unit(connection)
                marks = _take(
                    connection,
                    "metrics/take_marks.sql",
                    bucket=bucket,
                    failed=[*summary.failed, *without],
                )
                _limit(connection, statement_seconds)
                _recompute(connection, sorted(set(marks)), time_zone)
        except psycopg.Error as error:
            if not marks or not _may_be_an_articles(connection, error):
                raise
            log.warning(
                "bucket failed, trying its articles one by one",
                articles=len(set(marks)),
                error=str(error),
            )
            for article in sorted(set(marks)):
                _recompute_alone(connection, article, statement_seconds, time_zone, summary)
        else:
            summary.marks += len(marks)
            summary.articles += len(set(marks))
        summary.buckets += bool(marks)
        if len(marks) < bucket:
            break
    _recompute_across(connection, summary)
    summary.seconds = time.monotonic() - started
    log.info("metrics recomputed", **summary.as_dict())
    if summary.failed:
        raise ArticlesFailedError(summary)
    return summary


def rebuild_all(
    connection: psycopg.Connection,
    *,
    bucket: int = BUCKET,
    time_zone: str = "UTC",
    helpers: Sequence[psycopg.Connection] = (),
) -> MetricsSummary:
    """Compute the metrics of every article again; marks of articles are left alone, runs may go on
    beside it.

    ``helpers`` are further idle connections that share the work, each on a thread of its own. Safe
    to run again. If it is broken off, what is done is right, the rest is as before, and what draws
    on what is done is marked for the next run of any kind. Needs an idle connection and commits on
    it, once per bucket.
    """
    return rebuild(connection, Selection(), bucket=bucket, time_zone=time_zone, helpers=helpers)


def rebuild(
    connection: psycopg.Connection,
    selection: Selection,
    *,
    bucket: int = BUCKET,
    time_zone: str = "UTC",
    helpers: Sequence[psycopg.Connection] = (),
) -> MetricsSummary:
    """The same for selected articles, and for the days and the reporters that they speak of."""
    started = time.monotonic()
    summary = rebuild_range(
        connection, selection, bucket=bucket, time_zone=time_zone, helpers=helpers
    )
    finished = finish_rebuild(connection, selection, helpers=helpers)
    summary.section_days, summary.reporters = finished.section_days, finished.reporters
    summary.seconds = time.monotonic() - started
    log.info("metrics rebuilt", **summary.as_dict())
    return summary


def require_known(connection: psycopg.Connection, articles: Sequence[str]) -> None:
    """Raise BelowTheLineError naming those of the articles that no event has named and that have no
    metrics either.

    A typing error is not to pass unnoticed. Needs an idle connection.
    """
    require_idle(connection)
    with connection.transaction():
        known = dict(_selected(connection, Selection(tuple(articles)), None)) if articles else {}
    unknown = sorted(set(articles) - known.keys())
    if unknown:
        raise BelowTheLineError(
            f"No event has named {'this article' if len(unknown) == 1 else 'these articles'}: "
            + ", ".join(map(repr, unknown[:_MOST_NAMED]))
            + (f" and {len(unknown) - _MOST_NAMED} more." if len(unknown) > _MOST_NAMED else "."),
            "Check the ids. Nothing was done.",
        )


def ranges(connection: psycopg.Connection, selection: Selection, *, most: int) -> list[Range]:
    """Cut the selected articles, in order, into at most so many ranges of about equally many. Needs
    an idle connection.
    """
    require_idle(connection)
    with connection.transaction():
        articles = [article for article, _ in _selected(connection, selection, None)]
    size = max(1, -(-len(articles) // most))
    return [(part[0], part[-1]) for part in _parts(articles, size)]


def rebuild_range(
    connection: psycopg.Connection,
    selection: Selection,
    within: Range | None = None,
    *,
    bucket: int = BUCKET,
    time_zone: str = "UTC",
    helpers: Sequence[psycopg.Connection] = (),
) -> MetricsSummary:
    """Compute the rows that are of one article, of the selected articles of a range (None: of all).

    What draws on them is marked, and ``finish_rebuild`` computes it once all ranges are done. Safe
    to repeat, to break off, and beside anything else. Needs an idle connection and commits on it,
    once per bucket.
    """
    require_idle(connection)
    started = time.monotonic()
    with connection.transaction():
        selected = _selected(connection, selection, within)

    def compute(worker: psycopg.Connection, unit: tuple[Sequence[int], list[str]]) -> None:
        shards, articles = unit
        with worker.transaction():
            _begin_unit(worker, shards)
            _recompute(worker, articles, time_zone)
            worker.execute(sql("metrics/mark_bucket.sql"))

    units = _units(selected, bucket)
    share(units, (connection, *helpers), statements.prepare, compute)
    return MetricsSummary(
        articles=len(selected), buckets=len(units), seconds=time.monotonic() - started
    )


def _units(
    selected: Sequence[tuple[str, int]], bucket: int
) -> list[tuple[Sequence[int], list[str]]]:
    """Articles in buckets of one shard each, or all in one if they are few; with the shards of
    each, in order.

    Neighbours are of different shards, if there are several, and the first is of any: rebuilds that
    begin at the same time are not to wait for each other at every bucket.
    """
    if len(selected) <= bucket:
        return (
            [(sorted({shard for _, shard in selected}), [article for article, _ in selected])]
            if selected
            else []
        )
    of_shard: dict[int, list[str]] = {}
    for article, shard in selected:
        of_shard.setdefault(shard, []).append(article)
    buckets: list[list[tuple[Sequence[int], list[str]]]] = [
        [([shard], articles[start : start + bucket]) for start in range(0, len(articles), bucket)]
        for shard, articles in sorted(of_shard.items())
    ]
    first = random.randrange(len(buckets))  # noqa: S311
    turns = zip_longest(*buckets[first:], *buckets[:first])
    return [unit for turn in turns for unit in turn if unit is not None]


def finish_rebuild(
    connection: psycopg.Connection,
    selection: Selection,
    *,
    helpers: Sequence[psycopg.Connection] = (),
) -> MetricsSummary:
    """Compute the rows that are of many articles, wherever they are marked.

    After a rebuild of everything, first remove rows of articles that no event names any more, and
    mark all others. Safe to repeat. Needs an idle connection and commits on it.
    """
    require_idle(connection)
    started = time.monotonic()
    summary = MetricsSummary()
    statements.prepare(connection)
    if selection.is_everything:
        with connection.transaction():
            _begin_unit(connection)
            for table in ARTICLE_TABLES:
                connection.execute(
                    statements.composed(
                        """
                        delete from metrics.{table} as kept
                        where not exists (
                            select from discussion.known_articles as known where known.article_id = kept.article_id
                        )
                        """,
                        table=table,
                    )
                )
            # Whatever else is wrong in them is not found by what changed.
            connection.execute(sql("metrics/mark_all_days.sql"))
            connection.execute(sql("metrics/mark_all_reporters.sql"))

    adding = threading.Lock()

    def compute(worker: psycopg.Connection, shard: int) -> None:
        done = _recompute_marked_days(worker, shard)
        with adding:
            summary.section_days += done

    if helpers:
        share(range(SHARDS), (connection, *helpers), statements.prepare, compute)
    # All of it, or what others have marked meanwhile; and the reporters.
    _recompute_across(connection, summary)
    summary.seconds = time.monotonic() - started
    return summary


def rebuild_days(
    connection: psycopg.Connection,
    first_day: date,
    last_day: date,
    *,
    bucket: int = BUCKET,
    time_zone: str = "UTC",
) -> MetricsSummary:
    """Compute the days from the first to the last anew: of sections and sites, and all rows of the
    articles active on them.

    Safe to repeat, to break off, and beside anything else: a function of the rows, whenever it
    runs. Needs an idle connection and commits on it.
    """
    require_idle(connection)
    started = time.monotonic()
    days = {"first_day": first_day, "last_day": last_day}
    with connection.transaction():
        found = connection.execute(
            sql("metrics/articles_of_days.sql"), {**days, "time_zone": time_zone}
        )
        articles = tuple(article for (article,) in found)
    summary = MetricsSummary()
    if articles:
        summary = rebuild_range(connection, Selection(articles), bucket=bucket, time_zone=time_zone)
    with connection.transaction():
        _begin_unit(connection)
        connection.execute(sql("metrics/mark_days.sql"), days)
    statements.prepare(connection)
    _recompute_across(connection, summary)
    summary.seconds = time.monotonic() - started
    log.info("days rebuilt", first_day=str(first_day), last_day=str(last_day), **summary.as_dict())
    return summary


def _begin_unit(connection: psycopg.Connection, shards: Sequence[int] | None = None) -> None:
    """Locks for the rest of the transaction: these shards, in ascending order; None: alone."""
    connection.execute("set transaction isolation level read committed")
    if shards is None:
        connection.execute("select pg_advisory_xact_lock(%s)", [METRICS_LOCK])
        return
    # Last what runs wait for: who still waits for a shard is not to keep them waiting as well.
    for shard in shards:
        connection.execute("select pg_advisory_xact_lock(%s, %s)", [METRICS_LOCK, shard])
    connection.execute("select pg_advisory_xact_lock_shared(%s)", [METRICS_LOCK])


def _selected(
    connection: psycopg.Connection, selection: Selection, within: Range | None
) -> list[tuple[str, int]]:
    """Articles in order, each with its shard."""
    first, last = within or (None, None)
    parameters = {
        "ids": list(selection.ids),
        "published_since": selection.published_since,
        "published_until": selection.published_until,
        "first": first,
        "last": last,
        "shards": SHARDS,
    }
    return connection.execute(sql("metrics/selected_articles.sql"), parameters).fetchall()


def _take(connection: psycopg.Connection, statement: str, **parameters: object) -> list[str]:
    """Takes marks; returns the article of each."""
    return [row[0] for row in connection.execute(sql(statement), parameters).fetchall()]


def _limit(connection: psycopg.Connection, statement_seconds: float) -> None:
    """For the rest of the transaction; not before the lock and the marks, for which it may well
    wait.
    """
    connection.execute(
        "select set_config('statement_timeout', %s, true)", [f"{round(statement_seconds * 1000)}ms"]
    )


def _recompute_alone(
    connection: psycopg.Connection,
    article: str,
    statement_seconds: float,
    time_zone: str,
    summary: MetricsSummary,
) -> None:
    try:
        with connection.transaction():
            _begin_unit(connection)
            marks = _take(connection, "metrics/take_marks_of_article.sql", article=article)
            _limit(connection, statement_seconds)
            # Another run may have taken them meanwhile.
            _recompute(connection, sorted(set(marks)), time_zone)
    except psycopg.Error as error:
        if not _may_be_an_articles(connection, error):
            raise
        why = str(error.diag.message_primary or error)
        log.error("article failed", article=article, error=why, sqlstate=error.sqlstate)
        summary.failed[article] = why
        return
    summary.marks += len(marks)
    summary.articles += len(set(marks))


def _may_be_an_articles(connection: psycopg.Connection, error: psycopg.Error) -> bool:
    """Whether the error may come of one article's rows: others can be computed, then."""
    # Class 42: no right, no such table, bad syntax; class 53: the server lacks disk, memory or
    # connections.
    return not connection.closed and (error.sqlstate or "")[:2] not in ("42", "53")


def _recompute(connection: psycopg.Connection, articles: Sequence[str], time_zone: str) -> None:
    """All rows that are of one article, of each of these."""
    if not articles:
        return
    statements.tune(connection)
    statements.stage_bucket(connection, articles)
    parameters = {"articles": list(articles), "time_zone": time_zone}
    for table in ARTICLE_TABLES:
        statements.compute(connection, table, parameters)
        if table == "article_engagement":
            connection.execute(sql("metrics/article_engagement/revise.sql"), parameters)
        statements.write(connection, table, parameters)
    statements.weigh(connection, articles, [])


def _recompute_marked_days(connection: psycopg.Connection, shard: int | None = None) -> int:
    """All days of sections that are marked (of a shard of months, or all); returns how many."""
    done = 0
    while True:
        with connection.transaction():
            _begin_unit(connection, None if shard is None else [SHARDS + shard])
            marks = connection.execute(
                sql("metrics/take_dirty_days.sql"),
                {"bucket": DAYS_BUCKET, "shard": shard, "shards": SHARDS},
            ).fetchall()
            days = sorted({*marks}, key=lambda mark: (mark[2], mark[0], mark[1] or ""))
            _recompute_days(connection, days)
        done += len(days)
        if len(days) < DAYS_BUCKET:
            return done


def _recompute_across(connection: psycopg.Connection, summary: MetricsSummary) -> None:
    """The rows that are of many articles, of all days of sections and all reporters that are
    marked.
    """
    summary.section_days += _recompute_marked_days(connection)
    while True:
        with connection.transaction():
            _begin_unit(connection)
            reporters = sorted(
                {*_take(connection, "metrics/take_dirty_reporters.sql", bucket=REPORTERS_BUCKET)}
            )
            _recompute_reporters(connection, reporters)
        summary.reporters += len(reporters)
        if len(reporters) < REPORTERS_BUCKET:
            break


def _recompute_days(connection: psycopg.Connection, days: Sequence[statements.SectionDay]) -> None:
    if not days:
        return
    statements.tune(connection)
    parameters = statements.day_parameters(days)
    statements.stage_days(connection, parameters)
    for table in statements.DAY_TABLES:
        statements.compute(connection, table, parameters)
        statements.write(connection, table, parameters)


def _recompute_reporters(connection: psycopg.Connection, reporters: Sequence[str]) -> None:
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


def _parts(articles: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(articles), size):
        yield articles[start : start + size]
