"""Measure erasures: a person with few comments, and one with a hundredth of all, among millions;
what a writer beside them waits; and what the indexes that find people cost who writes.

``python -m tests.benchmarks.erasing`` runs a stack of its own (.btl-bench-erasing, free ports, gone
afterwards), prints tables, and writes build/bench-erasing.json. ``--comments 100000`` is a quick
try; ``--metrics`` computes the metrics before, so that they are wiped, too. ``--keep FOLDER`` keeps
the stack's data, with the filled databases, for the next call, as the benchmark of metrics does.
"""

import argparse
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import psycopg
from rich.console import Console

from below_the_line.erasing.erasures import Person
from below_the_line.erasing.keys import ErasureKey
from below_the_line.erasing.recording import record
from below_the_line.erasing.wiping import carry_out
from below_the_line.metrics.dirty_run import recompute_dirty
from below_the_line.metrics.rebuild import rebuild_all
from btl.cli import output
from btl.cli.output import print_table, right
from btl.stack.stack import Stack
from tests.benchmarks import metrics_fill
from tests.benchmarks.machine import ROOT, describe_machine
from tests.benchmarks.rates import percentiles
from tests.benchmarks.spent import backend_cpu
from tests.stacks import surroundings

COMMENTS = 10_000_000
FEW = 10
SHARE = 0.01
WRITTEN = 100_000
ROUNDS = 5
_KEY = ErasureKey("a key of benchmarks, long enough")
_INDEXES = {
    "none": (),
    "as released (BRIN, bloom)": (
        "create index measured on discussion.comments using brin (user_id text_bloom_ops) with"
        " (pages_per_range = 64)",
    ),
    "btree": ("create index measured on discussion.comments (user_id)",),
    "hash": ("create index measured on discussion.comments using hash (user_id)",),
}
# As an order key: microseconds since 1970, offset by 2^63; id; source; digest.
_VERSION = """
int8send((extract(epoch from posted_at) * 1000000)::bigint # -9223372036854775808)
|| convert_to(comment_id, 'UTF8') || '\\x00' || convert_to('/bench', 'UTF8') || '\\x00'
|| sha256(convert_to(comment_id, 'UTF8'))
"""
_GIVE_COMMENTS = f"""
update discussion.comments
set user_id = %(user)s, posted_version = {_VERSION}
where ctid in (
    select ctid
    from discussion.comments tablesample bernoulli (%(percent)s) repeatable (1)
    limit %(count)s
)
"""
_WRITE = """
insert into discussion.comments (
    article_id, comment_id, user_id, display_name, role, posted_at, held, first_body,
    posted_version
)
select
    'article-' || 1 + mod(number * 7919, %(articles)s),
    %(name)s || number,
    'user-' || floor(%(articles)s * random())::integer,
    'Reader', 'reader', now(), false, repeat('x', 240), '1'
from generate_series(1, %(count)s) as number
"""


@dataclass
class Erased:
    """One erasure."""

    comments: int
    seconds: float
    writer_milliseconds: dict[str, float]
    """Of transactions that write a comment meanwhile: percentiles."""
    metrics_seconds: float
    """The metrics run after it."""


@dataclass
class Index:
    """A way to find people, on the table of comments."""

    built_seconds: float
    bytes: int
    cpu_seconds: list[float] = field(default_factory=list)
    """Of writing ``WRITTEN`` comments, round by round."""


def measure(
    url: str, comments: int, say: Callable[[str], None], *, with_metrics: bool
) -> dict[str, Any]:
    """Measure in a migrated, filled database, which is not as before afterwards."""
    with psycopg.connect(url, options="-c timezone=UTC", autocommit=True) as connection:
        counts = {"few": FEW, "many": int(comments * SHARE)}
        for user, count in counts.items():
            percent = min(100.0, 150.0 * count / comments)
            connection.execute(
                _GIVE_COMMENTS.encode(), {"user": user, "count": count, "percent": percent}
            )
        connection.execute("vacuum (analyze)")
        connection.execute("truncate ingest.dirty_articles")
        if with_metrics:
            say("Computing metrics …")
            rebuild_all(connection)
            connection.execute("vacuum (analyze)")
        say("Erasing …")
        erased = {user: _erased(connection, url, user, comments) for user in counts}
        say("Writing with each kind of index …")
        indexes = _indexes(connection, comments)
    return {
        "comments": comments,
        "erased": {user: asdict(each) for user, each in erased.items()},
        "indexes": {name: asdict(each) for name, each in indexes.items()},
    }


