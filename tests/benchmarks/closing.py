"""Measure closing runs: 100,000 discussions due at once, an idle run over a million windows, and
publishing what was announced.

``python -m tests.benchmarks.closing`` runs a stack of its own (.btl-bench-closing, free ports, gone
afterwards), prints a table and the plans, and writes build/bench-closing.json. ``measure`` does the
same on a database that is there.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from rich.console import Console

from below_the_line.closing.outbox import publish_outbox
from below_the_line.closing.windows import BUCKET, DEFAULT_REACTIONS_HOURS, apply_windows
from below_the_line.database.migrations import migrate
from below_the_line.resources import sql
from below_the_line.settings import Settings
from btl.cli import output
from btl.cli.output import print_table, right
from btl.stack.stack import Stack
from tests.benchmarks.machine import ROOT, describe_machine
from tests.databases import with_database

DUE = 100_000
IDLE = 1_000_000
PUBLISHED = datetime(2026, 5, 1, 10, tzinfo=UTC)
CLOSED = PUBLISHED + timedelta(days=14)
LOOKS = ("due_windows", "changed_discussions", "take_marks")

ARTICLES = """
insert into discussion.article_versions (
    article_id, source, event_id, digest, occurred_at, version, event_type, published_at, site,
    section
)
select
    'article-' || number, '/bench', number::text, '1', %(at)s,
    -- An order key: microseconds since 1970, offset by 2^63; id; source; digest.
    int8send((extract(epoch from %(at)s::timestamptz) * 1000000)::bigint # -9223372036854775808)
    || convert_to(number::text, 'UTF8') || '\\x00' || convert_to('/bench', 'UTF8') || '\\x00'
    || sha256(number::text::bytea),
    'published', %(at)s, 'daily', 'politics'
from generate_series(%(first)s::integer, %(last)s::integer) as number
"""
COMMENTS = """
insert into discussion.comments (
    article_id, comment_id, user_id, role, posted_at, held, first_body, posted_version
)
select
    'article-' || number, 'comment-' || place, 'user-' || place, 'reader',
    -- The last one of every hundredth article is late.
    %(at)s::timestamptz + place * interval '34 hours' + case
        when mod(number, 100) = 0 and place = 9 then interval '5 days' else interval '0'
    end,
    false, 'text', '1'
from generate_series(%(first)s::integer, %(last)s::integer) as number
cross join generate_series(1, 9) as place
"""


@dataclass(frozen=True)
class Closing:
    """What was measured, in seconds."""

    articles: int
    comments: int
    opened_seconds: float
    """The first run, which opens them all."""
    closed_seconds: float
    """The run that closes them all."""
    announced: dict[str, int]
    """Events that the closing run wrote."""
    nothing_due_seconds: float
    """The run after it."""
    idle_windows: int
    idle_seconds: float
    """A run over a number of windows that are not due."""
    idle_database_milliseconds: dict[str, float]
    """Of each look at it, by EXPLAIN ANALYZE."""
    published_seconds: float | None
    """Sending what was pending; None: there was no broker."""
    published: int


def measure(
    url: str,
    settings: Settings | None = None,
    *,
    due: int = DUE,
    idle: int = IDLE,
    say: Callable[[str], None] = print,
) -> tuple[Closing, dict[str, Any]]:
    """Fill a migrated, empty database and measure; returns figures and plans. ``settings``: of a
    broker to publish to.
    """
    with psycopg.connect(url, options="-c timezone=UTC", autocommit=True) as connection:
        say(f"Writing {due:,} articles with nine comments each …")
        parameters = {"at": PUBLISHED, "first": 1, "last": due}
        connection.execute(ARTICLES.encode(), parameters)
        connection.execute(COMMENTS.encode(), parameters)
        connection.execute(
            "insert into ingest.dirty_windows (article_id) select article_id from"
            " discussion.article_versions"
        )
        connection.execute("vacuum analyze")
        say("Opening, closing and looking again …")
        opened, _ = _timed(lambda: apply_windows(connection, PUBLISHED + timedelta(hours=1)))
        connection.execute("analyze")
        # So that publishing measures what closing has announced.
        connection.execute("update ingest.outbox set status = 'suppressed'")
        cut_off = CLOSED + timedelta(days=6)
        with connection.transaction(force_rollback=True):
            connection.execute("set local jit = off")
            bucket = [f"article-{number}" for number in range(1, min(due, BUCKET) + 1)]
            plans = {
                "apply_windows": _plan(
                    connection, "apply_windows", articles=bucket, cut_off=cut_off
                )
            }
        closed, summary = _timed(lambda: apply_windows(connection, cut_off))
        nothing, _ = _timed(lambda: apply_windows(connection, cut_off))
        published = publishing = None
        if settings is not None:
            publishing, published = _timed(lambda: publish_outbox(connection, settings))
        say(f"An idle run over {idle:,} windows …")
        connection.execute("truncate discussion.windows")
        connection.execute(
            "insert into discussion.windows (article_id, opens_at, closes_at, state, reason,"
            " has_gaps, due_at) select 'article-' || number, %s, %s, 'open', 'rule', false, %s from"
            " generate_series(1, %s) as number",
            [PUBLISHED, CLOSED, CLOSED, idle],
        )
        connection.execute("vacuum analyze discussion.windows")
        looks = {name: _plan(connection, name, cut_off=PUBLISHED) for name in LOOKS}
        idle_seconds, _ = _timed(lambda: apply_windows(connection, PUBLISHED))
    figures = Closing(
        articles=due,
        comments=due * 9,
        opened_seconds=opened,
        closed_seconds=closed,
        announced=dict(summary.announced),
        nothing_due_seconds=nothing,
        idle_windows=idle,
        idle_seconds=idle_seconds,
        idle_database_milliseconds={name: plan["Execution Time"] for name, plan in looks.items()},
        published_seconds=publishing,
        published=published.sent if published is not None else 0,
    )
    return figures, plans | looks


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    started = time.monotonic()
    result = work()
    return time.monotonic() - started, result


def _plan(connection: psycopg.Connection, statement: str, **parameters: Any) -> dict[str, Any]:
    nothing_changed: dict[str, Any] = {"changed_articles": [], "changed_what": [], "changed_at": []}
    row = connection.execute(
        b"explain (analyze, buffers, format json) " + sql(f"closing/{statement}.sql"),
        {
            "bucket": BUCKET,
            "grace_seconds": 3_600,
            "is_blocked": False,
            "default_reactions_hours": DEFAULT_REACTIONS_HOURS,
            **nothing_changed,
            **parameters,
        },
    ).fetchone()
    assert row is not None
    plan: dict[str, Any] = row[0][0]
    return plan


def show(console: Console, figures: Closing) -> None:
    """Print the figures as a table."""
    rows = [
        (what, f"{count:,}", f"{seconds:.1f}", f"{count / seconds:,.0f}")
        for what, count, seconds in (
            ("open discussions", figures.articles, figures.opened_seconds),
            ("close due discussions", figures.articles, figures.closed_seconds),
            ("publish these announcements", figures.published, figures.published_seconds),
        )
        if seconds is not None
    ]
    nothing_due, idle = figures.nothing_due_seconds, figures.idle_seconds
    rows.append(("look again, nothing due", f"{figures.articles:,}", f"{nothing_due:.3f}", ""))
    rows.append(("idle run over windows", f"{figures.idle_windows:,}", f"{idle:.3f}", ""))
    print_table(
        ["what", *right("how many", "seconds", "per second")],
        rows,
        title="Closing runs",
        out=console,
    )
    in_database = sum(figures.idle_database_milliseconds.values())
    console.print(
        f"The idle run's queries take {in_database:.2f} ms in the database."
        f" Announced: {figures.announced}"
    )


def main() -> int:
    """Run it on a stack of its own."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.closing", description=__doc__)
    parser.add_argument("--due", type=int, default=DUE, help="discussions that are due at once")
    parser.add_argument("--idle", type=int, default=IDLE, help="windows of the idle run")
    options = parser.parse_args()
    console = output.console()
    home = ROOT / ".btl-bench-closing"
    stack = Stack(
        home, {name: value for name, value in os.environ.items() if not name.startswith("BTL_")}
    )
    try:
        stack.reset()
        stack.up(without=["airflow", "consumer"], automatic_ports=True)
        server = stack.database_url("postgres")
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute("create database bench_closing")
        url = with_database(server, "bench_closing")
        migrate(url)
        with psycopg.connect(url) as connection:
            version = connection.info.server_version
        machine = describe_machine(f"{version // 10_000}.{version % 10_000}")
        settings = Settings.model_validate(
            {"kafka_bootstrap": stack.environment()["BTL_KAFKA_BOOTSTRAP"]}
        )
        figures, plans = measure(
            url, settings, due=options.due, idle=options.idle, say=console.print
        )
    finally:
        stack.down()
        stack.reset()
    show(console, figures)
    report = ROOT / "build" / "bench-closing.json"
    report.parent.mkdir(exist_ok=True)
    report.write_text(
        json.dumps(
            {"machine": machine, "figures": asdict(figures), "plans": plans}, indent=2, default=str
        )
    )
    console.print(f"Everything, with the plans: {report.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
