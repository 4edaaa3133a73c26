"""Measure how fresh figures are: from a producer's hand to the metric row that counts the event,
through the whole stack.

``python -m tests.benchmarks.freshness`` runs a stack of its own with a consumer and Airflow
(.btl-bench-freshness, free ports, gone afterwards), sends comments on open discussions at a steady
rate, prints percentiles with their parts, and writes build/bench-freshness.json. Beside it a
session looks ten times a second at how many comments each article has, as rows and in figures: an
article's comment number k has arrived with the first look that finds k. Each time is so too long by
a tenth of a second at most. Comments of the first minute are left out: the first run of a DAG takes
longer.
"""

import argparse
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import psycopg
from rich.console import Console

from below_the_line.kafka.envelopes import Outgoing, structured
from below_the_line.kafka.producer import Publisher
from below_the_line.settings import Settings
from btl.cli import output
from btl.cli.output import print_table, right
from btl.pacing import Pacer
from btl.stack.stack import Stack
from tests.benchmarks.machine import ROOT, Others, commit, describe_machine
from tests.benchmarks.rates import Percentiles, percentiles
from tests.pipeline import wait_until

MOST_SECONDS = 1.5
"""The target, of 95 in 100 events."""
_WARM_UP_SECONDS = 60.0
_LOOK_SECONDS = 0.1
_COUNTED_SECONDS = 120.0
"""After the last event all must be counted within this time."""
_LOOK = """
select
    comment.article_id,
    count(*)::integer,
    coalesce(max(kept.comments_submitted), 0),
    extract(epoch from clock_timestamp())::float8
from discussion.comments as comment
left join metrics.article_engagement as kept on kept.article_id = comment.article_id
group by comment.article_id
"""

Look = tuple[float, Mapping[str, tuple[int, int]]]
"""When it was (seconds since 1970), and of each article its comments as rows and in figures."""


@dataclass(frozen=True)
class Freshness:
    """Seconds, of the comments of one run."""

    comments: int
    wanted_per_second: float
    sent_per_second: float
    event_to_row: Percentiles
    row_to_figure: Percentiles
    event_to_figure: Percentiles
    load_before: float = 0.0
    """Processes that wanted to run, in the minute before."""
    others: float = 0.0
    """Share of the machine's cores that neither the stack nor this process used: 0 to 1."""


def arrivals(
    sent: Mapping[str, Sequence[float]], looks: Iterable[Look]
) -> list[tuple[float, float, float]]:
    """When each comment was sent, was a row, and was in the figures. ``sent`` has an article's
    comments in order.

    Raises ValueError for a comment that no look finds.
    """
    rows: dict[str, list[float]] = {article: [] for article in sent}
    figures: dict[str, list[float]] = {article: [] for article in sent}
    for at, counts in looks:
        for article, (as_rows, in_figures) in counts.items():
            rows[article] += [at] * (as_rows - len(rows[article]))
            figures[article] += [at] * (in_figures - len(figures[article]))
    found = []
    for article, times in sent.items():
        if not len(times) == len(rows[article]) == len(figures[article]):
            raise ValueError(
                f"of {len(times)} comments on {article}, {len(rows[article])} are rows and"
                f" {len(figures[article])} counted"
            )
        found += list(zip(times, rows[article], figures[article], strict=True))
    return found


