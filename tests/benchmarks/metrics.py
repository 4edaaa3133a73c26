"""Measure metrics: a full rebuild, an incremental run over one in a hundred articles, and look-ups,
at several sizes.

``python -m tests.benchmarks.metrics`` runs a stack of its own (.btl-bench-metrics, free ports, gone
afterwards), prints a table against the targets, and writes build/bench-metrics.json. A hundred
comments an article on average, skewed as real discussions are: half of them are under a tenth of
the articles. The rebuild is of tables that are empty at first, by two connections.
"""

import argparse
import json
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import psutil
import psycopg
from rich.console import Console

from below_the_line.database.migrations import migrate
from below_the_line.metrics.dirty_run import recompute_dirty
from below_the_line.metrics.rebuild import rebuild_all
from btl.cli import output
from btl.cli.output import Column, print_table, right
from btl.stack.stack import Stack
from tests.benchmarks.machine import ROOT, commit, describe_machine
from tests.databases import with_database

SIZES = (1_000_000, 3_000_000, 10_000_000)
PER_ARTICLE = 100
LOOK_UPS = 200
MOST_REBUILD, LEAST_INCREMENTAL, MOST_LOOK_UP_MILLISECONDS = 3.0, 50.0, 5.0

# A discussion's size falls with its rank; readers who write much write most.
FILL = (
    """
    insert into discussion.articles (article_id, site, section, headline, url, content_version)
    select
        'article-' || number, 'daily', 'section-' || mod(number, 20), 'Headline ' || number,
        'https://news.example/', '1'
    from generate_series(1, %(articles)s) as number
    """,
    """
    insert into discussion.windows (
        article_id, opens_at, closes_at, reactions_close_at, site, section, state, closed_at,
        reason, has_gaps
    )
    select
        'article-' || number, opened.at, opened.at + interval '14 days',
        opened.at + interval '21 days', 'daily',
        'section-' || mod(number, 20), 'closed', opened.at + interval '14 days', 'rule', false
    from generate_series(1, %(articles)s) as number
    cross join lateral (
        select '2025-01-01'::timestamptz + number * interval '365 days' / %(articles)s as at
    ) as opened
    """,
    """
    insert into discussion.comments (
        article_id, comment_id, user_id, display_name, role, parent_comment_id, posted_at, held,
        first_body, posted_version
    )
    select
        placed.article_id,
        'c' || place,
        'user-' || floor(%(articles)s * random() * random())::integer,
        'Reader',
        case when random() < 0.01 then 'staff' else 'reader' end,
        case when place > 1 and random() < 0.55
        then 'c' || 1 + floor(random() * (place - 1))::integer end,
        placed.opens_at - ln(1 - random()) * interval '18 hours' * least(place, 20) / 10,
        random() < 0.02,
        'A text of usual length, which no metric looks at, but which takes its room in the table: '
        || repeat('x', 160),
        int8send(place)
    from (
        select
            known.article_id,
            known.opens_at,
            greatest(
                1,
                round(
                    %(comments)s
                    * power(row_number() over (order by md5(known.article_id)), -0.45)
                    / sum(power(number, -0.45)) over ()
                )
            )::integer as size
        from discussion.windows as known
        inner join generate_series(1, %(articles)s) as number
        on known.article_id = 'article-' || number
    ) as placed
    cross join lateral generate_series(1, placed.size) as place
    """,
    """
    insert into discussion.reports (
        article_id, comment_id, report_id, reporter_user_id, reason, reported_at, reported_version
    )
    select
        comment.article_id, comment.comment_id, 'r' || comment.comment_id,
        'user-' || floor(%(articles)s * random() * random())::integer,
        (array['spam', 'off_topic', 'harassment', 'hate_speech',
        'threat_violence'])[1 + floor(random() * 5)::integer],
        comment.posted_at + random() * interval '1 day', '1'
    from discussion.comments as comment
    where random() < 0.02
    """,
    """
    insert into discussion.report_decisions (
        article_id, source, event_id, digest, occurred_at, version, comment_id, report_id,
        decision, decided_by, decided_at
    )
    select
        report.article_id, '/bench', report.comment_id || report.report_id, '1',
        report.reported_at, '1', report.comment_id,
        report.report_id, case when random() < 0.3 then 'upheld' else 'dismissed' end, 'moderator',
        report.reported_at + random() * interval '1 day'
    from discussion.reports as report
    where random() < 0.9
    """,
    """
    insert into discussion.reactions (
        article_id, comment_id, user_id, reaction, is_on, state_version, first_added_at
    )
    select
        comment.article_id, comment.comment_id,
        'user-' || floor(%(articles)s * random())::integer, 'like', true, '1',
        comment.posted_at + random() * interval '1 day'
    from discussion.comments as comment
    where random() < 0.3
    """,
    "vacuum (analyze)",
)
AGGREGATE = """
select article_id, count(*), count(distinct user_id), min(posted_at), max(posted_at)
from discussion.comments
group by article_id
"""
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