def _erased(connection: psycopg.Connection, url: str, user: str, comments: int) -> Erased:
    latencies: list[float] = []
    with _writer(url, user, comments, latencies):
        started = time.monotonic()
        recorded = record(connection, _KEY, [Person("user", user)], None, "command", None)
        found = carry_out(connection, _KEY, recorded.pending[0])
        seconds = time.monotonic() - started
    started = time.monotonic()
    recompute_dirty(connection)
    return Erased(
        found["discussion.comments"],
        seconds,
        {name: value * 1000 for name, value in asdict(percentiles(latencies)).items()},
        time.monotonic() - started,
    )


@contextmanager
def _writer(url: str, name: str, comments: int, latencies: list[float]) -> Iterator[None]:
    """While the block runs, write a comment and share the fence, as consumers do; one transaction
    after the other.
    """
    over = threading.Event()
    parameters = {"articles": comments // metrics_fill.PER_ARTICLE, "count": 1}

    def write() -> None:
        with psycopg.connect(url) as session:
            number = 0
            while not over.is_set():
                number += 1
                started = time.monotonic()
                session.execute(_WRITE.encode(), {"name": f"{name}-{number}-", **parameters})
                session.execute("select version from ingest.erasures_version for share")
                session.commit()
                latencies.append(time.monotonic() - started)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _indexes(connection: psycopg.Connection, comments: int) -> dict[str, Index]:
    connection.execute("drop index if exists discussion.comments_by_user")
    found: dict[str, Index] = {}
    parameters = {
        "articles": comments // metrics_fill.PER_ARTICLE,
        "count": min(WRITTEN, comments // 10),
    }
    for _ in range(ROUNDS):
        for name, statements in _INDEXES.items():
            started = time.monotonic()
            for statement in statements:
                connection.execute(statement.encode())
            (size,) = connection.execute(
                "select coalesce(pg_relation_size(to_regclass('discussion.measured')), 0)"
            ).fetchone() or (0,)
            index = found.setdefault(name, Index(time.monotonic() - started, size))
            connection.execute("checkpoint")
            before = backend_cpu(connection.info.backend_pid)
            with connection.transaction(force_rollback=True):
                connection.execute(_WRITE.encode(), {"name": "measured-", **parameters})
            index.cpu_seconds.append(backend_cpu(connection.info.backend_pid) - before)
            # Without a vacuum: rows are added at the end of the table, as a site's new ones are.
            connection.execute("drop index if exists discussion.measured")
    return found


def show(console: Console, document: dict[str, Any]) -> None:
    """Print the figures as tables."""
    erased = document["erased"].values()
    print_table(
        [
            "erasure",
            *right("comments", "seconds", "a writer waits, p99 ms", "longest ms", "metrics s"),
        ],
        [
            (
                f"among {document['comments']:,}",
                f"{each['comments']:,}",
                f"{each['seconds']:.2f}",
                f"{each['writer_milliseconds']['p99']:.1f}",
                f"{each['writer_milliseconds']['maximum']:.1f}",
                f"{each['metrics_seconds']:.1f}",
            )
            for each in erased
        ],
        out=console,
    )
    without = median(document["indexes"]["none"]["cpu_seconds"])
    print_table(
        ["index of comments", *right("built s", "MB", "CPU of writing s", "more")],
        [
            (
                name,
                f"{each['built_seconds']:.1f}",
                f"{each['bytes'] / 1e6:.0f}",
                f"{median(each['cpu_seconds']):.2f}",
                f"{median(each['cpu_seconds']) / without - 1:+.1%}",
            )
            for name, each in document["indexes"].items()
        ],
        out=console,
    )


def main() -> int:
    """Exit status 0 when everything was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--comments", type=int, default=COMMENTS)
    parser.add_argument("--metrics", action="store_true")
    parser.add_argument("--keep", type=Path, metavar="FOLDER")
    options = parser.parse_args()
    console = Console(stderr=True, highlight=False)
    stack = Stack(options.keep or ROOT / ".btl-bench-erasing", surroundings())
    try:
        stack.up(without=["airflow", "consumer", "kafka"], automatic_ports=True)
        server = stack.database_url("postgres")
        template = metrics_fill.filled(server, options.comments, console.print)
        with psycopg.connect(server, autocommit=True) as session:
            session.execute("drop database if exists bench_erasing with (force)")
            version = session.info.server_version
        url = metrics_fill.copied(server, template, "bench_erasing")
        document = measure(url, options.comments, console.print, with_metrics=options.metrics)
    finally:
        stack.down()
        if options.keep is None:
            stack.reset()
    document["machine"] = describe_machine(f"{version // 10_000}.{version % 10_000}")
    show(output.console(), document)
    path = ROOT / "build" / "bench-erasing.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
