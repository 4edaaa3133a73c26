"""**Deletes what is old**, as `btl retention apply` does, and Airflow's own history.

Settled dead letters, lines of the ledger (folded into one for each partition and day), the outbox,
barriers, results of checks: each has a rule with a number of days, or `never`, among the site
settings. `btl retention show` lists them with their reasons, and what is due. docs/retention.md
says what stays.

* **Owner:** the newsroom's data engineers.
* **Writes:** deletes rows of `ingest.*`, superseded rows of `discussion.state_changes`, and
  `metrics.quality_results`; as role `btl_retention`. Deletes rows of Airflow's own tables, and
  files of task logs. No figure, comment or report changes.
* **Safe to run again:** yes, at any time, also twice at once, and after a run that was killed. Each
  transaction deletes a few thousand rows; consumers do not wait for it.
* **If it fails:** what was deleted is deleted, the next run goes on. The error says which rule
  stopped: most likely another session holds its table.
* **An alert** "open ones go …" names dead letters that are deleted within seven days because nobody
  redrove or discarded them.
"""

from datetime import timedelta
from typing import Any

from airflow.sdk import CronTriggerTimetable, get_current_context, task

from btl_airflow.assets import DEAD_LETTERS, RETENTION
from btl_airflow.defaults import btl_dag


@btl_dag(
    "Deletes what is old: settled dead letters, old lines of the ledger, Airflow's history, logs.",
    # When few people read and write, and no other DAG begins.
    schedule=CronTriggerTimetable("47 2 * * *", timezone="UTC"),
    tags=["retention"],
    retries=2,
    longest_pause=timedelta(minutes=5),
)
def retention() -> None:
    """Define three tasks that do not wait for each other."""

    @task(execution_timeout=timedelta(hours=6), inlets=[DEAD_LETTERS], outlets=[RETENTION])
    def delete_old_rows() -> dict[str, int]:
        """Apply the rules. Return how many rows each has deleted."""
        from datetime import UTC, datetime

        from below_the_line.retention.deletion import delete_old
        from below_the_line.retention.rules import ALERTED_DAYS
        from below_the_line.retention.survey import announcement
        from btl_airflow.alerts import send
        from btl_airflow.connections import connected
        from btl_airflow.settings import site_settings

        with connected("retention", autocommit=True) as connection:
            settings, now = site_settings(connection), datetime.now(UTC)
            deleted = {each.rule.name: each.rows for each in delete_old(connection, settings, now)}
            soon = announcement(connection, settings, now, ALERTED_DAYS)
        if soon is not None:
            send(get_current_context(), f"Dead letters: {soon}. See them: btl dead-letters list.")
        return deleted

    @task
    def delete_airflow_history() -> list[str]:
        """Run `airflow db clean`. Return what it says of each table."""
        from datetime import UTC, datetime

        from airflow.sdk.exceptions import AirflowSkipException

        from below_the_line.settings import NEVER
        from btl_airflow.connections import connected
        from btl_airflow.history import clean_history
        from btl_airflow.settings import site_settings

        with connected("retention") as connection:
            days = site_settings(connection).retention_airflow
        if days == NEVER:
            raise AirflowSkipException("retention_airflow is never")
        return clean_history(datetime.now(UTC) - timedelta(days=days))

    @task
    def delete_old_logs() -> dict[str, Any]:
        """Delete the files of old task logs. Return how many."""
        from datetime import UTC, datetime
        from pathlib import Path

        from airflow.configuration import conf
        from airflow.sdk.exceptions import AirflowSkipException

        from below_the_line.retention.log_files import delete_old_files
        from below_the_line.settings import NEVER
        from btl_airflow.settings import settings

        days = settings().airflow_log_days
        if days == NEVER:
            raise AirflowSkipException("BTL_AIRFLOW_LOG_DAYS is never")
        folder = Path(conf.get_mandatory_value("logging", "base_log_folder"))
        before = datetime.now(UTC) - timedelta(days=days)
        return {"files": delete_old_files(folder, before), "folder": str(folder)}

    delete_old_rows()
    delete_airflow_history()
    delete_old_logs()


retention()
