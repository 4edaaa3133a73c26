"""**Carries out erasures that are recorded and not completed**: those that came as events
(`commenter.erased`), were imported, or were interrupted.

Consumers apply an erasure to whatever they read from the moment on at which it is recorded. This
DAG wipes what was in the tables before.

* **Owner:** the newsroom's data engineers.
* **Writes:** `ingest.erasures`, `discussion.*`, `ingest.dead_letters`, people in `metrics.*`, marks
  for `article_metrics`. It uses the Airflow connection `btl_erase`, with the role of that name, and
  `BTL_ERASURE_KEY`.
* **Safe to run again:** yes, at any time, beside running consumers and `btl erase`. A run that was
  killed is repeated, and ends the same.
* **If it fails:** nothing is brought back meanwhile. The error says what is in the way: the key, or
  a session that holds rows. The next run goes on where it stopped.
"""

from datetime import timedelta
from typing import Any

from airflow.sdk import CronTriggerTimetable, task

from btl_airflow.assets import DISCUSSION
from btl_airflow.defaults import btl_dag


@btl_dag(
    "Carries out erasures that came by events, were imported or interrupted.",
    schedule=CronTriggerTimetable("*/10 * * * *", timezone="UTC"),
    tags=["erasure"],
    retries=2,
)
def apply_erasures() -> None:
    """Define the only task."""

    @task(execution_timeout=timedelta(hours=6), inlets=[DISCUSSION], outlets=[DISCUSSION])
    def apply() -> dict[str, Any]:
        """Carry out what is pending. Return the number of erasures, and of rows by place."""
        from btl_airflow.erasure import carry_out_pending

        return carry_out_pending()

    apply()


apply_erasures()
