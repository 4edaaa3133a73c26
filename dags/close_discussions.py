"""**Closes discussions whose window has ended, by event time.**

Waits until everything that was produced before this run is in the tables (the barrier), then
applies windows up to that time less `BTL_CLOSE_DELAY`: of articles whose events, rules or comments
changed, and of those that are due by the clock. Articles whose window changed are marked, so that
`article_metrics` computes their figures again. What changed is told to the site: in the same
transaction as an event in the outbox, then to the topic `discussion-events`
(docs/discussion-events.md).

* **Owner:** the newsroom's data engineers.
* **Writes:** `discussion.windows`, `discussion.window_intervals`, `discussion.state_changes`,
  `discussion.told_events`, `ingest.outbox`, `ingest.barriers`, marks in `ingest.dirty_articles`;
  the topic `discussion-events`.
* **Safe to run again:** yes, every task, at any time, also twice at once, after missed runs, or
  after one that was killed: windows are a function of events, rules and time; a second run changes
  nothing and tells nothing twice. `closed_at` is the end of the window, whenever this ran. A run
  for a past interval (a backfill, a cleared task) does what the present needs: it takes a new
  barrier, and leaves the same rows as any other run now.
* **If `wait_for_ingest` fails:** nothing was closed on missing data. Its message names the
  partition that lags, by how much, and the likely cure. The next run tries again by itself.
* **If `apply_windows` fails:** every bucket of articles is done or not begun. The next run goes on
  where it stopped.
* **If `publish_outbox` fails:** the broker was away for two minutes, four times over. Its message
  says how many events wait, and since when. They stay in the outbox; every run sends what is
  pending, also one whose barrier was not passed.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import CronTriggerTimetable, dag, task

from btl_airflow.alerts import alert
from btl_airflow.sensors import IngestBarrierSensor


@dag(
    dag_id="close_discussions",
    description="Closes discussions by event time, behind a barrier, and tells the site.",
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
        "on_failure_callback": alert,
    },
    tags=["below-the-line", "closing"],
)
def close_discussions() -> None:
    """Barrier, windows, then the outbox."""

    @task(execution_timeout=timedelta(minutes=30))
    def apply_windows(barrier_id: int) -> dict[str, Any]:
        """Apply windows behind the barrier; returns what changed."""
        from below_the_line.closing.windows import apply_barrier
        from below_the_line.database.connections import connect
        from btl_airflow.connections import database_url

        with connect(database_url(), application_name="close_discussions") as connection:
            return apply_barrier(connection, barrier_id).as_dict()

    @task(execution_timeout=timedelta(minutes=15), trigger_rule="all_done")
    def publish_outbox() -> dict[str, Any]:
        """Send what is pending; returns how many events."""
        from below_the_line.closing.outbox import publish_outbox as publish
        from below_the_line.database.connections import connect
        from below_the_line.settings import from_environment
        from btl_airflow.connections import database_url

        with connect(database_url(), application_name="close_discussions outbox") as connection:
            return publish(connection, from_environment()).as_dict()

    # Sends what is pending whatever became of the barrier; "finished" keeps that from making a
    # failed run look well.
    applied = apply_windows(IngestBarrierSensor(task_id="wait_for_ingest").output)
    published = publish_outbox()
    finished = EmptyOperator(task_id="finished", execution_timeout=timedelta(minutes=1))
    applied >> published
    [applied, published] >> finished


close_discussions()
