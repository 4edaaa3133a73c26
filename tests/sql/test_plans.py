"""How Postgres finds what it needs, in a database that is large enough for it to matter."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, LiteralString

import psycopg
import pytest

from below_the_line.metrics.recompute import PLANNER_SETTINGS
from below_the_line.resources import sql
from tests.sql.newsroom import t

pytestmark = pytest.mark.stack


@pytest.fixture
def large(connection: psycopg.Connection) -> psycopg.Connection:
    """20,000 windows, ten of them due; 20,000 comments."""
    connection.execute(
        """
        insert into discussion.windows (article_id, opens_at, closes_at, state, reason, has_gaps, next_change_at)
        select
            'a' || number, '2026-05-01', '2026-05-15', 'open', 'rule', false,
            case when number <= 10 then '2026-05-15'::timestamptz else '2026-06-15'::timestamptz end
        from generate_series(1, 20000) as number
        """
    )
    connection.execute(
        """
        insert into discussion.comments
            (article_id, comment_id, user_id, role, posted_at, held, first_body, posted_version)
        select 'a' || number % 2000, 'c' || number, 'u', 'reader', '2026-05-02', false, 'text', '1'
        from generate_series(1, 20000) as number
        """
    )
    connection.execute("analyze")
    return connection


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def explain(
    connection: psycopg.Connection, query: str, parameters: dict[str, Any], settings: Sequence[LiteralString] = ()
) -> list[dict[str, Any]]:
    with connection.transaction():
        for setting in settings:
            connection.execute(setting)
        row = connection.execute(f"explain (analyze, format json) {query}".encode(), parameters).fetchone()
    assert row is not None
    plan = row[0] if isinstance(row[0], list) else json.loads(row[0])
    return list(nodes(plan[0]["Plan"]))


def test_due_windows_are_found_by_their_index_and_only_those_are_touched(large: psycopg.Connection) -> None:
    found = explain(large, sql("closing/due_windows.sql"), {"cut_off": t("05-20 00:00"), "bucket": 100})
    scans = [node for node in found if node.get("Relation Name") == "windows"]
    assert [node["Index Name"] for node in scans] == ["windows_due"]
    assert scans[0]["Actual Rows"] == 10


def relations_read_whole(found: list[dict[str, Any]]) -> set[str]:
    return {
        node["Relation Name"]
        for node in found
        if node["Node Type"] == "Seq Scan" and node["Relation Name"] in ("comments", "windows")
    }


@pytest.mark.parametrize("table", ["article_engagement", "article_abuse"])
def test_computing_one_article_finds_its_comments_by_the_primary_key(large: psycopg.Connection, table: str) -> None:
    parameters = {"articles": ["a7", "a8"], "metric_version": 1}
    found = explain(large, sql(f"metrics/{table}/recompute.sql"), parameters, PLANNER_SETTINGS)
    scans = [node for node in found if node.get("Relation Name") == "comments"]
    assert scans
    assert relations_read_whole(found) == set()
    assert all(node.get("Index Name") == "comments_pkey" for node in found if "comments" in node.get("Index Name", ""))


def test_applying_one_window_reads_no_table_whole(large: psycopg.Connection) -> None:
    found = explain(large, sql("closing/apply_windows.sql"), {"articles": ["a7"], "cut_off": t("05-20 00:00")})
    assert relations_read_whole(found) == set()
