"""**Computes the metrics of articles about which something new is known.**

Consumers and `close_discussions` mark articles in `ingest.dirty_articles`. As soon as there are
marks (Postgres notifies, a trigger looks), and at least every ten minutes, this takes them and
computes all rows of those articles from the base tables; then the days of sections and sites, and
the reporters, whose figures that changed. A run goes on, for five minutes or little more, while new
marks come: to start one takes Airflow seconds.

* **Owner:** the newsroom's data engineers.
* **Writes:** all tables of schema `metrics`. Days are those of `BTL_SITE_TIMEZONE`.
* **Safe to run again:** yes, at any time, also twice at once: a row is a function of the base
  tables. Marks are taken in the transaction that writes the rows; if a run fails they stay, and the
  next run takes them.
* **If it fails:** its error names the articles that could not be computed, and why. All others are
  done: a bucket that fails (or takes more than five minutes) is computed again article by article.
  The named ones keep their figures and marks, and every attempt and every run tries them again. Any
  other error (no connection, no right) ends the attempt; nothing is lost, the next one goes on.
  When the last attempt has failed `BTL_ALERT_URL` is told.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable, dag, task

from btl_airflow.alerts import alert
from btl_airflow.assets import MARKED_ARTICLES

FOLLOW_SECONDS = 300.0
"""As long a run goes on while new marks come; the next one waits, and begins where it ends."""
IDLE_SECONDS = 5.0
"""A run ends when no consumer has told of marks for so long."""


@dag(
    dag_id="article_metrics",
    description="Computes the figures of articles as events come in.",
    doc_md=__doc__,
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable("*/10 * * * *", timezone="UTC"), assets=[MARKED_ARTICLES]
    ),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    default_args={
        "owner": "newsroom-data",
        "retries": 3,
        "retry_delay": timedelta(seconds=5),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=2),
        "on_failure_callback": alert,
    },
    tags=["below-the-line", "metrics"],
)
def article_metrics() -> None:
    """One task."""

    @task(execution_timeout=timedelta(minutes=30))
    def recompute() -> dict[str, Any]:
        """Compute the metrics of articles that are marked, and of those that are marked meanwhile;
        returns how many.
        """
        from below_the_line.database.connections import connect
        from below_the_line.metrics.listen_loop import follow_marks
        from below_the_line.settings import from_environment
        from btl_airflow.connections import database_url

        with connect(database_url(), application_name="article_metrics") as connection:
            done = follow_marks(
                connection,
                most_seconds=FOLLOW_SECONDS,
                idle_seconds=IDLE_SECONDS,
                time_zone=from_environment().site_timezone,
            )
            return done.as_dict()

    recompute()


article_metrics()
