"""Measure growth: what each table takes for a million events and for a day, before and after
retention.

``python -m tests.benchmarks.growth`` runs a stack of its own (.btl-bench-growth, free ports, gone
afterwards), prints a table, and writes build/bench-growth.json. Events go through Kafka and a
consumer; days are rows as the services write them, made by SQL (tests/simulated_year.py).
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
from rich.console import Console

from below_the_line.closing.windows import apply_windows
from below_the_line.metrics.rebuild import rebuild_all
from below_the_line.settings import Settings
from btl.cli import output
from btl.cli.output import print_table, right, size
from btl.stack.stack import Stack
from tests.benchmarks.machine import ROOT, describe_machine
from tests.benchmarks.path import consuming
from tests.benchmarks.services import Database, Services
from tests.benchmarks.workload import load_workload
from tests.simulated_year import Site

PARTITIONS = 12
LINES = 8_640
"""Lines of the ledger a day and partition under steady load: one in ten seconds."""
BAD_EVERY = 500
CLOSING_RUNS = 288
CHECKS = 33
"""Results of the quality gate, and of the audit, in an hour."""
_SIZES = """
select
    relation.relnamespace::regnamespace::text || '.' || relation.relname,
    pg_total_relation_size(relation.oid)
from pg_class as relation
where relation.relkind = 'r'
    and relation.relnamespace::regnamespace::text in ('discussion', 'ingest', 'metrics')
"""


@dataclass(frozen=True)
class Growth:
    """What was measured; sizes in bytes, with indexes, by table."""

    workload: str
    events: int
    comments: int
    by_events: Mapping[str, int]
    loaded_days: int
    loaded: Mapping[str, int]
    idle_days: int
    idle: Mapping[str, int]
    with_retention: Mapping[str, int]
    """After as many loaded days with retention on each."""
    later: Mapping[str, int]
    """After as many days again."""
    retention_seconds: float
    """One run after all loaded days."""
    deleted: Mapping[str, int]


def sizes(connection: psycopg.Connection) -> dict[str, int]:
    """Vacuum, and return the bytes of each table with its indexes."""
    connection.execute("vacuum")
    return {name: int(count) for name, count in connection.execute(_SIZES.encode())}


def grown(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    """Return what has been added to each table that grew."""
    return {name: count - before[name] for name, count in after.items() if count > before[name]}


def _connect(database: Database) -> psycopg.Connection:
    return psycopg.connect(database.superuser, autocommit=True)


def _site(connection: psycopg.Connection, days: int) -> Site:
    return Site(
        connection,
        datetime.now(UTC) - timedelta(days=days),
        partitions=PARTITIONS,
        lines=LINES,
        closing_runs=CLOSING_RUNS,
        checks=CHECKS,
        bad_every=BAD_EVERY,
        settings=Settings.model_validate({}),
    )


def measure(services: Services, days: int, copies: int) -> Growth:
    """Measure both, each in a database of its own."""
    workload = load_workload()
    services.say(f"{workload.name}, {copies} times, through Kafka …")
    load = services.fill("growth", workload.copies(copies))
    with services.database() as database, _connect(database) as connection:
        empty = sizes(connection)
        with consuming(services, load, database, processes=1) as consumers:
            consumers.wait_for(load.records)
        apply_windows(connection, datetime.now(UTC))
        rebuild_all(connection)
        by_events = grown(empty, sizes(connection))
        (comments,) = connection.execute("select count(*) from discussion.comments").fetchone() or (
            0,
        )
    services.say(f"{days} idle days …")
    with services.database() as database, _connect(database) as connection:
        empty = sizes(connection)
        _site(connection, days).live(days, idle=True)
        idle = grown(empty, sizes(connection))
    services.say(f"{days} days of load, and then retention …")
    with services.database() as database, _connect(database) as connection:
        empty = sizes(connection)
        site = _site(connection, days)
        for _ in range(days):
            site.live(1)
        loaded = grown(empty, sizes(connection))
        began = time.perf_counter()
        deleted = site.retain(5_000)
        seconds = time.perf_counter() - began
    services.say(f"twice {days} days of load, with retention on every day …")
    with services.database() as database, _connect(database) as connection:
        empty = sizes(connection)
        site = _site(connection, 2 * days)
        with_retention = []
        for _ in range(2):
            for _ in range(days):
                site.live(1)
                site.retain(5_000)
                # As autovacuum does in the course of a day.
                found = sizes(connection)
            with_retention.append(grown(empty, found))
        assert not site.audit().findings
    return Growth(
        workload.name,
        load.records,
        comments,
        by_events,
        days,
        loaded,
        days,
        idle,
        with_retention[0],
        with_retention[1],
        seconds,
        deleted,
    )


def show(console: Console, growth: Growth) -> None:
    """Print a table."""
    names = sorted({*growth.by_events, *growth.loaded, *growth.idle})
    print_table(
        [
            "table",
            *right("a million events", "an idle day", "a loaded day"),
            *right(f"{growth.loaded_days} loaded days", "with retention", "as many days later"),
        ],
        [
            (
                name,
                *(
                    size(round(count)) if count else ""
                    for count in (
                        growth.by_events.get(name, 0) * 1_000_000 / growth.events,
                        growth.idle.get(name, 0) / growth.idle_days,
                        growth.loaded.get(name, 0) / growth.loaded_days,
                        growth.loaded.get(name, 0),
                        growth.with_retention.get(name, 0),
                        growth.later.get(name, 0),
                    )
                ),
            )
            for name in names
        ],
        title=f"Growth: {growth.workload}, {growth.comments:,} comments",
        out=console,
    )
    rows = sum(growth.deleted.values())
    console.print(f"Retention deleted {rows:,} rows in {growth.retention_seconds:.1f} s.")


def main() -> int:
    """Run it on a stack of its own."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.growth", description=__doc__)
    parser.add_argument("--days", type=int, default=30, help="how many days are made, twice")
    parser.add_argument("--copies", type=int, default=4, help="how often the events are sent")
    options = parser.parse_args()
    console = output.console()
    stack = Stack(
        ROOT / ".btl-bench-growth",
        {name: value for name, value in os.environ.items() if not name.startswith("BTL_")},
    )
    try:
        stack.reset()
        stack.up(without=["airflow", "consumer"], automatic_ports=True)
        with TemporaryDirectory() as logs:
            services = Services(stack, Path(logs), console.print)
            machine = describe_machine(services.postgres_version())
            growth = measure(services, options.days, options.copies)
    finally:
        stack.down()
        stack.reset()
    show(console, growth)
    report = ROOT / "build" / "bench-growth.json"
    report.parent.mkdir(exist_ok=True)
    report.write_text(
        json.dumps({"machine": machine, "growth": asdict(growth)}, indent=2, default=str)
    )
    console.print(f"Everything: {report.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
