"""Rebuilds: compute metrics of all articles or of selected ones, marked or not."""

import random
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import zip_longest

import psycopg
import structlog

from below_the_line.database.connections import require_idle
from below_the_line.errors import BelowTheLineError
from below_the_line.metrics import statements
from below_the_line.metrics.units import (
    MAX_ARTICLES_PER_UNIT,
    MAX_NAMED_ARTICLES,
    SHARDS,
    MetricsSummary,
    begin_unit,
    compute_across,
    compute_articles,
    compute_marked_days,
    shard_lock,
)
from below_the_line.metrics.worker_pool import share
from below_the_line.resources import sql
from below_the_line.times import parse_time, said

log = structlog.get_logger(__name__)

_COMPUTED_BY_ANOTHER = (psycopg.errors.UniqueViolation, psycopg.errors.DeadlockDetected)
"""Another rebuild wrote the rows of an article that was published in another week after that had
locked its former shard; they are committed by now, or that rebuild waits for this one to end.
"""
Range = tuple[str, str]
"""The first and the last id of a range of articles."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The articles of a rebuild: those that meet all conditions; without a condition, all."""

    ids: tuple[str, ...] = ()
    published_since: datetime | None = None
    """Compared with the anchor, the publication time that counts. An article without an anchor is
    in no range.
    """
    published_until: datetime | None = None
    """The first time after the range."""

    @classmethod
    def parse(
        cls,
        ids: Sequence[str] = (),
        published_since: str | datetime | None = None,
        published_until: str | datetime | None = None,
    ) -> "Selection":
        """Read the conditions as people write them; times as ``parse_time`` reads them. Raises
        BelowTheLineError.
        """
        since, until = (
            None if text is None else parse_time(text, name)
            for text, name in (
                (published_since, "--published-since"),
                (published_until, "--published-until"),
            )
        )
        if since is not None and until is not None and since >= until:
            raise BelowTheLineError(
                f"The range of publication times is empty: from {said(since)} to before"
                f" {said(until)}.",
                "--published-since must be before --published-until.",
            )
        return cls(tuple(ids), since, until)

    @property
    def is_everything(self) -> bool:
        """Whether there is no condition."""
        return self == Selection()


def rebuild_all(
    connection: psycopg.Connection,
    *,
    bucket: int = MAX_ARTICLES_PER_UNIT,
    time_zone: str = "UTC",
    helpers: Sequence[psycopg.Connection] = (),
) -> MetricsSummary:
    """Compute the metrics of every article again.

    Takes no marks of articles; runs may go on at the same time. ``helpers`` are further idle
    connections that share the work, each on a thread of its own. Safe to repeat. If it is
    interrupted, the rows of finished buckets are right and all others are as before; the days and
    reporters of articles whose rows changed are marked for the next run of any kind. Needs an idle
    connection and commits on it, once per bucket.
    """
    return rebuild(connection, Selection(), bucket=bucket, time_zone=time_zone, helpers=helpers)


def rebuild(
    connection: psycopg.Connection,
    selection: Selection,
    *,
    bucket: int = MAX_ARTICLES_PER_UNIT,
    time_zone: str = "UTC",
    helpers: Sequence[psycopg.Connection] = (),
) -> MetricsSummary:
    """Compute the metrics of the selected articles again, and of their days and reporters.

    The same promises as ``rebuild_all``.
    """
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
    """Raise BelowTheLineError if some of these articles have no metrics and no event names them.

    The error lists them, in their order, so that a typing error is noticed. Needs an idle
    connection.
    """
    require_idle(connection)
    with connection.transaction():
        known = dict(_selected(connection, Selection(tuple(articles)), None)) if articles else {}
    unknown = [each for each in dict.fromkeys(articles) if each not in known]
    if unknown:
        raise BelowTheLineError(
            f"No event has named {'this article' if len(unknown) == 1 else 'these articles'}: "
            + ", ".join(map(repr, unknown[:MAX_NAMED_ARTICLES]))
            + (
                f" and {len(unknown) - MAX_NAMED_ARTICLES} more."
                if len(unknown) > MAX_NAMED_ARTICLES
                else "."
            ),
            "Check the ids. Nothing was done.",
        )