@dataclass(frozen=True)
class Size:
    """What was measured at one size; times in seconds."""

    comments: int
    articles: int
    aggregate_seconds: float
    """One sequential aggregate of the comments table, by article: the median of three."""
    rebuild_seconds: float
    incremental_articles: int
    incremental_seconds: float
    look_ups_p95_milliseconds: dict[str, float]
    backend_megabytes: int
    """The most that the session's process took, shared memory included."""
    temporary_megabytes: int
    """Written to temporary files by the rebuild."""

    @property
    def rebuild_ratio(self) -> float:
        """Rebuild by aggregate."""
        return self.rebuild_seconds / self.aggregate_seconds

    @property
    def incremental_ratio(self) -> float:
        """Rebuild by incremental run."""
        return self.rebuild_seconds / self.incremental_seconds


def measure(url: str, comments: int, say: Callable[[str], None] = print) -> Size:
    """Fill a migrated, empty database, and measure."""
    articles = comments // PER_ARTICLE
    with psycopg.connect(url, options="-c timezone=UTC", autocommit=True) as connection:
        say(f"Writing {comments:,} comments under {articles:,} articles …")
        connection.execute("set synchronous_commit = off")
        for statement in FILL:
            connection.execute(
                statement.encode(),
                {"articles": articles, "comments": comments} if "%(" in statement else None,
            )
        row = connection.execute("select count(*) from discussion.comments").fetchone()
        assert row is not None
        connection.execute("set max_parallel_workers_per_gather = 0")
        aggregate = statistics.median(
            _seconds(lambda: connection.execute(AGGREGATE.encode()).fetchall()) for _ in range(3)
        )
        say("Rebuilding …")
        before = _temporary_bytes(connection)
        with (
            psycopg.connect(url, options="-c timezone=UTC", autocommit=True) as helper,
            _peak(connection.info.backend_pid) as peak,
        ):
            # As `btl metrics rebuild` does.
            rebuild = _seconds(lambda: rebuild_all(connection, helpers=[helper]))
        written = _temporary_bytes(connection) - before
        connection.execute("vacuum (analyze)")
        connection.execute(
            "insert into ingest.dirty_articles (article_id) select article_id from"
            " discussion.windows where mod(hashtext(article_id), 100) = 0"
        )
        marked = connection.execute("select count(*) from ingest.dirty_articles").fetchone()
        assert marked is not None
        incremental = _seconds(lambda: recompute_dirty(connection))
        asked = {name: _p95(connection, query, articles) for name, query in ASKED.items()}
    return Size(
        row[0],
        articles,
        aggregate,
        rebuild,
        marked[0],
        incremental,
        asked,
        peak[0],
        written // 2**20,
    )


def _seconds(work: Callable[[], object]) -> float:
    started = time.monotonic()
    work()
    return time.monotonic() - started


