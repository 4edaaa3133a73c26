"""Every DAG: says who owns it, what it does and that it may be run again; retries; never piles up;
parses quickly.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator

from below_the_line.contracts.codes import STAGES
from tests.dags.conftest import ROOT

DAG_IDS = sorted(path.stem for path in (ROOT / "dags").glob("*.py"))


@pytest.fixture(scope="module")
def found(airflow_environment: dict[str, str]) -> dict[str, Any]:
    """What Airflow makes of the DAGs folder."""
    result = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("describe_dags.py")), str(ROOT / "dags")],
        env=airflow_environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    facts: dict[str, Any] = json.loads(result.stdout.strip().splitlines()[-1])
    return facts


@pytest.fixture
def dags(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {dag["dag_id"]: dag for dag in found["dags"]}


def test_every_file_gives_the_dag_of_its_name(
    found: dict[str, Any], dags: dict[str, dict[str, Any]]
) -> None:
    assert found["errors"] == {}
    assert sorted(dags) == DAG_IDS
    assert {dag["file"] for dag in dags.values()} == set(DAG_IDS)
    assert {"close_discussions", "article_metrics"} <= set(DAG_IDS)


@pytest.mark.parametrize("dag_id", DAG_IDS)
def test_a_dag_keeps_the_house_rules(dags: dict[str, dict[str, Any]], dag_id: str) -> None:
    dag = dags[dag_id]
    assert "below-the-line" in dag["tags"]
    assert dag["description"]
    for said in ("**Owner:**", "**Safe to run again:**", "**Writes:**"):
        assert said in dag["doc_md"]
    assert dag["catchup"] is False
    assert dag["max_active_runs"] == 1
    assert dag["paused"] is False
    for task in dag["tasks"]:
        assert task["owner"] == "newsroom-data"
        assert task["retries"] >= 1
        assert task["backoff"]
        # Nobody sees a run that nobody started.
        assert task["alerts"] or dag["timetable"] == "NullTimetable", (
            f"{task['task_id']} fails in silence"
        )
        assert task["bounded"], f"{task['task_id']} may run for ever"


def test_parsing_imports_nothing_heavy(found: dict[str, Any]) -> None:
    packages = {name.partition(".")[0] for name in found["modules"]}
    assert not packages & {"kafka", "pandas", "great_expectations", "jsonschema_rs", "consumers"}
    # Constants only: everything else is imported by the task that needs it.
    assert {name for name in found["modules"] if name.startswith("below_the_line.")} <= {
        "below_the_line.contracts",
        "below_the_line.contracts.codes",
        "below_the_line.database",
        "below_the_line.database.channels",
    }


def test_windows_are_applied_behind_a_barrier_that_holds_no_worker(
    dags: dict[str, dict[str, Any]],
) -> None:
    tasks = {task["task_id"]: task for task in dags["close_discussions"]["tasks"]}
    sensor = tasks["wait_for_ingest"]
    assert sensor["downstream"] == ["apply_windows"]
    assert (sensor["mode"], sensor["poke_interval"]) == ("reschedule", 2)
    # Given up before the next run is due.
    assert sensor["timeout"] < 300


def test_the_outbox_is_published_whatever_became_of_the_barrier_and_hides_no_failure(
    dags: dict[str, dict[str, Any]],
) -> None:
    tasks = {task["task_id"]: task for task in dags["close_discussions"]["tasks"]}
    assert tasks["apply_windows"]["downstream"] == ["finished", "publish_outbox"]
    assert (tasks["publish_outbox"]["downstream"], tasks["publish_outbox"]["trigger_rule"]) == (
        ["finished"],
        "all_done",
    )
    assert tasks["finished"]["trigger_rule"] == "all_success"


def test_the_form_of_a_redrive_offers_every_code_and_asks_for_nothing(
    dags: dict[str, dict[str, Any]],
) -> None:
    dag = dags["redrive_dead_letters"]
    params = dag["params"]
    assert dag["timetable"] == "NullTimetable"
    assert list(params) == ["codes", "topic", "article", "since", "until", "dry_run"]
    for param in params.values():
        assert param["description"]
        assert param["schema"]["title"]
        Draft202012Validator(param["schema"]).validate(param["default"])
    assert (
        params["codes"]["schema"]["items"]["enum"]
        == params["codes"]["schema"]["examples"]
        == list(STAGES)
    )
    assert params["dry_run"]["default"] is False


def test_a_rebuild_is_cut_into_tasks_and_its_form_asks_for_nothing(
    dags: dict[str, dict[str, Any]],
) -> None:
    dag = dags["rebuild_metrics"]
    tasks = {task["task_id"]: task for task in dag["tasks"]}
    assert tasks["plan"]["downstream"] == ["rebuild_bucket"]
    assert tasks["rebuild_bucket"]["downstream"] == ["finish"]
    assert tasks["finish"]["trigger_rule"] == "none_failed"
    assert list(dag["params"]) == ["ids", "published_since", "published_until", "buckets"]
    for param in dag["params"].values():
        assert param["description"]
        assert param["schema"]["title"]
        Draft202012Validator(param["schema"]).validate(param["default"])


def test_days_can_be_computed_anew_by_a_backfill(dags: dict[str, dict[str, Any]]) -> None:
    assert dags["daily_metrics"]["timetable"] == "CronDataIntervalTimetable"


def test_metrics_follow_marks_or_the_clock(dags: dict[str, dict[str, Any]]) -> None:
    assert dags["article_metrics"]["timetable"] == "AssetOrTimeSchedule"
    assert dags["close_discussions"]["timetable"] == "CronTriggerTimetable"
