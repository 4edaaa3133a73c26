#!/usr/bin/env bash
# Apache Airflow 3.3.2: `airflow db clean` while a DAG follows an asset that a trigger watches.
#
# Expected: rows of what is over are deleted. A trigger that still watches is not over, however old it is.
# Seen: triggers are deleted by the time at which they were created. The trigger of an AssetWatcher lives as long as
# its DAG, so every `db clean` that does not name its tables deletes it, and the reference of the asset with it:
# nothing starts the DAG until it is parsed again. A deferred task that waits longer than the age never wakes.
# What helps: name the tables (--tables) and leave out `trigger`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check \
    'apache-airflow-core==3.3.2' 'apache-airflow-providers-standard==1.21.0'
mkdir dags
cat > dags/follows.py <<'PYTHON'
from datetime import UTC, datetime

from airflow.providers.standard.triggers.file import FileDeleteTrigger
from airflow.sdk import DAG, Asset, AssetWatcher

watcher = AssetWatcher(name="watcher", trigger=FileDeleteTrigger(filepath="/tmp/a-file"))
follows = DAG(
    "follows",
    schedule=[Asset("watched", watchers=[watcher])],
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    is_paused_upon_creation=False,
)
PYTHON
export AIRFLOW_HOME=$folder AIRFLOW__CORE__DAGS_FOLDER=$folder/dags AIRFLOW__CORE__LOAD_EXAMPLES=False
export PYTHONWARNINGS=ignore
count() {
    venv/bin/python -c "
import sqlite3
rows = sqlite3.connect('airflow.db')
print(*(rows.execute(f'select count(*) from {table}').fetchone()[0] for table in ('trigger', 'asset_watcher')))"
}
venv/bin/airflow db migrate > log 2>&1
venv/bin/airflow dags reserialize >> log 2>&1
before=$(count)
venv/bin/airflow db clean --clean-before-timestamp "$(date -u +%Y-%m-%dT%H:%M:%S)" --skip-archive --yes >> log 2>&1
after=$(count)
venv/bin/airflow dags reserialize >> log 2>&1
again=$(count)
echo "triggers and watchers: $before   after db clean: $after   after the DAG was parsed again: $again"
[ "$before" = "1 1" ] && [ "$after" = "0 0" ] && [ "$again" = "1 1" ]
echo "As described: apache-airflow-core 3.3.2"
