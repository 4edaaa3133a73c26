"""The worked example end to end, on real Kafka and Postgres, while the consumer is killed again and
again.

The export is the one that btl/archives/mappings/derstandard-2019.toml maps, or where that is not at
hand a made-up one that is odd in the same ways. What the tables must hold is computed here from the
CSV alone, independently of the code under test.
"""

import html
import os
import random
import re
from collections import Counter
from pathlib import Path

import psycopg
import pytest

from below_the_line.closing.barrier import poll_barrier, take_barrier
from below_the_line.closing.windows import apply_barrier
from below_the_line.metrics.dirty_run import recompute_dirty
from tests.example_export import MAPPING, Export, depth, export_to_prove, instant, parents
from tests.pipeline import Pipeline, assert_accounted

pytestmark = pytest.mark.stack

KILLS = 20 if os.environ.get("BTL_PROVE") == "1" else 8


@pytest.fixture
def export(tmp_path: Path) -> Export:
    return export_to_prove(tmp_path)


def import_export(pipeline: Pipeline, export: Export) -> None:
    done = pipeline.btl(
        "archive",
        "import",
        "--articles",
        str(export.articles),
        "--comments",
        str(export.comments),
        "--mapping",
        str(MAPPING),
        "--rejects",
        str(pipeline.logs / "rejected.csv"),
    )
    assert done.returncode == 0, done.stderr
    assert not (pipeline.logs / "rejected.csv").exists()


def content(connection: psycopg.Connection) -> list[tuple[object, ...]]:
    """A digest of each table's rows, and the transaction that wrote the last of them."""
    return [
        connection.execute(
            "select count(*), md5(string_agg(t::text, '' order by t::text)),"
            f" max(xmin::text::bigint) from discussion.{table} as t".encode()
        ).fetchone()
        or ()
        for table in ("articles", "article_versions", "comments")
    ]


def assert_metrics_count_every_row(
    pipeline: Pipeline, connection: psycopg.Connection, articles: int, rows_of: Counter[str]
) -> None:
    barrier = take_barrier(connection, pipeline.settings(), attempt_id="export", run_id="export")
    assert poll_barrier(connection, barrier) == ()
    apply_barrier(connection, barrier)
    recompute_dirty(connection)
    found = connection.execute(
        "select article_id, comments_submitted, comments_published, late_comments from"
        " metrics.article_engagement"
    ).fetchall()
    assert {article: submitted for article, submitted, _, _ in found if submitted} == dict(rows_of)
    assert all(published + late == submitted for _, submitted, published, late in found)
    assert len(found) == articles
    # The rule for all sites closes after fourteen days: some comments of either export are late,
    # most are not.
    late = connection.execute("""
        select count(*)
        from discussion.comments as comment
        inner join discussion.article_versions as article on article.article_id = comment.article_id
        where comment.posted_at >= article.published_at + interval '336 hours'
        """).fetchone()
    assert late == (sum(row[3] for row in found),)
    assert 0 < sum(row[3] for row in found) < rows_of.total() / 2


def test_the_export_arrives_whole_and_once_though_the_consumer_is_killed_again_and_again(
    pipeline: Pipeline, connection: psycopg.Connection, export: Export
) -> None:
    articles, comments = list(export.article_rows()), list(export.comment_rows())
    total = len(articles) + len(comments)
    if export.is_real:
        assert (len(articles), len(comments)) == (3_270, 83_131)
    import_export(pipeline, export)

    # Small batches, so that every kill finds one under way; where in the batch, chance decides.
    chance = random.Random(2019)
    seen = 0
    for kill in range(KILLS):
        goal = total * (kill + 1) // (KILLS + 1) - chance.randrange(total // 58)
        process = pipeline.start_consumer(BTL_BATCH_RECORDS=str(total // 120))
        # Each has committed something before it is killed, and left something to do.
        pipeline.wait_for_records(connection, max(goal, seen + 1), every=0.02)
        process.kill()
        process.wait()
        seen = pipeline.totals(connection)["records"]
        assert seen < total
    with pipeline.consumer():
        account = pipeline.wait_for_records(connection, total)
    assert account == {"records": total, "applied": total, "unchanged": 0, "dead_lettered": 0}
    assert_accounted(connection)

    found = connection.execute(
        "select comment_id, article_id, parent_comment_id, posted_at, user_id, display_name from"
        " discussion.comments"
    ).fetchall()
    assert Counter(found) == Counter(
        (
            row["comment_id"],
            row["article_id"],
            None if row["parent_id"] == "0" else row["parent_id"],
            instant(row["created_at"]),
            row["user_id"] or f"name:{row['user_name']}",
            row["user_name"],
        )
        for row in comments
    )
    bodies: dict[str, str] = dict(
        connection.execute("select comment_id, first_body from discussion.comments").fetchall()
    )
    for row in comments:
        parts = [html.unescape(row[name]) for name in ("headline", "text")]
        told = [
            part
            for part, null in zip(parts, ("No Headline", "No Comment"), strict=True)
            if part not in ("", null)
        ]
        assert bodies[row["comment_id"]] == ("\n\n".join(told) or " "), row["comment_id"]
    assert Counter(
        connection.execute(
            "select article_id, headline, published_at from discussion.article_versions"
        ).fetchall()
    ) == Counter(
        (row["article_id"], html.unescape(row["title"]), instant(row["published"]))
        for row in articles
    )
    assert connection.execute("""
        with recursive thread as (
            select article_id, comment_id, 0 as depth
            from discussion.comments
            where parent_comment_id is null
            union all
            select child.article_id, child.comment_id, depth + 1
            from thread
            inner join discussion.comments as child
                on
                    child.article_id = thread.article_id
                    and child.parent_comment_id = thread.comment_id
        )
        select count(*), max(depth) from thread
        """).fetchone() == (len(comments), depth(parents(comments)))
    if export.is_real:
        assert depth(parents(comments)) == 16
    escaped = re.compile(r"&(amp|lt|gt|quot|#\d+);")
    assert sum(bool(escaped.search(body)) for body in bodies.values()) == sum(
        bool(escaped.search(html.unescape(row["headline"] + row["text"]))) for row in comments
    )

    rows_of = Counter(row["article_id"] for row in comments)
    assert_metrics_count_every_row(pipeline, connection, len(articles), rows_of)

    before = content(connection)
    with pipeline.consumer():
        import_export(pipeline, export)
        account = pipeline.wait_for_records(connection, 2 * total)
    assert account == {
        "records": 2 * total,
        "applied": total,
        "unchanged": total,
        "dead_lettered": 0,
    }
    assert content(connection) == before
    assert_accounted(connection)
