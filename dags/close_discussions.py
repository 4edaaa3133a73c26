"""**Closes discussions whose window has ended, by event time.**

Waits until everything that was produced before this run is in the tables (the barrier), then applies windows up to that time
less `BTL_CLOSE_DELAY`: of articles whose events or rules changed, and of those that are due by the clock. Articles whose
window changed are marked, so that `article_metrics` computes their figures again.

* **Owner:** the newsroom's data engineers.
* **Writes:** `discussion.windows`, `discussion.window_intervals`, `ingest.barriers`, marks in `ingest.dirty_articles`.
* **Safe to run again:** yes, at any time, also twice at once or after missed runs: windows are a function of events, rules
  and time; a second run changes nothing. `closed_at` is the end of the window, whenever this ran.
* **If `wait_for_ingest` fails:** nothing was closed on missing data. Its message names the partition that lags, by how much,
  and the likely cure. The next run tries again by itself.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import CronTriggerTimetable, dag, task

from btl_airflow.sensors import IngestBarrierSensor


@dag(
    dag_id="close_discussions",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("*/5 * * * *", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    default_args={
        "owner": "newsroom-data",
        "retries": 3,
        "retry_delay": timedelta(seconds=10),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=2),
    },
    tags=["below-the-line", "closing"],
)
def close_discussions() -> None:
    """Barrier, then windows."""

    @task(execution_timeout=timedelta(minutes=30))
    def apply_windows(barrier_id: int) -> dict[str, Any]:
        """Apply windows behind the barrier; returns what changed."""
        from below_the_line.closing.windows import apply_barrier
        from below_the_line.database.connections import connect
        from btl_airflow.connections import database_url

        with connect(database_url(), application_name="close_discussions") as connection:
            return apply_barrier(connection, barrier_id).as_dict()

    apply_windows(IngestBarrierSensor(task_id="wait_for_ingest").output)


close_discussions()
