"""**Checks base and metric tables with Great Expectations**, and keeps figures from becoming final
while they are wrong.

The expectations are in `sql/quality` and in `below_the_line/quality/checks.py`: figures add up,
rows are as their events say, metrics are fresh, yesterday is like the weeks before. The results,
with example rows, are in `metrics.quality_results`, in the task's log, and in the Data Docs, whose
path the log names.

* **Owner:** the newsroom's data engineers.
* **Writes:** `metrics.quality_results`, and pages below `BTL_QUALITY_HOME`. Changes no figure.
* **Safe to run again:** yes, at any time; runs wait for each other.
* **If it fails:** expectations of severity `fail` are not met. The error names them, shows rows,
  and says what to do. Until a run passes, `close_discussions` makes no figures final. A failure
  that is a day old, with no run since, blocks nothing any more. The log names unmet expectations of
  severity `warn`, too; they block nothing.
"""

from typing import Any

from airflow.sdk import CronTriggerTimetable, task

from btl_airflow.assets import DISCUSSION, METRICS, QUALITY_RESULTS
from btl_airflow.defaults import btl_dag


@btl_dag(
    "Checks base and metric tables with Great Expectations.",
    schedule=CronTriggerTimetable("20 * * * *", timezone="UTC"),
    tags=["quality"],
    retries=1,
)
def data_quality() -> None:
    """Define the only task."""

    @task(inlets=[DISCUSSION, METRICS], outlets=[QUALITY_RESULTS])
    def check(run_id: str | None = None) -> dict[str, Any]:
        """Check everything. Return how many expectations there are, and how many only warn."""
        from airflow.sdk.exceptions import AirflowFailException

        from below_the_line.quality.gate import GateFailedError, run_gate
        from btl_airflow.connections import database_url
        from btl_airflow.settings import settings

        outcome = run_gate(database_url(), settings().quality_folder(), run_id or "by hand")
        if outcome.failed:
            # A retry fixes nothing and would only delay the alert.
            raise AirflowFailException(str(GateFailedError(outcome)))
        return {"expectations": len(outcome.results), "warned": len(outcome.warned)}

    check()


data_quality()
