"""Runs a task's function in a process of its own, without a metadata database. Arguments: folder of
DAGs, DAG, task, and as JSON the parameters of its run, if it takes any. Prints what it returns, as
JSON.
"""

import json
import sys
from typing import Any

from airflow.dag_processing.dagbag import DagBag


def main(folder: str, dag_id: str, task_id: str, params: str | None = None) -> None:
    """Parse the folder, and call the function."""
    bag = DagBag(dag_folder=folder)
    assert bag.import_errors == {}
    task: Any = bag.dags[dag_id].get_task(task_id)
    given = {} if params is None else {"params": json.loads(params)}
    print(json.dumps(task.python_callable(**given)))


if __name__ == "__main__":
    main(*sys.argv[1:])
