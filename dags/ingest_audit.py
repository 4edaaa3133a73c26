"""**Audits the ingest and the metrics**: does everything that was read add up, are the figures what
the rows give.

The ledger of every partition must be contiguous and every row of it must add up; positions are
compared with the brokers' logs; lag, records read and dead letters by code are noted; and the
metrics of some articles, by chance, are compared with a fresh computation (`count_drift`). All of
it is kept in `ingest.audit_results`.

* **Owner:** the newsroom's data engineers.
* **Writes:** `ingest.audit_results`.
* **Safe to run again:** yes, at any time.
* **If it fails:** something does not add up; its error says what, and which command helps. A lag is
  no failure.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import CronTriggerTimetable, dag, task

from btl_airflow.alerts import alert


@dag(
    dag_id="ingest_audit",
    description="Audits ledger, positions and dead letters, and a sample of the figures.",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("40 * * * *", timezone="UTC"),
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
    tags=["below-the-line", "ingest", "quality"],
)
def ingest_audit() -> None:
    """One task."""

    @task(execution_timeout=timedelta(minutes=30))
    def audit() -> dict[str, Any]:
        """Audit and keep what was seen; returns how many lines of each kind."""
        from airflow.sdk.exceptions import AirflowFailException

        from below_the_line.accounting.hourly_audit import AuditFailedError, audit_and_record
        from below_the_line.database.connections import connect
        from below_the_line.settings import from_environment
        from btl_airflow.connections import database_url

        with connect(
            database_url(), application_name="ingest_audit", autocommit=True
        ) as connection:
            recorded = audit_and_record(connection, from_environment())
        if recorded.may_pass:
            # The brokers may be there in a moment: tried again like any fault.
            raise AuditFailedError(recorded.wrong)
        if recorded.wrong:
            # Trying again mends nothing: at once, so that somebody hears of it.
            raise AirflowFailException(str(AuditFailedError(recorded.wrong)))
        return recorded.as_dict()

    audit()


ingest_audit()
