"""**Closes discussions whose window has ended, by event time.**

Waits until everything that was produced before this run is in the tables (the barrier). Then it
applies windows up to that time less `BTL_CLOSE_DELAY`, to two kinds of articles: those whose
events, rules or comments changed, and those that are due by the clock. It marks articles whose
window changed, so that `article_metrics` computes their figures again. It announces each change:
first as an event in the outbox, in the same transaction, then in the topic `discussion-events`
(docs/discussion-events.md).

* **Owner:** the newsroom's data engineers.
* **Writes:** `discussion.windows`, `discussion.window_intervals`, `discussion.state_changes`,
  `discussion.told_events`, `ingest.outbox`, `ingest.barriers`, marks in `ingest.dirty_articles`;
  the topic `discussion-events`.
* **Safe to run again:** yes, every task, at any time, also twice at once, after missed runs, or
  after one that was killed. Windows depend on events, rules and time only: a second run changes
  nothing and announces nothing twice. `closed_at` is the end of the window, whenever the run came.
  A run for a past interval (a backfill, a cleared task) does what the present needs: it takes a new
  barrier, and leaves the same rows as any other run now.
* **If `wait_for_ingest` fails:** nothing was closed on missing data. Its message names the
  partition that lags, by how much, and what probably helps. The next run tries again by itself.
* **If `apply_windows` fails:** every bucket of articles is done or not begun. The next run goes on
  where it stopped.
* **If `publish_outbox` fails:** in each of four attempts the broker was away for two minutes. The
  message says how many events wait, and since when. They stay in the outbox. Every run sends the
  pending events, also a run whose barrier did not pass.
"""

from datetime import timedelta
from typing import Any, cast

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import CronTriggerTimetable, task

from btl_airflow.assets import DISCUSSION, DISCUSSION_EVENTS, WINDOWS
from btl_airflow.defaults import btl_dag
from btl_airflow.sensors import IngestBarrierSensor


@btl_dag(
    "Closes discussions by event time, behind a barrier, and announces the changes to the site.",
    schedule=CronTriggerTimetable("*/5 * * * *", timezone="UTC"),
    tags=["closing"],
    retries=3,
    first_pause=timedelta(seconds=10),
)
def close_discussions() -> None:
    """Define barrier, windows and outbox."""

    @task(inlets=[DISCUSSION], outlets=[WINDOWS])
    def apply_windows(barrier_id: int) -> dict[str, Any]:
        """Apply windows behind the barrier. Return what changed."""
        from below_the_line.closing.windows import apply_barrier
        from btl_airflow.connections import connected

        with connected("close_discussions") as connection:
            return apply_barrier(connection, barrier_id).as_dict()

    @task(
        execution_timeout=timedelta(minutes=15),
        trigger_rule="all_done",
        inlets=[WINDOWS],
        outlets=[DISCUSSION_EVENTS],
    )
    def publish_outbox() -> dict[str, Any]:
        """Send the pending events. Return how many."""
        from below_the_line.closing.outbox import publish_outbox as publish
        from btl_airflow.connections import connected
        from btl_airflow.settings import settings

        with connected("close_discussions outbox") as connection:
            return publish(connection, settings()).as_dict()

    # What an operator returns at run time has no type while the DAG is built.
    barrier_id = cast("int", IngestBarrierSensor(task_id="wait_for_ingest").output)
    applied = apply_windows(barrier_id)
    # publish_outbox runs whatever happened to the barrier; "finished" lets the run fail with it.
    published = publish_outbox()
    applied >> published
    [applied, published] >> EmptyOperator(task_id="finished")


close_discussions()
