"""Runs the sensor of close_discussions with a short patience in a process of its own; prints how it
failed.
"""

from types import SimpleNamespace
from typing import Any, cast

from airflow.sdk.exceptions import AirflowException

from btl_airflow.sensors import IngestBarrierSensor


def main() -> None:
    """Print the kind of the failure and its message."""
    context: dict[str, Any] = {"ti": SimpleNamespace(id="attempt"), "run_id": "run"}
    sensor = IngestBarrierSensor(
        task_id="wait_for_ingest", mode="poke", poke_interval=0.2, timeout=1
    )
    try:
        sensor.execute(cast("Any", context))
    except AirflowException as error:
        print(f"FAILED {type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
