"""Measure metrics: a full rebuild, runs after new comments, and look-ups, at several sizes.

``python -m tests.benchmarks.metrics`` runs a stack of its own (.btl-bench-metrics, free ports, gone
afterwards), prints a table against the targets for each size, and writes build/bench-metrics.json.

The rebuild is of tables that are empty at first, by two connections, as `btl metrics rebuild` does.
It is compared with two yardsticks of the same minutes: one sequential aggregate of the comments,
and the floor: reading every row once, and writing every metric row in the order of its key.
After all runs the tables are compared with a fresh computation; exit status 1 if they differ.

To compare two states of the code, run both with the same ``--keep FOLDER``, one after the other: it
keeps the stack's data, with the filled databases, for the next call.
"""

import argparse
import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg
from rich.console import Console

from below_the_line.logs import configure_logs
from below_the_line.metrics.definitions import TABLES, definitions
from below_the_line.metrics.dirty_run import recompute_dirty
from below_the_line.metrics.drift import drift
from below_the_line.metrics.rebuild import rebuild_all
from btl.cli import output
from btl.stack.stack import Stack
from tests.benchmarks import metrics_fill
from tests.benchmarks.machine import ROOT, commit, describe_machine
from tests.benchmarks.metrics_report import (
    Floor,
    LookUps,
    Size,
    as_document,
    machine,
    print_report,
)
from tests.benchmarks.rates import percentiles
from tests.benchmarks.spent import Meter, Spent
from tests.benchmarks.statement_times import StatementTimes
from tests.databases import on_server

SIZES = (1_000_000, 10_000_000)
AGGREGATES = 2
"""Before the rebuild, and after it."""
LOOK_UPS = 200
ONE_COMMENT = 20
"""Runs after one new comment in an article of median size, and in the largest."""
COMPARED_WHOLE = 1_000_000
"""Comments up to which all rows are compared in the end, and not those of some articles."""
COMPARED_ARTICLES = 1_000

AGGREGATE = """
select article_id, count(*), count(distinct user_id), min(posted_at), max(posted_at)
from discussion.comments
group by article_id
"""
# Counting a column reads it and those before it.
READ = (
    "select count(decided_at) from discussion.comments",
    "select count(withdrawn_at) from discussion.reports",
    "select count(decided_at) from discussion.report_decisions",
    "select count(first_added_at) from discussion.reactions",
    "select count(section) from discussion.articles",
    "select count(reactions_final) from discussion.windows",
)
ASKED = {
    "an article": (
        "select * from metrics.article_engagement where article_id = 'article-' || {number}"
    ),
    "most reported": (
        "select * from metrics.article_abuse order by reports desc, article_id limit 20"
    ),
    "a section by day": (
        "select * from metrics.section_daily where site = 'daily' and section = 'section-' ||"
        " mod({number}, 20) and day >= '2025-06-01' and day < '2025-07-01'"
    ),
    "the moderation queue": "select * from discussion.moderation_queue limit 50",
}

Session = psycopg.Connection[Any]


