"""The real export: the figures of ``article_engagement`` that its files decide are, for every
article, what pandas computes from them.
"""

from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from below_the_line.closing.windows import apply_windows
from below_the_line.contracts.events import Record
from below_the_line.metrics.definitions import definitions
from below_the_line.metrics.dirty_run import recompute_dirty
from tests.example_export import MAPPING, Export, any_export, events_of, instant, parents
from tests.properties.ingest import Process

pytestmark = pytest.mark.stack

WINDOW = timedelta(days=14)
"""Of the rule that a new database has."""
CAME = datetime(2026, 1, 1, tzinfo=UTC)
"""By the broker's clock."""
BATCH = 5_000


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Export:
    return any_export(tmp_path_factory.mktemp("export"))


@pytest.fixture
def stored(
    export: Export, database_url: str, connection: psycopg.Connection[Any]
) -> Mapping[str, Mapping[str, Any]]:
    """What the product makes of the export, by article."""
    events = events_of(export.articles, export.comments, MAPPING)
    process = Process(database_url, [0])
    with closing(process.store):
        for start in range(0, len(events), BATCH):
            process.write_records(
                [
                    Record(topic, 0, 0, int(CAME.timestamp()) * 1_000, key, value, headers)
                    for topic, key, value, headers in (
                        event.outgoing for event in events[start : start + BATCH]
                    )
                ]
            )
    # All of it was ingested just now, so that figures are final in an hour.
    apply_windows(connection, datetime.now(UTC) + timedelta(hours=2))
    recompute_dirty(connection)
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute("select * from metrics.article_engagement").fetchall()
    return {row["article_id"]: row for row in rows}


def depths(above_of: Mapping[str, str | None]) -> dict[str, int]:
    """Of each comment: how many comments are met on the way up, a parent that is not there
    included.
    """
    found: dict[str, int] = {}
    for comment in above_of:
        way = []
        above: str | None = comment
        while above is not None and above in above_of and above not in found:
            way.append(above)
            above = above_of[above]
        depth = 0 if above is None else found.get(above, 1)
        for below in reversed(way):
            depth += 1
            found[below] = depth
    return found


def computed(export: Export) -> Mapping[str, Mapping[str, Any]]:
    """The same by pandas, from the files alone."""
    import pandas

    articles = pandas.DataFrame(export.article_rows())
    articles["published"] = articles["published"].map(instant)
    comments = pandas.DataFrame(export.comment_rows())
    comments["posted"] = comments["created_at"].map(instant)
    comments["is_reply"] = comments["parent_id"] != "0"
    comments["author"] = comments["user_id"].where(
        comments["user_id"] != "", "name:" + comments["user_name"]
    )
    comments = comments.merge(articles[["article_id", "published"]], on="article_id")
    comments["depth"] = comments["comment_id"].map(depths(parents(export.comment_rows())))
    comments["in_time"] = comments["posted"] < comments["published"] + WINDOW
    by_article = dict(iter(comments.groupby("article_id")))
    return {
        article: figures(published, by_article.get(article, comments.head(0)))
        for article, published in zip(articles["article_id"], articles["published"], strict=True)
    }


def figures(published: Any, comments: Any) -> dict[str, Any]:
    """What the files say of one article: when it was published, and a frame of its comments."""
    shown = comments[comments["in_time"]]
    count = len(shown)
    by_author = shown["author"].value_counts()
    by_hour = shown["posted"].dt.floor("h").value_counts().sort_index()
    replies = int(shown["is_reply"].sum())
    some: dict[str, Any] = (
        {
            "max_depth": int(shown["depth"].max()),
            "reply_share": replies / count,
            "top5_share": int(by_author.head(5).sum()) / count,
            "first_comment_at": shown["posted"].min(),
            "last_comment_at": shown["posted"].max(),
            "time_to_first_comment_seconds": max(
                0.0, (shown["posted"].min() - published).total_seconds()
            ),
            "first_24h_share": int((shown["posted"] < published + timedelta(hours=24)).sum())
            / count,
            "peak_hour": by_hour.idxmax(),
            "peak_hour_comments": int(by_hour.max()),
        }
        if count
        else dict.fromkeys(
            (
                *("max_depth", "reply_share", "top5_share", "first_comment_at", "last_comment_at"),
                *(
                    "time_to_first_comment_seconds",
                    "first_24h_share",
                    "peak_hour",
                    "peak_hour_comments",
                ),
            )
        )
    )
    return {
        "comments_submitted": len(comments),
        "comments_published": count,
        "comments_visible": count,
        "top_level": count - replies,
        "replies": replies,
        "unique_commenters": len(by_author),
        "reactions_net": 0,
        "reactions_added": 0,
        "engagement": count,
        "edited": 0,
        "deleted_by_author": 0,
        "held_comments": 0,
        "held_waiting": 0,
        "time_to_approval_p50_seconds": None,
        "staff_comments": 0,
        "late_comments": len(comments) - count,
        "state": "closed",
        "closes_at": published + WINDOW,
        "closed_at": published + WINDOW,
        "final": True,
        "reactions_final": True,
        "revision": 0,
        **some,
    }


def test_the_figures_of_every_article_are_what_pandas_computes(
    export: Export, stored: Mapping[str, Mapping[str, Any]]
) -> None:
    expected = computed(export)
    columns = {name for row in expected.values() for name in row}
    assert columns < {*definitions("article_engagement").figures}
    assert stored.keys() == expected.keys()
    wrong = [
        (article, column, stored[article][column], row[column])
        for article, row in expected.items()
        for column in columns
        if not same(stored[article][column], row[column])
    ]
    assert wrong == []
    # The export exercises what it can.
    assert sum(row["late_comments"] for row in expected.values()) > 0
    assert max(row["max_depth"] or 0 for row in expected.values()) > 2


def same(stored: Any, expected: Any) -> bool:
    """Equal, numbers up to the last digits."""
    if isinstance(stored, float) and expected is not None:
        return bool(stored == pytest.approx(expected, rel=1e-9))
    return bool(stored == expected)
