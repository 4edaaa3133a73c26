"""**Audits the ingest and the metrics**: does everything that was read add up, and do the figures
match the rows?

The ledger of every partition must be contiguous, and every row of it must add up. Positions are
compared with the brokers' logs. Lag, records read and dead letters by code are recorded. The
metrics of some random articles are compared with a fresh computation (`count_drift`). All of it is
in `ingest.audit_results`.

* **Owner:** the newsroom's data engineers.
* **Writes:** `ingest.audit_results`.
* **Safe to run again:** yes, at any time.
* **If it fails:** something does not add up. Its error says what, and which command helps. A lag is
  not a failure.
"""

from typing import Any

from airflow.sdk import CronTriggerTimetable, task

from btl_airflow.assets import AUDIT_RESULTS, DEAD_LETTERS, DISCUSSION, METRICS
from btl_airflow.defaults import btl_dag


@btl_dag(
    "Audits ledger, positions and dead letters, and a sample of the figures.",
    # Shortly before the clock starts article_metrics, whose marks must not wait for that.
    schedule=CronTriggerTimetable("38 * * * *", timezone="UTC"),
    tags=["ingest", "quality"],
    retries=1,
)
def ingest_audit() -> None:
    """Define the only task."""

    @task(inlets=[DISCUSSION, DEAD_LETTERS, METRICS], outlets=[AUDIT_RESULTS])
    def audit() -> dict[str, Any]:
        """Audit, and record what was found. Return how many lines of each kind."""
        from airflow.sdk.exceptions import AirflowFailException

        from below_the_line.accounting.hourly_audit import AuditFailedError, audit_and_record
        from btl_airflow.connections import connected
        from btl_airflow.settings import site_settings

        with connected("ingest_audit", autocommit=True) as connection:
            recorded = audit_and_record(connection, site_settings(connection))
        if recorded.may_pass:
            # The brokers may be there again in a moment: retry, as after any fault.
            raise AuditFailedError(recorded.wrong)
        if recorded.wrong:
            # A retry fixes nothing and would only delay the alert.
            raise AirflowFailException(str(AuditFailedError(recorded.wrong)))
        return recorded.as_dict()

    audit()


ingest_audit()
