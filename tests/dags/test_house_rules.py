"""Every DAG: says who owns it, what it does and that it may be run again; retries; never piles up;
parses quickly.
"""

import json
import subprocess
import sys
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
import typer
from jsonschema_rs import Draft202012Validator
from typer.main import get_command

from below_the_line.contracts.codes import STAGES
from btl.cli.main import app
from consumers.core.dead_letters import CAN_BE_REDRIVEN
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
    # Runs that wait for people must not keep the others from being seen.
    assert dag["max_active_runs"] == (16 if dag_id == "erase_commenter" else 1)
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
    assert list(params) == [
        "code",
        "topic",
        "article",
        "source",
        "event_type",
        "event_id",
        "since",
        "until",
        "status",
        "dry_run",
    ]
    assert params["status"]["schema"]["items"]["enum"] == list(CAN_BE_REDRIVEN)
    assert (
        params["code"]["schema"]["items"]["enum"]
        == params["code"]["schema"]["examples"]
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
    assert list(dag["params"]) == ["articles", "published_since", "published_until", "buckets"]


def test_a_backfill_of_days_has_a_run_for_each_day_asked_for_in_every_time_zone(
    dags: dict[str, dict[str, Any]],
) -> None:
    backfills = dags["daily_metrics"]["partitions"]["backfills"]
    assert len(backfills) == 4
    for keys in backfills.values():
        assert keys == ["2026-10-24", "2026-10-25", "2026-10-26"]


def test_a_day_has_just_ended_in_the_last_time_zone_when_its_run_begins(
    dags: dict[str, dict[str, Any]],
) -> None:
    key, begins = dags["daily_metrics"]["partitions"]["next"]
    ends = [
        datetime.combine(date.fromisoformat(key) + timedelta(days=1), time(), ZoneInfo(zone))
        for zone in available_timezones()
    ]
    assert max(ends) == datetime.fromisoformat(begins)


@pytest.mark.parametrize(
    ("dag_id", "command", "only_here"),
    [
        ("rebuild_metrics", ("metrics", "rebuild"), {"buckets"}),
        ("daily_metrics", ("metrics", "backfill"), set()),
        ("redrive_dead_letters", ("dead-letters", "redrive"), set()),
        ("erase_commenter", ("erase",), set()),
    ],
)
def test_parameters_have_the_names_of_the_options_of_the_command(
    dags: dict[str, dict[str, Any]], dag_id: str, command: tuple[str, ...], only_here: set[str]
) -> None:
    found: Any = get_command(app)
    for name in command:
        _, found, _ = found.resolve_command(typer.Context(found), [name])
    options = {name.lstrip("-").replace("-", "_") for each in found.params for name in each.opts}
    assert set(dags[dag_id]["params"]) - options == only_here


@pytest.mark.parametrize("dag_id", DAG_IDS)
def test_a_dag_says_what_it_reads_and_writes_so_that_others_can_follow_it(
    dags: dict[str, dict[str, Any]], dag_id: str
) -> None:
    tasks = dags[dag_id]["tasks"]
    assert any(task["inlets"] for task in tasks)
    assert any(task["outlets"] for task in tasks)


def test_the_metrics_have_an_asset_that_is_written_when_they_are_computed(
    dags: dict[str, dict[str, Any]],
) -> None:
    outlets = {
        (dag_id, task["task_id"], name)
        for dag_id, dag in dags.items()
        for task in dag["tasks"]
        for name in task["outlets"]
    }
    assert {each for each in outlets if each[2] in ("metrics", "days")} == {
        ("article_metrics", "recompute", "metrics"),
        ("rebuild_metrics", "finish", "metrics"),
        ("daily_metrics", "rebuild_days", "days"),
    }


@pytest.mark.parametrize("dag_id", DAG_IDS)
def test_a_form_shows_its_fields_and_asks_for_nothing(
    dags: dict[str, dict[str, Any]], dag_id: str
) -> None:
    for name, param in dags[dag_id]["params"].items():
        assert param["description"], name
        assert param["schema"]["title"], name
        # Airflow's form opens no section but its own.
        assert "section" not in param["schema"], name
        Draft202012Validator(param["schema"]).validate(param["default"])
        if param["schema"]["type"] not in ("boolean", "integer"):
            # What the form sends for a field that was filled and emptied again.
            Draft202012Validator(param["schema"]).validate(None)


def test_metrics_follow_marks_or_the_clock(dags: dict[str, dict[str, Any]]) -> None:
    assert dags["article_metrics"]["timetable"] == "AssetOrTimeSchedule"
    assert dags["close_discussions"]["timetable"] == "CronTriggerTimetable"


def test_a_status_that_cannot_be_redriven_fails_a_redrive_without_retry(
    airflow_environment: dict[str, str], dags: dict[str, dict[str, Any]]
) -> None:
    params = dict.fromkeys(dags["redrive_dead_letters"]["params"]) | {"status": ["redriven"]}
    done = subprocess.run(
        [
            *(sys.executable, str(Path(__file__).with_name("run_task.py")), str(ROOT / "dags")),
            *("redrive_dead_letters", "redrive", json.dumps(params)),
        ],
        env=airflow_environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()
    raised = [line for line in last if line.startswith("airflow.")]
    assert [line.partition(":")[0].rpartition(".")[2] for line in raised] == [
        "AirflowFailException"
    ], done.stderr
    assert "are in the tables" in raised[0]


def test_tasks_read_settings_where_a_wrong_one_fails_without_retry() -> None:
    """Alerts are sent outside of tasks: they read settings themselves and log a wrong one."""
    reading = {
        path.name
        for folder in ("btl_airflow", "dags")
        for path in (ROOT / folder).glob("*.py")
        if "from_environment" in path.read_text(encoding="utf-8")
    }
    assert reading == {"settings.py", "alerts.py"}
