"""**Checks base and metric tables with Great Expectations**, and keeps figures from becoming final
while they are wrong.

What is expected is in `sql/quality` and in `below_the_line/quality/checks.py`: that figures add up,
that rows are as their events say, that metrics are fresh, that yesterday is like the weeks before.
What is found is in `metrics.quality_results`, with example rows, in the task's log, and in the Data
Docs, whose path the log names.

* **Owner:** the newsroom's data engineers.
* **Writes:** `metrics.quality_results`, and pages below `BTL_QUALITY_HOME`. Changes no figure.
* **Safe to run again:** yes, at any time; runs wait for each other.
* **If it fails:** expectations of severity `fail` are not met; the error says which, shows rows,
  and what to do. Until a run passes, `close_discussions` marks no figures final; a failure that is
  a day old, with no run since, blocks nothing any more. Those of severity `warn` are told in the
  log and block nothing.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import CronTriggerTimetable, dag, task

from btl_airflow.alerts import alert


@dag(
    dag_id="data_quality",
    description="Checks base and metric tables with Great Expectations.",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("20 * * * *", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    default_args={
        "owner": "newsroom-data",
        "retries": 1,
        "retry_delay": timedelta(seconds=30),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=2),
        "on_failure_callback": alert,
    },
    tags=["below-the-line", "quality"],
)
def data_quality() -> None:
    """One task."""

    @task(execution_timeout=timedelta(minutes=30))
    def check(run_id: str | None = None) -> dict[str, Any]:
        """Check everything; returns how many expectations are not met, by severity."""
        from airflow.sdk.exceptions import AirflowFailException

        from below_the_line.quality.gate import GateFailedError, run_gate
        from below_the_line.settings import from_environment
        from btl_airflow.connections import database_url

        outcome = run_gate(database_url(), from_environment().quality_folder(), run_id or "by hand")
        if outcome.failed:
            # Trying again mends nothing: at once, so that somebody hears of it.
            raise AirflowFailException(str(GateFailedError(outcome)))
        return {"expectations": len(outcome.results), "warned": len(outcome.warned)}

    check()


data_quality()
