#!/usr/bin/env bash
# Apache Airflow 3.3.2: `airflow backfill create` of a daily DAG whose schedule is in the time zone of Vienna.
#
# Expected: --from-date 2026-10-24 --to-date 2026-10-26 runs the 24th, the 25th and the 26th.
# Seen: with CronDataIntervalTimetable, the dates are read in core.default_timezone (UTC), and the runs are those
# whose logical date lies between them. East of Greenwich a day begins before midnight in UTC: the first day is
# left out, and one day alone gives "No runs to create". (West of it, it is the last day.) With
# CronPartitionTimetable, the same dates are read in the time zone of the schedule, and the days are right.
# What helps: a partitioned schedule; or times with an offset, such as 2026-10-24T00:00:00+02:00.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check \
    'apache-airflow-core==3.3.2' 'apache-airflow-providers-standard==1.21.0'
mkdir dags
cat > dags/days.py <<'PYTHON'
from datetime import UTC, datetime

from airflow.sdk import DAG, CronDataIntervalTimetable, CronPartitionTimetable

settings = {"start_date": datetime(2026, 1, 1, tzinfo=UTC)}
vienna = {"timezone": "Europe/Vienna"}
intervals = DAG("intervals", schedule=CronDataIntervalTimetable("0 0 * * *", **vienna), **settings)
keys = DAG("keys", schedule=CronPartitionTimetable("0 0 * * *", key_format="%Y-%m-%d", **vienna), **settings)
PYTHON
export AIRFLOW_HOME=$folder AIRFLOW__CORE__DAGS_FOLDER=$folder/dags AIRFLOW__CORE__LOAD_EXAMPLES=False
export PYTHONWARNINGS=ignore
venv/bin/airflow db migrate > log 2>&1
venv/bin/airflow dags reserialize >> log 2>&1
planned() {
    venv/bin/airflow backfill create --dag-id "$1" --from-date 2026-10-24 --to-date 2026-10-26 --dry-run 2>&1 |
        sed -n '/Runs to be attempted/,$p' | grep '^| *2026\|^| *|' || true
}
intervals=$(planned intervals)
keys=$(planned keys)
printf 'intervals:\n%s\nkeys:\n%s\n' "$intervals" "$keys"
one=$(venv/bin/airflow backfill create --dag-id intervals --from-date 2026-10-24 --to-date 2026-10-24 2>&1 || true)
echo "one day: $(grep -o 'No runs to create.*' <<<"$one")"
# The intervals that begin on the 25th and the 26th of October at midnight in Vienna: not that of the 24th.
grep -q '2026-10-24 22:00:00' <<<"$intervals"
[ "$(grep -c . <<<"$intervals")" -eq 2 ]
[ "$(grep -o '2026-10-2[456]  ' <<<"$keys" | tr -d '\n')" = "2026-10-24  2026-10-25  2026-10-26  " ]
grep -q 'No runs to create' <<<"$one"
echo "As described: apache-airflow-core 3.3.2"
