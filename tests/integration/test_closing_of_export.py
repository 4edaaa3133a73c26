"""An export under rules of all kinds: closings and late comments are the reference model's, article
by article.

Everything goes through contracts, merges and marks; closing runs come in between, day by day. The
events come in order, in no order, or each a week after it occurred. A slice of the export in `make
test`, the whole of it in `make prove`.
"""

import csv
import gzip
import html
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest

from below_the_line.closing.windows import apply_windows
from below_the_line.contracts.events import Record
from below_the_line.contracts.times import from_datetime, to_datetime
from btl.archives.external_sort import Timed
from tests.example_export import MAPPING, Export, any_export, events_of, instant
from tests.properties.ingest import Process
from tests.properties.test_closing import DEFAULT_RULE, assert_window
from tests.sql.timeline_model import Rule, Timeline, Version

pytestmark = pytest.mark.stack

ARTICLES = None if os.environ.get("BTL_PROVE") == "1" else 150
"""How many, about; None: all."""
DAY, WEEK = timedelta(days=1), timedelta(days=7)
DAYS, BATCH = 24, 5_000

Delivery = tuple[datetime, Sequence[Timed]]
"""What arrives before a closing run, and up to when that run applies windows."""


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Export:
    """Every n-th article of the export, with all of their comments."""
    whole = any_export(tmp_path_factory.mktemp("export"))
    if ARTICLES is None:
        return whole
    rows = list(whole.article_rows())
    rows = rows[:: max(1, len(rows) // ARTICLES)]
    kept = {row["article_id"] for row in rows}
    part = Export(tmp_path_factory.mktemp("part"), is_real=False)
    write(part.articles, rows)
    write(part.comments, [row for row in whole.comment_rows() if row["article_id"] in kept])
    return part


def write(path: Path, rows: Sequence[dict[str, str]]) -> None:
    with gzip.open(path, "wt", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture(scope="module")
def events(export: Export) -> list[Timed]:
    """The export's events, in order of time."""
    return events_of(export.articles, export.comments, MAPPING)


def two_days(_sections: Sequence[str]) -> list[Rule]:
    return [Rule(48, 24)]


def by_section(sections: Sequence[str]) -> list[Rule]:
    """A rule for every second section, from hours to weeks; for one of them another one from the
    middle of the time on.
    """
    hours = (6, 24, 30, 96, 168, 400)
    return [
        Rule(72, 24, site="default"),
        *(
            Rule(hours[number % len(hours)], 12, section=name)
            for number, name in enumerate(sections[::2])
        ),
        Rule(3, 12, section=sections[0], valid_from=datetime(2019, 5, 14, tzinfo=UTC)),
    ]


def in_order(events: Sequence[Timed]) -> Iterator[Delivery]:
    yield from delayed(events, timedelta())


def a_week_late(events: Sequence[Timed]) -> Iterator[Delivery]:
    yield from delayed(events, WEEK)


def delayed(events: Sequence[Timed], by: timedelta) -> Iterator[Delivery]:
    """Whatever has been produced by the end of a day, as seen by that day's run."""
    first, last = (to_datetime(events[place].occurred_at) for place in (0, -1))
    step = max(DAY, (last - first) / DAYS)
    ends = [first + by + step * number for number in range(int((last - first) / step) + 2)]
    for start, end in pairwise([first - DAY, *ends]):
        yield end, [event for event in events if start <= to_datetime(event.occurred_at) + by < end]


def shuffled(events: Sequence[Timed]) -> Iterator[Delivery]:
    """Any event at any time, while closing runs go on as they do in order."""
    mixed = Random(2019).sample(events, len(events))
    ends = [end for end, _ in in_order(events)]
    for number, end in enumerate(ends):
        yield end, mixed[number :: len(ends)]


def records(part: Sequence[Timed], at: datetime) -> Iterator[Record]:
    for event in part:
        topic, key, value, headers = event.outgoing
        yield Record(topic, 0, 0, from_datetime(at) // 1_000, key, value, headers)


@pytest.mark.parametrize("rules_of", [two_days, by_section], ids=["two days", "by section"])
@pytest.mark.parametrize("delivered", [in_order, shuffled, a_week_late])
def test_closings_and_late_comments_are_those_of_the_model(
    database_url: str,
    connection: psycopg.Connection[Any],
    export: Export,
    events: list[Timed],
    rules_of: Callable[[Sequence[str]], list[Rule]],
    delivered: Callable[[Sequence[Timed]], Iterator[Delivery]],
) -> None:
    articles = list(export.article_rows())
    rules = rules_of(sorted({html.unescape(row["channel"]) for row in articles}))
    for rule in rules:
        connection.execute(
            "insert into discussion.closing_rules (scope, site, section, window_hours,"
            " reactions_window_hours, valid_from, created_by, retroactive) values (%s, %s, %s, %s,"
            " %s, greatest(%s, '-infinity'::timestamptz), 'test', true)",
            [
                "section" if rule.section else "site" if rule.site else "all",
                *(rule.site, rule.section, rule.window_hours, rule.reactions_window_hours),
                None if rule.valid_from.year == 1 else rule.valid_from,
            ],
        )
    process = Process(database_url, [0])
    with closing(process.store):
        count, end = 0, to_datetime(events[-1].occurred_at)
        for end, part in delivered(events):
            # The broker's clock, which decides for a consumer: nothing occurs after it has come.
            came = list(records(part, max(end, to_datetime(events[-1].occurred_at))))
            for start in range(0, len(came), BATCH):
                process.write_records(came[start : start + BATCH])
            apply_windows(connection, end)
            count += len(part)
    assert count == len(events)

    comments = defaultdict(list)
    for row in export.comment_rows():
        comments[row["article_id"]].append((row["comment_id"], instant(row["created_at"])))
    found = late_comments(connection)
    late = 0
    for row in articles:
        published = instant(row["published"])
        model = Timeline(
            [Version("published", published, published, section=html.unescape(row["channel"]))],
            [],
            [DEFAULT_RULE, *rules],
        )
        assert_window(connection, row["article_id"], model, end)
        expected = {
            name for name, posted_at in comments[row["article_id"]] if not model.in_time(posted_at)
        }
        assert found.get(row["article_id"], set()) == expected, row["article_id"]
        late += len(expected)
    # The rules bite, and do not swallow everything.
    assert 0 < late < sum(map(len, comments.values())) / 2
    closed = connection.execute(
        "select count(*) from discussion.windows where state = 'closed'"
    ).fetchone()
    assert closed is not None
    assert 0 < closed[0] <= len(articles)


def late_comments(connection: psycopg.Connection[Any]) -> Mapping[str, set[str]]:
    found = defaultdict(set)
    for article, comment in connection.execute(
        "select article_id, comment_id from discussion.late_comments"
    ):
        found[article].add(comment)
    return found
