"""**Computes the metrics of articles that have new events.**

Consumers and `close_discussions` mark articles in `ingest.dirty_articles`. A run begins as soon as
there are marks (Postgres notifies a trigger), and at least every ten minutes. It takes the marks
and computes all rows of those articles from the base tables. Then it computes the days of sections
and sites, and the reporters, whose figures changed. A run goes on while new marks come, for five
minutes or a little more, because Airflow needs seconds to start one.

* **Owner:** the newsroom's data engineers.
* **Writes:** all tables of schema `metrics`. Days are those of the site's time zone.
* **Safe to run again:** yes, at any time, also twice at once. A row depends on the base tables
  only. A run takes marks in the transaction that writes the rows: if it fails they stay, and the
  next run takes them.
* **If events do not start it:** the clock does, every ten minutes. Such a run sends an alert if it
  finds marks that have waited for more than three minutes.
* **If it fails:** its error names the articles that could not be computed, and why. All others are
  done: a bucket that fails, or takes more than five minutes, is computed again article by article.
  The named articles keep their figures and marks, and every attempt and every run tries them again.
  Any other error (no connection, no right) ends the attempt. Nothing is lost, the next attempt goes
  on. After the last attempt an alert goes to `BTL_ALERT_URL`.
"""

from datetime import timedelta
from typing import Any

from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable, task

from btl_airflow.assets import DISCUSSION, MARKED_ARTICLES, METRICS, WINDOWS
from btl_airflow.defaults import btl_dag

FOLLOW_SECONDS = 300.0
"""How long a run goes on while new marks come; the next run waits, and begins where it ends."""
IDLE_SECONDS = 5.0
"""A run ends when no consumer has announced marks for this long."""


@btl_dag(
    "Computes the figures of articles as events come in.",
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable("*/10 * * * *", timezone="UTC"), assets=[MARKED_ARTICLES]
    ),
    tags=["metrics"],
    retries=3,
    first_pause=timedelta(seconds=5),
)
def article_metrics() -> None:
    """Define the only task."""

    @task(inlets=[MARKED_ARTICLES, DISCUSSION, WINDOWS], outlets=[METRICS])
    def recompute(dag_run: Any = None) -> dict[str, Any]:
        """Compute the metrics of articles that are marked, or become marked meanwhile. Return how
        many.
        """
        from airflow.sdk import get_current_context

        from below_the_line.metrics.listen_loop import follow_marks
        from btl_airflow.alerts import alert_if_late
        from btl_airflow.connections import connected
        from btl_airflow.settings import site_time_zone

        with connected("article_metrics") as connection:
            if dag_run is not None and dag_run.run_type == "scheduled":
                # Events should have started a run long before the clock does.
                alert_if_late(connection, get_current_context())
            return follow_marks(
                connection,
                max_seconds=FOLLOW_SECONDS,
                idle_seconds=IDLE_SECONDS,
                time_zone=site_time_zone(connection),
            ).as_dict()

    recompute()


article_metrics()
