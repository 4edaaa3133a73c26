"""Parses the DAGs folder in a process of its own and prints what it found, as JSON."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

ASKED = ("2026-10-24", "2026-10-26")
ZONES = ("UTC", "Europe/Vienna", "America/New_York", "Pacific/Kiritimati")
NOW = datetime(2026, 10, 24, 9, tzinfo=UTC)


def partitions(timetable: Any) -> dict[str, Any]:
    """The keys that backfills of some days get, by the time zone that their bounds are read in
    (core.default_timezone); and the key and the beginning of the next run by itself.
    """
    from airflow.sdk.timezone import coerce_datetime
    from airflow.serialization.encoders import coerce_to_core_timetable
    from airflow.timetables.base import TimeRestriction

    running = coerce_to_core_timetable(timetable)
    if not running.partitioned:
        return {}
    bounds = {
        zone: [datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone)) for day in ASKED]
        for zone in ZONES
    }
    following = running.next_dagrun_info_v2(
        last_dagrun_info=None, restriction=TimeRestriction(coerce_datetime(NOW), None, catchup=True)
    )
    return {
        "backfills": {
            zone: [
                info.partition_key
                for info in running.iter_partition_dagrun_infos(earliest=first, latest=last)
            ]
            for zone, (first, last) in bounds.items()
        },
        "next": [following.partition_key, following.run_after.isoformat()],
    }


def main() -> None:
    """Print facts about every DAG, and which of the watched modules parsing has imported."""
    from airflow.dag_processing.dagbag import DagBag

    before = set(sys.modules)
    bag = DagBag(dag_folder=sys.argv[1])
    dags: list[dict[str, Any]] = [
        {
            "dag_id": dag.dag_id,
            "file": Path(dag.fileloc).stem,
            "description": dag.description,
            "doc_md": dag.doc_md,
            "tags": sorted(dag.tags),
            "catchup": dag.catchup,
            "max_active_runs": dag.max_active_runs,
            "paused": dag.is_paused_upon_creation,
            "timetable": type(dag.timetable).__name__,
            "partitions": partitions(dag.timetable),
            "params": {
                name: {
                    "default": param.value,
                    "description": param.description,
                    "schema": param.schema,
                }
                for name, param in ((name, dag.params.get_param(name)) for name in dag.params)
            },
            "tasks": [
                {
                    "task_id": task.task_id,
                    "owner": task.owner,
                    "retries": task.retries,
                    "alerts": bool(task.on_failure_callback),
                    "backoff": bool(task.retry_exponential_backoff),
                    "bounded": task.execution_timeout is not None or hasattr(task, "poke_interval"),
                    "mode": getattr(task, "mode", None),
                    "poke_interval": getattr(task, "poke_interval", None),
                    "timeout": getattr(task, "timeout", None),
                    "downstream": sorted(task.downstream_task_ids),
                    "trigger_rule": task.trigger_rule.value,
                    "inlets": sorted(asset.name for asset in task.inlets),
                    "outlets": sorted(asset.name for asset in task.outlets),
                }
                for task in dag.tasks
            ],
        }
        for dag in bag.dags.values()
    ]
    print(
        json.dumps(
            {
                "errors": bag.import_errors,
                "dags": dags,
                "modules": sorted(set(sys.modules) - before),
            }
        )
    )


if __name__ == "__main__":
    main()
