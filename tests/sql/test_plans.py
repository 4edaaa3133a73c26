"""How Postgres finds what it needs, in a database that is large enough for it to matter."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, LiteralString

import psycopg
import pytest

from below_the_line.closing.windows import LATENESS_SETTINGS, apply_windows
from below_the_line.metrics.definitions import ARTICLE_TABLES
from below_the_line.metrics.statements import PLANNER_SETTINGS, prepare, staging
from below_the_line.resources import sql
from tests.simulated_year import GROUP, TOPIC, Site
from tests.sql.newsroom import t

pytestmark = pytest.mark.stack


@pytest.fixture
def large(connection: psycopg.Connection) -> psycopg.Connection:
    """20,000 windows, ten of them due; 20,000 comments."""
    connection.execute("""
        insert into discussion.windows (article_id, opens_at, closes_at, state, reason, has_gaps,
        due_at)
        select
            'a' || number, '2026-05-01', '2026-05-15', 'open', 'rule', false,
            case when number <= 10 then '2026-05-15'::timestamptz else '2026-06-15'::timestamptz end
        from generate_series(1, 20000) as number
        """)
    connection.execute("""
        insert into discussion.comments
            (article_id, comment_id, user_id, role, posted_at, held, first_body, posted_version)
        select 'a' || number % 2000, 'c' || number, 'u', 'reader', '2026-05-02', false, 'text', '1'
        from generate_series(1, 20000) as number
        """)
    connection.execute("analyze")
    return connection


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def explain(
    connection: psycopg.Connection,
    query: bytes,
    parameters: dict[str, Any],
    settings: Sequence[LiteralString] = (),
) -> list[dict[str, Any]]:
    with connection.transaction():
        for setting in settings:
            connection.execute(setting)
        row = connection.execute(b"explain (analyze, format json) " + query, parameters).fetchone()
    assert row is not None
    plan = row[0] if isinstance(row[0], list) else json.loads(row[0])
    return list(nodes(plan[0]["Plan"]))


def test_due_windows_are_found_by_their_index_and_only_those_are_touched(
    large: psycopg.Connection,
) -> None:
    found = explain(
        large, sql("closing/due_windows.sql"), {"cut_off": t("05-20 00:00"), "bucket": 100}
    )
    scans = [node for node in found if node.get("Relation Name") == "windows"]
    assert [node["Index Name"] for node in scans] == ["windows_due"]
    assert scans[0]["Actual Rows"] == 10


def relations_read_whole(found: list[dict[str, Any]]) -> set[str]:
    return {
        node["Relation Name"]
        for node in found
        if node["Node Type"] == "Seq Scan" and node["Relation Name"] in ("comments", "windows")
    }


@pytest.mark.parametrize("stage", ["articles", "comments", "reactions", "rounds"])
def test_staging_a_bucket_finds_its_rows_by_primary_keys(
    large: psycopg.Connection, stage: str
) -> None:
    prepare(large)
    found = explain(large, staging(stage), {"articles": ["a7", "a8"]}, PLANNER_SETTINGS)
    assert relations_read_whole(found) == set()
    assert all(
        node.get("Index Name") == "comments_pkey"
        for node in found
        if "comments" in node.get("Index Name", "")
    )


@pytest.mark.parametrize("table", ARTICLE_TABLES)
def test_computing_a_bucket_reads_no_table_whole(large: psycopg.Connection, table: str) -> None:
    prepare(large)
    parameters = {"articles": ["a7", "a8"], "time_zone": "UTC"}
    found = explain(large, sql(f"metrics/{table}/compute.sql"), parameters, PLANNER_SETTINGS)
    assert relations_read_whole(found) == set()


@pytest.fixture
def counted(connection: psycopg.Connection) -> psycopg.Connection:
    """Metric rows of 20,000 articles, half of them with a comment in the moderation queue, and of
    20 sections.
    """
    connection.execute("""
        insert into metrics.article_abuse
        select 'a' || number, number, 0, 0, 0, null, null, 0, 0, 0, 0, 0, number % 7, null, null,
        null, null, 0, null, null,
            now(), 1, null
        from generate_series(1, 20000) as number
        """)
    connection.execute("""
        insert into metrics.open_reports
        select 'a' || number, 'c', 1, 1, array['u' || number % 100], array['spam'], now(), now(),
        1, 1, -number, now(), 1, null
        from generate_series(1, 10000) as number
        """)
    connection.execute("""
        insert into metrics.section_daily
        select 'daily', 'section ' || section, '2026-01-01'::date + day, 'UTC', 1, 1, 1, 1, 1, 1,
        1, 1, now(), 1, null
        from generate_series(1, 20) as section
        cross join generate_series(0, 999) as day
        """)
    connection.execute("analyze")
    return connection


@pytest.mark.parametrize(
    ("query", "index", "most"),
    [
        ("select * from metrics.article_abuse where article_id = 'a77'", "article_abuse_pkey", 1),
        (
            "select * from metrics.article_abuse order by reports desc, article_id limit 10",
            "article_abuse_by_reports",
            10,
        ),
        ("select * from discussion.moderation_queue limit 25", "open_reports_by_urgency", 25),
        (
            (
                "select * from metrics.section_daily where site = 'daily' and section = 'section 7'"
                " and day >= '2026-05-01' and day < '2026-06-01'"
            ),
            "section_daily_site_section_day_key",
            31,
        ),
    ],
    ids=["article", "top list", "moderation queue", "section by day"],
)
def test_what_people_ask_for_is_found_by_an_index(
    counted: psycopg.Connection, query: str, index: str, most: int
) -> None:
    found = explain(counted, query.encode(), {})
    scans = {node["Index Name"]: node["Actual Rows"] for node in found if "Index Name" in node}
    assert scans[index] <= most
    assert not [
        node for node in found if node["Node Type"] == "Seq Scan" and node["Actual Rows"] > 0
    ]


def test_a_changed_accuracy_finds_the_open_reports_of_its_reporter(
    counted: psycopg.Connection,
) -> None:
    found = explain(
        counted, sql("metrics/open_reports/weights.sql"), {"articles": ["a7"], "user_ids": ["u5"]}
    )
    scans = {
        node.get("Index Name"): node["Actual Rows"]
        for node in found
        if node["Node Type"] == "Bitmap Index Scan"
    }
    assert scans == {"open_reports_pkey": 1, "open_reports_by_reporter": 100}


def test_applying_one_window_reads_no_table_whole(large: psycopg.Connection) -> None:
    parameters = {
        "articles": ["a7"],
        "cut_off": t("05-20 00:00"),
        "grace_seconds": 3600,
        "is_blocked": False,
        "default_reactions_hours": 168,
        "changed_articles": ["a7"],
        "changed_what": ["comments"],
        "changed_at": [t("05-19 00:00")],
    }
    found = explain(large, sql("closing/apply_windows.sql"), parameters)
    assert relations_read_whole(found) == set()


def test_looking_for_late_comments_reads_those_of_the_given_articles_alone(
    large: psycopg.Connection,
) -> None:
    found = explain(
        large, sql("closing/lateness.sql"), {"articles": ["a7", "a8"]}, LATENESS_SETTINGS
    )
    scans = [node for node in found if node.get("Relation Name") == "comments"]
    assert scans
    assert relations_read_whole(found) == set()
    assert all(
        node.get("Index Name") == "comments_pkey"
        for node in found
        if "comments" in node.get("Index Name", "")
    )


def test_what_is_pending_is_found_among_what_was_sent(connection: psycopg.Connection) -> None:
    connection.execute("""
        insert into ingest.outbox (article_id, sequence, event_id, event_type, effective_at,
        cause, data, status)
        select 'a', number, gen_random_uuid(), 'discussion.opened.v1', '2026-05-01', 'published',
        '{}',
            case when number <= 10 then 'pending' else 'sent' end
        from generate_series(1, 20000) as number
        """)
    connection.execute("analyze")
    for statement in ("pending_events", "backlog"):
        found = explain(connection, sql(f"closing/{statement}.sql"), {"bucket": 100})
        scans = [node for node in found if node.get("Relation Name") == "outbox"]
        assert [(node["Index Name"], node["Actual Rows"]) for node in scans] == [
            ("outbox_pending", 10)
        ]


def test_an_idle_run_over_a_million_windows_touches_none(connection: psycopg.Connection) -> None:
    connection.execute("set synchronous_commit = off")
    connection.execute("""
        insert into discussion.windows (article_id, opens_at, closes_at, state, reason, has_gaps,
        due_at)
        select 'a' || number, '2026-05-01', '2026-05-15', 'open', 'rule', false, '2026-05-15'
        from generate_series(1, 1000000) as number
        """)
    connection.execute("analyze discussion.windows")
    idle = {"cut_off": t("05-10 00:00"), "bucket": 2000}
    for statement in ("due_windows", "changed_discussions", "take_marks"):
        found = explain(connection, sql(f"closing/{statement}.sql"), idle)
        assert (
            sum(node["Actual Rows"] for node in found if node.get("Relation Name") == "windows")
            == 0
        )
        assert all(
            node["Actual Loops"] == 0
            for node in found
            if node["Node Type"] == "Seq Scan" and is_window(node)
        )
    assert apply_windows(connection, t("05-10 00:00")).examined == 0


def is_window(node: dict[str, Any]) -> bool:
    return node.get("Relation Name") == "windows"


def test_the_audit_of_a_whole_ledger_reads_each_line_once_for_its_sequence(
    connection: psycopg.Connection,
) -> None:
    connection.execute("""
        insert into ingest.batches
            (consumer_group, topic, partition, incarnation, kind, first_offset, next_offset,
            records, applied, unchanged,
            dead_lettered)
        select 'group', 'comment-events', place, 1, 'batch', number * 10, number * 10 + 10, 10,
        10, 0, 0
        from generate_series(1, 10000) as number
        cross join generate_series(0, 2) as place
        """)
    connection.execute("vacuum analyze ingest.batches")
    found = explain(
        connection, sql("ingest/audit/breaks.sql"), {"consumer_group": "group", "since": None}
    )
    read = [node for node in found if node.get("Relation Name") == "batches"]
    assert sum(node["Actual Rows"] * node["Actual Loops"] for node in read) == 30_000


@pytest.mark.parametrize(
    ("statement", "table", "index"),
    [
        ("settled_dead_letters/delete", "dead_letters", "dead_letters_settled"),
        ("open_dead_letters/delete", "dead_letters", "dead_letters_by_"),
        ("ledger/fold", "batches", "batches_contiguous"),
        ("ledger/fold_redrives", "batches", "batches_redrives"),
        ("outbox/delete", "outbox", "outbox_settled"),
        ("audit_results/delete", "audit_results", "audit_results_pkey"),
        ("quality_results/delete", "quality_results", "quality_results_by_time"),
        ("barriers/delete", "barrier_offsets", "barrier_offsets_pkey"),
        ("superseded_states/delete", "state_changes", "state_changes_superseded_at"),
    ],
)
def test_retention_finds_what_is_old_among_what_is_not(
    connection: psycopg.Connection, statement: str, table: str, index: str
) -> None:
    # In the first days as much is old as will be on every day.
    site = Site(connection, t("01-01 00:00"), lines=100, closing_runs=50, checks=20)
    site.live(60)
    connection.execute("vacuum analyze")
    place = {"consumer_group": GROUP, "topic": TOPIC, "partition": 0, "incarnation": 1}
    parameters = {
        "before": t("01-03 00:00"),
        "chunk_rows": 200,
        "from_offset": 0,
        **place,
    }
    found = explain(connection, sql(f"retention/{statement}.sql"), parameters)
    read = [node for node in found if node.get("Relation Name") == table and "Scan" in str(node)]
    whole = [node for node in read if node["Node Type"] == "Seq Scan"]
    assert whole == []
    used = {node.get("Index Name") or "" for node in found}
    assert any(name.startswith(index) for name in used), used


@pytest.fixture
def storm(connection: psycopg.Connection) -> psycopg.Connection:
    """A comment with 2,000 edits and 2,000 reports among 2,000 comments, new to the planner."""
    connection.execute("""
        insert into discussion.comments
            (article_id, comment_id, user_id, role, posted_at, held, first_body, posted_version)
        select 'a', 'c' || number, 'u', 'reader', '2026-05-02', false, 'text', '1'
        from generate_series(1, 2000) as number
        """)
    connection.execute("""
        insert into discussion.comment_edits
            (article_id, comment_id, source, event_id, digest, occurred_at, version, body,
            edited_at)
        select 'a', 'c1', 's', 'e' || number, '1', now(), '1', 'text',
            '2026-05-03'::timestamptz + number * interval '1 second'
        from generate_series(1, 2000) as number
        """)
    connection.execute("""
        insert into discussion.reports
            (article_id, comment_id, report_id, reporter_user_id, reason, reported_at,
            reported_version)
        select 'a', 'c1', 'r' || number, 'u' || number / 2, 'spam',
            '2026-05-03'::timestamptz + number * interval '1 second', int4send(number)
        from generate_series(1, 2000) as number
        """)
    return connection


@pytest.mark.parametrize(
    ("function", "parameter", "argument"),
    [
        ("report_rounds", "in_articles", "array['a']"),
        ("thread_of", "in_article_id", "'a'"),
    ],
)
def test_a_storm_below_one_article_is_not_compared_each_with_each(
    storm: psycopg.Connection, function: str, parameter: str, argument: str
) -> None:
    row = storm.execute(
        "select prosrc, proconfig from pg_proc where oid = to_regproc(%s)",
        [f"discussion.{function}"],
    ).fetchone()
    assert row is not None
    body, settings = row
    with storm.transaction():
        for setting in settings:
            name, value = setting.split("=")
            storm.execute("select set_config(%s, %s, true)", [name, value])
        plan = explain(storm, body.replace(parameter, argument).encode(), {})
    compared = [node.get("Rows Removed by Join Filter", 0) for node in plan]
    read = [node["Actual Rows"] * node["Actual Loops"] for node in plan]
    assert max(compared) < 10_000
    assert max(read) < 20_000


@pytest.mark.parametrize(
    ("statement", "parameters", "index"),
    [
        ("comments", {"people": ["u7", "erased:7"]}, "comments_by_user"),
        ("reactions", {"person": "u7", "until": b"\xff"}, "reactions_by_user"),
        ("reports", {"kind": "user", "people": ["u7", "erased:7"]}, "reports_by_user"),
        ("reports", {"kind": "reporter", "people": ["u7", "erased:7"]}, "reports_by_anonymous"),
    ],
)
def test_a_person_is_found_by_the_small_indexes(
    connection: psycopg.Connection, statement: str, parameters: dict[str, Any], index: str
) -> None:
    """In tables in which each person stands in one place of many."""
    connection.execute("""
        insert into discussion.comments (article_id, comment_id, user_id, display_name, role,
            posted_at, held, first_body, posted_version)
        select 'a', 'c' || number, 'u' || number / 20, 'x', 'reader', '2026-05-02', false,
            repeat('x', 900), '1'
        from generate_series(1, 40000) as number;
        insert into discussion.reactions (article_id, comment_id, user_id, reaction, is_on,
            state_version)
        select 'a', 'c' || number, 'u' || number / 20, repeat('x', 60), true, '1'
        from generate_series(1, 80000) as number;
        insert into discussion.reports (article_id, comment_id, report_id, reporter_user_id,
            reporter_anonymous_id, reason, note, reported_at, reported_version)
        select 'a', 'c' || number, 'r', 'u' || number / 20, 'u' || number / 20, 'spam',
            repeat('x', 900), '2026-05-02', '1'
        from generate_series(1, 40000) as number;
        analyze
        """)
    for each in (
        "comments_by_user",
        "reactions_by_user",
        "reports_by_user",
        "reports_by_anonymous",
    ):
        connection.execute("select brin_summarize_new_values(%s)", [f"discussion.{each}"])
    found = explain(connection, sql(f"erasing/{statement}/of_person.sql"), parameters)
    assert index in {node.get("Index Name") for node in found}
    assert not [node for node in found if node["Node Type"] == "Seq Scan"]
