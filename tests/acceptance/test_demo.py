"""The whole path as `make demo` takes it: the real stack with Airflow, whose scheduler runs the
DAGs.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from btl.stack.stack import Stack
from tests.dags.conftest import ROOT
from tests.pipeline import BTL, assert_accounted, wait_until

pytestmark = pytest.mark.stack


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    stack = Stack(tmp_path / "demo home")
    yield tmp_path / "demo home"
    stack.down()
    assert stack.processes() == []


def _request_of_erasure(environment: dict[str, str]) -> int:
    asked = subprocess.run(
        [*BTL, "erase", "--request", "--list", "-", "--json"],
        env=environment,
        input="somebody\n",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert asked.returncode == 0, asked.stderr
    (request,) = json.loads(asked.stdout)["requests"]
    return int(request)


def _ended_runs(stack: Stack, request: int) -> set[tuple[str, str, str | None]]:
    """Start each DAG by hand, and wait until all runs have succeeded; DAG, kind, partition key.
    ``request``: number of the erasure to survey.
    """
    settings = stack.environment()
    with httpx.Client(base_url=settings["BTL_AIRFLOW_URL"], timeout=30) as client:
        login = {
            "username": settings["BTL_AIRFLOW_USER"],
            "password": settings["BTL_AIRFLOW_PASSWORD"],
        }
        token = client.post("/auth/token", json=login).raise_for_status().json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        for path in (ROOT / "dags").glob("*.py"):
            runs = f"/api/v2/dags/{path.stem}/dagRuns"
            conf = {"request": request, "dry_run": True} if path.stem == "erase_commenter" else {}
            client.post(runs, json={"logical_date": None, "conf": conf}).raise_for_status()

        def runs_by_request() -> list[dict[str, Any]]:
            found = client.get("/api/v2/dags/~/dagRuns", params={"limit": 100}).json()["dag_runs"]
            return [run for run in found if run["run_type"] in ("manual", "backfill")]

        wait_until(
            lambda: all(run["state"] in ("success", "failed") for run in runs_by_request()), 240
        )
        ended = runs_by_request()
    assert [run["dag_run_id"] for run in ended if run["state"] == "failed"] == []
    return {(run["dag_id"], run["run_type"], run["partition_key"]) for run in ended}


@pytest.mark.timeout(600)
def test_the_demo_goes_from_topics_to_metric_tables_through_the_scheduler(home: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BTL_")}
    done = subprocess.run(
        [*BTL, "demo", "--ports", "auto"],
        env=environment | {"BTL_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
        timeout=540,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for title in (
        "Most discussed",
        "Most reported",
        "Closed lately",
        "Announced to the site",
        "Dead letters",
        "What to try next",
    ):
        assert title in done.stdout

    stack = Stack(home)
    with psycopg.connect(stack.database_url(), autocommit=True) as connection:
        assert_accounted(connection)
        totals = connection.execute(
            "select sum(records)::bigint, sum(dead_lettered)::bigint from ingest.batches"
        ).fetchone()
        assert totals == (24_000, 96)
        engagement = connection.execute(
            "select count(*), sum(comments_submitted)::bigint from metrics.article_engagement"
        ).fetchone()
        posted = connection.execute(
            "select count(*) from discussion.comments where posted_at is not null"
        ).fetchone()
        assert engagement is not None
        assert posted is not None
        assert engagement[0] > 100
        assert engagement[1] == posted[0]

        # One article has two comments, the abusive one of them reported, and was closed by its
        # window.
        closed = connection.execute("""
            select
                window_.state, engagement.comments_submitted, abuse.reported_comments,
                abuse.reports > 0
            from metrics.article_engagement as engagement
            inner join metrics.article_abuse as abuse on abuse.article_id = engagement.article_id
            inner join discussion.windows as window_ on window_.article_id = engagement.article_id
            where
                engagement.comments_submitted = 2
                and abuse.reported_comments = 1
                and window_.state = 'closed'
            """).fetchall()
        assert ("closed", 2, 1, True) in closed

        # Three days at once by Airflow's own command, which finds this stack's configuration, and
        # meanwhile every DAG by hand, without dates.
        created = subprocess.run(
            [
                *(*BTL, "airflow", "--", "backfill", "create", "--dag-id", "daily_metrics"),
                *("--from-date", "2026-05-01", "--to-date", "2026-05-03"),
                *("--max-active-runs", "3"),
            ],
            env=environment | {"BTL_HOME": str(home)},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert created.returncode == 0, created.stdout + created.stderr
        ended = _ended_runs(stack, _request_of_erasure(environment | {"BTL_HOME": str(home)}))
        days = {(run, key) for _, run, key in ended if run == "backfill"}
        assert days == {("backfill", f"2026-05-0{day}") for day in (1, 2, 3)}
        dag_ids = {path.stem for path in (ROOT / "dags").glob("*.py")}
        assert {dag for dag, run, _ in ended if run == "manual"} == dag_ids
        drift = subprocess.run(
            [*BTL, "metrics", "drift"],
            env=environment | {"BTL_HOME": str(home)},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert drift.returncode == 0, drift.stdout + drift.stderr

        # An event by hand marks its article, and the DAG that listens computes its row, without
        # anybody's asking.
        event = (
            '{"specversion": "1.0", "id": "by-hand", "source": "/test", "type":'
            ' "comment.posted.v1", "time": "2026-06-01T10:00:00Z", "data": {"article_id":'
            ' "by-hand", "comment_id": "1", "author": {"user_id": "me", "display_name": "Me"},'
            ' "body": "First!", "posted_at": "2026-06-01T10:00:00Z"}}\n'
        )
        produced = subprocess.run(
            [*BTL, "produce"],
            env=environment | {"BTL_HOME": str(home)},
            input=event,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert produced.returncode == 0, produced.stderr
        wait_until(
            lambda: (
                connection.execute(
                    "select comments_submitted from metrics.article_engagement where article_id ="
                    " 'by-hand'"
                ).fetchone()
                == (1,)
            ),
            120,
        )
