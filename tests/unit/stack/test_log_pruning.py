"""Airflow deletes no logs of tasks itself: `btl up` deletes old ones."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from btl.stack import airflow
from btl.stack.layout import Layout

NOW = datetime(2026, 5, 31, tzinfo=UTC)


def log(layout: Layout, name: str, age: timedelta) -> Path:
    path = layout.airflow / "logs" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")
    for each in (path, path.parent):
        os.utime(each, times=((NOW - age).timestamp(),) * 2)
    return path


def test_old_logs_go_with_their_folders_and_the_others_stay(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    old = log(layout, "dag_id=a/run_id=1/attempt=1.log", timedelta(days=31))
    log(layout, "dag_id=b/run_id=1/attempt=1.log", timedelta(days=31))
    new = log(layout, "dag_id=b/run_id=2/attempt=1.log", timedelta(days=29))
    assert airflow.prune_logs(layout, 30, NOW) == 2
    assert not old.parent.exists()
    assert new.read_text() == "x"
    assert [path.name for path in new.parent.parent.iterdir()] == ["run_id=2"]
    assert airflow.prune_logs(layout, 30, NOW) == 0


def test_where_there_are_no_logs_there_is_nothing_to_delete(tmp_path: Path) -> None:
    assert airflow.prune_logs(Layout(tmp_path), 30, NOW) == 0