class _Watcher:
    """Watches in a separate thread until it is stopped."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.looks: list[Look] = []

    def _watch(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            while not self._stop.wait(_LOOK_SECONDS):
                rows = connection.execute(_LOOK).fetchall()
                if rows:
                    self.looks.append(
                        (
                            rows[0][3],
                            {article: (count, figure) for article, count, figure, _ in rows},
                        )
                    )

    def counted(self) -> int:
        """Comments in the figures, as of the last look."""
        return sum(figure for _, figure in self.looks[-1][1].values()) if self.looks else 0

    def __enter__(self) -> "_Watcher":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def _published(number: int, at: datetime) -> Outgoing:
    return structured(
        topic="articles",
        event_type="article.published.v1",
        event_id=f"article-{number}",
        source="/bench",
        time=at.isoformat(),
        subject=f"article-{number}",
        data={
            "article_id": f"article-{number}",
            "url": f"https://news.example/{number}",
            "headline": f"Headline {number}",
            "published_at": at.isoformat(),
        },
    )


def _comment(number: int, articles: int) -> Outgoing:
    at = datetime.now(UTC).isoformat()
    return structured(
        topic="comment-events",
        event_type="comment.posted.v1",
        event_id=f"comment-{number}",
        source="/bench",
        time=at,
        subject=f"comment-{number}",
        data={
            "article_id": f"article-{number % articles}",
            "comment_id": f"comment-{number}",
            "author": {"user_id": f"user-{number % 997}", "display_name": "Reader"},
            "body": (
                "A comment of usual length, as readers write them below an article that many of"
                " them have read." * 2
            ),
            "posted_at": at,
        },
    )


def measure(
    settings: Settings, database_url: str, per_second: float, seconds: float, articles: int
) -> Freshness:
    """Send comments at a rate for some seconds, after a warm-up of a minute.

    Raises AssertionError if not all of them are counted.
    """
    total = int(per_second * (_WARM_UP_SECONDS + seconds))
    sent: dict[str, list[float]] = {f"article-{number}": [] for number in range(articles)}
    with _Watcher(database_url) as watcher, Publisher(settings) as publisher:
        for number in range(articles):
            publisher.send(_published(number, datetime.now(UTC) - timedelta(hours=1)))
        publisher.flush()
        pacer, started = Pacer(rate=per_second), time.time()
        for number in range(total):
            pacer.wait(0)
            event = _comment(number, articles)
            sent[(event.key or b"").decode()].append(time.time())
            publisher.send(event)
        took = time.time() - started
        publisher.flush()
        wait_until(
            lambda: watcher.counted() >= total,
            _COUNTED_SECONDS,
            lambda: f"{watcher.counted()} of {total} comments are counted",
        )
    found = [
        each for each in arrivals(sent, watcher.looks) if each[0] >= started + _WARM_UP_SECONDS
    ]
    return Freshness(
        len(found),
        per_second,
        (total - 1) / took,
        percentiles([row - event for event, row, _ in found]),
        percentiles([figure - row for _, row, figure in found]),
        percentiles([figure - event for event, _, figure in found]),
    )


def show(console: Console, found: Freshness) -> None:
    """Print it as a table."""
    first, *others = _headings(found)
    print_table(
        [first, *right(*others[:-1]), others[-1]], _rows(found), title=_title(found), out=console
    )


def markdown(found: Freshness) -> str:
    """The same table for docs/benchmarks.md."""
    headings = _headings(found)
    lines = [headings, ("---", *["--:"] * (len(headings) - 2), "---"), *_rows(found)]
    return f"### {_title(found)}\n\n" + "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _title(found: Freshness) -> str:
    return (
        f"{found.comments:,} comments at {found.sent_per_second:.1f}/s (wanted"
        f" {found.wanted_per_second:g}/s), in seconds; load before {found.load_before:.1f}, others"
        f" used {found.others:.0%} of the cores"
    )


def _headings(found: Freshness) -> tuple[str, ...]:
    return ("from … to …", *asdict(found.event_to_row), "target")


def _rows(found: Freshness) -> list[tuple[str, ...]]:
    return [
        (words, *(f"{value:.2f}" for value in asdict(part).values()), target)
        for words, part, target in (
            ("event → row", found.event_to_row, ""),
            ("row → figure", found.row_to_figure, ""),
            ("event → figure", found.event_to_figure, f"p95 ≤ {MOST_SECONDS:g}"),
        )
    ]


def main() -> int:
    """Run it on a stack of its own."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.freshness", description=__doc__
    )
    parser.add_argument("--rate", type=float, default=50, help="events per second")
    parser.add_argument(
        "--seconds", type=float, default=600, help="how long, after a minute to warm up"
    )
    parser.add_argument(
        "--articles", type=int, default=200, help="articles that are commented on by turns"
    )
    parser.add_argument(
        "--markdown", type=Path, metavar="FILE", help="only print an earlier report as Markdown"
    )
    options = parser.parse_args()
    if options.markdown:
        document = json.loads(options.markdown.read_text(encoding="utf-8"))
        print(markdown(msgspec.convert(document["found"], Freshness)))
        return 0
    console = output.console()
    stack = Stack(
        ROOT / ".btl-bench-freshness",
        {name: value for name, value in os.environ.items() if not name.startswith("BTL_")},
    )
    # SIGTERM, too, stops the stack: as an exception it passes through `finally`.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        stack.down()
        stack.reset()
        stack.up(automatic_ports=True)
        url = stack.database_url("postgres")
        with psycopg.connect(url) as connection:
            version = connection.info.server_version
        machine = describe_machine(f"{version // 10_000}.{version % 10_000}")
        settings = Settings.model_validate(
            {"kafka_bootstrap": stack.environment()["BTL_KAFKA_BOOTSTRAP"]}
        )
        parts = (part.pid for part in stack.status())
        with Others([os.getpid(), *(each for each in parts if each is not None)]) as others:
            found = measure(settings, url, options.rate, options.seconds, options.articles)
        found = replace(found, load_before=others.load, others=others.share)
    finally:
        stack.down()
        stack.reset()
    show(console, found)
    report = ROOT / "build" / "bench-freshness.json"
    report.parent.mkdir(exist_ok=True)
    document = {
        "machine": machine,
        "commit": commit(),
        "options": vars(options),
        "found": asdict(found),
    }
    report.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    console.print(f"Everything: {report.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