def ranges(connection: psycopg.Connection, selection: Selection, *, max_ranges: int) -> list[Range]:
    """Cut the selected articles into at most ``max_ranges`` ranges of similar size.

    In order of their ids. Needs an idle connection.
    """
    require_idle(connection)
    with connection.transaction():
        articles = sorted(article for article, _ in _selected(connection, selection, None))
    size = max(1, -(-len(articles) // max_ranges))
    return [(part[0], part[-1]) for part in _parts(articles, size)]


def rebuild_range(
    connection: psycopg.Connection,
    selection: Selection,
    within: Range | None = None,
    *,
    bucket: int = MAX_ARTICLES_PER_UNIT,
    time_zone: str = "UTC",
    helpers: Sequence[psycopg.Connection] = (),
) -> MetricsSummary:
    """Compute the rows that belong to one article, of the selected articles of a range.

    ``within`` None: of all selected articles. Marks the days and the reporters of these articles
    (unless everything is rebuilt: ``finish_rebuild`` marks all of them then); ``finish_rebuild``
    computes them when all ranges are done. Safe to repeat, to interrupt, and to run beside anything
    else. Needs an idle connection and commits on it, once per bucket.
    """
    require_idle(connection)
    started = time.monotonic()
    with connection.transaction():
        selected = _selected(connection, selection, within)

    def compute_unit(worker: psycopg.Connection, unit: tuple[Sequence[int], list[str]]) -> None:
        shards, articles = unit
        with worker.transaction():
            begin_unit(worker, [shard_lock("articles", shard) for shard in shards])
            # What was published at another time since then is marked, and a run computes it: here
            # another rebuild may be computing it.
            now = _selected(worker, Selection(tuple(articles)), None)
            compute_articles(worker, [each for each, shard in now if shard in shards], time_zone)
            if not selection.is_everything:
                worker.execute(sql("metrics/mark_bucket.sql"))

    def compute(worker: psycopg.Connection, unit: tuple[Sequence[int], list[str]]) -> None:
        try:
            compute_unit(worker, unit)
        except _COMPUTED_BY_ANOTHER:
            compute_unit(worker, unit)

    units = _units(selected, bucket)
    share(units, (connection, *helpers), statements.prepare, compute)
    return MetricsSummary(
        articles=len(selected), buckets=len(units), seconds=time.monotonic() - started
    )


def _units(
    selected: Sequence[tuple[str, int]], bucket: int
) -> list[tuple[Sequence[int], list[str]]]:
    """Return buckets of articles, each with its shards in ascending order.

    A few articles are one bucket; more are buckets of one shard each. Neighbours have different
    shards where possible, and the first shard is random, so that rebuilds that begin at the same
    time do not wait for each other at every bucket.
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
        [([shard], list(part)) for part in _parts(articles, bucket)]
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
    """Compute the rows that belong to many articles, wherever they are marked.

    After a rebuild of everything, first delete the rows of articles that no event names any more,
    and mark all days and reporters. Safe to repeat. Needs an idle connection and commits on it.
    """
    require_idle(connection)
    started = time.monotonic()
    summary = MetricsSummary()
    statements.prepare(connection)
    if selection.is_everything:
        with connection.transaction():
            begin_unit(connection)
            statements.delete_unknown_articles(connection)
            # A wrong row of days or reporters is not found by what changed: compute all of them.
            connection.execute(sql("metrics/mark_all_days.sql"))
            connection.execute(sql("metrics/mark_all_reporters.sql"))

    adding = threading.Lock()

    def compute(worker: psycopg.Connection, shard: int) -> None:
        done = compute_marked_days(worker, shard)
        with adding:
            summary.section_days += done

    if helpers:
        share(range(SHARDS), (connection, *helpers), statements.prepare, compute)
    # All days, or those that others have marked since; and the reporters.
    compute_across(connection, summary)
    summary.seconds = time.monotonic() - started
    return summary


def rebuild_days(
    connection: psycopg.Connection,
    first_day: date,
    last_day: date,
    *,
    bucket: int = MAX_ARTICLES_PER_UNIT,
    time_zone: str = "UTC",
) -> MetricsSummary:
    """Compute the days from the first to the last again, of sections and sites, and all rows of the
    articles that were active on them.

    Safe to repeat, to interrupt, and to run beside anything else: the result is a function of the
    base rows. Needs an idle connection and commits on it.
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
        begin_unit(connection)
        connection.execute(sql("metrics/mark_days.sql"), days)
    statements.prepare(connection)
    compute_across(connection, summary)
    summary.seconds = time.monotonic() - started
    log.info("days rebuilt", first_day=str(first_day), last_day=str(last_day), **summary.as_dict())
    return summary


def _selected(
    connection: psycopg.Connection, selection: Selection, within: Range | None
) -> list[tuple[str, int]]:
    """Return the selected articles in order of publication, each with its shard."""
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


def _parts(articles: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(articles), size):
        yield articles[start : start + size]