def _temporary_bytes(connection: psycopg.Connection[Any]) -> int:
    connection.execute("select pg_stat_force_next_flush()")
    row = connection.execute(
        "select temp_bytes from pg_stat_database where datname = current_database()"
    ).fetchone()
    assert row is not None
    return int(row[0])


def _rows(connection: psycopg.Connection[Any], query: str) -> list[Any]:
    return connection.execute(query.encode()).fetchall()


def _p95(connection: psycopg.Connection[Any], query: str, articles: int) -> float:
    """In milliseconds, answer and fetching included; of rows that differ from one time to the
    next.
    """
    times = sorted(
        _seconds(partial(_rows, connection, query.format(number=number)))
        for number in range(1, articles, max(1, articles // LOOK_UPS))
    )
    return times[int(len(times) * 0.95)] * 1_000


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


def show(console: Console, sizes: Sequence[Size]) -> None:
    """Print the figures, and what of them meets its target."""
    rows: list[tuple[str, Callable[[Size], str], str]] = [
        (
            "one sequential aggregate of the comments",
            lambda each: f"{each.aggregate_seconds:.2f} s",
            "",
        ),
        ("full rebuild, by two connections", lambda each: f"{each.rebuild_seconds:.1f} s", ""),
        (
            "  by the aggregate",
            lambda each: f"{each.rebuild_ratio:.1f}",
            f"at most {MOST_REBUILD:.0f}",
        ),
        ("run over one article in a hundred", lambda each: f"{each.incremental_seconds:.2f} s", ""),
        (
            "  of a rebuild",
            lambda each: f"1/{each.incremental_ratio:.0f}",
            f"at most 1/{LEAST_INCREMENTAL:.0f}",
        ),
        (
            "memory of the session, shared included",
            lambda each: f"{each.backend_megabytes:,} MB",
            "",
        ),
        ("temporary files of the rebuild", lambda each: f"{each.temporary_megabytes:,} MB", ""),
        *(
            (
                f"{name}, p95",
                lambda each, name=name: f"{each.look_ups_p95_milliseconds[name]:.2f} ms",
                f"at most {MOST_LOOK_UP_MILLISECONDS:.0f} ms",
            )
            for name in ASKED
        ),
    ]
    print_table(
        [
            Column("what", wraps=True),
            *right(*(f"{size.comments:,} comments" for size in sizes), "target"),
        ],
        [(what, *(figure(size) for size in sizes), target) for what, figure, target in rows],
        title="Metrics",
        out=console,
    )


def main() -> int:
    """Run it on a stack of its own."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.metrics", description=__doc__)
    parser.add_argument(
        "--comments", type=int, nargs="+", default=list(SIZES), help="the sizes to measure at"
    )
    options = parser.parse_args()
    console = output.console()
    stack = Stack(
        ROOT / ".btl-bench-metrics",
        {name: value for name, value in os.environ.items() if not name.startswith("BTL_")},
    )
    sizes: list[Size] = []
    try:
        stack.reset()
        stack.up(without=["airflow", "consumer", "kafka"], automatic_ports=True)
        server = stack.database_url("postgres")
        with psycopg.connect(server, autocommit=True) as connection:
            version = connection.info.server_version
            machine = describe_machine(f"{version // 10_000}.{version % 10_000}")
            for comments in options.comments:
                connection.execute("create database bench_metrics")
                url = with_database(server, "bench_metrics")
                migrate(url)
                sizes.append(measure(url, comments, console.print))
                connection.execute("drop database bench_metrics with (force)")
    finally:
        stack.down()
        stack.reset()
    show(console, sizes)
    report = ROOT / "build" / "bench-metrics.json"
    report.parent.mkdir(exist_ok=True)
    report.write_text(
        json.dumps(
            {"machine": machine, "commit": commit(), "sizes": [asdict(size) for size in sizes]},
            indent=2,
        )
    )
    console.print(f"Everything: {report.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
