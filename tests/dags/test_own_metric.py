"""The example of docs/your-own-metric.md: its files are those of the page, and they work."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.dags.conftest import ROOT, connection_json
from tests.sql.newsroom import Newsroom

EXAMPLE = ROOT / "docs" / "examples" / "own_metric"


def test_the_page_shows_the_files_of_the_example() -> None:
    page = (ROOT / "docs" / "your-own-metric.md").read_text()
    files = [path for path in EXAMPLE.iterdir() if path.is_file()]
    assert len(files) == 3
    for path in files:
        assert f'title="{path.name}"\n{path.read_text()}```\n' in page, path.name


@pytest.mark.stack
@pytest.mark.airflow
def test_the_example_counts_comments_at_night_and_readers_see_them(
    airflow_environment: dict[str, str],
    connection: psycopg.Connection,
    as_role: Callable[[str], str],
) -> None:
    newsroom = Newsroom(connection)
    for article in ("a", "b"):
        newsroom.publish("05-01 04:00", article=article)
    for number, time in enumerate(("05:59", "06:00", "21:59", "22:00")):
        newsroom.comment(f"c{number}", f"05-01 {time}")
    newsroom.comment("noon", "05-01 12:00", article="b")
    newsroom.compute()
    # As everywhere but in a test, where the owner of the tables does not own the database.
    database = sql.Identifier(connection.info.dbname)
    connection.execute(sql.SQL("grant create on database {} to btl_owner").format(database))
    connection.execute("set role btl_owner")
    connection.execute((EXAMPLE / "schema.sql").read_bytes())
    connection.execute("reset role")

    def run() -> object:
        result = subprocess.run(
            [
                *(sys.executable, str(Path(__file__).with_name("run_task.py"))),
                *(str(EXAMPLE), "night_comments", "compute"),
            ],
            env=airflow_environment
            | {
                "AIRFLOW_CONN_BTL": connection_json(as_role("btl_scheduler")),
                "PYTHONPATH": str(ROOT),
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout.splitlines()[-1])

    for _ in range(2):
        assert run() == {"articles": 2}
        with psycopg.connect(as_role("btl_reader")) as reader:
            assert reader.execute(
                "select article_id, comments, night_comments from newsroom.night_comments order by"
                " article_id"
            ).fetchall() == [("a", 4, 2), ("b", 1, 0)]
            assert reader.execute(
                "select night_share from newsroom.night_share order by article_id"
            ).fetchall() == [(0.5,), (0.0,)]
