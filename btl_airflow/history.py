"""Airflow's own history: what of its tables is deleted by age, and by which of its commands."""

import os
import subprocess
import sys
from datetime import datetime
from typing import Final

TABLES: Final = (
    *("asset_event", "callback", "dag_run", "dag_version", "deadline", "import_error", "job"),
    *("log", "partitioned_asset_key_log", "revoked_token", "task_instance"),
    *("task_instance_history", "task_reschedule", "task_state_store", "xcom"),
)
"""The tables whose old rows are over. Not ``trigger``: by age alone Airflow would delete triggers
that still watch, and wake nobody (findings/airflow-db-clean-live-triggers.sh). Not ``dag``: a DAG
whose file was away for a while would lose its history. Of each DAG the last run and version stay.
"""
_BATCH_ROWS = 10_000
_SECONDS = 25 * 60


def clean_history(before: datetime) -> list[str]:
    """Delete Airflow's history of before a time. Return what its command printed of that. Only
    inside a task.

    Tasks have no access to Airflow's database, so they need the connection `btl_airflow`. Raises
    AirflowSkipException if there is none.
    """
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException, AirflowSkipException

    from below_the_line.errors import BelowTheLineError
    from btl_airflow.connections import AIRFLOW_CONNECTION_ID

    try:
        database = BaseHook.get_connection(AIRFLOW_CONNECTION_ID).password
    except AirflowNotFoundException:
        raise AirflowSkipException(
            f"There is no Airflow connection {AIRFLOW_CONNECTION_ID!r}, so Airflow's own history is"
            " not deleted here: docs/retention.md says how else."
        ) from None
    # The command is Airflow's own; it reads the address that tasks are not given.
    address = dict.fromkeys(
        ("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "AIRFLOW__CORE__SQL_ALCHEMY_CONN"), database or ""
    )
    done = subprocess.run(
        [
            *(sys.executable, "-m", "airflow", "db", "clean", "--yes", "--skip-archive"),
            *("--clean-before-timestamp", before.isoformat(), "--tables", ",".join(TABLES)),
            *("--batch-size", str(_BATCH_ROWS), "--error-on-cleanup-failure"),
        ],
        env=os.environ | address,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        last = "\n".join(f"{done.stdout}\n{done.stderr}".strip().splitlines()[-20:])
        raise BelowTheLineError(
            f"`airflow db clean` failed:\n{last}",
            f"Is the password of the connection {AIRFLOW_CONNECTION_ID} the SQLAlchemy address of"
            " Airflow's database? Batches that were deleted before stay deleted.",
        )
    return [line for line in done.stdout.splitlines() if line.startswith(("Found", "Performing"))]
