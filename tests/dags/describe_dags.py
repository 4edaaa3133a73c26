"""Parses the DAGs folder in a process of its own and prints what it found, as JSON."""

import json
import sys
from pathlib import Path
from typing import Any


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