def measure(
    url: str,
    comments: int,
    say: Callable[[str], None],
    *,
    rebuild_only: bool = False,
    statements: StatementTimes | None = None,
    with_digests: bool = False,
) -> Size:
    """Measure in a migrated, filled database without metrics, which is not as before afterwards.

    ``statements`` learns what each statement of the rebuild takes, ``rebuild_only``: nothing else
    is measured, besides the aggregates.
    """
    articles = comments // metrics_fill.PER_ARTICLE
    with ExitStack() as sessions:
        first, second, other = (sessions.enter_context(_session(url)) for _ in range(3))
        meter = Meter(other)
        say("Aggregating …")
        aggregates = [meter.spent(lambda: _aggregate(other)) for _ in range(AGGREGATES)]
        say("Rebuilding …")
        for session in (first, second):
            if statements is not None:
                statements.watch(session)
        before = _temporary_bytes(other)
        with _peak(first.info.backend_pid) as peak:
            rebuild = Meter(first, second).spent(lambda: rebuild_all(first, helpers=[second]))
        written = _temporary_bytes(other) - before
        aggregates += [meter.spent(lambda: _aggregate(other)) for _ in range(AGGREGATES)]
        size: dict[str, Any] = {}
        if with_digests:
            size["digests"] = _digests(other)
        if not rebuild_only:
            say("Moving the bytes alone …")
            size["floor"] = _floor(other)
            other.execute("vacuum (analyze)")
            say("Asking …")
            size["look_ups"] = {
                name: _look_up(other, query, articles) for name, query in ASKED.items()
            }
            say("Computing what new comments change …")
            size |= _incremental(other, articles)
            whole = comments <= COMPARED_WHOLE
            size["compared"] = (
                "all rows"
                if whole
                else f"{COMPARED_ARTICLES:,} random articles, with their days and reporters"
            )
            say(f"Comparing {size['compared']} with a fresh computation …")
            found = drift(other, None if whole else COMPARED_ARTICLES, time_zone="UTC")
            size["differences"] = [str(each) for each in found]
    return Size(comments, articles, aggregates, rebuild, peak[0], written // 2**20, **size)


def _session(url: str) -> Session:
    return psycopg.connect(url, options="-c timezone=UTC", autocommit=True)


def _aggregate(session: Session) -> None:
    with session.transaction():
        # Its CPU would be that of several processes.
        session.execute("set local max_parallel_workers_per_gather = 0")
        session.execute(AGGREGATE.encode()).fetchall()


def _temporary_bytes(session: Session) -> int:
    session.execute("select pg_stat_force_next_flush()")
    row = session.execute(
        "select temp_bytes from pg_stat_database where datname = current_database()"
    ).fetchone()
    assert row is not None
    return int(row[0])


def _digests(session: Session) -> dict[str, str]:
    """A digest of all figures of each metric table, whatever the order of its rows."""
    digests = {}
    for table in TABLES:
        row = session.execute(
            f"select count(*), sum(hashtextextended(row ({', '.join(definitions(table).figures)})"
            f"::text, 0)::numeric) from metrics.{table}".encode()
        ).fetchone()
        assert row is not None
        digests[table] = f"{row[0]:,} rows, {row[1]}"
    return digests


def _floor(session: Session) -> Floor:
    """Read all base rows once, and write all metric rows to tables like theirs."""
    session.execute("set max_parallel_workers_per_gather = 0")
    session.execute("set work_mem = '64MB'")
    session.execute("create schema bench_floor")
    for table in TABLES:
        session.execute(
            f"create table bench_floor.{table} (like metrics.{table} including all)".encode()
        )
    meter, rows = Meter(session), 0

    def write() -> None:
        nonlocal rows
        for table in TABLES:
            ordered = f"select * from metrics.{table} order by {', '.join(definitions(table).key)}"
            rows += session.execute(f"insert into bench_floor.{table} {ordered}".encode()).rowcount

    read = meter.spent(lambda: [session.execute(query.encode()) for query in READ])
    written = meter.spent(write)
    session.execute("set client_min_messages = warning")
    session.execute("drop schema bench_floor cascade")
    session.execute("reset all")
    return Floor(read, written, rows)


def _incremental(session: Session, articles: int) -> dict[str, Any]:
    """Runs after new comments: in single articles, and in one article of a hundred."""
    by_size = [
        article
        for (article,) in session.execute(
            "select article_id from metrics.article_engagement"
            " order by comments_submitted, article_id"
        )
    ]
    middle = len(by_size) // 2
    # The first run of a session makes its temporary tables.
    recompute_dirty(session)
    alike = [
        [
            _after_new_comments(session, articles, number, "article_id = %(article)s", article)[1]
            for number, article in enumerate(of, first)
        ]
        for first, of in (
            (1, by_size[middle : middle + ONE_COMMENT]),
            (1_001, [by_size[-1]] * ONE_COMMENT),
        )
    ]
    spread = _after_new_comments(
        session, articles, 10_001, "mod(hashtext(discussed.article_id), 100) = 0"
    )
    return {
        "median_article": alike[0],
        "largest_article": alike[1],
        "spread_articles": spread[0],
        "spread": spread[1],
    }


def _after_new_comments(
    session: Session, articles: int, number: int, where: str, article: str | None = None
) -> tuple[int, Spent]:
    """How many new comments there are, and what the run took that counts them."""
    posted = session.execute(
        metrics_fill.NEW_COMMENTS.replace("{where}", where).encode(),
        {"articles": articles, "number": number, "article": article},
    ).rowcount
    return posted, Meter(session).spent(lambda: recompute_dirty(session))


def _look_up(session: Session, query: str, articles: int) -> LookUps:
    """Answer and fetching included; of rows that differ from one time to the next."""
    times = []

    def ask() -> None:
        for number in range(1, articles, max(1, articles // LOOK_UPS)):
            started = time.monotonic()
            session.execute(query.format(number=number).encode()).fetchall()
            times.append((time.monotonic() - started) * 1_000)

    spent = Meter(session).spent(ask)
    found = percentiles(times)
    return LookUps(found.p50, found.p95, spent.cpu / len(times) * 1_000, spent)


@contextmanager
def _peak(process_id: int) -> Iterator[list[int]]:
    """The most memory that a process takes while the block lasts, in megabytes."""
    peak, over, process = [0], threading.Event(), psutil.Process(process_id)

    def look() -> None:
        while not over.wait(0.1):
            peak[0] = max(peak[0], process.memory_info().rss // 2**20)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        over.set()
        thread.join()


def parse(arguments: list[str]) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.metrics",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--comments", type=int, nargs="+", default=list(SIZES), help="the sizes to measure at"
    )
    parser.add_argument(
        "--keep",
        type=Path,
        metavar="FOLDER",
        help="where the stack and its filled databases are kept between calls; one call at a time",
    )
    parser.add_argument(
        "--rebuild-only", action="store_true", help="measure the rebuild and the aggregate alone"
    )
    parser.add_argument(
        "--statements", action="store_true", help="print what each statement of the rebuild takes"
    )
    parser.add_argument(
        "--digests",
        action="store_true",
        help="print a digest of each table after the rebuild, to compare two states of the code",
    )
    return parser.parse_args(arguments)


def main() -> int:
    """Run it on a stack of its own. Exit status 1 if tables differ from a fresh computation."""
    options = parse(sys.argv[1:])
    console, progress = output.console(), output.console(stderr=True)
    # Of every run one line: there are dozens.
    configure_logs("auto", logging.WARNING)
    stack = Stack(
        options.keep or ROOT / ".btl-bench-metrics",
        {name: value for name, value in os.environ.items() if not name.startswith("BTL_")},
    )
    # SIGTERM, too, stops the stack: as an exception it passes through `finally`.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sizes: list[Size] = []
    try:
        if not options.keep:
            stack.reset()
        stack.up(without=["airflow", "consumer", "kafka"], automatic_ports=True)
        server = stack.database_url("postgres")
        with psycopg.connect(server) as connection:
            version = connection.info.server_version
        about: dict[str, Any] = {
            "machine": describe_machine(f"{version // 10_000}.{version % 10_000}"),
            "commit": commit(),
            "options": {name: str(value) for name, value in vars(options).items()},
        }
        for comments in options.comments:
            sizes.append(_measured(server, comments, options, console, progress))
            _write(about, sizes)
            if not options.keep:
                on_server(server, "alter database {} is_template false", f"filled_{comments}")
                on_server(server, "drop database {}", f"filled_{comments}")
    finally:
        stack.down()
        if not options.keep:
            stack.reset()
    console.print(machine(about))
    return 1 if any(size.differences for size in sizes) else 0


def _measured(
    server: str, comments: int, options: argparse.Namespace, console: Console, progress: Console
) -> Size:
    """Measure at one size, in a copy of the filled database; print it."""
    template = metrics_fill.filled(server, comments, progress.print)
    on_server(server, "drop database if exists {} with (force)", "bench_metrics")
    url = metrics_fill.copied(server, template, "bench_metrics")
    statements = StatementTimes() if options.statements else None
    size = measure(
        url,
        comments,
        progress.print,
        rebuild_only=options.rebuild_only,
        statements=statements,
        with_digests=options.digests,
    )
    on_server(server, "drop database {} with (force)", "bench_metrics")
    print_report(console, size)
    if statements is not None:
        statements.show(console, "Statements of the rebuild, in seconds", size.rebuild.cpu)
    return size


def _write(about: Mapping[str, Any], sizes: list[Size]) -> None:
    report = ROOT / "build" / "bench-metrics.json"
    report.parent.mkdir(exist_ok=True)
    document = {**about, "sizes": [as_document(size) for size in sizes]}
    report.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
